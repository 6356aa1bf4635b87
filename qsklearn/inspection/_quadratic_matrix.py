"""Reading the matrix Q of x'Qx and the layers of its units, with the errors that belong to it.

A matrix is dense or sparse and upper triangular; layers follow one another and cover all units.
"""

from __future__ import annotations

import numbers
from collections.abc import Mapping

import dimod
import numpy as np
from scipy import sparse

from qsklearn._checks import check_instance, check_reals

_CALLER = "QUBOMatrixDisplay"


def check_matrix(matrix):
    """The matrix as float64, dense or csr; square, finite and upper triangular."""
    name = f"The 'matrix' parameter of {_CALLER}"
    if sparse.issparse(matrix):
        matrix = sparse.csr_array(matrix)
    else:
        matrix = check_reals(matrix, "matrix", _CALLER)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.shape[0] == 0:
        raise ValueError(
            f"{name} must be square with at least one unit. Got the shape {matrix.shape} instead."
        )
    if matrix.dtype.kind not in "biuf":
        raise ValueError(f"{name} must hold real numbers. Got the dtype {matrix.dtype} instead.")
    matrix = matrix.astype(np.float64)
    values = matrix.data if sparse.issparse(matrix) else matrix
    n_bad = np.count_nonzero(~np.isfinite(values))
    if n_bad:
        raise ValueError(f"{name} must be finite. Got {n_bad} numbers that are NaN or infinite.")
    below = sparse.tril(matrix, -1) if sparse.issparse(matrix) else np.tril(matrix, -1)
    n_below = int((below != 0).sum())
    if n_below:
        raise ValueError(
            f"{name} must be upper triangular. Got {n_below} numbers other than zero below the "
            "diagonal; np.triu(Q) + np.tril(Q, -1).T has the same x'Qx and none there."
        )
    return matrix


def check_layers(layers, n_units):
    """Layers as a dictionary of name to slice, in the order of their units."""
    if layers is None:
        return {"units": slice(0, n_units)}
    check_instance(layers, (Mapping, list, tuple), "layers", _CALLER)
    spans = _slices(layers, n_units) if hasattr(layers, "items") else _consecutive(layers)
    spans = dict(sorted(spans.items(), key=lambda item: item[1].start))
    reached = 0
    for name, span in spans.items():
        if span.start != reached or span.stop <= span.start:
            raise _bad_layers(
                f"follow one another, each with at least one unit. Got units {span.start} to "
                f"{span.stop} for {name!r} after the first {reached}"
            )
        reached = span.stop
    if reached != n_units:
        raise _bad_layers(f"hold all {n_units} units of the matrix. Got {reached} instead")
    return spans


def _slices(layers, n_units):
    for name, span in layers.items():
        if not isinstance(span, slice) or span.step not in (None, 1):
            raise _bad_layers(f"be slices of step 1 where it is a dict. Got {span!r} for {name!r}")
        if span.stop is not None and not 0 <= span.stop <= n_units:
            raise _bad_layers(f"hold the {n_units} units of the matrix. Got {span} for {name!r}")
    return {name: slice(*span.indices(n_units)[:2]) for name, span in layers.items()}


def _consecutive(layers):
    spans, start = {}, 0
    for layer in layers:
        is_pair = isinstance(layer, tuple | list) and len(layer) == 2
        if not is_pair or not isinstance(layer[1], numbers.Integral) or layer[1] < 1:
            raise _bad_layers(
                "be pairs (name, size) with a size of at least 1, or a dict of name to slice. "
                f"Got {layer!r}"
            )
        name, size = layer
        if name in spans:
            raise _bad_layers(f"differ in their names. Got {name!r} twice")
        spans[name] = slice(start, start + int(size))
        start += int(size)
    return spans


def _bad_layers(what):
    return ValueError(f"The 'layers' of {_CALLER} must {what}.")


def read_bqm(bqm, layers):
    """The sparse Q of a binary quadratic model, in x of 0 and 1, and its layers.

    Without `layers` the units are ordered by layer, in the order in which the layers appear, and
    by number where all labels are pairs (name, number); else they keep the order of the model.
    """
    if not isinstance(bqm, dimod.BinaryQuadraticModel):
        raise ValueError(
            f"The 'bqm' parameter of {_CALLER}.from_bqm must be a dimod.BinaryQuadraticModel. "
            f"Got {type(bqm).__name__} instead."
        )
    order = list(bqm.variables)
    if layers is None:
        order, layers = _group(order)
    linear, (rows, columns, couplings), _ = bqm.change_vartype(
        dimod.BINARY, inplace=False
    ).to_numpy_vectors(variable_order=order)
    n = len(order)
    rows, columns = np.minimum(rows, columns), np.maximum(rows, columns)
    units = np.arange(n)
    values = np.concatenate([linear, couplings])
    places = np.concatenate([units, rows]), np.concatenate([units, columns])
    return sparse.csr_array((values, places), shape=(n, n)), layers


def _group(labels):
    """Labels ordered by layer, and the sizes of the layers; (labels, None) if they name none."""
    units_of = {}
    for label in labels:
        if not (
            isinstance(label, tuple) and len(label) == 2 and isinstance(label[1], numbers.Integral)
        ):
            return labels, None
        units_of.setdefault(label[0], []).append(label)
    ordered = {name: sorted(units, key=lambda unit: unit[1]) for name, units in units_of.items()}
    layers = [(name, len(units)) for name, units in ordered.items()]
    return [unit for units in ordered.values() for unit in units], layers
