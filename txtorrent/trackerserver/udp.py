"""The tracker over UDP (BEP 15, 41).

The governing rule: nobody is sent more than it has sent, until it has shown by a connection id that
it is where it says. What is no request is not answered at all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.protocol import DatagramProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from txtorrent.address import packed
from txtorrent.trackerserver.connectionid import ConnectionIds
from txtorrent.trackerserver.connectlimit import ConnectLimit
from txtorrent.trackerserver.interfaces import Reason, Refused
from txtorrent.trackerserver.paths import passkey_of
from txtorrent.trackerserver.tracker import Scraped, Tracker
from txtorrent.wire import udptrackerserver as wire
from txtorrent.wire.announce import Event
from txtorrent.wire.httptrackerserver import Answer
from txtorrent.wire.received import MalformedRequest

MAX_DATAGRAM: Final = 2048
"""Bytes read of a datagram: a scrape of 74 torrents has 1,496."""

_log = Logger()

Source = tuple[Any, ...]
"""A socket's name of an address, as Twisted gives it."""


class TrackerDatagrams(DatagramProtocol):
    """One socket of the tracker's. `clock` is an IReactorTime; `closed` is called with this
    object when the socket is closed: by us, or by the reactor after an error."""

    noisy = False
    transport: Any

    def __init__(
        self,
        clock: Any,
        tracker: Tracker,
        ids: ConnectionIds,
        limit: ConnectLimit,
        closed: Callable[[TrackerDatagrams], object],
    ) -> None:
        self._clock = clock
        self._tracker = tracker
        self._ids = ids
        self._limit = limit
        self._closed = closed
        self._counts = tracker.statistics.udp
        self._outbox: list[tuple[bytes, Source]] = []
        """Of one wake-up, for which Twisted reads 256 KiB at the most."""
        self._requests: dict[bytes, Callable[[bytes, bytes, Source], None]] = {
            wire.CONNECT: self._connect,
            wire.ANNOUNCE: self._announce,
            wire.SCRAPE: self._scrape,
        }

    def startProtocol(self) -> None:
        """Twisted's own way to send looks three times at what kind of address it is."""
        self._sendto = self.transport.getHandle().sendto

    def stopProtocol(self) -> None:
        """What is still to be sent is lost."""
        self._outbox.clear()
        self._closed(self)

    def datagramReceived(self, datagram: bytes, addr: Source) -> None:
        """One request, or rubbish."""
        request = self._requests.get(datagram[wire.ACTION])
        if request is not None and len(datagram) >= wire.HEAD_SIZE:
            request(datagram, packed(addr[0]), addr)
        else:
            self._counts.dropped["malformed"] += 1

    # -- requests ----------------------------------------------------------------------------

    def _connect(self, datagram: bytes, host: bytes, source: Source) -> None:
        now = int(self._clock.seconds())
        if not wire.is_connect(datagram):
            self._counts.dropped["malformed"] += 1
        elif not self._limit.allows(host, now):
            self._counts.dropped["too many connects"] += 1
        else:
            self._counts.connects += 1
            connection = self._ids.issue(host, now)
            self._send(wire.connect_answer(datagram[wire.TRANSACTION], connection), source)

    def _announce(self, datagram: bytes, host: bytes, source: Source) -> None:
        if not self._is_proven(datagram, host):
            return
        try:
            announce = wire.read_announce(datagram, host)
            options = wire.url_data(datagram) if len(datagram) > wire.ANNOUNCE_SIZE else b""
            answer = self._tracker.announce(announce, passkey_of(options) if options else None)
        except (MalformedRequest, Refused) as error:
            self._refuse(datagram, source, error)
            return
        if isinstance(answer, Answer):
            self._announced(answer, announce.event, datagram, source)
        else:
            answer.addCallback(self._announced, announce.event, datagram, source)
            answer.addErrback(self._failed, datagram, source)

    def _scrape(self, datagram: bytes, host: bytes, source: Source) -> None:
        if not self._is_proven(datagram, host):
            return
        try:
            asked = wire.read_scrape(datagram)
            found = self._tracker.scrape(asked, host, None)
        except (MalformedRequest, Refused) as error:
            self._refuse(datagram, source, error)
            return
        if isinstance(found, dict):
            self._scraped(found, asked, datagram, source)
        else:
            found.addCallback(self._scraped, asked, datagram, source)
            found.addErrback(self._failed, datagram, source)

    def _is_proven(self, datagram: bytes, host: bytes) -> bool:
        """Whether the sender is at the address that the datagram says."""
        now = int(self._clock.seconds())
        if self._ids.is_valid(datagram[wire.CONNECTION], host, now):
            return True
        self._counts.dropped["connection id"] += 1
        return False

    # -- answers -----------------------------------------------------------------------------

    def _announced(self, answer: Answer, event: Event, datagram: bytes, source: Source) -> None:
        self._counts.announces[event] += 1
        is_ipv6 = len(answer.asked_from) != 4
        transaction = datagram[wire.TRANSACTION]
        reply = wire.announce_answer(transaction, answer.interval, answer.selection, is_ipv6)
        self._send(reply, source)

    def _scraped(self, found: Scraped, asked: list[bytes], datagram: bytes, source: Source) -> None:
        self._counts.scrapes += 1
        results = [found.get(info_hash) for info_hash in asked]
        self._send(wire.scrape_answer(datagram[wire.TRANSACTION], results), source)

    def _failed(self, failure: Failure, datagram: bytes, source: Source) -> None:
        if isinstance(failure.value, Refused):
            self._refuse(datagram, source, failure.value)
        else:
            _log.failure("an error of ours; a request over UDP is not answered", failure)

    def _refuse(self, datagram: bytes, source: Source, error: MalformedRequest | Refused) -> None:
        reason = error.reason if isinstance(error, Refused) else Reason.MALFORMED
        self._counts.refused[reason] += 1
        self._send(wire.error_answer(datagram[wire.TRANSACTION], str(error)), source)

    def _send(self, datagram: bytes, source: Source) -> None:
        """Send with the others of this wake-up: answered one by one, they would each wake a
        receiver on this machine, which takes three times as long as to answer."""
        if not self._outbox:
            self._clock.callLater(0, self._flush)
        self._outbox.append((datagram, source))

    def _flush(self) -> None:
        """Send, or lose: the client will ask again."""
        outbox, self._outbox = self._outbox, []
        sendto = self._sendto
        for datagram, source in outbox:
            try:
                sendto(datagram, source)
            except OSError:
                self._counts.dropped["not sent"] += 1
