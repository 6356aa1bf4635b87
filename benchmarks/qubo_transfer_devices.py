"""Transferred networks on the mock device: embeddings of all sizes, and draws through them."""

import time
import warnings
from dataclasses import dataclass, replace
from itertools import islice

import dwave.graphs
import networkx
import numpy as np
import scipy.sparse
from qubo_transfer_data import convolutional_network
from scipy.special import logit, softmax
from sklearn.frozen import FrozenEstimator

from qsklearn import QUBOTransferClassifier
from qsklearn.hamiltonians import (
    LayeredHamiltonian,
    convolution_matrix,
    or_pooling,
    pooling_membership,
)
from qsklearn.neural_network._family_draws import FamilyDraws, seeds_of_rows
from qsklearn.neural_network._qubo_transfer._draws import ClassDraws, random_states
from qsklearn.samplers import (
    EmbeddedSampler,
    EmbeddingError,
    GibbsSampler,
    MockQPUSampler,
    find_embedding,
    get_qpu_profile,
)
from qsklearn.samplers._temperature_belief import TemperatureBelief

SEARCH_SEEDS = (0, 1)  # the second only where the first fails
SEARCH_SECONDS = 150.0
N_READS = 100
N_IMAGES = 200
N_HELD = 25  # held-out images by which settings are chosen
N_HELD_OF_LARGE = 8  # of models of many units, which the mock takes long for
N_WARM = 16  # images of a call that only finds the temperature
MAX_WARM_CALLS = 10
MANY = 100  # units, from which the mock draws with half as many sweeps
WEAKER = 4.0  # by which a program is, that only finds the temperature: its chains hold
HELD_FIELD = 30.0  # of black and white pixels that are units
DEVICES_OF_LARGEST = ("ideal, P16", "Advantage2, Z15")
CHIPS = {"P16": ("pegasus", (16,)), "Z15": ("zephyr", (15, 4))}
DEVICES = ("ideal, P16", "Advantage, P16", "ideal, Z15", "Advantage2, Z15")


@dataclass(frozen=True)
class Setting:
    """A belief about the inverse temperature, a penalty in units of the automatic one, chains.

    ``beta_eff`` and ``chain_strength`` are in the device's units; ``chain_strength=None`` is the
    strongest.
    """

    name: str
    beta_eff: float | str = 3.0
    penalty: float = 1.0
    chain_strength: float | None = None


SETTINGS = (
    Setting("β estimated", beta_eff="auto"),
    Setting("β of weak calls", beta_eff="weak"),
    Setting("β 6", beta_eff=6.0),
    Setting("β 3"),
    Setting("β 1.5", beta_eff=1.5),
    Setting("β 3, A / 2", penalty=0.5),
    Setting("β 3, 2 A", penalty=2.0),
    Setting("β 3, weak chains", chain_strength=1.0),
)


# --- embeddings ---------------------------------------------------------------------------------


def run_embeddings(args, report):
    """Qubits, chains and CPU seconds of each model on each chip."""
    rows = []
    for name, hamiltonian in list(models().items())[: 3 if args.short else None]:
        pairs = couplings_of(hamiltonian)
        for chip in CHIPS:
            for seed in SEARCH_SEEDS:
                found, seconds = embed(hamiltonian, chip, seed)
                remember(args, hamiltonian.n_units, chip, found)
                rows.append([name, len(pairs), chip, seed, *described(found), f"{seconds:.1f}"])
                print(*rows[-1], sep=" | ", flush=True)
                if not isinstance(found, str):
                    break
    report.table(
        ["model", "couplings", "chip", "seed", "method", "qubits", "longest chain", "mean chain",
         "CPU seconds"],
        rows,
    )  # fmt: skip
    report.line(
        f"find_embedding on whole chips, nothing cached, {SEARCH_SECONDS:.0f} s of wall time for a "
        "search at most."
    )


