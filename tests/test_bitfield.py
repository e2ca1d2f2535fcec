from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.bitfield import Bitfield


def picture(field: Bitfield) -> str:
    return "".join("#" if i in field else "." for i in range(field.size))


def drawn(text: str) -> Bitfield:
    field = Bitfield(len(text))
    for index, char in enumerate(text):
        if char == "#":
            field.add(index)
    return field


class WireTests(SynchronousTestCase):
    ROWS = [
        ("", b""),
        ("#", b"\x80"),
        (".", b"\x00"),
        (".......#", b"\x01"),
        ("#......#", b"\x81"),
        ("........#", b"\x00\x80"),
        ("#.#.....##", b"\xa0\xc0"),
        ("#" * 11, b"\xff\xe0"),
    ]

    def test_both_ways(self) -> None:
        for text, wire in self.ROWS:
            self.assertEqual(drawn(text).to_wire(), wire)
            field = Bitfield.from_wire(len(text), wire)
            self.assertEqual(picture(field), text)
            self.assertEqual(field.count, text.count("#"))

    def test_wrong_length(self) -> None:
        rows = [(0, b"\0"), (1, b""), (8, b"\0\0"), (9, b"\0"), (9, b"\0\0\0")]
        for size, data in rows:
            with self.assertRaises(ValueError, msg=(size, data)):
                Bitfield.from_wire(size, data)

    def test_spare_bits(self) -> None:
        for size in range(1, 8):
            for spare in range(size, 8):
                with self.assertRaises(ValueError, msg=(size, spare)):
                    Bitfield.from_wire(size, bytes([0x80 >> spare]))
        with self.assertRaises(ValueError):
            Bitfield.from_wire(15, b"\0\1")

    def test_a_view_is_copied(self) -> None:
        data = bytearray(b"\xf0")
        field = Bitfield.from_wire(8, memoryview(data))
        data[0] = 0
        self.assertEqual(picture(field), "####....")

    def test_full(self) -> None:
        for size in range(20):
            field = Bitfield.full(size)
            self.assertEqual(picture(field), "#" * size)
            self.assertEqual(Bitfield.from_wire(size, field.to_wire()), field)


class ChangeTests(SynchronousTestCase):
    def test_add_and_discard_tell_what_changed(self) -> None:
        field = Bitfield(12)
        self.assertIs(field.add(11), True)
        self.assertIs(field.add(11), False)
        self.assertEqual((picture(field), field.count), ("...........#", 1))
        self.assertIs(field.discard(11), True)
        self.assertIs(field.discard(11), False)
        self.assertEqual((picture(field), field.count), ("............", 0))

    def test_outside(self) -> None:
        field = Bitfield.full(12)
        for index in (-1, -12, 12, 15, 16, 2**40):
            self.assertNotIn(index, field)
            with self.assertRaises(IndexError):
                field.add(index)
            with self.assertRaises(IndexError):
                field.discard(index)
        self.assertEqual(field, Bitfield.full(12))

    def test_full_and_empty(self) -> None:
        rows = [("", True, True), ("..", False, True), ("#.", False, False), ("##", True, False)]
        for text, full, empty in rows:
            field = drawn(text)
            self.assertEqual((field.is_full, field.is_empty), (full, empty))
            self.assertEqual(bool(field), not empty)

    def test_negative_size(self) -> None:
        with self.assertRaises(ValueError):
            Bitfield(-1)

    def test_copies_are_apart(self) -> None:
        field = drawn("#..")
        twin = field.copy()
        self.assertEqual(twin, field)
        twin.add(2)
        self.assertEqual((picture(field), field.count), ("#..", 1))
        self.assertEqual((picture(twin), twin.count), ("#.#", 2))

    def test_equality(self) -> None:
        self.assertNotEqual(drawn("#."), drawn("#.."))
        self.assertNotEqual(drawn("#."), drawn(".#"))
        self.assertNotEqual(drawn("#."), b"\x80")
        with self.assertRaises(TypeError):
            hash(drawn("#"))


class WalkTests(SynchronousTestCase):
    def test_set_and_missing(self) -> None:
        field = drawn("#..#....########........#.")
        self.assertEqual(list(field), [0, 3, *range(8, 16), 24])
        self.assertEqual(list(field.missing()), [1, 2, 4, 5, 6, 7, *range(16, 24), 25])

    def test_spare_bits_are_never_missing(self) -> None:
        self.assertEqual(list(Bitfield(3).missing()), [0, 1, 2])
        self.assertEqual(list(Bitfield.full(3).missing()), [])

    @settings(derandomize=True, deadline=None, max_examples=150)
    @given(st.integers(1, 70), st.lists(st.tuples(st.booleans(), st.integers(0, 69)), max_size=60))
    def test_like_a_set(self, size, steps) -> None:
        field, model = Bitfield(size), set()
        for adds, index in steps:
            index %= size
            if adds:
                self.assertEqual(field.add(index), index not in model)
                model.add(index)
            else:
                self.assertEqual(field.discard(index), index in model)
                model.discard(index)
        self.assertEqual(list(field), sorted(model))
        self.assertEqual(list(field.missing()), [i for i in range(size) if i not in model])
        self.assertEqual(field.count, len(model))
        self.assertEqual(Bitfield.from_wire(size, field.to_wire()).count, len(model))
