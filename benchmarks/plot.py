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
    top = _round_up(max(s.most for row in groups.values() for s in row.values()))
    slot = BAR * (len(clients) + 1)
    width = max(LEFT + slot * len(groups) + RIGHT, LEFT + _legend_width(clients))
    better = "higher" if figure.higher_is_better else "lower"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}"'
        f' width="{width}" height="{HEIGHT}">',
        f'<rect width="{width}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{LEFT}" y="20" {_FONT} font-weight="bold">{escape(figure.title)}'
        f" ({better} is better)</text>",
        *_legend(clients),
        *_axis(top, width),
    ]
    for number, (name, row) in enumerate(groups.items()):
        left = LEFT + slot * number + BAR // 2
        parts.append(_text(left + BAR * len(clients) / 2, HEIGHT - BOTTOM + 18, name, "middle"))
        for place, client in enumerate(clients):
            if client in row:
                parts += _bar(left + BAR * place, row[client], top, COLOURS[place % 6], client)
    return "\n".join([*parts, "</svg>", ""])


def _y(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top


def _bar(left: float, summary: Summary, top: float, colour: str, client: str) -> Iterator[str]:
    high, base = _y(summary.median, top), _y(0, top)
    yield (
        f'<rect x="{left + 2:g}" y="{high:.1f}" width="{BAR - 4}" height="{base - high:.1f}"'
        f' fill="{colour}"><title>{escape(client)}: {summary.median:.4g}'
        f" ({summary.least:.4g}-{summary.most:.4g})</title></rect>"
    )
    middle, least, most = left + BAR / 2, _y(summary.least, top), _y(summary.most, top)
    yield (
        f'<path d="M{middle:g} {least:.1f}V{most:.1f}M{middle - 4:g} {least:.1f}h8'
        f'M{middle - 4:g} {most:.1f}h8" stroke="#333" fill="none"/>'
    )


def _axis(top: float, width: float) -> Iterator[str]:
    for step in range(5):
        value = top * step / 4
        y = _y(value, top)
        yield f'<path d="M{LEFT} {y:.1f}H{width - RIGHT:g}" stroke="#ddd"/>'
        yield _text(LEFT - 6, y + 4, f"{value:g}", "end")


def _legend(clients: Sequence[str]) -> Iterator[str]:
    left = LEFT
    for place, client in enumerate(clients):
        yield f'<rect x="{left}" y="32" width="12" height="12" fill="{COLOURS[place % 6]}"/>'
        yield _text(left + 17, 43, client, "start")
        left += _legend_width([client])


def _legend_width(clients: Sequence[str]) -> int:
    return sum(34 + 7 * len(client) for client in clients)


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" {_FONT} text-anchor="{anchor}">{escape(text)}</text>'


def _round_up(value: float) -> float:
    """The next of 1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8 times a power of ten: quarters read well."""
    power = 10.0 ** floor(log10(value)) if value > 0 else 1.0
    steps = (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10)
    return next(step * power for step in steps if step * power >= value)