def models():
    """The paper's models by name, of any weights."""
    convolution = convolution_matrix(np.ones((8, 1, 5, 5)), (1, 14, 14), stride=3)
    features, *_ = or_pooling(pooling_membership((5, 2, 2), (2, 2)), 10.0, 5.0)
    hidden, classes = np.ones((128, 24)), np.ones((24, 10))
    return {
        "class unit, 10": layered(),
        "5 x 5 digits, 20 + 5 + 5": layered(features, np.ones((5, 5))),
        "floating or DRBM, 40 + 10": layered(np.ones((40, 10))),
        "clamped image, 128 + 24 + 10": layered(hidden, classes),
        "all layers, 196 + 128 + 24 + 10": layered(convolution, hidden, classes),
    }


def layered(*weights):
    sizes = [w.shape[0] for w in weights] + [weights[-1].shape[1] if weights else 10]
    return LayeredHamiltonian(weights, tuple(map(np.zeros, sizes)), penalty=1.0)


def couplings_of(hamiltonian):
    """Pairs of units that are coupled, shape (n_couplings, 2)."""
    family = hamiltonian.build(np.zeros((1, hamiltonian.layer_sizes[0])))
    upper = scipy.sparse.triu(scipy.sparse.coo_array(family.couplings), 1, format="coo")
    return np.column_stack([upper.row, upper.col])


def graph_of(chip):
    type_, shape = CHIPS[chip]
    return networkx.freeze(getattr(dwave.graphs, f"{type_}_graph")(*shape))


def embed(hamiltonian, chip, seed):
    """An embedding, or why there is none; and CPU seconds."""
    pairs, graph = couplings_of(hamiltonian), graph_of(chip)
    started = time.process_time()
    try:
        found = find_embedding(
            hamiltonian.n_units, pairs, graph, seed=seed, timeout=SEARCH_SECONDS, cache=False
        )
    except EmbeddingError:
        found = "none found"
    return found, time.process_time() - started


def described(found):
    if isinstance(found, str):
        return [found, "", "", ""]
    mean = found.n_qubits / len(found.chains)
    return [found.source, found.n_qubits, found.max_chain_length, f"{mean:.1f}"]


def remember(args, n_units, chip, found):
    """Keep the embedding of fewest qubits for the draws."""
    known = vars(args).setdefault("embeddings", {})
    if isinstance(found, str):
        return
    best = known.setdefault((n_units, chip), found)
    if found.n_qubits < best.n_qubits:
        known[n_units, chip] = found


def embedding_of(args, hamiltonian, chip):
    """That of the table, or the first that a seed finds."""
    key = hamiltonian.n_units, chip
    for seed in SEARCH_SEEDS:
        if key not in vars(args).get("embeddings", {}):
            remember(args, *key, embed(hamiltonian.with_penalty(1.0), chip, seed)[0])
    return vars(args)["embeddings"].get(key)


# --- draws --------------------------------------------------------------------------------------


@dataclass
class Contender:
    """A model, and images as it gets them: held-out ones, then test images.

    ``law`` is without a penalty; ``probabilities`` are the joint law's, exact or of long chains.
    """

    name: str
    law: object
    penalty: float
    readout: str
    n_held: int
    inputs: np.ndarray
    shifts: np.ndarray
    seeds: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray

    def take(self, rows):
        arrays = ("inputs", "shifts", "seeds", "labels", "probabilities")
        return replace(self, **{name: getattr(self, name)[rows] for name in arrays})

    @property
    def beta(self):
        return None if self.readout == "lowest" else 1.0


