"""The binary network: which qubit holds which weight or connection, and what a setting computes."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np

from qsklearn._checks import check_flag, check_integers
from qsklearn._kernels import _binary_network as kernels
from qsklearn.circuits._bit_strings import bytes_of_indices, spins_of_bytes

_ABSENT = {
    "nothing": kernels.ABSENT_NOTHING,
    "nothing_or_off": kernels.ABSENT_OR_OFF,
    "against": kernels.ABSENT_AGAINST,
}
MOST_UNIT_QUBITS = 62  # places of settings are 64-bit integers
MOST_UNITS = 100_000
_SIGNS: dict[str, Any] = {"low": -1, "high": 2, "dtype": np.int8}


@dataclass(frozen=True)
class BinaryNetwork:
    r"""A layer of majority units and a majority of them, with weights of ±1.

    On inputs :math:`x_j = \pm 1`, with sign(0) = +1,

    .. math:: f(x) = \mathrm{sign}\Big( \sum_h v_h \, \mathrm{sign}\Big( \sum_j w_{hj} x_j \Big)
        \Big).

    A setting of all weights is a state of qubits, 1 for +1, and its number has qubit 0 as its
    lowest bit. Qubits lie unit by unit: the weights w of the inputs (and of the constant input),
    whether each input is connected (where connections are searched), the output weight v.

    Parameters
    ----------
    n_inputs : int
    n_hidden : int
        Units.
    fit_bias : bool, default=False
        Whether each unit has a further input that is always +1, and always connected.
    search_connections : bool, default=False
        Whether each input of each unit has a qubit that says whether it is connected.
    absent : {"nothing", "nothing_or_off", "against"}, default="nothing"
        What an absent connection does: it counts for nothing in the sum; the same, but a unit
        without any connection is -1; or it adds -1, as in a circuit that leaves its qubit at 0.
    output_weights : bool, default=True
        Whether there are output weights v; else they are all +1.

    Raises
    ------
    ValueError
        If a size is below 1, or a unit has more than 62 qubits.

    References
    ----------
    Fawaz, A. et al. Training and meta-training binary neural networks with quantum computing. KDD
    (2019), sections 4.3 and 5.1.

    Examples
    --------
    >>> from qsklearn.circuits import BinaryNetwork
    >>> network = BinaryNetwork(3, 2)
    >>> network.n_qubits, network.n_states
    (8, 256)
    >>> hidden_weights, output_weights = network.unpack(network.spins([0b0111_1111]))
    >>> hidden_weights[0].tolist(), output_weights[0].tolist()
    ([[1, 1, 1], [1, 1, 1]], [1, -1])
    >>> network.outputs(network.spins([255]), [[1, 1, -1], [-1, -1, 1]])
    array([[ 1, -1]], dtype=int8)
    """

    n_inputs: int
    n_hidden: int
    fit_bias: bool = False
    search_connections: bool = False
    absent: str = "nothing"
    output_weights: bool = True

    def __post_init__(self) -> None:
        for name in ("n_inputs", "n_hidden"):
            size = getattr(self, name)
            is_int = isinstance(size, Integral) and not isinstance(size, bool)
            if not is_int or size < 1:
                raise ValueError(
                    f"The '{name}' parameter of BinaryNetwork must be an int >= 1. Got "
                    f"{size!r} instead."
                )
            if size > MOST_UNITS:  # whose number of settings Python would compute
                raise ValueError(
                    f"The '{name}' parameter of BinaryNetwork must be at most {MOST_UNITS}. Got "
                    f"{size!r} instead."
                )
            object.__setattr__(self, name, int(size))  # of any type of NumPy
        for name in ("fit_bias", "search_connections", "output_weights"):
            flag = check_flag(getattr(self, name), name, "BinaryNetwork")
            object.__setattr__(self, name, flag)  # counts with one of NumPy's would be NumPy's
        if not isinstance(self.absent, str) or self.absent not in _ABSENT:
            raise ValueError(
                f"The 'absent' parameter of BinaryNetwork must be one of {list(_ABSENT)}. Got "
                f"{self.absent!r} instead."
            )
        if self.n_unit_qubits > MOST_UNIT_QUBITS:
            raise ValueError(
                f"A unit of BinaryNetwork must have at most {MOST_UNIT_QUBITS} qubits. "
                f"{self.n_inputs} inputs make {self.n_unit_qubits}; use fewer inputs."
            )

    @property
    def n_links(self) -> int:
        """Inputs of a unit, the constant one included."""
        return self.n_inputs + self.fit_bias

    @property
    def n_maskable(self) -> int:
        """Inputs of a unit that may be absent."""
        return self.n_inputs if self.search_connections else 0

    @property
    def n_unit_qubits(self) -> int:
        """Qubits of a unit: its weights, connections and output weight."""
        return self.n_links + self.n_maskable + self.output_weights

    @property
    def n_qubits(self) -> int:
        """Qubits of all units."""
        return self.n_hidden * self.n_unit_qubits

    @property
    def n_states(self) -> int:
        """Number of settings, 2**n_qubits."""
        return 2**self.n_qubits

    @property
    def absent_code(self) -> int:
        """The rule of absent connections as kernels number it."""
        return _ABSENT[self.absent]

    def spins(self, states) -> np.ndarray:
        """Settings by their numbers.

        Parameters
        ----------
        states : array-like of int of shape (n_settings,)
            Below ``n_states``, of networks of at most 62 qubits.

        Returns
        -------
        spins : ndarray of shape (n_settings, n_qubits), int8
        """
        return self._spins_of(states, self.n_qubits)

    def unit_spins(self, states) -> np.ndarray:
        """Settings of one unit by their numbers.

        Parameters
        ----------
        states : array-like of int of shape (n_settings,)

        Returns
        -------
        spins : ndarray of shape (n_settings, n_unit_qubits), int8
        """
        return self._spins_of(states, self.n_unit_qubits)

    def _spins_of(self, states, n_qubits: int) -> np.ndarray:
        limits = {"low": 0, "high": 2 ** min(n_qubits, 63)}
        places = check_integers(states, "states", "BinaryNetwork", "n_settings", **limits)
        return spins_of_bytes(bytes_of_indices(places), n_qubits)

    def unpack(self, spins) -> tuple[np.ndarray, np.ndarray]:
        """Weights of settings.

        Parameters
        ----------
        spins : array-like of shape (n_settings, n_qubits)

        Returns
        -------
        hidden_weights : ndarray of shape (n_settings, n_hidden, n_links), int8
            ±1, or 0 for a connection that is absent. The last one is the constant input's, if any.
        output_weights : ndarray of shape (n_settings, n_hidden), int8
        """
        shape = ("n_settings", self.n_qubits)
        units = check_integers(spins, "spins", "BinaryNetwork", *shape, **_SIGNS)
        units = units.reshape(len(units), self.n_hidden, self.n_unit_qubits)
        hidden = units[:, :, : self.n_links].copy()
        hidden[:, :, : self.n_maskable] *= units[:, :, self.n_links :][:, :, : self.n_maskable] > 0
        output = units[:, :, -1] if self.output_weights else np.ones_like(units[:, :, 0])
        return hidden, output.copy()

    def votes(self, spins, inputs) -> np.ndarray:
        """Sums of the hidden units times their output weights.

        Parameters
        ----------
        spins : array-like of shape (n_settings, n_qubits)
        inputs : array-like of shape (n_samples, n_inputs)
            ±1.

        Returns
        -------
        votes : ndarray of shape (n_settings, n_samples), int16
            Between -n_hidden and n_hidden; the output is their sign.
        """
        hidden, output = self.unpack(spins)
        shape = ("n_samples", self.n_inputs)
        links = check_integers(inputs, "inputs", "BinaryNetwork", *shape, **_SIGNS)
        links = links.astype(np.float32)
        if self.fit_bias:
            links = np.column_stack([links, np.ones(len(links), np.float32)])
        weights = hidden.astype(np.float32)
        sums = weights @ links.T  # of small integers: exact
        present = (hidden != 0).sum(axis=2, keepdims=True)
        if self.absent == "against":
            sums -= self.n_links - present
        active = sums >= 0
        if self.absent == "nothing_or_off":
            active &= present > 0
        signed = np.where(active, output[:, :, np.newaxis], -output[:, :, np.newaxis])
        return signed.sum(axis=1, dtype=np.int16)

    def outputs(self, spins, inputs) -> np.ndarray:
        """Outputs of networks.

        Parameters
        ----------
        spins : array-like of shape (n_settings, n_qubits)
        inputs : array-like of shape (n_samples, n_inputs)
            ±1.

        Returns
        -------
        outputs : ndarray of shape (n_settings, n_samples), int8
            ±1.
        """
        return np.where(self.votes(spins, inputs) >= 0, 1, -1).astype(np.int8)
