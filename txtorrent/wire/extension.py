"""The extension handshake (BEP 10): which extensions the sender speaks, and under which ids.

Also what it says of the sender besides: its port, its client, how it sees the receiver, BEP 9's
size of the metadata and BEP 21's `upload_only`. A key of the wrong type counts as missing, since
many clients get one of them wrong; what is no bencoded dict is an error.
"""

from collections.abc import Mapping
from typing import Final, Self

from attrs import Factory, frozen

from txtorrent.address import packed, text_of
from txtorrent.bencode import (
    NETWORK_DEPTH,
    NETWORK_TOKENS,
    BencodeError,
    Value,
    decode_prefix,
    encode,
)
from txtorrent.wire.stream import ProtocolError

HANDSHAKE: Final = 0
"""The id of the extension handshake itself."""
MAX_EXTENSIONS: Final = 64
"""Names kept of a handshake; clients speak about ten."""
MAX_NAME: Final = 32
"""Bytes of an extension's name; one with a longer name is not spoken here."""
MAX_CLIENT: Final = 64
"""Characters kept of the client's name and version."""
MAX_METADATA: Final = 16 * 1024 * 1024
"""Bytes of an `info` dict that are fetched from strangers (THREATS B10)."""
_IDS: Final = 255


@frozen
class ExtensionHandshake:
    """What one end says of itself; None where it does not say.

    `ids` are by the extension's name the ids under which the sender wants its messages; 0 takes
    one back. A later handshake changes what it names, and leaves the rest.
    """

    ids: Mapping[bytes, int] = Factory(dict)
    port: int | None = None
    """Where the sender listens."""
    client: str | None = None
    """Name and version, as the sender gives them: not fit to be shown yet."""
    your_host: str | None = None
    """The receiver's IP address as the sender sees it."""
    reqq: int | None = None
    """Requests that the sender's queue holds."""
    metadata_size: int | None = None
    """Bytes of the `info` dict (BEP 9)."""
    upload_only: bool | None = None
    """Whether the sender downloads nothing (BEP 21)."""
    more: Mapping[bytes, Value] = Factory(dict)
    """What extensions add; of one that was received, all of it."""

    def encode(self) -> bytes:
        """The payload of the message with id 0."""
        said: dict[bytes, Value | None] = {
            b"m": dict(self.ids),
            b"p": self.port,
            b"v": None if self.client is None else self.client.encode(),
            b"yourip": None if self.your_host is None else packed(self.your_host),
            b"reqq": self.reqq,
            b"metadata_size": self.metadata_size,
            b"upload_only": None if self.upload_only is None else int(self.upload_only),
        }
        return encode({**self.more, **{k: v for k, v in said.items() if v is not None}})

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """The opposite. ProtocolError when that is no bencoded dict."""
        said, _ = leading_dict(payload, "extension handshake")
        flag = _number(said, b"upload_only", 0, 255)
        return cls(
            ids=_ids(said.get(b"m")),
            port=_number(said, b"p", 1, 65535),
            client=_client(said.get(b"v")),
            your_host=_host(said.get(b"yourip")),
            reqq=_number(said, b"reqq", 1, 2**31),
            metadata_size=_number(said, b"metadata_size", 1, MAX_METADATA),
            upload_only=None if flag is None else bool(flag),
            more=said,
        )


def leading_dict(payload: bytes, what: str) -> tuple[dict[bytes, Value], int]:
    """The bencoded dict that an extension's message, `what`, begins with, and where it ends.

    What comes behind it is the extension's own matter; some clients send bytes that mean nothing.
    ProtocolError when there is none.
    """
    try:
        said, end = decode_prefix(payload, max_depth=NETWORK_DEPTH, max_tokens=NETWORK_TOKENS)
    except BencodeError as error:
        raise ProtocolError(f"a malformed {what}: {error}") from None
    if not isinstance(said, dict):
        raise ProtocolError(f"a malformed {what}: no dict")
    return said, end


def _number(said: Mapping[bytes, Value], key: bytes, low: int, high: int) -> int | None:
    value = said.get(key)
    return value if isinstance(value, int) and low <= value <= high else None


def _ids(value: Value | None) -> dict[bytes, int]:
    if not isinstance(value, dict):
        return {}
    ids = {
        name: number
        for name, number in value.items()
        if isinstance(number, int) and 0 <= number <= _IDS and len(name) <= MAX_NAME
    }
    return dict(list(ids.items())[:MAX_EXTENSIONS])


def _client(value: Value | None) -> str | None:
    if not isinstance(value, bytes) or not value:
        return None
    return value[: 4 * MAX_CLIENT].decode("utf-8", "replace")[:MAX_CLIENT]


def _host(value: Value | None) -> str | None:
    if not isinstance(value, bytes) or len(value) not in (4, 16):
        return None
    return text_of(value)
