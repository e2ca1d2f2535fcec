"""The settings as the control API changes them: checked, stored, and only then in force."""

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from txtorrent.errors import Code, RequestError
from txtorrent.settings.settings import SettingError, Settings
from txtorrent.settings.table import SETTINGS
from txtorrent.storage.listing import Changes, Listing

Prepare = Callable[[Mapping[str, Any]], Callable[[], None]]

_log = Logger()


class Preferences:
    """What may be read and changed while the daemon runs.

    `prepare` is given checked changes before they are stored, raises RequestError if they cannot be
    had, and gives what undoes what it did.
    """

    def __init__(self, settings: Settings, listing: Listing, prepare: Prepare) -> None:
        self._settings = settings
        self._listing = listing
        self._prepare = prepare

    def names(self) -> Collection[str]:
        """All settings that may be read: not those that hold a secret."""
        return [name for name, setting in SETTINGS.items() if not setting.secret]

    def get(self, name: str) -> Any:
        """KeyError: no such setting."""
        try:
            return self._settings.get(name)
        except SettingError as error:
            raise KeyError(name) from error

    def change(self, changes: Mapping[str, Any]) -> "Deferred[None]":
        """Set several, or none. RequestError."""
        return Deferred.fromCoroutine(self._change(changes))

    async def _change(self, changes: Mapping[str, Any]) -> None:
        try:
            checked = self._settings.checked(changes)
        except SettingError as error:
            raise RequestError(Code.INVALID_PARAMS, str(error)) from None
        stored = {name: json.dumps(value).encode() for name, value in checked.items()}
        undo = self._prepare(checked)
        try:
            await self._listing.change(Changes(settings=stored))
        except BaseException:
            undo()
            raise
        self._settings.apply(checked)


async def stored_settings(listing: Listing) -> dict[str, Any]:
    """What was changed while earlier runs lasted; what is damaged is left out."""
    found = {}
    for name, value in (await listing.settings()).items():
        try:
            found[name] = json.loads(value)
        except ValueError:
            _log.warn("a stored change of {name} is damaged: it is left out", name=name)
    return found
