"""Recipes of samplers, composites, embeddings and what is estimated from draws."""

from functools import cache

import dimod
import numpy as np
from dwave.samplers import SimulatedAnnealingSampler as DWaveAnnealer

from fuzzing.entries import Case, entry, read_properties
from fuzzing.models import bqm, check_samples, check_states, energies_of, family
from fuzzing.parameters import inside, outside
from fuzzing.places import new_path
from qsklearn import samplers

# Constructor's arguments that make a short call.
PLAIN = {
    "SimulatedAnnealingSampler": {"num_sweeps": 5},
    "GibbsSampler": {"num_sweeps": 5},
    "PathIntegralAnnealingSampler": {"num_sweeps": 5, "num_slices": 4},
    "PopulationAnnealingSampler": {"population_size": 20, "num_sweeps": 2},
    "ParallelTemperingSampler": {"num_sweeps": 10},
    "ExactSampler": {},
    "NealSampler": {"num_sweeps": 10},
    "ImaginaryTimeCircuitSampler": {"method": "statevector"},
}
GRAPH = {"topology_type": "chimera", "topology_shape": [2, 2, 4], "num_sweeps": 5, "seed": 0}
TINY = {"topology_type": "chimera", "topology_shape": [1, 1, 4], "num_sweeps": 5, "seed": 0}
# By itself or only in pairs they are not drawn: they depend on each other, or are objects.
APART = {
    "beta_schedule",
    "beta_schedule_type",
    "betas",
    "backend",
    "pass_manager",
    "max_seconds",
    "num_temperatures",
    "transverse_field_schedule_type",
    "beta_range",
    "transverse_field_range",
    "transverse_field",
    "method",
}


@cache
def device():
    return samplers.MockQPUSampler("ideal", **GRAPH)


@cache
def tiny_device():
    return samplers.MockQPUSampler("ideal", **TINY)


def make(name):
    """A sampler, composites with children."""
    if name in PLAIN:
        return getattr(samplers, name)(**PLAIN[name])
    if name == "DimodSampler":
        return samplers.DimodSampler(DWaveAnnealer(), {"num_sweeps": 10})
    if name == "EmbeddedSampler":
        return samplers.EmbeddedSampler(device(), num_reads=5)
    if name == "UncoupledComposite":
        return samplers.UncoupledComposite(samplers.GibbsSampler(num_sweeps=3))
    if name == "RecordedSampler":
        return samplers.RecordedSampler(samplers.GibbsSampler(num_sweeps=3), new_path("recording"))
    if name == "MockQPUSampler":
        return tiny_device()
    if name == "DWaveQPUSampler":
        return samplers.DWaveQPUSampler(device=tiny_device())
    raise KeyError(name)


DEVICES = ("MockQPUSampler", "DWaveQPUSampler")
COMPOSITES = ("DimodSampler", "EmbeddedSampler", "UncoupledComposite", "RecordedSampler")
ALL = (*PLAIN, *COMPOSITES, *DEVICES)
WEIGHTS = {"NealSampler": 1.0, "ImaginaryTimeCircuitSampler": 1.0, "EmbeddedSampler": 1.5}


def some_parameters(source, sampler, most=2):
    """Values within the constraints, of parameters that stand alone."""
    constraints = getattr(sampler, "_parameter_constraints", {})
    if type(sampler).__name__ not in PLAIN:
        return {}
    free = set(constraints) - APART - {"num_reads", "seed", "beta"}
    found = {name: inside(source, name, constraints[name]) for name in source.subset(free, most)}
    return {name: value for name, value in found.items() if value is not None}


def _beta(source, name):
    """A temperature, or none where that is a search."""
    if name in DEVICES:
        return {}
    if name in ("GibbsSampler", "UncoupledComposite", "RecordedSampler"):
        return {"beta": abs(source.number())}
    return {"beta": source.choice(None, 0.0, abs(source.number()))}


