"""The squared error of a layer as a quadratic form of its weights (spin_glass_network.txt)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import dimod
import numpy as np

from qsklearn._checks import (
    check_bools,
    check_flag,
    check_instance,
    check_integer,
    check_integers,
    check_reals,
    is_number,
)
from qsklearn._memory import check_memory
from qsklearn.hamiltonians._family import IsingFamily
from qsklearn.hamiltonians._layer_moments import Moments
from qsklearn.hamiltonians._layer_solution import rounding_level
from qsklearn.hamiltonians._quadratic_form import MatrixForm, RowsForm
from qsklearn.hamiltonians._weight_encoding import WeightEncoding

_SMALLER = (
    "Take fewer bits or weights, or a sampler with sample_levels, which needs no spin matrix "
    "(sampler='annealing')."
)
_NAME = "LayerHamiltonian"
# Numbers of axes of what may come as lists.
_AXES = {"constant": 1, "penalty": 1, "quadratic": 3, "rows": 2, "row_weights": 2}


@dataclass(frozen=True, eq=False)  # == on arrays has no single answer
class LayerHamiltonian:
    r"""Squared error of each output of a layer over that output's weights S.

    .. math::

        H_i(S) = S^\top J^{g(i)} S + \sum_j p_j S_j^2 + h_i \cdot S + E^0_i
        = \frac{1}{Q} \sum_a w^a (\gamma_i^a\, q^a \cdot S - T_i^a)^2 + \sum_j p_j S_j^2

    with the double sum over all pairs and the diagonal, eqs. (4)-(5) and (21). Outputs whose
    activation factors γ differ have matrices of their own: groups g.

    Parameters
    ----------
    linear : ndarray of shape (n_outputs, n_weights)
        The fields h.
    constant : ndarray of shape (n_outputs,)
        The constants E⁰.
    groups : ndarray of int of shape (n_outputs,)
        Which matrix is an output's.
    penalty : ndarray of shape (n_weights,)
        The ridge p, in units of J.
    quadratic : ndarray of shape (n_groups, n_weights, n_weights), default=None
        The matrices J, symmetric. Either these or rows are given.
    rows : ndarray of shape (n_rows, n_weights), default=None
        The rows A of J = Aᵀ diag(r) A ("residual space"): less memory and work than J where there
        are many more weights than rows.
    row_weights : ndarray of shape (n_groups, n_rows), default=None
        The weights r of the rows, one line a group.

    Raises
    ------
    ValueError
        If not exactly one form of J is given, or shapes do not fit.

    References
    ----------
    The spin-glass network, eqs. (4)-(9) and (20)-(21): spin_glass_network.txt.

    Examples
    --------
    >>> import numpy as np
    >>> from qsklearn.hamiltonians import LayerHamiltonian
    >>> rows, targets = np.array([[1.0, 0.0], [1.0, 1.0]]), np.array([[1.0], [3.0]])
    >>> hamiltonian = LayerHamiltonian.from_rows(rows, targets)
    >>> hamiltonian.energies(np.array([[[0.0, 0.0], [1.0, 2.0]]]))
    array([[5., 0.]])
    >>> hamiltonian.minimise().round(6)
    array([[1., 2.]])
    """

    linear: np.ndarray
    constant: np.ndarray
    groups: np.ndarray
    penalty: np.ndarray
    quadratic: np.ndarray | None = None
    rows: np.ndarray | None = None
    row_weights: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.quadratic is not None and (self.rows is not None or self.row_weights is not None):
            raise ValueError(
                "A LayerHamiltonian needs one form of J: 'quadratic', or 'rows' and 'row_weights'. "
                "Got both."
            )
        self._check_shapes()
        groups = self.groups
        if groups.size and not (0 <= groups.min() and groups.max() < self._form.n_groups):
            raise ValueError(
                "The 'groups' parameter of LayerHamiltonian must be ints in the range [0, "
                f"{self._form.n_groups}). Got {groups.min()} to {groups.max()} instead."
            )

    def _check_shapes(self) -> None:
        linear = check_reals(self.linear, "linear", _NAME, "n_outputs", "n_weights")
        object.__setattr__(self, "linear", linear)
        object.__setattr__(self, "groups", check_integers(self.groups, "groups", _NAME))
        for name, n_axes in _AXES.items():
            array = getattr(self, name)
            if array is not None:
                axes = ["a length"] * n_axes
                object.__setattr__(self, name, check_reals(array, name, _NAME, *axes))
        n_outputs, n_weights = self.linear.shape
        shapes: dict[str, tuple] = {
            "constant": (n_outputs,),
            "groups": (n_outputs,),
            "penalty": (n_weights,),
        }
        if self.quadratic is not None:
            shapes["quadratic"] = (len(self.quadratic), n_weights, n_weights)
        elif self.rows is not None and self.row_weights is not None:
            shapes["rows"] = (len(self.rows), n_weights)
            shapes["row_weights"] = (len(self.row_weights), len(self.rows))
        for name, shape in shapes.items():
            got = getattr(self, name).shape
            if got != shape:
                raise ValueError(
                    f"The '{name}' parameter of LayerHamiltonian must have the shape {shape}. Got "
                    f"{got} instead."
                )

        for name in ("linear", *shapes):
            if not np.isfinite(getattr(self, name)).all():
                raise ValueError(
                    f"The '{name}' parameter of LayerHamiltonian must be finite. Got NaN or "
                    "infinity, which also come of rows, targets or gains that are too large."
                )

    @cached_property
    def _form(self) -> MatrixForm | RowsForm:
        if self.quadratic is not None:
            return MatrixForm(self.quadratic)
        if self.rows is None or self.row_weights is None:
            raise ValueError(
                "A LayerHamiltonian needs its J as 'quadratic', or as 'rows' and 'row_weights'."
            )
        return RowsForm(self.rows, self.row_weights)

    @classmethod
    def from_batches(
        cls, batches: Iterable[tuple], *, normaliser: float, keep_rows: bool = False
    ) -> LayerHamiltonian:
        """The Hamiltonian of rows that come in batches.

        Parameters
        ----------
        batches : iterable of (rows, targets, gains, weights)
            Rows of shape (n_rows, n_weights), targets (n_rows, n_outputs), activation factors γ of
            the targets' shape or None, weights of rows (n_rows,), at least 0, or None.
        normaliser : float
            The divisor Q, above 0.
        keep_rows : bool, default=False
            Whether to keep the rows in place of their products J.

        Returns
        -------
        LayerHamiltonian
            With one group, or one an output where there are gains.

        Raises
        ------
        ValueError
            If there are no batches, shapes do not fit, or the normaliser is not above 0.
        """
        if not is_number(normaliser) or not 0 < normaliser < math.inf:
            raise ValueError(
                "The 'normaliser' parameter of LayerHamiltonian must be a number > 0, as the sum "
                f"of the samples' weights is. Got {normaliser!r} instead."
            )
        moments = Moments(check_flag(keep_rows, "keep_rows", _NAME))
        check_instance(batches, Iterable, "batches", _NAME)
        for batch in batches:
            if not isinstance(batch, tuple | list) or len(batch) != 4:
                raise ValueError(
                    f"A batch of {_NAME} must be (rows, targets, gains, weights). Got "
                    f"{type(batch).__name__} instead."
                )
            with np.errstate(over="ignore", invalid="ignore"):  # refused below
                moments.add(*_checked_batch(*batch))
        if moments.is_empty:
            raise ValueError("A LayerHamiltonian needs at least one batch of rows. Got none.")
        return cls._from_moments(moments, normaliser)

    @classmethod
    def _from_moments(cls, moments: Moments, normaliser: float) -> LayerHamiltonian:
        linear, constant, form = moments.finish(normaliser)
        n_outputs, n_weights = linear.shape
        groups = np.zeros(n_outputs, np.int64) if form.n_groups == 1 else np.arange(n_outputs)
        common = (linear, constant, groups, np.zeros(n_weights))
        if isinstance(form, MatrixForm):
            return cls(*common, quadratic=form.quadratic)
        return cls(*common, rows=form.rows, row_weights=form.row_weights)

    @classmethod
    def from_rows(
        cls, rows, targets, *, gains=None, weights=None, normaliser=None, keep_rows=False
    ) -> LayerHamiltonian:
        """The Hamiltonian of rows at hand.

        Parameters
        ----------
        rows : array-like of shape (n_rows, n_weights)
            Inputs of the layer.
        targets : array-like of shape (n_rows, n_outputs)
        gains : array-like of shape (n_rows, n_outputs), default=None
            Activation factors γ.
        weights : array-like of shape (n_rows,), default=None
            Weights of the rows, at least 0.
        normaliser : float, default=None
            The divisor Q; by default the sum of the weights.
        keep_rows : bool, default=False
            Whether to keep the rows in place of their products J.

        Returns
        -------
        LayerHamiltonian
        """
        if normaliser is None:
            rows, targets, gains, weights = _checked_batch(rows, targets, gains, weights)
            normaliser = len(rows) if weights is None else float(np.sum(weights))
        batches = [(rows, targets, gains, weights)]
        return cls.from_batches(batches, normaliser=normaliser, keep_rows=keep_rows)

    @property
    def n_outputs(self) -> int:
        """Number of outputs."""
        return self.linear.shape[0]

    @property
    def n_weights(self) -> int:
        """Number of weights of an output."""
        return self.linear.shape[1]

    @property
    def n_groups(self) -> int:
        """Number of different matrices J."""
        return self._form.n_groups

    @property
    def diagonal(self) -> np.ndarray:
        """J_jj + p_j, shape (n_groups, n_weights)."""
        return self._form.diagonal() + self.penalty

    def with_penalty(self, penalty) -> LayerHamiltonian:
        """The same squared error with another ridge.

        Parameters
        ----------
        penalty : float, or array-like of shape (n_weights,)
            At least 0, in units of J.

        Returns
        -------
        LayerHamiltonian

        Raises
        ------
        ValueError
            If a penalty is negative or not finite, or the shape does not fit.
        """
        values = check_reals(penalty, "penalty", "with_penalty")
        if (
            values.shape not in ((), (self.n_weights,))
            or not (np.isfinite(values) & (values >= 0)).all()
        ):
            raise ValueError(
                "The 'penalty' parameter of with_penalty must be a finite number >= 0, or "
                f"{self.n_weights} of them, one a weight. Got {penalty!r} instead."
            )
        return replace(self, penalty=np.broadcast_to(values, (self.n_weights,)).copy())

    def restricted(self, live) -> LayerHamiltonian:
        """The Hamiltonian of some weights, the others held at zero.

        Parameters
        ----------
        live : array-like of bool of shape (n_weights,)

        Returns
        -------
        LayerHamiltonian
        """
        live = check_bools(live, "live", "restricted", self.n_weights)
        kept = np.flatnonzero(live)
        return replace(
            self,
            linear=self.linear[:, kept],
            penalty=self.penalty[kept],
            quadratic=None
            if self.quadratic is None
            else self.quadratic[:, kept[:, np.newaxis], kept],
            rows=None if self.rows is None else self.rows[:, kept],
        )

    def couplings(self, group: int) -> np.ndarray:
        """J of a group with the penalty on its diagonal, calculated from rows where need be.

        Parameters
        ----------
        group : int

        Returns
        -------
        couplings : ndarray of shape (n_weights, n_weights)
        """
        group = check_integer(group, "group", f"{_NAME}.couplings", 0, self.n_groups)
        matrix = self._form.matrix(group)
        matrix[np.diag_indices(self.n_weights)] += self.penalty
        return matrix

    def energies(self, weights, *, with_penalty: bool = True) -> np.ndarray:
        """Energies H of weights.

        Parameters
        ----------
        weights : array-like of shape (n_outputs, ..., n_weights)
        with_penalty : bool, default=True
            Whether the ridge counts, or the squared error alone.

        Returns
        -------
        energies : ndarray of shape (n_outputs, ...)
        """
        check_flag(with_penalty, "with_penalty", f"{_NAME}.energies")
        weights = check_reals(weights, "weights", f"{_NAME}.energies")
        if weights.ndim < 2 or weights.shape[:1] + weights.shape[-1:] != self.linear.shape:
            raise ValueError(
                f"The 'weights' of energies must have the shape ({self.n_outputs}, ..., "
                f"{self.n_weights}). Got {weights.shape} instead."
            )
        flat = weights.reshape(self.n_outputs, math.prod(weights.shape[1:-1]), self.n_weights)
        energies = np.einsum("irj,ij->ir", flat, self.linear) + self.constant[:, np.newaxis]
        for output, group in enumerate(self.groups):
            energies[output] += self._form.squares(flat[output], group)
        if with_penalty:
            energies += np.square(flat) @ self.penalty
        return energies.reshape(weights.shape[:-1])

    def minimise(self) -> np.ndarray:
        """The exact optimum: ridge regression, of minimum norm where there are many optima.

        Returns
        -------
        weights : ndarray of shape (n_outputs, n_weights)
        """
        weights = np.empty_like(self.linear)
        for group in range(self.n_groups if self.n_weights else 0):
            outputs = np.flatnonzero(self.groups == group)
            right = -0.5 * self.linear[outputs].T
            weights[outputs] = self._form.solve(group, self.penalty, right).T
        return weights

    def condition_number(self) -> np.ndarray:
        """Largest over smallest eigenvalue of J with the penalty, infinite where singular.

        Returns
        -------
        condition_numbers : ndarray of shape (n_groups,)
            1 where there are no weights.
        """
        numbers = np.ones(self.n_groups)
        for group in range(self.n_groups if self.n_weights else 0):
            values = np.linalg.eigvalsh(self.couplings(group))
            smallest = values[0] > self._tolerance(values)
            numbers[group] = values[-1] / values[0] if smallest else np.inf
        return numbers

    def rank(self) -> np.ndarray:
        """Rank of J with the penalty; below n_weights there are many optima.

        Returns
        -------
        ranks : ndarray of int of shape (n_groups,)
        """
        spectra = [np.linalg.eigvalsh(self.couplings(group)) for group in range(self.n_groups)]
        return np.array([np.count_nonzero(v > self._tolerance(v)) for v in spectra])

    def _tolerance(self, values: np.ndarray) -> float:
        return values.max(initial=0.0) * rounding_level(self.n_weights)

    def families(self, encoding: WeightEncoding) -> Iterator[tuple[np.ndarray, IsingFamily]]:
        """Ising models of n-bit weights, a family a group.

        The spin of bit a of weight j is number j n_bits + a. With J' and h' of eqs. (8)-(9) the
        couplings are 2J' off the diagonal, whose own part is the constant tr J'.

        Parameters
        ----------
        encoding : WeightEncoding

        Returns
        -------
        families : iterator of (ndarray of int, IsingFamily)
            The outputs that a family's models stand for, and the family. Each is made when its
            turn comes.

        Raises
        ------
        MemoryError
            If the couplings of one group do not fit into the machine's memory.
        """
        self._check_encoding(encoding)
        thing = f"An Ising model of {encoding.n_spins:,} spins"
        check_memory(8 * encoding.n_spins**2, thing, _SMALLER)
        return self._families(encoding)

    def _families(self, encoding: WeightEncoding) -> Iterator[tuple[np.ndarray, IsingFamily]]:
        for group in range(self.n_groups):
            outputs = np.flatnonzero(self.groups == group)
            if outputs.size:
                yield outputs, self._family(group, outputs, encoding)

    def _family(self, group: int, outputs: np.ndarray, encoding: WeightEncoding) -> IsingFamily:
        matrix, scale, bits = self.couplings(group), encoding.scale, encoding.bit_values
        base, linear = encoding.base[outputs], self.linear[outputs]
        reached = base @ matrix
        slopes = (linear + 2 * reached) * scale
        fields = (slopes[:, :, np.newaxis] * bits).reshape(len(outputs), -1)
        offsets = self.constant[outputs] + np.einsum("ij,ij->i", reached + linear, base)
        offsets += (np.diagonal(matrix) * scale**2).sum() * (bits**2).sum()
        matrix *= 2 * np.outer(scale, scale)
        products = np.empty((encoding.n_weights, encoding.n_bits) * 2)
        np.multiply(
            matrix[:, np.newaxis, :, np.newaxis],
            np.outer(bits, bits)[np.newaxis, :, np.newaxis, :],
            out=products,
        )
        couplings = products.reshape(encoding.n_spins, encoding.n_spins)
        np.fill_diagonal(couplings, 0.0)
        return IsingFamily(fields, couplings, offsets, encoding.labels)

    def to_bqm(self, output: int, encoding: WeightEncoding) -> dimod.BinaryQuadraticModel:
        """One output's n-bit weights for any dimod sampler, with vartype SPIN.

        The energy of a state is H of the weights that ``encoding.decode`` makes of it.

        Parameters
        ----------
        output : int
        encoding : WeightEncoding
            With the base weights of all outputs.

        Returns
        -------
        dimod.BinaryQuadraticModel
            With variables ``("w", j, a)``.

        Raises
        ------
        MemoryError
            If the model does not fit into the machine's memory.
        """
        self._check_encoding(encoding)
        # The dense couplings, their upper half, its indices, and dimod's lists of neighbours.
        thing = f"A BQM of {encoding.n_spins:,} spins"
        check_memory(48 * encoding.n_spins**2, thing, _SMALLER)
        output = check_integer(output, "output", "to_bqm", 0, self.n_outputs)
        return self._family(int(self.groups[output]), np.array([output]), encoding).to_bqm()

    def _check_encoding(self, encoding: WeightEncoding) -> None:
        check_instance(encoding, WeightEncoding, "encoding", _NAME)
        if encoding.base.shape != self.linear.shape:
            raise ValueError(
                f"The encoding's base weights must have the Hamiltonian's shape (n_outputs, "
                f"n_weights) = {self.linear.shape}. Got {encoding.base.shape} instead."
            )


def _checked_batch(rows, targets, gains, weights):
    rows, targets = check_reals(rows, "rows", _NAME), check_reals(targets, "targets", _NAME)
    gains = None if gains is None else check_reals(gains, "gains", _NAME)
    weights = None if weights is None else check_reals(weights, "weights", _NAME)
    if rows.ndim != 2 or targets.ndim != 2 or len(rows) != len(targets):
        raise ValueError(
            "The rows (n_rows, n_weights) and targets (n_rows, n_outputs) of a LayerHamiltonian "
            f"must be as many. Got the shapes {rows.shape} and {targets.shape} instead."
        )
    for name, values, shape in (
        ("gains", gains, targets.shape),
        ("weights", weights, rows.shape[:1]),
    ):
        if values is not None and values.shape != shape:
            raise ValueError(
                f"The {name} of a LayerHamiltonian must have the shape {shape}. Got "
                f"{values.shape} instead."
            )
    for name, values in (("rows", rows), ("targets", targets), ("gains", gains)):
        if values is not None and not np.isfinite(values).all():
            raise ValueError(f"The {name} of a LayerHamiltonian must be finite. Got NaN or inf.")
    if weights is not None and not (weights >= 0).all():
        raise ValueError("The weights of rows must be numbers >= 0. Got negative ones or NaN.")
    return rows, targets, gains, weights
