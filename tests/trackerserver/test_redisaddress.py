"""URLs of a Redis: what is read, and that a wrong one's words do not give the password away."""

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.trackerserver.redisaddress import RedisAddress

GOOD = [
    ("redis://localhost:6379/0", RedisAddress("localhost", 6379)),
    ("redis://127.0.0.1:7000/15", RedisAddress("127.0.0.1", 7000, 15)),
    ("redis://[::1]:6379/1", RedisAddress("::1", 6379, 1)),
    ("redis://127.0.0.1:7399", RedisAddress("127.0.0.1", 7399, 0)),
    ("redis://localhost/2", RedisAddress("localhost", 6379, 2)),
    ("redis://localhost", RedisAddress("localhost", 6379, 0)),
    ("redis://h:1/", RedisAddress("h", 1, 0)),
    ("redis://[::1]", RedisAddress("::1", 6379, 0)),
    ("redis://:a:b]c@[::1]/3", RedisAddress("::1", 6379, 3, "a:b]c")),
    ("redis://:secret@h", RedisAddress("h", 6379, 0, "secret")),
    ("redis://:secret@redis.example.org:1/2", RedisAddress("redis.example.org", 1, 2, "secret")),
    ("redis://:p%40ss%2Fw%3A%C3%B6@h:1/0", RedisAddress("h", 1, 0, "p@ss/w:ö")),
    ("redis://:a:b@c@h:1/0", RedisAddress("h", 1, 0, "a:b@c")),
]
BAD = [
    ("", "redis://"),
    ("localhost:6379", "redis://"),
    ("http://:hunter2@h:1/0", "redis://"),
    ("redis://", "names no host"),
    ("redis:///0", "names no host"),
    ("redis://:hunter2@", "names no host"),
    ("redis://:hunter2@/0", "names no host"),
    ("redis://:1/0", "names no host"),
    ("redis://h:/0", "a wrong port"),
    ("redis://h:0/0", "a wrong port"),
    ("redis://h:65536/0", "a wrong port"),
    ("redis://h:hunter2/0", "a wrong port"),
    ("redis://[::1]:/0", "a wrong port"),
    ("redis://:hunter2/h:1/0", "names no host"),
    ("redis://::1:6379/0", "names no host"),
    ("redis://::1", "names no host"),
    ("redis://[::1/0", "names no host"),
    ("redis://[h]/0", "names no host"),
    ("redis://h?db=1", "names no host"),
    ("redis://h#1", "names no host"),
    ("redis://:hunter2@h h/0", "a space"),
    ("redis://:hunter 2@h/0", "a space"),
    ("redis://h\n/0", "a space"),
    ("redis://h/1?a=b", "database"),
    ("redis://h:1/-1", "database"),
    ("redis://h:1/99999999999", "database"),
    ("redis://h:1/hunter2", "database"),
    ("redis://h:1/0/1", "database"),
    ("redis://hunter2@h:1/0", "colon"),
    ("redis://user:hunter2@h:1/0", "names no user"),
    ("redis://user:hunter2@h", "names no user"),
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
