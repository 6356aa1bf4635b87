"""
A convolutional network without gradients
=========================================

Are convolutions trained by annealing as well, and what do their kernels look like afterwards?
"""

# %%
# Layers are parameters: a list, compared by value, so that a grid search may vary it. The images
# are rows of 64 numbers, and ``image_shape`` says how they are to be read.

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from qsklearn import SpinGlassAnnealedNetwork
from qsklearn.inspection import LayerEnergyDisplay, ReceptiveFieldDisplay
from qsklearn.neural_network.layers import Activation, AveragePool, Convolution, Linear

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
leaky = Activation("leaky_relu", 0.1)
convolutional = SpinGlassAnnealedNetwork(
    [Convolution(8, kernel_size=3), leaky, AveragePool(2), Linear(32), leaky, Linear(10)],
    image_shape=(1, 8, 8),
    n_bits=4,
    max_iter=20,
    random_state=0,
)
convolutional.fit(X_train, y_train)
linear = SpinGlassAnnealedNetwork(random_state=0).fit(X_train, y_train)
print(f"convolutional {convolutional.score(X_test, y_test):.3f}")
print(f"linear        {linear.score(X_test, y_test):.3f}")

# %%
# The kernels
# -----------
#
# Eight kernels of three by three pixels. Darker than the grey around is negative.

ReceptiveFieldDisplay.from_estimator(convolutional).figure_

# %%
# Templates
# ---------
#
# The linear network has one image of weights a class, to lay over a digit. Pixels at the left and
# right edges are blank in nearly all images, so that the data say little about their weights.

ReceptiveFieldDisplay.from_estimator(linear).figure_

# %%
# Does the convolution learn?
# ---------------------------
#
# In a deep network one must ask. The energies of the convolution's own problem go down within each
# epoch, but its targets move from epoch to epoch:

LayerEnergyDisplay.from_estimator(convolutional).figure_

# %%
# The answer is in a control: kernels that are drawn at random and stay as they are, with the same
# layers on top.

rng = np.random.default_rng(0)
kernels = rng.normal(size=(8, 3, 3))


def convolve(images):
    """Random kernels, leaky rectifier and average pooling, as above."""
    windows = np.lib.stride_tricks.sliding_window_view(images.reshape(-1, 8, 8), (3, 3), (1, 2))
    maps = np.einsum("nabij,kij->nkab", windows, kernels)
    maps = np.where(maps > 0, maps, 0.1 * maps)
    return maps.reshape(-1, 8, 3, 2, 3, 2).mean(axis=(3, 5)).reshape(len(images), -1)


control = SpinGlassAnnealedNetwork([Linear(32), leaky, Linear(10)], random_state=0)
control.fit(convolve(X_train), y_train)
print(f"with random kernels: {control.score(convolve(X_test), y_test):.3f}")

# %%
# What not to conclude
# --------------------
#
# That kernels which look like edges were learnt. Random ones do, too, and a linear readout of
# random features is a strong opponent on such small images: see by how much the numbers above
# differ, and which way.
