"""Draws from the circuit that mimics imaginary time evolution."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from qsklearn._memory import physical_memory
from qsklearn._private_api import Interval, Real, StrOptions, validate_parameter_constraints
from qsklearn.samplers._base import BETA, COUNT, SEED_CONSTRAINTS, ArraySampler
from qsklearn.samplers._models import SpinModels
from qsklearn.samplers._pickling import make_picklable
from qsklearn.samplers._seeds import make_call_seeds, make_keys
from qsklearn.samplers._temperature import estimate_beta

_NAME = "ImaginaryTimeCircuitSampler"
# Where the chance of a ground state of random models peaks: 0.8 at 8 spins, 0.5 at 12.
_GROUND_TIME = 0.6
# Amplitudes that are worked on at once: 2 MB, which stays in a core's cache.
_CHUNK = 2**18
# β_eff of the noiseless circuit: 1 for small τ, and seldom below .8 where it is of use.
_PRIOR = (1.0, 0.1)
# A model with smaller biases has none, as far as one can divide by them.
_SMALLEST_BIAS = 1e-300
# Calls for intact one-hot units, and spins that one call returns at most for them.
_MAX_ROUNDS = 20
_MAX_OUTCOMES = 2**27
_BASELINE = np.dtype([("best", float), ("mean", float)])


class ImaginaryTimeCircuitSampler(ArraySampler):
    r"""The imaginary time evolution mimicking circuit, needs the extra ``aer`` for its shots.

    Rotations of single qubits and of pairs, with angles in closed form, take the uniform
    superposition near to :math:`e^{-\tau E(s)}`. Exact evolution would draw from the Boltzmann law
    at :math:`\beta = 2\tau`; the circuit does so for models without couplings, and nearly for
    small τ. Beyond some τ it gets worse again: it is no way to low temperatures.

    With ``beta=None`` it looks for low energies at ``imaginary_time``. With ``beta`` given it is
    programmed with τ = β / 2, and what the draws tell of the temperature that they really have is
    in ``info`` as ``beta_eff``, relative to ``beta``, with ``beta_eff_stderr``. It therefore does
    not declare ``beta`` in ``parameters``. A one-hot unit is post-selected: of C units only some
    C / 2^C of the shots count, so that for 10 classes a read takes 100 shots.

    Whatever it finds, look at ``info["random_baseline"]``: on few spins, as many random strings are
    often as good.

    Parameters
    ----------
    num_reads : int, default=100
        Shots.
    imaginary_time : float, default=None
        τ of a search for low energies, in units of 1 / the model's largest bias in size (fields
        and couplings of spins). None: 0.6. Draws at ``beta`` do not use it.
    method : {"shots", "statevector"}, default="shots"
        ``"shots"`` runs and measures a circuit of Qiskit. ``"statevector"`` computes the exact
        amplitudes in numpy, all models of a family together, and draws from them: the law
        of the noiseless circuit, without Qiskit; many times faster for families of up to some 12
        spins, and no faster from 16 on.
    backend : qiskit BackendV2 or V2 sampler primitive, default=None
        What runs the shots. None: Aer's statevector simulator on one thread. A noise model comes
        with its simulator: ``AerSimulator(noise_model=...)``. A family of models is one job.
        ``clone`` keeps it by reference.
    pass_manager : qiskit PassManager, default=None
        Adapts the circuit to the backend. None: Qiskit's own of optimisation level 1. Of a
        primitive that does not say what its ``backend`` is, nobody knows the gates: those that
        take only a device's own gates need one.
    gate_order : {"descending", "ascending", "index"}, default="descending"
        Order of the pairs' rotations, which do not commute: by the size of their couplings, or by
        the variables' order.
    seed : int, default=None
        Given the same seed, Aer and the statevector make the same draws, of each model whatever
        others run beside it; but the first reads change with ``num_reads``. A primitive has a
        seed of its own. None: fresh entropy.

    Raises
    ------
    MemoryError
        In a call, if the state of so many spins would not fit in the machine: 16 bytes times
        2 to the power of the spins. Not on a backend that keeps no state here.

    References
    ----------
    Spin-glass networks, section 5.6, eqs. 41-47.

    Examples
    --------
    >>> import dimod
    >>> from qsklearn.samplers import ImaginaryTimeCircuitSampler
    >>> pair = dimod.BinaryQuadraticModel.from_ising({"a": 0.5}, {"ab": -1.0})
    >>> sampler = ImaginaryTimeCircuitSampler(method="statevector", seed=0)
    >>> answer = sampler.sample(pair)
    >>> {name: int(spin) for name, spin in answer.first.sample.items()}
    {'a': -1, 'b': -1}
    >>> bool(answer.record.energy.mean() < answer.info["random_baseline"]["mean"][0])
    True
    """

    #: What draws, for reports.
    drawn_by = "a circuit on its backend, by default a simulation on this machine"

    _parameter_constraints = {
        "num_reads": [COUNT],
        "imaginary_time": [Interval(Real, 0, None, closed="left"), None],
        "method": [StrOptions({"shots", "statevector"})],
        "backend": "no_validation",
        "pass_manager": "no_validation",
        "gate_order": [StrOptions({"descending", "ascending", "index"})],
        "seed": SEED_CONSTRAINTS,
    }

    def __init__(
        self,
        num_reads=100,
        *,
        imaginary_time=None,
        method="shots",
        backend=None,
        pass_manager=None,
        gate_order="descending",
        seed=None,
    ):
        self.num_reads = num_reads
        self.imaginary_time = imaginary_time
        self.method = method
        self.backend = backend
        self.pass_manager = pass_manager
        self.gate_order = gate_order
        self.seed = seed

    def __sklearn_clone__(self):
        # A backend may hold a connection: it is shared, not copied.
        return type(self)(**self.get_params(deep=False))

    def __getstate__(self):
        state = dict(super().__getstate__())
        state["backend"] = make_picklable(self.backend, _NAME)
        return state

    @property
    def properties(self) -> dict[str, Any]:
        """The intents, and for the noiseless circuit what is known of its ``beta_eff``."""
        known = {"beta_eff_prior": _PRIOR} if self.backend is None else {}
        return {**super().properties, **known}

    def _accept(self, parameters: dict[str, Any]) -> dict[str, Any]:
        # `beta` is heard but not declared: the circuit does not hit it.
        words = {name: parameters.pop(name) for name in ["beta"] if name in parameters}
        return {**words, **super()._accept(parameters)}

    def _resolve(self, overrides: dict[str, Any]) -> SimpleNamespace:
        values = {"beta": None, **self.get_params(deep=False), **overrides}
        own = {name: values[name] for name in [*self._parameter_constraints, "beta"]}
        validate_parameter_constraints(
            {**self._parameter_constraints, "beta": [BETA, None]}, own, _NAME
        )
        _check_method(own)
        return SimpleNamespace(**values)

    def _working_bytes(self, models: SpinModels, settings: SimpleNamespace) -> int:
        state = _bytes_of_state(models.n_spins, settings)
        reads = settings.num_reads
        if models.one_hot is not None:
            size = models.one_hot[1] - models.one_hot[0]
            reads *= 2**size // size + 1
        # Outcomes in words or bytes, and the states of the random baseline.
        return state + reads * (100 + 2 * models.n_spins)

    def _draw(self, models: SpinModels, settings: SimpleNamespace, keep: np.ndarray):
        draw = _draw_family if models.one_hot is None else _draw_with_unit
        states, infos = draw(models, settings, make_keys(settings.seed, models.n_models))
        energies = np.stack([models.energies(m, drawn) for m, drawn in enumerate(states)])
        info = {"num_qubits": models.n_spins, **infos}
        info["random_baseline"] = _random_baseline(models, settings)
        if settings.beta is None:
            info["beta"] = None
        else:
            info["beta_eff"], info["beta_eff_stderr"] = _temperature(models, states, settings.beta)
        return states[:, :, keep], energies, info


def _check_method(values: dict[str, Any]) -> None:
    if values["method"] == "statevector" and values["backend"] is not None:
        raise ValueError(
            f"The 'backend' parameter of {_NAME} must be None with method='statevector', which "
            f"computes in numpy. Got {values['backend']!r} instead; method='shots' runs on it."
        )
    if values["pass_manager"] is not None and not hasattr(values["pass_manager"], "run"):
        raise ValueError(
            f"The 'pass_manager' parameter of {_NAME} must be a Qiskit PassManager or None. "
            f"Got {values['pass_manager']!r} instead."
        )


def _bytes_of_state(n_spins: int, settings: SimpleNamespace) -> int:
    """Memory of a state on this machine.

    Raises
    ------
    MemoryError
        If there is not so much.
    """
    exponent = n_spins * _exponent_of_simulator(settings)
    if not exponent:
        return 0
    available = physical_memory()
    # Complex amplitudes, or real ones and as much for the work on them.
    if available is None or exponent + 4 < available.bit_length():
        return 16 << exponent
    if exponent <= 200:
        needed = f"{16 << exponent:,}"
    else:
        needed = f"16 * 2**{exponent}"
    largest = (available.bit_length() - 5) // (exponent // n_spins)
    raise MemoryError(
        f"{_NAME} would need {needed} bytes for the quantum state of {n_spins} spins (16 times "
        f"2**{exponent}), and the machine has {available:,}, enough for {largest} spins. Use a "
        "smaller model, a backend that keeps no whole state, or an annealing sampler."
    )


def _exponent_of_simulator(settings: SimpleNamespace) -> int:
    """Qubits a spin that a simulator here keeps a state of: 2 for a density matrix, 0 for none."""
    backend = settings.backend
    if backend is None:
        return 1
    if type(backend).__module__.startswith("qiskit_aer."):
        kind = getattr(getattr(backend, "options", None), "method", "automatic")
        return {"automatic": 1, "statevector": 1, "density_matrix": 2}.get(kind, 0)
    is_exact = type(backend).__module__.startswith("qiskit.primitives.statevector")
    return int(is_exact)


def _program(models: SpinModels, settings: SimpleNamespace) -> tuple[Any, dict[str, Any]]:
    """The family's ImaginaryTimeCircuit, and what is to be told of them, one number a model."""
    from qsklearn.circuits import ImaginaryTimeCircuit

    scale = np.maximum(
        np.abs(models.fields).max(axis=1), np.abs(models.couplings.data).max(initial=0)
    )
    scale[scale < _SMALLEST_BIAS] = 1.0
    if settings.beta is None:
        tau = _GROUND_TIME if settings.imaginary_time is None else settings.imaginary_time
        times = np.full(models.n_models, float(tau))
    else:
        with np.errstate(over="ignore"):
            times = 0.5 * settings.beta * scale
    circuit = ImaginaryTimeCircuit.from_ising(
        models.fields,
        models.couplings,
        times / scale if settings.beta is None else 0.5 * settings.beta,
        gate_order=settings.gate_order,
    )
    return circuit, {"imaginary_time": times, "energy_scale": scale}


