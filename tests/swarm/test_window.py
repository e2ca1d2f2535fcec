"""The request window against models of a path and a peer: how deep it gets, how fast that is."""

from collections import deque

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.metainfo.pieces import BLOCK
from txtorrent.swarm import window as window_module
from txtorrent.swarm.window import (
    DEFAULT_REQQ,
    FEWEST,
    LONGEST_QUEUE,
    MOST,
    PLAINLY_ENOUGH,
    PROBE_EVERY,
    START,
    RequestWindow,
    fair_share,
)

KIB, MIB = 1024, 1024 * 1024
STEP = 0.005


class Path:
    """A peer at the end of a path. `rate` bytes/s, `rtt` seconds; it answers every `pulse` seconds
    what has reached it by then. The window is topped up with every chunk, as an exchange does."""

    def __init__(self, window, rate, rtt, pulse=0.0):
        self.window, self.rate, self.rtt, self.pulse = window, rate, rtt, pulse
        self.now = 0.0
        self.outstanding = 0
        self.asked = deque()
        self.ready = 0
        self.coming = deque()
        self.line_free_at = 0.0
        self.next_pulse = pulse
        self.blocks = 0
        self.sizes = []

    def run(self, seconds):
        """The rate in bytes/s that was reached in this time."""
        before, end = self.blocks, self.now + seconds
        while self.now < end:
            self.now += STEP
            self.ask()
            self.answer()
            self.arrive()
            self.sizes.append(self.window.size)
        return (self.blocks - before) * BLOCK / seconds

    def ask(self):
        room = self.window.size - self.outstanding
        if room * 4 >= self.window.size:
            self.outstanding += room
            self.asked.append((self.now + self.rtt / 2, room))

    def answer(self):
        while self.asked and self.asked[0][0] <= self.now:
            self.ready += self.asked.popleft()[1]
        if self.now < self.next_pulse:
            return
        self.next_pulse = self.now + self.pulse
        while self.ready:
            self.ready -= 1
            self.line_free_at = max(self.line_free_at, self.now) + BLOCK / self.rate
            self.coming.append(self.line_free_at + self.rtt / 2)

    def arrive(self):
        blocks = 0
        while self.coming and self.coming[0] <= self.now:
            self.coming.popleft()
            blocks += 1
        if blocks:
            self.blocks += blocks
            self.outstanding -= blocks
            self.window.received(blocks, self.now)


def path(rate, rtt, pulse=0.0, most=MOST):
    return Path(RequestWindow(0.0, most), rate, rtt, pulse)


