"""Grouped bars with whiskers from least to most, as SVG. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from math import floor, log10
from typing import Final
from xml.sax.saxutils import escape

from benchmarks.figures import Figure, Summary

HEIGHT: Final = 320
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 64, 40
BAR: Final = 26
"""Pixels of one bar; half of it lies between two groups."""
COLOURS: Final = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")
"""Okabe and Ito: told apart by colour-blind people too."""
_FONT: Final = 'font-family="sans-serif" font-size="12" fill="#333"'

Groups = Mapping[str, Mapping[str, Summary]]
"""Summaries by group (scenario) and client."""


def plot(figure: Figure, groups: Groups, clients: Sequence[str]) -> str:
    """One figure of these clients, a group of bars for each scenario."""
    top = round_up(max(s.most for row in groups.values() for s in row.values()))
    slot = BAR * (len(clients) + 1)
    width = max(LEFT + slot * len(groups) + RIGHT, LEFT + _legend_width(clients))
    parts = [*begin(figure, width), *legend(clients), *axis(top, width)]
    for number, (name, row) in enumerate(groups.items()):
        left = LEFT + slot * number + BAR // 2
        parts.append(text(left + BAR * len(clients) / 2, HEIGHT - BOTTOM + 18, name, "middle"))
        for place, client in enumerate(clients):
            if client in row:
                parts += _bar(left + BAR * place, row[client], top, COLOURS[place % 6], client)
    return "\n".join([*parts, "</svg>", ""])


def begin(figure: Figure, width: float) -> Iterator[str]:
    """The opening tag, a white ground and the heading."""
    better = "higher" if figure.higher_is_better else "lower"
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}"'
        f' width="{width}" height="{HEIGHT}">'
    )
    yield f'<rect width="{width}" height="{HEIGHT}" fill="#fff"/>'
    yield (
        f'<text x="{LEFT}" y="20" {_FONT} font-weight="bold">{escape(figure.title)}'
        f" ({better} is better)</text>"
    )


def y_of(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top


def _bar(left: float, summary: Summary, top: float, colour: str, client: str) -> Iterator[str]:
    high, base = y_of(summary.median, top), y_of(0, top)
    yield (
        f'<rect x="{left + 2:g}" y="{high:.1f}" width="{BAR - 4}" height="{base - high:.1f}"'
        f' fill="{colour}"><title>{escape(client)}: {summary.median:.4g}'
        f" ({summary.least:.4g}-{summary.most:.4g})</title></rect>"
    )
    middle, least, most = left + BAR / 2, y_of(summary.least, top), y_of(summary.most, top)
    yield (
        f'<path d="M{middle:g} {least:.1f}V{most:.1f}M{middle - 4:g} {least:.1f}h8'
        f'M{middle - 4:g} {most:.1f}h8" stroke="#333" fill="none"/>'
    )


def axis(top: float, width: float) -> Iterator[str]:
    """Five lines from nothing to `top`, with their values."""
    for step in range(5):
        value = top * step / 4
        y = y_of(value, top)
        yield f'<path d="M{LEFT} {y:.1f}H{width - RIGHT:g}" stroke="#ddd"/>'
        yield text(LEFT - 6, y + 4, f"{value:g}", "end")


def legend(clients: Sequence[str]) -> Iterator[str]:
    """The names beside their colours."""
    left = LEFT
    for place, client in enumerate(clients):
        yield f'<rect x="{left}" y="32" width="12" height="12" fill="{COLOURS[place % 6]}"/>'
        yield text(left + 17, 43, client, "start")
        left += _legend_width([client])


def _legend_width(clients: Sequence[str]) -> int:
    return sum(34 + 7 * len(client) for client in clients)


def text(x: float, y: float, words: str, anchor: str) -> str:
    """Words at a place; `anchor` is start, middle or end."""
    return f'<text x="{x:g}" y="{y:g}" {_FONT} text-anchor="{anchor}">{escape(words)}</text>'


def round_up(value: float) -> float:
    """The next of 1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8 times a power of ten: quarters read well."""
    power = 10.0 ** floor(log10(value)) if value > 0 else 1.0
    steps = (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10)
    return next(step * power for step in steps if step * power >= value)
