"""The annealing and sampling kernels beside their peers, in one process.

Needs the extra ``dwave``, and for the other peers ``pip install openjij dwave-pytorch-plugin einops
torch``; a peer that is not there is left out. All of it takes about ten minutes::

    python benchmarks/kernels.py
    python benchmarks/kernels.py --only annealing gibbs

Every time is the process' CPU time of one call on one thread, less that of the same call with one
sweep (which leaves out reading the model, of which dense ones have much), the least of some
repeats; all get the same sweeps and inverse temperatures. Tables in reStructuredText go to
``--output``.
"""

import argparse
import importlib.util
import subprocess
import sys
import time
import warnings
from pathlib import Path

import dimod
import dwave.graphs
import networkx
import numpy as np
from numba import njit
from reports import Report

from qsklearn._kernels._vectors import LANES, broadcast, load, store
from qsklearn.samplers import GibbsSampler, PathIntegralAnnealingSampler, SimulatedAnnealingSampler

BETAS = (0.1, 5.0)
SMALL_BIAS = 1e-3  # on one spin, makes a model of +-1 one of floats


def is_there(package):
    return importlib.util.find_spec(package) is not None


# --- models -------------------------------------------------------------------------------------


def signs_on(graph, seed=0):
    """Couplings +-1 at random on a graph, without fields."""
    rng = np.random.default_rng(seed)
    labels = {node: at for at, node in enumerate(sorted(graph))}
    couplings = {(labels[a], labels[b]): rng.choice([-1.0, 1.0]) for a, b in graph.edges}
    return dimod.BinaryQuadraticModel.from_ising(dict.fromkeys(range(len(labels)), 0.0), couplings)


def dense(n_spins, kind, seed=0):
    """The Sherrington-Kirkpatrick model, couplings +-1 or normal, not scaled by the size."""
    rng = np.random.default_rng(seed)
    rows, columns = np.triu_indices(n_spins, 1)
    biases = (
        rng.choice([-1.0, 1.0], size=len(rows)) if kind == "signs" else rng.normal(size=len(rows))
    )
    return dimod.BinaryQuadraticModel.from_numpy_vectors(
        np.zeros(n_spins), (rows, columns, biases), 0.0, "SPIN"
    )


def arrays_of(bqm):
    """h and a symmetric J, dense or sparse, for the array door."""
    from qsklearn.samplers._models import models_from_bqm

    models, _ = models_from_bqm(bqm)
    return models.fields, models.couplings


# --- times --------------------------------------------------------------------------------------


def least(call, repeats):
    """CPU seconds, wall seconds and the last result of the fastest of some calls."""
    best = (np.inf, np.inf)
    for _ in range(repeats):
        cpu, wall = time.process_time(), time.perf_counter()
        result = call()
        best = min(best, (time.process_time() - cpu, time.perf_counter() - wall))
    return *best, result


def nanoseconds_a_proposal(call, n_spins, num_reads, num_sweeps, repeats=3):
    """``call(num_sweeps)``, timed, less the call with one sweep; CPU and wall, and its energies."""
    call(1)
    *start, _ = least(lambda: call(1), repeats)
    *whole, energies = least(lambda: call(num_sweeps), repeats)
    proposals = n_spins * num_reads * (num_sweeps - 1)
    cpu, wall = (1e9 * (end - begin) / proposals for begin, end in zip(start, whole, strict=True))
    return cpu, wall, energies


def ours(bqm, num_reads, betas, num_threads=1, seed=1, sampler=None):
    """A call of our annealer on the array door, by the number of sweeps; returns the energies."""
    fields, couplings = arrays_of(bqm)
    sampler = sampler or SimulatedAnnealingSampler()
    keep = np.arange(len(fields[0]))

    def call(num_sweeps):
        return sampler.sample_arrays(
            fields, couplings, num_reads=num_reads, num_sweeps=num_sweeps, beta_range=betas,
            seed=seed, num_threads=num_threads, keep=keep,
        )[1][0]  # fmt: skip

    return call


