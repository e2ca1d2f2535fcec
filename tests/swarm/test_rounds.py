"""Whose turn it is to be looked at."""

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.swarm.rounds import QUIET_ROUND, Rounds


class RoundsTests(SynchronousTestCase):
    def setUp(self):
        self.rounds = Rounds()

    def join(self, *names, now=0.0):
        for name in names:
            self.rounds.rest(name, now)

    def look(self, now):
        """Look at those who are due at this second."""
        due = self.rounds.due(now)
        for name in due:
            self.rounds.rest(name, now)
        return "".join(due)

    def test_a_tenth_each_second(self):
        self.join(*"abcdefghijklmnopqrst")
        looks = [self.look(float(now)) for now in range(1, 2 * QUIET_ROUND + 1)]
        self.assertEqual(looks[:3], ["ab", "cd", "ef"])
        self.assertEqual(looks[:QUIET_ROUND], looks[QUIET_ROUND:])

    def test_who_is_due_need_not_wait_because_others_left(self):
        names = [str(number) for number in range(100)]
        self.join(*names)
        for now in range(1, QUIET_ROUND):
            for name in names[:90]:
                self.rounds.leave(name)
            self.rounds.due(float(now))
        self.assertEqual(self.rounds.due(float(QUIET_ROUND)), names[90:])

    def test_one_that_woke_has_no_turn(self):
        self.join("a", "b")
        self.rounds.wake("a")
        self.assertEqual((list(self.rounds.busy), self.look(50.0)), (["a"], "b"))
        self.rounds.rest("a", 51.0)
        self.assertEqual((list(self.rounds.busy), self.look(60.0)), ([], "b"))
        self.assertEqual(self.look(61.0), "a")

    def test_nobody(self):
        self.assertEqual(self.rounds.due(5.0), [])
        self.rounds.leave("stranger")
