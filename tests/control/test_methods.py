"""Every method: what the session is asked, what is answered, what is refused."""

from base64 import b64encode

from twisted.internet.defer import Deferred, fail

from tests.control.case import ControlCase, request
from txtorrent.control.methods import METHODS
from txtorrent.errors import Code

HASH = "0" * 39 + "2"
DONE = {}


class Actions(ControlCase):
    def test_each(self):
        for method, expected in [
            ("torrent_start", ("start", [1, 2], False)),
            ("torrent_start_now", ("start", [1, 2], True)),
            ("torrent_stop", ("stop", [1, 2])),
            ("torrent_verify", ("verify", [1, 2])),
            ("torrent_reannounce", ("reannounce", [1, 2])),
            ("queue_move_top", ("queue_move", [1, 2], "top")),
            ("queue_move_up", ("queue_move", [1, 2], "up")),
            ("queue_move_down", ("queue_move", [1, 2], "down")),
            ("queue_move_bottom", ("queue_move", [1, 2], "bottom")),
        ]:
            self.assertEqual(self.result(method, ids=[1, HASH]), DONE)
            self.assertEqual(self.session.calls.pop(), expected)

    def test_started_in_the_order_of_the_queue(self):
        self.session.find(1).queue_position = 9
        self.result("torrent_start")
        self.assertEqual(self.session.calls, [("start", [2, 3, 1], False)])

    def test_ids(self):
        for ids, expected in [
            (2, [2]),
            (HASH, [2]),
            (HASH.upper(), [2]),
            ([3, 3, HASH], [3, 2]),
            ([], None),
            ("recently_active", None),
        ]:
            self.result("torrent_stop", ids=ids)
            self.assertEqual(self.session.calls, [("stop", expected)] if expected else [])
            self.session.calls.clear()

    def test_none_given_are_all(self):
        self.result("torrent_stop")
        self.assertEqual(self.session.calls, [("stop", [1, 2, 3])])

    def test_null_is_not_all(self):
        code, _ = self.error("torrent_remove", ids=None)
        self.assertEqual((code, self.session.calls), (Code.INVALID_PARAMS, []))

    def test_unknown_ids_change_nothing(self):
        for unknown in (99, "f" * 40, "no hash"):
            code, text = self.error("torrent_stop", ids=[1, unknown])
            self.assertEqual(code, Code.INVALID_PARAMS)
            self.assertIn(repr(unknown), text)
        self.assertEqual(self.session.calls, [])

    def test_old_clients_expect_them_to_be_passed_over(self):
        self.assertEqual(self.legacy("torrent-stop", ids=[1, 99])["result"], "success")
        self.assertEqual(self.session.calls, [("stop", [1])])

    def test_recently_active(self):
        self.session.told(self.session.find(2), rate_upload=5.0)
        self.result("torrent_stop", ids="recently_active")
        self.assertEqual(self.session.calls, [("stop", [2])])


class Remove(ControlCase):
    def test_data_stays_unless_told(self):
        self.result("torrent_remove", ids=1)
        self.result("torrent_remove", ids=2, delete_local_data=True)
        self.assertEqual(self.session.calls, [("remove", [1], False), ("remove", [2], True)])

    def test_those_gone_are_told(self):
        self.result("torrent_remove", ids=2)
        found = self.result("torrent_get", ids="recently_active", fields=["id"])
        self.assertEqual(found, {"torrents": [], "removed": [2]})


