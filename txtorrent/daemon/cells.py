"""How much room text takes on a terminal, where a character is 0, 1 or 2 cells wide."""

import unicodedata
from typing import Final

ELLIPSIS: Final = "…"


def cells(text: str) -> int:
    """Cells that the text takes."""
    return sum(map(_width, text))


def fit(text: str, most: int) -> str:
    """The text if it takes at most so many cells; else its beginning and an ellipsis."""
    if cells(text) <= most:
        return text
    kept, room = [], most - 1
    for character in text:
        room -= _width(character)
        if room < 0:
            break
        kept.append(character)
    return "".join(kept) + ELLIPSIS if most > 0 else ""


def _width(character: str) -> int:
    if character.isascii():
        return 1
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
