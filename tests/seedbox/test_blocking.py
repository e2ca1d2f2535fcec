"""The blocklist: where it is had, what keeps it, and that nobody on it is talked to."""

import gzip
import os

from tests.seedbox.case import DOWNLOADING, SEEDING, SeedboxCase
from tests.seedbox.webserver import WebServer
from txtorrent.address import Address
from txtorrent.errors import Code, RequestError
from txtorrent.seedbox import blocking
from txtorrent.swarm.peerbook import Source

SERVER = "30.0.0.1"
LIST = b"somebody:20.1.0.0-20.1.0.255\nnonsense\n10.0.0.0/8\n"


class Case(SeedboxCase):
    def setUp(self):
        super().setUp()
        self.server = WebServer(self.network, SERVER)
        self.path = os.path.join(self.folder, "list.p2p")

    def tearDown(self):
        self.server.close()
        super().tearDown()

    def set(self, **changes):
        self.result_of(self.box.settings.change(changes))

    def put(self, body=LIST):
        """The list in a file, which the settings name."""
        with open(self.path, "wb") as file:
            file.write(body)
        self.set(blocklist_url=self.path)

    def update(self):
        return self.result_of(self.box.update_blocklist(), 400)

    def refused(self, code, *said):
        with self.assertRaises(RequestError) as caught:
            self.update()
        self.assertEqual(caught.exception.code, code)
        for words in said:
            self.assertIn(words, caught.exception.text)

    def is_blocked(self, host="20.1.0.1"):
        return self.session.bans.objection(host, self.clock.seconds()) is not None


class Had(Case):
    settings = {"allowed_directories": ["/"]}

    def test_from_the_web(self):
        self.server.pages["/list"] = 200, LIST
        self.set(blocklist_url=f"http://{SERVER}/list", blocklist_enabled=True)
        self.assertEqual((self.update(), self.box.blocklist_size), (2, 2))
        self.assertTrue(self.is_blocked())
        self.assertFalse(self.is_blocked("20.1.1.0"))

    def test_compressed(self):
        for body, headers in [(gzip.compress(LIST), {}), (LIST, {"content-encoding": "gzip"})]:
            self.server.pages["/x.gz"] = 200, gzip.compress(body) if headers else body
            self.server.headers = headers
            self.set(blocklist_url=f"http://{SERVER}/x.gz")
            self.assertEqual(self.update(), 2)

    def test_from_a_file(self):
        self.put()
        self.assertEqual(self.update(), 2)

    def test_counts_only_while_it_is_enabled(self):
        self.put()
        self.update()
        self.assertEqual((self.box.blocklist_size, self.is_blocked()), (0, False))
        self.set(blocklist_enabled=True)
        self.clock.advance(1)
        self.assertEqual((self.box.blocklist_size, self.is_blocked()), (2, True))
        self.set(blocklist_enabled=False)
        self.assertEqual((self.box.blocklist_size, self.is_blocked()), (0, False))

    def test_fetched_when_it_is_enabled_and_there_is_none(self):
        self.put()
        self.set(blocklist_enabled=True)
        self.clock.advance(1)
        self.assertTrue(self.is_blocked())

    def test_kept_over_restarts(self):
        self.put()
        self.set(blocklist_enabled=True)
        self.update()
        os.unlink(self.path)
        self.settings = self.settings | {"blocklist_enabled": True}
        self.restart()
        self.clock.advance(1)
        self.assertTrue(self.is_blocked())

    def test_what_is_no_list_changes_nothing(self):
        self.put()
        self.set(blocklist_enabled=True)
        self.update()
        self.put(b"<html>sorry</html>")
        self.refused(Code.BLOCKLIST, "no address range")
        self.put(gzip.compress(LIST)[:-20])
        self.refused(Code.BLOCKLIST, "damaged")
        self.assertTrue(self.is_blocked())
        self.settings = self.settings | {"blocklist_enabled": True}
        self.restart()
        self.clock.advance(1)
        self.assertTrue(self.is_blocked())
        self.assertNotIn("blocklist.new", os.listdir(self.session.options.state))


