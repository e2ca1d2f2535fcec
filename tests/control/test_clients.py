"""What clients in the field send, and the shapes of what they read out of the answers.

Each sequence is a list of (method, arguments, shape): a shape is a type, a dict of shapes of the
members that the client reads, or a list with the shape of each item.
"""

from base64 import b64encode

from tests.control.case import ControlCase
from txtorrent.control.dialect import legacy_field

HASH = "0" * 39 + "1"
METAINFO = b64encode(b"d4:infod4:name1:xee").decode()
NUMBER = (int, float)
ADDED = {"torrent-added": {"id": int, "name": str, "hashString": str}}
LINK = "magnet:?xt=urn:btih:" + "a" * 40

# Sonarr and Radarr: TransmissionProxy.
ARR_FIELDS = {
    "id": int,
    "hashString": str,
    "name": str,
    "downloadDir": str,
    "totalSize": int,
    "leftUntilDone": int,
    "isFinished": bool,
    "eta": int,
    "status": int,
    "secondsDownloading": int,
    "secondsSeeding": int,
    "errorString": str,
    "uploadedEver": int,
    "downloadedEver": int,
    "seedRatioLimit": NUMBER,
    "seedRatioMode": int,
    "seedIdleLimit": int,
    "seedIdleMode": int,
    "file-count": int,
    "labels": [str],
}
ARR = [
    (
        "session-get",
        None,
        {
            "rpc-version": int,
            "version": str,
            "download-dir": str,
            "seedRatioLimit": NUMBER,
            "seedRatioLimited": bool,
            "idle-seeding-limit": int,
            "idle-seeding-limit-enabled": bool,
        },
    ),
    ("torrent-get", {"fields": [*ARR_FIELDS, "fileCount"]}, {"torrents": [ARR_FIELDS]}),
    (
        "torrent-get",
        {"fields": [*ARR_FIELDS, "fileCount"], "ids": [HASH]},
        {"torrents": [ARR_FIELDS]},
    ),
    (
        "torrent-add",
        {"filename": LINK, "paused": False, "download-dir": "/srv/tv", "labels": ["tv-sonarr"]},
        ADDED,
    ),
    ("torrent-add", {"metainfo": METAINFO, "paused": False, "download-dir": "/srv/tv"}, ADDED),
    (
        "torrent-set",
        {
            "ids": [HASH],
            "seedRatioLimit": 1.5,
            "seedRatioMode": 1,
            "seedIdleLimit": 90,
            "seedIdleMode": 1,
        },
        {},
    ),
    ("queue-move-top", {"ids": [HASH]}, {}),
    ("torrent-set", {"ids": [HASH], "labels": ["tv-imported"]}, {}),
    ("torrent-remove", {"ids": [HASH], "delete-local-data": True}, {}),
    # Asked again for one that is gone, it expects an empty list and no complaint.
    ("torrent-get", {"fields": [*ARR_FIELDS], "ids": [HASH]}, {"torrents": []}),
    ("torrent-remove", {"ids": [HASH], "delete-local-data": True}, {}),
]

