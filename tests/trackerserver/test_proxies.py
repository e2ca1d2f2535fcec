"""Whose address counts: what listed proxies say of it, and nobody else."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.address import packed, text_of
from txtorrent.trackerserver.interfaces import Reason, Refused
from txtorrent.trackerserver.networks import Networks
from txtorrent.trackerserver.proxies import Proxies

PROXIES = Proxies(Networks.of(["10.0.0.0/8", "2001:db8:1::/48"]))
NOBODY = Proxies(Networks())
PROXY, PROXY6, CLIENT = "10.0.0.1", "2001:db8:1::1", "192.0.2.1"

# (the connection's address, X-Forwarded-For, whose address counts)
FORWARDED = [
    (CLIENT, "", CLIENT),
    (CLIENT, "192.0.2.9", CLIENT),
    (CLIENT, "nonsense", CLIENT),
    (PROXY, "", PROXY),
    (PROXY, CLIENT, CLIENT),
    (PROXY6, CLIENT, CLIENT),
    (PROXY, "192.0.2.9, 192.0.2.1", CLIENT),
    (PROXY, "nonsense, 192.0.2.1", CLIENT),
    (PROXY, "192.0.2.1, 10.0.0.2", CLIENT),
    (PROXY, "192.0.2.1,10.0.0.2,2001:db8:1::2", CLIENT),
    (PROXY, "10.0.0.3, 10.0.0.2", "10.0.0.3"),
    (PROXY, " 192.0.2.1 ", CLIENT),
    (PROXY, "192.0.2.1:4711", CLIENT),
    (PROXY, "2001:DB8::1", "2001:db8::1"),
    (PROXY, "[2001:db8::1]", "2001:db8::1"),
    (PROXY, "[2001:db8::1]:4711", "2001:db8::1"),
    (PROXY, "::ffff:192.0.2.1", CLIENT),
]

# (X-Forwarded-For of a listed proxy that is refused)
WRONG_FORWARDED = [
    "unknown",
    "192.0.2.1,",
    ", ",
    "192.0.2.1, _hidden",
    "nonsense, 10.0.0.2",
    "192.0.2.1:99999",
    "[192.0.2.1]",
    "1" * 100_000,
    "192.0.2.1" + ", 10.0.0.2" * 17,
]

# (who asks, what is said, where the peer is)
SAID = [
    (CLIENT, {}, [(CLIENT, None)]),
    (CLIENT, {"ip": "192.0.2.9", "ipv4": "x", "ipv6": "2001:db8::1"}, [(CLIENT, None)]),
    (PROXY, {}, [(PROXY, None)]),
    (PROXY, {"ip": ""}, [(PROXY, None)]),
    (PROXY, {"port": "1", "compact": "1"}, [(PROXY, None)]),
    (PROXY, {"ip": CLIENT}, [(CLIENT, None)]),
    (PROXY, {"ip": "2001:db8::1"}, [("2001:db8::1", None)]),
    (PROXY, {"ipv4": CLIENT}, [(CLIENT, None)]),
    (PROXY, {"ipv6": "2001:db8::1"}, [(PROXY, None), ("2001:db8::1", None)]),
    (PROXY6, {"ipv4": CLIENT}, [(PROXY6, None), (CLIENT, None)]),
    (PROXY, {"ip": CLIENT, "ipv6": "2001:db8::1"}, [(CLIENT, None), ("2001:db8::1", None)]),
    (PROXY, {"ipv4": CLIENT, "ipv6": "[2001:db8::1]:7"}, [(CLIENT, None), ("2001:db8::1", 7)]),
    (PROXY, {"ipv4": "192.0.2.1:7"}, [(CLIENT, 7)]),
]

# (what a listed proxy says, the parameter that is wrong)
WRONG_SAID = [
    ({"ip": "example.org"}, "ip"),
    ({"ip": "192.0.2.256"}, "ip"),
    ({"ip": "0.0.0.0"}, "ip"),
    ({"ip": "224.0.0.1"}, "ip"),
    ({"ip": "192.0.2.1\0"}, "ip"),
    ({"ip": "192.0.2.1 "}, "ip"),
    ({"ip": "\u0661.2.3.4"}, "ip"),
    ({"ip": "1" * 65}, "ip"),
    ({"ipv4": "2001:db8::1"}, "ipv4"),
    ({"ipv6": CLIENT}, "ipv6"),
    ({"ipv6": "::ffff:192.0.2.1"}, "ipv6"),
    ({"ipv6": "ff02::1"}, "ipv6"),
    ({"ipv4": "192.0.2.1:0"}, "ipv4"),
    ({"ipv4": "192.0.2.1:65536"}, "ipv4"),
    ({"ip": CLIENT, "ipv6": "x"}, "ipv6"),
]


class Asker(SynchronousTestCase):
    def test_table(self):
        for connection, forwarded, expected in FORWARDED:
            asker = PROXIES.asker(packed(connection), forwarded)
            self.assertEqual(text_of(asker), expected, forwarded)

    def test_without_proxies_nothing_is_believed(self):
        for connection, forwarded, _ in FORWARDED:
            asker = NOBODY.asker(packed(connection), forwarded)
            self.assertEqual(text_of(asker), connection, forwarded)

    def test_wrong(self):
        for forwarded in WRONG_FORWARDED:
            refused = self.assertRaises(Refused, PROXIES.asker, packed(PROXY), forwarded)
            self.assertEqual(refused.reason, Reason.MALFORMED)
            self.assertEqual(str(refused), "X-Forwarded-For is no IP address of a peer")

    @settings(derandomize=True, deadline=None, max_examples=300)
    @given(
        st.lists(
            st.sampled_from([CLIENT, PROXY, PROXY6, "192.0.2.9", "x", "", "[::1]:5"])
            | st.text(max_size=12),
            max_size=20,
        ),
        st.text(max_size=20),
    )
    def test_strange(self, parts, rest):
        for forwarded in (",".join(parts), rest):
            try:
                asker = PROXIES.asker(packed(PROXY), forwarded)
            except Refused as refused:
                self.assertEqual(refused.reason, Reason.MALFORMED)
            else:
                self.assertIn(len(asker), (4, 16))

    @settings(derandomize=True, deadline=None, max_examples=100)
    @given(st.text(max_size=30))
    def test_what_a_client_writes_changes_nothing(self, forged):
        self.assertEqual(PROXIES.asker(packed(PROXY), f"{forged}, {CLIENT}"), packed(CLIENT))


class Places(SynchronousTestCase):
    def test_table(self):
        for asker, said, expected in SAID:
            places = PROXIES.places(packed(asker), said)
            self.assertEqual([(text_of(host), port) for host, port in places], expected, said)

    def test_whom_a_proxy_passed_on_is_not_believed(self):
        asker = PROXIES.asker(packed(PROXY), CLIENT)
        places = PROXIES.places(asker, {"ip": "192.0.2.9", "ipv6": "2001:db8::9"})
        self.assertEqual(places, ((packed(CLIENT), None),))

    def test_wrong(self):
        for said, name in WRONG_SAID:
            refused = self.assertRaises(Refused, PROXIES.places, packed(PROXY), said)
            self.assertEqual(refused.reason, Reason.MALFORMED)
            self.assertEqual(str(refused), f"{name} is no IP address of a peer")

    @settings(derandomize=True, deadline=None, max_examples=300)
    @given(
        st.dictionaries(
            st.sampled_from(["ip", "ipv4", "ipv6"]),
            st.text("0123456789abcdef.:[]%", max_size=24) | st.text(max_size=24),
        )
    )
    def test_strange(self, said):
        try:
            places = PROXIES.places(packed(PROXY), said)
        except Refused as refused:
            self.assertEqual(refused.reason, Reason.MALFORMED)
        else:
            self.assertEqual(len({len(place.host) for place in places}), len(places))
