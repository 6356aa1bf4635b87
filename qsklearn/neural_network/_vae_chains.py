"""The negative phase: draws of the prior by a sampler, whose chains go on from step to step."""

import numpy as np
import scipy.sparse


class PersistentChains:
    """Draws of a Boltzmann prior while its biases and weights change.

    Parameters
    ----------
    sampler : object with ``sample_arrays``
        Thermal. One that takes ``initial_states`` goes on from the states of the call before.
    graph : LatentGraph
    n_chains : int
        Draws of a step.
    options : dict
        Further arguments of the sampler, such as ``num_sweeps``.

    Attributes
    ----------
    states : ndarray of shape (n_chains, n_latent), int8, or None before the first step
        Spins.
    """

    def __init__(self, sampler, graph, n_chains, options=None):
        self.sampler, self.graph, self.n_chains = sampler, graph, n_chains
        self.options = dict(options or {})
        self.states = None
        first, second = graph.edges.T
        # Both directions of each edge, in the order of rows: values alone change between steps.
        places = np.arange(graph.n_edges)
        pattern = scipy.sparse.coo_array(
            (np.r_[places, places], (np.r_[first, second], np.r_[second, first])),
            (graph.n_latent, graph.n_latent),
        ).tocsr()
        self._edge_of_entry, self._pattern = pattern.data, pattern

    def couplings(self, weights):
        """The symmetric matrix of couplings.

        Parameters
        ----------
        weights : ndarray of shape (n_edges,)

        Returns
        -------
        J : scipy.sparse.csr_array of shape (n_latent, n_latent)
        """
        pattern = self._pattern
        values = np.asarray(weights, dtype=float)[self._edge_of_entry]
        return scipy.sparse.csr_array((values, pattern.indices, pattern.indptr), pattern.shape)

    def draw(self, biases, weights, seed):
        """Draw from exp(-E), going on from the chains at hand.

        Parameters
        ----------
        biases : ndarray of shape (n_latent,)
        weights : ndarray of shape (n_edges,)
        seed : int

        Returns
        -------
        states : ndarray of shape (n_chains, n_latent), int8
            Spins.
        """
        states, _, _ = self.sampler.sample_arrays(
            np.asarray(biases, dtype=float)[np.newaxis],
            self.couplings(weights),
            beta=1.0,
            num_reads=self.n_chains,
            seed=seed,
            initial_states=None if self.states is None else self.states[np.newaxis],
            **self.options,
        )
        self.states = np.ascontiguousarray(states[0])
        return self.states
