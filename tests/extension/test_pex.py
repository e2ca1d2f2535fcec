"""Who is told of whom, how often, and what is believed of what peers say (BEP 11)."""

from twisted.trial.unittest import SynchronousTestCase

from tests.testing.extensions import FakeSwarm
from txtorrent.address import Address
from txtorrent.bencode import encode
from txtorrent.bitfield import Bitfield
from txtorrent.extension.pex import (
    BURST,
    EXPECT_EVERY,
    LOOK_EVERY,
    MOST_CUT,
    NAME,
    PATIENCE,
    TURN,
    TURNS,
    pex_kind,
)
from txtorrent.extension.roster import PLACES, Roster
from txtorrent.swarm.peerbook import Source
from txtorrent.wire.extension import ExtensionHandshake
from txtorrent.wire.pex import MOST_LISTED, Contact, Flag, PeerExchange
from txtorrent.wire.stream import ProtocolError

MINUTE = int(TURN * TURNS)
SPEAKS = {NAME: 1}


def host(number):
    return f"20.0.{number >> 8}.{number & 255}"


class PexCase(SynchronousTestCase):
    def setUp(self):
        self.swarm = FakeSwarm()
        self.pex = pex_kind(lambda: True).make(self.swarm)

    def connect(self, where, outbound=True, speaks=True, port=6881, contact=None):
        """A connection that joined at once. Inbound, its peer listens at `contact`."""
        where = host(where) if isinstance(where, int) else where
        link = self.swarm.connect(where, port, outbound, SPEAKS if speaks else {})
        if contact is not None:
            link.peer.contact = Address(where, contact)
        if speaks:
            self.pex.joined(link, ExtensionHandshake(ids=SPEAKS))
        return link

    def disconnect(self, link):
        self.swarm.disconnect(link)
        self.pex.left(link)

    def wait(self, seconds):
        """A tick a second, the first of them at once."""
        for _ in range(int(seconds)):
            self.pex.tick(self.swarm.clock)
            self.swarm.clock += 1

    def heard(self, link):
        """What the peer was told since the last look: for each message (added, dropped)."""
        told = [PeerExchange.decode(payload) for payload in link.said(NAME)]
        return [
            (sorted(str(c.address) for c in each.added), sorted(map(str, each.dropped)))
            for each in told
        ]

    def added(self, link):
        return [added for added, _ in self.heard(link)]


