"""Every field of a torrent, in both dialects, with Transmission's units and shapes."""

import json

from tests.control.case import ControlCase
from tests.control.fakesession import FakeDetails, FakeFile, FakeMove
from txtorrent.control.fields import FIELDS, TOLD_BY

HASH = "0" * 39 + "1"
VALUES = {
    "activity_date": 1700000100,
    "added_date": 1700000000,
    "availability": [-1, -1, -1, -1, 2, 0],
    "bandwidth_priority": 0,
    "bytes_completed": [500, 100],
    "comment": "made for tests",
    "corrupt_ever": 0,
    "creator": "mktorrent",
    "date_created": 1600000000,
    "desired_available": 200,
    "done_date": 0,
    "download_dir": "/srv/torrents",
    "downloaded_ever": 650,
    "download_limit": 100,
    "download_limited": False,
    "edit_date": 1700000000,
    "error": 0,
    "error_string": "",
    "eta": 100,
    "eta_idle": -1,
    "file_count": 2,
    "group": "",
    "hash_string": HASH,
    "have_unchecked": 50,
    "have_valid": 600,
    "honors_session_limits": True,
    "id": 1,
    "is_finished": False,
    "is_private": False,
    "is_stalled": False,
    "labels": ["tv"],
    "left_until_done": 200,
    "magnet_link": f"magnet:?xt=urn:btih:{HASH}&dn=one"
    "&tr=http%3A%2F%2Ftracker.example.org%2Fannounce"
    "&tr=udp%3A%2F%2Fbackup.example.net%3A6969",
    "manual_announce_time": 0,
    "max_connected_peers": 50,
    "metadata_percent_complete": 1.0,
    "name": "one",
    "peer_limit": 50,
    "peers_connected": 1,
    "peers_getting_from_us": 0,
    "peers_sending_to_us": 1,
    "percent_complete": 0.6,
    "percent_done": 0.75,
    "pieces": "8A==",
    "piece_count": 6,
    "piece_size": 200,
    "priorities": [0, 1],
    "primary_mime_type": "application/x-iso9660-image",
    "queue_position": 0,
    "rate_download": 2048,
    "rate_upload": 1024,
    "recheck_progress": 0.0,
    "seconds_downloading": 60,
    "seconds_seeding": 0,
    "seed_idle_limit": 30,
    "seed_idle_mode": 0,
    "seed_ratio_limit": 2.0,
    "seed_ratio_mode": 0,
    "sequential_download": False,
    "sequential_download_from_piece": 0,
    "size_when_done": 800,
    "source": "",
    "start_date": 1700000001,
    "status": 4,
    "torrent_file": "/var/lib/txtorrent/x.torrent",
    "total_size": 1000,
    "tracker_list": "http://tracker.example.org/announce\n\nudp://backup.example.net:6969",
    "tx_chat": False,
    "tx_chat_in_private": False,
    "tx_chat_speakers": 2,
    "tx_min_share": None,
    "tx_move": None,
    "tx_waiting": "",
    "uploaded_ever": 1300,
    "upload_limit": 50,
    "upload_limited": True,
    "upload_ratio": 2.0,
    "wanted": [True, False],
    "webseeds": ["http://web.example.org/"],
    "webseeds_sending_to_us": 0,
}
NESTED = {
    "files": {"bytes_completed": 500, "length": 900, "name": "debian/a.iso", "end_piece": 1},
    "file_stats": {"bytes_completed": 500, "wanted": True, "priority": 0},
    "peers": {
        "address": "192.0.2.7",
        "client_name": "libtorrent 2.0",
        "flag_str": "DuI",
        "is_utp": False,
        "peer_id": "LUxUMjAwMC1hYmNkZWZnaGlqa2w=",
        "rate_to_client": 1234,
        "progress": 0.5,
    },
    "trackers": {"id": 1, "sitename": "example", "tier": 0},
    "tracker_stats": {
        "host": "tracker.example.org:80",
        "last_announce_time": 1700000000,
        "downloader_count": -1,
        "seeder_count": 7,
    },
    "webseeds_ex": {
        "url": "http://web.example.org/",
        "is_downloading": False,
        "download_bytes_per_second": 0,
    },
}


