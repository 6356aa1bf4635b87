"""Weights of n bits without their spins, beside the explicit Ising models, in one process.

Needs the extras ``dwave`` and ``plot``. All of it takes about ten minutes, most of them
dwave-samplers'; one file a section goes to ``--output``::

    python benchmarks/bit_planes.py
    python benchmarks/bit_planes.py --only speed --quick

Times of our own calls are CPU time on one thread, less that of the same call with one sweep, the
least of some repeats, and of ten times the sweeps: reading a model takes longer than a few. That of
dwave-samplers is the ``sampling_ns`` that it reports itself, less the same for one sweep, so that
reading the model does not count. A proposal is one of a bit: a level move, which decides the n bits
of a weight at once, counts as n.
"""

import argparse
import subprocess
import sys
import time
import warnings
from pathlib import Path

import dimod
import matplotlib
import numpy as np
from reports import Report

from qsklearn.samplers import SimulatedAnnealingSampler
from qsklearn.samplers._levels import check_level_models, default_level_range

matplotlib.use("Agg")
import matplotlib.pyplot as plt

RANGE = 0.3  # of the weights, around 0


# --- problems -----------------------------------------------------------------------------------


def make_layer(n_weights, n_samples=1000, n_outputs=1, seed=0):
    """Rows like pixels, not negative and of all sizes, and targets between 0 and 1."""
    rng = np.random.default_rng(seed)
    rows = np.maximum(rng.normal(size=(n_samples, n_weights)) + 0.3, 0)
    rows *= rng.uniform(0.2, 1.0, n_weights)
    return rows, rng.uniform(size=(n_samples, n_outputs))


def couplings_of(rows, targets):
    """J and h of the mean squared error."""
    J = rows.T @ rows / len(rows)
    return (J + J.T) / 2, -2 * (rows.T @ targets).T / len(rows)


def explicit_ising(h, J, scale, n_bits):
    """Fields, couplings and offset over the spins of all bits, base 0; one output."""
    planes = (scale[:, np.newaxis] * 2.0 ** np.arange(n_bits)).ravel()
    of_weight = np.repeat(np.arange(len(scale)), n_bits)
    couplings = 2 * J[np.ix_(of_weight, of_weight)]
    couplings *= planes[:, np.newaxis]
    couplings *= planes[np.newaxis]
    offset = np.trace(couplings) / 2
    np.fill_diagonal(couplings, 0.0)
    couplings = (couplings + couplings.T) / 2
    return planes * h[of_weight], couplings, offset


def temperatures(h, J, scale, n_bits):
    base = np.zeros_like(scale)
    models = check_level_models(h, J, base, scale, n_bits, None, None, "bit_planes")
    hot, cold = default_level_range(models)
    return float(hot.min()), float(cold.max())


# --- times --------------------------------------------------------------------------------------


def least_time(call, seconds):
    """CPU nanoseconds of the fastest of some calls, and the last one's result.

    As many as fit into a time, 3 at least: those of a millisecond need many.
    """
    best, count, end = np.inf, 0, time.monotonic() + seconds
    while count < 3 or time.monotonic() < end:
        started = time.process_time_ns()
        result = call()
        best = min(best, time.process_time_ns() - started)
        count += 1
    return best, result


def nanoseconds_a_proposal(call, proposals_a_sweep, num_sweeps, seconds):
    """``call(10 * num_sweeps)`` less ``call(1)``; and the energies of ``call(num_sweeps)``.

    Ten times the sweeps, over the same temperatures, because reading a model may take longer.
    """
    energies = call(num_sweeps)
    whole, _ = least_time(lambda: call(10 * num_sweeps), seconds)
    start, _ = least_time(lambda: call(1), seconds / 4)
    return (whole - start) / (proposals_a_sweep * (10 * num_sweeps - 1)), energies


def our_levels(h, J, scale, n_bits, moves, betas, num_reads=1, **words):
    sampler = SimulatedAnnealingSampler(level_moves=moves, num_reads=num_reads, seed=1)
    base = np.zeros_like(scale)

    def call(num_sweeps):
        return sampler.sample_levels(
            h, J, base, scale, n_bits, num_sweeps=num_sweeps, beta_range=betas, **words
        )[1]

    return call


def our_spins(fields, couplings, offset, betas, num_reads):
    sampler = SimulatedAnnealingSampler(num_reads=num_reads, seed=1)

    def call(num_sweeps):
        energies = sampler.sample_arrays(
            fields, couplings, num_sweeps=num_sweeps, beta_range=betas, keep=[0]
        )[1]
        return energies + offset

    return call


