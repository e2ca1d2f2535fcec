"""transmission-remote and the package transmission-rpc drive a real daemon, from start to end.

What each command asks of the session is in `test_control_clients`; here it is seen what comes of
it: content on disk, what is shown afterwards, what is still so after a restart.
"""

import inspect
import os
import shutil
import time
from collections.abc import Callable
from importlib.util import find_spec
from tempfile import mkdtemp
from typing import Any, Final
from urllib.parse import quote

from twisted.internet.threads import deferToThread
from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import SkipTest

from tests.interop import samples
from tests.interop.case import LIMIT, InteropCase
from tests.interop.clients import absence_of
from tests.interop.samples import Sample
from tests.interop.service import Service
from tests.interop.sessions import Node

REMOTE: Final = "transmission-remote"
UPLOAD_RATE: Final = 80_000
"""Bytes/s of the seed: some seconds in which it is seen as a peer."""
TRACKER: Final = "http://tracker.example/announce"

# Commands for a torrent, and what is shown of it then.
OF_A_TORRENT: Final = (
    ("-L one,two", "-i", "Labels: one, two"),
    ("-u 50", "-i", "Upload Limit: 50 kB/s"),
    ("-d 60", "-i", "Download Limit: 60 kB/s"),
    ("-U", "-i", "Upload Limit: Unlimited"),
    ("-D", "-i", "Download Limit: Unlimited"),
    ("-HL", "-i", "Honors Session Limits: No"),
    ("-hl", "-i", "Honors Session Limits: Yes"),
    ("-pr 7", "-i", "Peer limit: 7"),
    ("-Bh", "-i", "Bandwidth Priority: High"),
    ("-Bn", "-i", "Bandwidth Priority: Normal"),
    ("-sr 3", "-i", "Ratio Limit: 3.0"),
    ("-SR", "-i", "Ratio Limit: Unlimited"),
    ("-srd", "-i", "Ratio Limit: Default"),
    ("-G 0", "-f", "No"),
    ("-g 0", "-f", "Yes"),
    ("-ph 0", "-f", "High"),
    ("-pl 0", "-f", "Low"),
    (f"-td {TRACKER}", "-it", "tracker.example:80"),
    ("-tr 0", "-it", ""),
)
# Commands for the session, and what is shown of it then.
OF_THE_SESSION: Final = (
    ("-d 200", "Download speed limit: 200 kB/s"),
    ("-D", "Download speed limit: Unlimited"),
    ("-u 100", "Upload speed limit: 100 kB/s"),
    ("-U", "Upload speed limit: Unlimited"),
    ("-asd 10", "Disabled turtle limit: 10"),
    ("-as", "Enabled turtle limit: 10"),
    ("-AS", "Download speed limit: Unlimited"),
    ("-pr 99", "Peer limit: 99"),
    ("-gsr 2.5", "Default seed ratio limit: 2.5"),
    ("-GSR", "Default seed ratio limit: Unlimited"),
)


class ServiceCase(InteropCase):
    """A service, and a seed that dials it."""

    def setUp(self) -> None:
        super().setUp()
        # The package makes paths lower case, and a socket's has room for 107 bytes only.
        runtime = mkdtemp(prefix="tx-")
        self.addCleanup(shutil.rmtree, runtime)
        self.service = Service(self, runtime)
        self.sample = samples.make(self.work, "many")

    async def seed(self, sample: Sample) -> Node:
        """Somebody who has it all, and tries to reach the service."""
        node = Node(self, "seed", UPLOAD_RATE)
        sample.write(node.directory)
        await node.start(sample, self.service.address)
        await self.until("the seed has checked its content", lambda: node.is_complete)
        return node


