"""The settings file: TOML, every key and value checked against the table.

A mistake is a `ConfigError`: one line with the file, the line in it, and the nearest right key.
"""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from txtorrent.settings.kinds import shortened
from txtorrent.settings.records import Bad, Setting, did_you_mean, turn_on
from txtorrent.settings.table import SECTIONS, SETTINGS
from txtorrent.settings.together import Contradiction, contradiction

MAX_FILE: Final = 1 << 20
"""Bytes. The example is some 10 kB, and thousands of tables fit in."""
_WHERE: Final = re.compile(r"^(.*) \(at (?:line (\d+), column \d+|end of document)\)$", re.DOTALL)

Keys = tuple[str | int, ...]
"""The way to a value in a document: keys, and indices from 0."""


class ConfigError(ValueError):
    """The settings file cannot be used; the text says where and why."""


def read(path: str) -> dict[str, Any]:
    """What the file sets, by name, in the form that is kept. ConfigError; OSError as it comes.

    To be called where waiting for a disk does no harm.
    """
    with open(path, "rb") as file:
        raw = file.read(MAX_FILE + 1)
    if len(raw) > MAX_FILE:
        raise ConfigError(f"{path}: larger than {MAX_FILE} bytes: this is no settings file")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}:{line}: not UTF-8") from None
    return parse(text, path)


def parse(text: str, name: str) -> dict[str, Any]:
    """What a file's text sets. ConfigError, in which the file is called `name`."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        reason, line = _of_toml(error, text)
        raise ConfigError(f"{name}:{line}: {shortened(reason)}") from None
    except (ValueError, RecursionError):  # numbers of thousands of digits, brackets in brackets
        raise ConfigError(f"{name}: this is no settings file") from None
    try:
        return _checked(document)
    except Bad as error:
        line = line_of(text, error.path)
        raise ConfigError(f"{name}:{line}: {shortened(str(error))}") from None


def place(setting: Setting) -> tuple[str, ...]:
    """The keys under which the file has a setting: ("control", "username")."""
    section, _, key = setting.name.partition("_")
    return (section, key) if section in SECTIONS else (setting.name,)


def line_of(text: str, keys: Keys) -> int:
    """The line, from 1, where the statement begins that brings these keys of a right document.

    A statement is what has to be added to a right document to make another one. That finds
    any spelling of keys, and is not misled by what stands in texts or comments.
    """
    lines = text.splitlines(keepends=True)
    begun = 0
    for end in range(1, len(lines) + 1):
        try:
            document = tomllib.loads("".join(lines[:end]))
        except tomllib.TOMLDecodeError:
            continue
        if _has(document, keys):
            return begun + 1
        begun = end
    return len(lines)


def _checked(document: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for keys, value in _flat(document):
        setting = _PLACES.get(keys) or _unknown(keys)
        values[setting.name] = _parsed(setting, keys, value)
    turn_on(SETTINGS.values(), values)
    try:
        contradiction(lambda name: values.get(name, SETTINGS[name].default))
    except Contradiction as error:
        raise Bad(place(SETTINGS[error.name]), str(error)) from None
    return values


def _flat(document: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in document.items():
        if key not in SECTIONS:
            yield (key,), value
        elif isinstance(value, Mapping):
            yield from (((key, inner), each) for inner, each in value.items())
        else:
            raise Bad((key,), f"{key} is a table: write [{key}] above its keys")


def _parsed(setting: Setting, keys: tuple[str, ...], value: Any) -> Any:
    try:
        return setting.kind.parse(value)
    except Bad as error:
        inside = ".".join(str(each) for each in error.path if isinstance(each, str))
        what = f"{'.'.join(keys)}: {inside}: " if inside else f"{'.'.join(keys)}: "
        raise Bad((*keys, *error.path), f"{what}{error}") from None
    except ValueError as error:
        raise Bad(keys, f"{'.'.join(keys)}: {error}") from None


def _unknown(keys: tuple[str, ...]) -> Setting:
    *section, key = keys
    here = [each[-1] for each in _PLACES if list(each[:-1]) == section]
    if section and (key,) in _PLACES:
        hint = f"; {key} belongs above the first line with [ ]"
    else:
        hint = did_you_mean(key, [*here, *(() if section else SECTIONS)])
    where = f" in [{section[0]}]" if section else ""
    raise Bad(keys, f"there is no setting {key!r}{where}{hint}")


def _has(document: Any, keys: Keys) -> bool:
    for key in keys:
        try:
            document = document[key]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def _of_toml(error: tomllib.TOMLDecodeError, text: str) -> tuple[str, int]:
    """What is wrong with the document, and in which line."""
    match = _WHERE.match(str(error))
    last = max(1, len(text.splitlines()))
    if match is None:
        return str(error), last
    return match[1], int(match[2]) if match[2] else last


_PLACES: Final = {place(setting): setting for setting in SETTINGS.values()}


def default_path() -> str:
    """`$XDG_CONFIG_HOME/txtorrent/config.toml`, or that of `~/.config`."""
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return os.path.join(base, "txtorrent", "config.toml")
