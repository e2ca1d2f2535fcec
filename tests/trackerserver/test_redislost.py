"""A Redis that is lost, held up, full, or not willing: what clients are told, what the log says,
and that all is well again by itself when Redis is."""

from random import Random

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.error import ConnectError
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.tcp import Client
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.testing.loopback import free_port
from tests.trackerserver.rediscase import HASH, LIFETIME, RedisCase, announce, numbers
from tests.trackerserver.redisserver import RedisServer
from txtorrent.trackerserver import redishealth, redislink, redisprotocol
from txtorrent.trackerserver.interfaces import Refused, Totals
from txtorrent.trackerserver.redisaddress import RedisAddress
from txtorrent.trackerserver.redisstore import RedisStore


def _is_connected(redis: RedisServer) -> bool:
    """Whether somebody has a connection to it."""
    return any(
        isinstance(each, Client) and each.getPeer().port == redis.port
        for each in reactor.getReaders()
    )


class Speaker(Protocol):
    """Takes part in a conversation with fixed replies, whatever it is told."""

    def __init__(self, replies: bytes) -> None:
        self._replies = replies

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(self._replies)
        self._replies = b""


class LostCase(RedisCase):
    """What is to happen is waited for; where that is a time-out it is a short one."""

    def be_impatient(self) -> None:
        self.patch(redisprotocol, "REPLY_TIME", 0.3)

    def warnings(self) -> list[str]:
        return [text for level, text in self.log if level == "warn"]

    def clear_log(self) -> None:
        del self.log[:]


class Lost(LostCase):
    async def test_not_there_at_first(self):
        redis = RedisServer(self)
        store = await self.store(redis.address)
        error = await self.refused(store.announce, announce(1), LIFETIME, False)
        self.assertIn("cannot reach its store", str(error))
        await self.refused(store.scrape, [HASH])
        self.assertEqual((store.totals(), store.is_up), (Totals(0, 0, 0), False))
        [warning] = self.warnings()
        self.assertIn("refused", warning)
        await redis.start()
        await self.until_announced(store, announce(1))
        self.assertEqual([level for level, _ in self.log], ["warn", "info"])
        await self.until(
            "it has counted", lambda: store.totals() == Totals(1, 0, 1, (1, 0, 0, 0, 0, 0))
        )
        self.assertTrue(store.is_up)
        await redis.stop("KILL")
        await self.until("it is lost", lambda: not store.is_up)
        self.assertEqual(store.totals(), Totals(1, 0, 1, (1, 0, 0, 0, 0, 0)))

    async def test_killed_and_started_again(self):
        redis = await self.server()
        stores = [await self.store(redis.address) for _ in range(2)]
        await self.announced(stores[0], announce(1))
        self.clear_log()
        await redis.stop("KILL")
        for store in stores:
            for _ in range(20):
                await self.refused(store.announce, announce(1), LIFETIME, False)
        self.assertEqual(len(self.warnings()), 2, self.log)
        await redis.start()
        for number, store in enumerate(stores):
            await self.until_announced(store, announce(number))
        self.assertEqual(numbers(await self.announced(stores[0], announce(5))), {0, 1})
        self.assertEqual([level for level, _ in self.log].count("info"), 2)

    async def test_what_is_under_way_when_it_is_killed_is_refused(self):
        redis = await self.server()
        store = await self.store(redis.address)
        redis.hold()
        asked = [store.announce(announce(i), LIFETIME, False) for i in range(20)]
        asked.append(store.scrape([HASH]))
        await redis.stop("KILL")
        for each in asked:
            await self.refused(lambda each=each: each)

    async def test_scripts_are_forgotten(self):
        redis = await self.server()
        store = await self.store(redis.address)
        for _ in range(2):
            await redis.call("SCRIPT", "FLUSH")
            asked = [store.announce(announce(i), LIFETIME, True) for i in range(50)]
            asked.append(store.scrape([HASH]))
            await gatherResults(asked)
        self.assertEqual((await self.announced(store, announce(1))).leechers, 50)
        self.assertEqual(self.warnings(), [])

    async def test_connection_that_is_killed_comes_back(self):
        redis = await self.server()
        store = await self.store(redis.address)
        await redis.call("CLIENT", "KILL", "TYPE", "normal")
        await self.until_announced(store, announce(1))


