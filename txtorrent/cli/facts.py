"""Names and values below each other, and tables without lines, for what is no list of torrents."""

from collections.abc import Iterable, Sequence
from typing import Literal

from rich.table import Table
from rich.text import Text

from txtorrent.cli.columns import GAP
from txtorrent.cli.errors import plain
from txtorrent.cli.shell import Shell

Justify = Literal["left", "right"]


def show_facts(shell: Shell, facts: Iterable[tuple[str, str]]) -> None:
    """Rows of a name and its value; those without a value are left out."""
    rows = Table.grid(padding=(0, GAP, 0, 0))
    rows.add_column(style="bold", no_wrap=True)
    rows.add_column(overflow="fold")
    for name, value in facts:
        if value:
            rows.add_row(name, Text(plain(value)))
    shell.show(rows)


def table(columns: Iterable[tuple[str, Justify, bool]]) -> Table:
    """An empty table without lines, of columns with a title, a side, and whether a cell may be cut
    where there is no room. Fill it with `cell`s."""
    made = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold")
    for title, justify, is_cut in columns:
        # What may be wrapped is what rich makes narrower; the cells themselves never wrap.
        made.add_column(cell(title), justify=justify, no_wrap=not is_cut)
    return made


def cell(text: str, style: str = "") -> Text:
    """One line of a table, safe to be shown."""
    return Text(plain(text), style=style, no_wrap=True, overflow="ellipsis")


def show_rows(
    shell: Shell, titles: Sequence[str], rows: Iterable[Sequence[str]], left: Iterable[str]
) -> None:
    """A table; columns in `left` are text, which is cut when it is too long, others numbers."""
    texts = set(left)
    made = table((title, "left" if title in texts else "right", title in texts) for title in titles)
    for row in rows:
        made.add_row(*map(cell, row))
    shell.show(made)