def neal(bqm, num_reads, betas, seed=1):
    from dwave.samplers import SimulatedAnnealingSampler as Neal

    def call(num_sweeps):
        return (
            Neal()
            .sample(bqm, num_reads=num_reads, num_sweeps=num_sweeps, beta_range=betas, seed=seed)
            .record.energy
        )

    return call


def openjij(bqm, num_reads, betas, seed=None):
    import openjij

    h, J = dict(bqm.linear), dict(bqm.quadratic)

    def call(num_sweeps):
        return openjij.SASampler().sample_ising(
            h, J, num_reads=num_reads, num_sweeps=num_sweeps, beta_min=betas[0], beta_max=betas[1],
            sparse=True,
        ).record.energy  # fmt: skip

    return call


# --- the machine --------------------------------------------------------------------------------


@njit
def _add_up(values, sums, repeats):
    a, b, c, d = load(values, 0), load(values, 64), load(values, 128), load(values, 192)
    one = broadcast(np.float32(0.999))
    for _ in range(repeats):
        a, b, c, d = a * one + one, b * one + one, c * one + one, d * one + one
    store(sums, 0, a + b + c + d)


@njit
def _read_through(values, sums):
    total = broadcast(np.float32(0.0))
    for at in range(0, len(values), LANES):
        total = total + load(values, at)
    store(sums, 0, total)


def measure_machine():
    """Multiply-adds a nanosecond on one thread, and gigabytes a second from memory."""
    values, sums = np.ones(256, np.float32), np.empty(LANES, np.float32)
    large = np.ones(2**26, np.float32)
    _add_up(values, sums, 1)
    _read_through(values, sums)
    repeats = 2_000_000
    seconds, _, _ = least(lambda: _add_up(values, sums, repeats), 5)
    reading, _, _ = least(lambda: _read_through(large, sums), 5)
    return 256 * repeats / seconds / 1e9, large.nbytes / reading / 1e9


def run_machine(args, report):
    multiply_adds, bandwidth = measure_machine()
    report.heading("The machine, one thread")
    report.line(
        f"{multiply_adds:.1f} float32 multiply-adds a nanosecond (in registers), {bandwidth:.1f} "
        "gigabytes a second from memory."
    )


# --- annealing ----------------------------------------------------------------------------------


def annealing_problems(args):
    """Name, model, reads, sweeps, inverse temperatures."""
    side, most = (4, 100) if args.short else (16, 1000)
    pegasus = signs_on(dwave.graphs.pegasus_graph(side))
    tilted = pegasus.copy()
    tilted.add_linear(0, SMALL_BIAS)
    yield f"Pegasus P{side}, ±1", pegasus, 64, most, BETAS
    yield f"Pegasus P{side}, floats", tilted, 64, most, BETAS
    sizes = ((100, 64, most), (500, 32, most), (2000, 16, 200), (4000, 4, 100))
    for n_spins, num_reads, num_sweeps in sizes[:1] if args.short else sizes:
        betas = (np.log(2) / 2 / (n_spins - 1), np.log(100))  # neal's own range for couplings +-1
        for kind in ("signs", "normal"):
            name = f"dense {n_spins}, {'±1' if kind == 'signs' else 'normal'}"
            yield name, dense(n_spins, kind), num_reads, num_sweeps, betas


