"""The one file that uses scikit-learn's private API.

scikit-learn-contrib's template does the same: the declarative parameter validation is private, and
there is no public equal. Should it move, this file is the one to mend.
"""

from numbers import Integral, Real

from sklearn.base import _fit_context as fit_context
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    InvalidParameterError,
    StrOptions,
    validate_parameter_constraints,
)

__all__ = [
    "HasMethods",
    "Integral",
    "Interval",
    "InvalidParameterError",
    "Real",
    "StrOptions",
    "fit_context",
    "validate_parameter_constraints",
]