def run_devices(args, report):
    """Draws through embeddings: a choice of settings on held-out images, then test images."""
    visible_laws(args, report)
    answers, devices, choices = [], [], []
    n_contenders, n_devices = (3, 1) if args.short else (None, None)
    for contender in islice(contenders(args), n_contenders):
        names = DEVICES if contender.law.n_units < 300 else DEVICES_OF_LARGEST
        for device in names[:n_devices]:
            setting, cells, belief = choose(args, contender, device)
            choices.append([contender.name, device, f"{contender.penalty:.1f}", *cells])
            if setting is None:
                answers.append([contender.name, device, "does not embed", *[""] * 6])
                continue
            tested = contender.take(slice(contender.n_held, None))
            measured = measure(args, tested, device, setting, belief)
            answers.append([contender.name, device, *answers_of(measured)])
            devices.append([contender.name, device, *device_of(measured)])
            print(*answers[-1], *devices[-1][2:], sep=" | ", flush=True)
    report.heading("Held-out images, by settings: agreement with the law / distance from it")
    report.table(["model", "device", "A", *[s.name for s in SETTINGS]], choices)
    report.line(
        f"{N_HELD} images, {N_HELD_OF_LARGE} of four layers. A is what the estimator takes for "
        "a device; β, in the device's units, is what the energies are programmed for, estimated "
        f"from calls of {N_WARM} images until it settles, or from one "
        f"whose program is {WEAKER:.0f} times as weak, or given. Chains are as strong as the "
        "device can, 2, weak ones 1. Programs out of range are scaled as a whole. For the readout "
        "'lowest' they are scaled to fill the ranges, beside chains by torque compensation, and β "
        "does not count. The best agreement, and of equals the least distance, is taken on."
    )
    report.heading(f"{N_IMAGES} test images, {N_READS} reads each: answers")
    report.table(
        ["model", "device", "accuracy", "the law's", "agrees with it", "after descent",
         "descent from random states", "one-hot reads", "images without any"],
        answers,
    )  # fmt: skip
    report.heading("The same: devices")
    report.table(
        ["model", "device", "penalty", "chain strength", "broken chains",
         "programmed for β", "scale", "inverse temperature", "single qubits'",
         "distance from the law", "independent draws'",
         "ms of QPU access an image", "mock, CPU s"],
        devices,
    )  # fmt: skip
    report.line(EXPLANATION)


EXPLANATION = """
Agreement is with the most probable class of the joint law: summed where it can be, else from
Gibbs chains (64 of 150 sweeps, class probabilities given the layer below). Reads without exactly
one class bit up do not count, and an image without any is wrong. Inverse temperature: by
pseudo-likelihood, of the last call's draws as unembedded, in the device's units; what the mock
draws single qubits at, no real device tells. The realistic profiles freeze chains at a quarter of
it, so that models of chains are hotter. The distance is the total variation of frequencies from
the law.
One image a call. All 358 units: pixels are black or
white, held by fields of 30 (see the first table). Standard errors are over images.""".strip()


def contenders(args):
    """Models with held-out images first, and test images behind them."""
    large, small = args.images, args.images.halved()
    module = convolutional_network(args)
    shape = {"image_shape": (1, 28, 28), "random_state": 0}
    class_unit = transfer_of(module, large, **shape)
    yield contender_of("class unit, lowest", class_unit, large, "lowest")
    yield contender_of("class unit, draws", class_unit, large, "onehot")
    floating = transfer_of(module, large, mode="float", **shape)
    yield contender_of("floating, 40 + 10", floating, large, "onehot")
    drbm = trained(args, "drbm", large, mode="drbm", **shape)
    yield contender_of("DRBM, 40 + 10", drbm, large, "onehot")
    network = network_of(args, small)
    yield contender_of("four layers, image clamped: 162", network, small, "onehot")
    yield contender_of("four layers, all units: 358", network, small, "onehot", visible=True)


def transfer_of(module, images, **parameters):
    """A transfer of a trained network."""
    (X, y), _, _ = images.split(0)
    return QUBOTransferClassifier(FrozenEstimator(module), **parameters).fit(X[:2000], y[:2000])


def trained(args, name, images, **parameters):
    """A network of the package's own, trained to be transferred; kept for a run."""
    known = vars(args).setdefault("transfers", {})
    if name not in known:
        (X, y), _, _ = images.split(0)
        known[name] = QUBOTransferClassifier(**parameters).fit(X, y)
    return known[name]


