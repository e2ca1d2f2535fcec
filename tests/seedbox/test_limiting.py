"""Limits as records, groups and settings say, of torrents that run, and changed meanwhile."""

import time
from types import SimpleNamespace

from twisted.trial.unittest import SynchronousTestCase

from tests.seedbox.case import SEEDING, SeedboxCase
from tests.testing.clock import HeapClock
from txtorrent.seedbox.limiting import Limiting
from txtorrent.settings.settings import Settings
from txtorrent.swarm.ratelimit import NOTHING
from txtorrent.swarm.waitingline import Priority
from txtorrent.torrent.limits import Allowance, CommonLimits

MONDAY = 4 * 86400.0
"""Its first second, since 1970; no time zone is near."""
HOUR = 3600.0


class World(SynchronousTestCase):
    """`limiting` of a session without torrents, which begins on a Monday at midnight."""

    began = MONDAY

    def begin(self, **settings):
        self.clock = HeapClock()
        self.settings = Settings(settings)
        self.session = SimpleNamespace(reactor=self.clock, limits=CommonLimits.of(self.clock))
        self.limiting = Limiting(self.session, self.settings, lambda: (), self.wall_clock)
        self.limiting.start()
        self.addCleanup(self.end)

    def end(self):
        self.limiting.stop()
        self.assertEqual(self.clock.timers(), [])

    def wall_clock(self):
        return time.gmtime(self.began + self.clock.seconds())

    @property
    def rates(self):
        return self.session.limits.download.rate, self.session.limits.upload.rate

    def until(self, hour):
        """Let time pass until so many hours behind the first midnight."""
        self.clock.advance(MONDAY + hour * HOUR - (self.began + self.clock.seconds()))


class OfTheSession(World):
    def test_settings(self):
        for settings, expected in (
            ({}, (0, 0)),
            ({"speed_limit_down": 5000, "speed_limit_down_enabled": True}, (5000, 0)),
            ({"speed_limit_up": 5000, "speed_limit_up_enabled": False}, (0, 0)),
            ({"speed_limit_up": 0, "speed_limit_up_enabled": True}, (0, NOTHING)),
            ({"alt_speed_up": 7000, "alt_speed_down": 0, "alt_speed_enabled": True},
             (NOTHING, 7000)),
        ):  # fmt: skip
            with self.subTest(settings):
                self.begin(**settings)
                self.assertEqual(self.rates, expected)

    def test_changed(self):
        self.begin(alt_speed_down=100, alt_speed_up=200)
        for name, value, expected in (
            ("speed_limit_down", 1000, (0, 0)),
            ("speed_limit_down_enabled", True, (1000, 0)),
            ("alt_speed_enabled", True, (100, 200)),
            ("alt_speed_up", 300, (100, 300)),
            ("speed_limit_up_enabled", True, (100, 300)),
            ("alt_speed_enabled", False, (1000, 100_000)),
        ):
            self.settings.set(name, value)
            self.assertEqual(self.rates, expected, name)

    def test_ended(self):
        self.begin()
        self.limiting.stop()
        self.settings.set("speed_limit_up_enabled", True)
        self.assertEqual(self.rates, (0, 0))


class ByTheClock(World):
    """The alternative limits are 100 and 200 bytes/s."""

    def begin(self, **settings):
        super().begin(alt_speed_down=100, alt_speed_up=200, **settings)

    def on_at(self, *hours):
        """Whether they count at these hours."""
        found = []
        for hour in hours:
            self.until(hour)
            self.assertEqual(self.rates == (100, 200), self.settings.get("alt_speed_enabled"))
            found.append(self.settings.get("alt_speed_enabled"))
        return found

    def test_a_window(self):
        self.begin(schedule=[{"days": ["mon"], "begin": "08:00", "end": "10:30"}])
        found = self.on_at(7.99, 8.001, 10.499, 10.501, 32.1, 7 * 24 + 8.001)
        self.assertEqual(found, [False, True, True, False, False, True])

    def test_within_a_minute(self):
        """At its first second, however far into a minute we began."""
        self.began = MONDAY + 17.5
        self.begin(schedule=[{"days": ["mon"], "begin": "08:00", "end": "09:00"}])
        self.until(8 - 1 / 3600)
        self.assertEqual(self.rates, (0, 0))
        self.until(8 + 1 / 3600)
        self.assertEqual(self.rates, (100, 200))

    def test_when_it_starts_within_one(self):
        """Also if it was off, and on, when the last run ended."""
        for stored, begin in ((False, "00:00"), (True, "08:00")):
            self.begin(
                alt_speed_enabled=stored,
                schedule=[{"days": ["mon"], "begin": begin, "end": "09:00"}],
            )
            self.assertEqual(self.settings.get("alt_speed_enabled"), not stored)

    def test_by_hand(self):
        """It holds until the next change."""
        self.begin(schedule=[{"days": ["mon", "tue"], "begin": "08:00", "end": "10:00"}])
        self.until(9)
        self.settings.set("alt_speed_enabled", False)
        self.assertEqual(self.on_at(9.5, 11, 31.9, 32.1), [False, False, False, True])

    def test_transmissions_window(self):
        self.begin(alt_speed_time_begin=60, alt_speed_time_end=120, alt_speed_time_day=2)
        self.until(1.5)
        self.assertEqual(self.rates, (0, 0))
        self.settings.set("alt_speed_time_enabled", True)
        self.assertEqual(self.on_at(1.5, 1.99, 2.01, 25.5), [True, True, False, False])

    def test_no_windows_any_more(self):
        self.begin(schedule=[{"days": ["mon"], "begin": "00:00", "end": "09:00"}])
        self.settings.set("schedule", [])
        self.assertEqual(self.on_at(0.1), [False])

    def test_the_wall_clock_is_set(self):
        """Looked at each minute, it need not go as ours does."""
        self.begin(schedule=[{"days": ["mon"], "begin": "08:00", "end": "10:00"}])
        self.began += 8.5 * HOUR
        self.clock.advance(60)
        self.assertEqual(self.rates, (100, 200))


