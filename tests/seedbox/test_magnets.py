"""Magnet links in the list: shown, kept, fetched, and then torrents like the others."""

import os

from tests.seedbox.case import DOWNLOADING, PIECE, SEEDING, STOPPED, SeedboxCase
from tests.testing.swarm import payload
from txtorrent.errors import Code, RequestError
from txtorrent.extension.interfaces import Kind
from txtorrent.extension.metadata import NAME, Metadata
from txtorrent.metainfo.magnet import from_metainfo
from txtorrent.seedbox.entry import DOWNLOAD_QUEUED
from txtorrent.swarm.peerbook import Source


class Generous(Metadata):
    """Offers the metadata whatever it is of."""

    def greeting(self):
        return {b"metadata_size": self.size}


class MagnetCase(SeedboxCase):
    def link(self, made, *more):
        return "&".join([from_metainfo(made.metainfo).link, *more])

    def add_link(self, link, **options):
        return self.result_of(self.box.add(link, options)).torrent

    def peer(self, node):
        """As a link names it."""
        return f"x.pe={node.address.host}:{node.address.port}"


class Listed(MagnetCase):
    def test_at_first(self):
        """What is shown of it."""
        made = self.payload(1)
        entry = self.add_link(self.link(made), labels=("a",))
        self.clock.advance(5)
        self.assertEqual(entry.status, DOWNLOADING)
        self.assertEqual((entry.name, entry.labels), ("t1.bin", ("a",)))
        self.assertEqual((entry.metadata_percent_complete, entry.fraction), (0.0, 0.0))
        self.assertEqual((entry.total_size, entry.left_until_done, entry.error), (0, 0, 0))
        self.assertEqual((entry.peers_connected, entry.peers(), entry.peers_from), (0, [], {}))
        self.assertEqual(self.result_of(entry.details()).files, ())

    def test_without_a_name(self):
        made = self.payload(1)
        entry = self.add_link(f"magnet:?xt=urn:btih:{made.metainfo.info_hash.hex()}")
        self.assertEqual(entry.name, made.metainfo.info_hash.hex())

    def test_kept_over_restarts(self):
        made = self.payload(1)
        entry = self.add_link(self.link(made, "tr=http%3A%2F%2Ftracker.example%2Fannounce"))
        self.restart()
        entry = self.box.torrents[entry.info_hash]
        self.clock.advance(1)
        self.assertEqual((entry.status, entry.metadata_percent_complete), (DOWNLOADING, 0.0))
        self.assertEqual(entry.record.trackers, (("http://tracker.example/announce",),))
        node = self.seed(made)
        entry.connections.found([node.address], Source.USER)
        self.run_until(lambda: entry.status == SEEDING)

    def test_twice(self):
        made = self.payload(1)
        entry = self.add_link(self.link(made))
        again = self.result_of(self.box.add(self.link(made), {}))
        self.assertEqual((again.torrent, again.is_duplicate), (entry, True))

    def test_another_link_to_it(self):
        """What it knows besides counts, too."""
        made = self.payload(1)
        node = self.seed(made)
        entry = self.add_link(self.link(made, "tr=http%3A%2F%2Fone.example%2Fannounce"))
        self.clock.advance(1)
        more = ("tr=http%3A%2F%2Ftwo.example%2Fannounce", "tr=http%3A%2F%2Fone.example%2Fannounce")
        added = self.result_of(self.box.add(self.link(made, self.peer(node), *more), {}))
        self.assertTrue(added.is_duplicate)
        urls = [url for tier in entry.record.trackers for url in tier]
        self.assertEqual(urls, [f"http://{host}.example/announce" for host in ("one", "two")])
        self.run_until(lambda: entry.status == SEEDING, 60)

    def test_what_is_no_link(self):
        for link, words in [
            ("magnet:?dn=nothing", "no info-hash"),
            ("magnet:?xt=urn:btih:1234", "has 4 characters"),
            ("magnet:?xt=urn:sha1:ABCD", "not for BitTorrent"),
        ]:
            failed = self.failureResultOf(self.box.add(link, {}), RequestError)
            self.assertEqual(failed.value.code, Code.UNRECOGNIZED_INFO)
            self.assertIn(words, failed.value.text)
        self.assertEqual(self.box.torrents, {})

    def test_what_cannot_be_done_yet(self):
        made = self.payload(1)
        entry = self.add_link(self.link(made))
        for refused in (
            self.box.rename_path(entry, "t1.bin", "other"),
            self.box.add(self.link(self.payload(2)), {"files_unwanted": [0]}),
        ):
            self.assertIn("not known yet", self.failureResultOf(refused, RequestError).value.text)
        self.result_of(self.box.verify([entry]))
        self.clock.advance(1)
        self.assertEqual(entry.status, DOWNLOADING)

    def test_removed_and_stopped(self):
        made = self.payload(1)
        entry = self.add_link(self.link(made))
        self.clock.advance(1)
        self.result_of(self.box.stop([entry]))
        self.clock.advance(5)
        self.assertEqual((entry.status, entry.fetch, self.session.fetches), (STOPPED, None, {}))
        self.result_of(self.box.start([entry], now=False))
        self.clock.advance(1)
        self.assertIsNotNone(entry.fetch)
        self.result_of(self.box.remove([entry], delete_data=True))
        self.clock.advance(5)
        self.assertEqual((self.box.torrents, self.session.fetches), ({}, {}))


