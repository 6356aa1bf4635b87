"""The contenders of the command line: tables of names, and what is made of them.

A new estimator is one entry of ``_QUANTUM`` with a function that imports and returns its class.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field

from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder

from qsklearn._cli_errors import CommandError, choose
from qsklearn._private_api import validate_parameter_constraints


def _sampled_mlp():
    from qsklearn import QuantumSampledMLPClassifier

    return QuantumSampledMLPClassifier


def _spin_glass():
    from qsklearn import SpinGlassAnnealedNetwork

    return SpinGlassAnnealedNetwork


def _qubo_transfer():
    from qsklearn import QUBOTransferClassifier

    return QUBOTransferClassifier


def _grover_bnn():
    from qsklearn import GroverBNNClassifier

    return GroverBNNClassifier


def _boltzmann_vae():
    from qsklearn import QuantumBoltzmannPriorVAE

    return QuantumBoltzmannPriorVAE


@dataclass(frozen=True)
class _Quantum:
    """An estimator that takes ``sampler=`` and may have controls.

    ``space`` is what ``--tune`` searches; a twin searches what it has of it, and ``twin_space``.
    The architecture is that of ``--param`` on both sides: a twin of another size would be none.
    """

    label: str
    build: Callable
    space: dict = field(default_factory=dict)
    twin_space: dict = field(default_factory=dict)
    transforms: bool = False  # it makes features, and a logistic regression classifies them


_RATES = [0.001, 0.003, 0.01, 0.03]
_PENALTIES = [0.0, 1e-3, 1e-1]
_QUANTUM = {
    "sampled-mlp": _Quantum(
        "sampled MLP",
        _sampled_mlp,
        # No beta_eff: on a sampler that hits its temperature other values distort the law.
        {"learning_rate_init": _RATES, "predict_with": ["mlp", "ebm"]},
        {"alpha": _PENALTIES},
    ),
    "spin-glass": _Quantum(
        "spin-glass network",
        _spin_glass,
        {"n_bits": [2, 4, 6, 8], "ridge": [0.01, 0.1, 1.0]},
        {"learning_rate_init": _RATES, "batch_size": [16, 32, 128]},
    ),
    "qubo-transfer": _Quantum(
        "QUBO transfer",
        _qubo_transfer,
        {"beta": [0.25, 0.5, 1.0, 2.0], "clip": [2.0, 4.0, 8.0]},
        {"C": [0.01, 0.1, 1.0, 10.0], "learning_rate_init": _RATES, "alpha": _PENALTIES},
    ),
    "grover-bnn": _Quantum(
        "Grover network",
        _grover_bnn,
        {"n_bits": [3, 4, 6, 8], "n_levels": [3, 5, 9]},
        {
            "thermometerencoder__n_bits": [3, 4, 6, 8],
            "onevsrestclassifier__estimator__alpha": _PENALTIES,
        },
    ),
    "boltzmann-vae": _Quantum(
        "Boltzmann-prior VAE",
        _boltzmann_vae,
        {"learning_rate_init": _RATES, "prior_learning_rate_init": [0.003, 0.01, 0.03]},
        transforms=True,
    ),
}
_CLASSICAL = {
    "logistic-regression": ("logistic regression", lambda: LogisticRegression(max_iter=1000))
}
_CLASSICAL_SPACE = {"C": [0.01, 0.1, 1.0, 10.0, 100.0]}
ALL = "all"
ESTIMATOR_NAMES = (*_QUANTUM, *_CLASSICAL)
CONTROL_NAMES = ("twins", "ablations", "none")
# What some estimators take in place of a sampler.
_NOT_SAMPLERS = ("least-squares", "landscape")
_LAW = (
    "the sampled MLP predicts by the outputs of its MLP; --param predict_with=ebm predicts by the "
    "law that it trains"
)
# The step that is a contender's own, whatever stands around it.
_STEP = "network"
_TWIN = "classical twin"


@dataclass
class Contenders:
    """What is compared.

    Parameters
    ----------
    estimators : dict of str to Pipeline
        By the label that stands in the table. Each scales the features to [0, 1] first.
    labels : dict of str to str
        For every name of the command line its first label.
    twin : str or None
        Label of the first classical twin.
    spaces : dict of str to dict
        What is tuned.
    notes : list of str
        What a user should know of them.
    """

    estimators: dict
    labels: dict
    twin: str | None
    spaces: dict
    notes: list


def build_contenders(names, samplers, params, controls, spaces=None):
    """Pipelines by the label that stands in the table.

    Parameters
    ----------
    names : list of str
        Some of ``ESTIMATOR_NAMES``, or ``"all"``.
    samplers : list of str or None
        Each makes one contender of every quantum estimator; its own default when None.
    params : list of str
        ``name=value`` for those quantum estimators that have the parameter, or
        ``estimator:name=value`` for one of them.
    controls : list of str
        Some of ``CONTROL_NAMES``. Each sampler's contender has its own, but for those that do not
        depend on the sampler, such as the twin, which are fitted once.
    spaces : list of str or None
        ``name=[values]`` in place of the values that are tuned else, addressed like `params`. None:
        nothing is tuned.

    Returns
    -------
    contenders : Contenders

    Raises
    ------
    CommandError
        If a name is unknown, a sampler cannot be used here, or a control cannot be made.
    """
    names = list(ESTIMATOR_NAMES) if ALL in names else names
    for name in names:
        choose("--estimator", name, [*ESTIMATOR_NAMES, ALL])
    for control in controls:
        choose("--controls", control, CONTROL_NAMES)
    if "none" in controls and len(controls) > 1:
        raise CommandError(f"--controls: none goes alone, got {','.join(controls)}")
    check_samplers(samplers)
    models = {name: _QUANTUM[name].build()() for name in names if name in _QUANTUM}
    given = _set_params(models, params)
    for model in models.values():
        _check_params(model)
    tuned = None if spaces is None else _tuned_values(models, spaces, given)
    made = Contenders({}, {}, None, {}, _notes(models, tuned))
    for name in names:
        built = _classical(name) if name in _CLASSICAL else _variants(name, models[name], samplers)
        made.labels[name] = next(iter(built))
        expanded = built
        if name in _QUANTUM:
            expanded = _with_controls(_QUANTUM[name].label, built, controls)
            made.twin = made.twin or _find_twin(expanded)
        made.estimators |= expanded
        if tuned is not None:
            made.spaces |= _spaces_of(name, expanded, tuned, given.get(name, ()))
    return made


def _find_twin(labels):
    """The first label of a classical twin, or None."""
    return next((label for label in labels if label.endswith(f": {_TWIN}")), None)


def _classical(name):
    label, build = _CLASSICAL[name]
    return {label: _pipeline(build())}


def _variants(name, model, samplers):
    """A contender for each sampler, or one with the estimator's own."""
    entry = _QUANTUM[name]
    if samplers is None:
        return {entry.label: _pipeline(model, entry.transforms)}
    return {
        f"{entry.label} ({sampler})": _pipeline(
            clone(model).set_params(sampler=sampler), entry.transforms
        )
        for sampler in samplers
    }


