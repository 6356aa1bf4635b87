"""Samplers that are stopped: by their time limit or Ctrl-C they return what they reached."""

import os
import signal
import sys
import threading
import time

import dimod
import numpy as np
import pytest
import scipy.sparse

from qsklearn import QuantumSampledMLPClassifier
from qsklearn._kernels._threads import Watch
from qsklearn.samplers import DimodSampler, GibbsSampler, check_sampler, get_sampler_names


def sampler_of(name):
    return check_sampler(name, intent="thermal" if name == "gibbs" else "ground")


TIMED = [
    name
    for name in get_sampler_names()
    if name not in ("neal", "dwave") and "max_seconds" in sampler_of(name).parameters
]


def ring(n_spins=200):
    return dimod.BinaryQuadraticModel.from_ising(
        {}, {(i, (i + 1) % n_spins): -1.0 for i in range(n_spins)}
    )


@pytest.mark.parametrize("num_threads", [1, 2])
@pytest.mark.parametrize("beta", [None, 1.0])
@pytest.mark.parametrize("name", TIMED)
def test_a_time_limit_returns_what_was_reached(name, beta, num_threads):
    if name == "gibbs" and beta is None:
        pytest.skip("thermal only")
    sampler = sampler_of(name)
    arguments = {"beta": beta, "num_reads": 20, "num_threads": num_threads, "seed": 1}
    sampler.sample(ring(), **arguments, num_sweeps=2)  # compiled
    started = time.monotonic()
    with pytest.warns(RuntimeWarning, match=f"{type(sampler).__name__} was stopped by max_seconds"):
        sampleset = sampler.sample(ring(), **arguments, num_sweeps=3_000_000, max_seconds=0.2)
    assert time.monotonic() - started < 20  # minutes without the limit
    assert sampleset.info["stop_reason"] == "max_seconds"
    assert len(sampleset) == 20
    assert np.isin(sampleset.record.sample, (-1, 1)).all()
    np.testing.assert_allclose(sampleset.record.energy, ring().energies(sampleset))


@pytest.mark.parametrize("name", TIMED)
def test_a_limit_that_is_not_reached_changes_nothing(name):
    sampler = sampler_of(name)
    arguments = {"num_reads": 5, "num_sweeps": 20, "seed": 1}
    limited = sampler.sample(ring(20), **arguments, max_seconds=1000)
    free = sampler.sample(ring(20), **arguments)
    np.testing.assert_array_equal(limited.record.sample, free.record.sample)
    assert limited.info["stop_reason"] is None


@pytest.mark.parametrize("name", TIMED)
def test_a_limit_may_be_any_number(name):
    answer = sampler_of(name).sample(ring(4), max_seconds=np.float32(1000))
    assert answer.info["stop_reason"] is None


@pytest.mark.parametrize(
    "max_seconds", [0, -1.0, np.nan, "1", True, 10**400], ids=lambda v: str(v)[:5]
)
@pytest.mark.parametrize("name", TIMED)
def test_a_limit_must_be_a_time(name, max_seconds):
    with pytest.raises(ValueError, match="The 'max_seconds' parameter of"):
        sampler_of(name).sample(ring(4), max_seconds=max_seconds)


@pytest.mark.filterwarnings("ignore:.*was stopped by max_seconds")
@pytest.mark.parametrize("name", ["annealing", "population", "path-integral", "tempering"])
def test_a_search_that_is_stopped_while_hot_still_goes_downhill(name):
    rng = np.random.default_rng(0)
    upper = np.triu(rng.choice([-1.0, 1.0], size=(120, 120)), 1)
    sampler, model = sampler_of(name), (np.zeros(120), upper + upper.T)
    words = {"num_reads": 20, "seed": 1, "num_sweeps": 2}
    sampler.sample_arrays(*model, **words)  # compiled
    stopped = sampler.sample_arrays(*model, **{**words, "num_sweeps": 10**6}, max_seconds=0.05)
    assert stopped[2]["stop_reason"] == "max_seconds"
    # Random states have a mean of 0 ± 85; local minima lie near -0.65 n^1.5 and below.
    assert stopped[1].mean() < -0.55 * 120**1.5


