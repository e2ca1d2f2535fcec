"""What a key is: the bytes of a terminal made into names, and the terminal made to send them.

Names are the character itself, or "up", "down", "pageup", "pagedown", "home", "end", "enter",
"escape", "backspace", "interrupt".
"""

import os
import select
import termios
import tty
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final

from attrs import define

_SEQUENCES: Final = {
    "\x1b[A": "up", "\x1b[B": "down", "\x1bOA": "up", "\x1bOB": "down",
    "\x1b[5~": "pageup", "\x1b[6~": "pagedown",
    "\x1b[H": "home", "\x1b[F": "end", "\x1bOH": "home", "\x1bOF": "end",
    "\x1b[1~": "home", "\x1b[4~": "end", "\x1b[7~": "home", "\x1b[8~": "end",
}  # fmt: skip
_CONTROLS: Final = {
    "\r": "enter", "\n": "enter", "\x7f": "backspace", "\x08": "backspace", "\x03": "interrupt",
}  # fmt: skip
NO_MORE: Final[Mapping[str, str]] = MappingProxyType({})
_CHUNK: Final = 1024
"""Bytes read at once; more was pasted, and the rest comes next."""


def decode(text: str, more: Mapping[str, str] = NO_MORE) -> Iterator[str]:
    """Names of the keys that sent `text`. Sequences that are not known are left out; `more` has
    some, with their names, that not everybody has a use for."""
    at = 0
    while at < len(text):
        end = _end(text, at)
        sequence = text[at:end]
        at = end
        if sequence == "\x1b":
            yield "escape"
        elif sequence in more:
            yield more[sequence]
        elif sequence in _SEQUENCES:
            yield _SEQUENCES[sequence]
        elif sequence in _CONTROLS:
            yield _CONTROLS[sequence]
        elif sequence.isprintable():
            yield sequence


def _end(text: str, at: int) -> int:
    """Where the sequence that begins at `at` ends (ECMA-48: its last byte is @ to ~)."""
    if text[at] != "\x1b" or text[at + 1 : at + 2] not in ("[", "O"):
        return at + 1
    end = at + 2
    while end < len(text) and not "@" <= text[end] <= "~":
        end += 1
    return end + 1


@define
class Keyboard:
    """Reads keys from a terminal."""

    descriptor: int

    def wait(self, seconds: float) -> list[str]:
        """Keys pressed, as soon as there are any; none when the time is over. A terminal that is
        gone is an "interrupt"."""
        ready, _, _ = select.select([self.descriptor], [], [], max(seconds, 0.0))
        if not ready:
            return []
        data = os.read(self.descriptor, _CHUNK)
        return list(decode(data.decode("utf-8", "ignore"))) if data else ["interrupt"]


@contextmanager
def keyboard(descriptor: int) -> Iterator[Keyboard]:
    """The terminal sends each key at once and does not show it, until the end of the block."""
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)
        yield Keyboard(descriptor)
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
