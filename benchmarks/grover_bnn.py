"""The binary network against its paper: counts, searches, circuits, landscapes, real tables.

Some thirty minutes on 2 cores, nearly all of them for ``accuracy``; needs the extras ``aer`` and
``plot``::

    python benchmarks/grover_bnn.py
    python benchmarks/grover_bnn.py --only problems search circuits

Tables (reStructuredText) and figures go to ``--output``.
"""

import argparse
import subprocess
import sys
import time
from itertools import product
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import numpy as np
from grover_bnn_tables import run_accuracy, run_controls, run_random
from reports import Report

from qsklearn import GroverBNNClassifier
from qsklearn.circuits import (
    AmplificationCircuit,
    BinaryNetwork,
    LabelledPatterns,
    accuracy_landscape,
    amplify_with_batches,
    best_iterations,
    classical_draws,
    compare_search_costs,
    measure_settings,
    search_law,
    success_probability,
)
from qsklearn.circuits._landscape import NetworkScorer
from qsklearn.circuits._landscape_oracle import LandscapeOracle
from qsklearn.circuits._search import collect, default_max_queries, search
from qsklearn.inspection import (
    AccuracyLandscapeDisplay,
    AmplifiedWeightsDisplay,
    BinaryNetworkDisplay,
    SearchCostDisplay,
    SuccessProbabilityDisplay,
)

ROOT = Path(__file__).parents[1]
ROWS = np.array(list(product([-1, 1], repeat=3)))
X1, X2, X3 = ROWS.T
PROBLEMS = {
    1: ("sign(x3 x1 + x2)", np.where(X3 * X1 + X2 >= 0, 1, -1)),
    2: ("sign(x1 + x2 + x3)", np.where(X1 + X2 + X3 >= 0, 1, -1)),
}
NETWORK = BinaryNetwork(3, 2)  # the paper's 3-2-1


def data_of(number):
    return LabelledPatterns.from_rows(ROWS, PROBLEMS[number][1])


def fitted(number, **changes):
    settings = {"n_bits": 3, "binary": True, "fit_bias": False, "random_state": 0, **changes}
    return GroverBNNClassifier(2, **settings).fit(ROWS, PROBLEMS[number][1])


# --- the paper's problems -----------------------------------------------------------------------


def run_problems(args, report):
    """How many settings solve them, and Figs. 3, 4 and 6."""
    report.heading("Solutions of the two problems")
    rows = []
    for number, (formula, _) in PROBLEMS.items():
        landscape = accuracy_landscape(NETWORK, data_of(number))
        histogram = {score: int(n) for score, n in enumerate(landscape.histogram) if n}
        share = landscape.n_at_least(8) / 256
        curve = success_probability(share, np.arange(8)).round(4)
        rows.append(
            [
                f"{number}: {formula}", landscape.n_at_least(8),
                ", ".join(f"{score}: {n}" for score, n in histogram.items()),
                best_iterations(share), " ".join(f"{value:.4f}" for value in curve),
            ]
        )  # fmt: skip
    report.table(
        ["problem", "solutions of 256", "settings by patterns right", "best k", "P(k), k = 0..7"],
        rows,
    )
    _run_meta(report)
    _run_parity(report)
    _draw_problems(args.output)


def _run_meta(report):
    report.heading("Meta-training: weights and connections of the hidden units")
    rows = []
    for (absent, output_weights), number in product(
        [("nothing", True), ("nothing_or_off", True), ("against", True), ("against", False)],
        PROBLEMS,
    ):
        network = BinaryNetwork(
            3, 2, search_connections=True, absent=absent, output_weights=output_weights
        )
        n_marked = accuracy_landscape(network, data_of(number)).n_at_least(8)
        share = n_marked / network.n_states
        curve = success_probability(share, [16, 18, 20])
        rows.append(
            [
                absent, "searched" if output_weights else "+1", number,
                f"{n_marked} of {network.n_states}", best_iterations(share),
                " ".join(f"{value:.3f}" for value in curve),
            ]
        )  # fmt: skip
    report.table(
        ["absent connection", "output weights", "problem", "solutions", "best k", "P(16, 18, 20)"],
        rows,
    )


