"""Whose turn it is: bounds over all trackers and per host, silent hosts, time limits."""

from random import Random

from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import NOT_DONE_YET

from tests.testing.clock import HeapClock
from tests.tracker.trackers import ANSWER, INFO_HASH, World, request
from txtorrent.bencode import encode
from txtorrent.tracker import clients
from txtorrent.tracker.clients import Trackers
from txtorrent.tracker.errors import RestingError, TimedOutError, UnreachableError
from txtorrent.tracker.turns import Rank, rank_of
from txtorrent.wire.announce import AnnounceResponse, Event, ScrapeResult, TrackerError

OK = AnnounceResponse()


class Client:
    """A client of trackers that answers when the test says so."""

    def __init__(self) -> None:
        self.asked = []

    def announce(self, url, request, *, trusted):
        deferred = Deferred()
        self.asked.append((url, request, trusted, deferred))
        return deferred

    def answer(self, number: int, outcome=OK) -> None:
        deferred = self.asked[number][3]
        if isinstance(outcome, Exception):
            deferred.errback(outcome)
        else:
            deferred.callback(outcome)

    @property
    def open(self):
        return [each for each in self.asked if not each[3].called]

    def hosts(self):
        return [each[0].split("/")[2] for each in self.open]


class TurnCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = HeapClock()
        self.trackers = Trackers(self.clock, Random(1))
        self.client = Client()
        self.trackers._clients = dict.fromkeys(("http", "https", "udp"), self.client)

    def ask(self, host: str, **changes):
        return self.trackers.announce(f"http://{host}/announce", request(**changes))

    def drop(self, deferreds) -> None:
        for deferred in deferreds:
            deferred.addErrback(lambda failure: failure.trap(Exception) and None)


class BoundTests(TurnCase):
    """D7."""

    def test_four_a_host(self) -> None:
        waiting = [self.ask("a") for _ in range(10)]
        self.assertEqual(len(self.client.open), 4)
        self.client.answer(1)
        self.successResultOf(waiting[1])
        self.assertEqual(len(self.client.open), 4)

    def test_fifty_in_all(self) -> None:
        for number in range(100):
            self.ask(f"h{number}")
        self.assertEqual(len(self.client.open), 50)
        self.client.answer(0)
        self.assertEqual(len(self.client.open), 50)

    def test_other_bounds(self) -> None:
        self.trackers = Trackers(self.clock, Random(1), at_once=3, per_host=2)
        self.trackers._clients = dict.fromkeys(("http", "https", "udp"), self.client)
        for host in "aaabbb":
            self.ask(host)
        self.assertEqual(sorted(self.client.hosts()), ["a", "a", "b"])

    def test_no_other_host_waits(self) -> None:
        for _ in range(5000):
            self.ask("dead")
        others = [self.ask(f"live{number % 40}") for number in range(40)]
        self.assertEqual(self.client.hosts().count("dead"), 4)
        for number in range(4, 44):
            self.client.answer(number)
        for other in others:
            self.successResultOf(other)

    def test_hosts_take_turns(self) -> None:
        self.trackers._at_once = 1
        for host in "aaabbbccc":
            self.ask(host)
        order = ""
        while self.client.open:
            order += self.client.hosts()[0]
            self.client.answer(len(self.client.asked) - 1)
        self.assertEqual(order, "aabcabcbc")

    def test_host_is_one_whatever_the_port_and_scheme(self) -> None:
        for url in ("http://a/", "http://A:81/", "https://a/", "udp://a:5", "http://u:p@a/x"):
            self.trackers.announce(url, request())
        self.assertEqual(len(self.client.open), 4)

    def test_stopped_goes_first(self) -> None:
        for _ in range(6):
            self.ask("a", event=Event.NONE)
        self.ask("a", event=Event.STOPPED)
        self.client.answer(0)
        self.assertIs(self.client.asked[-1][1].event, Event.STOPPED)

    def test_too_many_waiting(self) -> None:
        self.patch(clients, "MAX_WAITING", 3)
        for _ in range(7):
            self.ask("a")
        self.failureResultOf(self.ask("a"), RestingError)

    def test_answers_at_once(self) -> None:
        """A queue of requests that all fail at once needs no deep stack."""
        held = [self.ask("a") for _ in range(5000)]
        self.client.announce = lambda *_, **__: fail(TrackerError("no"))
        self.client.answer(0)
        self.successResultOf(held[0])
        for number in range(1, 4):
            self.client.answer(number)
        for deferred in held[4:]:
            self.failureResultOf(deferred, TrackerError)

    def test_unknown_scheme(self) -> None:
        self.failureResultOf(self.trackers.announce("ws://a/", request()), TrackerError)
        self.assertEqual(self.trackers._hosts, {})


