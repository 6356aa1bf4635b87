"""The 5 x 5 digits of qubo_transfer.txt, by its parameters, and what mends them."""

import matplotlib
import numpy as np
import torch
from qubo_transfer_paper import (
    NUM_READS,
    Setting,
    heat_map,
    outputs,
    right,
    train,
    usual_mock,
)

from qsklearn import QUBOTransferClassifier
from qsklearn.datasets import load_drawn_digits
from qsklearn.hamiltonians import (
    LayeredHamiltonian,
    class_shifts,
    or_pooling,
    pooling_membership,
)
from qsklearn.inspection import QUBOMatrixDisplay

matplotlib.use("Agg")
import matplotlib.pyplot as plt

# The paper's: a row an image, a column a class.
TABLE_1 = np.array(
    [[100, 0, 4, 0, 17], [0, 100, 0, 68, 0], [0, 0, 100, 2, 0], [0, 0, 0, 100, 86],
     [47, 0, 27, 22, 100]]
)  # fmt: skip

SMALL = (1, 5, 5)
MEMBERSHIP = pooling_membership((5, 2, 2), 2)
N_NETWORKS = 8
BETAS = (0.1, 0.3, 1.0, 3.0, 10.0)


def digit_network(X, y, seed):
    """20 features, 5 pools, 5 classes: the appendix, without biases."""
    torch.manual_seed(seed)
    module = torch.nn.Sequential(
        torch.nn.Conv2d(1, 5, 3, stride=2, bias=False),
        torch.nn.Sigmoid(),
        torch.nn.MaxPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(5, 5, bias=False),
    )
    return train(module, X, y, SMALL, epochs=2000, batch_size=5, rate=0.05, seed=seed)


def digit_settings(module, X, y):
    """The paper's model of the digits, variants and repairs."""
    features = outputs(module[:2], X, SMALL)
    weights = module[4].weight.numpy().T.astype(float)
    transfer = QUBOTransferClassifier(module, image_shape=SMALL).fit(X, y)
    logits = transfer.decision_function(X)
    large = 2 * logits.max()
    zeros = (np.zeros(20), np.zeros(5), np.zeros(5))
    names = ("visible", "pool", "class")
    paper = LayeredHamiltonian((MEMBERSHIP, weights), zeros, penalty=1.0, names=names)
    couplings, change, costs = or_pooling(MEMBERSHIP, 10.0, 5.0)
    gadget = LayeredHamiltonian(
        (couplings, weights), (change, costs, zeros[2]), penalty=large, names=names
    )
    clamped = transfer.hamiltonian_.with_penalty(1.0)
    signed = 2 * features - 1
    return [
        Setting("paper: q_v = f, A = 1", paper, features),
        Setting("q_v = 2f - 1, A = 1", paper, signed),
        Setting("q_v = f, A = 2 max l", paper.with_penalty(large), features),
        Setting("pools clamped, A = 1", clamped, logits),
        Setting("pools by OR, q_v = 40 (2f - 1), A = 1", gadget.with_penalty(1.0), 40 * signed),
        Setting("pools by OR, q_v = 40 (2f - 1), A = 2 max l", gadget, 40 * signed),
        Setting("pools clamped, shift, A = 1", clamped, logits, class_shifts(logits, "max")),
    ]  # fmt: skip


def run_digits(args, report):
    """The 30-bit model of digits 0 to 4, by its ground states and by the paper's readout."""
    X, y = load_drawn_digits(return_X_y=True)
    n_networks = 2 if args.short else N_NETWORKS
    networks = [digit_network(X, y, seed) for seed in range(n_networks)]
    settings = [digit_settings(module, X, y) for module in networks]
    own = [(outputs(module, X, SMALL).argmax(axis=1) == y).sum() for module in networks]
    device = usual_mock()
    rows, scores = [], {}
    for variants in zip(*settings, strict=True):
        rows.append([variants[0].name, *_digit_cells(variants, y, device)])
        scores[variants[0].name] = 100 * variants[0].lowest()[0].mean(axis=1)
    report.table(
        ["model", "ground state", "row sum", "one-hot", "patterns", "lowest 100", "row sum",
         "mock", "row sum"],
        rows,
    )  # fmt: skip
    report.line(
        f"Means over {n_networks} networks, which themselves have at least {min(own)} of the 5 "
        "digits right. Digits right of 5: their class has the largest score alone / at all. "
        "Ground states are exact; patterns: different ones of the class bits among the 5 digits. "
        "Lowest 100 of 1000: exact draws of exp(-E), and a mock of Advantage with chains by "
        "uniform_torque_compensation. Row sum: of the scores in per cent; the paper's Table 1 has "
        f"{TABLE_1.sum(axis=1).min()} to {TABLE_1.sum(axis=1).max()}, mean "
        f"{TABLE_1.sum(axis=1).mean():.0f}, and 5 right.\n"
    )
    _report_temperatures(report, settings, y)
    _say_what_pools_do(report, [variants[0] for variants in settings])
    defaults = [
        QUBOTransferClassifier(module, image_shape=SMALL, num_reads=NUM_READS, random_state=0)
        for module in networks
    ]
    scores_of_defaults = [transfer.fit(X, y).score(X, y) for transfer in defaults]
    report.line(
        f"QUBOTransferClassifier(network, image_shape={SMALL}) with 1000 exact draws has "
        f"{5 * np.mean(scores_of_defaults):.1f} of 5 right."
    )
    _plot_digits(settings[0][0], scores, args.output)


