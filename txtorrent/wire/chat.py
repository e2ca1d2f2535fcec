"""The messages of the extension `tx_chat`: text for everyone in a swarm, signed by its author.

The payload is one bencoded dict with these keys, all of them required, others passed over: `v` the
version of this form; `k` the author's Ed25519 key; `n` the author's nickname; `t` seconds since
1970 by the author's clock; `r` eight random bytes, so that what is said twice is two messages; `x`
the text; `s` the signature; `h` how many links the message may cross yet. What is signed says which
torrent it belongs to, and leaves out `h` alone, which changes on the way.

Whether a signature is right is not found out here, nor is text made fit to be shown.
"""

from collections.abc import Mapping
from typing import Final, Self

from attrs import evolve, field, frozen

from txtorrent.bencode import Value, encode
from txtorrent.wire.extension import leading_dict
from txtorrent.wire.stream import ProtocolError

NAME: Final = b"tx_chat"
"""In the extension handshake."""
VERSION: Final = 1
MAX_TEXT: Final = 1000
"""Characters of a text: a few paragraphs, in any script at most 4,000 bytes."""
MAX_NICKNAME: Final = 32
"""Characters of a nickname: it stands in front of every line."""
MAX_HOPS: Final = 8
"""Links that a message crosses: those who speak chat are a few of a swarm, but each of them has
dozens of connections. More than that only lets somebody else's mistake go round for longer."""
MAX_PAYLOAD: Final = 8 * 1024
"""Bytes: what may be said fits in 4,400; some is left for keys of later versions."""
_DOMAIN: Final = b"txtorrent chat 1\0"
"""In front of what is signed, so that no signature made here means anything elsewhere."""
_KEY, _SIGNATURE, _NONCE, _ID = 32, 64, 8, 16
_MAX_TIME: Final = 2**40


@frozen
class ChatLine:
    """What one author says in one torrent, as it travels; `hops` counts for whoever holds it.

    `time` is in seconds since 1970; `nonce` is 8 random bytes; a line is made without its signature
    and gets it by `signed`. Text and nickname are as their author sent them, not fit to be shown.
    """

    author: bytes
    nickname: str
    time: int
    nonce: bytes
    text: str
    signature: bytes = field(default=b"", repr=False)
    hops: int = MAX_HOPS

    @property
    def id(self) -> bytes:
        """16 bytes that no other message has: of a signature, nobody else can make the same."""
        return self.signature[:_ID]

    def signed_part(self, info_hash: bytes) -> bytes:
        """What is signed, in the torrent of this 20-byte info-hash."""
        said: list[Value] = [self.author, self.nickname.encode(), self.time, self.nonce]
        return _DOMAIN + encode([info_hash, *said, self.text.encode()])

    def signed(self, signature: bytes) -> Self:
        """The same with its signature, 64 bytes."""
        return evolve(self, signature=signature)

    def onward(self) -> Self | None:
        """What others are sent of it; None when it has come far enough."""
        return evolve(self, hops=self.hops - 1) if self.hops else None

    def encode(self) -> bytes:
        """The payload."""
        return encode(
            {
                b"h": self.hops,
                b"k": self.author,
                b"n": self.nickname.encode(),
                b"r": self.nonce,
                b"s": self.signature,
                b"t": self.time,
                b"v": VERSION,
                b"x": self.text.encode(),
            }
        )

    @classmethod
    def decode(cls, payload: bytes) -> Self | None:
        """The opposite; None for a message of a later version. More hops than MAX_HOPS count as
        MAX_HOPS. ProtocolError when it is malformed."""
        said = _dictionary(payload)
        if _number(said, b"v") > VERSION:
            return None
        return cls(
            author=_bytes(said, b"k", _KEY),
            nickname=_text(said, b"n", MAX_NICKNAME),
            time=_number(said, b"t"),
            nonce=_bytes(said, b"r", _NONCE),
            text=_text(said, b"x", MAX_TEXT),
            signature=_bytes(said, b"s", _SIGNATURE),
            hops=min(_number(said, b"h"), MAX_HOPS),
        )


def _dictionary(payload: bytes) -> dict[bytes, Value]:
    if len(payload) > MAX_PAYLOAD:
        raise ProtocolError(f"a chat message of {len(payload)} bytes")
    said, end = leading_dict(payload, "chat message")
    if end != len(payload):
        raise ProtocolError("a chat message with bytes behind it")
    return said


def _number(said: Mapping[bytes, Value], key: bytes) -> int:
    value = said.get(key)
    if not isinstance(value, int) or not 0 <= value <= _MAX_TIME:
        raise _faulty(key)
    return value


def _bytes(said: Mapping[bytes, Value], key: bytes, size: int) -> bytes:
    value = said.get(key)
    if not isinstance(value, bytes) or len(value) != size:
        raise _faulty(key)
    return value


def _text(said: Mapping[bytes, Value], key: bytes, longest: int) -> str:
    value = said.get(key)
    try:
        text = value.decode() if isinstance(value, bytes) else None
    except UnicodeDecodeError:
        text = None
    if text is None or len(text) > longest:
        raise _faulty(key)
    return text


def _faulty(key: bytes) -> ProtocolError:
    return ProtocolError(f"a chat message whose {key.decode()} is missing or wrong")
