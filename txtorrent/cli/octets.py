"""Bytes as people write them: hexadecimal, or text. Click types, as those of `values`."""

from typing import Final

from txtorrent.cli.values import Value

TARGET_SIZE: Final = 20
KEY_SIZE: Final = 32
"""Bytes, as is that of a target (BEP 44)."""
HEX: Final = "hex:"
"""Before a salt that is no text."""


class Hex(Value):
    """Hexadecimal of so many bytes, in lower case."""

    name = "hex"

    def __init__(self, size: int) -> None:
        self.size = size

    def parse(self, text: str) -> str:
        found = digits(text)
        if len(found) != 2 * self.size:
            raise ValueError(f"{text!r}: write {2 * self.size} hexadecimal digits")
        return found


class Salt(Value):
    """Hexadecimal of a text, or what follows `hex:`."""

    name = "salt"

    def parse(self, text: str) -> str:
        if not text.startswith(HEX):
            return text.encode().hex()
        found = digits(text.removeprefix(HEX))
        if not found:
            raise ValueError(f"{text!r}: write hexadecimal digits behind {HEX}")
        return found


def digits(text: str) -> str:
    """Hexadecimal in lower case; "" if it is none."""
    try:
        return bytes.fromhex(text).hex() if text.isalnum() else ""
    except ValueError:
        return ""


TARGET: Final = Hex(TARGET_SIZE)
KEY: Final = Hex(KEY_SIZE)
SALT: Final = Salt()
