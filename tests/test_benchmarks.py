"""The pure parts of the benchmark: statistics, table, JSON, plots, budgets, turns."""

import hashlib
import os
import sys
from array import array
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from xml.etree import ElementTree

from twisted.trial.unittest import SynchronousTestCase

from benchmarks import __main__ as main_module
from benchmarks.__main__ import (
    OWN_WORKS,
    main,
    measure_again,
    own_scenarios,
    parse,
    scenarios,
    takers,
    write_plots,
)
from benchmarks.budgets import BUDGETS, Budget, Verdict, judge
from benchmarks.child import Child
from benchmarks.clients import CLIENTS, TxtorrentTurns
from benchmarks.content import Sample, is_same, make_sample
from benchmarks.figures import BY_KEY, Summary, percentile, ratios, summaries, summarize
from benchmarks.frozen import cannot_freeze, file_system
from benchmarks.limits import RATES, Counts, kept_to
from benchmarks.lines import plot_lines
from benchmarks.plot import plot
from benchmarks.report import Results, from_json, table, to_json
from benchmarks.steps import Step, growth_rows, step_lines, steps
from benchmarks.turns import TimedPoller, Turn, read_turns
from benchmarks.work import WORKS, Scenario, turn_figures
from benchmarks.yardstick import USUAL, slowness
from txtorrent.metainfo.torrentfile import load


def sample_results() -> Results:
    """Two clients, three rounds, one run of theirs failed."""
    results = Results(
        machine={"cores": 2},
        versions={"txtorrent": "1", "libtorrent": "2"},
        skipped={"aria2": "aria2c is not installed"},
        titles={"sink-1": "sink-1: seed to 1 connection"},
        failures=["sink-1 libtorrent #2: it broke"],
    )
    for ours, theirs in ((300.0, 100.0), (200.0, None), (100.0, 200.0)):
        results.note("sink-1", "txtorrent", {"rate": ours, "cpu": 0.25, "reactor": 8.125})
        row = None if theirs is None else {"rate": theirs, "cpu": 0.5}
        results.note("sink-1", "libtorrent", row)
    return results


class Statistics(SynchronousTestCase):
    def test_summary(self) -> None:
        for values, expected in [
            ([3.0], Summary(3.0, 3.0, 3.0, 1)),
            ([4.0, 1.0, 2.0], Summary(2.0, 1.0, 4.0, 3)),
            ([1.0, 2.0, 4.0, 8.0], Summary(3.0, 1.0, 8.0, 4)),
        ]:
            self.assertEqual(summarize(values), expected)

    def test_figures_that_no_run_has_are_left_out(self) -> None:
        found = summaries([{"rate": 1.0}, {"rate": 3.0, "cpu": 2.0}])
        self.assertEqual(
            found, {"rate": Summary(2.0, 1.0, 3.0, 2), "cpu": Summary(2.0, 2.0, 2.0, 1)}
        )

    def test_ratios_pair_the_runs_of_a_round(self) -> None:
        ours = [{"rate": 3.0}, {"rate": 2.0}, None, {"rate": 1.0}, {"rate": 1.0}]
        theirs = [{"rate": 2.0}, None, {"rate": 9.0}, {"cpu": 1.0}, {"rate": 4.0}]
        self.assertEqual(ratios(ours, theirs, "rate"), [1.5, 0.25])

    def test_percentile(self) -> None:
        thousand = [float(n) for n in range(1, 1001)]
        for values, share, expected in [
            (thousand, 0.999, 999.0),
            (thousand, 1.0, 1000.0),
            (thousand, 0.0, 1.0),
            (thousand, 0.5, 500.0),
            ([7.0], 0.999, 7.0),
            ([2.0, 1.0], 0.999, 2.0),
        ]:
            self.assertEqual(percentile(values, share), expected, (len(values), share))


