"""PyTorch's global state: for one training at a time, and as arrays for checkpoints.

Imports PyTorch at module level; it is itself imported inside functions only.
"""

import os
import threading
from contextlib import contextmanager

import joblib
import numpy as np
import torch

# Of what PyTorch has once in a process: its generators, and its number of threads.
_turn = threading.RLock()


def _take_no_turn():
    """In a forked child no thread is left that could end the turn it had taken."""
    global _turn
    _turn = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_take_no_turn)


@contextmanager
def torch_to_itself(n_threads, device="cpu"):
    """PyTorch on some threads, and its global generators put back at the end.

    Other threads wait: two trainings at once would draw from the same generators, each a part of
    what the other should.

    Parameters
    ----------
    n_threads : int
        At most as many as there are cores.
    device : {"cpu", "cuda"}, default="cpu"
    """
    with _turn:
        before = torch.get_num_threads()
        # More than there are cores gain nothing, and the system may not have them.
        torch.set_num_threads(min(n_threads, joblib.cpu_count()))
        try:
            with torch.random.fork_rng(devices=[0] if device == "cuda" else []):
                yield
        finally:
            torch.set_num_threads(before)


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