class Remote(ServiceCase):
    def setUp(self) -> None:
        if reason := absence_of(REMOTE, "transmission-cli"):
            raise SkipTest(reason)
        super().setUp()

    async def tell(self, *words: str) -> str:
        """Run a command; what it shows."""
        path = shutil.which(REMOTE)
        assert path is not None
        server = f"{self.service.host}:{self.service.port}"
        out, err, status = await getProcessOutputAndValue(path, (server, *words), os.environ)
        shown = (out + err).decode()
        self.assertEqual(status, 0, (words, shown))
        return shown

    async def shown(self, words: str, text: str) -> None:
        """Wait until a command shows this."""

        async def look() -> bool:
            return text in await self.tell(*words.split())

        await self.until(f"{words} shows {text!r}", look)

    async def test_the_life_of_a_torrent(self) -> None:
        await self.service.start()
        first, second = (os.path.join(self.service.content, name) for name in ("a", "b"))
        await self.tell("--start-paused")
        await self.tell("-a", self.sample.path, "-w", first)
        await self.shown("-l", "Stopped")
        await self.shown("-t 1 -i", f"Location: {first}")
        await self.tell("-t", "1", "-s")
        seed = await self.seed(self.sample)
        await self.shown("-t 1 -pi", seed.address.host)
        await self.shown("-t 1 -i", "Percent Done: 100%")
        self.assertEqual(self.sample.differences(first), [])
        await self.shown("-t 1 -ic", "1" * 8)
        await self.tell("-t", "1", "-v")
        await self.shown("-l", "100%")
        await self.tell("-t", "1", "--move", second)
        await self.shown("-t 1 -i", f"Location: {second}")
        await self.until("it is there", lambda: not self.sample.differences(second))
        await self.until("it is there only", lambda: not os.listdir(first))
        await self.tell("-t", "1", "-S")
        await self.shown("-l", "Stopped")
        await self.tell("-t", "1", "--remove-and-delete")
        await self.until("it is gone", lambda: not os.listdir(second))
        self.assertNotIn(self.sample.metainfo.name, await self.tell("-l"))
        await self.service.stop()

    async def test_what_is_set_is_shown_and_outlives_the_daemon(self) -> None:
        await self.service.start()
        await self.tell("--start-paused")
        await self.tell("-a", self.sample.path)
        for change, show, text in OF_A_TORRENT:
            await self.tell("-t", "1", *change.split())
            self.assertIn(text, await self.tell("-t", "1", show), change)
        for change, text in OF_THE_SESSION:
            await self.tell(*change.split())
            self.assertIn(text, await self.tell("-si"), change)
        before = await self.tell("-t", "1", "-i"), await self.tell("-si")
        ended = self.service.ended()
        await self.tell("--exit")
        await ended
        self.service.check()
        await self.service.start()
        after = await self.tell("-t", "1", "-i"), await self.tell("-si")
        self.assertEqual(after, before)
        await self.service.stop()


