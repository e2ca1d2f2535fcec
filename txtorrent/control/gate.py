"""The checks that every HTTP request passes, in Transmission's order: 401, 421, 404, 409, 405.

The rule above all: what is refused early learns nothing that only a later check would tell, and
nothing but a POST with the session id (which no page from elsewhere can know) changes anything.
"""

from collections.abc import Mapping
from typing import Final, Protocol

from attrs import frozen

from txtorrent.control.access import Credentials, is_allowed_host
from txtorrent.control.preferences import RPC_VERSION_SEMVER

SESSION_ID_HEADER: Final = "X-Transmission-Session-Id"
VERSION_HEADER: Final = "X-Transmission-Rpc-Version"
RPC: Final = "/transmission/rpc"
EVENTS: Final = "/events"
REALM: Final = "txtorrent"


class Asked(Protocol):
    """What the checks look at."""

    @property
    def route(self) -> str:
        """The path, without the query."""

    @property
    def verb(self) -> str:
        """GET, POST, ..."""

    def header(self, name: str) -> str | None:
        """Its value; None if it is missing or there twice."""


@frozen
class Refusal:
    """An answer that ends a request. `text` is plain."""

    status: int
    text: str
    headers: Mapping[str, str] = {}


@frozen
class Gate:
    """Who may ask. `credentials`: None when everybody on this machine's loopback may; they and
    `hosts` concern TCP only, for whoever comes by the UNIX socket has been looked at already."""

    session_id: str
    credentials: Credentials | None = None
    hosts: frozenset[str] = frozenset()

    def knows(self, asked: Asked, is_unix: bool) -> bool:
        """Whether it brings the password, if one is needed."""
        if is_unix or self.credentials is None:
            return True
        return self.credentials.match(asked.header("Authorization"))

    def is_welcome(self, asked: Asked, is_unix: bool) -> bool:
        """Whether its body is worth keeping: all that headers tell is right."""
        return (
            self.knows(asked, is_unix)
            and self._is_host_right(asked, is_unix)
            and asked.header(SESSION_ID_HEADER) == self.session_id
        )

    def refusal(self, asked: Asked, is_unix: bool) -> Refusal | None:
        """The first check that fails."""
        if not self.knows(asked, is_unix):
            return Refusal(
                401, "wrong user name or password", {"WWW-Authenticate": f'Basic realm="{REALM}"'}
            )
        if not self._is_host_right(asked, is_unix):
            return Refusal(
                421, "this name is not one of ours: use an IP address, localhost, or allow it"
            )
        if asked.route.removesuffix("/") == RPC:
            return self._refuse_rpc(asked)
        if asked.route.removesuffix("/") == EVENTS:
            return self._refuse_events(asked)
        return Refusal(404, f"there is {RPC} and {EVENTS}")

    def _is_host_right(self, asked: Asked, is_unix: bool) -> bool:
        return is_unix or is_allowed_host(asked.header("Host"), self.hosts)

    def _refuse_rpc(self, asked: Asked) -> Refusal | None:
        if asked.header(SESSION_ID_HEADER) != self.session_id:
            return Refusal(
                409,
                f"{SESSION_ID_HEADER}: send this header of the answer with every request",
                {SESSION_ID_HEADER: self.session_id, VERSION_HEADER: RPC_VERSION_SEMVER},
            )
        if asked.verb != "POST":
            return Refusal(405, "this is asked with POST", {"Allow": "POST"})
        return None

    def _refuse_events(self, asked: Asked) -> Refusal | None:
        """Nothing is changed here, but a page from elsewhere has no business with it."""
        if asked.verb != "GET":
            return Refusal(405, "this is asked with GET", {"Allow": "GET"})
        if asked.header("Sec-Fetch-Site") in ("cross-site", "same-site"):
            return Refusal(403, "not for other sites' pages")
        return None
