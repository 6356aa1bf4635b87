"""What annealed networks tell of their epochs: to callbacks of scikit-learn, and by bars."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import scale

from qsklearn import SpinGlassAnnealedNetwork, SpinGlassAnnealedRegressor

callback = pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks from 1.9 on")

X, Y = load_iris(return_X_y=True)
X = scale(X)[::3]
Y = Y[::3]
NETWORKS = [SpinGlassAnnealedNetwork, SpinGlassAnnealedRegressor]


def make_network(kind=SpinGlassAnnealedNetwork, **changes):
    return kind((4,), **{"max_iter": 4, "random_state": 0, **changes})


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("weights", [None, np.arange(len(X)) % 3.0])
def test_callbacks_hear_of_each_epoch_with_what_would_be_kept(helpers, kind, weights):
    notes = helpers.Notes()
    model = make_network(kind).set_callbacks(notes).fit(X, Y, weights)
    one = ["begin iteration", "end iteration"]
    assert notes.calls == ["setup", "begin fit", *4 * one, "end fit", "teardown"]
    assert notes.scores[-1] == model.score(X, Y, weights)
    plain = make_network(kind).fit(X, Y, weights)
    np.testing.assert_array_equal(model.predict(X), plain.predict(X))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("keep_best", [False, True])
def test_a_callback_may_stop_the_training(helpers, tmp_path, keep_best):
    words = {"keep_best": keep_best, "n_bits": 1, "weight_range": (2.0, 0.01)}
    notes = helpers.Notes(2)
    model = make_network(checkpoint=tmp_path, **words).set_callbacks(notes).fit(X, Y)
    assert notes.scores[-1] == model.score(X, Y)
    assert (model.n_iter_, model.stop_reason_) == (2, "callback")
    assert model.best_iter_ == (0 if keep_best else 2)  # nothing yet is better than the start
    # It is no end for who does not ask for one.
    whole = make_network(**words).fit(X, Y)
    longer = make_network(checkpoint=tmp_path, **words).fit(X, Y)
    assert longer.stop_reason_ == "max_iter" and longer.loss_curve_ == whole.loss_curve_


def test_callbacks_are_torn_down_after_a_failure(helpers):
    notes = helpers.Notes()
    model = make_network(sampler="no such").set_callbacks(notes)
    with pytest.raises(ValueError, match="no such"):
        model.fit(X, Y)
    assert notes.calls[-1] == "teardown"
    assert not hasattr(model, "_callback_fit_ctx")


def test_callbacks_go_with_clones_into_a_search(helpers):
    notes = helpers.Notes()
    model = make_network().set_callbacks(notes)
    assert clone(model)._skl_callbacks == [notes]
    GridSearchCV(model, {"ridge": [0.1, 0.2]}, cv=2, refit=False).fit(X, Y)
    assert notes.calls.count("begin fit") == 4


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("kind", NETWORKS)
def test_names_of_features_reach_callbacks(helpers, kind):
    """Else what they score would warn of data without."""
    frame, y = load_iris(return_X_y=True, as_frame=True)
    notes = helpers.Notes()
    model = make_network(kind, max_iter=2).set_callbacks(notes).fit(frame[::3], y[::3])
    assert notes.scores[-1] == model.score(frame[::3], y[::3])


def test_bars_show_with_verbose_alone(capsys):
    make_network().fit(X, Y)
    assert capsys.readouterr() == ("", "")
    make_network(verbose=1).fit(X, Y)
    said = capsys.readouterr().err
    assert "SpinGlassAnnealedNetwork: 100%" in said and "4/4" in said and "loss=" in said
