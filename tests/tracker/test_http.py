"""HTTP trackers on the simulated network: what is asked, what is accepted, who is refused."""

import zlib
from urllib.parse import unquote_to_bytes

from twisted.internet.defer import CancelledError
from twisted.trial.unittest import SynchronousTestCase

from tests.tracker.trackers import ANSWER, INFO_HASH, PEER_ID, World, redirect, request
from txtorrent import __version__
from txtorrent.address import Address
from txtorrent.bencode import encode
from txtorrent.tracker.errors import UnreachableError
from txtorrent.tracker.http import HttpTrackers
from txtorrent.wire.announce import ScrapeResult, TrackerError

URL = "http://tracker.example/announce"


class HttpCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.world = World()
        self.trackers = HttpTrackers(self.world.client)

    def tearDown(self) -> None:
        self.assertEqual(self.world.leftovers(), [])

    def announce(self, url: str = URL, *, trusted: bool = False, **changes):
        deferred = self.trackers.announce(url, request(**changes), trusted=trusted)
        response = self.world.run(deferred)
        self.world.clock.advance(1)
        return response

    def refused(self, url: str = URL, *, trusted: bool = False, kind=TrackerError) -> str:
        deferred = self.trackers.announce(url, request(), trusted=trusted)
        error = self.assertRaises(kind, self.world.run, deferred)
        self.world.clock.advance(1)
        return str(error)


class AnnounceTests(HttpCase):
    def test_answer(self) -> None:
        self.world.web("203.0.113.1", "tracker.example")
        response = self.announce()
        self.assertEqual(response.peers, (Address("1.2.3.4", 6881), Address("5.6.7.8", 80)))
        self.assertEqual((response.interval, response.seeders, response.leechers), (900, 3, 4))

    def test_question(self) -> None:
        page = self.world.web("203.0.113.1", "tracker.example")
        self.announce(URL + "?passkey=a+b%2f&{x}=%zz")
        asked = page.uris[0]
        self.assertTrue(asked.startswith("/announce?passkey=a+b%2f&{x}=%zz&info_hash="), asked)
        fields = dict(part.partition("=")[::2] for part in asked.split("?")[1].split("&"))
        self.assertEqual(unquote_to_bytes(fields["info_hash"]), INFO_HASH)
        self.assertEqual(unquote_to_bytes(fields["peer_id"]), PEER_ID)
        self.assertEqual(fields["event"], "started")
        self.assertEqual(page.seen[0].getHeader("user-agent"), f"txtorrent/{__version__}")
        self.assertEqual(page.seen[0].getHeader("host"), "tracker.example")

    def test_no_cookie_is_kept(self) -> None:
        def answer(asked) -> bytes:
            asked.addCookie("who", "you")
            return ANSWER

        page = self.world.web("203.0.113.1", "tracker.example", answer=answer)
        self.announce()
        self.announce()
        self.assertEqual([asked.getHeader("cookie") for asked in page.seen], [None, None])

    def test_credentials_go_into_a_header(self) -> None:
        page = self.world.web("203.0.113.1", "tracker.example")
        self.announce("http://me:secret1@tracker.example/announce")
        self.assertEqual((page.seen[0].getUser(), page.seen[0].getPassword()), (b"me", b"secret1"))
        self.assertEqual(page.seen[0].getHeader("host"), "tracker.example")

    def test_literal_ipv6(self) -> None:
        page = self.world.web("2001:db8::9", port=8080)
        self.announce("http://[2001:DB8:0::9]:8080/announce?x")
        self.assertEqual(page.seen[0].getHeader("host"), "[2001:db8::9]:8080")

    def test_second_address_when_the_first_is_dead(self) -> None:
        self.world.at("203.0.113.1", "tracker.example").vanish()
        page = self.world.web("203.0.113.2", "tracker.example")
        self.announce()
        self.assertEqual(len(page.seen), 1)

    def test_bound_to_the_interface(self) -> None:
        page = self.world.web("203.0.113.1", "tracker.example")
        self.trackers = HttpTrackers(self.world.client, interface="10.0.0.1")
        self.announce()
        self.assertEqual(page.seen[0].getClientAddress().host, "10.0.0.1")

    def test_other_family_than_the_interface(self) -> None:
        self.world.web("2001:db8::9", "tracker.example")
        self.trackers = HttpTrackers(self.world.client, interface="10.0.0.1")
        self.assertIn("no address that can be reached", self.refused(kind=UnreachableError))

    def test_stop_gives_up(self) -> None:
        self.world.at("203.0.113.1", "tracker.example").vanish()
        deferred = self.trackers.announce(URL, request())
        self.world.clock.advance(1)
        self.successResultOf(self.trackers.stop())
        self.failureResultOf(deferred, CancelledError)
        self.world.clock.advance(1)

    def test_cancelled_during_the_answer(self) -> None:
        def half(transport, host) -> None:
            transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")

        for talk in (half, lambda transport, host: None):
            self.world = World()
            self.trackers = HttpTrackers(self.world.client)
            self.world.raw("203.0.113.1", "tracker.example", talk=talk)
            deferred = self.trackers.announce(URL, request())
            self.world.clock.advance(5)
            deferred.cancel()
            self.failureResultOf(deferred, CancelledError)