# Flood: clientRequestManager and clientGatewayService.
FLOOD = [
    (
        "torrent-get",
        {
            "fields": [
                "hashString",
                "downloadDir",
                "name",
                "comment",
                "haveValid",
                "addedDate",
                "dateCreated",
                "doneDate",
                "rateDownload",
                "rateUpload",
                "downloadedEver",
                "uploadedEver",
                "eta",
                "isPrivate",
                "error",
                "errorString",
                "peersGettingFromUs",
                "peersSendingToUs",
                "status",
                "totalSize",
                "sizeWhenDone",
                "trackers",
                "labels",
                "activityDate",
            ],
            "format": "objects",
        },
        {
            "torrents": [
                {
                    "comment": str,
                    "dateCreated": int,
                    "doneDate": int,
                    "rateDownload": int,
                    "isPrivate": bool,
                    "error": int,
                    "trackers": [{"id": int, "announce": str}],
                    "labels": [str],
                    "activityDate": int,
                }
            ]
        },
    ),
    (
        "session-stats",
        None,
        {
            "downloadSpeed": int,
            "uploadSpeed": int,
            "current-stats": {"downloadedBytes": int, "uploadedBytes": int},
        },
    ),
    ("session-get", {"fields": ["config-dir"]}, {"config-dir": str}),
    (
        "session-get",
        {
            "fields": [
                "dht-enabled",
                "peer-port",
                "download-dir",
                "peer-port-random-on-start",
                "pex-enabled",
                "speed-limit-down",
                "speed-limit-down-enabled",
                "speed-limit-up",
                "speed-limit-up-enabled",
                "peer-limit-global",
                "peer-limit-per-torrent",
                "seed-queue-enabled",
                "seed-queue-size",
            ]
        },
        {
            "dht-enabled": bool,
            "peer-port": int,
            "speed-limit-up": int,
            "peer-limit-per-torrent": int,
            "seed-queue-size": int,
        },
    ),
    # It divides bytes by 1024, and has a null where it has no number.
    (
        "session-set",
        {
            "dht-enabled": False,
            "pex-enabled": True,
            "peer-port": None,
            "speed-limit-up-enabled": True,
            "speed-limit-up": 100_000 / 1024,
        },
        {},
    ),
    (
        "torrent-get",
        {"ids": HASH, "fields": ["files", "fileStats"], "format": "objects"},
        {
            "torrents": [
                {
                    "files": [{"name": str, "length": int, "bytesCompleted": int}],
                    "fileStats": [{"wanted": bool, "priority": int}],
                }
            ]
        },
    ),
    (
        "torrent-get",
        {"ids": HASH, "fields": ["peers"]},
        {
            "torrents": [
                {
                    "peers": [
                        {
                            "address": str,
                            "clientName": str,
                            "progress": NUMBER,
                            "rateToClient": int,
                            "rateToPeer": int,
                            "isEncrypted": bool,
                            "isIncoming": bool,
                            "isDownloadingFrom": bool,
                            "isUploadingTo": bool,
                        }
                    ]
                }
            ]
        },
    ),
    (
        "torrent-get",
        {"ids": HASH, "fields": ["trackerStats"]},
        {"torrents": [{"trackerStats": [{"announce": str}]}]},
    ),
    ("torrent-add", {"metainfo": METAINFO, "download-dir": "/srv/x", "paused": True}, ADDED),
    ("torrent-set", {"ids": [HASH], "labels": ["a"]}, {}),
    ("torrent-set", {"ids": [HASH], "bandwidthPriority": -1}, {}),
    ("torrent-set", {"ids": HASH, "files-wanted": [0], "priority-normal": [0]}, {}),
    ("torrent-set", {"ids": HASH, "files-unwanted": [1], "priority-high": [1]}, {}),
    ("torrent-set", {"ids": HASH, "trackerRemove": [1, 2]}, {}),
    ("torrent-set", {"ids": [HASH], "trackerAdd": ["http://new.example/announce"]}, {}),
    ("torrent-start-now", {"ids": [HASH]}, {}),
    ("torrent-stop", {"ids": [HASH]}, {}),
    ("torrent-verify", {"ids": [HASH]}, {}),
    ("torrent-reannounce", {"ids": [HASH]}, {}),
    ("torrent-set-location", {"ids": [HASH], "location": "/srv/y", "move": True}, {}),
    ("torrent-remove", {"ids": [HASH], "delete-local-data": False}, {}),
]

# transmission-remote 3.00: utils/remote.c. It sends a tag with each.
REMOTE = [
    (
        "torrent-get",
        {
            "fields": [
                "error",
                "errorString",
                "eta",
                "id",
                "isFinished",
                "leftUntilDone",
                "name",
                "peersGettingFromUs",
                "peersSendingToUs",
                "rateDownload",
                "rateUpload",
                "sizeWhenDone",
                "status",
                "uploadRatio",
            ]
        },
        {
            "torrents": [
                {
                    "id": int,
                    "eta": int,
                    "leftUntilDone": int,
                    "name": str,
                    "status": int,
                    "uploadRatio": NUMBER,
                    "isFinished": bool,
                }
            ]
        },
    ),
    (
        "torrent-get",
        {"ids": "recently-active", "fields": ["id", "name", "status"]},
        {"torrents": []},
    ),
    (
        "torrent-get",
        {"ids": [1], "fields": ["files", "name", "priorities", "wanted"]},
        {
            "torrents": [
                {
                    "files": [{"bytesCompleted": int, "length": int, "name": str}],
                    "priorities": [int],
                    "wanted": [int],
                }
            ]
        },
    ),
    (
        "torrent-get",
        {"ids": [1], "fields": ["peers"]},
        {"torrents": [{"peers": [{"flagStr": str}]}]},
    ),
    (
        "torrent-get",
        {"ids": [1], "fields": ["pieces", "pieceCount"]},
        {"torrents": [{"pieces": str, "pieceCount": int}]},
    ),
    (
        "torrent-get",
        {"ids": [1], "fields": ["trackerStats"]},
        {
            "torrents": [
                {
                    "trackerStats": [
                        {
                            "announceState": int,
                            "downloadCount": int,
                            "hasAnnounced": bool,
                            "host": str,
                            "isBackup": bool,
                            "lastAnnouncePeerCount": int,
                            "lastAnnounceResult": str,
                            "lastAnnounceTime": int,
                            "nextAnnounceTime": int,
                            "scrapeState": int,
                            "seederCount": int,
                            "tier": int,
                        }
                    ]
                }
            ]
        },
    ),
    ("session-get", {}, {"config-dir": str, "units": {"speed-bytes": int, "size-units": [str]}}),
    ("session-stats", {}, {"cumulative-stats": {"sessionCount": int, "secondsActive": int}}),
    ("session-set", {"speed-limit-up": 10, "speed-limit-up-enabled": True}, {}),
    ("session-set", {"encryption": "tolerated", "alt-speed-time-day": 62}, {}),
    ("torrent-set", {"ids": [1], "uploadLimit": 5, "uploadLimited": True}, {}),
    ("torrent-set", {"ids": [1], "files-wanted": [], "peer-limit": 5}, {}),
    ("torrent-set", {"ids": [1], "trackerAdd": ["http://new.example/a"]}, {}),
    ("torrent-set-location", {"ids": [1], "location": "/srv/z", "move": False}, {}),
    ("blocklist-update", {}, {"blocklist-size": int}),
    ("port-test", {}, {"port-is-open": bool}),
    ("session-close", {}, {}),
]

