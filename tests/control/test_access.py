"""Passwords, how slowly they are guessed, and the names we go by."""

from base64 import b64encode

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.control.access import (
    FIRST_DELAY,
    FORGET,
    MAX_ADDRESSES,
    MAX_DELAY,
    Credentials,
    Guesses,
    is_allowed_host,
    network_of,
)


def basic(text: str) -> str:
    return "Basic " + b64encode(text.encode()).decode()


HEADERS = [
    (basic("me:se:cret"), True),
    (basic("me:se:cret").replace("Basic", "basic"), True),
    (basic("me:se:cre"), False),
    (basic("you:se:cret"), False),
    (basic("me"), False),
    (basic(""), False),
    ("Basic !!!", False),
    ("Basic", False),
    ("Bearer " + basic("me:se:cret")[6:], False),
    ("", False),
    (None, False),
]
HOSTS = [
    ("127.0.0.1", True),
    ("127.0.0.1:9091", True),
    ("192.0.2.1:80", True),
    ("[::1]", True),
    ("[::1]:9091", True),
    ("localhost", True),
    ("LOCALHOST:9091", True),
    ("localhost.", True),
    ("seedbox.lan:9091", True),
    ("evil.example", False),
    ("seedbox.lan.evil.example", False),
    ("localhost.evil.example", False),
    ("127.0.0.1.evil.example", False),
    ("localhost:80@evil.example", False),
    ("evil.example:80", False),
    ("[::1].evil.example", False),
    ("[::1", False),
    ("::1", False),
    ("local\u212aost", False),
    ("", False),
    (None, False),
]


class Names(SynchronousTestCase):
    def test_credentials(self):
        credentials = Credentials("me", "se:cret")
        for header, expected in HEADERS:
            self.assertEqual(credentials.match(header), expected, header)
        self.assertNotIn("se:cret", repr(credentials))

    def test_hosts(self):
        for header, expected in HOSTS:
            found = is_allowed_host(header, frozenset({"seedbox.lan"}))
            self.assertEqual(found, expected, header)

    def test_networks(self):
        for address, network in [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::"),
            ("2001:db8::2", "2001:db8::"),
            ("fe80::1%eth0", "fe80::"),
            ("what", "what"),
        ]:
            self.assertEqual(network_of(address), network)


class Guessing(SynchronousTestCase):
    def setUp(self):
        self.guesses = Guesses()

    def fail(self, times, address="192.0.2.1", now=0.0):
        for _ in range(times):
            self.guesses.failed(address, now)

    def test_the_first_is_free(self):
        self.assertEqual(self.guesses.wait("192.0.2.1", 0), 0)

    def test_slower_and_slower(self):
        now, waits = 0.0, []
        for _ in range(7):
            wait = self.guesses.wait("192.0.2.1", now)
            now += wait
            waits.append(wait)
            self.guesses.failed("192.0.2.1", now)
        self.assertEqual(waits[:3], [0, FIRST_DELAY, FIRST_DELAY * 2])
        self.assertEqual(waits[-1], MAX_DELAY)

    def test_guesses_at_the_same_time_queue(self):
        self.fail(3)
        waits = [self.guesses.wait("192.0.2.1", 0) for _ in range(3)]
        self.assertEqual(waits[1] - waits[0], waits[2] - waits[1])
        self.assertGreater(waits[1], waits[0])

    def test_the_queue_is_bounded(self):
        self.fail(10)
        waits = [self.guesses.wait("192.0.2.1", 0) for _ in range(20)]
        self.assertIsNone(waits[-1])

    def test_nobody_else_waits(self):
        self.fail(10)
        self.assertEqual(self.guesses.wait("192.0.2.2", 0), 0)

    def test_a_right_one_starts_afresh(self):
        self.fail(10)
        self.guesses.passed("192.0.2.1")
        self.assertEqual(self.guesses.wait("192.0.2.1", 0), 0)

    def test_time_heals(self):
        self.fail(10)
        self.assertEqual(self.guesses.wait("192.0.2.1", FORGET + MAX_DELAY + 1), 0)

    def test_memory_is_bounded(self):
        for number in range(MAX_ADDRESSES + 1):
            self.guesses.failed(f"host{number}", 0)
        self.assertEqual(self.guesses.wait("host0", 0), 0)
        self.assertGreater(self.guesses.wait("host1", 0), 0)
