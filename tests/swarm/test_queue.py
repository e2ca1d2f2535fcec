"""Which torrents run, as pictures: one character a torrent, in the order of the queue.

D d  downloads: runs, waits
S s  seeds: runs, waits
Z z  runs without progress: a download, a seed
F f  a download that was started now: runs, does not yet
C  complete now and still running, in no place of the seed queue yet
R  wants more files now and still running, in no place of the download queue yet
"""

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.swarm.queue import Entry, Move, Queue, Rules, decide, moved, placed

DOWN, SEED = Queue.DOWNLOAD, Queue.SEED
STALLED = 1800.0
# (needs, runs in, seconds idle, started now)
KINDS = {
    "D": (DOWN, DOWN, STALLED - 1, False),
    "d": (DOWN, None, 0.0, False),
    "S": (SEED, SEED, 0.0, False),
    "s": (SEED, None, 0.0, False),
    "Z": (DOWN, DOWN, STALLED, False),
    "z": (SEED, SEED, STALLED, False),
    "F": (DOWN, DOWN, 0.0, True),
    "f": (DOWN, None, 0.0, True),
    "C": (SEED, DOWN, 0.0, False),
    "R": (DOWN, SEED, 0.0, False),
}
RUNS = {"d": "D", "s": "S", "f": "F", "C": "S", "R": "D"}
WAITS = {"D": "d", "S": "s", "C": "s", "R": "d", "F": "!", "Z": "d"}


def picture(before, rules, shorten=False):
    """The queue after one decision; the entries come in another order than the positions."""
    entries = [
        Entry(place, place, needs, runs_in, idle, forced)
        for place, (needs, runs_in, idle, forced) in enumerate(map(KINDS.get, before))
    ]
    decision = decide(entries[::-1], rules, shorten)
    after = list(before)
    for place in decision.run:
        after[place] = RUNS[before[place]]
    for place in decision.wait:
        after[place] = WAITS[before[place]]
    assert not set(decision.run) & set(decision.wait)
    return "".join(after)


# (how many downloads, seeds run, before, after)
TIME_PASSES = [
    (2, None, "dddd", "DDdd"),
    (2, None, "dDdd", "DDdd"),
    (2, None, "ddDD", "ddDD"),
    (2, None, "", ""),
    (0, None, "dd", "dd"),
    (None, None, "ddss", "DDSS"),
    (9, None, "dd", "DD"),
    # Those that run stay, were they too many.
    (1, None, "DDDd", "DDDd"),
    # Without progress a torrent does not count, and runs on.
    (2, None, "ZDdd", "ZDDd"),
    (2, None, "ZZdd", "ZZDD"),
    (2, None, "ZDDd", "ZDDd"),
    # It makes progress again: nobody has to go.
    (2, None, "DDDd", "DDDd"),
    # Started now: runs whatever the queue says, and takes a place.
    (1, None, "df", "dF"),
    (2, None, "dfd", "DFd"),
    (0, None, "fF", "FF"),
    (1, None, "dF", "dF"),
    # The queues do not know each other.
    (1, 1, "ddss", "DdSs"),
    (1, 1, "DdSs", "DdSs"),
    (None, 0, "dsd", "DsD"),
    (1, None, "dsss", "DSSS"),
    (1, 1, "zss", "zSs"),
    # Complete: a place in the seed queue, in its turn, or the end of the line.
    (1, 1, "Cd", "SD"),
    (1, 1, "CSd", "sSD"),
    (1, 1, "sC", "Ss"),
    (1, 2, "CCC", "SSs"),
    (1, None, "CS", "SS"),
    # Complete no more: a place in the download queue.
    (1, 1, "RDs", "dDS"),
    (2, 1, "RDs", "DDS"),
]
RULES_CHANGED = [
    (2, None, "DDDd", "DDdd"),
    (2, None, "DdDD", "DdDd"),
    (0, None, "DDZ", "ddZ"),
    (1, None, "DFD", "dFd"),
    (0, None, "FF", "FF"),
    (2, None, "ZDDD", "ZDDd"),
    (None, 1, "SSS", "Sss"),
    (3, None, "DDd", "DDD"),
    (1, None, "Df", "dF"),
]


class Decisions(SynchronousTestCase):
    def test_time_passes(self):
        for downloads, seeds, before, after in TIME_PASSES:
            with self.subTest(f"{downloads} {seeds} {before}"):
                rules = Rules(downloads, seeds, STALLED)
                self.assertEqual(picture(before, rules), after)

    def test_rules_changed(self):
        for downloads, seeds, before, after in RULES_CHANGED:
            with self.subTest(f"{downloads} {seeds} {before}"):
                rules = Rules(downloads, seeds, STALLED)
                self.assertEqual(picture(before, rules, shorten=True), after)

    def test_one_that_waits_is_not_forced(self):
        waits = Entry("a", 1, DOWN)
        self.assertEqual((waits.runs_in, waits.idle, waits.forced), (None, 0.0, False))
        self.assertEqual(decide([waits], Rules(0)).run, [])

    def test_never_stalled(self):
        self.assertEqual(picture("Zd", Rules(1, None, None)), "Zd")

    def test_nothing_flaps(self):
        """What was decided is not undone by deciding again."""
        for shorten, rows in ((False, TIME_PASSES), (True, RULES_CHANGED)):
            for downloads, seeds, before, after in rows:
                with self.subTest(f"{downloads} {seeds} {before}"):
                    rules = Rules(downloads, seeds, STALLED)
                    self.assertEqual(picture(after, rules, shorten), after)


class Positions(SynchronousTestCase):
    def test_moves(self):
        for before, chosen, move, after in (
            ("abcde", "c", Move.TOP, "cabde"),
            ("abcde", "db", Move.TOP, "bdace"),
            ("abcde", "b", Move.BOTTOM, "acdeb"),
            ("abcde", "db", Move.BOTTOM, "acebd"),
            ("abcde", "c", Move.UP, "acbde"),
            ("abcde", "a", Move.UP, "abcde"),
            ("abcde", "ab", Move.UP, "abcde"),
            ("abcde", "bc", Move.UP, "bcade"),
            ("abcde", "bd", Move.UP, "badce"),
            ("abcde", "abd", Move.UP, "abdce"),
            ("abcde", "c", Move.DOWN, "abdce"),
            ("abcde", "e", Move.DOWN, "abcde"),
            ("abcde", "bc", Move.DOWN, "adbce"),
            ("abcde", "ce", Move.DOWN, "abdce"),
            ("abcde", "x", Move.TOP, "abcde"),
            ("abcde", "", Move.UP, "abcde"),
            ("", "a", Move.DOWN, ""),
        ):
            with self.subTest(f"{before} {chosen} {move}"):
                self.assertEqual("".join(moved(before, set(chosen), move)), after)

    def test_places(self):
        for before, key, position, after in (
            ("abcd", "d", 0, "dabc"),
            ("abcd", "a", 1, "bacd"),
            ("abcd", "a", 3, "bcda"),
            ("abcd", "a", 99, "bcda"),
            ("abcd", "b", -5, "bacd"),
            ("abcd", "x", 2, "abxcd"),
        ):
            self.assertEqual("".join(placed(before, key, position)), after)
