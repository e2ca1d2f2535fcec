"""What is kept of a torrent from the first: of one that was just added, or whose metadata came."""

import time
from collections.abc import Callable
from typing import Any

from attrs import evolve

from txtorrent.metainfo.magnet import Magnet
from txtorrent.metainfo.magnet import parse as parse_magnet
from txtorrent.metainfo.torrentfile import Metainfo
from txtorrent.seedbox.record import Record, shared_tiers

Setting = Callable[[str], Any]


def blank(name: str, directory: str, setting: Setting, running: bool) -> Record:
    """As all new ones are."""
    return Record(
        name=name,
        directory=directory,
        total_size=0,
        piece_count=0,
        piece_size=0,
        file_count=0,
        running=running,
        added_date=time.time(),
        sequential_download=setting("sequential_download"),
    )


def of_magnet(record: Record, magnet: Magnet) -> Record:
    """Nothing is known but the link."""
    return evolve(record, magnet=magnet.link, trackers=shared_tiers(magnet.tiers))


def of_metainfo(record: Record, metainfo: Metainfo) -> Record:
    """With what the metainfo says, and what the link, if it was one, says of files."""
    total, geometry = metainfo.geometry.total, metainfo.geometry
    return evolve(
        record,
        name=metainfo.name,
        total_size=total,
        piece_count=geometry.piece_count,
        piece_size=geometry.piece_length,
        file_count=sum(not file.pad for file in metainfo.files),
        trackers=record.trackers or shared_tiers(metainfo.announce_tiers),
        is_private=metainfo.private,
        comment=metainfo.comment or "",
        creator=metainfo.created_by or "",
        date_created=float(metainfo.creation_date or 0),
        size_when_done=total,
        left_until_done=total,
        wishes=_wishes(parse_magnet(record.magnet), metainfo) if record.magnet else record.wishes,
        magnet="",
    )


def _wishes(magnet: Magnet, metainfo: Metainfo) -> str:
    """Those files that the link selects (BEP 53); all, if it selects none that there is."""
    if magnet.only is None:
        return ""
    wanted = [
        any(first <= index <= last for first, last in magnet.only)
        for index, file in enumerate(metainfo.files)
        if not file.pad
    ]
    return "" if all(wanted) or not any(wanted) else "".join("02"[each] for each in wanted)
