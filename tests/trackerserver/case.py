"""A tracker without ports: what it is asked is put in by hand, what it answers is looked at."""

from random import Random
from struct import pack

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.address import packed
from txtorrent.bencode import decode
from txtorrent.trackerserver.config import default
from txtorrent.trackerserver.connectionid import ConnectionIds
from txtorrent.trackerserver.connectlimit import ConnectLimit
from txtorrent.trackerserver.http import TrackerSite
from txtorrent.trackerserver.memorystore import MemoryStore
from txtorrent.trackerserver.pages import Pages
from txtorrent.trackerserver.passkeys import Passkeys
from txtorrent.trackerserver.policy import policy_of
from txtorrent.trackerserver.tracker import Tracker
from txtorrent.trackerserver.udp import TrackerDatagrams
from txtorrent.trackerserver.webrequest import WebResponse, read_request

HASH, OTHER = b"\x11" * 20, b"\x22" * 20


class LateStore:
    """A store whose answers come when the test lets them: `late` is what it was asked."""

    def __init__(self, store):
        self._store = store
        self.late = []
        self.is_up = True

    async def start(self):
        pass

    async def stop(self):
        pass

    def announce(self, *args):
        return self._later(self._store.announce, *args)

    def scrape(self, *args):
        return self._later(self._store.scrape, *args)

    def totals(self):
        return self._store.totals()

    def _later(self, ask, *args):
        deferred = Deferred()
        self.late.append((deferred, lambda: ask(*args)))
        return deferred

    def answer(self, instead=None):
        """Answer the oldest question; or raise `instead`."""
        deferred, ask = self.late.pop(0)
        if instead is not None:
            deferred.errback(instead)
        else:
            deferred.callback(ask())


class FakeSocket:
    """Takes datagrams; `refuses` is what sending raises."""

    def __init__(self):
        self.sent = []
        self.refuses = None

    def getHandle(self):
        return self

    def sendto(self, datagram, source):
        if self.refuses is not None:
            raise self.refuses
        self.sent.append((datagram, source))


class TrackerCase(SynchronousTestCase):
    """`tracker()` makes one; `udp` and `get` ask it."""

    def setUp(self):
        self.clock = Clock()
        self.clock.advance(1000)

    def make(self, late=False, **settings):
        """A tracker with these settings besides the defaults."""
        random = Random(1)
        self.store = MemoryStore(self.clock, lambda: 0.0, random, None)
        if late:
            self.store = LateStore(self.store)
        self.config = evolve(default(), **settings)
        policy = policy_of(self.config, random, Passkeys({}))
        self.tracker = Tracker(self.clock, random, self.store, policy, b"s" * 32)
        pages = Pages(self.tracker, self.clock.seconds)
        self.site = TrackerSite(self.tracker, pages)
        self.socket = FakeSocket()
        self.ids = ConnectionIds(b"i" * 32)
        self.datagrams = TrackerDatagrams(
            self.clock, self.tracker, self.ids, ConnectLimit(), lambda _: None
        )
        self.datagrams.transport = self.socket
        self.datagrams.startProtocol()
        return self.tracker

    # -- HTTP

    def fetch(self, target, host="192.0.2.1", headers=()):
        """A page, as a WebResponse; None when it comes later, then in `self.fetched`."""
        lines = [f"GET {target} HTTP/1.1", "Host: t", *headers]
        response = self.site.respond(read_request("\r\n".join(lines).encode()), host)
        if isinstance(response, WebResponse):
            return response
        self.fetched = []
        response.addCallback(self.fetched.append)
        return self.fetched[0] if self.fetched else None

    def get(self, target, host="192.0.2.1", headers=()):
        """What is answered, decoded."""
        response = self.fetch(target, host, headers)
        self.assertEqual(response.status, 200)
        return decode(response.body)

    def announce(self, number=1, path="/announce", host=None, headers=(), **fields):
        """An announce over HTTP of the peer with this number; what is answered, decoded."""
        return self.get(target(number, path, **fields), host or f"192.0.2.{number}", headers)

    # -- UDP

    def send(self, datagram, host="192.0.2.1", port=5000):
        """Give the tracker a datagram; what it answers, in a list."""
        before = len(self.socket.sent)
        self.datagrams.datagramReceived(datagram, (host, port))
        self.clock.advance(0)
        return [sent for sent, source in self.socket.sent[before:]]

    def connect(self, host="192.0.2.1"):
        """A connection id."""
        (answer,) = self.send(pack("!QII", 0x41727101980, 0, 7), host)
        return answer[8:]

    def announce_udp(self, number=1, connection=None, host=None, extra=b"", **fields):
        """An announce over UDP of the peer with this number; the answers' bytes."""
        host = host or f"192.0.2.{number}"
        given = {"left": 0, "event": 0, "numwant": 50, "port": 6000 + number, "key": number}
        given |= {"uploaded": 0, "downloaded": 0, "info_hash": HASH} | fields
        if connection is None:
            connection = self.ids.issue(packed(host), int(self.clock.seconds()))
        body = pack(
            "!8sII20s20sQQQIIIiH",
            connection,
            1,
            7,
            given["info_hash"],
            peer_id(number),
            given["downloaded"],
            given["left"],
            given["uploaded"],
            given["event"],
            0,
            given["key"],
            given["numwant"],
            given["port"],
        )
        return self.send(body + extra, host)


def peer_id(number):
    return b"-TX0000-%012d" % number


def target(number=1, path="/announce", **fields):
    """The path and query of an announce; a field that is None is left out."""
    given = {
        "info_hash": "%11" * 20,
        "peer_id": peer_id(number).decode(),
        "port": 6000 + number,
        "uploaded": 0,
        "downloaded": 0,
        "left": 0,
        "key": f"{number:08X}",
    } | fields
    query = "&".join(f"{name}={value}" for name, value in given.items() if value is not None)
    return f"{path}?{query}"
