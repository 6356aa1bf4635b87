"""What is told of iterations: callbacks of scikit-learn, and bars."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from qsklearn import QuantumSampledMLPClassifier

callback = pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks from 1.9 on")

X = np.random.default_rng(0).random((20, 3))
Y = (X[:, 0] > 0.5).astype(int)


def network(**parameters):
    words = {"n_hidden": 3, "gradient": "exact", "max_iter": 4, "n_iter_no_change": 9}
    return QuantumSampledMLPClassifier(**{**words, "random_state": 0, **parameters})


def fit(model):
    with pytest.warns(Warning, match="max_iter"):
        return model.fit(X, Y)


def test_callbacks_hear_of_each_iteration_with_a_fitted_estimator(helpers):
    notes = helpers.Notes()
    model = fit(network().set_callbacks(notes))
    one = ["begin iteration", "end iteration"]
    assert notes.calls == ["setup", "begin fit", *4 * one, "end fit", "teardown"]
    assert notes.scores[-1] == model.score(X, Y)


def test_callbacks_change_nothing(helpers):
    plain, told = fit(network()), fit(network().set_callbacks(helpers.Notes()))
    np.testing.assert_array_equal(plain.coefs_[0], told.coefs_[0])


def test_callbacks_see_the_data_as_they_were_given(helpers):
    pandas = pytest.importorskip("pandas")
    notes = helpers.Notes()
    model = network().set_callbacks(notes)
    with pytest.warns(Warning, match="max_iter") as caught:
        model.fit(pandas.DataFrame(X, columns=["a", "b", "c"]), Y)
    assert len(caught) == 1 and len(notes.scores) == 4  # nothing of names that are missing


def test_a_callback_may_stop_the_training(helpers):
    model = network().set_callbacks(helpers.Notes(2)).fit(X, Y)
    assert (model.n_iter_, model.stop_reason_) == (2, "callback")
    model.predict(X)


def test_callbacks_are_torn_down_after_a_failure(helpers):
    notes = helpers.Notes()
    model = network(sampler="no such").set_callbacks(notes)
    with pytest.raises(ValueError, match="no such"):
        model.fit(X, Y)
    assert notes.calls[-1] == "teardown"
    assert not hasattr(model, "_callback_fit_ctx")


def test_partial_fit_is_no_fit_of_its_own(helpers):
    notes = helpers.Notes()
    network().set_callbacks(notes).partial_fit(X, Y)
    assert notes.calls == []


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_callbacks_go_with_clones_into_a_search(helpers):
    notes = helpers.Notes()
    model = network().set_callbacks(notes)
    assert clone(model)._skl_callbacks == [notes]
    GridSearchCV(model, {"n_hidden": [2, 3]}, cv=2, refit=False).fit(X, Y)
    assert notes.calls.count("begin fit") == 4


def test_bars_show_with_verbose_alone(capsys):
    fit(network())
    assert capsys.readouterr() == ("", "")
    fit(network(verbose=1))
    said = capsys.readouterr().err
    assert "QuantumSampledMLPClassifier: 100%" in said and "4/4" in said and "loss=" in said


def test_a_bar_counts_what_an_earlier_run_did(tmp_path, capsys, helpers):
    words = {"verbose": 1, "checkpoint": tmp_path, "checkpoint_interval": 1}
    network(**words).set_callbacks(helpers.Notes(3)).fit(X, Y)
    again = helpers.Notes()
    fit(network(**words).set_callbacks(again))
    assert len(again.scores) == 1
    assert "4/4" in capsys.readouterr().err.rsplit("\r", 2)[-1]
    notes = helpers.Notes()
    fit(network(**words).set_callbacks(notes))
    assert notes.scores == [] and "4/4" in capsys.readouterr().err