class Get(ControlCase):
    def test_unknown_fields_and_ids_are_passed_over(self):
        found = self.result("torrent_get", ids=[1, 99], fields=["id", "shoe_size", "id"])
        self.assertEqual(found, {"torrents": [{"id": 1}]})
        found = self.result("torrent_get", ids=1, fields=["id", "x", "id"], format="table")
        self.assertEqual(found, {"torrents": [["id"], [1]]})

    def test_no_field_that_is_known(self):
        for fields in ([], ["shoe_size"]):
            self.assertEqual(self.error("torrent_get", fields=fields)[0], Code.INVALID_PARAMS)
        self.assertEqual(self.error("torrent_get"), (Code.INVALID_PARAMS, "fields: missing"))

    def test_table_of_nothing(self):
        found = self.result("torrent_get", ids=[], fields=["id"], format="table")
        self.assertEqual(found, {"torrents": [["id"]]})

    def test_details_that_cannot_be_had(self):
        torrent = self.session.find(1)
        type(torrent).details, original = (
            lambda self: fail(OSError("no disk")),
            type(torrent).details,
        )
        self.addCleanup(setattr, type(torrent), "details", original)
        found = self.result("torrent_get", ids=1, fields=["id", "files", "pieces"])
        self.assertEqual(found["torrents"], [{"id": 1, "files": [], "pieces": ""}])
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)

    def test_details_that_take_their_time(self):
        torrent = self.session.find(1)
        waiting: Deferred = Deferred()
        type(torrent).details, original = lambda self: waiting, type(torrent).details
        self.addCleanup(setattr, type(torrent), "details", original)
        connection = self.connect()
        arguments = {"ids": 1, "fields": ["files"]}
        connection.send(request(body={"method": "torrent-get", "arguments": arguments}))
        connection.turn()
        self.assertEqual(connection.transport.value(), b"")
        waiting.callback(torrent.fake_details)
        connection.turn()
        self.assertEqual(len(connection.answer().json["arguments"]["torrents"][0]["files"]), 2)


class Set(ControlCase):
    def changed(self, **params):
        """What torrent 1 is told."""
        self.assertEqual(self.result("torrent_set", ids=1, **params), DONE)
        _, [(torrent_id, options)] = self.session.calls.pop()
        self.assertEqual(torrent_id, 1)
        return options

    def test_units(self):
        found = self.changed(download_limit=5, upload_limit=0, seed_idle_limit=30, tx_min_share=0.1)
        self.assertEqual(
            found,
            {"download_limit": 5000, "upload_limit": 0, "seed_idle_limit": 1800, "min_share": 0.1},
        )

    def test_each_option(self):
        options = {
            "bandwidth_priority": -1,
            "download_limited": True,
            "group": "slow",
            "honors_session_limits": False,
            "peer_limit": 3,
            "queue_position": 1,
            "seed_idle_mode": 2,
            "seed_ratio_limit": 1.5,
            "seed_ratio_mode": 1,
            "sequential_download": True,
            "sequential_download_from_piece": 5,
            "upload_limited": False,
        }
        self.assertEqual(self.changed(**options), options)

    def test_files(self):
        found = self.changed(files_wanted=[0], files_unwanted=[1], priority_high=[])
        self.assertEqual(found, {"files_wanted": (0,), "files_unwanted": (1,), "priority_high": ()})

    def test_labels(self):
        self.assertEqual(self.changed(labels=["a ", "b"]), {"labels": ("a", "b")})
        self.assertEqual(self.changed(labels=[]), {"labels": ()})

    def test_all_or_none(self):
        self.session.find(3).file_count = 1
        for params, code in [
            ({"files_wanted": [1]}, Code.FILE_INDEX),
            ({"priority_low": [1]}, Code.FILE_INDEX),
            ({"sequential_download_from_piece": 6}, Code.PIECE_INDEX),
            ({"bandwidth_priority": 2}, Code.INVALID_PARAMS),
            ({"seed_ratio_mode": 3}, Code.INVALID_PARAMS),
            ({"labels": ["a,b"]}, Code.INVALID_PARAMS),
            ({"peer_limit": "many"}, Code.INVALID_PARAMS),
            ({"tracker_list": "ftp://x/"}, Code.TRACKER_LIST),
            ({"tracker_add": ["nonsense"]}, Code.ANNOUNCE_LIST),
            ({"location": "here"}, Code.PATH_NOT_ABSOLUTE),
            ({"tx_min_share": 1.5}, Code.INVALID_PARAMS),
        ]:
            self.assertEqual(
                self.error("torrent_set", **({"labels": ["x"]} | params))[0], code, params
            )
        self.assertEqual(self.session.calls, [])

    def test_location(self):
        self.result("torrent_set", ids=1, location="/srv/new")
        self.assertEqual(self.session.calls, [("set_location", [1], "/srv/new", True)])

    def test_nothing(self):
        self.assertEqual(self.result("torrent_set", ids=1), DONE)
        self.assertEqual(self.session.calls, [])

    def test_trackers_of_each(self):
        self.session.find(2).trackers = []
        self.result("torrent_set", ids=[1, 2], tracker_add=["http://new.example/a"])
        _, changes = self.session.calls.pop()
        self.assertEqual([len(options["trackers"]) for _, options in changes], [3, 1])


