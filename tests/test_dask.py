"""Searches and comparisons on a real cluster of processes, through joblib's dask backend."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from qsklearn import QuantumSampledMLPClassifier, SpinGlassAnnealedNetwork
from qsklearn.model_selection import compare

distributed = pytest.importorskip("distributed", reason="the extra 'dask' is not installed")
cloudpickle = pytest.importorskip("cloudpickle")
# Workers cannot import this file by its name.
cloudpickle.register_pickle_by_value(sys.modules[__name__])

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # of convergence, and of ports that are taken
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL"),
]

X, Y = load_iris(return_X_y=True)


@pytest.fixture(scope="module")
def cluster():
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster),
    ):
        yield cluster


@pytest.fixture
def backend(cluster):
    with joblib.parallel_config(backend="dask", n_jobs=-1):
        yield cluster


def search(estimator, grid, **words):
    return GridSearchCV(make_pipeline(MinMaxScaler(), estimator), grid, cv=3, **words)


def assert_same_search(one, other):
    for name in ("mean_test_score", "split0_test_score", "params"):
        np.testing.assert_array_equal(one.cv_results_[name], other.cv_results_[name])
    np.testing.assert_array_equal(one.predict(X), other.predict(X))


@pytest.mark.parametrize(
    ("estimator", "grid"),
    [
        (
            QuantumSampledMLPClassifier(n_hidden=4, max_iter=3, num_reads=10, random_state=0),
            {"quantumsampledmlpclassifier__beta_eff": [0.5, 1.0]},
        ),
        (
            SpinGlassAnnealedNetwork(max_iter=2, random_state=0),
            {"spinglassannealednetwork__n_bits": [2, 4]},
        ),
    ],
    ids=["sampled MLP", "spin glass"],
)
def test_a_search_is_the_same_as_in_one_process(cluster, estimator, grid):
    here = search(estimator, grid).fit(X, Y)
    with joblib.parallel_config(backend="dask", n_jobs=-1):
        there = search(estimator, grid).fit(X, Y)
    assert_same_search(here, there)


def test_a_comparison_is_the_same_as_in_one_process(cluster):
    network = QuantumSampledMLPClassifier(n_hidden=4, max_iter=3, num_reads=10)
    contenders = {"network": network, "regression": LogisticRegression()}

    def run():
        return compare(
            contenders, X, Y, cv=3, random_state=0, param_distributions={"network": {"tol": [1, 2]}}
        )

    here = run()
    with joblib.parallel_config(backend="dask", n_jobs=-1):
        there = run()
    assert here.fingerprint() == there.fingerprint()


class Slow(LogisticRegression):
    """A contender that leaves a file for each fit that it has ended, and takes its time."""

    def __init__(self, folder="", C=1.0):
        super().__init__(C=C)
        self.folder = folder

    def fit(self, X, y, sample_weight=None):
        super().fit(X, y)
        time.sleep(0.2)
        name = f"{os.getpid()}-{time.time_ns()}-{self.C}-{len(y)}-{np.sum(X):.6f}"
        (Path(self.folder) / name).touch()
        return self


def test_a_killed_worker_loses_nothing_that_was_done(backend, tmp_path):
    grid = {"C": np.geomspace(0.1, 10.0, 8)}
    model = GridSearchCV(Slow(str(tmp_path)), grid, cv=3, refit=False)
    killed = []

    def kill():
        while len(os.listdir(tmp_path)) < 9:
            time.sleep(0.01)
        names = sorted(os.listdir(tmp_path), key=lambda name: int(name.split("-")[1]))
        killed.extend([int(names[-1].split("-")[0]), len(names)])
        os.kill(killed[0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    model.fit(X, Y)
    killer.join()
    whole = GridSearchCV(LogisticRegression(), grid, cv=3, refit=False)
    with joblib.parallel_config(backend="sequential"):
        whole.fit(X, Y)
    np.testing.assert_array_equal(
        model.cv_results_["mean_test_score"], whole.cv_results_["mean_test_score"]
    )
    fits = [name.split("-", 2)[2] for name in os.listdir(tmp_path)]
    assert len(set(fits)) == 24
    # Done twice at most: what had ended a moment before, and was not yet handed over.
    assert len(fits) <= 24 + 2


class Counted(np.ndarray):
    """An array that counts how often dask packs it."""

    n_packed = 0


@pytest.mark.parametrize("kind", ["search", "comparison"])
def test_large_data_are_shipped_once(backend, kind):
    from distributed.protocol import dask_serialize
    from distributed.protocol.numpy import serialize_numpy_ndarray

    @dask_serialize.register(Counted)
    def pack(array, context=None):
        Counted.n_packed += 1
        return serialize_numpy_ndarray(np.asarray(array))

    data = np.random.default_rng(0).random((300, 500)).view(Counted)
    labels = (np.asarray(data[:, 0]) > 0.5).astype(int)
    Counted.n_packed = 0
    if kind == "search":
        GridSearchCV(LogisticRegression(), {"C": np.arange(1.0, 9.0)}, cv=3).fit(data, labels)
    else:
        compare({"a": LogisticRegression(), "b": LogisticRegression(C=2.0)}, data, labels, cv=8)
    assert 1 <= Counted.n_packed <= 2  # for 24 and 16 fits; the second worker asks the first
