from twisted.trial.unittest import SynchronousTestCase

from txtorrent.bencode import Value
from txtorrent.metainfo.errors import MetainfoError
from txtorrent.metainfo.filelist import MAX_FILES, MAX_TOTAL, read_files
from txtorrent.metainfo.safepath import MAX_DEPTH


def entry(path: str, length: int = 1, **more: Value) -> dict[bytes, Value]:
    components: list[Value] = [component.encode() for component in path.split("/")]
    keyed = {key.replace("_", "-").encode(): value for key, value in more.items()}
    return {b"path": components, b"length": length, **keyed}


def paths(*entries: Value, name: bytes = b"t", encoding: Value | None = None) -> list[str]:
    table: dict[bytes, Value] = {b"name": name, b"files": list(entries)}
    return ["/".join(file.path) for file in read_files(table, encoding, "nameless")]


class NameTests(SynchronousTestCase):
    def test_the_name(self) -> None:
        rows = [
            ({b"name": b"x"}, "x"),
            ({b"name": b"../x"}, "..x"),
            ({b"name": b"a/b"}, "ab"),
            ({b"name": b"x\xff"}, "x_"),
            ({b"name": b"x" * 300}, "x" * 255),
            # nothing is left of these
            ({}, "nameless"),
            ({b"name": b""}, "nameless"),
            ({b"name": b".."}, "nameless"),
            ({b"name": b"/"}, "nameless"),
            ({b"name": 7}, "nameless"),
            ({b"name": "\u202e".encode()}, "nameless"),
        ]
        for info, name in rows:
            (file,) = read_files({**info, b"length": 1}, None, "nameless")
            self.assertEqual(file.path, (name,), info)
            (file,) = read_files({**info, b"files": [entry("a")]}, None, "nameless")
            self.assertEqual(file.path, (name, "a"), info)


class PathTests(SynchronousTestCase):
    def test_every_component_is_made_safe(self) -> None:
        rows = [
            ([b"..", b"..", b"etc", b"passwd"], "t/_/_/etc/passwd"),
            ([b"/etc/passwd"], "t/etcpasswd"),
            ([b"a\\..\\b"], "t/a..b"),
            ([b"a\0b"], "t/ab"),
            ([b"", b"a"], "t/_/a"),
            ([b"."], "t/_"),
            ([b"a\nb"], "t/a_b"),
            ([b"\xff"], "t/_"),
            ([b"a\xed\xa0\x80"], "t/a___"),
            (["x\u202egnp.exe".encode()], "t/xgnp.exe"),
        ]
        for path, safe in rows:
            found = paths({b"path": path, b"length": 1})
            self.assertEqual(found, [safe], path)
            found[0].encode()

    def test_collisions_are_renamed(self) -> None:
        found = paths(entry("a"), entry("A"), entry("a/b"), entry("../x"), entry("./x"))
        self.assertEqual(found, ["t/a.1", "t/A.2", "t/a/b", "t/_/x", "t/_/x.1"])

    def test_nothing_is_left(self) -> None:
        for path in (None, [], b"a", 7, [7], [b"a", 7], [[b"a"]], {b"a": b"b"}):
            listed = {b"length": 1} if path is None else {b"path": path, b"length": 1}
            with self.assertRaisesRegex(MetainfoError, "file 2 of .* has no path"):
                paths(entry("a"), listed)

    def test_depth(self) -> None:
        deep = "/".join("x" * (MAX_DEPTH - 1))
        self.assertEqual(paths(entry(deep)), [f"t/{deep}"])
        with self.assertRaisesRegex(MetainfoError, "folders deep"):
            paths(entry(deep + "/x"))


class EncodingTests(SynchronousTestCase):
    CHINESE = "\u4e2d\u6587"
    RAW = CHINESE.encode("gbk")

    def test_the_declared_encoding(self) -> None:
        listed = {b"path": [self.RAW, b"a"], b"length": 1}
        self.assertEqual(
            paths(listed, name=self.RAW, encoding=b"GBK"), [f"{self.CHINESE}/{self.CHINESE}/a"]
        )
        self.assertEqual(paths(listed, name=b"t"), ["t/____/a"])
        self.assertEqual(paths(listed, name=b"t", encoding=b"idna"), ["t/____/a"])

    def test_separators_in_a_legacy_encoding(self) -> None:
        # The second byte of this character is a backslash in Shift JIS.
        raw = "\u8868".encode("shift_jis")
        self.assertIn(b"\\", raw)
        listed = {b"path": [raw], b"length": 1}
        self.assertEqual(paths(listed, encoding=b"Shift_JIS"), ["t/\u8868"])

    def test_utf8_twins_win(self) -> None:
        listed = {b"path": [self.RAW], b"path.utf-8": [self.CHINESE.encode()], b"length": 1}
        twin = {b"name": self.RAW, b"name.utf-8": self.CHINESE.encode(), b"files": [listed]}
        (file,) = read_files(twin, None, "nameless")
        self.assertEqual(file.path, (self.CHINESE, self.CHINESE))

    def test_a_twin_of_the_name_alone(self) -> None:
        info = {
            b"name": self.RAW,
            b"name.utf-8": self.CHINESE.encode(),
            b"files": [{b"path": [self.RAW], b"length": 1}],
        }
        (file,) = read_files(info, b"GBK", "nameless")
        self.assertEqual(file.path, (self.CHINESE, self.CHINESE))

    def test_useless_twins_lose(self) -> None:
        for useless in ([], b"x", 7, [7]):
            self.assertEqual(
                paths({b"path": [b"a"], b"path.utf-8": useless, b"length": 1}), ["t/a"]
            )

    def test_twins_are_made_safe_as_well(self) -> None:
        found = paths({b"path": [b"a"], b"path.utf-8": [b"..", b"\xffx"], b"length": 1})
        self.assertEqual(found, ["t/_/_x"])

    def test_the_same_bytes_in_both_encodings(self) -> None:
        raw = "\u4e2d".encode()
        legacy = raw[:2]
        found = paths(
            {b"path": [legacy], b"length": 1},
            {b"path": [b"x"], b"path.utf-8": [raw], b"length": 1},
            encoding=b"GBK",
        )
        self.assertEqual(found, ["t/" + legacy.decode("gbk"), "t/\u4e2d"])


