"""What users have uploaded and downloaded, kept in a file: read at the start, written every few
minutes and at the end, so that a crash loses minutes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from txtorrent.supervised import Supervised
from txtorrent.trackerserver import statefile
from txtorrent.trackerserver.memorystore import InThread
from txtorrent.trackerserver.passkeys import Passkeys

EVERY: Final = 300.0
"""Seconds between two writes."""
DAMAGED: Final = ".damaged"
"""What is added to the name of a file that cannot be read, so that it is not written over."""

_log = Logger()


class Accounts:
    """Keeps what `passkeys` gives, which may change while the tracker runs; None: there is nothing
    to keep. `path` is the file, None for none."""

    def __init__(
        self,
        clock: Any,
        in_thread: InThread,
        passkeys: Callable[[], Passkeys | None],
        path: str | None,
    ) -> None:
        self._clock = clock
        self._in_thread = in_thread
        self._passkeys = passkeys
        self._path = path
        self._writing: Deferred[None] = succeed(None)
        self._saving = Supervised(clock, EVERY, self._save)

    async def start(self) -> None:
        """Go on from the file. One that is damaged is put aside, and said."""
        passkeys = self._passkeys()
        if self._path is None:
            return
        self._saving.start()
        try:
            data = await self._in_thread(statefile.read, self._path)
            if data is not None and passkeys is not None:
                passkeys.restore(json.loads(data), self._clock.seconds())
        except OSError as error:
            _log.error("{path} cannot be read: {why}", path=self._path, why=error.strerror)
        except (ValueError, RecursionError):
            await self._in_thread(os.replace, self._path, self._path + DAMAGED)
            _log.error("{path} is damaged: users begin at 0; it is now {name}",
                       path=self._path, name=self._path + DAMAGED)  # fmt: skip

    async def stop(self) -> None:
        """Write a last time."""
        if self._path is not None:
            self._saving.stop()
            self._save()
            await self._writing

    def _save(self) -> None:
        passkeys = self._passkeys()
        if passkeys is None:
            return
        data = json.dumps(passkeys.to_plain(), separators=(",", ":")).encode()
        self._writing.addCallback(lambda _: self._in_thread(statefile.write, self._path, [data]))
        self._writing.addErrback(self._not_saved)

    def _not_saved(self, failure: Any) -> None:
        failure.trap(OSError)
        why = failure.value.strerror
        _log.error("{path} cannot be written: {why}", path=self._path, why=why)
