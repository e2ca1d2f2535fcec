"""`/events`: what changes, as server-sent events, with a cursor that a reader can come back with.

An event's id is the cursor behind it. A reader keeps only its place in what changed, so a slow one
costs nothing, and gets newer values when it reads on; one that does not read for a minute is
dropped. https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from attrs import frozen
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from txtorrent.control import preferences
from txtorrent.control.changes import SETTINGS, Changes, Entry, Said
from txtorrent.control.chatmethods import shown
from txtorrent.control.context import Call, Context
from txtorrent.control.dialect import MODERN
from txtorrent.control.fields import FIELDS, TOLD_BY
from txtorrent.control.outlet import Outlet
from txtorrent.control.rows import encode

GATHER: Final = 0.2
"""Seconds in which changes are gathered: a reader is told at most five times a second."""
KEEP_ALIVE: Final = 20.0
"""Seconds between comments that show either side that the other is there."""
AT_ONCE: Final = 100
"""Events in one write, before others have their turn."""
MAX_READERS: Final = 64
MAX_CURSOR: Final = 64
"""Characters."""
FIRST_FIELDS: Final = ("name", "status", "download_dir", "labels", "total_size")
"""What is told of a torrent that was added."""

_log = Logger()


@frozen
class Cursor:
    """A place in the changes of one run of the daemon."""

    run: str
    number: int

    def __str__(self) -> str:
        return f"{self.run}-{self.number}"

    @classmethod
    def read(cls, text: str) -> "Cursor | None":
        """One that we made; None for anything else."""
        run, _, number = text[:MAX_CURSOR].partition("-")
        return cls(run, int(number)) if number.isascii() and number.isdigit() else None


class Events:
    """All readers. `run` names this run of the daemon in cursors."""

    def __init__(self, reactor: Any, context: Context, run: str) -> None:
        self.changes: Changes = context.changes
        self.call = Call(context, {}, MODERN)
        self.run = run
        self._reactor = reactor
        self._readers: set[Reader] = set()
        self._gathering: IDelayedCall | None = None
        self._keeping: IDelayedCall | None = None
        self.changes.wake = self._wake

    def attach(self, request: Any) -> None:
        """A request that passed the gate becomes a reader, or is told that there are too many."""
        if len(self._readers) >= MAX_READERS:
            request.setResponseCode(503)
            request.setHeader("Retry-After", "10")
            request.finish()
            return
        text = request.header("Last-Event-ID") or "".join(request.args.get("cursor", [])[:1])
        reader = Reader(self, request, self._reactor)
        self._readers.add(reader)
        request.notifyFinish().addBoth(lambda _: self._readers.discard(reader))
        reader.begin(text)
        if self._keeping is None:
            self._keeping = self._reactor.callLater(KEEP_ALIVE, self._keep_alive)

    def stop(self) -> None:
        """End all readers' answers, and every timer."""
        for timer in (self._gathering, self._keeping):
            if timer is not None and timer.active():
                timer.cancel()
        self._gathering = self._keeping = None
        self.changes.wake = lambda: None
        for reader in tuple(self._readers):
            reader.end()

    def _wake(self) -> None:
        if self._readers and self._gathering is None:
            self._gathering = self._reactor.callLater(GATHER, self._tell)

    def _tell(self) -> None:
        self._gathering = None
        for reader in tuple(self._readers):
            reader.tell()

    def _keep_alive(self) -> None:
        self._keeping = None
        for reader in tuple(self._readers):
            reader.keep_alive()
        if self._readers:
            self._keeping = self._reactor.callLater(KEEP_ALIVE, self._keep_alive)


