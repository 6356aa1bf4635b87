"""Cross-validated comparison of estimators with honest errors and paired tests."""

from qsklearn.model_selection._compare import compare
from qsklearn.model_selection._result import ComparisonResult

__all__ = ["ComparisonResult", "compare"]
