"""Watch directories: .torrent files that are put there are added.

The governing rule: a file is touched only when it is whole, that is when its size and time have
stayed as they are for a while, and it leaves the directory's list of work only by being renamed
or deleted after its torrent was added. So what is interrupted is done again, and to add a torrent
that is there already must be no error.
"""

import os
import stat
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from attrs import define, frozen
from twisted.internet.defer import (
    CancelledError,
    Deferred,
    DeferredSemaphore,
    gatherResults,
    succeed,
)
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from txtorrent.metainfo.errors import MetainfoError
from txtorrent.metainfo.torrentfile import MAX_FILE_SIZE
from txtorrent.storage.disk import Lane, LaneStopped

INTERVAL: Final = 3.0
"""Seconds between looks at the directories."""
SETTLED: Final = 2.0
"""Seconds for which a file has to stay unchanged: who writes it may pause between two writes."""
RETRY: Final = 60.0
"""Seconds until a file is tried again whose torrent could not be added through no fault of its."""
AT_ONCE: Final = 4
"""Files of a directory being added side by side: each may have 10 MiB."""
MOST_FILES: Final = 10_000
"""Files of a directory looked at in one round; the others come when those are gone."""
SUFFIX: Final = ".torrent"
ADDED: Final = ".added"
INVALID: Final = ".invalid"

_log = Logger()


@frozen
class Watched:
    """A directory to watch, and what the torrents in it get. `start` None: as the session says."""

    directory: str
    destination: str | None = None
    labels: tuple[str, ...] = ()
    start: bool | None = None
    delete: bool = False
    """Whether a file that was added is deleted, rather than renamed."""

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Watched":
        """From one record of the setting `watch`."""
        return cls(
            record["directory"],
            record.get("destination"),
            tuple(record["labels"]),
            record.get("start"),
            record["then"] == "delete",
        )


class NotWanted(ValueError):
    """Raised by whoever adds: it is the file's fault, and will be tomorrow."""


Add = Callable[[bytes, Watched], "Deferred[Any]"]
"""Adds a .torrent file's torrent, or finds it there already. Fails with MetainfoError or
NotWanted when the file is of no use; after any other error it is tried again later."""

Stamp = tuple[int, int]
"""Size in bytes, mtime in ns."""


@define
class _File:
    """What is known of a file that is still there."""

    stamp: Stamp
    due: float
    """From when on it is to be tried; seconds."""
    handled: bool = False
    """Whether it could only not be put away: then it is left alone while it stays as it is."""


class WatchDirectories:
    """All watched directories. Files are listed, read and renamed on a lane."""

    def __init__(self, clock: Any, lane: Lane, watched: Sequence[Watched], add: Add) -> None:
        self._directories = [_Directory(clock, lane, each, add) for each in watched]

    def start(self) -> None:
        """Look at once, and then every few seconds."""
        for each in self._directories:
            each.start()

    def stop(self) -> "Deferred[None]":
        """Begin nothing more; fires when what was under way has ended."""
        stopping = gatherResults([each.stop() for each in self._directories])
        return stopping.addCallback(lambda _: None)


