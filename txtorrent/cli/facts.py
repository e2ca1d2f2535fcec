"""What is no list of torrents: names and values below each other, and small tables."""

from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text

from txtorrent.cli.errors import plain
from txtorrent.cli.grid import GAP, Heading
from txtorrent.cli.shell import Shell


def show_facts(shell: Shell, facts: Iterable[tuple[str, str]]) -> None:
    """Rows of a name and its value, which takes several lines where it has to; those without a
    value are left out."""
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
    texts = set(left)
    headings = [Heading(title, title not in texts, title in texts) for title in titles]
    shell.show_table(headings, ([plain(cell) for cell in row] for row in rows))
