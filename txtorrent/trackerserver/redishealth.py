"""What the log is told of Redis: each change of its state once, however many requests there are."""

from __future__ import annotations

from typing import Any, Final

from twisted.logger import Logger

from txtorrent.trackerserver.redisaddress import RedisAddress
from txtorrent.wire.announce import clean_text

CALM: Final = 30.0
"""Seconds without a refusal after which Redis takes everything again: a full one takes some
requests and refuses others."""
MOST_REASONS: Final = 8
"""Different reasons that are said of one outage; two connections may have two in turns."""

_log = Logger()


class RedisHealth:
    """Whether Redis is reached, and whether it does what it is told."""

    def __init__(self, clock: Any, address: RedisAddress) -> None:
        self._clock = clock
        self._address = address
        self._reached: bool | None = None
        self._reasons: set[str] = set()
        self._refusal: str | None = None
        self._refused_at = 0.0
        self._calming: Any = None

    def reached(self) -> None:
        """A connection is ready."""
        if self._reached:
            return
        self._reached = True
        self._reasons.clear()
        _log.info("swarms are kept in the Redis at {address}", address=self._address)

    def lost(self, reason: str) -> None:
        """No connection is ready, since this happened."""
        reason = self._clean(reason)
        if self._reached:
            self._reasons.clear()
        self._reached = False
        if reason in self._reasons or len(self._reasons) >= MOST_REASONS:
            return
        self._reasons.add(reason)
        _log.warn(
            "the Redis at {address} cannot be used, announces are refused until it can: {reason}",
            address=self._address,
            reason=reason,
        )

    def refused(self, code: str, text: str) -> None:
        """It answered a request with an error; `code` is its kind."""
        self._refused_at = self._clock.seconds()
        if self._calming is None:
            self._calming = self._clock.callLater(CALM, self._look)
        if code == self._refusal:
            return
        self._refusal = code
        _log.warn(
            "the Redis at {address} refuses what it is told: {text}",
            address=self._address,
            text=self._clean(text),
        )

    def stop(self) -> None:
        """Leave no delayed call."""
        if self._calming is not None:
            self._calming.cancel()
            self._calming = None

    def _look(self) -> None:
        self._calming = None
        left = self._refused_at + CALM - self._clock.seconds()
        if left > 0:
            self._calming = self._clock.callLater(left, self._look)
            return
        self._refusal = None
        _log.info("the Redis at {address} refuses nothing any more", address=self._address)

    def _clean(self, text: str) -> str:
        password = self._address.password
        return clean_text(text, () if password is None else (password,))
