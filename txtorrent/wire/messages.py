"""The messages of the peer wire and their bytes (BEP 3, BEP 5's port, BEP 6, BEP 10's frame).

One small class a message; `encode` gives its frame. What a stream of bytes means is
decided in `stream`; what a message means to a torrent is decided elsewhere.
"""

from struct import Struct
from typing import ClassVar, Final

from attrs import define

Buffer = bytes | bytearray | memoryview
Block = tuple[int, int, int]
"""Piece index, byte offset in the piece, length in bytes."""
Data = tuple[int, int, Buffer]
"""Piece index, byte offset in the piece, the bytes of the block."""

FRAME: Final = Struct(">I")
"""Every frame begins with its length, which does not count these four bytes."""

HEADER: Final = Struct(">IB")
INDEX: Final = Struct(">IBI")
REQUEST: Final = Struct(">IBIII")
PIECE_HEADER: Final = Struct(">IBII")
"""What stands before the data of a block."""

KEEP_ALIVE_FRAME: Final = b"\0\0\0\0"


class Message:
    """Base of all messages; `id` is the byte behind the frame's length."""

    __slots__ = ()
    id: ClassVar[int] = -1

    def encode(self) -> bytes:
        """The whole frame, length included."""
        return HEADER.pack(1, self.id)


@define
class KeepAlive(Message):
    """A frame of length zero: nothing but a sign of life."""

    def encode(self) -> bytes:
        return KEEP_ALIVE_FRAME


@define
class Choke(Message):
    """The sender will not answer requests."""

    id: ClassVar[int] = 0


@define
class Unchoke(Message):
    """The sender will answer requests."""

    id: ClassVar[int] = 1


@define
class Interested(Message):
    """The sender would request if it were unchoked."""

    id: ClassVar[int] = 2


@define
class NotInterested(Message):
    """The sender wants nothing that we have."""

    id: ClassVar[int] = 3


@define
class _Indexed(Message):
    """A message that names one 0-based piece index."""

    index: int

    def encode(self) -> bytes:
        return INDEX.pack(5, self.id, self.index)


@define
class Have(_Indexed):
    """The sender has verified this piece."""

    id: ClassVar[int] = 4


@define
class Bitfield(Message):
    """Which pieces the sender has; piece 0 is the high bit of the first byte."""

    bits: bytes
    id: ClassVar[int] = 5

    def encode(self) -> bytes:
        return HEADER.pack(1 + len(self.bits), self.id) + self.bits


@define
class _Block(Message):
    """A message that names a block: piece index, byte offset in it, length in bytes."""

    index: int
    begin: int
    length: int

    def encode(self) -> bytes:
        return REQUEST.pack(13, self.id, self.index, self.begin, self.length)


@define
class Requests(Message):
    """The sender asks for these blocks: one frame each. Clients ask for many at a time."""

    blocks: list[Block]
    id: ClassVar[int] = 6

    def encode(self) -> bytes:
        return b"".join([REQUEST.pack(13, self.id, *block) for block in self.blocks])


@define
class Pieces(Message):
    """The data of blocks: one frame each. Data may be views of received bytes: copy what is
    kept."""

    blocks: list[Data]
    id: ClassVar[int] = 7

    def encode(self) -> bytes:
        return b"".join(
            [
                PIECE_HEADER.pack(9 + len(data), self.id, index, begin) + data
                for index, begin, data in self.blocks
            ]
        )


@define
class Cancel(_Block):
    """The sender no longer wants this block."""

    id: ClassVar[int] = 8


@define
class Port(Message):
    """The UDP port of the sender's DHT node (BEP 5)."""

    port: int
    id: ClassVar[int] = 9
    _STRUCT: ClassVar[Struct] = Struct(">IBH")

    def encode(self) -> bytes:
        return self._STRUCT.pack(3, self.id, self.port)


@define
class Suggest(_Indexed):
    """A piece that is cheap for the sender to send (BEP 6)."""

    id: ClassVar[int] = 13


@define
class HaveAll(Message):
    """In place of a bitfield of ones (BEP 6)."""

    id: ClassVar[int] = 14


@define
class HaveNone(Message):
    """In place of a bitfield of zeros (BEP 6)."""

    id: ClassVar[int] = 15


@define
class Reject(_Block):
    """The sender will not answer this request (BEP 6)."""

    id: ClassVar[int] = 16


@define
class AllowedFast(_Indexed):
    """A piece that may be requested while choked (BEP 6)."""

    id: ClassVar[int] = 17


@define
class Extended(Message):
    """A message of an extension (BEP 10). `number` is 0 for the extension handshake, else the id
    that the receiver gave the extension in its own."""

    number: int
    payload: bytes
    id: ClassVar[int] = 20
    _STRUCT: ClassVar[Struct] = Struct(">IBB")

    def encode(self) -> bytes:
        return self._STRUCT.pack(2 + len(self.payload), self.id, self.number) + self.payload


@define
class Unknown(Message):
    """A frame whose id nobody here knows; skipped, never an error."""

    number: int
    payload: bytes

    def encode(self) -> bytes:
        return HEADER.pack(1 + len(self.payload), self.number) + self.payload
