"""Makes `txtorrent` a command of twistd and twist; imports nothing else until it is used."""

from twisted.application.service import ServiceMaker

txtorrent = ServiceMaker(
    "txtorrent",
    "txtorrent.tap",
    "A BitTorrent seedbox: downloads, verifies and seeds torrents.",
    "txtorrent",
)