class HeldUp(LostCase):
    async def test_refused_in_time_and_well_again(self):
        redis = await self.server()
        store = await self.store(redis.address)
        await self.announced(store, announce(1))
        self.be_impatient()
        redis.hold()
        asked = [store.announce(announce(number), LIFETIME, False) for number in range(2, 30)]
        for each in asked:
            await self.refused(lambda each=each: each)

        async def is_lost() -> bool:
            await self.refused(store.announce, announce(2), LIFETIME, False)
            return bool(self.warnings())

        await self.until("it is lost", is_lost)
        self.assertIn("no reply came", self.warnings()[0])
        self.patch(redisprotocol, "REPLY_TIME", 3.0)
        redis.go_on()
        told = await self.until_announced(store, announce(1))
        self.assertNotIn(1, numbers(told))
        hashes = [bytes([i]) * 20 for i in range(50)]  # each gets its own answer
        asked = [store.announce(announce(9, info_hash=each), LIFETIME, False) for each in hashes]
        for each in asked:
            self.assertEqual((await each).leechers, 1)

    async def test_no_endless_queue(self):
        self.patch(redisprotocol, "MOST_UNDER_WAY", 10)
        redis = await self.server()
        store = await self.store(redis.address)
        redis.hold()
        asked = []
        while not store._links.pick(HASH[0]).is_full:  # it begins to count, too
            asked.append(store.announce(announce(1), LIFETIME, False))
        error = await self.refused(store.announce, announce(11), LIFETIME, False)
        self.assertIn("too much to do", str(error))
        redis.go_on()
        await gatherResults(asked)
        await self.announced(store, announce(11))

    async def test_stopped_while_requests_are_under_way(self):
        redis = await self.server()
        store = await self.store(redis.address)
        asked = store.announce(announce(1), LIFETIME, False)
        await store.stop()
        self.assertEqual((await asked).leechers, 1)
        await self.refused(store.announce, announce(1), LIFETIME, False)

    async def test_stopped_while_it_is_held_up(self):
        self.be_impatient()
        redis = await self.server()
        store = await self.store(redis.address)
        redis.hold()
        asked = store.announce(announce(1), LIFETIME, False)
        await store.stop()
        await self.refused(lambda: asked)

    async def test_stopped_while_it_greets(self):
        self.patch(redisprotocol, "REPLY_TIME", 30.0)
        redis = await self.server()
        redis.hold()
        store = self.unstarted(redis.address)
        started = Deferred.fromCoroutine(store.start())
        await self.until("it is connected", lambda: _is_connected(redis))
        await store.stop()
        await started


class Unwilling(LostCase):
    async def test_wrong_password(self):
        redis = await self.server("--requirepass", "the right one")
        host, port = redis.address.host, redis.address.port
        for password in (None, "hunter2"):
            self.clear_log()
            store = await self.store(RedisAddress(host, port, 0, password))
            await self.refused(store.announce, announce(1), LIFETIME, False)
            [warning] = self.warnings()
            self.assertRegex(warning, "NOAUTH|WRONGPASS")
            self.assertNotIn("hunter2", warning)
            await store.stop()
        store = await self.store(RedisAddress(host, port, 0, "the right one"))
        await self.announced(store, announce(1))

    async def test_password_is_set_right_later(self):
        redis = await self.server()
        store = await self.store(RedisAddress(redis.host, redis.port, 0, "later"))
        await self.refused(store.announce, announce(1), LIFETIME, False)
        await redis.call("CONFIG", "SET", "requirepass", "later")
        await self.until_announced(store, announce(1))

    async def test_no_such_database(self):
        redis = await self.server("--databases", "2")
        store = await self.store(RedisAddress(redis.host, redis.port, 5))
        await self.refused(store.announce, announce(1), LIFETIME, False)
        self.assertIn("out of range", self.warnings()[0])
        store = await self.store(RedisAddress(redis.host, redis.port, 1))
        await self.announced(store, announce(1))
        self.assertIn(b"db1", await redis.call("INFO", "keyspace"))

    async def test_full(self):
        self.patch(redishealth, "CALM", 0.2)
        redis = await self.server()
        store = await self.store(redis.address)
        await self.announced(store, announce(1), announce(2))
        self.clear_log()
        await redis.call("CONFIG", "SET", "maxmemory", "1")
        for number in range(10, 20):
            error = await self.refused(store.announce, announce(number), LIFETIME, False)
            self.assertIn("takes no announces", str(error))
        told = await self.announced(store, announce(2))  # who is in it, stays in it
        self.assertEqual((told.leechers, numbers(told)), (2, {1}))
        [warning] = self.warnings()
        self.assertIn("OOM", warning)
        await redis.call("CONFIG", "SET", "maxmemory", "0")
        await self.announced(store, announce(10))
        await self.until("it is said that it is over", lambda: len(self.log) == 2)
        self.assertIn("refuses nothing any more", self.log[1][1])

    async def test_read_only(self):
        redis = await self.server()
        store = await self.store(redis.address)
        await redis.call("REPLICAOF", redis.host, free_port(redis.host))
        for _ in range(5):
            await self.refused(store.announce, announce(1), LIFETIME, False)
        [warning] = self.warnings()
        self.assertIn("READONLY", warning)
        await redis.call("REPLICAOF", "NO", "ONE")
        await self.until_announced(store, announce(1))


