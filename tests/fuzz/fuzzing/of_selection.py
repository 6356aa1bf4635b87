"""Recipes of comparisons."""

from functools import cache

import numpy as np
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB

from fuzzing.entries import Case, entry, read_properties
from fuzzing.places import new_path
from qsklearn import QuantumSampledMLPClassifier, SpinGlassAnnealedNetwork, model_selection


def _data():
    rng = np.random.default_rng(0)
    return rng.normal(size=(24, 2)), np.arange(24) % 2


def _contenders():
    return {"guess": DummyClassifier(), "Bayes": GaussianNB()}


@cache
def result():
    return model_selection.compare(_contenders(), *_data(), cv=3, random_state=0)


@cache
def curve():
    contenders = {"annealed": SpinGlassAnnealedNetwork(random_state=0), "Bayes": GaussianNB()}
    ranges = {"annealed": {"max_iter": [1, 2]}}
    return model_selection.cost_curve(
        contenders, *_data(), param_ranges=ranges, cv=3, random_state=0
    )


@entry("model_selection.compare", weight=0.7, seconds=60.0)
def _compare(source):
    X, y = source.array(24, 2), np.arange(24) % 2
    arguments = {
        "estimators": _contenders(),
        "X": X,
        "y": y,
        "groups": None,
        "cv": source.choice(2, 3),
        "scoring": source.choice(None, "accuracy", ["accuracy", "f1"]),
        "baseline": None,
        "random_state": 0,
        "error_score": np.nan,
        "verbose": 0,
    }
    return Case(model_selection.compare, arguments, read_properties, may_refuse=source.is_extreme)


@entry("model_selection.cost_curve", weight=0.5, seconds=60.0)
def _cost_curve(source):
    X, y = source.array(24, 2), np.arange(24) % 2
    arguments = {
        "estimators": {"tree": GaussianNB(), "guess": DummyClassifier()},
        "X": X,
        "y": y,
        "param_ranges": {"tree": {"var_smoothing": [1e-9, 1e-3]}},
        "cv": 2,
        "scoring": None,
        "random_state": 0,
        "verbose": 0,
    }
    return Case(model_selection.cost_curve, arguments)


_RESULT = (
    "bayesian_tests",
    "control_tests",
    "fingerprint",
    "paired_tests",
    "summary",
    "to_frame",
    "to_html",
    "to_text",
)


@entry(*(f"model_selection.ComparisonResult.{method}" for method in _RESULT), weight=0.5)
def _of_result(source, name):
    method = name.split(".")[-1]
    level = {"scoring": source.choice(None, "score"), "confidence": source.choice(0.95, 0.5)}
    arguments = {
        "bayesian_tests": {"baseline": source.choice(None, "Bayes"), "rope": 0.01, **level},
        "control_tests": {"rope": 0.01, **level},
        "summary": level,
        "paired_tests": {"baseline": source.choice(None, "Bayes"), **level},
        "to_html": {
            "path": str(new_path("page.html")),
            "title": "A title",
            "command": None,
            "overwrite": False,
        },
        "to_text": {"scoring": source.choice(None, "score")},
    }.get(method, {})
    return Case(getattr(result(), method), arguments)


@entry(
    "model_selection.CostCurve.at_equal_cost",
    "model_selection.CostCurve.summary",
    "model_selection.CostCurve.to_frame",
    weight=0.5,
)
def _of_curve(source, name):
    method = name.split(".")[-1]
    arguments = {"scoring": source.choice(None, "score")}
    if method == "at_equal_cost":
        arguments |= {
            "cost": source.choice("reads", "sweeps"),
            "baseline": source.choice(None, "Bayes"),
            "budgets": None,
        }
    return Case(getattr(curve(), method), arguments, may_refuse=method == "at_equal_cost")


@entry("model_selection.ComparisonResult", "model_selection.CostCurve", weight=0.1)
def _values(source, name):
    made = result() if "Comparison" in name else curve()
    kind = type(made)
    words = {field: getattr(made, field) for field in kind.__dataclass_fields__}
    return Case(lambda **w: kind(**w), words)


@entry("model_selection.cost_scorers", "model_selection.log_likelihood_scorers", weight=0.5)
def _scorers(source, name):
    if name.endswith("cost_scorers"):
        return Case(
            model_selection.cost_scorers, {"names": source.choice("reads", ["reads", "calls"])}
        )
    arguments = {"n_importance": source.choice(None, 3), "names": source.choice("elbo", ("elbo",))}
    return Case(model_selection.log_likelihood_scorers, arguments)


@entry("model_selection.estimate_search_cost", weight=0.5)
def _search_cost(source):
    mlp = QuantumSampledMLPClassifier(max_iter=2, sampler="gibbs", num_reads=3)
    search = GridSearchCV(mlp, {"num_reads": [2, 3]}, cv=3)
    X, y = _data()
    return Case(
        model_selection.estimate_search_cost, {"search": search, "X": X, "y": y, "groups": None}
    )


@entry("model_selection.signed_rank_tests", weight=0.5)
def _signed(source):
    arguments = {
        "results": {"one": result(), "two": result()},
        "baseline": source.choice(None, "Bayes"),
        "scoring": None,
        "confidence": 0.95,
        "controls": source.flag(),
    }
    return Case(model_selection.signed_rank_tests, arguments)


@entry("model_selection.with_controls", weight=0.5)
def _controls(source):
    arguments = {
        "estimators": {"MLP": QuantumSampledMLPClassifier(), "Bayes": GaussianNB()},
        "twins": source.flag(),
        "ablations": source.flag(),
    }
    return Case(model_selection.with_controls, arguments)


@entry("model_selection.write_report", weight=0.15, seconds=60.0)
def _report(source):
    arguments = {
        "results": {"one": result(), "two": result()},
        "path": str(new_path("report.html")),
        "title": None,
        "command": "qsklearn compare",
        "overwrite": False,
    }
    return Case(model_selection.write_report, arguments)
