"""Requests in, answers out: bytes to bytes, knowing nothing of HTTP.

JSON-RPC 2.0, and the legacy form `{"result", "arguments", "tag"}`; Transmission's RPC
specification, section 2.
"""

from collections.abc import AsyncIterator, Mapping
from inspect import isawaitable
from typing import Any, Final

from attrs import frozen
from twisted.logger import Logger

from txtorrent.control.context import Call, Context
from txtorrent.control.method import Method
from txtorrent.control.methods import METHODS
from txtorrent.control.params import read_params
from txtorrent.control.requests import BadRequest, Body, Request, parse
from txtorrent.control.rows import Rows, encode
from txtorrent.errors import Code, RequestError

MESSAGES: Final = {
    Code.PARSE_ERROR: "Parse error",
    Code.INVALID_REQUEST: "Invalid Request",
    Code.METHOD_NOT_FOUND: "Method not found",
    Code.INVALID_PARAMS: "Invalid params",
    Code.INTERNAL_ERROR: "Internal error",
    Code.ANNOUNCE_LIST: "error setting announce list",
    Code.TRACKER_LIST: "Invalid tracker list",
    Code.PATH_NOT_ABSOLUTE: "path is not absolute",
    Code.UNRECOGNIZED_INFO: "unrecognized info",
    Code.SYSTEM_ERROR: "system error",
    Code.FILE_INDEX: "file index out of range",
    Code.PIECE_INDEX: "piece index out of range",
    Code.HTTP_ERROR: "HTTP error from backend service",
    Code.CORRUPT_TORRENT: "invalid or corrupt torrent file",
    Code.BLOCKLIST: "couldn't parse any valid blocklist rules",
}
"""What JSON-RPC's `message` says; the particulars are in `data`."""
NO_METHOD: Final = "no method name"
"""What the legacy dialect says of an unknown method, word for word."""

_log = Logger()


@frozen
class Reply:
    """What came of a request, ready to be written: text before, the value, text behind it."""

    before: str
    value: Rows | Mapping[str, Any]
    behind: str

    async def pieces(self) -> AsyncIterator[str]:
        """Its JSON."""
        if isinstance(self.value, Rows):
            yield self.before
            async for piece in self.value.pieces():
                yield piece
            yield self.behind
        else:
            yield self.before + encode(self.value) + self.behind


@frozen
class Answer:
    """The answer to a body: of a batch, a list."""

    replies: list[Reply]
    is_batch: bool

    async def pieces(self) -> AsyncIterator[str]:
        """Its JSON, no piece of which took long to make."""
        if self.is_batch:
            yield "["
        for place, reply in enumerate(self.replies):
            if place:
                yield ","
            async for piece in reply.pieces():
                yield piece
        if self.is_batch:
            yield "]"


class Api:
    """Answers requests in a context."""

    def __init__(self, context: Context) -> None:
        self.context = context

    async def answer(self, body: bytes) -> Answer | None:
        """What to answer; None if there were notifications only."""
        try:
            parsed = parse(body)
        except RequestError as error:
            return Answer([_modern_error(error, None)], is_batch=False)
        replies = await self._replies(parsed)
        return Answer(replies, parsed.is_batch) if replies else None

    async def _replies(self, body: Body) -> list[Reply]:
        """One after the other: what an earlier request did, a later one sees."""
        replies = []
        for request in body.requests:
            if isinstance(request, BadRequest):
                replies.append(_modern_error(request.error, request.id))
                continue
            reply = await self._reply(request)
            if not request.is_notification:
                replies.append(reply)
        return replies

    async def _reply(self, request: Request) -> Reply:
        try:
            value = await self._run(request)
        except RequestError as error:
            return _error(request, error)
        except Exception:
            _log.failure("{method}: an error of ours", method=request.method)
            ours = RequestError(Code.INTERNAL_ERROR, "this is a defect of ours; see the log")
            return _error(request, ours)
        return _success(request, value)

    async def _run(self, request: Request) -> Any:
        method = METHODS.get(request.method)
        if method is None:
            text = f"there is no method {request.method[:100]!r}"
            raise RequestError(Code.METHOD_NOT_FOUND, text)
        call = Call(self.context, _params(method, request), request.dialect)
        value = method.run(call)
        if isawaitable(value):
            value = await value
        return method.spell(value, request.dialect)


def _params(method: Method, request: Request) -> Mapping[str, Any]:
    return request.params if method.takes_all else read_params(method.params, request.params)


def _success(request: Request, value: Any) -> Reply:
    if request.dialect.is_legacy:
        return Reply('{"arguments":', value, f',"result":"success"{_tag(request)}}}')
    return Reply('{"jsonrpc":"2.0","result":', value, f',"id":{encode(request.id)}}}')


def _error(request: Request, error: RequestError) -> Reply:
    if not request.dialect.is_legacy:
        return _modern_error(error, request.id)
    text = NO_METHOD if error.code == Code.METHOD_NOT_FOUND else error.text
    return Reply('{"arguments":', {}, f',"result":{encode(text)}{_tag(request)}}}')


def _tag(request: Request) -> str:
    return "" if request.id is None else f',"tag":{encode(request.id)}'


def _modern_error(error: RequestError, request_id: Any) -> Reply:
    told = {
        "code": int(error.code),
        "message": MESSAGES[error.code],
        "data": {"error_string": error.text},
    }
    return Reply('{"jsonrpc":"2.0","error":', told, f',"id":{encode(request_id)}}}')
