"""The example settings file, made from the table: every setting, commented out, at its default.

python -m txtorrent.settings.example > etc/config.toml
"""

from collections.abc import Iterator
from textwrap import wrap
from typing import Final

from txtorrent.settings.file import place
from txtorrent.settings.records import List, Named, Record, Setting
from txtorrent.settings.table import CHAPTERS

WIDTH: Final = 96
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
        yield f"\n# ---- {chapter.title} {'-' * (WIDTH - 8 - len(chapter.title))}\n"
        for setting in chapter.settings:
            *within, key = place(setting)
            if within and within[0] != section:
                section = within[0]
                yield f"[{section}]\n"
            yield from _one(setting, key)


def _one(setting: Setting, key: str) -> Iterator[str]:
    where = " (in this file only)" if setting.file_only else ""
    record = _record(setting)
    if record is not None:
        yield from _comment(f"{setting.doc}{where}")
        for each in record.keys:
            yield from _comment(f"{each.name}: {each.doc} {_cap(each.kind.says)}.", "    ")
        yield from (f"#{line}" for line in _SAMPLES[setting.name])
    else:
        yield from _comment(f"{setting.doc} {_cap(setting.kind.says)}.{where}")
        yield from _assignment(key, setting)
    yield ""


def _assignment(key: str, setting: Setting) -> Iterator[str]:
    """One line, or a list with a line for each item where one is too long."""
    line = f"#{key} = {setting.kind.show(setting.default)}"
    if len(line) <= WIDTH or not isinstance(setting.kind, List):
        yield line
        return
    yield f"#{key} = ["
    yield from (f"#{setting.kind.of.show(item)}," for item in setting.default)
    yield "#]"


def _record(setting: Setting) -> Record | None:
    """What a table of several is made of."""
    match setting.kind:
        case List(of=Record() as record) | Named(of=Record() as record):
            return record
    return None


def _comment(text: str, indent: str = "") -> list[str]:
    return wrap(
        text,
        WIDTH,
        initial_indent=f"# {indent}",
        subsequent_indent=f"# {indent}{indent and '  '}",
        break_on_hyphens=False,
    )


def _cap(text: str) -> str:
    return text[0].upper() + text[1:]


if __name__ == "__main__":
    print(example(), end="")