def network_of(args, small):
    """The four layers, trained for the joint law."""
    return trained(
        args, "network", small, mode="network", n_hidden=24, image_shape=(1, 14, 14), random_state=0
    )  # fmt: skip


def contender_of(name, transfer, images, readout, visible=False):
    (known, _), held, test = images.split(0)
    large = transfer._compiled.hamiltonian.n_units > MANY
    n_held = N_HELD_OF_LARGE if large else N_HELD
    X, labels = (np.concatenate([held[part][:n_held], test[part][:N_IMAGES]]) for part in range(2))
    inputs, shifts = transfer._model_inputs(X)
    law = transfer._compiled.hamiltonian
    # As the estimator chooses it, for what it knows to be a device.
    penalty = 1.05 * transfer._needed_penalty(known[:2000]) + 4.0
    if visible:
        law, inputs = transfer._compiled.visible, held_fields(X, HELD_FIELD)
    rows = inputs, shifts, seeds_of_rows(X, 0), labels, law_of(law, inputs)
    return Contender(name, law, penalty, readout, n_held, *rows)


def held_fields(X, field):
    """Fields that hold pixels black or white."""
    return np.where(X > 0.5, field, -field)


def visible_laws(args, report):
    """What becomes of the four layers' law when the pixels are units too, by their fields."""
    small = args.images.halved()
    network = network_of(args, small)
    X, labels = (part[:N_IMAGES] for part in small.test)
    law, visible = network._compiled.hamiltonian, network._compiled.visible
    black = (X > 0.5).astype(float)
    clamped = {
        "grey": law_of(law, network._compiled.front(X)),
        "black": law_of(law, network._compiled.front(black)),
    }
    rows = []
    for name, inputs, same in (
        ("grey, clamped", None, "grey"),
        ("grey, logits up to 8", np.clip(logit(X), -8.0, 8.0), "grey"),
        ("grey, logits up to 30", np.clip(logit(X), -30.0, 30.0), "grey"),
        ("black and white, clamped", None, "black"),
        ("black and white, fields of 8", held_fields(X, 8.0), "black"),
        ("black and white, fields of 30", held_fields(X, 30.0), "black"),
        ("black and white, fields of to_bqm", visible.holding_inputs(X > 0.5, 8.0), "black"),
    ):
        found = (clamped[same] if inputs is None else law_of(visible, inputs)).argmax(axis=1)
        agrees = (found == clamped[same].argmax(axis=1)).astype(float)
        rows.append([name, share((found == labels).astype(float)), share(agrees)])
    pulls = np.abs(visible.weights[0]).sum(axis=1).max()
    report.heading("The four layers' joint law, with the pixels clamped or as units (no device)")
    report.table(["pixels", "accuracy", "agrees with them clamped"], rows)
    report.line(
        f"{N_IMAGES} test images, Gibbs chains. A pixel is pulled by up to {pulls:.0f} by the "
        "units of the convolution above it: fields must hold against that."
    )


def law_of(law, inputs):
    """Class probabilities of the joint law, of chains where they cannot be summed."""
    if law.is_summable:
        return law.class_probabilities(inputs)
    family = law.build(inputs)
    sampler = GibbsSampler(num_reads=64, num_sweeps=150, seed=0, num_threads=1)
    below = np.arange(family.n_spins)[list(law.layers.values())[-2]]
    states, _, _ = sampler.sample_arrays(
        family.fields, family.couplings, beta=1.0, keep=below, one_hot=family.one_hot
    )
    fields = (states + 1) / 2 @ law.weights[-1] + law.biases[-1]
    return softmax(fields, axis=-1).mean(axis=1)


