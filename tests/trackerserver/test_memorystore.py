"""Swarms in memory: what is counted, forgotten, refused, and kept over a restart."""

import os

from attrs import astuple
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from tests.trackerserver.swarmcase import (
    TORRENT,
    StoreCase,
    address_of,
    announced,
    host_of,
    tail_of,
    told,
)
from txtorrent.trackerserver import memorystore
from txtorrent.trackerserver.interfaces import Reason, Refused
from txtorrent.trackerserver.memorystore import KEPT_EMPTY, LOOKED_AT, ROUND, TURN, MemoryStore
from txtorrent.trackerserver.statefile import read
from txtorrent.wire.announce import Event, ScrapeResult
from txtorrent.wire.received import Selection

NOBODY = Selection(0, 0, 0)
OTHER = b"o" * 20


class CountTests(StoreCase):
    def scraped(self) -> tuple[int, int, int]:
        found = self.store.scrape([TORRENT])[TORRENT]
        self.check()
        return found.seeders, found.leechers, found.completed

    def test_first_peer(self) -> None:
        self.assertEqual(self.announce(event=Event.STARTED), Selection(0, 1, 0))
        self.assertEqual(self.scraped(), (0, 1, 0))

    def test_completed_counts_once(self) -> None:
        for family in (0, 1):
            self.announce(1, family, event=Event.STARTED)
        for _ in range(2):
            for family in (0, 1):
                chosen = self.announce(1, family, left=0, event=Event.COMPLETED)
                self.assertEqual(astuple(chosen)[:3], (1, 0, 1))
        self.announce(2, left=0, event=Event.COMPLETED)
        self.assertEqual(self.scraped(), (2, 0, 2))

    def test_completed_counts_once_though_the_other_family_was_not_known(self) -> None:
        for family in (0, 1):
            self.announce(1, family, left=0, event=Event.COMPLETED)
        self.assertEqual(self.scraped(), (1, 0, 1))

    def test_completed_counts_for_those_who_are_complete(self) -> None:
        self.announce(1, left=1, event=Event.COMPLETED)
        self.announce(2, left=0, event=Event.STARTED)
        self.assertEqual(self.scraped(), (1, 1, 0))

    def test_stopped_over_one_family_is_gone_in_both(self) -> None:
        for family in (0, 1):
            for other in (0, 1):
                self.announce(1, other)
            self.announce(2)
            chosen = self.announce(1, family, event=Event.STOPPED)
            self.assertEqual(chosen, Selection(0, 1, 0))
            self.assertEqual(self.scraped(), (0, 1, 0))

    def test_stopped_with_other_numbers(self) -> None:
        """A peer that stops may say anything else; nobody is chosen for it."""
        self.announce(1)
        self.announce(1, left=0, event=Event.STOPPED, port=1)
        self.assertEqual(self.rows(), set())

    def test_stopped_by_a_stranger(self) -> None:
        self.assertEqual(self.announce(event=Event.STOPPED), NOBODY)
        self.assertEqual(self.store.totals().torrents, 0)
        self.announce(1)
        self.announce(2, event=Event.STOPPED)
        self.announce(1, key=2, event=Event.STOPPED)
        self.assertEqual(self.scraped(), (0, 1, 0))

    def test_address_that_changed(self) -> None:
        self.announce(1)
        self.announce(1, host=host_of(9), port=5)
        self.assertEqual(told(self.announce(2)), [address_of(9, port=5)])
        self.assertEqual(self.scraped(), (0, 2, 0))

    def test_ids_only_when_asked_for(self) -> None:
        self.announce(1)
        self.assertEqual(self.announce(2).ids4, b"")
        self.assertEqual(self.announce(2, with_ids=True).ids4, tail_of(1)[:20])

    def test_scrape(self) -> None:
        self.announce(1, torrent=OTHER, left=0)
        self.assertEqual(self.store.scrape([TORRENT, OTHER, OTHER]), {OTHER: ScrapeResult(1, 0, 0)})