class Add(ControlCase):
    metainfo = b64encode(b"d4:infodee").decode()

    def test_metainfo(self):
        found = self.result("torrent_add", metainfo=self.metainfo, paused=True)
        self.assertEqual(
            found, {"torrent_added": {"id": 4, "name": "added", "hash_string": "0" * 39 + "4"}}
        )
        self.assertEqual(self.session.calls, [("add", b"d4:infodee", {"paused": True})])

    def test_duplicate(self):
        self.result("torrent_add", metainfo=self.metainfo)
        found = self.legacy("torrent-add", metainfo=self.metainfo)
        self.assertEqual(found["result"], "success")
        self.assertEqual(found["arguments"]["torrent-duplicate"]["hashString"], "0" * 39 + "4")

    def test_sources(self):
        for filename, expected in [
            ("magnet:?xt=urn:btih:x", "magnet:?xt=urn:btih:x"),
            ("http://example.org/x.torrent", "http://example.org/x.torrent"),
            (" /srv/x.torrent ", "/srv/x.torrent"),
            ("A" * 40, "magnet:?xt=urn:btih:" + "a" * 40),
            ("b" * 32, "magnet:?xt=urn:btih:" + "08421084210842108421" * 2),
        ]:
            self.result("torrent_add", filename=filename, metainfo=self.metainfo)
            self.assertEqual(self.session.calls.pop()[1], expected)

    def test_options(self):
        self.result(
            "torrent_add",
            metainfo=self.metainfo,
            download_dir="/srv/x",
            cookies="a=b",
            labels=["tv"],
            peer_limit=9,
            files_unwanted=[7],
            bandwidth_priority=1,
            tx_min_share=None,
            seed_ratio_limit=3,
        )
        self.assertEqual(
            self.session.calls.pop()[2],
            {
                "directory": "/srv/x",
                "cookies": "a=b",
                "labels": ("tv",),
                "peer_limit": 9,
                "files_unwanted": (7,),
                "bandwidth_priority": 1,
                "min_share": None,
            },
        )

    def test_an_empty_directory_is_none(self):
        self.result("torrent_add", metainfo=self.metainfo, download_dir="")
        self.assertEqual(self.session.calls.pop()[2], {})

    def test_refused(self):
        junk = b64encode(b"junk").decode()
        for params, code in [
            ({}, Code.INVALID_PARAMS),
            ({"filename": ""}, Code.INVALID_PARAMS),
            ({"metainfo": "!!"}, Code.UNRECOGNIZED_INFO),
            ({"metainfo": junk}, Code.CORRUPT_TORRENT),
            ({"metainfo": self.metainfo, "download_dir": "x"}, Code.PATH_NOT_ABSOLUTE),
            ({"metainfo": self.metainfo, "labels": [5]}, Code.INVALID_PARAMS),
            ({"filename": "http://x/" + "y" * 70_000}, Code.INVALID_PARAMS),
        ]:
            self.assertEqual(self.error("torrent_add", **params)[0], code, params)


