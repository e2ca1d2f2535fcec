"""A session that does at once, in memory, what the control API asks of one.

Every call is kept in `calls`. Nothing here moves by itself: tests say what changes.
"""

from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, fail, succeed

from tests.control.fakedht import FakeDht, FakeSources
from txtorrent.errors import Code, RequestError


@define
class FakeFile:
    name: str
    length: int
    completed: int = 0
    wanted: bool = True
    priority: int = 0
    begin_piece: int = 0
    end_piece: int = 1


@define
class FakeDetails:
    files: list[FakeFile] = field(factory=list)
    have: bytes = b"\xf0"
    availability: list[int] = field(factory=lambda: [-1, -1, -1, -1, 2, 0])


@define
class FakeTracker:
    id: int
    announce: str
    tier: int = 0
    scrape: str = "http://tracker.example.org/scrape"
    is_backup: bool = False
    announce_state: int = 1
    scrape_state: int = 0
    download_count: int = 5
    downloader_count: int = -1
    seeder_count: int = 7
    leecher_count: int = 3
    has_announced: bool = True
    last_announce_time: float = 1700000000.5
    last_announce_start_time: float = 1700000000.1
    last_announce_succeeded: bool = True
    last_announce_timed_out: bool = False
    last_announce_result: str = "Success"
    last_announce_peer_count: int = 10
    next_announce_time: float = 1700001800.5
    has_scraped: bool = False
    last_scrape_time: float = 0
    last_scrape_start_time: float = 0
    last_scrape_succeeded: bool = False
    last_scrape_timed_out: bool = False
    last_scrape_result: str = ""
    next_scrape_time: float = 0


@define
class FakePeer:
    address: str = "192.0.2.7"
    port: int = 51413
    client: str = "libtorrent 2.0"
    peer_id: bytes = b"-LT2000-abcdefghijkl"
    source: str = "tracker"
    am_choked: bool = False
    am_interested: bool = True
    is_choked: bool = False
    is_interested: bool = True
    is_optimistic: bool = False
    is_downloading_from: bool = True
    is_uploading_to: bool = False
    is_encrypted: bool = False
    is_incoming: bool = True
    is_utp: bool = False
    progress: float = 0.5
    rate_to_client: float = 1234.5
    rate_to_peer: float = 0.0
    bytes_to_client: int = 100
    bytes_to_peer: int = 200


@define
class FakeCandidate:
    address: str = "192.0.2.8"
    port: int = 6881
    source: str = "pex"
    state: str = "waiting"
    failures: int = 2
    next_try: float = 1700000060.7


@define
class FakeWebSeed:
    url: str
    rate: float = 0.0
    is_downloading: bool = False


@define
class FakeMove:
    location: str = "/srv/new"
    step: str = "copying"
    bytes_done: int = 5
    bytes_total: int = 10


def trackers() -> list[FakeTracker]:
    return [
        FakeTracker(1, "http://tracker.example.org/announce"),
        FakeTracker(2, "udp://backup.example.net:6969", 1),
    ]


