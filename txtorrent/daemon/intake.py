"""Torrents of watched directories, added to the seedbox."""

from typing import Any

from twisted.internet.defer import Deferred

from txtorrent.daemon.watch import NotWanted, Watched
from txtorrent.errors import Code, RequestError
from txtorrent.seedbox.seedbox import Seedbox

LATER = (Code.SYSTEM_ERROR, Code.INTERNAL_ERROR)
"""What is not the file's fault."""


class Intake:
    """Adds what the watched directories bring; one that is there already is no error."""

    def __init__(self, seedbox: Seedbox) -> None:
        self._seedbox = seedbox

    def add(self, raw: bytes, watched: Watched) -> "Deferred[None]":
        """Add a .torrent file's torrent. NotWanted: it is the file's fault."""
        return Deferred.fromCoroutine(self._add(raw, watched))

    async def _add(self, raw: bytes, watched: Watched) -> None:
        options: dict[str, Any] = {}
        if watched.destination is not None:
            options["directory"] = watched.destination
        if watched.labels:
            options["labels"] = watched.labels
        if watched.start is not None:
            options["paused"] = not watched.start
        try:
            await self._seedbox.add(raw, options)
        except RequestError as error:
            if error.code in LATER:
                raise
            raise NotWanted(error.text) from None
