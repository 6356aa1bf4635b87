"""The 40 + 10 units of qubo_transfer.txt for MNIST, by its parameters, and what mends them."""

from dataclasses import dataclass

import matplotlib
import numpy as np
import torch
from qubo_transfer_paper import (
    NUM_READS,
    Setting,
    embedded_mock,
    fixed,
    heat_map,
    outputs,
    right,
    shares,
    train,
    usual_mock,
)
from scipy.special import expit, logit, softmax

from qsklearn import QUBOTransferClassifier
from qsklearn.hamiltonians import (
    LayeredHamiltonian,
    has_one_hot_ground_state,
    smallest_penalty,
)

matplotlib.use("Agg")
import matplotlib.pyplot as plt

# The paper's: a row an image, a column a class.
TABLE_2 = np.array(
    [[98, 1, 29, 0, 0, 0, 17, 60, 0, 0], [10, 100, 0, 0, 0, 0, 0, 100, 0, 0],
     [36, 100, 0, 0, 0, 0, 0, 100, 0, 0], [0, 14, 1, 86, 0, 79, 2, 29, 0, 0],
     [55, 1, 2, 12, 0, 14, 20, 1, 31, 46], [0, 0, 0, 69, 0, 100, 40, 0, 0, 0],
     [88, 0, 0, 0, 0, 100, 100, 0, 0, 0], [0, 100, 0, 0, 0, 0, 0, 100, 0, 0],
     [96, 38, 0, 0, 0, 0, 0, 50, 42, 0], [0, 100, 0, 0, 0, 0, 0, 100, 0, 0]]
)  # fmt: skip

LARGE = (1, 28, 28)
N_DRAWN = 500
N_PICKS = 5
ACTIVATIONS = {"sigmoid": torch.nn.Sigmoid, "ReLU": torch.nn.ReLU}


@dataclass
class Transferred:
    """A trained network, and its values of 10,000 images that it has not been trained on."""

    name: str
    module: torch.nn.Sequential
    features: np.ndarray
    logits: np.ndarray

    @property
    def weights(self):
        return self.module[-1].weight.numpy().T.astype(float)


def mnist_network(args, name):
    """A convolution of 8 filters, pools, 40 features, 10 classes without biases."""
    activation = ACTIVATIONS[name]
    torch.manual_seed(0)
    module = torch.nn.Sequential(
        torch.nn.Conv2d(1, 8, 5, stride=2), activation(), torch.nn.MaxPool2d(2),
        torch.nn.Flatten(), torch.nn.Linear(288, 40), activation(),
        torch.nn.Linear(40, 10, bias=False),
    )  # fmt: skip
    (X, y), _, _ = args.images.split(0)
    train(module, X, y, LARGE, epochs=3, batch_size=100, rate=5e-3, seed=0)
    X = args.images.any[0]
    return Transferred(name, module, outputs(module[:-1], X, LARGE), outputs(module, X, LARGE))


def clamped(network, penalty):
    model = LayeredHamiltonian((), (np.zeros(10),), penalty)
    return Setting(f"{network.name}, clamped, A = {penalty:g}", model, network.logits)


def floating(network, bias, penalty):
    """Features as bits; couplings and penalty as the paper has them."""
    model = LayeredHamiltonian(
        (network.weights,), (np.zeros(40), np.zeros(10)), penalty, names=("features", "class")
    )
    return Setting(
        f"{network.name}, floating {bias}, A = {penalty:g}", model, fields(network, bias)
    )


def fields(network, bias):
    f = network.features
    if bias == "logit f":
        least = 1e-13
        return logit(np.clip(f, least, 1 - least))
    return {"f": f, "2f - 1": 2 * f - 1, "4 (2f - 1)": 4 * (2 * f - 1)}[bias]


def mend(setting, penalty):
    name = f"{setting.name.rpartition(',')[0]}, shift, A = {penalty:g}"
    return fixed(name, setting.hamiltonian, setting.inputs, penalty)


