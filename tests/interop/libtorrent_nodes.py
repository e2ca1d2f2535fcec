"""A small DHT of libtorrent's nodes in one process: python libtorrent_nodes.py JOB, in JSON.

The job is a list of hosts and ports, a node each. Each line that it writes is a JSON list: `ready`
when the nodes know each other; `peers`, an info-hash and its peers, whenever a line on standard
input has asked for the info-hash. The end of standard input ends it.
"""

import json
import os
import queue
import sys
import threading
from typing import Any

from tests.interop.libtorrent_dht import LOOK_EVERY, read, say, settings

HASTE = {"dht_block_ratelimit": 10_000, "dht_upload_rate_limit": 10_000_000}
"""Nobody here asks too much, nor has to wait."""
ENOUGH = 8
"""Nodes of its table from which on a node may be taken to know the network: a bucket full."""


def introduce(sessions: list[Any], addresses: list[list[Any]]) -> None:
    """Have each ping all others."""
    for own, session in zip(addresses, sessions, strict=True):
        for address in addresses:
            if address is not own:
                session.add_dht_node(tuple(address))


def tell(alert: Any) -> int:
    """Say what an alert says of peers; how many nodes there are, if it says that, else 0."""
    kind = type(alert).__name__
    if kind == "dht_get_peers_reply_alert":
        say("peers", str(alert.info_hash), [list(peer) for peer in alert.peers()])
    elif kind == "dht_stats_alert":
        return sum(bucket["num_nodes"] for bucket in alert.routing_table)
    return 0


def main() -> None:
    import libtorrent as lt

    addresses = json.loads(sys.argv[1])
    jobs = [{"host": host, "port": port} for host, port in addresses]
    sessions = [lt.session({**settings(job), **HASTE}) for job in jobs]
    known = [0] * len(sessions)
    commands: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=read, args=(commands,), daemon=True).start()
    introduced = ready = False
    while True:
        try:
            line = commands.get(timeout=LOOK_EVERY)
            if line is None:
                os._exit(0)
            sessions[0].dht_get_peers(lt.sha1_hash(bytes.fromhex(line)))
        except queue.Empty:
            pass
        if not introduced and all(s.is_listening() and s.is_dht_running() for s in sessions):
            introduced = True
            introduce(sessions, addresses)
        for number, session in enumerate(sessions):
            if introduced and not ready:
                session.post_dht_stats()
            for alert in session.pop_alerts():
                known[number] = max(known[number], tell(alert))
        if not ready and min(known) >= min(ENOUGH, len(sessions) - 1):
            ready = True
            say("ready")


if __name__ == "__main__":
    main()
