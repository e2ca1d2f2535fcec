"""A request of the user's that cannot be granted: the one error that says so, on every floor.

Whoever asked (the control API, the command line, a program that uses the library) is told the
text; nothing has been changed. The numbers are those of Transmission's RPC specification, so
that its clients understand them.
"""

from enum import IntEnum


class Code(IntEnum):
    """Why. Below zero: JSON-RPC 2.0, section 5.1; above: Transmission's RPC, 6.0."""

    PARSE_ERROR = -32700
    INVALID_REQUEST = -32600
    METHOD_NOT_FOUND = -32601
    INVALID_PARAMS = -32602
    INTERNAL_ERROR = -32603
    ANNOUNCE_LIST = 1
    TRACKER_LIST = 2
    PATH_NOT_ABSOLUTE = 3
    UNRECOGNIZED_INFO = 4
    SYSTEM_ERROR = 5
    FILE_INDEX = 6
    PIECE_INDEX = 7
    HTTP_ERROR = 8
    CORRUPT_TORRENT = 9
    BLOCKLIST = 10


class RequestError(Exception):
    """A request that cannot be granted. `text` is one line that says what to do about it."""

    def __init__(self, code: Code, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
