"""A line that is being typed: what keys do to it, and the part of it that a terminal shows. Pure.

Keys are those that readline's users have in their fingers. The line stays one row of the terminal,
however long it gets: the part around the cursor is shown.
"""

from collections.abc import Callable, Iterator
from typing import Final

from attrs import define, field
from rich.cells import cell_len

from txtorrent.cli.watch import keys

LONGEST: Final = 1000
"""Characters: as many as a message may have."""
MOST_KEPT: Final = 100
"""Lines that can be had again."""
_MORE: Final = {
    "\x1b[C": "right", "\x1bOC": "right", "\x1b[D": "left", "\x1bOD": "left", "\x1b[3~": "delete",
    "\x01": "home", "\x05": "end", "\x02": "left", "\x06": "right", "\x10": "up", "\x0e": "down",
    "\x04": "finish", "\x15": "cut before", "\x0b": "cut behind", "\x17": "cut word",
    "\x0c": "again",
}  # fmt: skip


def decode(text: str) -> Iterator[str]:
    """Names of the keys that sent `text`."""
    return keys.decode(text, _MORE)


@define
class Editor:
    """One line; `at` is where the cursor stands in it, `kept` are lines that were entered."""

    text: str = ""
    at: int = 0
    is_over: bool = False
    """Whether the user has said that there will be no more."""
    kept: list[str] = field(factory=list)
    _recalled: int = 0
    """How far back in `kept`; 0 is the line that is being typed."""

    def press(self, key: str) -> str | None:
        """What a key does; gives the line if that was Enter."""
        if key == "enter":
            return self._enter()
        if key in _ACTS:
            _ACTS[key](self)
        elif len(key) == 1 and len(self.text) < LONGEST:
            self._put(self.text[: self.at] + key + self.text[self.at :], self.at + 1)
        return None

    def view(self, cells: int) -> tuple[str, int]:
        """The part of the line that fits into so many cells, and the cursor's cell in it."""
        start = 0
        before = cell_len(self.text[: self.at])
        while before > cells - 1:
            before -= cell_len(self.text[start])
            start += 1
        end = len(self.text)
        while cell_len(self.text[start:end]) > cells:
            end -= 1
        return self.text[start:end], before

    # -- what keys do ------------------------------------------------------------------------

    def _put(self, text: str, at: int) -> None:
        self.text, self.at = text, at

    def _enter(self) -> str:
        line = self.text
        self._put("", 0)
        self._recalled = 0
        if line.strip() and self.kept[-1:] != [line]:
            self.kept = [*self.kept, line][-MOST_KEPT:]
        return line

    def _finish(self) -> None:
        """Ctrl-D: with nothing typed the end, otherwise as Delete."""
        self.is_over = not self.text
        self._delete()

    def _backspace(self) -> None:
        if self.at:
            self._put(self.text[: self.at - 1] + self.text[self.at :], self.at - 1)

    def _delete(self) -> None:
        self._put(self.text[: self.at] + self.text[self.at + 1 :], self.at)

    def _move(self, by: int) -> None:
        self.at = min(max(self.at + by, 0), len(self.text))

    def _cut_word(self) -> None:
        left = self.text[: self.at].rstrip()
        left = left[: left.rfind(" ") + 1]
        self._put(left + self.text[self.at :], len(left))

    def _recall(self, back: int) -> None:
        """Another of the lines that were entered; at the near end an empty one."""
        self._recalled = min(max(self._recalled + back, 0), len(self.kept))
        line = self.kept[-self._recalled] if self._recalled else ""
        self._put(line, len(line))


_ACTS: Final[dict[str, Callable[[Editor], None]]] = {
    "backspace": Editor._backspace,
    "delete": Editor._delete,
    "finish": Editor._finish,
    "left": lambda editor: editor._move(-1),
    "right": lambda editor: editor._move(1),
    "home": lambda editor: editor._put(editor.text, 0),
    "end": lambda editor: editor._put(editor.text, len(editor.text)),
    "cut before": lambda editor: editor._put(editor.text[editor.at :], 0),
    "cut behind": lambda editor: editor._put(editor.text[: editor.at], editor.at),
    "cut word": Editor._cut_word,
    "up": lambda editor: editor._recall(1),
    "down": lambda editor: editor._recall(-1),
}
