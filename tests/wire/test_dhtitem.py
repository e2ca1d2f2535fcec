"""Items of the DHT: the vectors of BEP 44, and what is no item."""

from hashlib import sha1

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.wire.dhtitem import Item, immutable_target, public_key, sign, signed_bytes

VALUE = b"12:Hello World!"
KEY = bytes.fromhex("77ff84905a91936367c01360803104f92432fcd904a43511876df5cdf3e7e548")
PLAIN = Item(
    VALUE,
    KEY,
    bytes.fromhex(
        "305ac8aeb6c9c151fa120f120ea2cfb923564e11552d06a5d856091e5e853cff"
        "1260d3f39e4999684aa92eb73ffd136e6f4f3ecbfda0ce53a1608ecd7ae21f01"
    ),
    1,
)
SALTED = Item(
    VALUE,
    KEY,
    bytes.fromhex(
        "6834284b6b24c3204eb2fea824d82f88883a3d95e8b4a21b8c0ded553d17d17d"
        "df9a8a7104b1258f30bed3787e6cb896fca78c58f8e03b5f18f14951a87d9a08"
    ),
    1,
    b"foobar",
)


class Vectors(SynchronousTestCase):
    """BEP 44, "Test Vectors"."""

    def test_what_is_signed(self):
        self.assertEqual(signed_bytes(VALUE, 1, b""), b"3:seqi1e1:v12:Hello World!")
        self.assertEqual(
            signed_bytes(VALUE, 1, b"foobar"), b"4:salt6:foobar3:seqi1e1:v12:Hello World!"
        )

    def test_mutable(self):
        self.assertEqual(PLAIN.target.hex(), "4a533d47ec9c7d95b1ad75f576cffc641853b750")
        self.assertTrue(PLAIN.is_signed)

    def test_mutable_with_salt(self):
        self.assertEqual(SALTED.target.hex(), "411eba73b6f087ca51a3795d9c8c938d365e32c1")
        self.assertTrue(SALTED.is_signed)

    def test_immutable(self):
        self.assertEqual(Item(VALUE).target.hex(), "e5f96f6f38320f0f33959cb4d3d656452117aadb")
        self.assertEqual(immutable_target(VALUE), sha1(VALUE).digest())


class Signatures(SynchronousTestCase):
    def test_anything_changed(self):
        for item in (PLAIN, SALTED):
            for changed in (
                evolve(item, value=b"12:Hello world!"),
                evolve(item, seq=2),
                evolve(item, salt=b"foobaz"),
                evolve(item, key=bytes(32)),
                evolve(item, key=b"\xff" * 32),
                evolve(item, signature=bytes(64)),
                evolve(item, signature=item.signature[:-1]),
            ):
                self.assertFalse(changed.is_signed, changed)

    def test_ours(self):
        seed = bytes(range(32))
        item = sign(seed, VALUE, 5, b"s")
        self.assertEqual((item.key, item.seq, item.salt), (public_key(seed), 5, b"s"))
        self.assertTrue(item.is_signed)
        self.assertRaises(ValueError, sign, b"short", VALUE, 5)


class Canonical(SynchronousTestCase):
    def test_values(self):
        for value, is_canonical in (
            (b"i1e", True),
            (b"d1:ai1e1:bi2ee", True),
            (b"d1:bi1e1:ai2ee", False),
            (b"i01e", False),
            (b"5:abc", False),
            (b"l" * 9 + b"e" * 9, False),
        ):
            self.assertEqual(Item(value).is_canonical, is_canonical, value)
