"""Magnet links between real clients and us, both ways: metadata and content, where nothing is known
but an info-hash and one way to find the other."""

from collections.abc import Coroutine, Iterable
from typing import Any, Final

from attrs import frozen
from twisted.internet.defer import Deferred, FirstError, gatherResults

from tests.interop import samples
from tests.interop.case import InteropCase
from tests.interop.clients import Aria2, Client, Libtorrent, Transmission
from tests.interop.nodes import DhtNodes
from tests.interop.samples import Sample
from tests.interop.sessions import NOWHERE, Node, by_dht
from txtorrent.address import Address
from txtorrent.metainfo.magnet import Magnet
from txtorrent.peersources import SourceOptions

NODES: Final = 12
"""Of the DHT: transmission trusts no network of less than nine."""
ROUTERS: Final = 2
"""Of these we are told: the others have to be found."""
TRICKLE: Final = 1
"""Bytes/s: no piece comes in the time of a test."""
PATIENCE: Final = 90.0
"""Seconds for a transfer. Some take half a minute where nothing else is to be done: transmission
wants pieces, and serves others, at the end of rounds of ten seconds, and needs ten to trust a DHT;
aria2 hangs up when the metadata has come, and looks for peers every ten seconds."""


@frozen
class Transfer:
    """One torrent of one test between a client and us; how they find each other is a method."""

    case: InteropCase
    client: type[Client]
    nodes: DhtNodes
    sample: Sample

    def link(self, *peers: Address) -> Magnet:
        """A link that names these, and nobody else."""
        return Magnet(self.sample.metainfo.info_hash, peers=peers)

    # -- from them to us ---------------------------------------------------------------------

    async def from_them_by_the_link(self) -> None:
        """The link names them."""
        them = await self._they_seed(self.client(self.case))
        await self._we_fetch(self.link(them.contact))

    async def from_them_by_the_dht(self) -> None:
        """Either finds the other: both look."""
        them = self.client(self.case)
        them.routers = self.nodes.addresses
        await self._they_seed(them)
        if not them.announces_late:
            await self.nodes.until_announced(self.sample.metainfo.info_hash, them.contact)
        await self._we_fetch(self.link(), by_dht(self.nodes.addresses[:ROUTERS]))

    async def from_them_by_peer_exchange(self) -> None:
        """The link names one who has no piece, but knows them."""
        them, middle = self.client(self.case), Libtorrent(self.case)
        them.exchanges = middle.exchanges = True
        await self._they_seed(them)
        await middle.introduce(self.sample, (them.address,))
        await self._we_fetch(self.link(middle.contact))

    # -- from us to them ---------------------------------------------------------------------

    async def to_them_by_the_link(self) -> None:
        """The link names us."""
        us, (them, target) = await self._we_seed(), self._them()
        await them.fetch(self.link(us.address).link, target)
        await self._they_have(them, target, us)

    async def to_them_by_dialling(self) -> None:
        """We are told of them."""
        us, (them, target) = await self._we_seed(), self._them()
        await them.fetch(self.link().link, target)
        us.torrent.name_peers([them.contact])
        await self._they_have(them, target, us)

    async def to_them_by_the_dht(self) -> None:
        """It knows us before they look."""
        us = await self._we_seed(by_dht(self.nodes.addresses[:ROUTERS]))
        await self.nodes.until_announced(self.sample.metainfo.info_hash, us.address)
        them, target = self._them()
        them.routers = self.nodes.addresses
        await them.fetch(self.link().link, target)
        await self._they_have(them, target, us)

    async def to_them_by_peer_exchange(self) -> None:
        """One of us who has no piece dials them, and knows another of us."""
        us, (them, target) = await self._we_seed(), self._them()
        them.exchanges = True
        await them.fetch(self.link().link, target)
        middle = Node(self.case, "middle", download_rate=TRICKLE)
        await middle.start(self.sample, us, them.contact)
        await self._they_have(them, target, us)

    # -- inside ------------------------------------------------------------------------------

    def _them(self) -> tuple[Client, str]:
        """The client, and where it is to download to."""
        return self.client(self.case), self.case.folder("target")

    async def _they_seed(self, them: Client) -> Client:
        await them.seed(self.sample, self.sample.write(self.case.folder("source")))
        return them

    async def _we_fetch(self, magnet: Magnet, sources: SourceOptions = NOWHERE) -> None:
        us = Node(self.case, "target", sources=sources)
        await us.fetch(magnet)
        await self.case.until("we have all", lambda: us.is_complete, PATIENCE)
        self.case.assertEqual([], self.sample.differences(us.directory))

    async def _we_seed(self, sources: SourceOptions = NOWHERE) -> Node:
        us = Node(self.case, "source", sources=sources)
        self.sample.write(us.directory)
        await us.start(self.sample)
        await self.case.until("we seed", lambda: us.is_seeding)
        return us

    async def _they_have(self, them: Client, target: str, us: Node) -> None:
        await self.case.until(f"{them.name} has all", them.is_complete, PATIENCE)
        await self.case.until("content", lambda: not self.sample.differences(target), 10)
        self.case.assertGreaterEqual(us.torrent.progress.uploaded.total, len(self.sample.data))


class MagnetTests(InteropCase):
    """All ways at once for each client, for most of the time is spent waiting for its rounds."""

    timeout = 200.0

    async def transfer(self, client: type[Client], *ways: str) -> None:
        """Have a torrent go each of these ways."""
        self.need(client, Libtorrent)
        if not client.dials_loopback:
            self.enter_network()
        nodes = DhtNodes(self, NODES)
        await nodes.start()
        each_way = [Transfer(self, client, nodes, samples.crowd(self.work, way)) for way in ways]
        await together(getattr(each, way)() for each, way in zip(each_way, ways, strict=True))

    async def test_libtorrent(self) -> None:
        await self.transfer(
            Libtorrent,
            "from_them_by_the_link",
            "from_them_by_the_dht",
            "from_them_by_peer_exchange",
            "to_them_by_the_link",
            "to_them_by_dialling",
            "to_them_by_the_dht",
            "to_them_by_peer_exchange",
        )

    async def test_aria2(self) -> None:
        """It passes over the peers that a link names."""
        await self.transfer(
            Aria2,
            "from_them_by_the_link",
            "from_them_by_the_dht",
            "from_them_by_peer_exchange",
            "to_them_by_dialling",
            "to_them_by_the_dht",
            "to_them_by_peer_exchange",
        )

    async def test_transmission(self) -> None:
        """It passes over the peers that a link names."""
        await self.transfer(
            Transmission,
            "from_them_by_the_link",
            "from_them_by_the_dht",
            "from_them_by_peer_exchange",
            "to_them_by_dialling",
            "to_them_by_the_dht",
            "to_them_by_peer_exchange",
        )


async def together(coroutines: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run them side by side; the first failure ends them all."""
    running = [Deferred.fromCoroutine(each) for each in coroutines]
    try:
        await gatherResults(running, consumeErrors=True)
    except FirstError as error:
        error.subFailure.raiseException()
    finally:
        for each in running:
            each.cancel()
