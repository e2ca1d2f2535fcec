"""At which port peers reach us, whether they do, and how many may."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final

from attrs import frozen
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IAddress,
    IHostnameResolver,
    IHostResolution,
    IReactorPluggableNameResolver,
    IResolutionReceiver,
)
from twisted.logger import Logger
from zope.interface import implementer

from txtorrent.errors import Code, RequestError
from txtorrent.seedbox.web import Web
from txtorrent.session import Session
from txtorrent.settings.settings import Settings
from txtorrent.tracker.announcer import Announcer

CHECK_LIMIT: Final = 30.0
"""Seconds for an answer whether our port can be reached: who is asked tries to connect first."""
LONGEST_ANSWER: Final = 1024
"""Bytes; it is a digit."""
_FAMILIES: Final = {"ipv4": IPv4Address, "ipv6": IPv6Address}

_log = Logger()


@frozen
class PortTest:
    """Whether peers reach us, by which family ("": not known)."""

    is_open: bool
    family: str


class Reach:
    """Follows the settings `peer_port` and `peer_limit_global`; asks whether the port is open.

    `announcers` are those of all torrents: they tell trackers of another port.
    """

    def __init__(
        self,
        session: Session,
        settings: Settings,
        web: Web,
        announcers: Callable[[], Iterable[Announcer]],
    ) -> None:
        self._session = session
        self._settings = settings
        self._web = web
        self._announcers = announcers

    def open(self) -> None:
        """Take over what was changed in earlier runs, and follow the settings."""
        wanted = self._settings.get("peer_port")
        if wanted not in (0, self._session.port) and not self._is_random:
            try:
                self._listen(wanted)
            except RequestError as error:
                _log.error("{why}", why=error.text)
        self._session.limit_connections(self._settings.get("peer_limit_global"))
        self._settings.listen(self._settings_changed)

    def prepare(self, changes: Mapping[str, Any]) -> Callable[[], None]:
        """Listen at the port that is to be set; gives what undoes it. RequestError: another
        program has it, and we listen where we did."""
        wanted = changes.get("peer_port", self._session.port)
        before = self._session.port
        if wanted == before or wanted == 0 == self._settings.get("peer_port"):
            return lambda: None
        self._listen(wanted)
        return lambda: self._listen(before)

    async def test(self, family: str) -> PortTest:
        """Whether peers reach us by a family, "" for either. RequestError HTTP_ERROR: nobody could
        be asked."""
        url = self._settings.get("port_check_url").replace("{port}", str(self._session.port))
        if not url:
            raise RequestError(Code.HTTP_ERROR, "nobody can be asked: port_check_url is empty")
        kind = _FAMILIES.get(family)
        connector = _OneFamily(self._session.reactor, kind) if kind is not None else None
        said = await self._web.get(url, LONGEST_ANSWER, CHECK_LIMIT, connector=connector)
        if said.strip() not in (b"0", b"1"):
            raise RequestError(Code.HTTP_ERROR, "who was asked answers neither 0 nor 1")
        return PortTest(said.strip() == b"1", family)

    # -- inside ------------------------------------------------------------------------------

    @property
    def _is_random(self) -> bool:
        return bool(self._settings.get("peer_port_random_on_start"))

    def _settings_changed(self, names: Collection[str]) -> None:
        if "peer_limit_global" in names:
            self._session.limit_connections(self._settings.get("peer_limit_global"))

    def _listen(self, port: int) -> None:
        try:
            self._session.relisten(port)
        except CannotListenError as error:
            why = error.socketError.strerror or error.socketError
            raise RequestError(
                Code.SYSTEM_ERROR,
                f"peer_port: {port} cannot be listened on: {why};"
                f" peers reach us at {self._session.port}",
            ) from None
        _log.info("listening on port {port}", port=self._session.port)
        for announcer in self._announcers():
            announcer.soon()


@implementer(IReactorPluggableNameResolver, IHostnameResolver)
class _OneFamily:
    """A reactor to whom every name has addresses of one family only."""

    def __init__(self, reactor: Any, kind: type[IAddress]) -> None:
        self.nameResolver = self
        self.connectTCP = reactor.connectTCP
        self.callLater = reactor.callLater
        self.seconds = reactor.seconds
        self._resolver = reactor.nameResolver
        self._kind = kind

    def installNameResolver(self, resolver: IHostnameResolver) -> IHostnameResolver:
        raise NotImplementedError("it has the resolver of another reactor")

    def resolveHostName(
        self,
        resolutionReceiver: IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Any = None,
        transportSemantics: str = "TCP",
    ) -> IHostResolution:
        resolution: IHostResolution = self._resolver.resolveHostName(
            resolutionReceiver, hostName, portNumber, [self._kind], transportSemantics
        )
        return resolution
