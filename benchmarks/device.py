"""The mock device: embeddings, runtime, searches, training at an unknown temperature, errors.

Run all of it (about half an hour on 2 cores, of which minorminer's stars are six minutes), or some
sections::

    python benchmarks/device.py --mnist mnist.npz --fashion fashion_mnist_900.npz
    python benchmarks/device.py --mnist mnist.npz --only runtime grid

Writes tables (reStructuredText) and figures to ``--output``. No section touches a real device, and
what one recovers of the mock's temperature are the mock's own settings.
"""

import argparse
import os
import tempfile
import time
import warnings
from pathlib import Path

import dwave.graphs
import joblib
import matplotlib
import numpy as np
from device_embeddings import draw, embed, embed_by_minorminer, embed_stars
from paper_sampled_mlp import FASHION, MNIST
from reports import Report
from sampled_mlp import accuracy_curve, load, name_of, paper_figures, steps_to_70
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV

from qsklearn import QuantumSampledMLPClassifier
from qsklearn.samplers import (
    EmbeddedSampler,
    GibbsSampler,
    MockQPUSampler,
    SimulatedAnnealingSampler,
    estimate_static_offsets,
)
from qsklearn.samplers._embedding_cache import embedding_counts

matplotlib.use("Agg")
import matplotlib.pyplot as plt

ROOT = Path(__file__).parents[1]
SUCCESS = 0.6
TRUE_BETA = 6.1  # the ideal mock's


def star(n_rays, rng, beta=TRUE_BETA, spread=1.0):
    """Fields (1, n) and couplings of a star as small weights make it, for a device of that beta."""
    J = np.zeros((n_rays + 1,) * 2)
    J[0, 1:] = J[1:, 0] = rng.normal(0, 0.1 * spread, n_rays) / beta
    return rng.normal(0, 0.3 * spread, (1, n_rays + 1)) / beta, J


# --- embeddings ---------------------------------------------------------------------------------


def run_stars(args, report):
    embed_stars(report)


def run_minorminer(args, report):
    embed_by_minorminer(report)


def run_pictures(args, report):
    draw(report, ROOT / "docs" / "_static")


# --- runtime against the model's size, as the paper's Fig. 5 ------------------------------------

SIZES = (10, 30, 100, 300, 548, 1000, 2000, 3500, 5100)


def run_runtime(args, report):
    """100 draws of the output of a star: by a matrix product, Gibbs, annealing, and a device."""
    report.heading("Time of 100 draws of a star's output, against its size (P16, no defects)")
    rng = np.random.default_rng(0)
    device = MockQPUSampler("ideal", num_threads=1)
    rows = []
    for n_rays in SIZES[:5] if args.short else SIZES:
        h, J = star(n_rays, rng)
        times = {
            "matrix product": least_time(lambda h=h, J=J: product_draws(h, J, rng)),
            "gibbs": least_time(draws_of(GibbsSampler(num_threads=1), h, J)),
            "annealing": least_time(draws_of(SimulatedAnnealingSampler(num_threads=1), h, J)),
        }
        embedded = draws_of(EmbeddedSampler(device), h, J)
        info = embedded()[2]
        times["device, sampling"] = info["qpu_sampling_time"] * 1e-6
        times["device, programming"] = info["qpu_programming_time"] * 1e-6
        times["embedding"] = embed("P16", n_rays)[0]
        times["the mock itself"] = least_time(embedded)
        rows.append((n_rays, times))
    header = ["K", *rows[0][1]]
    report.table(header, [[k, *(f"{t * 1e3:.3g}" for t in times.values())] for k, times in rows])
    report.line(
        "Milliseconds. Product, gibbs, annealing: least CPU time of 5, one thread, 100 reads (100 "
        "sweeps). Device: D-Wave's timing model for Advantage, 20 microseconds of annealing, "
        "readout and delay a read, after programming. Embedding: CPU time, once for all calls. "
        "The mock's own simulation is no property of a device."
    )
    _plot_runtime(rows, args.output)


