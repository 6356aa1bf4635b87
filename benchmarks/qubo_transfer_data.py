"""Images and networks of the benchmarks of QUBO transfer."""

import numpy as np

from qsklearn.neural_network._qubo_transfer._convolutional_classifier import ConvolutionalClassifier

N_HELD_OUT = 5000
N_BINS = 15


class Images:
    """MNIST as rows of grey values in [0, 1].

    Parameters
    ----------
    path : path, or None
    train, test : pairs of arrays, where there is no path
    n_train, n_test : int
        Images of the training set, of which some are held out, and test images at most.
    """

    def __init__(self, path, train=None, test=None, n_train=60_000, n_test=5000):
        if path is not None:
            with np.load(path) as file:
                train = (file["X_train"].reshape(-1, 784) / 255.0, file["y_train"].astype(int))
                test = (file["X_test"].reshape(-1, 784) / 255.0, file["y_test"].astype(int))
        self.train = tuple(part[:n_train] for part in train)
        self.test = tuple(part[:n_test] for part in test)

    def split(self, seed):
        """Training, held-out and test images."""
        X, y = self.train
        order = np.random.default_rng(seed).permutation(len(X))
        n_held = min(N_HELD_OUT, len(X) // 3)
        held, kept = order[:n_held], order[n_held:]
        return (X[kept], y[kept]), (X[held], y[held]), self.test

    @property
    def any(self):
        """Images that the network of seed 0 has not been trained on: held-out and test ones."""
        _, held, test = self.split(0)
        return tuple(np.concatenate(parts) for parts in zip(held, test, strict=True))

    def halved(self):
        """The same as means of 2 x 2 pixels."""
        train, test = (
            (X.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(-1, 196), y)
            for X, y in (self.train, self.test)
        )
        return Images(None, train, test)


def convolutional_network(args, images=None, mode="clamped", seed=0):
    """The paper's network, trained by cross-entropy on the images of a seed; kept for a run."""
    known = vars(args).setdefault("networks", {})
    if (mode, seed) not in known:
        side = 28 if images is None else 14
        (X, y), _, _ = (images or args.images).split(seed)
        network = ConvolutionalClassifier(
            (40,) if mode != "network" else (24,),
            image_shape=(1, side, side),
            mode=mode,
            random_state=seed,
        )
        known[mode, seed] = network.fit(X, y).module_
    return known[mode, seed]


def expected_calibration_error(probabilities, y):
    """Mean gap between confidence and accuracy, over bins of equal width of the confidence."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == y
    bins = np.minimum((confidence * N_BINS).astype(int), N_BINS - 1)
    gaps = [
        np.abs(confidence[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean()
        for b in np.unique(bins)
    ]
    return float(np.sum(gaps))


def with_error(values):
    if len(values) == 1:
        return f"{values[0]:.4f}"
    return f"{np.mean(values):.4f} ± {np.std(values, ddof=1) / np.sqrt(len(values)):.4f}"
