"""A router that is asked by the port control protocol (RFC 6887): MAP, and what it announces."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, Final

from txtorrent.discovery.epoch import PcpEpoch
from txtorrent.discovery.link import Link
from txtorrent.discovery.mapping import LIFETIME, Mapping, MappingError, Protocol, whole_port
from txtorrent.wire import natpmp, pcp
from txtorrent.wire.pcp import MapReply, Transport

_TRANSPORTS: Final = {Protocol.TCP: Transport.TCP, Protocol.UDP: Transport.UDP}
_NONE4, _NONE6 = "0.0.0.0", "::"  # noqa: S104 - no wish (RFC 6887, section 11.1)
LONGEST_REFUSAL: Final = 1800.0
"""Seconds for which a router is believed that asking again is of no use (RFC 6887, section 8.3:
half an hour)."""


class PcpRouter:
    """`clock` is an IReactorTime, `random` makes the nonces that keep others from answering;
    `forgotten` is called when the router has lost its mappings."""

    method = "pcp"

    def __init__(
        self, clock: Any, random: Random, link: Link, forgotten: Callable[[], None]
    ) -> None:
        self._clock = clock
        self._random = random
        self._link = link
        self._forgotten = forgotten
        self._epoch = PcpEpoch()
        self._nonces: dict[Protocol, tuple[int, bytes]] = {}

    async def map(
        self, protocol: Protocol, internal_port: int, external_port: int, tries: int
    ) -> Mapping:
        """As `mapping.Router` says."""
        reply = await self._ask(protocol, internal_port, external_port, LIFETIME, tries)
        if not reply.lifetime:
            raise MappingError("the router took the mapping away at once")
        host = None if reply.external_host in (_NONE4, _NONE6) else reply.external_host
        port = whole_port(reply.external_port)
        return Mapping(protocol, internal_port, host, port, reply.lifetime)

    async def unmap(self, protocol: Protocol, internal_port: int, external_port: int) -> None:
        """As `mapping.Router` says."""
        try:
            await self._ask(protocol, internal_port, 0, 0, tries=2)
        finally:
            self._nonces.pop(protocol, None)

    def heard(self, datagram: bytes) -> None:
        """As `mapping.Router` says: it announces that it has started (section 14.1)."""
        try:
            self._look_at_epoch(pcp.decode(datagram).epoch)
        except ValueError:
            return

    async def _ask(
        self, protocol: Protocol, internal_port: int, external_port: int, lifetime: int, tries: int
    ) -> MapReply:
        transport, nonce = _TRANSPORTS[protocol], self._nonce(protocol, internal_port)
        nowhere = _NONE6 if ":" in self._link.router else _NONE4
        request = pcp.map_request(
            self._link.local, nonce, transport, internal_port, external_port, nowhere, lifetime
        )

        def read(datagram: bytes) -> MapReply | None:
            _refuse_other_versions(datagram)
            reply = pcp.decode(datagram)
            if not isinstance(reply, MapReply):
                return None
            if (reply.nonce, reply.transport, reply.internal_port) != (
                nonce,
                transport,
                internal_port,
            ):
                return None
            self._look_at_epoch(reply.epoch)
            if reply.result:
                raise _refusal(reply)
            return reply

        return await self._link.ask(request, read, tries)

    def _nonce(self, protocol: Protocol, internal_port: int) -> bytes:
        """The nonce of a mapping, the same as long as we have it (section 11.2)."""
        port, nonce = self._nonces.get(protocol, (0, b""))
        if port != internal_port:
            nonce = self._random.randbytes(pcp.NONCE_SIZE)
            self._nonces[protocol] = (internal_port, nonce)
        return nonce

    def _look_at_epoch(self, epoch: int) -> None:
        if self._epoch.is_reset(epoch, self._clock.seconds()):
            self._forgotten()


def _refuse_other_versions(datagram: bytes) -> None:
    """MappingError when it says that it speaks another version (RFC 6886, section 3.5; RFC 6887,
    section 9): version 0 is NAT-PMP."""
    if len(datagram) >= 4 and datagram[0] != pcp.VERSION and datagram[1] >= 128:
        result = datagram[3] if datagram[0] else int.from_bytes(datagram[2:4], "big")
        if result in (pcp.UNSUPPORTED_VERSION, natpmp.UNSUPPORTED_VERSION):
            raise MappingError("the router speaks another version")


def _refusal(reply: MapReply) -> MappingError:
    words = pcp.RESULTS.get(reply.result, f"result {reply.result}")
    return MappingError(f"the router refuses: {words}", min(reply.lifetime, LONGEST_REFUSAL))
