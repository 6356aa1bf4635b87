"""All samplers against the exact enumeration of small models.

Energies are recomputed and never below the least; searches of enough sweeps find the least; draws
at a temperature follow Boltzmann's law, within 5.5 standard deviations of counting: each state's
count and each energy's mean are compared, and such a deviation comes by chance in 4 of 10⁸. Chains
are compared only where the exact transition matrix of single flips says that they mix. Replicas of
a population depend on each other: there the means of independent runs are compared.
"""

import dimod
import numpy as np
from scipy.stats import binom, norm, t

from fuzzing.models import bqm, check_samples, energies_of
from fuzzing.oracle import Verdict, judge
from fuzzing.strategies import Source
from qsklearn import samplers
from qsklearn.circuits import ImaginaryTimeCircuit

SIGMAS = 5.5
_CHANCE = norm.sf(SIGMAS)
_SWEEPS = 400
_DRAWS = 2000
_RUNS = 20
# What draws at a given temperature, with what a call of many independent reads takes.
THERMAL = {
    "exact": {},
    "gibbs": {"num_sweeps": _SWEEPS},
    "annealing": {"num_sweeps": 2 * _SWEEPS},
    "path-integral": {"num_sweeps": 2 * _SWEEPS, "num_slices": 2},
    "tempering": {"num_sweeps": _SWEEPS},
    "neal": {"num_sweeps": 2 * _SWEEPS},
}
GROUND = {
    "exact": {},
    "annealing": {"num_sweeps": _SWEEPS},
    "path-integral": {"num_sweeps": _SWEEPS},
    "population": {"population_size": 200, "num_sweeps": 20},
    "tempering": {"num_sweeps": _SWEEPS},
    "neal": {"num_sweeps": _SWEEPS},
}
# Circuits and devices: their own law, and energies that are never too low.
OWN_LAW = ("aer", "mock-dwave")
CASES = (
    *(f"{name}, thermal" for name in (*THERMAL, "population")),
    *(f"{name}, ground" for name in GROUND),
    *(f"{name}, its own law" for name in OWN_LAW),
)


def run(case: str, number: int, report=None) -> tuple[Verdict, str]:
    """Compare a sampler with enumeration on one model.

    Parameters
    ----------
    case : str
        One of CASES.
    number : int

    Returns
    -------
    verdict : Verdict
    described : str
    """
    source = Source.of_number(case, number)
    source.is_extreme = False
    name, what = case.split(", ")
    described = f"{case}:{number}"
    if report is not None:
        report(described)
    compare = {"thermal": _thermal, "ground": _ground, "its own law": _own_law}[what]
    verdict = judge(lambda: compare(name, source, number), {}, seconds=60.0)
    if verdict.kind == "refused":
        verdict = Verdict("defect", f"{case}: refused", verdict.detail)
    return verdict, described


def _model(source, most):
    while True:
        model = bqm(source, most)
        if len(model.variables):
            return dimod.BinaryQuadraticModel(
                {v: 0.6 * float(b) for v, b in model.linear.items()},
                {pair: 0.6 * float(b) for pair, b in model.quadratic.items()},
                float(model.offset),
                model.vartype,
            )


def _enumerate(model):
    """All states, in the order of the variables and with the first as the lowest bit."""
    order = list(model.variables)
    bits = (np.arange(2 ** len(order))[:, None] >> np.arange(len(order))) & 1
    values = 2 * bits - 1 if model.vartype is dimod.SPIN else bits
    return order, model.energies((values.astype(np.int8), order))


def _codes(samples, order):
    """Numbers of the states drawn, their columns found by label."""
    columns = [samples.variables.index(label) for label in order]
    bits = samples.record.sample[:, columns] > 0
    codes = bits @ (1 << np.arange(len(order)))
    return np.repeat(codes, samples.record.num_occurrences)


def _law(energies, beta):
    weights = np.exp(-beta * (energies - energies.min()))
    return weights / weights.sum()


