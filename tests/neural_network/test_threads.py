"""Fits beside each other: threads of one process, and processes made by fork and spawn."""

import multiprocessing
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits

from qsklearn import (
    GroverBNNClassifier,
    QuantumBoltzmannPriorVAE,
    QuantumSampledMLPClassifier,
    QUBOTransferClassifier,
    SpinGlassAnnealedNetwork,
)
from qsklearn.neural_network._torch_state import torch_to_itself

pytestmark = pytest.mark.filterwarnings("ignore")

X, Y = load_digits(n_class=3, return_X_y=True)
X, Y = X[:90] / 16.0, Y[:90]

NETWORKS = {
    "sampled MLP": QuantumSampledMLPClassifier(8, max_iter=4, random_state=0),
    "spin glass": SpinGlassAnnealedNetwork(layers=(4,), max_iter=2, random_state=0),
    "transfer": QUBOTransferClassifier(mode="drbm", random_state=0),
    "Grover": GroverBNNClassifier(n_bits=3, n_solutions=3, random_state=0),
    # With dropout, which draws from PyTorch's global generator.
    "VAE": QuantumBoltzmannPriorVAE(
        n_latent=8,
        architecture="gated_conv",
        image_shape=(1, 8, 8),
        max_iter=2,
        n_chains=10,
        random_state=0,
    ),
}


def outcome(name):
    """All that a fit gives, in one name."""
    model = clone(NETWORKS[name]).fit(X, None if name == "VAE" else Y)
    readout = {"VAE": "transform", "spin glass": "decision_function"}.get(name, "predict_proba")
    return joblib.hash(np.ascontiguousarray(getattr(model, readout)(X)))


@pytest.fixture(scope="module")
def alone():
    return {name: outcome(name) for name in NETWORKS}


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
def test_a_forked_child_does_not_wait_for_a_thread_that_it_lacks():
    """The thread trains while the child is made, in which nothing ever ends that training."""
    has_begun, may_end = Event(), Event()

    def train():
        with torch_to_itself(1):
            has_begun.set()
            may_end.wait()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(train)
        has_begun.wait()
        child = os.fork()
        if not child:
            signal.alarm(20)  # ends one that waits
            with torch_to_itself(1):
                os._exit(7)
        status = os.waitpid(child, 0)[1]
        may_end.set()
    assert os.waitstatus_to_exitcode(status) == 7


def test_threads_at_once_give_what_one_after_the_other_does(alone):
    names = [*NETWORKS, *NETWORKS]
    with ThreadPoolExecutor(len(names)) as pool:
        together = list(pool.map(outcome, names))
    assert dict(zip(names, together, strict=True)) == alone
    assert together[: len(NETWORKS)] == together[len(NETWORKS) :]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_children_forked_after_fits_give_the_same(alone):
    # In a worker: other tests may have let PyTorch's OpenMP start threads here, and what it does in
    # a child that is forked after that is not ours to mend.
    (found,) = joblib.Parallel(n_jobs=2)([joblib.delayed(of_a_forked_child)(list(NETWORKS))])
    assert dict(zip(NETWORKS, found, strict=True)) == alone


def of_a_forked_child(names):
    for name in names:
        outcome(name)
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.map_async(outcome, names).get(timeout=120)


def test_workers_give_the_same(alone):
    fits = joblib.Parallel(n_jobs=2)(joblib.delayed(of_a_worker)(name) for name in NETWORKS)
    assert {name: found for name, found, _ in fits} == alone
    # A worker of two uses half of the cores, and each fit one thread of them by default.
    assert max(n_threads for _, _, n_threads in fits) <= max(1, joblib.cpu_count() // 2)


def of_a_worker(name):
    from threadpoolctl import threadpool_info

    found = outcome(name)
    blas = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    return name, found, max(blas, default=1)