class Tables(SynchronousTestCase):
    maxDiff = None

    def test_table(self) -> None:
        self.assertEqual(
            table(sample_results()).splitlines(),
            [
                "sink-1: seed to 1 connection",
                "client      runs           MB/s          CPU-s/GB  reactor us/block",
                "txtorrent      3  200 (100-300)  0.25 (0.25-0.25)  8.12 (8.12-8.12)",
                "libtorrent     2  150 (100-200)  0.50 (0.50-0.50)                 -",
                "txtorrent beside libtorrent: MB/s x 1.75 (0.50-3.00), CPU-s/GB x 0.50 (0.50-0.50)",
                "",
                "skipped aria2: aria2c is not installed",
                "FAILED sink-1 libtorrent #2: it broke",
            ],
        )

    def test_a_client_whose_runs_all_failed_has_no_row(self) -> None:
        results = Results(titles={"check": "check"})
        results.note("check", "txtorrent", None)
        results.note("check", "libtorrent", {"rate": 5.0})
        self.assertEqual(list(results.summaries("check")), ["libtorrent"])
        self.assertNotIn("txtorrent", table(results))

    def test_json_holds_everything(self) -> None:
        results = sample_results()
        self.assertEqual(from_json(to_json(results)), results)
        self.assertIn('"median": 150.0', to_json(results))


class Plots(SynchronousTestCase):
    GROUPS = {
        "sink-1": {"a <b>": Summary(50.0, 40.0, 80.0, 3), "c": Summary(20.0, 20.0, 20.0, 3)},
        "sink-10": {"c": Summary(10.0, 5.0, 15.0, 3)},
    }

    def bars(self, svg: str) -> list[tuple[float, str]]:
        """Height and title of every bar."""
        root = ElementTree.fromstring(svg)
        space = "{http://www.w3.org/2000/svg}"
        return [
            (float(rect.attrib["height"]), rect[0].text or "")
            for rect in root.iter(f"{space}rect")
            if len(rect)
        ]

    def test_bars_are_as_high_as_their_medians(self) -> None:
        bars = self.bars(plot(BY_KEY["rate"], self.GROUPS, ["a <b>", "c"]))
        self.assertEqual(
            [title for _, title in bars], ["a <b>: 50 (40-80)", "c: 20 (20-20)", "c: 10 (5-15)"]
        )
        high = bars[0][0]
        self.assertEqual([round(height / high, 2) for height, _ in bars], [1.0, 0.4, 0.2])

    def test_whiskers_go_from_least_to_most(self) -> None:
        svg = plot(BY_KEY["rate"], self.GROUPS, ["a <b>", "c"])
        self.assertIn("172.0V64.0M", svg)  # 40 of 80, and the top

    def test_says_which_way_is_better(self) -> None:
        self.assertIn("MB/s (higher is better)", plot(BY_KEY["rate"], self.GROUPS, ["c"]))
        self.assertIn("CPU-s/GB (lower is better)", plot(BY_KEY["cpu"], self.GROUPS, ["c"]))


