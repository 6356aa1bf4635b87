"""Trainings of a transfer that are killed and started again end as those that were not."""

import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import MinMaxScaler
from torch import nn

from qsklearn import QUBOTransferClassifier
from qsklearn.neural_network._progress import Progress
from qsklearn.neural_network._qubo_transfer import _phase
from qsklearn.neural_network._qubo_transfer import _training as training
from qsklearn.neural_network._qubo_transfer._convolutional_classifier import (
    ConvolutionalClassifier,
)
from qsklearn.neural_network._qubo_transfer._following import Following

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, y = load_iris(return_X_y=True)
X, y = MinMaxScaler().fit_transform(X)[::2], y[::2]


@pytest.fixture(autouse=True)
def few_epochs(monkeypatch):
    """Three epochs of cross-entropy and of the likelihood, four of mean-field steps."""
    plans = {
        "cross_entropy": _phase.Plan(0.01, 3, 1),
        "drbm": _phase.Plan(0.01, 5, 1),
        "mean_field": _phase.Plan(0.02, 4, 1),
    }
    monkeypatch.setattr(_phase, "PLANS", plans)
    monkeypatch.setitem(
        sys.modules["qsklearn.neural_network._qubo_transfer._fitting"]._HEAD, "max_iter", 6
    )


def make_module(*, unit=nn.Sigmoid):
    """With dropout, of the same weights in each process."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(4, 5), unit(), nn.Dropout(0.3), nn.Linear(5, 3))


def make_mlp():
    return MLPClassifier(3, activation="logistic", max_iter=3, random_state=0)


IMAGES = {"image_shape": (1, 2, 2), "n_hidden": 3}
# Parameters, those that a new process would make anew, and how many epochs there are.
CHECKPOINTED = {
    "network": ({"mode": "network", "n_hidden": 3}, dict, 7),
    "network of a module": ({"mode": "network"}, lambda: {"estimator": make_module()}, 7),
    "network of an MLP": ({"mode": "network"}, lambda: {"estimator": make_mlp()}, 7),
    "drbm": ({"mode": "drbm", "n_hidden": 3}, dict, 6),
    "drbm of a module": (
        {"mode": "drbm"},
        lambda: {"estimator": make_module(unit=nn.Tanh)},
        5,
    ),
    "drbm of an MLP": ({"mode": "drbm"}, lambda: {"estimator": make_mlp()}, 6),
    "drbm of a linear classifier": (
        {"mode": "drbm", "n_hidden": 3, "beta": "calibrate", "class_weight": "balanced"},
        lambda: {"estimator": LogisticRegression()},
        6,
    ),
    "drbm of images": ({"mode": "drbm", **IMAGES}, dict, 5),
    "convolution": ({"mode": "clamped", **IMAGES}, dict, 3),
    "convolution that floats": ({"mode": "float", **IMAGES}, dict, 3),
    "draws": ({"mode": "network", "n_hidden": 3, "sampler": "gibbs", "num_reads": 9}, dict, 7),
}


def make_transfer(**changes):
    return QUBOTransferClassifier(**{"random_state": 0, **changes})


def assert_same_fit(one, other):
    for parts in ("weights", "biases"):
        arrays, others = (getattr(model.hamiltonian_, parts) for model in (one, other))
        for array, another in zip(arrays, others, strict=True):
            np.testing.assert_array_equal(array, another)
    for name in ("beta_", "penalty_", "stop_reason_"):
        assert getattr(one, name) == getattr(other, name)
    for name in ("calls", "reads", "sweeps", "qpu_access_time"):
        assert one.cost_[name] == other.cost_[name]
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))
    np.testing.assert_array_equal(one.transform(X), other.transform(X))


class Killed(BaseException):
    """As little expected as the end of the process."""


def kill_after(monkeypatch, n_epochs):
    """Let one epoch, the one after so many, end a fit; returns a list that grows by a call."""
    start, calls = Progress.start_iteration, []

    def counted(self):
        calls.append(None)
        if len(calls) == n_epochs + 1:
            raise Killed
        start(self)

    monkeypatch.setattr(Progress, "start_iteration", counted)
    return calls


@pytest.mark.parametrize("case", CHECKPOINTED)
def test_a_killed_fit_goes_on_where_it_was(tmp_path, monkeypatch, case):
    words, made, n_epochs = CHECKPOINTED[case]
    whole = make_transfer(**words, **made()).fit(X, y)
    for n_before in range(1, n_epochs):
        folder, interval = tmp_path / str(n_before), 1 + n_before % 2
        keeping = {"checkpoint": folder, "checkpoint_interval": interval}
        with monkeypatch.context() as patch:
            calls = kill_after(patch, n_before)
            with pytest.raises(Killed):
                make_transfer(**words, **made(), **keeping).fit(X, y)
            model = make_transfer(**words, **made(), **keeping).fit(X, y)
            n_calls = n_epochs + 1 + n_before % interval  # an epoch that was not saved is run again
            assert len(calls) == n_calls
            assert_same_fit(model, whole)
            # A finished fit is found again, and no epoch is run; by the very same object, too.
            for again in (make_transfer(**words, **made(), **keeping), model):
                assert_same_fit(again.fit(X, y), whole)
            assert len(calls) == n_calls and len(list(folder.iterdir())) == 1


SCRIPT = """
import os, signal, sys
import numpy as np
from sklearn.datasets import load_iris
from sklearn.preprocessing import MinMaxScaler
from qsklearn import QUBOTransferClassifier
from qsklearn.neural_network._qubo_transfer import _phase

