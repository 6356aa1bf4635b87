"""Data and small models for the tests of the networks."""

import sys
from types import SimpleNamespace

import dimod
import numpy as np
import pytest

from qsklearn import QuantumSampledMLPClassifier
from qsklearn.hamiltonians import SampledMLPHamiltonian

# name -> (number of outputs, whether they form a categorical unit)
KINDS = {"binary": (1, False), "categorical": (3, True), "multilabel": (3, False)}


def make_problem(kind, seed=0, n_samples=6, n_features=2, n_hidden=3, scale=1.0):
    """A Hamiltonian with weights of order 1, and data with unequal weights."""
    n_outputs, categorical = KINDS[kind]
    rng = np.random.default_rng(seed)
    shapes = [(n_features, n_hidden), (n_hidden, n_outputs), n_hidden, n_outputs]
    hamiltonian = SampledMLPHamiltonian(
        *(rng.normal(0, scale, shape) for shape in shapes), categorical
    )
    patterns = hamiltonian.patterns
    return SimpleNamespace(
        hamiltonian=hamiltonian,
        X=rng.random((n_samples, n_features)),
        outputs=patterns[rng.integers(len(patterns), size=n_samples)],
        weights=rng.uniform(0.5, 2.0, n_samples),
    )


@pytest.fixture(autouse=True)
def one_torch_thread():
    """Threads of PyTorch that wait for each other crawl where a machine is busy with other work."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def problem(kind):
    return make_problem(kind)


def make_data(kind, n_samples=40, n_features=3, seed=0):
    """Learnable data in [0, 1], with labels of the kind."""
    rng = np.random.default_rng(seed)
    X = rng.random((n_samples, n_features))
    if kind == "binary":
        return X, (X[:, 0] > 0.5).astype(int)
    if kind == "categorical":
        return X, (X[:, 0] * 3).astype(int)
    return X, (X > 0.5).astype(int)


def make_network(**changes):
    """A small network that is quick to train."""
    defaults = dict(n_hidden=4, num_reads=10, learning_rate_init=0.05, max_iter=5, random_state=0)
    return QuantumSampledMLPClassifier(**{**defaults, **changes})


def attributes_of(estimator):
    """What two fitted estimators are compared by, to the bit."""
    return [*estimator.coefs_, *estimator.intercepts_, np.array(estimator.loss_curve_)]


def assert_same_fit(one, other):
    for a, b in zip(attributes_of(one), attributes_of(other), strict=True):
        np.testing.assert_array_equal(a, b)


class Device(dimod.Sampler):
    """A sampler of BQMs with a fault or a secret, after some calls.

    It declares ``num_reads`` and ``seed`` alone. ``answer`` makes a SampleSet of
    (device, bqm, num_reads, seed).
    """

    properties = {}
    parameters = {"num_reads": [], "seed": []}

    def __init__(self, answer):
        self.answer = answer
        self.n_calls = 0

    def sample(self, bqm, num_reads=1, seed=None):
        self.n_calls += 1
        return self.answer(self, bqm, num_reads, seed)


class Notes:
    """A callback that takes notes of a fit, and asks to stop after some iterations.

    ``scores`` has what ``read`` says of the fitted estimator after each: its score by default.
    """

    def __init__(self, n_iterations=None, read=None):
        self.n_iterations, self.read = n_iterations, read or self._score
        self.calls, self.scores = [], []

    def setup(self, estimator, context):
        self.calls.append("setup")

    def teardown(self, estimator, context):
        self.calls.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None):
        self.calls.append(f"begin {context.task_name}")

    def on_fit_task_end(
        self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None
    ):
        self.calls.append(f"end {context.task_name}")
        if context.task_name == "fit":
            return False
        self.scores.append(self.read(fitted_estimator, X, y, **(metadata or {})))
        return len(self.scores) == self.n_iterations

    @staticmethod
    def _score(fitted, X, y, **weights):
        return fitted.score(X, y, **weights)


@pytest.fixture(scope="session")
def helpers():
    return SimpleNamespace(
        make_problem=make_problem,
        make_data=make_data,
        make_network=make_network,
        assert_same_fit=assert_same_fit,
        Device=Device,
        Notes=Notes,
    )
