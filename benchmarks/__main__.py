"""The command line: python -m benchmarks [WORK ...] [options]."""

import argparse
import fcntl
import os
import platform
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Final

from benchmarks.announces import LEAST_PEERS, PEERS, QUICK_PEERS, announces
from benchmarks.budgets import BUDGETS, OURS, judge
from benchmarks.child import Failed
from benchmarks.clients import CLIENTS, Client, TxtorrentTurns
from benchmarks.crowd import impossible
from benchmarks.figures import BY_KEY, Summary
from benchmarks.growth import growth, memory
from benchmarks.limits import limits
from benchmarks.lines import plot_lines
from benchmarks.loopback import memory_disk
from benchmarks.many import many
from benchmarks.own import OwnScenario
from benchmarks.plot import plot
from benchmarks.report import Results, from_json, table, to_json
from benchmarks.stalls import stalls
from benchmarks.steps import Points, growth_rows, points_by_client, step_lines
from benchmarks.trackers import TRACKERS
from benchmarks.work import WORKS, Bench, Scenario, run
from benchmarks.yardstick import slowness, step_time

OWN_WORKS: Final[dict[str, Callable[[argparse.Namespace], Iterable[OwnScenario]]]] = {
    "growth": lambda options: growth(options.size),
    "limits": lambda _: limits(),
    "stalls": lambda options: stalls(options.size),
    "memory": lambda options: memory(options.size),
    "many": lambda options: many(options.torrents),
    "tracker": lambda options: announces(
        options.trackers.split(","), options.announcing, is_quick=options.quick
    ),
}
"""Scenarios by work, as the options say."""
PLOTTED: Final = ("rate", "cpu", "memory")
GROWING: Final = ("rate", "cpu", "reactor", "memory")
TRACKER_GROWING: Final = ("requests", "request_cpu", "peer_memory")
LINES: Final = {
    "peers": {"peers": "download", "slow": "from slow peers", "sink": "seed"},
    "pieces": {"pieces": "download"},
}
"""Rows of growth and their titles, by what grows."""
QUICK_CLIENTS: Final = "txtorrent,libtorrent"
QUICK_SIZE, FULL_SIZE = 256, 1024
QUICK_RUNS, FULL_RUNS = 2, 5
AGAIN: Final = 2
"""How often --quick measures again what exceeds a budget: noise does not stay in one place."""
QUICK_TORRENTS, FULL_TORRENTS = 1000, 10_000
COPIES_SHARE: Final = 4
"""Leechers that write share the memory: with many of them the content is so much smaller."""
_ONCE: Final = ("check", "idle")
"""Work that `--peers` does not apply to."""
_ONE_ROUND: Final = ("idle", "tracker")
CROWD_SIZE: Final = 256
"""MiB for idle peers: they fetch nothing, but have a bitfield of as many pieces."""
NOISY: Final = 0.25
"""Cores used by others from which on figures are called noisy."""


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The arguments; a mistake ends the program."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="How fast txtorrent is beside other clients."
    )
    parser.add_argument(
        "work",
        nargs="*",
        help=f"of {', '.join(WORKS)} (default: these), {', '.join(OWN_WORKS)} (txtorrent alone)",
    )
    parser.add_argument("--peers", default="1,10", help="reference peers, default %(default)s")
    parser.add_argument("--crowd", type=int, default=5000, help="idle peers, default %(default)s")
    parser.add_argument("--torrents", type=int, help=f"of many, default {FULL_TORRENTS}")
    parser.add_argument("--announcing", type=int, help=f"peers of tracker, default {PEERS}")
    parser.add_argument("--trackers", default=",".join(TRACKERS), help="default: %(default)s")
    parser.add_argument("--clients", help=f"default: {','.join(CLIENTS)}")
    parser.add_argument("--runs", type=int, help=f"rounds, default {FULL_RUNS}")
    parser.add_argument("--size", type=int, help=f"MiB of content, default {FULL_SIZE}")
    parser.add_argument(
        "--turns", action="store_true", help="also run txtorrent with its reactor turns measured"
    )
    parser.add_argument(
        "--quick", action="store_true", help="two minutes; exit 1 if a budget is exceeded"
    )
    parser.add_argument("--json", default="benchmarks.json", help="file for the results")
    parser.add_argument("--plots", metavar="DIRECTORY", help="also write SVG plots there")
    parser.add_argument("--read", metavar="FILE", help="measure nothing: show earlier results")
    options = parser.parse_args(argv)
    if unknown := set(options.work) - {*WORKS, *OWN_WORKS}:
        known = ", ".join((*WORKS, *OWN_WORKS))
        parser.error(f"no such work: {', '.join(unknown)}; there is {known}")
    options.clients = (options.clients or (QUICK_CLIENTS if options.quick else None)) or ",".join(
        CLIENTS
    )
    if unknown := set(options.clients.split(",")) - set(CLIENTS):
        parser.error(f"no such client: {', '.join(unknown)}; there is {', '.join(CLIENTS)}")
    if unknown := set(options.trackers.split(",")) - set(TRACKERS):
        parser.error(f"no such tracker: {', '.join(unknown)}; there is {', '.join(TRACKERS)}")
    options.announcing = options.announcing or (QUICK_PEERS if options.quick else PEERS)
    if options.announcing < LEAST_PEERS:
        parser.error(f"--announcing: there are {LEAST_PEERS} torrents, and each has a peer")
    options.runs = options.runs or (QUICK_RUNS if options.quick else FULL_RUNS)
    options.torrents = options.torrents or (QUICK_TORRENTS if options.quick else FULL_TORRENTS)
    options.size = options.size or (QUICK_SIZE if options.quick else FULL_SIZE)
    return options