class Values(ControlCase):
    def get(self, *fields: str, **changes):
        for name, value in changes.items():
            setattr(self.session.find(1), name, value)
        (torrent,) = self.result("torrent_get", ids=1, fields=fields)["torrents"]
        return torrent

    def test_every_field(self):
        self.assertEqual(self.get(*VALUES), VALUES)
        self.assertEqual({*VALUES, *NESTED, "peers_from"}, FIELDS.keys())

    def test_nested_ones(self):
        found = self.get(*NESTED)
        for name, expected in NESTED.items():
            first = found[name][0]
            self.assertEqual(first, first | expected, name)
        self.assertEqual(len(found["tracker_stats"][0]), 28)
        self.assertEqual(len(found["peers"][0]), 19)

    def test_peers_from(self):
        counts = self.get("peers_from")["peers_from"]
        self.assertEqual(counts["from_tracker"], 1)
        self.assertEqual(sum(counts.values()), 1)
        self.assertEqual(len(counts), 7)

    def test_a_move(self):
        found = self.get("tx_move", move=FakeMove())["tx_move"]
        self.assertEqual(
            found,
            {"location": "/srv/new", "step": "copying", "bytes_done": 5, "bytes_total": 10},
        )
        legacy = self.legacy("torrent-get", ids=1, fields=["txMove"])["arguments"]["torrents"]
        self.assertEqual(legacy[0]["txMove"]["bytesTotal"], 10)

    def test_times_left(self):
        for eta, status, expected in [(None, 4, -2), (None, 0, -1), (7.9, 4, 7), (0.0, 6, 0)]:
            self.assertEqual(self.get("eta", eta=eta, status=status)["eta"], expected)
        self.assertEqual(self.get("eta_idle", eta_idle=9.5)["eta_idle"], 9)

    def test_ratio(self):
        for up, down, have, expected in [
            (10, 5, 0, 2.0),
            (10, 0, 20, 0.5),
            (10, 0, 0, -2),
            (0, 0, 0, -1),
            (0, 5, 5, 0),
        ]:
            changes = {"uploaded_ever": up, "downloaded_ever": down, "have_valid": have}
            self.assertEqual(self.get("upload_ratio", **changes)["upload_ratio"], expected)

    def test_without_metadata(self):
        empty = {"size_when_done": 0, "total_size": 0, "metadata_percent_complete": 0.2}
        details = FakeDetails(have=b"", availability=[])
        found = self.get(
            "percent_done", "percent_complete", "pieces", "files", "primary_mime_type",
            fake_details=details, **empty,
        )  # fmt: skip
        self.assertEqual(
            found,
            {
                "percent_done": 0,
                "percent_complete": 0,
                "pieces": "",
                "files": [],
                "primary_mime_type": "application/octet-stream",
            },
        )

    def test_nothing_wanted_is_done(self):
        self.assertEqual(self.get("percent_done", size_when_done=0)["percent_done"], 1)

    def test_a_tier_has_its_lines_together(self):
        torrent = self.session.find(1)
        torrent.trackers[1].tier = 0
        self.assertEqual(
            self.get("tracker_list")["tracker_list"],
            "http://tracker.example.org/announce\nudp://backup.example.net:6969",
        )

    def test_many_files_keep_their_order(self):
        files = [FakeFile(f"d/{number}", number) for number in range(1000)]
        found = self.get("files", "wanted", fake_details=FakeDetails(files))
        self.assertEqual([file["length"] for file in found["files"]], list(range(1000)))
        self.assertEqual(len(found["wanted"]), 1000)

    def test_names_that_strangers_chose(self):
        name = '</script>\u2028\x85\U0001f600"\\'
        answer = self.connect().ask(
            body={"method": "torrent-get", "arguments": {"fields": ["name"], "ids": 2}}
        )
        self.session.find(2).name = name
        answer = self.connect().ask(
            body={"method": "torrent-get", "arguments": {"fields": ["name"], "ids": 2}}
        )
        self.assertTrue(answer.body.isascii())
        self.assertEqual(json.loads(answer.body)["arguments"]["torrents"], [{"name": name}])

    def test_every_field_has_what_tells_that_it_changed(self):
        self.assertEqual({name for names in TOLD_BY.values() for name in names}, FIELDS.keys())


class Legacy(ControlCase):
    def test_spelling(self):
        fields = ["hashString", "file-count", "downloadDir", "isUTP", "sequential_download", "x"]
        (found,) = self.legacy("torrent-get", ids=1, fields=fields)["arguments"]["torrents"]
        self.assertEqual(
            found,
            {
                "hashString": HASH,
                "file-count": 2,
                "downloadDir": "/srv/torrents",
                "sequential_download": False,
            },
        )

    def test_nested_spelling(self):
        fields = ["files", "fileStats", "peers", "peersFrom", "trackers", "trackerStats"]
        (found,) = self.legacy("torrent-get", ids=1, fields=fields)["arguments"]["torrents"]
        self.assertEqual(found["files"][0]["bytesCompleted"], 500)
        self.assertEqual(found["files"][0]["begin_piece"], 0)
        self.assertEqual(found["fileStats"][1]["wanted"], False)
        self.assertEqual(found["peers"][0]["isUTP"], False)
        self.assertEqual(found["peers"][0]["flagStr"], "DuI")
        self.assertEqual(found["peersFrom"]["fromTracker"], 1)
        self.assertEqual(found["trackerStats"][0]["lastAnnounceResult"], "Success")

    def test_wanted_is_a_number(self):
        (found,) = self.legacy("torrent-get", ids=1, fields=["wanted"])["arguments"]["torrents"]
        self.assertEqual([(value, type(value)) for value in found["wanted"]], [(1, int), (0, int)])

    def test_table(self):
        found = self.legacy("torrent-get", fields=["id", "name", "files"], format="table")
        header, *rows = found["arguments"]["torrents"]
        self.assertEqual(header, ["id", "name", "files"])
        self.assertEqual([row[:2] for row in rows], [[1, "one"], [2, "two"], [3, "three"]])
        self.assertEqual(rows[0][2][1]["name"], "debian/b.txt")