def run_mnist(args, report):
    """The 50-bit model of MNIST: ground states, draws, a device, probabilities."""
    networks = {name: mnist_network(args, name) for name in ACTIVATIONS}
    y = args.images.any[1]
    penalty = _auto_penalty(args, networks["sigmoid"])
    report.line("Ground states of the class unit alone.\n")
    _report_ground_states(report, networks, y)
    report.line("Floating features, one-hot states only, exactly.\n")
    _report_floating(report, networks)
    report.line("Mean of the 100 lowest of 1000 exact draws of exp(-E).\n")
    _report_lowest(report, networks, penalty)
    report.line("One image of each class, as in the paper's Table 2.\n")
    tables = _report_picks(report, networks, y, penalty)
    report.line("The same readout as probabilities.\n")
    _report_likelihoods(args, report, networks["sigmoid"])
    _plot_mnist(networks, tables, args.output)


def _auto_penalty(args, network):
    """What the estimator programs by itself."""
    X, y = (part[:1000] for part in args.images.any)
    return QUBOTransferClassifier(network.module, image_shape=LARGE).fit(X, y).penalty_


def _report_ground_states(report, networks, y):
    rows = []
    for network in networks.values():
        logits, truth = network.logits, network.logits.argmax(axis=1)
        ordered = np.sort(logits, axis=1)
        setting = clamped(network, 1.0)
        up = setting.ground_states()
        one_hot = up.sum(axis=1) == 1
        rule = has_one_hot_ground_state(logits, 1.0)
        by_eq_3 = Setting("", setting.hamiltonian, -logits).ground_states()
        mended = mend(setting, 1.0).ground_states()
        agree = (mended.sum(axis=1) == 1) & mended[np.arange(len(y)), truth]
        rows.append(
            [network.name, f"{(truth == y).mean():.4f}",
             f"{ordered[:, -1].mean():.2f}, {ordered[:, -2].mean():.2f}", f"{one_hot.mean():.3f}",
             f"{(one_hot == rule).mean():.4f}", f"{up.sum(axis=1).mean():.2f}",
             f"{_nodes_up_as_printed(ordered).mean():.2f}",
             f"{by_eq_3[np.arange(len(y)), truth].mean():.4f}",
             f"{smallest_penalty(logits).max():.1f}", f"{agree.mean():.4f}"]
        )  # fmt: skip
    report.table(
        ["network", "accuracy", "l(1), l(2)", "one-hot", "rule holds", "bits up",
         "bits up by eq. (4)", "class up by eq. (3)", "A needed", "shifted"],
        rows,
    )  # fmt: skip
    report.line(
        f"{len(y)} images that the networks have not been trained on; A = 1. l(1), l(2): means of "
        "the two largest logits. One-hot: share of the exact ground states; the rule: one-hot if "
        "and only if l(2) < A and l(1) > -A. By eq. (4): with its printed signs, q_cc = 2 and "
        "q_c = -1. By eq. (3): with q_pc = W in its x'Qx, where a positive weight is a cost; share "
        "of the images whose ground state has the network's class up. A needed: for all of these "
        "images. Shifted: share of the images whose one ground state is the network's class at "
        "A = 1, after l - max l.\n"
    )


def _nodes_up_as_printed(ordered):
    """Number of class bits in the ground state of -q_c Σh - q_cc Σhh - l·h, q_c = -1, q_cc = 2."""
    count = np.arange(11)
    gains = np.pad(np.cumsum(ordered[:, ::-1], axis=1), ((0, 0), (1, 0)))
    return (count - count * (count - 1) - gains).argmin(axis=1)