class Package(ServiceCase):
    """The package, of whatever version is installed; of those before 8 over TCP only."""

    # Of torrents: fields that it has accessors for and does not ask for.
    NOT_ASKED_FOR: Final = ("bytes_completed", "webseeds_ex")

    def setUp(self) -> None:
        if find_spec("transmission_rpc") is None:
            raise SkipTest("transmission-rpc is not installed")
        super().setUp()

    async def test_over_tcp(self) -> None:
        await self.drive(f"http://{self.service.host}:{self.service.port}/transmission/rpc")

    async def test_over_the_unix_socket(self) -> None:
        if find_spec("transmission_rpc._unix_socket") is None:
            raise SkipTest("this transmission-rpc speaks TCP only")
        await self.drive(f"http+unix://{quote(self.service.socket, '')}/transmission/rpc")

    async def drive(self, url: str) -> None:
        await self.service.start()
        client, torrent_id = await deferToThread(self.add, url)
        await self.seed(self.sample)
        await deferToThread(self.go_on, client, torrent_id)
        if not hasattr(client, "session_close"):  # as before version 8
            await self.service.stop()
            return
        ended = self.service.ended()
        await deferToThread(client.session_close)
        await ended
        self.service.check()

    # -- in a thread -------------------------------------------------------------------------

    def add(self, url: str) -> tuple[Any, int]:
        import transmission_rpc

        client = transmission_rpc.from_url(url)
        first = os.path.join(self.service.content, "a")
        added = client.add_torrent(
            self.sample.metainfo.raw, download_dir=first, paused=True, labels=["x"]
        )
        again = client.add_torrent(self.sample.metainfo.raw)
        self.assertEqual(again.hash_string, added.hash_string)
        torrent = client.get_torrent(added.id)
        self.read(torrent)
        self.assertEqual((torrent.status, torrent.labels), ("stopped", ["x"]))
        self.assertEqual(torrent.download_dir, first)
        self.assertEqual(torrent.total_size, len(self.sample.data))
        self.change(client, added.id)
        client.start_torrent(added.id)
        return client, added.id

    def change(self, client: Any, torrent_id: int) -> None:
        client.change_torrent(
            torrent_id, labels=["x", "y"], upload_limit=30, upload_limited=True, peer_limit=9,
            seed_ratio_limit=1.5, seed_ratio_mode=1, files_unwanted=[0], priority_high=[2],
            tracker_list=[[TRACKER]],
        )  # fmt: skip
        torrent = client.get_torrent(torrent_id)
        self.assertEqual((torrent.labels, torrent.peer_limit), (["x", "y"], 9))
        self.assertEqual([each.announce for each in torrent.trackers], [TRACKER])
        files = torrent.get_files()
        self.assertEqual([file.selected for file in files[:3]], [False, True, True])
        self.assertEqual(files[2].priority, 1)
        client.change_torrent(torrent_id, files_wanted=[0], upload_limited=False, tracker_list=[])
        client.set_session(speed_limit_up=3, download_queue_size=5)
        session = client.get_session()
        self.assertEqual((session.speed_limit_up, session.download_queue_size), (3, 5))
        self.assertFalse(session.script_torrent_done_enabled)
        client.set_group("g", speed_limit_up=5)
        self.assertEqual(client.get_group("g").speed_limit_up, 5)
        self.assertIn("g", client.get_groups())
        self.assertGreater(client.free_space(self.service.content), 0)
        self.read(session)
        self.read(client.session_stats())

    def go_on(self, client: Any, torrent_id: int) -> None:
        def torrent() -> Any:
            found = client.get_torrent(torrent_id)
            self.read(found)
            return found

        first, second = (os.path.join(self.service.content, name) for name in ("a", "b"))
        self.wait("it has a peer", lambda: bool(torrent().peers))
        self.wait("it is complete", lambda: torrent().percent_done == 1)
        self.assertEqual(self.sample.differences(first), [])
        self.wait("it seeds", lambda: torrent().status == "seeding")
        client.verify_torrent(torrent_id)
        self.wait("it has been verified", lambda: torrent().status == "seeding")
        client.reannounce_torrent(torrent_id)
        for name in ("queue_top", "queue_up", "queue_down", "queue_bottom"):
            getattr(client, name)(torrent_id)
        client.move_torrent_data(torrent_id, second)
        self.wait("it has been moved", lambda: torrent().download_dir == second)
        self.wait("it is there", lambda: not self.sample.differences(second))
        old = self.sample.metainfo.name
        self.assertEqual(client.rename_torrent_path(torrent_id, old, "new"), (old, "new"))
        self.assertEqual(torrent().name, "new")
        self.assertIn("new", os.listdir(second))
        client.stop_torrent(torrent_id)
        self.wait("it has stopped", lambda: torrent().status == "stopped")
        client.start_torrent_now(torrent_id)
        self.wait("it seeds again", lambda: torrent().status == "seeding")
        client.remove_torrent(torrent_id, delete_data=True)
        self.assertEqual(client.get_torrents(), [])
        self.assertEqual(client.get_recently_active_torrents()[1], [torrent_id])
        self.wait("its content is gone", lambda: not os.listdir(second))

    def wait(self, what: str, condition: Callable[[], bool]) -> None:
        """In a thread that has nothing else to do."""
        deadline = time.monotonic() + LIMIT
        while not condition():
            if time.monotonic() > deadline:
                self.fail(self.with_stories(f"waited {LIMIT:.0f} s for: {what}"))
            time.sleep(0.05)

    def read(self, thing: Any) -> None:
        """Every typed accessor, and those of what they give."""
        for name, member in inspect.getmembers(type(thing)):
            if isinstance(member, property) and name not in self.NOT_ASKED_FOR:
                value = getattr(thing, name)
                for each in value if isinstance(value, list) else [value]:
                    if hasattr(each, "fields"):
                        self.read(each)
