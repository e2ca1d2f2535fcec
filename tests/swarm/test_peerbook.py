"""Whom to dial, when, and how many addresses are kept."""

from random import Random

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.address import Address
from txtorrent.swarm.banlist import BanList
from txtorrent.swarm.crowding import MOST_PER_HOST
from txtorrent.swarm.peerbook import (
    FIRST_RETRY,
    MOST_CANDIDATES,
    MOST_FAILURES,
    MOST_OF_SOURCE,
    SLOWEST_RETRY,
    SLOWEST_RETRY_KNOWN,
    PeerBook,
    Source,
)
from txtorrent.swarm.priority import peer_priority


def address(number, port=6881):
    return Address(f"20.{number >> 16}.{number >> 8 & 255}.{number & 255}", port)


A, B, C = address(1), address(2), address(3)


class BookCase(SynchronousTestCase):
    def setUp(self):
        self.bans = BanList()
        self.book = PeerBook(Random(1), self.bans)

    def add(self, *addresses, source=Source.TRACKER):
        return self.book.add(addresses, source)

    def fail(self, where, times, now=0.0):
        for _ in range(times):
            self.book.failed(where, now)

    def next_try(self, where, limit=10_000):
        """Seconds until the address is dialled again."""
        for now in range(limit):
            if where in self.book.next_to_dial(MOST_CANDIDATES, float(now)):
                return now
        return None


class Remembered(BookCase):
    """What was found by looking at all candidates holds until one of them changes."""

    def test_nobody_is_due_until_somebody_is(self):
        self.add(A)
        self.book.next_to_dial(9, 0.0)
        self.book.failed(A, 0.0)
        self.assertEqual(self.book.next_to_dial(9, 1.0), [])
        self.add(B)
        self.assertEqual(self.book.next_to_dial(9, 2.0), [B])
        self.assertEqual(self.book.next_to_dial(9, 3.0), [])
        self.book.disconnected(B, 4.0)
        due = min(FIRST_RETRY, 4.0 + FIRST_RETRY)
        self.assertEqual(self.book.next_to_dial(9, due), [A])
        self.assertEqual(self.book.next_to_dial(9, 4.0 + FIRST_RETRY), [B])

    def test_all_are_looked_at_only_when_somebody_may_be_due(self):
        self.add(A, B, C)
        self.book.next_to_dial(9, 0.0)
        for each in (A, B, C):
            self.book.failed(each, 0.0)
        self.book.next_to_dial(9, 1.0)
        self.book._candidates = None  # to look would be an error
        self.assertEqual(self.book.next_to_dial(9, 2.0), [])

    def test_a_ban_that_has_run_out(self):
        self.add(A)
        self.bans.ban(A.host, 0.0, 100.0)
        self.assertEqual(self.book.next_to_dial(9, 1.0), [])
        self.assertEqual(self.book.next_to_dial(9, 100.0), [A])

    def test_waiting(self):
        book, found = self.book, []
        for step in (
            lambda: self.add(A, B, C),
            lambda: book.next_to_dial(1, 0.0),
            lambda: book.connected(B),
            lambda: book.failed(B, 1.0),
            lambda: book.disconnected(B, 2.0),
            lambda: book.forget(B),
            lambda: book.forget(B),
        ):
            step()
            found.append(book.waiting())
            self.assertEqual(book.waiting(), found[-1])
        self.assertEqual(found[0], 3)
        self.assertEqual(found[1], 2)
        self.assertEqual(found[-1], found[-2])


