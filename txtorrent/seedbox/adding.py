"""New torrents: from what the user gave to a row of the list, from a magnet link to metainfo."""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred

from txtorrent.errors import Code, RequestError
from txtorrent.metainfo.magnet import Magnet
from txtorrent.metainfo.torrentfile import Metainfo
from txtorrent.seedbox import newrecord
from txtorrent.seedbox.changing import changed
from txtorrent.seedbox.directory import make_directory
from txtorrent.seedbox.entry import Entry, Owner
from txtorrent.seedbox.incomplete import Incomplete
from txtorrent.seedbox.places import Places
from txtorrent.seedbox.record import Record
from txtorrent.seedbox.runner import Runner
from txtorrent.seedbox.sources import Sources
from txtorrent.seedbox.trackerdefaults import TrackerDefaults
from txtorrent.seedbox.turns import Turns
from txtorrent.settings.settings import Settings
from txtorrent.storage import listing
from txtorrent.storage.disk import Disk
from txtorrent.storage.listing import Changes, Listing, NewEntry


@frozen
class Added:
    """What came of adding: the torrent, and whether it was there already."""

    torrent: Entry
    is_duplicate: bool


class Adding:
    """Adds to the list of `owner`, which `enlist` tells of each new torrent and `learnt` of each
    whose metadata has come. `torrents` are those that there are, by info-hash.

    Nobody adds or removes a torrent while another does; nor do two torrents of one name come at
    once, since their files may be the same.
    """

    def __init__(
        self,
        owner: Owner,
        torrents: Mapping[bytes, Entry],
        listing: Listing,
        settings: Settings,
        disk: Disk,
        sources: Sources,
        turns: Turns,
        runner: Runner,
        places: Places,
        incomplete: Incomplete,
        defaults: TrackerDefaults,
        enlist: Callable[[Entry], None],
        learnt: Callable[[Entry], None],
    ) -> None:
        self._owner = owner
        self._torrents = torrents
        self._listing = listing
        self._settings = settings
        self._disk = disk
        self._sources = sources
        self._turns = turns
        self._runner = runner
        self._places = places
        self._incomplete = incomplete
        self._defaults = defaults
        self._enlist = enlist
        self._learnt = learnt

    async def add(self, source: bytes | str, options: Mapping[str, Any]) -> Added:
        """Add a torrent; see control's `Session.add` for the options. RequestError."""
        given = await self._sources.read(source, options.get("cookies", ""))
        return await self._turns.run(given.info_hash, lambda: self._add(given, options))

    async def _add(self, given: Metainfo | Magnet, options: Mapping[str, Any]) -> Added:
        known = self._torrents.get(given.info_hash)
        if known is not None:
            if isinstance(given, Metainfo):
                await self._learn(known, given)
            elif known.record.magnet:
                await self._merge(known, given)
            return Added(known, is_duplicate=True)
        await self._places.deleted(given.info_hash)
        if isinstance(given, Magnet):
            options = {**self._defaults.options(given.tiers), **options}
            return await self._add_magnet(given, options)
        options = {**self._defaults.options(given.announce_tiers), **options}
        record = newrecord.of_metainfo(self._blank(given.name, options), given)
        record = changed(Entry(0, given.info_hash, record, self._owner), options)
        return await self._turns.run(given.name, lambda: self._add_metainfo(given, record))

    async def _add_magnet(self, magnet: Magnet, options: Mapping[str, Any]) -> Added:
        record = self._blank(magnet.name or magnet.info_hash.hex(), options)
        record = newrecord.of_magnet(record, magnet)
        record = changed(Entry(0, magnet.info_hash, record, self._owner), options)
        await self._make_directory(record.directory)
        return await self._record(NewEntry(magnet.info_hash, record.encode(), None), record)

    async def _add_metainfo(self, metainfo: Metainfo, record: Record) -> Added:
        await self._refuse_shared_files(metainfo, record.directory)
        await self._make_directory(record.directory)
        record.place = await self._incomplete.place(metainfo, record.directory)
        return await self._record(
            NewEntry(metainfo.info_hash, record.encode(), metainfo.raw), record
        )

    async def _merge(self, entry: Entry, magnet: Magnet) -> None:
        """Another link to the same torrent may know trackers and peers that the first did not."""
        known = {url for tier in entry.record.trackers for url in tier}
        fresh = [tier for tier in magnet.tiers if not known.intersection(tier)]
        if fresh:
            await self._owner.change([(entry, {"trackers": (*entry.record.trackers, *fresh)})])
        if entry.fetch is not None:
            entry.fetch.name_hosts(magnet.peers)

    def _blank(self, name: str, options: Mapping[str, Any]) -> Record:
        get = self._settings.get
        record = newrecord.blank(
            name,
            options.get("directory") or get("download_dir"),
            get,
            running=not options.get("paused", not get("start_added_torrents")),
        )
        record.trusted = bool(options.get("trusted"))
        return record

    async def _record(self, new: NewEntry, record: Record) -> Added:
        self._owner.rank(record)
        new = NewEntry(new.info_hash, record.encode(), new.metainfo)
        [row] = await self._listing.add([new])
        entry = Entry(row.id, row.info_hash, record, self._owner)
        self._enlist(entry)
        return Added(entry, is_duplicate=False)

    def _make_directory(self, path: str) -> "Deferred[Any]":
        return self._disk.read.run(make_directory, path, self._settings.roots)

    async def _refuse_shared_files(self, metainfo: Metainfo, directory: str) -> None:
        """Two torrents that write to one file would undo each other's work."""
        for other in tuple(self._torrents.values()):
            record = other.record
            is_apart = record.directory != directory or record.name != metainfo.name
            if is_apart or other.info_hash == metainfo.info_hash or record.magnet:
                continue
            theirs = await self._runner.metainfo(other)
            shared = _paths(metainfo) & (_paths(theirs) if theirs is not None else set())
            if shared:
                raise RequestError(
                    Code.INVALID_PARAMS,
                    f"{metainfo.name}: {'/'.join(min(shared))} in {directory} belongs to torrent"
                    f" {other.id} already: give this one a directory of its own",
                )

    # -- what was a magnet link --------------------------------------------------------------

    def learn(self, entry: Entry, metainfo: Metainfo) -> "Deferred[None]":
        """The metadata of a magnet link has come: record it; fires when it would survive a kill.

        RequestError: the torrent cannot be had where it is to be.
        """
        return Deferred.fromCoroutine(
            self._turns.run(entry.info_hash, lambda: self._learn(entry, metainfo))
        )

    async def _learn(self, entry: Entry, metainfo: Metainfo) -> None:
        if entry.record.magnet and not entry.is_removed:
            await self._turns.run(metainfo.name, lambda: self._learn_alone(entry, metainfo))

    async def _learn_alone(self, entry: Entry, metainfo: Metainfo) -> None:
        await self._refuse_shared_files(metainfo, entry.record.directory)
        place = await self._incomplete.place(metainfo, entry.record.directory)
        record = newrecord.of_metainfo(entry.record, metainfo)
        record.place = place
        row = listing.Entry(entry.id, entry.info_hash, record.encode())
        await self._listing.change(Changes(put=[row], metainfo={entry.info_hash: metainfo.raw}))
        # Only what the metainfo says: the rest may have been changed meanwhile.
        entry.record = newrecord.of_metainfo(entry.record, metainfo)
        entry.record.place = place
        self._learnt(entry)


def _paths(metainfo: Metainfo) -> set[tuple[str, ...]]:
    return {file.path for file in metainfo.files if not file.pad}
