"""Both dialects' spellings, as Transmission has them."""

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.control import nested
from txtorrent.control.dialect import LEGACY, MODERN, canonical, legacy_field, legacy_key
from txtorrent.control.fields import FIELDS
from txtorrent.control.methods import METHODS
from txtorrent.control.preferences import PREFERENCES

FIELD_SPELLINGS = [
    ("id", "id"),
    ("hash_string", "hashString"),
    ("download_dir", "downloadDir"),
    ("total_size", "totalSize"),
    ("file_count", "file-count"),
    ("peer_limit", "peer-limit"),
    ("primary_mime_type", "primary-mime-type"),
    ("file_stats", "fileStats"),
    ("seed_ratio_limit", "seedRatioLimit"),
    ("webseeds_sending_to_us", "webseedsSendingToUs"),
    ("is_utp", "isUTP"),
    ("from_lpd", "fromLpd"),
    ("sequential_download", "sequential_download"),
    ("begin_piece", "begin_piece"),
    ("peer_id", "peer_id"),
    ("active_torrent_count", "activeTorrentCount"),
    ("current_stats", "current-stats"),
    ("cumulative_stats", "cumulative-stats"),
    ("uploaded_bytes", "uploadedBytes"),
    ("tx_min_share", "txMinShare"),
]
KEY_SPELLINGS = [
    ("torrent_get", "torrent-get"),
    ("torrent_start_now", "torrent-start-now"),
    ("download_dir", "download-dir"),
    ("files_wanted", "files-wanted"),
    ("bandwidth_priority", "bandwidthPriority"),
    ("delete_local_data", "delete-local-data"),
    ("seed_ratio_limit", "seedRatioLimit"),
    ("seed_ratio_limited", "seedRatioLimited"),
    ("honors_session_limits", "honorsSessionLimits"),
    ("speed_limit_up_enabled", "speed-limit-up-enabled"),
    ("rpc_version_semver", "rpc-version-semver"),
    ("cache_size_mib", "cache-size-mb"),
    ("size_bytes", "size-bytes"),
    ("total_size", "total_size"),
    ("ip_protocol", "ip_protocol"),
    ("preferred_transports", "preferred_transports"),
    ("torrent_added", "torrent-added"),
    ("tx_log_get", "tx-log-get"),
]


class Spellings(SynchronousTestCase):
    def test_fields(self):
        for name, spelt in FIELD_SPELLINGS:
            self.assertEqual((legacy_field(name), canonical(spelt)), (spelt, name))

    def test_keys(self):
        for name, spelt in KEY_SPELLINGS:
            self.assertEqual((legacy_key(name), canonical(spelt)), (spelt, name))

    def test_every_name_of_ours_can_be_read_again(self):
        tables = (nested.FILE, nested.PEER, nested.TRACKER_STATS, nested.WEBSEED, nested.MOVE)
        fields = [*FIELDS, *(row[0] for table in tables for row in table)]
        keys = [*METHODS, *PREFERENCES]
        keys += [param.name for method in METHODS.values() for param in method.params]
        for name in fields:
            self.assertEqual(canonical(LEGACY.field(name)), name)
        for name in keys:
            self.assertEqual(canonical(LEGACY.key(name)), name)

    def test_either_spelling_is_read(self):
        for spelt in ("recently-active", "recently_active", "recentlyActive"):
            self.assertEqual(canonical(spelt), "recently_active")

    def test_the_modern_dialect_changes_nothing(self):
        for spell in (MODERN.field, MODERN.key, MODERN.read):
            self.assertEqual(spell("hashString"), "hashString")
        self.assertFalse(MODERN.is_legacy)
        self.assertTrue(LEGACY.is_legacy)