class Budgets(SynchronousTestCase):
    def test_limits_with_their_tolerance(self) -> None:
        most = Budget("sink-1", "reactor", 10.0, 8.0, "", beside=None)
        least = Budget("sink-1", "rate", 1.3, 2.0, "")
        for budget, value, allowed, reached in [
            (most, 7.9, True, True),
            (most, 12.9, True, False),
            (most, 13.1, False, False),
            (least, 2.1, True, True),
            (least, 1.01, True, False),
            (least, 0.99, False, False),
        ]:
            self.assertIs(budget.allows(value), allowed, value)
            self.assertIs(budget.reaches(value), reached, value)

    def test_judged_by_the_median_of_absolute_figures_and_of_ratios(self) -> None:
        budgets = [
            Budget("sink-1", "reactor", 8.0, 8.0, "", beside=None),
            Budget("sink-1", "rate", 1.0, 1.0, ""),
            Budget("seed-1", "rate", 1.0, 1.0, "not run: not judged"),
            Budget("sink-1", "rate", 1.0, 1.0, "", beside="aria2"),
        ]
        results = sample_results()
        for rate in (600.0, 400.0, 50.0):
            results.note("sink-1", "aria2", {"rate": rate})
        verdicts = judge(budgets, results.scenarios)
        self.assertEqual([verdict.value for verdict in verdicts], [8.125, 1.75, 0.5])
        self.assertEqual([verdict.is_exceeded for verdict in verdicts], [False, False, True])
        self.assertIn("x aria2", str(verdicts[-1]))

    def test_microseconds_of_a_slow_machine_are_longer(self) -> None:
        budgets = [
            Budget("sink-1", "reactor", 5.0, 5.0, "", beside=None),
            Budget("sink-1", "rate", 1.0, 1.0, ""),
        ]
        usual, slow = judge(budgets, sample_results().scenarios)[0], slowness([USUAL * 1.25])
        self.assertTrue(usual.is_exceeded)
        verdicts = judge(budgets, sample_results().scenarios, slow)
        self.assertEqual([verdict.value for verdict in verdicts], [6.5, 1.75])
        self.assertFalse(verdicts[0].is_exceeded)
        self.assertEqual(slowness([USUAL / 2]), 1.0, "a fast machine is no excuse")
        self.assertEqual(slowness([]), 1.0)

    def test_what_could_not_be_measured_is_exceeded(self) -> None:
        budgets = [
            Budget("check", "rate", 1.0, 1.0, ""),
            Budget("check", "reactor", 1.0, 1.0, "", beside=None),
        ]
        for rounds in ({"txtorrent": [None]}, {"txtorrent": [{"rate": 1.0}]}, {}):
            for verdict in judge(budgets, {"check": rounds}):
                self.assertTrue(verdict.is_exceeded)
                self.assertIn("EXCEEDED", str(verdict))

    def test_words(self) -> None:
        budget = Budget("sink-1", "cpu", 0.8, 0.6, "")
        self.assertEqual(
            str(Verdict(budget, 0.9)),
            "ok        sink-1 cpu: 0.90, misses the goal"
            " (budget at most 0.8 x libtorrent, goal 0.6)",
        )
        self.assertIn("EXCEEDED  sink-1 cpu: 1.10", str(Verdict(budget, 1.1)))
        self.assertIn("reaches the goal", str(Verdict(budget, 0.5)))
        for figure, unit in [("reactor", "us"), ("sha1", "x all cores' SHA-1")]:
            budget = Budget("check", figure, 2.0, 2.0, "", beside=None)
            self.assertIn(f" 2 {unit}, goal", str(Verdict(budget, 1.0)))

    def test_the_table_is_about_what_is_measured(self) -> None:
        known = {scenario.name for scenario in scenarios(parse(["--quick"]))}
        for quick in ([], ["--quick"]):
            known |= set(own_scenarios(parse([*OWN_WORKS, *quick])))
        for budget in BUDGETS:
            self.assertIn(budget.scenario, known)
            self.assertIn(budget.figure, BY_KEY)
            self.assertTrue(budget.reason)
            stricter = (
                budget.goal >= budget.limit if budget.is_least else budget.goal <= budget.limit
            )
            self.assertTrue(stricter, f"{budget.scenario} {budget.figure}: a limit beyond its goal")


