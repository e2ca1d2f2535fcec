"""Simulated TCP: how connections end, and how bytes and back-pressure travel."""

# mypy: ignore-errors
# trial's assertions have no types, so a test among the checked doubles cannot be strict.

from twisted.internet import tcp
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.protocol import Factory

from tests.testing.pair import Notes, Pair
from tests.testing.stream import SOCKET_BUFFER


class Closing(Pair):
    def test_done_on_both_sides_once(self):
        client, served = self.connect()
        client.transport.loseConnection()
        client.transport.loseConnection()
        self.assertEqual(client.lost, [])
        self.clock.advance(1)
        self.assertEqual((client.lost, served.lost), ([ConnectionDone], [ConnectionDone]))

    def test_what_was_written_arrives(self):
        client, served = self.connect()
        data = bytes(1_000_000)
        client.transport.write(data)
        client.transport.loseConnection()
        self.clock.advance(10)
        self.assertEqual(served.received, data)
        self.assertEqual((client.lost, served.lost), ([ConnectionDone], [ConnectionDone]))

    def test_abort(self):
        client, served = self.connect()
        client.transport.write(b"never sent")
        client.transport.abortConnection()
        self.assertEqual(client.lost, [])
        self.clock.advance(1)
        self.assertEqual(served.chunks, [])
        self.assertEqual([kind.__name__ for kind in client.lost], ["ConnectionAborted"])
        self.assertEqual(served.lost, [ConnectionLost])

    def test_reset(self):
        client, served = self.connect()
        self.network.reset(self.a)
        self.assertEqual((client.lost, served.lost), ([], []))
        self.clock.advance(1)
        self.assertEqual((client.lost, served.lost), ([ConnectionLost], [ConnectionLost]))

    def test_never_inside_write(self):
        client, served = self.connect()
        served.dataReceived = lambda data: served.transport.abortConnection()
        for _ in range(3):
            client.transport.write(b"x")
            self.assertEqual((client.lost, served.lost), ([], []))
        self.clock.advance(1)
        client.transport.write(b"x")
        self.assertEqual(client.lost, [ConnectionLost])

    def test_an_error_in_the_protocol_ends_its_connection(self):
        client, served = self.connect()
        served.dataReceived = lambda data: 1 // 0
        client.transport.write(b"x")
        self.clock.advance(1)
        self.assertEqual(served.lost, [ZeroDivisionError])
        self.assertEqual(len(client.lost), 1)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_closed_with_something_unread(self):
        client, served = self.connect()
        served.transport.pauseProducing()
        client.transport.write(b"unread")
        self.clock.advance(1)
        served.transport.loseConnection()
        self.clock.advance(1)
        self.assertEqual((client.lost, served.lost), ([ConnectionDone], [ConnectionDone]))

    def test_writing_to_the_closed(self):
        client, served = self.connect()
        client.transport.pauseProducing()
        served.transport.loseConnection()
        self.clock.advance(1)
        client.transport.write(b"x")
        self.clock.advance(1)
        self.assertEqual(client.lost, [])
        client.transport.write(b"x")
        self.clock.advance(1)
        self.assertEqual(client.lost, [ConnectionLost])


