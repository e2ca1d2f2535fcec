"""Some files of a torrent, in the order that the user wants; changed while it runs."""

import os
import shutil

from tests.swarms.case import SwarmCase
from tests.testing.torrents import content
from txtorrent.torrent.choice import Choice
from txtorrent.torrent.exchange import SPILL_AFTER
from txtorrent.torrent.life import State
from txtorrent.torrent.shared import TorrentOptions
from txtorrent.torrent.torrent import Torrent
from txtorrent.wire.announce import Event

SIZE = 500_000
FILES = {name: content(name, SIZE) for name in "abc"}
PIECE = 65536
PIECES = 8
"""Of each file: they are aligned."""


def wanting(picture, **more):
    """A digit is a file's priority; the pads between them do not count."""
    return Choice(bytes(map(int, "0".join(picture))), **more)


class SelectionCase(SwarmCase):
    def files_swarm(self, **options):
        return self.swarm(FILES, **{"piece_length": PIECE, "aligned": True, **options})

    def there(self, node):
        """The files that are whole on disk; others must not be there at all."""
        root = os.path.join(node.directory, "content")
        found = sorted(os.listdir(root)) if os.path.isdir(root) else []
        for name in found:
            with open(os.path.join(root, name), "rb") as file:
                self.assertEqual(file.read(), FILES[name], name)
        return "".join(found)

    def told(self, swarm, node):
        return [
            (each.event, each.left)
            for each in swarm.tracker.from_host(node.host.name)
            if each.event is not Event.NONE
        ]

    def choose(self, node, choice):
        """What is seen when the disk is ready for it."""
        node.host.clock.result_of(node.torrent.choose(choice))

    def without(self, swarm, name, wants="0", **options):
        """A peer that has all files but this one, and does not want it unless `wants` says so."""
        wanted = "".join(wants if each == name else "2" for each in FILES)
        node = swarm.add(swarm.payload.data, choice=wanting(wanted), start=False, **options)
        os.remove(os.path.join(node.directory, "content", name))
        node.start()
        return node

    def until(self, swarm, node, state, limit=100):
        swarm.run_until(lambda: node.torrent.state is state, limit)


class Some(SelectionCase):
    def test_only_those(self):
        swarm = self.files_swarm()
        seed, leecher = swarm.add_seed(), swarm.add_leecher(choice=wanting("020"))
        complete = leecher.torrent.when_complete()
        self.until(swarm, leecher, State.SEEDING)
        self.successResultOf(complete)
        swarm.run(30)
        self.assertEqual(self.there(leecher), "b")
        progress = leecher.torrent.progress
        self.assertEqual((progress.left, progress.wanted_size), (0, PIECES * PIECE))
        self.assertEqual(leecher.downloaded, PIECES * PIECE)
        # Neither has anything for the other.
        self.assertEqual((leecher.linked, seed.linked), ([], []))

    def test_trackers_hear_the_truth(self):
        """What is left of the whole; `completed` only for the whole."""
        swarm = self.files_swarm()
        swarm.add_seed()
        leecher = swarm.add_leecher(choice=wanting("020"))
        self.until(swarm, leecher, State.SEEDING)
        total = leecher.torrent.progress.size
        left = total - PIECES * PIECE
        self.assertEqual(leecher.torrent.progress.missing, left)
        self.choose(leecher, Choice())
        swarm.run_until_complete(limit=4000)
        leecher.stop()
        self.assertEqual(
            self.told(swarm, leecher),
            [(Event.STARTED, total), (Event.COMPLETED, 0), (Event.STOPPED, 0)],
        )
        self.assertWhole(leecher)

    def test_a_piece_of_two_files(self):
        """It is wanted if one of the two is."""
        swarm = self.files_swarm(aligned=False)
        swarm.add_seed()
        leecher = swarm.add_leecher(choice=Choice(b"\2\0\0"))
        self.until(swarm, leecher, State.SEEDING)
        self.assertEqual(list(leecher.torrent.progress.have), list(range(PIECES)))

    def test_nothing(self):
        swarm = self.files_swarm()
        swarm.add_seed()
        leecher = swarm.add_leecher(choice=wanting("000"))
        swarm.run(30)
        self.assertEqual((leecher.torrent.state, leecher.downloaded), (State.SEEDING, 0))
        self.choose(leecher, wanting("001"))
        self.until(swarm, leecher, State.SEEDING, 4000)
        self.assertEqual((self.there(leecher), leecher.downloaded), ("c", SIZE))

    def test_those_of_each_other(self):
        """Two who want different files give each other what is in both."""
        swarm = self.files_swarm()
        seed = swarm.add_seed(up=100_000)
        one = swarm.add_leecher(choice=wanting("220"))
        other = swarm.add_leecher(choice=wanting("022"))
        for node in (one, other):
            self.until(swarm, node, State.SEEDING)
        self.assertEqual((self.there(one), self.there(other)), ("ab", "bc"))
        self.assertLess(seed.uploaded, 3.5 * PIECES * PIECE)

    def test_restart(self):
        """It seeds at once, and fetches nothing."""
        swarm = self.files_swarm()
        swarm.add_seed()
        leecher = swarm.add_leecher(choice=wanting("002"))
        self.until(swarm, leecher, State.SEEDING)
        fetched = leecher.downloaded
        leecher.restart()
        swarm.run(5)
        self.assertEqual(leecher.torrent.state, State.SEEDING)
        self.assertEqual((leecher.downloaded, self.there(leecher)), (fetched, "c"))
        leecher.kill()
        leecher.options["choice"] = wanting("202")
        leecher.start()
        self.until(swarm, leecher, State.SEEDING)
        self.assertEqual(self.there(leecher), "ac")

    def test_check(self):
        """What is found on disk counts, wanted or not."""
        swarm = self.files_swarm()
        node = swarm.add(swarm.payload.data, choice=wanting("020"), start=False)
        os.remove(os.path.join(node.directory, "content", "c"))
        node.start()
        swarm.run(5)
        self.assertEqual(node.torrent.state, State.SEEDING)
        self.assertEqual(list(node.torrent.progress.have), list(range(2 * PIECES)))