def choose(args, contender, device):
    """Settings by agreement on held-out images, all agreements, and the best's temperature."""
    held = contender.take(slice(0, contender.n_held))
    best, chosen, kept, cells = (-1.0, 0.0), None, None, []
    if embedding_of(args, contender.law, device.split(", ")[1]) is None:
        return None, ["-"] * len(SETTINGS), None
    for setting in SETTINGS:
        if is_left_out(contender, setting):
            cells.append("-")
            continue
        belief = warm_up(args, held, device, setting)
        measured = measure(args, held, device, setting, belief)
        score = measured["raw"].mean(), -measured["distance"]
        cells.append(f"{score[0]:.2f} / {measured['distance']:.2f}")
        if score > best:
            best, chosen, kept = score, setting, belief
    print(contender.name, device, *cells, sep=" | ", flush=True)
    return chosen, cells, kept


def is_left_out(contender, setting):
    """A search knows no temperature, and has chains of its own; 358 units take long."""
    if contender.readout == "lowest":
        return setting.beta_eff != 3.0 or setting.chain_strength is not None
    is_large = contender.n_held == N_HELD_OF_LARGE
    changes = setting.penalty > 1.0 or setting.chain_strength is not None
    return is_large and (changes or setting.beta_eff == "auto" and contender.law.n_units > 300)


def warm_up(args, contender, device, setting):
    """What is believed of the temperature when it no longer moves; None where it is given."""
    if contender.beta is None or isinstance(setting.beta_eff, float):
        return None
    draws = FamilyDraws(sampler_of(args, contender, device, setting), "auto", N_READS, None)
    some = contender.take(slice(0, N_WARM))
    law = contender.law.with_penalty(setting.penalty * contender.penalty)
    family = law.build(some.inputs, some.shifts)
    if setting.beta_eff == "weak":
        weak = family.scaled(1.0 / WEAKER)
        quietly(draws.draw_family, weak, some.seeds)
        estimate = draws.belief.history[-1]
        return TemperatureBelief(estimate) if estimate[0] > 0 else draws.belief
    for call in range(MAX_WARM_CALLS):
        before = draws.beta_eff
        quietly(draws.draw_family, family, some.seeds + np.uint64(call))
        if abs(draws.beta_eff - before) < 0.03 * before:
            break
    return draws.belief


def measure(args, contender, device, setting, belief):
    """Draws of a model on a device, and what they say."""
    sampler = sampler_of(args, contender, device, setting)
    penalty = setting.penalty * contender.penalty
    drawn = ClassDraws(
        contender.law.with_penalty(penalty),
        FamilyDraws(sampler, belief_of(setting, belief), N_READS, None),
        contender.beta,
        descent=False,
        readout=contender.readout,
        lowest_fraction=0.1,
    )
    started = time.process_time()
    measured = quietly(winners_of, drawn, contender)
    programmed = belief_of(setting, belief)
    return measured | {
        "seconds": time.process_time() - started,
        "own_beta": own_beta(sampler.sampler),
        "programmed": "-" if contender.beta is None else f"{programmed:.2f}",
        "penalty": penalty,
    }


def belief_of(setting, belief):
    """As a number, so that one call's estimate does not move the next one's program."""
    return setting.beta_eff if belief is None else belief.beta_eff


