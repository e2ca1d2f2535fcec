"""Settings that hold others: lists, tables with known keys, tables with names of the user's.

An error inside one is a `Bad`, which knows the way to the wrong part.
"""

import difflib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from txtorrent.config.kinds import Kind, Path, Source, quoted

REQUIRED: Final = object()
"""The default of a key that has to be given."""
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


class Bad(ValueError):
    """A part is wrong; `path` leads to it: keys, and indices from 0. `()` is the value itself."""

    def __init__(self, path: tuple[str | int, ...], reason: str) -> None:
        super().__init__(reason)
        self.path = path


@frozen
class Setting:
    """One row of the table, or one key of a record.

    `default` is what counts when nothing was set; None for a record's key: left out.
    `switch` names the flag that a value given in the file turns on, unless the file gives the
    flag too: who writes a limit there wants it to count.
    `file_only`: cannot be changed over the control socket, and counts from the next start.
    `secret`: is shown to nobody.
    """

    name: str
    kind: Kind
    default: Any
    doc: str
    switch: str = ""
    file_only: bool = False
    secret: bool = False


@frozen
class Chapter:
    """Settings that belong together."""

    title: str
    settings: tuple[Setting, ...]


@frozen
class List:
    """Up to `most` values of one kind; `check` looks at all of them together, ValueError."""

    of: Kind
    most: int
    check: Callable[[list[Any]], object] = lambda values: None

    @property
    def says(self) -> str:
        return f"a list; each is {self.of.says}"

    def parse(self, value: Any) -> list[Any]:
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise ValueError(f"{quoted(value)} is not a list")
        if len(value) > self.most:
            raise ValueError(f"there are {len(value)} of at most {self.most}")
        parsed = [parse_part(self.of, index, each) for index, each in enumerate(value)]
        self.check(parsed)
        return parsed

    def show(self, value: Any) -> str:
        return f"[{', '.join(map(self.of.show, value))}]"


@frozen
class Named:
    """A table of values of one kind by names that the user chooses, at most `most` of them.

    `name` raises ValueError, or gives the name as it is to be kept.
    """

    of: Kind
    most: int
    name: Callable[[str], str] = str

    @property
    def says(self) -> str:
        return f"a table by name; each is {self.of.says}"

    def parse(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise ValueError(f"{quoted(value)} is not a table")
        if len(value) > self.most:
            raise ValueError(f"there are {len(value)} of at most {self.most}")
        parsed: dict[str, Any] = {}
        for name, each in value.items():
            try:
                kept = self.name(name)
            except ValueError as error:
                raise Bad((name,), str(error)) from None
            if kept in parsed:
                raise Bad((name,), f"{kept} is there twice")
            parsed[kept] = parse_part(self.of, name, each)
        return parsed

    def show(self, value: Any) -> str:
        return _inline((name, self.of.show(each)) for name, each in value.items())


@frozen
class Record:
    """A table with known keys."""

    keys: tuple[Setting, ...]

    @property
    def says(self) -> str:
        return f"a table of {', '.join(key.name for key in self.keys)}"

    def parse(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise ValueError(f"{quoted(value)} is not a table")
        known = {key.name: key for key in self.keys}
        for name in value:
            if name not in known:
                raise Bad((name,), f"there is no {name!r} here{did_you_mean(name, known)}")
        parsed = {name: parse_part(known[name].kind, name, each) for name, each in value.items()}
        turn_on(self.keys, parsed)
        for key in self.keys:
            if key.name not in parsed and key.default is REQUIRED:
                raise Bad((), f"{key.name} is missing")
            if key.default is not None:
                parsed.setdefault(key.name, key.default)
        return parsed

    def show(self, value: Any) -> str:
        shown = ((key.name, key.kind.show(value[key.name])) for key in self.keys)
        return _inline(shown)


def parse_part(kind: Kind, where: str | int, value: Any) -> Any:
    """The part of a value that is found at `where`. Bad, which knows the way."""
    try:
        return kind.parse(value)
    except Bad as error:
        raise Bad((where, *error.path), str(error)) from None
    except ValueError as error:
        raise Bad((where,), str(error)) from None


def parse_at(kind: Kind, keys: tuple[str, ...], value: Any) -> Any:
    """A value that a document has under these keys. Bad, which names them all."""
    try:
        return kind.parse(value)
    except Bad as error:
        inside = ".".join(str(each) for each in error.path if isinstance(each, str))
        what = f"{'.'.join(keys)}: {inside}: " if inside else f"{'.'.join(keys)}: "
        raise Bad((*keys, *error.path), f"{what}{error}") from None
    except ValueError as error:
        raise Bad(keys, f"{'.'.join(keys)}: {error}") from None


def turn_on(settings: Iterable[Setting], values: dict[str, Any]) -> None:
    """Turn on the switch of each value that is given (and not 0 or ""), unless given itself."""
    for setting in settings:
        if setting.switch and values.get(setting.name):
            values.setdefault(setting.switch, True)


def paths_in(kind: Kind, value: Any) -> Iterator[str]:
    """Every path of the daemon's machine in a value that was parsed."""
    match kind:
        case Path() | Source():
            if value.startswith("/"):
                yield value
        case List(of=of):
            for each in value:
                yield from paths_in(of, each)
        case Named(of=of):
            for each in value.values():
                yield from paths_in(of, each)
        case Record(keys=keys):
            for key in keys:
                if key.name in value:
                    yield from paths_in(key.kind, value[key.name])


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The nearest right name, as the end of a sentence; "" when none is near."""
    near = difflib.get_close_matches(name.lower().replace("-", "_"), list(known), 1)
    return f"; did you mean {near[0]}?" if near else ""


def show_key(name: str) -> str:
    """A key as TOML."""
    return name if _BARE_KEY.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _inline(pairs: Iterable[tuple[str, str]]) -> str:
    inside = ", ".join(f"{show_key(name)} = {shown}" for name, shown in pairs)
    return f"{{ {inside} }}" if inside else "{}"
