"""The pieces that a peer may request while it is choked (BEP 6)."""

from tests.swarms.case import SwarmCase
from tests.testing.fakepeer import FakePeer
from txtorrent.wire import messages as m


class Granted(SwarmCase):
    def test_each_is_granted_once_however_often_a_bitfield_comes(self):
        """aria2 sends its bitfield again and again."""
        swarm = self.swarm(2_000_000)
        seed = swarm.add_seed()
        swarm.run(1)
        peer = FakePeer(swarm.network.host("20.9.0.1"), swarm.payload.metainfo)
        peer.after_greeting = [m.HaveNone()]
        peer.dial(seed.address)
        swarm.run(1)
        granted = [each for each in peer.heard if isinstance(each, m.AllowedFast)]
        self.assertEqual(len(granted), 10)
        peer.say(m.Bitfield(b"\x80\0\0\0"), m.Bitfield(b"\xc0\0\0\0"))
        swarm.run(1)
        again = [each for each in peer.heard if isinstance(each, m.AllowedFast)]
        self.assertEqual(again, granted)
        peer.stop()
