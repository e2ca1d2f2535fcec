"""When seeding is enough, and what has to be given before the last piece."""

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.swarm.share import (
    Goal,
    Limit,
    fair_share_left,
    fair_share_reason,
    withholds_last_piece,
)


class Limits(SynchronousTestCase):
    def test_whose_counts(self):
        for mode, session, chosen in (
            (0, 2.0, 2.0),
            (0, None, None),
            (1, 2.0, 0.5),
            (1, None, 0.5),
            (2, 2.0, None),
            (2, None, None),
        ):
            self.assertEqual(Limit(mode).choose(0.5, session), chosen, (mode, session))


class Goals(SynchronousTestCase):
    def test_reached(self):
        ratio, idle = "uploaded 1.5 times its size", "nobody wanted a piece for 30m00s"
        for goal, wanted, uploaded, seconds, reason in (
            (Goal(), 1000, 10**9, 10**9, None),
            (Goal(ratio=1.5), 1000, 1499, 10**9, None),
            (Goal(ratio=1.5), 1000, 1500, 0, ratio),
            (Goal(ratio=1.5), 1001, 1501, 0, None),
            (Goal(ratio=1.5), 1001, 1502, 0, ratio),
            (Goal(ratio=0), 1000, 0, 0, "uploaded 0 times its size"),
            (Goal(ratio=0.1), 1000, 100, 0, "uploaded 0.1 times its size"),
            (Goal(ratio=1.5), 0, 0, 0, None),
            (Goal(idle=1800), 1000, 10**9, 1799.9, None),
            (Goal(idle=1800), 1000, 0, 1800.0, idle),
            (Goal(1.5, 1800), 1000, 1500, 1800.0, ratio),
            (Goal(1.5, 1800), 1000, 1499, 1800.0, idle),
            (Goal(1.5, 1800), 1000, 1499, 1799.0, None),
        ):
            with self.subTest(f"{goal} {wanted} {uploaded} {seconds}"):
                self.assertEqual(goal.reached(wanted, uploaded, seconds), reason)

    def test_left(self):
        self.assertIsNone(Goal().left(1000, 0))
        self.assertEqual(Goal(ratio=1.5).left(1000, 400), 1100)
        self.assertEqual(Goal(ratio=1.5).left(1000, 4000), 0)
        self.assertIsNone(Goal().idle_left(5.0))
        self.assertEqual(Goal(idle=60.0).idle_left(15.0), 45.0)
        self.assertEqual(Goal(idle=60.0).idle_left(75.0), 0.0)


class FairShare(SynchronousTestCase):
    def test_left(self):
        for size, uploaded, share, left in (
            (1000, 0, 0.0, 0),
            (1000, 0, 0.1, 100),
            (1000, 99, 0.1, 1),
            (1000, 100, 0.1, 0),
            (1000, 5000, 0.1, 0),
            (1001, 0, 0.1, 101),
            (30, 0, 0.1, 3),
            (1000, 500, 2.0, 1500),
            (0, 0, 0.1, 0),
            (10**12, 0, 0.1, 10**11),
        ):
            self.assertEqual(fair_share_left(size, uploaded, share), left, (size, uploaded, share))

    def test_only_the_last_piece_waits(self):
        for unrequested, others, left, waits in (
            (1, 9, 5, True),
            (1, 1, 1, True),
            (1, 9, 0, False),
            (2, 8, 5, False),
            (0, 10, 5, False),
            (1, 0, 5, False),
        ):
            with self.subTest(f"{unrequested} {others} {left}"):
                self.assertEqual(withholds_last_piece(unrequested, others, left), waits)

    def test_reason(self):
        self.assertEqual(
            fair_share_reason(12_300_000, 0.1),
            "fair share: 12.3 MB to be uploaded before the last piece is requested (min_share 0.1)",
        )
