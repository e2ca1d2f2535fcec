"""The peers of a torrent that others are told of, each at a place of its own.

Sets of places are whole numbers, a bit a place: what a peer was told takes 50 bytes, and what is
news to it is found by four operations. What must stay true: a place is given to another contact
only when no peer has been told of the one before without being told that it is gone.
"""

from collections.abc import Iterable, Iterator
from random import Random
from typing import Final

from txtorrent.address import Address, Reach, is_dialable, reach
from txtorrent.extension.interfaces import Link
from txtorrent.wire.pex import Contact, Flag

PLACES: Final = 200
"""Contacts that are told of: any peer finds the whole swarm through them, and gets 50 a minute.
Of more connections these are drawn by lot."""
_ALL: Final = (1 << PLACES) - 1


class Roster:
    """Who may be named. `present` are the places of those that are connected."""

    def __init__(self, random: Random) -> None:
        self.present = 0
        self._random = random
        self._contacts: dict[int, Contact] = {}
        self._places: dict[Address, int] = {}
        self._of_reach: dict[Reach, int] = {}

    def look_over(self, links: Iterable[Link], told: int) -> None:
        """Who is connected now? `told` are the places that any peer has been told of."""
        fresh: dict[Address, Link] = {}
        self.present = 0
        for link in links:
            contact = link.peer.contact
            if contact is not None and link.is_open:
                place = self._places.get(contact)
                if place is None:
                    fresh[contact] = link
                else:
                    self._note(place, contact, link)
        self._clear(told)
        self._admit(fresh)

    def gone(self, contact: Address | None) -> None:
        """There is no connection with it any more."""
        if contact is not None and contact in self._places:
            self.present &= ~(1 << self._places[contact])

    def may_hear_of(self, link: Link) -> int:
        """The places of those that a peer may be told of: not of itself, nor of what it could
        not reach, which is somebody else there."""
        told = self._of_reach.get(Reach.GLOBAL, 0)
        told |= self._of_reach.get(reach(link.address.host), 0)
        for own in (link.peer.contact, link.address):
            if own is not None and own in self._places:
                told &= ~(1 << self._places[own])
        return told & self.present

    def some(self, places: int, most: int) -> int:
        """Of these places so many, any of them."""
        if places.bit_count() <= most:
            return places
        return sum(1 << place for place in self._random.sample(_places(places), most))

    def contacts(self, places: int) -> tuple[Contact, ...]:
        """Who is there, or was there last."""
        return tuple(self._contacts[place] for place in _places(places))

    # -- inside ----------------------------------------------------------------------------

    @property
    def _taken(self) -> int:
        return sum(1 << place for place in self._contacts)

    def _note(self, place: int, contact: Address, link: Link) -> None:
        self.present |= 1 << place
        self._contacts[place] = Contact(contact, _flags(link))

    def _admit(self, fresh: dict[Address, Link]) -> None:
        """Give free places to as many of these as there are."""
        free = _places(_ALL & ~self._taken)
        drawn = list(fresh)
        if len(drawn) > len(free):
            drawn = self._random.sample(drawn, len(free))
        for contact, place in zip(filter(is_dialable, drawn), free, strict=False):
            self._places[contact] = place
            kind = reach(contact.host)
            self._of_reach[kind] = self._of_reach.get(kind, 0) | 1 << place
            self._note(place, contact, fresh[contact])

    def _clear(self, told: int) -> None:
        """Nobody needs to hear any more of who stood there."""
        for place in _places(self._taken & ~self.present & ~told):
            contact = self._contacts.pop(place).address
            del self._places[contact]
            self._of_reach[reach(contact.host)] &= ~(1 << place)


def _places(places: int) -> list[int]:
    return list(_ascending(places))


def _ascending(places: int) -> Iterator[int]:
    while places:
        lowest = places & -places
        yield lowest.bit_length() - 1
        places ^= lowest


def _flags(link: Link) -> Flag:
    flags = Flag.NONE
    if link.peer.upload_only or link.peer.is_seed:
        flags |= Flag.UPLOAD_ONLY
    if link.outbound:
        flags |= Flag.OUTGOING
    if b"ut_holepunch" in link.extension_ids:
        flags |= Flag.HOLEPUNCH
    return flags
