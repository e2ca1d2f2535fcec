"""One libtorrent session in a process of its own: python libtorrent_peer.py JOB, a JSON object.

Writes the lines `listening`, `downloading` and `complete` once each when they come true, and its
alerts, indented. A line `connect HOST PORT` on standard input has it dial, `announce` and `scrape`
have it ask its trackers, after `leave` it has no torrent, and says `left`; the end of standard
input ends it.

The job has a `torrent`, a path, or a `magnet` link. With `nodes` it looks for peers by the DHT,
with `exchanges` it tells its peers of each other; one that is `idle` asks nobody for pieces.
"""

import json
import os
import sys
import threading
import time
from typing import Any

from tests.interop.libtorrent_dht import settings as dht_settings

LOOK_EVERY = 0.05
ANNOUNCE_EVERY = 1.0
"""Seconds between announces to the DHT by one that has no peer: the first may come too early."""
ALERTS = 0x1 | 0x10 | 0x20 | 0x40
"""Errors, trackers, connections, status."""


def settings(job: dict[str, Any]) -> dict[str, Any]:
    """TCP without encryption on one address; it looks for peers where the job says so, alone."""
    return {
        **(dht_settings(job) if job.get("nodes") else {}),
        "listen_interfaces": ",".join(interfaces(job)),
        "outgoing_interfaces": ",".join([job["host"], *job.get("hosts", ())]),
        "enable_dht": bool(job.get("nodes")),
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "enable_incoming_utp": False,
        "enable_outgoing_utp": False,
        "in_enc_policy": 2,
        "out_enc_policy": 2,
        "allow_multiple_connections_per_ip": False,
        "min_reconnect_time": 1,
        "close_redundant_connections": not job.get("exchanges"),
        "alert_mask": ALERTS,
        **job.get("settings", {}),
    }


def interfaces(job: dict[str, Any]) -> list[str]:
    """Where to listen."""
    hosts = [job["host"], *job.get("hosts", ())]
    return [f"[{host}]:{job['port']}" if ":" in host else f"{host}:{job['port']}" for host in hosts]


def add(lt: Any, session: Any, job: dict[str, Any]) -> Any:
    """Add the torrent; what is in its directory is checked, unless in seed mode."""
    wanted = lt.parse_magnet_uri(job["magnet"]) if "magnet" in job else lt.add_torrent_params()
    if "torrent" in job:
        wanted.ti = lt.torrent_info(job["torrent"])
    wanted.save_path = job["directory"]
    flags = lt.torrent_flags
    wanted.flags = flags.disable_lsd
    wanted.flags |= 0 if job.get("nodes") else flags.disable_dht
    wanted.flags |= 0 if job.get("exchanges") else flags.disable_pex
    wanted.flags |= flags.upload_mode if job.get("idle") else 0
    if job.get("seed_mode"):
        wanted.flags |= flags.seed_mode
    return session.add_torrent(wanted)


def say(*words: object) -> None:
    """Write one line at once."""
    print(*words, flush=True)


def obey(session: Any, handle: Any, over: threading.Event) -> None:
    """Carry out what standard input says, and end with it."""
    for line in sys.stdin:
        word = line.split()
        if word[:1] == ["connect"]:
            handle.connect_peer((word[1], int(word[2])))
        elif word == ["announce"]:
            handle.force_reannounce()
        elif word == ["scrape"]:
            handle.scrape_tracker()
        elif word == ["leave"]:
            session.remove_torrent(handle)
    over.set()


def state(lt: Any, handle: Any) -> tuple[str, int]:
    """How far the torrent is, and how many peers it has."""
    try:
        status = handle.status()
    except RuntimeError:  # it was given up
        return "left", 0
    if status.is_seeding and status.state != lt.torrent_status.checking_files:
        return "complete", status.num_peers
    if status.state == lt.torrent_status.downloading:
        return "downloading", status.num_peers
    return "loading", status.num_peers


def main() -> None:
    import libtorrent as lt

    job = json.loads(sys.argv[1])
    session = lt.session(settings(job))
    for node in job.get("nodes", ()):
        session.add_dht_node(tuple(node))
    handle = add(lt, session, job)
    over = threading.Event()
    threading.Thread(target=obey, args=(session, handle, over), daemon=True).start()
    said: set[str] = set()
    next_announce = 0.0
    while not over.wait(LOOK_EVERY):
        news, peers = state(lt, handle)
        if session.is_listening() and "listening" not in said:
            said.add("listening")
            say("listening")
        if news not in said:
            said.add(news)
            say(news)
        if job.get("nodes") and not peers and time.monotonic() >= next_announce:
            next_announce = time.monotonic() + ANNOUNCE_EVERY
            handle.force_dht_announce()
        for alert in session.pop_alerts():
            say(" ", type(alert).__name__, alert.message())
    os._exit(0)  # libtorrent's farewell to trackers takes seconds


if __name__ == "__main__":
    main()
