"""What a method of the API is: a row of the one table in `methods`."""

from collections.abc import Awaitable, Callable
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred

from txtorrent.control.context import RECENTLY_ACTIVE, Call
from txtorrent.control.dialect import Dialect
from txtorrent.control.params import FLAG, LABELS, MAX_LIST, Kind, Param, refuse

Answer = Any
"""A dict, or `Rows`."""


@frozen
class Result:
    """A member of what a method answers. `is_field`: spelt as statistics are."""

    name: str
    type: str
    doc: str
    is_field: bool = False


@frozen
class Method:
    """`run` answers at once or later, with the names of JSON-RPC 2.0 (what is within has the
    dialect's already). `takes_all`: parameters besides those named count."""

    name: str
    doc: str
    params: tuple[Param, ...]
    results: tuple[Result, ...]
    run: Callable[[Call], Answer | Awaitable[Answer] | Deferred[Answer]]
    takes_all: bool = False

    def spell(self, answer: Answer, dialect: Dialect) -> Answer:
        """An answer with the dialect's names."""
        if not isinstance(answer, dict):
            return answer
        are_fields = any(result.is_field for result in self.results)
        name = dialect.field if are_fields else dialect.key
        return {name(key): value for key, value in answer.items()}


def _ids(name: str, value: Any) -> Any:
    """As `recently_active`, or as a tuple."""
    if value in (RECENTLY_ACTIVE, "recently-active"):
        return RECENTLY_ACTIVE
    ids = value if isinstance(value, list) else [value]
    if len(ids) > MAX_LIST:
        raise refuse(name, f"at most {MAX_LIST} torrents", value)
    for each in ids:
        if isinstance(each, bool) or not isinstance(each, int | str):
            raise refuse(name, "an id, a hash, a list of these, or recently_active", each)
    return tuple(ids)


IDS = Param(
    "ids",
    Kind('integer, hash, list of these, or "recently_active"', _ids),
    "The torrents; all without it.",
)
PAUSED = Param("paused", FLAG, "Whether it waits to be started; else the setting decides.")
LABELS_PARAM = Param("labels", LABELS, "Its labels.")
