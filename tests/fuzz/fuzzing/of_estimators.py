"""Recipes of estimators: fits of a few rows, and every method of what was fitted."""

import copy
from functools import cache

import numpy as np
import scipy.sparse

from fuzzing.entries import Case, entry, methods_of, read_properties
from fuzzing.parameters import inside, outside
from fuzzing.places import new_path
from qsklearn import neural_network as networks

# Parameters that make a fit short. What is no parameter of a number is varied in _VARIANTS.
PLAIN = {
    "BackpropagationNetworkClassifier": {"max_iter": 2, "random_state": 0},
    "BackpropagationNetworkRegressor": {"max_iter": 2, "random_state": 0},
    "GroverBNNClassifier": {"n_hidden": 1, "n_bits": 3, "random_state": 0},
    "QUBOTransferClassifier": {"mode": "drbm", "n_hidden": 2, "random_state": 0, "num_reads": 5},
    "QuantumBoltzmannPriorVAE": {
        "n_latent": 4,
        "topology": "rbm",
        "hidden_layer_sizes": (4,),
        "max_iter": 1,
        "batch_size": 8,
        "n_chains": 4,
        "num_sweeps": 1,
        "random_state": 0,
        "likelihood": "bernoulli",
    },
    "QuantumSampledMLPClassifier": {
        "n_hidden": 2,
        "num_reads": 3,
        "max_iter": 2,
        "random_state": 0,
    },
    "SpinGlassAnnealedNetwork": {"max_iter": 2, "random_state": 0, "num_sweeps": 4},
    "SpinGlassAnnealedRegressor": {"max_iter": 2, "random_state": 0, "num_sweeps": 4},
}
_LAYERS = {"layers": [(3,), None, (2, 2)]}
_VARIANTS = {
    "BackpropagationNetworkClassifier": _LAYERS,
    "BackpropagationNetworkRegressor": _LAYERS,
    "GroverBNNClassifier": {"class_weight": [None, "balanced"]},
    "QUBOTransferClassifier": {"mode": ["drbm", "clamped"], "sampler": [None, "gibbs", "exact"]},
    "QuantumBoltzmannPriorVAE": {"importance": [((1, 1),)], "tau": [(1.0, 0.2), 0.5]},
    "QuantumSampledMLPClassifier": {
        "sampler": [None, "gibbs", "exact", "annealing"],
        "class_weight": [None, "balanced"],
    },
    "SpinGlassAnnealedNetwork": _LAYERS | {"sampler": [None, "least-squares"]},
    "SpinGlassAnnealedRegressor": _LAYERS | {"sampler": [None, "least-squares"]},
}
# Long, or only together with others.
_APART = {
    "binary",
    "estimator",
    "checkpoint",
    "checkpoint_interval",
    "warm_start",
    "device",
    "search",
    "max_weight_qubits",
    "class_weight",
    "sampler",
    "mode",
    "n_levels",
    "n_hidden",
    "architecture",
    "target",
    "max_queries",
    "label_units",
    "early_stopping",
    "gradient",
    "transverse_field",
    "validation_fraction",
    "verbose",
    "readout",
}
_REGRESSORS = ("BackpropagationNetworkRegressor", "SpinGlassAnnealedRegressor")
_GENERATIVE = ("QuantumBoltzmannPriorVAE",)
_OF_SPARSE = ("QuantumSampledMLPClassifier", "GroverBNNClassifier")


def data(source, name):
    """Rows and targets that the estimator takes."""
    n_rows, n_features = source.integer(6, 12), source.integer(1, 4)
    X = source.array(n_rows, n_features)
    if name in _GENERATIVE:
        X = source.bits(n_rows, max(n_features, 2)).astype(float)
    elif name == "QUBOTransferClassifier":
        X = np.clip(np.nan_to_num(np.abs(X)), 0, 1)
    if name in _REGRESSORS:
        y = source.array(n_rows) if source.flag() else source.array(n_rows, 2)
    else:
        y = np.arange(n_rows) % source.integer(2, 3)
        y = source.choice(
            y, y == 0, np.array(["no", "yes", "maybe"])[y], y * 7 - 3, y.astype(float)
        )
    if source.integer(0, 5) == 0 and name in _OF_SPARSE and not source.is_extreme:
        X = scipy.sparse.csr_array(X)
    return X, y


