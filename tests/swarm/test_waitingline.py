"""Who is next, as pictures: a letter for each who waits, h... high, n... normal, l... low."""

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.swarm.waitingline import ONE_IN, Priority, WaitingLine

OF = {"h": Priority.HIGH, "n": Priority.NORMAL, "l": Priority.LOW}


def served(waiting, turns):
    """Who has a turn, one behind the other, when each waits again at once."""
    line = WaitingLine()
    for who in waiting.split():
        line.join(who, OF[who[0]])
    order = []
    for _ in range(turns):
        who = line.next()
        order.append(who)
        line.join(who, OF[who[0]])
    return " ".join(order)


class Order(SynchronousTestCase):
    def test_turns(self):
        for waiting, order in (
            ("n", "n n n"),
            ("n1 n2 n3", "n1 n2 n3 n1"),
            ("l n h", "h h h h h h h h h l n h h h h h h h h l n h"),
            ("l n1 n2", "n1 n2 n1 n2 n1 n2 n1 n2 n1 l n2 n1"),
            ("l1 l2 h1 h2", "h1 h2 h1 h2 h1 h2 h1 h2 h1 l1 h2 h1 h2 h1 h2 h1 h2 h1 h2 l2 h1"),
        ):
            with self.subTest(waiting=waiting):
                self.assertEqual(served(waiting, len(order.split())), order)

    def test_shares(self):
        order = served("l n h", 100 * ONE_IN + 2).split()
        self.assertEqual([order.count(who) for who in "lnh"], [100, 100, 802])

    def test_the_important_ones_who_come_later(self):
        line = WaitingLine()
        line.join("n"), line.join("h", Priority.HIGH)
        self.assertEqual((line.next(), line.next()), ("h", "n"))


class Standing(SynchronousTestCase):
    def test_each_once(self):
        line = WaitingLine()
        line.join("a"), line.join("b"), line.join("a")
        self.assertEqual((line.next(), line.next(), bool(line)), ("a", "b", False))

    def test_left(self):
        line = WaitingLine()
        line.join("a", Priority.LOW), line.join("b")
        line.leave("a"), line.leave("nobody")
        self.assertEqual((line.next(), bool(line)), ("b", False))

    def test_nobody(self):
        self.assertRaises(ValueError, WaitingLine().next)
