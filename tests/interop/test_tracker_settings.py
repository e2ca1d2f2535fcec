"""Our own tracker as its users set it up: fixed peers, passkeys, lists of torrents."""

import os
import re
from collections.abc import Callable
from typing import Final

from twisted.internet.defer import Deferred, gatherResults

from tests.interop import samples
from tests.interop.case import InteropCase
from tests.interop.clients import Aria2, Client, Libtorrent, Transmission, Txtorrent, write
from tests.interop.test_tracker import until_same
from tests.interop.tracker import PlainTracker, Tracker
from tests.interop.trackerclient import Visitor
from txtorrent.wire.announce import ScrapeResult, TrackerError

FIXED: Final = {
    "toml": """\
port = {port}
torrentFile = "x.torrent"

[[peers]]
peerId = "-TX0001-abcdefghijkl"
ip = "SEEDHOST"
port = SEEDPORT
""",
    "json": """\
{
  "port": {port},
  "torrentFile": "x.torrent",
  "peers": [
    {"peerId": "-TX0001-abcdefghijkl", "ip": "SEEDHOST", "port": SEEDPORT}
  ]
}
""",
}
KEYS: Final = {"alice": "passkey-of-alice", "bob": "passkey-of-bob", "nobody": "passkey-of-nobody"}
NOT_TRACKED: Final = "this torrent is not tracked here"
NO_PASSKEY: Final = "no valid passkey is in the URL"


class FixedTests(InteropCase):
    """A settings file with nothing but a torrent and a peer that has it, and never announces."""

    async def begin(self, kind: str, host: str) -> None:
        """Have the seed, at `host`, and the tracker with settings of a kind, by their ending."""
        seed = Libtorrent(self)
        seed.host = host
        content = samples.small(self.work, "x", "")
        await seed.seed(content, content.write(self.folder("source")))
        text = FIXED[kind].replace("SEEDHOST", host).replace("SEEDPORT", str(seed.port))
        self.tracker = PlainTracker(self, f"tracker.{kind}", text)
        samples.small(self.tracker.work, "x", "")
        await self.tracker.start()

    async def download(self, kind: type[Client], way: str) -> None:
        """Have a client find the seed through the tracker alone."""
        sample = samples.small(self.folder("torrent"), "x", self.tracker.url(way))
        client, target = kind(self), self.folder("target")
        await client.leech(sample, target)
        await self.until(f"{client.name} has all by {way}", client.is_complete)
        await until_same(self, sample, target)
        await client.stop()

    async def share(self, kind: str) -> None:
        """Have three clients download at once."""
        self.need(Libtorrent, Aria2)
        await self.begin(kind, "127.0.0.1")
        tasks = ((Libtorrent, "http"), (Aria2, "udp"), (Txtorrent, "http"), (Txtorrent, "udp"))
        await gatherResults([Deferred.fromCoroutine(self.download(*task)) for task in tasks])
        await self.tracker.stop()

    async def test_toml(self) -> None:
        await self.share("toml")

    async def test_json(self) -> None:
        await self.share("json")

    async def test_transmission(self) -> None:
        """In a network of its own, since it never dials 127.0.0.0/8."""
        self.need(Libtorrent, Transmission)
        self.enter_network()
        await self.begin("toml", self.next_address())
        await self.download(Transmission, "http")
        await self.tracker.stop()

    async def refuse(self, way: str) -> None:
        """Have clients announce another torrent."""
        other = samples.small(self.work, f"other {way}", self.tracker.url(way))
        client, ours = Libtorrent(self), Txtorrent(self)
        await client.leech(other, self.folder("target"))
        await until_refused(client, way, NOT_TRACKED)
        await ours.leech(other, self.folder("target"))
        await ours.until_said(f"the tracker refused: {NOT_TRACKED}")
        await ours.stop()

    async def test_another_torrent_is_refused(self) -> None:
        self.need(Libtorrent)
        await self.begin("toml", "127.0.0.1")
        tasks = [Deferred.fromCoroutine(self.refuse(way)) for way in ("http", "udp")]
        await gatherResults(tasks)
        await self.tracker.stop()


