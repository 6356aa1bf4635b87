"""A device of fixed structure as a sampler of any model."""

from __future__ import annotations

import warnings
from types import SimpleNamespace
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.base import BaseEstimator, clone

from qsklearn._optional import import_optional
from qsklearn._sklearn import Integral, Interval, Real, StrOptions, validate_parameter_constraints
from qsklearn.samplers._base import BETA, COUNT, SEED_CONSTRAINTS, ArraySampler
from qsklearn.samplers._device_calls import CHAIN_BREAK_METHODS, DeviceCalls
from qsklearn.samplers._embedded_program import Problem, Program, Programmer
from qsklearn.samplers._embeddings import (
    Embedding,
    check_embedding,
    find_embedding,
    find_parallel_embeddings,
)
from qsklearn.samplers._layout import Layout
from qsklearn.samplers._models import SpinModels
from qsklearn.samplers._pickling import make_picklable
from qsklearn.samplers._program_ranges import ProgramRanges, halves_of_couplers
from qsklearn.samplers._qpu_profiles import typical_beta
from qsklearn.samplers._seeds import make_call_seeds
from qsklearn.samplers._target_graph import Target, as_target, working_graph
from qsklearn.samplers._temperature import estimate_beta, match_moments

_NAME = "EmbeddedSampler"
_MAX_ROUNDS = 20
_CHAIN_STRENGTHS = {"uniform_torque_compensation", "scaled"}


