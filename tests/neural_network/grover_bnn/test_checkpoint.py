"""A fit that is killed and started again ends as one that was not; callbacks hear of solutions."""

import signal
import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning

from qsklearn import GroverBNNClassifier
from qsklearn.circuits._landscape_oracle import LandscapeOracle
from qsklearn.circuits._search import MeasurementFailure
from qsklearn.neural_network._grover_bnn._network_search import SearchAtOnce, SearchByBlocks
from qsklearn.neural_network._grover_bnn._training import is_early, severity

X, Y = load_iris(return_X_y=True)

SEARCHES = [
    {},
    {"search": "block", "n_hidden": 3},
    {"search": "block", "target": 0.9, "schedule": "linear"},
    {"connections": "search", "n_bits": 2, "n_solutions": 2},
    {"validation_fraction": 0.3},
    {"target": 0.9, "schedule": "bbht", "class_weight": "balanced"},
    {"schedule": "linear", "max_queries": 40},
]


def network(**changes):
    words = {"n_hidden": 2, "n_bits": 3, "n_solutions": 3, "random_state": 0}
    return GroverBNNClassifier(**{**words, **changes})


def assert_same_fit(model, whole):
    for name in ("weights_", "accuracy_path_"):
        for array, other in zip(getattr(model, name), getattr(whole, name), strict=True):
            np.testing.assert_array_equal(array, other)
            assert array.dtype == other.dtype
    for name in (
        "accuracy_", "histogram_", "n_optimal_", "n_queries_", "n_queries_to_best_",
        "n_measurements_", "n_deselected_",
    ):  # fmt: skip
        np.testing.assert_array_equal(getattr(model, name), getattr(whole, name))
    assert model.stop_reason_ == whole.stop_reason_
    counted = ("calls", "reads", "oracle_queries", "evaluations")
    assert [model.cost_[name] for name in counted] == [whole.cost_[name] for name in counted]


class Killed(BaseException):
    """As little expected as the end of the process."""


def kill_after(monkeypatch, n_iterations, error=Killed):
    """Let one iteration, the one after so many, end a fit; returns a list that grows by a call."""
    calls = []

    def counted(find_one):
        def run(search):
            calls.append(None)
            if len(calls) == n_iterations + 1:
                raise error
            return find_one(search)

        return run

    for kind in (SearchAtOnce, SearchByBlocks):
        monkeypatch.setattr(kind, "find_one", counted(kind.find_one))
    return calls


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("words", SEARCHES, ids=lambda words: ", ".join(words) or "default")
def test_a_fit_killed_after_each_iteration_goes_on_where_it_was(tmp_path, monkeypatch, words):
    whole = network(**words).fit(X, Y)
    n_iterations = 0
    for _ in range(100):
        with monkeypatch.context() as patch:
            calls = kill_after(patch, 1)
            try:
                model = network(**words, checkpoint=tmp_path).fit(X, Y)
                break
            except Killed:
                n_iterations += 1
    assert n_iterations >= 2 and len(calls) <= 1
    assert_same_fit(model, whole)
    np.testing.assert_array_equal(model.decision_function(X), whole.decision_function(X))
    np.testing.assert_array_equal(model.predict(X), whole.predict(X))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_saved_every_so_many_solutions_and_after_each_problem(tmp_path, monkeypatch):
    whole = network().fit(X, Y)
    n_solutions = [len(spins) for spins in whole.weights_]
    assert n_solutions == [3, 3, 3]
    with monkeypatch.context() as patch, pytest.raises(Killed):
        kill_after(patch, 5)
        network(checkpoint=tmp_path, checkpoint_interval=4).fit(X, Y)
    calls = kill_after(monkeypatch, 99)
    model = network(checkpoint=tmp_path, checkpoint_interval=4).fit(X, Y)
    assert len(calls) == 5  # four were saved
    assert_same_fit(model, whole)
    calls.clear()
    assert_same_fit(network(checkpoint=tmp_path).fit(X, Y), whole)
    assert calls == []  # a finished one is found again, whatever the interval


def test_circuits_go_on_too(tmp_path, monkeypatch):
    pytest.importorskip("qiskit_aer")
    rows, labels = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]]), [0, 0, 0, 1]
    words = {"n_hidden": 1, "n_bits": 2, "binary": True, "sampler": "aer", "n_solutions": 2}
    whole = network(**words).fit(rows, labels)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        kill_after(patch, 1)
        network(**words, checkpoint=tmp_path).fit(rows, labels)
    calls = kill_after(monkeypatch, 99)
    assert_same_fit(network(**words, checkpoint=tmp_path).fit(rows, labels), whole)
    assert len(whole.weights_[0]) == 2 and len(calls) == 1


