"""Which torrents are tracked and which addresses served."""

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.address import packed
from txtorrent.trackerserver.access import Access
from txtorrent.trackerserver.config import default
from txtorrent.trackerserver.interfaces import Reason, Refused
from txtorrent.trackerserver.networks import Networks

A, B, C = (bytes([letter]) * 20 for letter in b"abc")

# (settings, the torrents that are tracked of A, B and C)
TORRENTS = [
    ({}, [A, B, C]),
    ({"denied_torrents": {A}}, [B, C]),
    ({"is_listed": True, "allowed_torrents": {A, B}}, [A, B]),
    ({"is_listed": True, "allowed_torrents": {A, B}, "denied_torrents": {B}}, [A]),
    ({"is_listed": True, "allowed_torrents": set()}, []),
    ({"is_listed": False, "allowed_torrents": {A}}, [A, B, C]),
]
HOSTS = ["10.0.0.1", "10.1.0.1", "192.0.2.1", "2001:db8::1"]

# (networks allowed, networks denied, the hosts of HOSTS that are served)
ADDRESSES = [
    ([], [], HOSTS),
    ([], ["10.0.0.0/8"], ["192.0.2.1", "2001:db8::1"]),
    (["10.0.0.0/8"], [], ["10.0.0.1", "10.1.0.1"]),
    (["10.0.0.0/8"], ["10.1.0.0/16"], ["10.0.0.1"]),
    (["10.1.0.0/16"], ["10.0.0.0/8"], []),
    (["2001:db8::/32"], [], ["2001:db8::1"]),
]


def passes(check, *args):
    try:
        check(*args)
    except Refused as refused:
        return refused.reason
    return None


class Rules(SynchronousTestCase):
    def test_torrents(self):
        for values, tracked in TORRENTS:
            access = Access(evolve(default(), **values))
            for torrent in (A, B, C):
                expected = None if torrent in tracked else Reason.TORRENT
                self.assertEqual(passes(access.check_torrent, torrent), expected, values)

    def test_addresses(self):
        for allowed, denied, served in ADDRESSES:
            config = evolve(
                default(),
                allow_addresses=Networks.of(allowed),
                deny_addresses=Networks.of(denied),
            )
            access = Access(config)
            for host in HOSTS:
                expected = None if host in served else Reason.ADDRESS
                self.assertEqual(passes(access.check_address, packed(host)), expected, host)

    def test_asking_again_is_of_no_use(self):
        access = Access(evolve(default(), denied_torrents={A}))
        refused = self.assertRaises(Refused, access.check_torrent, A)
        self.assertEqual((str(refused), refused.retry_in), ("this torrent is not tracked here", 0))

    def test_open_only_when_nothing_is_refused(self):
        some = Networks.of(["10.0.0.0/8"])
        for values, is_open in [
            ({}, True),
            ({"allowed_torrents": {A}}, True),
            ({"is_listed": True}, False),
            ({"denied_torrents": {A}}, False),
            ({"allow_addresses": some}, False),
            ({"deny_addresses": some}, False),
        ]:
            self.assertIs(Access(evolve(default(), **values)).is_open, is_open, values)
