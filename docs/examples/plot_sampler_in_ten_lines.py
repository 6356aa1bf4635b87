r"""
A Boltzmann law and its draws
=============================

A sampler draws states of an Ising model. Here are 20,000 draws of three coupled spins beside the
law :math:`P(s) \propto e^{-\beta E(s)}`, which for eight states can be written down.
"""

# %%
# The model: two bonds want equal spins, one wants opposite ones, and a field pulls the first down.

from itertools import product

import dimod
import matplotlib.pyplot as plt
import numpy as np

from qsklearn.samplers import GibbsSampler

model = dimod.BinaryQuadraticModel.from_ising({0: 0.3}, {(0, 1): -1, (1, 2): -1, (0, 2): 0.5})
states = np.array(list(product([-1, 1], repeat=3)))
weights = np.exp(-model.energies((states, [0, 1, 2])))

# %%
# The same by block Gibbs sampling.

drawn = GibbsSampler(num_reads=20_000, beta=1.0, seed=0).sample(model).record.sample
counts = (drawn[:, np.newaxis] == states).all(axis=2).sum(axis=0)

# %%
# Side by side:

names = ["".join("+" if spin > 0 else "−" for spin in state) for state in states]
fig, axes = plt.subplots(figsize=(6, 3), layout="constrained")
axes.bar(np.arange(8) - 0.2, weights / weights.sum(), 0.4, label="exact law")
axes.bar(np.arange(8) + 0.2, counts / counts.sum(), 0.4, label="20,000 draws")
axes.set(xlabel="state", ylabel="probability", xticks=range(8), xticklabels=names)
axes.legend()
plt.show()
