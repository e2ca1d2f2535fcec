"""URLs of a Redis: what is read, and that a wrong one's words do not give the password away."""

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.trackerserver.redisaddress import RedisAddress

GOOD = [
    ("redis://localhost:6379/0", RedisAddress("localhost", 6379)),
    ("redis://127.0.0.1:7000/15", RedisAddress("127.0.0.1", 7000, 15)),
    ("redis://[::1]:6379/1", RedisAddress("::1", 6379, 1)),
    ("redis://:secret@redis.example.org:1/2", RedisAddress("redis.example.org", 1, 2, "secret")),
    ("redis://:p%40ss%2Fw%3A%C3%B6@h:1/0", RedisAddress("h", 1, 0, "p@ss/w:ö")),
    ("redis://:a:b@c@h:1/0", RedisAddress("h", 1, 0, "a:b@c")),
]
BAD = [
    ("", "redis://"),
    ("localhost:6379", "redis://"),
    ("http://:hunter2@h:1/0", "redis://"),
    ("redis://", "host and a port"),
    ("redis://h/0", "host and a port"),
    ("redis://h:0/0", "host and a port"),
    ("redis://h:65536/0", "host and a port"),
    ("redis://:hunter2@h/0", "host and a port"),
    ("redis://:hunter2/h:1/0", "host and a port"),
    ("redis://::1:6379/0", "host and a port"),
    ("redis://h:1", "database"),
    ("redis://h:1/", "database"),
    ("redis://h:1/-1", "database"),
    ("redis://h:1/99999999999", "database"),
    ("redis://h:1/hunter2", "database"),
    ("redis://h:1/0/1", "database"),
    ("redis://hunter2@h:1/0", "colon"),
    ("redis://user:hunter2@h:1/0", "colon"),
    ("redis://:@h:1/0", "colon"),
]


class Urls(SynchronousTestCase):
    def test_good(self):
        for url, address in GOOD:
            self.assertEqual(RedisAddress.parse(url), address, url)

    def test_bad(self):
        for url, words in BAD:
            error = self.assertRaises(ValueError, RedisAddress.parse, url)
            self.assertIn(words, str(error), url)
            self.assertNotIn("hunter2", str(error))

    def test_password_is_in_no_text(self):
        address = RedisAddress.parse("redis://:hunter2@[::1]:6379/3")
        self.assertEqual(str(address), "[::1]:6379/3")
        self.assertNotIn("hunter2", f"{address!r} {address}")
