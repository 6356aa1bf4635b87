"""QUBO transfer: agreement, speed, networks trained for it, calibration, tables, the paper.

Run all of it (about an hour on 2 cores), or some sections::

    python benchmarks/qubo_transfer.py --mnist mnist.npz
    python benchmarks/qubo_transfer.py --mnist mnist.npz --only clamped trained

Tables (reStructuredText) and figures go to ``--output``. "Held out" are 5000 images of MNIST's
training set that no training sees, "test" the first half of its test set, which is the harder one.
No section touches a real device: devices are the package's mock.
"""

import argparse
import time
import warnings
from pathlib import Path

import matplotlib
import numpy as np
import torch
from qubo_transfer_data import Images, convolutional_network, expected_calibration_error, with_error
from qubo_transfer_devices import run_devices, run_embeddings
from qubo_transfer_paper import run_digits, run_mnist
from reports import Report
from scipy.special import softmax
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RepeatedStratifiedKFold, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from qsklearn import QUBOTransferClassifier
from qsklearn.inspection import QUBOMatrixDisplay
from qsklearn.samplers import GibbsSampler, SimulatedAnnealingSampler

matplotlib.use("Agg")
import matplotlib.pyplot as plt


def rate(report, n_images):
    """Images a second of what is not the classical network."""
    seconds = sum(report[f"{part}_seconds"] for part in ("compile", "sample", "readout"))
    return n_images / seconds


def sampled(frozen, X, **parameters):
    """A transfer of a trained module, and its report on some images."""
    transfer = QUBOTransferClassifier(frozen, **parameters)
    transfer.fit(X[:1000], np.arange(1000) % 10)  # frozen: labels are only counted
    transfer.sampling_report(X[:100])  # compiles kernels
    return transfer, transfer.sampling_report(X)


def run_clamped(args, report):
    """Agreement with the network's own argmax, and images a second."""
    module, images = convolutional_network(args), args.images
    X = images.any[0]
    transfer = QUBOTransferClassifier(module, image_shape=(1, 28, 28)).fit(X[:1000], images.any[1][:1000])
    started = time.process_time()
    inputs = transfer._compiled.front(X)
    classical = time.process_time() - started
    started = time.process_time()
    law = transfer.hamiltonian_.class_probabilities(inputs)
    seconds = time.process_time() - started
    with torch.no_grad():
        own = module(torch.as_tensor(X, dtype=torch.float32).reshape(-1, 1, 28, 28)).argmax(1)
    report.line(
        f"Exact law of {len(X)} images: agreement with the network's argmax "
        f"{(law.argmax(1) == own.numpy()).mean():.4f}, {seconds:.3f} s of CPU time; the network "
        f"itself {classical:.2f} s.\n"
    )
    annealing = {"sampler": "annealing", "num_reads": 20, "readout": "lowest"}
    rows = []
    for name, settings in (
        ("10 bits, unit drawn whole", annealing),
        ("10 bits, A = 6", {**annealing, "penalty": 6.0}),
        ("10 bits, A = 6, thermal draws", {**annealing, "penalty": 6.0, "readout": "onehot"}),
        ("10 bits, thermal draws of the unit", {**annealing, "readout": "onehot"}),
        ("10 bits, 100 exact draws", {"sampler": "exact", "num_reads": 100}),
        ("50 bits, unit drawn whole", {**annealing, "mode": "float"}),
        ("50 bits, A auto", {**annealing, "mode": "float", "penalty": "needed"}),
        ("50 bits, 100 exact draws", {"sampler": "exact", "num_reads": 100, "mode": "float"}),
    ):
        if settings.get("penalty") == "needed":
            probe = QUBOTransferClassifier(module, image_shape=(1, 28, 28), mode="float")
            settings["penalty"] = probe.fit(X[:1000], images.any[1][:1000]).penalty_
        transfer, drawn = sampled(module, X, image_shape=(1, 28, 28), **settings)
        rows.append(
            [
                name,
                f"{drawn['agreement']:.4f}",
                f"{(transfer.predict(X[:2000]) == own.numpy()[:2000]).mean():.4f}",
                f"{drawn['one_hot_fraction']:.4f}",
                f"{rate(drawn, len(X)):,.0f}",
                f"{drawn['agreement_of_descent_from_random']:.4f}",
            ]
        )
    report.table(
        ["model", "agrees with its law", "with the network", "one-hot", "images/s",
         "greedy from random states"],
        rows,
    )  # fmt: skip
    for name, settings in (("10", {}), ("50", {"mode": "float"})):
        transfer = QUBOTransferClassifier(module, image_shape=(1, 28, 28), **settings)
        transfer.fit(X[:1000], images.any[1][:1000])
        report.line(loop(transfer, X[:200], own.numpy()[:200], name))