def _mixes(energies, beta, n_spins):
    """Whether a quarter of the sweeps forgets any start, by the exact transition matrix."""
    states, law = np.arange(len(energies)), _law(energies, beta)
    sweep = np.eye(len(energies))
    for spin in range(n_spins):
        turned = states ^ (1 << spin)
        chance = law[turned] / (law[turned] + law)
        step = np.diag(1 - chance)
        step[states, turned] += chance
        sweep = sweep @ step
    reached = np.linalg.matrix_power(sweep, _SWEEPS // 4)
    return 0.5 * np.abs(reached - law).sum(axis=1).max() < 1e-5


def _compare_counts(codes, law, energies):
    """Counts of all states, those that are rare together, and the mean energy."""
    counts = np.bincount(codes, minlength=len(law))
    assert not counts[law == 0].any(), "states that the law forbids"
    rare = law * len(codes) < 5
    pooled = [(counts[rare].sum(), law[rare].sum())] if rare.any() else []
    for count, chance in [*zip(counts[~rare], law[~rare], strict=True), *pooled]:
        chance = min(chance, 1.0)
        tails = binom.cdf(count, len(codes), chance), binom.sf(count - 1, len(codes), chance)
        assert min(tails) > _CHANCE, f"{SIGMAS} sigma: a state drawn {count} times"
    mean, spread = law @ energies, np.sqrt(law @ energies**2 - (law @ energies) ** 2)
    if spread > 1e-9:
        deviation = abs(energies[codes].mean() - mean) / (spread / np.sqrt(len(codes)))
        assert deviation < SIGMAS, f"the mean energy is {deviation:.1f} sigma off"


def _thermal(name, source, number):
    model = _model(source, 5)
    order, energies = _enumerate(model)
    beta = abs(source.number())
    while not _mixes(energies, beta, len(order)):
        beta /= 2
    if name == "population":
        _compare_runs(model, order, energies, beta, number)
        return
    sampler = samplers.check_sampler(name).set_params(**THERMAL[name])
    drawn = sampler.sample(model, beta=beta, num_reads=_DRAWS, seed=number)
    check_samples(drawn, model, _DRAWS)
    _compare_counts(_codes(drawn, order), _law(energies, beta), energies)


def _compare_runs(model, order, energies, beta, number):
    """Means of independent populations."""
    sampler = samplers.PopulationAnnealingSampler(population_size=200, num_sweeps=20)
    law = _law(energies, beta)
    means = []
    for run_ in range(_RUNS):
        drawn = sampler.sample(model, beta=beta, num_reads=200, seed=_RUNS * number + run_)
        check_samples(drawn, model, 200)
        codes = _codes(drawn, order)
        bits = (codes[:, None] >> np.arange(len(order))) & 1
        means.append([energies[codes].mean(), *bits.mean(axis=0)])
    means = np.array(means)
    states = (np.arange(len(law))[:, None] >> np.arange(len(order))) & 1
    expected = np.array([law @ energies, *(law @ states)])
    error = means.std(axis=0, ddof=1) / np.sqrt(_RUNS)
    # Resampling biases a population by about one over its size.
    excess = np.maximum(np.abs(means.mean(axis=0) - expected) - 2 / 200, 0)
    chance = t.sf(excess / np.maximum(error, 1e-9), _RUNS - 1)
    assert (chance > _CHANCE).all(), f"{SIGMAS} sigma between populations and the law"


def _ground(name, source, number):
    model = _model(source, 8)
    _, energies = _enumerate(model)
    sampler = samplers.check_sampler(name, intent="ground").set_params(**GROUND[name])
    drawn = sampler.sample(model, num_reads=20, seed=number)
    check_samples(drawn, model, 20)
    found = drawn.record.energy.min()
    size = np.abs(energies).max() + 1e-12
    assert found >= energies.min() - 1e-9 * size, "an energy below the least"
    assert found <= energies.min() + 1e-9 * size, "not the least energy"


def _own_law(name, source, number):
    if name == "aer":
        _circuit(source, number)
    else:
        _device(source, number)


def _circuit(source, number):
    """Outcomes by the squares of the circuit's amplitudes."""
    n_spins = source.integer(1, 4)
    h, J = 0.6 * source.array(1, n_spins), 0.6 * source.couplings(n_spins)
    time = abs(source.number(0.1, 0.5))
    method = source.choice("statevector", "shots")
    sampler = samplers.ImaginaryTimeCircuitSampler(imaginary_time=time, method=method)
    states, energies, info = sampler.sample_arrays(h, J, num_reads=500, seed=number)
    scaled = float(info["imaginary_time"][0] / info["energy_scale"][0])  # of a search
    amplitudes = ImaginaryTimeCircuit.from_ising(h, J, scaled).amplitudes()[0]
    bits = (np.arange(2**n_spins)[:, None] >> np.arange(n_spins)) & 1
    exact = energies_of(2 * bits[np.newaxis] - 1, h, J)[0]
    codes = (states[0] > 0) @ (1 << np.arange(n_spins))
    assert np.allclose(energies[0], exact[codes]), "other energies"
    law = amplitudes**2
    _compare_counts(codes, np.where(law < 1e-12, 0.0, law), exact)


def _device(source, number):
    """An ideal device's own temperature, on a model of its qubits."""
    device = samplers.MockQPUSampler(
        "ideal",
        topology_type="chimera",
        topology_shape=[1, 1, 4],
        device_beta=1.0,
        num_sweeps=200,
        seed=number,
    )
    nodes = device.nodelist[: source.integer(1, 6)]
    model = dimod.BinaryQuadraticModel(
        {node: 0.5 * source.number(-1, 1) for node in nodes},
        {
            (u, v): 0.5 * source.number(-1, 1)
            for u, v in device.edgelist
            if u in nodes and v in nodes
        },
        "SPIN",
    )
    order, energies = _enumerate(model)
    drawn = device.sample(model, num_reads=1000, auto_scale=False, answer_mode="raw")
    check_samples(drawn, model, 1000)
    assert drawn.record.energy.min() >= energies.min() - 1e-9, "an energy below the least"
    if _mixes(energies, 1.0, len(order)):
        _compare_counts(_codes(drawn, order), _law(energies, 1.0), energies)
