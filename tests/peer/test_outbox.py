"""What waits to be sent: in order, whole, whatever the kernel takes at a time."""

import errno
from random import Random

from twisted.internet import main
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.peer.outbox import MOST_BUFFERS, Outbox


class Kernel:
    """A transport and its socket in one; takes as many bytes at a time as `room` says."""

    def __init__(self):
        self.room = []
        self.got = b""
        self.calls = []
        self.error = None
        self.connected = True
        self.disconnecting = False
        self.writing = False

    def getHandle(self):
        return self

    def sendmsg(self, buffers):
        self.calls.append(len(buffers))
        if self.error:
            raise OSError(self.error, "no")
        data = b"".join(buffers)
        taken = data[: self.room.pop(0)] if self.room else data
        self.got += taken
        return len(taken)

    def startWriting(self):
        self.writing = True

    def stopWriting(self):
        self.writing = False


class OutboxTests(SynchronousTestCase):
    def setUp(self):
        self.kernel = Kernel()
        self.refills = []
        self.more = False
        self.outbox = Outbox(self.kernel, self.refill)

    def refill(self):
        self.refills.append(self.outbox.size)
        return self.more

    def send(self, *parts):
        """Send from memory that holds something else as soon as that returns."""
        views = [memoryview(bytearray(part)) for part in parts]
        self.outbox.send(views, sum(map(len, parts)))
        for view in views:
            view[:] = b"!" * len(view)

    def may_send(self):
        """The reactor's word."""
        return self.kernel.doWrite()

    def test_a_message_goes_at_once(self):
        self.outbox.write(b"hello")
        self.assertEqual((self.kernel.got, self.outbox.size), (b"hello", 0))
        self.assertFalse(self.kernel.writing)

    def test_the_rest_waits_for_the_reactor(self):
        self.kernel.room = [2]
        self.outbox.write(b"hello")
        self.assertEqual((self.kernel.got, self.outbox.size), (b"he", 3))
        self.assertTrue(self.kernel.writing)
        self.assertIsNone(self.may_send())
        self.assertEqual((self.kernel.got, self.outbox.size), (b"hello", 0))
        self.assertFalse(self.kernel.writing)

    def test_nothing_overtakes_what_waits(self):
        self.kernel.room = [0]
        self.outbox.write(b"first")
        self.outbox.write(b"second")
        self.assertEqual(self.kernel.got, b"")
        self.may_send()
        self.assertEqual(self.kernel.got, b"firstsecond")

    def test_any_cut_keeps_order_and_bytes(self):
        """The kernel takes what it likes; nothing is lost, doubled or moved."""
        random = Random(5)
        for _ in range(50):
            self.setUp()
            parts = [random.randbytes(random.randrange(1, 300)) for _ in range(200)]
            self.kernel.room = [random.randrange(400) for _ in range(2000)]
            for at in range(0, 200, 20):
                self.send(*parts[at : at + 20])
            while self.outbox.size:
                self.may_send()
            self.assertEqual(self.kernel.got, b"".join(parts))
            self.assertEqual(self.outbox.taken, len(self.kernel.got))

    def test_blocks_go_in_one_call(self):
        self.send(*[b"x"] * 200)
        self.assertEqual((self.kernel.calls, self.outbox.size), ([200], 0))
        self.assertFalse(self.kernel.writing)

    def test_many_that_wait_go_in_one_call(self):
        self.kernel.room = [0]
        self.send(*[b"x"] * MOST_BUFFERS * 2)
        self.assertTrue(self.kernel.writing)
        self.may_send()
        self.may_send()
        self.assertEqual(self.kernel.calls[1:], [MOST_BUFFERS] * 2)

    def test_blocks_do_not_overtake_what_waits(self):
        self.kernel.room = [0]
        self.outbox.write(b"first")
        self.send(b"second")
        self.may_send()
        self.assertEqual(self.kernel.got, b"firstsecond")

    def test_blocks_are_asked_for_when_nothing_waits(self):
        """And only on the reactor's word: the peer reads, then."""
        self.kernel.room = [1, 1, 8]
        self.send(b"0123456789")
        self.may_send()
        self.assertEqual(self.refills, [])
        self.may_send()
        self.assertEqual(self.refills, [0])

    def test_more_comes_although_the_kernel_took_everything(self):
        """Else a seed would stand still as soon as its peer reads faster than it asks."""
        self.more = True
        self.send(b"x")
        self.outbox.want_refill()
        self.assertEqual((self.outbox.size, self.kernel.writing), (0, True))
        self.may_send()
        self.assertEqual((self.refills, self.kernel.writing), ([0], True))
        self.more = False
        self.may_send()
        self.assertFalse(self.kernel.writing)

    def test_full_kernel(self):
        self.kernel.error = errno.EAGAIN
        self.outbox.write(b"x")
        self.assertIsNone(self.may_send())
        self.assertEqual(self.outbox.size, 1)

    def test_broken_connection_is_told_to_the_reactor_only(self):
        """A write never ends a connection under the feet of who writes."""
        self.kernel.error = errno.EPIPE
        self.outbox.write(b"x")
        self.assertTrue(self.kernel.writing)
        self.assertIs(self.may_send(), main.CONNECTION_LOST)

    def test_a_hang_up_waits_for_what_was_written(self):
        self.kernel.room = [0]
        self.outbox.write(b"bye")
        self.kernel.disconnecting = True
        self.assertIs(self.may_send(), main.CONNECTION_DONE)
        self.assertEqual(self.kernel.got, b"bye")

    def test_gone(self):
        self.kernel.connected = False
        self.outbox.write(b"x")
        self.send(b"x")
        self.outbox.want_refill()
        self.outbox.clear()
        self.assertEqual((self.kernel.calls, self.outbox.size), ([], 0))
        self.assertFalse(self.kernel.writing)