folder, last_epoch = sys.argv[1], int(sys.argv[2])
plan = _phase.Plan(0.01, 4, 1)
_phase.PLANS = {"cross_entropy": plan, "mean_field": plan}
X, y = load_iris(return_X_y=True)
X, y = MinMaxScaler().fit_transform(X)[::2], y[::2]
losses, calls = _phase.Phase._losses, []

def mortal(self, *arguments):
    calls.append(None)
    if len(calls) == last_epoch:
        os.kill(os.getpid(), signal.SIGKILL)
    return losses(self, *arguments)

_phase.Phase._losses = mortal
model = QUBOTransferClassifier(
    mode="network", n_hidden=3, random_state=0, checkpoint=folder
).fit(X, y)
np.savez(folder + "/end.npz", n_calls=len(calls), probabilities=model.predict_proba(X))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no such signal")
def test_a_process_that_is_killed(tmp_path, monkeypatch):
    def run(last_epoch):
        command = [sys.executable, "-c", SCRIPT, str(tmp_path), str(last_epoch)]
        return subprocess.run(command, capture_output=True, text=True)

    assert run(28).returncode == -signal.SIGKILL  # within the sixth of eight epochs of five steps
    done = run(0)
    assert done.returncode == 0, done.stderr
    plan = _phase.Plan(0.01, 4, 1)
    monkeypatch.setattr(_phase, "PLANS", {"cross_entropy": plan, "mean_field": plan})
    whole, end = make_transfer(mode="network", n_hidden=3).fit(X, y), np.load(tmp_path / "end.npz")
    assert end["n_calls"] == 15
    np.testing.assert_array_equal(end["probabilities"], whole.predict_proba(X))


@pytest.mark.parametrize("n_before", [2, 5, 9])
def test_the_best_of_held_out_data_is_kept(tmp_path, monkeypatch, n_before):
    plan = _phase.Plan(0.1, 30, 1)
    monkeypatch.setattr(_phase, "PLANS", {"cross_entropy": plan, "mean_field": plan})
    rng = np.random.default_rng(0)
    rows, classes = rng.normal(size=(40, 4)), rng.integers(0, 3, 40)  # nothing to be learnt
    held_out = rng.normal(size=(60, 4)), rng.integers(0, 3, 60), None

    def train(module, **parameters):
        following = Following(make_transfer(**parameters))
        settings = {"objective": "mean_field", "validation": held_out, "following": following}
        return training.train(module, rows, classes, **settings)

    whole, model = make_module(), make_module()
    history = train(whole)
    assert history["stop_reason"] == "early_stopping"
    epoch, calls = _phase.Phase._epoch, []

    def counted(self):
        calls.append(None)
        if len(calls) == n_before + 1:
            raise Killed
        return epoch(self)

    monkeypatch.setattr(_phase.Phase, "_epoch", counted)
    before = model.state_dict()["0.weight"].clone()
    with pytest.raises(Killed):
        train(model, checkpoint=tmp_path)
    assert torch.equal(before, model.state_dict()["0.weight"])
    assert train(model, checkpoint=tmp_path) == history
    n_epochs = len(history["loss_curve"]) + len(history["start_loss_curve"])
    assert len(calls) == n_epochs + 1
    again = make_module()
    assert train(again, checkpoint=tmp_path) == history and len(calls) == n_epochs + 1
    for name, value in whole.state_dict().items():
        assert torch.equal(value, model.state_dict()[name])
        assert torch.equal(value, again.state_dict()[name])


