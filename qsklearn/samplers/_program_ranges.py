"""The biases that a device can be programmed with, and what to do with a program beyond them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from qsklearn._optional import import_optional

# A program that was scaled to the edge of a range must not fail by its last digit.
_SLACK = 1e-9
_ROUNDS = 10
_ANY = (-np.inf, np.inf)


@dataclass(frozen=True)
class ProgramRanges:
    """Ranges of fields, couplings, and sums of a qubit's couplings, in the device's units.

    A device that declares none takes anything. The sum is of all couplings of a qubit or, on
    Zephyr, of those on each of its halves; the methods are told by ``groups``, of shape
    (n_edges, 2), in which sums the two ends of a coupling count.

    Attributes
    ----------
    fields, couplings, total_couplings : tuple of (lowest, highest)
    by_halves : bool
        Whether the sum is of each half of a qubit.
    """

    fields: tuple[float, float] = (-np.inf, np.inf)
    couplings: tuple[float, float] = (-np.inf, np.inf)
    total_couplings: tuple[float, float] = (-np.inf, np.inf)
    by_halves: bool = False

    @classmethod
    def from_properties(cls, properties: Mapping[str, Any]) -> ProgramRanges:
        """Ranges in a structured sampler's ``properties``, under D-Wave's names.

        Couplings may use ``extended_j_range`` where there is one.
        """
        by_halves = properties.get("per_group_coupling_range")
        return cls(
            fields=_pair(properties.get("h_range")),
            couplings=_pair(properties.get("extended_j_range") or properties.get("j_range")),
            total_couplings=_pair(by_halves or properties.get("per_qubit_coupling_range")),
            by_halves=bool(by_halves),
        )

    def excess(self, fields: np.ndarray, couplings: np.ndarray, groups: np.ndarray) -> float:
        """The factor by which a program is too large: it fits if this is at most 1.

        Parameters
        ----------
        fields : ndarray of shape (n_qubits,)
        couplings : ndarray of shape (n_edges,)
        groups : ndarray of int of shape (n_edges, 2)
        """
        totals = total_couplings(couplings, groups)
        return max(
            _ratio(fields, self.fields),
            _ratio(couplings, self.couplings),
            _ratio(totals, self.total_couplings),
        )

    def fits(self, fields: np.ndarray, couplings: np.ndarray, groups: np.ndarray) -> bool:
        """Whether a program can be run as it is."""
        return self.excess(fields, couplings, groups) <= 1 + _SLACK

    def clip(
        self,
        fields: np.ndarray,
        couplings: np.ndarray,
        groups: np.ndarray,
        held: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The program with each bias moved to the edge of its range.

        Where a sum is too large, the couplings that push it over are reduced together, but those
        ``held``, a mask of those that tie chains. The result fits if what is held does.
        """
        fields = np.clip(fields, *self.fields)
        couplings = np.clip(couplings, *self.couplings)
        # Couplings that relieve one qubit may push another over, and are then reduced in turn. In
        # the last round none counts as relief, which ends it.
        for counts_relief in (*(True,) * _ROUNDS, False):
            if _ratio(total_couplings(couplings, groups), self.total_couplings) <= 1 + _SLACK:
                break
            for sign, limit in zip((-1, 1), self.total_couplings, strict=True):
                couplings = _reduce(couplings, groups, held, sign, limit, counts_relief)
        return fields, couplings

    def describe(self) -> str:
        """The ranges in words, for errors."""
        text = f"h in {list(self.fields)}, J in {list(self.couplings)}"
        if np.isfinite(self.total_couplings).all():
            where = "on each half of a qubit" if self.by_halves else "of a qubit"
            text += f", the sum of the couplings {where} in {list(self.total_couplings)}"
        return text


def total_couplings(couplings: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Sum of the couplings in each group."""
    n_groups = groups.max(initial=-1) + 1
    totals = np.bincount(groups[:, 0], couplings, n_groups)
    return totals + np.bincount(groups[:, 1], couplings, n_groups)


def halves_of_couplers(graph, couplers: np.ndarray) -> np.ndarray:
    """On which half of each of its two qubits a coupler is, 0 or 1, by dwave-system.

    Parameters
    ----------
    graph : networkx.Graph
        Of dwave-graphs. On other topologies than Zephyr all are on the half 0.
    couplers : ndarray of int of shape (n_couplers, 2)

    Returns
    -------
    halves : ndarray of int of shape (n_couplers, 2)
    """
    library = import_optional("dwave.system.coupling_groups", "EmbeddedSampler")
    half_of = {
        (qubit, other): number % 2
        for number, group in enumerate(library.coupling_groups(graph))
        for other, qubit in group
    }
    # Only Zephyr's qubits have halves.
    halves = [[half_of.get((a, b), 0), half_of.get((b, a), 0)] for a, b in couplers.tolist()]
    return np.array(halves, int).reshape(-1, 2)


def _pair(limits) -> tuple[float, float]:
    lowest, highest = limits or _ANY
    return float(lowest), float(highest)


def _ratio(values: np.ndarray, limits: tuple[float, float]) -> float:
    """How many times too large the values are, where 1 just fits."""
    sizes = abs(min(values.min(initial=0.0), 0.0)), max(values.max(initial=0.0), 0.0)
    ratios = (
        size / abs(limit) if limit else np.inf
        for size, limit in zip(sizes, limits, strict=True)
        if size > 0
    )
    return float(max(ratios, default=0.0))


def _reduce(
    couplings: np.ndarray,
    groups: np.ndarray,
    held: np.ndarray,
    sign: int,
    limit: float,
    counts_relief: bool,
) -> np.ndarray:
    """Couplings, of which those that push sums over a limit are reduced so that these reach it."""
    pushes = ~held & (sign * couplings > 0)
    pushed = total_couplings(np.where(pushes, couplings, 0.0), groups)
    rest = total_couplings(np.where(pushes | ~(held | counts_relief), 0.0, couplings), groups)
    over = (sign * (pushed + rest - limit) > 0) & (pushed != 0)
    factors = np.ones(len(pushed))
    factors[over] = np.clip((limit - rest[over]) / pushed[over], 0.0, 1.0)
    return np.where(pushes, couplings * factors[groups].min(axis=1), couplings)