def _pipeline(model, transforms=False):
    # Test rows beyond the training rows' range would be no probabilities for a VAE.
    steps = [("scaling", MinMaxScaler(clip=True)), (_STEP, model)]
    if transforms:
        steps.append(("classifier", LogisticRegression(max_iter=1000)))
    return Pipeline(steps)


def prepare(estimators, text_columns, n_features):
    """The contenders for a table with texts or empty cells: each prepares it inside its folds.

    Parameters
    ----------
    estimators : dict of str to Pipeline
    text_columns : list of int
    n_features : int

    Returns
    -------
    estimators : dict of str to Pipeline
        Numbers are filled by the median and scaled to [0, 1]; texts become features of 0 and 1.
    """
    numbers = [j for j in range(n_features) if j not in text_columns]
    fill = SimpleImputer(strategy="median", keep_empty_features=True)
    encode = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    preparation = ColumnTransformer(
        [
            ("numbers", make_pipeline(fill, MinMaxScaler(clip=True)), numbers),
            ("texts", encode, list(text_columns)),
        ]
    )
    return {
        name: clone(estimator).set_params(scaling=clone(preparation))
        for name, estimator in estimators.items()
    }


def _with_controls(label, built, controls):
    """Variants and their controls; what is the same for all variants once, as ``"LABEL: KEY"``."""
    from qsklearn.model_selection import with_controls

    wanted = {kind: kind in controls for kind in ("twins", "ablations")}
    try:
        expanded = with_controls(built, **wanted)
    except (TypeError, ValueError, ImportError) as error:
        raise CommandError(f"no controls: {error}") from error
    keys = dict.fromkeys(other.partition(": ")[2] for other in expanded if other not in built)
    shared = {}
    for key in keys:
        alike = [f"{name}: {key}" for name in built]
        if len(built) > 1 and _are_alike([expanded.get(other) for other in alike]):
            shared[f"{label}: {key}"] = expanded[alike[0]]
            for other in alike:
                del expanded[other]
    return expanded | shared