class EmbeddedSampler(ArraySampler):
    """Samples any model on a device that takes only its own graph.

    Chains of qubits stand for spins (found once and kept on disk), biases are fitted to the
    device's ranges, small models share a call, reads are split where the device's limits ask for
    it, and the inverse temperature of the draws is estimated from them. A model whose variables are
    qubits, and whose interactions are couplers, is programmed as it is.

    Parameters
    ----------
    sampler : structured dimod.Sampler
        With ``nodelist`` and ``edgelist``: :class:`MockQPUSampler`, dwave-system's
        ``DWaveSampler``, any other.
    params : dict, optional
        Arguments of each of its calls, for example ``{"annealing_time": 20}``.
    num_reads : int, default=100
    scaling : {"auto", "clip", "scale", "raise"}, default="auto"
        What becomes of a model that exceeds the device's ranges. ``"clip"`` moves the biases that
        do to the edge and leaves the temperature, ``"scale"`` multiplies all energies by one
        factor, and so raises it, ``"raise"`` refuses. ``"auto"`` clips draws at a temperature and
        scales a search. What was done is in ``info``, with a warning for what was clipped.
    chain_strength : float, str or callable, optional
        The coupling within chains, in the model's units: a number, dwave-system's
        ``"uniform_torque_compensation"`` or ``"scaled"``, or a callable of a BQM and an embedding.
        None takes for draws at a temperature the strongest that the device has, which breaks the
        fewest chains, and for a search ``"uniform_torque_compensation"``.
    chain_break_method : {"majority_vote", "weighted_random", "discard"}, default="majority_vote"
        How a broken chain is read; ``"discard"`` drops the read and draws again.
    num_spin_reversal_transforms : int, default=0
        Random gauges, among which reads are divided, so that errors of fixed sign average out. Each
        is a call.
    embedding : dict, optional
        Chains to use: from each variable, or place in the array door, to its qubits.
    embedding_method : str, default="auto"
        As in ``find_embedding``.
    max_parallel : int, optional
        Models of a family that may share a call; by default as many as fit. 1 for none.
    temperature_method : {"pseudo-likelihood", "moment-matching"}, default="pseudo-likelihood"
        As in :func:`estimate_effective_beta`.
    offsets : StaticOffsets, optional
        Static errors of the device, as from :func:`estimate_static_offsets`, to be compensated.
    seed : int, optional
        Of gauges, of what the device draws if it has a seed, and of embeddings.

    See Also
    --------
    MockQPUSampler, DimodSampler

    Examples
    --------
    A triangle, which no Chimera graph contains:

    >>> from qsklearn.samplers import EmbeddedSampler, MockQPUSampler
    >>> device = MockQPUSampler("ideal", topology_type="chimera", topology_shape=[2, 2, 4])
    >>> sampler = EmbeddedSampler(device, seed=0)
    >>> triangle = {("a", "b"): -0.2, ("b", "c"): -0.2, ("a", "c"): -0.2}
    >>> answer = sampler.sample_ising({}, triangle, beta=1.0, num_reads=500)
    >>> sorted(answer.variables), answer.info["clipped_fraction"]
    (['a', 'b', 'c'], 0.0)
    >>> bool(abs(answer.info["beta_eff"] - 6.1) < 3 * answer.info["beta_eff_stderr"])
    True
    """

    _parameter_constraints = {
        "num_reads": [COUNT],
        "beta": [BETA, None],
        "params": [dict, None],
        "scaling": [StrOptions({"auto", "clip", "scale", "raise"})],
        "chain_strength": [
            Interval(Real, 0, None, closed="neither"),
            StrOptions(_CHAIN_STRENGTHS),
            callable,
            None,
        ],
        "chain_break_method": [StrOptions(set(CHAIN_BREAK_METHODS))],
        "num_spin_reversal_transforms": [Interval(Integral, 0, None, closed="left")],
        "embedding": [dict, None],
        "embedding_method": [str],
        "max_parallel": [COUNT, None],
        "temperature_method": [StrOptions({"pseudo-likelihood", "moment-matching"})],
        "offsets": "no_validation",
        "seed": SEED_CONSTRAINTS,
    }

    def __init__(
        self,
        sampler,
        params=None,
        *,
        num_reads=100,
        scaling="auto",
        chain_strength=None,
        chain_break_method="majority_vote",
        num_spin_reversal_transforms=0,
        embedding=None,
        embedding_method="auto",
        max_parallel=None,
        temperature_method="pseudo-likelihood",
        offsets=None,
        seed=None,
    ):
        self.sampler = sampler
        self.params = params
        self.num_reads = num_reads
        self.scaling = scaling
        self.chain_strength = chain_strength
        self.chain_break_method = chain_break_method
        self.num_spin_reversal_transforms = num_spin_reversal_transforms
        self.embedding = embedding
        self.embedding_method = embedding_method
        self.max_parallel = max_parallel
        self.temperature_method = temperature_method
        self.offsets = offsets
        self.seed = seed

    def __sklearn_clone__(self):
        # A device, with its connection, is kept; a parameter object of ours is cloned.
        own = {name: value for name, value in self.get_params(deep=False).items()}
        if isinstance(self.sampler, BaseEstimator):
            own["sampler"] = clone(self.sampler)
        return EmbeddedSampler(**own)

    def __getstate__(self):
        state = dict(super().__getstate__())
        state.pop("_device", None)
        state.pop("_arrangement", None)
        state["sampler"] = make_picklable(self.sampler, _NAME)
        return state

    @property
    def parameters(self) -> dict[str, list[str]]:
        """Keywords of ``sample``. ``beta``, which no device can set, is none of them."""
        names = set(self._parameter_constraints) - {"beta"}
        return {name: [] for name in sorted(names | set(self.sampler.parameters))}

    @property
    def properties(self) -> dict[str, Any]:
        """The intents, and ``beta_eff_prior`` where the device's kind is known."""
        properties = dict(super().properties)
        given = getattr(self.sampler, "properties", {})
        prior = given.get("beta_eff_prior") or typical_beta(given)
        if prior is not None:
            properties["beta_eff_prior"] = prior
        return {**properties, "child_properties": given}

    @property
    def children(self) -> list:
        """The device."""
        return [self.sampler]

    def _accept(self, parameters: dict[str, Any]) -> dict[str, Any]:
        _check_structured(self.sampler)
        words = {name: parameters.pop(name) for name in ["beta"] if name in parameters}
        return {**words, **self.remove_unknown_kwargs(**parameters)}

    def _resolve(self, overrides: dict[str, Any]) -> SimpleNamespace:
        own = {name: overrides[name] for name in overrides if name in self._parameter_constraints}
        defaults = self.get_params(deep=False)
        defaults.pop("sampler")
        values = {"beta": None, **defaults, **own}
        validate_parameter_constraints(self._parameter_constraints, values, _NAME)
        rest = {name: value for name, value in overrides.items() if name not in own}
        values["params"] = {**(values["params"] or {}), **rest}
        return SimpleNamespace(**values)

    def _draw(self, models: SpinModels, settings: SimpleNamespace, keep: np.ndarray):
        thermal = settings.beta is not None
        # The device has a temperature of its own: it is handed beta E, and takes its beta to it.
        wanted = models.scaled(settings.beta) if thermal else models
        problem = Problem.of_models(wanted)
        embeddings, layouts = self._arrange(problem, settings)
        ranges = ProgramRanges.from_properties(getattr(self.sampler, "properties", {}))
        scaling = settings.scaling
        if scaling == "auto":
            scaling = "clip" if thermal else "scale"
        strength = _chain_strength(settings.chain_strength, thermal, wanted, embeddings)
        programmer = Programmer(problem, layouts, ranges, scaling, strength)
        programs = [programmer.write(model) for model in range(models.n_models)]
        calls = DeviceCalls(
            self.sampler,
            settings.params,
            ranges,
            settings.chain_break_method,
            settings.num_spin_reversal_transforms,
            settings.offsets,
        )
        states = _draw_reads(calls, programs, len(layouts), models, settings)
        info = {
            "scale": programmer.scale,
            "clipped_fraction": _clipped_fraction(programs),
            "chain_strength": max(program.chain_strength for program in programs),
            "embedding_id": embeddings[0].embedding_id,
            "num_parallel": min(len(layouts), models.n_models),
            "num_qubits": len(layouts[0].qubits),
            "max_chain_length": int(layouts[0].chain_lengths.max()),
            **calls.info,
        }
        if thermal:
            device, error = _temperature(_contract(programs, models, problem), states, settings)
            info["beta_eff"] = device * programmer.scale
            info["beta_eff_stderr"] = error * programmer.scale
            info["beta_eff_device"] = device
            info["beta_eff_device_stderr"] = error
        energies = np.stack([models.energies(m, drawn) for m, drawn in enumerate(states)])
        return states[:, :, keep], energies, info

    def _arrange(self, problem: Problem, settings) -> tuple[list[Embedding], list[Layout]]:
        """Where models of one graph are on the device; that of the last call is kept."""
        target = self._target()
        labels = getattr(settings, "labels", range(problem.n_spins))
        many = problem.n_models > 1 and settings.max_parallel != 1
        wanted = (
            target.key,
            tuple(labels),
            problem.pairs.tobytes(),
            many and (settings.max_parallel or True),
            settings.embedding_method,
            None if settings.embedding is None else repr(settings.embedding),
        )
        known = getattr(self, "_arrangement", (None,))
        if known[0] != wanted:
            embeddings = _find(problem, labels, target, many, settings)
            device = self._couplers(target)
            layouts = [Layout.of_chains(e.chains, problem.pairs, *device) for e in embeddings]
            self._arrangement = known = wanted, embeddings, layouts
        return known[1], known[2]

    def _target(self) -> Target:
        """The device's graph as arrays, made anew when another list of qubits works."""
        known = getattr(self, "_device", None)
        lists = self.sampler.nodelist, self.sampler.edgelist
        if known is None or not all(a is b or a == b for a, b in zip(known[0], lists, strict=True)):
            self._device = known = lists, as_target(working_graph(self.sampler))
        return known[1]

    def _couplers(self, target: Target) -> tuple[np.ndarray, np.ndarray | None]:
        """Labels of the ends (n_couplers, 2) of all couplers, and which halves they are on."""
        rows = np.repeat(np.arange(target.n_qubits), np.diff(target.indptr))
        once = rows < target.indices
        ends = np.column_stack([rows[once], target.indices[once]])
        couplers = target.qubits[ends]
        by_halves = "per_group_coupling_range" in getattr(self.sampler, "properties", {})
        return couplers, halves_of_couplers(target.graph, couplers) if by_halves else None