class ScrapeTests(HttpCase):
    def scrape(self, url: str, count: int):
        hashes = [bytes([number]) * 20 for number in range(count)]
        found = self.world.run(self.trackers.scrape(url, hashes))
        self.world.clock.advance(1)
        return hashes, found

    @staticmethod
    def answer(asked) -> bytes:
        files = {
            info_hash: {b"complete": 5, b"incomplete": 6, b"downloaded": 7}
            for info_hash in asked.args[b"info_hash"]
        }
        return encode({b"files": files})

    def test_many_take_several_requests(self) -> None:
        page = self.world.web("203.0.113.1", "tracker.example", answer=self.answer)
        hashes, found = self.scrape(URL + "?pass=1", 100)
        self.assertEqual(found, dict.fromkeys(hashes, ScrapeResult(5, 6, 7)))
        self.assertEqual(len(page.seen), 2)
        self.assertTrue(page.uris[0].startswith("/scrape?pass=1&info_hash="))

    def test_without_convention(self) -> None:
        error = self.assertRaises(TrackerError, self.scrape, "http://tracker.example/a", 1)
        self.assertIn("cannot be scraped", str(error))


class ReachTests(HttpCase):
    """D1: what counts is the address a name leads to."""

    LOCAL = ("127.0.0.1", "10.1.2.3", "192.168.7.7", "100.64.0.9", "fd00::5", "::1")
    NOBODYS = ("169.254.169.254", "fe80::1", "0.0.0.0", "224.0.0.1", "::", "255.255.255.255")

    def connections(self, address: str) -> list:
        """Listen at an address, for any connection at all."""
        made = []
        host = self.world.client if address in ("127.0.0.1", "::1") else self.world.at(address)
        listening = host.listenTCP(80, Listener(made), interface=address)
        self.world.ports.append(listening)
        return made

    def test_untrusted_trackers_are_on_the_public_network(self) -> None:
        for address in self.LOCAL:
            made = self.connections(address)
            self.world.network.names["tracker.example"] = [address]
            self.assertIn("where this tracker must not be", self.refused())
            self.assertEqual(made, [], address)

    def test_trusted_trackers_may_be_local(self) -> None:
        for address in ("127.0.0.1", "10.1.2.3", "fd00::5"):
            world = self.world = World()
            self.trackers = HttpTrackers(world.client)
            page = world.web(address)
            world.network.names["tracker.example"] = [address]
            self.announce(trusted=True)
            self.assertEqual(len(page.seen), 1)

    def test_nobody_is_at_link_local_and_unusable_addresses(self) -> None:
        for address in self.NOBODYS:
            self.world.network.names["tracker.example"] = [address]
            for trusted in (False, True):
                self.assertIn("must not be", self.refused(trusted=trusted), address)

    def test_any_spelling(self) -> None:
        self.world.network.names.update(
            {name: ["127.0.0.1"] for name in ("2130706433", "0x7f.1", "127.1", "0177.0.0.1")}
        )
        names = ("[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]")
        made = self.connections("127.0.0.1")
        for name in ("2130706433", "0x7f.1", "127.1", "0177.0.0.1", "127.0.0.1", *names):
            self.assertIn("must not be", self.refused(f"http://{name}/announce"), name)
        self.assertEqual(made, [])

    def test_public_address_among_local_ones(self) -> None:
        made = self.connections("127.0.0.1")
        self.world.network.names["tracker.example"] = ["127.0.0.1"]
        page = self.world.web("203.0.113.1", "tracker.example")
        self.announce()
        self.assertEqual((made, len(page.seen)), ([], 1))

    def test_name_is_resolved_once(self) -> None:
        """D2: a name that leads elsewhere when asked again does not lead us there."""
        made = self.connections("127.0.0.1")
        page = self.world.web("203.0.113.1", "tracker.example")
        resolver = self.world.client.nameResolver
        looked_up = []

        class Rebinding:
            def resolveHostName(inner, receiver, name, *args, **keywords):
                looked_up.append(name)
                answer = resolver.resolveHostName(receiver, name, *args, **keywords)
                self.world.clock.callLater(
                    0.011, self.world.network.names.update, {name: ["127.0.0.1"]}
                )
                return answer

        self.world.client.installNameResolver(Rebinding())
        self.announce()
        self.assertEqual((looked_up, made), (["tracker.example"], []))
        self.assertEqual(len(page.seen), 1)


