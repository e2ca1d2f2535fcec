"""The table of the tracker's settings, in the order of the example file.

A key may be written in camelCase as well. Paths are from the directory of the settings file.
Values are in seconds unless a name says otherwise.
"""

from typing import Final

from txtorrent.config.kinds import Choice, Flag, Seconds, Text, Whole
from txtorrent.config.records import REQUIRED, Chapter, List, Record, Setting
from txtorrent.config.words import endpoint
from txtorrent.trackerserver.networks import network
from txtorrent.trackerserver.words import (
    MEMORY,
    info_hash,
    path,
    peer_id,
    peer_ip,
    store,
    udp_address,
)

PORT: Final = 6969
MAX_LISTENERS: Final = 100
"""Addresses of one kind: more than a machine has."""
MAX_NETWORKS: Final = 200_000
"""Networks of one list: longer ones do not fit into the file."""
MAX_TORRENTS: Final = 10_000
"""Torrents named in the file, each of which may be a file to be read at the start."""
MAX_FIXED_PEERS: Final = 10_000
"""Fixed peers of one torrent: far more than are handed out at a time."""
_PATH: Final = Text('a path, from the directory of this file, or ""', path)
_NETWORKS: Final = List(Text("an IP address, or a network as 10.0.0.0/8", network), MAX_NETWORKS)
_DAY: Final = 86_400

PEER: Final = Record((
    Setting("ip", Text("an IP address", peer_ip), REQUIRED, "Where it is."),
    Setting("port", Whole(1, 65535), REQUIRED, "And at which port."),
    Setting("peer_id", Text("20 ASCII characters, or 40 hexadecimal digits", peer_id), None,
            "What it calls itself, if that is known."),
))  # fmt: skip
TORRENT_KEYS: Final = (
    Setting("torrent_file", _PATH, "", "The .torrent file."),
    Setting("info_hash", Text('40 hexadecimal digits, 64 of version 2, or ""', info_hash), "",
            "Its info-hash, instead of torrent_file."),
    Setting("live", Flag(), True,
            "Whether peers that announce are handed out, beside the fixed ones."),
    Setting("peers", List(PEER, MAX_FIXED_PEERS), [],
            "Peers that are handed out first to whoever asks, and need not announce."),
)  # fmt: skip
TORRENT: Final = Record(TORRENT_KEYS)

CHAPTERS: Final = (
    Chapter("Where the tracker listens", (
        Setting("port", Whole(1, 65535), PORT,
                "TCP port for HTTP and UDP port, on all addresses, unless http and udp say where."),
        Setting("http", List(Text("a server endpoint of Twisted", endpoint), MAX_LISTENERS),
                [f"tcp:{PORT}:interface=\\:\\:"],
                "Where to listen for HTTP; empty: nowhere; not given: at port."),
        Setting("udp", List(Text("ADDRESS:PORT", udp_address), MAX_LISTENERS), [f"[::]:{PORT}"],
                "Where to listen for UDP; empty: nowhere; not given: at port."),
    )),
    Chapter("What is kept, and where", (
        Setting("store", Text('"memory", or "redis://HOST:PORT/DB"', store), MEMORY,
                "Where swarms are kept: in this process alone, or in Redis, for several trackers"
                " together; without a port it is 6379, and without a database 0.", secret=True),
        Setting("state_file", _PATH, "",
                "Where swarms of the memory, and what users have uploaded and downloaded, outlive"
                " the process; empty: nowhere; not given: txtorrent/tracker.swarms in"
                " $XDG_STATE_HOME or ~/.local/state."),
        Setting("max_peers", Whole(1, 1_000_000_000), 10_000_000,
                "Most peers that the memory holds; others are refused."),
        Setting("max_torrents", Whole(1, 1_000_000_000), 5_000_000,
                "Most torrents that the memory holds; others are refused."),
    )),
    Chapter("What peers are told", (
        Setting("interval", Seconds(1, _DAY), 1800.0, "When a peer is to announce again."),
        Setting("min_interval", Seconds(1, _DAY), 300.0,
                "When it may at the earliest; not given: at most interval."),
        Setting("max_interval", Seconds(1, _DAY), 7200.0,
                "To what the interval stretches under load; not given: at least interval."),
        Setting("announces_per_second", Whole(1, 10_000_000), 10_000,
                "The load from which intervals stretch."),
        Setting("numwant", Whole(0, 2000), 50,
                "How many peers one is told of that does not say how many it wants; not given: at"
                " most max_numwant."),
        Setting("max_numwant", Whole(1, 2000), 200,
                "How many it is told of at the most; not given: at least numwant."),
    )),
    Chapter("Who is served", (
        Setting("access", Choice(("open", "listed")), "open",
                'Which torrents are tracked: any, or those that this file and allow_torrents list.'
                ' Not given: "listed" if any is listed.'),
        Setting("allow_torrents", _PATH, "",
                "A file of the torrents that are tracked: an info-hash in hexadecimal a line; what"
                " follows a # is a comment."),
        Setting("deny_torrents", _PATH, "",
                "A file, of the same form, of torrents that are not tracked, whatever else is"
                " said."),
        Setting("allow_addresses", _NETWORKS, [], "Whom alone to serve; empty: everybody."),
        Setting("deny_addresses", _NETWORKS, [],
                "Whom not to serve, whatever allow_addresses says."),
        Setting("passkeys", _PATH, "",
                "A file of the users' passkeys: on each line a passkey, a space and a name. Every"
                " request must then carry one, as in /PASSKEY/announce, and what each user uploads"
                " and downloads is counted."),
        Setting("proxies", _NETWORKS, [],
                "Reverse proxies: their X-Forwarded-For is believed, which they have to set, and"
                " what they themselves say with ip=, ipv4= or ipv6=."),
        Setting("stats", _NETWORKS,
                ["127.0.0.0/8", "::1", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
                 "169.254.0.0/16", "fc00::/7", "fe80::/10"],
                "Who may see the statistics and metrics."),
    )),
    Chapter("Torrents with fixed peers: one here, or any number of [[torrents]]", (
        *TORRENT_KEYS,
        Setting("torrents", List(TORRENT, MAX_TORRENTS), [],
                "Torrents that are tracked, with peers of their own if wanted."),
    )),
)  # fmt: skip

SETTINGS: Final[dict[str, Setting]] = {
    setting.name: setting for chapter in CHAPTERS for setting in chapter.settings
}
"""All of them by name."""