class Order(BookCase):
    def test_what_the_user_named_first(self):
        self.add(*(address(n) for n in range(10, 60)))
        self.add(A, B, source=Source.USER)
        self.assertEqual(set(self.book.next_to_dial(2, 0.0)), {A, B})
        self.assertEqual(len(self.book.next_to_dial(100, 0.0)), 50)
        self.assertEqual(self.book.next_to_dial(100, 0.0), [])

    def test_named_by_the_user_after_a_tracker_had_it(self):
        self.add(*(address(n) for n in range(10, 60)), A)
        self.add(A, source=Source.USER)
        self.assertEqual(self.book.next_to_dial(1, 0.0), [A])

    def test_who_failed_last(self):
        self.add(A, B)
        self.fail(A, 1)
        self.assertEqual(self.book.next_to_dial(2, 100.0), [B, A])

    def test_canonical_priority(self):
        """BEP 40: once we know our own address as others see it, the higher number first."""
        self.add(*(address(n) for n in range(1000, 1050)))
        ourselves = Address("123.213.32.10", 6881)
        self.book.know_ourselves(ourselves)
        self.add(*(address(n) for n in range(2000, 2050)))
        dialled = self.book.next_to_dial(100, 0.0)
        ranks = [peer_priority(ourselves, each) for each in dialled]
        self.assertEqual((len(dialled), ranks), (100, sorted(ranks, reverse=True)))

    def test_without_it_in_random_order(self):
        orders = set()
        for seed in range(10):
            book = PeerBook(Random(seed), self.bans)
            book.add([A, B, C], Source.TRACKER)
            orders.add(tuple(book.next_to_dial(3, 0.0)))
        self.assertGreater(len(orders), 3)

    def test_not_the_banned(self):
        self.add(A, B)
        self.bans.ban(A.host, 0.0, 100.0)
        self.assertEqual(self.book.next_to_dial(5, 99.0), [B])
        self.assertEqual(self.book.next_to_dial(5, 100.0), [A])


class Added(BookCase):
    def test_new_ones_are_counted(self):
        self.assertEqual([self.add(A, B, A), self.add(B, C), len(self.book)], [2, 1, 3])

    def test_unusable_ones_are_dropped(self):
        rows = ["0.0.0.0", "224.0.0.1", "255.255.255.255", "240.0.0.1", "::", "ff02::1"]
        for host in rows:
            self.assertEqual(self.add(Address(host, 6881)), 0, host)
        self.assertEqual(self.add(Address("20.0.0.1", 0)), 0)

    def test_never_ourselves(self):
        self.add(A)
        self.book.is_ourselves(A)
        self.assertEqual((self.add(A), len(self.book)), (0, 0))

    def test_never_ourselves_as_others_see_us(self):
        self.book.know_ourselves(A)
        self.assertEqual(self.add(A, B), 1)

    def test_forgotten_until_named_anew(self):
        self.add(A)
        self.book.forget(A)
        self.assertEqual((len(self.book), self.add(A)), (0, 1))


class Again(BookCase):
    def test_back_off(self):
        """Failures -> seconds, within a jitter of a fifth; then it is forgotten."""
        for failures in range(1, MOST_FAILURES):
            book = self.book = PeerBook(Random(failures), self.bans)
            self.add(A)
            self.fail(A, failures)
            wait = min(FIRST_RETRY * 2 ** (failures - 1), SLOWEST_RETRY)
            found = self.next_try(A)
            self.assertTrue(0.8 * wait <= found <= wait + 1, (failures, found))
            self.assertEqual(len(book), 1)
        self.book.failed(A, 0.0)
        self.assertEqual(len(self.book), 0)

    def test_one_that_worked_is_tried_for_ever(self):
        self.add(A)
        self.book.connected(A)
        self.assertEqual(self.book.next_to_dial(1, 0.0), [])
        self.book.disconnected(A, 0.0)
        self.assertTrue(0.8 * FIRST_RETRY <= self.next_try(A) <= FIRST_RETRY + 1)
        self.fail(A, 50)
        self.assertLessEqual(self.next_try(A), SLOWEST_RETRY_KNOWN + 1)

    def test_for_weeks(self):
        """A peer that the user named and that is never there: thousands of failures."""
        self.add(A, source=Source.USER)
        self.fail(A, 20_000)
        self.assertLessEqual(self.next_try(A), SLOWEST_RETRY_KNOWN + 1)

    def test_a_success_wipes_out_failures(self):
        self.add(A)
        self.fail(A, MOST_FAILURES - 1)
        self.book.connected(A)
        self.book.disconnected(A, 0.0)
        self.fail(A, 1)
        self.assertLessEqual(self.next_try(A), FIRST_RETRY + 1)

    def test_strangers(self):
        """What is told of addresses that are not in the book changes nothing."""
        for tell in (self.book.connected, self.book.forget):
            tell(A)
        self.book.failed(A, 0.0)
        self.book.disconnected(A, 0.0)
        self.assertEqual(len(self.book), 0)

    def test_waiting(self):
        self.add(A, B, C)
        self.book.next_to_dial(1, 0.0)
        self.assertEqual(self.book.waiting(), 2)


