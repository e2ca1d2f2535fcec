"""The way out of a long answer: it waits while its reader does not read, but not for ever."""

from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IPushProducer
from twisted.logger import Logger
from zope.interface import implementer

PATIENCE: Final = 60.0
"""Seconds that a reader may let us wait."""

_log = Logger()


@implementer(IPushProducer)
class Outlet:
    """Registers as the producer of `request`."""

    def __init__(self, request: Any, reactor: Any) -> None:
        self.is_paused = False
        self.is_ended = False
        self._request = request
        self._reactor = reactor
        self._waiting: Deferred[None] | None = None
        self._impatience: IDelayedCall | None = None
        request.registerProducer(self, True)

    def drained(self) -> "Deferred[None]":
        """Fires when there is room, or nobody to write to, on another turn in any case."""
        waiting: Deferred[None] = Deferred()
        if self.is_paused and not self.is_ended:
            self._waiting = waiting
        else:
            self._reactor.callLater(0, waiting.callback, None)
        return waiting

    def end(self) -> None:
        """All has been written."""
        if not self.is_ended:
            self.stopProducing()
            self._request.unregisterProducer()

    def pauseProducing(self) -> None:
        """The transport has enough."""
        self.is_paused = True
        if self._impatience is None and not self.is_ended:
            self._impatience = self._reactor.callLater(PATIENCE, self._give_up)

    def resumeProducing(self) -> None:
        """There is room."""
        self.is_paused = False
        self._be_patient()
        self._go_on()

    def stopProducing(self) -> None:
        """Nobody is there any more."""
        self.is_ended = True
        self._be_patient()
        self._go_on()

    def _go_on(self) -> None:
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            waiting.callback(None)

    def _be_patient(self) -> None:
        if self._impatience is not None:
            if self._impatience.active():
                self._impatience.cancel()
            self._impatience = None

    def _give_up(self) -> None:
        _log.info("a reader of an answer does not read; hung up")
        self._impatience = None
        self._request.channel.transport.abortConnection()
