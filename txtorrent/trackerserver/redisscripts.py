"""A swarm in Redis: its keys, the scripts that change and count it, and what they are told.

The keys of a swarm have its info-hash in hexadecimal between braces, so that a cluster would keep
them in one place:

``txtorrent:{HASH}``
    A hash: of each peer (id and key, 24 bytes) a record: the number of its pool, whether its
    `completed` was counted, and its IPv4 and its IPv6 address, each with the second up to which it
    is true.
``txtorrent:{HASH}:s4`` ``:s6`` ``:sb`` ``:l4`` ``:l6`` ``:lb``
    Sorted sets, the pools. A peer is in exactly one, by what it is (seed or leecher) and by where
    it can be reached (IPv4, IPv6 or both): with its compact addresses behind it, of both with the
    seconds up to which they are true. The score is the second up to which the peer is known. So the
    sizes of the pools are the counts, what is too old is found at once, peers of a family can be
    drawn from among all of them, and nothing has to be looked up of those that were.
``txtorrent:{HASH}:c``
    How often it was completed.

All but the last vanish one lifetime after the last announce. Times are those of Redis.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha1
from struct import Struct
from typing import Final

from txtorrent.wire.announce import Event, ScrapeResult
from txtorrent.wire.received import ReceivedAnnounce, Selection

KEEP_COMPLETED: Final = 30 * 24 * 3600
"""Seconds that the count of completed outlives the last announce. It is what says that a torrent
was ever of use, and should not begin anew because its last seed is on holidays; but anybody may
complete what he has made up, and a count takes 150 bytes all that time."""
MOST_EXPIRED: Final = 1000
"""Peers of a pool taken out by one announce, at a microsecond each; Redis does nothing else
meanwhile. What is left is not counted, but may be given out until the next announces take it."""
MOST_WANTED: Final = 1000
"""Peers that one announce can get: Redis does nothing else while it draws them, either."""
MAX_LIFETIME: Final = 7 * 24 * 3600
"""Seconds that a peer may be kept for."""

PREFIX: Final = b"txtorrent:{"
EVERY_SWARM: Final = "txtorrent:{*}"
"""Matches the one key of each swarm that there is whenever it has peers."""

# The first write may not be one that Redis permits when its memory is full, unless it frees some:
# Redis lets a script that has written go on to its end. So nobody is added to a full instance, but
# who is in it is refreshed, and what is too old makes room.
ANNOUNCE: Final = f"""
local call, pack, unpacked, sub = redis.call, struct.pack, struct.unpack, string.sub
local swarm = KEYS[1]
local peer, family, left, event, ids, numwant, lifetime, chance, at =
    unpacked('>c24BBBBI2I4I4', ARGV[1])
local address = sub(ARGV[1], at)
local now = tonumber(call('TIME')[1])
local over = now + lifetime + 1
local POOLS = {{'s4', 's6', 'sb', 'l4', 'l6', 'lb'}}
local RECORD = '>BBI4c6I4c18'

local size = {{}}
for _, pool in ipairs(POOLS) do
    local key = swarm .. ':' .. pool
    local number = call('ZCARD', key)
    if number > 0 then
        local old = call('ZRANGEBYSCORE', key, '-inf', now, 'LIMIT', 0, {MOST_EXPIRED})
        if #old > 0 then
            call('ZREM', key, unpack(old))
            for i, member in ipairs(old) do old[i] = sub(member, 1, 24) end
            call('HDEL', swarm, unpack(old))
            number = number - #old
            if #old == {MOST_EXPIRED} then number = call('ZCOUNT', key, '(' .. now, '+inf') end
        end
    end
    size[pool] = number
end

local function entry(number, until4, host4, until6, host6)
    local kind = number % 3
    if kind == 1 then return peer .. host4 end
    if kind == 2 then return peer .. host6 end
    return peer .. host4 .. host6 .. pack('>I4I4', until4, until6)
end