class Fetched(MagnetCase):
    def test_becomes_a_torrent(self):
        made = self.payload(1, pieces=10)
        node = self.seed(made)
        entry = self.add_link(self.link(made, self.peer(node)))
        self.run_until(lambda: entry.torrent is not None, 60)
        self.assertEqual((entry.total_size, entry.piece_count), (10 * PIECE, 10))
        self.assertEqual(entry.metadata_percent_complete, 1.0)
        self.assertIn(("total_size", entry.id), self.noted.told)
        self.run_until(lambda: entry.status == SEEDING, 60)
        with open(os.path.join(self.downloads, "t1.bin"), "rb") as content:
            self.assertEqual(content.read(), made.data)

    def test_killed(self):
        """At whatever moment: the link is fetched again, or it is a torrent for good."""
        made = self.payload(1, pieces=40)
        node = self.seed(made)
        info_hash = self.add_link(self.link(made, self.peer(node))).info_hash
        for _ in range(12):
            self.clock.advance(0.03)
            was_known = not self.box.torrents[info_hash].record.magnet
            self.kill()
            self.start()
            self.assertGreaterEqual(not self.box.torrents[info_hash].record.magnet, was_known)
        entry = self.box.torrents[info_hash]
        self.run_until(lambda: entry.status == SEEDING, 200)
        self.assertEqual(entry.record.magnet, "")

    def test_files_that_the_link_selects(self):
        names = {"a": b"a" * PIECE, "b": b"b" * PIECE, "c": b"c" * PIECE}
        made = payload(names, piece_length=PIECE, name="some", announce="")
        node = self.seed(made)
        entry = self.add_link(self.link(made, self.peer(node), "so=0,2"))
        self.run_until(lambda: entry.status == SEEDING, 60)
        self.assertEqual(entry.record.wishes, "202")
        self.assertEqual(sorted(os.listdir(os.path.join(self.downloads, "some"))), ["a", "c"])

    def test_what_was_changed_meanwhile_stays(self):
        made = self.payload(1)
        entry = self.add_link(self.link(made), paused=True)
        self.result_of(self.box.change([(entry, {"labels": ("b",), "peer_limit": 7})]))
        other = os.path.join(self.folder, "other")
        self.result_of(self.box.set_location([entry], other, move=True))
        self.assertEqual(entry.directory, other)
        node = self.seed(made)
        self.box.name_peers(entry, [node.address])
        self.result_of(self.box.start([entry], now=False))
        self.run_until(lambda: entry.status == SEEDING, 60)
        self.assertEqual((entry.labels, entry.peer_limit), (("b",), 7))
        self.assertEqual(os.listdir(other), ["t1.bin"])

    def test_the_torrent_file_is_added_meanwhile(self):
        made = self.payload(1)
        entry = self.add_link(self.link(made))
        self.clock.advance(1)
        self.write(made)
        added = self.result_of(self.box.add(made.metainfo.raw, {}))
        self.assertEqual((added.torrent, added.is_duplicate), (entry, True))
        self.run_until(lambda: entry.status == SEEDING, 60)
        self.assertEqual(self.session.fetches, {})

    def test_files_that_another_torrent_has(self):
        """It cannot go on, and says why; given another directory it does."""
        made = self.payload(1)
        self.write(made)
        first = self.add(made)
        other = payload(made.data, piece_length=PIECE // 2, name="t1.bin", announce="")
        node = self.seed(other)
        entry = self.add_link(self.link(other, self.peer(node)))
        self.run_until(lambda: entry.failure, 60)
        self.assertIn(f"belongs to torrent {first.id}", entry.failure)
        self.assertEqual(entry.status, STOPPED)
        directory = os.path.join(self.folder, "other")
        self.result_of(self.box.set_location([entry], directory, move=False))
        self.result_of(self.box.stop([entry]))
        self.result_of(self.box.start([entry], now=False))
        self.run_until(lambda: entry.status == SEEDING, 60)

    def test_a_private_torrent(self):
        """Nobody is kept whom neither user nor tracker named."""
        made = self.payload(1, pieces=20, private=True)
        # As some clients do, it gives the metadata of private torrents away.
        node = self.swarm(made).add_seed(settings={"extensions": [Kind(NAME, Generous)]})
        self.clock.advance(1)
        entry = self.add_link(self.link(made))
        self.clock.advance(1)
        entry.connections.found([node.address], Source.DHT)
        self.run_until(lambda: entry.is_private, 60)
        self.clock.advance(100)
        self.assertEqual((entry.peers_connected, entry.downloaded_ever), (0, 0))
        self.assertTrue(entry.announcer.private)

    def test_queued(self):
        """Links take places of the queue as other downloads do."""
        made = [self.payload(number) for number in (1, 2)]
        self.result_of(self.box.settings.change({"download_queue_size": 1}))
        first, second = (self.add_link(self.link(each)) for each in made)
        self.clock.advance(20)
        self.assertEqual([first.status, second.status], [DOWNLOADING, DOWNLOAD_QUEUED])
