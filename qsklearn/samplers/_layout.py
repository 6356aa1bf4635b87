"""Where a model's spins and couplings are on a device: the way there, and back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from qsklearn.samplers._program_ranges import total_couplings


@dataclass(frozen=True, eq=False)
class Layout:
    """Chains of qubits, and the couplers within and between them.

    A spin's field is shared evenly by the qubits of its chain, a coupling by the couplers between
    two chains, as D-Wave's ``embed_bqm`` does it.

    Attributes
    ----------
    qubits : ndarray of shape (n_qubits,)
        Labels on the device.
    spin_of : ndarray of shape (n_qubits,)
        The spin that each qubit stands for.
    edges : ndarray of shape (n_couplers, 2)
        Couplers used, as places in ``qubits``.
    groups : ndarray of shape (n_couplers, 2)
        The sums of couplings, limited by the device, in which its ends count.
    coupling_of : ndarray of shape (n_couplers,)
        The coupling that each coupler shares, -1 within a chain.
    n_spins, n_couplings : int
    """

    qubits: np.ndarray
    spin_of: np.ndarray
    edges: np.ndarray
    groups: np.ndarray
    coupling_of: np.ndarray
    n_spins: int
    n_couplings: int

    @classmethod
    def of_chains(cls, chains, couplings: np.ndarray, couplers: np.ndarray, halves=None) -> Layout:
        """The layout of a model's graph on chains.

        Parameters
        ----------
        chains : sequence of sequences of int
            Qubits of each spin.
        couplings : ndarray of int of shape (n_couplings, 2)
            Pairs (i, j) of spins with i < j, in lexical order.
        couplers : ndarray of int of shape (n_device_couplers, 2)
            All couplers of the device, as labels of qubits.
        halves : ndarray of int of shape (n_device_couplers, 2), optional
            The half of each of its qubits that a coupler is on, where sums count by halves.
        """
        n_spins = len(chains)
        qubits = np.concatenate([np.asarray(chain, int) for chain in chains])
        spin_of = np.repeat(np.arange(n_spins), [len(chain) for chain in chains])
        place = np.full(max(couplers.max(initial=0), qubits.max(initial=0)) + 1, -1)
        place[qubits] = np.arange(len(qubits))
        edges = place[couplers]
        on_chains = (edges >= 0).all(axis=1)
        edges = edges[on_chains]
        groups = edges if halves is None else 2 * edges + halves[on_chains]
        ends = np.sort(spin_of[edges], axis=1)
        is_chain = ends[:, 0] == ends[:, 1]
        keys = couplings[:, 0] * n_spins + couplings[:, 1]
        wanted = ends[:, 0] * n_spins + ends[:, 1]
        used = is_chain | np.isin(wanted, keys)
        coupling_of = np.where(is_chain, -1, np.searchsorted(keys, wanted))[used]
        return cls(qubits, spin_of, edges[used], groups[used], coupling_of, n_spins, len(couplings))

    @cached_property
    def is_chain(self) -> np.ndarray:
        """Which couplers lie within a chain."""
        return self.coupling_of < 0

    @cached_property
    def chains(self) -> list[np.ndarray]:
        """Places in ``qubits`` of the qubits of each spin whose chain is longer than one."""
        places = np.split(np.arange(len(self.qubits)), np.cumsum(self.chain_lengths)[:-1])
        return [chain for chain in places if len(chain) > 1]

    @cached_property
    def chain_lengths(self) -> np.ndarray:
        return np.bincount(self.spin_of, minlength=self.n_spins)

    @cached_property
    def n_shares(self) -> np.ndarray:
        """Couplers that share each coupling."""
        return np.bincount(self.coupling_of[~self.is_chain], minlength=self.n_couplings)

    def embed(self, fields: np.ndarray, couplings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A model's fields and couplings as a program's; couplers within chains get none."""
        shared = couplings / self.n_shares
        on_couplers = np.zeros(len(self.edges))
        on_couplers[~self.is_chain] = shared[self.coupling_of[~self.is_chain]]
        return (fields / self.chain_lengths)[self.spin_of], on_couplers

    def contract(self, fields: np.ndarray, couplings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The model that a program is, where no chain breaks."""
        is_free = ~self.is_chain
        return (
            np.bincount(self.spin_of, fields, self.n_spins),
            np.bincount(self.coupling_of[is_free], couplings[is_free], self.n_couplings),
        )

    def strongest_chain(self, couplings: np.ndarray, ranges) -> float:
        """The strongest coupling within chains that ranges leave beside a program's couplings.

        Where the device has no ranges, one that outweighs all else that pulls at a qubit.
        """
        if not self.is_chain.any():
            return 0.0
        n_ties = total_couplings(self.is_chain.astype(float), self.groups)
        tied = n_ties > 0
        others = total_couplings(np.where(self.is_chain, 0.0, couplings), self.groups)
        room = (others[tied] - ranges.total_couplings[0]) / n_ties[tied]
        strength = min(-ranges.couplings[0], room.min())
        if np.isfinite(strength):
            return max(float(strength), 0.0)
        pulls = total_couplings(np.abs(np.where(self.is_chain, 0.0, couplings)), self.groups)
        return 1.0 + float(pulls.max())
