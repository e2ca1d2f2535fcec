"""Downloads one torrent and ends: python download.py FILE.torrent DIRECTORY [HOST:PORT ...]"""

import os
import sys

from twisted.internet.task import react

from txtorrent.address import Address, split_host_port
from txtorrent.metainfo.torrentfile import load
from txtorrent.session import Session, SessionOptions
from txtorrent.torrent.shared import TorrentOptions


async def download(reactor, path, directory, *peers):
    known = tuple(Address(*split_host_port(peer)) for peer in peers)
    session = Session(reactor, SessionOptions(state=f"{directory}.state", port=0))
    os.makedirs(directory, exist_ok=True)  # one that is missing counts as an unmounted disk
    await session.start()
    try:
        torrent = session.add(load(path), TorrentOptions(directory=directory, peers=known))
        await torrent.when_complete()
        print(f"{torrent.name}: {torrent.progress.size:,} bytes")
    finally:
        await session.stop()


if __name__ == "__main__":
    react(download, sys.argv[1:])
