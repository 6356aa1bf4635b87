"""The handle of a processor, on the mock: training through it, noise, faults, replay, budgets.

Some 25 minutes of one core, with the extras ``dwave`` and ``torch``::

    python benchmarks/hardware.py --data mnist.npz

Everything goes through :class:`~qsklearn.samplers.DWaveQPUSampler`; a ``MockQPUSampler`` with the
graph, ranges, noise, drift and timing of an Advantage2 stands in the connection's place.
"""

import argparse
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from hardware_reliability import run_budget, run_estimates, run_faults, run_replay
from reports import Report
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from spin_glass_nets import IMAGE, NETS, SIZE

from qsklearn import (
    QuantumBoltzmannPriorVAE,
    QuantumSampledMLPClassifier,
    QUBOTransferClassifier,
    SpinGlassAnnealedNetwork,
)
from qsklearn.datasets import fetch_mnist
from qsklearn.samplers import DWaveQPUSampler, EmbeddedSampler, MockQPUSampler

ROOT = Path(__file__).parents[1]
N_SEEDS = 3
NOISE = {
    "as published": {},
    "no errors at all": {
        "drift": 0.0, "h_noise": 0.0, "j_noise": 0.0, "h_offset": 0.0, "j_offset": 0.0,
        "readout_error": 0.0, "freeze_out": 1.0,
    },
    "readout error 0.05": {"readout_error": 0.05},
    "fresh errors of h and J, 0.1": {"h_noise": 0.1, "j_noise": 0.1},
    "static errors of h and J, 0.1": {"h_offset": 0.1, "j_offset": 0.1},
    "drift 0.2": {"drift": 0.2},
    "chains freeze at 0.3 of beta": {"freeze_out": 0.3},
}  # fmt: skip


def handle(**changes):
    """A processor like an Advantage2, through everything but the connection."""
    return DWaveQPUSampler(device=MockQPUSampler("advantage2", seed=0, **changes))


def folds_of(args, X, y):
    return StratifiedKFold(args.folds, shuffle=True, random_state=0).split(X, y)


def mean_and_error(values):
    return f"{np.mean(values):.3f} ± {np.std(values, ddof=1) / np.sqrt(len(values)):.3f}"


def seconds_of(cost):
    return f"{1e-6 * cost['qpu_access_time']:.1f}"


# --- training -------------------------------------------------------------------------------------


def tumours(n_rows=200):
    X, y = load_breast_cancer(return_X_y=True)
    rows = np.random.default_rng(0).permutation(len(X))[:n_rows]
    return X[rows], y[rows]


def make_mlp(sampler):
    mlp = QuantumSampledMLPClassifier(
        8, sampler=sampler, num_reads=100, max_iter=25, learning_rate_init=0.02,
        predict_with="ebm", random_state=0,
    )  # fmt: skip
    return make_pipeline(StandardScaler(), PCA(8, random_state=0), mlp)


def train_mlp(args, sampler):
    """Held-out accuracy, log-likelihood and QPU seconds of a fold."""
    X, y = tumours()
    accuracy, likelihood, seconds = [], [], 0.0
    for train, test in folds_of(args, X, y):
        model = make_mlp(sampler).fit(X[train], y[train])
        accuracy.append(model.score(X[test], y[test]))
        probabilities = model.predict_proba(X[test])[np.arange(len(test)), y[test]]
        likelihood.append(np.log(np.maximum(probabilities, 1e-12)).mean())
        seconds += model[-1].cost_["qpu_access_time"]
    return accuracy, likelihood, {"qpu_access_time": seconds / args.folds}


def train_transfer(args, sampler):
    X, y = load_digits(return_X_y=True)
    rows = np.random.default_rng(0).permutation(len(X))[:600]
    X, y = X[rows] / 16, y[rows]
    accuracy, seconds = [], 0.0
    for train, test in folds_of(args, X, y):
        model = QUBOTransferClassifier(
            mode="drbm", n_hidden=16, sampler=sampler, num_reads=200, random_state=0
        ).fit(X[train], y[train])
        report = model.sampling_report(X[test])
        accuracy.append(model.score(X[test], y[test]))
        seconds += report["qpu_access_time"]
    return accuracy, {"qpu_access_time": seconds / args.folds}