class _Directory:
    """One watched directory and its files; one that is stuck holds up no other."""

    def __init__(self, clock: Any, lane: Lane, watched: Watched, add: Add) -> None:
        self._clock = clock
        self._lane = lane
        self._watched = watched
        self._add = add
        self._files: dict[str, _File] = {}
        self._trouble: str | None = None
        self._ended = False
        self._timer: IDelayedCall | None = None
        self._looking: Deferred[None] = succeed(None)

    def start(self) -> None:
        """Look, and again some seconds after the end of that."""
        self._looking = Deferred.fromCoroutine(self.look())
        self._looking.addErrback(_tell_bug).addCallback(self._looked)

    def stop(self) -> "Deferred[None]":
        """Begin nothing more; fires when what was under way has ended."""
        self._ended = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        stopped: Deferred[None] = Deferred()
        self._looking.addBoth(lambda _: stopped.callback(None))
        return stopped

    def _looked(self, _: None) -> None:
        if not self._ended:
            self._timer = self._clock.callLater(INTERVAL, self.start)

    async def look(self) -> None:
        """List the files, and add those that are whole."""
        try:
            stamps = await self._lane.run(list_files, self._watched.directory)
        except LaneStopped:
            return
        except OSError as error:
            self._tell_trouble(error.strerror or str(error))
            return
        self._tell_trouble(None)
        turns = DeferredSemaphore(AT_ONCE)
        await gatherResults(
            [turns.run(self._take, name) for name in self._whole(stamps)], consumeErrors=True
        )

    def _whole(self, stamps: dict[str, Stamp]) -> list[str]:
        """Bring up to date what is known; gives the files to be added now, by name."""
        now, known = self._clock.seconds(), self._files
        self._files = {
            name: known[name]
            if name in known and known[name].stamp == stamp
            else _File(stamp, now + SETTLED)
            for name, stamp in stamps.items()
        }
        return sorted(
            name
            for name, file in self._files.items()
            if file.due <= now and file.stamp[0] and not file.handled
        )

    def _take(self, name: str) -> "Deferred[None]":
        return Deferred.fromCoroutine(self._handle(name, self._files[name]))

    async def _handle(self, name: str, file: _File) -> None:
        """Add one file and put it away. Never fails."""
        if self._ended:
            return
        path = os.path.join(self._watched.directory, name)
        try:
            raw = await self._lane.run(read_file, path, file.stamp)
            if raw is None:
                return
            await self._add(raw, self._watched)
        except (MetainfoError, NotWanted) as error:
            _log.error("{path} is of no use: {why}", path=path, why=str(error))
            await self._put_away(path, file, reject, str(error))
        except (CancelledError, LaneStopped):
            return
        except Exception as error:
            file.due = self._clock.seconds() + RETRY
            _log.error("{path} could not be added yet: {why}", path=path, why=_say(error))
        else:
            _log.info("{path}: added", path=path)
            await self._put_away(path, file, os.unlink if self._watched.delete else accept)

    async def _put_away(self, path: str, file: _File, how: Callable[..., None], *args: str) -> None:
        file.handled = True
        try:
            await self._lane.run(how, path, *args)
        except LaneStopped:
            return
        except OSError as error:
            _log.error("{path} cannot be put away: {why}", path=path, why=_say(error))

    def _tell_trouble(self, trouble: str | None) -> None:
        """Once when it begins, once when it ends."""
        if trouble == self._trouble:
            return
        self._trouble = trouble
        if trouble is None:
            _log.info("{directory} can be watched again", directory=self._watched.directory)
        else:
            _log.error(
                "{directory} cannot be watched: {why}",
                directory=self._watched.directory, why=trouble,
            )  # fmt: skip


def _tell_bug(failure: Failure) -> None:
    _log.failure("an error of ours in a watched directory; it is watched on", failure)


def _say(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


# -- on a disk thread ----------------------------------------------------------------------------


def list_files(directory: str) -> dict[str, Stamp]:
    """The .torrent files of a directory: no hidden ones, which programs that copy use for what
    is not whole yet, and no links. OSError."""
    found: dict[str, Stamp] = {}
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.name.startswith(".") or not entry.name.lower().endswith(SUFFIX):
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            if stat.S_ISREG(status.st_mode):
                found[entry.name] = status.st_size, status.st_mtime_ns
            if len(found) >= MOST_FILES:
                break
    return found


def read_file(path: str, stamp: Stamp) -> bytes | None:
    """What is in the file, but no more than a torrent may have and one byte; None when it has
    changed or is gone. OSError."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        return None
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if (status.st_size, status.st_mtime_ns) != stamp:
            return None
        return file.read(MAX_FILE_SIZE + 1)


def accept(path: str) -> None:
    """Rename a file that was added, over one of an earlier time. OSError."""
    os.replace(path, path + ADDED)


def reject(path: str, reason: str) -> None:
    """Rename a file that is of no use, with the reason beside it. OSError."""
    explanation = path + INVALID + ".txt"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(explanation, flags, 0o644), "w", encoding="utf-8", errors="replace") as file:
        file.write(reason + "\n")
    os.replace(path, path + INVALID)