def _run_parity(report):
    parity = LabelledPatterns.from_rows(ROWS, ROWS.prod(axis=1))
    best = {n: accuracy_landscape(BinaryNetwork(3, n), parity) for n in (2, 3)}
    report.line(
        f"Parity of three inputs: two units get {best[2].best} of 8 patterns right at most (the "
        f"paper expects no trouble), three units all of them, by {best[3].n_at_least(8)} of 4096 "
        "settings."
    )


def _draw_problems(output):
    networks = {number: fitted(number) for number in PROBLEMS}
    for number, network in networks.items():
        display = AmplifiedWeightsDisplay.from_estimator(network)
        display.figure_.savefig(output / f"weights_{number}.png", dpi=150)
        iterations = np.arange(13)
        display = SuccessProbabilityDisplay(
            iterations,
            network.success_probability(iterations),
            runs=np.full(13, 50),
            successes=[_count_successes(number, k, n_runs=50) for k in iterations.tolist()],
        ).plot()
        display.figure_.savefig(output / f"success_{number}.png", dpi=150)
        display = SearchCostDisplay.from_estimator(network)
        display.figure_.savefig(output / f"search_{number}.png", dpi=150)
        wired = fitted(number, connections="search", n_solutions=24)
        display = BinaryNetworkDisplay.from_estimator(wired)
        display.figure_.savefig(output / f"wiring_{number}.png", dpi=150)
    display = AccuracyLandscapeDisplay.from_estimator(networks[1])
    display.figure_.savefig(output / "landscape_1.png", dpi=150)


def _count_successes(number, iterations, n_runs):
    """Runs of the circuit on Aer that measure a setting which makes no error."""
    data = data_of(number)
    settings = measure_settings(AmplificationCircuit(NETWORK, data), iterations, n_runs, seed=0)
    outputs = NETWORK.outputs(NETWORK.spins(settings), data.patterns)
    return int((data.score(outputs) == data.total).sum())


# --- searches -----------------------------------------------------------------------------------


def run_search(args, report):
    """The paper's schedule, classical search in the same unit, and maximum finding."""
    report.heading("The paper's schedule, and random settings")
    rows = []
    for number in PROBLEMS:
        n_marked = accuracy_landscape(NETWORK, data_of(number)).n_at_least(8)
        evaluations, success = search_law(256, n_marked, "linear", 2000)
        failing, attempts, cumulated = 1.0, 0.0, []
        for attempt in range(200):
            attempts += failing
            ks = np.arange(attempt + 1)
            failing *= 1 - success_probability(n_marked / 256, ks).mean()
            cumulated.append(1 - failing)
        needed = int(np.argmax(np.array(cumulated) >= 0.9)) + 1
        rows.append(
            [
                number, f"{attempts:.2f}", needed, f"{1 + (1 - success).sum():.1f}",
                int(evaluations[np.argmax(success >= 0.9)]), classical_draws(256, n_marked),
                classical_draws(256, n_marked, replacement=False), {1: 28, 2: 57}[number],
            ]
        )  # fmt: skip
    report.table(
        ["problem", "mean attempts", "attempts to 90 %", "mean evaluations",
         "evaluations to 90 %", "random settings to 90 %", "without repeating", "the paper's"],
        rows,
    )  # fmt: skip
    report.line(
        "An attempt of k iterations evaluates the network 2k + 1 times. The paper counts attempts, "
        "5 and 6, against random settings, 28 and 57, which are those for 8 and 4 of 100."
    )
    _run_growth(report)
    _run_maximum(report, n_runs=50 if args.short else 1000)
    _run_deselection(report)
    _run_batches(report)