@define(eq=False)
class FakeTorrent:
    id: int
    info_hash: bytes
    name: str = "debian"
    status: int = 4
    error: int = 0
    error_string: str = ""
    waiting: str = ""
    move: FakeMove | None = None
    is_private: bool = False
    is_finished: bool = False
    is_stalled: bool = False
    comment: str = "made for tests"
    creator: str = "mktorrent"
    date_created: float = 1600000000
    source: str = ""
    directory: str = "/srv/torrents"
    torrent_file: str = "/var/lib/txtorrent/x.torrent"
    added_date: float = 1700000000.75
    start_date: float = 1700000001
    done_date: float = 0
    activity_date: float = 1700000100.5
    edit_date: float = 1700000000
    total_size: int = 1000
    size_when_done: int = 800
    left_until_done: int = 200
    have_valid: int = 600
    have_unchecked: int = 50
    desired_available: int = 200
    downloaded_ever: int = 650
    uploaded_ever: int = 1300
    corrupt_ever: int = 0
    seconds_downloading: float = 60.5
    seconds_seeding: float = 0
    rate_download: float = 2048.9
    rate_upload: float = 1024.2
    eta: float | None = 100.5
    eta_idle: float | None = None
    recheck_progress: float = 0.0
    metadata_percent_complete: float = 1.0
    file_count: int = 2
    piece_count: int = 6
    piece_size: int = 200
    peers_connected: int = 1
    peers_getting_from_us: int = 0
    peers_sending_to_us: int = 1
    webseeds_sending_to_us: int = 0
    peers_from: dict[str, int] = field(factory=lambda: {"tracker": 1})
    trackers: list[FakeTracker] = field(factory=trackers)
    webseeds: list[FakeWebSeed] = field(factory=lambda: [FakeWebSeed("http://web.example.org/")])
    bandwidth_priority: int = 0
    download_limit: int = 100_000
    download_limited: bool = False
    upload_limit: int = 50_000
    upload_limited: bool = True
    honors_session_limits: bool = True
    group: str = ""
    peer_limit: int = 50
    labels: tuple[str, ...] = ("tv",)
    queue_position: int = 0
    seed_ratio_limit: float = 2.0
    seed_ratio_mode: int = 0
    seed_idle_limit: float = 1800
    seed_idle_mode: int = 0
    sequential_download: bool = False
    sequential_download_from_piece: int = 0
    min_share: float | None = None
    chat: bool = False
    chat_in_private: bool = False
    chat_speakers: int = 2
    fake_details: FakeDetails = field(
        factory=lambda: FakeDetails(
            [FakeFile("debian/a.iso", 900, 500), FakeFile("debian/b.txt", 100, 100, False, 1, 4, 6)]
        )
    )

    def details(self) -> "Deferred[FakeDetails]":
        return succeed(self.fake_details)

    def peers(self) -> list[FakePeer]:
        return [FakePeer()]

    def candidates(self) -> "Deferred[list[FakeCandidate]]":
        return succeed([FakeCandidate()])


@define
class FakeGroup:
    name: str
    download_limit: int = 0
    download_limited: bool = False
    upload_limit: int = 0
    upload_limited: bool = False
    honors_session_limits: bool = True


@define
class FakeTotals:
    uploaded: int = 10
    downloaded: int = 20
    files_added: int = 3
    seconds_active: float = 99.5
    session_count: int = 1


@define
class FakeStatistics:
    rate_download: float = 3000.5
    rate_upload: float = 2000.5
    current: FakeTotals = field(factory=FakeTotals)
    cumulative: FakeTotals = field(factory=FakeTotals)


@define
class FakeSpace:
    free: int = 5_000_000
    total: int = 9_000_000


@define
class FakePortTest:
    is_open: bool = True
    family: str = "ipv4"


@define
class FakeBan:
    host: str
    until: float
    reason: str


@define
class FakeMessage:
    text: str = "hello"
    id: bytes = b"\x01" * 16
    author: bytes = b"\xaa" * 32
    fingerprint: str = "k7xq-2fza-m4ue-owp3"
    nickname: str = "ada"
    time: int = 1700000000
    is_ours: bool = False


@define
class FakeSpeaker:
    address: str = "192.0.2.7"
    port: int = 51413
    client: str = "txtorrent 0.1.0"


@define
class FakeCounters:
    sent: int = 1
    accepted: int = 2
    duplicates: int = 3
    flooded: int = 0
    crowded_out: int = 0
    stale: int = 0
    early: int = 0
    muted: int = 0
    empty: int = 0
    forged: int = 0
    later_version: int = 0


class FakeChat:
    """What was `said`, by torrents' ids."""

    key = b"\xbb" * 32
    fingerprint = "aaaa-bbbb-cccc-dddd"
    nickname = "guest-aaaa"

    def __init__(self, session: "FakeSession") -> None:
        self.said: dict[int, list[FakeMessage]] = {}
        self.muted: list[bytes] = []
        self._session = session

    def send(self, torrent: FakeTorrent, text: str) -> FakeMessage:
        if not text:
            raise RequestError(Code.INVALID_PARAMS, "a chat message needs something")
        self._session.calls.append(("send", torrent.id, text))
        return FakeMessage(text, author=self.key, is_ours=True)

    def history(self, torrent: FakeTorrent) -> list[FakeMessage]:
        return self.said.get(torrent.id, [])

    def speakers(self, torrent: FakeTorrent) -> list[FakeSpeaker]:
        return [FakeSpeaker()]

    def counters(self, torrent: FakeTorrent) -> FakeCounters:
        return FakeCounters()

    def mute(self, author: str) -> "Deferred[bytes]":
        self._session.calls.append(("mute", author))
        return succeed(b"\xaa" * 32)

    def unmute(self, author: str) -> "Deferred[bytes]":
        self._session.calls.append(("unmute", author))
        return fail(RequestError(Code.INVALID_PARAMS, "nobody of that name is muted"))


