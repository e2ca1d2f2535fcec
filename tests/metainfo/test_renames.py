import json

from twisted.trial.unittest import SynchronousTestCase

from tests.storage.folders import files
from txtorrent.metainfo.renames import NameTakenError, RenameError, add_rename, apply_renames

ROWS = [("t/a", 5), ("t/sub/b", 5), ("", 5), ("t/sub/deep/c", 5), ("t/subway", 5)]
FILES = files(*ROWS)


def paths(renames, of=FILES):
    return ["/".join(file.path) for file in apply_renames(of, renames) if not file.pad]


class RenamesTests(SynchronousTestCase):
    def rename(self, *steps, of=FILES):
        renames = {}
        for path, name in steps:
            renames, self.old, self.new = add_rename(of, renames, path, name)
            renames = json.loads(json.dumps(renames))
        return renames

    def test_table(self):
        before = ["t/a", "t/sub/b", "t/sub/deep/c", "t/subway"]
        for steps, after, kept in [
            ([], before, {}),
            ([("t/a", "x.mkv")], ["t/x.mkv", *before[1:]], {"t/a": "x.mkv"}),
            ([("t/sub", "S")], ["t/a", "t/S/b", "t/S/deep/c", "t/subway"], {"t/sub": "S"}),
            ([("t", "T")], ["T/a", "T/sub/b", "T/sub/deep/c", "T/subway"], {"t": "T"}),
            (
                [("t", "T"), ("T/sub", "S"), ("T/S/deep/c", "d"), ("T/S", "sub"), ("T", "U")],
                ["U/a", "U/sub/b", "U/sub/deep/d", "U/subway"],
                {"t": "U", "t/sub/deep/c": "d"},
            ),
            ([("t/a", "x"), ("t/subway", "a")], ["t/x", *before[1:3], "t/a"],
             {"t/a": "x", "t/subway": "a"}),
            ([("t/a", "x"), ("t/x", "a")], before, {}),
            ([("t/a", "A")], ["t/A", *before[1:]], {"t/a": "A"}),
            ([("t/a", "a")], before, {}),
        ]:  # fmt: skip
            kept_now = self.rename(*steps)
            self.assertEqual(kept_now, kept, steps)
            self.assertEqual(paths(kept_now), after, steps)

    def test_where_it_is_on_disk(self):
        self.rename(("t", "T"), ("T/sub", "S"))
        self.assertEqual((self.old, self.new), (("T", "sub"), ("T", "S")))

    def test_one_file(self):
        one = files(("one.iso", 5))
        self.assertEqual(paths(self.rename(("one.iso", "two.iso"), of=one), one), ["two.iso"])

    def test_nothing_renamed_costs_nothing(self):
        self.assertIs(apply_renames(FILES, {}), FILES)

    def test_refused(self):
        for path, name, why in [
            ("t/none", "x", "no file or folder"),
            ("none", "x", "no file or folder"),
            ("t/a/x", "y", "no file or folder"),
            ("t/a/", "y", "no file or folder"),
            ("", "y", "no file or folder"),
            ("/t", "y", "no file or folder"),
            (".pad", "y", "no file or folder"),
            (".pad/5", "y", "no file or folder"),
            ("t/a", "", "cannot be the name"),
            ("t/a", ".", "cannot be the name"),
            ("t/a", "..", "cannot be the name"),
            ("t/a", "x/y", "not fit"),
            ("t/a", "x\0y", "not fit"),
            ("t/a", "x\x1b[2Jy", "not fit"),
            ("t/a", "x\u202ey", "not fit"),
            ("t/a", "\ud800", "not fit"),
            ("t/a", "x" * 256, "too long"),
            ("t/a", "sub", "taken"),
            ("t/a", "SUB", "taken"),
            ("t/sub", "subway", "taken"),
            ("t/sub", "A", "taken"),
        ]:
            error = self.assertRaises(RenameError, add_rename, FILES, {}, path, name)
            self.assertIn(why, str(error), (path, name))
            self.assertEqual(isinstance(error, NameTakenError), why == "taken", (path, name))

    def test_taken_by_what_was_renamed(self):
        renames = self.rename(("t/a", "x"))
        self.assertRaises(RenameError, add_rename, FILES, renames, "t/subway", "X")
        self.assertRaises(RenameError, add_rename, FILES, renames, "t/a", "y")
