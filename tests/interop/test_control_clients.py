"""Transmission's own clients drive the control API: every command that they have.

The session is the fake one of the control room's tests, so that each command's effect can be told;
what they talk to is a real server on real sockets.
"""

import inspect
import os
import shutil
from importlib.util import find_spec
from tempfile import mkdtemp
from typing import Any
from urllib.parse import quote

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import SkipTest, TestCase

from tests.control.fakesession import FakeSession
from txtorrent.control.access import Credentials
from txtorrent.control.server import Control, ControlOptions

REMOTE = "transmission-remote"
LINK = "magnet:?xt=urn:btih:" + "a" * 40

# What transmission-remote 3.00 is told, and what the session is asked then; None: nothing.
COMMANDS: list[tuple[str, tuple[Any, ...] | None]] = [
    (f"-a {LINK} -w /srv/x", ("add", LINK, {"directory": "/srv/x"})),
    ("-as", ("settings", {"alt_speed_enabled": True})),
    ("-AS", ("settings", {"alt_speed_enabled": False})),
    ("-asd 10", ("settings", {"alt_speed_down": 10_000})),
    ("-asu 20", ("settings", {"alt_speed_up": 20_000})),
    ("-asc", ("settings", {"alt_speed_time_enabled": True})),
    ("-ASC", ("settings", {"alt_speed_time_enabled": False})),
    ("--alt-speed-time-begin 0900", ("settings", {"alt_speed_time_begin": 540})),
    ("--alt-speed-time-end 1700", ("settings", {"alt_speed_time_end": 1020})),
    ("--alt-speed-days 2-6", ("settings", {"alt_speed_time_day": 124})),
    ("--blocklist-update", ("update_blocklist",)),
    ("-C", ("settings", {"incomplete_dir_enabled": False})),
    ("-d 100", ("settings", {"speed_limit_down": 100_000, "speed_limit_down_enabled": True})),
    ("-D", ("settings", {"speed_limit_down_enabled": False})),
    ("-u 100", ("settings", {"speed_limit_up": 100_000, "speed_limit_up_enabled": True})),
    ("-U", ("settings", {"speed_limit_up_enabled": False})),
    ("-er", ("settings", {"encryption": "required"})),
    ("-et", ("settings", {"encryption": "allowed"})),
    ("-gsr 2", ("settings", {"seed_ratio_limit": 2.0, "seed_ratio_limited": True})),
    ("-GSR", ("settings", {"seed_ratio_limited": False})),
    ("--trash-torrent", ("settings", {"trash_original_torrent_files": True})),
    ("--start-paused", ("settings", {"start_added_torrents": False})),
    ("-p 51414", ("settings", {"peer_port": 51414})),
    ("-P", ("settings", {"peer_port_random_on_start": True})),
    ("-pr 99", ("settings", {"peer_limit_global": 99})),
    ("-w /srv/other", ("settings", {"download_dir": "/srv/other"})),
    ("-pt", ("test_port", "")),
    ("-o", None),
    ("-m", None),
    ("-y", None),
    ("-x", None),
    ("--utp", None),
    ("-e 8", None),
    ("-t 1 -g 0", ("change", [(1, {"files_wanted": (0,)})])),
    ("-t 1 -g all", ("change", [(1, {"files_wanted": ()})])),
    ("-t 1 -G 1", ("change", [(1, {"files_unwanted": (1,)})])),
    ("-t 1 -ph 0", ("change", [(1, {"priority_high": (0,)})])),
    ("-t 1 -pn 0,1", ("change", [(1, {"priority_normal": (0, 1)})])),
    ("-t 1 -pl all", ("change", [(1, {"priority_low": ()})])),
    ("-t 1 -Bh", ("change", [(1, {"bandwidth_priority": 1})])),
    ("-t 1 -Bl", ("change", [(1, {"bandwidth_priority": -1})])),
    ("-t 1 -L a,b", ("change", [(1, {"labels": ("a", "b")})])),
    ("-t 1 -pr 7", ("change", [(1, {"peer_limit": 7})])),
    ("-t 1 -u 10", ("change", [(1, {"upload_limit": 10_000, "upload_limited": True})])),
    ("-t 1 -U", ("change", [(1, {"upload_limited": False})])),
    ("-t 1 -d 10", ("change", [(1, {"download_limit": 10_000, "download_limited": True})])),
    ("-t 1 -sr 1.5", ("change", [(1, {"seed_ratio_limit": 1.5, "seed_ratio_mode": 1})])),
    ("-t 1 -SR", ("change", [(1, {"seed_ratio_mode": 2})])),
    ("-t 1 -srd", ("change", [(1, {"seed_ratio_mode": 0})])),
    ("-t 1 -hl", ("change", [(1, {"honors_session_limits": True})])),
    ("-t 1 -HL", ("change", [(1, {"honors_session_limits": False})])),
    ("-t 1 --move /srv/new", ("set_location", [1], "/srv/new", True)),
    ("-t 1 --find /srv/new", ("set_location", [1], "/srv/new", False)),
    ("-t 1 --reannounce", ("reannounce", [1])),
    ("-t 1 -v", ("verify", [1])),
    ("-t 1,2 -s", ("start", [1, 2], False)),
    ("-t 1 -S", ("stop", [1])),
    ("-t 3 -r", ("remove", [3], False)),
    ("-t 2 --remove-and-delete", ("remove", [2], True)),
]
# What it shows, and words of that.
SHOWN = [
    ("-l", ["one", "Downloading", "75%"]),
    ("-t 1 -i", ["Hash: " + "0" * 39 + "1", "Location: /srv/torrents", "Labels: tv"]),
    ("-t 1 -f", ["debian/a.iso", "one (2 files)"]),
    ("-t 1 -pi", ["192.0.2.7", "libtorrent 2.0"]),
    ("-t 1 -ic", ["111100"]),
    ("-t 1 -it", ["tracker.example.org:80", "tier 1"]),
    ("-si", ["4.1.3 (txtorrent", "Listenport: 51413"]),
    ("-st", ["CURRENT SESSION"]),
    ("-pt", ["Port is open: Yes"]),
]


