"""Networks of backpropagation that are killed and started again end as those that were not."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.preprocessing import scale

from qsklearn.neural_network import (
    BackpropagationNetworkClassifier,
    BackpropagationNetworkRegressor,
)
from qsklearn.neural_network._backpropagation import _training
from qsklearn.neural_network._backpropagation._torch_network import TorchNetwork
from qsklearn.neural_network.layers import Activation, AveragePool, Convolution, Linear

pytest.importorskip("torch")

X, Y = load_iris(return_X_y=True)
X = scale(X)
IMAGES = np.column_stack([X, X, X, X])
IMAGE_LAYERS = [Convolution(2, 3, padding="same"), Activation("relu"), AveragePool(2), Linear(3)]

CHECKPOINTED = {
    "one layer": {},
    "deep": {"layers": (5, 4)},
    "without intercepts": {"layers": (5,), "fit_intercept": False},
    "images": {"layers": IMAGE_LAYERS, "image_shape": (1, 4, 4), "data": (IMAGES, Y)},
    "cross-entropy": {"layers": (5,), "loss": "cross_entropy"},
    "weighted samples": {"layers": (5,), "data": (X, Y, np.arange(len(X)) % 3.0)},
    "converging": {"tol": 0.02, "n_iter_no_change": 3, "max_iter": 60},
    "numbers": {"kind": BackpropagationNetworkRegressor, "data": (X, X[:, :2] ** 2)},
    "diverging": {"layers": (5,)},
}


def make_network(layers=None, *, kind=BackpropagationNetworkClassifier, **changes):
    settings = {"learning_rate_init": 0.01, "max_iter": 7, "random_state": 0}
    return kind(layers, **{**settings, **changes})


def assert_same_fit(model, whole):
    for layer, other in zip(model.layers_, whole.layers_, strict=True):
        if layer.is_trainable:
            np.testing.assert_array_equal(layer.coefficients, other.coefficients)
    for name in ("loss_curve_", "loss_", "n_iter_", "stop_reason_"):
        assert getattr(model, name) == getattr(whole, name)


class Killed(BaseException):
    """As little expected as the end of the process."""


def kill_after(monkeypatch, n_iterations):
    """Let one iteration, after its last step, end a fit; returns a list that grows by a call."""
    run, calls = _training._run_epoch, []

    def counted(*arguments):
        calls.append(None)
        loss = run(*arguments)
        if len(calls) == n_iterations:
            raise Killed
        return loss

    monkeypatch.setattr(_training, "_run_epoch", counted)
    return calls


def diverge_in(monkeypatch, n_iterations):
    """Let gradients explode in one iteration of each fit."""
    plain = _training._run_epoch

    def run(network, state, *arguments):
        loss = plain(network, state, *arguments)
        return float("nan") if len(state.loss_curve) == n_iterations - 1 else loss

    monkeypatch.setattr(_training, "_run_epoch", run)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("setting", CHECKPOINTED)
def test_a_killed_fit_goes_on_where_it_was(tmp_path, monkeypatch, setting):
    words = dict(CHECKPOINTED[setting])
    data = words.pop("data", (X, Y))
    if setting == "diverging":
        diverge_in(monkeypatch, 6)
    whole = make_network(**words).fit(*data)
    reasons = {"converging": "converged", "diverging": "diverged"}
    assert whole.stop_reason_ == reasons.get(setting, "max_iter")
    # Where it converges, some of the iterations without progress are behind it.
    n_killed = whole.n_iter_ if setting == "converging" else 4
    words |= {"checkpoint": tmp_path, "checkpoint_interval": 2}
    calls = kill_after(monkeypatch, n_killed)
    with pytest.raises(Killed):
        make_network(**words).fit(*data)
    model = make_network(**words).fit(*data)
    assert_same_fit(model, whole)
    np.testing.assert_array_equal(model.predict(data[0]), whole.predict(data[0]))
    # The iterations since the last state that was saved are run again, and no others.
    n_saved = (n_killed - 1) // 2 * 2
    assert len(calls) == n_killed + whole.n_iter_ + (setting == "diverging") - n_saved
    # A finished fit is found again, and no iteration is run.
    n_calls = len(calls)
    assert_same_fit(make_network(**words).fit(*data), whole)
    assert len(calls) == n_calls


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_killed", [1, 2, 7])
def test_after_whichever_iteration(tmp_path, monkeypatch, n_killed):
    whole = make_network((5,)).fit(X, Y)
    calls = kill_after(monkeypatch, n_killed)
    words = {"checkpoint": tmp_path, "checkpoint_interval": 1}
    with pytest.raises(Killed):
        make_network((5,), **words).fit(X, Y)
    assert_same_fit(make_network((5,), **words).fit(X, Y), whole)
    assert len(calls) == 7 + 1


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_an_interruption_does_not_end_a_fit(tmp_path, monkeypatch):
    words = {"checkpoint": tmp_path, "checkpoint_interval": 2}
    whole = make_network((5,)).fit(X, Y)
    plain, calls = TorchNetwork.loss_and_gradient, []

    def interrupted(*arguments):
        calls.append(None)
        if len(calls) == 3 * 5 + 2:  # five steps make an iteration
            raise KeyboardInterrupt
        return plain(*arguments)

    monkeypatch.setattr(TorchNetwork, "loss_and_gradient", interrupted)
    with pytest.warns(UserWarning, match="interrupted.; the weights after 3 iterations are kept"):
        stopped = make_network((5,), **words).fit(X, Y)
    assert stopped.n_iter_ == 3
    assert_same_fit(make_network((5,), **words).fit(X, Y), whole)
    assert len(calls) == 3 * 5 + 2 + 5 * 5


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_an_interruption_right_after_going_on_keeps_what_was_found(tmp_path, monkeypatch):
    words = {"checkpoint": tmp_path, "checkpoint_interval": 2}
    kill_after(monkeypatch, 4)
    with pytest.raises(Killed):
        make_network((5,), **words).fit(X, Y)

    plain = _training._run_epoch

    def interrupt(*arguments):
        plain(*arguments)  # the weights have moved
        raise KeyboardInterrupt

    monkeypatch.setattr(_training, "_run_epoch", interrupt)
    with pytest.warns(UserWarning, match="the weights after 2 iterations are kept"):
        stopped = make_network((5,), **words).fit(X, Y)
    monkeypatch.undo()
    two = make_network((5,), max_iter=2).fit(X, Y)
    assert stopped.loss_curve_ == two.loss_curve_
    np.testing.assert_array_equal(stopped.decision_function(X), two.decision_function(X))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_warm_starts_have_checkpoints_of_their_own(tmp_path, monkeypatch):
    words = {"layers": (5,), "max_iter": 3, "warm_start": True}
    plain = make_network(**words).fit(X, Y).fit(X, Y)
    words |= {"checkpoint": tmp_path, "checkpoint_interval": 1}
    model = make_network(**words).fit(X, Y)
    calls = kill_after(monkeypatch, 2)
    with pytest.raises(Killed):
        model.fit(X, Y)
    assert model.n_iter_ == 3
    assert_same_fit(model.fit(X, Y), plain)
    assert model.n_iter_ == 6 and len(calls) == 2 + 2
    assert_same_fit(make_network(**words).fit(X, Y).fit(X, Y), plain)
    assert len(calls) == 4 and len(list(tmp_path.iterdir())) == 2


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_warm_starts_go_on_from_what_was_found(tmp_path):
    words = {"layers": (5,), "max_iter": 3, "warm_start": True}
    once = make_network((5,), max_iter=6).fit(X, Y)
    make_network(**words, checkpoint=tmp_path).fit(X, Y)
    found = make_network(**words, checkpoint=tmp_path).fit(X, Y)
    assert_same_fit(found.set_params(checkpoint=None).fit(X, Y), once)


def test_a_random_fit_has_no_checkpoint(tmp_path):
    with pytest.raises(ValueError, match="'random_state' parameter of BackpropagationNetworkClass"):
        make_network(checkpoint=tmp_path, random_state=None).fit(X, Y)


SCRIPT = """
import sys, time, warnings
import numpy as np
import torch
from qsklearn.neural_network import BackpropagationNetworkClassifier
from qsklearn.neural_network._backpropagation import _training
from qsklearn.neural_network.layers import Activation, Linear