class Told(PexCase):
    def test_soon_and_of_everybody_but_itself(self):
        one, two, three = (self.connect(n) for n in (1, 2, 3))
        self.wait(TURN + 1)
        self.assertEqual(self.added(one), [["20.0.0.2:6881", "20.0.0.3:6881"]])
        self.assertEqual(self.added(two), [["20.0.0.1:6881", "20.0.0.3:6881"]])
        self.assertEqual(self.added(three), [["20.0.0.1:6881", "20.0.0.2:6881"]])

    def test_then_of_what_has_changed(self):
        one, two = self.connect(1), self.connect(2)
        self.wait(MINUTE)
        self.heard(one)
        self.connect(3)
        self.disconnect(two)
        self.wait(MINUTE)
        self.assertEqual(self.heard(one), [(["20.0.0.3:6881"], ["20.0.0.2:6881"])])

    def test_nothing_while_nothing_changes(self):
        one = self.connect(1)
        self.connect(2)
        self.wait(MINUTE)
        self.heard(one)
        self.wait(10 * MINUTE)
        self.assertEqual(self.heard(one), [])

    def test_nobody_else_is_there(self):
        one = self.connect(1)
        self.wait(3 * MINUTE)
        self.assertEqual(self.heard(one), [])

    def test_who_came_and_went_is_not_spoken_of(self):
        one = self.connect(1)
        self.wait(MINUTE)
        two = self.connect(2, speaks=False)
        self.disconnect(two)
        self.wait(2 * MINUTE)
        self.assertEqual(self.heard(one), [])

    def test_who_went_and_came_back_is_not_spoken_of(self):
        one, two = self.connect(1), self.connect(2)
        self.wait(MINUTE)
        self.heard(one)
        self.disconnect(two)
        self.connect(2)
        self.wait(2 * MINUTE)
        self.assertEqual(self.heard(one), [])

    def test_who_left_is_not_named_to_who_comes(self):
        """Although others have still to hear of it."""
        self.connect(1)
        two = self.connect(2)
        self.wait(TURN + 1)
        self.disconnect(two)
        three = self.connect(3)
        self.wait(TURN + 1)
        self.assertEqual(self.added(three), [["20.0.0.1:6881"]])

    def test_who_is_closed_but_still_there(self):
        one = self.connect(1)
        self.connect(2).close("no")
        self.wait(TURN + 1)
        self.assertEqual(self.heard(one), [])

    def test_an_end_is_told_at_the_next_turn(self):
        """Whenever we looked at all connections last."""
        one, two = self.connect(1), self.connect(2, speaks=False)
        self.wait(20)
        self.connect(3)
        self.wait(10)
        self.disconnect(two)
        self.heard(one)
        self.wait(MINUTE - 30 + TURN)
        self.assertEqual(self.heard(one), [(["20.0.0.3:6881"], ["20.0.0.2:6881"])])

    def test_where_they_can_be_dialled(self):
        """Not the port that an inbound connection comes from; nobody of whom no port is known."""
        one = self.connect(1)
        self.connect(2, outbound=False, port=50_000, contact=7000)
        self.connect(3, outbound=False, port=50_001)
        self.connect(4, speaks=False)
        self.wait(MINUTE)
        self.assertEqual(self.added(one), [["20.0.0.2:7000", "20.0.0.4:6881"]])

    def test_a_port_that_becomes_known(self):
        one, two = self.connect(1), self.connect(2, outbound=False, port=50_000)
        self.wait(MINUTE)
        two.peer.contact = Address(host(2), 7000)
        self.wait(LOOK_EVERY + MINUTE)
        self.assertEqual(self.added(one), [["20.0.0.2:7000"]])

    def test_not_of_itself(self):
        """By whichever of its addresses."""
        one = self.connect(1, outbound=False, port=50_000, contact=7000)
        self.connect(1, speaks=False, port=50_000)
        self.wait(2 * MINUTE)
        self.assertEqual(self.heard(one), [])

    def test_what_is_not_for_everybody(self):
        """Addresses of our network mean somebody else elsewhere."""
        everywhere, home, here = "20.0.0.1", "192.168.0.1", "127.0.0.1"
        others = {
            where: [self.connect(where), self.connect(where, speaks=False, port=99)][0]
            for where in (everywhere, home, here, "169.254.1.1", "fe80::1", "::1", "2001:db8::1")
        }
        self.wait(2 * MINUTE)
        for where, hears in [
            (everywhere, {"20.0.0.1:99", "[2001:db8::1]:99", "[2001:db8::1]:6881"}),
            ("2001:db8::1", {"20.0.0.1:99", "20.0.0.1:6881", "[2001:db8::1]:99"}),
            (home, {"20.0.0.1:99", "20.0.0.1:6881", "[2001:db8::1]:99", "[2001:db8::1]:6881",
                    "192.168.0.1:99"}),
            (here, {"20.0.0.1:99", "20.0.0.1:6881", "[2001:db8::1]:99", "[2001:db8::1]:6881",
                    "127.0.0.1:99", "[::1]:99", "[::1]:6881"}),
        ]:  # fmt: skip
            told = {each for added in self.added(others[where]) for each in added}
            self.assertEqual(told, hears, where)

    def test_nor_is_what_takes_the_place_of_others(self):
        two = self.connect(2, speaks=False)
        self.wait(1)
        listener = self.connect(9)
        self.wait(TURN + 1)
        self.disconnect(two)
        self.wait(2 * MINUTE)
        self.connect("192.168.0.1", speaks=False)
        one = self.connect(1)
        self.wait(2 * MINUTE)
        told = {where for link in (one, listener) for added in self.added(link) for where in added}
        self.assertEqual(told, {f"20.0.0.{n}:6881" for n in (1, 2, 9)})

    def test_flags(self):
        one = self.connect(1)
        seed, idle, inbound, puncher = (self.connect(n, speaks=False) for n in (2, 3, 4, 5))
        seed.peer.have = Bitfield.full(8)
        idle.peer.upload_only = True
        inbound.outbound = False
        puncher.extension_ids = {b"ut_holepunch": 3}
        self.wait(MINUTE)
        told = PeerExchange.decode(one.said(NAME)[0])
        self.assertEqual(
            set(told.added),
            {
                Contact(seed.address, Flag.OUTGOING | Flag.UPLOAD_ONLY),
                Contact(idle.address, Flag.OUTGOING | Flag.UPLOAD_ONLY),
                Contact(inbound.address, Flag.NONE),
                Contact(puncher.address, Flag.OUTGOING | Flag.HOLEPUNCH),
            },
        )

    def test_who_takes_the_extension_back_is_not_written_to(self):
        one = self.connect(1)
        self.wait(MINUTE)
        one.extension_ids = {}
        self.connect(2)
        self.wait(2 * MINUTE)
        one.extension_ids = SPEAKS
        self.assertEqual(self.heard(one), [])
        self.wait(MINUTE)
        self.assertEqual(self.added(one), [["20.0.0.2:6881"]])

    def test_stopped(self):
        one = self.connect(1)
        self.connect(2)
        self.pex.stop()
        self.assertEqual((one.said(NAME), self.pex._turns), ([], [{}] * TURNS))


