"""The one file that uses private API of other packages. For every room.

From scikit-learn: the declarative parameter validation, which has no public equal
(scikit-learn-contrib's template imports it too); the optimizer of ``MLPClassifier``, our twin;
weights that are checked as its own estimators check them; and the door to its callbacks, which its
documentation names for estimators like ours. From minorminer: tables of cliques that stay in
memory and are found in bounded time. From PyTorch: all that a layer registers, also what is None.
Should any of it move, this file is the one to mend; ``tests/test_private_api.py`` looks for more of
it elsewhere.
"""

from numbers import Integral, Real

import numpy as np
from sklearn.base import _fit_context as fit_context
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer
from sklearn.utils._param_validation import (
    HasMethods,
    InvalidParameterError,
    StrOptions,
    validate_parameter_constraints,
)
from sklearn.utils._param_validation import Interval as _Interval
from sklearn.utils.validation import _check_sample_weight

from qsklearn._optional import import_optional

try:  # from scikit-learn 1.9 on, and public
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:
        """Estimators without callbacks."""

    def with_callbacks(method):
        """A method whose callbacks are torn down; there are none."""
        return method


__all__ = [
    "AdamOptimizer",
    "CallbackSupportMixin",
    "HasMethods",
    "Integral",
    "Interval",
    "InvalidParameterError",
    "Real",
    "StrOptions",
    "busgraph_in_memory",
    "callback_context_of",
    "check_sample_weight",
    "fit_context",
    "forget_optimizer",
    "has_hooks",
    "tensors_of",
    "validate_parameter_constraints",
    "with_callbacks",
]


class Interval(_Interval):
    """scikit-learn's, without booleans, and without integers that no float holds among reals."""

    def is_satisfied_by(self, val):
        """Whether a value is a number within the range."""
        if isinstance(val, bool | np.bool_):  # bool is an Integral to Python
            return False
        return super().is_satisfied_by(val) and (self.type is not Real or _fits_float(val))


def _fits_float(number):
    try:
        float(number)
    except OverflowError:
        return False
    return True


def check_sample_weight(sample_weight, X, **options):
    """scikit-learn's check; it lets pass a number that is infinite, before 1.9 also all 0."""
    weight = _check_sample_weight(sample_weight, X, **options)
    if not np.isfinite(weight).all():
        raise ValueError("Sample weights must be finite numbers. Got infinity or NaN.")
    if not np.any(weight):
        raise ValueError("Sample weights must contain at least one non-zero number.")
    return weight


def callback_context_of(estimator, n_iterations):
    """Where a fit tells scikit-learn's callbacks of itself; None before scikit-learn 1.9."""
    if not hasattr(estimator, "_init_callback_context"):
        return None
    return estimator._init_callback_context(max_subtasks=n_iterations)


def forget_optimizer(mlp):
    """Let an MLPClassifier begin its next ``partial_fit`` without the memory of earlier steps."""
    vars(mlp).pop("_optimizer", None)


def busgraph_in_memory(graph, mask_bound):
    """All cliques and bicliques of a device, computed when asked for.

    minorminer keeps them as a pickle in the user's folder for data or in the environment's, under a
    name without the seed. These stay in memory.

    Parameters
    ----------
    graph : networkx.Graph
        Of dwave-graphs.
    mask_bound : int
        How many ways to leave out qubits are weighed where couplers are missing.

    Returns
    -------
    tables : minorminer.busclique.busgraph_cache
    """
    busclique = import_optional("minorminer.busclique", "find_embedding")

    class InMemory(busclique.busgraph_cache):
        def _fetch_cache(self, dirname, compute, force_write=False):
            return compute()

    tables = InMemory(graph, seed=0)
    tables._graph.set_mask_bound(mask_bound)
    return tables


def has_hooks(layer):
    """Whether something is called besides a PyTorch layer, not counting the layers within."""
    return any(value for name, value in vars(layer).items() if name.endswith("_hooks"))


def tensors_of(layer):
    """What a PyTorch layer itself registers, None where it has been left out.

    Returns
    -------
    parameters, buffers : dict of str to torch.Tensor or None
    """
    return layer._parameters, layer._buffers
