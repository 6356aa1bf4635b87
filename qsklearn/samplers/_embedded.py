"""A device of fixed structure as a sampler of any model."""

from __future__ import annotations

import inspect
from types import SimpleNamespace
from typing import Any

import dimod
import numpy as np
import scipy.sparse
from sklearn.base import clone

from qsklearn._base_estimator import BaseEstimator
from qsklearn._optional import import_optional
from qsklearn._private_api import (
    Integral,
    Interval,
    Real,
    StrOptions,
    validate_parameter_constraints,
)
from qsklearn._warnings import warn
from qsklearn.samplers._arguments import check_request
from qsklearn.samplers._base import BETA, COUNT, SEED_CONSTRAINTS, ArraySampler
from qsklearn.samplers._device_calls import CHAIN_BREAK_METHODS, DeviceCalls, device_properties
from qsklearn.samplers._device_reads import batches, draw_reads
from qsklearn.samplers._embedded_program import Problem, Program, Programmer, chain_of_unit
from qsklearn.samplers._embeddings import (
    Embedding,
    EmbeddingError,
    check_embedding,
    find_embedding,
    find_parallel_embeddings,
)
from qsklearn.samplers._layout import Layout
from qsklearn.samplers._models import SpinModels, check_couplings, check_fields, check_one_hot
from qsklearn.samplers._pickling import make_picklable
from qsklearn.samplers._program_ranges import ProgramRanges, halves_of_couplers
from qsklearn.samplers._qpu_profiles import typical_beta
from qsklearn.samplers._reverse_annealing import anneal_arguments, states_of_models
from qsklearn.samplers._seeds import make_call_seeds
from qsklearn.samplers._target_graph import Target, as_target, working_graph
from qsklearn.samplers._temperature import estimate_beta, match_moments

_NAME = "EmbeddedSampler"
_CHAIN_STRENGTHS = {"uniform_torque_compensation", "scaled"}
_EMBEDDING_METHODS = {"auto", "native", "star", "clique", "biclique", "minorminer"}
# Hundreds of copies of a small model take seconds to find, and their calls hardly less to write.
_MAX_PARALLEL = 128
# One in so many reads, as the second round of a one-hot unit that breaks now and then.
_READS_DRAWN_AGAIN = 4
# Arguments of the device's calls that are not for the user to give, and why.
_OWN = {
    "num_reads": "which differs from call to call; give it to EmbeddedSampler itself",
    "seed": "which differs from call to call; give it to EmbeddedSampler itself",
    "auto_scale": "which would change the temperature unseen; see 'scaling'",
    "answer_mode": "because reads are counted one by one",
    "initial_state": "because it would have to be embedded; give 'initial_states', on the model's "
    "own variables, which are",
}


