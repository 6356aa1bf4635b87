"""The sampled MLP against its paper, at the paper's size of 784-548-1.

Run all of it (about 20 minutes on 2 cores), or some sections::

    python benchmarks/sampled_mlp.py --mnist mnist.npz --fashion fashion_mnist_900.npz
    python benchmarks/sampled_mlp.py --mnist mnist.npz --only step temperature

Writes tables (reStructuredText) and figures to ``--output``. The Fashion-MNIST pairs need an
archive with X and y.
"""

import argparse
import resource
import time
import warnings
from pathlib import Path

import joblib
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from paper_sampled_mlp import FASHION, FASHION_NAMES, MNIST
from reports import Report
from sklearn.metrics import log_loss

from qsklearn import QuantumSampledMLPClassifier
from qsklearn.datasets import fetch_fashion_mnist, fetch_mnist
from qsklearn.hamiltonians import SampledMLPHamiltonian
from qsklearn.samplers import GibbsSampler, NealSampler, SimulatedAnnealingSampler

N_HIDDEN = 548
METHODS = {
    "backprop": {"gradient": "backprop"},
    "exact": {"gradient": "exact"},
    "gibbs": {"gradient": "sampled", "sampler": "gibbs", "num_reads": 100},
}
STYLES = {"backprop": ("tab:gray", "-"), "exact": ("tab:blue", "--"), "gibbs": ("tab:orange", ":")}
SUCCESS = 0.6  # final accuracy that chance (0.5) does not reach


# --- the equivalence of section 5.1 -------------------------------------------------------------


def run_equivalence(args, report):
    """Backpropagation and exact likelihood from the same start on the same batches."""
    n_steps = 8 if args.short else 60
    report.heading(
        f"Equivalence of MLP and EBM, 784-548-1, batch 1000, Adam 0.001, {n_steps} steps"
    )
    pairs = ((0, 1), (2, 3), (5, 7), (3, 9), (4, 8), (6, 8))
    rows = []
    for pair in pairs[:2] if args.short else pairs:
        started = time.perf_counter()
        curves = _train_both(args, pair, n_steps)
        last = {name: values[-1] for name, values in curves.items()}
        gap = max(
            abs(last["mlp accuracy own"] - last["mlp accuracy other"]),
            abs(last["ebm accuracy own"] - last["ebm accuracy other"]),
        )
        rows.append(
            [
                f"{pair[0]}-{pair[1]}", f"{last['kl']:.1e}", f"{last['mlp accuracy own']:.4f}",
                f"{last['mlp accuracy other']:.4f}", f"{last['ebm accuracy own']:.4f}",
                f"{last['ebm accuracy other']:.4f}", f"{gap:.4f}",
                f"{time.perf_counter() - started:.0f}",
            ]
        )  # fmt: skip
        _plot_equivalence(curves, pair, args.output)
    report.table(
        ["digits", "symmetrised KL (nats)", "MLP own", "MLP with EBM's", "EBM own",
         "EBM with MLP's", "largest gap", "seconds"], rows,
    )  # fmt: skip


def _train_both(args, pair, n_steps, batch_size=1000):
    train = fetch_mnist(path=args.mnist, subset="train", classes=list(pair))
    test = fetch_mnist(path=args.mnist, subset="test", classes=list(pair))
    parameters = {
        "n_hidden": N_HIDDEN, "learning_rate_init": 0.001, "batch_size": batch_size,
        "random_state": 0,
    }  # fmt: skip
    mlp = QuantumSampledMLPClassifier(gradient="backprop", **parameters)
    ebm = QuantumSampledMLPClassifier(gradient="exact", **parameters)
    rng = np.random.default_rng(0)
    curves = {"step": []}
    order = np.empty(0, int)
    for step in range(1, n_steps + 1):
        if len(order) < batch_size:
            order = rng.permutation(len(train.target))
        rows, order = order[:batch_size], order[batch_size:]
        for model in (mlp, ebm):
            model.partial_fit(train.data[rows], train.target[rows], classes=list(pair))
        if step % 4 == 0 or step in (1, 2, n_steps):
            curves["step"].append(step)
            for name, value in _evaluate_both(mlp, ebm, train, test).items():
                curves.setdefault(name, []).append(value)
    return curves


