"""What keeps the DHT from being used against others, or against us: gate, tokens, budget, pace."""

from random import Random

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.dht import gate, pace, tokens
from txtorrent.dht.budget import BURST, Budget
from txtorrent.dht.gate import BLOCKED, Gate
from txtorrent.dht.pace import Pace
from txtorrent.dht.tokens import Tokens

HOST, OTHER = "20.0.0.1", "20.0.0.2"


def heard(gate_: Gate, host: str, times: list[float]) -> str:
    """A letter for each message: y(es) or n(o)."""
    return "".join("y" if gate_.admits(host, now) else "n" for now in times)


class GateTests(SynchronousTestCase):
    """C1."""

    def test_the_sixth_in_a_second(self):
        self.assertEqual(heard(Gate(), HOST, [0, 0.1, 0.1, 0.1, 0.1, 0.1]), "yyyyyn")

    def test_five_a_second_for_long(self):
        self.assertEqual(heard(Gate(), HOST, [at / 5 for at in range(500)]), "y" * 500)

    def test_an_accident_is_forgiven(self):
        self.assertEqual(heard(Gate(), HOST, [0] * 10 + [2, 2, 2]), "yyyyynnnnnyyy"[:13])

    def test_whoever_goes_on_is_blocked_for_five_minutes(self):
        gate_ = Gate()
        heard(gate_, HOST, [0.0] * 31)
        self.assertEqual(gate_.blocked(0.0), 1)
        self.assertEqual(heard(gate_, HOST, [1, 100, BLOCKED - 1]), "nnn")
        self.assertEqual(heard(gate_, OTHER, [1]), "y")
        self.assertEqual(heard(gate_, HOST, [BLOCKED]), "y")
        self.assertEqual(gate_.blocked(BLOCKED), 0)

    def test_a_network_of_ipv6_is_one(self):
        gate_ = Gate()
        hosts = [f"2001:db8::{at}" for at in range(1, 7)]
        said = "".join(heard(gate_, host, [0]) for host in hosts)
        self.assertEqual(said, "yyyyyn")
        self.assertEqual(heard(gate_, "2001:db8:0:1::1", [0]), "y")

    def test_bounded(self):
        self.patch(gate, "MOST_ADDRESSES", 100)
        gate_ = Gate()
        for at in range(1000):
            heard(gate_, f"20.{at // 250}.{at % 250}.1", [0.0] * 40)
        self.assertEqual(gate_.blocked(0.0), 100)
        self.assertLessEqual(len(gate_._buckets), 100)


class TokenTests(SynchronousTestCase):
    """C2."""

    def setUp(self):
        self.tokens = Tokens(Random(1), 0.0)

    def test_of_an_address(self):
        token = self.tokens.token(HOST, 0.0)
        self.assertTrue(self.tokens.is_good(token, HOST, 0.0))
        for wrong in (b"", token[:-1], token + b"x", bytes(8)):
            self.assertFalse(self.tokens.is_good(wrong, HOST, 0.0))
        self.assertFalse(self.tokens.is_good(token, OTHER, 0.0))
        self.assertNotEqual(token, Tokens(Random(2), 0.0).token(HOST, 0.0))

    def test_rotation(self):
        """Good in its own five minutes and in the next."""
        for made, until in ((0.0, 599.0), (299.0, 599.0), (300.0, 899.0)):
            self.setUp()
            token = self.tokens.token(HOST, made)
            self.assertTrue(self.tokens.is_good(token, HOST, until), made)
            self.assertFalse(self.tokens.is_good(token, HOST, until + 2), made)

    def test_a_long_silence(self):
        token = self.tokens.token(HOST, 0.0)
        self.assertFalse(self.tokens.is_good(token, HOST, 100 * tokens.ROTATION))
        fresh = self.tokens.token(HOST, 100 * tokens.ROTATION)
        self.assertTrue(self.tokens.is_good(fresh, HOST, 101 * tokens.ROTATION))


def spent(pay, size: int, start: float, seconds: float) -> int:
    """Bytes that pass when as much as possible is wanted, asked each tenth of a second."""
    total = 0
    for step in range(int(seconds * 10)):
        while pay(size, start + step / 10):
            total += size
    return total


class BudgetTests(SynchronousTestCase):
    RATE = 8000

    def test_the_rate(self):
        budget = Budget(self.RATE, 0.0)
        sent = spent(budget.pay_for_query, 100, 0.0, 100)
        self.assertLess(abs(sent - self.RATE * 100), self.RATE * BURST)

    def test_neither_starves_the_other(self):
        budget = Budget(self.RATE, 0.0)
        sums = [0, 0]
        for step in range(1000):
            while budget.may_reply(step / 10):
                budget.pay_for_reply(100)
                sums[0] += 100
            while budget.pay_for_query(100, step / 10):
                sums[1] += 100
        for each in sums:
            self.assertLess(abs(each - self.RATE * 50), self.RATE * BURST)

    def test_when_the_next_may_be_sent(self):
        budget = Budget(self.RATE, 0.0)
        spent(budget.pay_for_query, 100, 0.0, 0.1)
        budget.pay_for_reply(self.RATE * 2)
        self.assertFalse(budget.pay_for_query(100, 0.0))
        pause = budget.query_in(0.0)
        self.assertGreater(pause, 0)
        self.assertTrue(budget.pay_for_query(100, pause * 1.1))


class PaceTests(SynchronousTestCase):
    def test_no_gate_of_ours_would_shut(self):
        """However much is asked of one address, and however unsteady the way is."""
        pace_, gate_ = Pace(), Gate()
        random = Random(1)
        arrivals = sorted(pace_.turn(HOST, 0.0) + random.uniform(0, 0.3) for _ in range(300))
        self.assertEqual(heard(gate_, HOST, arrivals), "y" * 300)

    def test_of_one_address(self):
        pace_ = Pace()
        self.assertEqual([pace_.turn(HOST, 0.0) for _ in range(5)], [0, 0, 0, 0.25, 0.5])
        self.assertEqual(pace_.turn(OTHER, 0.0), 0)
        self.assertEqual([pace_.turn(HOST, 10.0) for _ in range(4)], [10, 10, 10, 10.25])

    def test_bounded(self):
        self.patch(pace, "MOST_ADDRESSES", 10)
        pace_ = Pace()
        for at in range(50):
            pace_.turn(f"20.0.0.{at}", 0.0)
        self.assertEqual(len(pace_._next), 10)