class Roots(ControlCase):
    """A directory outside the allowed ones, however it is written."""

    good = ("/srv", "/srv/", "/srv/a/../b", "/data/x")
    bad = ("/", "/srv2", "/srv/../etc", "/srv/./../../etc", "//etc", "/srv/a/../../root", "/data2")

    def setUp(self):
        super().setUp()
        self.session.roots = ["/srv/", "/data"]

    def calls(self, path):
        yield "torrent_add", {"metainfo": "ZGU=", "download_dir": path}
        yield "torrent_set_location", {"ids": 1, "location": path, "move": True}
        yield "torrent_set", {"ids": 1, "location": path}
        yield "session_set", {"download_dir": path}
        yield "session_set", {"incomplete_dir": path}

    def test_inside(self):
        for path in self.good:
            for method, params in self.calls(path):
                self.result(method, **params)

    def test_outside(self):
        for path in self.bad:
            for method, params in self.calls(path):
                self.assertEqual(self.error(method, **params)[0], Code.INVALID_PARAMS, path)
        self.assertEqual(self.session.calls, [])


class Places(ControlCase):
    def test_set_location(self):
        self.result("torrent_set_location", ids=[1], location="/srv/new", move=True)
        self.result("torrent_set_location", ids=[1], location="/srv/new")
        self.assertEqual(
            self.session.calls,
            [("set_location", [1], "/srv/new", True), ("set_location", [1], "/srv/new", False)],
        )

    def test_set_location_refused(self):
        self.assertEqual(
            self.error("torrent_set_location", ids=1, location="new")[0], Code.PATH_NOT_ABSOLUTE
        )
        self.assertEqual(self.error("torrent_set_location", ids=1)[0], Code.INVALID_PARAMS)

    def test_rename_path(self):
        found = self.result("torrent_rename_path", ids=[1], path="a/b", name="c")
        self.assertEqual(found, {"id": 1, "path": "a/b", "name": "c"})
        self.assertEqual(self.session.calls, [("rename_path", [1], "a/b", "c")])

    def test_rename_path_refused(self):
        for params in (
            {"ids": [1, 2], "name": "c"},
            {"ids": [], "name": "c"},
            {"name": "c"},
            {"ids": 1, "name": ""},
            {"ids": 1, "name": ".."},
            {"ids": 1, "name": "a/b"},
        ):
            code, _ = self.error("torrent_rename_path", path="x", **params)
            self.assertEqual(code, Code.INVALID_PARAMS)

    def test_free_space(self):
        found = self.result("free_space", path="/srv/")
        self.assertEqual(found, {"path": "/srv/", "size_bytes": 5_000_000, "total_size": 9_000_000})
        legacy = self.legacy("free-space", path="/srv")["arguments"]
        self.assertEqual(legacy, {"path": "/srv", "size-bytes": 5_000_000, "total_size": 9_000_000})
        self.assertEqual(self.error("free_space", path="/none")[0], Code.SYSTEM_ERROR)
        self.assertEqual(self.error("free_space", path="srv")[0], Code.PATH_NOT_ABSOLUTE)