@define
class FakeAdded:
    torrent: FakeTorrent
    is_duplicate: bool = False


SETTINGS: dict[str, Any] = {
    "alt_speed_down": 50_000,
    "alt_speed_enabled": False,
    "alt_speed_time_begin": 540,
    "alt_speed_time_day": 127,
    "alt_speed_time_enabled": False,
    "alt_speed_time_end": 1020,
    "alt_speed_up": 50_000,
    "blocklist_enabled": False,
    "blocklist_url": "http://example.org/blocklist",
    "default_trackers": "",
    "download_dir": "/srv/torrents",
    "download_queue_enabled": True,
    "download_queue_size": 5,
    "encryption": "allowed",
    "idle_seeding_limit": 1800,
    "idle_seeding_limit_enabled": False,
    "incomplete_dir": "/srv/incomplete",
    "incomplete_dir_enabled": False,
    "min_share": 0.0,
    "peer_limit_global": 200,
    "peer_limit_per_torrent": 50,
    "peer_port": 0,
    "peer_port_random_on_start": False,
    "queue_stalled_enabled": True,
    "queue_stalled_minutes": 30,
    "script_torrent_done_enabled": True,
    "script_torrent_done_filename": "/usr/local/bin/done",
    "seed_queue_enabled": False,
    "seed_queue_size": 10,
    "seed_ratio_limit": 2.0,
    "seed_ratio_limited": False,
    "sequential_download": False,
    "speed_limit_down": 100_000,
    "speed_limit_down_enabled": False,
    "speed_limit_up": 100_000,
    "speed_limit_up_enabled": False,
    "start_added_torrents": True,
    "trash_original_torrent_files": False,
}


class FakeSettings:
    def __init__(self, session: "FakeSession") -> None:
        self.values = dict(SETTINGS)
        self._session = session

    def names(self) -> list[str]:
        return list(self.values)

    def get(self, name: str) -> Any:
        return self.values[name]

    def change(self, changes: dict[str, Any]) -> "Deferred[None]":
        for name in changes:
            if name not in self.values:
                return fail(RequestError(Code.INVALID_PARAMS, f"{name}: no such setting"))
        self._session.calls.append(("settings", dict(changes)))
        self.values.update(changes)
        for observer in self._session.observers:
            observer.settings_changed(changes)
        return succeed(None)