def run_annealing(args, report):
    report.heading("Simulated annealing, Metropolis, geometric from hot to cold")
    multiply_adds, _ = measure_machine()
    rows = []
    for name, bqm, num_reads, num_sweeps, betas in annealing_problems(args):
        n_spins = bqm.num_variables
        size = (n_spins, num_reads, num_sweeps)
        repeats = 1 if n_spins >= 2000 else 2
        peers = {"neal": neal(bqm, num_reads, betas)}
        if is_there("openjij") and n_spins <= 500:
            peers["OpenJij"] = openjij(bqm, num_reads, betas)
        cpu, _, energies = nanoseconds_a_proposal(ours(bqm, num_reads, betas), *size, repeats=5)
        for peer, call in peers.items():
            other, _, their_energies = nanoseconds_a_proposal(call, *size, repeats=repeats)
            rows.append(
                [name, f"{num_reads} × {num_sweeps}", peer, f"{other:.1f}", f"{cpu:.2f}",
                 f"{other / cpu:.0f}", f"{their_energies.mean():.1f}", f"{energies.mean():.1f}",
                 f"{their_energies.min():.0f}", f"{energies.min():.0f}"]
            )  # fmt: skip
            print(rows[-1], flush=True)
    report.table(
        ["problem", "reads × sweeps", "peer", "peer, ns", "ours, ns", "ratio", "peer's mean energy",
         "our mean energy", "peer's best", "our best"], rows,
    )  # fmt: skip
    report.line(
        f"A proposal on Pegasus adds 14.2 couplings for a spin: at {multiply_adds:.1f} float32 "
        f"additions a nanosecond these alone take {14.2 / multiply_adds:.2f} ns in floats, and a "
        f"quarter in bytes."
    )


