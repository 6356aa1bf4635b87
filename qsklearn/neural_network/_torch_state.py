"""States of PyTorch's optimisers and generators as arrays, for checkpoints.

Imports PyTorch at module level; it is itself imported inside functions only.
"""

import numpy as np
import torch


def optimiser_to_arrays(optimiser):
    """What an optimiser remembers of each parameter.

    Parameters
    ----------
    optimiser : torch.optim.Optimizer

    Returns
    -------
    arrays : dict of str to dict of str to ndarray
        By number of the parameter and name; rates are not among them.
    """
    return {
        str(number): {name: value.cpu().numpy().copy() for name, value in moments.items()}
        for number, moments in optimiser.state_dict()["state"].items()
    }


def set_optimiser(optimiser, arrays):
    """Let an optimiser remember what another one did.

    Parameters
    ----------
    optimiser : torch.optim.Optimizer
        Of the same parameters.
    arrays : dict
        As :func:`optimiser_to_arrays` returns it.
    """
    state = {
        int(number): {name: torch.from_numpy(value.copy()) for name, value in moments.items()}
        for number, moments in arrays.items()
    }
    optimiser.load_state_dict({**optimiser.state_dict(), "state": state})


def generators_to_arrays(device="cpu"):
    """States of PyTorch's global generators.

    Parameters
    ----------
    device : {"cpu", "cuda"}, default="cpu"
        The latter has one of its own.

    Returns
    -------
    arrays : dict of str to ndarray
    """
    arrays = {"cpu": torch.get_rng_state().numpy()}
    if device == "cuda":
        arrays["cuda"] = torch.cuda.get_rng_state().numpy()
    return arrays


def set_generators(arrays):
    """Let PyTorch's global generators go on from other states.

    Parameters
    ----------
    arrays : dict of str to ndarray
        As :func:`generators_to_arrays` returns it.
    """
    torch.set_rng_state(torch.from_numpy(np.array(arrays["cpu"])))
    if "cuda" in arrays:
        torch.cuda.set_rng_state(torch.from_numpy(np.array(arrays["cuda"])))