def _report_floating(report, networks):
    rows = []
    for name, biases in (("sigmoid", ("f", "2f - 1", "4 (2f - 1)", "logit f")), ("ReLU", ("f",))):
        network = networks[name]
        truth = network.logits.argmax(axis=1)
        wanted = network.logits - network.logits.mean(axis=1, keepdims=True)
        for bias in biases:
            setting = floating(network, bias, 1.0)
            scores = -setting.hamiltonian.class_free_energies(setting.inputs)
            lowest = setting.hamiltonian.class_free_energies(setting.inputs, None).argmin(axis=1)
            agree = scores.argmax(axis=1) == truth
            recalls = np.array([agree[truth == k].mean() for k in range(10)])
            worst = ", ".join(f"{k}: {recalls[k]:.2f}" for k in np.argsort(recalls)[:3])
            scores -= scores.mean(axis=1, keepdims=True)
            slope = (scores * wanted).sum() / (wanted**2).sum()
            means = expit([setting.inputs.min(), setting.inputs.max()])
            rows.append(
                [network.name, bias, f"{means[0]:.2f} to {means[1]:.2f}",
                 f"{(setting.inputs > 0).mean():.2f}", f"{(lowest == truth).mean():.4f}",
                 f"{agree.mean():.4f}", worst, f"{slope:.2f}"]
            )  # fmt: skip
    report.table(
        ["network", "field", "free mean", "up", "lowest state", "law", "least recall", "slope"],
        rows,
    )
    report.line(
        "Field of a feature of value f; mean of its bit where it is free, over the values that "
        "occur; share of features that are up in the ground state without couplings. Agreement "
        "with the network's class of the lowest one-hot state and of the most probable class, "
        "features summed out; the classes that lose most; slope of the free energies' differences "
        "between classes against the logits'.\n"
    )


def _report_lowest(report, networks, penalty):
    sigmoid, relu = networks["sigmoid"], networks["ReLU"]
    paper = [
        clamped(sigmoid, 1.0),
        clamped(relu, 1.0),
        *(floating(sigmoid, bias, 1.0) for bias in ("f", "2f - 1", "logit f")),
        floating(relu, "f", 1.0),
    ]
    rows = []
    for setting in paper + [mend(setting, penalty) for setting in paper]:
        network = relu if setting.name.startswith("ReLU") else sigmoid
        truth = network.logits.argmax(axis=1)[:N_DRAWN]
        bits, _ = setting.take(slice(N_DRAWN)).lowest()
        scores = 100 * bits.mean(axis=1)
        one_hot = LayeredHamiltonian.one_hot_mask(bits).mean()
        rows.append(
            [setting.name, shares(right(scores, truth)), f"{scores.sum(axis=1).mean():.0f}",
             f"{one_hot:.3f}"]
        )  # fmt: skip
    report.table(["model", "network's class", "row sum", "one-hot"], rows)
    report.line(
        f"{N_DRAWN} images. The network's class has the largest score alone / at all. Shift: the "
        f"largest class score is 0, clip 8, and A = {penalty:g} is what the estimator chooses.\n"
    )


def _report_picks(report, networks, y, penalty):
    """As in Table 2, with images that the network itself has right."""
    rows = [["the paper's Table 2", *_pick_cells([TABLE_2]), "", ""]]
    tables = {}
    for setting, samplers in _contenders(networks):
        network = networks["ReLU" if setting.name.startswith("ReLU") else "sigmoid"]
        picks = _picks(network, y)
        some = setting.take(picks.ravel())
        for name, sampler, beta in samplers:
            bits, info = some.lowest(sampler, beta)
            scores = 100 * bits.mean(axis=1).reshape(N_PICKS, 10, 10)
            tables[setting.name, name] = scores[0]
            broken = info.get("chain_break_fraction")
            scale = info.get("scale")
            rows.append(
                [f"{setting.name}: {name}", *_pick_cells(scores),
                 "" if broken is None else f"{np.mean(broken):.3f}",
                 "" if scale is None else f"{np.mean(scale):.2f}"]
            )  # fmt: skip
    report.table(["model", "right alone", "right at all", "row sum", "broken", "scale"], rows)
    report.line(
        f"Classes right of 10, in {N_PICKS} random choices of images that the network itself has "
        "right. Mock: Advantage, P16 with defects and errors, energies scaled to the device's "
        "ranges; chains by uniform_torque_compensation, strong ones 8 times that. Broken: share of "
        "the chains.\n"
    )
    return tables


def _picks(network, y):
    rng = np.random.default_rng(0)
    fine = network.logits.argmax(axis=1) == y
    columns = [rng.choice(np.flatnonzero(fine & (y == k)), N_PICKS, False) for k in range(10)]
    return np.stack(columns, axis=1)


