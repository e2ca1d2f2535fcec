"""The example settings file, made from the table: every setting, commented out, at its default.

python -m txtorrent.settings.example > etc/config.toml
"""

from collections.abc import Iterator
from typing import Final

from txtorrent.config.commented import commented, heading
from txtorrent.settings.file import place
from txtorrent.settings.table import CHAPTERS

_HEAD: Final = """\
# Settings of txtorrent. All that is commented out shows the default. Read at the start from
# $XDG_CONFIG_HOME/txtorrent/config.toml, or from what --config names.
#
# Settings without "(in this file only)" can be changed while it runs; such a change counts over
# this file, also after a restart. A limit that is written here is on: what belongs to it and ends
# in _enabled or _limited need not be written too.
#
# Rates are in bytes/s and sizes in bytes, or with a unit: "500kB", "5MB", "512KiB". Times are in
# seconds, or with a unit: "90s", "30m", "1h30m", "2d".
"""
_SAMPLES: Final = {
    "schedule": ["[[schedule]]", 'days = ["mon", "tue"]', 'begin = "08:00"', 'end = "23:30"'],
    "groups": ["[groups.slow]", 'speed_limit_up = "500kB"', "honors_session_limits = true"],
    "trackers": ['[trackers."tracker.example.org"]', 'labels = ["linux"]', "min_share = 0.1"],
    "watch": [
        "[[watch]]",
        'directory = "/srv/watch"',
        'destination = "/srv/torrents"',
        'labels = ["watched"]',
        'then = "rename"',
    ],
}
"""How the tables of several are written; a test reads them all."""


def example() -> str:
    """The whole file."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _HEAD
    section = ""
    for chapter in CHAPTERS:
        yield heading(chapter.title)
        for setting in chapter.settings:
            *within, key = place(setting)
            if within and within[0] != section:
                section = within[0]
                yield f"[{section}]\n"
            note = " (in this file only)" if setting.file_only else ""
            yield from commented(setting, key, _SAMPLES.get(setting.name, ()), note)


if __name__ == "__main__":
    print(example(), end="")
