"""Types of parameters: what they take, what it becomes, and what they refuse."""

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.control import params
from txtorrent.control.method import IDS
from txtorrent.control.params import FLAG, INDICES, LABELS, PATH, Kind, Param, read_params
from txtorrent.errors import Code, RequestError

WHOLE = params.whole(0, 10)
TAKEN = [
    (FLAG, True, True),
    (FLAG, 1, True),
    (FLAG, 0, False),
    (WHOLE, 0, 0),
    (WHOLE, 10, 10),
    (WHOLE, 5.0, 5),
    (params.number(0, 1), 1, 1.0),
    (params.number(0, 1), 0.25, 0.25),
    (params.rate(10), 9.9, 9),
    (params.text(3), "abc", "abc"),
    (params.choice("a", "b"), "a", "a"),
    (params.list_of(WHOLE), [1, 2], (1, 2)),
    (params.list_of(WHOLE), [], ()),
    (INDICES, [2, 0, 2], (2, 0, 2)),
    (INDICES, [], ()),
    (PATH, "/srv/a", "/srv/a"),
    (PATH, "/srv/../etc//x/", "/etc/x"),
    (PATH, "/../../x", "/x"),
    (PATH, "//srv", "/srv"),
    (LABELS, [" a ", "b", "a"], ("a", "b")),
    (IDS.kind, 3, (3,)),
    (IDS.kind, "ab", ("ab",)),
    (IDS.kind, [1, "ab"], (1, "ab")),
    (IDS.kind, [], ()),
    (IDS.kind, "recently-active", "recently_active"),
    (IDS.kind, "recently_active", "recently_active"),
]
REFUSED = [
    (FLAG, "true"),
    (FLAG, 2),
    (FLAG, None),
    (FLAG, 1.0),
    (FLAG, []),
    (WHOLE, -1),
    (WHOLE, 11),
    (WHOLE, 5.5),
    (WHOLE, True),
    (WHOLE, "5"),
    (WHOLE, 10**400),
    (params.number(0, 1), 1.5),
    (params.number(0, 1), True),
    (params.number(0, 1), "1"),
    (params.rate(10), -0.5),
    (params.rate(10), 10.5),
    (params.rate(10), True),
    (params.rate(10), None),
    (params.text(3), "abcd"),
    (params.text(3), "a\0"),
    (params.text(3), 5),
    (params.choice("a"), "b"),
    (params.choice("a"), ["a"]),
    (params.list_of(WHOLE), 5),
    (params.list_of(WHOLE), [11]),
    (params.list_of(WHOLE, 1), [1, 1]),
    (INDICES, 5),
    (INDICES, [-1]),
    (INDICES, [0, 2**53 + 1]),
    (INDICES, [1.0]),
    (INDICES, [True]),
    (INDICES, ["1"]),
    (INDICES, [0] * (params.MAX_LIST + 1)),
    (PATH, 5),
    (PATH, "/a\0b"),
    (LABELS, [""]),
    (LABELS, ["  "]),
    (LABELS, ["a,b"]),
    (LABELS, ["a\nb"]),
    (LABELS, "a"),
    (LABELS, ["x"] * 101),
    (IDS.kind, None),
    (IDS.kind, True),
    (IDS.kind, 1.5),
    (IDS.kind, [None]),
    (IDS.kind, {"a": 1}),
]


class Kinds(SynchronousTestCase):
    def test_taken(self):
        for kind, value, expected in TAKEN:
            found = kind.read("it", value)
            self.assertEqual((found, type(found)), (expected, type(expected)), kind)

    def test_refused(self):
        for kind, value in REFUSED:
            with self.assertRaises(RequestError) as caught:
                kind.read("it", value)
            self.assertEqual(caught.exception.code, Code.INVALID_PARAMS, kind)
            self.assertIn("it", caught.exception.text)

    def test_a_relative_path_has_a_code_of_its_own(self):
        for path in ("", "srv", "./srv", "~/x"):
            with self.assertRaises(RequestError) as caught:
                PATH.read("it", path)
            self.assertEqual(caught.exception.code, Code.PATH_NOT_ABSOLUTE)

    def test_a_long_value_is_not_repeated(self):
        with self.assertRaises(RequestError) as caught:
            WHOLE.read("it", "x" * 10_000)
        self.assertLess(len(caught.exception.text), 200)


class Params(SynchronousTestCase):
    params = (Param("a", WHOLE, ""), Param("b", Kind("any", lambda _, value: value), "", True))

    def test_unknown_ones_are_passed_over(self):
        self.assertEqual(read_params(self.params, {"a": 1, "b": 2, "c": 3}), {"a": 1, "b": 2})

    def test_one_that_has_to_be_there(self):
        with self.assertRaises(RequestError) as caught:
            read_params(self.params, {"a": 1})
        self.assertEqual(caught.exception.text, "b: missing")
