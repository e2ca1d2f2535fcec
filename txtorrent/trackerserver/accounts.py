"""What users have uploaded and downloaded, kept in a file: read at the start, written every few
minutes and at the end, so that a crash loses minutes.

The governing rule: the file is not written before it has been read. What could not be read is not
written over.
"""

from __future__ import annotations

import json
import os
from typing import Any, Final

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from txtorrent.supervised import Supervised
from txtorrent.trackerserver import statefile
from txtorrent.trackerserver.memorystore import InThread
from txtorrent.trackerserver.passkeys import Passkeys

EVERY: Final = 300.0
"""Seconds between two writes."""
DAMAGED: Final = ".damaged"
"""What is added to the name of a file that cannot be understood."""

_log = Logger()


class Accounts:
    """Keeps the totals of `passkeys`. `path` is the file, None for none."""

    def __init__(self, clock: Any, in_thread: InThread, passkeys: Passkeys, path: str | None):
        self._clock = clock
        self._in_thread = in_thread
        self._passkeys = passkeys
        self._path = path
        self._has_read = False
        self._writing: Deferred[None] = succeed(None)
        self._saving = Supervised(clock, EVERY, self._save)

    async def start(self) -> None:
        """Go on from the file. One that is damaged is put aside, and one that cannot be read is
        left alone; both are said."""
        if self._path is None:
            return
        self._saving.start()
        try:
            plain = await self._in_thread(_read, self._path)
            if plain is not None:
                self._passkeys.restore(plain, self._clock.seconds())
        except (ValueError, RecursionError):
            await self._put_aside(self._path)
        except OSError as error:
            _log.error(
                "{path} cannot be read, so nothing that users move is kept: {why}",
                path=self._path,
                why=error.strerror,
            )
        else:
            self._has_read = True

    async def stop(self) -> None:
        """Write a last time."""
        if self._path is not None:
            self._saving.stop()
            self._save()
            await self._writing

    async def _put_aside(self, path: str) -> None:
        try:
            await self._in_thread(os.replace, path, path + DAMAGED)
        except OSError as error:
            _log.error(
                "{path} is damaged and cannot be put aside, so nothing that users move is kept:"
                " {why}",
                path=path,
                why=error.strerror,
            )
        else:
            self._has_read = True
            name = path + DAMAGED
            _log.error(
                "{path} is damaged: users begin at 0; it is now {name}", path=path, name=name
            )

    def _save(self) -> None:
        plain = self._passkeys.to_plain()
        if self._has_read and plain["users"]:
            self._writing.addCallback(lambda _: self._in_thread(_write, self._path, plain))
            self._writing.addErrback(self._not_saved)

    def _not_saved(self, failure: Failure) -> None:
        failure.trap(OSError)
        why = getattr(failure.value, "strerror", None)
        _log.error("{path} cannot be written: {why}", path=self._path, why=why)


def _read(path: str) -> Any:
    data = statefile.read(path)
    return None if data is None else json.loads(data)


def _write(path: str, plain: dict[str, Any]) -> None:
    statefile.write(path, [json.dumps(plain, separators=(",", ":")).encode()])
