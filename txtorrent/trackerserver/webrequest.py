"""Requests of HTTP as trackers are asked: GET, a short head, no body (RFC 9110, 9112).

Pure. twisted.web does far more, and takes four times as long for it as the announce itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple
from zlib import MAX_WBITS, compressobj

MAX_HEAD: Final = 16_384
"""Bytes of a request: a scrape of 200 torrents has 14,000."""
MIN_GZIP: Final = 1000
"""Bytes of an answer from which on it may be compressed: below it costs more than it saves."""
MOST_EMPTY: Final = 8
"""Empty lines before a request: a client that is wrong sends one or two behind the one before."""
LINE: Final = b"\r\n"
END: Final = b"\r\n\r\n"
TEXT: Final = b"text/plain; charset=utf-8"
_ABSOLUTE: Final = re.compile(rb"https?://[^/?]+(.*)", re.IGNORECASE | re.DOTALL)
_NO_WEIGHT: Final = re.compile(rb"q=0(\.0{0,3})?")
_STATUS: Final = {
    200: b"200 OK",
    400: b"400 Bad Request",
    403: b"403 Forbidden",
    404: b"404 Not Found",
    405: b"405 Method Not Allowed",
    431: b"431 Request Header Fields Too Large",
    503: b"503 Service Unavailable",
    505: b"505 HTTP Version Not Supported",
}


class BadRequest(ValueError):
    """What came is no request that is answered here; the connection cannot be used any more."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class WebRequest(NamedTuple):
    """A request. Names of `headers` are in lower case; `keeps` is whether the connection is to be
    kept for another one."""

    path: bytes
    query: bytes
    headers: Mapping[bytes, bytes]
    keeps: bool
    is_head: bool


class WebResponse(NamedTuple):
    """An answer."""

    body: bytes
    status: int = 200
    content_type: bytes = TEXT


def cut_head(received: bytes) -> tuple[bytes, bytes, bytes]:
    """A head, what ends it, which is nothing when it is not here whole, and what comes after.
    Empty lines before it are passed over (RFC 9112 section 2.2), but not any number of them."""
    if received.startswith(LINE):
        for _ in range(MOST_EMPTY):
            received = received.removeprefix(LINE)
    return received.partition(END)


def read_request(head: bytes) -> WebRequest:
    """The request of a head, without the empty line at its end. BadRequest."""
    first, *lines = head.split(b"\r\n")
    parts = first.split(b" ")
    if len(parts) != 3:
        raise BadRequest(400, "this is no request of HTTP")
    method, target, version = parts
    if not target.startswith(b"/"):
        target = _without_host(target)
    if version not in (b"HTTP/1.1", b"HTTP/1.0"):
        raise BadRequest(505, "this server speaks HTTP/1.1")
    if method not in (b"GET", b"HEAD"):
        raise BadRequest(405, "there is only GET here")
    headers = _headers(lines)
    if headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers:
        raise BadRequest(400, "a request has no body here")
    path, _, query = target.partition(b"?")
    connection = headers.get(b"connection", b"").lower()
    keeps = b"close" not in connection if version == b"HTTP/1.1" else b"keep-alive" in connection
    return WebRequest(path, query, headers, keeps, method == b"HEAD")


def write_response(response: WebResponse, request: WebRequest | None) -> bytes:
    """The bytes of an answer; `request` is None where none could be read."""
    body, fields = response.body, b""
    if request is not None and len(body) >= MIN_GZIP and _takes_gzip(request.headers):
        packed = _gzip(body)
        if len(packed) < len(body):
            body, fields = packed, b"Content-Encoding: gzip\r\n"
    keeps = request is not None and request.keeps
    if response.status == 405:
        fields += b"Allow: GET\r\n"
    return (
        b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n%sConnection: %s\r\n\r\n%s"
        % (
            _STATUS[response.status],
            response.content_type,
            len(body),
            fields,
            b"keep-alive" if keeps else b"close",
            b"" if request is not None and request.is_head else body,
        )
    )


def _without_host(target: bytes) -> bytes:
    """The path and query of a target that is a whole URL, as for a proxy (RFC 9112 section 3.2.2).
    Whose host it names does not matter: there is one tracker at all of our names."""
    whole = _ABSOLUTE.fullmatch(target)
    if whole is None:
        raise BadRequest(400, "this is no request of HTTP")
    return whole[1] if whole[1].startswith(b"/") else b"/" + whole[1]


def _headers(lines: list[bytes]) -> dict[bytes, bytes]:
    headers: dict[bytes, bytes] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not name or name[-1:].isspace() or name[:1].isspace():
            raise BadRequest(400, "a header is malformed")
        name, value = name.lower(), value.strip()
        headers[name] = b"%s, %s" % (headers[name], value) if name in headers else value
    return headers


def _takes_gzip(headers: Mapping[bytes, bytes]) -> bool:
    """Whether the client named gzip, and not with the weight 0 of what it does not take (RFC 9110
    section 12.4.2)."""
    named = headers.get(b"accept-encoding", b"").lower().translate(None, b" \t").split(b",")
    for coding, _, weight in (each.partition(b";") for each in named):
        if coding == b"gzip" and not _NO_WEIGHT.fullmatch(weight):
            return True
    return False


def _gzip(body: bytes) -> bytes:
    packer = compressobj(1, wbits=MAX_WBITS | 16)
    return packer.compress(body) + packer.flush()
