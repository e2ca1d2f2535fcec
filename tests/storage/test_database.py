import os
import shutil
import sqlite3
from contextlib import closing

from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from tests.storage import olddatabases
from tests.storage.folders import memory_folder, noise
from txtorrent.storage import database as database_module
from txtorrent.storage import listrows, schema
from txtorrent.storage.content import FileStat
from txtorrent.storage.database import Database, StateError
from txtorrent.storage.resume import Checkpoint
from txtorrent.storage.rows import Rows

TORRENTS = [bytes([letter]) * 20 for letter in b"abcdefgh"]
NEW = b"n" * 20


def state(seed, size=300):
    files = tuple(FileStat(seed, n) for n in range(seed * 10))
    return Checkpoint(noise(size, seed), files, seed, seed, seed, False)


class Case(SynchronousTestCase):
    def setUp(self):
        self.directory = memory_folder(self)
        self.path = os.path.join(self.directory, "state.db")
        self.rows = Rows(lambda: 1000.0, b"boot")
        self.said = []
        globalLogPublisher.addObserver(self.said.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.said.append)

    def open(self):
        database = Database(self.directory)
        database.open()
        self.addCleanup(database.close)
        return database

    def commit(self, database, change, *arguments, durable=False):
        return database.commit([lambda db: change(db, *arguments)], durable)[0]

    def execute(self, database, statement):
        return database.commit([lambda db: db.execute(statement).fetchall()], True)[0]

    def checkpoint(self, database, info_hash, checkpoint):
        self.commit(database, self.rows.checkpoint, info_hash, checkpoint, durable=True)

    def load(self, database, info_hash):
        return self.commit(database, self.rows.load, info_hash)

    def fill(self, database):
        """Eight torrents, each with an older checkpoint, some records, and a newer checkpoint."""
        for seed, info_hash in enumerate(TORRENTS):
            self.checkpoint(database, info_hash, state(seed + 50))
            for piece in range(5):
                self.commit(database, self.rows.record, info_hash, 5000 + piece)
            self.checkpoint(database, info_hash, state(seed))

    def loaded(self, database):
        return [self.load(database, info_hash) for info_hash in TORRENTS]

    def warnings(self):
        return [event for event in self.said if event["log_namespace"] == database_module.__name__]


