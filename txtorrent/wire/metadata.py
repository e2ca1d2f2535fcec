"""Messages of ut_metadata (BEP 9): the `info` dict in pieces of 16 KiB.

A bencoded dict says what a message is; behind that of a piece come its bytes. A kind of message
that is not known is to be passed over, as BEP 9 says.
"""

from typing import Final, TypeAlias

from attrs import frozen

from txtorrent.bencode import Value, encode
from txtorrent.metainfo.infodict import piece_count, piece_length
from txtorrent.wire.extension import MAX_METADATA, leading_dict
from txtorrent.wire.stream import ProtocolError

_REQUEST: Final = 0
_DATA: Final = 1
_REJECT: Final = 2


@frozen
class Request:
    """The sender wants a piece (0-based)."""

    piece: int

    def encode(self) -> bytes:
        """The payload of the extension message."""
        return encode({b"msg_type": _REQUEST, b"piece": self.piece})


@frozen
class Data:
    """A piece of metadata of `size` bytes in all; `data` is as long as that makes it."""

    piece: int
    size: int
    data: bytes

    def encode(self) -> bytes:
        """The payload of the extension message."""
        said: Value = {b"msg_type": _DATA, b"piece": self.piece, b"total_size": self.size}
        return encode(said) + self.data


@frozen
class Reject:
    """The sender has no such piece, or gives none now."""

    piece: int

    def encode(self) -> bytes:
        """The payload of the extension message."""
        return encode({b"msg_type": _REJECT, b"piece": self.piece})


Message: TypeAlias = Request | Data | Reject


def decode(payload: bytes) -> Message | None:
    """The message; None when its kind is not known. ProtocolError when it is malformed, or of
    metadata larger than MAX_METADATA."""
    said, end = leading_dict(payload, "metadata message")
    kind = said.get(b"msg_type")
    if not isinstance(kind, int):
        raise ProtocolError("a metadata message that does not say what it is")
    if kind not in (_REQUEST, _DATA, _REJECT):
        return None
    piece = _number(said, b"piece", 0, piece_count(MAX_METADATA) - 1)
    if kind == _DATA:
        return _data(piece, _number(said, b"total_size", 1, MAX_METADATA), payload[end:])
    return Request(piece) if kind == _REQUEST else Reject(piece)


def _number(said: dict[bytes, Value], key: bytes, low: int, high: int) -> int:
    value = said.get(key)
    if not isinstance(value, int) or not low <= value <= high:
        raise ProtocolError(f"a metadata message whose {key.decode()} is not from {low} to {high}")
    return value


def _data(piece: int, size: int, data: bytes) -> Data:
    length = max(piece_length(size, piece), 0)
    if len(data) != length or not length:
        raise ProtocolError(f"metadata piece {piece} of {len(data)} bytes where {length} are right")
    return Data(piece, size, data)
