import random

from twisted.internet.defer import gatherResults

from tests.storage import test_journal
from tests.storage.test_journal import state
from txtorrent.storage import journal as journal_module
from txtorrent.storage import listrows
from txtorrent.storage.journal import StateError
from txtorrent.storage.listing import Changes, Entry, Listing, NewEntry

A, B, C = b"a" * 20, b"b" * 20, b"c" * 20


class Case(test_journal.Case):
    def setUp(self):
        super().setUp()
        self.log = self.opened()
        self.listing = Listing(self.log)

    def reopen(self):
        self.log = self.reopened(self.log)
        self.listing = Listing(self.log)

    def add(self, *hashes):
        new = [NewEntry(each, b"data of " + each, b"d4:info" + each) for each in hashes]
        return self.get(self.listing.add(new))

    def change(self, **changes):
        return self.get(self.listing.change(Changes(**changes)))

    def execute(self, statement, *values):
        return self.get(self.log.submit(lambda db: db.execute(statement, values).fetchall()))

    def listed(self):
        return [(entry.id, entry.info_hash) for entry in self.get(self.listing.entries())]


class ListTests(Case):
    def test_empty(self):
        self.assertEqual(self.listed(), [])
        self.assertIsNone(self.get(self.listing.metainfo(A)))
        for nothing in (self.listing.settings, self.listing.totals):
            self.assertEqual(self.get(nothing()), {})
        for nothing in (self.listing.tasks, self.listing.strays):
            self.assertEqual(self.get(nothing()), [])

    def test_added(self):
        entries = self.add(B, A)
        self.assertEqual(entries, [Entry(1, B, b"data of " + B), Entry(2, A, b"data of " + A)])
        for _ in range(2):
            self.assertEqual(self.get(self.listing.entries()), entries)
            self.assertEqual(self.get(self.listing.metainfo(A)), b"d4:info" + A)
            self.reopen()

    def test_without_metainfo_at_first(self):
        self.get(self.listing.add([NewEntry(A, b"{}", None)]))
        self.assertIsNone(self.get(self.listing.metainfo(A)))
        self.change(metainfo={A: b"d4:infoe"})
        self.assertEqual(self.get(self.listing.metainfo(A)), b"d4:infoe")

    def test_added_again(self):
        self.add(A, B)
        self.get(self.listing.add([NewEntry(A, b"new", None), NewEntry(A, b"newer", None)]))
        entries = self.get(self.listing.entries())
        self.assertEqual(entries[0], Entry(1, A, b"newer"))
        self.assertEqual(self.get(self.listing.metainfo(A)), b"d4:info" + A)

    def test_ids_are_not_given_twice(self):
        self.add(A, B)
        self.change(remove=[B])
        self.reopen()
        self.assertEqual(self.add(C)[0].id, 3)
        self.change(remove=[A, C])
        self.assertEqual([entry.id for entry in self.add(A, B)], [4, 5])

    def test_put(self):
        one, two = self.add(A, B)
        self.change(put=[Entry(two.id, B, b"other")])
        self.assertEqual(self.get(self.listing.entries()), [one, Entry(two.id, B, b"other")])

    def test_what_was_removed_does_not_come_back(self):
        one, two = self.add(A, B)
        self.change(remove=[A], put=[two])
        self.change(put=[one])
        self.assertEqual(self.listed(), [(2, B)])

    def test_remove(self):
        self.add(A, B)
        for info_hash in (A, B):
            self.get(self.log.checkpoint(info_hash, state()))
            self.get(self.log.record(info_hash, 3))
        self.change(remove=[A])
        self.reopen()
        self.assertEqual(self.listed(), [(2, B)])
        self.assertIsNone(self.get(self.log.load(A)))
        self.assertEqual(self.get(self.log.load(B)).provisional, {3})
        self.assertIsNone(self.get(self.listing.metainfo(A)))
        self.assertEqual(self.execute("SELECT count(*) FROM provisional"), [(1,)])

    def test_removed_and_added_again_in_one_run(self):
        """What an earlier run left must not seem to have been true until now."""
        self.add(A)
        self.get(self.log.checkpoint(A, state()))
        self.change(remove=[A])
        self.add(A)
        self.now = 5000.0
        self.get(self.log.record(A, 1))
        at = self.execute("SELECT at FROM alive")
        self.assertEqual(at, [(0.0,)])

    def test_metainfo_is_kept_for_a_task(self):
        self.add(A)
        self.change(remove=[A], tasks={(A, "remove"): b"where"})
        self.assertEqual(self.get(self.listing.tasks()), [(A, "remove", b"where")])
        self.assertEqual(self.get(self.listing.metainfo(A)), b"d4:info" + A)
        self.assertEqual(self.get(self.listing.strays()), [])
        self.change(tasks={(A, "remove"): None})
        self.assertEqual(self.get(self.listing.tasks()), [])
        self.assertIsNone(self.get(self.listing.metainfo(A)))

    def test_metainfo_is_kept_for_an_entry(self):
        self.add(A)
        self.change(tasks={(A, "move"): b"1", (A, "remove"): b"2"})
        self.change(tasks={(A, "move"): b"3"})
        self.assertEqual(self.get(self.listing.tasks()), [(A, "move", b"3"), (A, "remove", b"2")])
        self.change(tasks={(A, "move"): None, (A, "remove"): None})
        self.assertEqual(self.get(self.listing.metainfo(A)), b"d4:info" + A)

    def test_settings(self):
        self.change(settings={"port": b"1", "name": b'"x"'})
        self.change(settings={"port": b"2", "name": None, "never": None})
        self.reopen()
        self.assertEqual(self.get(self.listing.settings()), {"port": b"2"})

    def test_totals(self):
        self.add(A)
        self.change(totals={"uploaded": 5, "sessions": 1})
        self.get(self.listing.note_totals({"uploaded": 1 << 60}))
        self.reopen()
        self.assertEqual(self.get(self.listing.totals()), {"uploaded": 1 << 60, "sessions": 1})


