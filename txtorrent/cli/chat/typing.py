"""Where lines are typed: a terminal, on which what is said appears above the line that is being
typed, or anything else that gives lines, such as a pipe."""

import codecs
import os
import shutil
import signal
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, Protocol, TextIO

import click

from txtorrent.cli.chat.editor import Editor, decode
from txtorrent.cli.chat.messages import Paint

_CHUNK: Final = 4096
"""Bytes read at once; more comes next."""
LONGEST_LINE: Final = 64 * 1024
"""Bytes of a line from a pipe, far more than a message may have: it counts as ended there."""
_PROMPT: Final = "> "
_CLEAR: Final = "\r\x1b[K"
"""To the row's beginning, and nothing is left of the row (ECMA-48, CR and EL)."""


class Typing(Protocol):
    """Gives lines, and lets others write meanwhile."""

    @property
    def is_over(self) -> bool:
        """Whether no more lines will come."""

    def fileno(self) -> int:
        """What is readable when there is something to `read`."""

    def read(self) -> list[str]:
        """Lines that have been completed, without their ends."""

    def show(self, text: str) -> None:
        """Write a line where messages belong."""

    def note(self, text: str) -> None:
        """Write a line of our own, which is no message."""


class Lines:
    """Lines of a file that is no terminal, or of one that is used like any file."""

    def __init__(self, descriptor: int) -> None:
        self.is_over = False
        self._descriptor = descriptor
        self._rest = b""

    def fileno(self) -> int:
        return self._descriptor

    def read(self) -> list[str]:
        data = os.read(self._descriptor, _CHUNK)
        *lines, self._rest = (self._rest + data).split(b"\n")
        if not data or len(self._rest) > LONGEST_LINE:
            lines.append(self._rest)
            self._rest = b""
        self.is_over = not data
        return [line.decode("utf-8", "replace").rstrip("\r") for line in lines if line.strip()]

    def show(self, text: str) -> None:
        click.echo(text)

    def note(self, text: str) -> None:
        click.echo(f"txtorrent: {text}", err=True)


class Prompt:
    """A line being typed on a terminal, always its last row."""

    def __init__(self, descriptor: int, screen: TextIO, paint: Paint) -> None:
        self.editor = Editor()
        self._descriptor = descriptor
        self._screen = screen
        self._paint = paint
        self._decoder = codecs.getincrementaldecoder("utf-8")("ignore")

    @property
    def is_over(self) -> bool:
        return self.editor.is_over

    def fileno(self) -> int:
        return self._descriptor

    def read(self) -> list[str]:
        try:
            data = os.read(self._descriptor, _CHUNK)
        except OSError:
            data = b""  # the terminal is gone
        if not data:
            self.editor.is_over = True
        pressed = (self.editor.press(key) for key in decode(self._decoder.decode(data)))
        lines = [line for line in pressed if line is not None]
        self.draw()
        return lines

    def show(self, text: str) -> None:
        self._screen.write(f"{_CLEAR}{text}\n")
        self.draw()

    def note(self, text: str) -> None:
        self.show(self._paint(f"-- {text}", "italic"))

    def draw(self) -> None:
        """Write the row anew."""
        # The last cell stays empty: a cursor behind it would be in the next row.
        cells = max(shutil.get_terminal_size().columns - len(_PROMPT) - 1, 1)
        shown, cursor = self.editor.view(cells)
        self._screen.write(f"{_CLEAR}{_PROMPT}{shown}\r\x1b[{len(_PROMPT) + cursor}C")
        self._screen.flush()

    def clear(self) -> None:
        """Leave an empty row."""
        self._screen.write(_CLEAR)
        self._screen.flush()


@contextmanager
def prompt(descriptor: int, screen: TextIO, paint: Paint) -> Iterator[Prompt]:
    """The terminal sends each key at once and does not show it, until the end of the block; also
    when the command was suspended and goes on."""
    typing = Prompt(descriptor, screen, paint)
    before = termios.tcgetattr(descriptor)

    def take(*_: object) -> None:
        tty.setcbreak(descriptor)
        typing.draw()

    was = signal.signal(signal.SIGCONT, take)
    try:
        take()
        yield typing
    finally:
        signal.signal(signal.SIGCONT, was)
        typing.clear()
        with suppress(termios.error):
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
