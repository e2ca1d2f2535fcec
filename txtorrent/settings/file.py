"""The settings file: TOML, every key and value checked against the table.

A mistake is a `ConfigError`: one line with the file, the line in it, and the nearest right key.
"""

import os
from collections.abc import Iterator, Mapping
from typing import Any, Final

from txtorrent.config.document import parse_toml, read_text
from txtorrent.config.records import Bad, Setting, did_you_mean, parse_at, turn_on
from txtorrent.settings.table import SECTIONS, SETTINGS
from txtorrent.settings.together import Contradiction, contradiction


def read(path: str) -> dict[str, Any]:
    """What the file sets, by name, in the form that is kept. ConfigError; OSError as it comes.

    To be called where waiting for a disk does no harm.
    """
    return parse(read_text(path), path)


def parse(text: str, name: str) -> dict[str, Any]:
    """What a file's text sets. ConfigError, in which the file is called `name`."""
    document = parse_toml(text, name)
    try:
        return _checked(document.values)
    except Bad as error:
        raise document.error(error) from None


def place(setting: Setting) -> tuple[str, ...]:
    """The keys under which the file has a setting: ("control", "username")."""
    section, _, key = setting.name.partition("_")
    return (SECTIONS[section], key) if section in SECTIONS else (setting.name,)


def _checked(document: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for keys, value in _flat(document):
        setting = _PLACES.get(keys) or _unknown(keys)
        values[setting.name] = parse_at(setting.kind, keys, value)
    turn_on(SETTINGS.values(), values)
    try:
        contradiction(lambda name: values.get(name, SETTINGS[name].default))
    except Contradiction as error:
        raise Bad(place(SETTINGS[error.name]), str(error)) from None
    return values


def _flat(document: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in document.items():
        if key not in SECTIONS.values():
            yield (key,), value
        elif isinstance(value, Mapping):
            yield from (((key, inner), each) for inner, each in value.items())
        else:
            raise Bad((key,), f"{key} is a table: write [{key}] above its keys")


def _unknown(keys: tuple[str, ...]) -> Setting:
    *section, key = keys
    here = [each[-1] for each in _PLACES if list(each[:-1]) == section]
    if section and (key,) in _PLACES:
        hint = f"; {key} belongs above the first line with [ ]"
    else:
        hint = did_you_mean(key, [*here, *(() if section else SECTIONS.values())])
    where = f" in [{section[0]}]" if section else ""
    raise Bad(keys, f"there is no setting {key!r}{where}{hint}")


_PLACES: Final = {place(setting): setting for setting in SETTINGS.values()}


def default_path() -> str:
    """`$XDG_CONFIG_HOME/txtorrent/config.toml`, or that of `~/.config`."""
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return os.path.join(base, "txtorrent", "config.toml")
