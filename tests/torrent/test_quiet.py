"""Connections on which nothing moves: looked at now and then, and forgotten by nobody."""

from tests.peer.sessioncase import SessionCase
from tests.testing.fakepeer import Request
from txtorrent.peer.protocol import SILENCE_TIMEOUT, STUCK_TIMEOUT, PeerProtocol
from txtorrent.swarm.choker import ROUND
from txtorrent.swarm.rounds import QUIET_ROUND
from txtorrent.torrent.choice import Choice
from txtorrent.torrent.exchange import SNUBBED_AFTER
from txtorrent.wire import messages as m

CROWD = 50


class Quiet(SessionCase):
    def setUp(self):
        super().setUp()
        self.seed = self.swarm.add_seed()
        self.clock.advance(1)

    def crowd(self, count=CROWD):
        """Peers of as many networks that have nothing and want nothing."""
        fakes = [self.fake(self.seed, f"20.60.{n}.1", m.HaveNone()) for n in range(count)]
        self.clock.advance(3)
        return fakes

    def counted(self):
        """The connections that are looked at from now on."""
        seen, check = [], PeerProtocol.check
        self.patch(PeerProtocol, "check", lambda link, now: (seen.append(link), check(link, now)))
        return seen

    def test_a_part_of_them_is_looked_at_each_second(self):
        self.crowd()
        seen = self.counted()
        self.clock.advance(1)
        self.assertEqual(len(seen), CROWD / QUIET_ROUND)

    def test_none_is_left_out(self):
        self.crowd()
        seen = self.counted()
        self.clock.advance(QUIET_ROUND)
        self.assertEqual(set(seen), set(self.seed.parts.exchange.links))
        self.assertEqual(len(seen), CROWD)

    def test_where_something_moves_every_second(self):
        [busy, *_] = self.crowd()
        busy.say(m.Interested(), *(Request(n, 0, 16384) for n in range(3)))
        self.clock.advance(2)
        link, seen = self.link(self.seed, busy), self.counted()
        self.assertTrue(link.peer.uploaded.rate)
        self.clock.advance(3)
        self.assertEqual(seen.count(link), 3)
        self.clock.advance(100)  # until the rate has died away
        seen.clear()
        self.clock.advance(QUIET_ROUND)
        self.assertEqual(seen.count(link), 1)

    def test_who_is_asked_again_after_a_rest(self):
        """More is wanted: a peer that lay idle is asked, and found out if it does not answer."""
        leecher = self.swarm.add_leecher(choice=Choice(b"\0"))
        self.clock.advance(1)
        some = m.Bitfield(b"\xff\xff\0\0\0")
        fake = self.fake(leecher, "20.60.0.1", some, m.Unchoke())
        self.clock.advance(3 * QUIET_ROUND)
        self.assertFalse(fake.of(Request))
        leecher.torrent.choose(Choice())
        self.clock.advance(1)
        peer = self.link(leecher, fake).peer
        self.assertTrue(fake.of(Request))
        for _ in range(4):
            self.assertFalse(peer.snubbed)
            self.clock.advance(SNUBBED_AFTER / 4)
        self.clock.advance(2)
        self.assertTrue(peer.snubbed)

    def test_a_rate_counts_no_time_of_rest(self):
        """The first second shows as it would if the rate had been sampled all the time."""
        [late] = self.crowd(1)
        self.clock.advance(100)
        late.say(m.Interested(), Request(0, 0, 16384), Request(0, 16384, 16384))
        self.clock.advance(1.5)
        rate = self.link(self.seed, late).peer.uploaded.rate
        self.assertGreater(rate, 0.2 * 2 * 16384)

    def test_each_hears_from_us_within_two_minutes(self):
        fakes = self.crowd()
        for _ in range(3):
            for fake in fakes:
                fake.forget()
                fake.say(m.KeepAlive())
            self.clock.advance(118)
            self.assertTrue(all(fake.hears(m.KeepAlive) for fake in fakes))

    def test_the_silent_are_dropped(self):
        fakes = self.crowd()
        self.clock.advance(SILENCE_TIMEOUT - 10)
        self.assertTrue(all(fake.is_connected for fake in fakes))
        self.clock.advance(10 + QUIET_ROUND + 1)
        self.assertFalse(any(fake.is_connected for fake in fakes))
        exchange = self.seed.parts.exchange
        rounds = exchange._rounds
        self.assertEqual([len(exchange.links), len(rounds.busy), len(rounds.quiet)], [0] * 3)

    def test_one_that_reads_nothing_of_what_it_is_told(self):
        """It is noticed on its turn; from then on it is looked at every second."""
        [deaf] = self.crowd(1)
        link = self.link(self.seed, deaf)
        deaf.wire.pauseProducing()
        while not link.outbox.size:
            link.send_frames(b"".join([m.Have(0).encode()] * 1000))
            self.clock.advance(0.1)
        self.clock.advance(QUIET_ROUND)
        self.assertFalse(link.is_reading_paused)
        seen = self.counted()
        self.clock.advance(STUCK_TIMEOUT - QUIET_ROUND - 1)
        self.assertTrue(link.is_open)
        self.assertEqual(seen.count(link), int(STUCK_TIMEOUT - QUIET_ROUND - 1))
        self.clock.advance(QUIET_ROUND + 3)
        self.assertFalse(link.is_open)

    def test_one_that_may_be_asked_for_something(self):
        leecher = self.swarm.add_leecher()
        self.clock.advance(1)
        leecher.parts.exchange.hold(True)
        fake = self.fake(leecher, "20.60.1.1", m.HaveAll(), m.Unchoke())
        self.clock.advance(5)
        link, seen = self.link(leecher, fake), self.counted()
        self.assertFalse(link.peer.requests)
        self.clock.advance(3)
        self.assertEqual(seen.count(link), 3)