def _parameters(source, name):
    """Short ones, one or two of them drawn, and maybe one beside its bounds."""
    kind = getattr(networks, name)
    constraints = kind._parameter_constraints
    values = dict(PLAIN[name])
    for each in source.subset(_VARIANTS[name], 1):
        values[each] = source.choice(*_VARIANTS[name][each])
    free = {each for each in constraints if not isinstance(constraints[each], str)} - _APART
    for each in source.subset(free, 1):
        value = inside(source, each, constraints[each])
        values[each] = values.get(each) if value is None else value
    beside = None
    if source.integer(0, 3) == 0:
        chosen = source.choice(*sorted(free))
        for value in outside(source, constraints[chosen]):
            beside, values[chosen] = chosen, value
    return kind, values, beside


def _fit(source, name):
    kind, values, beside = _parameters(source, name)
    X, y = data(source, name)
    estimator = kind(**values)
    arguments = {"X": X, "y": y}
    if name in _GENERATIVE:
        arguments.pop("y")
    elif source.integer(0, 3) == 0:
        arguments["sample_weight"] = abs(source.rng.normal(size=len(y))) + 0.1
    is_repeatable = isinstance(values["random_state"], int)  # which checkpoints need
    if source.integer(0, 9) == 0 and "checkpoint" in constraints_of(kind) and is_repeatable:
        estimator.set_params(checkpoint=str(new_path("checkpoints")))

    def check(fitted):
        assert fitted is estimator
        assert beside is None, f"took a value of {beside!r} beside its bounds"
        read_properties(estimator)
        if hasattr(estimator, "predict"):
            assert len(estimator.predict(X)) == X.shape[0]

    return Case(
        lambda **words: _fit_again(estimator, words),
        arguments,
        check,
        may_refuse=beside is not None,
    )


def constraints_of(kind):
    return kind._parameter_constraints


def _fit_again(estimator, words):
    return estimator.fit(**words)


def _construct(source, name):
    """Default parameters but those of time, on plain data: they are taken."""
    kind = getattr(networks, name)
    values = dict(PLAIN[name])
    for each in source.subset(_VARIANTS[name], 2):
        values[each] = source.choice(*_VARIANTS[name][each])
    source.is_extreme = False
    X, y = data(source, name)

    def call(**parameters):
        estimator = kind(**parameters)
        return estimator.fit(X) if name in _GENERATIVE else estimator.fit(X, y)

    return Case(call, values, may_refuse=name == "QUBOTransferClassifier")


@cache
def fitted(name, variant=0):
    """An estimator that was fitted to plain data, and these."""
    rng = np.random.default_rng(variant)
    X, y = rng.random((12, 3)), np.arange(12) % (2 + variant % 2)
    if name in _GENERATIVE:
        X = (X > 0.5).astype(float)
    y = rng.normal(size=12) if name in _REGRESSORS else y
    estimator = getattr(networks, name)(**PLAIN[name])
    return (estimator.fit(X) if name in _GENERATIVE else estimator.fit(X, y)), X, y