def _evaluate_both(mlp, ebm, train, test, n_train=2000):
    """Loss and accuracy of MLP and EBM with their own and the other's weights."""
    values = {}
    probabilities = []
    for name, own, other in (("mlp", mlp, ebm), ("ebm", ebm, mlp)):
        for whose, model in (("own", own), ("other", other)):
            model.set_params(predict_with=name)
            X, y = train.data[:n_train], train.target[:n_train]
            loss = (
                log_loss(y, model.predict_proba(X))
                if name == "mlp"
                else -model.log_likelihood(X, y).mean()
            )
            values[f"{name} loss {whose}"] = loss
            predicted = model.predict_proba(test.data)
            values[f"{name} accuracy {whose}"] = np.mean(
                model.classes_[predicted.argmax(axis=1)] == test.target
            )
            if name == "mlp":
                probabilities.append(np.clip(predicted, 1e-12, None))
    p, q = probabilities
    values["kl"] = float(((p - q) * np.log(p / q)).sum(axis=1).mean())
    return values


def _plot_equivalence(curves, pair, output):
    figure, axes = plt.subplots(2, 2, figsize=(9, 6), sharex=True, layout="constrained")
    for column, (name, title) in enumerate((("mlp", "MLP"), ("ebm", "EBM"))):
        sign = 1 if name == "mlp" else -1
        for whose, style in (("own", "k-"), ("other", "C1--")):
            label = f"{title}, {'its own' if whose == 'own' else 'the other’s'} weights"
            loss = sign * np.array(curves[f"{name} loss {whose}"])
            axes[0, column].plot(curves["step"], loss, style, label=label)
            accuracy = curves[f"{name} accuracy {whose}"]
            axes[1, column].plot(curves["step"], accuracy, style, label=label)
        axes[0, column].set_title(title)
        axes[0, column].legend()
        axes[1, column].set(xlabel="step", ylabel="test accuracy")
    axes[0, 0].set_ylabel("cross-entropy (nats)")
    axes[0, 1].set_ylabel("log conditional likelihood (nats)")
    kl = axes[1, 0].twinx()
    kl.semilogy(curves["step"], curves["kl"], ":", color="tab:red")
    kl.set_ylabel("symmetrised KL (nats), dotted", color="tab:red")
    figure.suptitle(
        f"Digits {pair[0]} and {pair[1]}: each model with its own and the other’s weights"
    )
    figure.savefig(output / f"equivalence_{pair[0]}_{pair[1]}.png", dpi=110)
    plt.close(figure)


# --- twenty images of section 5.2 ---------------------------------------------------------------


def run_twenty_images(args, report):
    """20 training images, batch 5, exactly 20 steps, at the paper's rate and at ours."""
    n_pairs = 2 if args.short else None
    problems = [("mnist", pair) for pair in list(MNIST)[:n_pairs]]
    problems += [("fashion", pair) for pair in list(FASHION)[:n_pairs]] if args.fashion else []
    tasks = [
        (problem, method, rate, run)
        for problem in problems
        for method in METHODS
        for rate in (0.003, 0.1)
        for run in range(args.runs)
    ]
    started = time.perf_counter()
    data = {source: load(args, source) for source in {source for source, _ in problems}}
    curves = joblib.Parallel(n_jobs=args.jobs, batch_size=4)(
        joblib.delayed(accuracy_curve)(data[problem[0]], problem, METHODS[method], rate, run)
        for problem, method, rate, run in tasks
    )
    results = {}
    for (problem, method, rate, _), curve in zip(tasks, curves, strict=True):
        results.setdefault((problem, method, rate), []).append(curve)
    results = {key: np.array(value) for key, value in results.items()}
    seconds = time.perf_counter() - started
    for rate in (0.003, 0.1):
        _report_rate(results, problems, rate, args.runs, report)
    report.line(f"\n{len(tasks)} runs in {seconds:.0f} s with {args.jobs} processes.")
    _plot_curves(results, problems, args.output)