class Changed(SelectionCase):
    def test_more(self):
        """The seed that was sent away is found again; what is there is not fetched again."""
        swarm = self.files_swarm()
        swarm.add_seed()
        leecher = swarm.add_leecher(choice=wanting("200"))
        self.until(swarm, leecher, State.SEEDING)
        swarm.run(10)
        self.assertEqual(leecher.linked, [])
        self.choose(leecher, wanting("203"))
        self.assertEqual(leecher.torrent.state, State.DOWNLOADING)
        waiting = leecher.torrent.when_complete()
        self.until(swarm, leecher, State.SEEDING, 4000)
        self.successResultOf(waiting)
        self.assertEqual(self.there(leecher), "ac")
        self.assertEqual(leecher.downloaded, PIECES * PIECE + SIZE)

    def test_less(self):
        """What is missing is wanted no more: complete at once. Memory is not kept for it."""
        swarm = self.files_swarm(piece_length=PIECE)
        swarm.add_seed(up=50_000)
        leecher = swarm.add_leecher(choice=wanting("302"))
        swarm.run_until(lambda: leecher.torrent.progress.have.count == PIECES + 1, 100)
        self.assertTrue(leecher.parts.exchange.picker.partials)
        self.choose(leecher, wanting("300"))
        self.assertEqual(leecher.torrent.state, State.SEEDING)
        buffers = leecher.session._shared.buffers
        self.assertTrue(buffers.lent)
        swarm.run(2 * SPILL_AFTER)
        self.assertFalse(buffers.lent)
        self.assertLess(leecher.downloaded, (PIECES + 3) * PIECE)
        had = leecher.torrent.progress.have.count
        self.choose(leecher, wanting("302"))
        self.until(swarm, leecher, State.SEEDING, 4000)
        self.assertGreater(leecher.torrent.progress.have.count, had)
        self.assertEqual(self.there(leecher), "ac")
        self.assertEqual((leecher.wasted, swarm.waste()), (0, 0))

    def test_the_rest_of_a_piece_comes_after_all(self):
        """Its last blocks were on their way when it was wanted no more: it counts as had."""
        swarm = self.files_swarm()
        self.without(swarm, "b", "2", up=200_000, latency=0.5)
        leecher = swarm.add_leecher(choice=wanting("302"))
        swarm.run_until(lambda: leecher.torrent.progress.have.count > PIECES, 100)
        before = leecher.torrent.progress.have.count
        self.choose(leecher, wanting("300"))
        completed = leecher.torrent.when_complete()
        self.successResultOf(completed)
        swarm.run(30)
        self.assertGreater(leecher.torrent.progress.have.count, before)
        self.assertEqual(leecher.torrent.state, State.SEEDING)
        self.assertEqual(leecher.torrent.progress.left, 0)

    def test_urgent_ones_first(self):
        """But for what the seed gave us before it was our turn."""
        swarm = self.files_swarm()
        swarm.add_seed(up=100_000)
        leecher = swarm.add_leecher(choice=wanting("132"))
        swarm.run_until(lambda: leecher.linked, 100)
        [link] = leecher.parts.exchange.links
        have = leecher.torrent.progress.have
        swarm.run_until(lambda: have.count >= 2 * PIECES, 100)
        seen = {piece // PIECES for piece in {*have} - link.peer.allowed_fast}
        self.assertEqual(seen, {1, 2})
        self.assertEqual({*range(PIECES, 2 * PIECES)} - {*have}, set())
        self.choose(leecher, wanting("231"))
        self.until(swarm, leecher, State.SEEDING)
        self.assertEqual(self.there(leecher), "abc")

    def test_while_it_loads_or_rests(self):
        """At any moment: what was chosen last counts."""
        for pause in (0, 0.005, 0.03, 0.05, 0.07, 0.1, 0.15):
            swarm = self.files_swarm()
            swarm.add_seed()
            leecher = swarm.add_leecher(choice=wanting("200"), start=False)
            for lane in (leecher.disk.write, leecher.disk.read, leecher.disk.state):
                lane.delay = 0.02
            leecher.start()
            swarm.run(pause)
            leecher.torrent.choose(wanting("000"))
            swarm.run(pause)
            leecher.torrent.choose(wanting("002"))
            swarm.run_until(lambda: not leecher.torrent.progress.left, 4000)  # noqa: B023
            swarm.run(30)
            self.assertEqual(leecher.torrent.state, State.SEEDING)
            self.assertIn(self.there(leecher)[-1:], "c")
            self.assertIn(2 * PIECES, leecher.torrent.progress.have)
            leecher.torrent.choose(wanting("222"))
            self.assertLess(leecher.stop(), 6)

    def test_while_stopped(self):
        swarm = self.files_swarm()
        swarm.add_seed()
        leecher = swarm.add_leecher(choice=wanting("200"))
        self.until(swarm, leecher, State.SEEDING)
        torrent = leecher.torrent
        leecher.host.clock.result_of(torrent.stop())
        torrent.choose(wanting("002"))
        torrent.start()
        self.until(swarm, leecher, State.DOWNLOADING)
        self.until(swarm, leecher, State.SEEDING, 4000)
        self.assertEqual(self.there(leecher), "ac")

    def test_the_storage_is_gone(self):
        """Nothing is made in its place."""
        swarm = self.files_swarm()
        swarm.add_seed()
        leecher = swarm.add_leecher(choice=wanting("200"))
        self.until(swarm, leecher, State.SEEDING)
        top = os.path.join(leecher.directory, "content")
        os.rename(top, top + " elsewhere")
        leecher.torrent.choose(wanting("202"))
        self.until(swarm, leecher, State.FAILED, 1)
        self.assertFalse(os.path.exists(top))
        shutil.move(top + " elsewhere", top)
        self.until(swarm, leecher, State.SEEDING, 4000)
        self.assertEqual(self.there(leecher), "ac")

    def test_nonsense(self):
        swarm = self.files_swarm()
        leecher = swarm.add_leecher(choice=wanting("200"))
        for choice in (Choice(b"\2"), Choice(None, 3 * PIECES)):
            self.assertRaises(ValueError, leecher.torrent.choose, choice)
        self.assertEqual(leecher.torrent.choice, wanting("200"))
        options = TorrentOptions(leecher.directory, choice=Choice(b"\2"))
        shared = leecher.session._shared
        self.assertRaises(ValueError, Torrent, swarm.payload.metainfo, options, shared)

    def test_who_is_there_is_asked_at_once(self):
        """A peer that had nothing that was wanted; one that has no more to be asked for."""
        swarm = self.files_swarm()
        leecher = swarm.add_leecher(choice=wanting("000"))
        other = self.without(swarm, "b", "2", up=200_000)
        swarm.run(1)
        swarm.introduce(leecher, other)
        swarm.run(10)
        [link] = leecher.parts.exchange.links
        self.assertFalse(link.peer.am_interested)
        self.choose(leecher, wanting("200"))
        self.assertTrue(link.peer.am_interested)
        picker, requests = leecher.parts.exchange.picker, link.peer.requests
        swarm.run_until(lambda: picker.is_endgame and len(requests) < 3, 20)
        self.choose(leecher, wanting("202"))
        self.assertGreater(max(requests), 2 * PIECES * picker.geometry.blocks_per_piece)

    def test_with_more_it_looks_for_peers(self):
        swarm = self.files_swarm()
        seed, leecher = swarm.add_seed(), swarm.add_leecher(choice=wanting("200"))
        self.until(swarm, leecher, State.SEEDING)
        asked = []
        self.patch(type(leecher.parts.announcer), "want_peers", lambda made: asked.append(made))
        self.choose(leecher, wanting("202"))
        self.assertEqual(asked, [leecher.parts.announcer])
        seed.stop()

    def test_with_more_the_files_are_not_final(self):
        """As the journal has them; else a kill would have every piece hashed again."""
        swarm = self.files_swarm()
        swarm.add_seed(up=100_000)
        leecher = swarm.add_leecher(choice=wanting("200"))
        self.until(swarm, leecher, State.SEEDING)
        clean = []
        for choice in (wanting("200"), wanting("202")):
            self.choose(leecher, choice)
            swarm.run(1)
            loading = leecher.session.journal.load(swarm.payload.metainfo.info_hash)
            clean.append(leecher.host.clock.result_of(loading).clean)
        self.assertEqual(clean, [True, False])

    def test_stopped_meanwhile(self):
        """It is stopped when nothing of it is going on at the disk."""
        swarm = self.files_swarm()
        swarm.add_seed()
        leecher = swarm.add_leecher(choice=wanting("200"))
        self.until(swarm, leecher, State.SEEDING)
        swarm.run(10)
        leecher.disk.read.stall()
        chosen = leecher.torrent.choose(wanting("002"))
        latest = leecher.torrent.choose(wanting("202"))
        self.successResultOf(chosen)
        stopped = leecher.torrent.stop()
        swarm.run(10)
        for each in (latest, stopped):
            self.assertNoResult(each)
        leecher.disk.read.release()
        swarm.run(1)
        for each in (latest, stopped):
            self.successResultOf(each)

    def test_by_who_waits_for_it(self):
        """A program may choose the next file, or stop, as soon as it hears that one is there."""
        swarm = self.files_swarm()
        swarm.add_seed()
        leecher = swarm.add_leecher(choice=wanting("222"))
        swarm.run_until(lambda: leecher.downloaded > SIZE, 100)
        chosen = leecher.torrent.when_complete()
        chosen.addCallback(lambda _: leecher.torrent.choose(wanting("030")))
        leecher.torrent.choose(wanting("000"))
        swarm.run_until(lambda: "b" in os.listdir(leecher.directory + "/content"), 4000)
        self.until(swarm, leecher, State.SEEDING, 4000)
        waiting = leecher.torrent.when_complete()
        self.successResultOf(waiting)


class InOrder(SelectionCase):
    def test_in_order(self):
        """But for what a seed gives us before it is our turn; switched while it runs."""
        swarm = self.files_swarm()
        swarm.add_seed(up=100_000)
        leecher = swarm.add_leecher(choice=Choice(sequential_from=5))
        swarm.run_until(lambda: leecher.linked, 100)
        [link] = leecher.parts.exchange.links
        have, partials = leecher.torrent.progress.have, leecher.parts.exchange.picker.partials
        for start, more in ((5, 3), (15, 4)):
            self.choose(leecher, Choice(sequential_from=start))
            before = {*have, *partials}
            swarm.run_until(lambda: len({*have} - before) >= more, 100)  # noqa: B023
            fresh = {*have} - before - link.peer.allowed_fast
            ahead = {*range(start, max(fresh))}
            self.assertTrue(fresh)
            self.assertEqual(ahead - {*have}, set())
        leecher.torrent.choose(Choice())
        swarm.run_until_complete()
        self.assertWhole(leecher)


class Held(SelectionCase):
    def test_until_it_is_let_go(self):
        """Meanwhile it shares what it has, and keeps no seed's slot."""
        swarm = self.files_swarm()
        seed = swarm.add_seed()
        leecher = swarm.add_leecher(choice=Choice(hold_last=True))
        swarm.run_until(lambda: leecher.torrent.is_holding_last, 100)
        [link] = leecher.parts.exchange.links
        self.assertFalse(link.peer.am_interested)
        fetched = leecher.downloaded
        swarm.run(30)
        progress = leecher.torrent.progress
        self.assertEqual((progress.have.count, leecher.downloaded), (3 * PIECES - 1, fetched))
        self.assertEqual(leecher.torrent.state, State.DOWNLOADING)
        self.assertFalse(link.peer.am_interested)
        seed.host.vanish()
        other = swarm.add_leecher()
        swarm.run_until(lambda: other.torrent.progress.have.count == 3 * PIECES - 1, 4000)
        self.assertFalse(other.is_complete)
        seed.host.appear()
        leecher.torrent.choose(Choice())
        self.assertFalse(leecher.torrent.is_holding_last)
        swarm.run_until_complete(limit=4000)
        self.assertWhole(leecher)

    def test_more_is_wanted_meanwhile(self):
        swarm = self.files_swarm()
        swarm.add_seed()
        leecher = swarm.add_leecher(choice=wanting("200", hold_last=True))
        swarm.run_until(lambda: leecher.torrent.is_holding_last, 100)
        self.assertEqual(leecher.torrent.progress.have.count, PIECES - 1)
        leecher.torrent.choose(wanting("201", hold_last=True))
        swarm.run_until(lambda: leecher.torrent.progress.have.count == 2 * PIECES - 1, 100)
        swarm.run(5)
        self.assertTrue(leecher.torrent.is_holding_last)
