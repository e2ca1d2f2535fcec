"""Fixed peers: told first of their family, to everybody but themselves, and nobody twice."""

from random import Random

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.trackerserver.requests import HASH, ID, OTHER_HASH, announce
from txtorrent.address import packed, unpack4, unpack6
from txtorrent.trackerserver.fixed import NO_ID, FixedPeer, FixedSwarms, FixedTorrent
from txtorrent.wire.announce import Event, ScrapeResult
from txtorrent.wire.received import Selection

A = FixedPeer(packed("198.51.100.1"), 1, b"A" * 20)
B = FixedPeer(packed("198.51.100.2"), 2)
SIX = FixedPeer(packed("2001:db8::6"), 6, b"6" * 20)
NOTHING = Selection(0, 0, 0)
OTHERS = [FixedPeer(packed(f"203.0.113.{n}"), n, b"%020d" % n) for n in range(1, 6)]
OTHERS6 = [FixedPeer(packed(f"2001:db8::{n}"), n, b"6%019d" % n) for n in range(1, 4)]


def listed(peers):
    return b"".join(peer.host + peer.port.to_bytes(2, "big") for peer in peers)


def ids(peers):
    return b"".join(peer.peer_id for peer in peers)


def selected(peers4=(), peers6=(), counts=(0, 0, 0), with_ids=True):
    all_ids = (ids(peers4), ids(peers6)) if with_ids else (b"", b"")
    return Selection(*counts, listed(peers4), listed(peers6), *all_ids)


def swarms(*peers, is_live=True):
    torrent = FixedTorrent((HASH,), peers, is_live)
    return FixedSwarms([torrent], Random(1))


NOW, LIFETIME = 100.0, 50


def places(selection):
    return [str(each) for each in unpack4(selection.peers4) + unpack6(selection.peers6)]


def named(entries, size):
    """The peers of a compact list."""
    who = {listed([peer]): peer for peer in (A, B, SIX, *OTHERS, *OTHERS6)}
    return [who[entries[at : at + size]] for at in range(0, len(entries), size)]


