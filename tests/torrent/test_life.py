"""A torrent's life as a table: what may follow what, and what is done then."""

from automat import NoTransition
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.torrent.life import make_life


class Stages:
    """Writes down what a torrent would do."""

    def __init__(self):
        self.done = []

    def __getattr__(self, name):
        return lambda: self.done.append(name)


# Inputs, and the last thing done after them (None: nothing by the last of them).
ROWS = [
    ("start", "load"),
    ("start check_needed", "announce_check"),
    ("start found_incomplete", "begin_leeching"),
    ("start found_complete", "begin_seeding"),
    ("start check_needed found_incomplete", "begin_leeching"),
    ("start check_needed found_complete", "begin_seeding"),
    ("start found_incomplete last_piece", "turn_seed"),
    ("start found_complete more_wanted", "turn_leech"),
    ("start found_incomplete last_piece more_wanted", "turn_leech"),
    ("start found_complete more_wanted last_piece", "turn_seed"),
    ("start found_complete more_wanted fail", "give_up"),
    ("start fail", "give_up"),
    ("start check_needed fail", "give_up"),
    ("start found_incomplete fail", "give_up"),
    ("start found_complete fail", "give_up"),
    ("start found_incomplete last_piece fail", "give_up"),
    ("start fail fail", None),
    ("start fail last_piece", None),
    ("start fail try_again", "load"),
    ("start fail stop", "wind_down"),
    ("stop", "rest"),
    ("start stop", "wind_down"),
    ("start check_needed stop", "wind_down"),
    ("start found_incomplete stop", "wind_down"),
    ("start found_complete stop", "wind_down"),
    ("start stop all_stopped", "rest"),
    ("start stop stop", None),
    ("start stop fail", None),
    ("start stop last_piece", None),
    ("start stop try_again", None),
    ("start stop all_stopped stop", None),
    ("start stop all_stopped fail", None),
    ("start stop all_stopped start", "load"),
]
WRONG = [
    "found_complete",
    "last_piece",
    "start start",
    "start last_piece",
    "start found_complete last_piece",
    "start found_incomplete more_wanted",
    "start fail more_wanted",
    "start found_incomplete try_again",
    "start found_incomplete check_needed",
    "start fail found_complete",
]


class Table(SynchronousTestCase):
    def live(self, inputs):
        """Give each input in turn; gives what the last of them did."""
        stages = Stages()
        life = make_life(stages)
        for name in inputs.split():
            before = len(stages.done)
            getattr(life, name)()
        return stages.done[before:]

    def test_rows(self):
        for inputs, done in ROWS:
            self.assertEqual(self.live(inputs), [done] if done else [], inputs)

    def test_wrong(self):
        for inputs in WRONG:
            self.assertRaises(NoTransition, self.live, inputs)
