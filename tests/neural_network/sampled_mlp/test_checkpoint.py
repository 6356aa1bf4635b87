"""A fit that is killed and started again ends as one that was not."""

import numpy as np
import pytest

from qsklearn import QuantumSampledMLPClassifier
from qsklearn.neural_network._sampled_mlp import _training as training
from qsklearn.samplers import ExactSampler

X = np.random.default_rng(0).random((40, 3))
Y = (X[:, 0] > 0.5).astype(int)

CHECKPOINTED = [
    {},
    {"early_stopping": True, "max_iter": 12},
    {"gradient": "equilibrium", "num_reads": 3},
    {"gradient": "backprop"},
    {"beta_eff": "auto", "max_iter": 6},  # of a sampler that draws at a temperature of its own
    {"diagnostics": True, "sampler": "gibbs"},
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("words", CHECKPOINTED, ids=lambda words: ", ".join(words) or "default")
def test_a_killed_fit_goes_on_where_it_was(tmp_path, monkeypatch, helpers, words):
    words = {"n_hidden": 3, "max_iter": 7, "num_reads": 10, "random_state": 0, **words}

    def network(**more):
        # As a new process would make it; what a device counts is not in its class.
        own = {"sampler": helpers.Device(draw_cold)} if "beta_eff" in words else {}
        return QuantumSampledMLPClassifier(**words, **own, **more)

    whole = network().fit(X, Y)
    calls = kill_after(monkeypatch, 5)
    with pytest.raises(Killed):
        network(checkpoint=tmp_path, checkpoint_interval=2).fit(X, Y)
    model = network(checkpoint=tmp_path, checkpoint_interval=2).fit(X, Y)
    assert len(calls) == 6 + whole.n_iter_ - 4  # the fifth iteration is run again
    for name in ("coefs_", "intercepts_"):
        for array, other in zip(getattr(model, name), getattr(whole, name), strict=True):
            np.testing.assert_array_equal(array, other)
    for name in ("loss_curve_", "validation_scores_", "n_iter_", "stop_reason_"):
        assert getattr(model, name) == getattr(whole, name)
    for name in ("beta_eff_", "beta_eff_stderr_", "gradient_cosine_"):
        np.testing.assert_array_equal(getattr(model, name), getattr(whole, name))
    assert model.cost_["reads"] == whole.cost_["reads"]
    np.testing.assert_array_equal(model.predict_proba(X), whole.predict_proba(X))
    # A finished fit is found again, and no iteration is run.
    n_calls = len(calls)
    again = network(checkpoint=tmp_path, checkpoint_interval=2).fit(X, Y)
    assert len(calls) == n_calls
    np.testing.assert_array_equal(again.coefs_[0], whole.coefs_[0])


def draw_cold(device, bqm, num_reads, seed):
    return ExactSampler().sample(bqm, beta=2.0, num_reads=num_reads, seed=seed)


class Killed(BaseException):
    """As little expected as the end of the process."""


def kill_after(monkeypatch, n_iterations):
    """Let one iteration, the one after so many, end a fit; returns a list that grows by a call."""
    run, calls = training._run_iteration, []

    def counted(*arguments):
        calls.append(None)
        if len(calls) == n_iterations + 1:
            raise Killed
        return run(*arguments)

    monkeypatch.setattr(training, "_run_iteration", counted)
    return calls


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_warm_starts_have_checkpoints_of_their_own(tmp_path):
    words = {"n_hidden": 3, "max_iter": 2, "random_state": 0, "warm_start": True}
    model = QuantumSampledMLPClassifier(**words, checkpoint=tmp_path).fit(X, Y).fit(X, Y)
    plain = QuantumSampledMLPClassifier(**words).fit(X, Y).fit(X, Y)
    assert model.n_iter_ == 4 and len(list(tmp_path.iterdir())) == 2
    np.testing.assert_array_equal(model.coefs_[0], plain.coefs_[0])
