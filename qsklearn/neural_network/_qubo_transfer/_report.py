"""How well a transferred network is sampled, and what that costs."""

from time import perf_counter

import numpy as np

from qsklearn.neural_network._family_draws import seeds_of_rows
from qsklearn.neural_network._qubo_transfer._class_readout import ClassCounts
from qsklearn.neural_network._qubo_transfer._draws import random_states

_COUNTED = ("calls", "reads", "sweeps", "qpu_access_time", "queries", "faults")
# What a device says of a call, and a report passes on.
_REPORTED = ("chain_break_fraction", "scale", "clipped_fraction", "beta_eff_device")


def report_of(transfer, X):
    """The report of :meth:`QUBOTransferClassifier.sampling_report`."""
    started = perf_counter()
    inputs, shifts = transfer._model_inputs(X)
    classical = perf_counter() - started
    expected = transfer._expected_probabilities(inputs)
    drawn = transfer._class_draws()
    seeds = seeds_of_rows(X, transfer._entropy)
    counts = {"raw": [], "after_descent": [], "from_random": []}
    rng, readout = np.random.default_rng(transfer._entropy), 0.0
    for family, states, energies in drawn.states(inputs, shifts, seeds):
        started = perf_counter()
        counts["raw"].append(drawn.count_without_fallback(states, energies))
        readout += perf_counter() - started
        random = random_states(family, states.shape[1], rng)
        for name, start in (("after_descent", states), ("from_random", random)):
            counts[name].append(drawn.count_without_fallback(*drawn.descend(family, start)))
    counts = {name: ClassCounts.concatenate(parts) for name, parts in counts.items()}
    raw, draws = counts["raw"], drawn.draws
    report = {
        "num_reads": draws.cost["reads"] // max(len(inputs), 1),
        "one_hot_fraction": float(raw.one_hot.mean()),
        "class_bits_up": float(raw.class_bits_up.mean()),
        "n_fallbacks": int(raw.is_empty.sum()),
        "penalty": drawn.hamiltonian.penalty,
        "beta": drawn.beta,
        "beta_eff": draws.beta_eff,
        "beta_eff_stderr": draws.beta_eff_stderr,
        "agreement": _agreement(raw, expected),
        "agreement_after_descent": _agreement(counts["after_descent"], expected),
        "agreement_of_descent_from_random": _agreement(counts["from_random"], expected),
        **_distance(transfer, raw, expected),
        "classical_seconds": classical,
        "compile_seconds": drawn.seconds["compile"] + draws.cost["compile_seconds"],
        "sample_seconds": draws.cost["sample_seconds"],
        "readout_seconds": readout,
        **{name: draws.cost[name] for name in _COUNTED},
    }
    if draws.is_estimated and "beta_eff" in draws.info:
        report["beta_eff_estimate"] = draws.info["beta_eff"], draws.info["beta_eff_stderr"]
    means = {name: drawn.mean_of(name) for name in _REPORTED}
    return report | {name: mean for name, mean in means.items() if mean is not None}


def _agreement(counts, expected):
    """Part of the data points for which reads say what the law's most probable class is."""
    winners = np.where(counts.is_empty, -1, counts.winners())
    return float((winners == expected.argmax(axis=1)).mean())


def _distance(transfer, counts, expected):
    """Distance between frequencies and the law, and what independent draws would show by chance."""
    if transfer.readout != "onehot" or not transfer.hamiltonian_.is_summable:
        return {}
    reads = np.maximum(counts.counts.sum(axis=1, keepdims=True), 1.0)
    distance = np.abs(counts.counts / reads - expected).sum(axis=1).mean() / 2
    chance = np.sqrt(2 * expected * (1 - expected) / (np.pi * reads)).sum(axis=1).mean() / 2
    return {"total_variation": float(distance), "total_variation_of_draws": float(chance)}