def load(args, source):
    """Arrays only, so that they are cheap to ship to workers."""
    if source == "fashion":
        fashion = fetch_fashion_mnist(path=args.fashion)
        return fashion.data, fashion.target, None, None
    digits = sorted({digit for pair in MNIST for digit in pair})
    train = fetch_mnist(
        path=args.mnist, subset="train", classes=digits, n_samples=10_000, random_state=0
    )
    test = fetch_mnist(path=args.mnist, subset="test", classes=digits)
    return train.data, train.target, test.data, test.target


def accuracy_curve(data, problem, settings, rate, run):
    """Test accuracy after each of 20 steps of a run of the estimator with some settings."""
    X, y, X_test, y_test = data
    rng = np.random.default_rng([run, *problem[1], problem[0] == "fashion"])
    rows = [rng.permutation(np.flatnonzero(y == label)) for label in problem[1]]
    chosen = np.concatenate([some[:10] for some in rows])
    if X_test is None:  # one small set: test on all that was not trained on
        rest = np.concatenate([some[10:] for some in rows])
        X_test, y_test = X[rest], y[rest]
    else:
        inside = np.isin(y_test, problem[1])
        X_test, y_test = X_test[inside], y_test[inside]
    model = QuantumSampledMLPClassifier(
        n_hidden=N_HIDDEN, learning_rate_init=rate, batch_size=5, random_state=run,
        **settings,
    )  # fmt: skip
    curve = []
    for _ in range(5):
        order = rng.permutation(chosen)
        for batch in order.reshape(4, 5):
            model.partial_fit(X[batch], y[batch], classes=list(problem[1]))
            curve.append(model.score(X_test, y_test))
    return curve


def name_of(problem):
    source, pair = problem
    if source == "mnist":
        return f"{pair[0]}-{pair[1]}"
    return "-".join(FASHION_NAMES[label] for label in pair)


def paper_figures(problem):
    return (MNIST if problem[0] == "mnist" else FASHION)[problem[1]]


def steps_to_70(curves):
    """Mean step at which accuracy first surpasses 70 %, over the runs where it does."""
    reached = [np.argmax(curve > 0.7) + 1 for curve in curves if (curve > 0.7).any()]
    return f"{np.mean(reached):.1f}" if reached else ">20"


def _report_rate(results, problems, rate, runs, report):
    report.heading(f"20 images, batch 5, 20 steps, Adam {rate}, {runs} runs a pair")
    tables = {"accuracy": [], "steps": [], "success": []}
    verdicts = {method: [0, 0, 0] for method in METHODS}
    for problem in problems:
        accuracy, steps, success = paper_figures(problem)
        row = [name_of(problem)]
        step_row, success_row = [name_of(problem)], [name_of(problem)]
        for method in METHODS:
            curves = results[problem, method, rate]
            final = curves[:, -1]
            error = final.std(ddof=1) / np.sqrt(len(final))
            row.append(f"{final.mean():.3f} ± {error:.3f}")
            step_row.append(steps_to_70(curves))
            success_row.append(f"{100 * np.mean(final >= SUCCESS):.0f}")
            gap = final.mean() - max(accuracy)
            verdicts[method][0 if gap > 0 else 1 if gap > -2 * error else 2] += 1
        tables["accuracy"].append(row + [f"{value:.4f}" for value in accuracy])
        tables["steps"].append(step_row + [value or ">20" for value in steps])
        tables["success"].append(success_row + list(success))
    paper = ["paper: backprop", "paper: Gibbs", "paper: QPU"]
    for title, rows in (
        ("Final test accuracy (standard error over runs)", tables["accuracy"]),
        ("Step at which accuracy first surpasses 70 %", tables["steps"]),
        (f"Success, per cent (final accuracy >= {SUCCESS})", tables["success"]),
    ):
        report.line(f"\n{title}\n")
        report.table(["pair", *METHODS, *paper], rows)
    for method, (above, close, below) in verdicts.items():
        report.line(
            f"- {method}: above the paper's best column on {above} of {len(problems)} pairs, "
            f"within 2 standard errors below it on {close}, further below on {below}"
        )