def product_draws(h, J, rng):
    """P(hub up) with the rays summed out, by one product with the couplings; then Bernoulli."""
    up, down = h[0, 1:] + J[0, 1:], h[0, 1:] - J[0, 1:]
    log_odds = -2 * h[0, 0] + np.logaddexp(up, -up).sum() - np.logaddexp(down, -down).sum()
    return rng.random(100) < 1 / (1 + np.exp(-log_odds))


def draws_of(sampler, h, J):
    return lambda: sampler.sample_arrays(h, J, beta=1.0, num_reads=100, seed=0, keep=[0])


def least_time(call, repeats=5):
    call()  # compiles
    least = np.inf
    for _ in range(repeats):
        began = time.process_time()
        call()
        least = min(least, time.process_time() - began)
    return least


def _plot_runtime(rows, output):
    figure, axis = plt.subplots(figsize=(6, 4), layout="constrained")
    sizes = [n_rays for n_rays, _ in rows]
    for name in rows[0][1]:
        style = "--" if name in ("embedding", "the mock itself") else "o-"
        axis.loglog(sizes, [times[name] for _, times in rows], style, label=name, markersize=3)
    axis.set(xlabel="K, spins beside the output", ylabel="seconds for 100 draws")
    axis.legend(fontsize="small")
    figure.savefig(output / "runtime.png", dpi=110)
    plt.close(figure)


# --- one embedding for a search -----------------------------------------------------------------


def run_grid(args, report):
    """GridSearchCV of 3 beliefs x 3 folds: embeddings that were computed, and wall time."""
    from dwave.system import LazyFixedEmbeddingComposite

    report.heading("GridSearchCV, 3 beta_eff x 3 folds and a refit, 64-64-1 on digits 3 and 8")
    X, y = load_digits(return_X_y=True)
    chosen = np.isin(y, (3, 8))
    X, y = X[chosen][:60] / 16, y[chosen][:60]
    device = MockQPUSampler("ideal", seed=0)
    bare = LazyFixedEmbeddingComposite(device, find_embedding=_CountedSearch())
    contenders = {
        "EmbeddedSampler": EmbeddedSampler(device),
        "EmbeddedSampler, a model a call": EmbeddedSampler(device, max_parallel=1),
        "LazyFixedEmbeddingComposite, bare": bare,
    }
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["QSKLEARN_CACHE_DIR"] = folder
        for name, sampler in contenders.items():
            before, searches = embedding_counts()["computed"], len(_SEARCHES)
            network = QuantumSampledMLPClassifier(
                n_hidden=64, sampler=sampler, num_reads=20, batch_size=10, max_iter=4,
                learning_rate_init=0.03, random_state=0,
            )  # fmt: skip
            search = GridSearchCV(network, {"beta_eff": [3.05, 6.1, 12.2]}, cv=3)
            began = time.perf_counter()
            search.fit(X, y)
            seconds = time.perf_counter() - began
            computed = embedding_counts()["computed"] - before
            computed += len(_SEARCHES) - searches
            rows.append((name, computed, f"{seconds:.1f}", f"{search.best_score_:.3f}"))
        os.environ.pop("QSKLEARN_CACHE_DIR")
    report.table(["sampler", "embeddings computed", "wall seconds", "best accuracy"], rows)
    report.line(
        f"A bare composite takes {float(rows[2][2]) / float(rows[0][2]):.1f} times as long: it is "
        "deep-copied by each clone, forgets its embedding, programs one data point a call, and "
        "ties its chains by dwave-system's default, torque compensation, too weakly for draws."
    )


_SEARCHES = []


class _CountedSearch:
    """minorminer's search, counted; a class, because composites are deep-copied."""

    def __call__(self, *arguments, **keywords):
        import minorminer

        _SEARCHES.append(1)
        return minorminer.find_embedding(*arguments, **keywords)


