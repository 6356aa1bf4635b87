"""Recipes of circuits: landscapes, amplification, imaginary time, at sizes that a test can run."""

import numpy as np
from qiskit.primitives import StatevectorSampler

from fuzzing.entries import Case, entry, read_properties
from fuzzing.models import energies_of
from fuzzing.places import new_path
from qsklearn import circuits

# --- binary networks and their landscapes --------------------------------------------------------


def _network_words(source, small=False):
    return {
        "n_inputs": source.integer(1, 2 if small else 3),
        "n_hidden": source.integer(1, 2),
        "fit_bias": source.flag() and not small,
        "search_connections": source.flag() and not small,
        "absent": source.choice("nothing", "nothing_or_off", "against"),
        "output_weights": source.flag(),
    }


def _network(source, small=False):
    return circuits.BinaryNetwork(**_network_words(source, small))


def _rows_for(source, network):
    n_rows = source.integer(1, 4)
    return {
        "inputs": source.spins(n_rows, network.n_inputs),
        "labels": source.spins(n_rows),
        "sample_weight": source.choice(None, np.ones(n_rows), abs(source.rng.normal(size=n_rows))),
    }


def _data(source, network):
    words = _rows_for(source, network) | {"sample_weight": None}
    return circuits.LabelledPatterns.from_rows(**words)


@entry(
    "circuits.BinaryNetwork",
    "circuits.BinaryNetwork.outputs",
    "circuits.BinaryNetwork.spins",
    "circuits.BinaryNetwork.unit_spins",
    "circuits.BinaryNetwork.unpack",
    "circuits.BinaryNetwork.votes",
)
def _binary_network(source, name):
    method = name.split(".")[-1]
    if method == "BinaryNetwork":
        return Case(
            lambda **w: read_properties(circuits.BinaryNetwork(**w)), _network_words(source)
        )
    network = _network(source)
    if method in ("spins", "unit_spins"):
        most = network.n_states if method == "spins" else 2**network.n_unit_qubits
        return Case(getattr(network, method), {"states": source.rng.integers(0, most, 3)})
    arguments = {"spins": source.spins(2, network.n_qubits)}
    if method != "unpack":
        arguments["inputs"] = source.spins(3, network.n_inputs)
    return Case(getattr(network, method), arguments)


@entry(
    "circuits.LabelledPatterns",
    "circuits.LabelledPatterns.from_rows",
    "circuits.LabelledPatterns.packed",
    "circuits.LabelledPatterns.score",
    "circuits.LabelledPatterns.turned",
)
def _labelled(source, name):
    network, method = _network(source), name.split(".")[-1]
    if method == "from_rows":
        return Case(
            circuits.LabelledPatterns.from_rows, _rows_for(source, network), read_properties
        )
    data = _data(source, network)
    if method == "LabelledPatterns":
        arguments = {"patterns": data.patterns, "up": data.up, "down": data.down}
        return Case(lambda **words: read_properties(circuits.LabelledPatterns(**words)), arguments)
    if method == "score":
        outputs = source.spins(3, len(data.patterns))
        return Case(data.score, {"outputs": outputs})
    return Case(getattr(data, method), {})


@entry("circuits.accuracy_landscape", weight=2.0)
def _landscape(source):
    network = _network(source)
    data = _data(source, network)
    arguments = {
        "network": network,
        "data": data,
        "n_threads": source.integer(1, 2),
        "keep_scores": source.flag(),
    }

    def check(landscape):
        assert landscape.histogram.sum() == network.n_states
        some = source.rng.integers(0, network.n_states, 4)
        scores = data.score(network.outputs(network.spins(some), data.patterns)) + data.base * 0
        if arguments["keep_scores"]:
            offset = landscape.scores[some].astype(int) - scores
            assert len(set(offset.tolist())) == 1, "other scores"

    return Case(circuits.accuracy_landscape, arguments, check)


@entry(
    "circuits.Landscape",
    "circuits.Landscape.draw",
    "circuits.Landscape.locate",
    "circuits.Landscape.n_at_least",
)
def _of_landscape(source, name):
    method = name.split(".")[-1]
    network = _network(source)
    made = circuits.accuracy_landscape(network, _data(source, network))
    best = int(np.flatnonzero(made.histogram)[-1])
    arguments = {
        "Landscape": {"scores": made.scores, "histogram": made.histogram, "n_threads": 1},
        "draw": {"score": best, "rng": np.random.default_rng(0)},
        "locate": {"least": best, "ranks": [0], "most": source.choice(None, best)},
        "n_at_least": {"least": source.integer(0, best)},
    }[method]
    if method == "Landscape":
        return Case(lambda **words: read_properties(circuits.Landscape(**words)), arguments)
    return Case(getattr(made, method), arguments)


