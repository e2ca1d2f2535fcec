"""`network`: how peers find us, in words."""

from tests.cli.daemon import CommandCase

FAMILY = {
    "family": "ipv4", "node_id": "ab" * 20, "host": "203.0.113.9", "good": 120, "questionable": 7,
    "queries_in": 50, "replies_out": 45, "queries_out": 300, "responses_in": 250, "refused": 2,
    "unanswered": 48, "bytes_in": 30_000, "bytes_out": 20_000, "blocked": 0, "waiting": 0,
    "lookups": 1, "peers": 12, "torrents": 1, "items": 1, "dropped": {},
}  # fmt: skip
OFF = {
    "tcp_port": 6881, "udp_port": 0, "external": [], "dht_enabled": False, "dht_trouble": "",
    "dht_read_only": False, "dht_torrents": 0, "dht_announcing": 0, "dht_next_announce": 0,
    "dht_families": [], "pex_enabled": False, "lpd": None, "port_mapping": [],
}  # fmt: skip
DHT_ON = {**OFF, "udp_port": 6881, "dht_enabled": True, "dht_families": [FAMILY]}


def mapping(protocol, state, **options):
    return {
        "family": "ipv4", "protocol": protocol, "state": state, "port": 6881, "method": "",
        "external_host": "",
        "external_port": 0, "lifetime": 0.0, "error": "", **options,
    }  # fmt: skip


MAPPED = {
    "method": "PCP", "external_host": "203.0.113.9", "external_port": 7000, "lifetime": 3600.0,
}  # fmt: skip


class Network(CommandCase):
    def shown(self, **changes):
        self.daemon.answers["tx_sources_get"] = {**OFF, **changes}
        return self.rows("network")

    def test_all_off(self):
        self.assertEqual(
            self.shown(),
            ["Port for peers TCP 6881", "Port of the DHT none",
             "Our address not known yet: nobody has said it",
             "Router not asked (port_forwarding_enabled is off)",
             "Local discovery off (lpd_enabled)", "Peer exchange off", "DHT off (dht_enabled)"],
        )  # fmt: skip

    def test_the_dht(self):
        for changes, row in (
            (DHT_ON, "DHT on; see `txtorrent dht`"),
            ({**DHT_ON, "dht_read_only": True},
             "DHT on, only asking (dht_read_only); see `txtorrent dht`"),
            ({"dht_trouble": "no DHT: UDP port 1 is in use"}, "DHT off: UDP port 1 is in use"),
        ):  # fmt: skip
            self.assertIn(row, self.shown(**changes))
        self.assertIn("Port of the DHT UDP 6881", self.shown(**DHT_ON))

    def test_addresses(self):
        hosts = [
            {"host": "203.0.113.9", "votes": 1, "weight": 8, "is_believed": True},
            {"host": "2001:db8::1", "votes": 2, "weight": 2, "is_believed": False},
        ]
        rows = self.shown(external=hosts)
        self.assertIn("Our address 203.0.113.9, 1 vote", rows)
        self.assertIn("Our address 2001:db8::1, 2 votes; not believed", rows)

    def test_the_router(self):
        for each, row in (
            (mapping("tcp", "mapped", **MAPPED),
             "Router, TCP port 7000 of 203.0.113.9, by PCP, for 1h00m at a time"),
            (mapping("udp", "mapped", **{**MAPPED, "external_host": "", "lifetime": 0.0},
                     error="the router does not say at which address"),
             "Router, UDP port 7000 of its address, by PCP: the router does not say at which"
             " address"),
            (mapping("tcp", "failed", error="no answer"), "Router, TCP failed: no answer"),
            (mapping("tcp", "searching"), "Router, TCP searching"),
            (mapping("tcp", "searching", family="ipv6"), "Router, IPv6 TCP searching"),
        ):  # fmt: skip
            self.assertIn(row, self.shown(port_mapping=[each]))

    def test_local_discovery(self):
        local = {
            "torrents": 1, "sent": 3, "received": 5, "dropped": {"malformed": 2, "not wanted": 1},
            "listening": ["239.192.152.143"], "errors": {"ff15::efc0:988f": "no IPv6 here"},
        }  # fmt: skip
        rows = self.shown(lpd=local, pex_enabled=True)
        for row in (
            "Local discovery on, 1 torrent announced, listening to 239.192.152.143",
            "Its messages 3 sent, 5 received; passed over: 2 malformed, 1 not wanted",
            "Its trouble ff15::efc0:988f: no IPv6 here",
            "Peer exchange on",
        ):
            self.assertIn(row, rows)

    def test_json(self):
        self.daemon.answers["tx_sources_get"] = DHT_ON
        self.assertEqual(self.json("network", "--json"), DHT_ON)
