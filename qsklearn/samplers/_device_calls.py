"""Calls of a structured device: gauges, limits on reads, and back from qubits to spins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dimod
import numpy as np

from qsklearn._optional import import_optional
from qsklearn.samplers._embedded_program import Program
from qsklearn.samplers._one_by_one import unfold
from qsklearn.samplers._program_ranges import ProgramRanges
from qsklearn.samplers._qpu_timing import largest_num_reads

CHAIN_BREAK_METHODS = ("majority_vote", "weighted_random", "discard")
_MAX_SEED = 2**31


class DeviceCalls:
    """Runs programs on a device and keeps account of it.

    Parameters
    ----------
    sampler : structured dimod.Sampler
    params : dict
        Arguments of each call.
    ranges : ProgramRanges
    chain_break_method : str
        The function of ``dwave.embedding.chain_breaks`` that reads a spin from its chain.
    num_spin_reversal_transforms : int
        Gauges, among which reads are divided; 0 for none.
    offsets : object with dicts ``h`` and ``J``, or None
        Known static errors of qubits and couplers, taken off each program.

    Attributes
    ----------
    num_calls : int
    info : dict
        Times, added up, in microseconds; the fraction of broken chains.
    """

    def __init__(
        self,
        sampler: dimod.Sampler,
        params: dict[str, Any],
        ranges: ProgramRanges,
        chain_break_method: str,
        num_spin_reversal_transforms: int,
        offsets: Any,
    ):
        self.sampler = sampler
        self.params = params
        self.ranges = ranges
        self.chain_breaks = import_optional("dwave.embedding.chain_breaks", "EmbeddedSampler")
        self.chain_break_method = chain_break_method
        self.num_gauges = num_spin_reversal_transforms
        self.offsets = offsets
        self.num_calls = 0
        self._times: dict[str, float] = {}
        self._n_broken = self._n_chains = 0

    @property
    def info(self) -> dict[str, Any]:
        """What the calls so far cost and how they went."""
        fraction = self._n_broken / max(self._n_chains, 1)
        return {**self._times, "num_calls": self.num_calls, "chain_break_fraction": fraction}

    def draw(self, programs: list[Program], num_reads: int, seed: int) -> list[np.ndarray]:
        """Spins (n_reads, n_spins) of each program, which share a call.

        As many reads as asked for, or fewer where chains broke or the device lost reads.
        """
        whole = _Whole(programs)
        fields, couplings = self._take_off_offsets(whole)
        parts: list[list[np.ndarray]] = [[] for _ in programs]
        rng = np.random.default_rng(seed)
        for reads in self._split(num_reads, len(whole.qubits)):
            gauge = np.ones(len(whole.qubits))
            if self.num_gauges:
                gauge = rng.choice([-1.0, 1.0], len(gauge))
            ends = gauge[whole.edges]
            bqm = dimod.BinaryQuadraticModel.from_numpy_vectors(
                fields * gauge,
                (whole.edges[:, 0], whole.edges[:, 1], couplings * ends[:, 0] * ends[:, 1]),
                0.0,
                dimod.SPIN,
                variable_order=whole.qubits,
            )
            states = self._call(bqm, whole.qubits, reads, int(rng.integers(_MAX_SEED)))
            states = (states * gauge).astype(np.int8)
            for part, program, places in zip(parts, programs, whole.places, strict=True):
                part.append(self._unembed(states[:, places], program))
        return [np.concatenate(part) for part in parts]

    def _split(self, num_reads: int, n_qubits: int) -> Iterator[int]:
        """Reads of each call: by gauges, and below the device's limits."""
        limit = largest_num_reads(getattr(self.sampler, "properties", {}), n_qubits, **self.params)
        n_calls = max(self.num_gauges, -(-num_reads // limit), 1)
        n_calls = min(n_calls, num_reads)
        edges = np.linspace(0, num_reads, n_calls + 1).astype(int)
        yield from np.diff(edges).tolist()

    def _call(self, bqm, qubits: list[int], num_reads: int, seed: int) -> np.ndarray:
        declared = self.sampler.parameters
        # A device would scale a program to fill its ranges, and so change its temperature.
        wanted = {"num_reads": num_reads, "answer_mode": "raw", "auto_scale": False, "seed": seed}
        arguments = {name: value for name, value in wanted.items() if name in declared}
        self.num_calls += 1
        sampleset = self.sampler.sample(bqm, **{**arguments, **self.params})
        for name, value in sampleset.info.get("timing", {}).items():
            if name.startswith("qpu_") and not name.endswith("_per_sample"):
                self._times[name] = self._times.get(name, 0.0) + float(value)
        return unfold(sampleset, qubits, type(self.sampler).__name__)

    def _unembed(self, states: np.ndarray, program: Program) -> np.ndarray:
        """Spins of chains by the method; qubits that are spins are taken as they are."""
        layout = program.layout
        chains = layout.chains
        self._n_chains += len(states) * layout.n_spins
        spins = np.empty((len(states), layout.n_spins), np.int8)
        spins[:, layout.spin_of] = states
        if not chains:
            return spins
        self._n_broken += int(self.chain_breaks.broken_chains(states, chains).sum())
        vote, rows = getattr(self.chain_breaks, self.chain_break_method)(states, chains)
        spins = spins[rows]
        spins[:, [layout.spin_of[chain[0]] for chain in chains]] = vote
        return spins

    def _take_off_offsets(self, whole: _Whole) -> tuple[np.ndarray, np.ndarray]:
        if self.offsets is None:
            return whole.fields, whole.couplings
        fields = whole.fields - [_known(self.offsets.h, qubit) for qubit in whole.qubits]
        ends = np.asarray(whole.qubits)[whole.edges].tolist()
        couplings = whole.couplings - [
            _known(self.offsets.J, (a, b) if (a, b) in self.offsets.J else (b, a)) for a, b in ends
        ]
        return np.clip(fields, *self.ranges.fields), np.clip(couplings, *self.ranges.couplings)


class _Whole:
    """Programs on different qubits as one."""

    def __init__(self, programs: list[Program]):
        counts = [len(program.fields) for program in programs]
        starts = np.cumsum([0, *counts])
        self.places = [slice(*pair) for pair in zip(starts[:-1], starts[1:], strict=True)]
        self.qubits = np.concatenate([program.layout.qubits for program in programs]).tolist()
        self.fields = np.concatenate([program.fields for program in programs])
        self.couplings = np.concatenate([program.couplings for program in programs])
        self.edges = np.concatenate(
            [
                program.layout.edges + start
                for program, start in zip(programs, starts[:-1], strict=True)
            ]
        )


def _known(offsets: dict, key) -> float:
    """An offset, 0 for what is not known of: a qubit that never turned, say."""
    return float(np.nan_to_num(offsets.get(key, 0.0)))
