"""JSON-RPC 2.0 over HTTP with the standard library: one request, one answer.

Does the dance of the 409 (rpc-spec 6, section 2.2.1) and turns whatever goes wrong on the way
into one line that says what to do. What the methods mean is `api.py`'s.
"""

import json
from base64 import b64encode
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any, Final

from attrs import define

from txtorrent.cli.endpoint import Endpoint
from txtorrent.cli.errors import Refused, Unreachable

TIMEOUT: Final = 30.0
"""Seconds without a byte of the answer: a daemon answers at once, whatever its disks do."""
SESSION_HEADER: Final = "X-Transmission-Session-Id"
HOW_TO_START: Final = (
    "start one with `twistd txtorrent` (as a service: `systemctl start txtorrent`),"
    " or say where it is with --control"
)


@define
class Client:
    """Sends requests to one endpoint. `auth` is USER:PASSWORD, or None."""

    endpoint: Endpoint
    auth: str | None = None
    timeout: float = TIMEOUT
    """Seconds."""
    _session_id: str = ""

    def call(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """The result of a method.

        Refused when the daemon says no; Unreachable when there is no talking to it.
        """
        request = {
            "jsonrpc": "2.0",
            "method": method,
            "params": dict(params),
            "id": 1,  # a connection carries one request
        }
        body = json.dumps(request).encode()
        headers = {"Content-Type": "application/json"}
        connection, response = self.open("POST", self.endpoint.rpc, headers, body)
        try:
            answer = self._read(response)
        except (OSError, HTTPException) as error:
            raise self.lost(error) from error
        finally:
            connection.close()
        return _result(answer, method)

    def open(
        self, verb: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> tuple[HTTPConnection, HTTPResponse]:
        """A response of status 200 whose body is yet to be read, and the connection to close.

        Unreachable for any other status.
        """
        connection, response = self._send(verb, path, headers, body)
        if response.status == 409 and response.headers.get(SESSION_HEADER):
            connection.close()
            self._session_id = response.headers[SESSION_HEADER]
            connection, response = self._send(verb, path, headers, body)
        if response.status != 200:
            connection.close()
            raise Unreachable(self._explain(response.status))
        return connection, response

    def _send(
        self, verb: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[HTTPConnection, HTTPResponse]:
        connection = self.endpoint.connect(self.timeout)
        try:
            connection.request(verb, path, body, {**headers, **self._own_headers()})
            return connection, connection.getresponse()
        except (OSError, HTTPException) as error:
            connection.close()
            raise self.lost(error) from error

    def _own_headers(self) -> dict[str, str]:
        headers = {SESSION_HEADER: self._session_id, "Connection": "close"}
        if self.auth is not None:
            headers["Authorization"] = "Basic " + b64encode(self.auth.encode()).decode()
        return headers

    def _read(self, response: HTTPResponse) -> dict[str, Any]:
        try:
            answer = json.loads(response.read())
        except ValueError as error:
            raise self._stranger() from error
        if isinstance(answer, dict) and answer.get("jsonrpc") == "2.0":
            return answer
        if isinstance(answer, dict) and "result" in answer:
            raise Unreachable(
                f"what answers at {self.endpoint.text} speaks an older dialect than JSON-RPC 2.0:"
                " it is a Transmission before 4.1"
            )
        raise self._stranger()

    def _stranger(self) -> Unreachable:
        return Unreachable(
            f"what answers at {self.endpoint.text} is no daemon of ours: check --control"
        )

    def _explain(self, status: int) -> str:
        where = self.endpoint.text
        if status == 401:
            said = "it did not take these" if self.auth is not None else "it wants them"
            return (
                f"{where}: user name and password, {said}:"
                " put USER:PASSWORD into the environment as TXTORRENT_AUTH"
            )
        if status == 403:
            return f"{where}: the daemon answers its own user only: run this as that user"
        if status == 429:
            return f"{where}: too many wrong passwords came from here: wait half a minute"
        if status == 421:
            return f"{where}: the daemon does not go by that host name: use its IP address"
        return f"{where} answered with HTTP status {status}: check --control"

    def lost(self, error: Exception) -> Unreachable:
        """What to say when the connection cannot be made, or breaks."""
        where = self.endpoint.text
        if isinstance(error, (FileNotFoundError, ConnectionRefusedError)):
            return Unreachable(f"no daemon answers at {where}: {HOW_TO_START}")
        if isinstance(error, PermissionError):
            return Unreachable(
                f"{where}: permission denied: the daemon belongs to another user,"
                " run this as that user"
            )
        if isinstance(error, TimeoutError):
            return Unreachable(f"the daemon at {where} did not answer in {self.timeout:g} seconds")
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return Unreachable(f"no talking to the daemon at {where}: {why}")


def _result(answer: Mapping[str, Any], method: str) -> dict[str, Any]:
    """Refused, in the daemon's own words, if that is what it answered."""
    error = answer.get("error")
    if error is None:
        result = answer.get("result")
        return result if isinstance(result, dict) else {}
    data = error.get("data") or {}
    message = str(error.get("message", "refused"))
    detail = str(data.get("error_string") or "")
    if detail and detail != message:
        message = f"{message}: {detail}"
    if error.get("code") == METHOD_NOT_FOUND:
        message = f"the daemon has no method {method}: it is another version, or not txtorrent"
    raise Refused(message, int(error.get("code", 0)))


METHOD_NOT_FOUND: Final = -32601
"""JSON-RPC's code of a method that the daemon lacks."""