def quietly(call, *arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of scales, which the table has
        return call(*arguments)


def sampler_of(args, contender, device, setting):
    """A device with the model's embedding."""
    profile, chip = device.split(", ")
    num_sweeps = 50 if contender.law.n_units > MANY else 100
    return EmbeddedSampler(
        device_of_name(profile, chip, num_sweeps),
        embedding=embedding_of(args, contender.law, chip),
        chain_strength=setting.chain_strength,
        scaling="scale",
    )


def device_of_name(profile, chip, num_sweeps):
    """A mock of which no qubit is missing, so that the table's embeddings fit."""
    type_, shape = CHIPS[chip]
    profile = get_qpu_profile(profile.lower())
    if profile.name == "ideal" and chip.startswith("Z"):
        advantage2 = get_qpu_profile("advantage2")
        exact = {name: getattr(profile, name) for name in ERRORS}
        profile = replace(advantage2, **exact)
    return MockQPUSampler(
        profile, topology_type=type_, topology_shape=shape, broken_nodes=[], broken_edges=[],
        num_sweeps=num_sweeps, seed=0, num_threads=1,
    )  # fmt: skip


ERRORS = (
    "h_quantisation", "j_quantisation", "h_noise", "j_noise", "h_offset", "j_offset", "freeze_out",
    "drift", "readout_error",
)  # fmt: skip


def own_beta(device):
    return device._own_beta(device._profile(), device._chip())


def winners_of(drawn, contender):
    expected = contender.probabilities.argmax(axis=1)
    rng = np.random.default_rng(0)
    parts = {"raw": [], "descent": [], "random": []}
    right, empty, one_hot, distances, chances = [], [], [], [], []
    first = 0
    for family, states, energies in drawn.states(
        contender.inputs, contender.shifts, contender.seeds
    ):
        rows = slice(first, first + family.n_models)
        first = rows.stop
        random = random_states(family, N_READS, rng)
        counted = {
            "raw": drawn.count_without_fallback(states, energies),
            "descent": drawn.count_without_fallback(*drawn.descend(family, states)),
            "random": drawn.count_without_fallback(*drawn.descend(family, random)),
        }
        for name, counts in counted.items():
            winners = np.where(counts.is_empty, -1, counts.winners())
            parts[name].extend(winners == expected[rows])
            if name == "raw":
                right.extend(winners == contender.labels[rows])
        raw = counted["raw"]
        empty.extend(raw.is_empty)
        one_hot.extend(raw.one_hot)
        distance, chance = distances_of(raw.counts, contender.probabilities[rows])
        distances.extend(distance)
        chances.extend(chance)
    info, cost = drawn.draws.info, drawn.draws.cost
    return {
        **{name: np.array(values, float) for name, values in parts.items()},
        "right": np.array(right, float),
        "law_right": (expected == contender.labels).astype(float),
        "n_empty": int(np.sum(empty)),
        "one_hot": np.mean(one_hot),
        "distance": np.mean(distances),
        "chance": np.mean(chances),
        "broken": drawn.mean_of("chain_break_fraction"),
        "chain_strength": info.get("chain_strength"),
        "scale": float(np.mean(info["scale"])),
        "beta_eff": info.get("beta_eff_device"),
        "beta_eff_stderr": info.get("beta_eff_device_stderr"),
        "qpu_access_time": cost["qpu_access_time"] / len(expected) / 1000,
    }


def distances_of(counts, probabilities):
    """Distance of frequencies from the law, and that of as many independent draws by chance."""
    reads = np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
    distance = np.abs(counts / reads - probabilities).sum(axis=1) / 2
    variance = 2 * probabilities * (1 - probabilities) / (np.pi * reads)
    return distance, np.sqrt(variance).sum(axis=1) / 2


def share(values):
    """Mean over images and its standard error."""
    return f"{values.mean():.3f} ± {values.std(ddof=1) / np.sqrt(len(values)):.3f}"


def answers_of(measured):
    names = ("right", "law_right", "raw", "descent", "random")
    cells = [share(measured[name]) for name in names]
    return [*cells, f"{measured['one_hot']:.3f}", measured["n_empty"]]


def device_of(measured):
    beta = "-"
    if measured["beta_eff"] is not None:
        beta = f"{measured['beta_eff']:.2f} ± {measured['beta_eff_stderr']:.2f}"
    return [
        f"{measured['penalty']:.1f}",
        f"{measured['chain_strength']:.2f}",
        f"{measured['broken']:.4f}",
        measured["programmed"],
        f"{measured['scale']:.2f}",
        beta,
        f"{measured['own_beta']:.2f}",
        f"{measured['distance']:.3f}",
        f"{measured['chance']:.3f}",
        f"{measured['qpu_access_time']:.1f}",
        f"{measured['seconds']:.0f}",
    ]
