"""Rows that a torch module is trained on, or validated with.

Imports PyTorch at module level; it is itself imported inside functions only.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch

# Rows evaluated at once, which bounds the memory of convolutions.
_ROWS_AT_ONCE = 1000


@dataclass
class TrainingRows:
    """Rows that are trained on, or validated with."""

    X: np.ndarray
    classes: torch.Tensor
    weights: torch.Tensor
    shape: tuple  # of one row as the layers take it
    dtype: torch.dtype

    def __len__(self):
        return len(self.classes)

    def arrays(self):
        """All of it but the shape."""
        return self.X, self.classes.numpy(), self.weights.numpy()

    def inputs(self, rows):
        with np.errstate(over="ignore"):  # enormous features: the loss is not finite, which is told
            rows = torch.from_numpy(np.array(self.X[rows], dtype=np.float64)).to(self.dtype)
        return rows.reshape(-1, *self.shape)


def check_rows(module, data, n_classes, shape, name):
    """The rows that count, with weights of mean 1."""
    X, classes, weights = data
    X, classes = np.asarray(X), np.asarray(classes)
    weights = np.ones(len(X)) if weights is None else np.asarray(weights, dtype=np.float64)
    if not len(X) == len(classes) == len(weights):
        raise ValueError(
            f"The rows, classes and weights of {name} must be equally many. Got {len(X)}, "
            f"{len(classes)} and {len(weights)} instead."
        )
    if X.ndim != 2 or X.shape[1] != math.prod(shape):
        raise ValueError(
            f"{name} must have rows of {math.prod(shape)} features, as image_shape or the training "
            f"rows say. Got an array of shape {X.shape} instead."
        )
    if np.any(weights < 0) or not np.isfinite(weights).all() or not weights.sum() > 0:
        raise ValueError(f"The weights of {name} must be finite, none < 0, and their sum > 0.")
    if classes.min() < 0 or classes.max() >= n_classes:
        raise ValueError(
            f"The classes of {name} must be in the range [0, {n_classes - 1}], as the network has "
            f"{n_classes} outputs. Got {classes.min()} to {classes.max()} instead."
        )
    if not (weights > 0).all():
        X, classes, weights = X[weights > 0], classes[weights > 0], weights[weights > 0]
    dtype = next(module.parameters()).dtype
    return TrainingRows(
        X,
        torch.from_numpy(classes.astype(np.int64)),
        torch.from_numpy(weights / weights.mean()).to(dtype),
        shape,
        dtype,
    )


def through(front, data):
    """The outputs of a front end that stays as it is, as data."""
    with torch.no_grad():
        features = torch.cat([front(data.inputs(rows)) for rows in blocks(data)])
    return TrainingRows(
        features.numpy(), data.classes, data.weights, features.shape[1:], data.dtype
    )


def blocks(data):
    """Row numbers, some at once."""
    return np.array_split(np.arange(len(data)), math.ceil(len(data) / _ROWS_AT_ONCE))
