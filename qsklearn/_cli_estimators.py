"""The contenders of the command line: tables of names, and what is made of them.

A new estimator is one entry of ``_QUANTUM`` with a function that imports and returns its class.
"""

from __future__ import annotations

import ast

from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from qsklearn._cli_errors import CommandError, choose


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


# name -> (label in the table, function that gives the class); each takes sampler= and has
# classical_twin().
_QUANTUM = {
    "sampled-mlp": ("sampled MLP", _sampled_mlp),
    "spin-glass": ("spin-glass network", _spin_glass),
    "qubo-transfer": ("QUBO transfer", _qubo_transfer),
    "grover-bnn": ("Grover network", _grover_bnn),
}
_CLASSICAL = {
    "logistic-regression": ("logistic regression", lambda: LogisticRegression(max_iter=1000))
}
_TWIN = "classical-twin"
ESTIMATOR_NAMES = (*_QUANTUM, _TWIN, *_CLASSICAL)
# What some estimators take in place of a sampler.
_NOT_SAMPLERS = ("least-squares", "landscape")
# Not all: a sampler that serves one quantum estimator may not serve another.
DEFAULT_ESTIMATORS = ("sampled-mlp", _TWIN, *_CLASSICAL)


def build_contenders(names, samplers, params):
    """Pipelines by the label that stands in the table.

    Parameters
    ----------
    names : list of str
        Some of ``ESTIMATOR_NAMES``.
    samplers : list of str or None
        Each makes one contender of every quantum estimator; its own default when None.
    params : list of str
        ``name=value`` for those quantum estimators that have the parameter.

    Returns
    -------
    contenders : dict of str to Pipeline
        Each scales the features to [0, 1] first.
    labels : dict of str to str
        For every name its first label.

    Raises
    ------
    CommandError
        If a name is unknown, or a sampler cannot be used here.
    """
    for name in names:
        choose("--estimator", name, ESTIMATOR_NAMES)
    check_samplers(samplers)
    # A twin alone is the twin of every quantum estimator.
    chosen = [name for name in names if name in _QUANTUM] or list(_QUANTUM)
    needed = any(name in _QUANTUM or name == _TWIN for name in names)
    models = {name: _QUANTUM[name][1]()() for name in chosen} if needed else {}
    _set_params(models, params)
    contenders, labels = {}, {}
    for name in names:
        made = _make(name, models, samplers)
        labels[name] = next(iter(made))
        contenders |= {
            label: make_pipeline(MinMaxScaler(), estimator) for label, estimator in made.items()
        }
    return contenders, labels


def _make(name, models, samplers):
    if name in _CLASSICAL:
        label, build = _CLASSICAL[name]
        return {label: build()}
    if name == _TWIN:
        return {
            "classical twin" if len(models) == 1 else f"twin of {_QUANTUM[of][0]}": _twin(model)
            for of, model in models.items()
        }
    label, model = _QUANTUM[name][0], models[name]
    if samplers is None:
        return {label: model}
    return {
        f"{label} ({sampler})": clone(model).set_params(sampler=sampler) for sampler in samplers
    }


def _twin(model):
    try:
        return model.classical_twin()
    except (TypeError, ValueError, ImportError) as error:
        raise CommandError(f"no classical twin: {error}") from error


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
    known = sorted({key for model in models.values() for key in model.get_params(deep=False)})
    for text in params:
        name, separator, value = text.partition("=")
        if not separator:
            raise CommandError(f"--param: must be name=value, got {text!r}")
        if not models:
            raise CommandError(f"--param: none of the chosen estimators takes {name!r}")
        if name == "sampler":
            raise CommandError("--param: give samplers by --sampler")
        choose("--param", name, known)
        for model in models.values():
            if name in model.get_params(deep=False):
                model.set_params(**{name: _parse(value)})


def _parse(text):
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