class Growth(SynchronousTestCase):
    def results(self) -> Results:
        """Twice as dear from 10 to 100 peers, and thrice from 100 to 200."""
        results = Results()
        for scenario, cpu in [
            ("growth-peers-100", 2.0),
            ("growth-peers-10", 1.0),
            ("growth-peers-200", 6.0),
            ("growth-sink-1", 4.0),
            ("sink-1", 1.0),
        ]:
            results.titles[scenario] = scenario
            results.note(scenario, "txtorrent", {"cpu": cpu})
        results.note("growth-sink-10", "txtorrent", None)
        results.titles["growth-sink-10"] = "all runs failed"
        return results

    def test_rows(self) -> None:
        rows = growth_rows(self.results())
        self.assertEqual(
            {name: sorted(row) for name, row in rows.items()},
            {"peers": [10, 100, 200], "sink": [1]},
        )

    def test_steps_by_number_beside_n_log_n(self) -> None:
        found = steps(growth_rows(self.results())["peers"], "cpu")
        self.assertEqual(
            [(s.before, s.after, s.factor) for s in found], [(10, 100, 2.0), (100, 200, 3.0)]
        )
        self.assertEqual(Step(1, 2, 1.0).allowed, 2.0)
        self.assertEqual(Step(8, 128, 1.0).allowed, 2.0)

    def test_words(self) -> None:
        self.assertEqual(str(Step(1_000, 8_000, 1.0)), "1,000 to 8,000 x 1.00 (1.27)")
        self.assertEqual(str(Step(1, 8, 4.1)), "1 to 8 x 4.10 (4.00, WORSE)")
        lines = step_lines(self.results())
        self.assertEqual(len(lines), 2, "a row of one has no step")
        self.assertIn("CPU-s/GB", lines[1])
        self.assertEqual(step_lines(sample_results()), [])

    def test_lines_are_drawn_over_a_logarithmic_axis(self) -> None:
        three = {n: Summary(v, v, v, 3) for n, v in ((1, 0.0), (10, 2.0), (100, 4.0))}
        svg = plot_lines(BY_KEY["rate"], {"a <b>": three}, "peers")
        root = ElementTree.fromstring(svg)
        [line] = root.iter("{http://www.w3.org/2000/svg}polyline")
        points = [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]
        (x1, y1), (x2, y2), (x3, y3) = points
        self.assertAlmostEqual(x2 - x1, x3 - x2)
        self.assertAlmostEqual(y1 - y2, y2 - y3)
        self.assertGreater(y1, y3)
        self.assertIn("MB/s (higher is better)", svg)
        self.assertIn("a &lt;b&gt;: 2 (2-2)", svg)

    def test_plots_of_growth_are_written(self) -> None:
        folder = self.mktemp()
        write_plots(self.results(), folder)
        self.assertEqual(sorted(os.listdir(folder)), ["cpu.svg", "growth-peers-cpu.svg"])
        with open(os.path.join(folder, "cpu.svg")) as bars:
            self.assertNotIn("growth", bars.read())


class Limits(SynchronousTestCase):
    def test_rate_and_shares(self) -> None:
        before, after = Counts(10.0, (100, 200, 0, 0)), Counts(20.0, (350, 450, 200, 300))
        found = kept_to(100, before, after)
        self.assertEqual(found, {"of_limit": 100.0, "unfair": 20.0})

    def test_nothing_moved(self) -> None:
        counts = Counts(10.0, (5, 5))
        self.assertEqual(
            kept_to(100, counts, Counts(20.0, (5, 5))), {"of_limit": 0.0, "unfair": 100.0}
        )


class Children(SynchronousTestCase):
    """A child that answers every line with its number and the line."""

    PROGRAM = "import sys\nfor n, line in enumerate(sys.stdin): print('got', n, line, end='')"

    def child(self) -> Child:
        child = Child([sys.executable, "-c", self.PROGRAM], os.getcwd())
        self.addCleanup(child.stop)
        return child

    def test_an_answer_is_one_that_came_behind_the_question(self) -> None:
        child = self.child()
        for number in range(3):
            answer = child.ask("count", r"^got (\d) count$", 30)
            self.assertEqual(answer[1], str(number))

    def test_lines_before_a_moment_are_counted(self) -> None:
        child = self.child()
        child.ask("a", "got 0", 30)
        child.ask("b", "got 1", 30)
        at, _ = child.wait_for("b$", 30)
        self.assertEqual(child.count("^got", at), 1)
        self.assertEqual(child.count("^got", at + 1), 2)