class AttributeTests(SynchronousTestCase):
    def files(self, *entries: Value):
        return read_files({b"name": b"t", b"files": list(entries)}, None, "nameless")

    def test_flags(self) -> None:
        rows = [
            (None, 5, False, False),
            (b"", 5, False, False),
            (b"x", 5, False, True),
            (b"p", 5, True, False),
            (b"px", 5, True, True),
            (b"h", 5, False, False),
            (b"?", 5, False, False),
            (7, 5, False, False),
        ]
        for attr, length, pad, executable in rows:
            more = {} if attr is None else {"attr": attr}
            _, file = self.files(entry("a"), entry("f", length, **more))
            self.assertEqual((file.pad, file.executable), (pad, executable), attr)
            self.assertEqual((file.length, file.offset), (5, 1))

    def test_pads_do_not_collide_and_their_length_counts(self) -> None:
        files = self.files(
            entry("a", 3),
            entry(".pad/5", 5, attr=b"p"),
            entry("b", 3),
            entry(".pad/5", 5, attr=b"p"),
            entry(".pad", 1),
        )
        self.assertEqual([file.offset for file in files], [0, 3, 8, 11, 16])
        self.assertEqual([file.pad for file in files], [False, True, False, True, False])
        self.assertEqual(files[4].path, ("t", ".pad"))

    def test_giant_pads_allocate_nothing(self) -> None:
        files = self.files(entry("a", 1), entry("p", MAX_TOTAL - 1, attr=b"p"))
        self.assertTrue(files[1].pad)

    def test_links_are_skipped_on_disk(self) -> None:
        link = {b"symlink path": [b"a"], **entry("link", 0, attr=b"l")}
        unsized = {b"symlink path": [b".."], b"path": [b"link"], b"attr": b"l"}
        for listed in (link, unsized):
            _, file, after = self.files(entry("a"), listed, entry("link"))
            self.assertEqual((file.pad, file.length), (True, 0))
            self.assertEqual((after.path, after.offset), (("t", "link"), 1))

    def test_a_link_that_claims_bytes_is_kept_as_a_file(self) -> None:
        file, after = self.files(entry("link", 5, attr=b"l"), entry("a"))
        self.assertEqual((file.pad, file.length, after.offset), (False, 5, 5))

    def test_one_executable_file(self) -> None:
        (file,) = read_files({b"name": b"t", b"length": 1, b"attr": b"xp"}, None, "")
        self.assertEqual((file.executable, file.pad), (True, False))


class LimitTests(SynchronousTestCase):
    def refused(self, message: str, **info: Value) -> None:
        with self.assertRaisesRegex(MetainfoError, message):
            read_files({key.encode(): value for key, value in info.items()}, None, "nameless")

    def test_lists(self) -> None:
        for listed in ([], b"a", 7, {}):
            self.refused("list of files is empty or no list", files=listed)
        for value in (b"a", 7, [b"a"]):
            self.refused("file 1 of .* is no dict", files=[value])
        self.refused("neither a length nor", name=b"x")

    def test_lengths(self) -> None:
        self.refused("file 2 of .* has no length", files=[entry("a"), {b"path": [b"b"]}])
        self.refused("file 1 of .* has no length", files=[{**entry("a"), b"length": b"1"}])
        self.refused("file 1 of .* has a negative length", files=[entry("a", -1), entry("b", 5)])
        self.refused("holds no data", files=[entry("a", 0), entry("b", 0)])

    def test_total(self) -> None:
        half = (MAX_TOTAL + 1) // 2
        read_files({b"files": [entry("a", half), entry("b", half - 1)]}, None, "nameless")
        self.refused("limit of", files=[entry("a", half), entry("b", half)])
        self.refused("limit of", files=[entry("a", 2**63 - 1)] * 4)

    def test_number_of_files(self) -> None:
        read_files({b"files": [entry("a")] * 1000}, None, "nameless")
        self.refused(f"limit of {MAX_FILES}", files=[entry("a")] * (MAX_FILES + 1))

    def test_empty_files(self) -> None:
        files = read_files({b"files": [entry("a", 0), entry("b", 2), entry("c", 0)]}, None, "n")
        self.assertEqual([(f.offset, f.length) for f in files], [(0, 0), (0, 2), (2, 0)])
