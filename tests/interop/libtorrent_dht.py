"""One node of libtorrent's DHT in a process of its own: python libtorrent_dht.py JOB, in JSON.

Each line on standard input is a JSON list: a command and its arguments. Each line that it writes
is one, too: what happened and the particulars, bytes in hex. The end of standard input ends it.
"""

import json
import os
import queue
import sys
import threading
from typing import Any

LOOK_EVERY = 0.05


def settings(job: dict[str, Any]) -> dict[str, Any]:
    """The DHT alone, on one loopback address, among others of the same network."""
    return {
        "listen_interfaces": f"{job['host']}:{job['port']}",
        "outgoing_interfaces": job["host"],
        "enable_dht": True,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "dht_bootstrap_nodes": "",
        "dht_restrict_routing_ips": False,
        "dht_restrict_search_ips": False,
        "dht_enforce_node_id": False,
        "dht_prefer_verified_node_ids": False,
        "dht_ignore_dark_internet": False,
        "dht_announce_interval": 60,
        "alert_mask": 0x1 | 0x40 | 0x400 | 0x40000,
    }


def obey(lt: Any, session: Any, word: str, *args: Any) -> None:
    """Carry out one command."""
    if word == "node":
        session.add_dht_node((args[0], args[1]))
    elif word == "announce":
        session.dht_announce(lt.sha1_hash(bytes.fromhex(args[0])), args[1], 0)
    elif word == "peers":
        session.dht_get_peers(lt.sha1_hash(bytes.fromhex(args[0])))
    elif word == "get immutable":
        session.dht_get_immutable_item(lt.sha1_hash(bytes.fromhex(args[0])))
    elif word == "put immutable":
        say("target", str(session.dht_put_immutable_item(args[0])))
    elif word == "get mutable":
        session.dht_get_mutable_item(bytes.fromhex(args[0]), args[1].encode())
    elif word == "put mutable":
        private, public = bytes.fromhex(args[0]), bytes.fromhex(args[1])
        session.dht_put_mutable_item(private, public, args[2].encode(), args[3].encode())
    elif word == "stats":
        session.post_dht_stats()


def tell(alert: Any) -> None:
    """Say what an alert says, if it is one of the DHT's."""
    kind = type(alert).__name__
    if kind == "dht_get_peers_reply_alert":
        say("peers", str(alert.info_hash), [list(peer) for peer in alert.peers()])
    elif kind == "dht_immutable_item_alert":
        say("immutable", str(alert.target), repr(alert.item))
    elif kind == "dht_mutable_item_alert":
        say("mutable", repr(alert.item), alert.seq, alert.authoritative)
    elif kind == "dht_put_alert":
        say("put", alert.num_success)
    elif kind == "dht_stats_alert":
        say("nodes", sum(bucket["num_nodes"] for bucket in alert.routing_table))


def say(*words: object) -> None:
    """Write one line at once."""
    print(json.dumps(words), flush=True)


def read(commands: "queue.Queue[str | None]") -> None:
    """Hand over what standard input says, and its end."""
    for line in sys.stdin:
        commands.put(line)
    commands.put(None)


def main() -> None:
    import libtorrent as lt

    job = json.loads(sys.argv[1])
    session = lt.session(settings(job))
    commands: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=read, args=(commands,), daemon=True).start()
    listening = False
    while True:
        try:
            line = commands.get(timeout=LOOK_EVERY)
            if line is None:
                os._exit(0)
            obey(lt, session, *json.loads(line))
        except queue.Empty:
            pass
        if session.is_listening() and session.is_dht_running() and not listening:
            listening = True
            say("listening")
        for alert in session.pop_alerts():
            tell(alert)


if __name__ == "__main__":
    main()
