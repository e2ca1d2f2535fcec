"""Several limits at once: of torrents, of their group, of the session; exact, fair, and changed
while blocks move. Rates are kB/s."""

from twisted.trial.unittest import SynchronousTestCase

from tests.peer.test_limiter import BLOCK, SECONDS, Taker
from tests.testing.clock import HeapClock
from txtorrent.peer.limit import Limit
from txtorrent.peer.limiter import Limiter
from txtorrent.swarm.ratelimit import NOTHING
from txtorrent.swarm.waitingline import Priority

KB = 1000


class World:
    """One Limiter for each torrent, with connections that move blocks as fast as they may."""

    def __init__(self, session=0, group=0):
        self.clock = HeapClock()
        self.session = Limit(session * KB, self.clock)
        self.group = Limit(group * KB, self.clock)
        self.own, self.limiters, self.takers = [], [], []

    def torrent(self, own=0, takers=1, grouped=False, honors=True, priority=0, most=4):
        limit = Limit(own * KB, self.clock)
        limits = [limit, *[self.group] * grouped, *[self.session] * honors]
        limiter = Limiter(limit)
        limiter.keep(limits, Priority(priority))
        takers = [Taker(self.clock, limiter, most=most) for _ in range(takers)]
        self.own.append(limit)
        self.limiters.append(limiter)
        self.takers.append(takers)
        for taker in takers:
            taker.start()

    def moved(self):
        return [sum(taker.moved for taker in takers) for takers in self.takers]

    def rates(self, seconds=SECONDS):
        """kB/s of each torrent from now on."""
        before = self.moved()
        self.clock.advance(seconds)
        after = self.moved()
        return [(b - a) / KB / seconds for a, b in zip(before, after, strict=True)]

    def end(self):
        for limiter, takers in zip(self.limiters, self.takers, strict=True):
            for taker in takers:
                taker.wants = False
                limiter.leave(taker.turn)
        self.clock.advance(1)
        return self.clock.timers()


class TogetherCase(SynchronousTestCase):
    def world(self, *torrents, **limits):
        world = World(**limits)
        self.addCleanup(lambda: self.assertEqual(world.end(), []))
        for options in torrents:
            world.torrent(**options)
        return world

    def assertRates(self, world, *expected, share=0.03, seconds=SECONDS):
        """Within 3 %, and one block a connection that had begun."""
        rates = world.rates(seconds)
        for rate, wanted in zip(rates, expected, strict=True):
            self.assertLessEqual(
                abs(rate - wanted), wanted * share + BLOCK / KB / seconds, (rates, expected)
            )


class Exact(TogetherCase):
    def test_own_limits(self):
        """Of torrents that share nothing."""
        for takers in (1, 4, 30):
            with self.subTest(takers=takers):
                world = self.world(
                    {"own": 500, "takers": takers, "most": 1000},
                    {"own": 8000, "takers": takers, "most": 1000},
                )
                self.assertRates(world, 500, 8000)

    def test_who_cannot_use_its_share_leaves_it_to_others(self):
        """Each gets the least of its own limit and a fair share of what is left."""
        for session, own, expected in (
            (1000, (100, 0, 0), (100, 450, 450)),
            (1000, (100, 300, 0), (100, 300, 600)),
            (1000, (400, 400, 400), (333, 333, 333)),
            (100_000, (1000, 50_000, 0), (1000, 49_500, 49_500)),
            (10_000, (9_000, 0, 0), (3333, 3333, 3333)),
            (10_000, (2000, 3000, 4000), (2000, 3000, 4000)),
        ):
            with self.subTest(session=session, own=own):
                world = self.world(*({"own": each, "most": 1000} for each in own), session=session)
                world.clock.advance(3)
                self.assertRates(world, *expected, seconds=min(SECONDS, 300_000 / session))

    def test_a_slow_line_does_not_eat_up_an_own_limit(self):
        """The way through the session's line takes longer than a tenth of a second, which is as
        long as an own limit saves up: it is paid before, so that it gets all that it may."""
        world = self.world({"own": 40}, {"takers": 19}, session=1000)
        world.clock.advance(5)
        self.assertRates(world, 40, 960, seconds=60)

    def test_the_smaller_of_two(self):
        for limits in ({"session": 300, "group": 800}, {"session": 800, "group": 300}):
            with self.subTest(limits):
                world = self.world({"grouped": True, "own": 700, "takers": 3}, **limits)
                self.assertRates(world, 300)

    def test_group(self):
        """Its torrents share its limit, connection by connection; others have the rest."""
        world = self.world(
            {"grouped": True}, {"grouped": True, "takers": 2}, {}, session=2000, group=600
        )
        self.assertRates(world, 200, 400, 1400)

    def test_who_does_not_honour_the_session(self):
        world = self.world({"honors": False, "own": 3000}, {"takers": 2}, session=500)
        self.assertRates(world, 3000, 500)

    def test_no_limit_is_never_asked_for(self):
        world = World()
        limiter = Limiter(Limit(0, world.clock), world.session)
        self.assertEqual(limiter.rate, 0)
        self.assertTrue(limiter.take(10**12))

    def test_one_connection_at_high_rates(self):
        """Not a block each hundredth of a second, whichever limit it is that counts."""
        for own, session in ((20_000, 30_000), (30_000, 20_000), (20_000, 20_000), (20_000, 0)):
            with self.subTest(own=own, session=session):
                world = self.world({"own": own, "most": 10_000}, session=session)
                self.assertRates(world, 20_000)


