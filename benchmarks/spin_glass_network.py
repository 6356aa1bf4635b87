"""The spin-glass network: the paper's nets and figures, bit depth, samplers, target rules.

Run all of it (about an hour on 2 cores), or some sections::

    python benchmarks/spin_glass_network.py --mnist mnist.npz --fashion fashion_mnist_900.npz
    python benchmarks/spin_glass_network.py --mnist mnist.npz --only nets bits

Tables (reStructuredText) and figures go to ``--output``, those of Fashion-MNIST as ``fashion_*``.
Images are padded to 32 x 32. "Held out" are 5000 images of MNIST's training set that no training
sees, "test" the first half of its test set, which is the harder one; of Fashion-MNIST's 900 images
300 are held out. No section touches a real device.
"""

import argparse
import time
import warnings
from pathlib import Path

import matplotlib
import numpy as np
import torch
from reports import Report
from spin_glass_nets import (
    LARGE_DATA,
    N_EPOCHS,
    NETS,
    Images,
    anneal,
    backpropagate,
    lenet,
    mlp,
    small_lenet,
    with_activation,
)

from qsklearn.hamiltonians import CentredLayer
from qsklearn.neural_network._spin_glass._layer_solver import LayerSolver
from qsklearn.neural_network.layers import FittedLayer, Flatten, Linear, SpectralPool
from qsklearn.samplers import (
    EmbeddedSampler,
    ImaginaryTimeCircuitSampler,
    MockQPUSampler,
    PathIntegralAnnealingSampler,
    SimulatedAnnealingSampler,
)

matplotlib.use("Agg")
import matplotlib.pyplot as plt

N_WATCHED = 1000  # images of each set whose accuracy is followed over the epochs

COLOURS = {
    "backpropagation": "tab:blue",
    "annealed": "tab:red",
    "annealed bits": "tab:orange",
    "annealed, ridge 0.03": "tab:pink",
    "least squares": "black",
    "path integral": "tab:green",
    "mock QPU": "tab:purple",
    "imaginary time circuit": "tab:blue",
    "random strings": "tab:gray",
}


def bits():
    return SimulatedAnnealingSampler(level_moves="bit")


class Runs:
    """Curves of one network by several ways of training and several seeds."""

    def __init__(self, args, layers, n_train, seeds):
        self.images, self.layers, self.seeds = args.images, layers, seeds
        self.n_train, self.n_epochs = self.images.size(n_train), args.epochs
        self.curves, self.final, self.seconds, self.losses = {}, {}, {}, {}

    def run(self, name, fit, **parameters):
        """Train by ``fit`` for each seed; keep accuracies, errors and times."""
        curves, final, seconds, losses = [], [], [], []
        for seed in self.seeds:
            train, held = self.images.split(seed, self.n_train)
            sets = [train, held] + ([self.images.test] if self.images.test else [])
            watched = [(X[:N_WATCHED], y[:N_WATCHED]) for X, y in sets[:2]]
            scores, network, spent = fit(
                self.layers, train, watched, seed, n_epochs=self.n_epochs, **parameters
            )
            curves.append(scores)
            final.append([network.score(X, y) for X, y in sets])
            seconds.append(spent)
            losses.append(np.min(network.loss_curve_) / 10)
        length = min(len(scores[0]) for scores in curves)  # a training that diverges ends early
        self.curves[name] = np.mean([[c[:length] for c in scores] for scores in curves], axis=0)
        self.final[name] = np.array(final)
        self.seconds[name], self.losses[name] = min(seconds), np.array(losses)

    def rows(self, title):
        """Lines of a table: the kept network's accuracies, and what training took."""
        for name, final in self.final.items():
            cells = [with_error(final[:, place]) for place in range(final.shape[1])]
            losses = f"{self.losses[name].mean():.5f}"
            yield [title, name, *cells, losses, f"{self.seconds[name]:.2g}"]

    def draw(self, axes, title, place=1):
        """Accuracy over epochs, of the held-out images unless told otherwise."""
        for name, curves in self.curves.items():
            epochs = np.arange(1, len(curves[place]) + 1)
            style = ":" if name in ("least squares", "random strings") else "-"
            axes.plot(epochs, curves[place], style, color=COLOURS.get(name), label=name)
        axes.set(title=title, xlabel="epoch", ylabel="accuracy")
        axes.legend(fontsize="small")


def with_error(values):
    if len(values) == 1:
        return f"{values[0]:.3f}"
    return f"{np.mean(values):.3f} ± {np.std(values, ddof=1) / np.sqrt(len(values)):.3f}"


def header(images):
    sets = ["train", "held out", "test"] if images.test else ["train", "held out"]
    return ["network", "trained by", *sets, "least squared error", "seconds"]