class Data(Pair):
    def test_bytes_only(self):
        client, _ = self.connect()
        for wrong in (bytearray(b"x"), memoryview(b"x"), "x", None):
            self.assertRaises(TypeError, client.transport.write, wrong)

    def test_written_at_once_arrives_at_once(self):
        client, served = self.connect()
        for piece in (b"a", b"b", b"c"):
            client.transport.write(piece)
        client.transport.writeSequence([b"d", b"e"])
        self.clock.advance(1)
        self.assertEqual(served.chunks, [b"abcde"])

    def test_chunks_of_buffer_size(self):
        client, served = self.connect()
        served.transport.bufferSize = 100_000
        client.transport.write(bytes(250_000))
        self.clock.advance(1)
        self.assertEqual(len(served.received), 250_000)
        self.assertLessEqual(max(map(len, served.chunks)), 100_000)

    def test_a_paused_receiver_stops_the_sender(self):
        client, served = self.connect()
        served.transport.pauseProducing()
        data = bytes(range(256)) * 4096
        client.transport.write(data)
        self.clock.advance(60)
        self.assertEqual(served.chunks, [])
        waiting = len(client.transport.dataBuffer) + client.transport._tempDataLen
        self.assertEqual(waiting - client.transport.offset, len(data) - SOCKET_BUFFER)
        served.transport.resumeProducing()
        self.assertEqual(served.chunks, [])
        self.clock.advance(60)
        self.assertEqual(served.received, data)

    def test_written_between_the_reading_and_the_news_of_it(self):
        client, served = self.connect()
        client.transport.write(bytes(SOCKET_BUFFER))
        self.clock.advance(0.015)
        self.assertEqual(len(served.received), SOCKET_BUFFER)
        client.transport.write(b"x")
        self.clock.advance(1)
        self.assertEqual(len(served.received), SOCKET_BUFFER + 1)

    def test_push_producer(self):
        client, served = self.connect()
        story = []

        class Push:
            def pauseProducing(self):
                story.append("pause")

            def resumeProducing(self):
                story.append("resume")

            def stopProducing(self):
                story.append("stop")

        client.transport.registerProducer(Push(), True)
        client.transport.write(bytes(client.transport.bufferSize))
        self.assertEqual(story, [])
        client.transport.write(b"x")
        self.assertEqual(story, ["pause"])
        self.clock.advance(1)
        self.assertEqual(story, ["pause", "resume"])
        served.transport.loseConnection()
        self.clock.advance(1)
        self.assertEqual(story, ["pause", "resume", "stop"])

    def test_pull_producer(self):
        client, served = self.connect()
        served.transport.pauseProducing()
        given = []

        class Pull:
            def resumeProducing(self):
                given.append(16384)
                client.transport.write(bytes(16384))

            def stopProducing(self):
                pass

        client.transport.registerProducer(Pull(), False)
        self.clock.advance(60)
        self.assertLessEqual(sum(given), SOCKET_BUFFER + 16384)
        self.assertGreater(sum(given), SOCKET_BUFFER // 2)
        served.transport.resumeProducing()
        self.clock.advance(1)
        self.assertGreater(sum(given), 4 * SOCKET_BUFFER)
        client.transport.abortConnection()
        self.clock.advance(1)

    def test_tcp_options_are_remembered(self):
        client, _ = self.connect()
        client.transport.setTcpNoDelay(True)
        client.transport.setTcpKeepAlive(True)
        self.assertTrue(client.transport.getTcpNoDelay() and client.transport.getTcpKeepAlive())

    def test_a_transport_of_ones_own(self):
        class Scattered(tcp.Server):
            """Sends what is written as buffers side by side, received into one of its own."""

            def writeSomeData(self, data):
                view = memoryview(data)
                return self.socket.sendmsg([view[:1], view[1:]])

        self.port.transport = Scattered
        client, served = self.connect()
        data = bytes(range(256)) * 4096
        served.transport.write(data)
        self.clock.advance(10)
        self.assertEqual(client.received, data)

    def test_received_into(self):
        client, served = self.connect()
        served.transport.pauseProducing()
        client.transport.write(b"hello")
        self.clock.advance(1)
        buffer = bytearray(8)
        sim = served.transport.getHandle()
        self.assertEqual(sim.recv_into(memoryview(buffer)[2:]), 5)
        self.assertEqual(buffer, b"\0\0hello\0")
        self.assertRaises(BlockingIOError, sim.recv, 1)

    def test_to_itself(self):
        for host in ("10.0.0.1", "127.0.0.1", "0.0.0.0"):
            endpoint = TCP4ClientEndpoint(self.a, host, 6881)
            client = self.clock.result_of(endpoint.connect(Factory.forProtocol(Notes)))
            client.transport.write(b"x")
            self.clock.advance(1)
            self.assertEqual(self.server.built[-1].chunks, [b"x"])
