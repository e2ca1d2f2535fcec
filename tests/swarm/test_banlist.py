"""Bans run out, are bounded, and come back from an earlier run."""

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.swarm.banlist import BAN, MOST_BANS, BanList
from txtorrent.swarm.blocklist import Blocklist


class Bans(SynchronousTestCase):
    def setUp(self):
        self.bans = BanList()

    def banned(self, now, *hosts):
        return [self.bans.is_banned(host, now) for host in hosts]

    def test_an_ipv6_network_is_one_party(self):
        self.bans.ban("2001:db8::1", 0.0)
        hosts = "2001:db8::2", "2001:db8:0:1::1", "1.2.3.4"
        self.assertEqual(self.banned(1.0, *hosts), [True, False, False])

    def test_why(self):
        self.bans.ban("1.2.3.4", 0.0)
        self.bans.blocklist = Blocklist([(5, 6)])
        said = [self.bans.objection(host, 1.0) for host in ("1.2.3.4", "0.0.0.5", "0.0.0.7")]
        self.assertEqual(said, ["banned", "on the blocklist", None])

    def test_a_day(self):
        self.bans.ban("1.2.3.4", 100.0)
        self.assertEqual(self.banned(100.0 + BAN - 1, "1.2.3.4", "1.2.3.5"), [True, False])
        self.assertEqual(self.banned(100.0 + BAN, "1.2.3.4"), [False])
        self.assertEqual(self.banned(100.0, "1.2.3.4"), [False])

    def test_anew(self):
        self.bans.ban("1.2.3.4", 0.0)
        self.bans.ban("1.2.3.4", 100.0)
        self.assertEqual(self.banned(BAN + 50, "1.2.3.4"), [True])

    def test_the_oldest_is_dropped(self):
        for number in range(MOST_BANS):
            self.bans.ban(str(number), 0.0)
        self.bans.ban("0", 0.0)
        self.bans.ban("new", 0.0)
        self.assertEqual(self.banned(1.0, "0", "1", "2", "new"), [True, False, True, True])

    def test_restored(self):
        """What is left of them, and never more than a day: the wall clock may have jumped."""
        self.bans.restore([("a", 10.0), ("b", 0.0), ("c", -5.0), ("d", 1e12)], 100.0)
        self.assertEqual(self.banned(109.0, "a", "b", "c", "d"), [True, False, False, True])
        self.assertEqual(self.banned(100.0 + BAN, "a", "d"), [False, False])
