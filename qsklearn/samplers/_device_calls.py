"""Calls of a structured device: gauges, limits on reads, and back from qubits to spins."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import dimod
import numpy as np

from qsklearn._optional import import_optional
from qsklearn.samplers._embedded_program import Program
from qsklearn.samplers._layout import Layout
from qsklearn.samplers._one_by_one import unfold
from qsklearn.samplers._program_ranges import ProgramRanges
from qsklearn.samplers._qpu_timing import estimate_access_time, largest_num_reads

CHAIN_BREAK_METHODS = ("majority_vote", "weighted_random", "discard")
_MAX_SEED = 2**31


def device_properties(sampler) -> Mapping[str, Any]:
    """What a device says of itself, also from beneath composites that pass on its graph."""
    properties = getattr(sampler, "properties", {})
    while "h_range" not in properties and "child_properties" in properties:
        properties = properties["child_properties"]
    return properties


class DeviceCalls:
    """Runs programs on a device and keeps account of it.

    Parameters
    ----------
    sampler : structured dimod.Sampler
    params : dict
        Arguments of each call.
    ranges : ProgramRanges
    chain_break_method : str
        How a spin is read from its chain: by the functions of ``dwave.embedding.chain_breaks``, but
        for ``"weighted_random"``, which takes a random qubit of each chain in each read.
    num_spin_reversal_transforms : int
        Gauges, among which reads are divided; 0 for none.
    offsets : object with dicts ``h`` and ``J``, or None
        Known static errors of qubits and couplers, taken off each program.

    Attributes
    ----------
    num_calls : int
    info : dict
        Times, added up, in microseconds, also of answers that were of no use; ``num_calls``;
        ``num_queries``, which counts calls that were sent again, and ``num_faults``, those that
        failed; the fraction of broken chains.
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
        self._n_queries = self._n_faults = 0
        self._n_broken = self._n_chains = 0

    @classmethod
    def of_settings(cls, sampler: dimod.Sampler, ranges: ProgramRanges, settings) -> DeviceCalls:
        """By the settings of EmbeddedSampler, under its names."""
        return cls(
            sampler,
            settings.params,
            ranges,
            settings.chain_break_method,
            settings.num_spin_reversal_transforms,
            settings.offsets,
        )

    @property
    def info(self) -> dict[str, Any]:
        """What the calls so far cost and how they went."""
        fraction = self._n_broken / max(self._n_chains, 1)
        return {
            **self._times,
            "num_calls": self.num_calls,
            "num_queries": self._n_queries,
            "num_faults": self._n_faults,
            "chain_break_fraction": fraction,
        }

    def draw(
        self, programs: list[Program], num_reads: int, seed, starts: np.ndarray | None = None
    ) -> list[np.ndarray]:
        """Spins (n_reads, n_spins) of each program, which share a call.

        As many reads as asked for, or fewer where broken chains were discarded or the device
        returned fewer. ``seed`` is what ``numpy.random.default_rng`` takes; ``starts``, the states
        (n_programs, n_spins) that a reverse anneal starts from.
        """
        whole = _Whole(programs)
        rng = np.random.default_rng(seed)
        parts: list[list[np.ndarray]] = [[] for _ in programs]
        for reads in self.split(num_reads, len(whole.qubits)):
            # Chains turn as wholes: a device's couplings reach further down than up.
            gauge = np.ones(whole.n_spins, np.int8)
            if self.num_gauges:
                gauge = rng.choice(np.array([-1, 1], np.int8), whole.n_spins)
            bqm = self._write(whole, gauge[whole.spin_of])
            call_seed = int(rng.integers(_MAX_SEED))
            start = None if starts is None else (starts.ravel() * gauge)[whole.spin_of]
            states = self._call(bqm, whole.qubits, reads, call_seed, start)
            for part, program, (qubits, spins) in zip(parts, programs, whole.places, strict=True):
                part.append(self._unembed(states[:, qubits], program.layout, rng) * gauge[spins])
        return [np.concatenate(part) for part in parts]

    def split(self, num_reads: int, n_qubits: int) -> Iterator[int]:
        """Reads of each call: by gauges, and below the device's limits."""
        limit = largest_num_reads(device_properties(self.sampler), n_qubits, **self.params)
        n_calls = min(max(self.num_gauges, -(-num_reads // limit), 1), num_reads)
        fewest, more = divmod(num_reads, n_calls)
        yield from itertools.repeat(fewest + 1, more)
        yield from itertools.repeat(fewest, n_calls - more)

    def access_time(self, num_reads: int, n_qubits: int) -> float:
        """Microseconds of QPU access time that a call will take; 0 where nothing is known."""
        if hasattr(self.sampler, "estimate_access_time"):
            return self.sampler.estimate_access_time(n_qubits, num_reads, **self.params)
        return estimate_access_time(
            device_properties(self.sampler), n_qubits, num_reads, **self.params
        )

    def _write(self, whole: _Whole, gauge: np.ndarray) -> dimod.BinaryQuadraticModel:
        """The programs in a gauge (n_qubits,), less the device's offsets, which know of none."""
        ends = gauge[whole.edges]
        fields, couplings = whole.fields * gauge, whole.couplings * ends[:, 0] * ends[:, 1]
        if self.offsets is not None:
            fields, couplings = self._take_off_offsets(whole, fields, couplings)
        return dimod.BinaryQuadraticModel.from_numpy_vectors(
            fields,
            (whole.edges[:, 0], whole.edges[:, 1], couplings),
            0.0,
            dimod.SPIN,
            variable_order=whole.qubits,
        )

    def _call(self, bqm, qubits: list[int], num_reads: int, seed: int, start=None) -> np.ndarray:
        declared = self.sampler.parameters
        # A device would scale a program to fill its ranges, and so change its temperature.
        wanted = {"num_reads": num_reads, "answer_mode": "raw", "auto_scale": False, "seed": seed}
        if start is not None:
            wanted["initial_state"] = dict(zip(qubits, start.tolist(), strict=True))
            wanted["reinitialize_state"] = True
        arguments = {name: value for name, value in wanted.items() if name in declared}
        self.num_calls += 1
        try:
            sampleset = self.sampler.sample(bqm, **{**arguments, **self.params})
        except ValueError:  # it was refused
            raise
        except Exception as error:
            n_faults = getattr(error, "num_faults", 1)
            self._n_queries += n_faults
            self._n_faults += n_faults
            self._add_times(getattr(error, "timing", {}))
            raise
        self._n_queries += sampleset.info.get("num_queries", 1)
        self._n_faults += sampleset.info.get("num_faults", 0)
        self._add_times(sampleset.info.get("timing", {}))
        self._add_times(sampleset.info.get("wasted_timing", {}))
        try:
            return unfold(sampleset, qubits, type(self.sampler).__name__)
        except ValueError as error:  # the device's fault, not an argument's
            self._n_faults += 1
            raise RuntimeError(str(error)) from error

    def _add_times(self, timing: Mapping[str, Any]) -> None:
        for name, value in timing.items():
            if name.startswith("qpu_") and not name.endswith("_per_sample"):
                self._times[name] = self._times.get(name, 0.0) + float(value)

    def _unembed(self, states: np.ndarray, layout: Layout, rng) -> np.ndarray:
        """Spins of chains by the method; qubits that are spins are taken as they are."""
        chains = layout.chains
        self._n_chains += len(states) * layout.n_spins
        spins = np.empty((len(states), layout.n_spins), np.int8)
        spins[:, layout.spin_of] = states
        if not chains:
            return spins
        self._n_broken += int(self.chain_breaks.broken_chains(states, chains).sum())
        if self.chain_break_method == "weighted_random":
            # The library's takes the same qubit in all reads, by a generator that is not ours.
            return _pick_qubits(states, layout, rng)
        vote, rows = getattr(self.chain_breaks, self.chain_break_method)(states, chains)
        spins = spins[rows]
        spins[:, [layout.spin_of[chain[0]] for chain in chains]] = vote
        return spins

    def _take_off_offsets(self, whole: _Whole, fields, couplings) -> tuple[np.ndarray, np.ndarray]:
        known = self.offsets
        fields = fields - [_known(known.h, qubit) for qubit in whole.qubits]
        ends = np.asarray(whole.qubits)[whole.edges].tolist()
        couplings = couplings - [
            _known(known.J, (a, b) if (a, b) in known.J else (b, a)) for a, b in ends
        ]
        return self.ranges.clip(fields, couplings, whole.groups, whole.is_chain)


class _Whole:
    """Programs on different qubits as one."""

    def __init__(self, programs: list[Program]):
        layouts = [program.layout for program in programs]
        qubits = np.cumsum([0, *(len(layout.qubits) for layout in layouts)])
        spins = np.cumsum([0, *(layout.n_spins for layout in layouts)])
        self.places = [
            (slice(*qubits[at : at + 2]), slice(*spins[at : at + 2])) for at in range(len(programs))
        ]
        self.n_spins = int(spins[-1])
        self.qubits = np.concatenate([layout.qubits for layout in layouts]).tolist()
        self.fields = np.concatenate([program.fields for program in programs])
        self.couplings = np.concatenate([program.couplings for program in programs])
        self.is_chain = np.concatenate([layout.is_chain for layout in layouts])
        starts = list(zip(layouts, qubits[:-1], spins[:-1], strict=True))
        self.spin_of = np.concatenate([layout.spin_of + spin for layout, _, spin in starts])
        self.edges = np.concatenate([layout.edges + qubit for layout, qubit, _ in starts])
        # Qubit q has the groups q, or 2 q and 2 q + 1.
        self.groups = np.concatenate([layout.groups + 2 * qubit for layout, qubit, _ in starts])


def _pick_qubits(states: np.ndarray, layout: Layout, rng: np.random.Generator) -> np.ndarray:
    """A random qubit of each chain, anew in each read."""
    lengths = layout.chain_lengths
    firsts = np.cumsum(lengths) - lengths
    shape = (len(states), layout.n_spins)
    return np.take_along_axis(states, firsts + rng.integers(lengths, size=shape), axis=1)


def _known(offsets: dict, key) -> float:
    """An offset, 0 for what is not known of: a qubit that never turned, say."""
    return float(np.nan_to_num(offsets.get(key, 0.0)))