class Slots(SessionCase):
    """Whose turn it is to be served, where many come and go."""

    def test_a_slot_is_free_when_its_peer_has_left(self):
        seed = self.swarm.add_seed()
        self.clock.advance(1)
        slots = seed.parts._choker.slots
        said = m.HaveNone(), m.Interested()
        self.clock.advance(ROUND - self.clock.seconds() % ROUND + 2)  # behind a deal
        fakes = [self.fake(seed, f"20.60.{n}.1", *said) for n in range(slots + 1)]
        self.clock.advance(1)
        served = [fake for fake in fakes if fake.hears(m.Unchoke)]
        self.assertEqual(len(served), slots)
        served[0].hang_up()
        self.clock.advance(2)
        self.assertTrue(all(fake.hears(m.Unchoke) for fake in fakes), "who waited has it now")
        late = self.fake(seed, "20.61.1.1", *said)
        self.clock.advance(1)
        self.assertFalse(late.hears(m.Unchoke))

    def test_who_wants_nothing_any_more_is_choked(self):
        seed = self.swarm.add_seed()
        self.clock.advance(1)
        fake = self.fake(seed, "20.60.0.1", m.HaveNone(), m.Interested())
        self.clock.advance(2)
        self.assertTrue(fake.hears(m.Unchoke))
        fake.say(m.NotInterested())
        self.clock.advance(ROUND + 1)
        self.assertTrue(fake.hears(m.Choke))


class Shared(SessionCase):
    """Peers that have nothing, or everything, share one bitfield."""

    def test_one_that_gets_a_piece_has_it_alone(self):
        leecher = self.swarm.add_leecher()
        self.clock.advance(1)
        one, other = (self.fake(leecher, f"20.60.{n}.1", m.HaveNone()) for n in range(2))
        self.clock.advance(1)
        peers = [self.link(leecher, fake).peer for fake in (one, other)]
        self.assertIs(peers[0].have, peers[1].have)
        one.say(m.Have(3))
        self.clock.advance(1)
        self.assertEqual([list(peer.have) for peer in peers], [[3], []])
        self.assertEqual(leecher.parts.exchange.picker.rarity.availability(3), 1)

    def test_seeds(self):
        leecher = self.swarm.add_leecher()
        self.clock.advance(1)
        fakes = [self.fake(leecher, f"20.60.{n}.1", m.HaveAll()) for n in range(2)]
        self.clock.advance(1)
        peers = [self.link(leecher, fake).peer for fake in fakes]
        self.assertIs(peers[0].have, peers[1].have)
        fakes[0].say(m.Have(3))
        self.clock.advance(1)
        self.assertEqual(peers[0].have.count, peers[0].have.size)
