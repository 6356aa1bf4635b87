"""
Draws from a circuit
====================

A quantum circuit can mimic evolution in imaginary time, whose law is Boltzmann's. How near does it
come, and is it better than random strings?
"""

# %%
# A model and its circuit
# -----------------------
#
# :class:`~qsklearn.samplers.ImaginaryTimeCircuitSampler` makes a circuit of one rotation a spin and
# one a coupling, and measures it on Qiskit Aer. Nothing is optimised. Exact evolution by the time τ
# gives the law at β = 2τ.

import dimod
import matplotlib.pyplot as plt
import numpy as np

from qsklearn.circuits import ImaginaryTimeCircuit
from qsklearn.inspection import EnergyHistogramDisplay
from qsklearn.samplers import ExactSampler, ImaginaryTimeCircuitSampler

rng = np.random.default_rng(0)
n_spins = 6
h = rng.normal(scale=0.5, size=n_spins)
J = np.triu(rng.normal(scale=0.5, size=(n_spins, n_spins)), 1)
model = dimod.BinaryQuadraticModel.from_ising(
    dict(enumerate(h)), {(i, j): J[i, j] for i in range(n_spins) for j in range(i + 1, n_spins)}
)
circuit = ImaginaryTimeCircuit.from_ising(h[np.newaxis], J + J.T, 0.5)
print(dict(circuit.to_qiskit(0).count_ops()))

# %%
# Warm
# ----
#
# At β = 0.3 the law of the circuit is nearly the right one:

sampler = ImaginaryTimeCircuitSampler(seed=0)
warm = sampler.sample(model, beta=0.3, num_reads=4000)
EnergyHistogramDisplay.from_samples(warm, model, beta=0.3, show_beta_eff=True).figure_

# %%
# Cold
# ----
#
# At β = 1.2 it is not. The effective temperature corrects a part of that; the rest is another law.

cold = sampler.sample(model, beta=1.2, num_reads=4000)
EnergyHistogramDisplay.from_samples(cold, model, beta=1.2, show_beta_eff=True).figure_

# %%
# How far from the law?
# ---------------------
#
# With six spins the amplitudes of all 64 states are known, and so is the total variation distance
# to the law, without any error of counting.

times = np.linspace(0.05, 1.0, 20)
states = np.array([[1 if k >> i & 1 else -1 for i in range(n_spins)] for k in range(2**n_spins)])
energies = model.energies((states, range(n_spins)))


def boltzmann(beta):
    weights = np.exp(-beta * (energies - energies.min()))
    return weights / weights.sum()


def law_of_circuit(time):
    return ImaginaryTimeCircuit.from_ising(h[np.newaxis], J + J.T, time).amplitudes()[0] ** 2


fig, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
distances = {
    "circuit": [law_of_circuit(time) for time in times],
    "random strings": [np.full(len(energies), 1 / len(energies))] * len(times),
}
for (name, laws), style in zip(distances.items(), ("o-", "--"), strict=True):
    distance = [
        0.5 * np.abs(law - boltzmann(2 * time)).sum() for law, time in zip(laws, times, strict=True)
    ]
    ax.plot(2 * times, distance, style, label=name)
ax.set(xlabel="β that is asked for", ylabel="total variation distance", ylim=(0, 1))
ax.legend()
fig

# %%
# Low energies
# ------------
#
# For a search each answer carries what as many random strings would have found. On few spins that
# is a strong opponent:

best = ExactSampler().sample(model, num_reads=1, seed=0).first.energy
found = sampler.sample(model, num_reads=50)
baseline = found.info["random_baseline"]
print(f"ground state      {best:.2f}")
print(f"circuit           best {found.first.energy:.2f}, mean {found.record.energy.mean():.2f}")
print(f"random strings    best {baseline['best'][0]:.2f}, mean {baseline['mean'][0]:.2f}")

# %%
# What not to conclude
# --------------------
#
# That a circuit which finds the ground state of six spins is a good optimiser: 50 random strings of
# 64 find it, too, or come close. The means tell more than the best. And nothing here is fast: a
# simulated state takes 16 bytes for each of 2\ :sup:`n` amplitudes (:doc:`/circuits`).