def _draw_family(models: SpinModels, settings: SimpleNamespace, keys: np.ndarray):
    """States (n_models, num_reads, n_spins) of models without one-hot units, and what to tell."""
    circuit, info = _program(models, settings)
    if settings.method == "statevector":
        states = _draw_from_amplitudes(circuit, settings.num_reads, keys)
        info["num_two_qubit_gates"] = np.full(models.n_models, 2 * circuit.n_pairs)
        return states, info
    from qsklearn.circuits import run_circuits

    states, executed = run_circuits(
        circuit.to_qiskit(),
        circuit.parameter_values,
        settings.num_reads,
        seeds=make_call_seeds(keys, models.n_models),
        backend=settings.backend,
        pass_manager=settings.pass_manager,
        caller=_NAME,
    )
    info["num_two_qubit_gates"] = np.full(models.n_models, executed.num_nonlocal_gates())
    info["depth"] = np.full(models.n_models, executed.depth())
    return states, info


def _draw_from_amplitudes(circuit, num_reads: int, keys: np.ndarray) -> np.ndarray:
    """Independent draws from the exact law of the circuit, some models at a time."""
    from qsklearn.circuits import ImaginaryTimeCircuit, bytes_of_indices, spins_of_bytes

    states = np.empty((circuit.n_models, num_reads, circuit.n_qubits), np.int8)
    step = max(_CHUNK >> circuit.n_qubits, 1)
    for start in range(0, circuit.n_models, step):
        chunk = slice(start, start + step)
        part = ImaginaryTimeCircuit(
            circuit.angles[chunk], circuit.pairs, circuit.angles_of_pairs[chunk]
        )
        weights = part.amplitudes()
        np.square(weights, out=weights)
        np.cumsum(weights, axis=1, out=weights)
        for model, cumulative in enumerate(weights, start):
            uniform = np.random.default_rng(keys[model].tolist()).random(num_reads)
            outcomes = np.searchsorted(cumulative, uniform * cumulative[-1], side="right")
            outcomes = np.minimum(outcomes, len(cumulative) - 1)
            states[model] = spins_of_bytes(bytes_of_indices(outcomes), circuit.n_qubits)
    return states