def scenarios(options: argparse.Namespace) -> list[Scenario]:
    """What is to be measured beside others, in order."""
    works = options.work or WORKS
    counts = [int(count) for count in options.peers.split(",")]
    compared = [work for work in works if work in WORKS and work not in _ONCE]
    found = [Scenario(work, n) for work in compared for n in counts]
    found += [Scenario("check", 0)] * ("check" in works)
    return found + [Scenario("idle", options.crowd)] * ("idle" in works)


def own_scenarios(options: argparse.Namespace) -> dict[str, list[OwnScenario]]:
    """Of the works of ours that are named, in order: each scenario, and who takes part in it."""
    found: dict[str, list[OwnScenario]] = {}
    for work in options.work:
        for scenario in OWN_WORKS[work](options) if work in OWN_WORKS else ():
            found.setdefault(scenario.name, []).append(scenario)
    return found


def measure(
    options: argparse.Namespace, results: Results, only: Collection[str] | None = None
) -> None:
    """Run everything, the clients in turn in every round; file it in `results`.

    `only` those scenarios, where these are named.
    """
    results.machine.update(_machine(options))
    kinds = _available(options, results)
    with _alone(), _bench() as bench:
        for scenario in scenarios(options):
            if only is not None and scenario.name not in only:
                continue
            results.steps.append(step_time())
            chosen = takers(results, scenario, kinds)
            results.titles[scenario.name] = _title(options, scenario)
            for number in range(_runs(options, scenario.work)):
                for kind in chosen:
                    size = max(1, _mebibytes(options, scenario) // kind.size_share)
                    measured = partial(run, bench, scenario, kind, size)
                    _measure_one(results, scenario.name, kind.name, number, measured)
        for name, taking_part in own_scenarios(options).items():
            if only is None or name in only:
                runs = _runs(options, name.partition("-")[0])
                _measure_own(results, bench, taking_part, runs)


def measure_again(options: argparse.Namespace, results: Results) -> None:
    """A scenario that is within its budgets this time replaces what was measured before."""
    exceeded = _exceeded(results)
    if not exceeded:
        return
    print(f"again, for their budgets: {', '.join(sorted(exceeded))}", file=sys.stderr, flush=True)
    newer = Results()
    measure(options, newer, exceeded)
    results.failures += newer.failures
    for name in exceeded - _exceeded(newer):
        if name in newer.scenarios:
            results.scenarios[name] = newer.scenarios[name]
            results.titles[name] += ", measured again"


def _exceeded(results: Results) -> set[str]:
    verdicts = judge(BUDGETS, results.scenarios, slowness(results.steps))
    return {verdict.budget.scenario for verdict in verdicts if verdict.is_exceeded}


def _measure_own(
    results: Results, bench: Bench, scenarios: Sequence[OwnScenario], runs: int
) -> None:
    """One scenario, in which those who can take part take turns."""
    able = [scenario for scenario in scenarios if _can_take_part(results, scenario)]
    for number in range(runs):
        for scenario in able:
            measured = partial(scenario.measure, bench)
            _measure_one(results, scenario.name, scenario.client, number, measured)


def _can_take_part(results: Results, scenario: OwnScenario) -> bool:
    """Why somebody cannot is noted."""
    if (why := scenario.lacks()) is not None:
        of_whom = "" if scenario.client == OURS else f"{scenario.client} for "
        results.skipped[f"{of_whom}{scenario.name}"] = why
        return False
    results.titles[scenario.name] = f"{scenario.name}: {scenario.title}"
    return True


def _measure_one(
    results: Results,
    scenario: str,
    client: str,
    number: int,
    measured: Callable[[], dict[str, float]],
) -> None:
    found = None
    try:
        found = measured()
        words = "  ".join(f"{key} {value:.4g}" for key, value in found.items())
    except (Failed, OSError) as error:
        words = f"failed: {error}"
        results.failures.append(f"{scenario} {client} #{number + 1}: {error}")
    results.note(scenario, client, found)
    print(f"{scenario} #{number + 1} {client}: {words}", file=sys.stderr, flush=True)


def _available(options: argparse.Namespace, results: Results) -> list[type[Client]]:
    kinds: list[type[Client]] = []
    for name in options.clients.split(","):
        kind = CLIENTS[name]
        if (why := kind.absent()) is not None:
            results.skipped[name] = why
            continue
        results.versions[name] = kind.version()
        kinds += [kind, TxtorrentTurns] if options.turns and name == "txtorrent" else [kind]
    return kinds


def takers(results: Results, scenario: Scenario, kinds: list[type[Client]]) -> list[type[Client]]:
    """Those that can take part in the scenario; why others cannot is noted."""
    if scenario.work != "idle":
        return kinds
    if (why := impossible(scenario.peers)) is not None:
        results.skipped[scenario.name] = why
        return []
    able = []
    for kind in kinds:
        if kind.most_idle is not None and kind.most_idle < scenario.peers:
            results.skipped[f"{kind.name} for {scenario.name}"] = (
                f"it takes no more than {kind.most_idle} idle peers"
            )
        elif kind is not TxtorrentTurns:
            able.append(kind)
    return able


def _runs(options: argparse.Namespace, work: str) -> int:
    """With --quick one round has to do where figures are steady, or the limits are wide."""
    return 1 if options.quick and work in _ONE_ROUND else int(options.runs)


def _mebibytes(options: argparse.Namespace, scenario: Scenario) -> int:
    if scenario.work == "idle":
        return CROWD_SIZE
    is_copied = scenario.work in ("seed", "sink") and scenario.peers > COPIES_SHARE
    return int(options.size) // (COPIES_SHARE if is_copied else 1)


def _title(options: argparse.Namespace, scenario: Scenario) -> str:
    return f"{scenario.name}: {scenario.title}, {_mebibytes(options, scenario)} MiB"


def _machine(options: argparse.Namespace) -> dict[str, object]:
    return {
        "when": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "runs": options.runs,
        "load_before": os.getloadavg()[0],
    }


@contextmanager
def _alone() -> Iterator[None]:
    """Wait until no other benchmark runs on this machine, and keep the next one waiting."""
    with open(os.path.join(tempfile.gettempdir(), "bench.lock"), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"waiting for another benchmark ({lock.name})", file=sys.stderr, flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _bench() -> Iterator[Bench]:
    root = tempfile.mkdtemp(prefix="txtorrent-bench-", dir=memory_disk())
    try:
        yield Bench(root)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def show(results: Results) -> bool:
    """Print the tables and the verdicts; whether all is well."""
    print(table(results))
    if growth_found := step_lines(results):
        print("\n".join(["", *growth_found]))
    slow = slowness(results.steps)
    verdicts = judge(BUDGETS, results.scenarios, slow)
    in_time = f" (microseconds here took {slow:.2f} times as long as usual)" if slow > 1 else ""
    print("\n".join(["", f"budgets{in_time}:", *map(str, verdicts)]))
    noise = [
        run["others"]
        for rounds in results.scenarios.values()
        for runs in rounds.values()
        for run in runs
        if run and "others" in run
    ]
    if noise and max(noise) > NOISY:
        print(f"\nOthers used up to {max(noise):.2f} cores meanwhile: the figures are noisy.")
    return not results.failures and not any(verdict.is_exceeded for verdict in verdicts)


def write_plots(results: Results, directory: str) -> None:
    """One SVG a figure, a group of bars a scenario; and lines where something grows."""
    os.makedirs(directory, exist_ok=True)
    for name, svg in _growth_plots(results):
        with open(os.path.join(directory, name), "w") as out:
            out.write(svg)
    for key in PLOTTED:
        groups = {
            scenario: {
                client: row[key]
                for client, row in results.summaries(scenario).items()
                if key in row and client in CLIENTS
            }
            for scenario in results.scenarios
            if scenario.partition("-")[0] in WORKS
        }
        groups = {scenario: row for scenario, row in groups.items() if row}
        if groups:
            with open(os.path.join(directory, f"{key}.svg"), "w") as out:
                out.write(plot(BY_KEY[key], groups, [n for n in CLIENTS if n in results.versions]))


def _growth_plots(results: Results) -> Iterator[tuple[str, str]]:
    """Names of files and what is in them."""
    rows = growth_rows(results)
    for unit, names in LINES.items():
        for key in GROWING:
            points = {title: rows[name] for name, title in names.items() if name in rows}
            if lines := _lines(points, key):
                yield f"growth-{unit}-{key}.svg", plot_lines(BY_KEY[key], lines, unit)
    trackers = points_by_client(results, "tracker-udp")
    for key in TRACKER_GROWING:
        if lines := _lines(trackers, key):
            yield f"growth-tracker-{key}.svg", plot_lines(BY_KEY[key], lines, "peers")


def _lines(points: Mapping[str, Points], key: str) -> dict[str, dict[int, Summary]]:
    """One figure by title and number; titles without it are left out."""
    lines = {
        title: {n: row[key] for n, row in rows.items() if key in row}
        for title, rows in points.items()
    }
    return {title: line for title, line in lines.items() if line}


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 1: a run failed, or with --quick a budget was exceeded."""
    options = parse(argv)
    if options.read:
        with open(options.read) as stream:
            results = from_json(stream.read())
    else:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
        results = Results()
        try:
            measure(options, results)
            for _ in range(AGAIN if options.quick else 0):
                measure_again(options, results)
        finally:  # what was measured until a signal came is worth keeping
            with open(options.json, "w") as out:
                out.write(to_json(results))
    is_well = show(results)
    if options.plots:
        write_plots(results, options.plots)
    return int(bool(results.failures) or (options.quick and not is_well))


if __name__ == "__main__":
    raise SystemExit(main())
