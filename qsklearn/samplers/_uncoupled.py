"""The control of a sampler: the same draws with all couplings zeroed."""

from __future__ import annotations

from typing import Any

import dimod
import numpy as np
import scipy.sparse

from qsklearn._base_estimator import BaseEstimator
from qsklearn.samplers._bias_doors import BiasDoors
from qsklearn.samplers._check import check_sampler
from qsklearn.samplers._models import check_bqm


class UncoupledComposite(BaseEstimator, BiasDoors, dimod.ComposedSampler):
    """Hand a model to the child sampler without its couplings.

    An ablation: what is left of a result when spins cannot see each other? Whatever a model
    trained with it still learns was not due to the sampler's correlations.

    Parameters
    ----------
    sampler : str or sampler object, default="gibbs"
        The child, as in :func:`check_sampler`.

    Examples
    --------
    >>> from qsklearn.samplers import UncoupledComposite
    >>> control = UncoupledComposite("exact")
    >>> J = [[0, -9], [-9, 0]]
    >>> states, _, _ = control.sample_arrays([[9, 0]], J, beta=1.0, num_reads=500, seed=0)
    >>> float(states[0, :, 0].mean()), bool(abs(states[0, :, 1].mean()) < 0.2)
    (-1.0, True)
    """

    def __init__(self, sampler="gibbs"):
        self.sampler = sampler

    @property
    def children(self) -> list:
        """The child sampler, resolved once."""
        given, child = getattr(self, "_resolved", (None, None))
        if child is None or given is not self.sampler:
            child = check_sampler(self.sampler, caller=type(self).__name__)
            self._resolved = (self.sampler, child)
        return [child]

    @property
    def intents(self) -> frozenset[str]:
        """What the child can do."""
        return getattr(self.child, "intents", frozenset({"thermal", "ground"}))

    @property
    def draws_one_hot(self) -> bool:
        """Whether the child draws a one-hot unit as a whole."""
        return getattr(self.child, "draws_one_hot", False)

    @property
    def parameters(self) -> dict[str, list[str]]:
        """Keywords that the child takes."""
        return dict(self.child.parameters)

    @property
    def properties(self) -> dict[str, Any]:
        """The child's properties, by the name that dimod's composites use."""
        return {"child_properties": dict(self.child.properties)}

    def sample(self, bqm: dimod.BinaryQuadraticModel, **parameters) -> dimod.SampleSet:
        """Draw states of the model's fields alone.

        Parameters
        ----------
        bqm : dimod.BinaryQuadraticModel
        **parameters
            Of the child.

        Returns
        -------
        dimod.SampleSet
            With energies of the whole model.
        """
        check_bqm(bqm)
        spins = bqm.change_vartype(dimod.SPIN, inplace=False)
        alone = dimod.BinaryQuadraticModel(spins.linear, {}, spins.offset, dimod.SPIN)
        drawn = self.child.sample(alone.change_vartype(bqm.vartype, inplace=False), **parameters)
        return dimod.SampleSet.from_samples_bqm(
            (drawn.record.sample, drawn.variables),
            bqm,
            info=drawn.info,
            num_occurrences=drawn.record.num_occurrences,
        )

    def sample_arrays(self, h, J, **parameters):
        """Draw states of a family's fields alone.

        Parameters
        ----------
        h : array-like of shape (n_models, n_spins)
        J : array-like of shape (n_spins, n_spins), or (n_groups, n_spins, n_spins)
            Only its shape counts.
        **parameters
            Of the child's ``sample_arrays``.

        Returns
        -------
        states : ndarray of shape (n_models, num_reads, n_kept), int8
        energies : None
            The child's would leave the couplings out.
        info : dict
        """
        nothing = J * 0 if scipy.sparse.issparse(J) else np.zeros(np.shape(J))
        states, _, info = self.child.sample_arrays(h, nothing, **parameters)
        return states, None, info
