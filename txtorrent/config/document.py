"""A settings file as it was written, TOML or JSON: its values, and the lines they stand in.

A mistake is a `ConfigError`: one line of text with the file, the line in it and the reason.
"""

import json
import re
import tomllib
from bisect import bisect_left
from collections.abc import Iterator
from typing import Any, Final

from attrs import field, frozen

from txtorrent.config.kinds import shortened
from txtorrent.config.records import Bad

MAX_FILE: Final = 1 << 20
"""Bytes. The example is some 10 kB, and thousands of tables fit in."""
MAX_DEPTH: Final = 50
"""Arrays and tables within each other: whatever walks through them may call itself."""
_WHERE: Final = re.compile(r"^(.*) \(at (?:line (\d+), column \d+|end of document)\)$", re.DOTALL)
_ENDS: Final = re.compile(r"\]|\"\"\"|'''")
"""Stands in the last line of every TOML statement of several lines."""
_SPACE: Final = re.compile(r"[ \t\n\r]*")
_JSON: Final = json.JSONDecoder()

Keys = tuple[str | int, ...]
"""The way to a value in a document: keys, and indices from 0."""


class ConfigError(ValueError):
    """A settings file cannot be used; the text says where and why."""


@frozen
class Document:
    """`values` are those of `text`; `name` is what the file is called in errors."""

    name: str
    text: str = field(repr=False)
    values: dict[str, Any] = field(repr=False)
    is_json: bool = False

    def line_of(self, keys: Keys) -> int:
        """The line, from 1, in which the value begins that these keys lead to, or the innermost
        one around it that is there."""
        keys = keys[: _depth(self.values, keys)]
        return (_line_in_json if self.is_json else _line_in_toml)(self.text, keys)

    def error(self, bad: Bad) -> ConfigError:
        """What is wrong, and where."""
        return ConfigError(f"{self.name}:{self.line_of(bad.path)}: {shortened(str(bad))}")


def read_text(path: str, most: int = MAX_FILE) -> str:
    """A file of text with at most so many bytes. ConfigError; OSError as it comes.

    To be called where waiting for a disk does no harm.
    """
    with open(path, "rb") as file:
        raw = file.read(most + 1)
    if len(raw) > most:
        raise ConfigError(f"{path}: larger than {most} bytes: this is no settings file")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}:{line}: not UTF-8") from None


def parse_toml(text: str, name: str) -> Document:
    """ConfigError when it is no TOML."""
    try:
        values = tomllib.loads(text)
        _check_depth(values)
        return Document(name, text, values)
    except tomllib.TOMLDecodeError as error:
        reason, line = _of_toml(error, text)
        raise ConfigError(f"{name}:{line}: {shortened(reason)}") from None
    except (ValueError, RecursionError):  # numbers of thousands of digits, brackets in brackets
        raise ConfigError(f"{name}: this is no settings file") from None


def parse_json(text: str, name: str) -> Document:
    """ConfigError when it is no JSON, no object, or has a key twice in one object."""
    try:
        values = json.loads(text, object_pairs_hook=_members)
        _check_depth(values)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{name}:{error.lineno}: {shortened(error.msg)}") from None
    except (ValueError, RecursionError):
        raise ConfigError(f"{name}: this is no settings file") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{name}:1: this is no JSON object: write {{ before the first key")
    document = Document(name, text, values, is_json=True)
    twice = next(_twice(values, ()), None)
    if twice is not None:
        raise document.error(Bad(twice, f"{twice[-1]!r} is there twice"))
    return document


def _check_depth(values: Any) -> None:
    """ValueError when it is nested too deep."""
    level = [values]
    for _ in range(MAX_DEPTH):
        holders = [each for each in level if isinstance(each, dict | list)]
        level = [part for each in holders
                 for part in (each.values() if isinstance(each, dict) else each)]  # fmt: skip
        if not level:
            return
    raise ValueError(f"more than {MAX_DEPTH} arrays and tables in each other")


class _Ambiguous(dict[str, Any]):
    """An object of JSON that has `key` more than once."""

    key: str


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) == len(pairs):
        return values
    ambiguous = _Ambiguous(values)
    names = [name for name, _ in pairs]
    ambiguous.key = next(name for name in names if names.count(name) > 1)
    return ambiguous


def _twice(value: Any, keys: Keys) -> Iterator[Keys]:
    """The ways to keys that are there more than once."""
    if isinstance(value, _Ambiguous):
        yield (*keys, value.key)
    if isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _twice(each, (*keys, key))


def _depth(values: Any, keys: Keys) -> int:
    """How many of the keys are there."""
    for depth, key in enumerate(keys):
        inside = values if isinstance(values, dict) else {}
        if isinstance(values, list):
            inside = dict(enumerate(values))
        if key not in inside:
            return depth
        values = inside[key]
    return len(keys)


def _of_toml(error: tomllib.TOMLDecodeError, text: str) -> tuple[str, int]:
    """What is wrong with the document, and in which line."""
    match = _WHERE.match(str(error))
    last = max(1, len(text.splitlines()))
    if match is None:
        return str(error), last
    return match[1], int(match[2]) if match[2] else last


def _line_in_toml(text: str, keys: Keys) -> int:
    """The line where the statement begins that brings these keys.

    A statement is what has to be added to a right document to make another one. That finds
    any spelling of keys, and is not misled by what stands in texts or comments.
    """
    lines = [f"{line}\n" for line in text.split("\n")]
    statements = list(_statements(lines))

    def has(index: int) -> bool:
        document = tomllib.loads("".join(lines[: statements[index][1]]))
        return _depth(document, keys) == len(keys)

    found = bisect_left(range(len(statements)), True, key=has)
    return statements[min(found, len(statements) - 1)][0] + 1


def _statements(lines: list[str]) -> Iterator[tuple[int, int]]:
    """First line and end of each statement of a right document; a blank line is one, too."""
    begin = 0
    for end, line in enumerate(lines, 1):
        if end == begin + 1 or _ENDS.search(line):
            try:
                tomllib.loads("".join(lines[begin:end]))
            except tomllib.TOMLDecodeError:
                continue
            yield begin, end
            begin = end


def _line_in_json(text: str, keys: Keys) -> int:
    """The line of the key, or of the item of an array; of a key that is there twice, the last."""
    found = value = _past_space(text, 0)
    for key in keys:
        found, value = [each[1:] for each in _parts(text, value) if each[0] == key][-1]
    return text.count("\n", 0, found) + 1


def _parts(text: str, at: int) -> Iterator[tuple[str | int, int, int]]:
    """What an object or array that begins at `at` holds: key or index, where that begins, and
    where its value does."""
    in_object, index = text[at] == "{", 0
    at = _past_space(text, at + 1)
    while text[at] not in "}]":
        start, key = at, index
        if in_object:
            key, at = _JSON.raw_decode(text, at)
            at = _past_space(text, _past_space(text, at) + 1)  # the colon
        yield key, start, at
        at = _past_space(text, _JSON.raw_decode(text, at)[1])
        if text[at] == ",":
            at = _past_space(text, at + 1)
        index += 1


def _past_space(text: str, at: int) -> int:
    return _SPACE.match(text, at).end()  # type: ignore[union-attr]  # matches anything
