"""What real clients do beside the letter of the protocol, each by a client that does it."""

import re
from typing import Final

from tests.interop import samples
from tests.interop.case import InteropCase
from tests.interop.clients import Aria2, Libtorrent, Transmission, Txtorrent
from tests.interop.opentracker import Opentracker
from tests.interop.sessions import Node
from txtorrent.address import Address
from txtorrent.peer.uploads import MOST_QUEUED, Uploads
from txtorrent.swarm.window import START
from txtorrent.wire.messages import Block

MIB: Final = 1024 * 1024


class LibtorrentHabits(InteropCase):
    """Deep queues, blocks out of order, hashing while it uploads, encryption tried first."""

    def setUp(self) -> None:
        super().setUp()
        self.need(Libtorrent)

    async def test_asks_for_more_than_our_queue_holds(self) -> None:
        """A block that is dropped in silence would be waited for longer than this test lasts."""
        sample = samples.large(self.work, "deep", 96 * MIB, MIB)
        us = Node(self, "source", upload_rate=24 * MIB)
        them = Libtorrent(self, max_out_request_queue=2 * MOST_QUEUED, request_queue_time=600)
        sample.write(us.directory)
        await us.start(sample)
        await self.until("we have checked it", lambda: us.is_complete)
        deepest, add = 0, Uploads.add

        def noted(uploads: Uploads, block: Block) -> None:
            nonlocal deepest
            add(uploads, block)
            deepest = max(deepest, len(uploads))

        self.patch(Uploads, "add", noted)
        target = self.folder("target")
        await them.leech(sample, target, (str(us.address),))
        await self.until("libtorrent has all", them.is_complete)
        self.assertGreaterEqual(deepest, MOST_QUEUED)
        await self.until("content", lambda: not sample.differences(target))
        self.assertEqual(len(sample.data), us.torrent.progress.uploaded.total)

    async def test_sends_blocks_in_its_own_order(self) -> None:
        sample = samples.large(self.work, "order", 64 * MIB, 2 * MIB)
        them = Libtorrent(self, aio_threads=8, suggest_mode=1)
        us = Node(self, "target")
        await them.seed(sample, sample.write(self.folder("source")))
        await us.start(sample, Address(them.host, them.port))
        await self.until("we have all", lambda: us.is_complete)
        self.assertEqual([], sample.differences(us.directory))
        self.assertEqual(0, us.torrent.progress.wasted)

    async def test_seed_mode_hashes_what_it_uploads(self) -> None:
        sample = samples.large(self.work, "trusting", 16 * MIB, MIB)
        them, us = Libtorrent(self, seed_mode=True), Node(self, "target")
        await them.seed(sample, sample.write(self.folder("source")))
        await us.start(sample, Address(them.host, them.port))
        await self.until("we have all", lambda: us.is_complete)
        self.assertEqual([], sample.differences(us.directory))

    async def test_tries_encryption_when_it_dials(self) -> None:
        """What it says first is no handshake; it comes back and speaks plainly."""
        sample = samples.make(self.work, "many")
        us, target = Txtorrent(self), self.folder("target")
        them = Libtorrent(self, in_enc_policy=1, out_enc_policy=1, allowed_enc_level=3)
        await us.seed(sample, sample.write(self.folder("source")))
        await them.leech(sample, target, (us.address,))
        await self.until("libtorrent has all", them.is_complete)
        self.assertTrue(us.has_said("closed: not a BitTorrent handshake"))
        await us.stop()


class Aria2Habits(InteropCase):
    def setUp(self) -> None:
        super().setUp()
        self.need(Aria2)

    async def test_bans_who_speaks_before_its_handshake(self) -> None:
        """One byte behind the 68 of our handshake, before its own has come, is too much.

        It also sends its bitfield again and again while it downloads.
        """
        sample = samples.large(self.work, "patience", 4 * MIB, 64 * 1024)
        us, them = Txtorrent(self), Aria2(self)
        them.extra = ("--console-log-level=debug",)
        target = self.folder("target")
        await them.leech(sample, target)
        await us.seed(sample, sample.write(self.folder("source")), (them.address,))
        await self.until("aria2 has all", them.is_complete)
        until_complete = them.program.output.partition("The download was complete")[0]
        self.assertEqual([], re.findall(r".*banned.*", until_complete))
        self.assertGreater(len(re.findall(r"To: \S+ bitfield", until_complete)), 1)
        self.assertEqual(1, us.program.output.count(" joined"))
        await us.stop()
        self.assertEqual([], sample.differences(target))


class TransmissionHabits(InteropCase):
    def setUp(self) -> None:
        super().setUp()
        self.need(Transmission)

    async def test_answers_in_pulses(self) -> None:
        """The window grows as long as more requests a pulse bring more blocks."""
        sample = samples.large(self.work, "pulse", 48 * MIB, MIB)
        them, us = Transmission(self), Node(self, "target")
        await them.seed(sample, sample.write(self.folder("source")))
        await us.start(sample, Address(them.host, them.port))
        deepest = 0

        def done() -> bool:
            nonlocal deepest
            deepest = max([deepest, *(link.peer.window.size for link in us.links)])
            return us.is_complete

        await self.until("we have all", done, limit=60)
        self.assertGreaterEqual(deepest, 4 * START)
        self.assertEqual([], sample.differences(us.directory))


class TrackerHabits(InteropCase):
    def setUp(self) -> None:
        super().setUp()
        self.need(Opentracker)

    async def test_refuses_what_is_not_on_its_list(self) -> None:
        """The user is told, and peers that are known otherwise serve all the same."""
        tracker = Opentracker(self)
        sample = samples.make(self.work, "single", tracker.http)
        await tracker.start([b"?" * 20])
        seed, leech, target = Txtorrent(self), Txtorrent(self), self.folder("target")
        await seed.seed(sample, sample.write(self.folder("source")))
        await leech.leech(sample, target, (seed.address,))
        await self.until("txtorrent has all", leech.is_complete)
        self.assertEqual([], sample.differences(target))
        await self.until("the refusal is told", lambda: leech.has_said("warn: .*not authorized"))
        await leech.stop()
        await seed.stop()