class Strange(LostCase):
    async def speaking(self, replies: bytes) -> RedisServer:
        """What listens where a Redis will be, and says this."""
        redis = RedisServer(self)
        endpoint = TCP4ServerEndpoint(reactor, redis.port, interface=redis.host)
        factory = Factory.forProtocol(lambda: Speaker(replies))
        factory.noisy = False
        self.listening = await endpoint.listen(factory)
        self.addCleanup(self.listening.stopListening)
        return redis

    async def test_loading(self):
        redis = await self.speaking(b"+OK\r\n" + b"-LOADING Redis is loading the dataset\r\n" * 2)
        store = await self.store(redis.address)
        await self.refused(store.announce, announce(1), LIFETIME, False)
        [warning] = self.warnings()
        self.assertIn("LOADING", warning)
        await self.listening.stopListening()
        await redis.start()
        await self.until_announced(store, announce(1))

    async def test_not_redis(self):
        redis = await self.speaking(b"HTTP/1.1 400 Bad Request\r\n")
        store = await self.store(redis.address)
        await self.refused(store.announce, announce(1), LIFETIME, False)
        self.assertIn("not Redis", self.warnings()[0])

    async def test_answers_of_others(self):
        greeted = b"+OK\r\n" + b"$1\r\nx\r\n" * 2
        for wrong in (b"$2\r\nxx\r\n", b"$40\r\n%b\r\n" % (b"\xff" * 40), b":1\r\n", b"*0\r\n"):
            redis = await self.speaking(greeted)
            store = self.unstarted(redis.address)
            await store._links.start()
            asked = store.announce(announce(1), LIFETIME, False)
            connection = store._links.pick(HASH[0])
            connection.dataReceived(wrong)
            await self.refused(lambda asked=asked: asked)
            await connection.when_ended()
            await store.stop()


class Stopped(SynchronousTestCase):
    """Nothing is left of a store on a reactor in memory."""

    def setUp(self):
        self.reactor = MemoryReactorClock()
        self.store = RedisStore(self.reactor, RedisAddress("10.0.0.1", 6379), Random(1))
        self.started = Deferred.fromCoroutine(self.store.start())

    def stop(self):
        self.successResultOf(Deferred.fromCoroutine(self.store.stop()))
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_while_it_connects(self):
        self.assertNoResult(self.started)
        self.stop()
        self.successResultOf(self.started)

    def test_between_two_tries(self):
        for attempt in self.reactor.tcpClients:
            attempt[2].clientConnectionFailed(None, Failure(ConnectError()))
        self.reactor.advance(0.3)  # the resolver had been asked for more addresses
        self.successResultOf(self.started)
        self.stop()

    def test_after_an_error_of_ours(self):
        def broken(*args: object, **kwargs: object) -> None:
            raise RuntimeError("broken")

        self.stop()
        self.patch(redislink, "HostnameEndpoint", broken)
        store = RedisStore(self.reactor, RedisAddress("10.0.0.1", 6379), Random(1))
        self.successResultOf(Deferred.fromCoroutine(store.start()))
        self.reactor.advance(1.0)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 4)
        self.successResultOf(Deferred.fromCoroutine(store.stop()))
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_never_started(self):
        self.stop()
        store = RedisStore(self.reactor, RedisAddress("10.0.0.1", 6379), Random(1))
        self.assertRaises(Refused, store.announce, announce(1), LIFETIME, False)
        self.successResultOf(Deferred.fromCoroutine(store.stop()))
