"""What there is to know of one port of ours that is to be mapped."""

from __future__ import annotations

from enum import Enum
from typing import Final

from attrs import define, field, frozen

from txtorrent.address import Reach, reach
from txtorrent.discovery.mapping import Mapping, MappingError, NotNeededError, Protocol

FIRST_RETRY: Final = 60.0
"""Seconds until a router that does not let us is asked again; doubled each time."""
LAST_RETRY: Final = 3600.0
"""The most seconds until then: nobody replaces routers more often."""
SHORTEST_RENEWAL: Final = 4.0
"""Seconds between two requests for a mapping, however short it lives (RFC 6887, section 11.2.1)."""
LONGEST_RENEWAL: Final = 3600.0
"""Seconds after which a mapping is asked for again, however long it lives: the router may be
replaced by one that knows nothing of it."""


class State(Enum):
    """How far the mapping of one port is."""

    OFF = "off"
    SEARCHING = "searching"
    MAPPED = "mapped"
    FAILED = "failed"


@frozen
class PortStatus:
    """What became of one port. `lifetime`: seconds for which the router gave it, 0 for good.

    `error` is for the user, "" if all is well; when mapped, it says why it may be of no use.
    """

    state: State
    port: int = 0
    method: str = ""
    external_host: str | None = None
    external_port: int = 0
    lifetime: float = 0.0
    error: str = ""


@define(eq=False)
class PortLine:
    """One of our ports: `wanted` is its number, 0 if there is none.

    `asked`: the number that the router was asked to map and may have mapped, or 0. `due`: when the
    router is to be asked (again), in seconds of the reactor's clock.
    """

    protocol: Protocol
    wanted: int = 0
    asked: int = 0
    mapped: Mapping | None = None
    state: State = State.OFF
    error: str = ""
    due: float = 0.0
    _made_at: float = field(default=0.0, init=False)
    _failures: int = field(default=0, init=False)

    def want(self, port: int, now: float) -> None:
        """Have this port mapped instead of the last one."""
        if port == self.wanted:
            return
        self.wanted, self.due, self._failures = port, now, 0
        if self.mapped is None:
            self.state, self.error = self._unmapped, ""

    def search(self, now: float) -> None:
        """It is not mapped, and a router is to be found for it now."""
        self.mapped, self.asked, self.error, self.due = None, 0, "", now
        self.state = self._unmapped

    @property
    def _unmapped(self) -> State:
        return State.SEARCHING if self.wanted else State.OFF

    @property
    def has_work(self) -> bool:
        """Whether there is anything to be asked of a router, now or later."""
        return bool(self.wanted or self.asked)

    @property
    def is_stale(self) -> bool:
        """Whether another port than the wanted one may be mapped."""
        return self.asked not in (0, self.wanted)

    @property
    def external_port(self) -> int:
        """Which external port it has, or 0."""
        return self.mapped.external_port if self.mapped is not None else 0

    def made(self, mapped: Mapping, now: float) -> None:
        """The router has mapped it."""
        self.mapped, self.state, self._failures, self._made_at = mapped, State.MAPPED, 0, now
        self.error = _doubt(mapped.external_host)
        life = mapped.lifetime or 2 * LONGEST_RENEWAL
        renewal = min(max(life / 2, SHORTEST_RENEWAL), LONGEST_RENEWAL)
        self.due = now if self.is_stale else now + renewal

    def failed(self, error: MappingError, now: float) -> None:
        """It is not mapped, and will not be for now."""
        if self.is_stale:
            self.search(now)  # it was another port that the router did not map
            return
        self.mapped, self.asked = None, 0
        self.error = str(error) if self.wanted else ""
        self.state = State.FAILED if self.wanted else State.OFF
        wait = min(FIRST_RETRY * 2**self._failures, LAST_RETRY)
        if isinstance(error, NotNeededError):
            self.state, wait = State.OFF, LAST_RETRY
        self._failures = min(self._failures + 1, 10)
        self.due = now + max(wait, error.retry_after)

    def forgotten(self, wait: float, now: float) -> None:
        """The router may have lost it: it is to be mapped again in `wait` seconds."""
        if self.mapped is not None:
            self.due = min(self.due, max(now + wait, self._made_at + SHORTEST_RENEWAL))

    def status(self, method: str) -> PortStatus:
        """As others see it; `method` is how the router was asked."""
        if self.mapped is None:
            return PortStatus(self.state, self.wanted, error=self.error)
        return PortStatus(
            self.state,
            self.mapped.internal_port,
            method,
            self.mapped.external_host,
            self.mapped.external_port,
            self.mapped.lifetime,
            self.error,
        )


def _doubt(host: str | None) -> str:
    """Why a mapping at that external address may be of no use."""
    if host is None:
        return "the router does not say at which address"
    if reach(host) is Reach.GLOBAL:
        return ""
    return f"the router is behind another one: its own address is {host}"
