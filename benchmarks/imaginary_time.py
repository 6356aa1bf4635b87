"""The imaginary time circuit: how far from Boltzmann's law, how likely a ground state, how fast.

All of it takes about a minute on 2 cores; needs the extras ``aer`` and ``plot``::

    python benchmarks/imaginary_time.py
    python benchmarks/imaginary_time.py --only law ground

Amplitudes are exact, without shots, except for the time of Aer. Tables (reStructuredText) and a
figure go to ``--output``.
"""

import argparse
import time
from pathlib import Path

import matplotlib
import numpy as np
from reports import Report

from qsklearn.circuits import ImaginaryTimeCircuit, evolve_imaginary_time
from qsklearn.samplers import ImaginaryTimeCircuitSampler

matplotlib.use("Agg")
import matplotlib.pyplot as plt

ROOT = Path(__file__).parents[1]


def random_model(n_spins, seed):
    """Normal fields and couplings between all spins, the largest of them 1 in size."""
    rng = np.random.default_rng(seed)
    h, J = rng.normal(size=n_spins), np.triu(rng.normal(size=(n_spins, n_spins)), 1)
    scale = max(np.abs(h).max(), np.abs(J).max())
    return h / scale, (J + J.T) / scale


def layer_model(n_spins, seed, n_bits=2, weight_range=0.3):
    """A layer of n_spins / 2 weights of 2 bits on random inputs, the largest bias 1 in size."""
    rng = np.random.default_rng(seed)
    inputs, targets = rng.random((50, n_spins // n_bits)), rng.random(50) < 0.1
    bits = 2.0 ** np.arange(n_bits) * weight_range / (2**n_bits - 1)
    h = np.kron(-2 * inputs.T @ targets / 50, bits)
    J = 2 * np.kron(inputs.T @ inputs / 50, np.outer(bits, bits))
    np.fill_diagonal(J, 0.0)
    scale = max(np.abs(h).max(), np.abs(J).max())
    return h / scale, J / scale


def probabilities(h, J, times, gate_order="descending"):
    """Laws (n_times, 2**n_spins) of the circuit and of the exact evolution."""
    fields = np.tile(h, (len(times), 1))
    circuit = ImaginaryTimeCircuit.from_ising(fields, J, times, gate_order=gate_order)
    return circuit.amplitudes() ** 2, evolve_imaginary_time(fields, J, times) ** 2


# --- the law ------------------------------------------------------------------------------------

LAW_TIMES = np.array([0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.2])
LAW_SIZES = (4, 6, 8, 10, 12, 14)


def run_law(args, report):
    """Total variation between the circuit and Boltzmann's law at beta = 2 tau."""
    report.heading("Total variation from Boltzmann's law at β = 2τ")
    rows, curves = [], {}
    for n_spins in LAW_SIZES:
        distances = []
        for seed in range(args.seeds):
            drawn, law = probabilities(*random_model(n_spins, seed), LAW_TIMES)
            distances.append(np.abs(drawn - law).sum(axis=1) / 2)
        curves[n_spins] = np.mean(distances, axis=0)
        rows.append([n_spins, *(f"{value:.3f}" for value in curves[n_spins])])
    report.table(["spins", *(f"τ = {tau:g}" for tau in LAW_TIMES)], rows)
    report.line(
        f"Means of {args.seeds} random models (normal fields and couplings between all spins, the "
        "largest of them 1 in size), from the exact amplitudes. 0 is the law itself, 1 a law that "
        "shares no state with it."
    )
    figure, axes = plt.subplots(figsize=(5, 3.5), layout="constrained")
    for n_spins, curve in curves.items():
        axes.loglog(LAW_TIMES, curve, "o-", label=f"{n_spins} spins")
    axes.set_xlabel("imaginary time τ, in units of 1 / the largest bias")
    axes.set_ylabel("total variation from Boltzmann at 2τ")
    axes.legend()
    figure.savefig(args.output / "law.png", dpi=110)


# --- ground states ------------------------------------------------------------------------------

GROUND_TIMES = np.arange(0.1, 2.05, 0.1)


def run_ground(args, report):
    """Probability of a ground state at the best common time, and at the sampler's own."""
    report.heading("Probability of the ground state")
    rows = []
    for name, make in (("random", random_model), ("2-bit layer", layer_model)):
        for n_spins in (8, 12, 14):
            rows += [
                [name, n_spins, order, *ground_row(make, n_spins, order, args.seeds)]
                for order in ("descending", "ascending")
            ]
    report.table(
        ["model", "spins", "gates by size", "best τ", "there", "min … max", "at τ = 0.6",
         "at τ = 2", "exact evolution, best τ", "uniform"],
        rows,
    )  # fmt: skip
    report.line(
        f"Means of {args.seeds} models. The best τ is the best common one of 0.1, 0.2, … 2. "
        "Exact evolution has no best τ; it is shown at the circuit's."
    )


def ground_row(make, n_spins, gate_order, n_seeds):
    chances, exact = [], []
    for seed in range(n_seeds):
        h, J = make(n_spins, seed)
        drawn, law = probabilities(h, J, GROUND_TIMES, gate_order)
        ground = np.argmax(law[-1])
        chances.append(drawn[:, ground])
        exact.append(law[:, ground])
    mean = np.mean(chances, axis=0)
    best = mean.argmax()
    there = [chance[best] for chance in chances]
    at = {tau: mean[np.argmin(np.abs(GROUND_TIMES - tau))] for tau in (0.6, 2.0)}
    return [
        f"{GROUND_TIMES[best]:.1f}", f"{mean[best]:.4f}", f"{min(there):.4f} … {max(there):.4f}",
        f"{at[0.6]:.4f}", f"{at[2.0]:.4f}", f"{np.mean(exact, axis=0)[best]:.3f}",
        f"{2.0**-n_spins:.5f}",
    ]  # fmt: skip


# --- against random strings ---------------------------------------------------------------------


def run_baseline(args, report):
    """The best of some shots beside the best of as many random strings."""
    report.heading("The best of some shots beside the best of as many random strings")
    rows = []
    for name, make in (("random", random_model), ("2-bit layer", layer_model)):
        for n_spins in (8, 12, 14):
            for num_reads in (20, 200):
                rows.append(
                    [name, n_spins, num_reads, *baseline_row(make, n_spins, num_reads, args)]
                )
    report.table(["model", "spins", "shots", "circuit", "random strings"], rows)
    report.line(
        f"Mean over {args.seeds} models of the best energy's excess over the ground state, in "
        "units of the mean energy's excess: 0 is the ground state, 1 the mean of all states."
    )


def baseline_row(make, n_spins, num_reads, args):
    sampler = ImaginaryTimeCircuitSampler(num_reads, method="statevector")
    excess = []
    for seed in range(args.seeds):
        h, J = make(n_spins, seed)
        states = 2 * ((np.arange(2**n_spins)[:, None] >> np.arange(n_spins)) & 1) - 1
        lowest = (states @ h + 0.5 * ((states @ J) * states).sum(axis=1)).min()
        _, energies, info = sampler.sample_arrays(h, J, seed=seed)
        # The mean over all states is 0.
        excess.append(
            [1 - energies.min() / lowest, 1 - info["random_baseline"]["best"][0] / lowest]
        )
    return [f"{value:.4f}" for value in np.mean(excess, axis=0)]


# --- time ---------------------------------------------------------------------------------------


def run_time(args, report):
    """A call for a family of ten models, 100 shots each."""
    report.heading("Seconds of a call: ten models that share their couplings, 100 shots each")
    rows = []
    for n_spins in (8, 12, 16):
        h, J = random_model(n_spins, 0)
        fields = np.random.default_rng(0).normal(size=(10, n_spins))
        seconds = []
        for method in ("shots", "statevector"):
            sampler = ImaginaryTimeCircuitSampler(method=method, seed=0)
            sampler.sample_arrays(fields, J)  # the circuit is assembled
            started = time.perf_counter()
            sampler.sample_arrays(fields, J)
            seconds.append(f"{time.perf_counter() - started:.3f}")
        rows.append([n_spins, *seconds, f"{16 * 2**n_spins:,}"])
    report.table(["spins", "shots on Aer", "statevector", "bytes of a state"], rows)


SECTIONS = {
    name.removeprefix("run_"): function
    for name, function in list(globals().items())
    if name.startswith("run_")
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--seeds", type=int, default=10, help="models a row")
    parser.add_argument(
        "--output", type=Path, default=ROOT / "benchmarks" / "results" / "imaginary_time"
    )
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    for name in args.only:
        SECTIONS[name](args, Report(args.output / f"{name}.rst", "imaginary_time.py"))


if __name__ == "__main__":
    main()
