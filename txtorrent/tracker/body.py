"""The body of an HTTP answer, inflated under a limit (THREATS D3).

Twisted's own gzip decoder inflates each chunk without one: 64 KiB become 64 MiB at once. So it is
kept from seeing that a body is compressed.
"""

from __future__ import annotations

import zlib

from twisted.internet.defer import Deferred
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

from txtorrent.wire.announce import TrackerError

MAX_BODY = 1024 * 1024
"""Bytes of an answer once inflated; 3,000 peers take 54 kB."""

_ENCODING = b"x-txtorrent-encoding"
_GZIP = zlib.MAX_WBITS + 16


@implementer(IAgent)
class UndecodedAgent:
    """An agent whose answers come as they are, with their encoding noted for `Body`."""

    def __init__(self, agent: IAgent) -> None:
        self._agent = agent

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,
    ) -> Deferred[IResponse]:
        """Make a request."""
        return self._agent.request(method, uri, headers, bodyProducer).addCallback(_undecoded)


class Body:
    """Collects the body of `response`; `feed` raises TrackerError as soon as it is too large."""

    def __init__(self, response: IResponse) -> None:
        encodings = [each.strip().lower() for each in response.headers.getRawHeaders(_ENCODING, [])]
        if not set(encodings) <= {b"", b"identity", b"gzip", b"x-gzip"} or len(encodings) > 1:
            raise TrackerError("the tracker's answer has an encoding that was not asked for")
        self._inflate = None if encodings in ([], [b""], [b"identity"]) else _Gzip()
        self._chunks: list[bytes] = []
        self._room = MAX_BODY

    def feed(self, data: bytes) -> None:
        """Take the next bytes as they came."""
        chunk = data if self._inflate is None else self._inflate(data, self._room)
        self._room -= len(chunk)
        if self._room < 0:
            raise TrackerError(f"the tracker's answer is larger than {MAX_BODY} bytes")
        self._chunks.append(chunk)

    @property
    def content(self) -> bytes:
        """All that came, inflated."""
        return b"".join(self._chunks)


class _Gzip:
    def __init__(self) -> None:
        self._decompressor = zlib.decompressobj(_GZIP)

    def __call__(self, data: bytes, room: int) -> bytes:
        """Inflate `data`, to at most one byte more than there is room for."""
        try:
            return self._decompressor.decompress(data, room + 1)
        except zlib.error:
            raise TrackerError("the tracker's answer is not the gzip it claims to be") from None


def _undecoded(response: IResponse) -> IResponse:
    encodings = response.headers.getRawHeaders(b"content-encoding", [])
    response.headers.setRawHeaders(_ENCODING, encodings)
    response.headers.removeHeader(b"content-encoding")
    return response
