"""Keys that sign, and how people tell them apart."""

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.swarm.identity import Identity, fingerprint, is_genuine, nickname

# RFC 8032, section 7.1, test 3
SECRET = bytes.fromhex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7")
PUBLIC = bytes.fromhex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025")
SIGNATURE = bytes.fromhex(
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
    "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
)
SIGNED = bytes.fromhex("af82")


class IdentityTests(SynchronousTestCase):
    def test_as_in_the_rfc(self):
        identity = Identity(SECRET)
        self.assertEqual(identity.public, PUBLIC)
        self.assertEqual(identity.sign(SIGNED), SIGNATURE)
        self.assertTrue(is_genuine(PUBLIC, SIGNATURE, SIGNED))

    def test_what_is_not_genuine(self):
        changed = bytes([SIGNATURE[0] ^ 1]) + SIGNATURE[1:]
        for public, signature, data in (
            (PUBLIC, SIGNATURE, SIGNED + b"!"),
            (PUBLIC, changed, SIGNED),
            (PUBLIC, bytes(64), SIGNED),
            (PUBLIC, SIGNATURE[:63], SIGNED),
            (PUBLIC, b"", SIGNED),
            (Identity.make().public, SIGNATURE, SIGNED),
            (bytes(32), SIGNATURE, SIGNED),
            (b"\xff" * 32, SIGNATURE, SIGNED),  # no point of the curve
            (PUBLIC[:31], SIGNATURE, SIGNED),
        ):
            self.assertFalse(is_genuine(public, signature, data))

    def test_kept_and_read_again(self):
        made = Identity.make()
        again = Identity(made.secret)
        self.assertEqual(len(made.secret), 32)
        self.assertEqual((again, again.public), (made, made.public))
        self.assertNotEqual(Identity.make().public, made.public)

    def test_a_damaged_one(self):
        for secret in (b"", SECRET[:31], SECRET + b"x"):
            with self.assertRaises(ValueError):
                Identity(secret)

    def test_the_secret_is_not_shown(self):
        shown = repr(Identity(SECRET))
        self.assertNotIn(repr(SECRET)[2:-1], shown)
        self.assertEqual(shown, "Identity()")

    def test_what_people_see(self):
        self.assertEqual(fingerprint(PUBLIC), "3lah-hyas-hppk-lhoz")
        self.assertEqual(nickname(PUBLIC), "guest-3lah")
        identity = Identity(SECRET)
        self.assertEqual(identity.fingerprint, fingerprint(PUBLIC))
        self.assertEqual(identity.nickname, nickname(PUBLIC))
