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
from dwave.samplers import SimulatedAnnealingSampler as Annealer
from qubo_transfer_data import Images, convolutional_network, expected_calibration_error, with_error
from qubo_transfer_devices import run_devices, run_embeddings
from qubo_transfer_digits import run_digits
from qubo_transfer_mnist import run_mnist
from reports import Report
from scipy.special import softmax
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RepeatedStratifiedKFold, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from qsklearn import QUBOTransferClassifier
from qsklearn.inspection import QUBOMatrixDisplay
from qsklearn.samplers import SimulatedAnnealingSampler

matplotlib.use("Agg")


SHAPE = (1, 28, 28)
QUICK = SimulatedAnnealingSampler(num_reads=20, num_sweeps=100)
LOWEST = {"sampler": QUICK, "readout": "lowest"}


def rate(report, n_images):
    """Images a second of all but the network below the units."""
    seconds = sum(report[f"{part}_seconds"] for part in ("compile", "sample", "readout"))
    return n_images / seconds


def transferred(module, images, **parameters):
    """A transfer of a trained module; 1000 images tell the classes, and a device's temperature."""
    X, y = images.any
    return QUBOTransferClassifier(module, image_shape=SHAPE, **parameters).fit(X[:1000], y[:1000])


def report_twice(transfer, X):
    """The second of two reports: the first compiles kernels, or embeds."""
    transfer.sampling_report(X[:100])
    return transfer.sampling_report(X)


def run_clamped(args, report):
    """Agreement with the network's own argmax, and images a second."""
    module, images = convolutional_network(args), args.images
    X = images.any[0]
    transfer = transferred(module, images)
    transfer.predict(X[:100])
    with torch.no_grad():
        pixels = torch.as_tensor(X, dtype=torch.float32).reshape(-1, *SHAPE)
        own = module(pixels).argmax(dim=1).numpy()
    logits = transfer.decision_function(X)
    started = time.process_time()
    law = transfer.hamiltonian_.class_probabilities(logits)
    seconds = time.process_time() - started
    started = time.process_time()
    right = (transfer.predict(X) == own).mean()
    whole = time.process_time() - started
    report.line(
        f"{len(X)} images that the network has not seen, one thread. The exact law agrees with the "
        f"network's argmax on {right:.4f}; it takes {seconds:.3f} s of CPU time, and with the "
        f"network {whole:.2f} s. They differ by at most "
        f"{np.abs(law - softmax(logits, axis=1)).max():.0e} in probability.\n"
    )
    report.table(
        ["model", "agrees with its law", "with the network", "one-hot", "images/s",
         "greedy from random states"],
        list(clamped_rows(module, images, own)),
    )  # fmt: skip
    report.line(
        "Annealing: the lowest of 20 reads of 100 sweeps. Images a second: programming, sampling "
        "and readout. Greedy: steepest descents from as many random states.\n"
    )
    for bits, mode in ((10, "clamped"), (50, "float")):
        report.line(loop(transferred(module, images, mode=mode), X[:200], own[:200], bits))


def clamped_rows(module, images, own):
    X = images.any[0]
    needed = transferred(module, images, mode="float").penalty_
    floating = {"mode": "float"}
    for name, settings in (
        ("10 bits, annealing, unit drawn whole", LOWEST),
        ("10 bits, annealing, A = 6", {**LOWEST, "penalty": 6.0}),
        ("10 bits, annealed to beta = 1, A = 6", {"sampler": QUICK, "penalty": 6.0}),
        ("10 bits, 100 exact draws", {"sampler": "exact", "num_reads": 100}),
        ("50 bits, annealing, unit drawn whole", {**LOWEST, **floating}),
        (f"50 bits, annealing, A = {needed:.3g}", {**LOWEST, **floating, "penalty": needed}),
        ("50 bits, 100 exact draws", {"sampler": "exact", "num_reads": 100, **floating}),
    ):
        transfer = transferred(module, images, **settings)
        drawn = report_twice(transfer, X)
        yield [
            name,
            f"{drawn['agreement']:.4f}",
            f"{(transfer.predict(X) == own).mean():.4f}",
            f"{drawn['one_hot_fraction']:.4f}",
            f"{rate(drawn, len(X)):,.0f}",
            f"{drawn['agreement_of_descent_from_random']:.4f}",
        ]