def _run_growth(report):
    report.heading("Evaluations to 90 % for one solution, by the number of settings N")
    rows = []
    for n_qubits in (8, 12, 16, 20, 24):
        cost = compare_search_costs(2**n_qubits, 1)
        linear, bbht = cost["quantum_evaluations"], cost["quantum_evaluations_bbht"]
        rows.append(
            [
                f"2^{n_qubits}", f"{linear:,}", f"{linear / 4 ** (n_qubits / 3):.2f}", f"{bbht:,}",
                f"{bbht / 2 ** (n_qubits / 2):.2f}", f"{cost['classical_evaluations']:,}",
            ]
        )  # fmt: skip
    report.table(
        ["N", "the paper's schedule", "over N^(2/3)", "BBHT", "over N^(1/2)", "random settings"],
        rows,
    )


def _run_maximum(report, n_runs=1000):
    report.heading(f"Maximum finding (Dürr and Høyer), {n_runs} seeds")
    rows = []
    cases = {f"problem {number}": (NETWORK, data_of(number)) for number in PROBLEMS}
    cases["breast cancer, 8 bits, 2 units"] = _breast_cancer()
    for name, (network, data) in cases.items():
        landscape = accuracy_landscape(network, data, n_threads=2)
        n_marked = landscape.n_at_least(landscape.best)
        budget = default_max_queries(network.n_states)
        queries, found = [], 0
        for seed in range(n_runs):
            rng = np.random.default_rng(seed)
            record = search(
                LandscapeOracle(landscape, rng), least=None, schedule="maximum",
                max_queries=budget, rng=rng,
            )  # fmt: skip
            queries.append(record.n_queries_to_best)
            found += record.best == landscape.best
        rows.append(
            [
                name, f"2^{network.n_qubits}", n_marked, f"{np.mean(queries):.4g}",
                f"{np.std(queries) / np.sqrt(n_runs):.2g}", f"{np.median(queries):.0f}",
                f"{np.quantile(queries, 0.95):.0f}", best_iterations(n_marked / network.n_states),
                f"{network.n_states / n_marked:.0f}", budget, found / n_runs,
            ]
        )  # fmt: skip
    report.table(
        ["landscape", "settings", "best ones", "mean queries", "standard error", "median", "95 %",
         "k if it were known", "random settings, mean", "budget", "found"], rows,
    )  # fmt: skip


def _breast_cancer():
    from sklearn.datasets import load_breast_cancer

    X, y = load_breast_cancer(return_X_y=True)
    network = GroverBNNClassifier(2, n_bits=8, random_state=0).fit(X, y)
    return network.network_, network._problems.data(0)


def _run_deselection(report, n_runs=1000):
    landscape, queries = accuracy_landscape(NETWORK, data_of(1)), []
    for seed in range(n_runs):
        rng = np.random.default_rng(seed)
        _, _, record = collect(
            LandscapeOracle(landscape, rng), least=8, n_solutions=8, schedule="linear",
            max_queries=10_000, rng=rng,
        )  # fmt: skip
        queries.append(record.n_queries)
    report.line(
        f"Deselection: all eight solutions of problem 1, one after the other, take "
        f"{np.mean(queries):.1f} ± {np.std(queries) / np.sqrt(n_runs):.1f} queries."
    )


def _run_batches(report, n_runs=200, n_iterations=20):
    report.heading("Another random mini-batch in each iteration")
    rows = []
    for number in PROBLEMS:
        data = data_of(number)
        spins = NETWORK.spins(np.arange(256))
        correct = NETWORK.outputs(spins, data.patterns) == np.where(data.up > data.down, 1, -1)
        optimal = correct.all(axis=1)
        peaks = []
        for size in (8, 7, 6, 4, 2, 1):
            rng = np.random.default_rng(0)
            mean = np.zeros(n_iterations + 1)
            for _ in range(n_runs):
                batches = [rng.permutation(8)[:size] for _ in range(n_iterations)]
                mean += amplify_with_batches(correct, batches)[:, optimal].sum(axis=1)
            peaks.append(f"{(mean / n_runs).max():.3f}")
        rows.append([number, *peaks])
    report.table(["problem", *(f"{size} of 8" for size in (8, 7, 6, 4, 2, 1))], rows)
    report.line(
        f"Largest mean probability of an optimal setting over {n_iterations} iterations and "
        f"{n_runs} sequences of batches. Seven of eight cost nothing only because no setting has "
        "exactly seven right."
    )


