"""How the screen looks: totals with their graphs, the table with bars, the keys. Pure.

Every line is cut to the screen's width, and there are never more of them than its height.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import Group
from rich.table import Table
from rich.text import Text

from txtorrent.cli import state
from txtorrent.cli.api import Torrent
from txtorrent.cli.columns import COLUMNS, USUAL, Column, fitting, rate
from txtorrent.cli.commands.listing import state_style
from txtorrent.cli.errors import plain
from txtorrent.cli.grid import GAP
from txtorrent.cli.watch.actions import HELP, Keys
from txtorrent.cli.watch.model import Model

BAR: Final = 12
"""Cells of a bar."""
GRAPH: Final = 30
"""Cells of a graph of rates: as many questions, at one a second."""
AROUND: Final = 5
"""Lines besides the torrents: totals, headings, a message, the keys, and one empty line."""
_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
_LEVELS: Final = "▁▂▃▄▅▆▇█"
_WIDEST_NAME: Final = 60


def bar(share: float, width: int = BAR, is_ascii: bool = False) -> str:
    """So much of `width` cells filled, to an eighth of a cell; never full before the end."""
    share = min(max(share, 0.0), 1.0)
    if is_ascii:
        return ("#" * int(share * width)).ljust(width, ".")
    whole, eighth = divmod(int(share * width * 8), 8)
    return ("█" * whole + _EIGHTHS[eighth].strip()).ljust(width)


def graph(values: Sequence[float], width: int = GRAPH, is_ascii: bool = False) -> str:
    """The newest values as columns, the tallest as high as the line; nothing is empty."""
    newest = list(values)[-width:]
    most = max(newest, default=0)
    levels = ".:-=+*#%" if is_ascii else _LEVELS
    drawn = "".join(
        levels[min(int(value / most * len(levels)), len(levels) - 1)] if value else " "
        for value in newest
    )
    return drawn.rjust(width)


def screen(model: Model, keys: Keys, width: int, height: int, is_ascii: bool = False) -> Group:
    """All of it, for a screen of so many cells."""
    keys.page = max(1, height - AROUND)
    first, rows = model.window(keys.page)
    return Group(
        _line(_totals(model, width, is_ascii), width),
        _table(model, rows, width, is_ascii),
        *([Text("")] * (keys.page - len(rows))),
        _line(_place(model, first, len(rows)), width),
        _line(_message(model, keys), width),
        _line(_help(), width),
    )


def _line(text: Text, width: int) -> Text:
    text.no_wrap = True
    text.truncate(width, overflow="ellipsis")
    return text


def _totals(model: Model, width: int, is_ascii: bool) -> Text:
    down, up = model.rates[-1] if model.rates else (0.0, 0.0)
    cells = min(GRAPH, max(0, (width - 40) // 2))
    line = Text()
    for name, value, index, style in (("down", down, 0, "green"), ("up", up, 1, "cyan")):
        drawn = graph([rates[index] for rates in model.rates], cells, is_ascii)
        line.append(f"{name} ", "bold").append(f"{rate(value):>10} ").append(drawn, style)
        line.append("  ")
    return line


def _columns(width: int) -> Sequence[Column]:
    return fitting(USUAL, width - BAR - GAP)


def _table(model: Model, rows: Iterable[Torrent], width: int, is_ascii: bool) -> Table:
    columns = _columns(width)
    table = Table(
        box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold", width=width
    )
    for column in columns:
        _add_column(table, column, model)
        if column.key == "done":
            table.add_column("", width=BAR, no_wrap=True)
    for torrent in rows:
        style = "reverse" if torrent["hash_string"] == model.chosen else ""
        table.add_row(*_cells(torrent, columns, is_ascii), style=style)
    return table


def _add_column(table: Table, column: Column, model: Model) -> None:
    mark = ("↑" if model.backwards else "↓") if column.key == model.order else ""
    is_name = column.key == "name"
    table.add_column(
        f"{column.title}{mark}",
        justify="right" if column.is_right else "left",
        no_wrap=True,
        overflow="ellipsis",
        width=None if is_name else max(column.width, len(column.title) + len(mark)),
        ratio=1 if is_name else None,
    )


def _cells(torrent: Torrent, columns: Iterable[Column], is_ascii: bool) -> Iterable[Text]:
    style = state_style(state.word(torrent))
    for column in columns:
        yield Text(column.show(torrent), style=style if column.key == "state" else "")
        if column.key == "done":
            yield Text(bar(_share(torrent), is_ascii=is_ascii), style=style)


def _share(torrent: Torrent) -> float:
    """Of the content, or of the check of it that is under way."""
    checking = state.word(torrent) == "checking"
    return float(torrent.get("recheck_progress" if checking else "percent_done") or 0)


def _place(model: Model, first: int, shown: int) -> Text:
    order = COLUMNS[model.order].title.lower()
    parts = [f"{first + 1}-{first + shown} of {len(model.rows)}" if shown else "no torrents"]
    if len(model.rows) != model.count:
        parts.append(f"{model.count} in all")
    parts.append(f"by {order}{', reversed' * model.backwards}")
    if model.kind:
        parts.append(f"only {model.kind}")
    if model.text:
        parts.append(f"only {plain(model.text)!r}")
    return Text("  ".join(parts), style="dim")


def _message(model: Model, keys: Keys) -> Text:
    if keys.is_typing:
        return Text(f"/{plain(model.text)}_", style="bold")
    if model.message:
        return Text(model.message, style="bold red" if keys.is_asking else "bold")
    current = model.current
    return Text(plain(state.reason(current)) if current is not None else "", style="yellow")


def _help() -> Text:
    line = Text()
    for key, about in HELP:
        line.append(f"{key} ", "bold").append(f"{about}  ", "dim")
    return line
