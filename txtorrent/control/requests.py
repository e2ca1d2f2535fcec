"""The body of a request: JSON taken apart, checked, and told which dialect it speaks.

The rule above all: what goes on from here is bounded (size, nesting, number of values, length of
a batch) and contains no NaN and no text that cannot be written as UTF-8.
JSON-RPC 2.0, and Transmission's RPC specification, section 2.
"""

import json
from collections.abc import Mapping
from math import isinf
from typing import Any, Final, NoReturn

from attrs import frozen

from txtorrent.control.dialect import LEGACY, MODERN, Dialect
from txtorrent.errors import Code, RequestError

MAX_BODY: Final = 16 * 1024 * 1024
"""Bytes: a .torrent of 10 MB in base64, and some."""
MAX_DEPTH: Final = 32
"""Lists and objects in each other; the API itself needs 5."""
MAX_VALUES: Final = 500_000
"""Commas in a body: more than the indices of the largest torrent's files, and parsed in a blink."""
MAX_BATCH: Final = 100
"""Requests in one body."""


@frozen
class Request:
    """One call. `id` is whatever they want back with the answer; of a `notification`, nothing."""

    dialect: Dialect
    method: str
    params: Mapping[str, Any]
    id: Any = None
    is_notification: bool = False


@frozen
class BadRequest:
    """One that cannot be made out, in a batch of others or alone."""

    error: RequestError
    id: Any = None


@frozen
class Body:
    """What came: a list of requests, to be answered as a list if it was a batch."""

    requests: list[Request | BadRequest]
    is_batch: bool = False


def parse(body: bytes) -> Body:
    """Take a body apart. RequestError: PARSE_ERROR, or INVALID_REQUEST for one beyond limits."""
    value = load(body)
    if not isinstance(value, list):
        return Body([_request(value)])
    if not 0 < len(value) <= MAX_BATCH:
        raise RequestError(Code.INVALID_REQUEST, f"a batch has 1 to {MAX_BATCH} requests")
    return Body([_request(each) for each in value], is_batch=True)


def load(body: bytes) -> Any:
    """The value of a JSON text within our limits."""
    if len(body) > MAX_BODY:
        raise RequestError(Code.INVALID_REQUEST, f"a request has at most {MAX_BODY} bytes")
    if body.count(b",") > MAX_VALUES or body.count(b"[") + body.count(b"{") > MAX_VALUES:
        raise RequestError(Code.INVALID_REQUEST, f"a request has at most {MAX_VALUES} values")
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise RequestError(Code.PARSE_ERROR, f"this is no JSON: {error}") from None
    _check_depth(value)
    if b"\\u" in body:
        _check_text(value)
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON's")


def _finite(text: str) -> float:
    value = float(text)
    if isinf(value):
        raise ValueError(f"{text} is too large")
    return value


def _check_depth(value: Any) -> None:
    """Level by level, so that our own stack does not grow with theirs."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level for inner in _inner(outer)]
        if not level:
            return
    raise RequestError(Code.INVALID_REQUEST, f"nested more than {MAX_DEPTH} deep")


def _inner(value: Any) -> list[Any]:
    """What of a list or object may have something in it itself."""
    if isinstance(value, dict):
        return [each for each in value.values() if isinstance(each, dict | list)]
    if isinstance(value, list):
        return [each for each in value if isinstance(each, dict | list)]
    return []


def _check_text(value: Any) -> None:
    """Half a surrogate pair can be written in JSON, but nowhere else."""
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise RequestError(Code.PARSE_ERROR, "half a surrogate pair is no text") from None


def _request(value: Any) -> Request | BadRequest:
    if not isinstance(value, dict):
        return _bad(Code.INVALID_REQUEST, "a request is an object", None)
    return _modern(value) if "jsonrpc" in value else _legacy(value)


def _modern(value: dict[str, Any]) -> Request | BadRequest:
    request_id = value.get("id")
    if isinstance(request_id, dict | list | bool):
        return _bad(Code.INVALID_REQUEST, "id: a string, a number or null", None)
    if value["jsonrpc"] != "2.0":
        return _bad(Code.INVALID_REQUEST, 'jsonrpc: it has to be "2.0"', request_id)
    method = value.get("method")
    if not isinstance(method, str):
        return _bad(Code.INVALID_REQUEST, "method: the name of one", request_id)
    params = value.get("params", {})
    if not isinstance(params, dict):
        return _bad(Code.INVALID_PARAMS, "params: an object, for they go by name", request_id)
    return Request(MODERN, method, params, request_id, "id" not in value)


def _legacy(value: dict[str, Any]) -> Request | BadRequest:
    """`tag` is a number; anything else is not sent back."""
    tag = value.get("tag")
    if not isinstance(tag, int | float) or isinstance(tag, bool):
        tag = None
    method, arguments = value.get("method"), value.get("arguments") or {}
    if not isinstance(method, str):
        method = ""
    if not isinstance(arguments, dict):
        arguments = {}
    read = LEGACY.read
    named = {read(name): argument for name, argument in arguments.items()}
    # What their language calls undefined or no number arrives as null; but no ids are not all.
    named = {k: v for k, v in named.items() if v is not None or k == "ids"}
    return Request(LEGACY, read(method), named, tag)


def _bad(code: Code, text: str, request_id: Any) -> BadRequest:
    return BadRequest(RequestError(code, text), request_id)