def _model_for(source, name):
    if name in DEVICES:
        nodes = tiny_device().nodelist
        edges = [edge for edge in tiny_device().edgelist if source.flag()]
        model = dimod.BinaryQuadraticModel("SPIN")
        for node in source.subset(nodes, 6):
            model.add_linear(node, source.number(-1, 1))
        for edge in edges:
            model.add_quadratic(*edge, source.number(-1, 1))
        return model
    return bqm(source, most=4 if name == "ImaginaryTimeCircuitSampler" else 6)


def _sample(source, name):
    class_name = name.split(".")[1]
    sampler, model = make(class_name), _model_for(source, class_name)
    reads = source.integer(1, 5)
    arguments = {"bqm": model, "num_reads": reads, **_beta(source, class_name)}
    if class_name not in DEVICES:
        arguments["seed"] = _seed(source, class_name)
    arguments |= some_parameters(source, sampler)
    return Case(
        sampler.sample,
        arguments,
        lambda samples: check_samples(samples, model, reads),
        may_refuse=class_name == "EmbeddedSampler"
        or (class_name == "RecordedSampler" and b"x" in model.variables),  # which JSON has not
    )


def _seed(source, name):
    """dwave-samplers takes 32 bits."""
    return source.choice(0, 1, 2**31 - 1) if name == "DimodSampler" else source.seed()


def _sample_dicts(source, name):
    """sample_ising and sample_qubo."""
    class_name, door = name.split(".")[1:]
    sampler, model = make(class_name), _model_for(source, class_name)
    words = {"num_reads": 2, **_beta(source, class_name)}
    if door == "sample_ising":
        h, J, _ = model.to_ising()
        case = Case(lambda h, J: sampler.sample_ising(h, J, **words), {"h": h, "J": J})
    else:
        Q, _ = model.to_qubo()
        case = Case(lambda Q: sampler.sample_qubo(Q, **words), {"Q": Q})
    case.may_refuse = class_name in (*DEVICES, "EmbeddedSampler") or b"x" in model.variables
    return case


def _sample_arrays(source, name):
    class_name = name.split(".")[1]
    sampler = make(class_name)
    arguments = family(source, most=4 if "Circuit" in class_name else 5)
    h, J = arguments["h"], arguments["J"]
    reads = source.integer(1, 4)
    arguments |= {
        "num_reads": reads,
        "seed": _seed(source, class_name),
        **_beta(source, class_name),
    }
    arguments |= some_parameters(source, sampler, 1)
    kept = None
    extra = source.choice("none", "keep", "groups", "seeds", "states")
    takes = getattr(sampler, "_call_parameters", lambda: [])()
    if extra == "keep":
        kept = source.subset(range(h.shape[1]), h.shape[1])
        arguments["keep"] = np.array(kept, int)
    elif extra == "groups" and isinstance(J, np.ndarray):
        arguments["J"] = J[np.newaxis]
        arguments["groups"] = np.zeros(len(h), int)
    elif extra == "seeds":
        arguments["seed"] = source.rng.integers(0, 2**62, len(h))
    elif extra == "states" and "initial_states" in takes and class_name != "EmbeddedSampler":
        arguments["initial_states"] = source.spins(len(h), reads, h.shape[1])
        if "clamped" in takes and source.flag():
            arguments["clamped"] = source.rng.random((len(h), reads, h.shape[1])) < 0.3

    def check(answer):
        states, energies, info = answer
        check_states(states, energies, h, J, reads, kept)
        assert isinstance(info, dict)

    return Case(sampler.sample_arrays, arguments, check, may_refuse=class_name == "EmbeddedSampler")