class Listener:
    """A factory that notes connections and takes none."""

    def __init__(self, made: list) -> None:
        self.made = made

    def buildProtocol(self, address):
        self.made.append(address)

    def doStart(self) -> None:
        pass

    doStop = doStart


class RedirectTests(HttpCase):
    """D2: the rules hold for each hop."""

    def hops(self, count: int):
        for number in range(count):
            to = f"http://hop{number + 1}.example/announce?hop={number + 1}"
            self.world.web(f"203.0.113.{number}", f"hop{number}.example", answer=redirect(to))
        return self.world.web("203.0.113.99", f"hop{count}.example")

    def test_three_hops(self) -> None:
        last = self.hops(3)
        self.announce("http://hop0.example/announce")
        self.assertEqual(last.uris, ["/announce?hop=3"])

    def test_four_hops(self) -> None:
        last = self.hops(4)
        self.assertIn("more than 3 times", self.refused("http://hop0.example/announce"))
        self.assertEqual(last.uris, [])

    def test_every_kind(self) -> None:
        for code in (301, 302, 303, 307, 308):
            world = self.world = World()
            self.trackers = HttpTrackers(world.client)
            world.web("203.0.113.1", "tracker.example", answer=redirect("/other?x=1", code))
            world.web("203.0.113.1", port=81)
            self.assertIn("more than 3", self.refused())

    def test_relative(self) -> None:
        def answer(asked) -> bytes:
            return ANSWER if asked.path == b"/deep/other" else redirect("other")(asked)

        page = self.world.web("203.0.113.1", "tracker.example", answer=answer)
        self.announce("http://tracker.example/deep/announce")
        self.assertEqual(page.uris[1], "/deep/other")

    def test_from_public_to_local(self) -> None:
        for number, address in enumerate(("127.0.0.1", "10.1.2.3", "169.254.169.254")):
            page = self.world.web(address)
            to = redirect(f"http://{address}/announce")
            name = f"tracker{number}.example"
            self.world.web(f"203.0.113.{number}", name, answer=to)
            for trusted in (False, True):
                text = self.refused(f"http://{name}/announce", trusted=trusted)
                self.assertIn("must not be", text)
            self.assertEqual(page.uris, [])

    def test_from_public_to_a_name_that_is_local(self) -> None:
        page = self.world.web("127.0.0.1")
        self.world.network.names["inside.example"] = ["127.0.0.1"]
        to = redirect("http://inside.example/announce")
        self.world.web("203.0.113.1", "tracker.example", answer=to)
        self.assertIn("must not be", self.refused(trusted=True))
        self.assertEqual(page.uris, [])

    def test_from_local_to_another_local(self) -> None:
        page = self.world.web("127.0.0.1")
        self.world.web("10.1.2.3", answer=redirect("http://127.0.0.1/announce"))
        self.assertIn("must not be", self.refused("http://10.1.2.3/announce", trusted=True))
        self.assertEqual(page.uris, [])

    def test_from_local_to_itself(self) -> None:
        def answer(asked) -> bytes:
            return ANSWER if asked.path == b"/new" else redirect("/new")(asked)

        page = self.world.web("10.1.2.3", answer=answer)
        self.announce("http://10.1.2.3/announce", trusted=True)
        self.assertEqual(len(page.uris), 2)

    def test_to_another_scheme(self) -> None:
        for number, to in enumerate(("ftp://a.example/", "gopher://a.example/", "udp://a:1/x")):
            name = f"tracker{number}.example"
            self.world.web(f"203.0.113.{number}", name, answer=redirect(to))
            self.assertIn("scheme", self.refused(f"http://{name}/announce"))

    def test_location_that_is_no_text(self) -> None:
        def talk(transport, host) -> None:
            transport.write(b"HTTP/1.1 302 Found\r\nLocation: http://\xff\xfe[/\r\n\r\n")

        self.world.raw("203.0.113.1", "tracker.example", talk=talk)
        self.assertIn("cannot be read", self.refused())

    def test_credentials_stay_here(self) -> None:
        self.world.web("203.0.113.1", "a.example", answer=redirect("http://b.example/announce"))
        page = self.world.web("203.0.113.2", "b.example")
        self.announce("http://me:secret1@a.example/announce")
        self.assertIsNone(page.seen[0].getHeader("authorization"))