def _draw_with_unit(models: SpinModels, settings: SimpleNamespace, keys: np.ndarray):
    """As :func:`_draw_family`, of models with a one-hot unit, by post-selection.

    Without a penalty: that leaves the law of the intact states nearer to Boltzmann's (3 units and
    5 spins at weights of 1: total variation .20 against .31 with one), and a strong penalty, of
    which the circuit's time is too long, makes them rarer than they are by chance.
    """
    start, stop = models.one_hot or (0, 0)
    free = SpinModels(models.fields, models.couplings)
    # Each model asks for as many, whatever the others got: its draws do not depend on them.
    reads = settings.num_reads * (2 ** (stop - start) // (stop - start) + 1)
    drawn: list[list[np.ndarray]] = [[] for _ in range(models.n_models)]
    lacking = np.arange(models.n_models)
    info: dict[str, Any] = {}
    for attempt in range(_MAX_ROUNDS):
        step = max(_MAX_OUTCOMES // (reads * models.n_spins), 1)
        for rows in np.split(lacking, range(step, len(lacking), step)):
            part = SpinModels(free.fields[rows], free.couplings)
            own = SimpleNamespace(**{**vars(settings), "num_reads": reads})
            offset = np.array([0, attempt], np.uint64)
            states, told = _draw_family(part, own, keys[rows] + offset)
            for model, outcomes in zip(rows, states, strict=True):
                intact = (outcomes[:, start:stop] == 1).sum(axis=1) == 1
                drawn[model].append(outcomes[intact])
            for name, values in told.items() if attempt == 0 else ():
                info[name] = np.append(info.get(name, values[:0]), values)
        lacking = lacking[[sum(map(len, drawn[m])) < settings.num_reads for m in lacking]]
        if not len(lacking):
            states = np.stack([np.concatenate(some)[: settings.num_reads] for some in drawn])
            return states, info
    raise RuntimeError(
        f"{_NAME} found fewer than {settings.num_reads} states with an intact one-hot unit in "
        f"{_MAX_ROUNDS * reads} reads of a model. Use fewer units, smaller weights, or a sampler "
        "that draws one-hot units (such as 'gibbs')."
    )


def _random_baseline(models: SpinModels, settings: SimpleNamespace) -> np.ndarray:
    """Best and mean energy of as many uniformly random states of each model."""
    baseline = np.empty(models.n_models, _BASELINE)
    shape = (settings.num_reads, models.n_spins)
    for model, key in enumerate(make_keys(settings.seed, models.n_models)):
        rng = np.random.default_rng([*key.tolist(), 1])
        states = 2 * rng.integers(0, 2, shape, dtype=np.int8) - 1
        if models.one_hot is not None:
            start, stop = models.one_hot
            states[:, start:stop] = -1
            up = rng.integers(start, stop, len(states))
            states[np.arange(len(states)), up] = 1
        energies = models.energies(model, states)
        baseline[model] = energies.min(), energies.mean()
    return baseline


def _temperature(models: SpinModels, states: np.ndarray, beta: float) -> tuple[float, float]:
    """Effective inverse temperature of the draws in units of the one asked for, and its error."""
    largest = max(np.abs(models.fields).max(), np.abs(models.couplings.data).max(initial=0))
    if beta == 0 or largest < _SMALLEST_BIAS:
        return float("nan"), float("nan")
    estimate, error = estimate_beta(models, states)
    return estimate / beta, error / beta
