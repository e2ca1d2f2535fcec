"""The blocklist: fetched when asked for, kept in the state directory, in force while the settings
say so.

What must stay true: a list that cannot be read changes nothing; the one before stays.
"""

import os
import shutil
import stat
from collections.abc import Callable, Collection, Coroutine
from contextlib import suppress
from typing import Any, BinaryIO, Final

from twisted.internet.defer import CancelledError, Deferred, DeferredLock
from twisted.logger import Logger
from twisted.python.failure import Failure

from txtorrent.errors import Code, RequestError
from txtorrent.seedbox.web import Web
from txtorrent.session import Session
from txtorrent.settings.settings import Settings
from txtorrent.storage.disk import LaneStopped
from txtorrent.swarm.blocklist import Blocklist, BlocklistError, Errors, load

NAME: Final = "blocklist"
"""The file in the state directory: the list as it came."""
MOST_BYTES: Final = 128 << 20
"""Of a list as it comes, twice the largest known. It is in memory until it is on disk."""
FETCH_LIMIT: Final = 300.0
"""Seconds for a list to be had from the web."""
_RUN: Final = 1 << 20

_log = Logger()


class Blocking:
    """The blocklist of a session; read on a disk thread."""

    def __init__(self, session: Session, settings: Settings, web: Web) -> None:
        self._session = session
        self._settings = settings
        self._web = web
        self._path = os.path.join(session.options.state, NAME)
        self._turn = DeferredLock()
        self._jobs: set[Deferred[int]] = set()
        self._in_force = Blocklist()

    @property
    def size(self) -> int:
        """Rules in force."""
        return self._in_force.rules

    def open(self) -> None:
        """Read the list that is kept, if it is to be in force, and follow the settings."""
        self._settings.listen(self._settings_changed)
        self._settings_changed(["blocklist_enabled"])

    def update(self) -> "Deferred[int]":
        """Fetch the list anew; fires with its rules. RequestError HTTP_ERROR, BLOCKLIST."""
        return self._begin(self._update)

    async def stop(self) -> None:
        """Leave off."""
        for job in tuple(self._jobs):
            job.cancel()

    # -- inside ------------------------------------------------------------------------------

    @property
    def _is_enabled(self) -> bool:
        return bool(self._settings.get("blocklist_enabled"))

    def _settings_changed(self, names: Collection[str]) -> None:
        if "blocklist_enabled" not in names:
            return
        if self._is_enabled:
            self._begin(self._load).addErrback(self._not_loaded)
        else:
            self._put_in_force(Blocklist())

    def _begin(self, work: Callable[[], Coroutine[Any, Any, int]]) -> "Deferred[int]":
        """Have it done when nothing else of this is."""
        job: Deferred[int] = self._turn.run(lambda: Deferred.fromCoroutine(work()))
        self._jobs.add(job)

        def ended(result: int) -> int:
            self._jobs.discard(job)
            return result

        return job.addBoth(ended)

    async def _load(self) -> int:
        """Take the list that is kept, or else the one that the user named."""
        try:
            blocklist, _ = await self._session.disk.read.run(load, self._path)
        except FileNotFoundError:
            return await self._update() if self._settings.get("blocklist_url") else 0
        return self._take(blocklist)

    def _not_loaded(self, failure: Failure) -> None:
        if failure.check(RequestError, BlocklistError, OSError):
            _log.error("there is no blocklist: {why}", why=failure.getErrorMessage())
        elif not failure.check(CancelledError, LaneStopped):
            _log.failure("an error of ours in the blocklist", failure)

    async def _update(self) -> int:
        named: str = self._settings.get("blocklist_url")
        if not named:
            raise RequestError(Code.BLOCKLIST, "set blocklist_url to a URL or a path first")
        source: str | bytes = named
        if not named.startswith("/"):
            source = await self._web.get(named, MOST_BYTES, FETCH_LIMIT)
        try:
            blocklist, errors = await self._session.disk.read.run(adopt, source, self._path)
        except BlocklistError as error:
            raise RequestError(Code.BLOCKLIST, str(error)) from None
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            raise RequestError(Code.BLOCKLIST, f"{where}{error.strerror or error}") from None
        _log.info("a blocklist of {rules} rules came", rules=blocklist.rules)
        _tell(errors)
        return self._take(blocklist)

    def _take(self, blocklist: Blocklist) -> int:
        if self._is_enabled:
            self._put_in_force(blocklist)
        return blocklist.rules

    def _put_in_force(self, blocklist: Blocklist) -> None:
        self._in_force = blocklist
        self._session.block(blocklist)


def _tell(errors: Errors) -> None:
    if errors.count:
        _log.warn(
            "lines of the blocklist that say nothing: {count}, such as {first}",
            count=errors.count, first="; ".join(errors.first),
        )  # fmt: skip


# -- on a disk thread ----------------------------------------------------------------------------


def adopt(source: str | bytes, kept: str) -> tuple[Blocklist, Errors]:
    """Read the list that `source` is, or is the path of, and keep it in the file `kept` if it is
    one. BlocklistError, OSError. Takes seconds."""
    new = kept + ".new"
    try:
        with open(new, "wb") as file:
            if isinstance(source, bytes):
                file.write(source)
            else:
                _copy(source, file)
            file.flush()
            os.fsync(file.fileno())
        found = load(new)
        os.replace(new, kept)
    except BaseException:
        with suppress(OSError):
            os.unlink(new)
        raise
    return found


def _copy(path: str, into: BinaryIO) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise BlocklistError(f"{path} is no file")
        if status.st_size > MOST_BYTES:
            raise BlocklistError(f"{path} has more than {MOST_BYTES:,} bytes")
        shutil.copyfileobj(file, into, _RUN)
