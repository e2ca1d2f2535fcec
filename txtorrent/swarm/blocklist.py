"""Addresses that the user wants nothing to do with: ranges of IP addresses from a list.

Lines may be those of eMule (`001.002.003.000 - 001.002.003.255 , 000 , some words`: blocked below
level 128), of PeerGuardian (`some words:1.2.3.0-1.2.3.255`), networks (`1.2.3.0/24`,
`2001:db8::/32`), ranges and addresses; empty ones and comments (#, //, ;) are passed over. A wrong
line is counted and told of, and the others count. The list may be compressed with gzip.
"""

import gzip
import re
import time
import zlib
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Any, BinaryIO, Final, cast, overload

from attrs import define, field

MAX_SIZE: Final = 512 << 20
"""Bytes of a list, inflated: ten times the largest known. Guards against a gzip bomb."""
MAX_RANGES: Final = 4_000_000
"""Ranges of a list: 32 MB of memory."""
MAX_LINE: Final = 4096
"""Bytes of a line; known ones have a hundred."""
TOLD_ERRORS: Final = 5
"""Wrong lines of a list that are told of; the others are counted."""
ALLOWED_LEVEL: Final = 128
"""eMule's access level from which on a range is not blocked."""
AT_A_STRETCH: Final = 256
BREATH: Final = 0.0005
"""Lines read, a millisecond's work, and seconds until the next are: else the reactor's thread
would wait 5 ms for its turn whenever it has slept."""
SORTED_AT_ONCE: Final = 16_384
"""Ranges. A sort keeps every other thread waiting, the reactor's too: so a few ms at a time."""

_OCTETS: Final = rb"(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})"
_RANGE4: Final = re.compile(
    rb"(?:.*:)?\s*" + _OCTETS + rb"\s*-\s*" + _OCTETS + rb"\s*(?:,\s*(\d{1,9})\s*(?:,.*)?)?"
)
_COMMENTS: Final = (b"#", b"//", b";")
_GZIP: Final = b"\x1f\x8b"

Range = tuple[int, int]
"""The first and the last address as numbers."""


class BlocklistError(Exception):
    """This is no blocklist, or too large a one; the text says why."""


class Blocklist:
    """Which addresses are blocked. Never changed: a new list is a new object.

    `rules` is the number of ranges that were given; those that touch are kept as one.
    """

    def __init__(self, ranges4: Iterable[Range] = (), ranges6: Iterable[Range] = ()) -> None:
        packed4 = array("Q", (first << 32 | last for first, last in ranges4))
        packed6 = [_pack(first) + _pack(last) for first, last in ranges6]
        self.rules = len(packed4) + len(packed6)
        self._first4, self._last4 = array("I"), array("I")
        unpacked4 = ((each >> 32, each & 0xFFFFFFFF) for each in _in_order(packed4))
        for first, last in _merged(unpacked4):
            self._first4.append(first)
            self._last4.append(last)
        unpacked6 = ((_unpack(each[:16]), _unpack(each[16:])) for each in _in_order(packed6))
        merged = [(_pack(first), _pack(last)) for first, last in _merged(unpacked6)]
        self._first6 = _Addresses(b"".join(first for first, _ in merged))
        self._last6 = _Addresses(b"".join(last for _, last in merged))

    def blocks(self, host: str) -> bool:
        """Whether an IP address is on the list; what is no IP address is not."""
        if not self.rules:
            return False
        try:
            address = ip_address(host)
        except ValueError:
            return False
        if not isinstance(address, IPv4Address):
            if address.ipv4_mapped is None:
                return _has(address.packed, self._first6, self._last6)
            address = address.ipv4_mapped
        return _has(int(address), self._first4, self._last4)


@define
class Errors:
    """What was wrong with a list: how many lines, and the first ones for the log."""

    count: int = 0
    first: list[str] = field(factory=list)

    def add(self, number: int, line: bytes) -> None:
        """Line `number` (from 1) cannot be understood."""
        self.count += 1
        if len(self.first) < TOLD_ERRORS:
            self.first.append(f"line {number}: {line[:60].decode('latin-1')!a}")


def load(path: str) -> tuple[Blocklist, Errors]:
    """The list in a file. BlocklistError, OSError. Takes seconds: for a thread."""
    with open(path, "rb") as file:
        return parse(file)


