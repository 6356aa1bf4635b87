"""The one file that uses scikit-learn's private API.

The declarative parameter validation is private and has no public equal (scikit-learn-contrib's
template imports it too); the optimizer is the one that ``MLPClassifier``, our twin, trains with.
Should they move, this file is the one to mend.
"""

from numbers import Integral, Real

from sklearn.base import _fit_context as fit_context
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    InvalidParameterError,
    StrOptions,
    validate_parameter_constraints,
)
from sklearn.utils.validation import _check_sample_weight as check_sample_weight

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
    "check_sample_weight",
    "fit_context",
    "validate_parameter_constraints",
    "with_callbacks",
]
