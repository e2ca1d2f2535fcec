"""D6: a certificate that is not good is an error, and there is no way to ignore it."""

import datetime
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.ssl import Certificate, trustRootFromCertificates
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import BrowserLikePolicyForHTTPS
from twisted.web.server import Site
from zope.interface import implementer

from tests.tracker.trackers import ANSWER, Page, World, redirect, request
from txtorrent.tracker.errors import UnreachableError
from txtorrent.tracker.http import HttpTrackers
from txtorrent.wire.announce import TrackerError

DAY = datetime.timedelta(days=1)


@implementer(IOpenSSLServerConnectionCreator)
class Identity:
    """A server's key and its self-signed certificate, which ends `days` from now."""

    def __init__(self, *names: str, days: int = 30) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tracker")])
        now = datetime.datetime.now(datetime.UTC)
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(now - 60 * DAY)
            .not_valid_after(now + days * DAY)
            .add_extension(x509.SubjectAlternativeName([_name(each) for each in names]), False)
            .sign(key, hashes.SHA256())
        )
        self._context = SSL.Context(SSL.TLS_SERVER_METHOD)
        self._context.use_certificate(self.certificate)
        self._context.use_privatekey(key)

    def serverConnectionForTLS(self, protocol) -> SSL.Connection:
        return SSL.Connection(self._context, None)

    def policy(self) -> BrowserLikePolicyForHTTPS:
        """What a client uses that trusts nobody but us."""
        public = Certificate.loadPEM(self.certificate.public_bytes(Encoding.PEM))
        return BrowserLikePolicyForHTTPS(trustRootFromCertificates([public]))


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        return x509.DNSName(text)


class TlsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.world = World()

    def tearDown(self) -> None:
        self.assertEqual(self.world.leftovers(), [])

    def serve(self, own: Identity, address: str = "203.0.113.1", answer=None) -> Page:
        page = Page(answer or (lambda _: ANSWER))
        host = self.world.at(address, "tracker.example")
        site = TLSMemoryBIOFactory(own, False, Site(page, reactor=host), clock=host)
        self.world.ports.append(host.listenTCP(443, site, interface=address))
        return page

    def announce(self, trust: Identity | None, host: str = "tracker.example"):
        tls = None if trust is None else trust.policy()
        trackers = HttpTrackers(self.world.client, tls=tls)
        response = self.world.run(trackers.announce(f"https://{host}/announce", request()))
        self.world.clock.advance(1)
        return response

    def refused(self, *arguments) -> str:
        error = self.assertRaises(TrackerError, self.announce, *arguments)
        self.world.clock.advance(1)
        self.assertNotIsInstance(error, UnreachableError)
        return str(error)

    def test_good(self) -> None:
        own = Identity("tracker.example")
        page = self.serve(own)
        self.assertEqual(self.announce(own).interval, 900)
        self.assertEqual(len(page.seen), 1)

    def test_good_for_an_address(self) -> None:
        own = Identity("203.0.113.1", "2001:db8::9")
        self.serve(own)
        self.serve(own, "2001:db8::9")
        self.announce(own, "203.0.113.1")
        self.announce(own, "[2001:db8::9]")

    def test_unknown_issuer(self) -> None:
        page = self.serve(Identity("tracker.example"))
        self.assertIn("certificate was not accepted", self.refused(None))
        self.assertEqual(page.seen, [])

    def test_another_host(self) -> None:
        own = Identity("other.example")
        page = self.serve(own)
        self.assertIn("certificate", self.refused(own))
        self.assertEqual(page.seen, [])

    def test_expired(self) -> None:
        own = Identity("tracker.example", days=-1)
        page = self.serve(own)
        self.assertIn("certificate", self.refused(own))
        self.assertEqual(page.seen, [])

    def test_no_tls_there(self) -> None:
        def talk(transport, host) -> None:
            transport.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        self.world.raw("203.0.113.1", "tracker.example", port=443, talk=talk)
        self.refused(None)

    def test_redirect_to_http(self) -> None:
        """D2."""
        own = Identity("tracker.example")
        self.serve(own, answer=redirect("http://tracker.example/announce"))
        plain = self.world.web("203.0.113.1")
        self.assertIn("from https to http", self.refused(own))
        self.assertEqual(plain.seen, [])
