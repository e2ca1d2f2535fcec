"""The table of settings: all of them, in the order of the example file.

Names are those of Transmission's session_get (JSON-RPC 2.0) where it has the thing, so that its
documents hold here too; values are in bytes, bytes/s and seconds unless a name says minutes. A
name that begins with a section's, as in control_username, is `username` in `[control]` of the file.
"""

from typing import Final

from txtorrent.config.kinds import (
    Amount,
    Choice,
    Clock,
    Flag,
    Fraction,
    Path,
    Seconds,
    Source,
    Text,
    Whole,
)
from txtorrent.config.records import REQUIRED, Chapter, List, Named, Record, Setting
from txtorrent.config.words import endpoint
from txtorrent.dht.dht import DhtOptions
from txtorrent.settings.words import (
    announce_list,
    argv,
    author_key,
    days,
    directories_differ,
    group_name,
    host,
    interface,
    label,
    nickname,
    port_check,
    router,
    tracker_host,
)
from txtorrent.swarm.schedule import DAYS

SECTIONS: Final = {"scripts": "scripts", "control": "control", "trackerserver": "tracker"}
"""Tables of the file whose keys are settings of their own, by what these settings begin with."""
TRACKER_PORT: Final = 6969
LOG_LEVELS: Final = ("debug", "info", "warn", "error", "critical")
ROUTERS: Final = tuple(f"{host}:{port}" for host, port in DhtOptions().routers)
_RATE: Final = Amount(per_second=True)
_LABELS: Final = List(Text("a label", label), 100)
_MINUTES: Final = Whole(0, 1439, "minutes after midnight")
_ARGV: Final = List(Text("a word of the command"), 100, argv)


