"""What Redis answers: taken apart, however it is cut, and refused when it is something else."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.trackerserver.redisreplies import (
    MAX_LINE,
    MAX_REPLY,
    ErrorReply,
    ReplyReader,
)

REPLIES = [
    (b"+OK\r\n", b"OK"),
    (b":0\r\n", 0),
    (b":-12\r\n", -12),
    (b"$-1\r\n", None),
    (b"$0\r\n\r\n", b""),
    (b"$5\r\n12345\r\n", b"12345"),
    (b"$4\r\n\r\n\r\n\r\n", b"\r\n\r\n"),
    (b"*-1\r\n", None),
    (b"*0\r\n", []),
    (b"*2\r\n$1\r\n0\r\n*2\r\n$1\r\na\r\n$2\r\nbc\r\n", [b"0", [b"a", b"bc"]]),
    (b"*3\r\n:1\r\n$-1\r\n+x\r\n", [1, None, b"x"]),
]
WRONG = [
    b"HTTP/1.1 400 Bad Request\r\n",
    b"\r\n",
    b":\r\n",
    b":1_0\r\n",
    b":--1\r\n",
    b": 1\r\n",
    b":" + b"1" * 20 + b"\r\n",
    b"$-2\r\n",
    b"$x\r\n",
    b"$%d\r\n" % (MAX_REPLY + 1),
    b"$1\r\nab\r\n",
    b"*-2\r\n",
    b"*%d\r\n" % (MAX_REPLY + 1),
    b"*1\r\n*1\r\n*1\r\n:1\r\n",
    b"+" + b"x" * MAX_LINE,
    b"-" + b"x" * MAX_LINE + b"\r\n",
]


class Replies(SynchronousTestCase):
    def test_each_cut_at_every_byte(self):
        for data, reply in REPLIES:
            self.assertEqual(ReplyReader().feed(data), [reply])
            for at in range(1, len(data)):
                reader = ReplyReader()
                self.assertEqual(reader.feed(data[:at]) + reader.feed(data[at:]), [reply])

    def test_many_byte_by_byte(self):
        reader = ReplyReader()
        found = []
        for byte in b"".join(data for data, _ in REPLIES):
            found += reader.feed(bytes([byte]))
        self.assertEqual(found, [reply for _, reply in REPLIES])

    def test_error(self):
        [error] = ReplyReader().feed(b"-NOSCRIPT No matching \xff script.\r\n")
        self.assertIsInstance(error, ErrorReply)
        self.assertEqual(error.code, "NOSCRIPT")
        self.assertEqual(str(error), "NOSCRIPT No matching \N{REPLACEMENT CHARACTER} script.")

    def test_wrong(self):
        for data in WRONG:
            self.assertRaises(ValueError, ReplyReader().feed, data)

    def test_endless(self):
        reader = ReplyReader()
        reader.feed(b"*1000000\r\n")
        with self.assertRaises(ValueError):
            for _ in range(MAX_REPLY >> 16):
                reader.feed(b"$65530\r\n" + bytes(65530) + b"\r\n")

    @given(st.lists(st.binary(max_size=40), max_size=4))
    def test_any_bytes(self, chunks):
        reader = ReplyReader()
        try:
            for chunk in chunks:
                reader.feed(chunk)
        except ValueError:
            pass

    @given(st.lists(st.binary(max_size=40), max_size=6), st.integers(0, 300))
    def test_any_strings(self, strings, at):
        data = b"".join(b"$%d\r\n%b\r\n" % (len(each), each) for each in strings)
        reader = ReplyReader()
        self.assertEqual(reader.feed(data[:at]) + reader.feed(data[at:]), strings)