# --- training at an unknown temperature ---------------------------------------------------------


def settings_of(name):
    """Settings of the estimator; samplers are made in the worker, so that drift starts anew."""
    if name == "gibbs":
        return {"gradient": "sampled", "sampler": "gibbs", "num_reads": 100}
    profile, _, belief = name.partition(" ")
    device = MockQPUSampler(profile, seed=0, num_threads=1)
    beta_eff = float(belief) if belief else "auto"
    return {
        "gradient": "sampled", "sampler": EmbeddedSampler(device), "num_reads": 100,
        "beta_eff": beta_eff,
    }  # fmt: skip


def run_training(args, report):
    """20 images, 20 steps: the paper's tables with the mock in the place of its QPU."""
    problems = [("mnist", pair) for pair in (list(MNIST)[:2] if args.short else MNIST)]
    if args.fashion:
        problems += [("fashion", pair) for pair in (list(FASHION)[:1] if args.short else FASHION)]
    methods = ("gibbs", "ideal", "advantage")
    results = train(args, problems, methods, 0.003)
    report.heading(f"20 images, batch 5, 20 steps, Adam 0.003, {args.runs} runs a pair")
    tables = [], [], []
    n_within = dict.fromkeys(methods[1:], 0)
    gaps = {method: [] for method in methods[1:]}
    for problem in problems:
        accuracy, steps, success = paper_figures(problem)
        cells = [[name_of(problem)] for _ in tables]
        for method in methods:
            curves = results[problem, method]
            final = curves[:, -1]
            cells[0].append(f"{final.mean():.3f} ± {_error(final):.3f}")
            cells[1].append(steps_to_70(curves))
            cells[2].append(f"{100 * np.mean(final >= SUCCESS):.0f}")
            if method != "gibbs":
                gap = final - results[problem, "gibbs"][:, -1]  # the same images and start
                gaps[method].extend(gap)
                n_within[method] += gap.mean() > -2 * _error(gap)
                cells[0].append(f"{gap.mean():+.3f} ± {_error(gap):.3f}")
        for table, row, figure in zip(tables, cells, (accuracy, steps, success), strict=True):
            table.append([*row, figure[2] or ">20"])
    header = ["pair", "gibbs", "ideal", "advantage", "paper: QPU"]
    paired = ["pair", "gibbs", "ideal", "less gibbs", "advantage", "less gibbs", "paper: QPU"]
    for title, columns, rows in (
        ("Final test accuracy (standard error over runs)", paired, tables[0]),
        ("Step at which accuracy first surpasses 70 %", header, tables[1]),
        (f"Success, per cent (final accuracy >= {SUCCESS})", header, tables[2]),
    ):
        report.line(f"\n{title}\n")
        report.table(columns, rows)
    for method, gap in gaps.items():
        report.line(
            f"- {method}, beta_eff='auto': within 2 standard errors of gibbs, or above, on "
            f"{n_within[method]} of {len(problems)} pairs; over all runs {np.mean(gap):+.4f} ± "
            f"{_error(gap):.4f}"
        )


def run_beliefs(args, report):
    """A fixed belief about the temperature: that of the mock, and wrong ones."""
    beliefs = [f"ideal {TRUE_BETA * factor}" for factor in (0.25, 0.5, 1.0, 2.0, 4.0)]
    problems = [("mnist", pair) for pair in ((2, 3), (3, 9), (4, 8))][: 1 if args.short else 3]
    methods = ("gibbs", "ideal", *beliefs)
    report.heading(f"A belief that is right or wrong, {args.runs} runs, ideal at β = {TRUE_BETA}")
    results = train(args, problems, methods, 0.003)
    rows = []
    for method in methods:
        row = [{"gibbs": "gibbs", "ideal": "auto"}.get(method) or method.split()[1]]
        every = []
        for problem in problems:
            gap = results[problem, method][:, -1] - results[problem, "gibbs"][:, -1]
            every.extend(gap)
            row.append(f"{results[problem, method][:, -1].mean():.3f}")
        rows.append([*row, f"{np.mean(every):+.4f} ± {_error(every):.4f}"])
    report.table(["beta_eff", *map(name_of, problems), "less gibbs, all pairs"], rows)
    report.line(
        "A grid over beta_eff looks for the mock's own setting, 6.1; on a device it would look for "
        "the device's. A belief that is too low programs energies that are too large, and draws "
        "too cold; twenty steps do not mind one that is too high."
    )


