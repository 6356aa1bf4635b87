"""What the two examples of qubo_transfer.txt have in common: settings of models and their readout.

Draws are exact ones of exp(-E): hidden units of 30- and 50-bit models can be summed out, so that no
sampler is to blame for what fails. The mock device draws them again.
"""

from dataclasses import dataclass

import matplotlib
import numpy as np
import torch

from qsklearn.hamiltonians import (
    LayeredHamiltonian,
    class_shifts,
)
from qsklearn.samplers import EmbeddedSampler, ExactSampler, MockQPUSampler

matplotlib.use("Agg")

NUM_READS, NUM_LOWEST = 1000, 100  # the paper's


@dataclass
class Setting:
    """A model of some images, with a penalty, and how its class units are read."""

    name: str
    hamiltonian: LayeredHamiltonian
    inputs: np.ndarray
    shifts: np.ndarray | None = None

    @property
    def family(self):
        return self.hamiltonian.build(self.inputs, self.shifts)

    def take(self, rows):
        shifts = None if self.shifts is None else self.shifts[rows]
        return Setting(self.name, self.hamiltonian, self.inputs[rows], shifts)

    def ground_states(self):
        """Bits of an exact ground state of each image, shape (n_images, n_units)."""
        family = self.family
        states, _, _ = ExactSampler().sample_arrays(
            family.fields, family.couplings, beta=None, num_reads=1, seed=0
        )
        return states[:, 0] > 0

    def lowest(self, sampler=None, beta=1.0, seed=0):
        """Class bits of the 100 lowest of 1000 draws, (n_images, 100, n_classes), and the info."""
        family = self.family
        states, energies, info = (sampler or ExactSampler()).sample_arrays(
            family.fields, family.couplings, beta=beta, num_reads=NUM_READS, seed=seed
        )
        ranks = np.argsort(energies, axis=1, kind="stable")[:, :NUM_LOWEST, np.newaxis]
        return np.take_along_axis(self.hamiltonian.decode(states), ranks, axis=1), info


def fixed(name, hamiltonian, inputs, penalty, clip=8.0):
    """The same with the scores of each image shifted to a largest of 0, and cut."""
    inputs = hamiltonian.clipped_inputs(inputs, clip)
    shifts = class_shifts(hamiltonian.class_fields(inputs), "max")
    return Setting(name, hamiltonian.centred().with_penalty(penalty), inputs, shifts)


def right(scores, y):
    """Whether each image's class has the largest score alone, and whether it has it at all."""
    own = scores[np.arange(len(y)), y]
    others = scores.astype(float)
    others[np.arange(len(y)), y] = -np.inf
    return own > others.max(axis=1) + 1e-9, own > others.max(axis=1) - 1e-9


def usual_mock():
    """A mock of Advantage, as dwave-system's composites use the device."""
    return embedded_mock("uniform_torque_compensation")


def embedded_mock(chain_strength):
    device = MockQPUSampler(seed=0, num_threads=1)
    return EmbeddedSampler(device, chain_strength=chain_strength, seed=0)


def shares(values):
    """Strict / with ties."""
    return " / ".join(f"{np.mean(value):.3f}" for value in values)


def train(module, X, y, shape, *, epochs, batch_size, rate, seed):
    """Cross-entropy by Adam."""
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(module.parameters(), rate)
    X = torch.as_tensor(X, dtype=torch.float32).reshape(-1, *shape)
    y = torch.as_tensor(y)
    for _ in range(epochs):
        for rows in torch.randperm(len(X), generator=generator).split(batch_size):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(module(X[rows]), y[rows]).backward()
            optimiser.step()
    return module.requires_grad_(False)


def outputs(module, X, shape):
    """Values behind a module, a row an image."""
    X = torch.as_tensor(X, dtype=torch.float32).reshape(-1, *shape)
    return module(X).flatten(1).numpy().astype(float)


def heat_map(axis, scores, title):
    """Class scores of one image a row."""
    axis.imshow(scores, cmap="Blues", vmin=0, vmax=100)
    size = 7 if len(scores) < 6 else 5
    for (row, column), score in np.ndenumerate(scores):
        colour = "white" if score > 60 else "black"
        axis.text(
            column, row, f"{score:.0f}", ha="center", va="center", fontsize=size, color=colour
        )
    ticks = np.arange(len(scores))
    axis.set(xlabel="class", ylabel="digit shown", xticks=ticks, yticks=ticks)
    axis.set_title(title, fontsize=9)
