"""Memory for pieces: bounded, reused, and handed out in turn."""

from random import Random

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.swarm.buffers import BufferPool


class Bound(SynchronousTestCase):
    def test_lent(self):
        pool = BufferPool(100)
        a, b = pool.take(60), pool.take(40)
        self.assertEqual((len(a), len(b), pool.take(1), pool.lent), (60, 40, None, 100))
        pool.give_back(a)
        self.assertIsNone(pool.take(61))
        self.assertEqual(len(pool.take(60)), 60)

    def test_one_is_always_lent(self):
        pool = BufferPool(10)
        large = pool.take(1000)
        self.assertIsNone(pool.take(1))
        pool.give_back(large)
        self.assertEqual((pool.lent, len(pool.take(5))), (0, 5))

    def test_reused(self):
        pool = BufferPool(100)
        buffer = pool.take(50)
        pool.give_back(buffer)
        self.assertIs(pool.take(50), buffer)

    def test_kept_ones_count(self):
        """What is lent and what is kept never exceed the bound together."""
        pool, random, lent = BufferPool(1000), Random(1), []
        for _ in range(5000):
            if lent and random.random() < 0.5:
                pool.give_back(lent.pop(random.randrange(len(lent))))
            elif (buffer := pool.take(random.choice((1, 90, 100, 300)))) is not None:
                lent.append(buffer)
            kept = sum(len(each) for free in pool._free.values() for each in free)
            self.assertEqual(pool.lent, sum(map(len, lent)))
            self.assertLessEqual(pool.lent + kept, 1000)


class Line(SynchronousTestCase):
    """Who waits is called in order, until somebody has to wait again."""

    def setUp(self):
        self.pool = BufferPool(100)
        self.calls = []

    def waiter(self, name, again=0):
        left = [again]

        def wake():
            self.calls.append(name)
            if left[0]:
                left[0] -= 1
                self.pool.wait(wake)

        self.pool.wait(wake)
        return wake

    def test_in_order(self):
        wakes = [self.waiter(name) for name in "abc"]
        self.pool.wait(wakes[0])
        self.pool.leave(wakes[1])
        self.pool.wake()
        self.pool.wake()
        self.assertEqual(self.calls, ["a", "c"])

    def test_who_waits_again_ends_the_round(self):
        """It found no memory: nor would those behind it. Next time they are the first."""
        for name, again in [("a", 0), ("b", 1), ("c", 0), ("d", 0)]:
            self.waiter(name, again)
        self.pool.wake()
        self.assertEqual(self.calls, ["a", "b"])
        self.pool.wake()
        self.assertEqual(self.calls, ["a", "b", "c", "d", "b"])
