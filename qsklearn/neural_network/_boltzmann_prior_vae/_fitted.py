"""What a trained discrete VAE keeps: arrays, which need no PyTorch to be kept or loaded."""

from dataclasses import dataclass, replace

import numpy as np

from qsklearn._optional import import_optional

_CALLER = "QuantumBoltzmannPriorVAE"


class FittedNetworks:
    """Weights of networks, which become modules where they are used.

    Parameters
    ----------
    architecture : VAEArchitecture
    arrays : dict of str to ndarray
    """

    def __init__(self, architecture, arrays):
        self.architecture, self.arrays = architecture, arrays
        self._module = None

    @property
    def module(self):
        """VAENetworks in evaluation mode on the CPU, made once; not to be trained."""
        if self._module is None:
            import_optional("torch", _CALLER)
            module = self.architecture.build(0)
            module.take_arrays(self.arrays)
            self._module = module.eval()
        return self._module

    def __getstate__(self):
        return {"architecture": self.architecture, "arrays": self.arrays}

    def __setstate__(self, state):
        self.__init__(**state)


@dataclass
class FitState:
    """All that a training goes on from.

    Parameters
    ----------
    entropy : int
        Of all random numbers.
    networks : FittedNetworks or None
        None before the first training.
    generator : dict or None
        State of the numpy Generator.
    optimiser : dict or None
        PyTorch's state of Adam, as arrays.
    step, n_steps : int
        Steps so far, and those of the schedule.
    chains : ndarray of shape (n_chains, n_spins), int8, or None
    belief : TemperatureBelief or None
    """

    entropy: int
    networks: FittedNetworks | None = None
    generator: dict | None = None
    optimiser: dict | None = None
    step: int = 0
    n_steps: int = 0
    chains: np.ndarray | None = None
    belief: object = None

    def start(self):
        """What a fit starts from, as numbers and arrays: all of it but the optimiser.

        Of that a fit makes a new one.
        """
        arrays = None if self.networks is None else self.networks.arrays
        belief = None if self.belief is None else self.belief.to_dict()
        plain = ("entropy", "generator", "chains")
        return {
            **{name: getattr(self, name) for name in plain},
            "networks": arrays,
            "belief": belief,
        }


def restarted(state):
    """A state whose next training has schedules of its own, and a fresh optimiser.

    Parameters
    ----------
    state : FitState

    Returns
    -------
    state : FitState
    """
    return replace(state, step=0, optimiser=None)
