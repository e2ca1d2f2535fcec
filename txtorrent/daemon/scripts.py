"""Programs of the user's that are run when something happens to a torrent (THREATS G9).

The governing rule: a command is a list of words from the settings file, run as it is. No shell
sees it, and what strangers chose (names, trackers) comes in the environment only.
"""

import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from attrs import frozen
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from txtorrent import __version__
from txtorrent.daemon.program import Program

EVENTS: Final = ("added", "done", "seeded")
MOST_WAITING: Final = 10_000
"""Programs that wait for their turn: what a day of a large session brings. The newest is
dropped when there are more."""
MOST_VALUE: Final = 100_000
"""Bytes of a variable: Linux takes no program with one above 128 KiB, as many trackers may be."""
INHERITED: Final = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR")
"""What programs get of our own environment. Not all: it may hold secrets of the service."""

_log = Logger()


@frozen
class Details:
    """What a program is told of a torrent. Sizes are in bytes; priority is -1, 0 or 1."""

    id: int
    info_hash: bytes
    name: str
    directory: str
    size: int
    downloaded: int
    uploaded: int
    labels: Sequence[str] = ()
    trackers: Sequence[str] = ()
    priority: int = 0
    reason: str = ""
    """Why it has been seeded enough, for "seeded"."""

    def environment(self, event: str, now: datetime) -> dict[str, str]:
        """The variables of Transmission's scripts, and our own. `now` is local time."""
        return {
            "TR_APP_VERSION": __version__,
            "TR_TIME_LOCALTIME": now.strftime("%a %b %e %H:%M:%S %Y"),
            "TR_TORRENT_BYTES_DOWNLOADED": str(self.downloaded),
            "TR_TORRENT_DIR": self.directory,
            "TR_TORRENT_HASH": self.info_hash.hex(),
            "TR_TORRENT_ID": str(self.id),
            "TR_TORRENT_LABELS": ",".join(self.labels),
            "TR_TORRENT_NAME": self.name,
            "TR_TORRENT_PRIORITY": str(self.priority),
            "TR_TORRENT_TRACKERS": ",".join(self.trackers),
            "TX_EVENT": event,
            "TX_TORRENT_SIZE": str(self.size),
            "TX_TORRENT_BYTES_UPLOADED": str(self.uploaded),
            "TX_TORRENT_REASON": self.reason,
        }


class Scripts:
    """Runs the commands, some at once, the others in turn.

    `commands` has the argument list by event, an empty one for none; `time_limit` is in seconds.
    """

    def __init__(
        self,
        reactor: Any,
        commands: Mapping[str, Sequence[str]],
        at_once: int,
        time_limit: float,
        wall_clock: Callable[[], datetime] = datetime.now,
    ) -> None:
        self._reactor = reactor
        self._commands = {event: tuple(commands.get(event, ())) for event in EVENTS}
        self._at_once = at_once
        self._time_limit = time_limit
        self._wall_clock = wall_clock
        self._waiting: deque[tuple[str, Details]] = deque()
        self._running: set[Program] = set()
        self._stopped: Deferred[None] | None = None

    def run(self, event: str, details: Details) -> None:
        """Run the event's command, if there is one, as soon as it is its turn."""
        if not self._commands[event] or self._stopped is not None:
            return
        if len(self._waiting) >= MOST_WAITING:
            _log.error(
                "{name}: its script for {event!r} is left out, {most} others wait",
                name=details.name, event=event, most=MOST_WAITING,
            )  # fmt: skip
            return
        self._waiting.append((event, details))
        self._next()

    def stop(self) -> "Deferred[None]":
        """Run no more and end those that run; fires when they have ended, in seconds."""
        self._waiting.clear()
        if not self._running:
            self._stopped = succeed(None)
        elif self._stopped is None:
            self._stopped = Deferred()
            for program in tuple(self._running):
                program.end("the daemon ends")
        return self._stopped

    def _next(self) -> None:
        while self._waiting and len(self._running) < self._at_once:
            event, details = self._waiting.popleft()
            self._begin(event, self._commands[event], details)

    def _begin(self, event: str, argv: tuple[str, ...], details: Details) -> None:
        what = f"{details.name}: {event} script"
        program = Program(self._reactor, what, self._time_limit, self._ended)
        own = {name: os.environ[name] for name in INHERITED if name in os.environ}
        given = details.environment(event, self._wall_clock())
        environment = {name: _encoded(value) for name, value in {**own, **given}.items()}
        # Before it is spawned: one that ends at once may do so within that call.
        self._running.add(program)
        try:
            self._reactor.spawnProcess(program, argv[0], argv, environment)
        except OSError as error:
            self._running.discard(program)
            _log.error("{what}: {why}", what=what, why=str(error))

    def _ended(self, program: "Program") -> None:
        self._running.discard(program)
        if self._stopped is None:
            self._next()
        elif not self._running:
            self._stopped.callback(None)


def _encoded(value: str) -> bytes:
    """A value as an environment takes it; undecodable bytes of a path become what they were."""
    value = value.replace("\0", "")
    try:
        raw = value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raw = value.encode("utf-8", "backslashreplace")
    return raw[:MOST_VALUE]
