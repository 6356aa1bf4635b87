"""From models to programs of a device: chains, ranges, and what they did to the models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import scipy.sparse

from qsklearn.samplers._layout import Layout
from qsklearn.samplers._models import SpinModels
from qsklearn.samplers._program_ranges import ProgramRanges

_LEAST_PENALTY = 1.0
_NAME = "EmbeddedSampler"


@dataclass(frozen=True, eq=False)
class Problem:
    """Models on one graph, whose couplings may differ in size.

    Attributes
    ----------
    fields : ndarray of shape (n_models, n_spins)
    pairs : ndarray of int of shape (n_couplings, 2)
        Coupled spins (i, j) with i < j, in lexical order.
    couplings : ndarray of shape (n_models, n_couplings)
    """

    fields: np.ndarray
    pairs: np.ndarray
    couplings: np.ndarray

    @classmethod
    def of_models(cls, models: SpinModels) -> Problem:
        """Models as they are, but a one-hot unit is held together by a penalty.

        The penalty A (Σ q - 1)² has A as the largest field that acts on one of its spins.
        """
        upper = scipy.sparse.coo_array(scipy.sparse.triu(models.couplings))
        pairs = np.column_stack([upper.row, upper.col]).astype(np.int64).reshape(-1, 2)
        values = np.broadcast_to(upper.data, (models.n_models, len(pairs)))
        fields = models.fields
        if models.one_hot is not None:
            strengths = _penalties(models)
            units = np.arange(*models.one_hot)
            inner = np.array(list(combinations(units, 2)), dtype=np.int64).reshape(-1, 2)
            pairs = np.concatenate([pairs, inner])
            added = np.broadcast_to(strengths[:, np.newaxis] / 2, (models.n_models, len(inner)))
            values = np.concatenate([values, added], axis=1)
            fields = fields.copy()
            fields[:, units] += strengths[:, np.newaxis] * (len(units) - 2) / 2
        order = np.lexsort((pairs[:, 1], pairs[:, 0]))
        return cls(fields, pairs[order], np.ascontiguousarray(values[:, order]))

    @property
    def n_models(self) -> int:
        return self.fields.shape[0]

    @property
    def n_spins(self) -> int:
        return self.fields.shape[1]


def _penalties(models: SpinModels) -> np.ndarray:
    """For each model, more than a flip of a one-hot unit's spin can gain."""
    units = slice(*models.one_hot)
    largest_pull = np.abs(models.couplings[units]).sum(axis=1)
    gains = 2 * (np.abs(models.fields[:, units]) + largest_pull).max(axis=1)
    return np.maximum(gains, _LEAST_PENALTY)


@dataclass(frozen=True, eq=False)
class Program:
    """One model on its qubits.

    Attributes
    ----------
    layout : Layout
    fields : ndarray of shape (n_qubits,)
    couplings : ndarray of shape (n_couplers,)
    n_clipped, n_biases : int
        How many of the model's biases, as they are on qubits and couplers, had to be changed.
    chain_strength : float
        In the device's units; 0 without chains.
    """

    layout: Layout
    fields: np.ndarray
    couplings: np.ndarray
    n_clipped: int
    n_biases: int
    chain_strength: float


class Programmer:
    """Writes programs for a device's ranges.

    Parameters
    ----------
    problem : Problem
    layouts : list of Layout
        Model m goes to layout ``m % len(layouts)``.
    ranges : ProgramRanges
    scaling : {"clip", "scale", "raise"}
        What to do with models that do not fit: change the biases that do not, multiply all models
        by one factor, or refuse.
    chain_strength : callable or None
        From a model's number to the coupling within its chains, in the model's units. None takes
        the strongest that the ranges leave.

    Attributes
    ----------
    scale : float
        What all energies were multiplied by.
    """

    def __init__(
        self,
        problem: Problem,
        layouts: list[Layout],
        ranges: ProgramRanges,
        scaling: str,
        chain_strength: Callable[[int], float] | None,
    ):
        self.problem = problem
        self.layouts = layouts
        self.ranges = ranges
        self.scaling = scaling
        self.chain_strength = chain_strength
        self.scale = 1.0
        if scaling != "clip":
            excess = max((self._excess(model) for model in range(problem.n_models)), default=0.0)
            if scaling == "raise" and excess > 1 + 1e-9:
                raise ValueError(self._refusal(excess))
            self.scale = 1.0 / max(excess, 1.0)

    def write(self, model: int) -> Program:
        """The program of one model."""
        layout = self.layouts[model % len(self.layouts)]
        fields, couplings = self._embed(model, layout)
        wanted = fields * self.scale, couplings * self.scale
        held = layout.is_chain
        fields, couplings = self.ranges.clip(*wanted, layout.groups, held)
        if self.chain_strength is None:
            couplings[held] = -layout.strongest_chain(np.where(held, 0.0, couplings), self.ranges)
        if not self.ranges.fits(fields, couplings, layout.groups):
            raise ValueError(
                f"The 'chain_strength' parameter of {_NAME} must leave chains within the device's "
                f"ranges ({self.ranges.describe()}). Got {-couplings[held].min():.3g}, in the "
                "device's units; give a smaller one, None, or scaling='scale'."
            )
        changed = (~np.isclose(fields, wanted[0])).sum()
        changed += (~np.isclose(couplings, wanted[1]) & ~held).sum()
        n_biases = np.count_nonzero(wanted[0]) + np.count_nonzero(wanted[1][~held])
        strength = float(-couplings[held].min(initial=0.0))
        return Program(layout, fields, couplings, int(changed), int(n_biases), strength)

    def _embed(self, model: int, layout: Layout) -> tuple[np.ndarray, np.ndarray]:
        fields, couplings = layout.embed(self.problem.fields[model], self.problem.couplings[model])
        if self.chain_strength is not None and layout.is_chain.any():
            couplings[layout.is_chain] = -self.chain_strength(model)
        return fields, couplings

    def _excess(self, model: int) -> float:
        layout = self.layouts[model % len(self.layouts)]
        return self.ranges.excess(*self._embed(model, layout), layout.groups)

    def _refusal(self, excess: float) -> str:
        return (
            f"The models must fit the device's ranges ({self.ranges.describe()}), as {_NAME} has "
            f"scaling='raise'. Got biases that are {excess:.3g} times too large; scale the models, "
            "or use scaling='scale' or 'clip'."
        )
