"""What a torrent consists of, as the control API asks; `interfaces` has rules and units.

Attributes may be plain ones or properties: they answer at once, from memory, and raise nothing.
"""

from collections.abc import Sequence
from typing import Protocol


class File(Protocol):
    """One file of a torrent, pads left out. File indices count these, from 0."""

    @property
    def name(self) -> str:
        """Path below the torrent's directory, with slashes, as it is on disk (after renames)."""

    @property
    def length(self) -> int:
        """Bytes."""

    @property
    def completed(self) -> int:
        """Verified bytes of it that are had."""

    @property
    def wanted(self) -> bool:
        """Whether it is to be downloaded."""

    @property
    def priority(self) -> int:
        """-1 low, 0 normal, 1 high."""

    @property
    def begin_piece(self) -> int:
        """The piece that its first byte is in."""

    @property
    def end_piece(self) -> int:
        """The piece behind that of its last byte."""


class Details(Protocol):
    """What a torrent need not have in memory while nobody asks: its files and pieces."""

    @property
    def files(self) -> Sequence[File]:
        """Empty while the metadata is not known."""

    @property
    def have(self) -> bytes:
        """Bitfield of verified pieces, the high bit first, spare bits zero; may be empty."""

    @property
    def availability(self) -> Sequence[int]:
        """For each piece: connected peers that have it, or -1 if we have it."""


class Tracker(Protocol):
    """One tracker of a torrent and how it has been answering. Names are Transmission's."""

    @property
    def id(self) -> int:
        """Of this tracker in this torrent; kept while its URL stays in the torrent's list."""

    @property
    def announce(self) -> str:
        """URL."""

    @property
    def scrape(self) -> str:
        """URL, or "" when there is none."""

    @property
    def tier(self) -> int:
        """From 0."""

    @property
    def is_backup(self) -> bool:
        """Whether another one of its tier is being used."""

    @property
    def announce_state(self) -> int:
        """0 inactive, 1 waiting for its time, 2 queued (it is time), 3 being asked now."""

    @property
    def scrape_state(self) -> int:
        """The same for scrapes."""

    @property
    def download_count(self) -> int:
        """How often the torrent was completed, says the tracker; -1 unknown."""

    @property
    def downloader_count(self) -> int:
        """Partial seeds are no downloaders (BEP 21); -1 unknown."""

    @property
    def seeder_count(self) -> int:
        """-1 unknown."""

    @property
    def leecher_count(self) -> int:
        """-1 unknown."""

    @property
    def has_announced(self) -> bool:
        """Whether we have announced ourselves, ever since the start."""

    @property
    def last_announce_time(self) -> float: ...

    @property
    def last_announce_start_time(self) -> float: ...

    @property
    def last_announce_succeeded(self) -> bool: ...

    @property
    def last_announce_timed_out(self) -> bool: ...

    @property
    def last_announce_result(self) -> str:
        """Success, or what went wrong, in words; "" before the first."""

    @property
    def last_announce_peer_count(self) -> int:
        """Peers in the last answer."""

    @property
    def next_announce_time(self) -> float: ...

    @property
    def has_scraped(self) -> bool: ...

    @property
    def last_scrape_time(self) -> float: ...

    @property
    def last_scrape_start_time(self) -> float: ...

    @property
    def last_scrape_succeeded(self) -> bool: ...

    @property
    def last_scrape_timed_out(self) -> bool: ...

    @property
    def last_scrape_result(self) -> str: ...

    @property
    def next_scrape_time(self) -> float: ...


class Peer(Protocol):
    """A connection of a torrent."""

    @property
    def address(self) -> str:
        """IPv4 or IPv6, without brackets."""

    @property
    def port(self) -> int: ...

    @property
    def client(self) -> str:
        """Name and version of their program, "" unknown. May be anything a stranger typed."""

    @property
    def peer_id(self) -> bytes:
        """20 bytes."""

    @property
    def source(self) -> str:
        """How we learnt of it: tracker, dht, pex, lpd, ltep, cache, incoming."""

    @property
    def am_choked(self) -> bool:
        """They choke us."""

    @property
    def am_interested(self) -> bool:
        """We want something of theirs."""

    @property
    def is_choked(self) -> bool:
        """We choke them."""

    @property
    def is_interested(self) -> bool:
        """They want something of ours."""

    @property
    def is_optimistic(self) -> bool:
        """Unchoked for once, to see how it does."""

    @property
    def is_downloading_from(self) -> bool:
        """We have received blocks of theirs in the last seconds."""

    @property
    def is_uploading_to(self) -> bool:
        """They have received blocks of ours in the last seconds."""

    @property
    def is_encrypted(self) -> bool: ...

    @property
    def is_incoming(self) -> bool:
        """They dialled us."""

    @property
    def is_utp(self) -> bool: ...

    @property
    def progress(self) -> float:
        """Share of the pieces that they have, 0 to 1."""

    @property
    def rate_to_client(self) -> float:
        """Bytes/s of payload from them."""

    @property
    def rate_to_peer(self) -> float:
        """Bytes/s of payload to them."""

    @property
    def bytes_to_client(self) -> int: ...

    @property
    def bytes_to_peer(self) -> int: ...


class Candidate(Protocol):
    """An address that is known for a torrent, connected or not."""

    @property
    def address(self) -> str: ...

    @property
    def port(self) -> int: ...

    @property
    def source(self) -> str:
        """As `Peer.source`."""

    @property
    def state(self) -> str:
        """waiting, dialling, connected, banned, or failing (with `next_try`)."""

    @property
    def failures(self) -> int:
        """Attempts in a row that failed."""

    @property
    def next_try(self) -> float:
        """When it may be dialled again; 0: now, or never mind."""


class WebSeed(Protocol):
    """An HTTP server that has the files (BEP 19)."""

    @property
    def url(self) -> str: ...

    @property
    def rate(self) -> float:
        """Bytes/s."""

    @property
    def is_downloading(self) -> bool: ...


class Move(Protocol):
    """Content under way to another directory."""

    @property
    def location(self) -> str:
        """Where it will be."""

    @property
    def step(self) -> str:
        """One word: waiting, copying, syncing, verifying, deleting."""

    @property
    def bytes_done(self) -> int:
        """Of this step."""

    @property
    def bytes_total(self) -> int:
        """Of this step."""
