"""A torrent to announce for, where the test says how it stands."""

from txtorrent.tracker.interfaces import Totals


class Owner:
    """Stands as the test says in `now`, and notes what it is told."""

    def __init__(self, now: Totals) -> None:
        self.now = now
        self.peers = []
        self.numbers = []
        self.changes = 0

    def totals(self) -> Totals:
        return self.now

    def counted(self, seeders, leechers) -> None:
        self.numbers.append((seeders, leechers))

    def found_peers(self, source, addresses) -> None:
        self.peers.append((source, addresses))

    def trackers_changed(self) -> None:
        self.changes += 1