def train(args, problems, methods, rate):
    """Accuracy curves (runs, steps) of each problem and method."""
    tasks = [(p, method, run) for p in problems for method in methods for run in range(args.runs)]
    sources = {source for source, _ in problems}
    data = {source: load(args, source) for source in sources}
    curves = joblib.Parallel(n_jobs=args.jobs, batch_size=4)(
        joblib.delayed(accuracy_curve)(data[p[0]], p, settings_of(method), rate, run)
        for p, method, run in tasks
    )
    results = {}
    for (problem, method, _), curve in zip(tasks, curves, strict=True):
        results.setdefault((problem, method), []).append(curve)
    return {key: np.array(value) for key, value in results.items()}


def _error(values):
    return np.std(values, ddof=1) / np.sqrt(len(values))


# --- the effective temperature ------------------------------------------------------------------


def run_temperature(args, report):
    """How often the estimate is within 3 standard errors, on the noise-free profile."""
    n_calls = 20 if args.short else 200
    report.heading(f"Estimates of β_eff on the ideal mock, {n_calls} calls of 100 reads each")
    graph = dwave.graphs.pegasus_graph(4)
    rows = []
    for name, make in (
        ("star of 549, as untrained weights", lambda rng: star(548, rng)),
        ("star of 549, weights 3 times as large", lambda rng: star(548, rng, spread=3.0)),
        ("star of 65", lambda rng: star(64, rng)),
        ("native Pegasus P4, ~ N(0, 0.1)", lambda rng: native(graph, rng, 0.1)),
        ("native Pegasus P4, ~ N(0, 0.3)", lambda rng: native(graph, rng, 0.3)),
        ("K12, chains", lambda rng: clique(12, rng)),
    ):
        for method in ("pseudo-likelihood", "moment-matching"):
            if method == "moment-matching" and "549" in name:
                continue
            z = np.array(joblib.Parallel(args.jobs)(
                joblib.delayed(_z_score)(make(np.random.default_rng([run, 7])), method, run)
                for run in range(n_calls)
            ))  # fmt: skip
            rows.append([
                name, method, f"{np.mean(np.abs(z) < 3):.3f}", f"{z.mean():+.2f}", f"{z.std():.2f}",
            ])  # fmt: skip
    report.table(["model", "method", "within 3 s.e.", "mean z", "spread of z"], rows)


def native(graph, rng, spread):
    """Fields and couplings on a part of the chip, whose spins are its qubits."""
    nodes = sorted(graph)
    place = {node: at for at, node in enumerate(nodes)}
    J = np.zeros((len(nodes),) * 2)
    for a, b in graph.edges:
        J[place[a], place[b]] = J[place[b], place[a]] = rng.normal(0, spread)
    return rng.normal(0, spread, (1, len(nodes))), J


def clique(n_spins, rng):
    J = np.triu(rng.normal(0, 0.5, (n_spins, n_spins)), 1) / TRUE_BETA / np.sqrt(n_spins)
    return rng.normal(0, 0.5, (1, n_spins)) / TRUE_BETA, J + J.T


def _z_score(model, method, run):
    h, J = model
    if h.shape[1] == 264:
        shape = {"topology_shape": [4], "topology_type": "pegasus"}
        chains = {at: (node,) for at, node in enumerate(sorted(dwave.graphs.pegasus_graph(4)))}
    else:
        shape, chains = {}, None
    sampler = EmbeddedSampler(
        MockQPUSampler("ideal", num_threads=1, **shape), temperature_method=method, embedding=chains
    )
    info = sampler.sample_arrays(h, J, beta=1.0, num_reads=100, seed=run)[2]
    return (info["beta_eff"] - TRUE_BETA) / info["beta_eff_stderr"]


