"""The stream of changes: server-sent events, read line by line, taken up again when it breaks."""

import json
from collections.abc import Callable, Iterable, Iterator
from http.client import HTTPException
from typing import Any, Final

import attrs

from txtorrent.cli.api import Api
from txtorrent.cli.errors import Failed, Unreachable

SILENCE: Final = 60.0
"""Seconds without even a comment after which the connection counts as lost."""
MAX_LINE: Final = 16 * 1024 * 1024
"""Bytes of a line, as of any message of the API."""
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 30.0
"""Seconds before connecting again, doubled each time in vain."""


@attrs.frozen
class Event:
    """One change. `cursor` is what to go on from."""

    cursor: str
    kind: str
    data: Any


def read(lines: Iterable[bytes], cursor: str = "") -> Iterator[Event]:
    """Events of a stream. ValueError when it is none.

    Data may take several lines; what the stream breaks off in the middle of is left out.
    """
    kind, data = "", list[str]()
    for raw in lines:
        if len(raw) > MAX_LINE:
            raise ValueError("a line without an end")
        line = raw.decode().rstrip("\r\n")
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                yield Event(cursor, kind or "message", json.loads("\n".join(data)))
            kind, data = "", []
        elif name == "event":
            kind = value
        elif name == "data":
            data.append(value)
        elif name == "id" and "\0" not in value:
            cursor = value


def follow(
    api: Api, cursor: str, sleep: Callable[[float], None], say: Callable[[str], None]
) -> Iterator[Event]:
    """Events without an end, behind `cursor` if that is not "".

    Unreachable when the first connection cannot be made; one that breaks later is made again,
    where it broke, which `say` is told. Failed when what comes is no stream.
    """
    pause, connected = FIRST_PAUSE, False
    while True:
        try:
            for event in _connection(api, cursor):
                pause, connected = FIRST_PAUSE, True
                if event is not None:
                    cursor = event.cursor
                    yield event
            say("the stream ended, connecting again")
        except Unreachable as error:
            if not connected:
                raise
            say(f"{error.message}; trying again")
        sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def _connection(api: Api, cursor: str) -> Iterator[Event | None]:
    """None once it is made, then what comes over one connection."""
    client = attrs.evolve(api.client, timeout=SILENCE)
    headers = {"Accept": "text/event-stream"}
    if cursor:
        headers["Last-Event-ID"] = cursor
    connection, response = client.open("GET", client.endpoint.events, headers)
    yield None
    try:
        yield from read(iter(lambda: response.readline(MAX_LINE + 1), b""), cursor)
    except (OSError, HTTPException) as error:
        raise client.lost(error) from error
    except ValueError as error:
        raise Failed(f"the daemon's stream of events cannot be read: {error}") from error
    finally:
        connection.close()
