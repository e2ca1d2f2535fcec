"""Names and values below each other, and tables without lines, for what is no list of torrents."""

from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text

from txtorrent.cli.columns import GAP
from txtorrent.cli.errors import plain
from txtorrent.cli.shell import Shell


def show_facts(shell: Shell, facts: Iterable[tuple[str, str]]) -> None:
    """Rows of a name and its value; those without a value are left out."""
    rows = Table.grid(padding=(0, GAP, 0, 0))
    rows.add_column(style="bold", no_wrap=True)
    rows.add_column(overflow="fold")
    for name, value in facts:
        if value:
            rows.add_row(name, Text(plain(value)))
    shell.show(rows)


def show_rows(
    shell: Shell, titles: Sequence[str], rows: Iterable[Sequence[str]], left: Iterable[str]
) -> None:
    """A table; columns in `left` are text, which is cut when it is too long, others numbers."""
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold")
    texts = set(left)
    for title in titles:
        table.add_column(
            title,
            justify="left" if title in texts else "right",
            no_wrap=True,
            min_width=None if title in texts else len(title),
        )
    for row in rows:
        table.add_row(*(Text(plain(each)) for each in row))
    shell.show(table)
