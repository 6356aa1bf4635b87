"""Data and fits that the sections of the discrete VAE's benchmark share."""

import time

import joblib
import numpy as np

from qsklearn import QuantumBoltzmannPriorVAE
from qsklearn.datasets import fetch_mnist

TOPOLOGIES = ("bernoulli", "chimera", "pegasus", "zephyr", "rbm")


def load_mnist(args, n_train=None, n_test=None, labels=False):
    """Images in [0, 1], float32: training and test; with ``labels`` these as well."""
    parts = [fetch_mnist(path=args.data, subset=part) for part in ("train", "test")]
    sizes = (n_train or args.n_train, n_test or args.n_test)
    X = [part.data[:n].astype(np.float32) for part, n in zip(parts, sizes, strict=True)]
    if not labels:
        return X
    return X[0], parts[0].target[: sizes[0]], X[1], parts[1].target[: sizes[1]]


def fitted(args, name, X, y=None, **parameters):
    """A fitted model from the cache, or fitted now; its CPU seconds in ``cpu_seconds_``."""
    path = args.cache / f"{name}.joblib"
    if path.exists():
        return joblib.load(path)
    started = time.process_time()
    vae = QuantumBoltzmannPriorVAE(**{"max_iter": args.epochs, **parameters}).fit(X, y)
    vae.cpu_seconds_ = time.process_time() - started
    path.parent.mkdir(parents=True, exist_ok=True)
    joblib.dump(vae, path)
    return vae


def mean_and_deviation(values):
    """As text."""
    values = np.asarray(values, dtype=float)
    if len(values) < 2:
        return f"{values[0]:.2f}"
    return f"{values.mean():.2f} ± {values.std(ddof=1):.2f}"


def mean_and_error(values):
    """Mean over rows and its standard error, as text."""
    return f"{np.mean(values):+.2f} ({np.std(values, ddof=1) / np.sqrt(len(values)):.2f})"


def show_images(axis, images, n_columns=10):
    """Rows of X as one picture."""
    side = int(np.sqrt(images.shape[1]))
    rows = [
        np.hstack(images[start : start + n_columns].reshape(-1, side, side))
        for start in range(0, len(images), n_columns)
    ]
    axis.imshow(np.vstack(rows), cmap="gray_r", vmin=0, vmax=1)
    axis.set_axis_off()