def _construct(source, name):
    """Parameters of the constructor within their bounds, or one beside them, which is refused."""
    class_name = name.split(".")[1]
    kind = getattr(samplers, class_name)
    constraints = kind._parameter_constraints
    free = set(constraints) - APART - {"profile", "params"}
    free -= {"beta"} if class_name == "EmbeddedSampler" else set()
    values = dict(PLAIN.get(class_name, TINY if class_name == "MockQPUSampler" else {}))
    if class_name in PLAIN:
        chosen = source.subset(free, 3)
        found = {each: inside(source, each, constraints[each]) for each in chosen}
        values |= {each: value for each, value in found.items() if value is not None}
    elif class_name == "MockQPUSampler":
        numbers = free - {
            "topology_type",
            "topology_shape",
            "broken_nodes",
            "broken_edges",
            "faults",
            "quota",
            "latency",
            "chip",
        }
        for each in source.subset(numbers, 2):
            values[each] = inside(source, each, constraints[each])
    beside = None
    if source.flag():
        names = [each for each in sorted(free) if not isinstance(constraints[each], str)]
        chosen = source.choice(*names)
        for value in outside(source, constraints[chosen]):
            beside, values[chosen] = chosen, value
    words = {"beta": 1.0} if class_name in PLAIN and "beta" not in values else {}

    def call(**parameters):
        sampler = kind(**parameters)
        if class_name == "MockQPUSampler":
            drawn = sampler.sample_ising({sampler.nodelist[0]: 0.5}, {}, num_reads=2)
        else:
            drawn = sampler.sample_ising({"a": 0.5}, {"ab": -1.0}, **words)
        read_properties(sampler)
        return drawn

    def check(_):
        assert beside is None, f"took a value of {beside!r} beside its bounds"

    if class_name == "EmbeddedSampler":
        values = {"sampler": device(), **values}
    return Case(call, values, check, may_refuse=beside is not None or class_name not in PLAIN)


def _composite(source, name):
    class_name = name.split(".")[1]
    child = source.choice("gibbs", "exact", "annealing", samplers.GibbsSampler())
    model = bqm(source, 4)

    def call(sampler, **more):
        composite = getattr(samplers, class_name)(sampler, **more)
        read_properties(composite) if class_name == "UncoupledComposite" else None
        return composite.sample(model, beta=0.5, num_reads=2)

    if class_name == "UncoupledComposite":
        return Case(call, {"sampler": child}, lambda samples: check_samples(samples, model))
    if class_name == "DimodSampler":
        return Case(
            call, {"sampler": dimod.RandomSampler(), "params": {"num_reads": 3}}, may_refuse=True
        )
    arguments = {"sampler": samplers.GibbsSampler(), "path": str(new_path("r")), "mode": "auto"}
    has_bytes = b"x" in model.variables  # which JSON has not
    return Case(call, arguments, lambda samples: check_samples(samples, model), has_bytes)


def _close(source, name):
    sampler = make(name.split(".")[1])
    return Case(sampler.close, {})


for _name in ALL:
    _weight = WEIGHTS.get(_name, 4.0 if _name in PLAIN else 2.0)
    entry(f"samplers.{_name}.sample", weight=_weight)(
        lambda source, name=f"samplers.{_name}.sample": _sample(source, name)
    )
    for _door in ("sample_ising", "sample_qubo"):
        entry(f"samplers.{_name}.{_door}", weight=0.5 * min(_weight, 2))(
            lambda source, name=f"samplers.{_name}.{_door}": _sample_dicts(source, name)
        )
    entry(f"samplers.{_name}.close", weight=0.1)(
        lambda source, name=f"samplers.{_name}.close": _close(source, name)
    )
    if _name not in DEVICES:
        entry(f"samplers.{_name}.sample_arrays", weight=_weight)(
            lambda source, name=f"samplers.{_name}.sample_arrays": _sample_arrays(source, name)
        )
    if _name in (*PLAIN, "MockQPUSampler", "EmbeddedSampler"):
        entry(f"samplers.{_name}", weight=min(_weight, 2))(
            lambda source, name=f"samplers.{_name}": _construct(source, name)
        )
    elif _name in COMPOSITES:
        entry(f"samplers.{_name}")(
            lambda source, name=f"samplers.{_name}": _composite(source, name)
        )


@entry("samplers.DWaveQPUSampler")
def _handle(source):
    def call(**parameters):
        sampler = samplers.DWaveQPUSampler(device=tiny_device(), **parameters)
        read_properties(sampler)
        return sampler.sample_ising({sampler.nodelist[0]: 0.5}, {}, num_reads=2)

    arguments = {
        "label": "fuzz",
        "params": {"num_reads": 2},
        "max_retries": source.integer(0, 3),
        "retry_wait": 0.0,
        "annealing_time": source.choice(None, 20.0, 100),
        "budget": samplers.Budget(max_queries=5),
    }
    return Case(call, arguments, may_refuse=True)