class EmbeddedSampler(ArraySampler):
    """Samples any model on a device that takes only its own graph.

    Chains of qubits stand for spins (found once and kept on disk), biases are fitted to the
    device's ranges, small models share a call, reads are split where the device's limits ask for
    it, and the inverse temperature of the draws is estimated from them. A model whose variables are
    qubits, and whose interactions are couplers, is programmed as it is.

    Parameters
    ----------
    sampler : structured dimod.Sampler
        With ``nodelist`` and ``edgelist`` of integers: :class:`MockQPUSampler`, dwave-system's
        ``DWaveSampler``, any other.
    params : dict, optional
        Arguments of each of its calls, for example ``{"annealing_time": 20}``; not ``num_reads``
        and ``seed``, which are parameters here. An ``anneal_schedule`` that begins at the anneal
        fraction 1 is for calls with ``initial_states``, and ``annealing_time`` for the others.
    num_reads : int, default=100
    scaling : {"auto", "clip", "scale", "raise"}, default="auto"
        What becomes of a model that exceeds the device's ranges. ``"clip"`` moves the biases that
        do to the edge and leaves the temperature, ``"scale"`` multiplies all energies by one
        factor, and so raises it, ``"raise"`` refuses. ``"auto"`` clips draws at a temperature and
        scales a search. What was done is in ``info``, with a warning for what was clipped. A
        search is scaled up, too, to fill the ranges, for the colder it is, the better.
    chain_strength : float, str or callable, optional
        The coupling within chains, in the model's units: a number, dwave-system's
        ``"uniform_torque_compensation"`` or ``"scaled"``, or a callable of a BQM and an embedding.
        None takes the strongest that the device has, which breaks the fewest chains, but for a
        search that is scaled ``"uniform_torque_compensation"``, which leaves the model more room.
    chain_break_method : {"majority_vote", "weighted_random", "discard"}, default="majority_vote"
        How a broken chain is read: by most of its qubits (up in a tie), by one of them at random,
        or not at all: ``"discard"`` drops the read and draws again.
    num_spin_reversal_transforms : int, default=0
        Random gauges, among which reads are divided, so that errors of fixed sign average out. Each
        is a call. Chains turn as wholes, and couplings keep to the part of their range that is
        symmetric.
    embedding : dict or Embedding, optional
        Chains to use: from each variable, or place in the array door, to its qubits; or what
        :func:`find_embedding` returned, by the order of the (sorted) variables.
    embedding_method : {"auto", "native", "star", "clique", "biclique", "minorminer"}, \
default="auto"
        How chains are found. ``"auto"`` takes what suits the model; ``"native"`` is for models
        whose variables are qubits.
    max_parallel : int, optional
        Models of a family that may share a call; by default as many as fit, 128 at most. 1 for
        none.
    temperature_method : {"pseudo-likelihood", "moment-matching"}, default="pseudo-likelihood"
        As in :func:`estimate_effective_beta`.
    offsets : StaticOffsets, optional
        Static errors of the device, as from :func:`estimate_static_offsets`, to be compensated.
    seed : int, optional
        Of gauges, and of what the device draws if it has a seed. Embeddings do not depend on it.

    See Also
    --------
    MockQPUSampler, DimodSampler

    Notes
    -----
    A device draws at a temperature of its own. With ``beta`` given, it is programmed with βE, of
    scale 1 unless ``scaling`` says otherwise, and ``info`` holds

    - ``beta_eff``, ``beta_eff_stderr``: the draws follow exp(-beta_eff βE);
    - ``beta_eff_device``, ``beta_eff_device_stderr``: the device's inverse temperature for energies
      as programmed, so that ``beta_eff = scale * beta_eff_device``;
    - ``scale``, ``clipped_fraction`` of the biases on qubits and couplers, ``chain_strength`` (the
      weakest of a family, in the device's units), ``chain_break_fraction``;
    - ``embedding_id``, ``num_qubits`` and ``max_chain_length`` of one model, ``num_parallel``
      models in a call, ``num_calls``, and ``qpu_*_time`` in microseconds, added up.

    A call with ``initial_states`` is a reverse anneal: it needs an ``anneal_schedule`` that begins
    at 1, in ``params`` or in the call. A device starts all reads of a call from one state, so that
    the states of a model must be equal; chains start as wholes, and gauges turn the states too.

    ``beta`` is never passed on. Should the wrapped sampler itself take a ``beta``, as a simulation
    does, that is the temperature of the device, which ``params={"beta": 2.0}`` sets: ``beta_eff``
    is then 2. The like holds for ``beta_range`` and other words of temperature.

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

    draws_one_hot = False

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
        "embedding": [dict, Embedding, None],
        "embedding_method": [StrOptions(_EMBEDDING_METHODS)],
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
        own = self.get_params(deep=False)
        if isinstance(self.sampler, BaseEstimator):
            own["sampler"] = clone(self.sampler)
        return type(self)(**{name: _copy_dict(value) for name, value in own.items()})

    def __getstate__(self):
        state = dict(super().__getstate__())
        state.pop("_device", None)
        state.pop("_arrangement", None)
        state["sampler"] = make_picklable(self.sampler, _NAME)
        return state

    @property
    def parameters(self) -> dict[str, list[str]]:
        """Keywords of ``sample``: its own, and the device's, but ``beta``, which it cannot set."""
        own = {*self._parameter_constraints, *self._call_parameters()}
        names = {*own, *self.sampler.parameters} - {"beta"}
        return {name: [] for name in sorted(names)}

    @property
    def properties(self) -> dict[str, Any]:
        """The intents, the device's properties, ``beta_eff_prior`` where its kind is known."""
        properties = {**super().properties, "child_properties": dict(self.sampler.properties)}
        given = device_properties(self.sampler)
        prior = given.get("beta_eff_prior") or typical_beta(given)
        return properties if prior is None else {**properties, "beta_eff_prior": prior}

    @property
    def children(self) -> list:
        """The device."""
        return [self.sampler]

    def estimate_cost(
        self, h, J, *, one_hot=None, is_reverse=False, **parameters
    ) -> dict[str, Any]:
        """What drawing a family takes, by the device's own timing model; nothing is sent.

        Parameters
        ----------
        h : array-like of shape (n_models, n_spins)
        J : array-like or sparse matrix of shape (n_spins, n_spins)
            As of ``sample_arrays``. It counts which of them are not 0, not their values.
        one_hot : tuple of (start, stop), optional
        is_reverse : bool, default=False
            Whether the calls start from states, by a reverse anneal.
        **parameters
            Any of :attr:`parameters`.

        Returns
        -------
        cost : dict
            ``num_calls``, and ``qpu_access_time`` in microseconds; more where reads are lost by
            faults, and 0 for a device without timing data. Some reads break one-hot units, so that
            a second round is reckoned with, of a quarter of the reads.

        Raises
        ------
        ValueError
            If an array or a parameter does not fit, or the model not the device.
        """
        settings = self._open(parameters)
        self._settle_anneal(settings, is_reverse)
        if is_reverse:
            settings.params["initial_state"] = True  # that there is one counts, not which
        fields = check_fields(h, _NAME)
        couplings = check_couplings(J, fields.shape[1], _NAME)
        models = SpinModels(fields, couplings, check_one_hot(one_hot, couplings, _NAME))
        _, layouts = self._arrange(Problem.of_models(models), settings)
        sizes = np.array([len(layout.qubits) for layout in layouts])
        calls = DeviceCalls.of_settings(self.sampler, self._ranges(), settings)
        # As of a call: so many states could not be held either.
        check_request(settings.num_reads * models.fields.size, f"{_NAME}.estimate_cost")
        rounds = [settings.num_reads]
        if models.one_hot is not None:
            rounds.append(-(-settings.num_reads // _READS_DRAWN_AGAIN))
        times: dict[int, list[float]] = {}
        total, num_calls = 0.0, 0
        for batch in batches(np.arange(models.n_models), len(layouts)):
            n_qubits = int(sizes[np.array(batch) % len(layouts)].sum())
            if n_qubits not in times:
                times[n_qubits] = [
                    calls.access_time(part, n_qubits)
                    for num_reads in rounds
                    for part in calls.split(num_reads, n_qubits)
                ]
            total, num_calls = total + sum(times[n_qubits]), num_calls + len(times[n_qubits])
        return {"num_calls": num_calls, "qpu_access_time": total}

    def _accept(self, parameters: dict[str, Any]) -> dict[str, Any]:
        _check_structured(self.sampler)
        self._require("clamped", parameters.get("clamped"))
        words = {name: parameters.pop(name) for name in ["beta"] if name in parameters}
        return {**words, **self.remove_unknown_kwargs(**parameters)}

    def _resolve(self, overrides: dict[str, Any]) -> SimpleNamespace:
        own = {name: overrides[name] for name in overrides if name in self._parameter_constraints}
        defaults = self.get_params(deep=False)
        defaults.pop("sampler")
        values = {"beta": None, **defaults, **own}
        validate_parameter_constraints(self._parameter_constraints, values, _NAME)
        _check_offsets(values["offsets"])
        rest = {name: value for name, value in overrides.items() if name not in own}
        values["initial_states"] = rest.pop("initial_states", None)
        values["params"] = _check_params({**(values["params"] or {}), **rest}, self.sampler)
        return SimpleNamespace(**values, params_of_call={*rest, *(own.get("params") or {})})

    def _call_parameters(self) -> list[str]:
        parameters = getattr(self.sampler, "parameters", ())  # of what is refused later, none
        return ["initial_states"] if "initial_state" in parameters else []

    def _settle_anneal(self, settings: SimpleNamespace, is_reverse: bool) -> None:
        settings.params = anneal_arguments(
            settings.params, settings.params_of_call, is_reverse, _NAME
        )

    def _working_bytes(self, models: SpinModels, settings: SimpleNamespace) -> int:
        # Whole states with the same on qubits, and the estimate's 32-bit fields and workspace.
        return 24 * models.n_models * settings.num_reads * models.n_spins

    def _draw(self, models: SpinModels, settings: SimpleNamespace, keep: np.ndarray):
        # The device has a temperature of its own: it is handed beta E, and takes its beta to it.
        thermal = settings.beta is not None
        starts = settings.initial_states
        self._settle_anneal(settings, starts is not None)
        wanted = models.programmed(settings.beta, _NAME) if thermal else models
        problem = Problem.of_models(wanted, is_search=not thermal)
        embeddings, layouts = self._arrange(problem, settings)
        programmer = self._programmer(problem, wanted, embeddings, layouts, settings)
        programs = [programmer.write(model) for model in range(models.n_models)]
        calls = DeviceCalls.of_settings(self.sampler, programmer.ranges, settings)
        fewer_allowed = not thermal and "num_reads" not in self.sampler.parameters
        try:
            states = draw_reads(
                calls,
                programs,
                len(layouts),
                models,
                settings,
                fewer_allowed=fewer_allowed,
                starts=None if starts is None else states_of_models(starts, _NAME),
            )
        except Exception as error:
            error.call_info = calls.info  # type: ignore[attr-defined]  # what it cost all the same
            raise
        info = _describe(programmer.scale, programs, embeddings[0], len(layouts)) | calls.info
        if thermal:
            programmed = _as_drawn(programs, problem.pairs, models.one_hot)
            info |= _temperature(programmed, states, programmer.scale, settings)
        else:
            info["beta"] = None
        energies = np.stack([models.energies(m, drawn) for m, drawn in enumerate(states)])
        return states[:, :, keep], energies, info

    def _programmer(self, problem, wanted, embeddings, layouts, settings) -> Programmer:
        thermal = settings.beta is not None
        scaling = settings.scaling
        if scaling == "auto":
            scaling = "clip" if thermal else "scale"
        if scaling == "scale" and not thermal:
            scaling = "fill"
        strength = settings.chain_strength
        if strength is None and scaling == "fill":  # the strongest would leave the model no room
            strength = "uniform_torque_compensation"
        strength = _chain_strength(strength, wanted, embeddings)
        if settings.chain_strength is None and strength is not None:
            strength = _beside_penalty(strength, problem, layouts)
        any_sign = settings.num_spin_reversal_transforms > 0
        return Programmer(problem, layouts, self._ranges(), scaling, strength, any_sign)

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
        known = getattr(self, "_arrangement", None)
        if known is None or known[0] != wanted:
            embeddings = _find(problem, labels, target, many, settings)
            device = self._couplers(target)
            layouts = [Layout.of_chains(e.chains, problem.pairs, *device) for e in embeddings]
            self._arrangement = known = wanted, embeddings, layouts
        return known[1], known[2]

    def _ranges(self) -> ProgramRanges:
        ranges = ProgramRanges.from_properties(device_properties(self.sampler))
        if ranges.by_halves and self._target().family != "zephyr":
            # Of a graph that does not say what it is, nobody knows the halves.
            return ProgramRanges(ranges.fields, ranges.couplings)
        return ranges

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
        by_halves = self._ranges().by_halves
        return couplers, halves_of_couplers(target.graph, couplers) if by_halves else None


def _copy_dict(value):
    return dict(value) if isinstance(value, dict) else value


def _check_structured(sampler) -> None:
    missing = [n for n in ("sample", "nodelist", "edgelist") if getattr(sampler, n, None) is None]
    if missing or isinstance(sampler, (str, type)):
        raise ValueError(
            f"The 'sampler' parameter of {_NAME} must be a structured sampler, with `sample`, "
            f"`nodelist` and `edgelist`, such as MockQPUSampler(). Got {sampler!r} instead; one "
            "that takes any model needs no embedding: use it as it is, or in DimodSampler."
        )


def _check_params(params: dict[str, Any], sampler) -> dict[str, Any]:
    """``params`` without those that the device does not declare, of which dimod warns."""
    for name in _OWN:
        if name in params:
            raise ValueError(
                f"The arguments of {_NAME}'s device must not have {name!r}, {_OWN[name]}. Got "
                f"{params[name]!r}."
            )
    return dimod.Sampler.remove_unknown_kwargs(sampler, **params)


def _check_offsets(offsets) -> None:
    if offsets is not None and not all(
        isinstance(getattr(offsets, name, None), dict) for name in "hJ"
    ):
        raise ValueError(
            f"The 'offsets' parameter of {_NAME} must be StaticOffsets, with dicts `h` and `J`, as "
            f"from estimate_static_offsets, or None. Got {offsets!r} instead."
        )


def _find(problem: Problem, labels, target: Target, many: bool, settings) -> list[Embedding]:
    if settings.embedding is not None:
        return [_given_embedding(settings.embedding, labels, problem, target)]
    arguments: dict[str, Any] = {"method": settings.embedding_method}
    # Of a model on more than half of the qubits there is one copy only, which may be native.
    if many and settings.embedding_method != "native" and 2 * problem.n_spins <= target.n_qubits:
        return list(
            find_parallel_embeddings(
                problem.n_spins,
                problem.pairs,
                target,
                max_embeddings=settings.max_parallel or _MAX_PARALLEL,
                **arguments,
            )
        )
    return [
        find_embedding(problem.n_spins, problem.pairs, target, labels=list(labels), **arguments)
    ]


def _beside_penalty(strength, problem: Problem, layouts: list[Layout]):
    """At least the chain strength that a search needs to keep its one-hot unit whole."""
    needed = [chain_of_unit(problem, layout) for layout in layouts]

    def raised(model: int) -> float:
        return max(strength(model), float(problem.penalties[model]) * needed[model % len(layouts)])

    return raised


def _chain_strength(given, models: SpinModels, embeddings: list[Embedding]):
    """From a model's number to its chain strength in its own units; None for the strongest."""
    if given is None:
        return None
    if isinstance(given, Real):
        return lambda model: float(given)
    if isinstance(given, str):
        given = getattr(import_optional("dwave.embedding.chain_strength", _NAME), given)
    else:
        _check_takes_two(given)

    def strength(model: int) -> float:
        embedding = embeddings[model % len(embeddings)].to_dict()
        return _check_strength(given(models.to_bqm(model), embedding))

    return strength


def _check_takes_two(chain_strength) -> None:
    try:
        signature = inspect.signature(chain_strength)
    except (TypeError, ValueError):  # a compiled function that does not tell
        return
    try:
        signature.bind(None, None)
    except TypeError as error:
        raise ValueError(
            f"The 'chain_strength' parameter of {_NAME} must be a callable of two arguments, a BQM "
            f"and an embedding. Got one of the arguments {signature} instead."
        ) from error


def _check_strength(strength) -> float:
    """What a callable returned."""
    try:
        number = float(strength)
    except (TypeError, ValueError, OverflowError):
        number = np.nan
    if not 0 <= number < np.inf:
        raise ValueError(
            f"The 'chain_strength' parameter of {_NAME} must be a callable that returns a finite "
            f"number >= 0. Got one that returns {strength!r} instead."
        )
    return number


def _describe(scale, programs: list[Program], embedding, n_layouts: int) -> dict[str, Any]:
    """What is to be told of the programs."""
    lengths = programs[0].layout.chain_lengths
    return {
        "scale": scale,
        "clipped_fraction": _clipped_fraction(programs),
        "chain_strength": min(program.chain_strength for program in programs),
        "embedding_id": embedding.embedding_id,
        "num_parallel": min(n_layouts, len(programs)),
        "num_qubits": int(lengths.sum()),
        "max_chain_length": int(lengths.max()),
    }


def _clipped_fraction(programs: list[Program]) -> float:
    n_clipped = sum(program.n_clipped for program in programs)
    if n_clipped == 0:
        return 0.0
    # Without numbers, so that Python shows it once in a training of many calls.
    warn(
        f"{_NAME} moved biases to the edge of the device's ranges (info['clipped_fraction'] says "
        "how many), so its draws follow another law than asked for. Use smaller weights, a larger "
        "beta_eff, or scaling='scale' (which raises the temperature) or 'raise'.",
        RuntimeWarning,
    )
    return n_clipped / sum(program.n_biases for program in programs)


def _as_drawn(programs: list[Program], pairs: np.ndarray, one_hot) -> SpinModels:
    """The models that the device draws, in its units, where no chain breaks.

    They share their couplings, unless some were clipped: then these are means.
    """
    fields = np.array([program.model[0] for program in programs])
    couplings = np.mean([program.model[1] for program in programs], axis=0)
    n_spins = fields.shape[1]
    upper = scipy.sparse.coo_array((couplings, pairs.T), shape=(n_spins, n_spins))
    symmetric = scipy.sparse.csr_array(upper + upper.T)
    symmetric.eliminate_zeros()
    return SpinModels(fields, symmetric, one_hot)


def _temperature(programmed: SpinModels, states, scale: float, settings) -> dict[str, float]:
    """What the draws tell of the device's inverse temperature, and the standard error."""
    device, error = estimate_beta(programmed, states)
    if settings.temperature_method == "moment-matching" and 0 < device < np.inf:
        seed = int(make_call_seeds(settings.seed, programmed.n_models)[0])
        device, error = match_moments(programmed, states, device, seed=seed)
    return {
        "beta_eff": device * scale,
        "beta_eff_stderr": error * scale,
        "beta_eff_device": device,
        "beta_eff_device_stderr": error,
    }


def _given_embedding(given, labels, problem: Problem, target: Target) -> Embedding:
    chains = given
    if isinstance(given, Embedding):
        chains = dict(zip(labels, given.chains, strict=False))
    missing = [label for label in labels if label not in chains]
    if missing:
        raise EmbeddingError(
            f"The 'embedding' parameter of {_NAME} must have a chain for each variable. Got none "
            f"for {missing[0]!r}."
        )
    chosen = [chains[label] for label in labels]
    return check_embedding(chosen, problem.n_spins, problem.pairs, target)
