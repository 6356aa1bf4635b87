"""From the squared error of a layer to weights, by any sampler or exactly."""

import time

import numpy as np

from qsklearn._memory import check_memory
from qsklearn._warnings import warn
from qsklearn.hamiltonians import WeightEncoding
from qsklearn.neural_network._base import (
    SamplerFailure,
    add_call,
    add_failed_call,
    empty_cost,
)

LEAST_SQUARES = "least-squares"

# The couplings, 8, and as index pairs and lists of neighbours, up to 40.
_BYTES_A_PAIR = 48
_SMALLER = (
    "Take fewer bits or weights, or sampler='annealing', which anneals the weights' levels and "
    "needs no couplings of spins."
)


class LayerSolver:
    """Finds weights of low energy on the n-bit grid around those at hand.

    A sampler with ``sample_levels`` gets the layer's own quadratic form; others get explicit Ising
    models, one spin a bit, a family a group of outputs. The best read of each output counts.

    Parameters
    ----------
    sampler : object with ``sample_arrays``, or None
        None finds the exact optimum, off the grid: the least-squares solution.
    n_bits : int
    num_sweeps : int or None
        None leaves it to the sampler.
    num_threads : int or None
        None leaves it to the sampler.

    Attributes
    ----------
    cost : dict
        Counts and seconds, added up.
    """

    def __init__(self, sampler, n_bits, num_sweeps=None, num_threads=None):
        self.sampler = sampler
        self.n_bits = n_bits
        declared = getattr(sampler, "parameters", {})
        wanted = {"num_sweeps": num_sweeps, "num_threads": num_threads}
        self.call = {
            name: value for name, value in wanted.items() if value is not None and name in declared
        }
        if num_sweeps is not None and sampler is not None and "num_sweeps" not in declared:
            warn(
                f"num_sweeps={num_sweeps} is left out, because {type(sampler).__name__} does not "
                "declare it."
            )
        self.cost = empty_cost()

    def solve(self, hamiltonian, base, ranges, seed):
        """Weights of low energy.

        Parameters
        ----------
        hamiltonian : LayerHamiltonian
        base : ndarray of shape (n_outputs, n_weights)
            Weights at hand, around which the grids lie.
        ranges : ndarray of shape (n_weights,)
            Half widths of the grids.
        seed : int

        Returns
        -------
        weights : ndarray of shape (n_outputs, n_weights)
            0 for weights whose input is always 0: no data speak of them, and new data would be
            multiplied by noise.

        Raises
        ------
        SamplerFailure
            If the sampler's call failed.
        ValueError, MemoryError
            If its answer breaks its contract, or the problem does not fit in memory.
        """
        live = (hamiltonian.diagonal - hamiltonian.penalty > 0).any(axis=0)
        weights = np.zeros_like(base)
        if live.any():
            part = hamiltonian if live.all() else hamiltonian.restricted(live)
            weights[:, live] = self._solve_live(part, base[:, live], ranges[live], seed)
        return weights

    def _solve_live(self, hamiltonian, base, ranges, seed):
        if self.sampler is None:
            return hamiltonian.minimise()
        encoding = WeightEncoding(base, ranges, self.n_bits)
        if hasattr(self.sampler, "sample_levels"):
            return self._sample_levels(hamiltonian, encoding, seed)
        return self._sample_spins(hamiltonian, encoding, seed)

    def _sample_levels(self, hamiltonian, encoding, seed):
        started = time.perf_counter()
        if hamiltonian.quadratic is None:
            couplings = hamiltonian.penalty
            factors = (hamiltonian.rows, hamiltonian.row_weights)
        else:
            couplings = hamiltonian.quadratic.copy()
            np.einsum("gjj->gj", couplings)[:] += hamiltonian.penalty
            factors = None
        self.cost["compile_seconds"] += time.perf_counter() - started
        weights, energies, _ = self._call(
            self.sampler.sample_levels,
            hamiltonian.linear,
            couplings,
            encoding.base,
            encoding.scale,
            encoding.n_bits,
            factors=factors,
            groups=hamiltonian.groups,
            seed=seed,
        )
        return weights[np.arange(len(weights)), np.argmin(energies, axis=1)]

    def _sample_spins(self, hamiltonian, encoding, seed):
        self._check_memory(encoding)
        weights = np.empty_like(encoding.base)
        seeds = np.random.SeedSequence(seed).generate_state(hamiltonian.n_groups) >> 1
        started = time.perf_counter()
        for outputs, family in hamiltonian.families(encoding):
            self.cost["compile_seconds"] += time.perf_counter() - started
            states, energies, _ = self._call(
                self.sampler.sample_arrays,
                family.fields,
                family.couplings,
                seed=int(seeds[hamiltonian.groups[outputs[0]]]),
            )
            if energies is None:  # a control that does not see the whole model
                energies = family.energies(states)
            best = states[np.arange(len(outputs)), np.argmin(energies, axis=1)]
            weights[outputs] = encoding.decode(best[:, np.newaxis], outputs)[:, 0]
            started = time.perf_counter()
        return weights

    def _check_memory(self, encoding):
        """Samplers of explicit models hold the couplings, and lists of pairs made from them."""
        thing = f"The Ising models of {encoding.n_spins:,} spins for {type(self.sampler).__name__}"
        check_memory(_BYTES_A_PAIR * encoding.n_spins**2, thing, _SMALLER)

    def _call(self, door, *arrays, **arguments):
        """One call of the sampler, counted."""
        started = time.perf_counter()
        try:
            answer = door(*arrays, **arguments, **self.call)
        except (ValueError, TypeError, ImportError, MemoryError):
            raise
        except Exception as error:
            add_failed_call(self.cost, error, time.perf_counter() - started)
            raise SamplerFailure(f"{type(error).__name__}: {error}") from error
        states, energies, info = answer
        if info.get("stop_reason") == "KeyboardInterrupt":
            raise KeyboardInterrupt  # the sampler returned what it had; a fit wants all
        if energies is not None and not np.isfinite(energies).all():
            raise ValueError(
                f"The sampler {type(self.sampler).__name__} must return finite energies. Got NaN "
                "or inf."
            )
        add_call(self.cost, states, info, time.perf_counter() - started)
        return answer
