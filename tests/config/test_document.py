"""Documents of settings: what is wrong with one, and in which line anything stands."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.config.document import (
    MAX_FILE,
    ConfigError,
    parse_json,
    parse_toml,
    read_text,
)
from txtorrent.config.records import Bad

TOML = 'a.b = 1\n[c]\n\n"d" = [\n 1,\n 2]\n[[e.f]]\n[[e.f]]\ng = {h = 1}\n'
# (keys, the line)
TOML_LINES = [
    ((), 1),
    (("a", "b"), 1),
    (("c",), 2),
    (("c", "d"), 4),
    (("c", "d", 1), 4),
    (("e", "f", 0), 7),
    (("e", "f", 1), 8),
    (("e", "f", 1, "g", "h"), 9),
    (("c", "nothing"), 2),
    (("a", "b", "nothing"), 1),
]
MISLEADING = [
    ('a = """\nb = 1\n"""\nb = 2', ("b",), 4),
    ("a = '''\nb = [\n'''\nb = [\n  [1],\n  [2],\n]\nc = 1", ("c",), 8),
    ('# b = 1\na = "b = 1" # b = 2\nb = 3', ("b",), 3),
    ('a = [ # ]\n 1, # ]\n]\n"b" = 1', ("b",), 4),
    ('a = "\u2028"\n\nb = 1', ("b",), 3),
    ("a = 1\r\n\r\nb = 1\r\n", ("b",), 3),
]

JSON = '\n{ "a": {"b": 1},\n  "c":\n {\n "d": [\n 1,\n {"x": "}]\\"", "e,": [],\n "f": null}\n]}}\n'
JSON_LINES = [
    ((), 2),
    (("a",), 2),
    (("a", "b"), 2),
    (("c",), 3),
    (("c", "d"), 5),
    (("c", "d", 0), 6),
    (("c", "d", 1), 7),
    (("c", "d", 1, "e,"), 7),
    (("c", "d", 1, "f"), 8),
    (("c", "nothing"), 3),
    (("c", "d", 2), 5),
    (("a", "b", 0), 2),
]

# (how it is read, the document, the line or None, a part of the complaint)
WRONG = [
    (parse_toml, "a = [\n1,\n", 2, "Invalid value"),
    (parse_toml, "a = 1\na = 2", 2, "Cannot overwrite a value"),
    (parse_toml, "a = 'x", 1, "Expected \"'\""),
    (parse_toml, "a = " + "1" * 10_000, None, "this is no settings file"),
    (parse_toml, "a = " + "[" * 10_000, None, "this is no settings file"),
    (parse_toml, "a = " + "[" * 60 + "]" * 60, None, "this is no settings file"),
    (parse_json, "", 1, "Expecting value"),
    (parse_json, "{\n 'a': 1}", 2, "Expecting property name"),
    (parse_json, '{"a": 1\n\n"b": 2}', 3, "Expecting ',' delimiter"),
    (parse_json, '{"a": 1}\n}', 2, "Extra data"),
    (parse_json, '{"a": "x\n"}', 1, "Invalid control character"),
    (parse_json, "\ufeff{}", 1, "Unexpected UTF-8 BOM"),
    (parse_json, "[1]", 1, "this is no JSON object"),
    (parse_json, '{"a": 1,\n"b": [{"c": 1},\n {"c": 1,\n "d": 5,\n "c": 2}]}', 5,
     "'c' is there twice"),
    (parse_json, '{"a": ' + "[" * 100_000, None, "this is no settings file"),
    (parse_json, '{"a": ' + "[" * 60 + "]" * 60 + "}", None, "this is no settings file"),
    (parse_json, '{"a": ' + "1" * 10_000 + "}", None, "this is no settings file"),
]  # fmt: skip


class Lines(SynchronousTestCase):
    def test_toml(self):
        document = parse_toml(TOML, "c.toml")
        for keys, line in TOML_LINES:
            self.assertEqual(document.line_of(keys), line, keys)

    def test_toml_that_misleads(self):
        for text, keys, line in MISLEADING:
            self.assertEqual(parse_toml(text, "c.toml").line_of(keys), line, text)

    def test_json(self):
        document = parse_json(JSON, "c.json")
        for keys, line in JSON_LINES:
            self.assertEqual(document.line_of(keys), line, keys)

    def test_an_error_says_it(self):
        document = parse_json('{\n"a": 5}', "c.json")
        error = document.error(Bad(("a",), "a: 5 is too much"))
        self.assertEqual(str(error), "c.json:2: a: 5 is too much")

    def test_an_error_is_short(self):
        error = parse_toml("a = 1", "c").error(Bad(("a",), "x" * 9999))
        self.assertLess(len(str(error)), 310)

    def test_thousands_of_statements(self):
        peers = [f'[[peers]]\nip = "192.0.2.1"\nport = {port}\n' for port in range(3000)]
        text = "".join([*peers, "list = [\n", "  5,\n" * 1000, "]\nlast = 1\n"])
        self.assertEqual(parse_toml(text, "c").line_of(("peers", 2999, "last")), 10_003)


class Documents(SynchronousTestCase):
    def test_right(self):
        self.assertEqual(parse_toml("a = 1\n", "c").values, {"a": 1})
        self.assertEqual(parse_json(' {"a": [1, {}]}\n', "c").values, {"a": [1, {}]})

    def test_wrong(self):
        for parse, text, line, complaint in WRONG:
            with self.subTest(text[:40]):
                error = self.assertRaises(ConfigError, parse, text, "c")
                where = "c: " if line is None else f"c:{line}: "
                self.assertTrue(str(error).startswith(where), str(error))
                self.assertIn(complaint, str(error))

    @settings(derandomize=True, deadline=None, max_examples=200)
    @given(st.text(st.sampled_from('[]{}:,"\n1a \\') | st.characters(), max_size=40))
    def test_strange(self, text):
        for parse in (parse_json, parse_toml):
            try:
                parse(text, "c")
            except ConfigError as error:
                self.assertEqual(len(str(error).splitlines()), 1)

    @settings(derandomize=True, deadline=None, max_examples=200)
    @given(
        st.recursive(
            st.integers() | st.text(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
            max_leaves=10,
        ),
        st.sampled_from([None, 1]),
    )
    def test_every_part_of_json_has_its_line(self, value, indent):
        text = json.dumps({"top": value}, indent=indent)
        document = parse_json(text, "c")
        lines = text.split("\n")
        todo = [(("top",), value)]
        while todo:
            keys, part = todo.pop()
            line = document.line_of(keys)
            if isinstance(keys[-1], str):
                self.assertIn(json.dumps(keys[-1]), lines[line - 1])
            inside = part.items() if isinstance(part, dict) else ()
            inside = enumerate(part) if isinstance(part, list) else inside
            todo += [((*keys, key), each) for key, each in inside]


class Files(SynchronousTestCase):
    def written(self, raw):
        path = self.mktemp()
        with open(path, "wb") as file:
            file.write(raw)
        return path

    def test_read(self):
        self.assertEqual(read_text(self.written("häuser\n".encode())), "häuser\n")

    def test_not_utf8(self):
        path = self.written(b"# a\nx = '\xff'\n")
        error = self.assertRaises(ConfigError, read_text, path)
        self.assertEqual(str(error), f"{path}:2: not UTF-8")

    def test_too_large(self):
        self.assertEqual(len(read_text(self.written(b"#" * MAX_FILE))), MAX_FILE)
        path = self.written(b"#" * (MAX_FILE + 1))
        error = self.assertRaises(ConfigError, read_text, path)
        self.assertIn("larger than 1048576 bytes", str(error))
        self.assertRaises(ConfigError, read_text, self.written(b"##"), 1)

    def test_missing(self):
        self.assertRaises(FileNotFoundError, read_text, self.mktemp())
