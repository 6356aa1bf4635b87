"""
A processor without an account
==============================

What happens between a network and an annealer's chip? This program takes the package's mock of a
D-Wave processor and looks at the embedding, at the temperature that is estimated while training,
and at chains that break.
"""

# %%
# Training on the mock
# --------------------
#
# :class:`~qsklearn.samplers.MockQPUSampler` takes only models on its own graph, as a processor
# does, in its ranges, and draws at an inverse temperature that it does not tell.
# :class:`~qsklearn.samplers.EmbeddedSampler` makes of it a sampler that takes any model. On a
# machine with an account, ``DWaveQPUSampler()`` stands in place of the mock.

import dimod
import numpy as np
from sklearn.datasets import load_digits

from qsklearn import QuantumSampledMLPClassifier
from qsklearn.inspection import ChainBreakDisplay, EffectiveBetaDisplay, EmbeddingDisplay
from qsklearn.samplers import EmbeddedSampler, MockQPUSampler, find_embedding

X, y = load_digits(n_class=2, return_X_y=True)
X = X / 16
device = MockQPUSampler("ideal", topology_type="chimera", topology_shape=[6, 6, 4], seed=0)
network = QuantumSampledMLPClassifier(
    n_hidden=8,
    sampler=EmbeddedSampler(device),
    num_reads=50,
    batch_size=20,
    max_iter=6,
    learning_rate_init=0.03,
    random_state=0,
)
network.fit(X[:100], y[:100])
print(f"accuracy on the rows left out: {network.score(X[100:], y[100:]):.3f}")
print(f"queries: {network.cost_['queries']}")
seconds = 1e-6 * network.cost_["qpu_access_time"]
print(f"time of the processor, by D-Wave's timing model: {seconds:.2f} s")

# %%
# The temperature, found from the draws
# -------------------------------------
#
# Each step estimates it anew from its own draws, with an error. The dashed line is what the mock
# really has.

EffectiveBetaDisplay.from_estimator(network, beta_true=6.1).figure_

# %%
# The first estimates are the least certain: the weights are small, and draws of a law that is
# nearly uniform hardly tell at what temperature they were made.

# %%
# Chains
# ------
#
# A network with one output is a star: the output is coupled to each hidden unit. A model with more
# couplings than the chip has lays several qubits in a chain for one variable. Here are eight
# variables, all coupled with each other.

pairs = [(i, j) for i in range(8) for j in range(i)]
chip = MockQPUSampler("advantage", topology_type="chimera", topology_shape=[3, 3, 4], seed=0)
embedding = find_embedding(8, pairs, chip, seed=0)
print(f"{embedding.n_qubits} qubits, chains of up to {embedding.max_chain_length}")
EmbeddingDisplay.from_embedding(embedding, chip, source_graph=pairs).figure_

# %%
# Chains that break
# -----------------
#
# A chain is held together by a coupling. If it is too weak its qubits disagree, and what a majority
# vote makes of them is no draw of the model. Ten calls with a strong coupling within the chains,
# then ten with a weak one:

rng = np.random.default_rng(0)
model = dimod.BinaryQuadraticModel.from_ising({}, {pair: rng.normal() for pair in pairs})


def draw(chain_strength):
    sampler = EmbeddedSampler(chip, embedding=embedding, chain_strength=chain_strength)
    return [sampler.sample(model, num_reads=100, seed=call) for call in range(10)]


ChainBreakDisplay.from_samplesets(draw(chain_strength=8.0) + draw(chain_strength=1.0)).figure_

# %%
# What not to conclude
# --------------------
#
# That a processor does the same. The mock has a processor's graph, ranges, noise and timing, and
# none of its quantum dynamics. It is good to rehearse a study, and to find out what a study would
# cost; not to tell whether the processor helps. Neither are chains that hold a sign of good draws:
# the stronger they are, the less of the chip's range is left for the model itself.
