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


def make_network(kind=BackpropagationNetworkClassifier, **changes):
    return kind((4,), **{"learning_rate_init": 0.01, "max_iter": 4, "random_state": 0, **changes})


def fit(model, *data):
    with pytest.warns(Warning, match="max_iter=4"):
        return model.fit(*(data or (X, Y)))


@pytest.mark.parametrize("kind", NETWORKS)
def test_callbacks_hear_of_each_iteration_with_a_fitted_estimator(helpers, kind):
    notes = helpers.Notes()
    model = fit(make_network(kind).set_callbacks(notes))
    one = ["begin iteration", "end iteration"]
    assert notes.calls == ["setup", "begin fit", *4 * one, "end fit", "teardown"]
    assert notes.scores[-1] == model.score(X, Y) and len(set(notes.scores)) > 1
    np.testing.assert_array_equal(model.predict(X), fit(make_network(kind)).predict(X))


def test_a_callback_may_stop_the_training(helpers, tmp_path):
    words = {"checkpoint": tmp_path, "checkpoint_interval": 1}
    model = make_network(**words).set_callbacks(helpers.Notes(2)).fit(X, Y)
    assert (model.n_iter_, model.stop_reason_) == (2, "callback")
    # It is no end for who does not ask for one.
    longer = fit(make_network(**words))
    assert longer.stop_reason_ == "max_iter" and longer.loss_curve_[:2] == model.loss_curve_


def test_callbacks_are_torn_down_after_a_failure(helpers):
    notes = helpers.Notes()
    model = make_network(image_shape=(1, 9, 9)).set_callbacks(notes)
    with pytest.raises(ValueError, match="image_shape"):
        model.fit(X, Y)
    assert notes.calls == ["setup", "teardown"]
    assert not hasattr(model, "_callback_fit_ctx")


def test_callbacks_go_with_clones(helpers):
    notes = helpers.Notes()
    fit(clone(make_network().set_callbacks(notes)))
    assert notes.calls.count("end iteration") == 4


def test_names_of_features_reach_callbacks(helpers):
    """Else what they score would warn of data without."""
    frame, y = load_iris(return_X_y=True, as_frame=True)
    notes = helpers.Notes()
    model = fit(make_network().set_callbacks(notes), frame, y)
    assert notes.scores[-1] == model.score(frame, y)


def test_bars_show_with_verbose_alone(capsys):
    fit(make_network())
    assert capsys.readouterr() == ("", "")
    fit(make_network(verbose=1))
    said = capsys.readouterr().err
    assert "BackpropagationNetworkClassifier: 100%" in said and "4/4" in said and "loss=" in said
