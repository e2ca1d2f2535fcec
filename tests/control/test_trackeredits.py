"""Edits of trackers: a torrent has 1 (tier 0) and 2 (tier 1)."""

from twisted.trial.unittest import SynchronousTestCase

from tests.control.fakesession import FakeTorrent, FakeTracker
from txtorrent.control.trackeredits import MAX_TRACKERS, edit, parse_list
from txtorrent.errors import Code, RequestError

ONE, TWO, NEW = "http://one.example/a", "udp://two.example:6969", "https://new.example/a?k=1"
EDITS = [
    ({}, None),
    ({"tracker_list": ""}, ()),
    ({"tracker_list": f"{NEW}\n{TWO}\n\n{ONE}"}, ((NEW, TWO), (ONE,))),
    ({"tracker_list": f"\n\n {NEW} \r\n\n\n\n{NEW}\n"}, ((NEW,),)),
    ({"tracker_add": [NEW]}, ((ONE,), (TWO,), (NEW,))),
    ({"tracker_add": [ONE, NEW, NEW]}, ((ONE,), (TWO,), (NEW,))),
    ({"tracker_remove": [1]}, ((TWO,),)),
    ({"tracker_remove": [1, 2]}, ()),
    ({"tracker_replace": [2, NEW]}, ((ONE,), (NEW,))),
    ({"tracker_replace": [[2, NEW], [1, TWO]]}, ((TWO,), (NEW,))),
    ({"tracker_remove": [1], "tracker_add": [NEW]}, ((TWO,), (NEW,))),
]
REFUSED = [
    ({"tracker_list": "one.example"}, Code.TRACKER_LIST),
    ({"tracker_list": "http://"}, Code.TRACKER_LIST),
    ({"tracker_list": "http://x:99999/"}, Code.TRACKER_LIST),
    ({"tracker_list": "http://x:0/"}, Code.TRACKER_LIST),
    ({"tracker_list": "http://[::1/"}, Code.TRACKER_LIST),
    ({"tracker_list": "file:///etc/passwd"}, Code.TRACKER_LIST),
    ({"tracker_list": "http://x/a b"}, Code.TRACKER_LIST),
    ({"tracker_list": "http://x/\u00e4"}, Code.TRACKER_LIST),
    ({"tracker_list": "http://x/" + "y" * 2048}, Code.TRACKER_LIST),
    (
        {"tracker_list": "\n".join(f"http://x/{n}" for n in range(MAX_TRACKERS + 1))},
        Code.TRACKER_LIST,
    ),
    ({"tracker_add": [ONE]}, Code.ANNOUNCE_LIST),
    ({"tracker_add": []}, Code.ANNOUNCE_LIST),
    ({"tracker_add": ["x"]}, Code.ANNOUNCE_LIST),
    ({"tracker_remove": [9]}, Code.ANNOUNCE_LIST),
    ({"tracker_replace": [9, NEW]}, Code.ANNOUNCE_LIST),
    ({"tracker_replace": [1, "x"]}, Code.ANNOUNCE_LIST),
    ({"tracker_replace": [NEW, 1]}, Code.INVALID_PARAMS),
]


class Edits(SynchronousTestCase):
    def setUp(self):
        self.torrent = FakeTorrent(1, b"x" * 20)
        self.torrent.trackers = [FakeTracker(1, ONE), FakeTracker(2, TWO, 1)]

    def test_edits(self):
        for params, expected in EDITS:
            self.assertEqual(edit(self.torrent, params), expected, params)

    def test_refused(self):
        for params, code in REFUSED:
            with self.assertRaises(RequestError) as caught:
                edit(self.torrent, params)
            self.assertEqual(caught.exception.code, code, params)

    def test_as_many_as_allowed(self):
        urls = [f"http://x/{n}" for n in range(MAX_TRACKERS)]
        self.assertEqual(parse_list("\n".join(urls)), (tuple(urls),))

    def test_a_torrent_without_any(self):
        self.torrent.trackers = []
        self.assertEqual(edit(self.torrent, {"tracker_add": [NEW, ONE]}), ((NEW,), (ONE,)))