def _are_alike(estimators):
    """Whether pipelines have equal steps and parameters at every depth."""
    if None in estimators:
        return False
    # As repr() shortens what is long, parameters are looked at one by one.
    facts = [{k: repr(v) for k, v in e.get_params(deep=True).items()} for e in estimators]
    return all(fact == facts[0] for fact in facts)


def _spaces_of(name, expanded, tuned, given):
    """Spaces of contenders, of twins and of ablations, in the names of their pipelines."""
    if name in _CLASSICAL:
        return {label: _prefixed(_CLASSICAL_SPACE) for label in expanded}
    own, twins = tuned[name], _without(_QUANTUM[name].twin_space, given) | tuned[name]
    spaces = {}
    for label, pipeline in expanded.items():
        if label.endswith(f": {_TWIN}"):
            known = pipeline.named_steps[_STEP].get_params(deep=True)
            spaces[label] = _prefixed({key: twins[key] for key in twins if key in known})
        elif ": " not in label:
            # Ablations inherit this: compare() knows them by their names.
            spaces[label] = _prefixed(own)
    return spaces


def _without(space, names):
    return {key: values for key, values in space.items() if key not in names}


def _prefixed(space):
    return {f"{_STEP}__{key}": values for key, values in space.items()}


def check_samplers(samplers):
    """Raise CommandError for a sampler that is unknown or cannot be used on this machine."""
    if samplers is None:
        return
    from qsklearn.samplers import get_sampler_names, get_sampler_status

    status = get_sampler_status()
    for name in samplers:
        choose("--sampler", name, [*get_sampler_names(), *_NOT_SAMPLERS])
        if status.get(name):
            raise CommandError(f"--sampler: {name!r} cannot be used here: {status[name]}")


def _set_params(models, params):
    """Set what was typed; returns the names of the parameters by estimator."""
    given = {name: set() for name in models}
    for text in params:
        key, value, receivers = _read_assignment("--param", text, models)
        if key == "sampler":
            raise CommandError("--param: give samplers by --sampler")
        for name in receivers:
            models[name].set_params(**{key: value})
            given[name].add(key)
    return given


def _check_params(model):
    """Raise CommandError for a value that ``fit`` would refuse in every fold."""
    try:
        validate_parameter_constraints(
            getattr(model, "_parameter_constraints", {}),
            model.get_params(deep=False),
            type(model).__name__,
        )
    except ValueError as error:
        raise CommandError(str(error)) from error


def _notes(models, tuned):
    """What an untuned contender could do else."""
    model = models.get("sampled-mlp")
    params = {} if model is None else model.get_params(deep=False)
    is_left = params.get("predict_with") == "auto" and not _searches(params)
    return [_LAW] if is_left and "predict_with" not in (tuned or {}).get("sampled-mlp", ()) else []


def _searches(params):
    """Whether the training is by searches, of which low energies are the way to predict."""
    return params.get("gradient") == "equilibrium"


def _tuned_values(models, spaces, given):
    """What is tuned of each quantum estimator: its own space, and what was typed.

    What was set stays as it was set, unless it was typed as a space as well.
    """
    tuned = {name: _without(_QUANTUM[name].space, given[name]) for name in models}
    for name, model in models.items():
        if _searches(model.get_params(deep=False)):
            tuned[name].pop("predict_with", None)
    for text in spaces:
        key, values, receivers = _read_assignment("--space", text, models)
        if not isinstance(values, list | tuple) or not values:
            raise CommandError(f"--space: must be name=[value, value, ...], got {text!r}")
        for name in receivers:
            tuned[name][key] = list(values)
            for value in values:
                _check_params(clone(models[name]).set_params(**{key: value}))
    return tuned


def _read_assignment(option, text, models):
    """The parameter, its value, and the names of the estimators that get it."""
    target, separator, value = text.partition("=")
    if not separator:
        raise CommandError(f"{option}: must be name=value, got {text!r}")
    owner, colon, key = target.rpartition(":")
    if not models:
        raise CommandError(f"{option}: none of the chosen estimators takes {key!r}")
    if colon:
        choose(option, owner, models)
    receivers = [owner] if colon else list(models)
    params = {name: models[name].get_params(deep=False) for name in receivers}
    choose(option, key, sorted({known for names in params.values() for known in names}))
    return key, _parse(value), [name for name in receivers if key in params[name]]


def _parse(text):
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
