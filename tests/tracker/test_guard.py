"""Whom a tracker's URL may lead to, as tables."""

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.address import Address
from txtorrent.tracker.errors import UnreachableError
from txtorrent.tracker.guard import Guard, plausible_peers
from txtorrent.wire.announce import TrackerError, TrackerUrl


class PermitTests(SynchronousTestCase):
    FIRST_HOP = (
        # address, untrusted, trusted
        ("203.0.113.1", True, True),
        ("2001:db8::1", True, True),
        ("10.0.0.1", False, True),
        ("100.64.0.1", False, True),
        ("fd00::1", False, True),
        ("127.0.0.1", False, True),
        ("::1", False, True),
        ("64:ff9b::a00:1", False, True),
        ("2002:7f00:1::", False, True),
        ("169.254.169.254", False, False),
        ("64:ff9b::a9fe:a9fe", False, False),
        ("fe80::1", False, False),
        ("0.0.0.0", False, False),
        ("255.255.255.255", False, False),
        ("224.0.0.1", False, False),
        ("::", False, False),
    )

    def test_first_hop(self) -> None:
        for address, untrusted, trusted in self.FIRST_HOP:
            self.assertEqual(Guard(trusted=False).permits(address), untrusted, address)
            self.assertEqual(Guard(trusted=True).permits(address), trusted, address)

    LATER_HOP = (
        # from, to, whether a trusted one may
        ("203.0.113.1", "203.0.113.2", True),
        ("203.0.113.1", "10.0.0.1", False),
        ("203.0.113.1", "127.0.0.1", False),
        ("127.0.0.1", "203.0.113.1", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("10.0.0.1", "127.0.0.1", False),
        ("10.0.0.1", "10.0.0.2", False),
    )

    def test_later_hop(self) -> None:
        for before, after, may in self.LATER_HOP:
            guard = Guard(trusted=True)
            guard.connected(before)
            self.assertEqual(guard.permits(after), may, (before, after))

    def test_the_permitted_are_kept(self) -> None:
        guard = Guard(trusted=False)
        mixed = [Address("127.0.0.1", 80), Address("1.2.3.4", 80), Address("::1", 80)]
        self.assertEqual(guard.permitted("name", mixed), [Address("1.2.3.4", 80)])
        error = self.assertRaises(TrackerError, guard.permitted, "name", mixed[:1])
        self.assertIn("loopback", str(error))
        self.assertNotIsInstance(error, UnreachableError)

    def test_a_few_addresses_of_many(self) -> None:
        many = [Address(f"1.2.3.{number}", 80) for number in range(100)]
        self.assertEqual(Guard(trusted=False).permitted("name", many), many[:8])

    def test_family_of_the_interface(self) -> None:
        both = [Address("2001:db8::1", 80), Address("1.2.3.4", 80)]
        self.assertEqual(Guard(False, "10.0.0.1").permitted("name", both), both[1:])
        self.assertEqual(Guard(False, "fd00::1").permitted("name", both), both[:1])
        guard = Guard(False, "fd00::1")
        self.assertRaises(UnreachableError, guard.permitted, "name", both[1:])


class RedirectTests(SynchronousTestCase):
    TABLE = (
        # from, location, to (None: refused)
        ("http://a/announce?k=v", "http://b/x?y", "http://b/x?y"),
        ("http://a/announce?k=v", "/x", "http://a/x"),
        ("http://a/d/announce", "x?y", "http://a/d/x?y"),
        ("http://a/announce", "https://a/announce", "https://a/announce"),
        ("https://a/announce", "https://b/announce", "https://b/announce"),
        ("https://a:444/announce", "//b/x", "https://b/x"),
        ("https://a/announce", "http://a/announce", None),
        ("https://a/announce", "HTTP://a/announce", None),
        ("http://a/announce", "udp://a:1/announce", None),
        ("http://a/announce", "ftp://a/announce", None),
        ("http://a/announce", "file:///etc/passwd", None),
        ("http://a/announce", "http://[", None),
        ("http://a/announce", "http://a b/", None),
        ("http://a/announce", "http://a:0/", None),
    )

    def test_table(self) -> None:
        for start, location, to in self.TABLE:
            url = TrackerUrl.parse(start)
            guard = Guard(trusted=True)
            if to is None:
                self.assertRaises(TrackerError, guard.redirect, url, location)
            else:
                found = guard.redirect(url, location)
                self.assertEqual(found.origin + found.target, to)

    def test_three(self) -> None:
        url, guard = TrackerUrl.parse("http://a/"), Guard(trusted=True)
        for _ in range(3):
            guard.redirect(url, "/")
        self.assertRaises(TrackerError, guard.redirect, url, "/")


class PlausibleTests(SynchronousTestCase):
    PEERS = tuple(Address(host, 1) for host in ("1.2.3.4", "10.0.0.1", "127.0.0.1", "169.254.0.1"))

    def test_table(self) -> None:
        for tracker, kept in (
            ("203.0.113.1", self.PEERS[:2]),
            ("10.0.0.9", self.PEERS[:2]),
            ("127.0.0.1", self.PEERS[:3]),
        ):
            self.assertEqual(plausible_peers(self.PEERS, tracker), kept)
