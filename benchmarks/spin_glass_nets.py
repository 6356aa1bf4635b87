"""The networks of spin_glass_network.txt, their data, and curves of their training.

The text lost the boxes of nets (34)-(38) and (40); those here are readings of what is left of it.
"""

import time
from contextlib import contextmanager

import numpy as np

from qsklearn.neural_network import SpinGlassAnnealedNetwork
from qsklearn.neural_network._architecture import outputs_of
from qsklearn.neural_network._spin_glass import _training as _spin_glass_training
from qsklearn.neural_network.layers import (
    Activation,
    AveragePool,
    Convolution,
    Flatten,
    Linear,
    SpectralPool,
)

SIZE = 32
IMAGE = (1, SIZE, SIZE)
N_EPOCHS = 20


def leaky(slope):
    return Activation("leaky_relu", slope)


def with_activation(layers, slope):
    """A leaky ReLU after each layer with weights, the last too, as in the paper's Fig. 5."""
    made = []
    for layer in layers:
        made += [layer, leaky(slope)] if layer.is_trainable else [layer]
    return made


def mlp(slope):
    return [AveragePool(2), Linear(64), leaky(slope), Linear(32), leaky(slope), Linear(10)]


def lenet(slope):
    return [
        Convolution(6, kernel_size=5),
        leaky(slope),
        AveragePool(2),
        Convolution(16, kernel_size=5),
        leaky(slope),
        AveragePool(2),
        Flatten(),
        Linear(120),
        leaky(slope),
        Linear(84),
        leaky(slope),
        Linear(10),
    ]


def small_lenet(slope):
    return [
        SpectralPool((16, 16)),
        Convolution(4, kernel_size=5),
        leaky(slope),
        AveragePool(2),
        Convolution(8, kernel_size=3),
        leaky(slope),
        AveragePool(2),
        Flatten(),
        Linear(10),
    ]


# number in the paper -> layers and the parameters that differ from the defaults
NETS = {
    "(32) 1024-10": ([Linear(10)], {"n_bits": 8, "ridge": 1.0}),
    "(33) 8-10": ([SpectralPool((4, 2)), Linear(10)], {"ridge": 0.01}),
    "(34) 1024-64-32-10": ([Linear(64), Linear(32), Linear(10)], {"n_bits": 8, "ridge": 0.3}),
    "(35) 16-8-10": ([SpectralPool((4, 4)), Linear(8), Linear(10)], {"ridge": 0.01}),
    "(36) convolution 8": (
        [SpectralPool((8, 8)), Convolution(10, kernel_size=8)],
        {"n_bits": 8, "ridge": 0.01},
    ),
    "(37) three convolutions": (
        [
            Convolution(4, kernel_size=17),
            Convolution(8, kernel_size=9),
            Convolution(10, kernel_size=8),
        ],
        {"n_bits": 8, "ridge": 0.3},
    ),
    "(38) convolution 4": (
        [SpectralPool((4, 4)), Convolution(10, kernel_size=4)],
        {"ridge": 0.01},
    ),
    "(39) two convolutions": (
        [SpectralPool((4, 4)), Convolution(4, kernel_size=3), Convolution(10, kernel_size=2)],
        {"ridge": 0.01},
    ),
}
# Trained on 10 000 images, as the paper did with the nets that fit a device.
LARGE_DATA = ("(33)", "(35)", "(38)", "(39)")


class Images:
    """Training images, images of the same set that are held out, and test images, flat in [0, 1].

    Parameters
    ----------
    path : path
        ``mnist.npz`` or ``fashion_mnist_900.npz``.
    n_most : int
        Training images at most.
    """

    def __init__(self, path, n_most):
        self.n_most = n_most
        data = np.load(path)
        if "X" in data:
            self.name, self.n_held, self.test = "Fashion-MNIST", 300, None
            self.X, self.y = data["X"], data["y"]
        else:
            self.name, self.n_held = "MNIST", 5000
            self.X, self.y = data["X_train"], data["y_train"]
            self.test = pad(data["X_test"]), data["y_test"]

    def size(self, wanted):
        """How many training images there are, up to what is wanted."""
        return min(wanted, self.n_most, len(self.X) - self.n_held)

    def split(self, seed, n_train):
        """(X, y) of a training set of that seed, and of images that are in none of them."""
        fixed = np.random.default_rng(12345).permutation(len(self.X))
        held, rest = fixed[: self.n_held], fixed[self.n_held :]
        chosen = np.random.default_rng(seed).choice(rest, n_train, replace=False)
        return (pad(self.X[chosen]), self.y[chosen]), (pad(self.X[held]), self.y[held])


def pad(images):
    """Images of 28 x 28 with zeros around them, to 32 x 32, flat."""
    border = (SIZE - images.shape[1]) // 2
    padded = np.pad(images, ((0, 0), (border, border), (border, border)))
    return padded.reshape(len(images), -1) / 255.0


@contextmanager
def recorded(score):
    """Record ``score(layers)`` after each epoch of the annealed networks fitted inside."""
    scores = []
    run = _spin_glass_training._Epoch.run

    def run_and_score(self, weight_range):
        loss = run(self, weight_range)
        scores.append(score(self.state.layers))
        return loss

    _spin_glass_training._Epoch.run = run_and_score
    try:
        yield scores
    finally:
        _spin_glass_training._Epoch.run = run


def accuracy(layers, X, y):
    """Share of images whose largest output is at their class."""
    value = outputs_of(layers, X)
    return float((value.argmax(axis=1) == y).mean())


def anneal(layers, train, sets, seed, n_epochs=N_EPOCHS, **parameters):
    """Fit a network; its accuracies after each epoch on each of some sets, and the time it took.

    Returns
    -------
    curves : list of ndarray of shape (n_epochs,)
    network : SpinGlassAnnealedNetwork
    seconds : float
        Without the scoring.
    """
    settings = {"image_shape": IMAGE, "max_iter": n_epochs, **parameters}
    network = SpinGlassAnnealedNetwork(layers, random_state=seed, **settings)
    spent = []

    def score(fitted):
        started = time.perf_counter()
        scores = [accuracy(fitted, X, y) for X, y in sets]
        spent.append(time.perf_counter() - started)
        return scores

    started = time.perf_counter()
    with recorded(score) as scores:
        network.fit(*train)
    seconds = time.perf_counter() - started - sum(spent)
    return list(np.array(scores).T), network, seconds


def backpropagate(layers, train, sets, seed, learning_rates=(1e-3, 1e-2), n_epochs=N_EPOCHS):
    """As :func:`anneal`, for the classical twin, with the better of some learning rates.

    The better one is that with the lower loss of training, at its end.
    """
    best = None
    twin = SpinGlassAnnealedNetwork(layers, image_shape=IMAGE, random_state=seed).classical_twin()
    for rate in learning_rates:
        network = type(twin)(**{**twin.get_params(), "learning_rate_init": rate})
        network.set_params(max_iter=1, warm_start=True)
        scores, seconds = [], 0.0
        for _ in range(n_epochs):
            started = time.perf_counter()
            network.fit(*train)
            seconds += time.perf_counter() - started
            scores.append([network.score(X, y) for X, y in sets])
        if best is None or network.loss_ < best[1].loss_:
            best = list(np.array(scores).T), network, seconds
    return best