def loop(transfer, X, own, name):
    """dwave-samplers' annealer, an image at a time through dimod."""
    from dwave.samplers import SimulatedAnnealingSampler as Annealer

    annealer, right = Annealer(), 0
    started = time.process_time()
    for x, expected in zip(X, own, strict=True):
        best = annealer.sample(transfer.to_bqm(x), num_reads=20, num_sweeps=100, seed=1).first
        bits = [best.sample["class", k] for k in range(10)]
        right += sum(bits) == 1 and bits[expected] == 1
    seconds = (time.process_time() - started) / len(X)
    return (
        f"{name} bits by dwave-samplers in a loop over to_bqm, lowest of 20 reads of 100 sweeps: "
        f"agreement {right / len(X):.3f}, {1 / seconds:,.0f} images/s, the network included."
    )


def run_trained(args, report):
    """Networks trained to be transferred, and one that was not."""
    rows = []
    for name, images, shape, parameters in trained_models(args):
        scores, agreements, seconds, exact = [], [], [], []
        for seed in args.seeds:
            (X, y), held, test = images.split(seed)
            transfer = QUBOTransferClassifier(
                image_shape=shape, random_state=seed, num_reads=100, **parameters
            )
            started = time.perf_counter()
            transfer.fit(X, y)
            seconds.append(time.perf_counter() - started)
            scores.append([transfer.score(*part) for part in (held, test)])
            expected = transfer.classes_[transfer.decision_function(test[0]).argmax(axis=1)]
            exact.append([(transfer.classes_[transfer.decision_function(part[0]).argmax(axis=1)] == part[1]).mean() for part in (held, test)])
            agreements.append((transfer.predict(test[0]) == expected).mean())
        scores, exact = np.array(scores), np.array(exact)
        rows.append(
            [name, *(with_error(exact[:, i]) for i in (0, 1)), *(with_error(scores[:, i]) for i in (0, 1)),
             with_error(np.array(agreements)), f"{min(seconds):.0f}"]
        )  # fmt: skip
        report.line(" | ".join(map(str, rows[-1])))
    report.table(
        ["network", "law, held out", "law, test", "100 draws, held out", "100 draws, test", "draws agree with the law", "training, s"],
        rows,
    )  # fmt: skip


def trained_models(args):
    """name, images, image shape and parameters of each contender."""
    large, small = args.images, args.images.halved()
    gibbs = {"sampler": "gibbs"}
    yield "DRBM, convolution before 40 + 10", large, (1, 28, 28), {"mode": "drbm", **gibbs}
    yield "DRBM, pixels, 40 + 10", large, None, {"mode": "drbm", **gibbs}
    network = {"mode": "network", "n_hidden": 24, **gibbs}
    yield "four layers, trained for it", small, (1, 14, 14), network
    naive = FrozenEstimator(convolutional_network(args, small, mode="network"))
    yield "four layers, naive transfer", small, (1, 14, 14), {"estimator": naive, **network}


def run_calibration(args, report):
    """Likelihood and calibration error of readouts, before and after."""
    module = convolutional_network(args)
    _, held, test = args.images.split(0)
    base = {"image_shape": (1, 28, 28), "random_state": 0}
    rows = []
    for name, settings in (
        ("law, beta = 1", {}),
        ("law, calibrated", {"beta": "calibrate", "validation_fraction": 0.5}),
        ("1000 draws, calibrated", {"sampler": "gibbs", "num_reads": 1000, "beta": "calibrate", "validation_fraction": 0.5}),
        ("lowest 100 of 1000 draws (the paper's), beta = 1", {"sampler": "gibbs", "num_reads": 1000, "readout": "lowest_fraction"}),
        ("lowest of 100 annealed", {"sampler": "annealing", "num_reads": 100, "readout": "lowest"}),
        ("100 draws, gone down to minima", {"sampler": "gibbs", "num_reads": 100, "descent": True}),
        ("DRBM's law", {"mode": "drbm", "estimator": None}),
        ("DRBM's law, calibrated", {"mode": "drbm", "estimator": None, "beta": "calibrate"}),
    ):
        estimator = settings.pop("estimator", module)
        transfer = QUBOTransferClassifier(estimator, **{**base, **settings})
        X, y = args.images.split(0)[0] if estimator is None else held
        transfer.fit(X, y)
        cells = []
        for X, y in (held, test):
            p = transfer.predict_proba(X)
            nll = -np.log(p[np.arange(len(y)), y]).mean()
            cells.append(f"{nll:.4f} / {expected_calibration_error(p, y):.4f}")
        rows.append([name, f"{transfer.beta_:.2f}", *cells])
    report.table(["probabilities", "beta", "held out: nll / ece", "test: nll / ece"], rows)
    report.line("ece: expected calibration error of the predicted class, 15 bins of equal width.")


