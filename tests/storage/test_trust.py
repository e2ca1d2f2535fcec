from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from tests.storage.folders import files
from txtorrent.bitfield import Bitfield
from txtorrent.metainfo.pieces import Geometry
from txtorrent.storage.content import FileStat
from txtorrent.storage.resume import Resume
from txtorrent.storage.trust import GRACE, trust

# Pieces of 10:  0 1 2|2 3|.3|4 5 6 7     a ends in piece 2, b in 3, a pad fills 3, c is the rest
FILES = files(("t/a", 25), ("t/b", 8), ("t/empty", 0), ("", 7), ("t/c", 35))
GEOMETRY = Geometry(10, 75)
SECOND = 10**9


def bits(picture):
    field = Bitfield(len(picture))
    for piece, mark in enumerate(picture):
        if mark != ".":
            field.add(piece)
    return field


def recorded(*stats):
    """Stats of a, b and c; the empty file and the pad have what they always have."""
    a, b, c = stats
    return a, b, FileStat(0, 1), None, c


STATS = recorded(FileStat(25, 100 * SECOND), FileStat(8, 100 * SECOND), FileStat(35, 100 * SECOND))
RESUME = Resume(
    have=bits("xxxxxxxx").to_wire(),
    provisional=frozenset(),
    files=STATS,
    clean=True,
    alive_at=200.0,
    same_boot=True,
    uploaded=0,
    downloaded=0,
    wasted=0,
)


