"""Passkeys: who may pass, and what counts of what clients say of themselves."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.trackerserver.requests import OTHER_HASH, announce
from txtorrent.trackerserver import passkeys
from txtorrent.trackerserver.interfaces import Reason, Refused
from txtorrent.trackerserver.passkeys import MAX_RATE, REMEMBERED, Passkeys
from txtorrent.wire.announce import Event

ANN, BOB = b"annsannsannsanns", b"bobsbobsbobsbobs"
NAMES = {ANN: "ann", BOB: "bob"}
START, STOP, DONE = Event.STARTED, Event.STOPPED, Event.COMPLETED

# (announces of one peer as (uploaded, downloaded, event), the totals in the end)
COUNTED = [
    ([], (0, 0)),
    ([(0, 0, START)], (0, 0)),
    ([(0, 0, START), (5, 7, None)], (5, 7)),
    ([(0, 0, START), (5, 7, None), (5, 7, None)], (5, 7)),
    ([(0, 0, START), (5, 7, None), (6, 9, DONE), (10, 9, STOP)], (10, 9)),
    ([(100, 200, None), (105, 207, None)], (5, 7)),
    ([(100, 200, START), (105, 207, None)], (5, 7)),
    ([(0, 0, START), (5, 5, None), (0, 0, START), (3, 4, None)], (8, 9)),
    ([(0, 0, START), (5, 5, None), (9, 9, START), (10, 10, None)], (6, 6)),
    ([(0, 0, START), (50, 50, None), (3, 60, None)], (53, 60)),
    ([(0, 0, START), (5, 5, STOP), (9, 9, None), (10, 11, None)], (6, 7)),
    ([(9, 9, STOP)], (0, 0)),
    ([(-5, -5, START), (5, 5, None)], (5, 5)),
]


class Case(SynchronousTestCase):
    def setUp(self):
        self.keys = Passkeys(NAMES)
        self.now = 1000.0

    def say(self, key=ANN, up=0, down=0, event=None, after=60.0, **other):
        self.now += after
        said = announce(uploaded=up, downloaded=down, event=event or Event.NONE, **other)
        self.keys.count(self.keys.user(key), said, self.now)

    def totals(self, key=ANN):
        user = self.keys.user(key)
        return user.uploaded, user.downloaded


class Users(Case):
    def test_known(self):
        self.assertEqual(self.keys.user(ANN).name, "ann")
        self.assertEqual([user.name for user in self.keys.users()], ["ann", "bob"])

    def test_unknown(self):
        for key in (b"", b"x", ANN[:-1], ANN + b"x", ANN.upper()):
            refused = self.assertRaises(Refused, self.keys.user, key)
            self.assertEqual(refused.reason, Reason.PASSKEY)
            self.assertEqual(str(refused), "no valid passkey is in the URL")

    def test_ratio(self):
        user = self.keys.user(ANN)
        self.assertIsNone(user.ratio)
        user.uploaded, user.downloaded = 3, 2
        self.assertEqual(user.ratio, 1.5)

    def test_passkeys_are_shown_nowhere(self):
        self.say(event=START)
        self.say(up=5)
        shown = repr(self.keys.user(ANN)) + json.dumps(self.keys.to_plain())
        self.assertNotIn(ANN.decode(), shown)
        self.assertNotIn(ANN.hex(), shown)


class Counting(Case):
    def test_table(self):
        for said, expected in COUNTED:
            self.keys = Passkeys(NAMES)
            for up, down, event in said:
                self.say(up=up, down=down, event=event)
            self.assertEqual(self.totals(), expected, said)
            self.assertEqual(self.totals(BOB), (0, 0))

    def test_peers_torrents_and_users_apart(self):
        for other in ({}, {"info_hash": OTHER_HASH}, {"peer_id": b"p" * 20}, {"key": BOB}):
            self.say(event=START, **other)
        self.say(up=1)
        self.say(up=10, info_hash=OTHER_HASH)
        self.say(up=100, peer_id=b"p" * 20)
        self.say(up=1000, key=BOB)
        self.assertEqual((self.totals(), self.totals(BOB)), ((111, 0), (1000, 0)))

    def test_one_peer_over_both_families_counts_once(self):
        self.say(event=START)
        self.say(event=START, host="2001:db8::1")
        self.say(up=7)
        self.say(up=7, host="2001:db8::1")
        self.assertEqual(self.totals(), (7, 0))

    def test_jumps_are_bounded_by_the_time(self):
        self.say(event=START)
        self.say(up=1 << 62, down=1 << 62, after=10)
        self.assertEqual(self.totals(), (10 * MAX_RATE, 10 * MAX_RATE))
        self.say(up=1 << 70, after=0)
        self.assertEqual(self.totals(), (10 * MAX_RATE, 10 * MAX_RATE))
        self.say(up=7, down=7)  # back: began anew
        self.assertEqual(self.totals(), (10 * MAX_RATE + 7, 10 * MAX_RATE + 7))

    def test_what_is_old_is_forgotten(self):
        self.say(event=START)
        self.say(event=START, peer_id=b"p" * 20, after=0)
        self.say(up=5, after=REMEMBERED)
        self.assertEqual(self.totals(), (0, 0))
        self.say(up=7)
        self.assertEqual(self.totals(), (2, 0))
        self.assertEqual(len(self.keys.to_plain()["peers"]), 1)

    def test_too_many_peers(self):
        self.patch(passkeys, "MAX_PEERS", 3)
        for number in range(5):
            self.say(event=START, peer_id=b"%020d" % number)
        self.assertEqual(len(self.keys.to_plain()["peers"]), 3)
        for number in range(2, 5):
            self.say(up=1, peer_id=b"%020d" % number)
        self.assertEqual(self.totals(), (3, 0))

    def test_too_many_peers_of_a_user(self):
        self.patch(passkeys, "MAX_PEERS_OF_USER", 2)
        self.say(key=BOB, event=START)
        for number in range(5):
            self.say(event=START, peer_id=b"%020d" % number)
        for number in range(5):
            self.say(up=1, peer_id=b"%020d" % number)
        self.say(key=BOB, up=1)
        self.assertEqual((self.totals(), self.totals(BOB)), ((2, 0), (1, 0)))
        self.say(up=1, event=STOP, peer_id=b"%020d" % 0)
        self.say(peer_id=b"%020d" % 4)
        self.say(up=1, peer_id=b"%020d" % 4)
        self.assertEqual(self.totals(), (3, 0))

    @settings(derandomize=True, deadline=None, max_examples=200)
    @given(
        st.lists(
            st.tuples(
                st.sampled_from([ANN, BOB]),
                st.integers(0, 100),
                st.sampled_from([None, START, STOP]),
                st.integers(0, 5),
                st.sampled_from([0.0, 60.0, REMEMBERED]),
            ),
            max_size=30,
        )
    )
    def test_no_peer_is_lost_from_the_books(self, said):
        self.keys = Passkeys(NAMES)
        for key, up, event, peer, after in said:
            self.say(key, up, up, event, after, peer_id=b"%020d" % peer)
        kept = [user_id for user_id, *_ in self.keys.to_plain()["peers"]]
        for user in self.keys.users():
            self.assertEqual(user._peers, kept.count(user.id))
            self.assertEqual(user.uploaded, user.downloaded)


class Reload(Case):
    def test_who_stays_keeps_what_was_counted(self):
        self.say(event=START)
        self.say(up=5)
        self.keys.replace({ANN: "anna", b"carlcarl": "carl"})
        self.say(up=7)
        self.assertEqual(self.totals(), (7, 0))
        self.assertEqual([user.name for user in self.keys.users()], ["anna", "carl"])
        self.assertRaises(Refused, self.keys.user, BOB)

    def test_who_comes_back_has_what_was_counted(self):
        """A slip in editing the list costs nobody anything, not even over a restart."""
        self.say(event=START)
        self.say(up=5)
        self.keys.replace({BOB: "bob"})
        self.assertEqual([user.name for user in self.keys.users()], ["bob"])
        again = Passkeys({BOB: "bob"})
        again.restore(json.loads(json.dumps(self.keys.to_plain())), self.now)
        self.keys = again
        self.keys.replace(NAMES)
        self.assertEqual((self.totals(), self.keys.user(ANN).name), ((5, 0), "ann"))
        self.say(up=6)
        self.say(up=6, event=STOP)
        self.assertEqual(self.totals(), (6, 0))
        self.assertEqual(self.keys.user(ANN)._peers, 0)


class Restart(Case):
    def restarted(self, names=NAMES):
        plain = json.loads(json.dumps(self.keys.to_plain()))
        self.keys = Passkeys(names)
        self.now = 5.0
        self.keys.restore(plain, self.now)

    def test_nothing_is_lost(self):
        self.say(event=START)
        self.say(up=5, down=6)
        self.say(event=START, key=BOB)
        self.restarted()
        self.say(up=7, down=9)
        self.say(up=1, key=BOB)
        self.assertEqual((self.totals(), self.totals(BOB)), ((7, 9), (1, 0)))

    def test_twice(self):
        self.say(event=START)
        self.say(up=5)
        self.restarted()
        self.restarted()
        self.say(up=6)
        self.assertEqual(self.totals(), (6, 0))

    def test_who_is_gone(self):
        self.say(event=START)
        self.say(up=5)
        before = self.keys.to_plain()
        self.restarted({BOB: "bob"})
        self.assertEqual(self.keys.to_plain(), before)
        self.assertEqual([user.name for user in self.keys.users()], ["bob"])

    def test_many_that_are_gone(self):
        """Those that left last are kept."""
        self.patch(passkeys, "MAX_FORMER", 1)
        for name, key in (("ann", ANN), ("bob", BOB)):
            self.keys.replace({key: name})
            self.say(event=START, key=key)
            self.say(up=5, key=key)
        self.keys.replace({})
        self.keys.replace(NAMES)
        self.assertEqual((self.totals(), self.totals(BOB)), ((0, 0), (5, 0)))

    def test_the_latest_peers_are_saved(self):
        self.patch(passkeys, "MAX_SAVED", 2)
        for number in (1, 2, 3, 1):
            self.say(event=START, peer_id=b"%020d" % number)
        self.restarted()
        self.patch(passkeys, "MAX_SAVED", 1)
        saved = self.keys.to_plain()["peers"]
        self.assertEqual([where[40:] for _, where, _, _ in saved], [(b"%020d" % 1).hex()])
        for number in (1, 2, 3):
            self.say(up=1 << number, peer_id=b"%020d" % number)
        self.assertEqual(self.totals(), (2 + 8, 0))

    def test_whatever_was_said_can_be_restored(self):
        self.say(event=START)
        self.say(up=1 << 80, down=-1)
        self.restarted()
        self.assertEqual(self.totals(), (60 * MAX_RATE, 0))

    def test_wrong(self):
        self.say(event=START)
        self.say(up=5)
        user = self.keys.user(ANN).id
        for plain in (
            None,
            [],
            {},
            {"users": {}},
            {"users": [], "peers": []},
            {"users": {user: 5}, "peers": []},
            {"users": {user: [5]}, "peers": []},
            {"users": {user: [9, -1]}, "peers": []},
            {"users": {user: [9, 1.5]}, "peers": []},
            {"users": {user: [9, True]}, "peers": []},
            {"users": {user: [9, 9]}, "peers": 5},
            {"users": {user: [9, 9]}, "peers": [[user, "00", 1, 1]]},
            {"users": {user: [9, 9]}, "peers": [[user, "x" * 80, 1, 1]]},
            {"users": {user: [9, 9]}, "peers": [[user, None, 1, 1]]},
            {"users": {user: [9, 9]}, "peers": [[user, "00" * 40, 1]]},
        ):
            error = self.assertRaises(ValueError, self.keys.restore, plain, self.now)
            self.assertIn("these are no users' totals", str(error))
            self.assertEqual(self.totals(), (5, 0))
