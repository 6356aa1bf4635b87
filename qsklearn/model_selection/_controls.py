"""Contenders beside their controls: the classical twin and the ablations, asked for by method."""

from __future__ import annotations

from sklearn.base import clone
from sklearn.pipeline import Pipeline

from qsklearn._checks import check_flag
from qsklearn._warnings import warn
from qsklearn.model_selection._validation import check_estimators

# Between a contender's name and its control's. The comparison knows a control by it.
SEPARATOR = ": "
_TWIN = "classical twin"


def with_controls(estimators, *, twins=True, ablations=True):
    """Put beside each contender the controls that it offers.

    What a quantum part adds is the difference from the same estimator without it. An estimator
    that has ``classical_twin()`` (the classical estimator of the same architecture) or
    ``ablations()`` (the same estimator with one part replaced) is followed by what these return.

    Parameters
    ----------
    estimators : dict of str to estimator
        The contenders by name. They stay as they are, and those without the methods stay alone. In
        a :class:`~sklearn.pipeline.Pipeline` the last step that has a method is asked; the control
        takes the place of that step, under the step's name, in a clone of the pipeline. What is
        wrapped otherwise, in a search say, is not asked, which a warning tells: tune by
        ``param_distributions`` of :func:`compare`, or wrap the controls by hand.
    twins : bool, default=True
        Whether to ask for classical twins.
    ablations : bool, default=True
        Whether to ask for ablations.

    Returns
    -------
    estimators : dict of str to estimator
        Each contender, then ``"NAME: classical twin"``, then ``"NAME: KEY"`` for every ablation.

    Raises
    ------
    ValueError
        If `estimators` is no dict of names, a control takes a name that is there already, or an
        estimator cannot make its controls.
    TypeError
        If an estimator has no ``fit``.

    Warns
    -----
    UserWarning
        If a contender stays alone though what it wraps, as its ``estimator``, offers controls.

    See Also
    --------
    compare : Tunes controls over the space of their contender.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from qsklearn import QuantumSampledMLPClassifier
    >>> from qsklearn.model_selection import with_controls
    >>> contenders = {"MLP": QuantumSampledMLPClassifier(), "logistic": LogisticRegression()}
    >>> list(with_controls(contenders, ablations=False))
    ['MLP', 'MLP: classical twin', 'logistic']
    """
    check_estimators(estimators, "with_controls")
    check_flag(twins, "twins", "with_controls")
    check_flag(ablations, "ablations", "with_controls")
    asked = [*(["classical_twin"] if twins else []), *(["ablations"] if ablations else [])]
    expanded = dict(estimators)
    groups = {}
    for name, estimator in estimators.items():
        controls = _twin_of(name, estimator) if twins else {}
        # Joined by addition, as an ablation of the twin's name must not replace the twin.
        pairs = [*controls.items(), *(_ablations_of(name, estimator).items() if ablations else ())]
        groups[name] = {}
        for key, control in pairs:
            label = f"{name}{SEPARATOR}{key}"
            if label in expanded:
                raise ValueError(
                    "The 'estimators' parameter of with_controls must hold names that differ from "
                    f"those of the controls. Got {label!r} twice; rename one."
                )
            expanded[label] = groups[name][label] = control
        if not pairs and _wraps_one_with(asked, estimator):
            _warn_of_wrapped(name, estimator)
    return {
        k: v for name in estimators for k, v in ({name: estimators[name]} | groups[name]).items()
    }


def contenders_of(name, names):
    """The contenders among `names` whose control `name` is by its name.

    ``"NAME: ..."`` is a control of ``"NAME"``; where there is none of that name, of all its
    variants ``"NAME (...)"``, which share it.

    Parameters
    ----------
    name : str
    names : iterable of str

    Returns
    -------
    contenders : list of str
        Mostly one; none where it is no control.
    """
    names = list(names)
    own = [other for other in names if name.startswith(other + SEPARATOR)]
    if own:
        return [max(own, key=len)]
    common = {other: _name_of_variants(other) for other in names}
    shared = [base for base in common.values() if base and name.startswith(base + SEPARATOR)]
    longest = max(shared, key=len, default=None)
    return [other for other, base in common.items() if base and base == longest]


def _name_of_variants(name):
    """``"NAME"`` of ``"NAME (...)"``, or an empty text."""
    return name.rpartition(" (")[0] if name.endswith(")") else ""


def pairs_of_controls(names):
    """Each contender with each of its controls.

    Parameters
    ----------
    names : sequence of str

    Returns
    -------
    pairs : list of (str, str)
        Contender and control, in the order of the contenders, then of the controls.
    """
    pairs = [(owner, name) for name in names for owner in contenders_of(name, names)]
    order = {name: place for place, name in enumerate(names)}
    return sorted(pairs, key=lambda pair: order[pair[0]])


def name_of_control(contender, control):
    """What is left of a control's name without its contender's."""
    if control.startswith(contender + SEPARATOR):
        return control.removeprefix(contender + SEPARATOR)
    return control.removeprefix(_name_of_variants(contender) + SEPARATOR)


def _twin_of(name, estimator):
    found = _ask(name, estimator, "classical_twin")
    return {} if found is None else {_TWIN: found}


def _ablations_of(name, estimator):
    return _ask(name, estimator, "ablations") or {}


def _ask(name, estimator, method):
    """What the method returns, built into the estimator's clone; None where there is no method."""
    if hasattr(estimator, method):
        return _call(name, estimator, method)
    if not isinstance(estimator, Pipeline):
        return None
    for step, inner in reversed(estimator.steps):
        if (found := _ask(name, inner, method)) is not None:
            if isinstance(found, dict):
                return {key: _replaced(estimator, step, control) for key, control in found.items()}
            return _replaced(estimator, step, found)
    return None


def _wraps_one_with(methods, estimator):
    """Whether the estimator, or a step of it, holds as its ``estimator`` one with a method."""
    if isinstance(estimator, Pipeline):
        return any(_wraps_one_with(methods, step) for _, step in estimator.steps)
    inner = getattr(estimator, "estimator", None)
    return inner is not None and (_offers(methods, inner) or _wraps_one_with(methods, inner))


def _offers(methods, estimator):
    if isinstance(estimator, Pipeline):
        return any(_offers(methods, step) for _, step in estimator.steps)
    return any(hasattr(estimator, method) for method in methods)


def _warn_of_wrapped(name, estimator):
    warn(
        f"{name!r} stays without controls: what its {type(estimator).__name__} wraps offers some, "
        "but with_controls asks only estimators and steps of pipelines. In place of a search give "
        "with_controls the estimator itself and compare its space as param_distributions, or wrap "
        "the controls by hand."
    )


def _call(name, estimator, method):
    try:
        found = getattr(estimator, method)()
    except Exception as error:
        raise ValueError(
            "The 'estimators' parameter of with_controls must hold estimators that can make their "
            f"controls. {name!r} cannot: {method}() raised {type(error).__name__}: {error} Leave "
            "it out, or turn that kind of control off."
        ) from error
    if method == "ablations" and not isinstance(found, dict):
        raise ValueError(
            "The 'estimators' parameter of with_controls must hold estimators whose ablations() "
            f"returns a dict. Got {found!r} from {name!r} instead."
        )
    return found


def _replaced(pipeline, step, control):
    return clone(pipeline).set_params(**{step: control})
