"""Lists of inverse temperatures that a caller gives to samplers that go from hot to cold."""

from __future__ import annotations

import numpy as np


def check_increasing_betas(values, name: str, beta: float | None) -> np.ndarray | None:
    """Inverse temperatures from hot to cold; None stays None.

    Parameters
    ----------
    values : array-like or None
    name : str
        The parameter that they come from.
    beta : float or None
        Where they have to end, if anywhere.

    Raises
    ------
    ValueError
        If they are not finite, positive and increasing, or end elsewhere.
    """
    if values is None:
        return None
    try:
        betas = np.asarray(values, dtype=float)
    except (TypeError, ValueError):  # words, or ragged
        betas = np.empty(0)
    is_list = betas.ndim == 1 and betas.size > 0 and bool(np.isfinite(betas).all())
    if not is_list or (np.diff(betas, prepend=0.0) <= 0).any():
        raise ValueError(
            f"The '{name}' parameter must be a list of finite numbers > 0, increasing. "
            f"Got {values!r} instead."
        )
    if beta is not None and not np.isclose(betas[-1], beta, rtol=1e-9):
        raise ValueError(
            f"The '{name}' parameter must end at beta={beta!r}. Got one that ends at "
            f"{float(betas[-1])!r} instead."
        )
    return betas if beta is None else np.append(betas[:-1], beta)
