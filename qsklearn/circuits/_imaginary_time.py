"""The circuit that mimics imaginary time evolution: closed-form angles, gates and amplitudes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qsklearn._checks import check_flag, check_integer, check_integers, check_reals
from qsklearn.circuits._evolution_checks import check_evolution, check_finite_reals, check_shapes
from qsklearn.circuits._statevector import product_state, rotate_pair

_NAME = "ImaginaryTimeCircuit"
GATE_ORDERS = ("descending", "ascending", "index")


def field_angles(h, imaginary_time) -> np.ndarray:
    r"""Angles of the rotations of single qubits (eq. 45).

    :math:`\theta_\mu = 2 \arctan(\tanh(-\tau h_\mu))`, with the sign of :math:`Z = -s`. These
    rotations are the evolution of a model without couplings, exactly.

    Parameters
    ----------
    h : array-like of shape (..., n_qubits)
        Fields of spins.
    imaginary_time : float, or array-like that broadcasts against ``h``
        τ, in units of 1 / h.

    Returns
    -------
    angles : ndarray of shape (..., n_qubits)
        In radians, within ±π/2.

    References
    ----------
    Spin-glass networks, eq. 45.

    Examples
    --------
    >>> from qsklearn.circuits import field_angles
    >>> field_angles([0.1, 100.0, -100.0], 1.0).round(4)
    array([-0.1987, -1.5708,  1.5708])
    """
    fields = check_reals(h, "h", "field_angles")
    return 2 * np.arctan(np.tanh(-_times(imaginary_time, fields, "field_angles")))


def pair_angles(J, h_first, h_second, imaginary_time) -> np.ndarray:
    r"""Angles of the rotations of pairs (eqs. 45-47), in closed form.

    They maximise :math:`f = \langle\psi| U^\dagger e^{-\tau J Z Z} |\psi\rangle`
    in the product state that the fields make. With :math:`u = (\cos, \sin)(\theta^0 / 2)` and
    :math:`v = (\cos, \sin)(\theta^1 / 2)`, :math:`f = u^T M v` for M = [[a, c], [b, -d]], whose
    leading singular pair has the half angles

    .. math:: \tfrac12(\theta^1 + \theta^0) = \mathrm{atan2}(b + c, a + d), \qquad
        \tfrac12(\theta^1 - \theta^0) = \mathrm{atan2}(c - b, a - d).

    Parameters
    ----------
    J : array-like of shape (...)
        Couplings of the pairs, each counted once (in terms of a double sum twice its entry).
    h_first, h_second : array-like of shape (...)
        Fields of the two spins of each pair.
    imaginary_time : float, or array-like that broadcasts against ``J``
        τ, in units of 1 / J.

    Returns
    -------
    angles : ndarray of shape (..., 2)
        θ¹, of Z on the first and Y on the second qubit, and θ⁰, of Y and Z; in radians.

    References
    ----------
    Spin-glass networks, eqs. 43 and 45-47.

    Examples
    --------
    Two spins that a strong coupling alone sets against each other turn by a right angle together:

    >>> from qsklearn.circuits import pair_angles
    >>> pair_angles(50.0, 0.0, 0.0, 1.0).sum().round(6)
    np.float64(1.570796)
    """
    caller = "pair_angles"
    J, h_first, h_second = (
        check_reals(values, name, caller)
        for name, values in (("J", J), ("h_first", h_first), ("h_second", h_second))
    )
    shapes = [J.shape, h_first.shape, h_second.shape]
    check_shapes(shapes, "'J', 'h_first' and 'h_second' parameters", caller)
    coupling = _times(imaginary_time, J, caller)
    sign = np.where(coupling < 0, -1.0, 1.0)
    first = 2 * _times(imaginary_time, h_first, caller)
    second = 2 * _times(imaginary_time, h_second, caller) * sign
    # Both spins may be turned over; then the larger field is positive and its exponential small.
    turned = np.where(first + second < 0, -1.0, 1.0)
    half_sum, half_difference = _half_angles(np.abs(coupling), turned * first, turned * second)
    theta_1, theta_0 = half_sum + half_difference, half_sum - half_difference
    return np.stack([sign * theta_1, sign * theta_0], axis=-1)


def _times(imaginary_time, biases: np.ndarray, caller: str) -> np.ndarray:
    """τ times biases, where infinity, of which differences are NaN, is a very large number."""
    tau = check_finite_reals(imaginary_time, "imaginary_time", caller)
    check_shapes([tau.shape, biases.shape], "'imaginary_time' parameter and the biases", caller)
    with np.errstate(over="ignore"):
        product = tau * biases
    return np.clip(product, -1e300, 1e300)


def _half_angles(coupling, first, second) -> tuple[np.ndarray, np.ndarray]:
    """(θ¹ ± θ⁰) / 2 for a coupling >= 0, and fields in units of 1 / 2τ.

    a, b, c and d are divided by cosh(τJ), which overflows and moves no maximum. Their sums and
    differences are written by u = arctan(exp(-x)), of which tanh x = cos 2u and 1 / cosh x =
    sin 2u: taken as they stand they would cancel, and leave the angles of weak or very strong
    fields to rounding errors.
    """
    with np.errstate(over="ignore"):  # to infinity, whose arctan and inverse are right
        u_first, u_second = np.arctan(np.exp(-first)), np.arctan(np.exp(-second))
        rest = 2 / (1 + np.exp(2 * coupling)) * np.tanh(first) * np.tanh(second)
    tangent = np.tanh(coupling)
    total, difference = u_first + u_second, u_second - u_first
    half_sum = np.arctan2(
        2 * tangent * np.sin(total) * np.cos(difference), rest + 2 * np.sin(total) ** 2
    )
    half_difference = np.arctan2(
        2 * tangent * np.cos(total) * np.sin(difference), rest + 2 * np.sin(difference) ** 2
    )
    return half_sum, half_difference


@dataclass(frozen=True, eq=False)
class ImaginaryTimeCircuit:
    r"""The imaginary time evolution mimicking circuits of Ising models that share their couplings.

    From the uniform superposition, a rotation of each qubit and one of each coupled pair (eqs.
    42-44). It is the evolution :math:`e^{-\tau H}` for models without couplings, and near it for
    small τ.

    Parameters
    ----------
    angles : ndarray of shape (n_models, n_qubits)
        Rotations RY of single qubits, in radians.
    pairs : ndarray of int of shape (n_pairs, 2)
        Coupled qubits (μ, ν), in the order of their gates.
    angles_of_pairs : ndarray of shape (n_models, n_pairs, 2)
        θ¹ (of Z_μ Y_ν) and θ⁰ (of Y_μ Z_ν), in radians.

    References
    ----------
    Spin-glass networks, section 5.6.

    Examples
    --------
    >>> import numpy as np
    >>> from qsklearn.circuits import ImaginaryTimeCircuit, evolve_imaginary_time
    >>> h, J = [[0.2, -0.1]], [[0.0, -0.5], [-0.5, 0.0]]
    >>> circuit = ImaginaryTimeCircuit.from_ising(h, J, 0.1)
    >>> exact = evolve_imaginary_time(h, J, 0.1)
    >>> bool((circuit.amplitudes() * exact).sum() > 0.9999)
    True
    """

    angles: np.ndarray
    pairs: np.ndarray
    angles_of_pairs: np.ndarray

    def __post_init__(self) -> None:
        angles = check_reals(self.angles, "angles", _NAME, "n_models", "n_qubits")
        n_models, n_qubits = angles.shape
        qubits = {"low": 0, "high": n_qubits}
        pairs = check_integers(self.pairs, "pairs", _NAME, "n_pairs", 2, **qubits)
        shape = (n_models, len(pairs), 2)
        rest = check_reals(self.angles_of_pairs, "angles_of_pairs", _NAME, *shape)
        for name, array in (("angles", angles), ("pairs", pairs), ("angles_of_pairs", rest)):
            object.__setattr__(self, name, array)

    @classmethod
    def from_ising(cls, h, J, imaginary_time, *, gate_order="descending"):
        """The circuits of a family of Ising models E(s) = h·s + ½ sᵀJs.

        Parameters
        ----------
        h : array-like of shape (n_models, n_qubits), or (n_qubits,)
        J : array-like or sparse matrix of shape (n_qubits, n_qubits)
            Symmetric with a zero diagonal; pairs with a zero entry get no gate.
        imaginary_time : float, or array-like of shape (n_models,)
            τ, in units of 1 / E.
        gate_order : {"descending", "ascending", "index"} or array-like, default="descending"
            Order of the pairs: by the size of their couplings, by index, or the pairs
            themselves, of shape (n_pairs, 2).

        Returns
        -------
        ImaginaryTimeCircuit

        Raises
        ------
        ValueError
            If an array does not fit, or given pairs are not the coupled ones, each once.
        """
        fields, couplings, tau = check_evolution(h, J, imaginary_time, _NAME)
        tau = tau[:, np.newaxis]
        pairs = _order_pairs(couplings, gate_order)
        first, second = pairs.T
        return cls(
            field_angles(fields, tau),
            pairs,
            pair_angles(couplings[first, second], fields[:, first], fields[:, second], tau),
        )

    @property
    def n_models(self) -> int:
        """Number of circuits."""
        return self.angles.shape[0]

    @property
    def n_qubits(self) -> int:
        """Number of qubits."""
        return self.angles.shape[1]

    @property
    def n_pairs(self) -> int:
        """Number of pairs that are rotated."""
        return len(self.pairs)

    @property
    def parameter_values(self) -> np.ndarray:
        """Angles (n_models, n_qubits + 2 n_pairs) in the order of the parameters in Qiskit."""
        return np.hstack([self.angles, self.angles_of_pairs.reshape(self.n_models, -1)])

    def amplitudes(self) -> np.ndarray:
        """Real amplitudes of all outcomes.

        Returns
        -------
        amplitudes : ndarray of shape (n_models, 2**n_qubits)
            The column is the outcome, with qubit 0 as its lowest bit.
        """
        state = product_state(self.angles)
        for at, (first, second) in enumerate(self.pairs.tolist()):
            rotate_pair(state, first, second, self.angles_of_pairs[:, at])
        return state

    def to_qiskit(self, model: int | None = None, *, measure: bool = True):
        """A circuit for Qiskit.

        Parameters
        ----------
        model : int, default=None
            Whose angles to take; None leaves them as parameters, for
            :attr:`parameter_values`.
        measure : bool, default=True
            Measure all qubits into the classical register ``meas``.

        Returns
        -------
        qiskit.QuantumCircuit
            Each pair takes two controlled-NOT gates.

        Raises
        ------
        ImportError
            If Qiskit is not installed.
        """
        from qsklearn.circuits._assembly import assemble

        measure = check_flag(measure, "measure", f"{_NAME}.to_qiskit")
        if model is not None:
            model = check_integer(model, "model", f"{_NAME}.to_qiskit", 0, self.n_models)
        circuit = assemble(self.n_qubits, self.pairs, measure=measure)
        return circuit if model is None else circuit.assign_parameters(self.parameter_values[model])


def _order_pairs(couplings: np.ndarray, gate_order) -> np.ndarray:
    pairs = np.argwhere(np.triu(couplings, 1))
    if isinstance(gate_order, str):
        if gate_order not in GATE_ORDERS:
            raise ValueError(
                f"The 'gate_order' parameter must be one of {GATE_ORDERS} or an array of pairs. "
                f"Got {gate_order!r} instead."
            )
        if gate_order == "index":
            return pairs
        sizes = np.abs(couplings[pairs[:, 0], pairs[:, 1]])
        return pairs[np.argsort(-sizes if gate_order == "descending" else sizes, kind="stable")]
    check_reals(gate_order, "gate_order", _NAME)
    given = np.asarray(gate_order)
    fits = given.ndim == 2 and given.shape[1] == 2 and np.issubdtype(given.dtype, np.integer)
    if not fits or sorted(map(sorted, given.tolist())) != pairs.tolist():
        raise ValueError(
            f"The 'gate_order' parameter must name each of the {len(pairs)} coupled pairs once, in "
            f"an array of integers of shape ({len(pairs)}, 2). Got an array of shape {given.shape} "
            "instead, or other pairs."
        )
    return given