class OfTorrents(SeedboxCase):
    settings = {"groups": {"slow": {"speed_limit_up": 10_000, "speed_limit_up_enabled": True,
                                    "speed_limit_down": 0, "speed_limit_down_enabled": False,
                                    "honors_session_limits": True}}}  # fmt: skip

    def seeding(self, number=0, **options):
        """A torrent that runs."""
        made = self.payload(number)
        self.write(made)
        entry = self.add(made, **options)
        self.run_until(lambda: entry.status == SEEDING)
        return entry

    def change(self, entry, **changes):
        self.result_of(self.box.change([(entry, changes)]))

    def set(self, name, value):
        self.box._settings.set(name, value)

    def group(self, **values):
        self.set("groups", {"slow": {**self.box._settings.get("groups")["slow"], **values}})

    def test_when_it_starts(self):
        entry = self.seeding(group="slow", bandwidth_priority=1)
        allowance = entry.torrent.limits.allowance
        self.assertEqual((allowance.download, allowance.upload), (0, 0))
        self.assertEqual((allowance.priority, allowance.honors_session), (Priority.HIGH, True))
        self.assertEqual((allowance.group.download.rate, allowance.group.upload.rate), (0, 10_000))
        self.assertEqual(entry.torrent.limits.upload.rate, 10_000)

    def test_the_record_is_changed(self):
        entry = self.seeding()
        upload = entry.torrent.limits.upload
        for changes, rate in (
            ({"upload_limit": 5000}, 0),
            ({"upload_limited": True}, 5000),
            ({"upload_limit": 0}, NOTHING),
            ({"upload_limit": 20_000, "group": "slow"}, 10_000),
            ({"group": "unknown"}, 20_000),
            ({"upload_limited": False}, 0),
        ):
            self.change(entry, **changes)
            self.assertEqual(upload.rate, rate, changes)

    def test_the_session_and_who_does_not_honour_it(self):
        entry, other = self.seeding(0), self.seeding(1)
        self.change(other, honors_session_limits=False)
        self.set("speed_limit_up", 3000), self.set("speed_limit_up_enabled", True)
        found = [e.torrent.limits.upload.rate for e in (entry, other)]
        self.assertEqual(found, [3000, 0])

    def test_the_group_is_changed(self):
        """Its torrents, and how it stands to the session's limit."""
        entry = self.seeding(group="slow")
        upload = entry.torrent.limits.upload
        self.set("speed_limit_up", 8000), self.set("speed_limit_up_enabled", True)
        self.assertEqual(upload.rate, 8000)
        self.group(honors_session_limits=False)
        self.assertEqual(upload.rate, 10_000)
        before = entry.torrent.limits.allowance.group
        self.group(speed_limit_up=15_000, honors_session_limits=False)
        self.assertEqual(upload.rate, 15_000)
        self.assertIs(entry.torrent.limits.allowance.group, before)
        self.set("groups", {})
        self.assertEqual(upload.rate, 8000)

    def test_one_limit_for_a_group(self):
        first, second = (self.seeding(number, group="slow") for number in range(2))
        groups = {e.torrent.limits.allowance.group for e in (first, second)}
        self.assertEqual(len(groups), 1)
        self.assertEqual(
            list(groups.pop().upload._kept_by), [e.torrent.limits.upload for e in (first, second)]
        )

    def test_peers(self):
        entry, other = self.seeding(0), self.seeding(1, peer_limit=7)
        most = [e.torrent.swarm.connections._max_peers for e in (entry, other)]
        self.assertEqual(most, [100, 7])
        self.set("peer_limit_per_torrent", 20)
        self.change(other, peer_limit=5)
        most = [e.torrent.swarm.connections._max_peers for e in (entry, other)]
        self.assertEqual(most, [20, 5])

    def test_who_sleeps_is_told_when_it_wakes(self):
        entry = self.seeding(0)
        self.result_of(self.box.stop([entry]))
        self.clock.advance(5)
        self.change(entry, upload_limit=5000, upload_limited=True)
        self.result_of(self.box.start([entry], now=False))
        self.run_until(lambda: entry.status == SEEDING and entry.torrent is not None)
        self.assertEqual(entry.torrent.limits.allowance, Allowance(upload=5000))
        self.assertEqual(len(self.session.limits.upload._kept_by), 1)
