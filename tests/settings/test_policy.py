"""What several settings mean together."""

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.settings import policy
from txtorrent.settings.file import parse
from txtorrent.settings.settings import Settings
from txtorrent.swarm.queue import Rules
from txtorrent.swarm.schedule import is_on
from txtorrent.swarm.share import Goal

# (the file, what it means)
RATES = [
    ("", (None, None)),
    ("speed_limit_down = 5", (5, None)),
    ("speed_limit_up = 5", (None, 5)),
    ("speed_limit_up = 5\nspeed_limit_up_enabled = false", (None, None)),
    ("speed_limit_up = 0\nspeed_limit_up_enabled = true", (None, 0)),
    ("speed_limit_down = 5\nalt_speed_enabled = true", (50_000, 50_000)),
    ("alt_speed_enabled = true\nalt_speed_down = 1\nalt_speed_up = 2", (1, 2)),
]
QUEUES = [
    ("", Rules(10, None, 1800.0)),
    ("download_queue_enabled = false", Rules(None, None, 1800.0)),
    ("download_queue_size = 3\nseed_queue_size = 4", Rules(3, 4, 1800.0)),
    ("queue_stalled_enabled = false", Rules(10, None, None)),
    ("queue_stalled_minutes = 2", Rules(10, None, 120.0)),
]
GOALS = [
    ("", Goal(None, None)),
    ("seed_ratio_limit = 1.5", Goal(1.5, None)),
    ('idle_seeding_limit = "1h"', Goal(None, 3600.0)),
    ("seed_ratio_limited = true", Goal(2.0, None)),
]
INCOMPLETE = [
    ("", None),
    ('incomplete_dir = "/i"', "/i"),
    ('incomplete_dir = "/i"\nincomplete_dir_enabled = false', None),
]
NIGHTS = '[[schedule]]\nbegin = "22:00"\nend = "06:00"\n'
# (the file, what is on at 9:00 and 23:00 on a Sunday, at 9:00 on a Monday)
WINDOWS = [
    ("", (False, False, False)),
    ("alt_speed_time_enabled = true", (True, False, True)),
    ("alt_speed_time_enabled = true\nalt_speed_time_day = 1", (True, False, False)),
    (NIGHTS, (False, True, False)),
    ("alt_speed_time_enabled = true\nalt_speed_time_day = 2\n" + NIGHTS, (False, True, True)),
    (NIGHTS + 'days = ["mon"]', (False, False, False)),
]


def get(text):
    return Settings(parse(text, "c.toml")).get


class Meaning(SynchronousTestCase):
    def check(self, what, rows):
        for text, meaning in rows:
            with self.subTest(text):
                self.assertEqual(what(get(text)), meaning)

    def test_rates(self):
        self.check(policy.rates, RATES)

    def test_queues(self):
        self.check(policy.queue_rules, QUEUES)

    def test_goals(self):
        self.check(policy.seeding_goal, GOALS)

    def test_incomplete(self):
        self.check(policy.incomplete_directory, INCOMPLETE)

    def test_windows(self):
        def at_times(get):
            windows = policy.windows(get)
            return tuple(is_on(windows, *when) for when in ((6, 540), (6, 1380), (0, 540)))

        self.check(at_times, WINDOWS)
