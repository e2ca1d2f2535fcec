"""The words of an announce: limits, texts made safe, URLs and what of them may be shown."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.address import Address
from txtorrent.wire.announce import (
    AnnounceRequest,
    Event,
    TrackerError,
    TrackerUrl,
    clamped_interval,
    clean_text,
    redacted,
    usable_peers,
)


def request(**changes):
    told = {
        "info_hash": b"h" * 20,
        "peer_id": b"p" * 20,
        "port": 6881,
        "uploaded": 0,
        "downloaded": 0,
        "left": 0,
        "corrupt": 0,
        "event": Event.NONE,
        "key": 1,
        "numwant": 50,
    }
    return AnnounceRequest(**(told | changes))


class RequestTests(SynchronousTestCase):
    def test_hash_and_id_have_twenty_bytes(self) -> None:
        for name in ("info_hash", "peer_id"):
            for value in (b"", b"x" * 19, b"x" * 21):
                error = self.assertRaises(ValueError, request, **{name: value})
                self.assertIn(name, str(error))


class IntervalTests(SynchronousTestCase):
    """D4."""

    TABLE = (
        (0, 60),
        (-1, 60),
        (-(2**31), 60),
        (59, 60),
        (60, 60),
        (1800, 1800),
        (86400, 86400),
        (86401, 86400),
        (2**31, 86400),
        (2**63 - 1, 86400),
        (None, 1800),
        (b"300", 1800),
        ([], 1800),
    )

    def test_clamped(self) -> None:
        for said, taken in self.TABLE:
            self.assertEqual(clamped_interval(said), taken, said)


class TextTests(SynchronousTestCase):
    """D4, E14: what a tracker says reaches a log as one short line."""

    TABLE = (
        (b"torrent not registered", "torrent not registered"),
        (b"a\r\nb\0c\x1b[31m\x7f", "a\\r\\nb\\x00c\\x1b[31m\\x7f"),
        ("\u202eevil\u2028\u2029\ufeff\xad", "\\u202eevil\\u2028\\u2029\\ufeff\\xad"),
        ("gr\xfc\xdfe \u65e5\u672c", "gr\xfc\xdfe \u65e5\u672c"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        ("\ud800", "\\ud800"),
    )

    def test_escaped(self) -> None:
        for said, shown in self.TABLE:
            self.assertEqual(clean_text(said), shown)

    def test_cut(self) -> None:
        self.assertEqual(clean_text("x" * 200), "x" * 200)
        for said in ("x" * 201, "\0" * 201, b"x" * 1_000_000):
            shown = clean_text(said)
            self.assertEqual((len(shown), shown[-1]), (200, "\u2026"))

    def test_secrets_are_cut_out_before_the_rest(self) -> None:
        said = "x" * 195 + "passkey123"
        self.assertNotIn("passk", clean_text(said, ["passkey123"]))

    def test_error(self) -> None:
        error = TrackerError(b"no\n" + b"x" * 500, 60.0, ["nothing"])
        self.assertEqual((str(error)[:4], len(str(error)), error.retry_in), ("no\\n", 200, 60.0))

    @settings(derandomize=True, deadline=None, max_examples=200)
    @given(st.one_of(st.binary(max_size=500), st.text(max_size=500)))
    def test_anything(self, said) -> None:
        shown = clean_text(said)
        self.assertLessEqual(len(shown), 200)
        self.assertTrue(shown.isprintable())
        shown.encode("utf-8")


class PeerTests(SynchronousTestCase):
    """D5."""

    def test_poison(self) -> None:
        good = Address("1.2.3.4", 6881)
        poison = [
            Address("1.2.3.4", 0),
            Address("255.255.255.255", 6881),
            Address("0.0.0.0", 6881),
            Address("224.0.0.1", 6881),
            Address("ff02::1", 6881),
            Address("::", 6881),
            Address("9.9.9.9", 6881),
        ]
        self.assertEqual(usable_peers([*poison, good, good], request(), "9.9.9.9"), (good,))

    def test_only_our_own_port_is_ourselves(self) -> None:
        neighbour = Address("9.9.9.9", 6882)
        self.assertEqual(usable_peers([neighbour], request(), "9.9.9.9"), (neighbour,))

    def test_at_most(self) -> None:
        many = [Address("1.2.3.4", port) for port in range(1, 5001)]
        self.assertEqual(usable_peers(many, request()), tuple(many[:3000]))


class UrlTests(SynchronousTestCase):
    PARSED = (
        # url, origin, target
        ("http://t.example/announce", "http://t.example", "/announce"),
        ("HTTP://T.Example:80/a?b=c#d", "http://t.example", "/a?b=c"),
        ("https://t.example:443", "https://t.example", ""),
        ("https://t.example:80/", "https://t.example:80", "/"),
        ("udp://t.example:6969/announce", "udp://t.example:6969", "/announce"),
        ("udp://t.example:80", "udp://t.example:80", ""),
        ("  http://1.2.3.4/a\n", "http://1.2.3.4", "/a"),
        ("http://[2001:DB8::0:1]:81/a", "http://[2001:db8::1]:81", "/a"),
        ("http://[::ffff:1.2.3.4]/a", "http://1.2.3.4", "/a"),
        ("http://t.example/a b\u00fc%20?q=\u00e9 \x7f%zz", "http://t.example", None),
        ("http://b\u00fccher.example/a", "http://xn--bcher-kva.example", "/a"),
        ("http://u:p@t.example/a", "http://t.example", "/a"),
    )

    def test_parsed(self) -> None:
        for url, origin, target in self.PARSED:
            parsed = TrackerUrl.parse(url)
            self.assertEqual(parsed.origin, origin)
            if target is not None:
                self.assertEqual(parsed.target, target)

    def test_target_is_fit_for_a_request_line(self) -> None:
        parsed = TrackerUrl.parse("http://t.example/a b\u00fc%20?q=\u00e9 \x7f%zz'\"<>\\")
        self.assertEqual(parsed.target, "/a%20b%C3%BC%20?q=%C3%A9%20%7F%zz'%22%3C%3E%5C")

    REFUSED = (
        "",
        "t.example",
        "http://",
        "http:///announce",
        "http://[::1/a",
        "http://t.example:port/a",
        "http://t.example:65536/a",
        "http://t.example:0/a",
        "udp://t.example/a",
        "wss://t.example/a",
        "http://t ex/a",
        "http://t%00/a",
        "http://" + "a" * 254 + "/a",
        "http://t.example/" + "a" * 8192,
        "http://\u2100/a",
        "http://a..\u00fc/a",
    )

    def test_refused(self) -> None:
        for url in self.REFUSED:
            error = self.assertRaises(TrackerError, TrackerUrl.parse, url)
            self.assertLess(len(str(error)), 80)

    def test_credentials(self) -> None:
        self.assertEqual(TrackerUrl.parse("http://u%40:p:q@h/a").credentials, ("u@", "p:q"))
        self.assertIsNone(TrackerUrl.parse("http://h/a").credentials)

    SECRET = "https://bob:hunter22@t.example:8443/0a1b2c3d4e/announce?passkey=5f6%3d7a8b&x=9c0d1e2f"

    def test_redacted(self) -> None:
        self.assertEqual(redacted(self.SECRET), "https://t.example:8443")
        self.assertEqual(redacted("http://[::1"), "(an unreadable tracker URL)")

    def test_secrets(self) -> None:
        parsed = TrackerUrl.parse(self.SECRET)
        said = "0a1b2c3d4e 5f6%3d7a8b 5f6=7a8b 9c0d1e2f hunter22 announce"
        self.assertEqual(clean_text(said, parsed.secrets), "*** *** *** *** *** announce")
        for secret in ("0a1b2c3d4e", "5f6", "9c0d1e2f", "hunter22"):
            self.assertNotIn(secret, repr(parsed))

    @settings(derandomize=True, deadline=None, max_examples=300)
    @given(st.text(st.sampled_from("htps:/udp[]@?#%&=.a1 \u00fc\0\n"), max_size=40))
    def test_anything(self, url: str) -> None:
        try:
            parsed = TrackerUrl.parse(url)
        except TrackerError:
            return
        self.assertTrue((parsed.origin + parsed.target).isascii())
        self.assertTrue(parsed.target.isprintable())
        self.assertNotIn(" ", parsed.target)
