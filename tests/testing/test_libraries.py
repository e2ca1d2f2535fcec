"""Twisted's web client and server, and treq, run on the simulated network as they are."""

# mypy: ignore-errors
# trial's assertions have no types, so a test among the checked doubles cannot be strict.

from treq.client import HTTPClient
from twisted.internet import error
from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.internet.interfaces import IPushProducer
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import Agent, HTTPConnectionPool, ResponseNeverReceived, readBody
from twisted.web.iweb import IBodyProducer
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site
from zope.interface import implementer

from tests.testing.network import Network

SERVER = "http://seed.example/"
LARGE = bytes(range(256)) * 8192


@implementer(IPushProducer)
class Stream:
    """Writes until it is told to pause, as a resource that serves a file does."""

    def __init__(self, request, data):
        self.request, self.data, self.at, self.pauses = request, data, 0, 0
        self.paused = True
        request.registerProducer(self, True)
        self.resumeProducing()

    def pauseProducing(self):
        self.paused = True
        self.pauses += 1

    def resumeProducing(self):
        self.paused = False
        while not self.paused and self.at < len(self.data):
            self.request.write(self.data[self.at : self.at + 50_000])
            self.at += 50_000
        if self.at >= len(self.data) and self.request is not None:
            self.request.unregisterProducer()
            self.request.finish()
            self.request = None

    def stopProducing(self):
        self.paused = True


@implementer(IBodyProducer)
class Body:
    """A request's body. (treq's own is paced by the global reactor, so it does not run here.)"""

    length = len(LARGE)

    def startProducing(self, consumer):
        consumer.write(LARGE)
        return succeed(None)

    def pauseProducing(self):
        pass

    resumeProducing = stopProducing = pauseProducing


class Content(Resource):
    isLeaf = True

    def __init__(self):
        super().__init__()
        self.streams = []

    def render_GET(self, request):
        if request.path == b"/silent":
            return NOT_DONE_YET
        if request.path == b"/stream":
            self.streams.append(Stream(request, LARGE))
            return NOT_DONE_YET
        return b"you are " + request.getClientAddress().host.encode()

    def render_POST(self, request):
        return b"%d bytes" % len(request.content.read())


class Web(SynchronousTestCase):
    def setUp(self):
        self.network = Network()
        self.clock = self.network.clock
        self.network.names["seed.example"] = ["10.0.0.1", "2001:db8::1"]
        self.server = self.network.host("10.0.0.1", "2001:db8::1")
        self.client = self.network.host("10.0.0.2", "2001:db8::2")
        self.content = Content()
        self.site = Site(self.content, reactor=self.server)
        self.port = self.server.listenTCP(80, self.site)
        self.pool = HTTPConnectionPool(self.client, persistent=True)
        self.agent = Agent(self.client, pool=self.pool)
        self.http = HTTPClient(self.agent)

    def tearDown(self):
        self.clock.result_of(self.pool.closeCachedConnections())
        self.clock.result_of(self.port.stopListening())
        self.clock.advance(120)
        self.assertEqual(self.network.leftovers(), [])

    async def body(self, url, **options):
        response = await self.http.get(url, reactor=self.client, **options)
        return await response.content()

    def test_get_and_post(self):
        self.assertEqual(self.clock.result_of(self.body(SERVER)), b"you are 10.0.0.2")

        async def post():
            response = await self.agent.request(b"POST", SERVER.encode(), None, Body())
            return await readBody(response)

        self.assertEqual(self.clock.result_of(post()), b"%d bytes" % len(LARGE))
        self.assertEqual(len(self.client.sockets), 1)  # the connection is kept

    def test_streamed_with_back_pressure(self):
        self.server.up_line.rate = 200_000
        self.assertEqual(self.clock.result_of(self.body("http://10.0.0.1/stream")), LARGE)
        self.assertGreater(self.content.streams[0].pauses, 3)
        self.assertGreater(self.clock.seconds(), 10)

    def test_many_at_once(self):
        bodies = [Deferred.fromCoroutine(self.body("http://10.0.0.1/stream")) for _ in range(6)]
        self.assertEqual(self.clock.result_of(gatherResults(bodies)), [LARGE] * 6)

    def test_time_limit(self):
        silent = self.body("http://10.0.0.1/silent", timeout=15)
        self.assertRaises(ResponseNeverReceived, self.clock.result_of, silent)
        self.assertEqual(round(self.clock.seconds()), 15)

    def test_nobody_there(self):
        for url, wrong in [
            ("http://10.0.0.1:81/", error.ConnectionRefusedError),
            ("http://10.9.9.9/", error.TimeoutError),
            ("http://nobody.example/", error.DNSLookupError),
        ]:
            self.assertRaises(wrong, self.clock.result_of, self.body(url))

    def test_server_dies(self):
        silent = Deferred.fromCoroutine(self.body("http://10.0.0.1/silent"))
        self.clock.advance(5)
        self.server.kill()
        self.assertRaises(ResponseNeverReceived, self.clock.result_of, silent)
        self.port = self.server.listenTCP(80, Site(self.content, reactor=self.server))
        self.assertEqual(self.clock.result_of(self.body("http://10.0.0.1/")), b"you are 10.0.0.2")
