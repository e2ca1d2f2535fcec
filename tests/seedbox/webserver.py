"""A web server on the simulated network."""

from twisted.web.resource import Resource
from twisted.web.server import Site


class WebServer:
    """Answers at `http://ADDRESS/` with what is in `pages` by path, (status, body), and notes who
    asked for what in `asked`, (path, client's address), and the headers of each in `requests`."""

    def __init__(self, network, *addresses):
        self.pages = {}
        self.headers = {}
        self.asked = []
        self.requests = []
        self.host = network.host(*addresses)
        site = Site(_Pages(self), reactor=self.host)
        families = ["0.0.0.0"] if ":" not in "".join(addresses) else ["0.0.0.0", "::"]
        self._ports = [self.host.listenTCP(80, site, interface=each) for each in families]

    def close(self):
        for port in self._ports:
            port.stopListening()


class _Pages(Resource):
    isLeaf = True

    def __init__(self, server):
        super().__init__()
        self._server = server

    def render_GET(self, request):
        path = request.path.decode()
        self._server.asked.append((path, request.getClientAddress().host))
        headers = request.requestHeaders.getAllRawHeaders()
        self._server.requests.append(
            {name.decode().lower(): [each.decode() for each in values] for name, values in headers}
        )
        status, body = self._server.pages.get(path, (404, b""))
        request.setResponseCode(status)
        for name, value in self._server.headers.items():
            request.setHeader(name, value)
        return body