@entry(
    "samplers.DWaveQPUSampler.estimate_access_time", "samplers.RecordedSampler.estimate_access_time"
)
def _access_time(source, name):
    sampler = make("DWaveQPUSampler")
    if "Recorded" in name:
        sampler = samplers.RecordedSampler(sampler, new_path("recording"))
    arguments = {"num_qubits": source.integer(1, 8), "num_reads": source.integer(1, 100)}

    def check(seconds):
        assert np.isfinite(seconds) and seconds > 0

    return Case(sampler.estimate_access_time, arguments, check)


@entry(
    "samplers.DWaveQPUSampler.recording_identity",
    "samplers.RecordedSampler.recording_identity",
    "samplers.DWaveQPUSampler.to_networkx_graph",
    "samplers.MockQPUSampler.to_networkx_graph",
    "samplers.RecordedSampler.to_networkx_graph",
    weight=0.1,
)
def _facts(source, name):
    class_name, method = name.split(".")[1:]
    sampler = make(class_name)
    if class_name == "RecordedSampler":
        sampler = samplers.RecordedSampler(tiny_device(), new_path("recording"))
    return Case(getattr(sampler, method), {})


@entry("samplers.RecordedSampler.around", weight=0.2)
def _around(source):
    recorded = make("RecordedSampler")
    return Case(recorded.around, {"sampler": samplers.ExactSampler()})


@entry("samplers.EmbeddedSampler.estimate_cost", "samplers.RecordedSampler.estimate_cost")
def _estimate(source, name):
    sampler = make("EmbeddedSampler")
    if "Recorded" in name:
        sampler = samplers.RecordedSampler(sampler, new_path("recording"))
    arguments = family(source, most=4, forms=False) | {"num_reads": source.integer(1, 50)}
    return Case(sampler.estimate_cost, arguments, may_refuse=True)


@entry(
    "samplers.SimulatedAnnealingSampler.sample_levels",
    "samplers.RecordedSampler.sample_levels",
    weight=3.0,
)
def _levels(source, name):
    sampler = samplers.SimulatedAnnealingSampler(num_sweeps=4)
    if "Recorded" in name:
        sampler = samplers.RecordedSampler(sampler, new_path("recording"))
    n_models, n_weights = source.integer(1, 3), source.integer(1, 4)
    half = source.array(n_weights, n_weights)
    with np.errstate(all="ignore"):
        J = half @ half.T
    J = (J + J.T) / 2
    h = source.array(n_models, n_weights)
    reads = source.integer(1, 3)
    arguments = {
        "h": h,
        "J": J,
        "base": source.array(n_weights),
        "scale": abs(source.array(n_weights)),
        "n_bits": source.integer(1, 5),
        "num_reads": reads,
        "seed": source.seed(),
        "beta": source.choice(None, abs(source.number())),
        "start": source.choice(None, "base", "random"),
        "level_moves": source.choice("level", "bit"),
    }
    if source.integer(0, 2) == 0:
        rows = source.array(3, n_weights)
        arguments |= {"J": abs(source.array(n_weights)), "factors": (rows, np.ones((1, 3)))}

    def check(answer):
        weights, energies, _ = answer
        assert weights.shape == (n_models, reads, n_weights)
        assert np.isfinite(weights).all() and np.isfinite(energies).all()
        if "factors" not in arguments:
            wanted = np.einsum("mri,ij,mrj->mr", weights, J, weights)
            wanted += np.einsum("mri,mi->mr", weights, h)
            size = np.einsum("mri,ij,mrj->mr", abs(weights), abs(J), abs(weights)) + 1
            size += np.einsum("mri,mi->mr", abs(weights), abs(h))
            assert (abs(energies - wanted) <= 1e-9 * size).all(), "other energies"

    return Case(sampler.sample_levels, arguments, check)


# --- budgets, values, errors ---------------------------------------------------------------------


@entry("samplers.Budget")
def _budget(source):
    def call(**limits):
        budget = samplers.Budget(**limits)
        return budget.remaining()

    arguments = {
        "max_qpu_seconds": source.choice(None, 0, 2.5),
        "max_queries": source.choice(None, 0, 3),
        "path": source.choice(None, str(new_path("account"))),
    }
    return Case(call, arguments)


