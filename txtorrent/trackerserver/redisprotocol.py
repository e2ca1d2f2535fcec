"""One connection to Redis, and the requests that wait for their replies on it.

The client library (txredisapi) gives the commands and fails what waits when the connection is lost.
Not used of it are what connects (it uses the reactor that is installed, and never tries again once
a greeting went wrong, which a dropped connection suffices for), its reader and its time-outs (one
delayed call for each command).

To import this module installs a reactor, if there is none yet: the library does. Import it late.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final, cast

from twisted.internet.defer import Deferred, FirstError, fail, gatherResults
from twisted.python.failure import Failure
from txredisapi import BaseRedisProtocol

from txtorrent.trackerserver.redisaddress import RedisAddress
from txtorrent.trackerserver.redisreplies import ErrorReply, Lost, Reply, ReplyReader
from txtorrent.trackerserver.redisscripts import ANNOUNCE, COUNT, EVERY_SWARM

REPLY_TIME: Final = 3.0
"""Seconds for a reply. A Redis that takes longer is lost: clients of UDP trackers ask again after
15, and what they asked for would pile up meanwhile."""
MOST_UNDER_WAY: Final = 2500
"""Requests that wait for their replies on one connection: a quarter of a second's work of a Redis,
and, with what is kept of each, 3 MB."""
SCAN_STEP: Final = 200
"""Keys looked at in one go while all swarms are searched for; announces wait meanwhile."""


class _InOrder:
    """The requests under way and since when, oldest first: Redis answers in order. Stands in for
    the library's queue, which keeps a reply that nobody asked for as the next one's."""

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self.waiting: deque[tuple[Deferred[Any], float]] = deque()

    def get(self) -> Deferred[Any]:
        result: Deferred[Any] = Deferred()
        self.waiting.append((result, self._clock.seconds()))
        return result

    def put(self, reply: object) -> None:
        """What the library does for each that waits when the connection is lost."""
        self.waiting.popleft()[0].errback(Failure(Lost("the connection was lost")))


class RedisConnection(BaseRedisProtocol):  # type: ignore[misc]  # the library has no types
    """A connection from its greeting to its end.

    A reply that is an error comes as `ErrorReply`; `Lost` ends all requests of a connection that is
    lost. It is lost at the latest `REPLY_TIME` after a request that gets no reply, and no other one
    ever gets the reply that comes too late: there is no connection left for it to come by.
    """

    def __init__(self, clock: Any) -> None:
        super().__init__(charset=None, convertNumbers=False)
        self._clock = clock
        self._reader = ReplyReader()
        self.replyQueue = _InOrder(clock)
        self._watch: Any = None
        self._loading = False
        self._ending = False
        self._reason = "the connection was closed"
        self._ended: list[Deferred[str]] = []
        self._idle: list[Deferred[None]] = []

    @property
    def is_full(self) -> bool:
        """Whether so many requests are under way that no more should be."""
        return len(self.replyQueue.waiting) >= MOST_UNDER_WAY

    def greet(self, address: RedisAddress) -> Deferred[Any]:
        """Say who we are and what for; fires when Redis is ready for requests, and fails with
        `ErrorReply` or `Lost`."""
        asked = [] if address.password is None else [self.auth(address.password)]
        asked += [self.select(address.database), self._load()]
        self._look_after()
        return gatherResults(asked, consumeErrors=True).addErrback(_first)

    def reload(self) -> None:
        """Tell Redis the scripts again, which it has forgotten after SCRIPT FLUSH. What is asked
        after this call finds them."""
        if self.connected and not self._loading:
            self._loading = True
            self._load().addErrback(lambda failure: failure.trap(ErrorReply, Lost) and None)

    def swarms(self, cursor: bytes) -> Deferred[list[Any]]:
        """Search on for the keys of swarms: fires with the next cursor and a list of keys."""
        if not self.connected:
            return fail(Lost("the connection is closed"))
        self._look_after()
        return cast("Deferred[list[Any]]", self.scan(cursor, EVERY_SWARM, SCAN_STEP))

    def ask(self, command: bytes) -> Deferred[Reply]:
        """Send a command and wait for the reply; fails with `ErrorReply` or `Lost`."""
        if not self.connected:
            return fail(Lost("the connection is closed"))
        self.transport.write(command)
        if self._watch is None:
            self._look_after()
        return cast("Deferred[Reply]", self.replyQueue.get())

    def end(self, reason: str) -> None:
        """Close it at once; what waits fails, and nothing gets a reply any more."""
        self._ending = True
        self._reason = reason
        self.transport.abortConnection()

    def when_idle(self) -> Deferred[None]:
        """Fires when nothing waits for a reply, at the latest when the connection is lost."""
        idle: Deferred[None] = Deferred()
        self._idle.append(idle)
        self._tell_idle()
        return idle

    def when_ended(self) -> Deferred[str]:
        """Fires with the reason once it is closed."""
        ended: Deferred[str] = Deferred(self._ended.remove)
        if self.connected:
            self._ended.append(ended)
        else:
            ended.callback(self._reason)
        return ended

    def _load(self) -> Deferred[Any]:
        loads = [self.script_load(ANNOUNCE), self.script_load(COUNT)]
        return gatherResults(loads, consumeErrors=True).addBoth(self._loaded).addErrback(_first)

    def _loaded(self, result: object) -> object:
        self._loading = False
        return result

    # -- Protocol ------------------------------------------------------------------------------

    def connectionMade(self) -> None:
        """Nothing of what the library would do: see `greet`."""

    def dataReceived(self, data: bytes, unpause: bool = False) -> None:
        try:
            replies = self._reader.feed(data)
        except ValueError as error:
            self.end(f"what speaks there is not Redis: {error}")
            return
        waiting = self.replyQueue.waiting
        for reply in replies:
            if self._ending:
                return
            if not waiting:
                self.end(f"it said what nobody asked for: {reply!r:.100}")
                return
            result = waiting.popleft()[0]
            if isinstance(reply, ErrorReply):
                result.errback(Failure(reply))
            else:
                result.callback(reply)
        if self._idle:
            self._tell_idle()

    def connectionLost(self, why: Failure) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        super().connectionLost(why)
        self._tell_idle()
        ended, self._ended = self._ended, []
        for each in ended:
            each.callback(self._reason)

    # -- time ----------------------------------------------------------------------------------

    def _look_after(self) -> None:
        """One delayed call for all that wait: it looks at the oldest of them."""
        if self._watch is None:
            self._watch = self._clock.callLater(REPLY_TIME, self._look)

    def _look(self) -> None:
        self._watch = None
        waiting = self.replyQueue.waiting
        if not waiting:
            return
        left = waiting[0][1] + REPLY_TIME - self._clock.seconds()
        if left <= 0:
            self.end(f"no reply came within {REPLY_TIME:.0f} s")
        else:
            self._watch = self._clock.callLater(left, self._look)

    def _tell_idle(self) -> None:
        if not self.replyQueue.waiting:
            idle, self._idle = self._idle, []
            for each in idle:
                each.callback(None)


def _first(failure: Failure) -> Failure:
    """What went wrong, out of what gathered the results."""
    error = failure.value
    return error.subFailure if isinstance(error, FirstError) else failure
