"""Peers that are not as they should be: changes of a torrent's parts, for `Swarm.add`."""

from twisted.internet.defer import Deferred

from txtorrent.metainfo.pieces import BLOCK


def corrupting(blocks, most=1_000_000):
    """A change of the parts: of each piece, these blocks are served with a bit flipped, but only
    so many in all."""

    def change(parts):
        store = parts._store
        cached, read = store.read_cached, store.read

        def flip(data, begin):
            """One read may bring several blocks."""
            nonlocal most
            for at in range(-begin % BLOCK, len(data), BLOCK):
                if (begin + at) // BLOCK in blocks and most:
                    most -= 1
                    data[at] ^= 1

        def flipped(data, begin):
            changed = bytearray(data)
            flip(changed, begin)
            return bytes(changed)

        def cached_but_flipped(piece, begin, into):
            found = cached(piece, begin, into)
            if found:
                flip(into, begin)
            return found

        store.read_cached = cached_but_flipped
        store.read = lambda piece, begin, length: read(piece, begin, length).addCallback(
            flipped, begin
        )

    return change


def silent(parts):
    """Unchokes, and answers no request from now on."""
    store = parts._store
    store.read_cached = lambda piece, begin, into: False
    store.read = lambda piece, begin, length: Deferred()


def free_riding(parts):
    """Never unchokes anybody."""
    parts.choking.tick = lambda now: None
    parts.choking.interest_changed = lambda link, now: None


def short_of_memory(limit):
    """A change of the parts: the session has this many bytes of buffers."""

    def change(parts):
        parts.exchange._buffers._limit = limit

    return change
