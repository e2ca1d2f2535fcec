"""Types of parameters: each says what it is and turns a JSON value into ours or refuses it.

A refusal names the parameter, what it wants and what came.
"""

import os.path
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from attrs import field, frozen

from txtorrent.errors import Code, RequestError

MAX_TEXT: Final = 4096
"""Characters of a text, unless its type says otherwise: the length of a path."""
MAX_LIST: Final = 400_000
"""Values in a list: a torrent has at most 200,000 files."""
MAX_INTEGER: Final = 2**53
"""What JSON's readers agree on."""
MAX_SHOWN: Final = 40
"""Characters of a wrong value that its refusal repeats."""


@frozen
class Kind:
    """A type: `text` for the documents, `read` takes the parameter's name and a value."""

    text: str
    read: Callable[[str, Any], Any] = field(repr=False)


@frozen
class Param:
    """A parameter of a method. `name` is the one of JSON-RPC 2.0."""

    name: str
    kind: Kind
    doc: str
    required: bool = False
    is_field: bool = False
    """Whether the legacy dialect spells it as it spells a torrent's field."""


def refuse(name: str, wanted: str, value: Any) -> RequestError:
    """What to raise for a value that is not what was wanted."""
    shown = repr(value)
    if len(shown) > MAX_SHOWN:
        shown = shown[:MAX_SHOWN] + "..."
    return RequestError(Code.INVALID_PARAMS, f"{name}: wants {wanted}, not {shown}")


def read_params(params: Collection[Param], given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of those that are given; others are passed over, as clients expect."""
    found = {}
    for param in params:
        if param.name in given:
            found[param.name] = param.kind.read(param.name, given[param.name])
        elif param.required:
            raise RequestError(Code.INVALID_PARAMS, f"{param.name}: missing")
    return found


def _flag(name: str, value: Any) -> bool:
    """Old clients write 0 and 1."""
    if value not in (0, 1) or isinstance(value, float):
        raise refuse(name, "true or false", value)
    return bool(value)


FLAG: Final = Kind("boolean", _flag)


def whole(low: int, high: int, unit: str = "") -> Kind:
    """A whole number; one that is written 5.0 counts."""
    wanted = f"a whole number from {low} to {high}"

    def read(name: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise refuse(name, wanted, value)
        if not low <= value <= high or value != int(value):
            raise refuse(name, wanted, value)
        return int(value)

    return Kind(f"integer {low} to {high}{unit and ', ' + unit}", read)


def number(low: float, high: float) -> Kind:
    """Any number in a range."""
    wanted = f"a number from {low:g} to {high:g}"

    def read(name: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise refuse(name, wanted, value)
        if not low <= value <= high:
            raise refuse(name, wanted, value)
        return float(value)

    return Kind(f"number {low:g} to {high:g}", read)


def rate(high: int) -> Kind:
    """kB/s. Clients that have bytes divide, so that a part of a kB may be left."""
    wanted = f"a number from 0 to {high}"

    def read(name: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= high:
            raise refuse(name, wanted, value)
        return int(value)

    return Kind(f"integer 0 to {high}, kB/s", read)


def text(limit: int = MAX_TEXT) -> Kind:
    """A string without NUL."""

    def read(name: str, value: Any) -> str:
        if not isinstance(value, str) or len(value) > limit or "\0" in value:
            raise refuse(name, f"text of at most {limit} characters", value)
        return value

    return Kind("string", read)


TEXT: Final = text()


def choice(*values: str) -> Kind:
    """One of a few words."""

    def read(name: str, value: Any) -> str:
        if value not in values:
            raise refuse(name, f"one of {', '.join(values)}", value)
        return str(value)

    return Kind(" or ".join(f'"{value}"' for value in values), read)


def list_of(kind: Kind, limit: int = MAX_LIST) -> Kind:
    """A list, as a tuple."""

    def read(name: str, value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or len(value) > limit:
            raise refuse(name, f"a list of at most {limit}", value)
        return tuple(kind.read(name, each) for each in value)

    return Kind(f"list of {kind.text}", read)


def _path(name: str, value: Any) -> str:
    """Absolute, and taken as text: `..` goes up here, before anybody follows a link."""
    path: str = TEXT.read(name, value)
    if not path.startswith("/"):
        raise RequestError(Code.PATH_NOT_ABSOLUTE, f"{name}: {path!r} is not an absolute path")
    return os.path.normpath("/" + path.lstrip("/"))


PATH: Final = Kind("absolute path", _path)


def _any(name: str, value: Any) -> Any:
    return value


ANY: Final = Kind("any", _any)


def _indices(name: str, value: Any) -> tuple[int, ...]:
    """Without a step of Python for each: there may be 200,000."""
    if not isinstance(value, list) or len(value) > MAX_LIST or set(map(type, value)) - {int}:
        raise refuse(name, "a list of indices", value)
    if value and not 0 <= min(value) <= max(value) <= MAX_INTEGER:
        raise refuse(name, "a list of indices", [min(value), max(value)])
    return tuple(value)


INDICES: Final = Kind("list of integers from 0", _indices)


def _label(name: str, value: Any) -> str:
    label: str = text(MAX_LABEL).read(name, value).strip()
    if not label or "," in label or not label.isprintable():
        raise refuse(name, "labels that are not empty and have no comma in them", value)
    return label


MAX_LABEL: Final = 256
MAX_LABELS: Final = 100
"""Characters of a label, and labels of a torrent."""


def _labels(name: str, value: Any) -> tuple[str, ...]:
    """Each once, in their order."""
    return tuple(dict.fromkeys(list_of(Kind("label", _label), MAX_LABELS).read(name, value)))


LABELS: Final = Kind("list of strings", _labels)