class TrustTests(SynchronousTestCase):
    def picture(self, resume, stats):
        """A character a piece: believed x, to be hashed ?, not had ."""
        found = trust(resume, stats, FILES, GEOMETRY)
        self.assertEqual([piece for piece in found.have if piece in found.recheck], [])
        rows = ("x" if n in found.have else "?" if n in found.recheck else "." for n in range(8))
        return "".join(rows)

    def resume(self, have="xxxxxxxx", provisional=(), **changes):
        wire = bits(have).to_wire()
        return evolve(RESUME, have=wire, provisional=frozenset(provisional), **changes)

    def test_unchanged(self):
        for have in ("xxxxxxxx", "........", "x.x.x.x."):
            self.assertEqual(self.picture(self.resume(have), STATS), have)

    def test_one_file_changed(self):
        a, b, c = STATS[0], STATS[1], STATS[4]
        older, newer = FileStat(25, 99 * SECOND), FileStat(25, 101 * SECOND)
        rows = [
            (recorded(newer, b, c), "???xxxxx"),
            (recorded(older, b, c), "???xxxxx"),
            (recorded(FileStat(26, a.mtime_ns), b, c), "???xxxxx"),
            (recorded(FileStat(24, a.mtime_ns), b, c), "???xxxxx"),
            (recorded(None, b, c), "???xxxxx"),
            (recorded(a, None, c), "xx??xxxx"),
            (recorded(a, b, None), "xxxx????"),
            (recorded(None, None, None), "????????"),
        ]
        for stats, picture in rows:
            self.assertEqual(self.picture(self.resume(), stats), picture, stats)
        self.assertEqual(self.picture(self.resume("x.x.x..."), rows[0][0]), "?.?.x...")

    def test_killed_while_writing(self):
        """mtimes up to GRACE seconds after the last sign of life are the daemon's own."""
        rows = [
            ((200 + GRACE) * SECOND, "xxxxxxxx"),
            (150 * SECOND, "xxxxxxxx"),
            ((200 + GRACE) * SECOND + 1000, "???xxxxx"),
            (10**6 * SECOND, "???xxxxx"),
        ]
        for mtime_ns, picture in rows:
            stats = recorded(FileStat(25, int(mtime_ns)), STATS[1], STATS[4])
            self.assertEqual(self.picture(self.resume(clean=False), stats), picture, mtime_ns)

    def test_killed_and_too_short(self):
        """A file must hold the pieces that are claimed of it, not more."""
        rows = [
            ("xx......", 20, "xx......"),
            ("xx......", 19, "??......"),
            ("xxx.....", 24, "???....."),
        ]
        for have, size, picture in rows:
            stats = recorded(FileStat(size, 150 * SECOND), STATS[1], STATS[4])
            self.assertEqual(self.picture(self.resume(have, clean=False), stats), picture, size)

    def test_too_short_though_as_recorded(self):
        stats = recorded(FileStat(24, 1), STATS[1], STATS[4])
        self.assertEqual(self.picture(self.resume(files=stats), stats), "???xxxxx")

    def test_files_of_which_nothing_is_claimed_may_be_anything(self):
        stats = recorded(STATS[0], STATS[1], None)
        self.assertEqual(self.picture(self.resume("xxxx...."), stats), "xxxx....")
        changed = recorded(STATS[0], STATS[1], FileStat(1, 1))
        self.assertEqual(self.picture(self.resume("xxxx...."), changed), "xxxx....")

    def test_provisional_pieces(self):
        grown = recorded(*STATS[:2], FileStat(35, 199 * SECOND))
        rows = [
            (True, grown, "xxxxxx.."),
            (False, grown, "xxxx??.."),
            (True, recorded(*STATS[:2], FileStat(35, 300 * SECOND)), "xxxx??.."),
            (True, recorded(*STATS[:2], FileStat(19, 199 * SECOND)), "xxxx??.."),
        ]
        for same_boot, stats, picture in rows:
            resume = self.resume("xxxx....", {4, 5}, clean=False, same_boot=same_boot)
            self.assertEqual(self.picture(resume, stats), picture)

    def test_after_a_power_cut_files_may_be_too_short_for_provisional_pieces(self):
        """Only those are hashed, not all that lies in the file."""
        short = recorded(*STATS[:2], FileStat(10, 199 * SECOND))
        rows = [(False, "xxxxx?.?"), (True, "xxxx??.?")]
        for same_boot, picture in rows:
            resume = self.resume("xxxxx...", {5, 7}, clean=False, same_boot=same_boot)
            self.assertEqual(self.picture(resume, short), picture)

    def test_believed_provisional_pieces_are_not_synced(self):
        resume = self.resume("xxxx....", {1, 4, 5}, clean=False)
        stats = recorded(*STATS[:2], FileStat(35, 199 * SECOND))
        self.assertEqual(trust(resume, stats, FILES, GEOMETRY).unsynced, {1, 4, 5})
        stats = recorded(*STATS[:2], None)
        self.assertEqual(trust(resume, stats, FILES, GEOMETRY).unsynced, {1})

    def test_no_record(self):
        rows = [
            (recorded(None, None, None), "........"),
            (STATS, "????????"),
            (recorded(FileStat(10, 1), None, None), "?......."),
            (recorded(FileStat(11, 1), None, FileStat(1, 1)), "??..?..."),
            (recorded(FileStat(0, 1), FileStat(9999, 1), None), "..??...."),
        ]
        for stats, picture in rows:
            self.assertEqual(self.picture(None, stats), picture)

    def test_a_record_of_something_else(self):
        rows = [
            evolve(RESUME, files=STATS[:-1]),
            evolve(RESUME, have=b"\xff\xff"),
            evolve(RESUME, have=b""),
            evolve(RESUME, provisional=frozenset({8})),
            evolve(RESUME, provisional=frozenset({-1})),
        ]
        for resume in rows:
            self.assertEqual(self.picture(resume, STATS), "????????")

    def test_spare_bits(self):
        geometry = Geometry(10, 35)
        few = files(("a", 35))
        resume = evolve(RESUME, have=b"\xff", files=(FileStat(35, 1),))
        found = trust(resume, [FileStat(35, 1)], few, geometry)
        self.assertEqual((found.have.count, found.recheck.count), (0, 4))
