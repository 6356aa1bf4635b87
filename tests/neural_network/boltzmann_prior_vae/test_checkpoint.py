"""A fit of the discrete VAE that is killed and started again ends as one that was not."""

import signal
import subprocess
import sys

import networkx as nx
import numpy as np
import pytest
import torch
from torch import nn

from qsklearn import QuantumBoltzmannPriorVAE
from qsklearn.datasets import make_bars_and_stripes
from qsklearn.neural_network._boltzmann_prior_vae import _training as training
from qsklearn.samplers import EmbeddedSampler, ExactSampler, GibbsSampler, MockQPUSampler

IMAGES = make_bars_and_stripes(80, random_state=0)
X = IMAGES.data
Y = np.where(np.arange(80) < 20, IMAGES.target, -1)

OF_FIRST_PROGRAMS = "ignore:The draws of MockQPUSampler do not tell"


def make_vae(**changes):
    settings = dict(
        n_latent=6,
        topology="rbm",
        hidden_layer_sizes=(8,),
        max_iter=5,
        batch_size=40,
        n_chains=16,
        random_state=0,
    )
    return QuantumBoltzmannPriorVAE(**{**settings, **changes})


def make_device():
    device = MockQPUSampler(
        "ideal", topology_type="chimera", topology_shape=[1, 2, 4], device_beta=3.0, num_sweeps=5
    )
    return EmbeddedSampler(device)


def make_encoder():
    """With dropout and batch normalisation, of the same weights in each process."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(16, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3))


def assert_same_fit(one, other):
    for name in ("h", "weights", "class_biases", "class_weights"):
        np.testing.assert_array_equal(getattr(one.prior_, name), getattr(other.prior_, name))
    arrays, others = one._state.networks.arrays, other._state.networks.arrays
    assert list(arrays) == list(others)
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, others[name])
    assert list(one.history_) == list(other.history_)
    for name, column in one.history_.items():
        np.testing.assert_array_equal(column, other.history_[name])
    assert (one.n_iter_, one.stop_reason_) == (other.n_iter_, other.stop_reason_)
    for name in ("calls", "reads", "sweeps", "qpu_access_time", "queries"):
        assert one.cost_[name] == other.cost_[name]
    assert one.cost_["update_seconds"] > 0
    np.testing.assert_array_equal(one._state.chains, other._state.chains)
    assert one._state.generator == other._state.generator
    np.testing.assert_array_equal(one.transform(X), other.transform(X))
    np.testing.assert_array_equal(one.elbo(X[:9])["elbo"], other.elbo(X[:9])["elbo"])


class Killed(BaseException):
    """As little expected as the end of the process."""


def kill_after(monkeypatch, n_epochs):
    """Let one epoch, the one after so many, end a fit; returns a list that grows by a call."""
    run, calls = training.Training.run_epoch, []

    def counted(self, *arguments):
        calls.append(None)
        means = run(self, *arguments)
        if len(calls) == n_epochs + 1:
            raise Killed
        return means

    monkeypatch.setattr(training.Training, "run_epoch", counted)
    return calls


# Parameters, and those that a new process would make anew.
CHECKPOINTED = {
    "default": ({}, dict),
    "labels": ({"label_units": True}, dict),
    "draws": ({"importance": ((1, 2), (3, 1)), "tau": 0.3, "posterior": "factorial"}, dict),
    "dropout": ({}, lambda: {"encoder": make_encoder()}),
    "gaussian": ({"likelihood": "gaussian"}, dict),
    "transverse field": ({"sampler": "path-integral", "transverse_field": 0.5}, dict),
    "anew in each step": ({}, lambda: {"sampler": ExactSampler()}),
    "device": (
        {  # draws of a prior that learns slowly tell no temperature in so few steps
            "topology": "chimera",
            "n_latent": 16,
            "beta_eff": "moment-matching",
            "prior_learning_rate_init": 0.3,
        },
        lambda: {"sampler": make_device()},
    ),
    "own graph": ({}, lambda: {"topology": nx.path_graph(6)}),
}


@pytest.mark.filterwarnings(OF_FIRST_PROGRAMS)
@pytest.mark.parametrize("case", CHECKPOINTED)
def test_a_killed_fit_goes_on_where_it_was(tmp_path, monkeypatch, case):
    words, made = CHECKPOINTED[case]
    whole = make_vae(**words, **made()).fit(X, Y)
    calls = kill_after(monkeypatch, 3)
    keeping = {"checkpoint": tmp_path, "checkpoint_interval": 2}
    with pytest.raises(Killed):
        make_vae(**words, **made(), **keeping).fit(X, Y)
    model = make_vae(**words, **made(), **keeping).fit(X, Y)
    assert len(calls) == 4 + 3  # the third epoch is run again
    assert_same_fit(model, whole)
    # A finished fit is found again, and no epoch is run; by the very same object, too.
    for again in (make_vae(**words, **made(), **keeping), model):
        assert_same_fit(again.fit(X, Y), whole)
    assert len(calls) == 7 and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("n_epochs", range(1, 5))
def test_after_any_epoch(tmp_path, monkeypatch, n_epochs):
    whole = make_vae().fit(X)
    calls = kill_after(monkeypatch, n_epochs)
    with pytest.raises(Killed):
        make_vae(checkpoint=tmp_path).fit(X)
    assert_same_fit(make_vae(checkpoint=tmp_path).fit(X), whole)
    assert len(calls) == 6  # one epoch was lost


SCRIPT = """
import os, signal, sys
import numpy as np
from qsklearn import QuantumBoltzmannPriorVAE
from qsklearn.datasets import make_bars_and_stripes
from qsklearn.samplers import GibbsSampler

