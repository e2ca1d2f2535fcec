"""Swarms in a real Redis: who is told of whom, counted how often, and for how long."""

import subprocess
import sys

from attrs import evolve
from twisted.internet.defer import gatherResults
from twisted.trial.unittest import SynchronousTestCase

from tests.interop.programs import ROOT
from tests.trackerserver.rediscase import (
    HASH,
    LIFETIME,
    RedisCase,
    announce,
    host4,
    host6,
    numbers,
    peer_id,
)  # fmt: skip
from txtorrent.trackerserver.interfaces import Totals
from txtorrent.trackerserver.redisscripts import KEEP_COMPLETED
from txtorrent.wire.announce import Event, ScrapeResult

COMPLETED, STOPPED = Event.COMPLETED, Event.STOPPED


class OneStore(RedisCase):
    async def start(self) -> None:
        self.redis = await self.server()
        self.one = await self.store(self.redis.address)

    async def scraped(self) -> tuple[int, int, int]:
        found = (await self.one.scrape([HASH]))[HASH]
        return found.seeders, found.leechers, found.completed

    async def test_peers_are_told_of_each_other(self):
        await self.start()
        first = await self.announced(self.one, announce(1))
        self.assertEqual((first.seeders, first.leechers, first.completed), (0, 1, 0))
        self.assertEqual((first.peers4, first.peers6, first.ids4, first.ids6), (b"",) * 4)
        second = await self.announced(self.one, announce(2, left=0))
        self.assertEqual((second.seeders, second.leechers), (1, 1))
        self.assertEqual(second.peers4, host4(1) + (6881).to_bytes(2, "big"))
        third = await self.one.announce(announce(3), LIFETIME, True)
        ids = {third.peers4[i * 6 :][:4]: third.ids4[i * 20 :][:20] for i in range(2)}
        self.assertEqual(ids, {host4(1): peer_id(1), host4(2): peer_id(2)})

    async def test_seeds_are_not_given_to_seeds(self):
        await self.start()
        await self.announced(self.one, *(announce(i, left=i % 2) for i in range(1, 9)))
        self.assertEqual(numbers(await self.announced(self.one, announce(2, left=0))), {1, 3, 5, 7})
        self.assertEqual(
            numbers(await self.announced(self.one, announce(1))), {2, 3, 4, 5, 6, 7, 8}
        )

    async def test_numwant(self):
        await self.start()
        await self.announced(self.one, *(announce(i, left=i % 2) for i in range(60)))
        for numwant in (0, 1, 7, 59, 1000):
            told = await self.announced(self.one, announce(1, numwant=numwant))
            self.assertEqual(len(numbers(told)), min(numwant, 59))

    async def test_drawn_by_chance_and_in_proportion(self):
        await self.start()
        await self.announced(self.one, *(announce(i, left=int(i > 20)) for i in range(1, 101)))
        seen: set[int] = set()
        seeds = 0
        for _ in range(100):
            told = numbers(await self.announced(self.one, announce(100, numwant=10)))
            self.assertEqual(len(told), 10)
            self.assertNotIn(100, told)
            seeds += sum(number <= 20 for number in told)
            seen |= told
        self.assertGreater(len(seen), 90)
        self.assertGreater(seeds, 150)  # two of ten each time, but for fractions
        self.assertLess(seeds, 250)

    async def test_one_of_two_is_given_by_chance(self):
        await self.start()
        await self.announced(self.one, announce(1), announce(2, left=0), announce(3))
        told = [numbers(await self.announced(self.one, announce(3, numwant=1))) for _ in range(64)]
        self.assertEqual({1, 2}, set().union(*told))

    async def test_becomes_a_seed_and_leaves(self):
        await self.start()
        await self.announced(self.one, announce(1), announce(2))
        self.assertEqual(await self.scraped(), (0, 2, 0))
        await self.announced(self.one, announce(1, left=0, event=COMPLETED))
        self.assertEqual(await self.scraped(), (1, 1, 1))
        told = await self.announced(self.one, announce(2, event=STOPPED, numwant=0))
        self.assertEqual((told.seeders, told.leechers, told.completed), (1, 0, 1))
        self.assertEqual(await self.scraped(), (1, 0, 1))
        await self.announced(self.one, announce(9, event=STOPPED))
        self.assertEqual(await self.scraped(), (1, 0, 1))

    async def test_completed_counts_once(self):
        await self.start()
        done = announce(1, left=0, event=COMPLETED)
        await self.announced(self.one, announce(1), done, done, announce(1, left=0), done)
        self.assertEqual(await self.scraped(), (1, 0, 1))
        seed = announce(2, left=0)
        await self.announced(self.one, seed, evolve(seed, event=COMPLETED))
        self.assertEqual(await self.scraped(), (2, 0, 1))
        partial = announce(3, left=5, event=COMPLETED)  # has all that it wants, BEP 21
        await self.announced(self.one, partial, partial)
        self.assertEqual(await self.scraped(), (2, 1, 2))

    async def test_both_families_are_one_peer(self):
        await self.start()
        both = announce(1), announce(1, host=host6(1))
        told = await self.announced(self.one, *both)
        self.assertEqual((told.leechers, numbers(told)), (1, set()))
        for host, peers4, peers6 in ((host4(2), 6, 0), (host6(2), 0, 18)):
            told = await self.announced(self.one, announce(2, host=host))
            self.assertEqual((len(told.peers4), len(told.peers6)), (peers4, peers6))
            self.assertEqual(told.leechers, 2)
            await self.announced(self.one, announce(2, event=STOPPED))
        await self.announced(self.one, announce(1, event=STOPPED))
        self.assertEqual(await self.one.scrape([HASH]), {})

    async def test_key_tells_peers_apart(self):
        await self.start()
        told = await self.announced(self.one, announce(1), announce(1, key=b"else", port=7000))
        self.assertEqual((told.leechers, numbers(told)), (2, {1}))

    async def test_own_family_first(self):
        await self.start()
        await self.announced(
            self.one,
            *(announce(i) for i in range(100)),
            *(announce(i, host=host6(i)) for i in range(100, 110)),
            announce(110),
            announce(110, host=host6(110)),
        )
        told = await self.announced(self.one, announce(200, host=host6(200), numwant=20))
        self.assertEqual(len(told.peers6), 11 * 18)
        self.assertEqual(len(told.peers4), 9 * 6)
        self.assertLessEqual(set(range(100, 111)), numbers(told))
        told = await self.announced(self.one, announce(201, numwant=20))
        self.assertEqual((len(told.peers4), len(told.peers6)), (20 * 6, 0))

    async def test_ids_of_both_families(self):
        await self.start()
        await self.announced(self.one, announce(1), announce(2, host=host6(2)))
        told = await self.one.announce(announce(3), LIFETIME, True)
        self.assertEqual((told.ids4, told.ids6), (peer_id(1), peer_id(2)))

    async def test_restarted_client_is_given_once(self):
        await self.start()
        again = announce(2, host=host4(1))
        await self.announced(self.one, announce(1), again)
        told = await self.announced(self.one, announce(3))
        self.assertEqual(len(told.peers4), 6)
        told = await self.announced(self.one, again)  # nor itself to itself
        self.assertEqual(numbers(told), {3})

    async def test_moved_client_is_given_where_it_is(self):
        await self.start()
        await self.announced(self.one, announce(1), announce(1, host=host4(7)))
        self.assertEqual(numbers(await self.announced(self.one, announce(3))), {7})

    async def test_expires(self):
        await self.start()
        for each in (announce(1, left=0, event=COMPLETED), announce(2, host=host6(2)), announce(4)):
            await self.one.announce(each, 1, False)
        await self.announced(self.one, announce(2), announce(3))

        async def expired() -> bool:
            return await self.scraped() == (0, 2, 1)

        await self.until("what is too old is not counted", expired)
        told = await self.announced(self.one, announce(3, host=host6(3)))
        self.assertEqual(told.peers4, host4(2) + (6881).to_bytes(2, "big"))  # not its IPv6 address
        self.assertEqual((told.peers6, told.seeders, told.leechers), (b"", 0, 2))
        self.assertEqual(await self.redis.call("HLEN", b"txtorrent:{%b}" % HASH.hex().encode()), 2)

    async def test_keys_vanish_but_for_completed(self):
        await self.start()
        for left in (0, 1):
            for host in (host4(left), host6(left)):
                each = announce(left, left=left, host=host, event=COMPLETED)
                await self.one.announce(each, 1, False)
        tag = b"txtorrent:{%b}" % HASH.hex().encode()

        async def only_completed() -> bool:
            return await self.redis.call("KEYS", "*") == [tag + b":c"]

        await self.until("the keys vanish", only_completed)
        self.assertEqual(await self.one.scrape([HASH]), {HASH: ScrapeResult(0, 0, 2)})
        self.assertGreater(await self.redis.call("TTL", tag + b":c"), KEEP_COMPLETED - 60)
        self.assertLessEqual(await self.redis.call("TTL", tag + b":c"), 30 * 24 * 3600)

    async def test_no_pool_vanishes_before_the_records_of_its_peers(self):
        await self.start()
        steps = [(1, 0, 1000), (2, 1, 5000), (3, 1, 3000), (4, 0, 100), (1, 0, 100), (1, 1, 9000)]
        for number, left, lifetime in steps:
            host = host6(number) if number == 4 else None
            await self.one.announce(announce(number, left=left, host=host), lifetime, False)
            swarm, *pools = sorted(await self.redis.call("KEYS", "*"))
            records = await self.redis.call("TTL", swarm)
            self.assertGreaterEqual(records, lifetime)
            for pool in pools:
                self.assertGreaterEqual(await self.redis.call("TTL", pool), records, pool)

    async def test_scrape(self):
        await self.start()
        hashes = [bytes([i]) * 20 for i in range(5)]
        await self.announced(self.one, *(announce(1, info_hash=each) for each in hashes[:3]))
        found = await self.one.scrape(hashes)
        self.assertEqual(found, {each: ScrapeResult(0, 1, 0) for each in hashes[:3]})
        self.assertEqual(await self.one.scrape([]), {})

    async def test_swarms_with_strange_hashes(self):
        await self.start()
        for info_hash in (b"}" * 20, b"{}\r\n*" * 4, bytes(20), b"\xff" * 20):
            told = await self.announced(
                self.one, announce(1, info_hash=info_hash), announce(2, info_hash=info_hash)
            )
            self.assertEqual(numbers(told), {1})

    async def test_address_that_reads_like_a_number(self):
        await self.start()
        await self.announced(self.one, announce(1, host=b"1234", port=0x3536))
        self.assertEqual((await self.announced(self.one, announce(2))).peers4, b"123456")


