"""A router that is asked by NAT-PMP (RFC 6886). IPv4 only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from txtorrent.discovery.epoch import NatPmpEpoch
from txtorrent.discovery.link import Link
from txtorrent.discovery.mapping import LIFETIME, Mapping, MappingError, Protocol, whole_port
from txtorrent.wire import natpmp
from txtorrent.wire.natpmp import Opcode, Reply

_OPCODES: Final = {Protocol.TCP: Opcode.MAP_TCP, Protocol.UDP: Opcode.MAP_UDP}
_NONE: Final = "0.0.0.0"  # noqa: S104 - what a router without a connection gives as its address


class NatPmpRouter:
    """`clock` is an IReactorTime; `forgotten` is called when the router has lost its mappings."""

    method = "nat-pmp"

    def __init__(self, clock: Any, link: Link, forgotten: Callable[[], None]) -> None:
        self._clock = clock
        self._link = link
        self._forgotten = forgotten
        self._epoch = NatPmpEpoch()

    async def map(
        self, protocol: Protocol, internal_port: int, external_port: int, tries: int
    ) -> Mapping:
        """As `mapping.Router` says."""
        opcode = _OPCODES[protocol]
        request = natpmp.map_request(opcode, internal_port, external_port, LIFETIME)
        reply = await self._ask(request, opcode, internal_port, tries)
        if not reply.lifetime:
            raise MappingError("the router took the mapping away at once")
        port = whole_port(reply.external_port)
        return Mapping(protocol, internal_port, await self._host(tries), port, reply.lifetime)

    async def unmap(self, protocol: Protocol, internal_port: int, external_port: int) -> None:
        """As `mapping.Router` says."""
        opcode = _OPCODES[protocol]
        request = natpmp.map_request(opcode, internal_port, 0, 0)
        await self._ask(request, opcode, internal_port, tries=2)

    def heard(self, datagram: bytes) -> None:
        """As `mapping.Router` says: it tells all when it has started (section 3.2.1)."""
        try:
            self._look_at_epoch(natpmp.decode(datagram))
        except ValueError:
            return

    async def _host(self, tries: int) -> str | None:
        """The router's external address; a mapping is worth having without it."""
        try:
            reply = await self._ask(natpmp.address_request(), Opcode.ADDRESS, 0, tries)
        except MappingError:
            return None
        return None if reply.host == _NONE else reply.host

    async def _ask(self, request: bytes, opcode: Opcode, internal_port: int, tries: int) -> Reply:
        def read(datagram: bytes) -> Reply | None:
            reply = natpmp.decode(datagram)
            if reply.opcode is not opcode:
                return None
            if not reply.result and reply.internal_port != internal_port:
                return None
            self._look_at_epoch(reply)
            if reply.result:
                raise MappingError("the router refuses: " + _words(reply.result))
            return reply

        return await self._link.ask(request, read, tries)

    def _look_at_epoch(self, reply: Reply) -> None:
        if self._epoch.is_reset(reply.epoch, self._clock.seconds()):
            self._forgotten()


def _words(result: int) -> str:
    return natpmp.RESULTS.get(result, f"result {result}")
