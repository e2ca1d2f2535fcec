"""BEP 6's allowed fast set, with the vectors of the specification."""

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.swarm.allowedfast import SET_SIZE, allowed_fast_set

HASH = b"\xaa" * 20
SEVEN = [1059, 431, 808, 1217, 287, 376, 1188]


class AllowedFast(SynchronousTestCase):
    def test_vectors(self):
        self.assertEqual(allowed_fast_set("80.4.4.200", HASH, 1313, 7), SEVEN)
        self.assertEqual(allowed_fast_set("80.4.4.200", HASH, 1313, 9), [*SEVEN, 353, 508])

    def test_the_network_counts(self):
        """Reconnecting from a neighbour's address wins nothing."""
        self.assertEqual(allowed_fast_set("80.4.4.1", HASH, 1313, 7), SEVEN)
        self.assertNotEqual(allowed_fast_set("80.4.5.200", HASH, 1313, 7), SEVEN)

    def test_small_torrents(self):
        for pieces in range(13):
            found = allowed_fast_set("80.4.4.200", HASH, pieces)
            self.assertEqual(len(set(found)), min(pieces, SET_SIZE))
            self.assertTrue(all(0 <= piece < pieces for piece in found))

    def test_ipv6(self):
        self.assertEqual(allowed_fast_set("2001:db8::1", HASH, 1313), [])
