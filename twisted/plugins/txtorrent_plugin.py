"""Makes our commands of twistd and twist; imports nothing else until one is used."""

from twisted.application.service import ServiceMaker

txtorrent = ServiceMaker(
    "txtorrent",
    "txtorrent.tap",
    "A BitTorrent seedbox: downloads, verifies and seeds torrents.",
    "txtorrent",
)

txtorrent_tracker = ServiceMaker(
    "txtorrent-tracker",
    "txtorrent.trackertap",
    "A BitTorrent tracker: over HTTP and UDP, alone or with others on one Redis.",
    "txtorrent-tracker",
)
