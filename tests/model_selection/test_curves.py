"""scikit-learn's own curves serve for our estimators' and samplers' parameters."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    LearningCurveDisplay,
    ValidationCurveDisplay,
    cross_val_score,
    learning_curve,
    validation_curve,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from qsklearn import (
    QuantumSampledMLPClassifier,
    QUBOTransferClassifier,
    SpinGlassAnnealedNetwork,
)
from qsklearn.samplers import GibbsSampler, SimulatedAnnealingSampler

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
# Of each class some, in an order that mixes them.
X, Y = (part[np.random.default_rng(0).permutation(150)[:60]] for part in load_iris(return_X_y=True))


def mlp(**parameters):
    own = {"n_hidden": 3, "sampler": GibbsSampler(num_sweeps=2), "num_reads": 3, "max_iter": 2}
    return QuantumSampledMLPClassifier(random_state=0, tol=0.0, **own | parameters)


def spin_glass():
    sampler = SimulatedAnnealingSampler(num_reads=2, num_sweeps=5)
    return SpinGlassAnnealedNetwork(sampler=sampler, max_iter=2, random_state=0)


def transfer():
    sampler = GibbsSampler(num_sweeps=5)
    model = LogisticRegression()
    return QUBOTransferClassifier(model, sampler=sampler, num_reads=10, random_state=0)


CASES = {
    "beta_eff": (mlp(), "beta_eff", [0.5, 1.0, 8.0]),
    "beta_eff in a pipeline": (
        make_pipeline(MinMaxScaler(), mlp()),
        "quantumsampledmlpclassifier__beta_eff",
        [0.5, 2.0],
    ),
    "n_bits": (spin_glass(), "n_bits", [1, 2, 4]),
    "num_reads": (transfer(), "num_reads", [1, 5, 40]),
    "sweeps of the MLP's sampler": (mlp(), "sampler__num_sweeps", [1, 10, 100]),
    "sweeps of the annealer": (spin_glass(), "sampler__num_sweeps", [1, 10, 100]),
    "sweeps in a pipeline": (
        make_pipeline(MinMaxScaler(), spin_glass()),
        "spinglassannealednetwork__sampler__num_sweeps",
        [2, 4],
    ),
}


@pytest.mark.parametrize("estimator, name, values", CASES.values(), ids=CASES)
def test_validation_curves(estimator, name, values):
    display = ValidationCurveDisplay.from_estimator(
        estimator, X, Y, param_name=name, param_range=values, cv=2, ax=Figure().subplots(),
        error_score="raise", std_display_style="errorbar",
    )  # fmt: skip
    assert display.test_scores.shape == (len(values), 2)
    np.testing.assert_array_equal(display.param_range, values)
    # The values reach the estimator: each point is what the estimator with this value scores.
    for value, scores in zip(values, display.test_scores, strict=True):
        expected = cross_val_score(clone(estimator).set_params(**{name: value}), X, Y, cv=2)
        np.testing.assert_array_equal(scores, expected)
    assert display.ax_.get_xlabel() == name
    # It turns to a logarithmic axis by itself where values are evenly spaced on one.
    is_geometric = len(values) > 2 and max(values) / min(values) > 5
    assert display.ax_.get_xscale() == ("log" if is_geometric else "linear")


def test_more_reads_approach_the_law():
    """The curve shows what it should: few draws of a class unit misclassify, many do not."""
    _, few_and_many = validation_curve(
        transfer(), X, Y, param_name="num_reads", param_range=[1, 400], cv=2
    )
    exact = cross_val_score(transfer().set_params(sampler="exact"), X, Y, cv=2).mean()
    few, many = few_and_many.mean(axis=1)
    assert few < many and abs(many - exact) < abs(few - exact)


@pytest.mark.parametrize("make", [mlp, spin_glass, transfer])
def test_learning_curves(make):
    estimator = make()
    sizes = [12, 24]
    display = LearningCurveDisplay.from_estimator(
        estimator, X, Y, train_sizes=sizes, cv=2, ax=Figure().subplots(), shuffle=True,
        random_state=0, error_score="raise",
    )  # fmt: skip
    assert display.test_scores.shape == (2, 2)
    np.testing.assert_array_equal(display.train_sizes, sizes)
    assert ((display.test_scores >= 0) & (display.test_scores <= 1)).all()
    _, train_scores, test_scores = learning_curve(
        estimator, X, Y, train_sizes=sizes, cv=2, shuffle=True, random_state=0
    )
    np.testing.assert_array_equal(display.test_scores, test_scores)  # seeded, it repeats itself
    np.testing.assert_array_equal(display.train_scores, train_scores)


def test_values_that_are_no_numbers_have_scores_and_no_axis():
    """What cost_curve is for: scikit-learn scores `None`, and cannot place it on an axis."""
    values = [None, 5]
    _, scores = validation_curve(mlp(), X, Y, param_name="num_reads", param_range=values, cv=2)
    assert np.isfinite(scores).all()
    with pytest.raises(TypeError):
        ValidationCurveDisplay.from_estimator(
            mlp(), X, Y, param_name="num_reads", param_range=values, cv=2, ax=Figure().subplots()
        )


def test_samplers_by_name_have_no_parameters():
    with pytest.raises((ValueError, AttributeError)):
        validation_curve(
            mlp(sampler="gibbs"), X, Y, param_name="sampler__num_sweeps", param_range=[1, 2], cv=2
        )