# --- circuits -----------------------------------------------------------------------------------


def run_circuits(args, report):
    """Gates, agreement with the landscape, time on Aer."""
    report.heading("One iteration in gates, compiled to controlled-NOTs and rotations")
    rows = []
    for number, oracle in product(PROBLEMS, ("outputs", "counter")):
        circuit = AmplificationCircuit(NETWORK, data_of(number), oracle=oracle)
        for row in circuit.resources():
            rows.append([number, oracle, *row.values()])
    header = ["problem", "oracle", "operator", "qubits", "depth", "two-qubit gates", "gates"]
    report.table(header, rows)
    report.heading("Against the landscape, on Aer's statevector simulator, one thread")
    rows = []
    for number, oracle in product(PROBLEMS, ("outputs", "counter")):
        circuit = AmplificationCircuit(NETWORK, data_of(number), oracle=oracle)
        seconds, largest = 0.0, 0.0
        landscape = accuracy_landscape(NETWORK, data_of(number))
        for k in range(5):
            started = time.perf_counter()
            got = _probabilities(circuit, k)
            seconds += time.perf_counter() - started
            share = landscape.n_at_least(8) / 256
            success = success_probability(share, k)
            marked = landscape.scores == 8
            law = np.where(marked, success / marked.sum(), (1 - success) / (~marked).sum())
            largest = max(largest, np.abs(got - law).max())
        rows.append([number, oracle, circuit.n_qubits, f"{largest:.1e}", f"{seconds:.2f}"])
    report.table(
        ["problem", "oracle", "qubits", "largest difference, k = 0..4", "seconds for all five"],
        rows,
    )


def _probabilities(circuit, iterations):
    from qiskit_aer import AerSimulator

    assembled = circuit.to_qiskit(iterations, measure=False)
    assembled.save_probabilities(list(range(NETWORK.n_qubits)))
    simulator = AerSimulator(method="statevector", max_parallel_threads=1)
    return simulator.run(assembled).result().data(0)["probabilities"]


# --- landscapes ---------------------------------------------------------------------------------

SIZES = ((9, 2, 120), (6, 3, 128), (8, 2, 455), (12, 2, 128), (5, 4, 128), (13, 2, 128))


def run_speed(args, report):
    """Enumeration of all settings, against numpy."""
    report.heading("All settings of a network")
    rows = []
    for n_inputs, n_hidden, n_points in SIZES[:3] if args.short else SIZES:
        network, data = _random_problem(n_inputs, n_hidden, n_points)
        accuracy_landscape(network, data)  # compiled
        seconds = [_time(accuracy_landscape, network, data, n_threads=n) for n in (1, 2)]
        peer = f"{_time(_by_numpy, network, data):.2f}" if network.n_qubits <= 24 else "-"
        ratio = f"{float(peer) / seconds[0]:.0f}" if peer != "-" else "-"
        rows.append(
            [
                network.n_qubits, n_inputs, n_hidden, n_points, *(f"{s:.3f}" for s in seconds),
                f"{network.n_states / seconds[1] / 1e6:.0f}", peer, ratio,
            ]
        )  # fmt: skip
    report.table(
        ["W", "bits", "units", "points", "seconds, 1 thread", "2 threads", "million settings/s",
         "numpy, 1 thread", "ratio"], rows,
    )  # fmt: skip
    report.line(
        "Random bits with random labels, no two points merged. numpy: the same packed truth "
        "tables, majority by logical operations on whole arrays, ``bitwise_count``; best of 3 "
        "runs each."
    )
    _run_memory(report, (10,) if args.short else (10, 11, 12, 13))