def run_errors(args, report):
    """The bias of the estimate under control errors, and what compensation leaves of it."""
    n_calls = 5 if args.short else 50
    report.heading(
        f"β_eff estimated / true, native Pegasus P4 with h, J ~ N(0, 0.1), {n_calls} calls"
    )
    graph = dwave.graphs.pegasus_graph(4)
    chains = {at: (node,) for at, node in enumerate(sorted(graph))}
    model = native(graph, np.random.default_rng(1), 0.1)
    rows = []
    for size in (0.0, 0.01, 0.02, 0.05, 0.1, 0.2):
        row = [size]
        for kind in ("noise", "offset"):
            errors = {f"h_{kind}": size, f"j_{kind}": size}
            device = MockQPUSampler("ideal", topology_type="pegasus", topology_shape=[4], **errors)
            row.append(_ratio(EmbeddedSampler(device, embedding=chains), *model, n_calls))
        found = estimate_static_offsets(device, num_calls=5, beta_eff=TRUE_BETA, seed=0)
        sampler = EmbeddedSampler(device, embedding=chains, offsets=found)
        row.append(_ratio(sampler, *model, n_calls))
        gauged = EmbeddedSampler(device, embedding=chains, num_spin_reversal_transforms=10)
        row.append(_ratio(gauged, *model, n_calls))
        rows.append(row)
    report.table(
        ["standard deviation", "fresh noise", "static offsets", "offsets compensated",
         "offsets, 10 gauges"], rows,
    )  # fmt: skip
    report.line(
        "In the device's units, of h and J alike. Errors that the estimator does not know of look "
        "like heat. Compensation takes off what five calls of 1000 reads without biases tell of "
        "the offsets."
    )


def _ratio(sampler, h, J, n_calls):
    found = [
        sampler.sample_arrays(h, J, beta=1.0, num_reads=100, seed=run)[2]["beta_eff"] / TRUE_BETA
        for run in range(n_calls)
    ]
    return f"{np.mean(found):.3f} ± {_error(found):.3f}"


# --- timing and ranges --------------------------------------------------------------------------


def run_limits(args, report):
    """The mock's timing beside D-Wave's model, and programs out of range."""
    report.heading("Timing beside dwave-cloud-client's estimate, microseconds")
    from types import SimpleNamespace

    from dwave.cloud.solver import StructuredSolver

    rows = []
    for profile, n_qubits, settings in (
        ("advantage", 1, {"num_reads": 1}),
        ("advantage", 591, {"num_reads": 100}),
        ("advantage", 5000, {"num_reads": 1000, "annealing_time": 50.0}),
        ("2000q-lower-noise", 300, {"num_reads": 500, "anneal_schedule": [[0, 0], [30.0, 1]]}),
        ("advantage2", 1000, {"num_reads": 250, "readout_thermalization": 100.0}),
        ("advantage2", 4000, {"num_reads": 100, "programming_thermalization": 5000.0}),
    ):
        device = MockQPUSampler(profile, num_sweeps=2)
        program = {qubit: 0.1 for qubit in device.nodelist[:n_qubits]}
        timing = device.sample_ising(program, {}, **settings).info["timing"]
        properties = {"problem_timing_data": device.properties["problem_timing_data"]}
        published = StructuredSolver.estimate_qpu_access_time(
            SimpleNamespace(properties=properties), n_qubits, **settings
        )
        ours = timing["qpu_access_time"]
        words = ", ".join(f"{key} {value}" for key, value in settings.items())
        rows.append([profile, n_qubits, words, f"{ours:.1f}", f"{published:.1f}",
                     f"{100 * (ours / published - 1):+.4f} %"])  # fmt: skip
    report.table(["profile", "qubits", "call", "mock", "published", "difference"], rows)
    _report_ranges(report, 30 if args.short else 300)