def _pick_cells(tables):
    classes = np.arange(10)
    alone, at_all = zip(*(right(np.asarray(t, float), classes) for t in tables), strict=True)
    return [
        " ".join(str(a.sum()) for a in alone),
        " ".join(str(a.sum()) for a in at_all),
        f"{np.mean([np.sum(t, axis=1).mean() for t in tables]):.0f}",
    ]


def _strong_chains(bqm, embedding):
    from dwave.embedding.chain_strength import uniform_torque_compensation

    return 8 * uniform_torque_compensation(bqm, embedding)


def _contenders(networks):
    """Models and (name, sampler, beta); None searches, as a device does."""
    sigmoid, relu = networks["sigmoid"], networks["ReLU"]
    exact = ("exact draws", None, 1.0)
    usual = ("mock", usual_mock(), None)
    strong = ("mock, strong chains", embedded_mock(_strong_chains), None)
    yield clamped(sigmoid, 1.0), [exact]
    yield clamped(relu, 1.0), [exact, usual]
    yield floating(sigmoid, "f", 1.0), [exact, usual, strong]
    yield floating(relu, "f", 1.0), [exact, usual]
    yield mend(clamped(relu, 1.0), 4.0), [exact, usual]
    yield mend(floating(sigmoid, "logit f", 1.0), 4.0), [exact, usual]


def _report_likelihoods(args, report, network):
    X, y = args.images.any
    rows = []
    paper = {"readout": "lowest_fraction", "sampler": "exact", "num_reads": NUM_READS}
    for name, settings in (
        ("softmax: the exact law", {}),
        ("1000 one-hot draws", {"sampler": "exact", "num_reads": NUM_READS}),
        ("lowest 100 of 1000, shift", paper),
        ("lowest 100 of 1000, A = 1", {**paper, "penalty": 1.0, "shift": None, "clip": None}),
    ):
        transfer = QUBOTransferClassifier(
            network.module, image_shape=LARGE, random_state=0, **settings
        ).fit(X[:1000], y[:1000])
        p = transfer.predict_proba(X[:2000])
        nll = -np.log(p[np.arange(2000), y[:2000]]).mean()
        one = (p.max(axis=1) > 0.99).mean()
        rows.append([name, f"{nll:.3f}", f"{(p.argmax(1) == y[:2000]).mean():.3f}", f"{one:.3f}"])
    report.table(["probabilities", "nll", "accuracy", "p > .99"], rows)
    own = -np.log(softmax(network.logits[:2000], axis=1)[np.arange(2000), y[:2000]]).mean()
    gap = np.abs(transfer.decision_function(X[:2000]) - network.logits[:2000]).max()
    report.line(
        "2000 images, clamped, sigmoid network. nll: mean of -log p of the label; frequencies are "
        "smoothed by one read. p > .99: share of images with such a class. The network's own "
        f"softmax, without clip, has nll {own:.3f}; decision_function differs from its logits by "
        f"{gap:.0e} at most."
    )


def _plot_mnist(networks, tables, output):
    figure, axes = plt.subplots(1, 4, figsize=(16, 4), layout="constrained")
    penalties = np.linspace(0.05, 14, 200)
    for network in networks.values():
        needed = np.sort(smallest_penalty(network.logits))
        share = np.searchsorted(needed, penalties) / len(needed)
        axes[0].plot(penalties, share, label=network.name)
    axes[0].axvline(1.0, color="grey", linestyle=":", label="the paper's A")
    axes[0].set(xlabel="penalty A, no shift", ylabel="images with a one-hot ground state")
    axes[0].legend(fontsize="small")
    heat_map(axes[1], TABLE_2, "Table 2, as printed")
    chosen = ("sigmoid, floating f, A = 1", "sigmoid, floating logit f, shift, A = 4")
    for axis, name in zip(axes[2:], chosen, strict=True):
        heat_map(axis, tables[name, "mock"], f"mock: {name}")
    figure.savefig(output / "mnist.png", dpi=110)
    plt.close(figure)
