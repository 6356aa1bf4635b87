"""Recipes of Hamiltonians: weights and data to fields and couplings, and back."""

import itertools

import dimod
import numpy as np
import scipy.sparse
from scipy.special import logsumexp

from fuzzing.entries import Case, entry, read_properties
from fuzzing.models import energies_of
from qsklearn import hamiltonians

# --- Ising families ------------------------------------------------------------------------------


def _family(source):
    n_models, n_spins = source.integer(1, 3), source.integer(1, 4)
    return {
        "fields": source.array(n_models, n_spins),
        "couplings": source.couplings(n_spins),
        "offsets": source.array(n_models),
        "labels": tuple(("s", i) for i in range(n_spins)),
        "one_hot": None,
    }


@entry(
    "hamiltonians.IsingFamily",
    "hamiltonians.IsingFamily.energies",
    "hamiltonians.IsingFamily.scaled",
    "hamiltonians.IsingFamily.to_bqm",
)
def _ising_family(source, name):
    values = _family(source)
    if name.endswith("IsingFamily"):
        return Case(lambda **words: read_properties(hamiltonians.IsingFamily(**words)), values)
    family = hamiltonians.IsingFamily(**values)
    method = name.split(".")[-1]
    if method == "scaled":
        return Case(family.scaled, {"factor": source.number()})
    if method == "to_bqm":
        return Case(family.to_bqm, {"model": source.integer(0, family.n_models - 1)})
    states = source.spins(family.n_models, 3, family.n_spins)
    h, J = values["fields"], values["couplings"]

    def check(energies):
        wanted = energies_of(states, h, J) + values["offsets"][:, None]
        size = np.abs(h).sum() + np.abs(J).sum() + np.abs(values["offsets"]).sum()
        assert (np.abs(energies - wanted) <= 1e-12 * size + 1e-300).all(), "other energies"

    return Case(family.energies, {"states": states}, None if source.is_extreme else check)


# --- layers' Hamiltonians ------------------------------------------------------------------------


def _rows(source):
    n_rows, n_weights, n_outputs = source.integer(1, 5), source.integer(1, 3), source.integer(1, 2)
    return {
        "rows": source.array(n_rows, n_weights),
        "targets": source.array(n_rows, n_outputs),
        "gains": source.choice(None, abs(source.array(n_rows, n_outputs))),
        "weights": source.choice(None, abs(source.array(n_rows)) + 0.1),
        "normaliser": source.choice(None, 2.0),
        "keep_rows": source.flag(),
    }


def _layer(source):
    plain = _rows(source)
    while True:
        try:
            return hamiltonians.LayerHamiltonian.from_rows(**plain), plain
        except ValueError:  # of extreme rows
            source.is_extreme = False
            plain = _rows(source)


def _encoding(source, n_outputs, n_weights):
    base, ranges = source.array(n_outputs, n_weights), abs(source.array(n_weights))
    return hamiltonians.WeightEncoding(base, ranges, source.integer(1, 3))


@entry("hamiltonians.LayerHamiltonian.from_rows", weight=2.0)
def _from_rows(source):
    values = _rows(source)

    def check(hamiltonian):
        read_properties(hamiltonian)
        if not source.is_extreme:
            assert np.isfinite(hamiltonian.minimise()).all()

    return Case(hamiltonians.LayerHamiltonian.from_rows, values, check)


@entry("hamiltonians.LayerHamiltonian.from_batches")
def _from_batches(source):
    rows = _rows(source)
    batch = (rows["rows"], rows["targets"], rows["gains"], rows["weights"])
    arguments = {
        "batches": [batch] * source.integer(1, 2),
        "normaliser": 3.0,
        "keep_rows": source.flag(),
    }
    return Case(hamiltonians.LayerHamiltonian.from_batches, arguments, read_properties)


@entry("hamiltonians.LayerHamiltonian")
def _layer_hamiltonian(source):
    n_outputs, n_weights, n_rows = source.integer(1, 3), source.integer(1, 3), 4
    square = source.array(n_weights, n_weights)
    with np.errstate(all="ignore"):
        quadratic = (square @ square.T)[np.newaxis]
    quadratic = (quadratic + quadratic.transpose(0, 2, 1)) / 2
    arguments = {
        "linear": source.array(n_outputs, n_weights),
        "constant": source.array(n_outputs),
        "groups": np.zeros(n_outputs, int),
        "penalty": np.zeros(n_weights),
    }
    if source.flag():
        arguments["quadratic"] = quadratic
    else:
        arguments |= {"rows": source.array(n_rows, n_weights), "row_weights": np.ones((1, n_rows))}
    return Case(lambda **w: read_properties(hamiltonians.LayerHamiltonian(**w)), arguments)


