"""Small sampled MLPs and their laws by brute force."""

from itertools import product

import numpy as np
import pytest

from qsklearn.hamiltonians import SampledMLPHamiltonian

# name -> (number of outputs, whether they form a categorical unit)
KINDS = {"binary": (1, False), "categorical": (3, True), "multilabel": (3, False)}


def make_hamiltonian(kind, seed=0, n_features=2, n_hidden=4, scale=1.5):
    n_outputs, categorical = KINDS[kind]
    rng = np.random.default_rng(seed)
    shapes = [(n_features, n_hidden), (n_hidden, n_outputs), n_hidden, n_outputs]
    return SampledMLPHamiltonian(*(rng.normal(0, scale, shape) for shape in shapes), categorical)


def paper_energy(hamiltonian, x, k, y):
    """-(k·(W1ᵀx + b) + k·W2 y + c·y), term by term."""
    energy = 0.0
    for j in range(hamiltonian.n_hidden):
        a = x @ hamiltonian.hidden_weights[:, j] + hamiltonian.hidden_bias[j]
        energy -= k[j] * a
        for m in range(hamiltonian.n_outputs):
            energy -= k[j] * hamiltonian.output_weights[j, m] * y[m]
    return energy - sum(c * bit for c, bit in zip(hamiltonian.output_bias, y, strict=True))


def all_states(hamiltonian):
    """Hidden bits and outputs of all states, a broken one-hot unit included."""
    bits = np.array(list(product((0, 1), repeat=hamiltonian.n_hidden + hamiltonian.n_outputs)))
    return bits[:, : hamiltonian.n_hidden], bits[:, hamiltonian.n_hidden :]


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def hamiltonian(kind):
    return make_hamiltonian(kind)


@pytest.fixture
def brute():
    """Helpers that enumerate, as one object."""

    class Brute:
        make = staticmethod(make_hamiltonian)
        energy = staticmethod(paper_energy)
        states = staticmethod(all_states)

    return Brute