class Bounded(BookCase):
    """THREATS D5: a tracker can fill the book, but not the memory."""

    def many(self, start, count=MOST_CANDIDATES):
        return [address(n) for n in range(start, start + count)]

    def test_full(self):
        self.assertEqual(self.add(*self.many(0, 2 * MOST_CANDIDATES)), MOST_CANDIDATES)
        self.assertEqual(self.add(*self.many(100_000)), MOST_CANDIDATES)
        self.assertEqual(len(self.book), MOST_CANDIDATES)

    def test_who_failed_most_makes_room(self):
        known = self.many(0)
        self.add(*known)
        for times, where in enumerate(known[:5], 1):
            self.fail(where, times)
        self.assertEqual(self.add(*self.many(100_000, 3)), 3)
        self.assertEqual([where in self.book._candidates for where in known[:5]],
                         [True, True, False, False, False])  # fmt: skip
        self.assertEqual(len(self.book), MOST_CANDIDATES)

    def test_who_is_of_use_stays(self):
        """Those connected, those that were, those that the user named."""
        known = self.many(0)
        self.add(*known[:1000], source=Source.USER)
        self.add(*known[1000:])
        for where in known[1000:2000]:
            self.book.connected(where)
            self.book.disconnected(where, 0.0)
        for where in known[2000:]:
            self.book.connected(where)
        self.assertEqual(self.add(*self.many(100_000, 10)), 0)
        self.assertEqual(self.add(*self.many(100_000, 10), source=Source.USER), 0)
        self.assertEqual(set(self.book._candidates), set(known))


