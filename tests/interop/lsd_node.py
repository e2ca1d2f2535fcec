"""One who looks for peers on its network: python lsd_node.py ours|libtorrent ADDRESS PORT INFOHASH.

Writes `ready` when it listens, takes part when it reads a line, and writes `found HOST:PORT` for
each peer that it hears of, until it is killed.
"""

import re
import sys
import threading
import time


def ours(address: str, port: int, info_hash: bytes) -> None:
    from random import SystemRandom

    from twisted.internet import reactor

    from txtorrent.discovery.lsd import LocalDiscovery

    def found(info_hash: bytes, peer: object) -> None:
        print("found", peer, flush=True)

    local = LocalDiscovery(reactor, SystemRandom(), lambda: port, found, address)

    def wait() -> None:
        sys.stdin.readline()
        reactor.callFromThread(local.join, info_hash)

    local.start()
    print("ready", flush=True)
    threading.Thread(target=wait, daemon=True).start()
    reactor.run()


def libtorrent(address: str, port: int, info_hash: bytes) -> None:
    import libtorrent as lt

    host = f"[{address}]" if ":" in address else address
    session = lt.session(
        {
            "listen_interfaces": f"{host}:{port}",
            "enable_dht": False,
            "enable_upnp": False,
            "enable_natpmp": False,
            "enable_lsd": True,
            "local_service_announce_interval": 2,
            "alert_mask": lt.alert.category_t.session_log_notification,
        }
    )
    while not session.is_listening():
        time.sleep(0.05)
    print("ready", flush=True)
    sys.stdin.readline()
    wanted = lt.parse_magnet_uri(f"magnet:?xt=urn:btih:{info_hash.hex()}")
    wanted.save_path = "."
    session.add_torrent(wanted)
    while True:
        for alert in session.pop_alerts():
            # The binding does not show the alert that there is for this.
            heard = re.match(r"<== LSD: (\S+) ih: (\w+)", alert.message())
            if heard is not None and heard[2] == info_hash.hex():
                print("found", heard[1], flush=True)
        time.sleep(0.05)


if __name__ == "__main__":
    sys.path.pop(0)  # this folder, whose modules are not meant
    {"ours": ours, "libtorrent": libtorrent}[sys.argv[1]](
        sys.argv[2], int(sys.argv[3]), bytes.fromhex(sys.argv[4])
    )