@entry(
    "samplers.Budget.close_call",
    "samplers.Budget.open_call",
    "samplers.Budget.remaining",
    "samplers.Budget.spent",
    weight=0.5,
)
def _account(source, name):
    budget = samplers.Budget(max_queries=10)
    method = name.split(".")[-1]
    number = budget.open_call(10.0)
    arguments = {
        "close_call": {"number": number, "qpu_time": 5.0, "fault": source.choice(None, "gone")},
        "open_call": {"qpu_time": abs(source.number())},
    }.get(method, {})

    def call(**words):
        answer = getattr(budget, method)(**words)
        assert budget.spent()["queries"] >= 0
        return answer

    return Case(call, arguments)


@entry(
    "samplers.BudgetSpent",
    "samplers.DeviceCallFailed",
    "samplers.EmbeddingError",
    "samplers.RecordingError",
    weight=0.1,
)
def _errors(source, name):
    kind = getattr(samplers, name.split(".")[1])

    def call(message):
        error = kind(message)
        assert isinstance(error, Exception) and str(message) in str(error)

    return Case(call, {"message": "the device is gone"})


@entry(
    "samplers.EffectiveBeta", "samplers.LogPartitionFunction", "samplers.StaticOffsets", weight=0.2
)
def _values(source, name):
    kind = getattr(samplers, name.split(".")[1])
    arguments = {
        "EffectiveBeta": {"beta_eff": 1.0, "stderr": 0.1, "method": "pseudo-likelihood"},
        "LogPartitionFunction": {
            "value": source.array(2),
            "standard_error": np.zeros(2),
            "lower": np.zeros(2),
            "upper": np.zeros(2),
            "method": "enumeration",
        },
        "StaticOffsets": {
            "h": {0: 0.1},
            "h_stderr": {0: 0.1},
            "J": {},
            "J_stderr": {},
            "h_noise": 0.0,
            "J_noise": 0.0,
        },
    }[name.split(".")[1]]
    return Case(lambda **words: repr(kind(**words)), arguments)


@entry(
    "samplers.QPUProfile",
    "samplers.QPUProfile.solver_properties",
    "samplers.get_qpu_profile",
    weight=0.3,
)
def _profile(source, name):
    from dataclasses import fields, replace

    known = samplers.get_qpu_profile(source.choice("advantage", "ideal"))
    if name.endswith("get_qpu_profile"):
        return Case(samplers.get_qpu_profile, {"name": known.name})
    if name.endswith("solver_properties"):
        return Case(known.solver_properties, {})
    values = {field.name: getattr(known, field.name) for field in fields(known)}
    return Case(lambda **words: read_properties(replace(known, **words)), values, may_refuse=True)


@entry(
    "samplers.Embedding", "samplers.Embedding.from_chains", "samplers.Embedding.to_dict", weight=0.5
)
def _embedding(source, name):
    chains = [[0, 4], [1], [5, 2]]
    if name.endswith("to_dict"):
        return Case(samplers.Embedding.from_chains(chains, "given").to_dict, {})
    if name.endswith("from_chains"):
        arguments = {"chains": chains, "source": "given", "seconds": 0.0}
        return Case(samplers.Embedding.from_chains, arguments, read_properties)
    arguments = {
        "chains": ((0, 4), (1,)),
        "embedding_id": "0" * 16,
        "source": "given",
        "seconds": 0.0,
    }
    return Case(lambda **words: repr(samplers.Embedding(**words)), arguments)


# --- functions -----------------------------------------------------------------------------------


@entry("samplers.check_sampler")
def _check_sampler(source):
    arguments = {
        "sampler": source.choice(*samplers.get_sampler_names(), None, dimod.RandomSampler()),
        "default": "gibbs",
        "intent": "thermal",
        "caller": "fuzz",
    }
    return Case(samplers.check_sampler, arguments)


@entry("samplers.get_sampler_names", "samplers.get_sampler_status", weight=0.05)
def _names(source, name):
    return Case(getattr(samplers, name.split(".")[1]), {})