def loop(transfer, X, own, bits):
    """dwave-samplers' annealer, an image at a time through dimod."""
    annealer, right = Annealer(), 0
    law = transfer.hamiltonian_.with_penalty(transfer.penalty_)
    inputs, shifts = transfer._model_inputs(X)
    started = time.process_time()
    for fields, shift, expected in zip(inputs, shifts, own, strict=True):
        bqm = law.to_bqm(fields, shift)
        best = annealer.sample(bqm, num_reads=20, num_sweeps=100, seed=1).first
        up = [best.sample["class", k] for k in range(10)]
        right += sum(up) == 1 and up[expected] == 1
    seconds = (time.process_time() - started) / len(X)
    return (
        f"{bits} bits by dwave-samplers in a loop over ``to_bqm``, lowest of 20 reads of 100 "
        f"sweeps: agreement with the network {right / len(X):.3f}, {1 / seconds:,.0f} images/s by "
        "CPU time, programming, sampling and readout as above.\n"
    )


def run_trained(args, report):
    """Networks trained to be transferred, and one that was not."""
    rows = []
    for name, images, parameters in trained_models(args):
        scores, seconds = [], []
        for seed in args.seeds:
            train, *sets = images.split(seed)
            transfer = QUBOTransferClassifier(
                sampler="gibbs", num_reads=100, random_state=seed, **parameters(seed)
            )
            started = time.perf_counter()
            transfer.fit(*train)
            seconds.append(time.perf_counter() - started)
            scores.append([value for part in sets for value in drawn_and_known(transfer, *part)])
        cells = [with_error(values) for values in np.transpose(scores)]
        rows.append([name, *cells, f"{min(seconds):.0f}"])
        print(rows[-1], flush=True)
    sets = ("held out", "test")
    columns = [f"{what}, {part}" for part in sets for what in ("known", "drawn", "agree")]
    report.table(["network", *columns, "training, s"], rows)
    report.line(
        f"Means of {len(args.seeds)} seeds. Drawn: the most frequent class of 100 reads by block "
        "Gibbs sampling. Known: the exact law's most probable class, or for four layers the mean "
        "field's. Agree: part of the images on which the two do. Times with other load."
    )


def drawn_and_known(transfer, X, y):
    """Accuracy of what is known without draws, of draws, and how often they agree."""
    known = transfer.classes_[transfer.decision_function(X).argmax(axis=1)]
    drawn = transfer.predict(X)
    return (known == y).mean(), (drawn == y).mean(), (known == drawn).mean()


def trained_models(args):
    """Name, images, and parameters by seed of each contender."""
    large, small = args.images, args.images.halved()
    layers = {"image_shape": (1, 14, 14), "mode": "network", "n_hidden": 24}

    def naive(seed):
        module = convolutional_network(args, small, "network", seed)
        return {**layers, "estimator": FrozenEstimator(module)}

    yield "DRBM, convolutions below 40 + 10", large, lambda seed: {"image_shape": SHAPE, **DRBM}
    yield "DRBM, pixels below 40 + 10", large, lambda seed: DRBM
    yield "128 + 24 + 10, trained for it", small, lambda seed: layers
    yield "128 + 24 + 10, naive transfer", small, naive


DRBM = {"mode": "drbm", "n_hidden": 40}


def run_calibration(args, report):
    """Likelihood and calibration error of readouts, before and after."""
    module = convolutional_network(args)
    train, (X_held, y_held), test = args.images.split(0)
    half = len(y_held) // 2
    calibrating, held = (X_held[:half], y_held[:half]), (X_held[half:], y_held[half:])
    known = {"beta": "calibrate", "validation_fraction": 0.5}
    many = {"sampler": "gibbs", "num_reads": 1000}
    rows = []
    for name, estimator, settings in (
        ("law, beta = 1", module, {}),
        ("law, calibrated", module, known),
        ("1000 draws, calibrated", module, {**many, **known}),
        ("lowest 100 of 1000 draws", module, {**many, "readout": "lowest_fraction"}),
        ("lowest of 20 annealed", module, LOWEST),
        ("1000 draws, gone down to minima", module, {**many, "descent": True}),
        ("DRBM's law", None, DRBM),
        ("DRBM's law, calibrated", None, {**DRBM, "beta": "calibrate"}),
    ):
        transfer = QUBOTransferClassifier(
            estimator, image_shape=SHAPE, random_state=0, **settings
        ).fit(*(train if estimator is None else calibrating))
        rows.append([name, f"{transfer.beta_:.2f}"])
        for X, y in (held, test):
            probabilities = transfer.predict_proba(X)
            likelihood = np.log(probabilities[np.arange(len(y)), y]).mean()
            error = expected_calibration_error(probabilities, y)
            rows[-1].append(f"{-likelihood:.4f} / {error:.4f}")
        print(rows[-1], flush=True)
    report.table(["probabilities", "beta", "held out: nll / ece", "test: nll / ece"], rows)
    report.line(
        "ece: expected calibration error of the predicted class, 15 bins of equal width. Held out: "
        f"{len(held[1])} images that neither training nor calibration has seen."
    )


