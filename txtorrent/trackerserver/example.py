"""The tracker's example settings file, made from the table: every setting, commented out, at its
default.

python -m txtorrent.trackerserver.example > etc/tracker.toml
"""

from collections.abc import Iterator
from typing import Final

from txtorrent.config.commented import commented, heading
from txtorrent.trackerserver.table import CHAPTERS

_HEAD: Final = """\
# Settings of txtorrent's tracker. All that is commented out shows the default. Read at the start
# from what --config names; and again, lists and all, at SIGHUP.
#
# The same may be written as JSON, in a file whose name ends in .json, and keys in camelCase.
# Times are in seconds, or with a unit: "90s", "30m", "1h30m", "2d".
"""
SAMPLES: Final = {
    "peers": [
        "[[peers]]",
        'ip = "192.0.2.7"',
        "port = 6881",
        'peer_id = "-TX0100-abcdefghijkl"',
    ],
    "torrents": [
        "[[torrents]]",
        'info_hash = "0123456789abcdef0123456789abcdef01234567"',
        "live = false",
        "peers = [",
        '  { ip = "192.0.2.7", port = 6881 },',
        '  { ip = "2001:db8::7", port = 6881 },',
        "]",
    ],
}
"""How the tables of several are written; a test reads them all."""


def example() -> str:
    """The whole file."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _HEAD
    for chapter in CHAPTERS:
        yield heading(chapter.title)
        for setting in chapter.settings:
            yield from commented(setting, setting.name, SAMPLES.get(setting.name, ()))


if __name__ == "__main__":
    print(example(), end="")