class TogetherTests(Case):
    """Adding, removing, changing is one transaction."""

    def test_all_or_nothing(self):
        one, _ = self.add(A, B)
        self.patch(listrows, "put_number", lambda db, name, value: db.execute("nonsense"))
        everything = Changes(
            put=[Entry(one.id, A, b"new")],
            remove=[B],
            tasks={(A, "move"): b"x"},
            metainfo={A: b"new"},
            settings={"port": b"1"},
            totals={"uploaded": 1},
        )
        self.fails(self.listing.change(everything), StateError)
        self.fails(self.listing.add([NewEntry(C, b"", b"")]), StateError)
        self.reopen()
        self.assertEqual(self.get(self.listing.entries())[0], one)
        self.assertEqual(self.listed(), [(1, A), (2, B)])
        self.assertEqual(self.get(self.listing.tasks()), [])
        self.assertEqual(self.get(self.listing.settings()), {})
        self.assertEqual(self.get(self.listing.metainfo(A)), b"d4:info" + A)

    def durable(self, *deferreds):
        seen = []
        commit = self.log._database.commit
        self.patch(
            self.log._database.__class__,
            "commit",
            lambda database, changes, durable: seen.append(durable) or commit(changes, durable),
        )
        return seen

    def test_changes_are_durable_and_looks_are_not(self):
        seen = self.durable()
        self.add(A)
        self.change(settings={"port": b"1"})
        self.get(self.listing.entries())
        self.get(self.listing.note_totals({"uploaded": 1}))
        self.assertEqual(seen, [True, True, False, False])

    def test_ten_thousand(self):
        hashes = [random.Random(n).randbytes(20) for n in range(10_000)]
        self.get(self.listing.add([NewEntry(each, b"{}", b"d") for each in hashes]))
        self.reopen()
        self.assertEqual(self.listed(), list(enumerate(hashes, 1)))


