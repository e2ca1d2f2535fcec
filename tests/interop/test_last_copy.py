"""A seed uploads little more than one copy of the content, to many, and leaves."""

from typing import Final

from tests.interop import samples
from tests.interop.case import InteropCase
from tests.interop.sessions import Node

LEECHERS: Final = 8
SIZE: Final = 24_000_000
PIECE: Final = 64 * 1024
RATE: Final = 3_000_000
"""Bytes/s of the seed: its leechers have time to tell each other what they have."""
MOST_COPIES: Final = 2.0
"""Of the content, that the seed may upload until every piece is in the swarm. About 1.4 is
usual: what each leecher had asked for before it knew of the others comes several times."""


class LastCopyTests(InteropCase):
    async def test_everyone_completes_without_the_seed(self) -> None:
        sample = samples.large(self.work, "content", SIZE, PIECE)
        seed = Node(self, "seed", upload_rate=RATE)
        sample.write(seed.directory)
        await seed.start(sample)
        await self.until("the seed has checked its content", lambda: seed.is_complete)
        leechers: list[Node] = []
        for number in range(LEECHERS):
            leecher = Node(self, f"leecher{number}")
            await leecher.start(sample, seed, *leechers)
            leechers.append(leecher)

        def swarm_has_all() -> bool:
            haves = [set(leecher.torrent.progress.have) for leecher in leechers]
            return len(set().union(*haves)) == sample.metainfo.geometry.piece_count

        await self.until("a copy is in the swarm", swarm_has_all)
        uploaded = seed.torrent.progress.uploaded.total
        await seed.stop()
        await self.until("all complete", lambda: all(each.is_complete for each in leechers))
        self.assertLess(uploaded, MOST_COPIES * SIZE)
        for leecher in leechers:
            self.assertEqual([], sample.differences(leecher.directory))