def gzipped(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS + 16)
    return packer.compress(data) + packer.flush()


class BodyTests(HttpCase):
    """D3: no answer is larger than it may be, whatever it says of itself."""

    def gzip(self, body: bytes, encoding: str = "gzip"):
        def answer(asked) -> bytes:
            asked.setHeader("content-encoding", encoding)
            return body

        return self.world.web("203.0.113.1", "tracker.example", answer=answer)

    def test_gzip(self) -> None:
        page = self.gzip(gzipped(ANSWER))
        self.assertEqual(self.announce().interval, 900)
        self.assertEqual(page.seen[0].getHeader("accept-encoding"), "gzip")

    def test_gzip_bomb(self) -> None:
        self.gzip(gzipped(bytes(64 * 1024 * 1024)))
        largest = []
        real = zlib.decompressobj

        def watched(bits):
            inner = real(bits)

            class Watched:
                def decompress(self, data, *limit):
                    largest.append(len(out := inner.decompress(data, *limit)))
                    return out

                def flush(self) -> bytes:
                    return b""

            return Watched()

        self.patch(zlib, "decompressobj", watched)
        self.assertIn("larger than 1048576 bytes", self.refused())
        self.assertLessEqual(max(largest), 1024 * 1024 + 1)

    def test_not_gzip(self) -> None:
        self.gzip(b"plain")
        self.assertIn("not the gzip", self.refused())

    def test_unknown_encoding(self) -> None:
        for number, encoding in enumerate(("br", "gzip, gzip")):
            self.world = World()
            self.trackers = HttpTrackers(self.world.client)
            self.gzip(ANSWER, encoding)
            self.assertIn("not asked for", self.refused(), number)

    def test_huge(self) -> None:
        self.world.web("203.0.113.1", "tracker.example", answer=lambda _: bytes(1024 * 1024 + 1))
        self.assertIn("larger than 1048576 bytes", self.refused())

    def test_as_large_as_allowed(self) -> None:
        filler = b"x" * (1024 * 1024 - len(ANSWER) - 15)
        body = encode({b"interval": 900, b"x": filler})
        self.world.web("203.0.113.1", "tracker.example", answer=lambda _: body)
        self.assertEqual(self.announce().interval, 900)

    def test_headers_without_end(self) -> None:
        sent = []

        def talk(transport, host) -> None:
            transport.write(b"HTTP/1.1 200 OK\r\n")
            transport.registerProducer(Endless(transport, sent), False)

        self.world.raw("203.0.113.1", "tracker.example", talk=talk)
        self.assertIn("too large", self.refused())
        self.assertLess(sum(sent), 8 * 1024 * 1024)

    def test_not_http(self) -> None:
        def talk(transport, host) -> None:
            transport.write(b"SSH-2.0-OpenSSH\r\n")
            transport.loseConnection()

        self.world.raw("203.0.113.1", "tracker.example", talk=talk)
        self.refused()


