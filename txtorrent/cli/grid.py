"""Tables without lines: columns beside each other, cut where there is no room for them. Pure.

Rich's own tables take half a millisecond a row, too long for those who have ten thousand torrents;
it lays out only what is small.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from attrs import frozen
from rich.cells import cell_len, set_cell_size

GAP: Final = 2
"""Cells between columns."""
ELLIPSIS: Final = "…"


@frozen
class Heading:
    """A column of a table. `style` gives rich's style for a cell's text, "" for none."""

    title: str
    is_right: bool = False
    """Numbers stand to the right."""
    is_cut: bool = False
    """Whether it is this column that is cut where the table is too wide."""
    style: Callable[[str], str] | None = None


Paint = Callable[[str, str], str]
"""Makes a text appear in one of rich's styles."""


def unpainted(text: str, style: str) -> str:
    """Where there are no colours."""
    return text


def lines(
    headings: Sequence[Heading],
    rows: Iterable[Sequence[str]],
    width: int,
    paint: Paint = unpainted,
) -> Iterator[str]:
    """The lines of a table, headings first; none is wider than `width` cells."""
    kept = list(rows)
    titles = [heading.title for heading in headings]
    widths = _fit(headings, _natural(titles, kept), width)
    yield _line(headings, widths, [(title, "bold") for title in titles], paint)
    for row in kept:
        cells = [
            (text, heading.style(text) if heading.style is not None else "")
            for heading, text in zip(headings, row, strict=True)
        ]
        yield _line(headings, widths, cells, paint)


def _natural(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    """What each column would like to have."""
    columns = zip(titles, *rows, strict=True)
    return [max(map(cell_len, column)) for column in columns]


def _fit(headings: Sequence[Heading], widths: Sequence[int], width: int) -> list[int]:
    """What each gets: those that may be cut give way first, the widest before the others."""
    room = width - GAP * (len(widths) - 1)
    most = [heading.is_cut for heading in headings]
    fitted = _capped(widths, most, room)
    return _capped(fitted, [True] * len(widths), room)


def _capped(widths: Sequence[int], may_be_cut: Sequence[bool], room: int) -> list[int]:
    cap, fitted = max(widths), list(widths)
    while sum(fitted) > room and cap > 1:
        cap -= 1
        fitted = [
            min(wide, cap) if cut else wide for wide, cut in zip(widths, may_be_cut, strict=True)
        ]
    return fitted


def _line(
    headings: Sequence[Heading],
    widths: Sequence[int],
    cells: Sequence[tuple[str, str]],
    paint: Paint,
) -> str:
    parts = []
    for heading, width, (text, style) in zip(headings, widths, cells, strict=True):
        shown = fill(text, width, heading.is_right)
        parts.append(paint(shown, style) if style else shown)
    return (" " * GAP).join(parts).rstrip()


def fill(text: str, width: int, is_right: bool = False) -> str:
    """The text in exactly so many cells, cut or padded."""
    length = cell_len(text)
    if length > width:
        return set_cell_size(set_cell_size(text, width - 1).rstrip() + ELLIPSIS, width)
    space = " " * (width - length)
    return space + text if is_right else text + space
