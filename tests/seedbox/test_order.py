"""The order of the queue: positions without gaps, ranks that few have to be written for."""

from random import Random

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.seedbox.entry import Entry
from txtorrent.seedbox.order import Order
from txtorrent.seedbox.record import Record
from txtorrent.swarm.queue import Move


def entry(number, rank=0.0):
    record = Record(str(number), "/d", 1, 1, 1, 1, queue_rank=rank)
    return Entry(number, bytes([number]) * 20, record, None)


class Orders(SynchronousTestCase):
    def setUp(self):
        self.order = Order()
        self.entries = [entry(number) for number in range(6)]
        for each in self.entries:
            each.record.queue_rank = self.order.next_rank()
            self.order.add(each)

    def shown(self):
        """Ids by position, which have no gaps."""
        listed = sorted(self.order._entries, key=lambda each: each.queue_position)
        self.assertEqual([e.queue_position for e in listed], list(range(len(listed))))
        return "".join(str(each.id) for each in listed)

    def restored(self):
        """The same after a restart."""
        again = Order()
        again.restore(reversed(self.order._entries))
        return "".join(str(each.id) for each in again._entries)

    def test_moves(self):
        for move, chosen, expected, written in [
            (Move.TOP, "35", "350124", "35"),
            (Move.BOTTOM, "10", "352401", "10"),
            (Move.UP, "4", "354201", "4"),
            (Move.DOWN, "35", "435201", "35"),
        ]:
            entries = [each for each in self.entries if str(each.id) in chosen]
            ranked, _ = self.order.move(entries, move)
            self.assertEqual(
                "".join(sorted(str(each.id) for each in ranked)), "".join(sorted(written))
            )
            self.assertEqual((self.shown(), self.restored()), (expected, expected))

    def test_to_a_position(self):
        for number, position, expected in [(5, 0, "501234"), (5, 3, "012534"), (0, 99, "125340")]:
            ranked, _ = self.order.place(self.entries[number], position)
            self.assertEqual(ranked, [self.entries[number]])
            self.assertEqual((self.shown(), self.restored()), (expected, expected))

    def test_who_is_told(self):
        _, told = self.order.move([self.entries[1]], Move.UP)
        self.assertEqual([each.id for each in told], [1, 0])

    def test_gone(self):
        self.order.remove([self.entries[2], self.entries[0]])
        self.assertEqual((self.shown(), self.restored()), ("1345", "1345"))
        late = entry(7, self.order.next_rank())
        self.order.add(late)
        self.assertEqual(self.restored(), "13457")

    def test_recorded_in_another_order_than_begun(self):
        one, other = (entry(number, self.order.next_rank()) for number in (7, 8))
        self.order.add(other)
        self.order.add(one)
        self.assertEqual((self.shown(), self.restored()), ("01234578", "01234578"))

    def test_no_room_between(self):
        """Then all get new ranks."""
        chance, written = Random(1), 0
        for _ in range(500):
            self.order.place(chance.choice(self.entries), 1)
            ranked, _ = self.order.place(chance.choice(self.entries), 2)
            written = max(written, len(ranked))
            self.assertEqual(self.shown(), self.restored())
        self.assertEqual(written, 6)

    def test_equals_by_id(self):
        again = Order()
        again.restore([entry(3, 1.0), entry(1, 1.0), entry(2, 0.0)])
        self.assertEqual([each.id for each in again._entries], [2, 1, 3])