OPERATIONS = st.tuples(
    st.sampled_from(("announce",) * 6 + ("stop", "pass")),
    st.integers(0, 19),  # client
    st.sampled_from((0, 0, 1)),  # family
    st.sampled_from((0, 1)),  # left
    st.sampled_from((0, 0, 0, 1)),  # which of two runs of the client: another id, the same address
    st.sampled_from((TORRENT, TORRENT, OTHER)),
    st.sampled_from((30, 130, 1030)),  # lifetime
    st.sampled_from((0, 1, 5, 50)),  # numwant
)


class ModelTests(StoreCase):
    """Everything as it would be with a dict for each row."""

    def setUp(self) -> None:
        """Of each torrent, who is where: role and time for each name and family."""
        super().setUp()
        self.start(self.store)
        self.model: dict[tuple[bytes, int, int], tuple[bool, bytes, int]] = {}

    @settings(derandomize=True, deadline=None, max_examples=100)
    @given(st.lists(OPERATIONS, max_size=120), st.integers(0, 20))
    def test_a_dict_is_its_model(self, operations, first) -> None:
        self.stop(self.store)
        self.setUp()
        for client in range(first):
            self.tell(client, client % 2, client % 3, 0, TORRENT, 1030, 5)
        for operation, client, family, *rest in operations:
            if operation == "announce":
                self.tell(client, family, *rest)
            elif operation == "stop":
                self.leave(client, family, rest[1], rest[2])
            else:
                self.clock.pump([TURN / 2] * round(100 / (TURN / 2)))
                now = self.clock.seconds()
                self.model = {key: row for key, row in self.model.items() if row[2] > now}
            self.compare()

    def tell(self, client, family, left, run, torrent, lifetime, numwant) -> None:
        name = client + 1000 * run
        seeds, address = not left, address_of(client, family)
        for key, row in list(self.model.items()):
            if key[0] == torrent and key[1] != name and row[1] == address:
                is_new = (torrent, name, family) not in self.model
                if is_new or self.model[torrent, name, family][0] != seeds:
                    del self.model[key]
            elif key[:2] == (torrent, name):
                self.model[key] = seeds, *row[1:]
        self.model[torrent, name, family] = seeds, address, int(self.clock.seconds()) + lifetime
        chosen = self.announce(
            name,
            family,
            left=left,
            torrent=torrent,
            numwant=numwant,
            host=host_of(client, family),
            lifetime=lifetime,
        )
        self.judge(chosen, name, family, seeds, torrent, numwant)

    def leave(self, client, family, run, torrent) -> None:
        name = client + 1000 * run
        for other in (0, 1):
            self.model.pop((torrent, name, other), None)
        chosen = self.announce(name, family, event=Event.STOPPED, torrent=torrent)
        self.assertEqual(told(chosen), [])

    def judge(self, chosen, name, family, seeds, torrent, numwant) -> None:
        """Who was chosen: others, none twice, seeds none, as many as wanted, own family first."""
        possible = [
            {
                row[1]
                for key, row in self.model.items()
                if key[0] == torrent
                and key[1] != name
                and key[2] == each
                and not (seeds and row[0])
            }
            for each in (0, 1)
        ]
        own, other = possible[family], possible[not family]
        found = told(chosen)
        found_own = [address for address in found if len(address) == (18 if family else 6)]
        self.assertEqual(len(set(found)), len(found))
        self.assertLessEqual(set(found), own | other)
        self.assertEqual(len(found), min(numwant, len(own | other)))
        self.assertEqual(len(found_own), min(numwant, len(own)))

    def compare(self) -> None:
        self.assertEqual(
            self.rows(),
            {
                (torrent, seeds, tail_of(name), address, expires)
                for (torrent, name, _), (seeds, address, expires) in self.model.items()
            },
        )
        self.check()