-- Taken out first, so that it cannot be drawn for itself.
local was_seed, counted = false, 0
local until4, host4, until6, host6 = 0, string.rep('\\0', 6), 0, string.rep('\\0', 18)
local before = call('HGET', swarm, peer)
if before then
    local number
    number, counted, until4, host4, until6, host6 = unpacked(RECORD, before)
    local pool = POOLS[number]
    if call('ZREM', swarm .. ':' .. pool, entry(number, until4, host4, until6, host6)) == 1
            and (until4 > now or until6 > now) then
        size[pool] = size[pool] - 1
        was_seed = number <= 3
    end
end

local seen = {{[address] = true, [family == 4 and host6 or host4] = true}}
local places, names = {{[4] = {{}}, [6] = {{}}}}, {{[4] = {{}}, [6] = {{}}}}
local function give(member)
    local place, kind = sub(member, 25), 4
    if #place == 18 then
        kind = 6
    elseif #place > 18 then
        local its4, its6 = unpacked('>I4I4', place, 25)
        if its4 <= now or (family == 6 and its6 > now) then
            place, kind = sub(place, 7, 24), 6
        else
            place = sub(place, 1, 6)
        end
    end
    if seen[place] then return end
    seen[place] = true
    local list = places[kind]
    list[#list + 1] = place
    if ids == 1 then table.insert(names[kind], sub(member, 1, 20)) end
end

-- From each pool in proportion to its size; chance decides about fractions of a peer.
local function draw(pools, want)
    local total = 0
    for _, pool in ipairs(pools) do total = total + size[pool] end
    want = math.min(want, total)
    if want == 0 then return 0 end
    local passed, given = 0, 0
    for _, pool in ipairs(pools) do
        passed = passed + size[pool]
        local upto = math.floor(passed * want / total + chance / 4294967296)
        if upto > given then
            for _, member in ipairs(call('ZRANDMEMBER', swarm .. ':' .. pool, upto - given)) do
                give(member)
            end
            given = upto
        end
    end
    return want
end
local own, other = '4', '6'
if family == 6 then own, other = '6', '4' end
if left == 0 then
    draw({{'l' .. other}}, numwant - draw({{'l' .. own, 'lb'}}, numwant))
else
    draw({{'s' .. other, 'l' .. other}},
         numwant - draw({{'s' .. own, 'sb', 'l' .. own, 'lb'}}, numwant))
end

-- A pool may not vanish before the records of its peers, which nothing else takes out.
local function keep(pool)
    local seconds = call('TTL', swarm)
    if seconds <= lifetime then
        seconds = lifetime + 1
        call('EXPIRE', swarm, seconds)
        for each, number in pairs(size) do
            if number > 0 then call('EXPIRE', swarm .. ':' .. each, seconds + 1) end
        end
    elseif size[pool] == 1 then
        call('EXPIRE', swarm .. ':' .. pool, seconds + 1)
    end
end
local completed
if event == 3 then
    if before then call('HDEL', swarm, peer) end
else
    if family == 4 then
        until4, host4 = over, address
    else
        until6, host6 = over, address
    end
    local number = left == 0 and 1 or 4
    if until4 <= now then number = number + 1 elseif until6 > now then number = number + 2 end
    local counts = event == 1 and counted == 0 and not was_seed
    if counts then counted = 1 end
    call('HSET', swarm, peer, pack(RECORD, number, counted, until4, host4, until6, host6))
    local pool = POOLS[number]
    call('ZADD', swarm .. ':' .. pool, math.max(until4, until6),
         entry(number, until4, host4, until6, host6))
    size[pool] = size[pool] + 1
    keep(pool)
    if counts then completed = call('INCR', swarm .. ':c') end
end
if completed then
    call('EXPIRE', swarm .. ':c', {KEEP_COMPLETED})
else
    completed = tonumber(call('GETEX', swarm .. ':c', 'EX', {KEEP_COMPLETED}) or 0)
end

return pack('>I4I4I4I2I2', size.s4 + size.s6 + size.sb, size.l4 + size.l6 + size.lb,
            completed, #places[4], #places[6])
    .. table.concat(places[4]) .. table.concat(places[6])
    .. table.concat(names[4]) .. table.concat(names[6])
"""
"""Notes a peer and draws others for it, in one step; the arguments are `announce_command`'s, the
reply is for `read_selection`."""

COUNT: Final = """
local after = '(' .. redis.call('TIME')[1]
local function number(key) return redis.call('ZCOUNT', key, after, '+inf') end
local found = {}
for i, swarm in ipairs(KEYS) do
    found[i] = struct.pack('>I4I4I4',
        number(swarm .. ':s4') + number(swarm .. ':s6') + number(swarm .. ':sb'),
        number(swarm .. ':l4') + number(swarm .. ':l6') + number(swarm .. ':lb'),
        tonumber(redis.call('GET', swarm .. ':c') or 0))
end
return table.concat(found)
"""
"""Counts swarms and changes nothing; the reply is for `read_counts`."""

_ASKED: Final = Struct(">24sBBBBHII")
_HEAD: Final = Struct(">IIIHH")
_COUNTS: Final = Struct(">III")
_NUMBERS: Final = {event: event.value for event in Event}


def digest(script: str) -> bytes:
    """The name by which Redis knows a script that it was told once."""
    return sha1(script.encode()).hexdigest().encode()


def _template(place: int) -> bytes:
    """A whole command of announces with an address of `place` bytes, for the hash and arguments."""
    key = len(PREFIX) + 41
    return b"*5\r\n$7\r\nEVALSHA\r\n$40\r\n%b\r\n$1\r\n1\r\n" % digest(
        ANNOUNCE
    ) + b"$%d\r\n%b%%b}\r\n$%d\r\n%%b%%b\r\n" % (key, PREFIX, _ASKED.size + place)


_TEMPLATES: Final = {size: _template(size + 2) for size in (4, 16)}


def announce_command(
    announce: ReceivedAnnounce, lifetime: int, with_ids: bool, chance: int
) -> bytes:
    """What is sent to Redis for an announce; `chance` is 32 random bits. ValueError when the
    info-hash has not 20 bytes."""
    if len(announce.info_hash) != 20:
        raise ValueError(f"an info-hash of {len(announce.info_hash)} bytes")
    host = announce.host
    asked = _ASKED.pack(
        announce.peer_id + announce.key,
        4 if len(host) == 4 else 6,
        announce.left != 0,
        _NUMBERS[announce.event],
        with_ids,
        min(announce.numwant or 0, MOST_WANTED),
        min(lifetime, MAX_LIFETIME),
        chance,
    )
    place = host + announce.port.to_bytes(2, "big")
    return _TEMPLATES[len(host)] % (announce.info_hash.hex().encode(), asked, place)


def read_selection(reply: bytes) -> Selection:
    """Read what `ANNOUNCE` gives; ValueError when it is something else."""
    if not isinstance(reply, bytes) or len(reply) < _HEAD.size:
        raise ValueError("no reply to an announce")
    seeders, leechers, completed, fours, sixes = _HEAD.unpack_from(reply)
    sixes_at = _HEAD.size + 6 * fours
    end = sixes_at + 18 * sixes
    if len(reply) not in (end, end + 20 * (fours + sixes)):
        raise ValueError(f"a reply to an announce has {len(reply)} bytes")
    ids_at = end + 20 * fours
    return Selection(
        seeders, leechers, completed,
        reply[_HEAD.size : sixes_at], reply[sixes_at:end], reply[end:ids_at], reply[ids_at:],
    )  # fmt: skip


def swarm_key(info_hash: bytes) -> bytes:
    """The key that each swarm with peers has."""
    return PREFIX + info_hash.hex().encode() + b"}"


def count_command(swarms: Sequence[bytes]) -> bytes:
    """What is sent to Redis to have the swarms of these keys counted."""
    words = [b"EVALSHA", digest(COUNT), b"%d" % len(swarms), *swarms]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(w), w) for w in words)


def read_counts(reply: bytes) -> list[ScrapeResult]:
    """Read what `COUNT` gives, in the order of the keys; ValueError when it is something else."""
    if not isinstance(reply, bytes) or len(reply) % _COUNTS.size:
        raise ValueError("no counts of swarms")
    return [ScrapeResult(*numbers) for numbers in _COUNTS.iter_unpack(reply)]
