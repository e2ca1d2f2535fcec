from unicodedata import normalize

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.metainfo.safepath import MAX_NAME, safe_component, unique_paths


class ComponentTests(SynchronousTestCase):
    def test_harmless_names_stay(self) -> None:
        for name in (
            "a",
            "Some Film (2020) [1080p].mkv",
            ".hidden",
            "...",
            "trailing.",
            " spaces ",
            "~",
            "a:b?c*d|e",
            "-rf",
            "\u4e2d\u6587",
            "\xe9te\u0301",
            "\U0001f600",
            "x" * MAX_NAME,
        ):
            self.assertEqual(safe_component(name), name)

    def test_dangerous_names(self) -> None:
        rows = [
            ("", "_"),
            (".", "_"),
            ("..", "_"),
            ("/", "_"),
            ("\\", "_"),
            ("\0", "_"),
            ("/etc/passwd", "etcpasswd"),
            ("../../x", "....x"),
            ("..\\..\\x", "....x"),
            ("a/b\\c\0d", "abcd"),
            # What is invisible must not hide the dots.
            (".\u202e.", "_"),
            ("./.", "_"),
            ("\u200b", "_"),
            # control characters
            ("a\nb\tc\x7fd\x85e\x1bf", "a_b_c_d_e_f"),
            ("a\u2028b", "a_b"),
            # direction and invisible marks
            ("a\u202egnp.exe", "agnp.exe"),
            ("\ufeffa\u200eb\u2066c\u061cd", "abcd"),
            # what could not be decoded
            ("a\ufffdb", "a_b"),
            ("a\ud800b\udfff", "a_b_"),
        ]
        for name, safe in rows:
            self.assertEqual(safe_component(name), safe, ascii(name))

    def test_nameless(self) -> None:
        self.assertEqual(safe_component("..", "unnamed"), "unnamed")
        self.assertEqual(safe_component("a", "unnamed"), "a")

    def test_long_names_are_cut_before_the_extension(self) -> None:
        rows = [
            ("x" * 300, "x" * 255),
            ("x" * 300 + ".mkv", "x" * 251 + ".mkv"),
            ("\xe9" * 300 + ".mkv", "\xe9" * 125 + ".mkv"),
            ("\u4e2d" * 100, "\u4e2d" * 85),
            ("x" * 300 + "." + "y" * 30, "x" * 255),
            ("." + "y" * 300, "." + "y" * 254),
        ]
        for name, safe in rows:
            self.assertEqual(safe_component(name), safe)
            self.assertLessEqual(len(safe.encode()), MAX_NAME)

    @settings(derandomize=True, deadline=None, max_examples=500)
    @given(st.text(st.characters() | st.sampled_from("./\\\0\u202e\ud800"), max_size=300))
    def test_always_safe_and_stable(self, name) -> None:
        safe = safe_component(name)
        self.assertNotIn(safe, ("", ".", ".."))
        self.assertFalse(set(safe) & set("/\\\0\n\u202e\ud800"))
        self.assertLessEqual(len(safe.encode()), MAX_NAME)
        self.assertEqual(safe_component(safe), safe)


def renamed(*paths: str) -> list[str]:
    return ["/".join(path) for path in unique_paths([tuple(path.split("/")) for path in paths])]


class CollisionTests(SynchronousTestCase):
    def test_renames(self) -> None:
        rows = [
            ("t/a t/b", "t/a t/b"),
            ("t/a t/a", "t/a t/a.1"),
            ("t/a.txt t/a.txt t/a.txt", "t/a.txt t/a.1.txt t/a.2.txt"),
            ("t/a t/A", "t/a t/A.1"),
            ("t/x/a t/X/a", "t/x/a t/X/a.1"),
            ("t/x/a t/X/b", "t/x/a t/X/b"),
            ("t/\xe9 t/e\u0301", "t/\xe9 t/e\u0301.1"),
            ("t/stra\xdfe t/STRASSE", "t/stra\xdfe t/STRASSE.1"),
            # a file where a folder is needed, before and after it
            ("t/a t/a/b", "t/a.1 t/a/b"),
            ("t/a/b t/a", "t/a/b t/a.1"),
            ("t/a/b t/A", "t/a/b t/A.1"),
            ("t/a/b/c t/a/b t/a", "t/a/b/c t/a/b.1 t/a.1"),
            # a new name is never one that the torrent uses itself, before or after
            ("t/a t/a t/a.1", "t/a t/a.2 t/a.1"),
            ("t/a.1 t/a t/a", "t/a.1 t/a t/a.2"),
            ("t/a t/a t/A.1/x", "t/a t/a.2 t/A.1/x"),
            ("t/a t/a t/a.1 t/a.1", "t/a t/a.2 t/a.1 t/a.1.1"),
            ("t/.x t/.x", "t/.x t/.x.1"),
            # the same name in other folders is no collision
            ("t/x/a t/y/a t/a", "t/x/a t/y/a t/a"),
        ]
        for before, after in rows:
            self.assertEqual(renamed(*before.split()), after.split(), before)

    def test_new_names_of_long_names_fit(self) -> None:
        long = "x" * 251 + ".mkv"
        _, (_, second), (_, third) = unique_paths([("t", long)] * 3)
        self.assertEqual(second, "x" * 243 + ".1.mkv")
        self.assertEqual(third, "x" * 243 + ".2.mkv")

    def test_many_equal_names(self) -> None:
        paths = unique_paths([("t", "a")] * 50_000)
        self.assertEqual(paths[-1], ("t", "a.49999"))

    COMPONENTS = st.sampled_from(["a", "A", "a.1", "A.1", "a.2", "b", "\xe9", "e\u0301", "E\u0301"])

    @settings(derandomize=True, deadline=None, max_examples=300)
    @given(st.lists(st.lists(COMPONENTS, min_size=1, max_size=3), max_size=12))
    def test_never_two_files_in_one_place(self, paths) -> None:
        before = [("t", *path) for path in paths]
        after = unique_paths(before)
        self.assertEqual(after, unique_paths(before))
        self.assertEqual([path[:-1] for path in after], [path[:-1] for path in before])
        folded = [tuple(normalize("NFD", c.casefold()) for c in path) for path in after]
        self.assertEqual(len(set(folded)), len(folded))
        folders = {path[:depth] for path in folded for depth in range(1, len(path))}
        self.assertFalse(folders & set(folded))
