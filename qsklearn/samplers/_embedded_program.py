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

Biases = tuple[np.ndarray, np.ndarray]

_LEAST_PENALTY = 0.5
# By which a penalty exceeds the least that is enough, in parts of the largest pull at the unit.
_MARGIN = 0.1
# A penalty that does not fit is weakened by this factor, this often at most.
_WEAKER, _MAX_WEAKENINGS = 0.8, 20
_NAME = "EmbeddedSampler"


@dataclass(frozen=True, eq=False)
class Problem:
    """Models on one graph, and the penalty that holds a one-hot unit together.

    The penalty of strength A is A (Σ q - 1)² over the unit, q = (s + 1) / 2. Draws that break it
    are left out, which gives the law whatever A is: a weak one only wastes more of them. A search
    would find nothing else.

    Attributes
    ----------
    fields : ndarray of shape (n_models, n_spins)
    pairs : ndarray of int of shape (n_couplings, 2)
        Spins (i, j) to be coupled, with i < j, in lexical order.
    couplings : ndarray of shape (n_couplings,)
        Those of all models; 0 within a one-hot unit.
    penalties : ndarray of shape (n_models,)
        A of each model; 0 without a one-hot unit.
    unit_fields : ndarray of shape (n_spins,)
        Fields of the penalty of strength 1.
    unit_couplings : ndarray of shape (n_couplings,)
        Its couplings.
    """

    fields: np.ndarray
    pairs: np.ndarray
    couplings: np.ndarray
    penalties: np.ndarray
    unit_fields: np.ndarray
    unit_couplings: np.ndarray

    @classmethod
    def of_models(cls, models: SpinModels, is_search: bool = False) -> Problem:
        """The models, with pairs also between the spins of a one-hot unit.

        For a search the penalty is one that no state of lowest energy breaks.
        """
        upper = scipy.sparse.coo_array(scipy.sparse.triu(models.couplings))
        units = np.arange(*(models.one_hot or (0, 0)))
        inner = np.array(list(combinations(units, 2)), dtype=np.int64).reshape(-1, 2)
        pairs = np.concatenate([np.column_stack([upper.row, upper.col]).astype(np.int64), inner])
        order = np.lexsort((pairs[:, 1], pairs[:, 0]))
        # q_a q_b = (s_a s_b + s_a + s_b + 1) / 4, and (Σ q - 1)² = 2 Σ q_a q_b - Σ q + 1.
        unit_fields = np.zeros(models.n_spins)
        unit_fields[units] = (len(units) - 2) / 2
        return cls(
            models.fields,
            pairs[order],
            np.append(upper.data, np.zeros(len(inner)))[order],
            _whole_penalties(models) if is_search else _penalties(models),
            unit_fields,
            np.repeat([0.0, 0.5], [upper.nnz, len(inner)])[order],
        )

    @property
    def n_models(self) -> int:
        return self.fields.shape[0]

    @property
    def n_spins(self) -> int:
        return self.fields.shape[1]


def _penalties(models: SpinModels) -> np.ndarray:
    """For each model, half of what a flip of a one-hot unit's spin can gain at most.

    All of it would make barriers between the unit's states at which draws get stuck, and spare few
    of them: 3000 valid ones of a unit of 3 cost 0.55 s of access time with half, 0.47 with all.
    """
    if models.one_hot is None:
        return np.zeros(models.n_models)
    units = slice(*models.one_hot)
    largest_pull = np.abs(models.couplings[units]).sum(axis=1)
    pulls = (np.abs(models.fields[:, units]) + largest_pull).max(axis=1)
    return np.maximum(pulls, _LEAST_PENALTY)


def _whole_penalties(models: SpinModels) -> np.ndarray:
    """For each model, what no state of lowest energy breaks, whatever the other spins are.

    With q_m up the energy falls by l_m = -2 (h_m + Σ_j J_mj s_j). The unit of lowest energy has one
    bit up if the second largest l is below A, and the largest above -A.
    """
    if models.one_hot is None:
        return np.zeros(models.n_models)
    units = slice(*models.one_hot)
    middles = -2.0 * models.fields[:, units]
    spreads = 2.0 * np.abs(models.couplings[units]).sum(axis=1)
    highest = np.sort(middles + spreads, axis=1)[:, -2:]
    second = highest[:, 0] if highest.shape[1] > 1 else np.full(models.n_models, -np.inf)
    needed = np.maximum(second, -(middles - spreads).max(axis=1))
    sizes = (np.abs(middles) + spreads).max(axis=1)
    sizes[sizes == 0] = _LEAST_PENALTY
    return np.maximum(needed, 0.0) + _MARGIN * sizes


