"""Annealed networks that are killed and started again end as those that were not."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.preprocessing import scale

from qsklearn import SpinGlassAnnealedNetwork, SpinGlassAnnealedRegressor
from qsklearn.neural_network._spin_glass import _layer_step, _training
from qsklearn.neural_network.layers import Activation, Convolution, Linear
from qsklearn.samplers import DimodSampler, SimulatedAnnealingSampler

X, Y = load_iris(return_X_y=True)
X = scale(X)[::3]
Y = Y[::3]
IMAGES = np.column_stack([X, X, X[:, 0]])
WEIGHTS = np.arange(len(X)) % 3.0
# Its inverses divide by slopes near 0, so that targets explode within some epochs.
EXPLODING = [Linear(8), Activation(negative_slope=1e-12), Linear(6)]
EXPLODING += [Activation(negative_slope=1e-12), Linear(3)]
LITERAL = {"target": "pseudo_inverse", "activation_in_target": True, "target_scale": None}

CHECKPOINTED = {
    "one layer": {},
    "one layer, the last weights": {"keep_best": False, "n_bits": 1, "weight_range": 2.0},
    "one layer, activated": {"layers": [Linear(3), Activation(negative_slope=0.1)]},
    "one layer, far from zero": {"data": (X + 2.0**26, Y)},
    "deep": {"layers": (5, 4)},
    "deep, the best is behind": {"layers": (4,), "n_bits": 1, "weight_range": 3.0},
    "deep, the last weights": {"layers": (4,), "keep_best": False, "fit_intercept": False},
    "weighted samples": {"layers": (4,), "data": (X, Y, WEIGHTS), "target": "pseudo_inverse"},
    "images": {
        "layers": [Convolution(2, 2), Activation(negative_slope=0.1), Linear(3)],
        "image_shape": (1, 3, 3),
        "data": (IMAGES, Y),
    },
    "least squares": {"layers": (4,), "sampler": "least-squares"},
    "explicit models": {"layers": (2,), "sampler": "exact", "n_bits": 1},
    "several reads": {"layers": (4,), "sampler": SimulatedAnnealingSampler(num_reads=2)},
    "numbers": {"layers": (4,), "kind": SpinGlassAnnealedRegressor, "data": (X, X[:, :2] ** 2)},
    "diverging": {"layers": EXPLODING, "ridge": 0, "inverse_ridge": 0.0, **LITERAL},
}


def make_network(layers=None, *, kind=SpinGlassAnnealedNetwork, **changes):
    return kind(layers, **{"max_iter": 6, "random_state": 0, **changes})


def assert_same_fit(model, whole):
    for layer, other in zip(model.layers_, whole.layers_, strict=True):
        if layer.is_trainable:
            np.testing.assert_array_equal(layer.coefficients, other.coefficients)
    for name in ("loss_curve_", "n_iter_", "best_iter_", "stop_reason_"):
        assert getattr(model, name) == getattr(whole, name)
    assert model.diagnostics_.keys() == whole.diagnostics_.keys()
    for name, values in whole.diagnostics_.items():
        np.testing.assert_array_equal(model.diagnostics_[name], values)
    for name, value in whole.cost_.items():
        assert name.endswith("_seconds") or model.cost_[name] == value


class Killed(BaseException):
    """As little expected as the end of the process."""


def kill_after(monkeypatch, n_epochs):
    """Let one epoch, after its last layer, end a fit; returns a list that grows by a call."""
    run, calls = _training._Epoch.run, []

    def counted(self, weight_range):
        calls.append(weight_range)
        answer = run(self, weight_range)
        if len(calls) == n_epochs:
            raise Killed
        return answer

    monkeypatch.setattr(_training._Epoch, "run", counted)
    return calls


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("setting", CHECKPOINTED)
def test_a_killed_fit_goes_on_where_it_was(tmp_path, monkeypatch, setting):
    words = dict(CHECKPOINTED[setting])
    data = words.pop("data", (X, Y))
    whole = make_network(**words).fit(*data)
    if setting == "diverging":
        assert whole.stop_reason_.startswith("diverged") and whole.n_iter_ >= 2
        n_killed, interval = 2, 1
    else:
        n_killed, interval = 4, 2
    words |= {"checkpoint": tmp_path, "checkpoint_interval": interval}
    calls = kill_after(monkeypatch, n_killed)
    with pytest.raises(Killed):
        make_network(**words).fit(*data)
    model = make_network(**words).fit(*data)
    assert_same_fit(model, whole)
    np.testing.assert_array_equal(model.predict(data[0]), whole.predict(data[0]))
    # The epochs since the last state that was saved are run again, and no others.
    n_saved = (n_killed - 1) // interval * interval
    n_all = whole.n_iter_ + (setting == "diverging")
    assert len(calls) == n_killed + n_all - n_saved
    # A finished fit is found again, and no epoch is run.
    n_calls = len(calls)
    assert_same_fit(make_network(**words).fit(*data), whole)
    assert len(calls) == n_calls


@pytest.mark.parametrize("n_killed", [1, 2, 6])
def test_after_whichever_epoch(tmp_path, monkeypatch, n_killed):
    whole = make_network((4,)).fit(X, Y)
    calls = kill_after(monkeypatch, n_killed)
    with pytest.raises(Killed):
        make_network((4,), checkpoint=tmp_path).fit(X, Y)
    assert_same_fit(make_network((4,), checkpoint=tmp_path).fit(X, Y), whole)
    assert len(calls) == 6 + 1


def test_what_inputs_are_centred_by_is_that_of_their_first_epoch(tmp_path, monkeypatch):
    """Inputs of hidden layers are others in each epoch, and their sums round otherwise."""
    monkeypatch.setattr(_layer_step, "_LOST_DIGITS", 10.0)
    whole = make_network((4,)).fit(X, Y)
    calls = kill_after(monkeypatch, 4)
    with pytest.raises(Killed):
        make_network((4,), checkpoint=tmp_path).fit(X, Y)
    assert_same_fit(make_network((4,), checkpoint=tmp_path).fit(X, Y), whole)
    assert len(calls) == 4 + 3


def test_a_constant_problem_is_diagnosed_once(tmp_path, monkeypatch):
    kill_after(monkeypatch, 4)
    with pytest.raises(Killed):
        make_network(checkpoint=tmp_path).fit(X, Y)
    monkeypatch.setattr(_layer_step, "_DIAGNOSIS_COST", 0.0)
    model = make_network(checkpoint=tmp_path).fit(X, Y)
    assert np.isfinite(model.diagnostics_["optimum"]).all()


# What is not of the device itself, such as a network: by call number, what it raises.
FAULTS = {}


def answer(device, bqm, num_reads, seed):
    """As an annealer without a memory does, if there is no fault."""
    if device.n_calls in FAULTS:
        raise FAULTS[device.n_calls]
    return SimulatedAnnealingSampler().sample(bqm, num_reads=num_reads, seed=seed)


def make_device(helpers):
    return DimodSampler(helpers.Device(answer))


@pytest.mark.parametrize("fault", [KeyboardInterrupt(), OSError("gone")])
def test_what_stopped_a_fit_from_outside_does_not_end_it(tmp_path, helpers, monkeypatch, fault):
    # Of the two layers with 2 and 3 outputs an epoch calls the device 2 + 3 times.
    words = {"layers": (2,), "n_bits": 1, "checkpoint": tmp_path}
    monkeypatch.setitem(FAULTS, 3 * 5 + 2, fault)
    device = make_device(helpers)
    with pytest.warns(UserWarning, match="the best weights of 3 epochs are kept"):
        stopped = make_network(sampler=device, **words).fit(X, Y)
    assert stopped.n_iter_ == 3 and stopped.best_iter_ == np.argmin(stopped.loss_curve_) + 1
    monkeypatch.delitem(FAULTS, 3 * 5 + 2)
    device = make_device(helpers)
    model = make_network(sampler=device, **words).fit(X, Y)
    assert device.sampler.n_calls == 3 * 5
    words["checkpoint"] = None
    whole = make_network(sampler=make_device(helpers), **words).fit(X, Y)
    assert whole.stop_reason_ == "max_iter"
    assert_same_fit(model, whole)


@pytest.mark.parametrize("layers", [None, (4,)])
def test_warm_starts_have_checkpoints_of_their_own(tmp_path, monkeypatch, layers):
    words = {"max_iter": 3, "warm_start": True}
    plain = make_network(layers, **words).fit(X, Y).fit(X, Y)
    model = make_network(layers, **words, checkpoint=tmp_path).fit(X, Y)
    calls = kill_after(monkeypatch, 2)
    with pytest.raises(Killed):
        model.fit(X, Y)
    assert model.n_iter_ == 3
    assert_same_fit(model.fit(X, Y), plain)
    assert model.n_iter_ == 6 and len(calls) == 2 + 2
    again = make_network(layers, **words, checkpoint=tmp_path)
    assert_same_fit(again.fit(X, Y).fit(X, Y), plain)
    assert len(calls) == 4 and len(list(tmp_path.iterdir())) == 2


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_controls_share_the_folder(tmp_path):
    pytest.importorskip("torch")
    network = make_network((3,), n_bits=1, checkpoint=tmp_path, checkpoint_interval=3)
    twin, controls = network.classical_twin(), network.ablations()
    for model in (network, twin, *controls.values()):
        model.fit(X, Y)
    assert twin.checkpoint_interval == type(twin)().checkpoint_interval
    assert {model.checkpoint_interval for model in controls.values()} == {3}
    assert len(list(tmp_path.iterdir())) == 5


def test_a_random_fit_has_no_checkpoint(tmp_path):
    with pytest.raises(ValueError, match="'random_state' .* SpinGlassAnnealedNetwork must be an"):
        make_network(checkpoint=tmp_path, random_state=None).fit(X, Y)


SCRIPT = """
import sys, time
import numpy as np
from qsklearn import SpinGlassAnnealedNetwork
from qsklearn.neural_network._spin_glass import _training
from qsklearn.neural_network.layers import Activation, Linear

