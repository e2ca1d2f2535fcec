"""Limits: what options become, and how limits are shown."""

from twisted.trial.unittest import SynchronousTestCase

from tests.cli.daemon import torrent
from txtorrent.cli.errors import Misused
from txtorrent.cli.limits import describe_limits, of_session, of_torrent

OF_TORRENT = (
    ({}, {}),
    ({"down": 5, "up": None}, {"download_limit": 5, "download_limited": True}),
    ({"up": "none"}, {"upload_limited": False}),
    ({"ratio": 2.0}, {"seed_ratio_mode": 1, "seed_ratio_limit": 2.0}),
    ({"ratio": "none"}, {"seed_ratio_mode": 2}),
    ({"idle": "session"}, {"seed_idle_mode": 0}),
    ({"idle": 30}, {"seed_idle_mode": 1, "seed_idle_limit": 30}),
    ({"min_share": 0.1}, {"tx_min_share": 0.1}),
    ({"min_share": "session"}, {"tx_min_share": None}),
    ({"priority": "high"}, {"bandwidth_priority": 1}),
    ({"priority": "low", "peers": 9}, {"bandwidth_priority": -1, "peer_limit": 9}),
    ({"group": ""}, {"group": ""}),
    ({"honor_session": False}, {"honors_session_limits": False}),
)
OF_SESSION = (
    ({}, {}),
    ({"down": 5}, {"speed_limit_down": 5, "speed_limit_down_enabled": True}),
    ({"up": "none"}, {"speed_limit_up_enabled": False}),
    ({"ratio": 2.0}, {"seed_ratio_limit": 2.0, "seed_ratio_limited": True}),
    ({"idle": "none"}, {"idle_seeding_limit_enabled": False}),
    ({"peers": 9, "min_share": 0.0}, {"peer_limit_global": 9, "tx_min_share": 0.0}),
)


class Limits(SynchronousTestCase):
    def test_of_torrents(self):
        for asked, expected in OF_TORRENT:
            with self.subTest(asked):
                self.assertEqual(of_torrent(asked), expected)

    def test_of_the_session(self):
        for asked, expected in OF_SESSION:
            with self.subTest(asked):
                self.assertEqual(of_session(asked), expected)

    def test_what_only_torrents_have(self):
        for asked in (
            {"group": "x"},
            {"priority": "low"},
            {"honor_session": True},
            {"ratio": "session"},
        ):
            with self.subTest(asked):
                self.assertRaises(Misused, of_session, asked)

    def test_shown(self):
        fields = {
            "download_limited": True, "seed_ratio_mode": 2, "seed_idle_mode": 1, "peer_limit": 50,
            "tx_min_share": 0.125, "honors_session_limits": False, "bandwidth_priority": 1,
        }  # fmt: skip
        shown = {name: text for name, text in describe_limits(torrent(1, "x", **fields)) if text}
        self.assertEqual(
            shown,
            {
                "Down limit": "100 kB/s", "Ratio limit": "none", "Idle limit": "30m00s",
                "Most peers": "50", "Min-share": "12.5%", "Session limits": "not honoured",
                "Priority": "high",
            },
        )  # fmt: skip

    def test_those_of_the_session_are_not_the_torrents(self):
        self.assertFalse([each for each in describe_limits(torrent(1, "x")) if each[1]])
