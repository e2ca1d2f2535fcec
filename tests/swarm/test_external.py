"""Who we are as others see us: many voters, some of whom lie."""

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.swarm.external import (
    ENOUGH_TO_CHANGE,
    MOST_OF_NETWORK,
    MOST_VOTES,
    WINDOW,
    Count,
    ExternalAddress,
    Source,
)

TRUE, FALSE, NEW = "198.51.100.7", "203.0.113.66", "198.51.100.8"
TRUE6, NEW6 = "2001:db8::7", "2001:db8:1::7"


def voter(number: int) -> str:
    """One of each network."""
    return f"20.{number // 256}.{number % 256}.1"


class Case(SynchronousTestCase):
    def setUp(self) -> None:
        self.us = ExternalAddress()

    def votes(self, host: str, first: int, last: int, now: float = 0.0, source=Source.PEER) -> bool:
        """Whether any of these votes has changed what is believed."""
        voters = range(first, last)
        changes = [self.us.vote(host, voter(number), source, now) for number in voters]
        return any(changes)


class BeliefTests(Case):
    def test_nothing_at_first(self) -> None:
        self.assertEqual((self.us.ipv4, self.us.ipv6), (None, None))
        self.assertEqual(self.us.counts(0.0), [])

    def test_a_few_peers_are_believed_for_want_of_better(self) -> None:
        self.assertFalse(self.votes(TRUE, 0, 2))
        self.assertEqual(self.us.ipv4, None)
        self.assertTrue(self.us.vote(TRUE, voter(2), Source.DHT, 0.0))
        self.assertEqual(self.us.ipv4, TRUE)
        self.assertFalse(self.us.vote(TRUE, voter(3), Source.DHT, 0.0))

    def test_one_tracker_or_the_router_is_enough(self) -> None:
        for who, source in (("tracker.example", Source.TRACKER), ("192.168.1.1", Source.ROUTER)):
            us = ExternalAddress()
            self.assertTrue(us.vote(TRUE, who, source, 0.0))
            self.assertEqual(us.ipv4, TRUE)

    def test_families_are_apart(self) -> None:
        self.votes(TRUE, 0, 5)
        self.assertTrue(self.votes(TRUE6, 0, 5))
        self.assertEqual((self.us.ipv4, self.us.ipv6), (TRUE, TRUE6))

    def test_spellings_are_one(self) -> None:
        self.us.vote("::ffff:198.51.100.7", voter(0), Source.PEER, 0.0)
        self.us.vote(TRUE, "::ffff:20.0.0.1", Source.PEER, 0.0)
        self.us.vote("2001:DB8:0::7", voter(0), Source.PEER, 0.0)
        self.us.vote(TRUE6, voter(1), Source.PEER, 0.0)
        self.assertEqual(self.us.counts(0.0), [Count(TRUE6, 2, 2, False), Count(TRUE, 1, 1, False)])

    def test_only_global_addresses_count(self) -> None:
        for host in (
            "10.0.0.1",
            "192.168.1.5",
            "100.64.3.2",
            "127.0.0.1",
            "169.254.1.1",
            "0.0.0.0",
            "255.255.255.255",
            "239.1.1.1",
            "fe80::1",
            "fd00::1",
            "::1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "no address",
            "",
        ):
            self.assertFalse(self.votes(host, 0, 50), host)
        self.assertEqual(self.us.counts(0.0), [])


class LiarTests(Case):
    def test_a_few_liars_do_not_flip_it(self) -> None:
        self.votes(TRUE, 0, 3)
        self.assertFalse(self.votes(FALSE, 100, 100 + ENOUGH_TO_CHANGE - 1))
        self.assertEqual(self.us.ipv4, TRUE)

    def test_nor_when_nobody_else_has_spoken_for_long(self) -> None:
        self.votes(TRUE, 0, 3)
        late = 10 * WINDOW
        self.assertFalse(self.votes(FALSE, 100, 100 + ENOUGH_TO_CHANGE - 1, late))
        self.assertEqual(self.us.ipv4, TRUE)

    def test_many_need_twice_as_many(self) -> None:
        self.votes(TRUE, 0, 20)
        self.assertFalse(self.votes(FALSE, 100, 139))
        self.assertTrue(self.votes(FALSE, 139, 141))
        self.assertEqual(self.us.ipv4, FALSE)

    def test_a_majority_is_needed(self) -> None:
        """Liars that do not agree, and one who gains by it."""
        self.votes(TRUE, 0, 3)
        for number in range(10, 30):
            self.us.vote(f"203.0.113.{number}", voter(number), Source.PEER, 0.0)
        self.assertFalse(self.votes(FALSE, 100, 110))
        self.assertEqual(self.us.ipv4, TRUE)

    def test_one_vote_a_voter(self) -> None:
        for _ in range(100):
            self.assertFalse(self.us.vote(FALSE, voter(1), Source.PEER, 0.0))
        self.assertEqual(self.us.counts(0.0), [Count(FALSE, 1, 1, False)])

    def test_a_network_has_two(self) -> None:
        for last in range(1, 255):
            self.us.vote(FALSE, f"20.0.0.{last}", Source.PEER, 0.0)
            self.us.vote(NEW6, f"2001:db8:5:5::{last}", Source.PEER, 0.0)
        votes = {count.host: count.votes for count in self.us.counts(0.0)}
        self.assertEqual(votes, {FALSE: MOST_OF_NETWORK, NEW6: MOST_OF_NETWORK})
        self.assertEqual((self.us.ipv4, self.us.ipv6), (None, None))

    def test_whoever_changes_his_mind_takes_his_vote_along(self) -> None:
        self.votes(TRUE, 0, 5)
        self.votes(FALSE, 0, 2)
        self.assertEqual(self.us.counts(0.0), [Count(TRUE, 3, 3, True), Count(FALSE, 2, 2, False)])


class ChangeTests(Case):
    def test_our_address_has_changed(self) -> None:
        """Everybody reconnects and says the new one."""
        self.votes(TRUE, 0, 30)
        changes = [self.votes(NEW, number, number + 1, 60.0) for number in range(30)]
        self.assertEqual(changes.count(True), 1)
        self.assertEqual(self.us.ipv4, NEW)

    def test_nobody_new_agrees_with_what_was(self) -> None:
        self.votes(TRUE, 0, 300)
        self.assertTrue(self.votes(NEW, 500, 508, WINDOW + 1))
        self.assertEqual(self.us.counts(WINDOW + 1), [Count(NEW, 8, 8, True)])

    def test_the_router_decides_when_few_speak(self) -> None:
        self.votes(TRUE, 0, 4)
        self.assertTrue(self.us.vote(NEW, "192.168.1.1", Source.ROUTER, 10.0))

    def test_what_is_believed_outlives_the_votes(self) -> None:
        self.votes(TRUE, 0, 5)
        self.assertEqual(self.us.counts(2 * WINDOW), [])
        self.assertEqual(self.us.ipv4, TRUE)

    def test_bounded(self) -> None:
        for number in range(4 * MOST_VOTES):
            host = f"203.{number // 65536}.{number // 256 % 256}.{number % 256}"
            self.us.vote(host, voter(number), Source.PEER, 0.0)
        counts = self.us.counts(0.0)
        self.assertEqual(sum(count.votes for count in counts), MOST_VOTES)
        poll = self.us._polls[4]
        self.assertEqual(len(poll._weights), MOST_VOTES)
        self.assertEqual(len(poll._of_network), MOST_VOTES)
