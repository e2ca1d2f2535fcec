"""Lines of an example settings file: every setting with its meaning, commented out at its default.

What a file says of several settings together, and in which order they come, is its own.
"""

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Final

from txtorrent.config.records import List, Named, Record, Setting

WIDTH: Final = 96


def heading(title: str) -> str:
    """What stands above a chapter."""
    return f"\n# ---- {title} {'-' * (WIDTH - 8 - len(title))}\n"


def commented(setting: Setting, key: str, sample: Sequence[str] = (), note: str = "") -> list[str]:
    """A setting that a file has under `key`, and an empty line. `sample`: how one is written whose
    value is tables; `note` ends its description."""
    record = record_of(setting)
    if record is None:
        text = f"{setting.doc} {_cap(setting.kind.says)}.{note}"
        return [*_comment(text), *_assignment(key, setting), ""]
    lines = _comment(f"{setting.doc}{note}")
    for each in record.keys:
        lines += _comment(f"{each.name}: {each.doc} {_cap(each.kind.says)}.", "    ")
    return [*lines, *(f"#{line}" for line in sample), ""]


def record_of(setting: Setting) -> Record | None:
    """What a setting of several tables is made of; None for others."""
    match setting.kind:
        case List(of=Record() as record) | Named(of=Record() as record):
            return record
    return None


def _assignment(key: str, setting: Setting) -> Iterator[str]:
    """One line, or a list with a line for each item where one is too long."""
    line = f"#{key} = {setting.kind.show(setting.default)}"
    if len(line) <= WIDTH or not isinstance(setting.kind, List):
        yield line
        return
    yield f"#{key} = ["
    yield from (f"#{setting.kind.of.show(item)}," for item in setting.default)
    yield "#]"


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
