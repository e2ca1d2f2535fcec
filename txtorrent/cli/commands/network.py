"""`network`: how peers find us, and how we find them, besides by trackers."""

from collections.abc import Iterable, Mapping
from typing import Any

import click

from txtorrent.cli import options
from txtorrent.cli.facts import show_facts
from txtorrent.cli.shell import Shell, pass_shell
from txtorrent.units import show_time

Sources = Mapping[str, Any]
"""What `tx_sources_get` answers."""


@click.command()
@options.as_json
@pass_shell
def network(shell: Shell, as_json: bool) -> None:
    """Show how peers find us, and how we find them.

    The ports that peers reach us at; the address that others say is ours, with how many say so;
    what the router was asked; local discovery, peer exchange and the DHT. What is on, these say:

    \b
      txtorrent settings port_forwarding_enabled on
      txtorrent settings lpd_enabled on
      txtorrent settings pex_enabled off
      txtorrent settings dht_enabled off
    """
    found = shell.api.call("tx_sources_get")
    if as_json:
        shell.say_json(found)
    else:
        show_facts(shell, _facts(found))


def _facts(found: Sources) -> Iterable[tuple[str, str]]:
    yield "Port for peers", f"TCP {found['tcp_port']}"
    yield "Port of the DHT", f"UDP {found['udp_port']}" if found["udp_port"] else "none"
    yield "Our address", "" if found["external"] else "not known yet: nobody has said it"
    for each in found["external"]:
        yield "Our address", _external(each)
    mappings = found["port_mapping"]
    yield "Router", "" if mappings else "not asked (port_forwarding_enabled is off)"
    for mapping in mappings:
        family = "IPv6 " if mapping["family"] == "ipv6" else ""
        yield f"Router, {family}{mapping['protocol'].upper()}", _mapping(mapping)
    yield from _local(found["lpd"])
    yield "Peer exchange", "on" if found["pex_enabled"] else "off"
    yield "DHT", dht_state(found) + ("; see `txtorrent dht`" if found["dht_enabled"] else "")


def _external(each: Mapping[str, Any]) -> str:
    votes = counted(each["votes"], "vote")
    return f"{each['host']}, {votes}" + ("" if each["is_believed"] else "; not believed")


def _mapping(each: Mapping[str, Any]) -> str:
    told = each["state"]
    if told == "mapped":
        host = each["external_host"] or "its address"
        life = f", for {show_time(each['lifetime'])} at a time" if each["lifetime"] else ""
        told = f"port {each['external_port']} of {host}, by {each['method']}{life}"
    return f"{told}: {each['error']}" if each["error"] else str(told)


def _local(local: Mapping[str, Any] | None) -> Iterable[tuple[str, str]]:
    if local is None:
        yield "Local discovery", "off (lpd_enabled)"
        return
    groups = ", ".join(local["listening"]) or "nothing"
    torrents = counted(local["torrents"], "torrent")
    yield "Local discovery", f"on, {torrents} announced, listening to {groups}"
    counts = f"{local['sent']} sent, {local['received']} received"
    yield "Its messages", counts + dropped(local["dropped"])
    for group, why in local["errors"].items():
        yield "Its trouble", f"{group}: {why}"


def dht_state(found: Sources) -> str:
    """Whether it is on, and if not, why."""
    if found["dht_trouble"]:
        return f"off: {found['dht_trouble'].removeprefix('no DHT: ')}"
    if not found["dht_enabled"]:
        return "off (dht_enabled)"
    return "on, only asking (dht_read_only)" if found["dht_read_only"] else "on"


def dropped(reasons: Mapping[str, int]) -> str:
    """ "; passed over: 3 malformed, 1 not wanted"; "" for none."""
    told = ", ".join(f"{count} {why.removeprefix('dropped: ')}" for why, count in reasons.items())
    return f"; passed over: {told}" if told else ""


def counted(count: int, what: str) -> str:
    """ "1 vote", "2 votes"."""
    return f"{count} {what}" + "s" * (count != 1)
