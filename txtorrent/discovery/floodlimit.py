"""How many datagrams are read of one sender (THREATS C1, for whoever is next to us)."""

from __future__ import annotations

from typing import Final

from attrs import define

PER_SECOND: Final = 5.0
"""Datagrams of one address on average: a client with many torrents sends one a second."""
BURST: Final = 25.0
"""Datagrams at once."""
BLOCKED: Final = 300.0
"""Seconds for which nothing is read of who sent more."""
MOST_SENDERS: Final = 1024
"""Addresses watched. Nothing is read of others until one of these has been silent for `BLOCKED`
seconds: an attacker who makes up senders gains `MOST_SENDERS * PER_SECOND` datagrams a second."""


@define
class _Sender:
    tokens: float
    seen: float
    blocked_until: float = 0.0


class FloodLimit:
    """A bucket of `BURST` datagrams for each sender. Times are in seconds of one clock."""

    def __init__(self) -> None:
        self._senders: dict[str, _Sender] = {}

    def allows(self, host: str, now: float) -> bool:
        """Whether another datagram of this sender is to be read; each is counted."""
        sender = self._senders.pop(host, None)
        if sender is None:
            if not self._has_room(now):
                return False
            sender = _Sender(BURST, now)
        self._senders[host] = sender
        sender.tokens = min(BURST, sender.tokens + (now - sender.seen) * PER_SECOND)
        sender.seen = now
        if sender.tokens < 1 and sender.blocked_until <= now:
            sender.blocked_until = now + BLOCKED
        if sender.blocked_until > now:
            return False
        sender.tokens -= 1
        return True

    def _has_room(self, now: float) -> bool:
        """Forget the senders that have been silent for long; whether one more can be watched."""
        while self._senders:
            host, sender = next(iter(self._senders.items()))
            if sender.seen + BLOCKED > now:
                break
            del self._senders[host]
        return len(self._senders) < MOST_SENDERS
