"""What Redis answers, taken apart (RESP, version 2). Bytes in, replies out; no I/O.

The client library has a reader, too. It takes a turn of the reactor for each string, copies what
follows at each line, and leaves a delayed call behind when the connection is lost; it is not used.
"""

from __future__ import annotations

from typing import Final, TypeAlias

MAX_REPLY: Final = 1 << 20
"""Bytes of one reply. The longest is that to an announce with all the peers that may be wanted,
of 38 bytes each; this much is not ours to read."""
MAX_LINE: Final = 4096
"""Bytes of a line: a number, a status or the text of an error."""
MAX_DEPTH: Final = 2
"""Lists within lists: SCAN answers with a list that holds one."""

Reply: TypeAlias = "bytes | int | ErrorReply | list[Reply] | None"


class ErrorReply(Exception):
    """Redis answered that it did not do what it was told. `code` is the first word, like OOM."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.code = text.partition(" ")[0]


class Lost(Exception):
    """The connection was lost before the reply came. Whether it was done is not known."""


class _Incomplete(Exception):
    """The rest of the reply has not come yet."""


class ReplyReader:
    """The stream of replies of one connection."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Reply]:
        """Take what was received, give the replies that are complete. ValueError when it is not
        Redis that speaks there; nothing more can be read then."""
        buffer = self._rest + data if self._rest else data
        replies: list[Reply] = []
        at = 0
        try:
            while at < len(buffer):
                reply, at = _reply(buffer, at, MAX_DEPTH)
                replies.append(reply)
        except _Incomplete:
            pass
        self._rest = buffer[at:]
        if len(self._rest) > MAX_REPLY:
            raise ValueError(f"a reply has more than {MAX_REPLY} bytes")
        return replies


def _reply(buffer: bytes, at: int, depth: int) -> tuple[Reply, int]:
    """The reply that begins at `at`, and where the next one does."""
    end = buffer.find(b"\r\n", at, at + MAX_LINE)
    if end < 0:
        if len(buffer) - at >= MAX_LINE:
            raise ValueError(f"a line has more than {MAX_LINE} bytes")
        raise _Incomplete
    kind, line = buffer[at : at + 1], buffer[at + 1 : end]
    if kind == b"$":
        return _string(buffer, end + 2, _number(line))
    if kind == b"*":
        return _list(buffer, end + 2, _number(line), depth)
    if kind == b":":
        return _number(line), end + 2
    if kind == b"+":
        return line, end + 2
    if kind == b"-":
        return ErrorReply(line.decode("utf-8", "replace")), end + 2
    raise ValueError(f"a reply begins with {kind!r}")


def _number(line: bytes) -> int:
    digits = line.removeprefix(b"-")
    if not digits.isdigit() or len(digits) > 19:
        raise ValueError("a number cannot be read")
    return int(line)


def _string(buffer: bytes, at: int, size: int) -> tuple[bytes | None, int]:
    if size == -1:
        return None, at
    if not 0 <= size <= MAX_REPLY:
        raise ValueError(f"a string of {size} bytes")
    end = at + size
    if len(buffer) < end + 2:
        raise _Incomplete
    if buffer[end : end + 2] != b"\r\n":
        raise ValueError("a string does not end where it should")
    return buffer[at:end], end + 2


def _list(buffer: bytes, at: int, size: int, depth: int) -> tuple[list[Reply] | None, int]:
    if size == -1:
        return None, at
    if not (0 <= size <= MAX_REPLY and depth):
        raise ValueError("a list is too long or too deep")
    items: list[Reply] = []
    for _ in range(size):
        item, at = _reply(buffer, at, depth - 1)
        items.append(item)
    return items, at
