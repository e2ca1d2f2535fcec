"""What a tracker answers, over HTTP and UDP alike."""

from random import Random

from attrs import evolve

from tests.trackerserver.case import HASH, TrackerCase, peer_id, target
from txtorrent.address import Address, pack
from txtorrent.trackerserver.fixed import FixedPeer, FixedTorrent
from txtorrent.trackerserver.interfaces import Reason, Refused
from txtorrent.trackerserver.networks import Networks
from txtorrent.trackerserver.passkeys import Passkeys
from txtorrent.trackerserver.policy import policy_of
from txtorrent.trackerserver.webrequest import TEXT, read_request

PASSKEYS = {b"passkey-of-alice": "alice", b"passkey-of-bob": "bob"}


def compact(*numbers):
    return {pack(Address(f"192.0.2.{number}", 6000 + number)) for number in numbers}


def cut(peers, width=6):
    return {peers[at : at + width] for at in range(0, len(peers), width)}


class Http(TrackerCase):
    """Announces over HTTP."""

    def test_peers_find_each_other(self):
        self.make()
        first = self.announce(1, left=5)
        self.assertEqual((first[b"peers"], first[b"complete"], first[b"incomplete"]), (b"", 0, 1))
        second = self.announce(2, left=0)
        self.assertEqual(cut(second[b"peers"]), compact(1))
        self.assertEqual((second[b"complete"], second[b"incomplete"]), (1, 1))
        self.assertEqual(cut(self.announce(1, left=5)[b"peers"]), compact(2))

    def test_seeds_are_not_sent_to_seeds(self):
        self.make()
        for number in (1, 2, 3):
            self.announce(number, left=0)
        self.announce(4, left=1)
        self.assertEqual(cut(self.announce(1, left=0)[b"peers"]), compact(4))
        self.assertEqual(cut(self.announce(4, left=1)[b"peers"]), compact(1, 2, 3))

    def test_another_torrent(self):
        self.make()
        self.announce(1, left=1)
        self.assertEqual(self.announce(2, left=1, info_hash="%22" * 20)[b"peers"], b"")

    def test_who_stops_is_forgotten_at_once(self):
        self.make()
        self.announce(1, left=0)
        answer = self.announce(1, left=0, event="stopped")
        self.assertEqual((answer[b"complete"], answer[b"peers"]), (0, b""))
        self.assertEqual(self.announce(2, left=1)[b"peers"], b"")

    def test_who_does_not_announce_is_forgotten(self):
        self.make()
        self.addCleanup(self.stop_store)
        self.start_store()
        self.announce(1, left=0)
        lifetime = self.tracker.intervals.lifetime
        self.clock.pump([1.0] * (lifetime - 1))
        self.assertEqual(cut(self.announce(2, left=1, event="started")[b"peers"]), compact(1))
        self.clock.pump([1.0] * 90)
        self.assertEqual(self.announce(2, left=1)[b"peers"], b"")

    def start_store(self):
        self.store._sweeping.start()

    def stop_store(self):
        self.store._sweeping.stop()

    def test_numwant(self):
        self.make(numwant=3, max_numwant=5)
        for number in range(1, 11):
            self.announce(number, left=1)
        for numwant, told in ((None, 3), (0, 0), (1, 1), (4, 4), (5, 5), (6, 5), (-1, 3), ("", 3)):
            answer = self.announce(1, left=1, numwant=numwant)
            self.assertEqual(len(answer[b"peers"]) // 6, told, numwant)

    def test_whole_urls_and_a_slash_at_the_end(self):
        self.make()
        self.announce(1, path="http://tracker:6969/announce", left=1)
        self.announce(2, path="/announce/", left=1)
        self.assertEqual(cut(self.announce(3, left=1)[b"peers"]), compact(1, 2))

    def test_head_changes_nothing(self):
        self.make()
        for asked in (target(1), "/announce/?", "/scrape?info_hash=" + "%11" * 20, "/k/announce"):
            request = read_request(f"HEAD {asked} HTTP/1.1".encode())
            response = self.site.respond(request, "192.0.2.1")
            self.assertEqual((response.status, b"GET" in response.body), (405, True))
        self.assertEqual(self.store.totals()[0], 0)
        request = read_request(b"HEAD / HTTP/1.1")
        self.assertEqual(self.site.respond(request, "192.0.2.1").status, 200)

    def test_intervals(self):
        self.make(interval=1000, min_interval=100)
        answer = self.announce()
        self.assertGreaterEqual(answer[b"interval"], 1000)
        self.assertLess(answer[b"interval"], 1100)
        self.assertEqual(answer[b"min interval"], 100)

    def test_both_families(self):
        """Peers of the other one come behind one's own, in a list of their own (BEP 7)."""
        self.make()
        self.announce(1, host="2001:db8::1", left=1)
        self.announce(2, left=1)
        answer = self.announce(3, left=1)
        self.assertEqual(cut(answer[b"peers"]), compact(2))
        self.assertEqual(cut(answer[b"peers6"], 18), {pack(Address("2001:db8::1", 6001))})
        self.assertNotIn(b"peers6", self.announce(3, left=1, numwant=1))

    def test_a_peer_of_both_families_counts_once(self):
        self.make()
        self.announce(1, left=0, host="192.0.2.1")
        answer = self.announce(1, left=0, host="2001:db8::1")
        self.assertEqual(answer[b"complete"], 1)
        answer = self.announce(1, left=0, host="2001:db8::1", event="stopped")
        self.assertEqual(answer[b"complete"], 0)
        self.assertEqual(self.announce(2, left=1)[b"peers"], b"")

    def test_addresses_mapped_into_ipv6_are_ipv4(self):
        self.make()
        self.announce(1, left=1, host="::ffff:192.0.2.1")
        answer = self.announce(2, left=1, host="::ffff:192.0.2.2")
        self.assertEqual(cut(answer[b"peers"]), compact(1))
        self.assertEqual(answer[b"external ip"], bytes((192, 0, 2, 2)))

    def test_external_ip(self):
        self.make()
        self.assertEqual(self.announce(7)[b"external ip"], bytes((192, 0, 2, 7)))
        self.assertEqual(len(self.announce(7, host="2001:db8::7")[b"external ip"]), 16)

    def test_dictionaries(self):
        self.make()
        self.announce(1, left=1)
        answer = self.announce(2, left=1, compact=0)
        peer = {b"ip": b"192.0.2.1", b"port": 6001, b"peer id": peer_id(1)}
        self.assertEqual(answer[b"peers"], [peer])
        answer = self.announce(2, left=1, compact=0, no_peer_id=1)
        self.assertEqual(answer[b"peers"], [{b"ip": b"192.0.2.1", b"port": 6001}])

    def test_dictionaries_hold_both_families(self):
        self.make()
        self.announce(1, left=1, host="2001:db8::1")
        answer = self.announce(2, left=1, compact=0, no_peer_id=1)
        self.assertEqual(answer[b"peers"], [{b"ip": b"2001:db8::1", b"port": 6001}])

    def test_without_a_key_the_address_is_the_key(self):
        """Somebody else cannot stop a peer whose id he knows; who says the tracker id can."""
        self.make()
        tracker_id = self.announce(1, left=1, key=None)[b"tracker id"].decode()
        self.announce(1, host="198.51.100.1", key=None, event="stopped")
        self.assertEqual(self.announce(2, left=1)[b"incomplete"], 2)
        self.announce(1, host="198.51.100.1", key=None, trackerid=tracker_id, event="stopped")
        self.assertEqual(self.announce(2, left=1)[b"incomplete"], 1)

    def test_no_tracker_id_for_who_has_a_key(self):
        self.make()
        self.assertNotIn(b"tracker id", self.announce(1))

    def test_another_key_is_another_peer(self):
        self.make()
        self.announce(1, left=1)
        self.announce(1, host="198.51.100.1", key="BAD", event="stopped")
        self.assertEqual(cut(self.announce(2, left=1)[b"peers"]), compact(1))

    def test_completed_counts(self):
        self.make()
        self.announce(1, left=1)
        self.assertEqual(self.announce(1, left=0, event="completed")[b"downloaded"], 1)
        self.assertEqual(self.announce(1, left=0, event="completed")[b"downloaded"], 1)

    def test_ip_is_not_believed(self):
        self.make()
        answer = self.announce(1, left=1, ip="198.51.100.9", ipv4="198.51.100.8")
        self.assertEqual(answer[b"external ip"], bytes((192, 0, 2, 1)))
        self.assertEqual(cut(self.announce(2, left=1)[b"peers"]), compact(1))

    def test_proxies(self):
        self.make(proxies=Networks.of(["192.0.2.1"]))
        forwarded = ["X-Forwarded-For: 198.51.100.9"]
        self.announce(1, left=1, headers=forwarded)
        answer = self.announce(3, left=1, headers=forwarded)  # from one that is no proxy
        self.assertEqual(cut(answer[b"peers"]), {pack(Address("198.51.100.9", 6001))})
        self.assertEqual(cut(self.announce(4, left=1)[b"peers"]) & compact(3), compact(3))

    def test_a_proxy_may_name_both_families(self):
        self.make(proxies=Networks.of(["192.0.2.1"]))
        self.announce(1, left=1, ipv4="198.51.100.9", ipv6="2001:db8::9")
        answer = self.announce(2, left=1)
        self.assertEqual(cut(answer[b"peers"]), {pack(Address("198.51.100.9", 6001))})
        self.assertEqual(cut(answer[b"peers6"], 18), {pack(Address("2001:db8::9", 6001))})
        self.assertEqual(answer[b"incomplete"], 2)

    def test_scrape(self):
        self.make()
        self.announce(1, left=1)
        self.announce(1, left=0, event="completed")
        self.announce(2, left=5, info_hash="%22" * 20)
        files = self.get(f"/scrape?info_hash={'%11' * 20}&info_hash={'%22' * 20}")[b"files"]
        self.assertEqual(
            files,
            {
                HASH: {b"complete": 1, b"downloaded": 1, b"incomplete": 0},
                b"\x22" * 20: {b"complete": 0, b"downloaded": 0, b"incomplete": 1},
            },
        )
        self.assertEqual(self.get(f"/scrape?info_hash={'%33' * 20}")[b"files"], {})

    def test_intervals_stretch_under_load(self):
        """Peers are told so, and are kept for the longer."""
        self.make(announces_per_second=10)
        lifetime = self.tracker.intervals.lifetime
        for _ in range(1000):
            self.tracker.intervals._counted = 1000
            self.tracker.intervals.measure()
        told = max(self.announce()[b"interval"] for _ in range(50))
        self.assertGreater(told, 2 * 1800)
        self.assertGreater(self.tracker.intervals.lifetime, 2 * lifetime)

    def test_late_answers(self):
        """A store may take its time."""
        self.make(late=True)
        self.assertIsNone(self.fetch(target(1)))
        self.store.answer()
        self.assertIn(b"8:completei1e", self.fetched[0].body)
        self.assertIsNone(self.fetch(f"/scrape?info_hash={'%11' * 20}"))
        self.store.answer()
        self.assertIn(b"8:completei1e", self.fetched[0].body)


class Fixed(TrackerCase):
    """Peers that the settings name."""

    def fixed(self, is_live=True):
        return (FixedTorrent((HASH,), (FixedPeer(bytes((203, 0, 113, 5)), 7000),), is_live),)

    def test_beside_live_ones(self):
        self.make(torrents=self.fixed())
        self.announce(1, left=1)
        answer = self.announce(2, left=1)
        self.assertEqual(cut(answer[b"peers"]), {b"\xcb\x00\x71\x05\x1b\x58", *compact(1)})
        self.assertEqual((answer[b"complete"], answer[b"incomplete"]), (1, 2))

    def test_who_announces_too_counts_once(self):
        self.make(torrents=self.fixed())
        self.announce(1, left=1)
        scrape = f"/scrape?info_hash={'%11' * 20}"

        def counts():
            found = self.get(scrape)[b"files"][HASH]
            return found[b"complete"], found[b"incomplete"]

        self.assertEqual(counts(), (1, 1))
        answer = self.announce(9, host="203.0.113.5", port=7000, left=0)
        self.assertEqual((answer[b"complete"], counts()), (1, (1, 1)))
        self.announce(9, host="203.0.113.5", port=7000, left=5)  # a leecher, it turns out
        self.assertEqual(counts(), (0, 2))
        self.announce(9, host="203.0.113.5", port=7000, left=0, event="stopped")
        self.assertEqual(counts(), (1, 1))
        self.announce(9, host="203.0.113.5", port=7000, left=0)
        self.store._sweeping.start()
        self.addCleanup(self.store._sweeping.stop)
        self.clock.pump([1.0] * (self.tracker.intervals.lifetime + 90))
        self.assertEqual(counts(), (1, 0))

    def test_alone(self):
        self.make(torrents=self.fixed(is_live=False))
        self.announce(1, left=1)
        answer = self.announce(2, left=1)
        self.assertEqual(answer[b"peers"], b"\xcb\x00\x71\x05\x1b\x58")
        scraped = self.get(f"/scrape?info_hash={'%11' * 20}")[b"files"][HASH]
        self.assertEqual((scraped[b"complete"], scraped[b"incomplete"]), (1, 0))

    def test_over_udp(self):
        self.make(torrents=self.fixed())
        (answer,) = self.announce_udp(1, left=1)
        self.assertEqual(answer[20:], b"\xcb\x00\x71\x05\x1b\x58")


# (settings, what is asked, a part of the failure reason, why, BEP 31's "retry in")
REFUSALS = [
    ({}, {"info_hash": None}, b"info_hash is missing", Reason.MALFORMED, None),
    ({}, {"info_hash": "%11" * 19}, b"info_hash has 19 bytes", Reason.MALFORMED, None),
    ({}, {"peer_id": None}, b"peer_id is missing", Reason.MALFORMED, None),
    ({}, {"peer_id": "short"}, b"peer_id has 5 bytes", Reason.MALFORMED, None),
    ({}, {"port": None}, b"port is missing", Reason.MALFORMED, None),
    ({}, {"port": "0"}, b"port is 0", Reason.MALFORMED, None),
    ({}, {"port": "65536"}, b"port is 65536", Reason.MALFORMED, None),
    ({}, {"port": "x"}, b"port is no number", Reason.MALFORMED, None),
    ({}, {"left": "-1"}, b"left is below 0", Reason.MALFORMED, None),
    ({}, {"uploaded": "1e9"}, b"uploaded is no number", Reason.MALFORMED, None),
    ({}, {"downloaded": "x"}, b"downloaded is no number", Reason.MALFORMED, None),
    ({}, {"numwant": "many"}, b"numwant is no number", Reason.MALFORMED, None),
    ({}, {"event": "begun"}, b"event is none of", Reason.MALFORMED, None),
    ({"denied_torrents": {HASH}}, {}, b"not tracked", Reason.TORRENT, b"never"),
    ({"is_listed": True}, {}, b"not tracked", Reason.TORRENT, b"never"),
    ({"deny_addresses": Networks.of(["192.0.2.0/24"])}, {}, b"address", Reason.ADDRESS, b"never"),
    ({"passkeys": PASSKEYS}, {}, b"passkey", Reason.PASSKEY, b"never"),
    ({"passkeys": PASSKEYS}, {"path": "/mallory/announce"}, b"passkey", Reason.PASSKEY, b"never"),
    (
        {"proxies": Networks.of(["192.0.2.1"])},
        {"ip": "nowhere"},
        b"ip is no IP address",
        Reason.MALFORMED,
        None,
    ),
]


class Refusals(TrackerCase):
    """Every reason, as a client is told of it."""

    def test_announces(self):
        for settings, fields, text, reason, retry_in in REFUSALS:
            self.make(**settings)
            answer = self.announce(1, **fields)
            self.assertIn(text, answer[b"failure reason"])
            self.assertEqual(answer.get(b"retry in"), retry_in, text)
            self.assertEqual(self.tracker.statistics.http.refused, {reason: 1}, text)
            self.assertEqual(self.store.totals().torrents, 0)

    def test_who_has_no_passkey_does_not_learn_what_is_tracked(self):
        for allowed in (set(), {HASH}):
            self.make(passkeys=PASSKEYS, is_listed=True, allowed_torrents=allowed)
            self.assertIn(b"passkey", self.announce(1)[b"failure reason"])

    def test_full_of_torrents(self):
        self.make()
        self.store._max_torrents = 1
        self.announce(1)
        answer = self.announce(1, info_hash="%22" * 20)
        self.assertIn(b"as many torrents as it can", answer[b"failure reason"])
        self.assertEqual(answer[b"retry in"], 30)

    def test_full_of_peers(self):
        self.make()
        self.store._max_peers = 1
        self.announce(1)
        self.assertIn(b"as many peers as it can", self.announce(2)[b"failure reason"])
        self.assertNotIn(b"failure reason", self.announce(1))

    def test_a_lost_store(self):
        self.make(late=True)
        for ask in (target(1), f"/scrape?info_hash={'%11' * 20}"):
            self.fetch(ask)
            self.store.answer(Refused(Reason.STORE, "the store is away", 120.0))
            self.assertIn(b"17:the store is away8:retry ini2e", self.fetched[0].body)
        (counts,) = (self.tracker.statistics.http.refused,)
        self.assertEqual(counts, {Reason.STORE: 2})

    def test_no_such_page(self):
        self.make()
        for path in ("/x", "/announce/x", "/Announce", "//", "/metrics/"):
            response = self.fetch(path)
            self.assertEqual((response.status, response.content_type), (404, TEXT))
            self.assertIn(b"at /announce", response.body)
        self.assertEqual(self.tracker.statistics.http.refused, {Reason.PATH: 5})

    def test_no_such_page_for_clients(self):
        """They show a failure reason, and nothing that has another status."""
        self.make()
        for path in ("/announce.php", "/key/announce2", "/scrape.php"):
            self.assertIn(b"at /announce", self.get(path)[b"failure reason"])
        self.assertEqual(self.tracker.statistics.http.refused, {Reason.PATH: 3})

    def test_scrape_of_nothing(self):
        self.make()
        self.assertIn(b"info_hash is missing", self.get("/scrape")[b"failure reason"])
        wrong = self.get("/scrape?info_hash=short")
        self.assertIn(b"info_hash has 5 bytes", wrong[b"failure reason"])

    def test_scrape_of_what_is_not_tracked(self):
        self.make()
        self.announce(1)
        query = f"/scrape?info_hash={'%11' * 20}"
        self.assertEqual(list(self.get(query)[b"files"]), [HASH])
        config = evolve(self.config, denied_torrents={HASH})
        self.tracker.policy = policy_of(config, Random(1), Passkeys({}))
        self.assertEqual(self.get(query)[b"files"], {})

    def test_scrape_with_a_passkey(self):
        self.make(passkeys=PASSKEYS)
        query = f"scrape?info_hash={'%11' * 20}"
        self.assertIn(b"passkey", self.get(f"/{query}")[b"failure reason"])
        self.assertEqual(self.get(f"/passkey-of-bob/{query}")[b"files"], {})

    def test_over_udp(self):
        for settings, fields, text in (
            ({"denied_torrents": {HASH}}, {}, b"not tracked"),
            ({"passkeys": PASSKEYS}, {}, b"passkey"),
            ({}, {"port": 0}, b"port is 0"),
            ({}, {"event": 9}, b"event is 9"),
        ):
            self.make(**settings)
            (answer,) = self.announce_udp(1, **fields)
            self.assertEqual(answer[:8], b"\0\0\0\3\0\0\0\7")
            self.assertIn(text, answer[8:])
            self.assertEqual(sum(self.tracker.statistics.udp.refused.values()), 1)


class Users(TrackerCase):
    """Passkeys."""

    def test_what_each_moved(self):
        self.make(passkeys=PASSKEYS)
        path = "/passkey-of-alice/announce"
        self.announce(1, path, uploaded=0, downloaded=0, event="started")
        self.clock.advance(60)
        self.announce(1, path, uploaded=3000, downloaded=1000)
        users = {user.name: (user.uploaded, user.downloaded) for user in self.users()}
        self.assertEqual(users, {"alice": (3000, 1000), "bob": (0, 0)})

    def test_over_udp(self):
        """The URL's path follows the announce (BEP 41)."""
        self.make(passkeys=PASSKEYS)
        path = b"/passkey-of-bob/announce"
        for uploaded in (0, 500):
            (answer,) = self.announce_udp(1, uploaded=uploaded, extra=bytes((2, len(path))) + path)
            self.assertEqual(answer[:4], b"\0\0\0\1")
            self.clock.advance(60)
        self.assertEqual([user.uploaded for user in self.users() if user.name == "bob"], [500])

    def users(self):
        return self.tracker.policy.passkeys.users()