@pytest.mark.filterwarnings("default::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("at", [2, 5])  # in the ordinary epochs, and in those of the mean field
def test_a_divergence_is_found_again(tmp_path, monkeypatch, at):
    epoch, n_done = _phase.Phase._epoch, []

    def diverging(self):
        loss = epoch(self)
        n_done.append(None)
        return float("nan") if len(n_done) == at else loss

    monkeypatch.setattr(_phase.Phase, "_epoch", diverging)
    models = []
    for _ in range(2):
        model = make_transfer(mode="network", n_hidden=3, checkpoint=tmp_path)
        with pytest.warns(ConvergenceWarning, match="weights of the epoch before are kept"):
            models.append(model.fit(X, y))
    assert models[0].stop_reason_ == "diverged" and len(n_done) == at
    assert_same_fit(*models)


def test_a_fit_that_was_interrupted_goes_on(tmp_path, monkeypatch):
    words = {"mode": "network", "n_hidden": 3}
    whole = make_transfer(**words).fit(X, y)
    epoch, calls = _phase.Phase._epoch, []

    def interrupted(self):
        calls.append(None)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return epoch(self)

    monkeypatch.setattr(_phase.Phase, "_epoch", interrupted)
    with pytest.warns(UserWarning, match="interrupted; the weights so far are kept"):
        model = make_transfer(**words, checkpoint=tmp_path).fit(X, y)
    assert model.stop_reason_ == "interrupted"
    assert_same_fit(model.fit(X, y), whole)
    assert len(calls) == 5 + 3


def test_ablations_and_the_twin_share_the_folder(tmp_path):
    model = make_transfer(mode="clamped", **IMAGES, checkpoint=tmp_path).fit(X, y)
    twin = model.classical_twin()
    assert isinstance(twin, ConvolutionalClassifier)
    twin.fit(X, y)
    for control in model.ablations().values():
        assert control.checkpoint == tmp_path
    assert len(list(tmp_path.iterdir())) == 2
    assert (twin.stop_reason_, model.stop_reason_) == ("max_iter", "max_iter")


def test_another_start_is_another_training(tmp_path):
    """Of a network that is fitted with no seed nothing is found again: it is another one."""
    for _ in range(2):
        given = MLPClassifier(3, activation="logistic", max_iter=3)
        make_transfer(mode="drbm", estimator=given, checkpoint=tmp_path).fit(X, y)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("mode", ["clamped", "network"])
def test_the_parameters_are_checked(tmp_path, mode):
    with pytest.raises(ValueError, match="'checkpoint' parameter of QUBOTransferClassifier"):
        make_transfer(mode=mode, checkpoint=5).fit(X, y)
    with pytest.raises(ValueError, match="'random_state' parameter of QUBOTransferClassifier"):
        make_transfer(mode=mode, checkpoint=tmp_path, random_state=None).fit(X, y)


# --- progress ------------------------------------------------------------------------------------


def read_outputs(fitted, X, y):
    return fitted.predict_proba(X), fitted.decision_function(X)


def with_notes(notes, **changes):
    pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks from 1.9 on")
    return make_transfer(**changes).set_callbacks(notes)


@pytest.mark.parametrize("case", CHECKPOINTED)
def test_callbacks_hear_of_each_epoch_with_a_fitted_estimator(helpers, case):
    words, made, n_epochs = CHECKPOINTED[case]
    notes = helpers.Notes(read=read_outputs)
    model = with_notes(notes, **words, **made()).fit(X, y)
    one = ["begin iteration", "end iteration"]
    assert notes.calls == ["setup", "begin fit", *n_epochs * one, "end fit", "teardown"]
    assert_same_fit(model, make_transfer(**words, **made()).fit(X, y))
    assert not np.array_equal(notes.scores[0][1], notes.scores[1][1])
    if "calibrate" not in words.values():  # which is done when training has ended
        np.testing.assert_array_equal(notes.scores[-1][0], model.predict_proba(X))


def test_callbacks_hear_of_a_fit_of_scikit_learns_as_of_one_step(helpers):
    notes = helpers.Notes(read=read_outputs)
    with_notes(notes).fit(X, y)
    assert notes.calls == ["setup", "begin fit", "end fit", "teardown"]


@pytest.mark.parametrize("n_epochs", [2, 5])
def test_a_callback_may_stop_the_training(helpers, n_epochs):
    notes = helpers.Notes(n_epochs, read=read_outputs)
    model = with_notes(notes, mode="network", n_hidden=3).fit(X, y)
    assert model.stop_reason_ == "callback" and len(notes.scores) == n_epochs
    np.testing.assert_array_equal(notes.scores[-1][0], model.predict_proba(X))
    assert (
        with_notes(helpers.Notes(2, read=read_outputs), mode="drbm", n_hidden=3)
        .fit(X, y)
        .stop_reason_
        == "callback"
    )
    assert (
        with_notes(helpers.Notes(2, read=read_outputs), **IMAGES).fit(X, y).stop_reason_
        == "callback"
    )


def test_the_twins_callbacks_hear_of_its_epochs(helpers):
    notes = helpers.Notes(read=read_outputs)
    twin = with_notes(notes, **IMAGES).classical_twin().set_callbacks(notes).fit(X, y)
    assert notes.calls.count("end iteration") == 3
    np.testing.assert_array_equal(notes.scores[-1][0], twin.predict_proba(X))


@pytest.mark.parametrize("words", [{"sampler": "no such"}, {"estimator": nn.Linear(4, 3)}])
def test_callbacks_are_torn_down_after_a_failure(helpers, words):
    notes = helpers.Notes(read=read_outputs)
    with pytest.raises(ValueError):
        with_notes(notes, mode="network", **words).fit(X, y)
    assert notes.calls[-1] == "teardown"


def test_bars_show_with_verbose_alone(capsys):
    make_transfer(mode="network", n_hidden=3).fit(X, y)
    assert capsys.readouterr() == ("", "")
    make_transfer(mode="network", n_hidden=3, verbose=1).fit(X, y)
    said = capsys.readouterr().err
    assert "QUBOTransferClassifier: 7epoch" in said and "loss=" in said