def _report_ranges(report, n_programs):
    report.heading(f"Random programs, of which most are out of range ({n_programs} of each device)")
    from dwave.cloud.exceptions import InvalidProblemError

    rng = np.random.default_rng(0)
    rows = []
    for profile in ("2000q-baseline", "advantage", "advantage2"):
        device = MockQPUSampler(profile, num_sweeps=2)
        counts = {"in range": 0, "refused": 0, "scaled": 0, "by EmbeddedSampler": 0}
        wrong = 0
        for _ in range(n_programs):
            h, J = _random_program(device, rng)
            fits = _fits(device, h, J)
            counts["in range"] += fits
            try:
                device.sample_ising(h, J, auto_scale=False)
                refused = False
            except InvalidProblemError:
                refused = True
            counts["refused"] += refused
            wrong += refused == fits
            counts["scaled"] += len(device.sample_ising(h, J, num_reads=1)) == 1
            scaled = EmbeddedSampler(device, scaling="scale").sample_ising(h, J, num_reads=1)
            counts["by EmbeddedSampler"] += (scaled.info["scale"] < 1) == (not fits)
        rows.append([profile, *counts.values(), wrong])
    report.table(
        ["profile", "in range", "refused", "scaled by auto_scale", "scaled by EmbeddedSampler if "
         "need be", "wrong decisions"], rows,
    )  # fmt: skip


def _random_program(device, rng):
    """Biases on a qubit and its neighbours, of sizes about the limits."""
    hub = int(rng.choice(device.nodelist))
    size = rng.choice([0.5, 1.0, 1.5])
    J = {(hub, other): float(rng.uniform(-2.1, 1.05) * size) for other in device.adjacency[hub]}
    return {hub: float(rng.normal(0, 2) * size)}, J


def _fits(device, h, J):
    """Counted anew, without the package's own ranges."""
    properties = device.properties
    low, high = properties["extended_j_range"]
    fits = all(low <= value <= high for value in J.values())
    fits &= all(properties["h_range"][0] <= v <= properties["h_range"][1] for v in h.values())
    hub = next(iter(h))
    if "per_group_coupling_range" in properties:
        from dwave.system.coupling_groups import coupling_groups

        low, high = properties["per_group_coupling_range"]
        mine = device.to_networkx_graph().subgraph([hub, *(b for _, b in J)])
        for group in coupling_groups(mine):
            total = sum(J.get((q, p), J.get((p, q), 0.0)) for p, q in group)
            fits &= low <= total <= high
    else:
        low, high = properties["per_qubit_coupling_range"]
        fits &= low <= sum(J.values()) <= high
    return bool(fits)


SECTIONS = {
    "stars": run_stars,
    "runtime": run_runtime,
    "grid": run_grid,
    "training": run_training,
    "beliefs": run_beliefs,
    "temperature": run_temperature,
    "errors": run_errors,
    "limits": run_limits,
    "pictures": run_pictures,
    "minorminer": run_minorminer,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mnist", type=Path, help="mnist.npz; needed by training and beliefs")
    parser.add_argument("--fashion", type=Path, help="fashion_mnist.npz, with X and y")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results" / "device")
    parser.add_argument("--runs", type=int, default=10, help="runs a pair")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", nargs="+", choices=list(SECTIONS), default=list(SECTIONS))
    parser.add_argument("--short", action="store_true", help="small sizes, to see that it runs")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")  # runs of 20 steps never converge, and say so
    os.environ.setdefault("PYTHONWARNINGS", "ignore")  # the same in workers
    for section in args.only:
        report = Report(args.output / f"{section}.rst", f"device.py --only {section}")
        SECTIONS[section](args, report)


if __name__ == "__main__":
    main()