def train_spin_glass(args, sampler):
    images, labels = [], []
    for part in ("train", "test"):
        found = fetch_mnist(path=args.data, subset=part)
        side = 28
        padded = np.zeros((2000, SIZE, SIZE), np.float32)
        padded[:, 2 : 2 + side, 2 : 2 + side] = found.data[:2000].reshape(-1, side, side)
        images.append(padded.reshape(2000, -1))
        labels.append(found.target[:2000])
    layers, parameters = NETS["(33) 8-10"]
    accuracy, seconds, n_epochs = [], 0.0, 2 if args.short else 20
    for seed in range(N_SEEDS):
        net = SpinGlassAnnealedNetwork(
            layers, image_shape=IMAGE, sampler=sampler, max_iter=n_epochs, random_state=seed,
            **{"n_bits": 4, **parameters},
        ).fit(images[0], labels[0])  # fmt: skip
        accuracy.append(net.score(images[1], labels[1]))
        seconds += net.cost_["qpu_access_time"]
    return accuracy, {"qpu_access_time": seconds / N_SEEDS}


def train_vae(args, sampler, topology):
    X, T = (
        fetch_mnist(path=args.data, subset=part).data.astype(np.float32)
        for part in ("train", "test")
    )
    vae = QuantumBoltzmannPriorVAE(
        288, topology=topology, max_iter=args.epochs, sampler=sampler, n_chains=200, random_state=0
    ).fit(X[: args.n_train])
    return vae.elbo(T[:300])["elbo"], vae.cost_


def run_training(args, report):
    """The four estimators by the device, beside a sampler that hits its temperature."""
    report.heading("Trained end to end through the handle, and by a thermal sampler")
    rows = []

    def add(*row):
        rows.append(row)
        print(row, flush=True)

    for name, sampler in (("exact draws", "exact"), ("Advantage2-like", handle())):
        accuracy, likelihood, cost = train_mlp(args, sampler)
        add("sampled MLP, tumours", name, mean_and_error(accuracy), "accuracy", seconds_of(cost))
        add("", name, mean_and_error(likelihood), "log-likelihood a row", seconds_of(cost))
    for name, sampler in (("gibbs", "gibbs"), ("Advantage2-like", handle())):
        accuracy, cost = train_transfer(args, sampler)
        add("QUBO transfer, digits", name, mean_and_error(accuracy), "accuracy", seconds_of(cost))
    device = EmbeddedSampler(handle(), num_reads=100)
    for name, sampler in (("annealing", "annealing"), ("Advantage2-like", device)):
        accuracy, cost = train_spin_glass(args, sampler)
        add("spin-glass net (33)", name, mean_and_error(accuracy), "accuracy", seconds_of(cost))
    for topology in ("chimera", "zephyr"):
        for name, sampler in (("gibbs", None), ("Advantage2-like", handle())):
            bounds, cost = train_vae(args, sampler, topology)
            add(f"VAE, {topology} 288", name, mean_and_error(bounds), "ELBO", seconds_of(cost))
    report.table(["model", "sampler", "held out", "of what", "QPU seconds a fit"], rows)
    report.line(
        f"Errors are standard errors over {args.folds} folds ({N_SEEDS} seeds for the spin-glass "
        "net, 300 "
        f"test images for the VAE, which saw {args.n_train} images in {args.epochs} epochs). The "
        "network of the QUBO transfer is trained classically; its seconds are those of predicting "
        "a fold. "
        "The Chimera prior is embedded in Zephyr; the Zephyr prior is qubits themselves."
    )


# --- noise ----------------------------------------------------------------------------------------


def run_noise(args, report):
    """One error at a time."""
    report.heading("Which errors matter: the sampled MLP trained on devices that differ in one")
    exact = train_mlp(args, "exact")
    rows = [("exact draws", mean_and_error(exact[0]), mean_and_error(exact[1]), "")]
    for name, changes in list(NOISE.items())[: 2 if args.short else None]:
        accuracy, likelihood, _ = train_mlp(args, handle(**changes))
        lost = np.subtract(exact[1], likelihood)
        rows.append((name, *(mean_and_error(each) for each in (accuracy, likelihood, lost))))
        print(rows[-1], flush=True)
    report.table(["device", "accuracy", "log-likelihood a row", "lost to exact draws"], rows)
    report.line(
        f"Held out, {args.folds} folds of {len(tumours()[1])} tumours; errors are standard errors "
        "over folds, those of the last column over pairs."
    )


SECTIONS = {
    "training": run_training,
    "noise": run_noise,
    "faults": run_faults,
    "replay": run_replay,
    "estimates": run_estimates,
    "budget": run_budget,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--data", type=Path, default=None, help="an .npz of MNIST")
    parser.add_argument("--n-train", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--n-faults", type=int, default=1000)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--short", action="store_true", help="small sizes, to see that it runs")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results" / "hardware")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore", ConvergenceWarning)
    with tempfile.TemporaryDirectory() as folder:
        args.folder = Path(folder)
        for name in args.only:
            report = Report(args.output / f"{name}.rst", f"hardware.py --only {name}")
            started = time.process_time()
            SECTIONS[name](args, report)
            print(f"({time.process_time() - started:.0f} CPU s)", flush=True)


if __name__ == "__main__":
    main()