class Paced(PexCase):
    """At most once a minute, 50 at a time."""

    def test_once_a_minute(self):
        """Whatever happens, and whenever a peer came."""
        ones, came, times = [], 1, {}
        for second in range(20 * 60):
            if second % 7 == 0 and len(ones) < 30:
                ones.append(self.connect(came))
            elif second % 3 == 0:
                self.connect(came, speaks=False)
            came += 1
            self.wait(1)
            for link in ones:
                if self.heard(link):
                    times.setdefault(link, []).append(second)
        for link in ones:
            gaps = [b - a for a, b in zip(times[link], times[link][1:], strict=False)]
            self.assertGreaterEqual(min(gaps), 60)
            self.assertLessEqual(min(gaps), 61)

    def test_soon(self):
        self.connect(1)
        for n in range(2, 20):
            link = self.connect(n)
            other = self.connect(1000 + n, speaks=False)
            self.wait(TURN + 1)
            self.assertIn(str(other.address), self.added(link)[0])

    def test_turns_are_spread(self):
        """Not everybody in one second."""
        links = []
        for n in range(60):
            links.append(self.connect(n))
            self.wait(1)
        self.wait(3 * MINUTE)
        for link in links:
            self.heard(link)
        self.connect(100, speaks=False)
        most = 0
        for _ in range(2 * MINUTE):
            self.wait(1)
            most = max(most, sum(bool(self.heard(link)) for link in links))
        self.assertLessEqual(most, 6)

    def test_fifty_at_a_time(self):
        one = self.connect(1)
        others = [self.connect(n, speaks=False) for n in range(2, 122)]
        self.wait(3 * MINUTE)
        added = self.added(one)
        self.assertEqual([len(each) for each in added], [50, 50, 20])
        self.assertEqual(len({where for each in added for where in each}), 120)
        for link in others:
            self.disconnect(link)
        self.wait(4 * MINUTE)
        heard = self.heard(one)
        self.assertEqual([(len(a), len(d)) for a, d in heard], [(0, 50), (0, 50), (0, 20)])
        self.assertEqual(len({where for _, each in heard for where in each}), 120)

    def test_not_the_same_fifty_for_all(self):
        ones = [self.connect(n) for n in range(1, 4)]
        for n in range(10, 160):
            self.connect(n, speaks=False)
        self.wait(TURN + 1)
        first = [frozenset(self.added(link)[0]) for link in ones]
        self.assertEqual({len(each) for each in first}, {MOST_LISTED})
        self.assertGreater(len(frozenset.union(*first)), 2 * MOST_LISTED)