class DamageTests(Case):
    """E7: a damaged row costs what it held, never the start."""

    def damaged(self, statement, *values):
        self.execute(statement, *values)
        self.reopen()

    def test_entries(self):
        for column, value in [("data", b"x"), ("id", 7), ("seal", None), ("info_hash", 5)]:
            self.add(A, B)
            self.damaged(f"UPDATE entry SET {column} = ? WHERE info_hash = ?", value, A)
            self.assertEqual([info_hash for _, info_hash in self.listed()], [B], column)
            self.assertEqual(self.get(self.listing.strays()), [A], column)
            self.add(A)
            self.assertEqual(self.get(self.listing.strays()), [], column)
            self.change(remove=[A, B])

    def test_everything_else(self):
        self.add(A)
        self.change(tasks={(A, "move"): b"x"}, settings={"port": b"1"}, totals={"uploaded": 1})
        for table, column in [
            ("metainfo", "data"),
            ("task", "data"),
            ("setting", "value"),
            ("number", "value"),
        ]:
            self.damaged(f"UPDATE {table} SET {column} = 'y'")
        self.assertIsNone(self.get(self.listing.metainfo(A)))
        for nothing in (self.listing.settings, self.listing.totals):
            self.assertEqual(self.get(nothing()), {})
        self.assertEqual(self.get(self.listing.tasks()), [])
        self.assertEqual(self.listed(), [(1, A)])

    def test_the_last_id(self):
        self.add(A, B)
        self.damaged("UPDATE number SET value = value + 0.5")
        self.assertEqual(self.add(C)[0].id, 3)

    def test_a_damaged_file(self):
        """What can be read of it is taken over."""
        hashes = [bytes([n + 1]) * 20 for n in range(100)]
        self.add(*hashes)
        self.change(settings={"port": b"1"}, totals={"uploaded": 1}, tasks={(A, "move"): b"x"})
        self.get(self.log.close())
        path = f"{self.directory}/state.db"
        with open(path, "r+b") as file:
            file.seek(60)
            file.write(b"\0\0\0\xff")
        self.log = self.opened()
        self.listing = Listing(self.log)
        self.assertEqual(self.listed(), list(enumerate(hashes, 1)))
        self.assertEqual(self.get(self.listing.settings()), {"port": b"1"})
        self.assertEqual(self.get(self.listing.tasks()), [(A, "move", b"x")])
        self.assertEqual(self.add(bytes(20))[0].id, 101)


class KillTests(Case):
    """E5: what was acknowledged is there after a kill at any moment."""

    CHILD = """
        from txtorrent.storage.listing import Changes, Listing, NewEntry
        listing = Listing(journal)
        n = 0
        while True:
            n += 1
            name = n.to_bytes(20, "big")
            get(listing.add([NewEntry(name, b"%d" % n, name)]))
            print("+", n, flush=True)
            if n % 3 == 0:
                get(listing.change(Changes(remove=[name])))
                print("-", n, flush=True)
    """

    def test_killed_at_any_moment(self):
        self.get(self.log.close())
        for lines in (1, 10, 100):
            told = test_journal.killed_after(lines, test_journal.child(self.directory, self.CHILD))
            self.log = self.opened()
            self.listing = Listing(self.log)
            there = {int(entry.data) for entry in self.get(self.listing.entries())}
            added = {int(line[2:]) for line in told if line[0] == "+"}
            removed = {int(line[2:]) for line in told if line[0] == "-"}
            self.assertLessEqual(added - removed - {max(added)}, there)
            self.assertEqual(removed & there, set())
            self.change(remove=[n.to_bytes(20, "big") for n in range(1, max(added) + 3)])
            self.get(self.log.close())


class OrderTests(Case):
    def test_calls_keep_their_order(self):
        both = gatherResults(
            [self.listing.change(Changes(settings={"port": b"%d" % n})) for n in range(700)]
        )
        self.get(both)
        self.assertEqual(self.get(self.listing.settings()), {"port": b"699"})
        self.assertGreater(700, journal_module.MOST_CHANGES)
