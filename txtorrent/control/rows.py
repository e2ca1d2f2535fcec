"""Torrents as JSON, a piece at a time: what `torrent_get` answers may be large.

The rule above all: nothing here holds more than one torrent's details, and no piece takes long.
Whoever asks for the pieces lets others have their turn between them.
"""

import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import define, field, frozen
from twisted.logger import Logger

from txtorrent.control.dialect import Dialect
from txtorrent.control.fields import FIELDS, Field
from txtorrent.control.torrentview import Torrent
from txtorrent.control.views import Details, File

TOGETHER: Final = 16
"""Torrents in one step: some hundreds of microseconds."""
SLICE: Final = 256
"""Items of a list in one step."""

_log = Logger()

encode: Callable[[Any], str] = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
"""Compact, and ASCII, so that nothing that a stranger named can break it."""


@frozen
class NoDetails:
    """Of a torrent whose details cannot be had."""

    files: Sequence[File] = ()
    have: bytes = b""
    availability: Sequence[int] = ()


@frozen
class Column:
    """A field in a dialect."""

    key: str
    field: Field
    read: Callable[[Any], Any]
    read_items: Callable[[Any], Any]

    @property
    def is_light(self) -> bool:
        """Short, and of the torrent itself."""
        return not (self.field.is_list or self.field.of_details)

    def value(self, torrent: Torrent, details: Details) -> Any:
        """All of it; of a list, what its items are made of."""
        return self.read(details if self.field.of_details else torrent)


def columns(names: Sequence[str], dialect: Dialect) -> list[Column]:
    """Of these fields, each once; those that we do not know are passed over."""
    found = [FIELDS[name] for name in dict.fromkeys(names) if name in FIELDS]
    return [
        Column(dialect.field(each.name), each, each.reader(dialect), each.item_reader(dialect))
        for each in found
    ]


@define
class Rows:
    """The value of `torrent_get`. `rest` are its other members, by the dialect's names."""

    torrents: Sequence[Torrent]
    columns: list[Column]
    is_table: bool
    rest: Mapping[str, Any] = field(factory=dict)

    async def pieces(self) -> AsyncIterator[str]:
        """Its JSON."""
        yield '{"torrents":['
        if self.is_table:
            yield encode([column.key for column in self.columns])
        light = all(column.is_light for column in self.columns)
        async for piece in self._light() if light else self._heavy():
            yield piece
        yield "]"
        for name, value in self.rest.items():
            yield f",{encode(name)}:{encode(value)}"
        yield "}"

    def _separator(self, index: int) -> str:
        return "," if index or self.is_table else ""

    async def _light(self) -> AsyncIterator[str]:
        """Some torrents at a time."""
        readers = [(column.key, column.read) for column in self.columns]
        for start in range(0, len(self.torrents), TOGETHER):
            some = self.torrents[start : start + TOGETHER]
            if self.is_table:
                rows = encode([[read(each) for _, read in readers] for each in some])
            else:
                rows = encode([{key: read(each) for key, read in readers} for each in some])
            yield self._separator(start) + rows[1:-1]

    async def _heavy(self) -> AsyncIterator[str]:
        """One at a time, lists in slices."""
        needs = any(column.field.of_details for column in self.columns)
        for index, torrent in enumerate(self.torrents):
            details = await _details(torrent) if needs else NoDetails()
            yield self._separator(index) + ("[" if self.is_table else "{")
            for place, column in enumerate(self.columns):
                key = "" if self.is_table else encode(column.key) + ":"
                yield ("," if place else "") + key
                for piece in _cell(column, torrent, details):
                    yield piece
            yield "]" if self.is_table else "}"


def _cell(column: Column, torrent: Torrent, details: Details) -> Iterator[str]:
    value = column.value(torrent, details)
    if not column.field.is_list:
        yield encode(value)
        return
    yield "["
    for start in range(0, len(value), SLICE):
        items = column.read_items(value[start : start + SLICE])
        yield ("," if start else "") + encode(items)[1:-1]
    yield "]"


async def _details(torrent: Torrent) -> Details:
    """A torrent whose files cannot be read is shown without them; its error says why."""
    try:
        return await torrent.details()
    except Exception:
        _log.failure("details of {name}", name=torrent.name)
        return NoDetails()