def _method_arguments(source, name, method, X, y):
    rows = X[source.rng.integers(0, len(X), 4)]
    some = y[:4]
    of_X = {"X": rows}
    first_label = source.choice(None, y[0])
    return {
        "fit_transform": {"X": X} if name in _GENERATIVE else {"X": X, "y": y},
        "partial_fit": {"X": X} if name in _GENERATIVE else {"X": X, "y": y},
        "score": of_X if name in _GENERATIVE else {"X": X, "y": y},
        "estimate_cost": {
            "n_samples": source.integer(1, 100),
            "n_features": X.shape[1],
            "n_outputs": source.choice(None, 2),
            "method": source.choice("fit", "predict"),
        },
        "classical_twin": {},
        "ablations": {},
        "to_mlp": {},
        "set_callbacks": {},
        "get_feature_names_out": {"input_features": None},
        "energy": {"X": rows, "y": some},
        "log_likelihood": {"X": rows, "y": some},
        "sampling_report": of_X if name not in _GENERATIVE else {"X": rows, "n_importance": 3},
        "score_samples": {"X": rows, "n_importance": source.integer(1, 3)},
        "sample": {"n_samples": source.integer(1, 3), "y": None, "random_state": 0},
        "sample_latent": {"n_samples": source.integer(1, 3), "y": None, "random_state": 0},
        "inverse_transform": {"Z": source.bits(2, 4).astype(float)},
        "inpaint": {
            "X": np.where(source.rng.random(rows.shape) < 0.3, np.nan, rows),
            "n_iter": 2,
            "random_state": 0,
        },
        "to_bqm": {"x": rows[0], "clamped": source.flag()},
        "circuit": {
            "iterations": source.integer(0, 2),
            "label": first_label,
            "oracle": source.choice("counter", "outputs"),
            "measure": source.flag(),
        },
        "landscape": {"label": first_label},
        "resources": {"label": first_label, "oracle": "counter"},
        "search_cost": {"confidence": source.choice(0.5, 0.9), "label": first_label},
        "search_curves": {"label": first_label},
        "success_probability": {"iterations": source.integer(0, 3), "label": first_label},
        "weight_probabilities": {"iterations": source.integer(0, 3), "label": first_label},
    }.get(method, of_X)


_UNSEEN = {"fit", "partial_fit", "fit_transform", "from_mlp", "set_callbacks"}


def _of_fitted(source, name, method):
    estimator, X, y = fitted(name, source.integer(0, 1))
    if method in ("partial_fit", "fit_transform", "set_callbacks"):
        estimator = copy.deepcopy(estimator)
    arguments = _method_arguments(source, name, method, X, y)
    before = set(vars(estimator))

    def check(answer):
        if method not in _UNSEEN:
            assert set(vars(estimator)) == before, "sets attributes"
        if method == "predict_proba":
            assert np.isfinite(answer).all() and (answer >= 0).all()
            assert np.allclose(answer.sum(axis=1), 1)
        if method in ("predict", "transform", "decision_function"):
            assert len(answer) == len(arguments["X"])
        if method == "predict" and hasattr(estimator, "classes_"):
            assert np.isin(answer, estimator.classes_).all()

    if not hasattr(estimator, method):  # it has it with other parameters only
        return Case(lambda: None, {})
    # Methods of one class, or one kind of network, are refused by others.
    return Case(getattr(estimator, method), arguments, check, may_refuse=method in _CHOOSY)


_CHOOSY = {
    "circuit",
    "landscape",
    "resources",
    "search_cost",
    "search_curves",
    "energy",
    "success_probability",
    "weight_probabilities",
    "to_mlp",
    "estimate_cost",
    "to_bqm",
}
_WEIGHTS = {
    "QuantumBoltzmannPriorVAE": 0.4,
    "GroverBNNClassifier": 0.6,
    "QUBOTransferClassifier": 0.7,
}

for _name in PLAIN:
    _weight = _WEIGHTS.get(_name, 1.0)
    entry(f"neural_network.{_name}", weight=_weight, seconds=60.0)(
        lambda source, name=_name: _construct(source, name)
    )
    entry(f"neural_network.{_name}.fit", weight=6 * _weight, seconds=60.0)(
        lambda source, name=_name: _fit(source, name)
    )
    for _method in methods_of(getattr(networks, _name)):
        if _method in ("fit", "from_mlp"):
            continue
        entry(f"neural_network.{_name}.{_method}", weight=_weight, seconds=60.0)(
            lambda source, name=_name, method=_method: _of_fitted(source, name, method)
        )


@entry("neural_network.QuantumSampledMLPClassifier.from_mlp", weight=0.5)
def _from_mlp(source):
    from sklearn.neural_network import MLPClassifier

    mlp = _fitted_mlp(source.choice("logistic", "relu"))
    assert isinstance(mlp, MLPClassifier)
    call = networks.QuantumSampledMLPClassifier.from_mlp
    return Case(call, {"mlp": mlp, "num_reads": 5}, may_refuse=mlp.activation != "logistic")


@cache
def _fitted_mlp(activation):
    from sklearn.neural_network import MLPClassifier

    rng = np.random.default_rng(0)
    return MLPClassifier((3,), activation=activation, solver="lbfgs", max_iter=1000).fit(
        rng.normal(size=(12, 3)), np.arange(12) % 2
    )