class ExpiryTests(StoreCase):
    def setUp(self) -> None:
        super().setUp()
        self.start(self.store)

    def test_after_the_lifetime(self) -> None:
        self.announce(1, lifetime=100)
        self.announce(2, 1, left=0, lifetime=200)
        self.pass_time(99.5)
        self.assertEqual(self.store.totals()[:3], (1, 1, 1))
        self.pass_time(5)
        self.assertEqual(self.store.totals()[:3], (1, 1, 0))
        self.pass_time(200)
        self.assertEqual(self.store.totals()[:3], (0, 0, 0))
        self.check()

    def test_refreshed(self) -> None:
        for _ in range(5):
            self.announce(1, lifetime=100)
            self.pass_time(90)
        self.assertEqual(self.store.totals()[:3], (1, 0, 1))

    def test_of_one_family(self) -> None:
        self.announce(1, 0, lifetime=100)
        self.announce(1, 1, lifetime=300)
        self.pass_time(110)
        self.assertEqual(self.store.totals()[:3], (1, 0, 1))
        self.assertEqual(told(self.announce(2)), [address_of(1, 1)])

    def test_all_within_a_round(self) -> None:
        """However the peers are spread over swarms."""
        for name in range(1000):
            self.announce(name, torrent=b"%020d" % (name % 300), lifetime=100)
            self.announce(name, torrent=TORRENT, lifetime=100 + name % 2 * 1000)
        self.pass_time(100)
        self.pass_time(ROUND + 1)
        self.assertEqual(self.store.totals()[:3], (1, 0, 500))
        self.check()

    def test_large_crowd_in_several_looks(self) -> None:
        """Though all of it has to go at once, that is done a little at a time."""
        size = 5 * LOOKED_AT + LOOKED_AT // 2
        for name in range(size):
            self.announce(name, lifetime=100, numwant=0)
        self.clock.advance(99)
        fewest, looks = self.store.totals().leechers, 0
        for _ in range(round((ROUND + 1) / TURN)):
            self.clock.advance(TURN)
            left = self.store.totals().leechers
            self.assertLessEqual(fewest - left, LOOKED_AT)
            looks += fewest != left
            fewest = left
        self.assertEqual((fewest, looks), (0, 6))

    def test_one_large_crowd_as_fast_as_many_small_ones(self) -> None:
        """Here it is larger than one look a turn would do."""
        self.patch(memorystore, "LOOKED_AT", 7)
        for name in range(10_000):
            self.announce(name, lifetime=100 if name % 10 else 10_000, numwant=0)
        self.pass_time(100)
        self.pass_time(3 * ROUND)
        self.assertEqual(self.store.totals().leechers, 1000)

    def test_many_small_swarms_that_all_have_to_go(self) -> None:
        """A little at a time, however much is to be looked at in a turn."""
        self.patch(memorystore, "REMOVED", 50)
        self.patch(memorystore, "ROUND", 1)
        for name in range(3000):
            self.announce(name, torrent=b"%020d" % name, lifetime=100)
        self.clock.advance(99)
        fewest = 3000
        for _ in range(90):
            self.clock.advance(TURN)
            left = self.store.totals().leechers
            self.assertLessEqual(fewest - left, 50)
            fewest = left
        self.assertEqual(fewest, 0)

    def test_peers_that_come_and_go_while_a_crowd_is_looked_through(self) -> None:
        self.patch(memorystore, "LOOKED_AT", 7)
        for name in range(100):
            self.announce(name, name % 2, lifetime=100)
        for name in range(100, 1100):
            self.announce(name, name % 2, lifetime=100_000)
            self.announce(name - 50, event=Event.STOPPED)
            self.clock.advance(TURN)
        self.pass_time(ROUND)
        self.assertEqual(self.store.totals().leechers, 50)
        self.check()

    def test_empty_swarm_is_forgotten(self) -> None:
        self.announce(1)
        self.announce(1, event=Event.STOPPED)
        self.assertEqual(self.store.totals().torrents, 1)
        self.pass_time(5)
        self.assertEqual(self.store.totals().torrents, 0)
        self.assertEqual(self.store.scrape([TORRENT]), {})

    def test_how_often_it_was_completed_is_kept_for_a_while(self) -> None:
        self.announce(1, left=0, event=Event.COMPLETED)
        self.announce(1, event=Event.STOPPED)
        self.clock.pump([KEPT_EMPTY / 100] * 100)
        self.assertEqual(self.store.scrape([TORRENT]), {TORRENT: ScrapeResult(0, 0, 1)})
        self.clock.pump([1.0] * 10)
        self.assertEqual(self.store.scrape([TORRENT]), {})

    def test_what_strangers_make_up_keeps_nobody_out(self) -> None:
        """Of more than half as many torrents as there may be, nothing is kept without peers."""
        self.store._max_torrents = 10
        for number in range(10):
            torrent = bytes([number]) * 20
            self.announce(1, left=0, event=Event.COMPLETED, torrent=torrent)
            self.announce(1, event=Event.STOPPED, torrent=torrent)
        self.assertEqual(self.store.totals().torrents, 10)
        self.pass_time(2 * ROUND)
        self.assertEqual(self.store.totals().torrents, 5)

    def test_an_error_does_not_end_it(self) -> None:
        """One swarm that cannot be looked through is left out, once."""
        self.announce(1, torrent=OTHER, lifetime=10)
        self.announce(1, lifetime=10)
        broken = self.store._swarms.pop(OTHER)
        self.pass_time(15)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)
        self.assertEqual(self.store.scrape([TORRENT]), {})
        self.assertEqual(broken.rows, 1)


