"""Paths of announce URLs."""

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.trackerserver.paths import passkey_of, split_path


class PathTests(SynchronousTestCase):
    PATHS = (
        (b"/announce", None, b"announce"),
        (b"/scrape", None, b"scrape"),
        (b"/key/announce", b"key", b"announce"),
        (b"/a/b/announce", b"a/b", b"announce"),
        (b"//announce", None, b"announce"),
        (b"announce", None, b"announce"),
        (b"/", None, b""),
        (b"", None, b""),
        (b"/key/", None, b"key"),
        (b"/announce/", None, b"announce"),
        (b"/announce//", b"announce", b""),
        (b"/key/announce/", b"key", b"announce"),
        (b"//", None, b""),
    )

    def test_passkey_and_last_part(self) -> None:
        for path, passkey, last in self.PATHS:
            self.assertEqual(split_path(path), (passkey, last), path)

    def test_of_a_target(self) -> None:
        for target, passkey in (
            (b"", None),
            (b"/announce?x=/no/announce", None),
            (b"/key/announce", b"key"),
            (b"/key/announce/?x", b"key"),
            (b"/key/announce?x=/y/z", b"key"),
        ):
            self.assertEqual(passkey_of(target), passkey, target)