class LimitTests(TurnCase):
    def test_thirty_seconds_from_its_turn(self) -> None:
        """D3."""
        deferred = self.ask("a")
        self.clock.advance(29.9)
        self.assertNoResult(deferred)
        self.clock.advance(0.2)
        error = self.failureResultOf(deferred, UnreachableError).value
        self.assertIn("within 30 seconds", str(error))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_waiting_does_not_count(self) -> None:
        self.drop([self.ask("a") for _ in range(4)])
        fifth = self.ask("a")
        self.clock.advance(20)
        self.client.answer(0)
        self.clock.advance(20)
        self.assertNoResult(fifth)
        self.client.answer(4)
        self.successResultOf(fifth)

    def test_cancel_while_waiting(self) -> None:
        waiting = [self.ask("a") for _ in range(5)]
        waiting[4].cancel()
        self.failureResultOf(waiting[4], CancelledError)
        for number in range(4):
            self.client.answer(number)
        self.assertEqual((len(self.client.asked), self.trackers._hosts), (4, {}))

    def test_cancel_under_way(self) -> None:
        waiting = [self.ask("a") for _ in range(5)]
        waiting[0].cancel()
        self.failureResultOf(waiting[0], CancelledError)
        self.assertEqual(len(self.client.open), 4)

    def test_stop(self) -> None:
        self.trackers = Trackers(World().client, Random(1))
        self.trackers._clients = {"http": Stoppable(), "udp": Stoppable()}
        waiting = [self.ask("a") for _ in range(9)]
        self.successResultOf(self.trackers.stop())
        for deferred in waiting:
            self.failureResultOf(deferred, CancelledError)


class Stoppable(Client):
    def stop(self):
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        return None


class SilenceTests(TurnCase):
    """A host that does not answer is left alone, and nobody waits for it."""

    def silence(self, count: int = 3) -> None:
        for _ in range(count):
            deferred = self.ask("a")
            self.client.open[-1][3].errback(UnreachableError("nothing"))
            self.failureResultOf(deferred, UnreachableError)

    def test_rests(self) -> None:
        self.silence()
        asked = len(self.client.asked)
        error = self.failureResultOf(self.ask("a"), RestingError).value
        self.assertEqual((error.retry_in, error.wait), (60.0, 60.0))
        self.assertEqual(len(self.client.asked), asked)
        self.ask("b")
        self.assertEqual(self.client.hosts(), ["b"])

    def test_those_who_wait_are_told(self) -> None:
        waiting = [self.ask("a") for _ in range(5000)]
        for number in range(3):
            self.client.answer(number, UnreachableError("nothing"))
        for deferred in waiting[:3]:
            self.failureResultOf(deferred, UnreachableError)
        told = [self.failureResultOf(deferred) for deferred in waiting[6:]]
        self.assertTrue(all(failure.check(RestingError) for failure in told))
        self.assertEqual(self.trackers._waiting, 0)
        self.client.answer(3)
        self.successResultOf(waiting[3])

    def test_one_finds_out(self) -> None:
        self.silence()
        self.clock.advance(61)
        waiting = [self.ask("a") for _ in range(6)]
        self.assertEqual(len(self.client.open), 1)
        self.client.answer(3)
        self.successResultOf(waiting[0])
        self.assertEqual(len(self.client.open), 4)

    def test_rests_get_longer(self) -> None:
        self.silence()
        for wait in (120.0, 240.0, 480.0, 600.0, 600.0):
            self.clock.advance(1801)
            self.silence(1)
            error = self.failureResultOf(self.ask("a"), RestingError).value
            self.assertEqual(error.wait, wait)

    def test_refusal_is_a_sign_of_life(self) -> None:
        self.silence(2)
        deferred = self.ask("a")
        self.client.answer(2, TrackerError("no"))
        self.failureResultOf(deferred, TrackerError)
        self.silence(2)
        self.ask("a")
        self.assertEqual(len(self.client.open), 1)

    def test_giving_up_is_no_silence(self) -> None:
        for _ in range(10):
            deferred = self.ask("a")
            deferred.cancel()
            self.failureResultOf(deferred, CancelledError)
        self.ask("a")
        self.assertEqual(len(self.client.open), 1)

    def test_hosts_are_forgotten(self) -> None:
        self.patch(clients, "MAX_HOSTS", 10)
        for number in range(50):
            deferred = self.ask(f"h{number}")
            self.client.answer(number, UnreachableError("nothing"))
            self.failureResultOf(deferred)
        self.assertLessEqual(len(self.trackers._hosts), 10)
        self.client.asked.clear()
        self.ask("live")
        self.client.answer(0)
        self.assertNotIn("live", self.trackers._hosts)

    def test_busy_hosts_are_not_forgotten(self) -> None:
        self.patch(clients, "MAX_HOSTS", 3)
        for number in range(5):
            for _ in range(5):
                self.ask(f"h{number}")
        self.assertEqual(len(self.client.open), 20)
        self.assertEqual(len(self.trackers._hosts), 5)


