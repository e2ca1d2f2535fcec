"""The search for a router's UPnP description: how long it takes, and how often is asked."""

from tests.discovery.portmapcase import Case
from tests.discovery.routers import URL
from txtorrent.discovery.mapping import NoAnswerError
from txtorrent.discovery.ssdp import TRIES, WAIT, Search
from txtorrent.wire.ssdp import TARGETS


class SearchTests(Case):
    def search(self) -> Search:
        return Search(self.us, "192.168.1.1", self.ours)

    def test_over_with_the_first_answer(self) -> None:
        router = self.ssdp()
        before = self.clock.seconds()
        self.assertEqual(self.clock.result_of(self.search().run()), URL)
        self.assertLess(self.clock.seconds() - before, WAIT)
        self.assertEqual(len(router.searches), len(TARGETS))

    def test_not_answered(self) -> None:
        router = self.ssdp("http://192.168.1.66/desc.xml")
        before = self.clock.seconds()
        with self.assertRaises(NoAnswerError):
            self.clock.result_of(self.search().run())
        self.assertEqual(self.clock.seconds() - before, TRIES * WAIT)
        self.assertEqual(len(router.searches), TRIES * len(TARGETS))
