"""Draws of a compiled network, batch by batch of data points, and what they say of the classes."""

from dataclasses import replace
from time import perf_counter

import numpy as np
from sklearn.utils import gen_batches

from qsklearn.neural_network._qubo_transfer._class_readout import ClassCounts, count_classes
from qsklearn.samplers import steepest_descent

# Bytes of the states of a batch.
_BATCH_BYTES = 2**26
_MAX_BATCH = 4096


class ClassDraws:
    """Draws of the models of data points, and their class units' counts.

    Parameters
    ----------
    hamiltonian : LayeredHamiltonian
    draws : FamilyDraws
    beta : float or None
        Of the draws; None searches for low energies.
    descent : bool
        Whether each draw goes down to a local minimum.
    readout, lowest_fraction
        As of :func:`~qsklearn.neural_network._qubo_transfer._class_readout.count_classes`.

    Attributes
    ----------
    infos : list of (n_models, dict)
        What the sampler said of each call.
    seconds : dict
        Of ``"compile"``, ``"sample"`` and ``"readout"``.
    n_fallbacks : int
        Data points that were counted again.
    """

    def __init__(self, hamiltonian, draws, beta, *, descent, readout, lowest_fraction):
        self.hamiltonian = hamiltonian
        self.draws = draws
        self.beta = beta
        self.descent = descent
        self.readout = readout
        self.lowest_fraction = lowest_fraction
        self.infos = []
        self.n_fallbacks = 0
        self.seconds = {"compile": 0.0, "sample": 0.0, "readout": 0.0}

    def states(self, inputs, shifts, seeds):
        """Yield (family, states, energies) batch by batch.

        Parameters
        ----------
        inputs : ndarray of shape (n_samples, n_inputs)
        shifts : ndarray of shape (n_samples,)
        seeds : ndarray of shape (n_samples,)
        """
        reads = self.draws.num_reads or 1000
        size = max(1, min(_MAX_BATCH, _BATCH_BYTES // (reads * self.hamiltonian.n_units)))
        for rows in gen_batches(len(inputs), size):
            started = perf_counter()
            family = self.hamiltonian.build(inputs[rows], shifts[rows])
            compiled = perf_counter()
            states, energies = self.draws.draw_family(family, seeds[rows], beta=self.beta)
            if self.descent:
                states, energies = self.descend(family, states)
            elif energies is None:
                energies = family.energies(states)
            self.infos.append((family.n_models, self.draws.info))
            self.seconds["compile"] += compiled - started
            self.seconds["sample"] += perf_counter() - compiled
            yield family, states, energies

    def counts(self, inputs, shifts, seeds):
        """Counts of classes of all data points, a :class:`ClassCounts`."""
        drawn = self.states(inputs, shifts, seeds)
        return ClassCounts.concatenate([self.count(*batch) for batch in drawn])

    def count(self, family, states, energies):
        """Counts of classes of one batch.

        A data point without a read that counts is counted again after its reads went down to
        local minima.
        """
        started = perf_counter()
        counts = self.count_without_fallback(states, energies)
        again = np.flatnonzero(counts.is_empty)
        if len(again):
            self.n_fallbacks += len(again)
            fields, offsets = family.fields[again], family.offsets[again]
            some = replace(family, fields=fields, offsets=offsets)
            counts.replace(again, self.count_without_fallback(*self.descend(some, states[again])))
        self.seconds["readout"] += perf_counter() - started
        return counts

    def count_without_fallback(self, states, energies):
        """Counts of classes of one batch, as they are."""
        bits = self.hamiltonian.decode(states)
        return count_classes(bits, energies, self.readout, self.lowest_fraction)

    def descend(self, family, states):
        """Local minima below some states, and their energies."""
        return steepest_descent(
            family.fields,
            family.couplings,
            states,
            one_hot=family.one_hot,
            num_threads=self.draws.call.get("num_threads"),
        )

    def mean_of(self, name):
        """Mean over the data points of what the sampler says of its calls; None if it does not."""
        known = [(count, info[name]) for count, info in self.infos if name in info]
        if not known:
            return None
        counts, values = zip(*known, strict=True)
        return float(np.average([np.mean(value) for value in values], weights=counts))


def random_states(family, num_reads, rng):
    """States in which every spin, or one-hot unit, is drawn uniformly.

    Parameters
    ----------
    family : IsingFamily
    num_reads : int
    rng : numpy.random.Generator

    Returns
    -------
    states : ndarray of shape (n_models, num_reads, n_spins), int8
    """
    shape = (family.n_models, num_reads, family.n_spins)
    states = rng.choice(np.array([-1, 1], np.int8), size=shape)
    if family.one_hot is not None:
        start, stop = family.one_hot
        chosen = rng.integers(stop - start, size=(*shape[:2], 1))
        states[..., start:stop] = np.where(np.arange(stop - start) == chosen, 1, -1)
    return states
