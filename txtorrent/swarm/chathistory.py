"""What people see of the talk in a swarm: a message fit to be shown, and the last of them."""

from collections import deque
from collections.abc import Iterator
from typing import Final

from attrs import frozen

from txtorrent.swarm.identity import fingerprint

MOST_MESSAGES: Final = 200
"""Messages that are kept: an evening of talk."""
MOST_BYTES: Final = 256 * 1024
"""What these may take up, by their text: all of them, unless many are long."""


@frozen
class ChatMessage:
    """A message as people see it: one line each of text and nickname, fit to be shown."""

    id: bytes
    """16 bytes."""
    author: bytes
    """The author's key, 32 bytes."""
    nickname: str
    """What the author wants to be called, which may be somebody else's name."""
    text: str
    time: int
    """Seconds since 1970, by the author's clock."""
    is_ours: bool
    """Whether this installation has sent it."""

    @property
    def fingerprint(self) -> str:
        """What tells authors of one name apart."""
        return fingerprint(self.author)

    @property
    def size(self) -> int:
        """Bytes of its text."""
        return len(self.nickname.encode()) + len(self.text.encode())


class History:
    """The last messages, in the order in which they came."""

    def __init__(self) -> None:
        self._messages: deque[ChatMessage] = deque()
        self._size = 0

    def __iter__(self) -> Iterator[ChatMessage]:
        return iter(tuple(self._messages))

    def add(self, message: ChatMessage) -> None:
        """The oldest ones make room for it."""
        self._messages.append(message)
        self._size += message.size
        while len(self._messages) > MOST_MESSAGES or self._size > MOST_BYTES:
            self._size -= self._messages.popleft().size
