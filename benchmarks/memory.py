"""Peak memory of fits and draws against what they are made of, each in a process of its own.

Run it from anywhere, on Linux, which tells the peak of a part of a process::

    python benchmarks/memory.py
    python benchmarks/memory.py --only samples reads
    python benchmarks/memory.py --short

A row is one process: it imports, makes its data, runs the same on a small case for what is compiled
once, resets the kernel's record of the largest resident set, and runs. What is reported is how far
the resident set rose above what it was before, so the data themselves do not count.
"""

import argparse
import json
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
from reports import Report, is_short

MEGABYTE = 1e6


def peak_of(run):
    """Bytes by which the resident set rises during a call."""
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    run()
    return resident("VmHWM") - before


def resident(name):
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise OSError("This system does not tell how large a process is.")


def table(n_samples, n_features):
    rng = np.random.default_rng(0)
    X = rng.random((n_samples, n_features))
    return X, (X[:, 0] > 0.5).astype(int)


def sampled_mlp(n_samples, n_features, num_reads):
    from qsklearn import QuantumSampledMLPClassifier

    model = QuantumSampledMLPClassifier(
        n_hidden=16, max_iter=2, num_reads=num_reads, sampler="gibbs", random_state=0
    )
    X, y = table(n_samples, n_features)
    return lambda: model.fit(X, y)


def stream(n_chunks, n_samples, n_features):
    """Data that are never there as a whole."""
    from qsklearn import QuantumSampledMLPClassifier

    model = QuantumSampledMLPClassifier(n_hidden=16, num_reads=10, random_state=0)
    rng = np.random.default_rng(0)

    def run():
        for _ in range(n_chunks):
            X = rng.random((n_samples, n_features))
            model.partial_fit(X, (X[:, 0] > 0.5).astype(int), classes=[0, 1])

    return run


def spin_glass(n_samples, n_features, n_bits):
    from qsklearn import SpinGlassAnnealedNetwork

    model = SpinGlassAnnealedNetwork(max_iter=2, n_bits=n_bits, random_state=0)
    X, y = table(n_samples, n_features)
    return lambda: model.fit(X, y)


def annealing(n_spins, num_reads):
    from qsklearn.samplers import SimulatedAnnealingSampler

    rng = np.random.default_rng(0)
    J = rng.normal(size=(n_spins, n_spins))
    J = (J + J.T) / 2 - np.diag(np.diag(J))
    sampler = SimulatedAnnealingSampler(num_sweeps=5, seed=0)
    return lambda: sampler.sample_arrays(np.zeros((1, n_spins)), J, num_reads=num_reads)


def vae(n_samples, n_features):
    from qsklearn import QuantumBoltzmannPriorVAE

    model = QuantumBoltzmannPriorVAE(
        n_latent=16, likelihood="bernoulli", max_iter=1, n_chains=20, random_state=0
    )
    X, _ = table(n_samples, n_features)
    return lambda: model.fit(X)


# name -> (what runs, the argument that varies, its values, the other arguments, what the slope is)
SWEEPS = {
    "samples": (sampled_mlp, "n_samples", (5_000, 20_000, 40_000, 80_000),
                {"n_features": 100, "num_reads": 10}),
    "features": (sampled_mlp, "n_features", (200, 800, 1_600, 3_200),
                 {"n_samples": 2_000, "num_reads": 10}),
    "reads": (sampled_mlp, "num_reads", (100, 1_000, 2_000, 4_000),
              {"n_samples": 500, "n_features": 20}),
    "chunks": (stream, "n_chunks", (5, 20, 80, 160), {"n_samples": 5_000, "n_features": 500}),
    "spins": (annealing, "n_spins", (500, 1_000, 2_000, 3_000), {"num_reads": 32}),
    "states": (annealing, "num_reads", (1_000, 4_000, 8_000, 16_000), {"n_spins": 500}),
    "bits": (spin_glass, "n_bits", (1, 4, 8, 16), {"n_samples": 2_000, "n_features": 200}),
    "layer": (spin_glass, "n_features", (200, 400, 800, 1_600), {"n_samples": 2_000, "n_bits": 4}),
    "images": (vae, "n_samples", (2_000, 4_000, 8_000, 16_000), {"n_features": 784}),
}  # fmt: skip


def measure(name, value):
    """Peak bytes of one case, in this process."""
    make, argument, values, others = SWEEPS[name]
    warnings.simplefilter("ignore")
    make(**{**others, argument: min(values)})()
    return peak_of(make(**{**others, argument: value}))


def in_a_process(name, value):
    command = [sys.executable, __file__, "--case", name, str(value)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def sweep(name, report, values):
    make, argument, _, others = SWEEPS[name]
    peaks = [in_a_process(name, value) for value in values]
    rest = ", ".join(f"{key} {value:,}" for key, value in others.items())
    report.heading(f"{make.__name__.replace('_', ' ')}: {argument}")
    report.line(f"With {rest}.\n")
    report.table(
        [argument, "peak, MB"],
        [[f"{v:,}", f"{p / MEGABYTE:.1f}"] for v, p in zip(values, peaks, strict=True)],
    )
    slope = np.polyfit(values, peaks, 1)[0]
    growth = np.polyfit(np.log(values), np.log(np.maximum(peaks, 1)), 1)[0]
    report.line(f"Slope {slope:,.0f} bytes for each; exponent {growth:.2f}.")
    return values, peaks


def draw(results, path):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 7), layout="constrained")
    axes = figure.subplots(3, 3).ravel()
    for ax, (name, (values, peaks)) in zip(axes, results.items(), strict=False):
        make, argument, _, _ = SWEEPS[name]
        ax.plot(values, np.array(peaks) / MEGABYTE, "o-", color="black", markerfacecolor="white")
        ax.set_ylim(bottom=0)
        ax.set_title(make.__name__.replace("_", " "), fontsize=9)
        ax.set_xlabel(argument, fontsize=9)
        ax.set_ylabel("peak, MB", fontsize=9)
    for ax in axes[len(results) :]:
        ax.set_axis_off()
    figure.savefig(path, dpi=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=SWEEPS, default=list(SWEEPS))
    parser.add_argument("--case", nargs=2, metavar=("SWEEP", "VALUE"), help=argparse.SUPPRESS)
    parser.add_argument("--short", action="store_true")
    parser.add_argument(
        "--output", type=Path, default=Path(__file__).parent / "results" / "reliability"
    )
    args = parser.parse_args()
    if args.case:
        print(json.dumps(measure(args.case[0], int(args.case[1]))))
        return
    args.output.mkdir(parents=True, exist_ok=True)
    report = Report(args.output / "memory.rst", Path(__file__).name)
    report.line("\nRise of the resident set during a call, above what it was with the data made.")
    chosen = {n: SWEEPS[n][2][: 2 if is_short() else None] for n in args.only}
    results = {name: sweep(name, report, values) for name, values in chosen.items()}
    draw(results, args.output / "memory.png")


if __name__ == "__main__":
    main()
