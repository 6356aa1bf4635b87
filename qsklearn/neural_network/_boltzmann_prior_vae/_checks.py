"""Parameters of the discrete VAE that are sequences, or depend on the machine."""

import sys
from numbers import Integral, Real

from qsklearn._optional import import_optional


def check_sizes(sizes, caller):
    """Refuse hidden layers that are no sizes.

    Parameters
    ----------
    sizes : object
    caller : str

    Raises
    ------
    ValueError
    """
    is_fine = isinstance(sizes, tuple | list) and len(sizes) > 0
    if not is_fine or not all(_is_count(size) for size in sizes):
        raise ValueError(
            f"The 'hidden_layer_sizes' parameter of {caller} must be a tuple of ints >= 1, such as "
            f"(300, 300). Got {sizes!r} instead."
        )


def check_schedules(tau, importance, caller):
    """Refuse temperatures and numbers of draws that are none.

    Parameters
    ----------
    tau, importance : object
    caller : str

    Raises
    ------
    ValueError
    """
    given = tau if isinstance(tau, tuple | list) else (tau, tau)
    if len(given) != 2 or not all(_is_positive(value) for value in given):
        raise ValueError(
            f"The 'tau' parameter of {caller} must be a float > 0, or a pair (first, last) of "
            f"them. Got {tau!r} instead."
        )
    is_fine = isinstance(importance, tuple | list) and len(importance) > 0
    if not is_fine or not all(_is_pair(pair) for pair in importance):
        raise ValueError(
            f"The 'importance' parameter of {caller} must be a sequence of pairs (K, D) of ints "
            f">= 1, such as ((1, 8), (8, 1)). Got {importance!r} instead."
        )


def pairs_of(importance):
    """The ``importance`` parameter as a tuple of pairs of int."""
    return tuple((int(first), int(second)) for first, second in importance)


def hardware(device, caller):
    """PyTorch's name of the hardware that ``device`` stands for.

    Parameters
    ----------
    device : {"cpu", "cuda", "auto"}
    caller : str

    Returns
    -------
    device : {"cpu", "cuda"}

    Raises
    ------
    ValueError
        If there is no such hardware.
    """
    has_cuda = import_optional("torch", caller).cuda.is_available()
    if device == "cuda" and not has_cuda:
        raise ValueError(
            f"The 'device' parameter of {caller} must be 'cpu' or 'auto' on this machine: PyTorch "
            "finds no CUDA device. Got 'cuda' instead."
        )
    return "cuda" if has_cuda and device != "cpu" else "cpu"


def _is_count(value):
    return isinstance(value, Integral) and not isinstance(value, bool) and value >= 1


def _is_positive(value):
    return (
        isinstance(value, Real) and not isinstance(value, bool) and 0 < value <= sys.float_info.max
    )


def _is_pair(pair):
    return isinstance(pair, tuple | list) and len(pair) == 2 and all(map(_is_count, pair))