# transmission-rpc 7: it asks for every field that it knows, of everybody.
RPC_FIELDS = [
    "activity_date",
    "added_date",
    "bandwidth_priority",
    "comment",
    "corrupt_ever",
    "creator",
    "date_created",
    "desired_available",
    "done_date",
    "download_dir",
    "downloaded_ever",
    "download_limit",
    "download_limited",
    "edit_date",
    "error",
    "error_string",
    "eta",
    "eta_idle",
    "files",
    "file_stats",
    "group",
    "hash_string",
    "have_unchecked",
    "have_valid",
    "honors_session_limits",
    "id",
    "is_finished",
    "is_private",
    "is_stalled",
    "labels",
    "left_until_done",
    "magnet_link",
    "manual_announce_time",
    "max_connected_peers",
    "metadata_percent_complete",
    "name",
    "peer_limit",
    "peers",
    "peers_connected",
    "peers_from",
    "peers_getting_from_us",
    "peers_sending_to_us",
    "percent_complete",
    "percent_done",
    "pieces",
    "piece_count",
    "piece_size",
    "priorities",
    "primary_mime_type",
    "queue_position",
    "rate_download",
    "rate_upload",
    "recheck_progress",
    "seconds_downloading",
    "seconds_seeding",
    "seed_idle_limit",
    "seed_idle_mode",
    "seed_ratio_limit",
    "seed_ratio_mode",
    "size_when_done",
    "start_date",
    "status",
    "trackers",
    "tracker_stats",
    "total_size",
    "torrent_file",
    "uploaded_ever",
    "upload_limit",
    "upload_limited",
    "upload_ratio",
    "wanted",
    "webseeds",
    "webseeds_sending_to_us",
    "file_count",
    "tracker_list",
]
PACKAGE = [
    ("session-get", {}, {"version": str, "rpc-version": int, "rpc-version-semver": str}),
    (
        "torrent-get",
        {"fields": [legacy_field(name) for name in RPC_FIELDS]},
        {"torrents": [{legacy_field(name): object for name in RPC_FIELDS}]},
    ),
    (
        "torrent-get",
        {"fields": ["id", "hashString"], "ids": "recently-active"},
        {"torrents": [], "removed": []},
    ),
    ("torrent-rename-path", {"ids": [1], "path": "one", "name": "uno"}, {"path": str, "name": str}),
    ("free-space", {"path": "/srv"}, {"path": str, "size-bytes": int, "total_size": int}),
    ("group-set", {"name": "g", "speed-limit-up": 5, "honorsSessionLimits": False}, {}),
    ("group-get", {"name": ["g"]}, {"group": [{"name": str, "honorsSessionLimits": bool}]}),
]


class Clients(ControlCase):
    """Each client finds what it looks for, from its first request on."""

    def run_sequence(self, verb, sequence, tag=None):
        connection = self.connect()
        self.assertEqual(connection.ask(verb, X_Transmission_Session_Id="").status, 409)
        for method, arguments, shape in sequence:
            body = {"method": method}
            body |= {} if arguments is None else {"arguments": arguments}
            body |= {} if tag is None else {"tag": tag}
            answer = connection.ask(body=body, Content_Type="application/json")
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.json["result"], "success", body)
            self.assertEqual(answer.json.get("tag"), tag)
            self.assert_shape(answer.json["arguments"], shape, method)

    def assert_shape(self, value, shape, where):
        if isinstance(shape, dict):
            for name, inner in shape.items():
                self.assertIn(name, value, where)
                self.assert_shape(value[name], inner, f"{where} {name}")
        elif isinstance(shape, list):
            self.assertIsInstance(value, list, where)
            if not shape:
                self.assertEqual(value, [], where)
            for item in value:
                self.assert_shape(item, shape[0], where)
        else:
            self.assertIsInstance(value, shape, where)
            if shape is int:
                self.assertNotIsInstance(value, bool)

    def test_sonarr_and_radarr(self):
        self.run_sequence("GET", ARR)
        self.assertEqual(
            self.session.calls[2],
            (
                "change",
                [
                    (
                        1,
                        {
                            "seed_ratio_limit": 1.5,
                            "seed_ratio_mode": 1,
                            "seed_idle_limit": 5400,
                            "seed_idle_mode": 1,
                        },
                    )
                ],
            ),
        )

    def test_flood(self):
        self.run_sequence("GET", FLOOD)

    def test_transmission_remote(self):
        self.run_sequence("POST", REMOTE, tag=7)
        self.assertTrue(self.session.is_closed)

    def test_transmission_rpc(self):
        self.run_sequence("POST", PACKAGE)
