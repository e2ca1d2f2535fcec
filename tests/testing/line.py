"""What lies between hosts: each host's line (a rate each way) and the path between two of them.

A line serves the flows that wait for it in turn, one segment each, so that a bulk transfer
does not starve a short message. No sockets here; see tcp.py and udp.py.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from attrs import define, field

if TYPE_CHECKING:
    from tests.testing.clock import HeapClock
    from tests.testing.host import Host

# Largest segment, bytes. A line without limit carries as much as is written at once.
SEGMENT = 64 * 1024
UNLIMITED = 2**31
# Smallest segment, bytes: a full Ethernet frame's payload.
FRAME = 1448
# Seconds a segment may keep a slow line busy before the next flow has its turn.
TURN = 0.02
# One way, seconds, from a host to itself.
LOOPBACK_LATENCY = 0.00005

_Send = tuple[int, Callable[..., object], tuple[Any, ...]]


@define(eq=False)
class Line:
    """One direction of a host's connection to the network; `rate` in bytes/s, None: no limit."""

    clock: HeapClock
    rate: float | None
    _flows: dict[int, deque[_Send]] = field(factory=dict, init=False)
    _busy: bool = field(default=False, init=False)

    @property
    def segment(self) -> int:
        """Bytes that may go in one piece."""
        if self.rate is None:
            return UNLIMITED
        return min(SEGMENT, max(FRAME, int(self.rate * TURN)))

    def carry(self, flow: int, size: int, done: Callable[..., object], *args: Any) -> None:
        """Call `done(*args)` when `size` bytes have passed; in order within a flow."""
        if self.rate is None and not self._busy:
            done(*args)
            return
        self._flows.setdefault(flow, deque()).append((size, done, args))
        if not self._busy:
            self._serve()

    def drop(self, flow: int) -> None:
        """Forget what this flow has waiting."""
        self._flows.pop(flow, None)

    def _serve(self) -> None:
        self._busy = bool(self._flows)
        if not self._flows:
            return
        flow = next(iter(self._flows))
        queue = self._flows.pop(flow)
        size, done, args = queue.popleft()
        if queue:
            self._flows[flow] = queue
        seconds = size / self.rate if self.rate else 0.0
        self.clock.post(self.clock.seconds() + seconds, self._passed, done, args)

    def _passed(self, done: Callable[..., object], args: tuple[Any, ...]) -> None:
        self._serve()
        done(*args)


@define(eq=False)
class Path:
    """The way between two hosts, which may be one and the same."""

    a: Host
    b: Host
    cut: bool = False

    @property
    def latency(self) -> float:
        """One way, in seconds."""
        if self.a is self.b:
            return LOOPBACK_LATENCY
        return max(self.a.latency + self.b.latency, LOOPBACK_LATENCY)

    @property
    def is_open(self) -> bool:
        return not (self.cut or self.a.vanished or self.b.vanished)

    def line_out(self, host: Host) -> Line:
        return host.loopback if self.a is self.b else host.up_line

    def line_in(self, host: Host) -> Line:
        return host.loopback if self.a is self.b else host.down_line