class Kept(PexCase):
    """What a peer was told stays true, whoever comes and goes."""

    def test_what_peers_believe(self):
        random, seen = self.swarm.random, 0
        listeners = {self.connect(n): set() for n in range(5)}
        others = []
        for minute in range(60):
            for _ in range(int(random.random() * 80)):
                if others and random.random() < 0.5:
                    self.disconnect(others.pop(int(random.random() * len(others))))
                else:
                    # So few addresses that some come back.
                    number = 10 + int(random.random() * 300)
                    if all(link.address.host != host(number) for link in others):
                        others.append(self.connect(number, speaks=False))
            self.wait(MINUTE)
            for link, believed in listeners.items():
                for added, dropped in self.heard(link):
                    seen += 1
                    self.assertFalse(set(added) & set(dropped))
                    self.assertFalse(believed & set(added), minute)
                    self.assertLessEqual(set(dropped), believed, minute)
                    self.assertLessEqual(max(len(added), len(dropped)), MOST_LISTED)
                    believed |= set(added)
                    believed -= set(dropped)
        self.assertGreater(seen, 200)
        self.wait(10 * MINUTE)
        there = {str(link.address) for link in self.swarm.connections}
        for link, believed in listeners.items():
            for added, dropped in self.heard(link):
                believed = (believed | set(added)) - set(dropped)
            self.assertEqual(believed, there - {str(link.address)})

    def test_of_many_some_are_told_and_stay(self):
        """Those of whom nobody is told are not what changes."""
        one = self.connect(1)
        for n in range(1000):
            self.connect(n + 2, speaks=False)
        self.wait(6 * MINUTE)
        told = {where for added in self.added(one) for where in added}
        self.assertIn(len(told), (PLACES - 1, PLACES))
        self.assertTrue(told & {f"{host(n)}:6881" for n in range(500, 1000)})
        self.wait(10 * MINUTE)
        self.assertEqual(self.heard(one), [])

    def test_places_are_given_again(self):
        """However many come and go in the end."""
        one = self.connect(1)
        told = set()
        for n in range(2, 1000, 40):
            links = [self.connect(n + each, speaks=False) for each in range(40)]
            self.wait(2 * MINUTE)
            for link in links:
                self.disconnect(link)
            self.wait(2 * MINUTE)
            for added in self.added(one):
                told |= set(added)
        self.assertEqual(len(told), 1000)
        self.assertLess(len(self.pex._roster._contacts), 90)

    def test_nothing_is_kept_of_who_left(self):
        for n in range(300):
            link = self.connect(n)
            self.pex.received(link, encode({}))
            self.wait(1)
            self.disconnect(link)
        self.wait(LOOK_EVERY + 2 * MINUTE)
        one = self.connect(1)
        self.wait(2 * MINUTE)
        self.assertEqual(sum(map(len, self.pex._turns)), 1)
        self.assertEqual(len(self.pex._expected), 0)
        self.assertEqual(set(self.pex._roster._places), {one.address})


