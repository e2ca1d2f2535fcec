"""The datagrams that find a UPnP router: the search and its answer (UPnP device architecture 1.1,
section 1.3). What the router says after that is HTTP, and miniupnpc's business."""

from __future__ import annotations

from typing import Final

GROUP: Final = "239.255.255.250"
PORT: Final = 1900
MAX_DATAGRAM: Final = 2048
"""Bytes of an answer that are read: a dozen short headers; more is somebody's joke."""
MAX_LOCATION: Final = 512
"""Bytes of the URL that an answer gives."""
TARGETS: Final = (
    "urn:schemas-upnp-org:device:InternetGatewayDevice:1",
    "urn:schemas-upnp-org:device:InternetGatewayDevice:2",
)
"""What is searched for: routers of both versions. Those of the second often answer to the first."""

_ANSWER: Final = b"HTTP/1.1 200"


def search(target: str, wait: int) -> bytes:
    """Search for one kind of device; who is one answers within `wait` whole seconds."""
    return (
        "M-SEARCH * HTTP/1.1\r\n"
        f"HOST: {GROUP}:{PORT}\r\n"
        'MAN: "ssdp:discover"\r\n'
        f"MX: {wait}\r\n"
        f"ST: {target}\r\n"
        "\r\n"
    ).encode("ascii")


def location(datagram: bytes) -> str:
    """The URL of the description in an answer of a router. ValueError when it is none."""
    if len(datagram) > MAX_DATAGRAM:
        raise ValueError(f"longer than {MAX_DATAGRAM} bytes")
    head, end, _ = datagram.partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    if not end or not status.startswith(_ANSWER):
        raise ValueError("not an answer to a search")
    headers = dict(_header(line) for line in reversed(lines))
    if headers.get(b"st", b"").decode("ascii", "replace") not in TARGETS:
        raise ValueError("not a router")
    url = headers.get(b"location", b"").decode("ascii")
    if not 0 < len(url) <= MAX_LOCATION or not url.isprintable():
        raise ValueError("no URL, or not one to be used")
    return url


def _header(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b":")
    return name.strip(b" \t").lower(), value.strip(b" \t")
