"""Questions on a virtual clock: when they are sent, whose an answer is, who is slow or lost."""

from collections import Counter
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from tests.testing.clock import HeapClock
from txtorrent.address import Address
from txtorrent.dht import asking as asking_module
from txtorrent.dht.asking import LOOK_EVERY, SLOW, TIMEOUT, Asking
from txtorrent.dht.budget import Budget
from txtorrent.wire.krpc import Query, Response, decode_message
from txtorrent.wire.krpcqueries import Ping

ME = b"m" * 20


def there(number: int) -> Address:
    return Address(f"20.{number // 250}.{number % 250}.1", 6881)


class Log:
    """Who asks, and notes what becomes of it."""

    def __init__(self, clock: HeapClock) -> None:
        self.clock = clock
        self.notes: list[tuple[str, float]] = []

    def answered(self, inquiry, response) -> None:
        self.notes.append(("answered", self.clock.seconds()))

    def failed(self, inquiry) -> None:
        self.notes.append(("failed", self.clock.seconds()))

    def slow(self, inquiry) -> None:
        self.notes.append(("slow", self.clock.seconds()))


class AskingCase(SynchronousTestCase):
    rate = 1_000_000

    def setUp(self) -> None:
        self.clock = HeapClock()
        self.log = Log(self.clock)
        self.sent: list[tuple[float, bytes, Address]] = []
        self.lost: list[Address] = []
        self.counts: Counter[str] = Counter()
        self.asking = Asking(
            self.clock,
            Random(1),
            lambda data, to: self.sent.append((self.clock.seconds(), data, to)),
            Budget(self.rate, 0.0),
            lambda transaction, question: Query(transaction, ME, question),
            self.on_lost,
            self.counts,
        )

    def tearDown(self) -> None:
        self.asking.stop()
        self.assertEqual(self.clock.timers(), [])

    def on_lost(self, inquiry) -> None:
        self.lost.append(inquiry.address)
        if inquiry.asker is not None:
            inquiry.asker.failed(inquiry)

    def ask(self, number: int = 0):
        return self.asking.ask(there(number), None, Ping(), self.log)

    def transaction(self, at: int = -1) -> bytes:
        return decode_message(self.sent[at][1]).transaction


class One(AskingCase):
    def test_sent_at_once_with_an_id_of_its_own(self) -> None:
        for number in range(100):
            self.ask(number)
        self.assertEqual({at for at, _, _ in self.sent}, {0.0})
        ids = {self.transaction(at) for at in range(100)}
        self.assertEqual((len(ids), {len(each) for each in ids}), (100, {4}))

    def test_whose_an_answer_is(self) -> None:
        inquiry = self.ask()
        for transaction, source in (
            (self.transaction(), there(1)),
            (self.transaction(), Address(there(0).host, 6882)),
            (b"", there(0)),
            (self.transaction() + b"x", there(0)),
        ):
            self.assertIsNone(self.asking.answered(Response(transaction, ME), source))
        answer = Response(self.transaction(), ME)
        self.assertIs(self.asking.answered(answer, there(0)), inquiry)
        self.assertIsNone(self.asking.answered(answer, there(0)))
        self.clock.advance(10.0)
        self.assertEqual((self.log.notes, self.lost), ([], []))

    def test_slow_and_lost(self) -> None:
        self.ask()
        self.clock.advance(10.0)
        (slow, slow_at), (failed, failed_at) = self.log.notes
        self.assertEqual((slow, failed), ("slow", "failed"))
        self.assertTrue(SLOW <= slow_at <= SLOW + LOOK_EVERY)
        self.assertTrue(TIMEOUT <= failed_at <= TIMEOUT + LOOK_EVERY)
        self.assertEqual(self.lost, [there(0)])
        self.assertIsNone(self.asking.answered(Response(self.transaction(), ME), there(0)))

    def test_time_counts_from_when_it_is_sent(self) -> None:
        for _ in range(30):
            self.ask(0)
        self.clock.advance(20.0)
        self.assertEqual(len(self.lost), 30)
        gaps = [
            failed - sent for (sent, _, _), failed in zip(self.sent, self.failures, strict=True)
        ]
        self.assertTrue(all(TIMEOUT <= gap <= TIMEOUT + LOOK_EVERY for gap in gaps))

    @property
    def failures(self) -> list[float]:
        return [at for what, at in self.log.notes if what == "failed"]

    def test_nobody_wants_to_know_any_more(self) -> None:
        """What waits is not sent; of what was sent the table is told."""
        inquiries = [self.ask(0) for _ in range(10)]
        for inquiry in inquiries:
            inquiry.asker = None
        self.clock.advance(20.0)
        self.assertEqual((len(self.sent), len(self.lost), self.log.notes), (3, 3, []))


class Slowly(AskingCase):
    rate = 1000

    def test_within_the_budget(self) -> None:
        for number in range(400):
            self.ask(number)
        self.clock.advance(30.0)
        size = sum(len(data) for _, data, _ in self.sent)
        self.assertLess(size, self.rate * 34)
        self.assertGreater(size, self.rate * 16)
        self.clock.advance(60.0)
        self.assertEqual(len(self.sent), 400)
        self.assertEqual([to for _, _, to in self.sent], [there(number) for number in range(400)])

    def test_a_full_line(self) -> None:
        self.patch(asking_module, "MOST_WAITING", 20)
        taken = [self.ask(number) is not None for number in range(200)]
        self.assertEqual(taken.count(True), len(self.sent) + 20)
        self.assertTrue(self.asking.is_full)
        self.assertEqual(self.counts["questions given up"], taken.count(False))

    def test_stop(self) -> None:
        for number in range(200):
            self.ask(number)
        self.asking.stop()
        sent = len(self.sent)
        self.clock.advance(60.0)
        self.assertEqual((len(self.sent), self.log.notes, self.lost), (sent, [], []))
        self.assertIsNone(self.ask())
