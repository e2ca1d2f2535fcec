"""Bytes of a peer connection behind its handshake -> messages (BEP 3, BEP 6, BEP 10).

What must stay true here: a block that arrived whole is handed on as a view of the
received bytes, without a copy; what is kept between calls is one incomplete frame, grown
as its bytes arrive and never longer than the cap, so a claimed length allocates nothing.
"""

from collections.abc import Callable, Iterator
from struct import Struct
from typing import Final

from txtorrent.wire import messages as m

MIN_FRAME_CAP: Final = 64 * 1024
"""Bytes. Room for a 16 KiB block and for any extension message; a larger frame is an
attack or a broken peer, unless the torrent's bitfield itself is larger."""


_BLOCK: Final = Struct(">III")


class ProtocolError(Exception):
    """The peer broke the protocol: its connection ends, with this text as the reason."""


def _bare(message: Callable[[], m.Message]) -> Callable[[memoryview], m.Message]:
    def parse(payload: memoryview) -> m.Message:
        if payload:
            raise ProtocolError(f"{message().__class__.__name__} with a payload")
        return message()

    return parse


def _fixed(message: Callable[..., m.Message], size: int) -> Callable[[memoryview], m.Message]:
    """Messages of `size` payload bytes: big-endian 32-bit numbers, or one 16-bit port."""
    width = 4 if size % 4 == 0 else 2

    def parse(payload: memoryview) -> m.Message:
        if len(payload) != size:
            raise ProtocolError(f"message of {len(payload)} bytes where {size} are right")
        fields = (payload[at : at + width] for at in range(0, size, width))
        return message(*(int.from_bytes(field, "big") for field in fields))

    return parse


def _request(payload: memoryview) -> m.Message:
    if len(payload) != 12:
        raise ProtocolError(f"request of {len(payload)} bytes where 12 are right")
    return m.Requests([_BLOCK.unpack(payload)])


def _piece(payload: memoryview) -> m.Message:
    if len(payload) < 8:
        raise ProtocolError(f"piece message of {len(payload)} bytes")
    index, begin = int.from_bytes(payload[:4], "big"), int.from_bytes(payload[4:8], "big")
    return m.Pieces([(index, begin, payload[8:])])


def _extended(payload: memoryview) -> m.Message:
    if not payload:
        raise ProtocolError("an extension message without its id")
    return m.Extended(payload[0], bytes(payload[1:]))


_PARSERS: Final[dict[int, Callable[[memoryview], m.Message]]] = {
    m.Choke.id: _bare(m.Choke),
    m.Unchoke.id: _bare(m.Unchoke),
    m.Interested.id: _bare(m.Interested),
    m.NotInterested.id: _bare(m.NotInterested),
    m.Have.id: _fixed(m.Have, 4),
    m.Bitfield.id: lambda payload: m.Bitfield(bytes(payload)),
    m.Requests.id: _request,
    m.Pieces.id: _piece,
    m.Cancel.id: _fixed(m.Cancel, 12),
    m.Port.id: _fixed(m.Port, 2),
    m.Suggest.id: _fixed(m.Suggest, 4),
    m.HaveAll.id: _bare(m.HaveAll),
    m.HaveNone.id: _bare(m.HaveNone),
    m.Reject.id: _fixed(m.Reject, 12),
    m.AllowedFast.id: _fixed(m.AllowedFast, 4),
    m.Extended.id: _extended,
}


def parse_frame(frame: memoryview) -> m.Message:
    """One whole frame (length prefix included) -> its message; ProtocolError if malformed."""
    if len(frame) == 4:
        return m.KeepAlive()
    parser = _PARSERS.get(frame[4])
    if parser is None:
        return m.Unknown(frame[4], bytes(frame[5:]))
    return parser(frame[5:])


def _requests(view: memoryview) -> list[m.Block]:
    """The requests at the beginning of `view`, as far as they follow each other."""
    blocks: list[m.Block] = []
    whole = len(view) - len(view) % m.REQUEST.size
    for length, kind, index, begin, size in m.REQUEST.iter_unpack(view[:whole]):
        if length != 13 or kind != m.Requests.id:
            break
        blocks.append((index, begin, size))
    return blocks


class StreamDecoder:
    """Cuts a byte stream into messages.

    `pieces` is the torrent's piece count, which sets how long a bitfield may be.
    """

    __slots__ = ("_cap", "_tail")

    def __init__(self, pieces: int) -> None:
        self.allow(pieces)
        self._tail = bytearray()

    def allow(self, pieces: int) -> None:
        """The torrent turned out to have so many pieces."""
        self._cap = max((pieces + 7) // 8 + 1, MIN_FRAME_CAP)

    @property
    def inside_frame(self) -> bool:
        """True when a frame has begun to arrive and is not complete."""
        return bool(self._tail)

    def feed(self, data: bytes) -> Iterator[m.Message]:
        """Messages completed by `data`, lazily: stop iterating and the rest is dropped.

        Requests that came together are one message, and so are blocks: with a fast peer they
        come by the dozen.

        Raises ProtocolError at the point where the stream goes wrong, behind the messages
        that were right.
        """
        at = 0
        while self._tail and at < len(data):
            wanted = self._still_missing()
            self._tail += memoryview(data)[at : at + wanted]
            at = min(at + wanted, len(data))
            if len(self._tail) >= 4 and not self._still_missing():
                frame, self._tail = self._tail, bytearray()
                yield parse_frame(memoryview(frame))
        if at < len(data):
            yield from self._whole_frames(data, at)

    def _still_missing(self) -> int:
        """Bytes that the kept frame lacks, as far as that is known."""
        have = len(self._tail)
        if have < 4:
            return 4 - have
        return 4 + self._checked(m.FRAME.unpack_from(self._tail)[0]) - have

    def _checked(self, length: int) -> int:
        if length > self._cap:
            raise ProtocolError(f"frame of {length} bytes, at most {self._cap} are allowed")
        return length

    def _whole_frames(self, data: bytes, at: int) -> Iterator[m.Message]:
        view, end, cap = memoryview(data), len(data), self._cap
        header, piece_id, request_id = m.PIECE_HEADER.unpack_from, m.Pieces.id, m.Requests.id
        blocks: list[m.Data] = []
        while end - at >= 13:
            length, kind, index, begin = header(data, at)
            stop = at + 4 + length
            if stop > end or length > cap:
                break
            if kind == piece_id and length >= 9:
                blocks.append((index, begin, view[at + 13 : stop]))
            else:
                if blocks:
                    yield m.Pieces(blocks)
                    blocks = []
                if kind == request_id and length == 13:
                    requests = _requests(view[at:])
                    stop = at + m.REQUEST.size * len(requests)
                    yield m.Requests(requests)
                else:
                    yield parse_frame(view[at:stop])
            at = stop
        if blocks:
            yield m.Pieces(blocks)
        yield from self._short_frames(view, at)

    def _short_frames(self, view: memoryview, at: int) -> Iterator[m.Message]:
        """Frames within the last bytes of a chunk; what is incomplete is kept."""
        while len(view) - at >= 4:
            stop = at + 4 + self._checked(m.FRAME.unpack_from(view, at)[0])
            if stop > len(view):
                break
            yield parse_frame(view[at:stop])
            at = stop
        self._tail = bytearray(view[at:])