class First(TogetherCase):
    """Priorities count where a limit is short, and only there."""

    def test_high_before_normal_before_low(self):
        world = self.world(*({"priority": p, "most": 1000} for p in (-1, 0, 1)), session=1000)
        self.assertRates(world, 100, 100, 800)

    def test_what_the_first_do_not_use(self):
        world = self.world(
            {"priority": 1, "own": 300, "most": 1000}, {"priority": -1, "most": 1000}, session=1000
        )
        self.assertRates(world, 300, 700)

    def test_enough_for_all(self):
        world = self.world({"priority": -1, "own": 400}, {"priority": 1, "own": 400}, session=1000)
        self.assertRates(world, 400, 400)


class Changed(TogetherCase):
    def test_rates(self):
        """From the one moment to the next, up and down, whoever waits where."""
        world = self.world({"own": 100, "takers": 8}, {"takers": 8}, session=1000)
        self.assertRates(world, 100, 900)
        world.session.rate = 0
        world.own[1].rate = 2000 * KB
        self.assertRates(world, 100, 2000)
        world.own[0].rate = 0
        world.session.rate = 500 * KB
        self.assertRates(world, 250, 250)
        world.own[0].rate = 50 * KB
        self.assertRates(world, 50, 450)

    def test_what_was_paid_for_before(self):
        """A hundred connections that paid their own limit and wait for the session's do not all
        pass when that is gone."""
        world = self.world({"own": 400, "takers": 100}, session=40)
        world.clock.advance(60)
        world.session.rate = 0
        self.assertRates(world, 400)

    def test_other_limits(self):
        """Out of the group, into it; honouring the session's and not."""
        world = self.world({"grouped": True, "takers": 4}, {}, session=1000, group=200)
        self.assertRates(world, 200, 800)
        world.limiters[0].keep([world.own[0], world.session])
        self.assertRates(world, 800, 200)
        world.limiters[0].keep([world.own[0], world.group])
        self.assertRates(world, 200, 1000)
        world.own[0].rate = 3000 * KB
        world.limiters[0].keep([world.own[0]])
        self.assertRates(world, 3000, 1000)

    def test_priority(self):
        world = self.world({"most": 1000}, {"most": 1000}, session=1000)
        self.assertRates(world, 500, 500)
        world.limiters[0].keep([world.own[0], world.session], Priority.LOW)
        self.assertRates(world, 100, 900)

    def test_no_limit_while_they_wait(self):
        """They go on at once."""
        world = self.world({"own": 1, "takers": 5}, session=1)
        world.clock.advance(5)
        before = world.moved()[0]
        world.own[0].rate = world.session.rate = 0
        world.clock.advance(0.05)
        self.assertGreaterEqual(world.moved()[0] - before, 5 * 4 * BLOCK)

    def test_nothing(self):
        """Not even a block; and on again."""
        world = self.world({"own": 1000, "takers": 3}, {}, session=2000)
        world.clock.advance(SECONDS)
        world.own[0].rate = NOTHING
        world.session.rate = 50 * KB
        before = world.moved()[0]
        self.assertRates(world, 0, 50, seconds=1000)
        self.assertEqual(world.moved()[0], before)
        world.own[0].rate, world.session.rate = 1000 * KB, 2000 * KB
        self.assertRates(world, 1000, 1000)


class Forgotten(TogetherCase):
    def test_who_left_is_not_called(self):
        world = self.world({"own": 10}, session=20)
        [taker] = world.takers[0]
        world.clock.advance(3)
        world.limiters[0].leave(taker.turn)
        moved = taker.moved
        world.clock.advance(60)
        self.assertEqual((taker.moved, world.clock.timers()), (moved, []))

    def test_what_it_paid_is_given_back(self):
        """To the limits before the one at which it stood."""
        world = self.world({"own": 100}, session=1)
        limiter, other = world.limiters[0], [].clear
        world.clock.advance(60)
        self.assertTrue(world.own[0].has_room)
        limiter.wait(other)
        self.assertFalse(world.own[0].has_room)
        limiter.leave(other)
        self.assertTrue(world.own[0].has_room)

    def test_a_turn_that_is_not_used(self):
        """Costs nobody anything."""
        world = self.world({"own": 1000, "most": 1000}, session=1000)
        limiter = world.limiters[0]

        turns = [1] * 1000

        def refuse():
            if turns:
                turns.pop()
                world.clock.callLater(0.01, limiter.wait, refuse)

        limiter.wait(refuse)
        self.assertRates(world, 1000)
        limiter.leave(refuse)
        turns.clear()

    def test_limits_forget_who_keeps_them_no_more(self):
        """A session of years is not to remember every torrent that it had."""
        world = self.world()
        limiter = Limiter(world.session)
        limiter.keep([Limit(0, world.clock)])
        self.assertEqual(world.session._kept_by, {})
