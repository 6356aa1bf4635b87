"""From a layer's Hamiltonian to weights, against enumeration of the grid."""

import os

import dimod
import numpy as np
import pytest

from qsklearn.hamiltonians import LayerHamiltonian, WeightEncoding
from qsklearn.neural_network._base import SamplerFailure
from qsklearn.neural_network._spin_glass._layer_solver import LayerSolver
from qsklearn.samplers import (
    DimodSampler,
    ExactSampler,
    NealSampler,
    SimulatedAnnealingSampler,
    UncoupledComposite,
)

N_WEIGHTS, N_OUTPUTS, N_BITS = 3, 2, 2


def make_problem(*, gains=False, keep_rows=False, seed=0):
    """A layer of 3 weights, the second input always 0, with weights at hand and ranges."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(20, N_WEIGHTS))
    rows[:, 1] = 0.0
    hamiltonian = LayerHamiltonian.from_rows(
        rows,
        rng.normal(size=(20, N_OUTPUTS)),
        gains=rng.uniform(0.1, 1.0, (20, N_OUTPUTS)) if gains else None,
        keep_rows=keep_rows,
    ).with_penalty(np.full(N_WEIGHTS, 0.2))
    base = rng.normal(size=(N_OUTPUTS, N_WEIGHTS))
    return hamiltonian, base, np.array([0.4, 0.5, 0.6])


def best_of_grid(hamiltonian, base, ranges):
    live = [0, 2]
    part = hamiltonian.restricted(np.array([True, False, True]))
    encoding = WeightEncoding(base[:, live], ranges[live], N_BITS)
    bits = (np.arange(2**encoding.n_spins)[:, np.newaxis] >> np.arange(encoding.n_spins)) & 1
    grid = encoding.decode(np.tile(2 * bits - 1, (N_OUTPUTS, 1, 1)))
    best = part.energies(grid).argmin(axis=1)
    weights = np.zeros_like(base)
    weights[:, live] = grid[np.arange(N_OUTPUTS), best]
    return weights


SAMPLERS = {
    "exact": ExactSampler(),
    "levels": SimulatedAnnealingSampler(num_reads=20),
    "bits": SimulatedAnnealingSampler(num_reads=20, level_moves="bit"),
    "neal": NealSampler(num_reads=20, num_sweeps=50),
    "foreign": DimodSampler(dimod.ExactSolver()),
}


@pytest.mark.parametrize("gains", [False, True])
@pytest.mark.parametrize("keep_rows", [False, True])
@pytest.mark.parametrize("name", SAMPLERS)
def test_every_door_finds_the_best_weights_of_the_grid(name, keep_rows, gains):
    problem = make_problem(gains=gains, keep_rows=keep_rows)
    solver = LayerSolver(SAMPLERS[name], N_BITS)
    weights = solver.solve(*problem, seed=1)
    np.testing.assert_allclose(weights, best_of_grid(*problem), rtol=1e-12, atol=1e-14)
    assert (weights[:, 1] == 0).all()
    assert solver.cost["calls"] == (2 if gains and name not in ("levels", "bits") else 1)
    assert solver.cost["sample_seconds"] > 0


@pytest.mark.parametrize("gains", [False, True])
def test_least_squares(gains):
    hamiltonian, base, ranges = make_problem(gains=gains)
    solver = LayerSolver(None, N_BITS)
    weights = solver.solve(hamiltonian, base, ranges, seed=0)
    np.testing.assert_allclose(weights, hamiltonian.minimise(), rtol=1e-9, atol=1e-12)
    assert (weights[:, 1] == 0).all() and solver.cost["calls"] == 0


def test_no_live_input_at_all():
    hamiltonian = LayerHamiltonian.from_rows(np.zeros((4, 2)), np.ones((4, 1)))
    weights = LayerSolver(ExactSampler(), 2).solve(hamiltonian, np.ones((1, 2)), np.ones(2), 0)
    np.testing.assert_array_equal(weights, [[0.0, 0.0]])


def test_reads_without_energies_are_ranked_by_the_whole_model():
    """A control that draws without couplings: the best of its reads, by the true energies."""
    problem = make_problem()
    control = UncoupledComposite(SimulatedAnnealingSampler(beta=0.0, num_reads=400, num_sweeps=5))
    weights = LayerSolver(control, N_BITS).solve(*problem, seed=3)
    # 400 uniform reads of 16 states miss the best with a chance of 1e-11.
    np.testing.assert_allclose(weights, best_of_grid(*problem), rtol=1e-12)


@pytest.mark.parametrize("sampler", [NealSampler(), ExactSampler(), dimod.RandomSampler()])
def test_models_beyond_memory_are_refused_in_bytes(sampler, monkeypatch):
    monkeypatch.setattr(os, "sysconf", lambda name: 1000)
    sampler = sampler if hasattr(sampler, "sample_arrays") else DimodSampler(sampler)
    hamiltonian = LayerHamiltonian.from_rows(np.eye(20), np.ones((20, 1)))
    arguments = (hamiltonian, np.zeros((1, 20)), np.ones(20), 0)
    with pytest.raises(MemoryError, match="320 spins for .* need 4,915,200 bytes.*has 1,000,000"):
        LayerSolver(sampler, 16).solve(*arguments)
    monkeypatch.undo()
    LayerSolver(SimulatedAnnealingSampler(), 16).solve(*arguments)


def test_sweeps_and_threads_go_where_they_are_declared():
    solver = LayerSolver(SimulatedAnnealingSampler(), 2, num_sweeps=7, num_threads=2)
    assert solver.call == {"num_sweeps": 7, "num_threads": 2}
    solver.solve(*make_problem(), seed=0)
    assert solver.cost["sweeps"] == 7 * N_OUTPUTS and solver.cost["reads"] == N_OUTPUTS
    with pytest.warns(UserWarning, match="num_sweeps=7 is left out, because ExactSampler"):
        assert LayerSolver(ExactSampler(), 2, num_sweeps=7).call == {}


class Faulty:
    """Answers with what it is given, or raises it."""

    parameters = {}

    def __init__(self, answer):
        self.answer = answer

    def sample_arrays(self, h, J, *, seed):
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer(np.shape(h))


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (OSError("gone"), SamplerFailure, "OSError: gone"),
        (ValueError("no such topology"), ValueError, "no such topology"),
        (MemoryError("too large"), MemoryError, "too large"),
        (KeyboardInterrupt(), KeyboardInterrupt, None),
        (
            lambda s: (np.ones((s[0], 1, s[1])), np.full((s[0], 1), np.nan), {}),
            ValueError,
            "Faulty must return finite energies. Got NaN",
        ),
        (
            lambda s: (np.ones((s[0], 1, s[1])), None, {"stop_reason": "KeyboardInterrupt"}),
            KeyboardInterrupt,
            None,
        ),
    ],
)
def test_faults(answer, error, message):
    with pytest.raises(error, match=message):
        LayerSolver(Faulty(answer), 2).solve(*make_problem(), seed=0)


def test_the_seed_decides():
    problem = make_problem()
    sampler = SimulatedAnnealingSampler(beta=0.0)
    draws = [LayerSolver(sampler, 6).solve(*problem, seed=seed) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert (draws[0] != draws[2]).any()