def usual(runs, parameters, with_bits=True):
    """The ways that each table compares."""
    rates = (1e-3, 1e-2) if runs.n_train <= 1000 else (1e-2,)
    runs.run("annealed", anneal, **parameters)
    if with_bits:
        runs.run("annealed bits", anneal, **{**parameters, "sampler": bits()})
    runs.run("least squares", anneal, **{**parameters, "sampler": "least-squares"})
    runs.run("backpropagation", backpropagate, learning_rates=rates)
    return runs


def save(figure, args, name):
    figure.tight_layout()
    figure.savefig(args.output / f"{args.prefix}{name}.png", dpi=120)
    plt.close(figure)


def panels(n_panels):
    figure, axes = plt.subplots(
        -(-n_panels // 2), 2, figsize=(10, 3.6 * -(-n_panels // 2)), squeeze=False
    )
    for unused in axes.ravel()[n_panels:]:
        unused.axis("off")
    return figure, axes.ravel()[:n_panels]


# --- the paper's nets, Figs. 1 to 4 -------------------------------------------------------------


def run_nets(args, report):
    report.heading(f"{args.images.name}: the paper's networks without activations")
    figure, axes = panels(len(NETS))
    rows = []
    for panel, (name, (layers, parameters)) in zip(axes, NETS.items(), strict=True):
        n_train = 10_000 if name.startswith(LARGE_DATA) else 1000
        runs = usual(Runs(args, layers, n_train, args.seeds), parameters)
        runs.draw(panel, name)
        rows += runs.rows(name)
    report.table(header(args.images), rows)
    report.line(
        f"Means and standard errors over {len(args.seeds)} seeds, each with other training images "
        "and another start; least squared errors per output, of the training images; seconds of "
        f"{args.epochs} epochs, the least of the seeds. Nets (33), (35), (38) and (39) have "
        f"{args.images.size(10_000):,} training images, the others {args.images.size(1000):,}. "
        "Backpropagation: Adam with a learning rate of 0.001 or "
        "0.01, whichever ends with the lower loss of training; with more than 1000 images 0.01."
    )
    save(figure, args, "nets")


# --- with samplers of quantum annealing, Figs. 1b, 2b, 4 ----------------------------------------


def run_devices(args, report):
    report.heading(f"{args.images.name}: networks that fit a device, and a mock of one")
    figure, axes = panels(len(LARGE_DATA))
    rows = []
    chosen = [name for name in NETS if name.startswith(LARGE_DATA)]
    for panel, name in zip(axes, chosen, strict=True):
        layers, parameters = NETS[name]
        runs = Runs(args, layers, 10_000, args.seeds[:1])
        ways = {
            "annealed": None,
            "least squares": "least-squares",
            "path integral": PathIntegralAnnealingSampler(num_sweeps=200),
            "mock QPU": EmbeddedSampler(MockQPUSampler(seed=0), num_reads=100),
        }
        for way, sampler in ways.items():
            runs.run(way, anneal, **{**parameters, "sampler": sampler})
        runs.run("random strings", anneal, **{**parameters, "sampler": random_strings(100)})
        runs.run("backpropagation", backpropagate, learning_rates=(1e-2,))
        runs.draw(panel, name)
        rows += runs.rows(name)
    report.table(header(args.images), rows)
    report.line(
        f"One seed, {runs.n_train:,} training images, 100 reads of the mock QPU (profile "
        "Advantage: noise, freeze-out and all) and as many random strings. Grids that shrink over "
        "the epochs forgive poor minima: equal accuracy is no evidence of a sampler's quality."
    )
    save(figure, args, "devices")


def random_strings(num_reads):
    return SimulatedAnnealingSampler(num_reads=num_reads, num_sweeps=1, beta=0.0)


# --- activations, Fig. 5, and a multilayer perceptron -------------------------------------------


def run_activations(args, report):
    report.heading(f"{args.images.name}: a leaky ReLU of slope 0.001 after each layer")
    nets = {
        name: (with_activation(layers, 1e-3), parameters)
        for name, (layers, parameters) in NETS.items()
        if name.startswith(("(32)", "(34)", "(36)", "(37)"))
    }
    nets["256-64-32-10"] = (mlp(1e-3), {})
    figure, axes = panels(len(nets))
    rows = []
    for panel, (name, (layers, parameters)) in zip(axes, nets.items(), strict=True):
        runs = Runs(args, layers, 1000, args.seeds)
        usual(runs, parameters, with_bits="37" not in name)
        runs.draw(panel, name)
        rows += runs.rows(name)
    report.table(header(args.images), rows)
    save(figure, args, "activations")


def run_rules(args, report):
    report.heading(
        "Rules for the targets of hidden layers: 256-64-32-10, leaky ReLU of slope 0.001"
    )
    rules = {
        "difference (the default)": {},
        "pseudo-inverse, to size 1": {"target": "pseudo_inverse"},
        "pseudo-inverse": {"target": "pseudo_inverse", "target_scale": None},
        "weighted, eqs. (26)-(29)": {"target": "weighted"},
        "divided by slopes, to size 1": {
            "target": "pseudo_inverse",
            "activation_in_target": True,
        },
        "the paper's, eq. (24)": {
            "target": "pseudo_inverse",
            "activation_in_target": True,
            "target_scale": None,
            "inverse_ridge": 0.0,
            "ridge": 0.0,
        },
    }
    rows = []
    for name, parameters in rules.items():
        runs = Runs(args, mlp(1e-3), 1000, args.seeds)
        runs.run("annealed", anneal, **parameters)
        runs.run("least squares", anneal, **{**parameters, "sampler": "least-squares"})
        rows += runs.rows(name)
    report.table(header(args.images), rows)


# --- intercepts ---------------------------------------------------------------------------------


def run_centring(args, report):
    report.heading("Intercepts: energy above the optimum, net (32), 8 bits, ridge 1, 20 epochs")
    rows = []
    for shift in (0.0, 1.0, 10.0):
        (X, y), _ = args.images.split(args.seeds[0], 1000)
        layer = FittedLayer(Linear(10), (X.shape[1],))
        plain = layer.hamiltonian(X + shift, np.eye(10)[y], keep_rows=False)
        centred = CentredLayer.from_hamiltonian(plain).hamiltonian
        variances = centred.diagonal[0, :-1]
        live = np.append(variances > 0, True)
        penalty = np.append(np.full(len(variances), variances[live[:-1]].mean()), 0.0)
        cells = [
            f"{100 * excess(form.with_penalty(penalty).restricted(live), moves):.4f} %"
            for form in (plain, centred)
            for moves in ("level", "bit")
        ]
        rows.append([f"pixels + {shift:g}", *cells])
    report.table(["inputs", "plain, levels", "plain, bits", "centred, levels", "bits"], rows)
    report.line("The same squared error and ridge in both coordinates; intercepts are free.")


def excess(problem, moves):
    """Relative excess of the energy after 20 epochs, outputs keeping what is better."""
    best = problem.energies(problem.minimise()).sum()
    solver = LayerSolver(SimulatedAnnealingSampler(level_moves=moves), 8)
    scale = np.sqrt(problem.constant.mean() / problem.diagonal[0])
    weights = np.zeros_like(problem.linear)
    for epoch, weight_range in enumerate(0.3 * 0.01 ** np.linspace(0, 1, N_EPOCHS)):
        found = solver.solve(problem, weights, weight_range * scale, epoch)
        is_better = problem.energies(found) < problem.energies(weights)
        weights = np.where(is_better[:, np.newaxis], found, weights)
    return problem.energies(weights).sum() / best - 1


# --- LeNet, Figs. 6 and 7 -----------------------------------------------------------------------


def run_lenet(args, report):
    report.heading(f"{args.images.name}: the LeNet-like network (40)")
    slopes = (0.0, 1e-4, 0.1, 1.0)
    figure, axes = panels(len(slopes))
    rows = []
    for panel, slope in zip(axes, slopes, strict=True):
        seeds = args.seeds if slope in (1e-4, 0.1) else args.seeds[:1]
        runs = Runs(args, lenet(slope), 1000, seeds)
        runs.run("annealed", anneal)
        runs.run("annealed, ridge 0.03", anneal, ridge=0.03, weight_range=(0.3, 0.01))
        runs.run("backpropagation", backpropagate)
        runs.draw(panel, f"negative slope {slope:g}")
        rows += runs.rows(f"slope {slope:g}")
    report.table(header(args.images), rows)
    save(figure, args, "lenet")


def run_small_lenet(args, report):
    report.heading(f"{args.images.name}: a LeNet small enough for explicit Ising models")
    figure, axes = panels(1)
    runs = Runs(args, small_lenet(0.1), 1000, args.seeds[:1])
    runs.run("annealed", anneal)
    runs.run("path integral", anneal, sampler=PathIntegralAnnealingSampler(num_sweeps=200))
    runs.run("least squares", anneal, sampler="least-squares")
    runs.run("backpropagation", backpropagate)
    runs.draw(axes[0], "(40), scaled down")
    report.table(header(args.images), list(runs.rows("(40), scaled down")))
    save(figure, args, "small_lenet")


# --- the circuit, Fig. 8 ------------------------------------------------------------------------


def run_circuit(args, report):
    report.heading(f"{args.images.name}: six weights of 2 bits, 12 qubits an output, 200 shots")
    layers = [SpectralPool((2, 3)), Flatten(), Linear(10)]
    shared = {"n_bits": 2, "fit_intercept": False, "ridge": 0.0}
    shots = 200
    ways = {
        "annealed": SimulatedAnnealingSampler(num_reads=shots),
        "path integral": PathIntegralAnnealingSampler(num_reads=shots, num_sweeps=200),
        "imaginary time circuit": ImaginaryTimeCircuitSampler(num_reads=shots),
        "random strings": random_strings(shots),
        "least squares": "least-squares",
    }
    runs = Runs(args, layers, 1000, args.seeds)
    for way, sampler in ways.items():
        runs.run(way, anneal, **{**shared, "sampler": sampler})
    figure, axes = panels(1)
    runs.draw(axes[0], "six weights of 2 bits, training accuracy", place=0)
    report.table(header(args.images), list(runs.rows("6-10")))
    report.line(
        "The best of 200 random strings is all that shrinking grids need here: what a sampler adds "
        "is the difference to that line, not the accuracy."
    )
    save(figure, args, "circuit")


# --- bit depth, ridge and range -----------------------------------------------------------------

DEPTHS = (1, 2, 3, 4, 6, 8)
RIDGES = (0.0, 0.01, 0.1, 1.0)
RANGES = ((1.0, 0.01), (0.3, 0.003), (0.1, 0.001), (0.3, 0.3))


def run_bits(args, report):
    report.heading("Bits of a weight, ridge and range: accuracy on held-out images")
    nets = {"(32) 1024-10": [Linear(10)], "256-64-32-10": mlp(1e-3)}
    figure, axes = plt.subplots(len(nets), 4, figsize=(15, 3.2 * len(nets)))
    rows = []
    depths, n_values = ((1, 8), 2) if args.short else (DEPTHS, None)
    for line, (name, layers) in zip(axes, nets.items(), strict=True):
        for varied, values, panel in (("ridge", RIDGES, 0), ("weight_range", RANGES, 2)):
            for value in values[:n_values]:
                accuracies, losses = [], []
                for depth in depths:
                    runs = Runs(args, layers, 1000, args.seeds[:2])
                    parameters = {"n_bits": depth, varied: value}
                    runs.run("annealed", anneal, **parameters)
                    accuracies.append(runs.final["annealed"][:, 1].mean())
                    losses.append(runs.losses["annealed"].mean())
                line[panel].plot(depths, accuracies, "o-", label=f"{varied} {value}")
                line[panel + 1].plot(depths, losses, "o-", label=f"{varied} {value}")
                cells = [f"{a:.3f} / {b:.4f}" for a, b in zip(accuracies, losses, strict=True)]
                rows.append([name, f"{varied} = {value}", *cells])
        for panel in range(4):
            quantity = ("accuracy, held out", "squared error, training")[panel % 2]
            scale = ("linear", "log")[panel % 2]
            line[panel].set(title=name, xlabel="bits", ylabel=quantity, yscale=scale)
            line[panel].legend(fontsize="x-small")
    report.table(["network", "varied", *(f"{depth} bits" for depth in depths)], rows)
    report.line(
        f"Held-out accuracy / least squared error per output; means of {len(args.seeds[:2])} seeds."
    )
    save(figure, args, "bits")


# Those that make the paper's figures, and are made for Fashion-MNIST too.
FIGURES = ("nets", "devices", "activations", "lenet", "small_lenet", "circuit")
SECTIONS = {
    "nets": run_nets,
    "devices": run_devices,
    "activations": run_activations,
    "rules": run_rules,
    "centring": run_centring,
    "lenet": run_lenet,
    "small_lenet": run_small_lenet,
    "circuit": run_circuit,
    "bits": run_bits,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mnist", type=Path, help="mnist.npz")
    parser.add_argument("--fashion", type=Path, help="fashion_mnist_900.npz")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=N_EPOCHS)
    parser.add_argument("--n-train", type=int, default=10_000, help="at most")
    parser.add_argument(
        "--output", type=Path, default=Path("benchmarks/results/spin_glass_network")
    )
    parser.add_argument("--only", nargs="+", choices=list(SECTIONS), default=list(SECTIONS))
    parser.add_argument("--short", action="store_true", help="small sizes, to see that it runs")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)  # many threads on so small networks take longer
    for path, prefix, sections in (
        (args.mnist, "", args.only),
        (args.fashion, "fashion_", [name for name in args.only if name in FIGURES]),
    ):
        if path is None:
            continue
        args.images, args.prefix = Images(path, args.n_train), prefix
        for section in sections:
            started = time.perf_counter()
            report = Report(args.output / f"{prefix}{section}.rst", "spin_glass_network.py")
            SECTIONS[section](args, report)
            print(f"{prefix}{section}: {time.perf_counter() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