class LimitTests(StoreCase):
    limits = {"max_peers": 3, "max_torrents": 2}

    def assert_full(self, *args, **keywords) -> None:
        before = self.rows(), self.store.totals()
        error = self.assertRaises(Refused, self.announce, *args, **keywords)
        self.assertEqual(error.reason, Reason.FULL)
        self.assertEqual(error.retry_in, memorystore.RETRY_WHEN_FULL)
        self.assertEqual((self.rows(), self.store.totals()), before)
        self.check()

    def test_torrents(self) -> None:
        self.announce(1)
        self.announce(1, torrent=OTHER)
        self.assert_full(1, torrent=b"3" * 20)
        self.assertEqual(self.announce(2).leechers, 2)

    def test_peers(self) -> None:
        """Those who are here are still served, and may come to seed, or by the other family."""
        for name in (1, 2, 3):
            self.announce(name)
        self.assert_full(4)
        self.assert_full(4, torrent=OTHER)
        self.assertEqual(len(told(self.announce(1))), 2)
        self.assertEqual(astuple(self.announce(2, left=0, event=Event.COMPLETED))[:3], (1, 2, 1))
        self.announce(3, 1)
        self.assert_full(4)
        self.check()

    def test_room_again(self) -> None:
        for name in (1, 2, 3):
            self.announce(name)
        self.announce(2, event=Event.STOPPED)
        self.announce(4)
        self.assert_full(5)


class FileCase(StoreCase):
    """A store with a file, which `stop` writes."""

    def setUp(self) -> None:
        self.path = os.path.join(self.mktemp(), "deep", "swarms")
        super().setUp()

    def fill(self) -> None:
        """Start it without a file, and have it know some peers."""
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.start(self.store)
        for name in range(40):
            self.announce(name, name % 2, left=name % 3, lifetime=100 + 10 * name)
        self.announce(3, 0, left=0, torrent=OTHER, event=Event.COMPLETED)
        self.announce(3, 1, left=0, torrent=OTHER)

    def again(self) -> MemoryStore:
        """Another run of it, at another time of its own clock."""
        self.clock.advance(12345)
        store = self.make()
        self.start(store)
        self.addCleanup(self.stop, store)
        return store

    def left(self, store: MemoryStore, seconds: float = 0) -> set[tuple]:
        """Its rows, with the seconds that they will have left when some more have passed."""
        passed = int(self.clock.seconds()) + seconds
        return {(*row[:-1], row[-1] - passed) for row in self.rows(store)}


