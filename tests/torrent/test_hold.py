"""Nothing is requested while somebody has a reason for that, such as a full disk."""

import errno

from tests.peer.sessioncase import SessionCase
from tests.testing.fakepeer import Request
from txtorrent.wire import messages as m


class Hold(SessionCase):
    def test_no_request_until_there_is_space(self):
        """Not by what arrives, not by an unchoke, not by the look of every second."""
        leecher = self.swarm.add_leecher()
        self.clock.advance(1)
        fake = self.fake(leecher, "20.60.0.1", m.HaveAll(), m.Unchoke())
        self.run_until(lambda: fake.of(Request))
        leecher.parts.disk_full(OSError(errno.ENOSPC, "No space left on device"))
        asked = fake.of(Request)
        fake.say(*map(fake.block, asked), m.Choke(), m.Unchoke())
        self.clock.advance(10)
        self.assertEqual(fake.of(Request), asked)
        leecher.parts.disk_has_space()
        self.clock.advance(1)
        self.assertGreater(len(fake.of(Request)), len(asked))

    def test_for_two_reasons(self):
        leecher = self.swarm.add_leecher()
        self.clock.advance(1)
        exchange = leecher.parts.exchange
        exchange.hold(True, "space")
        leecher.parts.disk_full(OSError(errno.ENOSPC, "No space left on device"))
        fake = self.fake(leecher, "20.60.0.1", m.HaveAll(), m.Unchoke())
        self.clock.advance(5)
        leecher.parts.disk_has_space()
        self.clock.advance(5)
        self.assertEqual(fake.of(Request), [])
        exchange.hold(False, "space")
        self.clock.advance(1)
        self.assertNotEqual(fake.of(Request), [])