folder, data, result, n_epochs = sys.argv[1:]
data = np.load(data)
run = _training._Epoch.run

def wait(self, weight_range):
    if self.state.n_iter == int(n_epochs):
        print("ready", flush=True)
        time.sleep(600)
    return run(self, weight_range)

_training._Epoch.run = wait
layers = [Linear(4), Activation("leaky_relu", 0.1), Linear(3)]
network = SpinGlassAnnealedNetwork(layers, max_iter=6, random_state=0, checkpoint=folder)
network.fit(data["X"], data["y"])
np.savez(result, decision=network.decision_function(data["X"]), loss=network.loss_curve_)
"""


def test_a_process_that_is_killed_is_gone_on_with_by_another(tmp_path):
    np.savez(tmp_path / "data.npz", X=X, y=Y)
    paths = [str(tmp_path / name) for name in ("folder", "data.npz", "result.npz")]
    start = [sys.executable, "-c", SCRIPT, *paths]
    with subprocess.Popen([*start, "3"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        process.kill()
    assert process.returncode == -9 and not (tmp_path / "result.npz").exists()
    (file,) = (tmp_path / "folder").iterdir()
    # Its first three epochs are not run again: no epoch waits.
    subprocess.run([*start, "2"], check=True, timeout=300)
    assert list((tmp_path / "folder").iterdir()) == [file]
    layers = [Linear(4), Activation("leaky_relu", 0.1), Linear(3)]
    whole = make_network(layers).fit(X, Y)
    found = np.load(tmp_path / "result.npz")
    np.testing.assert_array_equal(found["decision"], whole.decision_function(X))
    np.testing.assert_array_equal(found["loss"], whole.loss_curve_)