class ClientCase(TestCase):
    """A server at a loopback port, and at a UNIX socket."""

    timeout = 100.0

    async def serve(self, **options: Any) -> None:
        self.session = FakeSession("one", "two", "three")
        # The package makes paths lower case, so that trial's own directories would not be found.
        directory = mkdtemp(prefix="txtorrent")
        self.addCleanup(shutil.rmtree, directory)
        self.socket = f"{directory}/c"
        endpoints = [f"unix:{self.socket}", "tcp:0:interface=127.0.0.1"]
        control = Control(reactor, self.session, endpoints, ControlOptions(**options))
        await control.start()
        self.addCleanup(lambda: Deferred.fromCoroutine(control.stop()))
        self.port = control.addresses[1].port


class Remote(ClientCase):
    def setUp(self) -> None:
        if shutil.which(REMOTE) is None:
            raise SkipTest(f"{REMOTE} is not installed")

    async def run_remote(self, *arguments: str) -> str:
        path = shutil.which(REMOTE)
        out, err, status = await getProcessOutputAndValue(
            path, (f"127.0.0.1:{self.port}", *arguments), env=os.environ
        )
        self.assertEqual(status, 0, (arguments, out, err))
        return str((out + err).decode())

    async def test_every_command(self) -> None:
        await self.serve()
        for text, expected in COMMANDS:
            await self.run_remote(*text.split())
            self.assertEqual(self.session.calls, [expected] if expected else [], text)
            self.session.calls.clear()

    async def test_what_it_shows(self) -> None:
        await self.serve()
        for text, words in SHOWN:
            shown = await self.run_remote(*text.split())
            for word in words:
                self.assertIn(word, shown, text)

    async def test_trackers(self) -> None:
        await self.serve()
        await self.run_remote("-t", "1", "-td", "http://new.example/announce")
        await self.run_remote("-t", "1", "-tr", "1")
        self.assertEqual(
            [each.announce for each in self.session.find(1).trackers],
            ["udp://backup.example.net:6969", "http://new.example/announce"],
        )

    async def test_exit(self) -> None:
        await self.serve()
        await self.run_remote("--exit")
        self.assertTrue(self.session.is_closed)

    async def test_password(self) -> None:
        await self.serve(credentials=Credentials("me", "secret"))
        self.assertIn("one", await self.run_remote("-n", "me:secret", "-l"))


class Package(ClientCase):
    """The package transmission-rpc, whatever version is installed."""

    def setUp(self) -> None:
        if find_spec("transmission_rpc") is None:
            raise SkipTest("transmission-rpc is not installed")

    async def test_over_tcp(self) -> None:
        await self.serve()
        await deferToThread(self.drive, f"http://127.0.0.1:{self.port}/transmission/rpc")

    async def test_over_the_unix_socket(self) -> None:
        if find_spec("transmission_rpc._unix_socket") is None:
            raise SkipTest("this transmission-rpc speaks TCP only")
        await self.serve()
        await deferToThread(self.drive, f"http+unix://{quote(self.socket, '')}/transmission/rpc")

    def drive(self, url: str) -> None:
        import transmission_rpc

        client = transmission_rpc.from_url(url)
        self.read(client.get_session())
        self.read(client.session_stats())
        for torrent in client.get_torrents():
            self.read(torrent)
            self.assertEqual(len(torrent.get_files()), 2)
        added = client.add_torrent(b"d4:infod4:name1:xee", download_dir="/srv/x", labels=["a"])
        self.assertEqual(client.get_torrent(added.hash_string).name, "added")
        for name in ("start_torrent", "stop_torrent", "verify_torrent", "reannounce_torrent"):
            getattr(client, name)([added.id])
        for name in ("queue_top", "queue_up", "queue_down", "queue_bottom"):
            getattr(client, name)([added.id])
        client.change_torrent(1, labels=["x"], tracker_list=[["http://a.example/a"]])
        self.assertEqual(client.get_torrent(1).labels, ["x"])
        client.move_torrent_data(1, "/srv/z")
        self.assertEqual(client.rename_torrent_path(1, "one", "uno"), ("one", "uno"))
        client.set_session(speed_limit_up=3, seed_ratio_limit=3)
        self.assertEqual(client.get_session().speed_limit_up, 3)
        self.assertEqual(client.blocklist_update(), 17)
        self.assertTrue(client.port_test())
        self.assertEqual(client.free_space("/srv"), 5_000_000)
        client.set_group("g", speed_limit_up=5)
        self.assertEqual(client.get_group("g").speed_limit_up, 5)
        client.remove_torrent(added.id, delete_data=True)
        self.assertEqual(client.get_recently_active_torrents()[1], [added.id])
        with self.assertRaises(transmission_rpc.TransmissionError):
            client.set_session(script_torrent_done_filename="/bin/evil")

    # Of torrents: fields that version 8 knows and does not ask for itself.
    NOT_ASKED_FOR = ("bytes_completed", "webseeds_ex")

    def read(self, thing: Any) -> None:
        """Every typed accessor, and those of what they give."""
        for name, member in inspect.getmembers(type(thing)):
            if isinstance(member, property) and name not in self.NOT_ASKED_FOR:
                value = getattr(thing, name)
                for each in value if isinstance(value, list) else [value]:
                    if hasattr(each, "fields"):
                        self.read(each)