class Endless:
    """Headers for ever."""

    def __init__(self, transport, sent: list) -> None:
        self.transport = transport
        self.sent = sent

    def resumeProducing(self) -> None:
        data = b"X-Header: " + b"x" * 1000 + b"\r\n"
        self.sent.append(len(data) * 50)
        self.transport.write(data * 50)

    def stopProducing(self) -> None:
        self.transport.unregisterProducer()


class TroubleTests(HttpCase):
    """Errors say what is wrong and tell no secrets (E14)."""

    SECRET = "http://user:hunter22@tracker.example/0123456789abcdef/announce?passkey=deadbeef99"
    SECRETS = ("hunter22", "0123456789abcdef", "deadbeef99")

    def complaint(self, kind=TrackerError) -> str:
        text = self.refused(self.SECRET, kind=kind)
        for secret in self.SECRETS:
            self.assertNotIn(secret, text)
        return text

    def test_unknown_name(self) -> None:
        self.assertIn("cannot be resolved", self.complaint(UnreachableError))

    def test_refused(self) -> None:
        self.world.at("203.0.113.1", "tracker.example")
        self.assertIn("connection was refused", self.complaint(UnreachableError))

    def test_no_answer(self) -> None:
        self.world.raw(
            "203.0.113.1", "tracker.example", talk=lambda transport, _: transport.loseConnection()
        )
        self.assertIn("ended before the answer", self.complaint(UnreachableError))

    def test_web_page(self) -> None:
        self.world.web("203.0.113.1", "tracker.example", answer=lambda _: b"\n<!DOCTYPE html>")
        self.assertIn("web page (HTML)", self.complaint())

    def test_status(self) -> None:
        def answer(asked) -> bytes:
            asked.setResponseCode(503)
            return b"<html>busy"

        self.world.web("203.0.113.1", "tracker.example", answer=answer)
        self.assertIn("HTTP status 503", self.complaint())

    def test_failure_with_a_status_that_repeats_the_passkey(self) -> None:
        def answer(asked) -> bytes:
            asked.setResponseCode(403)
            return encode({b"failure reason": b"bad key deadbeef99 in " + asked.uri})

        self.world.web("203.0.113.1", "tracker.example", answer=answer)
        self.assertIn("bad key *** in", self.complaint())

    def test_unreadable_urls(self) -> None:
        for url in ("", "announce", "http://", "http://[::1/a", "http://h:99999/a", "ftp://h/a"):
            self.refused(url)


class PoisonTests(HttpCase):
    """D5: a tracker elsewhere cannot send us to our own machine."""

    PEERS = bytes.fromhex("7f000001 1f90 a9fea9fe 0050 0a000005 1ae1 01020304 1ae1 ffffffff 0001")

    def test_public_tracker(self) -> None:
        body = encode({b"peers": self.PEERS})
        self.world.web("203.0.113.1", "tracker.example", answer=lambda _: body)
        peers = self.announce().peers
        self.assertEqual(peers, (Address("10.0.0.5", 6881), Address("1.2.3.4", 6881)))

    def test_tracker_on_this_machine(self) -> None:
        self.world.web("127.0.0.1", answer=lambda _: encode({b"peers": self.PEERS}))
        peers = self.announce("http://127.0.0.1/announce", trusted=True).peers
        self.assertIn(Address("127.0.0.1", 8080), peers)
        self.assertNotIn(Address("169.254.169.254", 80), peers)