def parse(file: BinaryIO) -> tuple[Blocklist, Errors]:
    """The list in an open file that can be read from the start, gzip or not. BlocklistError.

    One with errors only is refused: it is something else, such as a web page of apologies.
    """
    compressed = file.read(2) == _GZIP
    file.seek(0)
    errors, packed4, ranges6 = Errors(), array("Q"), list[Range]()
    try:
        plain = cast(BinaryIO, gzip.GzipFile(fileobj=file)) if compressed else file
        for number, line in _lines(plain):
            try:
                _take(line, packed4, ranges6)
            except ValueError:
                errors.add(number, line)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BlocklistError(f"the compressed list is damaged: {error}") from None
    if errors.count and not (packed4 or ranges6):
        raise BlocklistError(f"there is no address range in it: {errors.first[0]}")
    return Blocklist(((each >> 32, each & 0xFFFFFFFF) for each in packed4), ranges6), errors


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Lines that are not empty or comments, with their numbers from 1."""
    size = number = 0
    while line := file.readline(MAX_LINE):
        size += len(line)
        number += 1
        if size > MAX_SIZE:
            raise BlocklistError(f"the list has more than {MAX_SIZE} bytes")
        line = line.strip()
        if number % AT_A_STRETCH == 0:
            time.sleep(BREATH)
        if line and not line.startswith(_COMMENTS):
            yield number, line


def _take(line: bytes, packed4: "array[int]", ranges6: list[Range]) -> None:
    """Add what a line blocks. ValueError: it says nothing of the kind."""
    match = _RANGE4.fullmatch(line)
    if match is not None:
        a, b, c, d, e, f, g, h = map(int, match.groups()[:8])
        if max(a, b, c, d, e, f, g, h) > 255:
            raise ValueError(line)
        first, last = a << 24 | b << 16 | c << 8 | d, e << 24 | f << 16 | g << 8 | h
        version, level = 4, int(match[9] or 0)
    else:
        version, first, last, level = _other(line.decode("latin-1"))
    if first > last:
        raise ValueError(line)
    if level >= ALLOWED_LEVEL:
        return
    if len(packed4) + len(ranges6) >= MAX_RANGES:
        raise BlocklistError(f"the list has more than {MAX_RANGES} ranges")
    if version == 4:
        packed4.append(first << 32 | last)
    else:
        ranges6.append((first, last))


def _other(line: str) -> tuple[int, int, int, int]:
    """IP version, first, last, level of a network, an address, or a range of IPv6."""
    addresses, _, rest = line.partition(",")
    level = rest.partition(",")[0].strip()
    first, dash, last = (part.strip() for part in addresses.partition("-"))
    if not dash:
        network = ip_network(first, strict=False)
        version, numbers = network.version, (network[0], network[-1])
    else:
        numbers = ip_address(first), ip_address(last)
        version = numbers[0].version
        if numbers[1].version != version:
            raise ValueError(line)
    return version, int(numbers[0]), int(numbers[1]), int(level or 0)


def _in_order(packed: Sequence[Any]) -> Iterable[Any]:
    """Sorted, in small steps."""
    starts = range(0, len(packed), SORTED_AT_ONCE)
    runs = (sorted(packed[start : start + SORTED_AT_ONCE]) for start in starts)
    return merge(*(array("Q", run) if isinstance(packed, array) else run for run in runs))


def _merged(ranges: Iterable[Range]) -> Iterator[Range]:
    """Sorted ranges without overlaps: those that touch become one."""
    first, last = -1, -2
    for begin, end in ranges:
        if begin <= last + 1 and last >= 0:
            last = max(last, end)
        else:
            if last >= 0:
                yield first, last
            first, last = begin, end
    if last >= 0:
        yield first, last


class _Addresses(Sequence[bytes]):
    """IPv6 addresses of 16 bytes each, which compare as their numbers do."""

    def __init__(self, packed: bytes) -> None:
        self._packed = packed

    def __len__(self) -> int:
        return len(self._packed) // 16

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> "_Addresses": ...
    def __getitem__(self, index: int | slice) -> "bytes | _Addresses":
        assert isinstance(index, int), "nobody slices them"
        return self._packed[16 * index : 16 * index + 16]


def _has(address: Any, first: Sequence[Any], last: Sequence[Any]) -> bool:
    index = bisect_right(first, address) - 1
    return index >= 0 and address <= last[index]


def _pack(number: int) -> bytes:
    return number.to_bytes(16, "big")


def _unpack(packed: bytes) -> int:
    return int.from_bytes(packed, "big")
