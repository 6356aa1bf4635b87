"""What networks of backpropagation tell of iterations: to scikit-learn's callbacks, and by bars."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.preprocessing import scale

from qsklearn.neural_network import (
    BackpropagationNetworkClassifier,
    BackpropagationNetworkRegressor,
)

pytest.importorskip("torch")
callback = pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks from 1.9 on")

X, Y = load_iris(return_X_y=True)
X = scale(X)
NETWORKS = [BackpropagationNetworkClassifier, BackpropagationNetworkRegressor]


class Notes:
    """A callback that takes notes, and asks to stop after some iterations."""

    def __init__(self, n_iterations=None):
        self.n_iterations, self.calls, self.scores = n_iterations, [], []

    def setup(self, estimator, context):
        self.calls.append("setup")

    def teardown(self, estimator, context):
        self.calls.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None):
        self.calls.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
        self.calls.append(f"end {context.task_name}")
        if context.task_name == "fit":
            return False
        self.scores.append(fitted_estimator.score(X, y))
        return len(self.scores) == self.n_iterations


def make_network(kind=BackpropagationNetworkClassifier, **changes):
    return kind((4,), **{"learning_rate_init": 0.01, "max_iter": 4, "random_state": 0, **changes})


def fit(model, *data):
    with pytest.warns(Warning, match="max_iter=4"):
        return model.fit(*(data or (X, Y)))


@pytest.mark.parametrize("kind", NETWORKS)
def test_callbacks_hear_of_each_iteration_with_a_fitted_estimator(kind):
    notes = Notes()
    model = fit(make_network(kind).set_callbacks(notes))
    one = ["begin iteration", "end iteration"]
    assert notes.calls == ["setup", "begin fit", *4 * one, "end fit", "teardown"]
    assert notes.scores[-1] == model.score(X, Y) and len(set(notes.scores)) > 1
    np.testing.assert_array_equal(model.predict(X), fit(make_network(kind)).predict(X))


def test_a_callback_may_stop_the_training(tmp_path):
    words = {"checkpoint": tmp_path, "checkpoint_interval": 1}
    model = make_network(**words).set_callbacks(Notes(2)).fit(X, Y)
    assert (model.n_iter_, model.stop_reason_) == (2, "callback")
    # It is no end for who does not ask for one.
    longer = fit(make_network(**words))
    assert longer.stop_reason_ == "max_iter" and longer.loss_curve_[:2] == model.loss_curve_


def test_callbacks_are_torn_down_after_a_failure():
    notes = Notes()
    model = make_network(image_shape=(1, 9, 9)).set_callbacks(notes)
    with pytest.raises(ValueError, match="image_shape"):
        model.fit(X, Y)
    assert notes.calls == ["setup", "teardown"]
    assert not hasattr(model, "_callback_fit_ctx")


def test_callbacks_go_with_clones():
    notes = Notes()
    fit(clone(make_network().set_callbacks(notes)))
    assert notes.calls.count("end iteration") == 4


def test_names_of_features_reach_callbacks():
    """Else what they score would warn of data without."""
    frame, y = load_iris(return_X_y=True, as_frame=True)
    notes = Notes()
    model = fit(make_network().set_callbacks(notes), frame, y)
    assert notes.scores[-1] == model.score(frame, y)


def test_bars_show_with_verbose_alone(capsys):
    fit(make_network())
    assert capsys.readouterr() == ("", "")
    fit(make_network(verbose=1))
    said = capsys.readouterr().err
    assert "BackpropagationNetworkClassifier: 100%" in said and "4/4" in said and "loss=" in said