folder, data, result, n_iterations = sys.argv[1:]
data = np.load(data)
torch.set_num_threads(1)
warnings.simplefilter("ignore")
run = _training._run_epoch

def wait(network, state, *arguments):
    if len(state.loss_curve) == int(n_iterations):
        print("ready", flush=True)
        time.sleep(600)
    return run(network, state, *arguments)

_training._run_epoch = wait
network = BackpropagationNetworkClassifier(
    [Linear(4), Activation("relu"), Linear(3)], learning_rate_init=0.01, max_iter=7,
    random_state=0, checkpoint=folder, checkpoint_interval=2,
)
network.fit(data["X"], data["y"])
np.savez(result, decision=network.decision_function(data["X"]), loss=network.loss_curve_)
"""


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_process_that_is_killed_is_gone_on_with_by_another(tmp_path):
    np.savez(tmp_path / "data.npz", X=X, y=Y)
    paths = [str(tmp_path / name) for name in ("folder", "data.npz", "result.npz")]
    start = [sys.executable, "-c", SCRIPT, *paths]
    with subprocess.Popen([*start, "5"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        process.kill()
    assert process.returncode == -9 and not (tmp_path / "result.npz").exists()
    (file,) = (tmp_path / "folder").iterdir()
    # Its first four iterations are not run again: no iteration waits.
    subprocess.run([*start, "3"], check=True, timeout=300)
    assert list((tmp_path / "folder").iterdir()) == [file]
    whole = make_network([Linear(4), Activation("relu"), Linear(3)]).fit(X, Y)
    found = np.load(tmp_path / "result.npz")
    np.testing.assert_array_equal(found["decision"], whole.decision_function(X))
    np.testing.assert_array_equal(found["loss"], whole.loss_curve_)