class Fast(SynchronousTestCase):
    def test_the_line_is_filled(self):
        """To 90 %, whatever the product of rate and RTT, and within the peer's reqq."""
        for rate, rtt in [
            (100 * MIB, 0.001),
            (10 * MIB, 0.02),
            (10 * MIB, 0.2),
            (50 * MIB, 0.1),
            (1 * MIB, 0.6),
            (200 * KIB, 0.3),
        ]:
            line = path(rate, rtt)
            line.run(10)
            self.assertGreater(line.run(10), 0.9 * rate, (rate, rtt))

    def test_settles_well_below_the_most(self):
        """A deeper window than brings more is not kept, however long it lasts."""
        for rate, rtt in [(100 * MIB, 0.001), (10 * MIB, 0.005), (10 * MIB, 0.02)]:
            line = path(rate, rtt)
            line.run(10)
            line.sizes.clear()
            line.run(120)
            needed = rate * (rtt + 2 * STEP) / BLOCK
            typical = sorted(line.sizes)[len(line.sizes) // 2]
            self.assertLessEqual(typical, max(4 * needed, 2 * PLAINLY_ENOUGH))
            self.assertLess(max(line.sizes), MOST // 3, (rate, rtt))

    def test_a_path_that_becomes_longer(self):
        """The window is tried deeper now and then, so it finds what the path takes now."""
        line = path(20 * MIB, 0.005)
        line.run(20)
        line.rtt = 0.2
        line.run(60)
        self.assertGreater(line.run(10), 0.8 * 20 * MIB)

    def test_the_peers_reqq(self):
        line = path(100 * MIB, 0.2, most=DEFAULT_REQQ)
        line.run(20)
        self.assertEqual(max(line.sizes), DEFAULT_REQQ)


class Pulses(SynchronousTestCase):
    def test_do_not_starve(self):
        """transmission answers every 500 ms: the window must hold half a second."""
        for rate in (500 * KIB, 2 * MIB, 10 * MIB):
            line = path(rate, 0.02, pulse=0.5)
            line.run(20)
            self.assertGreater(line.run(10), 0.8 * rate, rate)


class Slow(SynchronousTestCase):
    def test_not_deep(self):
        """What waits at a slow peer for longer than seconds, others could fetch meanwhile."""
        for rate in (2 * KIB, 10 * KIB, 30 * KIB, 100 * KIB):
            line = path(rate, 0.1)
            line.run(60)
            line.sizes.clear()
            self.assertGreater(line.run(120), 0.9 * rate, rate)
            deepest = max(FEWEST, rate * LONGEST_QUEUE * 1.2 / BLOCK)
            self.assertLessEqual(max(line.sizes), deepest, rate)

    def test_never_deeper_than_at_the_start(self):
        line = path(1 * KIB, 0.1)
        line.run(300)
        self.assertEqual(max(line.sizes), START)

    def test_a_fast_peer_that_becomes_slow(self):
        line = path(10 * MIB, 0.1)
        line.run(20)
        self.assertGreater(line.window.size, 60)
        line.rate = 20 * KIB
        line.run(300)
        self.assertLessEqual(line.window.size, 20 * KIB * LONGEST_QUEUE * 1.2 / BLOCK)


class Rounds(SynchronousTestCase):
    """(blocks, at) -> size; the pictures begin with 16 blocks and allow 4 s of data."""

    def setUp(self):
        self.patch(window_module, "START", 16)
        self.patch(window_module, "LONGEST_QUEUE", 4.0)

    def check(self, window, *rows):
        for blocks, at, size in rows:
            window.received(blocks, at)
            self.assertEqual(window.size, size, (blocks, at))

    def test_a_round(self):
        """It ends with a window's worth of blocks, but not within 0.25 s; a small window that
        arrives sooner was plainly too small."""
        self.check(RequestWindow(0.0), (15, 0.3, 16), (1, 0.4, 32), (32, 0.5, 64))
        self.check(RequestWindow(0.0), (64, 0.1, 32), (64, 0.2, 64), (64, 0.3, 64), (1, 0.5, 128))

    def test_no_gain(self):
        window = RequestWindow(0.0)
        self.check(window, (16, 1.0, 32), (32, 3.0, 32), (32, 4.9, 32), (32, 6.4, 64))

    def test_a_probe_that_brings_nothing(self):
        window = RequestWindow(0.0)
        self.check(window, (16, 1.0, 32))
        for number in range(1, PROBE_EVERY + 1):
            self.check(window, (32, 1.0 + 2 * number, 32 if number < PROBE_EVERY else 64))
        self.check(window, (63, 43.0, 64), (1, 45.0, 32))

    def test_snubbed(self):
        """One request at a time, until it answers."""
        window = RequestWindow(0.0)
        self.check(window, (16, 1.0, 32))
        window.snub()
        self.assertEqual(window.size, 1)
        window.idle(60.0)
        self.check(window, (1, 60.3, 2), (4, 60.6, 4), (8, 60.9, 8), (16, 61.2, 16))

    def test_most(self):
        self.assertEqual(RequestWindow(0.0, 4).size, 4)
        self.assertEqual(RequestWindow(0.0, 10**9).most, MOST)
        window = RequestWindow(0.0, 20)
        self.check(window, (16, 1.0, 20), (40, 2.0, 20))

    def test_what_the_peer_says(self):
        """Less counts; more than most have room for does not."""
        for said, most in ((1, 1), (100, 100), (DEFAULT_REQQ, DEFAULT_REQQ), (2000, DEFAULT_REQQ)):
            window = RequestWindow(0.0)
            window.limit(said)
            self.assertEqual((window.most, window.size), (most, min(16, most)))

    def test_refused(self):
        """A queue shorter than we thought: so many blocks and no more, but never too few."""
        window = RequestWindow(0.0, 200)
        self.check(window, (16, 0.3, 32), (64, 0.6, 64), (256, 0.9, 128))
        for outstanding, size in [(300, 128), (127, 127), (100, 100), (120, 100), (3, 16)]:
            window.refused(outstanding)
            self.assertEqual(window.size, size, outstanding)
        self.check(window, (10_000, 2.0, 16))

    def test_idle(self):
        """The time in which nothing was outstanding is no part of a round."""
        window = RequestWindow(0.0)
        window.idle(3.9)
        self.check(window, (16, 4.2, 32))


class FairShare(SynchronousTestCase):
    def test_table(self):
        for wanted, capacity, expected in [
            ([], 10, MOST),
            ([5, 5], 10, MOST),
            ([6, 6], 10, 5),
            ([1, 20], 10, 9),
            ([1, 20, 20], 11, 5),
            ([16] * 30, 256, 8),
            ([6] * 99 + [250], 1536, MOST),
            ([6] * 99 + [2000], 1536, 942),
            ([1, 1, 1], 2, 0),
        ]:
            self.assertEqual(fair_share(wanted, capacity), expected, (wanted, capacity))
            given = sum(min(each, expected) for each in wanted)
            self.assertLessEqual(given, capacity, (wanted, capacity))
