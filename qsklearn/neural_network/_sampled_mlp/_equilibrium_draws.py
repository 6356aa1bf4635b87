"""Free and nudged states of the sampled MLP, by any sampler that searches for low energies."""

import numpy as np

from qsklearn.neural_network._sampled_mlp._draws import OutputDraws
from qsklearn.samplers._reverse_annealing import restart_arguments


class EquilibriumDraws(OutputDraws):
    """States of low energy, free and drawn towards the data's outputs, and what they cost.

    Of the reads of a data point the lowest counts. The nudged search starts from the free state
    where the sampler takes ``initial_states``, on a device by a reverse anneal; elsewhere anew.

    Parameters
    ----------
    sampler : object with ``sample_arrays`` and ``parameters``
    num_reads : int or None
        Of each search; None leaves it to the sampler.
    num_threads : int or None
    nudge : float, default=1.0
        The ν.
    symmetric : bool, default=False
        Whether the states that are compared are nudged towards and away from the right outputs, or
        towards and not at all.
    """

    beta = None  # no law: low energies

    def __init__(self, sampler, num_reads, num_threads, nudge=1.0, symmetric=False):
        super().__init__(sampler, 1.0, num_reads, num_threads)  # no temperature is asked for
        self.nudge, self.symmetric = nudge, symmetric

    @property
    def span(self):
        """Difference of the nudges of the two states that are compared."""
        return 2.0 * self.nudge if self.symmetric else self.nudge

    def draw_phases(self, hamiltonian, X, outputs, seed):
        """Draw the states that a step compares.

        Parameters
        ----------
        hamiltonian : SampledMLPHamiltonian
        X : array-like or sparse matrix of shape (n_samples, n_features)
        outputs : ndarray of shape (n_samples, n_outputs), values 0 or 1
            The data's y.
        seed : int

        Returns
        -------
        low, high : ndarrays of shape (n_samples, n_spins), int8
            Spins of the state that is nudged towards the data's outputs, and of the one that is
            free, or nudged away from them.

        Raises
        ------
        ValueError
            If the sampler's answer breaks its contract.
        SamplerFailure
            If its call failed.
        """
        seeds = np.random.SeedSequence(seed).generate_state(2, np.uint64) >> np.uint64(1)
        family = self.build(hamiltonian, X)
        states, _ = self.draw_family(family, int(seeds[0]), beta=None)
        free = _lowest(family, states)
        costs = hamiltonian.costs(hamiltonian.decode(free[:, hamiltonian.output_spins]), outputs)
        low, high = free.copy(), free.copy()
        # Nothing draws right outputs to the right ones, nor wrong ones further away.
        most = 1 if hamiltonian.categorical else hamiltonian.n_outputs
        towards = np.flatnonzero(costs > 0)
        away = np.flatnonzero(costs < most) if self.symmetric else towards[:0]
        rows = np.concatenate([towards, away])
        if len(rows):
            signs = np.repeat([1.0, -1.0], [len(towards), len(away)])
            nudged = hamiltonian.nudge(
                hamiltonian.build(X[rows]), outputs[rows], signs * self.nudge
            )
            drawn = self._draw_from(nudged, free[rows], states.shape[1], int(seeds[1]))
            low[towards], high[away] = drawn[: len(towards)], drawn[len(towards) :]
        return low, high

    def _draw_from(self, family, starts, num_reads, seed):
        """States (n_models, n_spins), none of them above the one that it started from."""
        arguments = restart_arguments(self.sampler)
        if arguments is not None:
            repeated = np.repeat(starts[:, np.newaxis], num_reads, axis=1)
            arguments = {**arguments, "initial_states": repeated, "num_reads": num_reads}
        states, _ = self.draw_family(family, seed, beta=None, **(arguments or {}))
        return _lowest(family, np.concatenate([starts[:, np.newaxis], states], axis=1))


def _lowest(family, states):
    """The state of the lowest energy of each model, (n_models, n_spins)."""
    return states[np.arange(len(states)), family.energies(states).argmin(axis=1)]
