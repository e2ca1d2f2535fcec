"""What sink.c does, for machines without a C compiler; slower, so that it says so.

python sink.py INFO_HASH_HEX TOTAL_BYTES PIECE_BYTES CONNECTIONS < "connect HOST PORT"
"""

import selectors
import socket
import struct
import sys
import time
from collections.abc import Iterator
from typing import Final

BLOCK: Final = 16384
WINDOW: Final = 250
READ: Final = 1 << 20
CHOKE, UNCHOKE, PIECE = 0, 1, 7
_REQUEST: Final = struct.Struct(">IBIII")
_PIECE: Final = struct.Struct(">IBII")
_began = False


def say(event: str) -> None:
    print(f"{event} {time.monotonic():.6f}", flush=True)


class Sink:
    """One connection. It asks for every block once, beginning at its own place."""

    def __init__(self, number: int, first: int, total: int, piece: int) -> None:
        self._total, self._piece, self._first = total, piece, first
        self._blocks = -(-total // BLOCK)
        self._asked = self._got = self._sum = self._skip = 0
        self._choked = True
        self._head = bytearray()
        self.socket = socket.socket()
        self.socket.bind((f"127.0.2.{number + 1}", 0))
        self._peer_id = b"-BM0001-%012d" % number

    def dial(self, info_hash: bytes, address: tuple[str, int]) -> None:
        """Connect and shake hands."""
        self.socket.connect(address)
        hello = b"\x13BitTorrent protocol" + bytes(8) + info_hash + self._peer_id
        self.socket.sendall(hello)
        while len(self._head) < 68:
            self._head += self.socket.recv(68 - len(self._head)) or self._lost()
        self._head.clear()
        self.socket.sendall(b"\0\0\0\1\2")

    def take(self, data: memoryview) -> bool:
        """Discard what came and ask for more; True when everything came once."""
        while data:
            if self._skip:
                eaten = min(self._skip, len(data))
                self._skip -= eaten
                data = data[eaten:]
                continue
            lacks = self._lacks()
            self._head += data[:lacks]
            data = data[lacks:]
            if not self._lacks():
                self._on_head()
        if self._got < self._blocks or self._skip:
            self._ask_more()
            return False
        if self._sum != self._blocks * (self._blocks - 1) // 2:
            raise SystemExit("sink: blocks came twice")
        self.socket.sendall(b"\0\0\0\1\3")  # not interested: others may have the slot
        return True

    def _lacks(self) -> int:
        """Bytes that the head lacks before it says what comes."""
        wanted = 4
        if len(self._head) >= 4 and any(self._head[:4]):
            wanted = 13 if self._head[4:5] == bytes([PIECE]) else 5
        return wanted - len(self._head)

    def _on_head(self) -> None:
        length = int.from_bytes(self._head[:4], "big")
        self._skip = 4 + length - len(self._head)
        if length:
            self._on_message(length, self._head[4])
        self._head.clear()

    def _on_message(self, length: int, kind: int) -> None:
        if kind == PIECE:
            self._on_piece(length)
        elif kind == UNCHOKE:
            self._choked = False
        elif kind == CHOKE:  # the requests under way are gone; answers come in order
            self._choked = True
            self._asked = self._got

    def _on_piece(self, length: int) -> None:
        global _began
        _, _, index, begin = _PIECE.unpack(self._head)
        block = (index * self._piece + begin) // BLOCK
        if block >= self._blocks or length != 9 + self._size(block):
            raise SystemExit("sink: a block that nobody asked for")
        if not _began:
            _began = True
            say("first")
        self._got += 1
        self._sum += block

    def _size(self, block: int) -> int:
        return min(BLOCK, self._total - block * BLOCK)

    def _ask_more(self) -> None:
        room = WINDOW - (self._asked - self._got)
        if not self._choked and room * 4 >= WINDOW:
            numbers = range(self._asked, min(self._asked + room, self._blocks))
            self._asked += len(numbers)
            self.socket.sendall(b"".join(self._requests(numbers)))

    def _requests(self, numbers: range) -> Iterator[bytes]:
        for number in numbers:
            block = (number + self._first) % self._blocks
            index, begin = divmod(block * BLOCK, self._piece)
            yield _REQUEST.pack(13, 6, index, begin, self._size(block))

    @staticmethod
    def _lost() -> bytes:
        raise SystemExit("sink: the client closed the connection")


def main() -> None:
    info_hash, total, piece, connections = bytes.fromhex(sys.argv[1]), *map(int, sys.argv[2:5])
    blocks = -(-total // BLOCK)
    sinks = [Sink(i, blocks // connections * i, total, piece) for i in range(connections)]
    say("ready")
    _, host, port = sys.stdin.readline().split()
    buffer = memoryview(bytearray(READ))
    with selectors.DefaultSelector() as selector:
        for sink in sinks:
            sink.dial(info_hash, (host, int(port)))
            selector.register(sink.socket, selectors.EVENT_READ, sink)
        while selector.get_map():
            for key, _ in selector.select():
                size = key.data.socket.recv_into(buffer)
                if not size:
                    raise SystemExit("sink: the client closed the connection")
                if key.data.take(buffer[:size]):
                    selector.unregister(key.fileobj)
    say("done")
    sys.stdin.read()  # the connections stay until it is over: their end costs CPU


if __name__ == "__main__":
    main()