class Heard(PexCase):
    """THREATS B11, D5."""

    def say(self, link, *addresses, flags=b"", **keys):
        contacts = tuple(Contact(each) for each in addresses)
        said = PeerExchange(contacts).encode() if not flags else encode({
            b"added": b"\1\2\3\4\1\1" * len(flags), b"added.f": flags})  # fmt: skip
        self.pex.received(link, said)

    @property
    def found(self):
        """The hosts found since the last look."""
        found = [each.host for known, _, _ in self.swarm.candidates for each in known]
        self.swarm.candidates.clear()
        return found

    def test_candidates(self):
        link = self.connect(1)
        named = [Address("30.0.0.1", 1), Address("2001:db8::5", 2)]
        self.say(link, *named)
        self.assertEqual(self.swarm.candidates, [(named, Source.PEX, "20.0.0.1")])

    def test_before_it_joined(self):
        link = self.connect(1, speaks=False)
        self.say(link, Address("30.0.0.1", 1))
        self.assertEqual(self.found, ["30.0.0.1"])

    def test_nobody(self):
        self.pex.received(self.connect(1), b"de")
        self.assertEqual(self.swarm.candidates, [])

    def test_what_a_peer_may_not_name(self):
        everybody = {
            "30.0.0.1": 1, "192.168.1.1": 1, "10.0.0.1": 1, "127.0.0.1": 1, "169.254.169.254": 1,
            "0.0.0.0": 1, "255.255.255.255": 1, "224.0.0.1": 1, "30.0.0.2": 0, "::1": 1,
            "fe80::1": 1, "fd00::1": 1, "2002:7f00:1::1": 1, "2001:db8::1": 1, "ff02::1": 1,
        }  # fmt: skip
        always = {"30.0.0.1", "2001:db8::1"}
        for near, more in [
            ("20.0.0.1", set()),
            ("2001:db8::9", set()),
            ("192.168.7.7", {"192.168.1.1", "10.0.0.1", "fd00::1"}),
            ("127.0.0.1", {"127.0.0.1", "::1", "2002:7f00:1::1"}),
            ("169.254.3.3", {"169.254.169.254", "fe80::1"}),
        ]:
            link = self.connect(near)
            self.say(link, *(Address(where, port) for where, port in everybody.items()))
            self.assertEqual(set(self.found), always | more, near)

    def test_seeds_are_of_no_use_to_a_seed(self):
        for upload_only, count in [(False, 3), (True, 1)]:
            self.swarm.upload_only = upload_only
            self.say(self.connect(1), flags=b"\x02\x10\x12")
            self.assertEqual(len(self.found), count)

    def test_malformed(self):
        with self.assertRaises(ProtocolError):
            self.pex.received(self.connect(1), b"d5:added")

    def test_once_a_minute_is_heard(self):
        link = self.connect(1)
        for _ in range(1000):
            self.say(link, Address("30.0.0.1", 1))
            self.swarm.clock += EXPECT_EVERY
        self.assertEqual((len(self.found), link.offences), (1000, []))

    def test_a_burst(self):
        link = self.connect(1)
        for _ in range(10):
            self.say(link, Address("30.0.0.1", 1))
        self.assertEqual((len(self.found), link.offences), (BURST, []))

    def test_too_often_is_not_heard(self):
        """Seconds between messages -> how many are heard in an hour, whether it is an offence."""
        for every, least, most, is_offence in [
            (60, 60, 60, False),
            (30, 50, 62, False),
            (20, 40, 74, False),
            (1, 2, 74, True),
            (0.1, 2, 74, True),
        ]:
            link = self.connect(1)
            self.swarm.clock = 0.0
            while self.swarm.clock < 3600:
                self.say(link, Address("30.0.0.1", 1))
                self.swarm.clock += every
            count = len(self.found)
            self.assertTrue(least <= count <= most, (every, count))
            self.assertEqual(bool(link.offences), is_offence, every)
            self.disconnect(link)

    def test_a_flood(self):
        """It is not even decoded, and ends the connection before long."""
        link = self.connect(1)
        self.say(link)
        self.say(link)
        for _ in range(400):
            self.pex.received(link, b"junk")
        self.assertGreaterEqual(len(link.offences), 300)

    def test_forgiven(self):
        link = self.connect(1)
        for _ in range(400):
            self.say(link, Address("30.0.0.1", 1))
        self.swarm.clock += PATIENCE + TURN
        self.found  # noqa: B018
        self.say(link, Address("30.0.0.1", 1))
        self.assertEqual(self.found, ["30.0.0.1"])

    def test_too_many_at_once(self):
        link = self.connect(1)
        for count, offences in [(MOST_LISTED, 0), (MOST_CUT, 0), (MOST_CUT + 200, 1)]:
            self.pex.received(link, encode({b"added": b"\1\2\3\4\1\1" * count}))
            self.assertEqual((len(self.found), len(link.offences)), (MOST_LISTED, offences))
            self.swarm.clock += 60


class Applies(SynchronousTestCase):
    def test_private_torrents(self):
        """THREATS D8."""
        swarm, is_enabled = FakeSwarm(), True
        kind = pex_kind(lambda: is_enabled)
        self.assertEqual((kind.name, kind.applies(swarm)), (b"ut_pex", True))
        swarm.is_private = True
        self.assertFalse(kind.applies(swarm))
        swarm.is_private, is_enabled = False, False
        self.assertFalse(kind.applies(swarm))


class Rosters(SynchronousTestCase):
    def test_a_place_is_not_given_to_others_while_somebody_was_told_of_it(self):
        swarm = FakeSwarm()
        roster = Roster(swarm.random)
        one = swarm.connect(host(1), outbound=True)
        roster.look_over(swarm.links(), 0)
        told = roster.present
        swarm.disconnect(one)
        swarm.connect(host(2), outbound=True)
        roster.look_over(swarm.links(), told)
        self.assertFalse(told & roster.present)
        self.assertEqual([c.address for c in roster.contacts(told)], [one.address])
        roster.look_over(swarm.links(), 0)
        swarm.connect(host(3), outbound=True)
        roster.look_over(swarm.links(), 0)
        self.assertEqual(told & roster.present, told)