@dataclass(frozen=True, eq=False)
class Program:
    """One model on its qubits.

    Attributes
    ----------
    layout : Layout
    fields : ndarray of shape (n_qubits,)
    couplings : ndarray of shape (n_couplers,)
    model : tuple of ndarray of shapes (n_spins,), (n_couplings,)
        The model that the device draws, in its units, where no chain breaks: the one asked for
        but for its scale and what was clipped, without the penalty of a one-hot unit.
    n_clipped, n_biases : int
        How many of the model's biases, as they are on qubits and couplers, had to be changed.
    chain_strength : float
        In the device's units; 0 without chains.
    """

    layout: Layout
    fields: np.ndarray
    couplings: np.ndarray
    model: Biases
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
    scaling : {"clip", "scale", "fill", "raise"}
        What to do with models that do not fit: change the biases that do not, multiply all models
        by one factor, or refuse. ``"fill"`` scales also those up that leave room.
    chain_strength : callable or None
        From a model's number to the coupling within its chains, in the model's units. None takes
        the strongest that the ranges leave, and leaves room for one as strong as the couplings.
    any_sign : bool
        Whether programs have to fit in all gauges, which turn the sign of couplings between
        chains; a device's couplings may reach further to the one side than to the other.

    Attributes
    ----------
    scale : float
        What all energies were multiplied by.

    Raises
    ------
    ValueError
        If the models, or their chains, have to be refused.
    """

    def __init__(
        self,
        problem: Problem,
        layouts: list[Layout],
        ranges: ProgramRanges,
        scaling: str,
        chain_strength: Callable[[int], float] | None,
        any_sign: bool = False,
    ):
        self.problem = problem
        self.layouts = layouts
        self.ranges = ranges
        self.scaling = scaling
        self.chain_strength = chain_strength
        self.signs = (-1.0, 1.0) if any_sign else ()
        self.scale = 1.0
        if scaling != "clip":
            excess = max((self._excess_of_model(m) for m in range(problem.n_models)), default=0.0)
            if scaling == "raise" and excess > 1 + 1e-9:
                raise ValueError(self._refusal(excess))
            self.scale = 1.0 / excess if excess > 1 or (scaling == "fill" and excess > 0) else 1.0

    def write(self, model: int) -> Program:
        """The program of one model."""
        layout = self._layout(model)
        wanted = self._embed(model, layout)
        strength = self._least_chain(model, wanted)
        clipped = self._clip(wanted, layout, strength)
        fields, couplings = self._penalise(model, clipped, layout, strength)
        if self.chain_strength is None:
            strength = layout.strongest_chain(self._lowest(couplings), self.ranges)
        if self._excess((fields, couplings), layout, strength) > 1 + 1e-9:
            raise ValueError(self._refusal_of_chains(strength))
        n_clipped = sum((~np.isclose(a, b)).sum() for a, b in zip(clipped, wanted, strict=True))
        return Program(
            layout,
            fields,
            np.where(layout.is_chain, -strength, couplings),
            layout.contract(*clipped),
            int(n_clipped),
            int(sum(map(np.count_nonzero, wanted))),
            strength if layout.is_chain.any() else 0.0,
        )

    def _layout(self, model: int) -> Layout:
        return self.layouts[model % len(self.layouts)]

    def _embed(self, model: int, layout: Layout) -> Biases:
        """A model's scaled biases on qubits and couplers, 0 within chains."""
        fields, couplings = self.problem.fields[model], self.problem.couplings
        return layout.embed(self.scale * fields, self.scale * couplings)

    def _least_chain(self, model: int, biases: Biases) -> float:
        """The chain strength that there must be room for beside scaled biases."""
        if self.chain_strength is not None:
            return self.scale * self.chain_strength(model)
        return min(float(np.abs(biases[1]).max(initial=0.0)), -self.ranges.couplings[0])

    def _excess_of_model(self, model: int) -> float:
        """By what factor a model is too large, with its penalty and its chains."""
        layout, problem = self._layout(model), self.problem
        biases = self._embed(model, layout)
        penalty = layout.embed(problem.unit_fields, problem.unit_couplings)
        penalised = _add(biases, penalty, self._penalty(model, layout))
        return self._excess(penalised, layout, self._least_chain(model, biases))

    def _excess(self, biases: Biases, layout: Layout, chain_strength: float) -> float:
        """By what factor biases are too large, in the gauges that they have to fit in."""
        tied = np.where(layout.is_chain, -chain_strength, 0.0)
        programs = [biases] if not self.signs else [_with_sign(sign, biases) for sign in self.signs]
        return max(
            self.ranges.excess(fields, couplings + tied, layout.groups)
            for fields, couplings in programs
        )

    def _clip(self, biases: Biases, layout: Layout, chain_strength: float) -> Biases:
        """Biases within the ranges, beside chains of that strength."""
        if not self.signs:
            return self._clip_once(biases, layout, chain_strength)
        sizes = biases
        for sign in self.signs:
            sizes = self._clip_once(_with_sign(sign, sizes), layout, chain_strength)
        fields, couplings = _with_sign(1.0, sizes)
        return np.copysign(fields, biases[0]), np.copysign(couplings, biases[1])

    def _clip_once(self, biases: Biases, layout: Layout, chain_strength: float) -> Biases:
        held = layout.is_chain
        couplings = np.where(held, -chain_strength, biases[1])
        fields, couplings = self.ranges.clip(biases[0], couplings, layout.groups, held)
        return fields, np.where(held, 0.0, couplings)

    def _penalise(self, model: int, biases: Biases, layout: Layout, chain_strength: float):
        """Add the penalty, as strong as is wanted or as fits; none where not even a weak one does.

        A clipped one would favour some of the unit's states.
        """
        amount = self._penalty(model, layout)
        if amount == 0:
            return biases
        penalty = layout.embed(self.problem.unit_fields, self.problem.unit_couplings)
        for _ in range(_MAX_WEAKENINGS):
            penalised = _add(biases, penalty, amount)
            if self._excess(penalised, layout, chain_strength) <= 1 + 1e-9:
                return penalised
            amount *= _WEAKER
        return biases

    def _penalty(self, model: int, layout: Layout) -> float:
        """The penalty that is wanted, but none that could pull a chain apart.

        Where broken chains are read by a vote, draws that broke would pass for valid ones.
        """
        amount = self.scale * float(self.problem.penalties[model])
        if amount == 0 or not layout.is_chain.any():
            return amount
        strength = -self.ranges.couplings[0]
        if self.chain_strength is not None:
            strength = self.scale * self.chain_strength(model)
        needed = chain_of_unit(self.problem, layout)
        return min(amount, strength / needed) if needed else amount

    def _lowest(self, couplings: np.ndarray) -> np.ndarray:
        """Couplings in the gauge that leaves chains the least room."""
        return -np.abs(couplings) if self.signs else couplings

    def _refusal(self, excess: float) -> str:
        return (
            f"The models, with their chains, must fit the device's ranges "
            f"({self.ranges.describe()}), as {_NAME} has scaling='raise'. Got biases that are "
            f"{excess:.3g} times too large; scale the models, give a smaller 'chain_strength' if "
            "you gave one, or use scaling='scale' or 'clip'."
        )

    def _refusal_of_chains(self, strength: float) -> str:
        return (
            f"The 'chain_strength' parameter of {_NAME} must leave chains within the device's "
            f"ranges ({self.ranges.describe()}). Got {strength:.3g}, in the device's units; give "
            "a smaller one, None, or scaling='scale'."
        )


def chain_of_unit(problem: Problem, layout: Layout) -> float:
    """The chain strength that a one-hot unit's penalty of strength 1 does not pull apart."""
    fields, couplings = layout.embed(problem.unit_fields, problem.unit_couplings)
    pulls = np.abs(fields) + _at_qubits(np.abs(couplings), layout)
    ties = _at_qubits(layout.is_chain.astype(float), layout)
    tied = ties > 0
    return float((pulls[tied] / ties[tied]).max(initial=0.0))


def _at_qubits(couplings: np.ndarray, layout: Layout) -> np.ndarray:
    """Sum of the couplings of each qubit."""
    n_qubits = len(layout.qubits)
    totals = np.bincount(layout.edges[:, 0], couplings, n_qubits)
    return totals + np.bincount(layout.edges[:, 1], couplings, n_qubits)


def _add(biases: Biases, others: Biases, amount: float) -> Biases:
    return biases[0] + amount * others[0], biases[1] + amount * others[1]


def _with_sign(sign: float, biases: Biases) -> Biases:
    return sign * np.abs(biases[0]), sign * np.abs(biases[1])
