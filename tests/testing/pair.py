"""Two simulated hosts and a connection between them, for the tests of the network itself."""

# mypy: ignore-errors
# trial's assertions have no types, so a test among the checked doubles cannot be strict.

from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import SynchronousTestCase

from tests.testing.network import Network


class Notes(Protocol):
    """Writes down what happens to it."""

    def __init__(self):
        self.chunks = []
        self.made = 0
        self.lost = []

    @property
    def received(self):
        return b"".join(self.chunks)

    def connectionMade(self):
        self.made += 1

    def dataReceived(self, data):
        self.chunks.append(data)

    def connectionLost(self, reason):
        self.lost.append(reason.type)


class Server(Factory):
    protocol = Notes

    def __init__(self):
        self.built = []

    def buildProtocol(self, addr):
        built = super().buildProtocol(addr)
        self.built.append(built)
        return built


class Pair(SynchronousTestCase):
    """Two hosts, and a connection when asked for."""

    def setUp(self):
        self.network = Network()
        self.clock = self.network.clock
        self.a = self.network.host("10.0.0.1", "2001:db8::1")
        self.b = self.network.host("10.0.0.2", "2001:db8::2")
        self.server = Server()
        self.port = self.a.listenTCP(6881, self.server)

    def dial(self, host="10.0.0.1", port=6881, **options):
        endpoint = TCP4ClientEndpoint(self.b, host, port, **options)
        return endpoint.connect(Factory.forProtocol(Notes))

    def connect(self):
        """The client's protocol and the server's."""
        client = self.clock.result_of(self.dial())
        self.clock.advance(1)
        return client, self.server.built[-1]