SCRIPT = """
import os, signal, sys
from sklearn.datasets import load_iris
from qsklearn import GroverBNNClassifier
from qsklearn.neural_network._grover_bnn._network_search import SearchAtOnce

find_one, calls = SearchAtOnce.find_one, []

def find_or_die(search):
    calls.append(None)
    if len(calls) == 6:
        os.kill(os.getpid(), signal.SIGKILL)
    return find_one(search)

SearchAtOnce.find_one = find_or_die
GroverBNNClassifier(
    2, n_bits=3, n_solutions=3, random_state=0, checkpoint=sys.argv[1]
).fit(*load_iris(return_X_y=True))
"""


def test_a_process_killed_by_the_system_leaves_what_it_had(tmp_path, monkeypatch):
    ended = subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path)], check=False)
    assert ended.returncode == -signal.SIGKILL
    calls = kill_after(monkeypatch, 99)
    model = network(checkpoint=tmp_path).fit(X, Y)
    assert len(calls) == 9 - 5
    assert_same_fit(model, network().fit(X, Y))


@pytest.mark.parametrize("search", ["exhaustive", "block"])
def test_an_interrupted_fit_keeps_what_it_has_and_goes_on_later(tmp_path, monkeypatch, search):
    words = {"search": search, "checkpoint": tmp_path}
    with monkeypatch.context() as patch:
        kill_after(patch, 5, KeyboardInterrupt)
        with pytest.warns(ConvergenceWarning, match="interrupted"):
            model = network(**words).fit(X, Y)
    assert model.stop_reason_ == "interrupted"
    assert [len(spins) for spins in model.weights_] == [3, 2, 1]
    assert_same_fit(network(**words).fit(X, Y), network(search=search).fit(X, Y))


@pytest.mark.parametrize(
    ("error", "reason"),
    [(KeyboardInterrupt, "interrupted"), (MeasurementFailure("no beam"), "sampler: no beam")],
)
def test_what_an_interrupted_attempt_left_is_not_saved(tmp_path, monkeypatch, error, reason):
    measure, calls = LandscapeOracle.measure_new, []

    def fail(oracle, *arguments):
        calls.append(None)
        if len(calls) == 5:
            raise error
        return measure(oracle, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(LandscapeOracle, "measure_new", fail)
        with pytest.warns(ConvergenceWarning, match=reason):
            model = network(checkpoint=tmp_path, n_solutions=9).fit(X, Y)
    assert model.stop_reason_ == reason
    assert_same_fit(
        network(checkpoint=tmp_path, n_solutions=9).fit(X, Y), network(n_solutions=9).fit(X, Y)
    )


def test_a_fit_interrupted_before_anything_was_found_fails(monkeypatch):
    kill_after(monkeypatch, 0, KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        network().fit(X, Y)


# --- callbacks ----------------------------------------------------------------------------------


@pytest.fixture
def callbacks():
    return pytest.importorskip("sklearn.callback", reason="scikit-learn has them from 1.9 on")


def test_callbacks_hear_of_each_solution_with_a_fitted_estimator(helpers, callbacks):
    notes = helpers.Notes()
    model = network().set_callbacks(notes).fit(X, Y)
    one = ["begin iteration", "end iteration"]
    assert notes.calls == ["setup", "begin fit", *9 * one, "end fit", "teardown"]
    assert notes.scores[-1] == model.score(X, Y)
    assert notes.scores[0] < notes.scores[-1]  # classes come one by one
    assert_same_fit(model, network().fit(X, Y))


@pytest.mark.parametrize(("n_iterations", "n_solutions"), [(2, [2, 1, 1]), (3, [3, 1, 1])])
def test_a_callback_may_stop_the_search(helpers, callbacks, tmp_path, n_iterations, n_solutions):
    words = {"target": 1.0, "checkpoint": tmp_path}  # out of reach, of which it does not warn
    model = network(**words).set_callbacks(helpers.Notes(n_iterations)).fit(X, Y)
    assert model.stop_reason_ == "callback"
    assert [len(spins) for spins in model.weights_] == n_solutions
    model.predict(X)
    with pytest.warns(ConvergenceWarning, match="was not reached"):
        assert_same_fit(network(**words).fit(X, Y), network(target=1.0).fit(X, Y))


def test_reasons_are_told_in_the_order_of_what_is_missing():
    reasons = [
        "perfect", "target", "converged", "max_queries", "callback", "interrupted", "sampler: x"
    ]  # fmt: skip
    assert sorted(reversed(reasons), key=severity) == reasons
    assert [is_early(reason) for reason in reasons] == [False] * 4 + [True] * 3


def test_a_callback_that_asks_at_the_end_stops_nothing(helpers, callbacks):
    model = network().set_callbacks(helpers.Notes(9)).fit(X, Y)
    assert_same_fit(model, network().fit(X, Y))


def test_bars_show_with_verbose_alone(capsys):
    network().fit(X, Y)
    assert capsys.readouterr() == ("", "")
    network(verbose=1).fit(X, Y)
    said = capsys.readouterr().err
    assert "GroverBNNClassifier: 9solution" in said and "accuracy=" in said
