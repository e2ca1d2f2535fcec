"""Who is kept out: the bans of the session, seen and changed by the user."""

import time
from collections.abc import Collection

from attrs import frozen
from twisted.internet.defer import Deferred

from txtorrent.session import Session


@frozen
class Ban:
    """A host, or an IPv6 network, that is kept out `until` a time since 1970."""

    host: str
    until: float
    reason: str


class Bans:
    """The ban list as it is shown. Reasons are known of this run's bans only."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def all(self) -> list[Ban]:
        """Those in force."""
        now = self._session.reactor.seconds()
        return [
            Ban(host, time.time() + until - now, reason)
            for host, until, reason in self._session.bans.all(now)
        ]

    def ban(self, host: str, seconds: float, reason: str) -> "Deferred[None]":
        """Keep a host out, and end its connections."""
        self._session.bans.ban(host, self._session.reactor.seconds(), seconds, reason)
        self._session.close_host(host, f"banned: {reason}" if reason else "banned")
        return self._session.journal.ban(host, time.time() + seconds)

    def lift(self, hosts: Collection[str] | None) -> "Deferred[None]":
        """Let these in again, or all."""
        lifted = self._session.bans.lift(hosts)
        return self._session.journal.unban(lifted)