class FileSystems(SynchronousTestCase):
    def test_type(self) -> None:
        self.assertEqual(file_system("/proc"), "proc")

    def test_only_root_may_freeze(self) -> None:
        self.patch(os, "getuid", lambda: 1000)
        self.assertIn("root", cannot_freeze() or "")

    def test_what_is_missing_is_named(self) -> None:
        self.patch(os, "getuid", lambda: 0)
        self.patch(os, "environ", {**os.environ, "PATH": ""})
        self.assertIn("fsfreeze", cannot_freeze() or "")


class Turns(SynchronousTestCase):
    def test_written_and_read(self) -> None:
        poller = TimedPoller(FakePoller())
        poller.turns = array("d", [1.0, 0.5, 0.1, 2.0, 0.25, 0.2, 3.0, 0.125, 0.1])
        path = self.mktemp()
        poller.write(path)
        self.assertEqual(read_turns(path, 2.0, 3.0), [Turn(2.0, 0.25, 0.2), Turn(3.0, 0.125, 0.1)])

    def test_a_turn_is_what_lies_between_two_polls(self) -> None:
        poller = TimedPoller(FakePoller())
        poller.poll(0, 5)
        self.assertEqual(poller.poll(0, 7), [(7, 1)])
        self.assertEqual(len(poller.turns), 6)
        self.assertGreater(poller.turns[3], poller.turns[0])
        self.assertEqual(poller.fileno(), 33)

    def test_figures_in_milliseconds(self) -> None:
        turns = [Turn(float(n), 0.001, 0.001) for n in range(999)]
        self.assertEqual(
            turn_figures([*turns, Turn(0.0, 0.5, 0.25)]),
            {"turn_p999": 1.0, "turn_longest": 500.0, "turn_longest_cpu": 250.0},
        )


class FakePoller:
    def poll(self, timeout: float, most: int) -> list[tuple[int, int]]:
        return [(most, 1)]

    def fileno(self) -> int:
        return 33


