"""How a limit is shared out: one alone gets all of it, several get the same, in turn."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.peer.limit import Limit
from txtorrent.peer.limiter import Limiter

BLOCK = 16 * 1024
SECONDS = 10


class Taker:
    """Somebody with so much to move that it always waits for another turn."""

    def __init__(self, limiter: Limiter) -> None:
        self.limiter = limiter
        self.moved = 0

    def turn(self) -> None:
        self.limiter.spend(BLOCK)
        self.moved += BLOCK
        self.limiter.wait(self.turn)


class ShareTests(SynchronousTestCase):
    def moved(self, rate: int, takers: int) -> list[int]:
        clock = Clock()
        limiter = Limiter(Limit(rate, clock))
        everyone = [Taker(limiter) for _ in range(takers)]
        for taker in everyone:
            limiter.wait(taker.turn)
        clock.pump([0.01] * (SECONDS * 100))
        return [taker.moved for taker in everyone]

    def test_one_alone_gets_the_whole_rate(self) -> None:
        """A limit far above a block each shortest wait is not throttled to that."""
        for rate in (1_000, 100_000, 5_000_000, 100_000_000):
            with self.subTest(rate=rate):
                [moved] = self.moved(rate, takers=1)
                burst = rate * 0.15 + BLOCK
                self.assertLessEqual(abs(moved - rate * SECONDS), burst)

    def test_several_get_the_same(self) -> None:
        for takers in (2, 7):
            with self.subTest(takers=takers):
                moved = self.moved(10_000_000, takers)
                self.assertLessEqual(max(moved) - min(moved), BLOCK)
                self.assertLessEqual(abs(sum(moved) - 10_000_000 * SECONDS), 1_600_000)