def run_tables(args, report):
    """Small tables: the estimator's own accuracy and the transfer's."""
    mlp = MLPClassifier(
        (16,), activation="logistic", max_iter=2000, learning_rate_init=0.01, random_state=0
    )
    gibbs = {"sampler": "gibbs", "num_reads": 100}
    contenders = (
        ("logistic regression, clamped", StandardScaler(), LogisticRegression(), {}, LOWEST),
        ("MLP, floating", MinMaxScaler(), mlp, {"mode": "float"}, gibbs),
        ("MLP, DRBM", MinMaxScaler(), mlp, {"mode": "drbm"}, gibbs),
        ("MLP, network", MinMaxScaler(), mlp, {"mode": "network"}, gibbs),
    )
    folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=3, random_state=0)
    rows = []
    for load in (load_iris,) if args.short else (load_iris, load_wine, load_breast_cancer):
        X, y = load(return_X_y=True)
        for name, scaler, estimator, mode, drawn in contenders:
            law = QUBOTransferClassifier(estimator, random_state=0, **mode)
            scores = [
                cross_val_score(make_pipeline(scaler, classifier), X, y, cv=folds).mean()
                for classifier in (estimator, law, clone(law).set_params(**drawn))
            ]
            rows.append([load.__name__[5:], name, *(f"{score:.4f}" for score in scores)])
            print(rows[-1], flush=True)
    report.table(["data", "network", "its own", "default sampler", "drawn"], rows)
    report.line(
        "Accuracy, 3 x 5 folds. The MLPs have 16 logistic hidden units. The default sampler is the "
        "exact law. Drawn: the lowest of 20 annealed for the class unit alone, else the most "
        "frequent class of 100 reads, which is noisy where two classes are nearly as likely."
    )


def run_times(args, report):
    """Where the time of an image goes."""
    module, rows = convolutional_network(args), []
    device = {"sampler": "mock-dwave", "num_reads": 100, "readout": "lowest"}
    for name, n_images, settings in (
        ("exact, 100 reads", 1000, {"sampler": "exact", "num_reads": 100}),
        ("annealing, 20 reads", 1000, LOWEST),
        ("neal, 20 reads", 1000, {"sampler": "neal", "num_reads": 20, "readout": "lowest"}),
        ("mock QPU, 100 reads", 100, device),
    ):
        for mode in ("clamped", "float"):
            transfer = transferred(module, args.images, mode=mode, **settings)
            drawn = report_twice(transfer, args.images.any[0][:n_images])
            micro = 1e6 / n_images
            parts = [f"{drawn[f'{part}_seconds'] * micro:.0f}" for part in PARTS]
            charged = drawn["qpu_access_time"] / n_images
            rows.append([name, mode, *parts, f"{charged:,.0f}" if charged else "-"])
    header = ["network", "programming", "sampling and unembedding", "readout"]
    report.table(["sampler", "mode", *header, "charged by a QPU"], rows)
    report.line(
        "Microseconds an image, in batches. The mock's own time says nothing of a device's; what a "
        "QPU would charge is its access time by D-Wave's timing model, several images in a call."
    )


PARTS = ("classical", "compile", "sample", "readout")


def run_pictures(args, report):
    """The matrix Q of four layers, as in the paper's Fig. 2."""
    small = args.images.halved()
    (X, y), _, _ = small.split(0)
    transfer = QUBOTransferClassifier(
        image_shape=(1, 14, 14), mode="network", n_hidden=24, random_state=0
    ).fit(X, y)
    bqm = transfer.to_bqm(X[0], clamped=False)
    display = QUBOMatrixDisplay.from_bqm(bqm)
    display.figure_.savefig(args.output / "matrix_358.png", dpi=110, bbox_inches="tight")
    report.line(f"{bqm.num_variables} units, {bqm.num_interactions} couplings.")


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
    parser.add_argument("--n-train", type=int, default=60_000, help="held-out images are of these")
    parser.add_argument("--n-test", type=int, default=5000)
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/qubo_transfer"))
    parser.add_argument("--only", nargs="+", choices=list(SECTIONS), default=list(SECTIONS))
    parser.add_argument("--short", action="store_true", help="small sizes, to see that it runs")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)  # many threads on so small networks take longer
    args.images = Images(args.mnist, n_train=args.n_train, n_test=args.n_test)
    for section in args.only:
        started = time.perf_counter()
        report = Report(args.output / f"{section}.rst", "qubo_transfer.py")
        SECTIONS[section](args, report)
        print(f"{section}: {time.perf_counter() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