def neal_spins(fields, couplings, offset, betas, num_reads, num_sweeps, repeats):
    """Nanoseconds of its own clock, energies, and the seconds that the BQM takes to build."""
    from dwave.samplers import SimulatedAnnealingSampler as Neal

    started = time.perf_counter()
    rows, columns = np.triu_indices(len(fields), 1)
    bqm = dimod.BinaryQuadraticModel.from_numpy_vectors(
        fields, (rows, columns, couplings[rows, columns]), offset, "SPIN"
    )
    building = time.perf_counter() - started

    def call(sweeps):
        sampleset = Neal().sample(
            bqm, num_reads=num_reads, num_sweeps=sweeps, beta_range=betas, seed=1
        )
        return sampleset.info["timing"]["sampling_ns"], sampleset.record.energy

    start = min(call(1)[0] for _ in range(repeats))
    runs = [call(num_sweeps) for _ in range(repeats)]
    whole = min(nanoseconds for nanoseconds, _ in runs)
    return whole, start, runs[-1][1], building


# --- speed --------------------------------------------------------------------------------------


def run_speed(args, report):
    report.heading("Nanoseconds a proposal, one thread, equal sweeps and inverse temperatures")
    report.line(
        "Energies are means over the reads, as the excess over the best energy that any of the "
        "four found. The ratio with dwave-samplers counts its sweeps alone; that in parentheses "
        "its whole sampling time.\n"
    )
    num_sweeps, num_reads, seconds = (20, 2, 0.1) if args.quick else (100, 4, 2.0)
    sizes = [(128, 4)] if args.quick else [(128, 4), (256, 8), (618, 8)]
    for n_weights, n_bits in sizes:
        compare(report, n_weights, n_bits, num_sweeps, num_reads, seconds)


def compare(report, n_weights, n_bits, num_sweeps, num_reads, seconds):
    """One size: bit and level moves, our dense kernel, and dwave-samplers."""
    rows, targets = make_layer(n_weights)
    J, h = couplings_of(rows, targets)
    scale = np.full(n_weights, RANGE / (2**n_bits - 1))
    betas = temperatures(h, J, scale, n_bits)
    n_spins = n_weights * n_bits
    proposals = n_spins * num_reads
    results = {}
    for moves in ("bit", "level"):
        call = our_levels(h, J, scale, n_bits, moves, betas, num_reads)
        results[f"{moves} moves"] = nanoseconds_a_proposal(call, proposals, num_sweeps, seconds)
    fields, couplings, offset = explicit_ising(h[0], J, scale, n_bits)
    call = our_spins(fields, couplings, offset, betas, num_reads)
    results["explicit spins, ours"] = nanoseconds_a_proposal(call, proposals, num_sweeps, seconds)
    repeats = 1 if n_spins > 4000 else 3
    whole, start, energies, building = neal_spins(
        fields, couplings, offset, betas, num_reads, num_sweeps, repeats
    )
    marginal = (whole - start) / (proposals * (num_sweeps - 1))
    results["explicit spins, dwave-samplers"] = marginal, energies
    fastest = results["bit moves"][0]
    lowest = min(energies.min() for _, energies in results.values())
    table = []
    for name, (nanoseconds, energies) in results.items():
        ratio = f"{nanoseconds / fastest:.1f}"
        if name.endswith("dwave-samplers"):
            ratio += f" ({whole / (proposals * num_sweeps) / fastest:.1f})"
        table.append([name, f"{nanoseconds:.1f}", ratio, f"{energies.mean() - lowest:.3g}"])
    report.line(f"{n_weights} weights of {n_bits} bits: {n_spins} spins, {num_sweeps} sweeps\n")
    report.table(["sampler", "ns", "to bit moves", "excess energy"], table)
    report.line(f"The explicit model took {building:.1f} s to build for dwave-samplers.\n")


# --- growth -------------------------------------------------------------------------------------


def run_growth(args, report):
    report.heading("Growth: nanoseconds a weight and sweep")
    report.line(
        "With the number N of weights (8 bits), of bits n (256 weights), and of samples Q (256 "
        "weights of 8 bits, in the form of factors, where J is not built).\n"
    )
    num_sweeps, seconds = (10, 0.1) if args.quick else (60, 1.0)
    grown = {
        "N": (64, 256) if args.quick else (64, 128, 256, 512, 1024, 2048),
        "n": (1, 8) if args.quick else (1, 2, 4, 8, 12, 16),
        "Q": (100, 1000) if args.quick else (100, 300, 1000, 3000, 10_000),
    }
    sizes = {"N": lambda n: (n, 8, 1000), "n": lambda n: (256, n, 1000), "Q": lambda q: (256, 8, q)}
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), sharey=True)
    table = []
    for panel, (name, numbers) in zip(axes, grown.items(), strict=True):
        times = [weigh(*sizes[name](n), num_sweeps, seconds, name == "Q") for n in numbers]
        table += [[f"{name} = {n}", *cells] for n, cells in zip(numbers, times, strict=True)]
        for column, moves in enumerate(("bit moves", "level moves")):
            panel.loglog(numbers, [float(cells[column]) for cells in times], "o-", label=moves)
        panel.set(xlabel=name)
    axes[0].set(ylabel="nanoseconds a weight and sweep")
    axes[0].legend()
    figure.tight_layout()
    figure.savefig(args.output / "growth.png", dpi=120)
    report.table(["", "bit moves", "level moves"], table)