_OF_LAYER = (
    "condition_number",
    "couplings",
    "energies",
    "families",
    "minimise",
    "rank",
    "restricted",
    "to_bqm",
    "with_penalty",
)


@entry(*(f"hamiltonians.LayerHamiltonian.{method}" for method in _OF_LAYER))
def _of_layer(source, name):
    hamiltonian, rows = _layer(source)
    method = name.split(".")[-1]
    n_outputs, n_weights = hamiltonian.n_outputs, hamiltonian.n_weights
    arguments, check, call = {}, None, getattr(hamiltonian, method)
    if method == "couplings":
        arguments = {"group": source.integer(0, hamiltonian.n_groups - 1)}
    elif method == "energies":
        arguments = {
            "weights": source.array(n_outputs, 2, n_weights),
            "with_penalty": source.flag(),
        }
        check = None if source.is_extreme else _check_of_layer(rows, arguments["weights"])
    elif method == "families":
        arguments = {"encoding": _encoding(source, n_outputs, n_weights)}
        call = lambda encoding: list(hamiltonian.families(encoding))  # noqa: E731
    elif method == "restricted":
        arguments = {"live": source.rng.random(n_weights) < 0.7}
    elif method == "to_bqm":
        arguments = {
            "output": source.integer(0, n_outputs - 1),
            "encoding": _encoding(source, n_outputs, n_weights),
        }
    elif method == "with_penalty":
        arguments = {"penalty": source.choice(abs(source.number()), abs(source.array(n_weights)))}
    return Case(call, arguments, check)


def _check_of_layer(rows, weights):
    def check(energies):
        gains = 1.0 if rows["gains"] is None else rows["gains"]
        of_rows = np.ones(len(rows["rows"])) if rows["weights"] is None else rows["weights"]
        divisor = rows["normaliser"] or of_rows.sum()
        for read in range(weights.shape[1]):
            outputs = rows["rows"] @ weights[:, read].T
            errors = (gains * outputs - rows["targets"]) ** 2
            wanted = (of_rows[:, None] * errors).sum(axis=0) / divisor
            assert np.allclose(energies[:, read], wanted, rtol=1e-8, atol=1e-8), "other energies"

    return check


@entry(
    "hamiltonians.CentredLayer",
    "hamiltonians.CentredLayer.from_hamiltonian",
    "hamiltonians.CentredLayer.from_layer",
    "hamiltonians.CentredLayer.to_layer",
    weight=0.5,
)
def _centred(source, name):
    rows = np.column_stack([source.array(4, 2), np.ones(4)])
    source.is_extreme = source.is_extreme and bool(np.abs(rows).max() > 1e10)
    targets = source.rng.normal(size=(4, 2))
    plain = np.column_stack([source.rng.normal(size=(4, 2)), np.ones(4)])
    hamiltonian = hamiltonians.LayerHamiltonian.from_rows(plain, targets)
    method = name.split(".")[-1]
    if method == "from_hamiltonian":
        return Case(hamiltonians.CentredLayer.from_hamiltonian, {"hamiltonian": hamiltonian})
    if method == "CentredLayer":
        arguments = {"hamiltonian": hamiltonian, "means": source.array(2)}
        return Case(lambda **words: read_properties(hamiltonians.CentredLayer(**words)), arguments)
    centred = hamiltonians.CentredLayer.from_hamiltonian(hamiltonian)
    return Case(getattr(centred, method), {"weights": source.array(2, 3)})


@entry(
    "hamiltonians.WeightEncoding",
    "hamiltonians.WeightEncoding.decode",
    "hamiltonians.WeightEncoding.decode_levels",
    "hamiltonians.WeightEncoding.levels_of",
    "hamiltonians.WeightEncoding.states_of",
)
def _weight_encoding(source, name):
    n_outputs, n_weights, n_bits = source.integer(1, 3), source.integer(1, 3), source.integer(1, 4)
    values = {
        "base": source.array(n_outputs, n_weights),
        "ranges": abs(source.array(n_weights)),
        "n_bits": n_bits,
    }
    method = name.split(".")[-1]
    if method == "WeightEncoding":
        return Case(lambda **words: read_properties(hamiltonians.WeightEncoding(**words)), values)
    try:
        encoding = hamiltonians.WeightEncoding(**values)
    except ValueError:
        source.is_extreme = False
        encoding = _encoding(source, n_outputs, n_weights)
    levels = 2 * source.rng.integers(0, 2**encoding.n_bits, (n_outputs, 2, n_weights)) + 1
    levels -= 2**encoding.n_bits
    if method == "decode":
        states = source.spins(n_outputs, 2, encoding.n_spins)
        return Case(encoding.decode, {"states": states, "outputs": np.arange(n_outputs)})
    if method == "states_of":

        def check(states):
            again = encoding.decode(states)
            wanted = encoding.decode_levels(levels)
            assert np.allclose(again, wanted, rtol=1e-9, equal_nan=True), "another decoding"

        return Case(encoding.states_of, {"levels": levels}, None if source.is_extreme else check)
    if method == "levels_of":
        return Case(
            encoding.levels_of,
            {"weights": source.array(n_outputs, 2, n_weights), "outputs": np.arange(n_outputs)},
        )
    return Case(encoding.decode_levels, {"levels": levels, "outputs": np.arange(n_outputs)})