class FakeSession:
    """`torrents` of these names, with ids from 1."""

    config_dir = "/var/lib/txtorrent"
    port = 51413
    blocklist_size = 17

    def __init__(self, *names: str) -> None:
        self.settings = FakeSettings(self)
        self.chat = FakeChat(self)
        self.torrents: dict[bytes, FakeTorrent] = {}
        self.groups: dict[str, FakeGroup] = {}
        self.roots: list[str] = []
        self.download_dir_free: int | None = 4_000_000
        self.calls: list[tuple[Any, ...]] = []
        self.observers: list[Any] = []
        self.banned = [FakeBan("192.0.2.66", 1700009999.5, "corrupt data")]
        self.is_closed = False
        self.peer_sources = FakeSources()
        self.dht = FakeDht(self.calls)
        self._made = 0
        for name in names:
            self.make(name)

    def make(self, name: str) -> FakeTorrent:
        self._made = number = self._made + 1
        torrent = FakeTorrent(number, number.to_bytes(20, "big"), name)
        torrent.queue_position = len(self.torrents)
        self.torrents[torrent.info_hash] = torrent
        return torrent

    def find(self, torrent_id: int) -> FakeTorrent | None:
        found = (each for each in self.torrents.values() if each.id == torrent_id)
        return next(found, None)

    def observe(self, observer: Any) -> None:
        self.observers.append(observer)

    def told(self, torrent: FakeTorrent, **changes: Any) -> None:
        """A torrent changes by itself."""
        for name, value in changes.items():
            setattr(torrent, name, value)
        for observer in self.observers:
            observer.torrent_changed(torrent, changes)

    def add(self, source: Any, options: dict[str, Any]) -> "Deferred[FakeAdded]":
        self.calls.append(("add", source, options))
        if source == b"junk":
            return fail(RequestError(Code.CORRUPT_TORRENT, "bencode: it does not begin so"))
        for each in self.torrents.values():
            if each.comment == str(source):
                return succeed(FakeAdded(each, True))
        torrent = self.make("added")
        torrent.comment = str(source)
        for observer in self.observers:
            observer.torrent_added(torrent)
        return succeed(FakeAdded(torrent))

    def remove(self, torrents: list[FakeTorrent], delete_data: bool) -> "Deferred[None]":
        self._note("remove", torrents, delete_data)
        for torrent in torrents:
            del self.torrents[torrent.info_hash]
            for observer in self.observers:
                observer.torrent_removed(torrent)
        return succeed(None)

    def start(self, torrents: list[FakeTorrent], now: bool) -> "Deferred[None]":
        return self._note("start", torrents, now)

    def stop(self, torrents: list[FakeTorrent]) -> "Deferred[None]":
        return self._note("stop", torrents)

    def verify(self, torrents: list[FakeTorrent]) -> "Deferred[None]":
        return self._note("verify", torrents)

    def reannounce(self, torrents: list[FakeTorrent]) -> "Deferred[None]":
        return self._note("reannounce", torrents)

    def change(self, changes: list[tuple[FakeTorrent, dict[str, Any]]]) -> "Deferred[None]":
        self.calls.append(("change", [(torrent.id, options) for torrent, options in changes]))
        for torrent, options in changes:
            for name, value in options.items():
                if name == "trackers":
                    torrent.trackers = [
                        FakeTracker(place, url, tier)
                        for place, (tier, url) in enumerate(
                            [(n, url) for n, urls in enumerate(value) for url in urls], 1
                        )
                    ]
                elif hasattr(torrent, name):
                    setattr(torrent, name, value)
        return succeed(None)

    def set_location(
        self, torrents: list[FakeTorrent], directory: str, move: bool
    ) -> "Deferred[None]":
        return self._note("set_location", torrents, directory, move)

    def rename_path(self, torrent: FakeTorrent, path: str, name: str) -> "Deferred[None]":
        return self._note("rename_path", [torrent], path, name)

    def queue_move(self, torrents: list[FakeTorrent], where: str) -> "Deferred[None]":
        return self._note("queue_move", torrents, where)

    def set_group(self, name: str, changes: dict[str, Any]) -> "Deferred[None]":
        self.calls.append(("set_group", name, changes))
        group = self.groups.setdefault(name, FakeGroup(name))
        for attribute, value in changes.items():
            setattr(group, attribute, value)
        return succeed(None)

    def statistics(self) -> FakeStatistics:
        return FakeStatistics()

    def free_space(self, path: str) -> "Deferred[FakeSpace]":
        self.calls.append(("free_space", path))
        if path == "/none":
            return fail(RequestError(Code.SYSTEM_ERROR, "/none: no such directory"))
        return succeed(FakeSpace())

    def test_port(self, family: str) -> "Deferred[FakePortTest]":
        self.calls.append(("test_port", family))
        return succeed(FakePortTest())

    def update_blocklist(self) -> "Deferred[int]":
        self.calls.append(("update_blocklist",))
        return succeed(17)

    def bans(self) -> list[FakeBan]:
        return self.banned

    def ban(self, host: str, seconds: float, reason: str) -> "Deferred[None]":
        self.calls.append(("ban", host, seconds, reason))
        return succeed(None)

    def unban(self, hosts: Any) -> "Deferred[None]":
        self.calls.append(("unban", hosts))
        return succeed(None)

    def close(self) -> None:
        self.is_closed = True

    def _note(self, name: str, torrents: list[FakeTorrent], *rest: Any) -> "Deferred[None]":
        self.calls.append((name, [torrent.id for torrent in torrents], *rest))
        return succeed(None)
