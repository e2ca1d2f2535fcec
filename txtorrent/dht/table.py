"""The nodes that we know, few of those far away and all of those near (BEP 5, "Routing Table").

The governing rule (THREATS C2): a node gets in only by answering a question of ours. Of the
Internet there is one node of each /24 (/64 for IPv6), and nodes whose id fits their address
(BEP 42) take the places of those whose does not. Local networks are exempt from both.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from heapq import nlargest, nsmallest
from itertools import islice
from random import Random
from typing import Final

from attrs import define, field

from txtorrent.address import Address, Reach, network, reach
from txtorrent.dht.nodeid import BITS, fits, number, random_id_beside
from txtorrent.wire.krpcnodes import NodeInfo

BUCKET_SIZE: Final = 8
"""Nodes of a bucket, and of a list in an answer (BEP 5)."""
FRESH: Final = 900.0
"""Seconds without a word after which a node is questionable, and a bucket looked at (BEP 5)."""
RETRY: Final = 30.0
"""Seconds until a node that did not answer once is asked again."""
BAD_AFTER: Final = 2
"""Questions in a row without an answer."""


class State(Enum):
    """What may be expected of a node (BEP 5)."""

    GOOD = "good"
    QUESTIONABLE = "questionable"
    BAD = "bad"


@define(eq=False)
class Contact:
    """A node that has answered us. Times are those of the reactor; `rtt` in seconds."""

    id: bytes
    address: Address
    last_seen: float
    rtt: float
    number: int = field(init=False)
    fits: bool = field(init=False)
    tried_at: float = field(init=False)
    failures: int = field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        self.number = number(self.id)
        self.fits = fits(self.id, self.address.host)
        self.tried_at = self.last_seen

    @property
    def info(self) -> NodeInfo:
        """Id and address."""
        return NodeInfo(self.id, self.address)

    def state(self, now: float) -> State:
        """What may be expected of it now."""
        if self.failures >= BAD_AFTER:
            return State.BAD
        if self.failures or now - self.last_seen > FRESH:
            return State.QUESTIONABLE
        return State.GOOD

    @property
    def due_at(self) -> float:
        """When it is time to ask whether it is there."""
        pause = RETRY if 0 < self.failures < BAD_AFTER else FRESH
        return max(self.last_seen, self.tried_at) + pause


@define(eq=False)
class _Bucket:
    contacts: list[Contact] = field(factory=list)
    spare: list[Contact] = field(factory=list)
    """Those that may take the place of one that has gone, the latest last; as many as fit."""
    changed_at: float = 0.0

    def keep_spare(self, contact: Contact) -> None:
        self.spare = [each for each in self.spare if each.address != contact.address]
        self.spare = [*self.spare, contact][-BUCKET_SIZE:]


class RoutingTable:
    """The nodes of one family. The bucket at index n has those whose ids share n bits with ours,
    the last one all that share more."""

    def __init__(self, own_id: bytes, now: float) -> None:
        self.own_id = own_id
        self._own = number(own_id)
        self._buckets = [_Bucket(changed_at=now)]
        self._by_address: dict[Address, Contact] = {}
        self._by_id: dict[bytes, Contact] = {}
        self._networks: dict[str, Contact] = {}
        self._due_at = now

    def __len__(self) -> int:
        return len(self._by_address)

    def __iter__(self) -> Iterator[Contact]:
        return iter(list(self._by_address.values()))

    def __contains__(self, address: Address) -> bool:
        return address in self._by_address

    def rebuilt(self, own_id: bytes, now: float) -> RoutingTable:
        """A table of the same nodes around another id."""
        table = RoutingTable(own_id, now)
        for contact in self._by_address.values():
            table._admit(contact, now)
        return table

    def replied(self, node: NodeInfo, rtt: float, now: float) -> None:
        """Note that a node has answered, and keep it if there is a place for it."""
        known = self._by_address.get(node.address)
        if known is not None and known.id == node.id:
            known.last_seen = now
            known.rtt, known.failures = rtt, 0
            self._bucket_of(known).changed_at = now
            return
        if known is not None:
            self._remove(known)
        if node.id != self.own_id:
            self._admit(Contact(node.id, node.address, now, rtt), now)

    def queried(self, node: NodeInfo, now: float) -> bool:
        """Note that a node has asked us; whether it is unknown and there might be a place."""
        known = self._by_address.get(node.address)
        if known is not None:
            if known.id == node.id and not known.failures:
                known.last_seen = now
            return False
        return node.id != self.own_id and self._might_admit(node, now)

    def failed(self, address: Address, now: float) -> None:
        """Note that a node did not answer; one that is bad gives way to one that waits."""
        contact = self._by_address.get(address)
        if contact is None:
            return
        contact.failures += 1
        self._due_at = min(self._due_at, now + RETRY)
        bucket = self._bucket_of(contact)
        if contact.state(now) is State.BAD and bucket.spare:
            self._remove(contact)
            self._fill(bucket, now)

    def closest(self, target: bytes, now: float, count: int = BUCKET_SIZE) -> list[Contact]:
        """The nodes closest to a target that are not bad."""
        there = (each for each in self._by_address.values() if each.failures < BAD_AFTER)
        near = number(target)
        return nsmallest(count, there, key=lambda contact: contact.number ^ near)

    def latest(self, count: int) -> list[Contact]:
        """Those that were heard of last."""
        return nlargest(count, self._by_address.values(), key=lambda contact: contact.last_seen)

    def due(self, now: float, count: int) -> list[Contact]:
        """Nodes of which nothing was heard for long, the longest first, to be asked now."""
        if now < self._due_at:
            return []
        everybody = self._by_address.values()
        due = [each for each in everybody if each.due_at <= now]
        if len(due) <= count:
            later = (each.due_at for each in everybody if each.due_at > now)
            self._due_at = min(later, default=now + FRESH)
        chosen = nsmallest(count, due, key=lambda contact: contact.last_seen)
        for contact in chosen:
            contact.tried_at = now
        return chosen

    def stale_target(self, random: Random, now: float) -> bytes | None:
        """An id to look for, so that a bucket in which nothing has changed for long is renewed;
        None when there is no such bucket."""
        for shared, bucket in enumerate(self._buckets):
            if now - bucket.changed_at > FRESH:
                bucket.changed_at = now
                return random_id_beside(self.own_id, shared, random)
        return None

    def grow_stale(self) -> None:
        """Have every bucket looked at soon."""
        for bucket in self._buckets:
            bucket.changed_at = float("-inf")

    def has_good(self, count: int, now: float) -> bool:
        """Whether there are so many good nodes."""
        good = (each for each in self._by_address.values() if each.state(now) is State.GOOD)
        return sum(1 for _ in islice(good, count)) == count

    def count(self, state: State, now: float) -> int:
        """How many nodes are in this state."""
        return sum(each.state(now) is state for each in self._by_address.values())

    @property
    def depth(self) -> int:
        """How many buckets there are."""
        return len(self._buckets)

    # -- inside ------------------------------------------------------------------------------

    def _index(self, node: int) -> int:
        shared = BITS - (node ^ self._own).bit_length()
        return min(shared, len(self._buckets) - 1)

    def _bucket_of(self, contact: Contact) -> _Bucket:
        return self._buckets[self._index(contact.number)]

    def _might_admit(self, node: NodeInfo, now: float) -> bool:
        """Whether asking a node could give us a contact: buckets of good nodes are left alone."""
        rival = self._networks.get(_network(node.address.host) or "")
        if rival is not None and rival.state(now) is not State.BAD:
            return False
        if node.id in self._by_id:
            return False
        index = self._index(number(node.id))
        bucket = self._buckets[index]
        is_last = index == len(self._buckets) - 1
        if is_last or len(bucket.contacts) < BUCKET_SIZE:
            return True
        return self._victim(bucket, fits(node.id, node.address.host), now) is not None

    def _admit(self, contact: Contact, now: float) -> None:
        """Find a place for a node that is not in the table."""
        if not self._is_alone(contact, now):
            return
        bucket = self._bucket_of(contact)
        while len(bucket.contacts) >= BUCKET_SIZE and bucket is self._buckets[-1] and self._split():
            bucket = self._bucket_of(contact)
        if len(bucket.contacts) >= BUCKET_SIZE:
            victim = self._victim(bucket, contact.fits, now)
            if victim is None:
                bucket.keep_spare(contact)
                return
            self._remove(victim)
        self._insert(bucket, contact, now)

    def _is_alone(self, contact: Contact, now: float) -> bool:
        """Whether nobody else has its id, or is of its network; bad ones give way."""
        key = _network(contact.address.host)
        rivals = [self._by_id.get(contact.id), self._networks.get(key) if key else None]
        for rival in rivals:
            if rival is None or rival.address not in self._by_address:
                continue
            if rival.state(now) is not State.BAD:
                return False
            self._remove(rival)
        return True

    def _split(self) -> bool:
        """Have the last bucket make room by one more, if ids are long enough for that."""
        if len(self._buckets) >= BITS:
            return False
        last = self._buckets[-1]
        self._buckets.append(_Bucket(changed_at=last.changed_at))
        for name in ("contacts", "spare"):
            everybody = getattr(last, name)
            stay = [each for each in everybody if self._bucket_of(each) is last]
            setattr(last, name, stay)
            go = [each for each in everybody if self._bucket_of(each) is not last]
            setattr(self._buckets[-1], name, go)
        return True

    @staticmethod
    def _victim(bucket: _Bucket, newcomer_fits: bool, now: float) -> Contact | None:
        """Whose place a newcomer may take in a full bucket."""
        for contact in bucket.contacts:
            if contact.state(now) is State.BAD:
                return contact
        misfits = [each for each in bucket.contacts if newcomer_fits and not each.fits]
        return min(misfits, key=lambda contact: contact.last_seen, default=None)

    def _insert(self, bucket: _Bucket, contact: Contact, now: float) -> None:
        bucket.contacts.append(contact)
        self._due_at = min(self._due_at, contact.due_at)
        bucket.changed_at = now
        self._by_address[contact.address] = contact
        self._by_id[contact.id] = contact
        if key := _network(contact.address.host):
            self._networks[key] = contact

    def _remove(self, contact: Contact) -> None:
        self._bucket_of(contact).contacts.remove(contact)
        del self._by_address[contact.address]
        del self._by_id[contact.id]
        if key := _network(contact.address.host):
            del self._networks[key]

    def _fill(self, bucket: _Bucket, now: float) -> None:
        """Give a free place to the latest of those that wait and are still alone."""
        while bucket.spare and len(bucket.contacts) < BUCKET_SIZE:
            contact = bucket.spare.pop()
            if contact.address not in self._by_address and self._is_alone(contact, now):
                self._insert(bucket, contact, now)


def _network(host: str) -> str | None:
    """Of what there is one node only; None where there may be many."""
    return network(host) if reach(host) is Reach.GLOBAL else None