# --- layered networks ----------------------------------------------------------------------------


def _layered(source):
    sizes = [source.integer(1, 3) for _ in range(source.integer(1, 3))]
    sizes[-1] = max(sizes[-1], 2)
    weights = tuple(source.array(a, b) for a, b in itertools.pairwise(sizes))
    return {
        "weights": weights,
        "biases": tuple(source.array(size) for size in sizes),
        "penalty": source.choice(None, abs(source.number()) + 0.1),
        "names": source.choice(None, tuple(f"layer{i}" for i in range(len(sizes)))),
    }


@entry("hamiltonians.LayeredHamiltonian")
def _layered_itself(source):
    return Case(lambda **w: read_properties(hamiltonians.LayeredHamiltonian(**w)), _layered(source))


_OF_LAYERED = (
    "build",
    "centred",
    "class_fields",
    "class_free_energies",
    "class_probabilities",
    "clipped_inputs",
    "decode",
    "holding_inputs",
    "mean_field",
    "one_hot_mask",
    "to_bqm",
    "to_matrix",
    "unit_means",
    "with_penalty",
)


@entry(*(f"hamiltonians.LayeredHamiltonian.{method}" for method in _OF_LAYERED))
def _of_layered(source, name):
    values = _layered(source)
    try:
        network = hamiltonians.LayeredHamiltonian(**values)
    except ValueError:
        source.is_extreme = False
        network = hamiltonians.LayeredHamiltonian(**_layered(source))
    method = name.split(".")[-1]
    n_rows, width = source.integer(1, 3), network.layer_sizes[0]
    inputs = source.array(n_rows, width)
    beta = {"beta": abs(source.number())}
    arguments = {
        "build": {"inputs": inputs, "shifts": source.choice(None, source.array(n_rows))},
        "centred": {},
        "class_fields": {"inputs": inputs},
        "class_free_energies": {"inputs": inputs, **(beta if source.flag() else {"beta": None})},
        "class_probabilities": {"inputs": inputs, **beta},
        "clipped_inputs": {"inputs": inputs, "clip": abs(source.number()) + 0.1},
        "decode": {"states": source.spins(2, network.n_units)},
        "holding_inputs": {"bits": source.bits(n_rows, width), "margin": abs(source.number())},
        "mean_field": {"inputs": inputs, "num_steps": source.integer(0, 3), **beta},
        "one_hot_mask": {"class_bits": source.bits(3, network.n_classes)},
        "to_bqm": {"inputs": inputs[0], "shift": source.number()},
        "to_matrix": {"inputs": inputs[0], "shift": source.number()},
        "unit_means": {"inputs": inputs, **beta},
        "with_penalty": {"penalty": source.choice(None, abs(source.number()) + 0.1)},
    }[method]

    def check(answer):
        if method == "class_probabilities":
            assert np.isfinite(answer).all() and (answer >= 0).all()
            assert np.allclose(answer.sum(axis=1), 1)
        if method in ("unit_means", "mean_field"):
            means = np.concatenate(
                [np.ravel(each) for each in np.atleast_1d(answer)]
                if method == "unit_means"
                else [np.ravel(m) for m in answer]
            )
            assert ((means >= 0) & (means <= 1 + 1e-12)).all()
        if method == "to_matrix":
            matrix, offset = answer
            model = network.to_bqm(**arguments)
            bits = source.bits(network.n_units)
            wanted = model.energy(dict(zip(network.labels, bits.tolist(), strict=True)))
            assert np.isclose(bits @ matrix @ bits + offset, wanted), "other energies"

    return Case(getattr(network, method), arguments, None if source.is_extreme else check)


# --- the sampled MLP -----------------------------------------------------------------------------


def _mlp(source):
    n_features, n_hidden, n_outputs = (source.integer(1, 3) for _ in range(3))
    return {
        "hidden_weights": source.array(n_features, n_hidden),
        "output_weights": source.array(n_hidden, n_outputs),
        "hidden_bias": source.array(n_hidden),
        "output_bias": source.array(n_outputs),
        "categorical": source.flag(),
    }


