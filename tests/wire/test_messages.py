"""Messages and their bytes, from a table; each is read back as itself."""

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.wire import messages as m
from txtorrent.wire.stream import parse_frame

TABLE = [
    (m.KeepAlive(), "00000000"),
    (m.Choke(), "00000001 00"),
    (m.Unchoke(), "00000001 01"),
    (m.Interested(), "00000001 02"),
    (m.NotInterested(), "00000001 03"),
    (m.Have(0), "00000005 04 00000000"),
    (m.Have(0xFFFFFFFF), "00000005 04 ffffffff"),
    (m.Bitfield(b""), "00000001 05"),
    (m.Bitfield(b"\xff\x80"), "00000003 05 ff80"),
    (m.Requests([(1, 0x4000, 0x4000)]), "0000000d 06 00000001 00004000 00004000"),
    (m.Pieces([(1, 0x4000, b"")]), "00000009 07 00000001 00004000"),
    (m.Pieces([(1, 2, b"abc")]), "0000000c 07 00000001 00000002 616263"),
    (m.Cancel(1, 2, 3), "0000000d 08 00000001 00000002 00000003"),
    (m.Port(6881), "00000003 09 1ae1"),
    (m.Suggest(7), "00000005 0d 00000007"),
    (m.HaveAll(), "00000001 0e"),
    (m.HaveNone(), "00000001 0f"),
    (m.Reject(1, 2, 3), "0000000d 10 00000001 00000002 00000003"),
    (m.AllowedFast(7), "00000005 11 00000007"),
    (m.Extended(0, b"de"), "00000004 14 00 6465"),
    (m.Extended(255, b""), "00000002 14 ff"),
    (m.Unknown(21, b"\0de"), "00000004 15 006465"),
    (m.Unknown(255, b""), "00000001 ff"),
]


class Messages(SynchronousTestCase):
    def test_encode(self):
        for message, expected in TABLE:
            self.assertEqual(message.encode().hex(), expected.replace(" ", ""), message)

    def test_parse(self):
        for message, frame in TABLE:
            self.assertEqual(parse_frame(memoryview(bytes.fromhex(frame))), message)

    def test_every_kind_is_in_the_table(self):
        found = {
            kind
            for name, kind in vars(m).items()
            if isinstance(kind, type) and issubclass(kind, m.Message) and not name.startswith("_")
        }
        self.assertEqual(found - {m.Message}, {type(message) for message, _ in TABLE})

    def test_blocks_are_a_frame_each(self):
        blocks = [(1, 0, b"abc"), (1, 3, b""), (7, 5, bytes(16384))]
        frames = b"".join(m.Pieces([block]).encode() for block in blocks)
        self.assertEqual(m.Pieces(blocks).encode(), frames)

    def test_requests_are_a_frame_each(self):
        blocks = [(1, 0, 16384), (1, 16384, 16384), (7, 5, 9)]
        frames = b"".join(m.Requests([block]).encode() for block in blocks)
        self.assertEqual(m.Requests(blocks).encode(), frames)