folder, last_call = sys.argv[1], int(sys.argv[2])
calls = []

class Mortal(GibbsSampler):
    def sample_arrays(self, h, J, **arguments):
        calls.append(None)
        if len(calls) == last_call:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().sample_arrays(h, J, **arguments)

vae = QuantumBoltzmannPriorVAE(
    6, topology="rbm", hidden_layer_sizes=(8,), max_iter=5, batch_size=40, n_chains=16,
    random_state=0, sampler=Mortal(), checkpoint=folder,
).fit(make_bars_and_stripes(80, random_state=0).data)
np.savez(folder + "/end.npz", n_calls=len(calls), h=vae.prior_.h, elbo=vae.history_["elbo"],
         **vae._state.networks.arrays)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no such signal")
def test_a_process_that_is_killed(tmp_path):
    def run(last_call):
        command = [sys.executable, "-c", SCRIPT, str(tmp_path), str(last_call)]
        return subprocess.run(command, capture_output=True, text=True)

    assert run(8).returncode == -signal.SIGKILL  # within the fourth epoch of two steps
    done = run(0)
    assert done.returncode == 0, done.stderr
    whole, end = make_vae().fit(X), np.load(tmp_path / "end.npz")
    assert end["n_calls"] == 4
    np.testing.assert_array_equal(end["h"], whole.prior_.h)
    np.testing.assert_array_equal(end["elbo"], whole.history_["elbo"])
    for name, array in whole._state.networks.arrays.items():
        np.testing.assert_array_equal(end[name], array)


def test_warm_starts_have_checkpoints_of_their_own(tmp_path, monkeypatch):
    words = {"warm_start": True, "max_iter": 3}
    plain = make_vae(**words).fit(X).fit(X)
    model = make_vae(**words, checkpoint=tmp_path).fit(X)
    kill_after(monkeypatch, 1)
    with pytest.raises(Killed):
        model.fit(X)
    assert_same_fit(model.fit(X), plain)
    assert len(list(tmp_path.iterdir())) == 2
    model.partial_fit(X)
    assert len(list(tmp_path.iterdir())) == 2


def test_threads_and_controls_have_checkpoints_of_their_own(tmp_path):
    vae = make_vae(max_iter=1, checkpoint=tmp_path, sampler=GibbsSampler(), n_jobs=1)
    models = [vae, *vae.ablations().values()]
    for model in models:
        model.fit(X)
    vae.set_params(n_jobs=2).fit(X)
    # The Gaussian control keeps none; another number of threads has one more.
    assert len(list(tmp_path.iterdir())) == len(models)
    plain = make_vae(max_iter=1, sampler=GibbsSampler())
    assert_same_fit(plain.fit(X), vae.set_params(n_jobs=1).fit(X))
    again = vae.ablations()["couplings removed"].fit(X)
    assert not again.prior_.weights.any() and len(list(tmp_path.iterdir())) == len(models)