@entry("hamiltonians.SampledMLPHamiltonian")
def _mlp_itself(source):
    return Case(lambda **w: read_properties(hamiltonians.SampledMLPHamiltonian(**w)), _mlp(source))


_OF_MLP = (
    "activations",
    "build",
    "costs",
    "decode",
    "free_energies",
    "log_probabilities",
    "log_weights",
    "lowest_energies",
    "nudge",
    "pattern_of",
    "to_bqm",
)


@entry(*(f"hamiltonians.SampledMLPHamiltonian.{method}" for method in _OF_MLP))
def _of_mlp(source, name):
    mlp = hamiltonians.SampledMLPHamiltonian(**_mlp(source))
    method = name.split(".")[-1]
    n_rows, n_features = source.integer(1, 3), mlp.hidden_weights.shape[0]
    X = source.array(n_rows, n_features)
    X = scipy.sparse.csr_array(X) if source.integer(0, 4) == 0 and not source.is_extreme else X
    if mlp.categorical:
        outputs = np.eye(mlp.n_outputs, dtype=np.int8)[
            source.rng.integers(0, mlp.n_outputs, n_rows)
        ]
    else:
        outputs = source.bits(n_rows, mlp.n_outputs)
    arguments = {
        "activations": {"X": X},
        "build": {"X": X},
        "log_probabilities": {"X": X},
        "log_weights": {"X": X},
        "lowest_energies": {"X": X},
        "costs": {"drawn": outputs, "outputs": outputs},
        "decode": {"states": 2 * outputs - 1},
        "free_energies": {"X": X, "outputs": outputs},
        "nudge": {"outputs": outputs, "strengths": source.number()},
        "pattern_of": {"outputs": outputs},
        "to_bqm": {
            "x": np.asarray(source.array(n_features)),
            "penalty": source.choice(None, abs(source.number()) + 0.1),
        },
    }[method]
    call = getattr(mlp, method)
    if method == "nudge":
        built = mlp.build(source.rng.normal(size=(n_rows, n_features)))
        call = lambda **words: mlp.nudge(built, **words)  # noqa: E731

    def check(answer):
        if method == "log_probabilities":
            assert np.allclose(logsumexp(answer, axis=1), 0, atol=1e-8)
        if method == "decode":
            assert (answer == outputs).all()
        if method == "to_bqm":
            assert isinstance(answer, dimod.BinaryQuadraticModel)

    return Case(call, arguments, None if source.is_extreme else check)


# --- functions -----------------------------------------------------------------------------------


@entry(
    "hamiltonians.class_shifts",
    "hamiltonians.has_one_hot_ground_state",
    "hamiltonians.shift_logits",
    "hamiltonians.smallest_penalty",
)
def _of_logits(source, name):
    logits = source.array(source.integer(1, 3), source.integer(2, 4))
    arguments = {
        "class_shifts": {"shift": source.choice("max", "center", None)},
        "has_one_hot_ground_state": {"penalty": abs(source.number()) + 0.1},
        "shift_logits": {
            "shift": source.choice("max", "center", None),
            "clip": source.choice(None, 2.0),
        },
        "smallest_penalty": {},
    }[name.split(".")[1]]
    return Case(getattr(hamiltonians, name.split(".")[1]), {"logits": logits, **arguments})


@entry("hamiltonians.convolution_matrix")
def _convolution(source):
    arguments = {
        "kernels": source.array(2, 1, source.integer(1, 2), source.integer(1, 2)),
        "image_shape": (1, source.integer(2, 4), source.integer(2, 4)),
        "stride": source.choice(1, 2, (1, 2)),
        "padding": source.choice(0, 1, (0, 1)),
    }
    return Case(hamiltonians.convolution_matrix, arguments)


@entry("hamiltonians.or_pooling", "hamiltonians.pooling_membership")
def _pooling(source, name):
    shape = (source.integer(1, 2), source.integer(2, 4), source.integer(2, 4))
    if name.endswith("membership"):
        arguments = {
            "image_shape": shape,
            "size": source.choice(1, 2, (1, 2)),
            "stride": source.choice(None, 1, (1, 2)),
            "padding": 0,
        }
        return Case(hamiltonians.pooling_membership, arguments)
    membership = hamiltonians.pooling_membership(shape, 2)
    cost = abs(source.number()) % 10 + 0.1
    arguments = {
        "membership": source.choice(membership, membership.toarray()),
        "strength": cost + 1.0,
        "cost": cost,
    }
    return Case(hamiltonians.or_pooling, arguments)
