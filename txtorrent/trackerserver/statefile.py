"""Files that keep something over a restart: read whole, replaced whole. To be called in threads."""

from __future__ import annotations

import os


def write(path: str, parts: list[bytes]) -> None:
    """Replace the file, or leave it as it was. OSError."""
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    new = f"{path}.new"
    with open(new, "wb", opener=_private) as out:
        out.writelines(parts)
        out.flush()
        os.fsync(out.fileno())
    os.replace(new, path)


def read(path: str) -> bytes | None:
    """What is in the file; None when there is none. OSError."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def _private(path: str, flags: int) -> int:
    """Who downloads what is nobody else's business."""
    return os.open(path, flags, 0o600)