class TwoStores(RedisCase):
    async def test_they_share_swarms(self):
        redis = await self.server()
        one, two = await self.store(redis.address), await self.store(redis.address)
        await self.announced(one, announce(1, left=0, event=COMPLETED))
        told = await self.announced(two, announce(2))
        self.assertEqual((told.seeders, told.completed, numbers(told)), (1, 1, {1}))
        self.assertEqual(numbers(await self.announced(one, announce(1, left=0))), {2})

    async def test_totals(self):
        redis = await self.server()
        one = await self.store(redis.address)
        hashes = [swarm.to_bytes(20, "big") for swarm in range(300)]
        for each in (announce(1, left=0), announce(2), announce(2, host=host6(2))):
            swarms = (evolve(each, info_hash=info_hash) for info_hash in hashes)
            await gatherResults([one.announce(swarm, LIFETIME, False) for swarm in swarms])
        two = await self.store(redis.address)  # begins to count
        await self.until("it has counted", lambda: two.totals()[:3] == (300, 300, 300))
        self.assertEqual(two.totals(), Totals(300, 300, 300, (0, 300, 0, 0, 0, 0)))

    async def test_many_at_once_get_their_own_answers(self):
        redis = await self.server()
        stores = [await self.store(redis.address) for _ in range(2)]
        asked = []
        for number in range(1, 401):
            info_hash = (number * 2**150 + number // 2).to_bytes(20, "big")
            each = announce(number, info_hash=info_hash)
            asked.append((number, stores[number % 2].announce(each, LIFETIME, True)))
            other = announce(number + 1000, info_hash=info_hash)
            asked.append((number, stores[number % 2].announce(other, LIFETIME, True)))
        for at, (number, result) in enumerate(asked):
            told = await result
            self.assertEqual(told.ids4, peer_id(number) if at % 2 else b"")
            self.assertEqual(told.leechers, 1 + at % 2)


class Imports(SynchronousTestCase):
    def test_no_reactor_is_installed_for_who_only_reads_an_address(self):
        source = "import sys, txtorrent.trackerserver.redisstore as _; print(*sys.modules)"
        ran = subprocess.run(
            [sys.executable, "-c", source], cwd=ROOT, capture_output=True, check=True
        )
        modules = ran.stdout.decode().split()
        self.assertIn("txtorrent.trackerserver.redisstore", modules)
        self.assertNotIn("twisted.internet.reactor", modules)