class NamedByPeers(BookCase):
    """THREATS B11: what peers say of others is believed least."""

    def hear(self, via, *addresses, source=Source.PEX):
        return self.book.add(addresses, source, via)

    def many(self, start, count):
        return [address(n) for n in range(start, start + count)]

    def fill(self):
        """The book is full of what trackers said, none of which was tried."""
        known = self.many(0, MOST_CANDIDATES - len(self.book))
        self.add(*known)
        return known

    def known(self, *addresses):
        return sum(self.book.source(each) is not None for each in addresses)

    def test_one_source_has_a_tenth_of_the_book(self):
        names = self.many(10_000, 2000)
        heard = [self.hear("30.0.0.1", *names[at : at + 50]) for at in range(0, 2000, 50)]
        self.assertEqual((sum(heard), MOST_OF_SOURCE), (300, 300))
        self.assertEqual(len(self.book), MOST_OF_SOURCE)
        self.assertEqual(self.hear("30.0.0.2", *self.many(20_000, 50)), 50)

    def test_all_at_once(self):
        self.assertEqual(self.hear("30.0.0.1", *self.many(10_000, 2000)), MOST_OF_SOURCE)

    def test_an_ipv6_network_is_one_source(self):
        for n in range(10):
            self.hear(f"2001:db8::{n:x}", *self.many(10_000 + 50 * n, 50))
        self.assertEqual(self.hear("2001:db8::ff", *self.many(50_000, 50)), 0)
        self.assertEqual(len(self.book), MOST_OF_SOURCE)
        self.assertEqual(self.hear("2001:db8:0:1::1", *self.many(60_000, 50)), 50)

    def test_those_that_do_not_answer_give_way_to_others_of_the_same_source(self):
        first = self.many(10_000, MOST_OF_SOURCE)
        self.hear("30.0.0.1", *first)
        for each in first[:20]:
            self.fail(each, 1)
        self.assertEqual(self.hear("30.0.0.1", *self.many(20_000, 50)), 20)
        self.assertEqual((self.known(*first[:20]), self.known(*first[20:])), (0, 280))

    def test_those_of_other_sources_do_not(self):
        other = self.many(10_000, 100)
        self.hear("30.0.0.1", *other)
        for each in other:
            self.fail(each, 1)
        self.hear("30.0.0.2", *self.many(20_000, MOST_OF_SOURCE))
        self.hear("30.0.0.2", *self.many(30_000, 50))
        self.assertEqual(self.known(*other), 100)

    def test_who_is_gone_counts_no_more(self):
        """However it went."""
        names = self.many(10_000, MOST_OF_SOURCE)
        self.hear("30.0.0.1", *names)
        self.book.forget(names[0])
        self.fail(names[1], MOST_FAILURES)
        self.book.is_ourselves(names[2])
        self.add(names[3])
        self.assertEqual(self.hear("30.0.0.1", *self.many(20_000, 50)), 4)
        self.assertEqual(self.hear("30.0.0.1", *self.many(30_000, 50)), 0)
        self.assertEqual(self.book.source(names[3]), Source.TRACKER)

    def test_nothing_is_kept_of_sources(self):
        for n in range(100):
            self.hear(f"30.0.1.{n}", address(10_000 + n))
        for n in range(100):
            self.book.forget(address(10_000 + n))
        self.assertEqual(self.book._named._counts, {})

    def test_repeated(self):
        self.assertEqual(self.hear("30.0.0.1", A, B, A), 2)
        self.assertEqual(self.hear("30.0.0.2", A, B, C), 1)
        self.assertEqual(self.book._named["30.0.0.2"], 1)

    def test_tried_after_all_others(self):
        """Even after those that failed."""
        self.hear("30.0.0.1", A)
        self.add(B, source=Source.DHT)
        self.add(C)
        self.fail(C, 1)
        self.assertEqual([c.address for c in self.book.ranked(1000.0)], [B, C, A])
        self.assertEqual(self.book.next_to_dial(3, 1000.0), [B, C, A])

    def test_they_make_room_first(self):
        named = self.many(10_000, 10)
        self.hear("30.0.0.1", *named)
        known = self.fill()
        self.fail(known[0], 3)
        self.assertEqual(self.add(*self.many(50_000, 10)), 10)
        self.assertEqual((self.known(*named), self.known(*known)), (0, len(known)))
        self.assertEqual(self.book._named["30.0.0.1"], 0)

    def test_they_push_nobody_out(self):
        known = self.fill()
        self.fail(known[0], 3)
        self.assertEqual(self.hear("30.0.0.1", *self.many(50_000, 10)), 0)
        self.assertEqual(self.known(*known), len(known))

    def test_they_push_out_those_of_their_kind_that_did_not_answer(self):
        named = self.many(10_000, 10)
        self.hear("30.0.0.1", *named)
        known = self.fill()
        for each in named[:4]:
            self.fail(each, 1)
        self.assertEqual(self.hear("30.0.0.2", *self.many(50_000, 10)), 4)
        self.assertEqual((self.known(*named), self.known(*known)), (6, len(known)))

    def test_many_ports_of_one_host(self):
        """We are not to be led to knock at all doors of somebody."""
        for n in range(20):
            ports = range(100 * n + 1, 100 * n + 50)
            self.hear(f"30.0.0.{n}", *(address(1, port) for port in ports))
        self.assertEqual(len(self.book), MOST_PER_HOST)
        six = [Address(f"2001:db8::{n:x}", 6881) for n in range(1, 50)]
        self.assertEqual(self.hear("30.0.0.1", *six), MOST_PER_HOST)

    def test_many_ports_of_our_own_network(self):
        home = [Address("192.168.0.1", port) for port in range(1, 11)]
        self.assertEqual(self.hear("192.168.0.2", *home), 10)

    def test_trackers_may_name_them(self):
        self.assertEqual(self.add(*(address(1, port) for port in range(1, 11))), 10)
