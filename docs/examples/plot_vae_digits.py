"""
Digits from a Boltzmann machine
===============================

Does a prior of coupled bits, drawn by a sampler, make a better generative model than one of
independent bits? The bound on the likelihood says by how much, image by image.
"""

# %%
# Two autoencoders
# ----------------
#
# :class:`~qsklearn.QuantumBoltzmannPriorVAE` encodes images by bits, whose law is a Boltzmann
# machine on the graph of an annealer. Its classical twin has the same networks, and bits that are
# independent.

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from qsklearn import QuantumBoltzmannPriorVAE
from qsklearn.inspection import GeneratedImagesDisplay, LatentTraversalDisplay

X, y = load_digits(return_X_y=True)
X = X / 16
X_train, X_test = train_test_split(X, random_state=0)
vae = QuantumBoltzmannPriorVAE(
    32,
    topology="zephyr",
    hidden_layer_sizes=(64,),
    likelihood="bernoulli",
    max_iter=30,
    n_chains=200,
    random_state=0,
)
vae.fit(X_train)
twin = vae.classical_twin().fit(X_train)

# %%
# What they draw
# --------------
#
# Above, images that the model drew; below, images that it was not trained on, and what is left of
# them after 32 bits.

GeneratedImagesDisplay.from_estimator(
    vae, n_images=20, X=X_test[:5], means=True, random_state=0
).figure_

# %%
# The same of the twin. The eye is no good judge here: pictures may look alike where likelihoods
# differ, and the other way round.

GeneratedImagesDisplay.from_estimator(
    twin, n_images=20, X=X_test[:5], means=True, random_state=0
).figure_

# %%
# Which is better?
# ----------------
#
# The bound in nats an image (more is better), on the same images, so that differences are paired:

bound, bound_of_twin = vae.elbo(X_test), twin.elbo(X_test)
for name, values in {"Boltzmann prior": bound, "independent bits": bound_of_twin}.items():
    print(f"{name:17s} " + ", ".join(f"{part} {v.mean():7.2f}" for part, v in values.items()))
gain = bound["elbo"] - bound_of_twin["elbo"]
error = gain.std(ddof=1) / np.sqrt(len(gain))
print(f"gain by the prior: {gain.mean():.2f} ± {error:.2f} nats an image")

# %%
# What a bit does
# ---------------
#
# Take the bits of one image and turn them over one at a time. The six that change the image the
# most:

LatentTraversalDisplay.from_estimator(vae, X_test[0]).figure_

# %%
# What not to conclude
# --------------------
#
# That a gain as above is one of quantum computing: the prior was drawn by Gibbs sampling on this
# machine. That it holds for other seeds: the error is over images, of one training each, and
# trainings differ too. Nor that bits are a good latent space: compare with ``ablations()["Gaussian
# prior"]``, the ordinary autoencoder,

gaussian = vae.ablations()["Gaussian prior"].fit(X_train)
print(f"Gaussian prior: {gaussian.elbo(X_test)['elbo'].mean():.2f} nats an image")
