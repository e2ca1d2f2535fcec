"""What the control API asks of the chat of a session; `interfaces` has the rules."""

from collections.abc import Sequence
from typing import Protocol

from twisted.internet.defer import Deferred

from txtorrent.control.torrentview import Torrent


class ChatMessage(Protocol):
    """Something that was said, fit to be shown: a line each of nickname and text."""

    @property
    def id(self) -> bytes:
        """16 bytes."""

    @property
    def author(self) -> bytes:
        """The author's key, 32 bytes."""

    @property
    def fingerprint(self) -> str:
        """Of that key, for people: 16 letters in four groups."""

    @property
    def nickname(self) -> str:
        """What the author wants to be called."""

    @property
    def text(self) -> str: ...

    @property
    def time(self) -> int:
        """By the author's clock."""

    @property
    def is_ours(self) -> bool: ...


class Speaker(Protocol):
    """A connected peer that speaks chat."""

    @property
    def address(self) -> str:
        """An IP address."""

    @property
    def port(self) -> int: ...

    @property
    def client(self) -> str: ...


class Counters(Protocol):
    """Messages by what became of them, since the torrent began to run."""

    @property
    def sent(self) -> int: ...
    @property
    def accepted(self) -> int: ...
    @property
    def duplicates(self) -> int: ...
    @property
    def flooded(self) -> int: ...
    @property
    def crowded_out(self) -> int: ...
    @property
    def stale(self) -> int: ...
    @property
    def early(self) -> int: ...
    @property
    def muted(self) -> int: ...
    @property
    def empty(self) -> int: ...
    @property
    def forged(self) -> int: ...
    @property
    def later_version(self) -> int: ...


class Chat(Protocol):
    """The talk in all torrents. It is on where `chat` of a torrent is, in private ones only if
    `chat_in_private` is, too."""

    @property
    def key(self) -> bytes:
        """Ours, 32 bytes."""

    @property
    def fingerprint(self) -> str:
        """Of our key."""

    @property
    def nickname(self) -> str:
        """What others see us called."""

    @property
    def muted(self) -> Sequence[bytes]:
        """Keys of those who are not heard."""

    def send(self, torrent: Torrent, text: str) -> ChatMessage:
        """Say something. INVALID_PARAMS: chat is off, nobody who speaks it is connected, the text
        is empty or too long, or it is too soon."""

    def history(self, torrent: Torrent) -> Sequence[ChatMessage]:
        """What was said last, at most 200 messages, in the order in which they came."""

    def speakers(self, torrent: Torrent) -> Sequence[Speaker]: ...

    def counters(self, torrent: Torrent) -> Counters: ...

    def mute(self, author: str) -> "Deferred[bytes]":
        """Hear somebody no more: a key in hexadecimal, or the fingerprint of one who was heard.
        Fires with the key. INVALID_PARAMS."""

    def unmute(self, author: str) -> "Deferred[bytes]":
        """Hear somebody again, of those in `muted`."""