class Overflowing(nn.Module):
    """A decoder that fails from some value of a buffer on, which a checkpoint keeps."""

    def __init__(self, n_steps):
        super().__init__()
        self.dense = nn.Linear(6, 16)
        with torch.no_grad():
            self.dense.weight.fill_(0.1)
            self.dense.bias.zero_()
        self.register_buffer("n_left", torch.tensor(n_steps))

    def forward(self, bits):
        if self.training:
            self.n_left -= 1
        return self.dense(bits) * (1.0 if self.n_left >= 0 else np.nan)


def test_a_divergence_is_found_again(tmp_path, monkeypatch):
    with pytest.warns(UserWarning, match=r"stopped early \(diverged\); .* after 3 whole"):
        whole = make_vae(decoder=Overflowing(7)).fit(X)
    calls = kill_after(monkeypatch, 2)
    with pytest.raises(Killed):
        make_vae(decoder=Overflowing(7), checkpoint=tmp_path).fit(X)
    for n_calls in (5, 5):
        with pytest.warns(UserWarning, match=r"stopped early \(diverged\); .* after 3 whole"):
            model = make_vae(decoder=Overflowing(7), checkpoint=tmp_path).fit(X)
        assert_same_fit(model, whole)
        assert len(calls) == n_calls


def test_a_fit_that_was_interrupted_goes_on(tmp_path, monkeypatch):
    whole = make_vae().fit(X)
    epoch, calls = training.Training.run_epoch, []

    def interrupted(self, *arguments):
        calls.append(None)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return epoch(self, *arguments)

    monkeypatch.setattr(training.Training, "run_epoch", interrupted)
    with pytest.warns(UserWarning, match="stopped early .interrupted"):
        assert make_vae(checkpoint=tmp_path).fit(X).n_iter_ == 2
    assert_same_fit(make_vae(checkpoint=tmp_path).fit(X), whole)
    assert len(calls) == 3 + 3


def test_the_parameters_are_checked(tmp_path):
    with pytest.raises(ValueError, match="'checkpoint' parameter of QuantumBoltzmannPriorVAE"):
        make_vae(checkpoint=5).fit(X)
    with pytest.raises(ValueError, match="'random_state' parameter of QuantumBoltzmannPriorVAE"):
        make_vae(checkpoint=tmp_path, random_state=None).fit(X)


# --- progress ------------------------------------------------------------------------------------


def read_prior(fitted, X, y):
    return fitted.score(X), fitted.prior_.weights


def with_notes(notes, **changes):
    pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks from 1.9 on")
    return make_vae(max_iter=3, **changes).set_callbacks(notes)


def test_callbacks_hear_of_each_epoch_with_a_fitted_estimator(helpers):
    notes = helpers.Notes(read=read_prior)
    model = with_notes(notes).fit(X)
    one = ["begin iteration", "end iteration"]
    assert notes.calls == ["setup", "begin fit", *3 * one, "end fit", "teardown"]
    assert notes.scores[-1][0] == model.score(X)
    assert_same_fit(model, make_vae(max_iter=3).fit(X))
    model.partial_fit(X)
    assert len(notes.scores) == 3


def test_callbacks_hear_of_controls_as_they_will_be(helpers):
    pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks from 1.9 on")
    notes = helpers.Notes(read=read_prior)
    control = make_vae(max_iter=2).ablations()["couplings removed"].set_callbacks(notes).fit(X)
    assert notes.scores[-1][0] == control.score(X)
    assert not any(weights.any() for _, weights in notes.scores)


def test_a_callback_may_stop_the_training(helpers):
    model = with_notes(helpers.Notes(2, read=read_prior)).fit(X)
    assert (model.n_iter_, model.stop_reason_) == (2, "callback")
    assert model.history_["elbo"] == make_vae(max_iter=3).fit(X).history_["elbo"][:2]


def test_callbacks_are_torn_down_after_a_failure(helpers):
    notes = helpers.Notes(read=read_prior)
    with pytest.raises(ValueError, match="no such"):
        with_notes(notes, sampler="no such").fit(X)
    assert notes.calls[-1] == "teardown"


def test_bars_show_with_verbose_alone(capsys):
    make_vae(max_iter=2).fit(X)
    assert capsys.readouterr() == ("", "")
    make_vae(max_iter=2, verbose=1).fit(X)
    said = capsys.readouterr().err
    assert "QuantumBoltzmannPriorVAE: 100%" in said and "2/2" in said and "elbo=" in said
