"""
A sampler of your own
=====================

You have an algorithm that draws states. How does it become the ``sampler=`` of a network, and does
the network care?
"""

# %%
# Ten lines
# ---------
#
# A sampler is any object with dimod's ``sample``. This one is Metropolis's rule, spin by spin. It
# declares ``beta``, so that it is told which temperature is wanted, and ``seed``, so that fits
# repeat.

import dimod
import numpy as np
from sklearn.datasets import load_iris
from sklearn.preprocessing import minmax_scale

from qsklearn import QuantumSampledMLPClassifier
from qsklearn.inspection import ComparisonDisplay, EnergyHistogramDisplay
from qsklearn.model_selection import compare
from qsklearn.samplers import DimodSampler


class Metropolis(dimod.Sampler):
    """All reads at once, from random states."""

    parameters = {"num_reads": [], "num_sweeps": [], "beta": [], "seed": []}
    properties = {}

    def sample(self, bqm, num_reads=1, num_sweeps=30, beta=1.0, seed=None):
        rng = np.random.default_rng(seed)
        labels = sorted(bqm.variables)
        h, (rows, columns, values), _ = bqm.spin.to_numpy_vectors(variable_order=labels)
        J = np.zeros((len(labels), len(labels)))
        J[rows, columns] = values
        J += J.T
        states = rng.choice([-1.0, 1.0], size=(num_reads, len(labels)))
        for _ in range(num_sweeps):
            for spin in range(len(labels)):
                rise = -2 * states[:, spin] * (h[spin] + states @ J[spin])
                states[rng.random(num_reads) < np.exp(-beta * np.maximum(rise, 0)), spin] *= -1
        drawn = dimod.SampleSet.from_samples_bqm((states.astype(np.int8), labels), bqm.spin)
        return drawn.change_vartype(bqm.vartype, inplace=False)


# %%
# Is the law right?
# -----------------
#
# Ask that before a network is trained. The energies of 5000 draws of eight spins, beside the exact
# law:

rng = np.random.default_rng(1)
glass = dimod.BinaryQuadraticModel.from_ising(
    {i: 0.2 * rng.normal() for i in range(8)},
    {(i, j): 0.5 * rng.normal() for i in range(8) for j in range(i)},
)
EnergyHistogramDisplay.from_sampler(Metropolis(), glass, beta=1.0, num_reads=5000, seed=0).figure_

# %%
# A sampler with the wrong sign of the energies is found at once; estimators would warn that its
# draws are not thermal.


class WrongSign(Metropolis):
    def sample(self, bqm, **parameters):
        turned = bqm.copy()
        turned.scale(-1)
        drawn = super().sample(turned, **parameters)
        return dimod.SampleSet.from_samples_bqm((drawn.record.sample, drawn.variables), bqm)


EnergyHistogramDisplay.from_sampler(WrongSign(), glass, beta=1.0, num_reads=5000, seed=0).figure_

# %%
# It trains a network
# -------------------
#
# :class:`~qsklearn.samplers.DimodSampler` keeps it by reference when scikit-learn clones the
# network.

X, y = load_iris(return_X_y=True)
X, y = minmax_scale(X[50:]), y[50:]


def network(sampler):
    return QuantumSampledMLPClassifier(
        n_hidden=4, sampler=sampler, num_reads=20, batch_size=20, max_iter=6, learning_rate_init=0.3
    )


contenders = {
    "Metropolis, 30 sweeps": network(DimodSampler(Metropolis())),
    "Metropolis, 1 sweep": network(DimodSampler(Metropolis(), {"num_sweeps": 1})),
    "exact draws": network("exact"),
    "classical twin": network("exact").classical_twin(),
}
result = compare(
    contenders, X, y, cv=4, scoring="neg_log_loss", baseline="exact draws", random_state=0
)
ComparisonDisplay.from_result(result).figure_

# %%
# What it took:

for row in result.summary():
    reads = row["cost"].get("reads", 0)
    print(f"{row['estimator']:22s} {row['fit_seconds']:.2f} s a fit, {reads:.0f} reads")

# %%
# What not to conclude
# --------------------
#
# That any sampler will do, where a bad one trains the network just as well. Small networks are
# forgiving: a star of a few hidden units mixes in a sweep or two. The histogram above sees what an
# accuracy does not.
#
# Models came to this sampler one by one, which is slow. :doc:`/own_sampler` adds the door for
# arrays, which gets a whole batch at once.