def _plot_curves(results, problems, output):
    """As the paper's Fig. 4: mean accuracy and its spread, for both rates."""
    shown = [problem for problem in problems if problem[1] == (2, 3)]
    figure, axes = plt.subplots(
        len(shown), 2, figsize=(9, 3.4 * len(shown)), sharex=True, sharey="row", squeeze=False,
        layout="constrained",
    )  # fmt: skip
    for axis_row, problem in zip(axes, shown, strict=True):
        for axis, rate in zip(axis_row, (0.003, 0.1), strict=True):
            for method, (colour, style) in STYLES.items():
                curves = results[problem, method, rate]
                steps = np.arange(1, curves.shape[1] + 1)
                mean, spread = curves.mean(axis=0), curves.std(axis=0, ddof=1)
                axis.plot(steps, mean, style, color=colour, label=method, linewidth=2)
                axis.fill_between(steps, mean - spread, mean + spread, color=colour, alpha=0.15)
            title = f"{problem[0]} {name_of(problem)}, Adam {rate}"
            axis.set(title=title, xlabel="step", xticks=(1, 5, 10, 15, 20))
        axis_row[0].set_ylabel("test accuracy")
    axes[0, 0].legend(loc="lower right")
    figure.savefig(output / "twenty_images.png", dpi=110)
    plt.close(figure)


# --- the number of reads ------------------------------------------------------------------------


def run_reads(args, report):
    """Accuracy and gradient cosine against num_reads, digits 2 and 3, 20 images."""
    report.heading("Accuracy and gradient cosine against num_reads (digits 2-3, sampler exact)")
    data = load(args, "mnist")
    X_test, y_test = (part[np.isin(data[3], (2, 3))] for part in data[2:])
    rows = []
    for num_reads in (1, 10, 100) if args.short else (1, 3, 10, 30, 100, 300, 1000):
        scores, cosines = [], []
        for run in range(args.runs):
            rng = np.random.default_rng([run, 2, 3, 0])
            chosen = np.concatenate(
                [rng.permutation(np.flatnonzero(data[1] == label))[:10] for label in (2, 3)]
            )
            model = QuantumSampledMLPClassifier(
                n_hidden=N_HIDDEN, sampler="exact", num_reads=num_reads, batch_size=5, max_iter=5,
                diagnostics=True, random_state=run,
            )  # fmt: skip
            model.fit(data[0][chosen], data[1][chosen])
            scores.append(model.score(X_test, y_test))
            cosines.append(np.nanmean(model.gradient_cosine_))
        rows.append([num_reads, *_mean_and_error(scores), *_mean_and_error(cosines)])
    report.table(
        ["num_reads", "accuracy", "s.e.", "gradient cosine", "s.e."],
        [[row[0], *(f"{value:.4f}" for value in row[1:])] for row in rows],
    )
    _plot_reads(np.array(rows, dtype=float), args.output)


def _mean_and_error(values):
    return np.mean(values), np.std(values, ddof=1) / np.sqrt(len(values))


def _plot_reads(rows, output):
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
    for axis, column, label in ((axes[0], 1, "test accuracy"), (axes[1], 3, "gradient cosine")):
        axis.errorbar(rows[:, 0], rows[:, column], 2 * rows[:, column + 1], fmt="o-", color="black")
        axis.set(xscale="log", xlabel="num_reads", ylabel=f"{label} (± 2 s.e.)")
    figure.savefig(output / "num_reads.png", dpi=110)
    plt.close(figure)


# --- one step, and the samplers' temperature ----------------------------------------------------