class CommandLine(SynchronousTestCase):
    def test_scenarios(self) -> None:
        for argv, expected in [
            (["sink", "--peers", "3"], ["sink-3"]),
            (["check", "seed"], ["seed-1", "seed-10", "check"]),
            ([], [f"{work}-{n}" for work in WORKS[:3] for n in (1, 10)] + ["check", "idle-5000"]),
            (["idle", "--crowd", "70"], ["idle-70"]),
        ]:
            found = [scenario.name for scenario in scenarios(parse(argv))]
            self.assertEqual(found, expected)

    def test_what_only_we_are_measured_at_is_to_be_named(self) -> None:
        self.assertEqual(own_scenarios(parse([])), {})
        options = parse(["limits", "--size", "64"])
        self.assertEqual(scenarios(options), [])
        self.assertEqual(
            list(own_scenarios(options)),
            [f"limits-{way}-{rate}" for rate in RATES for way in ("download", "upload")],
        )
        all_of_them = own_scenarios(parse([*OWN_WORKS]))
        for name, taking_part in all_of_them.items():
            clients = [scenario.client for scenario in taking_part]
            self.assertEqual(len(clients), len(set(clients)), name)
        self.assertEqual({name.partition("-")[0] for name in all_of_them}, set(OWN_WORKS))

    def test_who_takes_part_with_idle_peers(self) -> None:
        kinds = [*CLIENTS.values(), TxtorrentTurns]
        scenario, results = Scenario("idle", 5000), Results()
        self.patch(main_module, "impossible", lambda peers: None)
        found = [kind.name for kind in takers(results, scenario, kinds)]
        self.assertEqual(found, ["txtorrent", "libtorrent"])
        self.assertEqual(
            sorted(results.skipped), ["aria2 for idle-5000", "transmission for idle-5000"]
        )
        self.assertEqual(takers(results, Scenario("sink", 1), kinds), kinds)
        self.patch(main_module, "impossible", lambda peers: "too many")
        self.assertEqual(takers(results, scenario, kinds), [])
        self.assertEqual(results.skipped["idle-5000"], "too many")

    def test_titles(self) -> None:
        self.assertEqual(Scenario("download", 1).title, "download from 1 libtorrent seed")
        self.assertEqual(Scenario("seed", 10).title, "seed to 10 libtorrent leechers")
        self.assertEqual(Scenario("idle", 9).title, "9 connections that only are there")

    def test_what_exceeds_a_budget_is_measured_again(self) -> None:
        row = {"rate": 100.0, "cpu": 0.25, "reactor": 1.0}
        theirs = {"rate": 100.0, "cpu": 1.0}
        asked: list[set[str]] = []

        def measure(options: object, results: Results, only: set[str]) -> None:
            asked.append(only)
            for name, ours in (("sink-1", row), ("sink-10", {**row, "reactor": 99.0})):
                results.note(name, "txtorrent", ours)
                results.note(name, "libtorrent", theirs)
                results.titles[name] = name

        self.patch(main_module, "measure", measure)
        results = Results()
        for name, reactor in (("sink-1", 99.0), ("sink-10", 99.0), ("seed-1", 1.0)):
            results.note(name, "txtorrent", {**row, "reactor": reactor})
            results.note(name, "libtorrent", theirs)
            results.titles[name] = name
        with redirect_stderr(StringIO()):
            measure_again(parse(["--quick"]), results)
        self.assertEqual(asked, [{"sink-1", "sink-10"}])
        self.assertEqual(results.scenarios["sink-1"]["txtorrent"], [row])
        self.assertIn("again", results.titles["sink-1"])
        self.assertNotIn("again", results.titles["sink-10"])
        with redirect_stderr(StringIO()):
            measure_again(parse(["--quick"]), results)
        self.assertEqual(asked[1:], [{"sink-10"}])

    def test_mistakes(self) -> None:
        for argv in (["upload"], ["--clients", "vuze"], ["--trackers", "chihaya"]):
            with redirect_stderr(StringIO()) as said:
                self.assertRaises(SystemExit, parse, argv)
            self.assertIn(f"{argv[-1]}; there is", said.getvalue())
        with redirect_stderr(StringIO()) as said:
            self.assertRaises(SystemExit, parse, ["tracker", "--announcing", "999"])
        self.assertIn("1000 torrents", said.getvalue())

    def test_earlier_results_are_shown_and_plotted(self) -> None:
        folder = self.mktemp()
        os.mkdir(folder)
        path = os.path.join(folder, "results.json")
        with open(path, "w") as out:
            out.write(to_json(sample_results()))
        with redirect_stdout(StringIO()) as said:
            status = main(["--read", path, "--plots", folder])
        self.assertEqual(status, 1, "a run of theirs had failed")
        self.assertIn(table(sample_results()), said.getvalue())
        self.assertEqual(sorted(os.listdir(folder)), ["cpu.svg", "rate.svg", "results.json"])


class Content(SynchronousTestCase):
    def test_the_torrent_is_of_the_content(self) -> None:
        for length in (1 << 14, 1 << 20, 1 << 22):
            root = self.mktemp()
            os.mkdir(root)
            self.check_sample(root, length, make_sample(root, 2, length), -(-(2 << 20) // length))

    def check_sample(self, root: str, length: int, sample: Sample, pieces: int) -> None:
        metainfo = load(sample.torrent)
        self.assertEqual(metainfo.info_hash, sample.info_hash)
        self.assertEqual(metainfo.geometry.piece_length, length)
        self.assertEqual(metainfo.geometry.piece_count, pieces)
        with open(sample.content, "rb") as content:
            first = hashlib.sha1(content.read(length)).digest()
        self.assertEqual(metainfo.piece_hash(0), first)
        self.assertEqual((metainfo.geometry.total, sample.size), (2 << 20, 2 << 20))
        self.assertTrue(is_same(sample, sample.directory))
        self.assertFalse(is_same(sample, root))
        with open(os.path.join(sample.directory, "content.bin"), "r+b") as content:
            byte = content.read(1)
            content.seek(0)
            content.write(bytes([byte[0] ^ 1]))
        self.assertFalse(is_same(sample, sample.directory))