CHAPTERS: Final = (
    Chapter("Where things are", (
        Setting("download_dir", Path(), "~/Downloads",
                "Where the content of torrents goes that name no directory."),
        Setting("incomplete_dir", Path(optional=True), "",
                "Where content is until it is complete, while incomplete_dir_enabled.",
                switch="incomplete_dir_enabled"),
        Setting("incomplete_dir_enabled", Flag(), False,
                "Whether content is kept in incomplete_dir until it is complete."),
        Setting("allowed_directories", List(Path(), 1000), [],
                "Content asked for over the control socket must go beneath one of these; empty:"
                " beneath download_dir, incomplete_dir and the destinations of watch, as they"
                " are in this file.", file_only=True),
        Setting("state_dir", Path(optional=True), "",
                "The list of torrents, their progress, and what was changed at run time; empty:"
                " $XDG_STATE_HOME/txtorrent or ~/.local/state/txtorrent. Each daemon needs its"
                " own.", file_only=True),
        Setting("allocation", Choice(("sparse", "full")), "sparse",
                "sparse takes disk space as pieces come, full all of it first."),
        Setting("free_space_floor", Amount(), 100_000_000,
                "Downloads to a file system pause while less than this is free on it."),
    )),
    Chapter("The network", (
        Setting("peer_port", Whole(0, 65535), 6881, "TCP port for peers; 0 takes any free one."),
        Setting("peer_port_random_on_start", Flag(), False,
                "Whether to take any free port at each start, whatever peer_port says."),
        Setting("port_check_url", Text('an http or https URL, or ""', port_check),
                "https://portcheck.transmissionbt.com/{port}",
                "Who is asked whether peers can reach us, when a user wants to know: answers 1 or"
                " 0; {port} becomes our port.", file_only=True),
        Setting("interface", Text('an IP address, or ""', interface), "",
                "IP address to listen on and to connect from; empty: all.", file_only=True),
        Setting("ipv6", Flag(), True, "Whether to use IPv6 as well as IPv4.", file_only=True),
        Setting("peer_limit_global", Whole(1, 1_000_000), 4000,
                "Most peers of all torrents together; fewer if there are not so many open files."),
        Setting("peer_limit_per_torrent", Whole(1, 100_000), 100, "Most peers of one torrent."),
        Setting("blocklist_enabled", Flag(), False,
                "Whether addresses on the blocklist are kept out."),
        Setting("blocklist_url", Source(), "",
                "Where the blocklist is had: lines of eMule's .dat, PeerGuardian's .p2p, or"
                " networks such as 192.0.2.0/24, also compressed with gzip.",
                switch="blocklist_enabled"),
    )),
    Chapter("Where peers are found besides trackers, and how they find us", (
        Setting("dht_enabled", Flag(), True,
                "Whether to have a node of the distributed hash table: it finds peers of public"
                " torrents without a tracker. On the UDP port of the same number as peer_port."),
        Setting("dht_routers", List(Text("host:port", router), 100), list(ROUTERS),
                "Whom the node asks when it knows nobody, as host:port.", file_only=True),
        Setting("dht_rate", Amount(per_second=True, least=1000), 8000,
                "Most that the node sends; with many torrents it announces them less often.",
                file_only=True),
        Setting("dht_read_only", Flag(), False,
                "Whether the node asks and answers nobody, for lines that cost by the byte.",
                file_only=True),
        Setting("pex_enabled", Flag(), True,
                "Whether peers of public torrents tell us, and we tell them, of other peers."),
        Setting("lpd_enabled", Flag(), False,
                "Whether to tell the local network of our public torrents, and to hear who else"
                " has them. On a rented server the neighbours are strangers."),
        Setting("port_forwarding_enabled", Flag(), False,
                "Whether to ask the router to let peers in, by PCP, NAT-PMP or UPnP."),
    )),
    Chapter("Limits of the line", (
        Setting("speed_limit_down", _RATE, 100_000,
                "Most that all torrents together download, while speed_limit_down_enabled.",
                switch="speed_limit_down_enabled"),
        Setting("speed_limit_down_enabled", Flag(), False, "Whether speed_limit_down counts."),
        Setting("speed_limit_up", _RATE, 100_000,
                "Most that all torrents together upload, while speed_limit_up_enabled.",
                switch="speed_limit_up_enabled"),
        Setting("speed_limit_up_enabled", Flag(), False, "Whether speed_limit_up counts."),
        Setting("alt_speed_down", _RATE, 50_000,
                "The alternative to speed_limit_down: at certain hours, or when it is turned on."),
        Setting("alt_speed_up", _RATE, 50_000, "The alternative to speed_limit_up."),
        Setting("alt_speed_enabled", Flag(), False, "Whether the alternative limits count now."),
        Setting("alt_speed_time_enabled", Flag(), False,
                "Whether the hours that the next three name turn the alternative limits on."
                " There may be more in [[schedule]]."),
        Setting("alt_speed_time_begin", _MINUTES, 540, "When they begin, by the wall clock."),
        Setting("alt_speed_time_end", _MINUTES, 1020,
                "When they end; a time before the beginning is on the next day."),
        Setting("alt_speed_time_day", Whole(0, 127), 127,
                "The days on which they begin, added up: 1 Sunday, 2 Monday, 4 Tuesday,"
                " 8 Wednesday, 16 Thursday, 32 Friday, 64 Saturday."),
    )),
    Chapter("Which torrents run", (
        Setting("start_added_torrents", Flag(), True,
                "Whether a torrent starts when it is added, if nothing else is said."),
        Setting("sequential_download", Flag(), False,
                "Whether torrents that are added get their pieces in order."),
        Setting("download_queue_enabled", Flag(), True,
                "Whether only download_queue_size torrents download at once."),
        Setting("download_queue_size", Whole(0, 100_000), 10,
                "How many torrents download at once; those of the lowest positions.",
                switch="download_queue_enabled"),
        Setting("seed_queue_enabled", Flag(), False,
                "Whether only seed_queue_size torrents seed at once."),
        Setting("seed_queue_size", Whole(0, 100_000), 100, "How many torrents seed at once.",
                switch="seed_queue_enabled"),
        Setting("queue_stalled_enabled", Flag(), True,
                "Whether torrents without progress leave their place in the queue to others."),
        Setting("queue_stalled_minutes", Whole(1, 100_000, "minutes"), 30,
                "How long without progress counts as stalled.", switch="queue_stalled_enabled"),
    )),
    Chapter("How long torrents seed", (
        Setting("seed_ratio_limit", Fraction(0, 1_000_000), 2.0,
                "A torrent that has uploaded so many times its size stops, while"
                " seed_ratio_limited.", switch="seed_ratio_limited"),
        Setting("seed_ratio_limited", Flag(), False, "Whether seed_ratio_limit counts."),
        Setting("idle_seeding_limit", Seconds(60, 31_536_000), 1800.0,
                "A torrent that nobody wanted a piece of for so long stops, while"
                " idle_seeding_limit_enabled.", switch="idle_seeding_limit_enabled"),
        Setting("idle_seeding_limit_enabled", Flag(), False,
                "Whether idle_seeding_limit counts."),
        Setting("min_share", Fraction(0, 100), 0.0,
                "The last piece of a torrent is not requested until this part of its size has"
                " been uploaded, as 0.1 for a tenth; 0: it is requested like the others."),
    )),
    Chapter("Trackers", (
        Setting("default_trackers", Text("URLs, one a line, tiers apart by an empty line",
                                         announce_list), "",
                "Trackers that public torrents get besides their own."),
        Setting("trust_local_trackers", Flag(), False,
                "Whether trackers may be at private and loopback addresses.", file_only=True),
        Setting("tracker_requests_at_once", Whole(1, 1000), 50,
                "Most requests to trackers under way.", file_only=True),
        Setting("tracker_requests_per_host", Whole(1, 100), 4,
                "Most requests to one tracker's host under way.", file_only=True),
    )),
    Chapter("Chat with the swarms of torrents, where it was turned on for them", (
        Setting("chat_nickname", Text("a name of at most 32 characters", nickname), "",
                "What we are called there; empty: guest- and the beginning of our key's"
                " fingerprint."),
        Setting("chat_muted", List(Text("an author's key, 64 hexadecimal digits", author_key),
                                   1000), [],
                "Keys of authors whose messages are neither shown nor passed on."),
    )),
    Chapter("The log", (
        Setting("log_level", Choice(LOG_LEVELS), "info", "Least severity to log.",
                file_only=True),
        Setting("log_json", Flag(), False, "Whether each line is a JSON object.",
                file_only=True),
    )),
    Chapter("[scripts]: programs to run, never through a shell", (
        Setting("scripts_added", _ARGV, [],
                "The command when a torrent was added, as a list of words; its details are in the"
                " environment as TR_... and TX_...", file_only=True),
        Setting("scripts_done", _ARGV, [],
                "The command when a torrent has everything that is wanted of it.",
                file_only=True),
        Setting("scripts_seeded", _ARGV, [],
                "The command when a torrent has reached its ratio or idle limit.",
                file_only=True),
        Setting("scripts_at_once", Whole(1, 100), 4, "Most programs at once; the others wait.",
                file_only=True),
        Setting("scripts_time_limit", Seconds(1, 604_800), 600.0,
                "A program that runs longer is ended.", file_only=True),
    )),
    Chapter("[control]: the socket that clients speak to", (
        Setting("control_endpoints", List(Text("a Twisted server endpoint", endpoint), 16), [],
                "Where to listen, as Twisted's server endpoint strings:"
                " unix:/run/txtorrent/control.sock or tcp:9091:interface=127.0.0.1. Empty:"
                " the UNIX socket $XDG_RUNTIME_DIR/txtorrent/control.sock, for a system service"
                " /run/txtorrent/control.sock.", file_only=True),
        Setting("control_username", Text(), "",
                "The name that clients must give over TCP; needs a password.", file_only=True),
        Setting("control_password", Text(), "",
                "Their password. Let nobody else read this file then.", file_only=True,
                secret=True),
        Setting("control_hosts", List(Text("a host name", host), 100), [],
                "Names besides localhost and IP addresses by which clients may call this machine"
                " over TCP.", file_only=True),
    )),
    Chapter("[tracker]: a tracker of our own in this process; SIGHUP reads its settings again", (
        Setting("trackerserver_enabled", Flag(), False,
                "Whether to run one, for torrents that are made here.", file_only=True),
        Setting("trackerserver_port", Whole(1, 65535), TRACKER_PORT,
                "Its TCP and UDP port, unless the file of its settings says where to listen.",
                file_only=True),
        Setting("trackerserver_config", Path(optional=True), "",
                "The file of its settings, TOML or JSON: the same as that of the command"
                " txtorrent-tracker; empty: everybody may announce any torrent.",
                file_only=True),
    )),
    Chapter("Tables", (
        Setting("schedule", List(Record((
            Setting("days", List(Choice(DAYS), 7, days), list(DAYS),
                    "The days on which it begins."),
            Setting("begin", Clock(), REQUIRED, "When it begins, by the wall clock."),
            Setting("end", Clock(), REQUIRED,
                    "When it ends; a time that is not after begin is on the next day."),
        )), 100), [], "Hours with the alternative limits; any number of such tables."),
        Setting("groups", Named(Record((
            Setting("speed_limit_down", _RATE, 0, "Most that its torrents download together.",
                    switch="speed_limit_down_enabled"),
            Setting("speed_limit_down_enabled", Flag(), False, "Whether that counts."),
            Setting("speed_limit_up", _RATE, 0, "Most that its torrents upload together.",
                    switch="speed_limit_up_enabled"),
            Setting("speed_limit_up_enabled", Flag(), False, "Whether that counts."),
            Setting("honors_session_limits", Flag(), True,
                    "Whether the limits of all torrents hold for them too."),
        )), 1000, group_name), {},
            "Bandwidth groups: limits that the torrents of a group share."),
        Setting("trackers", Named(Record((
            Setting("labels", _LABELS, None, "Labels they get."),
            Setting("download_dir", Path(), None, "Where their content goes."),
            Setting("group", Text("a group's name", group_name), None, "Their bandwidth group."),
            Setting("min_share", Fraction(0, 100), None, "Their fair share."),
            Setting("seed_ratio_limit", Fraction(0, 1_000_000), None, "Their ratio."),
            Setting("idle_seeding_limit", Seconds(60, 31_536_000), None, "Their idle limit."),
            Setting("peer_limit", Whole(1, 100_000), None, "Most peers of each."),
        )), 1000, tracker_host), {},
            "What torrents get that are added with a tracker at this host, if nothing else is"
            " said."),
        Setting("watch", List(Record((
            Setting("directory", Path(), REQUIRED, "Where .torrent files are looked for."),
            Setting("destination", Path(), None, "Where their content goes, if not to"
                    " download_dir."),
            Setting("labels", _LABELS, [], "Labels they get."),
            Setting("start", Flag(), None, "Whether they start, if not as start_added_torrents"
                    " says."),
            Setting("then", Choice(("rename", "delete")), "rename",
                    "What becomes of a file that was added; rename appends .added."),
        )), 1000, directories_differ), [], "Directories whose .torrent files are added.",
            file_only=True),
    )),
)  # fmt: skip

SETTINGS: Final = {setting.name: setting for chapter in CHAPTERS for setting in chapter.settings}
"""Every setting by its name."""