def _random_problem(n_inputs, n_hidden, n_points, seed=0):
    """Points that stay apart, each its own slot, whatever they are: the worst case."""
    rng = np.random.default_rng(seed)
    network = BinaryNetwork(n_inputs, n_hidden, fit_bias=True)
    rows = rng.choice([-1, 1], (n_points, n_inputs)).astype(np.int8)
    labels = rng.random(n_points) < 0.5
    return network, LabelledPatterns(rows, labels.astype(np.int64), (~labels).astype(np.int64))


def _time(function, *arguments, **more):
    best = np.inf
    for _ in range(3):
        started = time.perf_counter()
        function(*arguments, **more)
        best = min(best, time.perf_counter() - started)
    return best


def _by_numpy(network, data):
    """Scores and histogram by array operations; units' outputs are taken as given."""
    scorer = NetworkScorer(network, data)
    table, labels, is_slot = scorer._table, scorer._labels, scorer._is_slot
    scores = np.empty((scorer.n_settings,) * network.n_hidden, np.uint16)
    for last in range(scorer.n_settings):
        total = 0
        for word, outputs in enumerate(table):
            one = outputs[last]
            if network.n_hidden == 2:
                network_outputs = outputs | one
            else:
                two, three = outputs[:, np.newaxis], outputs
                network_outputs = ((two | three) & one) | (two & three)
            right = ~(network_outputs ^ labels[word]) & is_slot[word]
            total = total + np.bitwise_count(right).astype(np.uint16)
        scores[last] = total
    return scores, np.bincount(scores.ravel(), minlength=data.total + 1)


def _run_memory(report, sizes):
    """Peak memory of a process that makes one landscape."""
    report.heading("Memory and time of one landscape of 128 points, in a process of its own")
    script = (
        "import re, sys, time\n"
        "sys.path.insert(0, {folder!r})\n"
        "from grover_bnn import _random_problem, accuracy_landscape\n"
        "status = lambda: open('/proc/self/status').read()\n"
        "peak = lambda: int(re.search(r'VmHWM:\\s+(\\d+)', status())[1]) / 1024\n"
        "small = _random_problem(3, 2, 8); accuracy_landscape(*small)\n"
        "before, started = peak(), time.perf_counter()\n"
        "accuracy_landscape(*_random_problem({n_inputs}, 2, 128), n_threads=2)\n"
        "print(time.perf_counter() - started, before, peak())\n"
    )
    rows = []
    for n_inputs in sizes:
        filled = script.format(folder=str(Path(__file__).parent), n_inputs=n_inputs)
        run = subprocess.run([sys.executable, "-c", filled], capture_output=True, check=True)
        seconds, before, peak = map(float, run.stdout.split())
        size = 2 * (n_inputs + 2)
        rows.append(
            [
                size, f"{seconds:.2f}", f"{peak:.0f}", f"{peak - before:.0f}",
                f"{(peak - before) * 2**20 / 2**size:.2f}",
            ]
        )  # fmt: skip
    report.table(
        ["W", "seconds, 2 threads", "peak, MiB", "above imports, MiB", "bytes a setting"], rows
    )


# --- all of it ----------------------------------------------------------------------------------

SECTIONS = {
    "problems": run_problems,
    "search": run_search,
    "circuits": run_circuits,
    "speed": run_speed,
    "accuracy": run_accuracy,
    "controls": run_controls,
    "random": run_random,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--short", action="store_true", help="small sizes, to see that it runs")
    parser.add_argument(
        "--output", type=Path, default=ROOT / "benchmarks" / "results" / "grover_bnn"
    )
    parser.add_argument("--repeats", type=int, default=5, help="of 5-fold cross-validations")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    for name in args.only:
        report = Report(args.output / f"{name}.rst", f"grover_bnn.py --only {name}")
        SECTIONS[name](args, report)


if __name__ == "__main__":
    main()
