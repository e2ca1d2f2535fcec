"""Connections in memory to a control server with a fake session and a clock that tests move."""

import json
import os
import socket
import struct
from typing import Any

from attrs import frozen
from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.control.fakesession import FakeSession
from txtorrent.control.server import Control, ControlOptions

SESSION_ID = "the-session-id"
NOW = 1_700_000_000.0


class Answer:
    """One response of HTTP, taken apart."""

    def __init__(self, raw: bytes) -> None:
        head, _, rest = raw.partition(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        self.status = int(status.split()[1])
        self.headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
        }
        self.is_chunked = self.headers.get("transfer-encoding") == "chunked"
        self.body, self.rest = self._chunks(rest) if self.is_chunked else self._plain(rest)

    def _plain(self, rest: bytes) -> tuple[bytes, bytes]:
        length = int(self.headers.get("content-length", 0))
        return rest[:length], rest[length:]

    def _chunks(self, rest: bytes) -> tuple[bytes, bytes]:
        body = b""
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            length = int(size, 16)
            body, rest = body + rest[:length], rest[length + 2 :]
            if not length:
                break
        return body, rest

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@frozen
class Handle:
    """A socket whose other end is a process of this user's."""

    uid: int

    def getsockopt(self, level: int, option: int, size: int) -> bytes:
        assert (level, option) == (socket.SOL_SOCKET, socket.SO_PEERCRED)
        return struct.pack("3i", 4711, self.uid, 100)


class Connection:
    """To one `ControlChannel`, by TCP unless `unix`, of the user that the kernel says `uid` is."""

    def __init__(
        self,
        control: Control,
        clock: Clock,
        unix: bool = False,
        host: str = "",
        uid: int | None = None,
    ) -> None:
        self.clock = clock
        self.transport = StringTransport()
        self.transport.peerAddr = (
            UNIXAddress(None) if unix else IPv4Address("TCP", host or "127.0.0.1", 40000)
        )
        self.transport.hostAddr = (
            UNIXAddress(b"/x") if unix else IPv4Address("TCP", "127.0.0.1", 9091)
        )
        self.transport.getHandle = lambda: Handle(os.geteuid() if uid is None else uid)
        self.is_aborted = False
        self.transport.abortConnection = self._abort
        self.channel = control._factory.buildProtocol(self.transport.peerAddr)
        if self.channel is not None:
            self.channel.makeConnection(self.transport)

    def _abort(self) -> None:
        self.is_aborted = True
        self.transport.loseConnection()

    def send(self, data: bytes) -> None:
        self.channel.dataReceived(data)

    def close(self) -> None:
        self.channel.connectionLost(Failure(ConnectionDone()))

    def turn(self, times: int = 3) -> None:
        for _ in range(times):
            self.clock.advance(0)

    def answer(self) -> Answer:
        """What was answered, which is taken off what was written."""
        answer = Answer(self.transport.value())
        self.transport.clear()
        self.transport.write(answer.rest)
        return answer

    def ask(
        self, verb: str = "POST", path: str = "/transmission/rpc", body: Any = b"", **headers: str
    ) -> Answer:
        """A request with the right headers, but for those given; one that is "" is left out."""
        self.send(request(verb, path, body, **headers))
        self.turn()
        return self.answer()


def request(
    verb: str = "POST", path: str = "/transmission/rpc", body: Any = b"", **headers: str
) -> bytes:
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    told = {"Host": "127.0.0.1:9091", "X-Transmission-Session-Id": SESSION_ID}
    told |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{verb} {path} HTTP/1.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in told.items() if value]
    return "\r\n".join([*lines, "", ""]).encode() + body


class ControlCase(SynchronousTestCase):
    """A session of three torrents behind a control server."""

    options = ControlOptions()

    def setUp(self) -> None:
        self.clock = Clock()
        self.session = FakeSession("one", "two", "three")
        self.control = self.make_control()

    def make_control(self) -> Control:
        return Control(
            self.clock, self.session, [], self.options, now=lambda: NOW, session_id=SESSION_ID
        )

    def connect(self, **options: Any) -> Connection:
        return Connection(self.control, self.clock, **options)

    def rpc(self, method: str, **params: Any) -> Any:
        """What a call in JSON-RPC 2.0 answers."""
        return self._asked({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})

    def _asked(self, body: Any) -> Any:
        connection = self.connect()
        answer = connection.ask(body=body).json
        connection.close()
        return answer

    def result(self, method: str, **params: Any) -> Any:
        answer = self.rpc(method, **params)
        self.assertIn("result", answer, answer)
        return answer["result"]

    def error(self, method: str, **params: Any) -> tuple[int, str]:
        error = self.rpc(method, **params)["error"]
        return error["code"], error["data"]["error_string"]

    def legacy(self, method: str, **arguments: Any) -> Any:
        """What a call in the legacy dialect answers; underscores stand for what cannot be."""
        return self._asked({"method": method, "arguments": arguments})