def weigh(n_weights, n_bits, n_samples, num_sweeps, seconds, in_factors=False):
    """Nanoseconds of bit and level moves, in one form."""
    rows, targets = make_layer(n_weights, n_samples)
    J, h = couplings_of(rows, targets)
    scale = np.full(n_weights, RANGE / (2**n_bits - 1))
    betas = temperatures(h, J, scale, n_bits)
    words, form = {}, J
    if in_factors:
        words["factors"] = rows, np.full((1, n_samples), 1 / n_samples)
        form = np.zeros(n_weights)
    return [
        f"{nanoseconds_a_proposal(call, n_weights, num_sweeps, seconds)[0]:.0f}"
        for call in (
            our_levels(h, form, scale, n_bits, moves, betas, **words) for moves in ("bit", "level")
        )
    ]


# --- memory -------------------------------------------------------------------------------------

_NET_32 = """
import numpy as np
from qsklearn.samplers import SimulatedAnnealingSampler
sampler = SimulatedAnnealingSampler(seed=1, level_moves={moves!r})
sampler.sample_levels(np.zeros((1, 2)), np.eye(2), np.zeros(2), np.ones(2), 8)  # compiled
rng = np.random.default_rng(0)
rows = rng.random((1000, 1024))
J = rows.T @ rows / 1000
J = (J + J.T) / 2
h = -2 * (rows.T @ rng.random((1000, 10))).T.copy() / 1000
def kibibytes(name):
    lines = open("/proc/self/status").read().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1])
open("/proc/self/clear_refs", "w").write("5")  # from here on, the peak is that of the call
before = kibibytes("VmRSS")
sampler.sample_levels(h, J, np.zeros((10, 1024)), np.full(1024, 0.3 / 255), 8)
print(kibibytes("VmHWM") - before)
"""


def run_memory(args, report):
    report.heading("Peak memory of 10 outputs of 1024 weights of 8 bits: 81 920 spins")
    kibibytes = {
        moves: int(subprocess.check_output([sys.executable, "-c", _NET_32.format(moves=moves)]))
        for moves in ("bit", "level")
    }
    n_couplings = 8192 * 8191 // 2
    report.line(
        "Peak memory of a process (VmHWM) beyond what it held before the call, when data and J, "
        f"8 MiB, are there: {kibibytes['bit'] / 1024:.1f} MiB with bit moves, "
        f"{kibibytes['level'] / 1024:.1f} MiB with level moves. The {n_couplings:,} couplings of "
        f"one output's explicit model alone take {8 * n_couplings / 2**20:.0f} MiB in float64, and "
        f"16 bytes each in a BQM, {32 * n_couplings / 2**20:.0f} MiB (each is there twice)."
    )


# --- quality ------------------------------------------------------------------------------------


def run_quality(args, report):
    report.heading("Excess of the mean squared error, 10 outputs of 256 weights of 8 bits")
    report.line(
        "Over the least squares within the range, by the number of sweeps; the mean over outputs "
        "and 4 reads.\n"
    )
    from scipy.optimize import lsq_linear

    rows, targets = make_layer(256, n_outputs=10)
    J, h = couplings_of(rows, targets)
    scale = np.full(256, RANGE / 255)
    best = np.empty(10)
    for output, target in enumerate(targets.T):
        weights = lsq_linear(rows, target, bounds=(-RANGE, RANGE)).x
        best[output] = weights @ J @ weights + h[output] @ weights
    table = []
    for num_sweeps in (10, 30) if args.quick else (10, 30, 100, 300, 1000):
        row = [num_sweeps]
        for moves in ("bit", "level"):
            energies = our_levels(h, J, scale, 8, moves, None, num_reads=4)(num_sweeps)
            row.append(f"{(energies.mean(axis=1) - best).mean():.2e}")
        table.append(row)
    report.table(["sweeps", "bit moves", "level moves"], table)


SECTIONS = {
    "speed": run_speed,
    "growth": run_growth,
    "memory": run_memory,
    "quality": run_quality,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/bit_planes"))
    parser.add_argument("--only", nargs="+", choices=list(SECTIONS), default=list(SECTIONS))
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it runs")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    for section in args.only:
        SECTIONS[section](args, Report(args.output / f"{section}.rst", "bit_planes.py"))


if __name__ == "__main__":
    main()