def run_threads(args, report):
    report.heading("Two threads, wall time")
    rows = []
    for name, bqm, own_reads, num_sweeps, betas in annealing_problems(args):
        for num_reads in (
            (own_reads, 128) if bqm.num_variables not in (2000, 4000) else (own_reads,)
        ):
            size = (bqm.num_variables, num_reads, max(num_sweeps // 2, 2))
            one, two = (
                nanoseconds_a_proposal(ours(bqm, num_reads, betas, threads), *size)[1]
                for threads in (1, 2)
            )
            rows.append([name, num_reads, f"{one:.2f}", f"{two:.2f}", f"{one / two:.2f}"])
            print(rows[-1], flush=True)
    report.table(["problem", "reads", "1 thread, ns", "2 threads, ns", "speed-up"], rows)


# --- block Gibbs --------------------------------------------------------------------------------


def gibbs_problems():
    rng = np.random.default_rng(0)
    zephyr = dwave.graphs.zephyr_graph(3)
    for name, graph in (
        ("Chimera C6", dwave.graphs.chimera_graph(6)),
        ("Zephyr Z3, 288 spins", zephyr.subgraph(sorted(zephyr)[:288])),
        ("RBM 144 × 144", networkx.complete_bipartite_graph(144, 144)),
    ):
        labels = {node: at for at, node in enumerate(sorted(graph))}
        couplings = {(labels[a], labels[b]): 0.3 * rng.normal() for a, b in graph.edges}
        fields = {at: 0.1 * rng.normal() for at in range(len(labels))}
        colours = networkx.greedy_color(networkx.relabel_nodes(graph, labels))
        yield name, dimod.BinaryQuadraticModel.from_ising(fields, couplings), colours


def run_gibbs(args, report):
    num_chains, num_sweeps = (100, 20) if args.short else (1000, 100)
    report.heading(
        f"Block Gibbs at β = 1, {num_chains} chains × 288 spins × {num_sweeps} sweeps, CPU seconds"
    )
    rows = []
    for name, bqm, colours in gibbs_problems():
        fields, couplings = arrays_of(bqm)

        def sample(fields=fields, couplings=couplings):
            return GibbsSampler().sample_arrays(
                fields, couplings, beta=1.0, num_reads=num_chains, num_sweeps=num_sweeps, seed=1
            )[1]

        sample()
        cpu, _, energies = least(sample, 5)
        peers = {"neal": neal_gibbs(bqm, num_chains, num_sweeps)}
        if is_there("dwave.plugins") and is_there("dwave.plugins.torch"):
            peers["dwave-pytorch-plugin"] = plugin_gibbs(bqm, colours, num_chains, num_sweeps)
        if name.startswith("RBM"):
            peers["the matrix products alone"] = products(144, num_chains, num_sweeps)
        for peer, call in peers.items():
            call()
            other, _, result = least(call, 2)
            theirs = f"{np.mean(result):.2f}" if result is not None else "-"
            rows.append(
                [name, peer, f"{other:.3f}", f"{cpu:.3f}", f"{other / cpu:.1f}", theirs,
                 f"{energies.mean():.2f}"]
            )  # fmt: skip
            print(rows[-1], flush=True)
    report.table(
        ["graph", "peer", "peer, s", "ours, s", "ratio", "peer's mean energy", "ours"], rows
    )


def neal_gibbs(bqm, num_chains, num_sweeps):
    from dwave.samplers import SimulatedAnnealingSampler as Neal

    return lambda: Neal().sample(
        bqm, num_reads=num_chains, beta_schedule_type="custom", beta_schedule=[1.0] * num_sweeps,
        proposal_acceptance_criteria="Gibbs", seed=1,
    ).record.energy  # fmt: skip


def plugin_gibbs(bqm, colours, num_chains, num_sweeps):
    import torch
    from dwave.plugins.torch.models import GraphRestrictedBoltzmannMachine
    from dwave.plugins.torch.samplers import BlockSampler

    torch.set_num_threads(1)
    machine = GraphRestrictedBoltzmannMachine(
        sorted(bqm.variables), list(bqm.quadratic), linear=dict(bqm.linear),
        quadratic=dict(bqm.quadratic),
    )  # fmt: skip
    sampler = BlockSampler(machine, colours.get, num_chains, [1.0] * num_sweeps, seed=1)

    def call():
        with torch.no_grad():
            return machine(sampler.sample()).numpy()

    return call


def products(n_side, num_chains, num_sweeps):
    """The products of states and weights that a sampler by matrices needs at the least."""
    from threadpoolctl import threadpool_limits

    states, weights = np.ones((num_chains, n_side), np.float32), np.ones((n_side,) * 2, np.float32)

    def call():
        with threadpool_limits(1):
            for _ in range(2 * num_sweeps):
                np.matmul(states, weights)

    return call


# --- simulated quantum annealing ----------------------------------------------------------------


def run_quantum(args, report, num_reads=64, num_slices=8):
    """The cost of a sweep at a constant field, in which all slices count, and searches."""
    num_sweeps = 50 if args.short else 200
    report.heading(f"Simulated quantum annealing, Pegasus P6, ±1, {num_slices} slices, 1 thread")
    bqm = signs_on(dwave.graphs.pegasus_graph(6))
    fields, couplings = arrays_of(bqm)
    size = (bqm.num_variables * num_slices, num_reads, num_sweeps)
    sampler = PathIntegralAnnealingSampler(num_slices=num_slices)

    def sample(num_sweeps, **words):
        return sampler.sample_arrays(
            fields, couplings, num_reads=num_reads, num_sweeps=num_sweeps, seed=1, **words
        )[1][0]

    cpu, _, _ = nanoseconds_a_proposal(
        lambda num_sweeps: sample(num_sweeps, beta=1.0, transverse_field=1.0), *size
    )
    energies = sample(num_sweeps)
    rows = [["ours (whole worldlines)", f"{cpu:.2f}", "-", *_mean_and_best(energies)]]
    if is_there("openjij"):
        import openjij

        def call(num_sweeps):
            return openjij.SQASampler().sample_ising(
                dict(bqm.linear), dict(bqm.quadratic), num_reads=num_reads, num_sweeps=num_sweeps,
                trotter=num_slices, beta=5.0,
            ).record.energy  # fmt: skip

        other, _, theirs = nanoseconds_a_proposal(call, *size, repeats=2)
        rows.append(["OpenJij", f"{other:.1f}", f"{other / cpu:.0f}", *_mean_and_best(theirs)])
    report.table(["sampler", "ns a spin and slice", "ratio", "mean energy", "best"], rows)


def _mean_and_best(energies):
    return f"{energies.mean():.1f}", f"{energies.min():.0f}"


# --- time to target -----------------------------------------------------------------------------


def run_target(args, report):
    """Seconds until the target is found with 99 %, the best over the numbers of sweeps."""
    report.heading("Time to target with 99 %, milliseconds of CPU, one thread, best of the sweeps")
    rng = np.random.default_rng(1)
    regular = networkx.random_regular_graph(3, 200, seed=1)
    lattice = networkx.grid_2d_graph(10, 10, periodic=True)
    normal = signs_on(lattice)
    for (a, b), _ in list(normal.quadratic.items()):
        normal.set_quadratic(a, b, rng.normal())
    problems = {
        "Pegasus P4, ±1": (signs_on(dwave.graphs.pegasus_graph(4)), BETAS),
        "dense 100, ±1": (dense(100, "signs"), (np.log(2) / 2 / 99, np.log(100))),
        "torus 10 × 10, normal": (normal, BETAS),
        "3-regular, 200 spins, ±1": (signs_on(regular), BETAS),
    }
    if args.short:
        problems = {name: problems[name] for name in ("dense 100, ±1", "torus 10 × 10, normal")}
    num_reads, most, tried = 1024, 4000, (50, 100, 200, 400, 800, 1600)
    if args.short:
        num_reads, most, tried = 256, 1000, (50, 800)
    rows = []
    for name, (bqm, betas) in problems.items():
        target = ours(bqm, 2000, betas, num_threads=2, seed=99)(most).min()
        row = [name, f"{target:.3f}"]
        times = [
            _time_to_target(sampler(bqm, num_reads, betas), target, num_reads, tried)
            for sampler in (neal, ours)
        ]
        for milliseconds, num_sweeps in times:
            is_met = np.isfinite(milliseconds)
            row += [f"{milliseconds:.3f}", num_sweeps] if is_met else ["not met", "-"]
        ratio = times[0][0] / times[1][0]
        rows.append([*row, f"{ratio:.0f}" if np.isfinite(ratio) else "-"])
        print(rows[-1], flush=True)
    report.table(["problem", "target", "neal", "sweeps", "ours", "sweeps", "ratio"], rows)


def _time_to_target(call, target, num_reads, tried):
    """Milliseconds, infinite where no read ever met the target, and the best number of sweeps."""
    times = {}
    call(1)
    for num_sweeps in tried:
        seconds, _, energies = least(lambda s=num_sweeps: call(s), 2)
        success = np.mean(energies <= target + 1e-6)
        if success > 0:
            runs = max(np.log(0.01) / np.log1p(-min(success, 1 - 1e-9)), 1.0)
            times[num_sweeps] = 1e3 * seconds / num_reads * runs
    best = min(times, key=times.get, default=None)
    return times.get(best, np.inf), best


# --- start --------------------------------------------------------------------------------------

_START = """
import time
import numba, numpy, scipy.sparse, sklearn.base, dimod
from numba.core.registry import cpu_target
cpu_target.typing_context.refresh(), cpu_target.target_context.refresh()  # numba's own first use
began = time.perf_counter()
from qsklearn.samplers import {sampler}
{sampler}().sample_arrays([[0.1, 0.3]], [[0.0, 1.0], [1.0, 0.0]], num_reads=1, num_sweeps=1)
print(time.perf_counter() - began)
"""


def run_start(args, report):
    report.heading("First draw in a new process, compiled before, beyond numba's own start")
    rows = []
    for sampler in ("SimulatedAnnealingSampler", "GibbsSampler", "PathIntegralAnnealingSampler"):
        command = [sys.executable, "-c", _START.format(sampler=sampler)]
        seconds = [float(subprocess.check_output(command)) for _ in range(4)]
        rows.append([sampler, f"{min(seconds[1:]):.2f}"])
    report.table(["sampler", "seconds"], rows)


SECTIONS = {
    "machine": run_machine,
    "annealing": run_annealing,
    "threads": run_threads,
    "gibbs": run_gibbs,
    "quantum": run_quantum,
    "target": run_target,
    "start": run_start,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/kernels"))
    parser.add_argument("--only", nargs="+", choices=list(SECTIONS), default=list(SECTIONS))
    parser.add_argument("--short", action="store_true", help="small sizes, to see that it runs")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    name = "report.rst" if set(args.only) == set(SECTIONS) else f"{'_'.join(args.only)}.rst"
    report = Report(args.output / name, "kernels.py")
    for section in args.only:
        SECTIONS[section](args, report)


if __name__ == "__main__":
    main()