class NetworkTests(SynchronousTestCase):
    """The whole of it, on the simulated network."""

    def setUp(self) -> None:
        self.world = World()
        self.trackers = Trackers(self.world.client, Random(1))

    def tearDown(self) -> None:
        self.world.run(self.trackers.stop())
        self.world.clock.advance(1)
        self.assertEqual(self.world.leftovers(), [])

    def test_every_scheme(self) -> None:
        self.world.web("203.0.113.1", "web.example")
        self.world.udp("203.0.113.2", "udp.example")
        for url in ("http://web.example/announce", "udp://udp.example:6969"):
            self.assertEqual(len(self.world.run(self.trackers.announce(url, request())).peers), 2)

    def test_scrape(self) -> None:
        files = {INFO_HASH: {b"complete": 1, b"incomplete": 2, b"downloaded": 3}}
        self.world.web("203.0.113.1", "web.example", answer=lambda _: encode({b"files": files}))
        self.world.udp("203.0.113.2", "udp.example")
        for url, result in (
            ("http://web.example/announce", ScrapeResult(1, 2, 3)),
            ("udp://udp.example:6969", ScrapeResult(10, 30, 20)),
        ):
            found = self.world.run(self.trackers.scrape(url, [INFO_HASH]))
            self.assertEqual(found, {INFO_HASH: result})

    def test_trusted(self) -> None:
        self.world.web("127.0.0.1")
        url = "http://127.0.0.1/announce"
        self.assertRaises(TrackerError, self.world.run, self.trackers.announce(url, request()))
        self.world.run(self.trackers.announce(url, request(), trusted=True))

    def test_one_dead_tracker_among_5000_torrents(self) -> None:
        """D7."""
        self.world.at("203.0.113.9", "dead.example").vanish()
        page = self.world.web("203.0.113.1", "live.example")
        urls = ["udp://dead.example:6969", "http://live.example/announce"]
        dead = [self.trackers.announce(urls[0], request()) for _ in range(5000)]
        live = [self.trackers.announce(urls[1], request()) for _ in range(100)]
        self.world.clock.advance(5)
        self.assertEqual(len(page.seen), 100)
        for deferred in live:
            self.successResultOf(deferred)
        self.world.clock.advance(26)
        self.assertLess(sum(not deferred.called for deferred in dead), 4)
        self.world.clock.advance(30)
        for deferred in dead:
            self.failureResultOf(deferred, UnreachableError)

    def test_drip(self) -> None:
        """D3: bytes that come one a second end after 30 of them."""
        sent = []

        def talk(transport, host) -> None:
            transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")

            def drip() -> None:
                if transport.connected and not transport.disconnected:
                    sent.append(1)
                    transport.write(b"d")
                    host.callLater(1, drip)

            drip()

        self.world.raw("203.0.113.1", "drip.example", talk=talk)
        deferred = self.trackers.announce("http://drip.example/announce", request())
        self.world.clock.advance(29)
        self.assertNoResult(deferred)
        self.world.clock.advance(2)
        self.failureResultOf(deferred, UnreachableError)
        self.world.clock.advance(5)
        self.assertLessEqual(len(sent), 32)

    def test_drip_of_headers_and_of_silence(self) -> None:
        def talk(transport, host) -> None:
            transport.write(b"HTTP/1.1 200 OK\r\nX: ")

        self.world.raw("203.0.113.1", "drip.example", talk=talk)
        self.world.at("203.0.113.2", "gone.example").vanish()
        for name in ("drip", "gone"):
            deferred = self.trackers.announce(f"http://{name}.example/announce", request())
            self.world.clock.advance(29)
            self.assertNoResult(deferred)
            self.world.clock.advance(2)
            self.failureResultOf(deferred, UnreachableError)

    def test_redirects_share_the_thirty_seconds(self) -> None:
        def slow(asked):
            def later() -> None:
                asked.setResponseCode(302)
                asked.setHeader("location", "/announce")
                asked.finish()

            self.world.clock.callLater(12, later)
            return NOT_DONE_YET

        self.world.web("203.0.113.1", "slow.example", answer=slow)
        deferred = self.trackers.announce("http://slow.example/announce", request())
        self.world.clock.advance(31)
        self.failureResultOf(deferred, UnreachableError)
        self.world.clock.advance(12)
        self.flushLoggedErrors()

    def test_dead_names(self) -> None:
        """F5: a resolver that does not answer holds up nobody else."""
        resolver = self.world.client.nameResolver

        class Dead:
            def resolveHostName(self, receiver, name, *args, **keywords):
                if name == "live.example":
                    return resolver.resolveHostName(receiver, name, *args, **keywords)
                return None

        self.world.client.installNameResolver(Dead())
        self.world.web("203.0.113.1", "live.example", answer=lambda _: ANSWER)
        dead = [self.trackers.announce("http://dead.example/a", request()) for _ in range(20)]
        self.world.run(self.trackers.announce("http://live.example/announce", request()))
        self.world.clock.advance(200)
        for deferred in dead:
            self.failureResultOf(deferred, UnreachableError)


