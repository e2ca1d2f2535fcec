"""What the screen shows and which torrent is chosen. One letter is a torrent; the chosen one is in
upper case."""

from twisted.trial.unittest import SynchronousTestCase

from tests.cli.daemon import torrent
from txtorrent.cli.watch.model import HISTORY, Model


def model(letters, **fields):
    made = Model()
    made.replace(torrent(ord(letter) - 96, letter, **fields) for letter in letters)
    return made


class Models(SynchronousTestCase):
    def check(self, made, picture):
        names = (
            each["name"].upper() if each["hash_string"] == made.chosen else each["name"]
            for each in made.rows
        )
        self.assertEqual("".join(names), picture)

    def test_choosing(self):
        made = model("dbac")
        self.check(made, "Abcd")
        for rows, picture in ((1, "aBcd"), (2, "abcD"), (9, "abcD"), (-2, "aBcd"), (-9, "Abcd")):
            made.move(rows)
            self.check(made, picture)

    def test_nothing_to_choose(self):
        made = model("")
        made.move(1)
        self.check(made, "")
        self.assertIsNone(made.current)
        made.update([torrent(1, "a")], [])
        self.check(made, "A")

    def test_the_chosen_one_stays_chosen(self):
        made = model("abcd")
        made.move(2)
        made.turn()
        self.check(made, "dCba")
        made.update([torrent(5, "e"), torrent(1, "a", rate_upload=9)], [4])
        self.check(made, "eCba")
        self.assertEqual(made.count, 4)

    def test_its_neighbour_when_it_goes(self):
        made = model("abcd")
        made.move(1)
        made.update([], [2])
        self.check(made, "aCd")

    def test_filters(self):
        made = model("abcd")
        made.update([torrent(2, "b", status=0), torrent(3, "c", status=0)], [])
        made.filter("C")
        self.check(made, "C")
        made.filter("x")
        self.check(made, "")
        made.filter("")
        self.assertEqual(len(made.rows), 4)
        while made.kind != "stopped":
            made.next_kind()
        self.check(made, "Bc")
        self.assertEqual(made.count, 4)

    def test_orders_go_round(self):
        made = model("ab")
        seen = [made.order]
        made.next_order()
        while made.order != seen[0]:
            seen.append(made.order)
            made.next_order()
        self.assertIn("up", seen)
        made.update([torrent(2, "b", rate_upload=5)], [])
        while made.order != "up":
            made.next_order()
        self.check(made, "bA")

    def test_all_anew(self):
        made = model("abc")
        made.replace([torrent(3, "c")])
        self.check(made, "C")

    def test_rates_add_up_and_are_bounded(self):
        made = model("ab", rate_download=5, rate_upload=1)
        self.assertEqual(list(made.rates), [(10, 2)])
        for _ in range(2 * HISTORY):
            made.update([torrent(1, "a")], [])
        self.assertEqual((len(made.rates), made.rates[-1]), (HISTORY, (5, 1)))

    def test_window(self):
        for count, chosen, height, expected in (
            (3, 0, 5, (0, "abc")),
            (9, 0, 3, (0, "abc")),
            (9, 4, 3, (3, "def")),
            (9, 8, 3, (6, "ghi")),
            (0, 0, 3, (0, "")),
        ):
            made = model("abcdefghi"[:count])
            made.move(chosen)
            first, rows = made.window(height)
            self.assertEqual((first, "".join(each["name"] for each in rows)), expected)