class Add(SynchronousTestCase):
    def test_first_and_with_ids(self):
        told = swarms(A).add(announce(), selected(OTHERS, OTHERS6, (3, 4, 5)), True, NOW, LIFETIME)
        self.assertEqual(told, selected([A, *OTHERS], OTHERS6, (4, 4, 5)))

    def test_both_families(self):
        told = swarms(A, SIX).add(announce(), NOTHING, True, NOW, LIFETIME)
        self.assertEqual(told, selected([A], [SIX], (2, 0, 0)))

    def test_without_ids(self):
        chosen = selected(OTHERS, with_ids=False)
        told = swarms(A).add(announce(), chosen, False, NOW, LIFETIME)
        self.assertEqual(told, selected([A, *OTHERS], counts=(1, 0, 0), with_ids=False))

    def test_an_unknown_id_is_zeros(self):
        told = swarms(B).add(announce(), NOTHING, True, NOW, LIFETIME)
        self.assertEqual(told.ids4, bytes(20))

    def test_nobody_is_told_of_himself(self):
        for asker in (
            announce(host="198.51.100.1", port=1),
            announce(peer_id=A.peer_id),
            announce(host="2001:db8::77", peer_id=A.peer_id),
            announce(host="198.51.100.1", port=1, peer_id=A.peer_id),
        ):
            told = swarms(A, B).add(asker, selected(counts=(1, 0, 0)), False, NOW, LIFETIME)
            self.assertEqual(places(told), ["198.51.100.2:2"])
            self.assertEqual(told.seeders, 2)  # the store has counted the asker

    def test_neighbours_are_others(self):
        for asker in (announce(host="198.51.100.1", port=2), announce(peer_id=NO_ID)):
            self.assertEqual(len(places(swarms(A, B).add(asker, NOTHING, False, NOW, LIFETIME))), 2)

    def test_no_address_twice(self):
        chosen = selected([OTHERS[0], A, OTHERS[1]], [SIX])
        told = swarms(A, SIX).add(announce(), chosen, True, NOW, LIFETIME)
        self.assertEqual(told, selected([A, *OTHERS[:2]], [SIX], (2, 0, 0)))

    def test_no_more_than_wanted(self):
        told = swarms(A).add(announce(numwant=3), selected(OTHERS[:3]), True, NOW, LIFETIME)
        self.assertEqual(told, selected([A, *OTHERS[:2]], counts=(1, 0, 0)))

    def test_the_own_family_has_precedence(self):
        """For each number that is wanted: of one's own family the fixed ones, then the live ones,
        and so of the other one."""
        chosen = selected(OTHERS[:2], OTHERS6[:2])
        for host, own, other in (
            ("192.0.2.77", [A, *OTHERS[:2]], [SIX, *OTHERS6[:2]]),
            ("2001:db8::77", [SIX, *OTHERS6[:2]], [A, *OTHERS[:2]]),
        ):
            for wanted in range(8):
                asker = announce(numwant=wanted, host=host)
                told = swarms(A, SIX).add(asker, chosen, True, NOW, LIFETIME)
                both = own[:wanted], other[: max(wanted - 3, 0)]
                peers4, peers6 = both if own[0] is A else both[::-1]
                self.assertEqual(told, selected(peers4, peers6, (2, 0, 0)), wanted)

    def test_many_of_the_other_family_leave_room(self):
        """A client that asks over UDP gets peers of its own family and no others."""
        peers = [FixedPeer(packed(f"2001:db8::{port}"), port) for port in range(1, 101)]
        told = swarms(*peers).add(announce(numwant=5), selected(OTHERS), True, NOW, LIFETIME)
        self.assertEqual(told, selected(OTHERS, counts=(100, 0, 0)))

    def test_a_fixed_peer_that_announces_is_not_among_the_live(self):
        """Even where it was not drawn as a fixed one, and where it is the asker."""
        peers = [FixedPeer(packed("198.51.100.1"), port) for port in range(1, 11)]
        for wanted in (3, 9, 10, 12):
            for port in (5, 99):
                asker = announce(numwant=wanted, host="198.51.100.1", port=port)
                found = places(swarms(*peers).add(asker, selected(peers), False, NOW, LIFETIME))
                self.assertEqual(len(found), min(wanted, 10 - (port == 5)))
                self.assertEqual(len(set(found)), len(found))
                self.assertNotIn(f"198.51.100.1:{port}", found)

    def test_who_is_named_twice_is_one(self):
        told = swarms(A, B, A).add(announce(), NOTHING, True, NOW, LIFETIME)
        self.assertEqual((len(places(told)), told.seeders), (2, 2))

    def test_nobody_when_none_is_wanted(self):
        for asker in (announce(numwant=0), announce(event=Event.STOPPED)):
            told = swarms(A).add(asker, selected(OTHERS[:1], counts=(1, 2, 3)), True, NOW, LIFETIME)
            self.assertEqual(told, selected(counts=(2, 2, 3)))

    def test_chance_decides_among_too_many(self):
        peers = [FixedPeer(packed("198.51.100.1"), port) for port in range(1, 101)]
        fixed = swarms(*peers)
        seen = set()
        for _ in range(200):
            told = fixed.add(
                announce(numwant=5, host="198.51.100.1", port=7), NOTHING, False, NOW, LIFETIME
            )
            found = places(told)
            self.assertEqual((len(found), len(set(found))), (5, 5))
            self.assertEqual(told.seeders, 99)
            seen.update(found)
        self.assertEqual(len(seen), 99)

    def test_not_live(self):
        fixed = swarms(A, is_live=False)
        told = fixed.add(announce(), selected(OTHERS, OTHERS6, (3, 4, 5)), True, NOW, LIFETIME)
        self.assertEqual(told, selected([A], counts=(1, 0, 0)))
        self.assertFalse(fixed.is_live(HASH))
        self.assertTrue(swarms(A).is_live(HASH))
        self.assertTrue(fixed.is_live(OTHER_HASH))

    def test_other_torrents_are_left_alone(self):
        chosen = selected(OTHERS, counts=(3, 4, 5))
        asker = announce(info_hash=OTHER_HASH)
        self.assertIs(swarms(A).add(asker, chosen, True, NOW, LIFETIME), chosen)

    def test_both_hashes_of_a_hybrid_torrent(self):
        fixed = FixedSwarms([FixedTorrent((HASH, OTHER_HASH), (A,))], Random(1))
        for info_hash in (HASH, OTHER_HASH):
            told = fixed.add(announce(info_hash=info_hash), NOTHING, False, NOW, LIFETIME)
            self.assertEqual(places(told), ["198.51.100.1:1"])

    def test_torrents_without_fixed_peers_take_no_room(self):
        fixed = FixedSwarms([FixedTorrent((HASH,))], Random(1))
        self.assertFalse(fixed)
        self.assertTrue(swarms(A))

    @settings(derandomize=True, deadline=None, max_examples=200)
    @given(
        st.sets(st.sampled_from([A, B, SIX, *OTHERS, *OTHERS6]), min_size=1),
        st.sets(st.sampled_from([A, B, *OTHERS])),
        st.sets(st.sampled_from([SIX, *OTHERS6])),
        st.integers(0, 12),
        st.sampled_from([announce(), announce(peer_id=A.peer_id), announce(peer_id=ID)]),
    )
    def test_rules(self, fixed, chosen4, chosen6, numwant, asker):
        asker = evolve(asker, numwant=numwant)
        chosen4 = [peer for peer in chosen4 if peer.peer_id != asker.peer_id]
        told = swarms(*fixed).add(asker, selected(chosen4, chosen6), True, NOW, LIFETIME)
        found = places(told)
        others = {peer for peer in fixed if peer.peer_id != asker.peer_id}
        self.assertEqual(len(found), len(set(found)))
        self.assertEqual(len(found), min(numwant, len(others | {*chosen4} | chosen6)))
        peers4, peers6 = named(told.peers4, 6), named(told.peers6, 18)
        self.assertEqual((told.ids4, told.ids6), (ids(peers4), ids(peers6)))
        first = {peer for peer in others if len(peer.host) == 4}
        self.assertEqual(len(peers4), min(numwant, len(first | {*chosen4})))
        self.assertLessEqual({*peers4[: len(first)]}, first)
        others6 = others - first
        self.assertLessEqual({*peers6[: len(others6)]}, others6)


class Scrape(SynchronousTestCase):
    def test_counts(self):
        known = ScrapeResult(1, 2, 3)
        for fixed, info_hash, found, expected in [
            (swarms(A, B), HASH, known, ScrapeResult(3, 2, 3)),
            (swarms(A, B), HASH, None, ScrapeResult(2, 0, 0)),
            (swarms(A, B, is_live=False), HASH, known, ScrapeResult(2, 0, 0)),
            (swarms(A), OTHER_HASH, known, known),
            (swarms(A), OTHER_HASH, None, None),
        ]:
            self.assertEqual(fixed.scraped(info_hash, found, NOW), expected)
