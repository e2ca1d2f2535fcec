"""The incomplete directory: where content is until it is complete, to be moved then."""

import os
from collections.abc import Callable, Collection, Iterable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from txtorrent.errors import Code, RequestError
from txtorrent.metainfo.torrentfile import Metainfo
from txtorrent.seedbox.entry import Entry
from txtorrent.seedbox.places import Places
from txtorrent.settings.policy import incomplete_directory
from txtorrent.storage.disk import Lane

_log = Logger()


class Incomplete:
    """Follows the settings `incomplete_dir` and `incomplete_dir_enabled` for torrents to come.

    A torrent that is there keeps its place whatever becomes of the settings: `Record.place`.
    """

    def __init__(
        self,
        lane: Lane,
        setting: Callable[[str], Any],
        places: Places,
        entries: Callable[[], Iterable[Entry]],
    ) -> None:
        self._lane = lane
        self._setting = setting
        self._places = places
        self._entries = entries

    async def place(self, metainfo: Metainfo, directory: str) -> str:
        """Where the content of a new torrent is until it is complete; "" for `directory`, where it
        belongs: there it is, too, if something of it is there already, or if another torrent of
        this name is in the way. RequestError."""
        incomplete = incomplete_directory(self._setting)
        if not incomplete or incomplete == directory or self._is_taken(incomplete, metainfo.name):
            return ""
        tops = {file.path[0] for file in metainfo.files if not file.pad}
        try:
            return await self._lane.run(choose, directory, incomplete, tops)
        except OSError as error:
            raise RequestError(
                Code.SYSTEM_ERROR, f"incomplete_dir {incomplete}: {error.strerror or error}"
            ) from None

    def settle(self, entries: Iterable[Entry]) -> None:
        """Move the content of those that are complete to where it belongs, as soon as that is
        recorded. What fails is tried again at the next start."""
        for entry in tuple(entries):
            if is_elsewhere(entry):
                moving = self._places.move([entry], entry.record.directory)
                Deferred.fromCoroutine(moving).addErrback(_not_begun, entry)

    def _is_taken(self, incomplete: str, name: str) -> bool:
        records = (entry.record for entry in self._entries())
        return any(
            record.name == name and (record.place or record.directory) == incomplete
            for record in records
        )


def is_elsewhere(entry: Entry) -> bool:
    """Whether it is complete, and not yet where it belongs."""
    return entry.record.is_complete and bool(entry.record.place)


def _not_begun(failure: Failure, entry: Entry) -> None:
    _log.error(
        "{name} is not moved to {directory}: {why}",
        name=entry.record.name, directory=entry.record.directory, why=failure.getErrorMessage(),
    )  # fmt: skip


def choose(directory: str, incomplete: str, tops: Collection[str]) -> str:
    """On a disk thread: as `Incomplete.place`. OSError."""
    if any(os.path.lexists(os.path.join(directory, top)) for top in tops):
        return ""
    os.makedirs(incomplete, exist_ok=True)
    return incomplete
