"""Draws of the sampled MLP's outputs."""

import time

from qsklearn.neural_network._family_draws import FamilyDraws


class OutputDraws(FamilyDraws):
    """Draws of y ~ P(y|x) of a sampled MLP by any sampler, and what they cost.

    Attributes
    ----------
    beta : float or None
        Inverse temperature of the draws; None where low energies are searched for.
    """

    beta = 1.0

    def draw(self, hamiltonian, X, seed):
        """Draw outputs for each data point.

        Parameters
        ----------
        hamiltonian : SampledMLPHamiltonian
        X : array-like or sparse matrix of shape (n_samples, n_features)
        seed : int, or array of int of shape (n_samples,)

        Returns
        -------
        outputs : ndarray of shape (n_samples, num_reads, n_outputs), int8, values 0 or 1

        Raises
        ------
        ValueError
            If the sampler's answer breaks its contract.
        SamplerFailure
            If its call failed.
        """
        family = self.build(hamiltonian, X)
        states, _ = self.draw_family(family, seed, hamiltonian.output_spins, self.beta)
        return hamiltonian.decode(states)

    def build(self, hamiltonian, X):
        """The models of some data points, an IsingFamily; its time counts as compiling."""
        started = time.perf_counter()
        family = hamiltonian.build(X)
        self.cost["compile_seconds"] += time.perf_counter() - started
        return family