def run_tables(args, report):
    """Small tables: the estimator's own accuracy and the transfer's."""
    rows = []
    folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=3, random_state=0)
    for load in (load_iris, load_wine, load_breast_cancer):
        X, y = load(return_X_y=True)
        for name, scaler, estimator, settings in (
            ("logistic regression", StandardScaler(), LogisticRegression(max_iter=1000), {"sampler": "annealing", "num_reads": 100}),
            ("MLP, 16 hidden, floating", MinMaxScaler(), MLPClassifier((16,), activation="logistic", max_iter=2000, learning_rate_init=0.01, random_state=0), {"mode": "float", "sampler": "gibbs", "num_reads": 100}),
            ("MLP, 16 hidden, DRBM", MinMaxScaler(), MLPClassifier((16,), activation="logistic", max_iter=2000, learning_rate_init=0.01, random_state=0), {"mode": "drbm", "sampler": "gibbs", "num_reads": 100}),
            ("MLP, 16 hidden, network", MinMaxScaler(), MLPClassifier((16,), activation="logistic", max_iter=2000, learning_rate_init=0.01, random_state=0), {"mode": "network", "num_reads": 100}),
        ):
            own = cross_val_score(make_pipeline(scaler, estimator), X, y, cv=folds)
            transfer = QUBOTransferClassifier(estimator, random_state=0, **settings)
            got = cross_val_score(make_pipeline(scaler, transfer), X, y, cv=folds)
            rows.append([load.__name__[5:], name, f"{own.mean():.4f}", f"{got.mean():.4f}", with_error(got - own)])
    report.table(["data", "network", "its own accuracy", "transferred and drawn", "difference"], rows)


def run_times(args, report):
    """Where the time of an image goes."""
    module = convolutional_network(args)
    X = args.images.any[0][:1000]
    rows = []
    for name, settings in (
        ("exact, 100 reads", {"sampler": "exact", "num_reads": 100}),
        ("annealing, 20 reads", {"sampler": "annealing", "num_reads": 20, "readout": "lowest"}),
        ("neal, 20 reads", {"sampler": "neal", "num_reads": 20}),
        ("mock QPU (Advantage), 100 reads", {"sampler": "mock-dwave", "num_reads": 100, "readout": "lowest"}),
    ):
        for mode in ("clamped", "float"):
            some = X if "QPU" not in name else X[:100]
            _, drawn = sampled(module, some, image_shape=(1, 28, 28), mode=mode, **settings) if "QPU" not in name else sampled_on_device(module, X, some, mode, settings)
            parts = [drawn[f"{part}_seconds"] / len(some) * 1e6 for part in ("classical", "compile", "sample", "readout")]
            qpu = drawn["qpu_access_time"] / len(some)
            rows.append([name, mode, *(f"{part:.0f}" for part in parts), f"{qpu:,.0f}" if qpu else "-"])
    report.table(["sampler", "mode", "network", "programming", "sampling and unembedding", "readout", "charged by a QPU"], rows)
    report.line("Microseconds an image.")


def sampled_on_device(module, X, some, mode, settings):
    transfer = QUBOTransferClassifier(module, image_shape=(1, 28, 28), mode=mode, **settings)
    transfer.fit(X, np.arange(len(X)) % 10)
    transfer.sampling_report(some[:20])
    return transfer, transfer.sampling_report(some)


def run_pictures(args, report):
    """The matrices Q of the paper's Figs. 1 and 2, of networks of this package."""
    small = args.images.halved()
    (X, y), _, _ = small.split(0)
    transfer = QUBOTransferClassifier(
        image_shape=(1, 14, 14), mode="network", n_hidden=24, random_state=0
    ).fit(X[:2000], y[:2000])
    figure, axes = plt.subplots(figsize=(8, 7))
    display = QUBOMatrixDisplay.from_bqm(transfer.to_bqm(X[0], clamped=False), ax=axes)
    display.figure_.savefig(args.output / "matrix_358.png", dpi=110, bbox_inches="tight")
    report.line(f"{transfer.to_bqm(X[0], clamped=False).num_variables} units drawn.")


SECTIONS = {
    "clamped": run_clamped,
    "trained": run_trained,
    "calibration": run_calibration,
    "tables": run_tables,
    "times": run_times,
    "pictures": run_pictures,
    "digits": run_digits,
    "mnist": run_mnist,
    "embeddings": run_embeddings,
    "devices": run_devices,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mnist", type=Path, required=True, help="mnist.npz")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/qubo_transfer"))
    parser.add_argument("--only", nargs="+", choices=list(SECTIONS), default=list(SECTIONS))
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)  # many threads on so small networks take longer
    args.images = Images(args.mnist)
    for section in args.only:
        started = time.perf_counter()
        report = Report(args.output / f"{section}.rst", "qubo_transfer.py")
        SECTIONS[section](args, report)
        print(f"{section}: {time.perf_counter() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
