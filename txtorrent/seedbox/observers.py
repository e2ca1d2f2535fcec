"""Tells whoever wants to know what has changed of the torrents and the settings."""

from collections.abc import Iterable
from typing import Any, Protocol

from twisted.logger import Logger

from txtorrent.seedbox.entry import Entry
from txtorrent.swarm.chathistory import ChatMessage

_log = Logger()


class Observer(Protocol):
    """Who wants to know. It is quick, and what it raises is logged."""

    def torrent_added(self, torrent: Any) -> None:
        """It can be found and asked."""

    def torrent_removed(self, torrent: Any) -> None:
        """It is no longer found."""

    def torrent_changed(self, torrent: Any, names: Iterable[str]) -> None:
        """These attributes are not what they were."""

    def settings_changed(self, names: Iterable[str]) -> None:
        """These settings are not what they were."""

    def chat_message(self, torrent: Any, message: ChatMessage) -> None:
        """Something was said in a torrent's swarm, by others or by us."""


class Observers:
    """All who want to know."""

    def __init__(self) -> None:
        self._observers: list[Observer] = []

    def add(self, observer: Observer) -> None:
        """Tell this one too, from now on."""
        self._observers.append(observer)

    def added(self, entry: Entry) -> None:
        """A torrent is new."""
        self._tell("torrent_added", entry)

    def removed(self, entry: Entry) -> None:
        """A torrent is gone."""
        self._tell("torrent_removed", entry)

    def changed(self, entry: Entry, names: Iterable[str]) -> None:
        """A torrent is not as it was."""
        if not entry.is_removed:
            self._tell("torrent_changed", entry, tuple(names))

    def settings_changed(self, names: Iterable[str]) -> None:
        """Settings are not as they were."""
        self._tell("settings_changed", tuple(names))

    def said(self, entry: Entry, message: ChatMessage) -> None:
        """Somebody has said something."""
        self._tell("chat_message", entry, message)

    def _tell(self, what: str, *args: Any) -> None:
        for observer in self._observers:
            try:
                getattr(observer, what)(*args)
            except Exception:
                _log.failure("an error of ours in who observes the torrents")