# --- amplification -------------------------------------------------------------------------------


def _amplification(source):
    while True:
        network = _network(source, small=True)
        data = _data(source, network)
        try:
            return circuits.AmplificationCircuit(network, data), network, data
        except ValueError:  # no setting has the score
            continue


@entry(
    "circuits.AmplificationCircuit",
    "circuits.AmplificationCircuit.check_size",
    "circuits.AmplificationCircuit.resources",
    "circuits.AmplificationCircuit.to_qiskit",
)
def _of_amplification(source, name):
    circuit, network, data = _amplification(source)
    method = name.split(".")[-1]
    if method == "AmplificationCircuit":
        arguments = {
            "network": network,
            "data": data,
            "least": None,
            "oracle": source.choice("counter", "outputs"),
            "excluded": (),
            "batches": None,
        }
        call = lambda **words: read_properties(circuits.AmplificationCircuit(**words))  # noqa: E731
        return Case(call, arguments)
    arguments = {
        "check_size": {"limit": source.choice(None, 40), "caller": "fuzz"},
        "resources": {},
        "to_qiskit": {"iterations": source.integer(0, 2), "measure": source.flag()},
    }[method]
    return Case(getattr(circuit, method), arguments)


@entry("circuits.measure_settings", weight=0.7)
def _measure(source):
    circuit, network, _ = _amplification(source)
    arguments = {
        "circuit": circuit,
        "iterations": source.integer(0, 2),
        "num_reads": 4,
        "backend": None,
        "seed": source.integer(0, 5),
        "caller": "fuzz",
    }

    def check(settings):
        assert settings.shape == (4,)
        assert ((settings >= 0) & (settings < network.n_states)).all()

    return Case(circuits.measure_settings, arguments, check)


@entry(
    "circuits.amplified_probabilities",
    "circuits.amplify_with_batches",
    "circuits.best_iterations",
    "circuits.success_probability",
)
def _arithmetic(source, name):
    n_states = source.integer(1, 8)
    marked = source.rng.random(n_states) < 0.5
    marked[0] = True
    batches = [[0], [1, 2]][: source.integer(1, 2)]
    arguments = {
        "amplified_probabilities": {"is_marked": marked, "iterations": source.integer(0, 5)},
        "amplify_with_batches": {
            "correct": source.rng.random((n_states, 3)) < 0.6,
            "batches": batches,
        },
        "best_iterations": {"fraction": 1 / source.integer(1, 1000)},
        "success_probability": {
            "fraction": source.choice(0.5, source.rng.random(3)),
            "iterations": source.integer(0, 10),
        },
    }[name.split(".")[1]]

    def check(answer):
        if name.startswith("circuits.ampl"):
            assert np.allclose(np.sum(answer, axis=-1), 1)

    return Case(getattr(circuits, name.split(".")[1]), arguments, check)


@entry(
    "circuits.classical_draws",
    "circuits.compare_search_costs",
    "circuits.search_curves",
    "circuits.search_law",
)
def _searches(source, name):
    n_states = source.integer(1, 64)
    arguments = {"n_states": n_states, "n_marked": source.integer(1, n_states)}
    method = name.split(".")[1]
    if method == "classical_draws":
        arguments |= {"confidence": source.choice(0.9, 0.5), "replacement": source.flag()}
    elif method == "compare_search_costs":
        arguments |= {"confidence": 0.9}
    elif method == "search_law":
        arguments |= {"schedule": source.choice("bbht", "linear", 2), "max_evaluations": 20}
    return Case(getattr(circuits, method), arguments)


@entry("circuits.bytes_of_indices", "circuits.spins_of_bytes")
def _bytes(source, name):
    indices = source.rng.integers(0, 2**20, 3)
    if name.endswith("bytes_of_indices"):
        return Case(circuits.bytes_of_indices, {"indices": indices})
    packed = circuits.bytes_of_indices(indices)
    return Case(circuits.spins_of_bytes, {"packed": packed, "n_qubits": source.integer(1, 64)})


# --- imaginary time ------------------------------------------------------------------------------