class FileTests(FileCase):
    """What a restart keeps."""

    def test_no_file(self) -> None:
        with capturedLogs() as logs:
            self.start(self.store)
        self.assertEqual((logs, self.store.totals()[:3]), ([], (0, 0, 0)))

    def test_round_trip(self) -> None:
        for passed in (0, 1, 100, 250, 10_000):
            self.store = self.make()
            self.fill()
            before = self.left(self.store, passed)
            self.stop(self.store)
            self.wall += passed
            store = self.again()
            self.assertEqual(self.left(store), {row for row in before if row[-1] > 0})
            self.assertEqual(store.scrape([OTHER])[OTHER].completed, 1)
            self.check(store)
            self.stop(store)

    def test_wall_clock_that_steps_back(self) -> None:
        """Then nobody knows how much time has passed: none."""
        self.fill()
        before = self.left(self.store)
        self.stop(self.store)
        self.wall -= 1_000_000
        self.assertEqual(self.left(self.again()), before)

    def test_lives_on(self) -> None:
        """What was read is swept like all else."""
        self.fill()
        self.stop(self.store)
        store = self.again()
        self.clock.pump([TURN] * round(600 / TURN))
        self.assertEqual(store.totals()[:3], (1, 1, 0))
        self.check(store)

    def test_nobody_else_may_read_it(self) -> None:
        self.fill()
        self.stop(self.store)
        self.assertEqual(os.stat(self.path).st_mode & 0o777, 0o600)

    def assert_left_out(self, text: str) -> None:
        with capturedLogs() as logs:
            store = self.again()
        self.assertEqual(store.totals()[:3], (0, 0, 0))
        (event,) = logs
        self.assertIn(text, event["why"])
        self.assertEqual(event["path"], self.path)
        store.announce(announced(1), 100, False)
        self.check(store)

    def test_damaged(self) -> None:
        self.fill()
        self.stop(self.store)
        with open(self.path, "r+b") as file:
            file.seek(100)
            file.write(b"\xff\0\xff")
        self.assert_left_out("damaged")

    def test_cannot_be_read(self) -> None:
        os.makedirs(self.path)
        self.assert_left_out("Is a directory")
        os.rmdir(self.path)

    def test_cannot_be_written(self) -> None:
        self.fill()
        os.makedirs(self.path)
        with capturedLogs() as logs:
            self.stop(self.store)
        (event,) = logs
        self.assertEqual((event["path"], event["why"]), (self.path, "Is a directory"))
        os.rmdir(self.path)

    def test_old_file_outlives_a_write_that_fails(self) -> None:
        self.fill()
        self.stop(self.store)
        kept = read(self.path)
        os.makedirs(f"{self.path}.new")
        with capturedLogs() as logs:
            self.stop(self.store)
        self.assertEqual((len(logs), read(self.path)), (1, kept))
        os.rmdir(f"{self.path}.new")

    def test_larger_than_there_is_room_for(self) -> None:
        self.fill()
        self.stop(self.store)
        for limits, torrents in (
            ({"max_peers": 10}, [OTHER]),
            ({"max_torrents": 1}, [TORRENT]),
            ({"max_peers": 1}, []),
        ):
            self.limits = limits
            store = self.again()
            self.assertEqual(list(store.scrape([TORRENT, OTHER])), torrents)
            self.check(store)
            os.rename(self.path, f"{self.path}.kept")
            self.stop(store)
            os.rename(f"{self.path}.kept", self.path)


class MeanwhileTests(FileCase):
    """Peers that announce before the file has been read, as they do when ports are open already."""

    def in_thread(self, call, *args) -> Deferred:
        return super().in_thread(call, *args).addCallback(self.with_announces)

    def with_announces(self, result):
        """Between the read and its result."""
        if self.is_busy and isinstance(result, list):
            for name in (3, 900):
                self.newcomer.announce(announced(name, left=0, numwant=0), 100_000, False)
        return result

    is_busy = False

    def make(self) -> MemoryStore:
        self.newcomer = super().make()
        return self.newcomer

    def test_all_others_are_kept(self) -> None:
        self.fill()
        self.stop(self.store)
        self.is_busy = True
        store = self.again()
        names = {tail_of(name) for name in (*range(40), 900)}
        self.assertEqual({row[2] for row in self.rows(store) if row[0] == TORRENT}, names)
        (found,) = store.scrape([TORRENT]).values()
        self.assertEqual(found.seeders + found.leechers, 41)
        self.check(store)