class NotHad(Case):
    settings = {"allowed_directories": ["/"]}

    def test_nowhere_said(self):
        self.refused(Code.BLOCKLIST, "blocklist_url")

    def test_no_file(self):
        self.put()
        os.unlink(self.path)
        self.refused(Code.BLOCKLIST, self.path, "No such file")

    def test_no_regular_file(self):
        os.mkfifo(self.path)
        self.set(blocklist_url=self.path)
        self.refused(Code.BLOCKLIST, "no file")

    def test_too_large(self):
        self.patch(blocking, "MOST_BYTES", 10)
        self.put()
        self.refused(Code.BLOCKLIST, "more than 10 bytes")
        self.server.pages["/list"] = 200, LIST
        self.set(blocklist_url=f"http://{SERVER}/list")
        self.refused(Code.HTTP_ERROR, "more than 10 bytes")

    def test_an_answer_that_swells(self):
        self.patch(blocking, "MOST_BYTES", 10_000)
        self.server.pages["/list"] = 200, gzip.compress(bytes(100_000))
        self.server.headers = {"content-encoding": "gzip"}
        self.set(blocklist_url=f"http://{SERVER}/list")
        self.refused(Code.HTTP_ERROR, "more than 10,000 bytes")

    def test_not_found(self):
        self.set(blocklist_url=f"http://{SERVER}/none?key=secret")
        self.refused(Code.HTTP_ERROR, SERVER, "404")

    def test_nobody_there(self):
        self.server.host.refuse = True
        self.set(blocklist_url=f"http://user:secret@{SERVER}/list")
        self.refused(Code.HTTP_ERROR, SERVER, "refused")

    def test_no_answer(self):
        self.server.host.vanish()
        self.patch(blocking, "FETCH_LIMIT", 20.0)
        self.set(blocklist_url=f"http://{SERVER}/list")
        self.refused(Code.HTTP_ERROR, "no answer within 20 s")
        self.server.host.appear()

    def test_stopped_meanwhile(self):
        self.server.host.vanish()
        self.set(blocklist_url=f"http://{SERVER}/list")
        updating = self.box.update_blocklist()
        self.clock.advance(5)
        self.stop()
        self.failureResultOf(updating)
        self.server.host.appear()
        self.start()


class InForce(Case):
    settings = {"allowed_directories": ["/"]}

    def block(self):
        self.put()
        self.set(blocklist_enabled=True)
        self.update()

    def test_connections_end(self):
        made = self.payload(pieces=200)
        seed = self.swarm(made).add_seed(up=100_000)
        self.assertTrue(seed.address.host.startswith("20.1.0."))
        self.clock.advance(1)
        entry = self.add(made)
        self.run_until(lambda: entry.status == DOWNLOADING and entry.parts)
        entry.parts.connections.found([seed.address], Source.USER)
        self.run_until(lambda: entry.peers_connected)
        self.block()
        self.clock.advance(1)
        self.assertEqual((entry.peers_connected, len(entry.parts.connections.book)), (0, 0))
        entry.parts.connections.found([seed.address], Source.USER)
        self.clock.advance(60)
        self.assertEqual(seed.linked, [])

    def test_none_is_let_in(self):
        made = self.payload()
        self.write(made)
        entry = self.add(made)
        self.run_until(lambda: entry.status == SEEDING)
        self.block()
        swarm = self.swarm(made)
        leecher = swarm.add_leecher()
        self.clock.advance(1)
        leecher.parts.connections.found([Address(self.host.addresses[0], 6881)], Source.USER)
        self.clock.advance(60)
        self.assertFalse(leecher.is_complete)
        self.set(blocklist_enabled=False)
        swarm.run_until_complete()