def _digit_cells(variants, y, device):
    ground, exact, mock, patterns = [], [], [], []
    for setting in variants:
        bits = 100.0 * setting.ground_states()[:, setting.hamiltonian.class_units]
        ground.append([*right(bits, y), bits.sum(axis=1), bits.sum(axis=1) == 100])
        patterns.append(len(np.unique(bits, axis=0)))
        for results, sampler, beta in ((exact, None, 1.0), (mock, device, None)):
            lowest = 100 * setting.lowest(sampler, beta)[0].mean(axis=1)
            results.append([*right(lowest, y), lowest.sum(axis=1)])
    alone, at_all, total, one_hot = np.mean(ground, axis=(0, 2))
    cells = [
        f"{5 * alone:.1f} / {5 * at_all:.1f}", f"{total:.0f}", f"{one_hot:.2f}",
        f"{np.mean(patterns):.1f}",
    ]  # fmt: skip
    for results in (exact, mock):
        alone, at_all, total = np.mean(results, axis=(0, 2))
        cells += [f"{5 * alone:.1f} / {5 * at_all:.1f}", f"{total:.0f}"]
    return cells


def _report_temperatures(report, settings, y):
    """Whether another temperature of the draws would have helped."""
    rows = []
    for variants in list(zip(*settings, strict=True))[:2]:
        cells = []
        for beta in BETAS:
            scores = [100 * setting.lowest(beta=beta)[0].mean(axis=1) for setting in variants]
            alone, at_all = 5 * np.mean([right(score, y) for score in scores], axis=(0, 2))
            cells.append(f"{alone:.1f} / {at_all:.1f}")
        rows.append([variants[0].name, *cells])
    report.table(["lowest 100 of 1000 at beta =", *map(str, BETAS)], rows)


def _say_what_pools_do(report, paper):
    """Pools alone, without classes, on random features."""
    features = np.random.default_rng(0).uniform(-1, 1, (2000, 20))
    truth = (features > 0) @ MEMBERSHIP.toarray() > 0
    blank = np.zeros((5, 1))
    names = ("visible", "pool", "class")
    couplings, change, costs = or_pooling(MEMBERSHIP, 10.0, 5.0)
    single = np.array([-1.0])  # a class that stays down
    flawed = LayeredHamiltonian(
        (MEMBERSHIP, blank), (np.zeros(20), np.zeros(5), single), 0.5, names
    )
    gadget = LayeredHamiltonian((couplings, blank), (change, costs, single), 0.5, names)
    pools = flawed.layers["pool"]
    up = Setting("", flawed, features).ground_states()[:, pools]
    mended = Setting("", gadget, 40 * np.sign(features)).ground_states()[:, pools]
    visible = np.mean([s.ground_states()[:, :20].mean() for s in paper])
    report.line(
        f"Pools alone, {len(features)} random feature vectors in (-1, 1): {truth.mean():.2f} of "
        f"the pools have a feature, {up.mean():.2f} are up in the paper's ground states, and the "
        f"OR gadget's differ from OR on {(mended != truth).mean():.2f} of them (features clamped). "
        f"In the ground states of the digits with q_v = f, {visible:.2f} of the visible bits are "
        "up.\n"
    )


def _plot_digits(setting, scores, output):
    figure, axes = plt.subplots(1, 4, figsize=(15, 3.8), layout="constrained")
    bqm = setting.hamiltonian.to_bqm(setting.inputs[0])
    QUBOMatrixDisplay.from_bqm(bqm, ax=axes[0])
    axes[0].set_title("Q of digit 0", fontsize=9)
    heat_map(axes[1], TABLE_1, "Table 1, as printed")
    chosen = ("paper: q_v = f, A = 1", "pools by OR, q_v = 40 (2f - 1), A = 2 max l")
    for axis, name in zip(axes[2:], chosen, strict=True):
        heat_map(axis, scores[name], name)
    figure.savefig(output / "digits.png", dpi=110)
    plt.close(figure)
