r"""
Does the sampler draw the right law?
====================================

Training, priors and calibrated probabilities need draws from :math:`P(s) \propto e^{-\beta E(s)}`.
On models of few spins all states can be enumerated, so that one can see whether a sampler draws it.
"""

# %%
# A small glass: twelve spins, couplings and fields of random sign.

import dimod
import numpy as np

from qsklearn.inspection import AutocorrelationDisplay, EnergyHistogramDisplay
from qsklearn.samplers import (
    EmbeddedSampler,
    ExactSampler,
    GibbsSampler,
    MockQPUSampler,
    SimulatedAnnealingSampler,
)

rng = np.random.default_rng(0)
pairs = [(i, j) for i in range(12) for j in range(i) if rng.random() < 0.4]
glass = dimod.BinaryQuadraticModel.from_ising(
    {i: rng.normal(scale=0.3) for i in range(12)}, {pair: rng.normal() for pair in pairs}
)

# %%
# Independent draws of the law
# ----------------------------
#
# The line is the number of draws that the law lets one expect, the hatched band two standard
# deviations of counting. Even a perfect sampler leaves the band in about one bar of twenty.

EnergyHistogramDisplay.from_sampler(ExactSampler(), glass, beta=1.0, num_reads=5000, seed=0).figure_

# %%
# A sampler that has not arrived
# ------------------------------
#
# Gibbs chains that begin at random states need time. After two sweeps the energies are still too
# high, as at a higher temperature:

few = GibbsSampler(num_sweeps=2)
display = EnergyHistogramDisplay.from_sampler(
    few, glass, beta=1.0, num_reads=5000, seed=0, show_beta_eff=True
)
display.figure_

# %%
# After two hundred they are right.

many = GibbsSampler(num_sweeps=200)
EnergyHistogramDisplay.from_sampler(many, glass, beta=1.0, num_reads=5000, seed=0).figure_

# %%
# An annealer that is asked for a temperature goes there slowly, and stays:

annealing = SimulatedAnnealingSampler()
EnergyHistogramDisplay.from_sampler(annealing, glass, beta=1.0, num_reads=5000, seed=0).figure_

# %%
# A device
# --------
#
# A processor draws at a temperature of its own, through chains of qubits, with noise on its biases.
# This is the package's mock of one. It is colder than the law that is wanted, by a factor that
# nobody knows beforehand, and so the energies are divided by 5 before they are programmed.
# Estimators do this by themselves. What the factor was, the sampler around the device finds from
# the draws:

programmed = glass.copy()
programmed.scale(1 / 5)
device = EmbeddedSampler(MockQPUSampler("advantage", topology_shape=[4], seed=0))
answer = device.sample(programmed, beta=1.0, num_reads=2000, seed=0)
print(f"beta_eff = {answer.info['beta_eff']:.2f} ± {answer.info['beta_eff_stderr']:.2f}")
beta_eff = round(answer.info["beta_eff"], 2)
EnergyHistogramDisplay.from_samples(answer, programmed, beta=beta_eff).figure_

# %%
# Even at the temperature that fits it best the law need not be right: noise and chains change more
# than the temperature. The distance in the legend says by how much, beside what chance alone would
# do.

# %%
# How much is a draw worth?
# -------------------------
#
# Successive states of one chain are alike. Twenty chains go on from where they are, one sweep a
# draw, at two temperatures; the first hundred draws are left out.


def energies_of_chains(beta, n_draws=1000):
    """Energies of shape (n_chains, n_draws)."""
    sampler, drawn = GibbsSampler(num_reads=20, num_sweeps=1, beta=beta), []
    states = sampler.sample(glass, seed=0)
    for step in range(n_draws + 100):
        states = sampler.sample(glass, seed=step, initial_states=states)
        drawn.append(states.record.energy)
    return np.array(drawn[100:]).T


warm = AutocorrelationDisplay.from_chains(energies_of_chains(0.5))
warm.figure_

# %%
# Colder, the chains take longer to forget:

cold = AutocorrelationDisplay.from_chains(energies_of_chains(1.0))
cold.figure_

# %%
# What not to conclude
# --------------------
#
# A histogram of energies that looks right does not prove that the law is right: states of equal
# energy may still be drawn unequally. It only shows where a law is wrong. And what mixes on twelve
# spins may not on a thousand, where nothing can be enumerated.

print(f"sweeps for an independent draw, warm: {warm.integrated_time_:.1f}")
print(f"sweeps for an independent draw, cold: {cold.integrated_time_:.1f}")
