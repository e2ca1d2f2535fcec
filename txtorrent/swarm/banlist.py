"""Hosts that stay out, whatever the torrent: for a day who sent bad data, and the blocklist's."""

from collections.abc import Iterable
from typing import Final

from txtorrent.address import network
from txtorrent.swarm.blocklist import Blocklist

BAN: Final = 24 * 3600.0
"""Seconds that a host stays out."""
MOST_BANS: Final = 10_000
"""The oldest ban is dropped for a new one: an attacker with so many hosts gains little by it."""


def party(host: str) -> str:
    """Who is behind a host: an IPv4 address alone, an IPv6 address with all of its /64, which
    one customer has to choose from."""
    return network(host) if ":" in host else host


class BanList:
    """Banned hosts (IP address text) of the session. Times are in seconds of one clock.

    `blocklist` is what the user wants nothing to do with; another one may be put in its place.
    """

    def __init__(self) -> None:
        self.blocklist = Blocklist()
        self._until: dict[str, float] = {}
        self._reasons: dict[str, str] = {}

    def ban(self, host: str, now: float, seconds: float = BAN, reason: str = "") -> None:
        """Keep the host out from now on, and who is with it in an IPv6 network."""
        banned = party(host)
        self._drop(banned)
        self._until[banned] = now + seconds
        if reason:
            self._reasons[banned] = reason
        while len(self._until) > MOST_BANS:
            self._drop(next(iter(self._until)))

    def all(self, now: float) -> list[tuple[str, float, str]]:
        """Each ban in force: who, until when, and why as far as it is known."""
        return [
            (banned, until, self._reasons.get(banned, ""))
            for banned, until in self._until.items()
            if until > now
        ]

    def lift(self, banned: Iterable[str] | None) -> list[str]:
        """Let these in again, named as in `all`, or everybody; gives those that were banned."""
        lifted = [each for each in banned or tuple(self._until) if each in self._until]
        for each in lifted:
            self._drop(each)
        return lifted

    def _drop(self, banned: str) -> None:
        self._until.pop(banned, None)
        self._reasons.pop(banned, None)

    def objection(self, host: str, now: float) -> str | None:
        """Why there is to be no connection with a host, or None."""
        if self.is_banned(host, now):
            return "banned"
        return "on the blocklist" if self.blocklist.blocks(host) else None

    def is_banned(self, host: str, now: float) -> bool:
        """Whether the host is kept out; a ban that has run out is dropped."""
        if not self._until:
            return False
        banned = party(host)
        until = self._until.get(banned)
        if until is not None and until <= now:
            self._drop(banned)
            return False
        return until is not None

    def restore(self, bans: Iterable[tuple[str, float]], now: float) -> None:
        """Take over bans from an earlier run: (host, seconds left)."""
        for host, left in bans:
            if left > 0:
                self.ban(host, now, min(left, BAN))
