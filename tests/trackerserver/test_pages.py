"""The tracker's pages."""

from hashlib import sha256

from prometheus_client.parser import text_string_to_metric_families

from tests.trackerserver.case import TrackerCase, target
from txtorrent.trackerserver.networks import Networks

PASSKEYS = {b"passkey-of-alice": "alice"}


class PagesTests(TrackerCase):
    def asked(self, **settings):
        self.make(stats=Networks.of(["192.0.2.0/24"]), **settings)

    def some_work(self):
        self.announce(1, left=1, event="started")
        self.announce(1, left=0, event="completed")
        self.announce(2, left=1)
        self.announce(2, port=0)
        self.announce_udp(3, left=1)
        self.announce_udp(3, bytes(8))
        self.get(f"/scrape?info_hash={'%11' * 20}")

    def samples(self):
        text = self.fetch("/metrics").body.decode()
        return {
            (sample.name, *sorted(sample.labels.values())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def test_metrics(self):
        self.asked()
        self.some_work()
        samples = self.samples()
        prefix = "txtorrent_tracker_"
        for key, value in (
            (("torrents",), 1),
            (("seeders",), 1),
            (("leechers",), 2),
            (("announces_total", "http", "started"), 1),
            (("announces_total", "completed", "http"), 1),
            (("announces_total", "http", "none"), 1),
            (("announces_total", "none", "udp"), 1),
            (("announces_total", "stopped", "udp"), 0),
            (("scrapes_total", "http"), 1),
            (("refused_total", "http", "malformed"), 1),
            (("refused_total", "store", "udp"), 0),
            (("dropped_total", "connection id", "udp"), 1),
            (("connects_total", "udp"), 0),
            (("interval_seconds",), 1800),
            (("swarm_peers_bucket", "1"), 0),
            (("swarm_peers_bucket", "10"), 1),
            (("swarm_peers_bucket", "+Inf"), 1),
            (("swarm_peers_sum",), 3),
        ):
            self.assertEqual(samples[(prefix + key[0], *key[1:])], value, key)

    def test_a_store_that_is_lost(self):
        """Both pages are there as ever, and say it."""
        self.asked(late=True)
        self.fetch(target(1))
        self.store.answer()
        self.assertEqual(self.samples()["txtorrent_tracker_store_up",], 1)
        self.store.is_up = False
        samples = self.samples()
        self.assertEqual(samples["txtorrent_tracker_store_up",], 0)
        self.assertEqual(samples["txtorrent_tracker_torrents",], 1)
        page = self.fetch("/stats").body
        self.assertIn(b"cannot be reached", page)
        self.assertIn(b"torrents      1\n", page)

    def test_memory_is_never_lost(self):
        self.asked()
        self.assertEqual(self.samples()["txtorrent_tracker_store_up",], 1)
        self.assertNotIn(b"cannot be reached", self.fetch("/stats").body)

    def test_page(self):
        self.asked(passkeys=PASSKEYS)
        path = "/passkey-of-alice/announce"
        self.announce(1, path, left=1, event="started")
        self.clock.advance(100)
        self.announce(1, path, left=1, uploaded=1_000_000, downloaded=500_000)
        page = self.fetch("/stats").body.decode()
        self.assertIn("torrents      1\n", page)
        self.assertIn("leechers      1\n", page)
        self.assertRegex(page, r"of 1 peer +1\n")
        self.assertRegex(page, r"of 2 to 10 peers +0\n")
        user = sha256(b"passkey-of-alice").hexdigest()[:8]
        self.assertRegex(page, rf"alice +{user} +1,000,000 +500,000 +2\.00\n")
        self.assertNotIn("more", page.partition("ratio")[2])
        self.assertNotIn("passkey-of-alice", page)
        self.assertEqual(page, self.fetch("/").body.decode())

    def test_those_who_moved_the_most(self):
        """As many as a page has room for; users of one name have a line each."""
        self.asked(passkeys={b"passkey-%08d" % number: "same" for number in range(1234)})
        for number, user in enumerate(self.tracker.policy.passkeys.users()):
            user.uploaded, user.downloaded = 3 * number, number * 7 % 3
        lines = self.fetch("/stats").body.decode().splitlines()
        heading = next(at for at, line in enumerate(lines) if line.startswith("user"))
        shown = [line.split() for line in lines[heading + 1 : -1]]
        self.assertEqual([line[2] for line in shown], [f"{3 * n:,}" for n in range(1233, 233, -1)])
        self.assertEqual(len({line[1] for line in shown}), 1000)
        self.assertEqual(lines[-1], "and 234 more")

    def test_others_do_not_see_them(self):
        self.asked()
        self.some_work()
        for path in ("/stats", "/metrics"):
            response = self.fetch(path, "198.51.100.1")
            self.assertEqual(response.status, 403)
            self.assertNotIn(b"torrents", response.body)
        self.assertEqual(self.fetch("/", "198.51.100.1").status, 200)

    def test_nor_do_they_through_a_proxy(self):
        """That itself might see them."""
        self.make(proxies=Networks.of(["192.0.2.1"]), stats=Networks.of(["192.0.2.0/24"]))
        for forwarded, status in (("198.51.100.1", 403), ("192.0.2.9", 200)):
            header = f"X-Forwarded-For: {forwarded}"
            for path in ("/stats", "/metrics"):
                self.assertEqual(self.fetch(path, "192.0.2.1", [header]).status, status)
