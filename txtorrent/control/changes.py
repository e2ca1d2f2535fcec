"""What changed, in the order in which it did: for `recently_active` and for `/events`.

Each torrent has at most one entry, moved to the end when it changes and dropped when it has not
changed for a while; so the memory is bounded by what is active, a reader that was away misses
nothing, and whoever asks pays for what changed only. Entries remember for each name when it last
changed: a reader is told just the names that are news to it. What is said in a swarm is no state
that a later message replaces: each has an entry of its own.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from heapq import merge
from itertools import takewhile
from operator import attrgetter
from typing import Final

from attrs import define, field, frozen

from txtorrent.control.chatview import ChatMessage
from txtorrent.control.torrentview import Torrent

RECENT: Final = 60.0
"""Seconds for which a torrent that changed counts as recently active, as Transmission has it."""
HORIZON: Final = 600.0
"""Seconds that an entry is kept without change: time for a reader to come back."""
MAX_ENTRIES: Final = 50_000
"""Entries whatever their age: the torrents of a very large session, all of them changing."""
MAX_SAID: Final = 2000
"""Chat messages whatever their age, of 4 KB at most: those of a minute of some 30 torrents in which
everybody talks as fast as he may."""

SETTINGS: Final = 0
"""The key of the entry of the session's settings; torrents' are their ids."""


@define
class Entry:
    """What happened to one torrent, or to the settings.

    `names` maps what changed to the number of the change; `added` and `removed` are the numbers
    of these changes, 0 if they are not news any more."""

    torrent_id: int
    torrent: Torrent | None
    info_hash: bytes
    number: int = 0
    at: float = 0.0
    added: int = 0
    removed: int = 0
    names: dict[str, int] = field(factory=dict)

    def since(self, number: int) -> list[str]:
        """The names that changed after that one."""
        return [name for name, changed in self.names.items() if changed > number]


@frozen
class Said:
    """A chat message, and the number of its coming."""

    torrent_id: int
    info_hash: bytes
    message: ChatMessage
    number: int
    at: float


class Changes:
    """Observes a session. `seconds` is a monotonic clock; `wake` is called behind each change."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self.number = 0
        """Of the last change."""
        self.forgotten = 0
        """Of the last change that is not known any more: who has seen less has missed some."""
        self.wake: Callable[[], None] = lambda: None
        self._seconds = seconds
        self._entries: OrderedDict[int, Entry] = OrderedDict()
        self._said: deque[Said] = deque()

    def torrent_added(self, torrent: Torrent) -> None:
        """As `Observer` says."""
        entry = self._touch(torrent.id, torrent)
        entry.added, entry.removed = entry.number, 0
        self.wake()

    def torrent_removed(self, torrent: Torrent) -> None:
        """As `Observer` says."""
        entry = self._touch(torrent.id, torrent)
        entry.torrent = None
        entry.removed = entry.number
        entry.names.clear()
        self.wake()

    def torrent_changed(self, torrent: Torrent, names: Iterable[str]) -> None:
        """As `Observer` says."""
        entry = self._touch(torrent.id, torrent)
        entry.names.update(dict.fromkeys(names, entry.number))
        self.wake()

    def settings_changed(self, names: Iterable[str]) -> None:
        """As `Observer` says."""
        entry = self._touch(SETTINGS, None)
        entry.names.update(dict.fromkeys(names, entry.number))
        self.wake()

    def chat_message(self, torrent: Torrent, message: ChatMessage) -> None:
        """As `Observer` says."""
        self.number += 1
        at = self._seconds()
        self._said.append(Said(torrent.id, torrent.info_hash, message, self.number, at))
        self._forget(at - HORIZON)
        self.wake()

    def recent(self) -> list[Torrent]:
        """The torrents that changed within the last minute, the last one first."""
        return [entry.torrent for entry in self._since_time() if entry.torrent is not None]

    def recently_removed(self) -> list[int]:
        """The ids of those that were removed within the last minute."""
        return [entry.torrent_id for entry in self._since_time() if entry.removed]

    def since(self, number: int) -> list[Entry | Said]:
        """What changed or was said after that one, in its order."""
        newer: Iterator[Entry | Said] = takewhile(
            lambda entry: entry.number > number, self._latest_first()
        )
        said: Iterator[Entry | Said] = takewhile(
            lambda each: each.number > number, reversed(self._said)
        )
        return list(merge(newer, said, key=attrgetter("number"), reverse=True))[::-1]

    def _latest_first(self) -> Iterator[Entry]:
        return iter(reversed(self._entries.values()))

    def _since_time(self) -> Iterator[Entry]:
        earliest = self._seconds() - RECENT
        return takewhile(lambda entry: entry.at >= earliest, self._latest_first())

    def _touch(self, key: int, torrent: Torrent | None) -> Entry:
        entry = self._entries.get(key)
        if entry is None:
            info_hash = b"" if torrent is None else torrent.info_hash
            entry = self._entries[key] = Entry(key, torrent, info_hash)
        else:
            self._entries.move_to_end(key)
        self.number += 1
        entry.number, entry.at = self.number, self._seconds()
        self._forget(entry.at - HORIZON)
        return entry

    def _forget(self, earliest: float) -> None:
        while self._entries:
            oldest = next(iter(self._entries.values()))
            if oldest.at >= earliest and len(self._entries) <= MAX_ENTRIES:
                break
            del self._entries[oldest.torrent_id]
            self.forgotten = max(self.forgotten, oldest.number)
        while self._said and (self._said[0].at < earliest or len(self._said) > MAX_SAID):
            self.forgotten = max(self.forgotten, self._said.popleft().number)