class Session(ControlCase):
    def test_stats(self):
        self.session.find(2).status = 0
        found = self.result("session_stats")
        self.assertEqual(
            (found["active_torrent_count"], found["paused_torrent_count"], found["torrent_count"]),
            (2, 1, 3),
        )
        self.assertEqual((found["download_speed"], found["upload_speed"]), (3000, 2000))
        self.assertEqual(
            found["current_stats"],
            {
                "uploaded_bytes": 10,
                "downloaded_bytes": 20,
                "files_added": 3,
                "seconds_active": 99,
                "session_count": 1,
            },
        )

    def test_stats_of_old(self):
        found = self.legacy("session-stats")["arguments"]
        self.assertEqual(found["activeTorrentCount"], 3)
        self.assertEqual(found["cumulative-stats"]["uploadedBytes"], 10)
        self.assertEqual(found["current-stats"]["secondsActive"], 99)

    def test_close(self):
        self.assertEqual(self.result("session_close"), DONE)
        self.assertTrue(self.session.is_closed)

    def test_blocklist(self):
        self.assertEqual(self.result("blocklist_update"), {"blocklist_size": 17})

    def test_port(self):
        found = self.result("port_test", ip_protocol="ipv4")
        self.assertEqual(found, {"port_is_open": True, "ip_protocol": "ipv4"})
        self.assertEqual(self.legacy("port-test")["arguments"]["port-is-open"], True)
        self.assertEqual(self.session.calls, [("test_port", "ipv4"), ("test_port", "")])
        self.assertEqual(self.error("port_test", ip_protocol="ipv5")[0], Code.INVALID_PARAMS)

    def test_groups(self):
        params = {
            "name": "slow",
            "speed_limit_down": 5,
            "speed_limit_down_enabled": True,
            "speed_limit_up": 6,
            "speed_limit_up_enabled": False,
            "honors_session_limits": False,
        }
        self.result("group_set", **params)
        self.assertEqual(self.session.groups["slow"].download_limit, 5000)
        self.session.groups["other"] = self.session.groups["slow"]
        self.assertEqual(self.result("group_get", name="slow"), {"group": [params]})
        self.assertEqual(self.result("group_get", name=["slow", "x"]), {"group": [params]})
        self.assertEqual(len(self.result("group_get")["group"]), 2)
        legacy = self.legacy("group-get", name="slow")["arguments"]["group"][0]
        self.assertEqual(legacy["speed-limit-down"], 5)
        self.assertEqual(legacy["honorsSessionLimits"], False)
        self.assertEqual(self.error("group_set", name=" ")[0], Code.INVALID_PARAMS)
        self.assertEqual(self.error("group_get", name=5)[0], Code.INVALID_PARAMS)


class Ours(ControlCase):
    def test_candidates(self):
        (found,) = self.result("tx_candidates_get", ids=1)["candidates"]
        self.assertEqual(
            found,
            {
                "address": "192.0.2.8",
                "port": 6881,
                "source": "pex",
                "state": "waiting",
                "failures": 2,
                "next_try": 1700000060,
            },
        )
        self.assertEqual(self.error("tx_candidates_get")[0], Code.INVALID_PARAMS)

    def test_bans(self):
        self.assertEqual(
            self.result("tx_bans_get"),
            {"bans": [{"host": "192.0.2.66", "until": 1700009999, "reason": "corrupt data"}]},
        )
        self.result("tx_ban", host="2001:DB8::1", seconds=60, reason="rude")
        self.result("tx_ban", host="192.0.2.1")
        self.result("tx_unban", hosts=["192.0.2.1"])
        self.result("tx_unban")
        self.assertEqual(
            self.session.calls,
            [
                ("ban", "2001:db8::1", 60.0, "rude"),
                ("ban", "192.0.2.1", 86400.0, "by hand"),
                ("unban", ("192.0.2.1",)),
                ("unban", None),
            ],
        )
        for host in ("example.org", "", 5, None):
            self.assertEqual(self.error("tx_ban", host=host)[0], Code.INVALID_PARAMS)

    def test_log(self):
        log = self.control.desk.api.context.log
        log({"log_format": "one {n}", "n": 1, "log_time": 1.23456})
        self.assertEqual(
            self.result("tx_log_get", count=5),
            {"lines": [{"time": 1.235, "level": "info", "text": "one 1"}]},
        )
        self.assertEqual(self.result("tx_log_get", level="error"), {"lines": []})
        legacy = self.legacy("tx-log-get")
        self.assertEqual(legacy["arguments"]["lines"][0]["text"], "one 1")


class Everything(ControlCase):
    def test_no_method_breaks_on_odd_values(self):
        """Whatever is given, it is answered or refused, and never a defect of ours."""
        odd = [None, True, -1, 1.5, 10**30, "", "x" * 5000, [], [None], {}, [[]], ["\0"], "/"]
        for name, method in METHODS.items():
            params = [*(param.name for param in method.params), "download_dir", "reqq", "tx_x"]
            for param in params:
                for value in odd:
                    answer = self.rpc(name, **{"ids": 1, "fields": ["id"], param: value})
                    code = answer.get("error", {}).get("code")
                    self.assertNotEqual(code, Code.INTERNAL_ERROR, (name, param, value))