class DamageTests(Case):
    """E7: whatever became of the file, no crash and no piece that was never had."""

    def setUp(self):
        super().setUp()
        self.kept = memory_folder(self)
        database = self.open()
        self.fill(database)
        self.expected = self.loaded(database)

        # As a kill leaves it: nearly everything is in the log.
        for name in os.listdir(self.directory):
            shutil.copy(os.path.join(self.directory, name), self.kept)
        database.close()
        with open(self.path, "rb") as file:
            self.whole = file.read()

    def outcome(self):
        """Open what is there, see that it works, and give how many torrents are still known."""
        database = self.open()
        found = self.loaded(database)
        for info_hash, resume, expected in zip(TORRENTS, found, self.expected, strict=True):
            if resume is None:
                continue
            seed = TORRENTS.index(info_hash)
            self.assertIn(resume.have, (state(seed).have, state(seed + 50).have))
            self.assertLessEqual(resume.provisional, expected.provisional)
            self.assertLessEqual(resume.alive_at, expected.alive_at)
        self.checkpoint(database, NEW, state(1))
        self.assertEqual(self.load(database, NEW).have, state(1).have)
        database.close()
        return sum(resume is not None for resume in found)

    def replace(self, source, name, data):
        """The state directory with one file of it changed."""
        shutil.rmtree(self.directory)
        shutil.copytree(source, self.directory)
        with open(os.path.join(self.directory, name), "wb") as file:
            file.write(data)

    def damaged(self, whole, count, seed):
        """Copies of a file, each damaged at one of `count` places spread over all of it."""
        import random

        spread = random.Random(seed)
        step = len(whole) / count
        for n in range(count):
            at = int(n * step + spread.random() * step)
            flipped = bytearray(whole)
            flipped[at] ^= 1 << spread.randrange(8)
            yield bytes(flipped)
            length = spread.choice((1, 8, 100, 512, 4096))
            yield whole[:at] + bytes(length) + whole[at + length :]
            yield whole[:at] + spread.randbytes(length) + whole[at + length :]
            yield whole[:at]

    def test_database(self):
        clean = memory_folder(self)
        known = []
        for data in self.damaged(self.whole, 60, 1):
            self.replace(clean, "state.db", data)
            known.append(self.outcome())
        # One bit costs one torrent at most, in most cases.
        flips = known[::4]
        self.assertGreater(sum(count >= len(TORRENTS) - 1 for count in flips), len(flips) * 0.6)

    def test_first_page(self):
        """Every byte of the header, and of the schema behind it."""
        clean = memory_folder(self)
        for at in [*range(100), *range(100, 4096, 50)]:
            data = bytearray(self.whole)
            data[at] ^= 0xFF
            self.replace(clean, "state.db", data)
            self.outcome()

    def test_log(self):
        with open(os.path.join(self.kept, "state.db-wal"), "rb") as file:
            whole = file.read()
        self.assertGreater(len(whole), 100_000)
        for data in self.damaged(whole, 30, 2):
            self.replace(self.kept, "state.db-wal", data)
            self.outcome()

    def test_lost_log_and_foreign_log(self):
        self.replace(self.kept, "state.db-wal", b"")
        self.outcome()
        self.replace(self.kept, "state.db", self.whole)
        self.outcome()
        self.replace(self.kept, "state.db", b"")
        self.outcome()

    def test_something_else(self):
        clean = memory_folder(self)
        for data in (b"", b"\0" * 5000, b"SQLite format 3\0", noise(10_000), b"{}"):
            self.replace(clean, "state.db", data)
            self.assertEqual(self.outcome(), 0)

    def test_another_programs_database(self):
        os.unlink(self.path)
        with closing(sqlite3.connect(self.path)) as db:
            db.execute("CREATE TABLE torrent (name TEXT)")
            db.execute("INSERT INTO torrent VALUES ('x')")
            db.commit()
        self.assertEqual(self.outcome(), 0)
        with closing(sqlite3.connect(self.path + ".damaged")) as db:
            self.assertEqual(db.execute("SELECT * FROM torrent").fetchall(), [("x",)])

    def test_an_impossible_version_is_damage(self):
        for version in (99, -1, 1):
            with closing(sqlite3.connect(self.path)) as db:
                db.execute(f"PRAGMA user_version = {version}")
            self.assertEqual(self.outcome(), len(TORRENTS))
            with closing(sqlite3.connect(self.path + ".damaged")) as db:
                self.assertEqual(db.execute("PRAGMA user_version").fetchone(), (version,))

    def test_what_is_whole_is_saved_and_the_user_told(self):
        data = bytearray(self.whole)
        data[60:64] = b"\0\0\0\7"  # the version
        self.replace(memory_folder(self), "state.db", data)
        self.assertEqual(self.outcome(), len(TORRENTS))
        (event,) = self.warnings()
        self.assertEqual(event["log_level"].name, "warn")
        self.assertEqual((event["path"], event["aside"]), (self.path, self.path + ".damaged"))

    def test_damage_found_while_running(self):
        database = self.open()
        with open(self.path, "r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * (len(self.whole) - 4096))
        database._db.execute("PRAGMA shrink_memory")  # or SQLite would not look
        found = self.loaded(database)
        self.assertEqual(found, [None] * len(TORRENTS))
        self.checkpoint(database, NEW, state(1))
        database.close()
        self.assertEqual(self.load(self.open(), NEW).have, state(1).have)

    def test_a_row_with_a_wrong_seal_is_not_there(self):
        database = self.open()
        for column in ("have", "files", "uploaded", "info_hash", "seal"):
            self.execute(database, f"UPDATE torrent SET {column} = 5 WHERE uploaded = 3")
            self.assertIsNone(self.load(database, TORRENTS[3]), column)
            self.assertIsNone(self.load(database, 5), column)
            self.assertEqual(self.load(database, TORRENTS[4]), self.expected[4])
            self.checkpoint(database, TORRENTS[3], state(3))

    def test_damaged_records_and_signs_of_life(self):
        database = self.open()
        self.execute(database, "UPDATE provisional SET piece = piece + 1000")
        self.execute(database, "UPDATE alive SET at = at + 1, clean = 1")
        found = self.load(database, TORRENTS[1])
        self.assertEqual(
            (found.provisional, found.alive_at, found.clean), (frozenset(), 0.0, False)
        )


NEWER = (*schema.UPGRADES, ("CREATE TABLE extra (x)", "INSERT INTO extra VALUES (7)"))


class UpgradeTests(Case):
    def test_to_a_later_version(self):
        database = self.open()
        self.fill(database)
        before = self.loaded(database)
        database.close()
        self.patch(schema, "UPGRADES", NEWER)
        for _ in range(2):
            database = self.open()
            self.assertEqual(self.loaded(database), before)
            self.assertEqual(self.execute(database, "SELECT x FROM extra"), [(7,)])
            database.close()
        self.assertEqual(self.warnings(), [])

    def put_version_1(self):
        with open(self.path, "wb") as file:
            file.write(olddatabases.version_1())

    def test_from_version_1(self):
        self.put_version_1()
        for _ in range(2):
            database = self.open()
            a, b = self.load(database, b"a" * 20), self.load(database, b"b" * 20)
            self.assertEqual((a.have, a.provisional, a.clean), (b"\x80\x01", {3}, False))
            self.assertEqual(a.files, (FileStat(5, 6), None, FileStat(1 << 45, 1 << 60)))
            self.assertEqual((b.have, b.uploaded, b.downloaded, b.wasted), (b"\xff", 4, 5, 6))
            bans = self.commit(database, self.rows.bans)
            self.assertEqual(bans, [("192.0.2.1", 5000.0)])
            self.assertEqual(self.commit(database, listrows.totals), {})
            database.close()
        self.assertEqual(self.warnings(), [])
        self.assertFalse(os.path.exists(self.path + ".damaged"))

    def test_from_version_2(self):
        with open(self.path, "wb") as file:
            file.write(olddatabases.version_2())
        database = self.open()
        [entry] = self.commit(database, listrows.entries)
        self.assertEqual((entry.id, entry.info_hash, entry.data), (1, b"a" * 20, b'{"name":"x"}'))
        raw = self.commit(database, lambda db: listrows.metainfo(db, b"a" * 20))
        self.assertEqual(raw, b"de")
        self.assertEqual(self.commit(database, listrows.settings), {"peer_port": b"7"})
        self.assertEqual(self.commit(database, listrows.totals), {"downloaded": 5})
        self.assertEqual(self.execute(database, "SELECT count(*) FROM note"), [(0,)])
        self.assertEqual(self.warnings(), [])

    def test_the_list_after_an_upgrade(self):
        self.put_version_1()
        database = self.open()
        new = [listrows.NewEntry(b"a" * 20, b"{}", b"de")]
        (entry,) = self.commit(database, listrows.add, new)
        self.assertEqual(self.commit(database, listrows.entries), [entry])

    def test_an_upgrade_that_does_not_succeed(self):
        """As a kill in the middle of it: the old database is still there, and whole."""
        self.put_version_1()
        execute = sqlite3.Connection.execute
        for step in range(1, 8):

            class Killed(BaseException):
                pass

            class Dying(sqlite3.Connection):
                left = step

                def execute(self, statement, *rest):
                    if self.in_transaction and statement.strip() != "ROLLBACK":
                        Dying.left -= 1
                        if not Dying.left:
                            raise Killed
                    return execute(self, statement, *rest)

            with closing(sqlite3.connect(self.path, isolation_level=None, factory=Dying)) as db:
                self.assertRaises(Killed, schema.upgrade, db)
            with closing(sqlite3.connect(self.path)) as db:
                self.assertEqual(db.execute("PRAGMA user_version").fetchone(), (1,))
                tables = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
                self.assertEqual(tables, (len(schema.TABLES) - 6,))
        self.assertEqual(self.load(self.open(), b"b" * 20).have, b"\xff")

    def test_a_database_of_a_later_version_is_refused_and_left_alone(self):
        known = schema.UPGRADES
        self.patch(schema, "UPGRADES", NEWER)
        database = self.open()
        self.fill(database)
        database.close()
        self.patch(schema, "UPGRADES", known)
        with open(self.path, "rb") as file:
            before = file.read()
        for _ in range(2):
            error = self.assertRaises(StateError, self.open)
            self.assertIn(f"later txtorrent (its version is {len(NEWER)},", str(error))
            self.assertEqual(error.filename, self.path)
        with open(self.path, "rb") as file:
            self.assertEqual(file.read(), before)
        self.assertEqual(sorted(os.listdir(self.directory)), ["lock", "state.db"])
        self.patch(schema, "UPGRADES", NEWER)
        self.assertNotIn(None, self.loaded(self.open()))

    def test_half_an_upgrade_is_none(self):
        db = sqlite3.connect(":memory:", isolation_level=None)
        self.addCleanup(db.close)
        good = schema.UPGRADES
        self.patch(schema, "UPGRADES", (*good, ("CREATE TABLE extra (x)", "nonsense")))
        self.assertRaises(sqlite3.OperationalError, schema.upgrade, db)
        self.assertEqual(db.execute("SELECT count(*) FROM sqlite_schema").fetchone(), (0,))
        self.patch(schema, "UPGRADES", good)
        schema.upgrade(db)
        self.assertEqual(db.execute("PRAGMA user_version").fetchone(), (len(good),))
        schema.upgrade(db)


class ReadersTests(Case):
    """Nobody but its owner may read the database, whatever the umask and the directory."""

    def modes(self):
        names = [name for name in os.listdir(self.directory) if name.startswith("state.db")]
        return {oct(os.stat(os.path.join(self.directory, name)).st_mode & 0o777) for name in names}

    def setUp(self):
        super().setUp()
        os.chmod(self.directory, 0o755)
        before = os.umask(0)
        self.addCleanup(os.umask, before)

    def test_a_new_one(self):
        database = self.open()
        self.fill(database)
        self.assertEqual(self.modes(), {"0o600"})
        self.assertIn("state.db-wal", os.listdir(self.directory))

    def test_one_that_others_could_read(self):
        """And its log, of a daemon that was killed."""
        database = self.open()
        self.fill(database)
        kept = memory_folder(self)
        for name in os.listdir(self.directory):
            shutil.copy(os.path.join(self.directory, name), kept)
        database.close()
        for name in os.listdir(kept):
            shutil.copy(os.path.join(kept, name), self.directory)
            os.chmod(os.path.join(self.directory, name), 0o644)
        database = self.open()
        self.assertEqual(self.modes(), {"0o600"})
        self.assertIsNotNone(self.load(database, TORRENTS[0]))
