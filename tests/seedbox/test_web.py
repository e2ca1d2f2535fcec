"""Fetching from the web: limits, and what is said when it fails."""

from twisted.internet.defer import Deferred

from tests.seedbox.case import SeedboxCase
from tests.seedbox.webserver import WebServer
from txtorrent.errors import Code, RequestError

SERVER = "30.0.0.1"


class Fetching(SeedboxCase):
    def setUp(self):
        super().setUp()
        self.server = WebServer(self.network, SERVER)

    def tearDown(self):
        self.server.close()
        super().tearDown()

    def add(self, url, **options):
        return self.result_of(self.box.add(url, options | {"paused": True}), 100)

    def test_a_torrent(self):
        made = self.payload()
        self.server.pages["/x"] = 200, made.metainfo.raw
        entry = self.add(f"http://{SERVER}/x", cookies="a=b; c=d").torrent
        self.assertEqual(entry.info_hash, made.metainfo.info_hash)
        [request] = self.server.requests
        self.assertEqual(request["cookie"], ["a=b; c=d"])

    def test_credentials_in_the_url(self):
        self.server.pages["/x"] = 200, self.payload().metainfo.raw
        self.add(f"http://us%40er:pass@{SERVER}/x")
        [request] = self.server.requests
        self.assertEqual(request["authorization"], ["Basic dXNAZXI6cGFzcw=="])

    def test_too_slow(self):
        self.server.host.vanish()
        fetching = Deferred.fromCoroutine(self.box._web.get(f"http://{SERVER}/x", 10, 20.0))
        with self.assertRaises(RequestError) as caught:
            self.result_of(fetching)
        self.assertEqual(caught.exception.code, Code.HTTP_ERROR)
        self.assertEqual(caught.exception.text, f"{SERVER}: no answer within 20 s")
        self.server.host.appear()

    def test_a_secret_is_not_told(self):
        with self.assertRaises(RequestError) as caught:
            self.add(f"http://user:secret@{SERVER}/x?passkey=secret")
        self.assertEqual(caught.exception.text, f"{SERVER}: the answer is 404")
