"""Announces as a tracker is told them."""

from txtorrent.address import packed
from txtorrent.wire.announce import Event
from txtorrent.wire.received import ReceivedAnnounce

HASH = bytes(range(20))
OTHER_HASH = bytes(range(20, 40))
ID = b"-TX0100-abcdefghijkl"


def announce(
    *,
    info_hash=HASH,
    peer_id=ID,
    host="192.0.2.1",
    port=6881,
    uploaded=0,
    downloaded=0,
    left=0,
    event=Event.NONE,
    numwant=50,
):
    """One that says what most do."""
    return ReceivedAnnounce(
        info_hash, peer_id, packed(host), port, uploaded, downloaded, left, event, b"", numwant
    )