def _temperature(programmed: SpinModels, states: np.ndarray, settings) -> tuple[float, float]:
    """What the draws tell of the device's inverse temperature, and the standard error."""
    beta, error = estimate_beta(programmed, states)
    if settings.temperature_method == "pseudo-likelihood" or not np.isfinite(beta):
        return beta, error
    seed = int(make_call_seeds(settings.seed, programmed.n_models)[0])
    return match_moments(programmed, states, beta, seed=seed)


def _check_structured(sampler) -> None:
    missing = [n for n in ("sample", "nodelist", "edgelist") if not hasattr(sampler, n)]
    if missing or isinstance(sampler, (str, type)):
        raise ValueError(
            f"The 'sampler' parameter of {_NAME} must be a structured sampler, with `sample`, "
            f"`nodelist` and `edgelist`, such as MockQPUSampler(). Got {sampler!r} instead; one "
            "that takes any model needs no embedding: use it as it is, or in DimodSampler."
        )


def _find(problem: Problem, labels, target: Target, many: bool, settings) -> list[Embedding]:
    if settings.embedding is not None:
        return [_given_embedding(settings.embedding, labels, problem, target)]
    arguments = {"method": settings.embedding_method}
    if many:
        limit = settings.max_parallel
        found = find_parallel_embeddings(
            problem.n_spins, problem.pairs, target, max_embeddings=limit, **arguments
        )
        return list(found)
    return [
        find_embedding(problem.n_spins, problem.pairs, target, labels=list(labels), **arguments)
    ]


def _chain_strength(given, thermal: bool, models: SpinModels, embeddings: list[Embedding]):
    """From a model's number to its chain strength in its own units; None for the strongest."""
    if given is None:
        if thermal:
            return None
        given = "uniform_torque_compensation"
    if isinstance(given, Real):
        return lambda model: float(given)
    if isinstance(given, str):
        given = getattr(import_optional("dwave.embedding.chain_strength", _NAME), given)

    def strength(model: int) -> float:
        embedding = embeddings[model % len(embeddings)].to_dict()
        return float(given(models.to_bqm(model), embedding))

    return strength