@pytest.mark.skipif(sys.platform == "win32", reason="no POSIX signals")
@pytest.mark.parametrize("delay", [0.05, 0.11, 0.17])
@pytest.mark.parametrize("name", TIMED)
def test_ctrl_c_returns_wherever_it_comes(name, delay):
    """Small models spend their time in Python between the kernels, where it used to be raised."""
    # Seconds, if nobody stopped it.
    words = {"num_reads": 3, "num_sweeps": 10**5 if name in ("population", "tempering") else 10**7}
    if name == "population":
        words.update(beta_schedule=np.linspace(1e-4, 5, 10**5), num_sweeps=1)
    sampler = sampler_of(name)
    sampler.sample(ring(8), num_reads=1, num_sweeps=1)  # compiled
    timer = threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        with pytest.warns(RuntimeWarning, match="was stopped by KeyboardInterrupt"):
            sampleset = sampler.sample(ring(8), **words)
    finally:
        timer.cancel()  # it must not end another test
    timer.join()
    assert sampleset.info["stop_reason"] == "KeyboardInterrupt"
    np.testing.assert_allclose(sampleset.record.energy, ring(8).energies(sampleset))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_ctrl_c_is_raised():
    watch = Watch()
    with pytest.raises(KeyboardInterrupt), watch.catch_interrupts():
        signal.raise_signal(signal.SIGINT)
        assert watch.is_over()
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_another_handler_is_left_alone():
    heard = []
    previous = signal.signal(signal.SIGINT, lambda *_: heard.append("mine"))
    try:
        with Watch().catch_interrupts():
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, previous)
    assert heard == ["mine"]


class Stopped(GibbsSampler):
    """Says that it was stopped, in each call."""

    reason = "max_seconds"

    def sample(self, bqm, **parameters):
        sampleset = super().sample(bqm, **parameters)
        sampleset.info["stop_reason"] = self.reason
        return sampleset


def test_a_wrapped_sampler_that_was_stopped_is_heard():
    h, J = np.zeros((3, 2)), np.zeros((2, 2))
    with pytest.warns(RuntimeWarning, match="DimodSampler was stopped by max_seconds"):
        info = DimodSampler(Stopped()).sample_arrays(h, J, beta=1.0)[2]
    assert info["stop_reason"] == "max_seconds"
    interrupted = Stopped()
    interrupted.reason = "KeyboardInterrupt"
    with pytest.raises(KeyboardInterrupt):
        DimodSampler(interrupted).sample_arrays(h, J, beta=1.0)


@pytest.mark.parametrize("max_seconds", [1e12, float("inf")])
def test_a_limit_of_ages_is_none(max_seconds):
    assert Watch(max_seconds).remaining() is None
    h = np.zeros((1, 1000))
    _, _, info = GibbsSampler(num_reads=100, max_seconds=max_seconds).sample_arrays(
        h, scipy.sparse.csr_array((1000, 1000))
    )
    assert info["stop_reason"] is None


def test_a_watch_keeps_its_first_reason():
    watch = Watch(max_seconds=1e-9)
    time.sleep(0.001)
    assert watch.is_over()
    watch.interrupt("KeyboardInterrupt")
    assert (watch.reason, watch.stop[0], watch.remaining()) == ("max_seconds", 1, 0.0)
    assert not Watch().is_over()
    assert Watch().remaining() is None


class Interrupted(GibbsSampler):
    """Comes back as after Ctrl-C, from the given call on."""

    calls = 0

    def sample_arrays(self, h, J, **parameters):
        Interrupted.calls += 1
        states, energies, info = super().sample_arrays(h, J, **parameters)
        if Interrupted.calls > 3:
            info["stop_reason"] = "KeyboardInterrupt"
        return states, energies, info


def test_a_fit_ends_when_its_sampler_was_interrupted():
    Interrupted.calls = 0
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 3)), np.arange(40) % 2
    network = QuantumSampledMLPClassifier(
        n_hidden=4, sampler=Interrupted(num_sweeps=5), num_reads=5, max_iter=10, random_state=0
    )
    with pytest.warns(UserWarning, match="interrupted"):
        network.fit(X, y)
    assert network.stop_reason_ == "interrupted"
    assert network.predict(X).shape == (40,)
    assert Interrupted.calls == 4