class Reader:
    """One connection that is told of changes. `number`: it knows all changes up to this one.

    While it is being told of several, it is not the number of the last that was told: a torrent
    stands where it changed last, and what of it changed before that has yet to come.
    """

    def __init__(self, events: Events, request: Any, reactor: Any) -> None:
        self._events = events
        self._request = request
        self._reactor = reactor
        self._more: IDelayedCall | None = None
        self._outlet: Outlet | None = None
        self.number = self._told = 0

    def begin(self, cursor_text: str) -> None:
        """Greet it, and tell what it missed since its cursor."""
        self._request.setHeader("Content-Type", "text/event-stream; charset=utf-8")
        self._request.setHeader("Cache-Control", "no-store")
        self._request.setHeader("X-Content-Type-Options", "nosniff")
        self._outlet = Outlet(self._request, self._reactor)
        changes, cursor = self._events.changes, Cursor.read(cursor_text)
        self.number = self._told = changes.number
        if not cursor_text:
            self._write([self._event("hello", {"version": preferences.VERSION})])
        elif cursor is None or cursor.run != self._events.run or cursor.number > changes.number:
            self._reset("this cursor is not of this run of the daemon")
        else:
            self.number = self._told = cursor.number
            self._write([self._event("hello", {"version": preferences.VERSION})])
            self.tell()

    def tell(self) -> None:
        """What is news to it, as much as there is room for."""
        if self._outlet is None or self._outlet.is_paused or self._outlet.is_ended or self._more:
            return
        if self.number < self._events.changes.forgotten:
            self.number = self._told = self._events.changes.number
            self._reset("what changed since this cursor is not known any more")
            return
        entries, known = self._events.changes.since(self._told), self.number
        written = []
        for entry in entries[:AT_ONCE]:
            self._told = entry.number
            if entry is entries[-1]:
                self.number = entry.number
            written.append(self._event(*self._news(entry, known)))
        self._write(written)
        if len(entries) > AT_ONCE:
            self._more = self._reactor.callLater(0, self._tell_more)

    def keep_alive(self) -> None:
        """Say something, and what was held back while it did not read."""
        if self._outlet is not None and not self._outlet.is_paused:
            self._write([b":\n\n"])
            self.tell()

    def end(self) -> None:
        """No more events."""
        if self._more is not None and self._more.active():
            self._more.cancel()
        if self._outlet is not None and not self._outlet.is_ended:
            self._outlet.end()
            self._request.finish()

    def _tell_more(self) -> None:
        self._more = None
        self.tell()

    def _reset(self, reason: str) -> None:
        self._write([self._event("reset", {"reason": reason})])

    def _write(self, events: Iterable[bytes]) -> None:
        text = b"".join(events)
        if text and self._outlet is not None and not self._outlet.is_ended:
            self._request.write(text)

    def _event(self, name: str, data: dict[str, Any]) -> bytes:
        cursor = Cursor(self._events.run, self.number)
        return f"id: {cursor}\nevent: {name}\ndata: {encode(data)}\n\n".encode("ascii")

    def _news(self, entry: Entry | Said, seen: int) -> tuple[str, dict[str, Any]]:
        """The event for an entry, of which changes up to `seen` are known."""
        told: dict[str, Any] = {"id": entry.torrent_id, "hash_string": entry.info_hash.hex()}
        if isinstance(entry, Said):
            return "chat_message", told | {"message": shown(entry.message, MODERN)}
        if entry.torrent_id == SETTINGS:
            return "settings_changed", {"fields": self._settings(entry.since(seen))}
        if entry.removed:
            return "torrent_removed", told
        if entry.added > seen:
            return "torrent_added", told | _values(entry, FIRST_FIELDS)
        names = {field for name in entry.since(seen) for field in TOLD_BY.get(name, (name,))}
        return "torrent_changed", told | _values(entry, sorted(names))

    def _settings(self, names: Iterable[str]) -> dict[str, Any]:
        wire = map(preferences.wire_name, names)
        found = {}
        for name in wire:
            try:
                found[name] = preferences.get(self._events.call, name)
            except KeyError:
                continue
        return found


def _values(entry: Entry, names: Iterable[str]) -> dict[str, Any]:
    """Short ones with their values; of long ones only that they changed."""
    short: dict[str, Any] = {}
    long = []
    for name in names:
        field = FIELDS.get(name)
        if field is None or field.is_list or field.of_details:
            long.append(name)
        else:
            read: Callable[[Any], Any] = field.reader(MODERN)
            short[name] = read(entry.torrent)
    return {"fields": short, "lists": long} if long else {"fields": short}