def _draw_reads(calls: DeviceCalls, programs: list[Program], n_layouts: int, models, settings):
    """States (n_models, num_reads, n_spins), drawn until all have enough valid reads."""
    num_reads = settings.num_reads
    drawn: list[list[np.ndarray]] = [[] for _ in programs]
    n_valid = np.zeros(len(programs), int)
    n_asked = np.zeros(len(programs), int)
    seeds = make_call_seeds(settings.seed, len(programs))
    for attempt in range(_MAX_ROUNDS):
        for batch in _batches(np.flatnonzero(n_valid < num_reads), n_layouts):
            # More than what is missing, where many were lost.
            lost = n_asked[batch] / np.maximum(n_valid[batch], 1)
            reads = ((num_reads - n_valid[batch]) * np.maximum(lost, 1)).max()
            reads = min(int(np.ceil(reads)), 10 * num_reads)
            seed = [int(seeds[batch[0]]), attempt]
            states = calls.draw([programs[model] for model in batch], reads, seed)
            for model, found in zip(batch, states, strict=True):
                n_asked[model] += reads
                found = _valid(found, models.one_hot)
                n_valid[model] += len(found)
                drawn[model].append(found)
        if (n_valid >= num_reads).all():
            return np.stack(
                [
                    _choose(np.concatenate(found), num_reads, int(seed))
                    for found, seed in zip(drawn, seeds, strict=True)
                ]
            )
    raise RuntimeError(
        f"{_NAME} got {n_valid.min()} usable reads of {num_reads} in {n_asked.max()}, from "
        f"{type(calls.sampler).__name__}. Its draws break chains or one-hot units: try a stronger "
        "'chain_strength', chain_break_method='majority_vote', or smaller weights."
    )


def _batches(pending: np.ndarray, n_layouts: int):
    """Models that go into one call: each layout has those of one remainder, one at a time."""
    queues = [pending[pending % n_layouts == layout] for layout in range(n_layouts)]
    for turn in range(max(map(len, queues), default=0)):
        yield [int(queue[turn]) for queue in queues if turn < len(queue)]


def _valid(states: np.ndarray, one_hot) -> np.ndarray:
    if one_hot is None:
        return states
    return states[(states[:, slice(*one_hot)] == 1).sum(axis=1) == 1]


def _choose(states: np.ndarray, num_reads: int, seed: int) -> np.ndarray:
    """As many reads as wanted: at random, for devices may list them by energy."""
    if len(states) == num_reads:
        return states
    chosen = np.random.default_rng(seed).choice(len(states), num_reads, replace=False)
    return states[np.sort(chosen)]


def _clipped_fraction(programs: list[Program]) -> float:
    clipped = sum(program.n_clipped for program in programs)
    if clipped:
        n_biases = sum(program.n_biases for program in programs)
        warnings.warn(
            f"{_NAME} moved {clipped} of {n_biases} biases to the edge of the device's ranges, so "
            "its draws follow another law than asked for. Use smaller weights, a larger beta_eff, "
            "or scaling='scale' (which raises the temperature) or 'raise'.",
            RuntimeWarning,
            stacklevel=6,
        )
        return clipped / n_biases
    return 0.0


def _contract(programs: list[Program], models: SpinModels, problem: Problem) -> SpinModels:
    """The models that were programmed, in the device's units, where no chain breaks."""
    parts = [program.layout.contract(program.fields, program.couplings) for program in programs]
    couplings = np.mean([values for _, values in parts], axis=0)
    rows, columns = problem.pairs.T
    if models.one_hot is not None:  # whose penalty is no part of the law
        inner = (problem.pairs >= models.one_hot[0]) & (problem.pairs < models.one_hot[1])
        couplings = np.where(inner.all(axis=1), 0.0, couplings)
    upper = scipy.sparse.coo_array((couplings, (rows, columns)), shape=(problem.n_spins,) * 2)
    symmetric = scipy.sparse.csr_array(upper + upper.T)
    return SpinModels(np.array([fields for fields, _ in parts]), symmetric, models.one_hot)


def _given_embedding(chains: dict, labels, problem: Problem, target: Target) -> Embedding:
    missing = [label for label in labels if label not in chains]
    if missing:
        raise ValueError(
            f"The 'embedding' parameter of {_NAME} must have a chain for each variable. Got none "
            f"for {missing[0]!r}."
        )
    chosen = [chains[label] for label in labels]
    return check_embedding(chosen, problem.n_spins, problem.pairs, target)
