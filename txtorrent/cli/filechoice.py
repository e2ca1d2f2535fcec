"""Which files of a torrent are meant. Pure."""

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from txtorrent.cli.errors import Misused


def choose_files(wanted: Iterable[str], paths: Sequence[str]) -> list[int]:
    """Indices of the files meant by numbers ("3"), ranges ("0-7"), "all" and patterns
    ("*.mkv", compared with the whole path and with its end). Misused when one fits none."""
    found: set[int] = set()
    for words in wanted:
        for each in words.split(","):
            found.update(_files(each.strip(), paths))
    return sorted(found)


def _files(text: str, paths: Sequence[str]) -> Iterable[int]:
    match = re.fullmatch(r"(\d+)(?:-(\d+))?", text, re.ASCII)
    if text == "all":
        return range(len(paths))
    if match:
        first, last = int(match[1]), int(match[2] or match[1])
        if first > last or last >= len(paths):
            raise Misused(f"files {text}: the torrent has 0 to {len(paths) - 1}")
        return range(first, last + 1)
    found = [index for index, path in enumerate(paths) if _fits(path, text)]
    if not found:
        raise Misused(f"no file fits {text!r}")
    return found


def _fits(path: str, pattern: str) -> bool:
    return fnmatchcase(path, pattern) or fnmatchcase(path.rpartition("/")[2], pattern)