class Torrent:
    """Waits for a turn to announce, and notes what comes of it."""

    trusted = False

    def __init__(self, host: str, **changes) -> None:
        self.url = f"http://{host}/announce"
        self.changes = changes
        self.outcome = None
        self.asked = False

    def request(self):
        self.asked = True
        return request(**self.changes)

    def answered(self, response) -> None:
        self.outcome = response

    def failed(self, error) -> None:
        self.outcome = type(error)

    def turned_away(self) -> None:
        self.outcome = "away"


class ApplicantTests(TurnCase):
    """Thousands wait for their turn without a request each."""

    def apply(self, host: str = "a", rank: Rank = Rank.OTHERS, **changes) -> Torrent:
        torrent = Torrent(host, **changes)
        self.trackers.apply(torrent, rank)
        return torrent

    def test_asked_what_to_announce_when_it_is_its_turn(self) -> None:
        torrents = [self.apply() for _ in range(6)]
        self.assertEqual([each.asked for each in torrents], [True] * 4 + [False] * 2)
        self.client.answer(1)
        self.assertEqual([each.asked for each in torrents], [True] * 5 + [False])
        self.assertEqual([each.outcome for each in torrents], [None, OK, None, None, None, None])

    def test_ranks(self) -> None:
        self.trackers._at_once = 1
        self.apply()
        for number, rank in enumerate([Rank.OTHERS, Rank.DOWNLOADS, Rank.ENDING] * 2):
            self.apply(rank=rank, uploaded=number)
        for _ in range(7):
            self.client.answer(len(self.client.asked) - 1)
        self.assertEqual([each[1].uploaded for each in self.client.asked[1:]], [2, 5, 1, 4, 0, 3])

    def test_rank_of_an_announce(self) -> None:
        for event, complete, rank in [
            (Event.STARTED, True, Rank.OTHERS),
            (Event.NONE, True, Rank.OTHERS),
            (Event.STARTED, False, Rank.DOWNLOADS),
            (Event.NONE, False, Rank.DOWNLOADS),
            (Event.COMPLETED, True, Rank.ENDING),
            (Event.STOPPED, True, Rank.ENDING),
            (Event.STOPPED, False, Rank.ENDING),
        ]:
            self.assertIs(rank_of(event, complete), rank)

    def test_failure(self) -> None:
        torrents = [self.apply() for _ in range(5)]
        self.client.answer(0, TrackerError("no"))
        self.assertIs(torrents[0].outcome, TrackerError)
        self.assertTrue(torrents[4].asked)

    def test_out_of_time(self) -> None:
        torrent = self.apply()
        self.clock.advance(31)
        self.assertIs(torrent.outcome, TimedOutError)

    def test_a_fault_in_what_is_announced(self) -> None:
        torrent = Torrent("a", info_hash=b"short")
        self.trackers.apply(torrent, Rank.OTHERS)
        self.assertIs(torrent.outcome, ValueError)
        self.assertEqual(self.trackers._under_way, 0)

    def test_a_fault_in_whoever_takes_the_answer(self) -> None:
        torrents = [self.apply() for _ in range(5)]
        torrents[0].answered = lambda response: 1 / 0
        self.client.answer(0)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertTrue(torrents[4].asked)

    def test_leaves_while_waiting(self) -> None:
        torrents = [self.apply() for _ in range(5)]
        self.trackers.leave(torrents[4])
        for number in range(4):
            self.client.answer(number)
        self.assertFalse(torrents[4].asked)
        self.assertEqual((self.trackers._waiting, self.trackers._hosts), (0, {}))

    def test_leaves_under_way(self) -> None:
        torrents = [self.apply() for _ in range(5)]
        self.trackers.leave(torrents[0])
        self.assertIsNone(torrents[0].outcome)
        self.assertTrue(torrents[4].asked)
        self.trackers.leave(torrents[0])
        self.trackers.leave(Torrent("unknown"))

    def test_leaves_when_asked_what_to_announce(self) -> None:
        torrent = Torrent("a")
        ask = torrent.request
        torrent.request = lambda: self.trackers.leave(torrent) or ask()
        self.trackers.apply(torrent, Rank.OTHERS)
        self.client.answer(0)
        self.assertEqual((torrent.outcome, self.trackers._under_way), (None, 0))

    def test_turned_away(self) -> None:
        torrents = [self.apply() for _ in range(5000)]
        for number in range(3):
            self.client.answer(number, UnreachableError("nothing"))
        self.assertEqual({each.outcome for each in torrents[6:]}, {"away"})
        self.assertEqual(self.trackers._waiting, 0)
        self.assertRaises(RestingError, self.apply)

    def test_cannot_be_asked(self) -> None:
        self.assertRaises(TrackerError, self.trackers.apply, Torrent("bad host"), Rank.OTHERS)
        self.patch(clients, "MAX_WAITING", 0)
        self.assertRaises(RestingError, self.apply)

    def test_all_is_given_up(self) -> None:
        self.trackers._clients = {"http": Stoppable(), "udp": Stoppable()}
        torrents = [self.apply() for _ in range(9)]
        self.successResultOf(self.trackers.stop())
        self.assertEqual({each.outcome for each in torrents}, {CancelledError})
        self.assertEqual(self.trackers._waiting, 0)

    def test_all_fail_at_once(self) -> None:
        """A torrent that goes on to its next tracker from each failure needs no deep stack."""
        self.client.announce = lambda *_, **__: fail(TrackerError("no"))
        torrent = Torrent("a")
        left = [5000]

        def failed(error) -> None:
            left[0] -= 1
            if left[0]:
                self.trackers.apply(torrent, Rank.OTHERS)

        torrent.failed = failed
        self.trackers.apply(torrent, Rank.OTHERS)
        self.assertEqual(left, [0])
