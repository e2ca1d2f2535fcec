"""`dht`: our node of the distributed hash table, and searches by hand (BEP 5, 33, 44, 51)."""

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import click

from txtorrent.cli import keyfile, options
from txtorrent.cli.commands.network import Sources, counted, dht_state, dropped
from txtorrent.cli.errors import Failed, Misused
from txtorrent.cli.facts import show_facts, show_rows
from txtorrent.cli.naming import complete, resolve
from txtorrent.cli.octets import KEY, SALT, TARGET, TARGET_SIZE
from txtorrent.cli.shell import Shell, pass_shell
from txtorrent.metainfo import magnet
from txtorrent.metainfo.errors import MetainfoError
from txtorrent.units import show_size, show_time

SEARCH_TIMEOUT: Final = 90.0
"""Seconds without an answer to a search: the daemon gives it up after sixty."""
USUAL: Final = "status"
"""What `txtorrent dht` alone does."""
FAMILIES: Final = {"ipv4": "IPv4", "ipv6": "IPv6"}
_OURS: Final = "dht_"


class Branch(click.Group):
    """A group whose first command is meant where none is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        is_help = bool(args) and args[0] in ctx.help_option_names
        if not args or (args[0].startswith("-") and not is_help):
            args = [USUAL, *args]
        return super().parse_args(ctx, args)


@click.group(cls=Branch)
def dht() -> None:
    """Look at the DHT, and search it.

    Without a command: `txtorrent dht status`. Searches take some seconds, a minute at the most,
    and are refused for private torrents of ours.

    \b
    Examples:
      txtorrent dht
      txtorrent dht find --scrape debian
      txtorrent dht put 'Hello, world'
      txtorrent dht put --key-file my.key --new-key --salt news 'Version 2 is out'
    """


@dht.command()
@options.as_json
@pass_shell
def status(shell: Shell, as_json: bool) -> None:
    """Show our node of the DHT.

    Good nodes were heard of in the last 15 minutes. `From others` is what we keep for others:
    peers that were announced to us, and items that were stored with us.
    """
    found = shell.api.call("tx_sources_get")
    if as_json:
        known = {key: found[key] for key in found if key.startswith(_OURS)}
        shell.say_json({**known, "udp_port": found["udp_port"]})
        return
    show_facts(shell, _facts(found, shell.now()))
    for family in found["dht_families"]:
        click.echo()
        show_facts(shell, _family(family))


def _facts(found: Sources, now: float) -> Iterable[tuple[str, str]]:
    yield "DHT", dht_state(found)
    yield "Port", f"UDP {found['udp_port']}" if found["udp_port"] else ""
    if found["dht_enabled"]:
        yield "Torrents", _announces(found, now)


def _announces(found: Sources, now: float) -> str:
    told = f"{found['dht_torrents']} announced"
    if found["dht_announcing"]:
        told += f", {found['dht_announcing']} of them just now"
    if found["dht_next_announce"]:
        told += f", the next in {show_time(max(found['dht_next_announce'] - now, 0))}"
    return told


def _family(family: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    yield "Family", FAMILIES[family["family"]]
    yield "Node", family["node_id"]
    yield "Our address", family["host"] or "not known yet"
    yield "Nodes", f"{family['good']} good, {family['questionable']} questionable"
    peers, torrents = counted(family["peers"], "peer"), counted(family["torrents"], "torrent")
    yield "From others", f"{peers} of {torrents}, {counted(family['items'], 'item')}"
    lost = f"{family['unanswered']} unanswered, {family['refused']} refused"
    yield "We asked", f"{family['queries_out']}: {family['responses_in']} answered, {lost}"
    yield "We were asked", f"{family['queries_in']}: {family['replies_out']} answered"
    waiting = f", {family['waiting']} questions wait" if family["waiting"] else ""
    yield "Lookups", f"{family['lookups']} under way{waiting}"
    sizes = f"{show_size(family['bytes_in'])} in, {show_size(family['bytes_out'])} out"
    yield "Traffic", sizes + dropped(family["dropped"])
    blocked = family["blocked"]
    yield "Blocked", f"{blocked} that ask too much" if blocked else ""


@dht.command()
@options.as_json
@pass_shell
def nodes(shell: Shell, as_json: bool) -> None:
    """List the nodes that we know.

    Seen is how long ago each was heard of, RTT how long its last answer took. An id fits if it is
    one that the address may have (BEP 42), so that nobody can choose where in the DHT to be.
    """
    found = shell.api.call("tx_dht_table_get")["nodes"]
    if as_json:
        shell.say_json(found)
        return
    titles = ("Address", "Id", "State", "Seen", "RTT", "Fits")
    rows = (_node(each, shell.now()) for each in sorted(found, key=lambda each: each["id"]))
    show_rows(shell, titles, rows, left=("Address", "Id", "State", "Fits"))


def _node(node: Mapping[str, Any], now: float) -> Sequence[str]:
    return (
        _address(node),
        node["id"],
        node["state"],
        f"{show_time(max(now - node['last_seen'], 0))} ago",
        f"{node['rtt'] * 1000:.0f} ms",
        "yes" if node["fits"] else "no",
    )


def _address(each: Mapping[str, Any]) -> str:
    host = each["address"]
    return f"[{host}]:{each['port']}" if ":" in host else f"{host}:{each['port']}"


@dht.command()
@options.as_json
@pass_shell
def lookups(shell: Shell, as_json: bool) -> None:
    """List the lookups under way.

    They are for announces, for searches, and to get to know nodes (find_node).
    """
    found = shell.api.call("tx_dht_lookups_get")["lookups"]
    if as_json:
        shell.say_json(found)
        return
    titles = ("Target", "Question", "Family", "Asked", "Answered", "For")
    rows = (_lookup(each, shell.now()) for each in found)
    show_rows(shell, titles, rows, left=("Target", "Question", "Family"))


def _lookup(lookup: Mapping[str, Any], now: float) -> Sequence[str]:
    return (
        lookup["target"],
        lookup["method"],
        FAMILIES[lookup["family"]],
        str(lookup["asked"]),
        str(lookup["answered"]),
        show_time(max(now - lookup["started"], 0)),
    )


@dht.command()
@click.argument("word", metavar="INFO_HASH|MAGNET|TORRENT", shell_complete=complete)
@click.option("--scrape", is_flag=True, help="Estimate how many peers there are.")
@options.as_json
@pass_shell
def find(shell: Shell, word: str, scrape: bool, as_json: bool) -> None:
    """Look for the peers of a torrent, once.

    It is named by its info-hash, by a magnet link, or as a torrent of the list; only in the last
    case need the daemon have it. Nothing is announced, and the peers are not connected to.

    \b
    Example:
      txtorrent dht find --scrape 0123456789abcdef0123456789abcdef01234567
    """
    found = _search(shell, "tx_dht_find_peers", info_hash=_info_hash(shell, word), scrape=scrape)
    if as_json:
        shell.say_json(found)
        return
    show_facts(shell, _found(found))
    if found["peers"]:
        click.echo()
    for peer in found["peers"]:
        click.echo(_address(peer))


def _info_hash(shell: Shell, word: str) -> str:
    if word.lower().startswith("magnet:"):
        try:
            return magnet.parse(word).info_hash.hex()
        except MetainfoError as error:
            raise Misused(str(error)) from error
    info_hash = magnet.info_hash_of(word)
    if info_hash is not None:
        return info_hash.hex()
    return str(resolve(shell.api, [word])[0]["hash_string"])


def _found(found: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    yield "Peers", f"{len(found['peers'])} found"
    if found["seeds"] is not None:
        yield "Estimate", f"{counted(found['seeds'], 'seed')}, {counted(found['leeches'], 'other')}"
    yield "Nodes", f"{_nodes(found)}; {counted(found['hops'], 'hop')} to the farthest"


def _nodes(found: Mapping[str, Any]) -> str:
    return f"{found['asked']} asked, {found['answered']} answered"


@dht.command()
@click.argument("target", metavar="[TARGET]", type=TARGET, required=False)
@click.option("--key", type=KEY, metavar="PUBLIC", help="Public key that it is signed with.")
@click.option("--salt", type=SALT, metavar="SALT", help="Text, or hex:DIGITS.")
@options.as_json
@pass_shell
def get(shell: Shell, target: str | None, key: str | None, salt: str | None, as_json: bool) -> None:
    """Look for an item that is stored in the DHT.

    TARGET is the 40 digits that `dht put` has printed. A mutable item is found by --key too; if it
    has a salt, that is needed in either case. With --json the value is also there exactly, in
    base64 (`bencoded`). Exit status 1 if nothing is found.

    \b
    Examples:
      txtorrent dht get e5f96f6f38320f0f33959cb4d3d656452117aadb
      txtorrent dht get --salt news --key PUBLIC
    """
    if (target is None) == (key is None):
        raise Misused("write TARGET or --key, one of them")
    params = {"target": target, "public_key": key, "salt": salt}
    found = _search(shell, "tx_dht_get", **_given(params))["item"]
    if as_json:
        shell.say_json(found)
    elif found is not None:
        show_facts(shell, _item(found))
    if found is None:
        raise Failed("nothing was found: nodes forget an item that nobody has put for two hours")


def _item(item: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    value = item["value"]
    yield "Target", item["target"]
    if item["is_mutable"]:
        yield "Key", item["public_key"]
        yield "Salt", _shown_salt(item["salt"])
        yield "Number", str(item["seq"])
    yield "Value", value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _shown_salt(digits: str) -> str:
    """As text if it is some, as `--salt` takes it."""
    try:
        return bytes.fromhex(digits).decode()
    except UnicodeDecodeError:
        return f"hex:{digits}"


@dht.command()
@click.argument("value")
@click.option("--bencoded", is_flag=True, help="VALUE is base64 of something bencoded.")
@click.option("--key-file", metavar="FILE", help="Sign it with the key in this file.")
@click.option("--new-key", is_flag=True, help="Make that file, with a new key.")
@click.option("--salt", type=SALT, metavar="SALT", help="Text, or hex:DIGITS.")
@click.option("--seq", type=click.IntRange(0), metavar="N", help="Its number.")
@click.option("--cas", type=click.IntRange(0), metavar="N", help="Replace this number.")
@options.as_json
@pass_shell
def put(
    shell: Shell,
    value: str,
    bencoded: bool,
    key_file: str | None,
    new_key: bool,
    salt: str | None,
    seq: int | None,
    cas: int | None,
    as_json: bool,
) -> None:
    """Store an item in the DHT, of at most 1,000 bytes.

    Without a key it cannot be changed, and whoever knows its target can read it. With --key-file
    it is signed, and can be replaced by whoever has that file; --salt tells items of one key
    apart, and --seq numbers them: without it, one above what is found. With --cas only an item of
    that number is replaced.

    Nodes forget an item after two hours: put it again in time. The key file has 64 hexadecimal
    digits, an ed25519 seed, and is to be read by nobody else. Exit status 1 if no node took it.

    \b
    Examples:
      txtorrent dht put 'Hello, world'
      txtorrent dht put --key-file my.key --new-key 'Version 1'
      txtorrent dht put --key-file my.key 'Version 2'
    """
    params = {"bencoded" if bencoded else "value": value}
    params |= _given(
        {"private_key": _key(key_file, new_key, (salt, seq, cas)), "salt": salt, "seq": seq,
         "cas": cas}
    )  # fmt: skip
    found = _search(shell, "tx_dht_put", **params)
    if as_json:
        shell.say_json(found)
    elif found["stored"]:
        show_facts(shell, _stored(found))
    if not found["stored"]:
        raise Failed(
            "no node took it: nodes that have an item refuse one of a lower number, or of another"
            " than --cas says"
            if key_file is not None
            else "no node took it: see `txtorrent dht`, and try again in a minute"
        )


def _key(path: str | None, is_new: bool, others: Iterable[Any]) -> str | None:
    if path is not None:
        return keyfile.make(path) if is_new else keyfile.read(path)
    if is_new or any(each is not None for each in others):
        raise Misused("--new-key, --salt, --seq and --cas are for signed items: say --key-file")
    return None


def _stored(found: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    yield "Target", found["target"]
    yield "Key", found["public_key"]
    yield "Number", str(found["seq"]) if found["public_key"] else ""
    yield "Stored", f"on {counted(found['stored'], 'node')}"


@dht.command()
@click.argument("target", metavar="[TARGET]", type=TARGET, required=False)
@options.as_json
@pass_shell
def sample(shell: Shell, target: str | None, as_json: bool) -> None:
    """Ask nodes for some info-hashes that they know peers of.

    The nodes are those on the way to TARGET, 40 hexadecimal digits; to any without it.
    """
    wanted = target or secrets.token_hex(TARGET_SIZE)
    found = _search(shell, "tx_dht_sample", target=wanted)
    if as_json:
        shell.say_json(found)
        return
    hashes = found["info_hashes"]
    show_facts(
        shell,
        [("Info-hashes", f"{len(hashes)} of {found['total']}"), ("Nodes", _nodes(found))],
    )
    if hashes:
        click.echo()
    for info_hash in hashes:
        click.echo(info_hash)


def _search(shell: Shell, method: str, **params: Any) -> dict[str, Any]:
    """A method that takes its time."""
    shell.api.client.timeout = SEARCH_TIMEOUT
    return shell.api.call(method, **params)


def _given(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None}