@entry("samplers.estimate_effective_beta", weight=3.0)
def _beta_eff(source):
    model = family(source)
    arguments = {
        **model,
        "states": source.spins(len(model["h"]), 20, model["h"].shape[1]),
        "method": source.choice("pseudo-likelihood", "moment-matching"),
        "num_bootstrap": source.choice(0, 5),
        "seed": source.seed(),
    }

    def check(found):
        assert np.isnan(found.beta_eff) or np.isnan(found.stderr) or found.stderr >= 0

    return Case(samplers.estimate_effective_beta, arguments, check)


@entry("samplers.estimate_static_offsets", weight=0.5)
def _offsets(source):
    arguments = {
        "sampler": tiny_device(),
        "num_reads": 120,
        "num_calls": source.integer(1, 2),
        "beta_eff": source.choice(0.5, 2.0),
        "seed": source.choice(0, 1, 2**31),
    }
    return Case(samplers.estimate_static_offsets, arguments)


@entry("samplers.find_embedding", weight=1.0, seconds=40.0)
def _find(source):
    n_spins = source.integer(1, 5)
    edges = [(i, j) for i in range(n_spins) for j in range(i) if source.flag()]
    arguments = {
        "n_spins": n_spins,
        "edges": edges,
        "target": samplers.working_graph(device()),
        "method": source.choice("auto", "clique", "minorminer", "star", "biclique"),
        "seed": source.integer(0, 3),
        "timeout": 5.0,
        "cache": source.flag(),
    }

    def check(found):
        chains = found.chains
        assert len(chains) == n_spins
        qubits = [qubit for chain in chains for qubit in chain]
        assert len(set(qubits)) == len(qubits)
        graph = samplers.working_graph(device())
        for i, j in edges:
            assert any(graph.has_edge(a, b) for a in chains[i] for b in chains[j])

    # A star is refused where the edges are none, and so on.
    may_refuse = arguments["method"] in ("star", "biclique", "minorminer", "clique")
    return Case(samplers.find_embedding, arguments, check, may_refuse)


@entry("samplers.log_partition_function", weight=4.0)
def _log_z(source):
    model = family(source, most=5)
    h, J = model["h"], model["J"]
    beta = abs(source.number())
    method = source.choice(
        "auto",
        "enumeration",
        "population",
        "annealed-importance",
        "bracket",
        "tree-decomposition",
        "diagonalization",
    )
    arguments = {
        **model,
        "beta": beta,
        "method": method,
        "seed": source.seed(),
        "population_size": 20,
        "num_runs": 10,
        "num_temperatures": 4,
        "num_sweeps": source.choice(None, 2),
        "transverse_field": 0.0,
        "num_slices": 4,
    }

    def check(found):
        assert found.value.shape == (len(h),)
        if (found.standard_error == 0).all():
            states = 2 * ((np.arange(2 ** h.shape[1])[:, None] >> np.arange(h.shape[1])) & 1) - 1
            energies = energies_of(np.repeat(states[None], len(h), 0), h, J)
            with np.errstate(all="ignore"):
                exact = np.logaddexp.reduce(-beta * energies, axis=1)
            with np.errstate(over="ignore"):
                size = beta * np.abs(energies).max(axis=1) + 10
            if not np.isfinite(size).all():
                return
            assert (abs(found.value - exact) <= 1e-9 * size).all(), "another log Z"

    return Case(
        samplers.log_partition_function, arguments, check, may_refuse=method == "diagonalization"
    )


@entry("samplers.steepest_descent", weight=2.0)
def _descent(source):
    model = family(source)
    h, J = model["h"], model["J"]
    states = source.spins(len(h), 3, h.shape[1])

    def check(answer):
        found, energies = answer
        check_states(found, energies, h, J, 3)
        before = energies_of(states, h, J)
        assert (energies <= before + 1e-9 * (np.abs(before) + np.abs(h).sum() + abs(J).sum())).all()

    return Case(samplers.steepest_descent, {**model, "initial_states": states}, check)


@entry("samplers.working_graph", weight=0.2)
def _graph(source):
    return Case(samplers.working_graph, {"sampler": source.choice(device(), tiny_device())})
