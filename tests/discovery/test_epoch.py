"""Whether a router has forgotten its mappings."""

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.discovery.epoch import NatPmpEpoch, PcpEpoch


class EpochTests(SynchronousTestCase):
    # Seconds that pass, the epoch after 10,000, whether that is a reset by NAT-PMP and by PCP.
    ROWS = (
        (0, 10_000, False, False),
        (100, 10_100, False, False),
        (100, 10_095, False, False),
        (0, 9_999, False, False),
        (0, 9_998, False, True),
        (0, 9_997, True, True),
        (3600, 13_600, False, False),
        (3600, 13_400, False, False),
        (3600, 13_370, False, True),
        (3600, 13_140, True, True),
        (3600, 13_900, False, True),
        (3600, 0, True, True),
        (3600, 5, True, True),
        (1, 10_003, False, False),
        (1, 10_004, False, True),
    )

    def test_rows(self) -> None:
        for passed, epoch, by_natpmp, by_pcp in self.ROWS:
            for watch, expected in ((NatPmpEpoch(), by_natpmp), (PcpEpoch(), by_pcp)):
                self.assertFalse(watch.is_reset(10_000, 50.0))
                found = watch.is_reset(epoch, 50.0 + passed)
                self.assertEqual(found, expected, (passed, epoch, watch))

    def test_a_reset_is_told_once(self) -> None:
        for watch in (NatPmpEpoch(), PcpEpoch()):
            watch.is_reset(10_000, 0.0)
            self.assertTrue(watch.is_reset(3, 100.0))
            self.assertFalse(watch.is_reset(103, 200.0))