def _evolution(source):
    n_models, n_qubits = source.integer(1, 2), source.integer(1, 3)
    return {
        "h": source.array(n_models, n_qubits),
        "J": source.couplings(n_qubits),
        "imaginary_time": source.choice(abs(source.number()), abs(source.array(n_models))),
    }


@entry("circuits.evolve_imaginary_time", "circuits.ImaginaryTimeCircuit.from_ising")
def _evolve(source, name):
    words = _evolution(source)
    if name.endswith("from_ising"):
        words["gate_order"] = source.choice("descending", "ascending", "index")
        return Case(circuits.ImaginaryTimeCircuit.from_ising, words, read_properties)

    def check(amplitudes):
        assert np.allclose((amplitudes**2).sum(axis=1), 1), "not normalised"
        if not source.is_extreme:
            h, J = words["h"], words["J"]
            states = 2 * ((np.arange(2 ** h.shape[1])[:, None] >> np.arange(h.shape[1])) & 1) - 1
            energies = energies_of(np.repeat(states[None], len(h), 0), h, J)
            law = np.exp(-np.reshape(words["imaginary_time"], (-1, 1)) * energies)
            law /= np.linalg.norm(law, axis=1, keepdims=True)
            assert np.allclose(amplitudes, law, atol=1e-9), "another law"

    return Case(circuits.evolve_imaginary_time, words, check)


@entry(
    "circuits.ImaginaryTimeCircuit",
    "circuits.ImaginaryTimeCircuit.amplitudes",
    "circuits.ImaginaryTimeCircuit.to_qiskit",
    weight=0.7,
)
def _imaginary(source, name):
    n_models = source.integer(1, 2)
    made = circuits.ImaginaryTimeCircuit.from_ising(
        source.rng.normal(size=(n_models, 2)), [[0, 0.5], [0.5, 0]], 0.2
    )
    method = name.split(".")[-1]
    if method == "ImaginaryTimeCircuit":
        arguments = {
            "angles": made.angles,
            "pairs": made.pairs,
            "angles_of_pairs": made.angles_of_pairs,
        }
        call = lambda **words: read_properties(circuits.ImaginaryTimeCircuit(**words))  # noqa: E731
        return Case(call, arguments)
    arguments = {"model": source.choice(None, 0), "measure": source.flag()}
    return Case(getattr(made, method), arguments if method == "to_qiskit" else {})


@entry("circuits.field_angles", "circuits.pair_angles")
def _angles(source, name):
    if name.endswith("field_angles"):
        arguments = {"h": source.array(2, 3), "imaginary_time": abs(source.number())}
    else:
        arguments = {
            "J": source.array(3),
            "h_first": source.array(3),
            "h_second": source.array(3),
            "imaginary_time": abs(source.number()),
        }

    def check(angles):
        assert np.isfinite(angles).all()

    return Case(getattr(circuits, name.split(".")[1]), arguments, check)


@entry("circuits.run_circuits", weight=0.7)
def _run(source):
    n_models = source.integer(1, 2)
    made = circuits.ImaginaryTimeCircuit.from_ising(
        source.rng.normal(size=(n_models, 2)), [[0, 0.5], [0.5, 0]], 0.2
    )
    arguments = {
        "circuit": made.to_qiskit(),
        "parameter_values": made.parameter_values,
        "num_reads": 3,
        "seeds": np.arange(n_models),
        "backend": source.choice(None, StatevectorSampler(seed=0)),
        "pass_manager": None,
        "caller": "fuzz",
    }

    def check(answer):
        assert answer[0].shape == (n_models, 3, 2)

    return Case(circuits.run_circuits, arguments, check)


@entry("circuits.RecordedPrimitive", "circuits.RecordedPrimitive.run", weight=0.5)
def _primitive(source, name):
    made = circuits.ImaginaryTimeCircuit.from_ising([[0.5, 0.1]], [[0, 0.5], [0.5, 0]], 0.2)
    circuit = made.to_qiskit(0)
    if name.endswith("run"):
        recorded = circuits.RecordedPrimitive(StatevectorSampler(seed=0), new_path("recording"))
        return Case(lambda **w: recorded.run(**w).result(), {"pubs": [circuit], "shots": 3})

    def call(**words):
        recorded = circuits.RecordedPrimitive(**words)
        return recorded.run([circuit], shots=2).result()

    arguments = {
        "primitive": StatevectorSampler(seed=0),
        "path": str(new_path("recording")),
        "mode": source.choice("auto", "record"),
    }
    return Case(call, arguments)
