"""A swarm in Redis: its keys, the scripts that change and count it, and what they are told.

The keys of a swarm have its info-hash in hexadecimal between braces, so that a cluster would keep
them in one place:

``txtorrent:{HASH}``
    A hash: of each peer (id and key, 24 bytes) a record: the number of its pool, whether its
    `completed` was counted, and its IPv4 and its IPv6 address, each with the second up to which it
    is true.
``txtorrent:{HASH}:s4`` ``:s6`` ``:sb`` ``:l4`` ``:l6`` ``:lb``
    Sorted sets, the pools. A peer is in exactly one, by what it is (seed or leecher) and by where
    it can be reached (IPv4, IPv6 or both); the score is the second up to which it is known. So the
    sizes of the pools are the counts, what is too old is found at once, and peers of a family can
    be drawn from among all of them.
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

KEEP_COMPLETED: Final = 90 * 24 * 3600
"""Seconds that the count of completed outlives the last announce. It is what says that a torrent
was ever of use, and should not begin anew because its last seed is on holidays; but anybody may
announce anything, and a count takes 150 bytes."""
MOST_EXPIRED: Final = 1000
"""Peers of a pool taken out by one announce, at a microsecond each; Redis does nothing else
meanwhile. What is left is not counted, and the next announces take it."""
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
local swarm = KEYS[1]
local peer, family, left, event, ids, numwant, lifetime, chance, at =
    struct.unpack('>c24BBBBI2I4I4', ARGV[1])
local address = string.sub(ARGV[1], at)
local now = tonumber(redis.call('TIME')[1])
local POOLS = {{'s4', 's6', 'sb', 'l4', 'l6', 'lb'}}
local RECORD = '>BBI4c6I4c18'

local size = {{}}
for _, pool in ipairs(POOLS) do
    local key = swarm .. ':' .. pool
    local number = redis.call('ZCARD', key)
    if number > 0 then
        local old = redis.call('ZRANGEBYSCORE', key, '-inf', now, 'LIMIT', 0, {MOST_EXPIRED})
        if #old > 0 then
            redis.call('ZREM', key, unpack(old))
            redis.call('HDEL', swarm, unpack(old))
            number = number - #old
            if #old == {MOST_EXPIRED} then
                number = redis.call('ZCOUNT', key, '(' .. now, '+inf')
            end
        end
    end
    size[pool] = number
end

-- Taken out first, so that it cannot be drawn for itself.
local was_seed, counted = false, 0
local until4, host4, until6, host6 = 0, string.rep('\\0', 6), 0, string.rep('\\0', 18)
local before = redis.call('HGET', swarm, peer)
if before then
    local number
    number, counted, until4, host4, until6, host6 = struct.unpack(RECORD, before)
    local pool = POOLS[number]
    if redis.call('ZREM', swarm .. ':' .. pool, peer) == 1
            and (until4 > now or until6 > now) then
        size[pool] = size[pool] - 1
        was_seed = number <= 3
    end
end

-- From each pool in proportion to its size; what that leaves over of a peer goes by chance.
local drawn = {{}}
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
            for _, each in ipairs(redis.call('ZRANDMEMBER', swarm .. ':' .. pool, upto - given)) do
                drawn[#drawn + 1] = each
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

local places, names = {{[4] = {{}}, [6] = {{}}}}, {{[4] = {{}}, [6] = {{}}}}
if #drawn > 0 then
    local seen = {{[address] = true, [family == 4 and host6 or host4] = true}}
    local records = redis.call('HMGET', swarm, unpack(drawn))
    for i = 1, #drawn do
        if records[i] then
            local _, _, its4, place4, its6, place6 = struct.unpack(RECORD, records[i])
            local kind, place = 4, place4
            if its4 <= now or (family == 6 and its6 > now) then kind, place = 6, place6 end
            if (its4 > now or its6 > now) and not seen[place] then
                seen[place] = true
                table.insert(places[kind], place)
                if ids == 1 then table.insert(names[kind], string.sub(drawn[i], 1, 20)) end
            end
        end
    end
end

local function keep(key)
    if redis.call('TTL', key) <= lifetime then redis.call('EXPIRE', key, lifetime + 1) end
end
local completed
if event == 3 then
    if before then redis.call('HDEL', swarm, peer) end
else
    if family == 4 then
        until4, host4 = now + lifetime, address
    else
        until6, host6 = now + lifetime, address
    end
    local number = left == 0 and 1 or 4
    if until4 <= now then number = number + 1 elseif until6 > now then number = number + 2 end
    local counts = event == 1 and counted == 0 and not was_seed
    if counts then counted = 1 end
    redis.call('HSET', swarm, peer,
               struct.pack(RECORD, number, counted, until4, host4, until6, host6))
    local pool = POOLS[number]
    redis.call('ZADD', swarm .. ':' .. pool, math.max(until4, until6), peer)
    size[pool] = size[pool] + 1
    keep(swarm)
    keep(swarm .. ':' .. pool)
    if counts then completed = redis.call('INCR', swarm .. ':c') end
end
if completed then
    redis.call('EXPIRE', swarm .. ':c', {KEEP_COMPLETED})
else
    completed = tonumber(redis.call('GETEX', swarm .. ':c', 'EX', {KEEP_COMPLETED}) or 0)
end

return struct.pack('>I4I4I4I2I2', size.s4 + size.s6 + size.sb, size.l4 + size.l6 + size.lb,
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
    """What is sent to Redis for an announce; `chance` is 32 random bits."""
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