class PrivateTests(InteropCase):
    """A tracker whose users have passkeys."""

    async def begin(self) -> None:
        """Have one with two users."""
        self.need(Libtorrent)
        self.tracker = Tracker(self, 'passkeys = "users"\n')
        users = "".join(f"{KEYS[name]} {name}\n" for name in ("alice", "bob"))
        write(os.path.join(self.tracker.work, "users"), users)
        await self.tracker.start()

    async def counted(self, name: str) -> tuple[int, int]:
        """What a user has uploaded and downloaded, as the page of statistics says."""
        page = await Visitor.of(self).get(self.tracker.http.replace("/announce", "/stats"))
        line = rf"^{name} +[0-9a-f]{{8}} +([\d,]+) +([\d,]+) "
        row = re.search(line, page.decode(), re.MULTILINE)
        assert row is not None, page
        return int(row[1].replace(",", "")), int(row[2].replace(",", ""))

    async def share(
        self, seed_way: str, leech_way: str, leech: Callable[[InteropCase], Client]
    ) -> None:
        """Alice seeds to Bob; then both are counted, and are still after a restart."""
        await self.begin()
        urls = self.tracker.url(seed_way, KEYS["alice"]), self.tracker.url(leech_way, KEYS["bob"])
        ours, theirs = (samples.small(self.folder("torrent"), "x", url) for url in urls)
        size = len(ours.data)
        alice, bob = private_libtorrent(self), leech(self)
        await alice.seed(ours, ours.write(self.folder("source")))
        await alice.until_said("tracker_reply_alert")
        await bob.leech(theirs, self.folder("target"))
        await self.until("he has all", bob.is_complete)
        await alice.leave()
        await bob.leave()

        async def are_counted() -> bool:
            return (await self.counted("alice"), await self.counted("bob")) == (
                (size, 0),
                (0, size),
            )

        await self.until("both are counted", are_counted)
        await self.tracker.stop()
        await self.tracker.start()
        self.assertTrue(await are_counted())
        await self.tracker.stop()

    async def test_seed_by_http_leech_by_udp(self) -> None:
        await self.share("http", "udp", private_libtorrent)

    async def test_seed_by_udp_leech_by_http(self) -> None:
        await self.share("udp", "http", Txtorrent)

    async def test_wrong_passkey(self) -> None:
        await self.begin()
        for way in ("http", "udp"):
            sample = samples.small(self.work, way, self.tracker.url(way, KEYS["nobody"]))
            client = private_libtorrent(self)
            await client.leech(sample, self.folder("target"))
            await until_refused(client, way, NO_PASSKEY)
            scraped = Visitor.of(self).scrape(self.tracker.url(way), sample.metainfo.info_hash)
            error = await self.assertFailure(Deferred.fromCoroutine(scraped), TrackerError)
            self.assertIn(NO_PASSKEY, str(error))
        self.assertEqual((0, 0), await self.counted("alice"))
        await self.tracker.stop()


class ListTests(InteropCase):
    """A list of torrents that changes while the tracker runs."""

    async def test_reload(self) -> None:
        tracker, visitor = Tracker(self, 'allow_torrents = "list"\n'), Visitor.of(self)
        one, two = b"1" * 20, b"2" * 20
        path = os.path.join(tracker.work, "list")
        write(path, one.hex() + "\n")
        await tracker.start()
        for way in ("http", "udp"):
            self.assertEqual("", await visitor.refusal(tracker.url(way), one))
            self.assertIn(NOT_TRACKED, await visitor.refusal(tracker.url(way), two))
        write(path, f"{one.hex()}\n{two.hex()}  # is new\n")
        await tracker.reload()
        for way in ("http", "udp"):
            self.assertEqual("", await visitor.refusal(tracker.url(way), two))
        write(path, "no info-hash\n")
        await tracker.reload()
        self.assertIn(f"the tracker's settings stay as they are: {path}:1: ", tracker.news)
        write(tracker.settings, "interval = [")
        await tracker.reload()
        self.assertIn(f"the tracker's settings stay as they are: {tracker.settings}:", tracker.news)
        for way in ("http", "udp"):
            self.assertEqual("", await visitor.refusal(tracker.url(way), one))
            self.assertEqual(ScrapeResult(0, 1, 0), await visitor.scrape(tracker.url(way), two))
        await tracker.stop()


class RestartTests(InteropCase):
    """What a tracker knows outlives it."""

    async def test_peers_are_known_after_a_restart(self) -> None:
        tracker, info_hash = Tracker(self), b"1" * 20
        await tracker.start()
        seed, leech = Visitor.of(self), Visitor.of(self)
        await seed.announce(tracker.http, info_hash, left=0)
        await leech.announce(tracker.udp, info_hash)
        await tracker.stop()
        self.assertEqual(["swarms", "swarms.lock", "tracker.toml"], files(tracker.work))
        await tracker.start()
        self.assertEqual(ScrapeResult(1, 1, 0), await leech.scrape(tracker.udp, info_hash))
        told = await leech.announce(tracker.http, info_hash)
        self.assertEqual(((seed.host, seed.port),), told.peers)
        await tracker.kill()
        await tracker.start()
        self.assertEqual(ScrapeResult(1, 1, 0), await leech.scrape(tracker.http, info_hash))
        await tracker.stop()

    async def test_killed_while_it_writes(self) -> None:
        """What it left is of no use, and in nobody's way."""
        tracker, visitor, info_hash = Tracker(self), Visitor.of(self), b"1" * 20
        for name in ("swarms", "swarms.new"):
            write(os.path.join(tracker.work, name), "txtorrent swarms 1\nhalf of a file")
        await tracker.start()
        self.assertIn("swarms is left out: it is damaged", tracker.news)
        await visitor.announce(tracker.http, info_hash)
        await tracker.stop()
        await tracker.start()
        self.assertEqual(ScrapeResult(0, 1, 0), await visitor.scrape(tracker.http, info_hash))
        await tracker.stop()
        self.assertNotIn("swarms.new", files(tracker.work))


def files(directory: str) -> list[str]:
    """The names of the files in a directory, but those of whoever runs there."""
    return sorted(name for name in os.listdir(directory) if not name.startswith("."))


def private_libtorrent(case: InteropCase) -> Libtorrent:
    """One that asks a tracker at 127.0.0.0/8 whose path is not /announce."""
    return Libtorrent(case, ssrf_mitigation=False)


async def until_refused(client: Client, way: str, reason: str) -> None:
    """Wait until a libtorrent tells its user of the failure; with the reason, but over UDP: there
    it takes the text from the datagram's beginning, which is a zero."""
    await client.until_said(f'a failure message "{reason if way == "http" else ""}"')
