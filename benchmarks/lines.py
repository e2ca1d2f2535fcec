"""Lines of medians over a logarithmic axis, with whiskers from least to most, as SVG. Pure."""

from collections.abc import Iterator, Mapping
from math import log10
from xml.sax.saxutils import escape

from benchmarks.figures import Figure, Summary
from benchmarks.plot import (
    BOTTOM,
    COLOURS,
    HEIGHT,
    LEFT,
    RIGHT,
    axis,
    begin,
    legend,
    round_up,
    text,
    y_of,
)

WIDTH = 480
INSET = 24
"""Pixels between the frame and the first and last number."""

Lines = Mapping[str, Mapping[int, Summary]]
"""Summaries by the line's name and the number on the axis below."""


def plot_lines(figure: Figure, lines: Lines, unit: str) -> str:
    """One figure; `unit` is what the numbers below count."""
    numbers = sorted({number for line in lines.values() for number in line})
    top = round_up(max(s.most for line in lines.values() for s in line.values()))
    parts = [*begin(figure, WIDTH), *legend(list(lines)), *axis(top, WIDTH)]
    for number in numbers:
        parts.append(text(_x(number, numbers), HEIGHT - BOTTOM + 18, f"{number:,}", "middle"))
    parts.append(text(WIDTH - RIGHT, HEIGHT - 6, unit, "end"))
    for place, (name, line) in enumerate(lines.items()):
        points = [(_x(number, numbers), line[number]) for number in sorted(line)]
        parts += _line(points, top, COLOURS[place % len(COLOURS)], name)
    return "\n".join([*parts, "</svg>", ""])


def _x(number: int, numbers: list[int]) -> float:
    least, most = log10(numbers[0]), log10(numbers[-1])
    share = (log10(number) - least) / (most - least) if most > least else 0.5
    return LEFT + INSET + (WIDTH - LEFT - RIGHT - 2 * INSET) * share


def _line(points: list[tuple[float, Summary]], top: float, colour: str, name: str) -> Iterator[str]:
    path = " ".join(f"{x:.1f},{y_of(s.median, top):.1f}" for x, s in points)
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    for x, s in points:
        least, most = y_of(s.least, top), y_of(s.most, top)
        yield f'<path d="M{x:.1f} {least:.1f}V{most:.1f}" stroke="{colour}" fill="none"/>'
        yield (
            f'<circle cx="{x:.1f}" cy="{y_of(s.median, top):.1f}" r="4" fill="{colour}">'
            f"<title>{escape(name)}: {s.median:.4g} ({s.least:.4g}-{s.most:.4g})</title></circle>"
        )