def run_step(args, report):
    """Seconds and memory of one training step, batch 1000, 100 reads a data point."""
    report.heading("One training step at 784-548-1, batch 1000, 100 reads, 100 sweeps")
    train = fetch_mnist(
        path=args.mnist, subset="train", classes=[3, 8], n_samples=1000, random_state=0
    )
    rows = []
    seconds = {}
    for name, sampler, n_points in (
        ("exact", "exact", 1000),
        ("gibbs", GibbsSampler(num_sweeps=100), 1000),
        ("neal", NealSampler(num_sweeps=100), 100),
    ):
        model = QuantumSampledMLPClassifier(
            n_hidden=N_HIDDEN, sampler=sampler, batch_size=n_points, random_state=0
        )
        X, y = train.data[:n_points], train.target[:n_points]
        model.partial_fit(X[:40], y[:40], classes=[3, 8])  # compiles
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started, cpu = time.perf_counter(), time.process_time()
        model.partial_fit(X, y)
        wall = (time.perf_counter() - started) * 1000 / n_points
        seconds[name] = (time.process_time() - cpu) * 1000 / n_points
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        note = "" if n_points == 1000 else f" (scaled from {n_points} data points)"
        rows.append([name + note, f"{wall:.2f}", f"{seconds[name]:.2f}", f"{grown:.0f}"])
    report.table(["sampler", "wall seconds", "CPU seconds", "peak memory grown by (MiB)"], rows)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    ratio = seconds["neal"] / seconds["gibbs"]
    report.line(
        f"neal in a loop / gibbs: {ratio:.1f} × the CPU time. Peak of it all {peak:.0f} MiB."
    )


def run_temperature(args, report):
    """Pseudo-likelihood β of draws at β = 1 on the 549-spin star of a trained network."""
    from dwave.system.temperatures import maximum_pseudolikelihood_temperature

    report.heading("Pseudo-likelihood β on the 549-spin star at β = 1, 10 data points × 1000 reads")
    train = fetch_mnist(
        path=args.mnist, subset="train", classes=[3, 8], n_samples=1000, random_state=0
    )
    model = QuantumSampledMLPClassifier(
        n_hidden=N_HIDDEN, gradient="exact", batch_size=100, max_iter=10, random_state=0
    ).fit(train.data, train.target)
    hamiltonian = SampledMLPHamiltonian(*model.coefs_, *model.intercepts_, categorical=False)
    family = hamiltonian.build(train.data[:10])
    rows = []
    for sampler in (GibbsSampler(), SimulatedAnnealingSampler(), NealSampler()):
        started = time.perf_counter()
        states, _, _ = sampler.sample_arrays(
            family.fields, family.couplings, beta=1.0, num_reads=1000, seed=0
        )
        seconds = time.perf_counter() - started
        local = family.fields[:, None] + states.astype(float) @ family.couplings
        excess = (2 * states * local).reshape(-1, states.shape[2])
        temperature, _ = maximum_pseudolikelihood_temperature(en1=excess)
        rows.append([type(sampler).__name__, f"{1 / temperature:.4f}", f"{seconds:.2f}"])
    report.table(["sampler", "β", "seconds"], rows)


SECTIONS = {
    "equivalence": run_equivalence,
    "twenty": run_twenty_images,
    "reads": run_reads,
    "step": run_step,
    "temperature": run_temperature,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mnist", required=True, type=Path, help="mnist.npz")
    parser.add_argument("--fashion", type=Path, help="fashion_mnist.npz, with X and y")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/sampled_mlp"))
    parser.add_argument("--runs", type=int, default=10, help="runs a pair")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", nargs="+", choices=list(SECTIONS), default=list(SECTIONS))
    parser.add_argument("--short", action="store_true", help="small sizes, to see that it runs")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")  # runs of 20 steps never converge, and say so
    name = "report.rst" if set(args.only) == set(SECTIONS) else f"{'_'.join(args.only)}.rst"
    report = Report(args.output / name, "sampled_mlp.py")
    for section in args.only:
        SECTIONS[section](args, report)


if __name__ == "__main__":
    main()
