"""Cross-validated comparison of estimators with honest errors and paired tests."""

from qsklearn.model_selection._compare import compare
from qsklearn.model_selection._cost_scorers import cost_scorers
from qsklearn.model_selection._result import ComparisonResult
from qsklearn.model_selection._search_cost import estimate_search_cost

__all__ = ["ComparisonResult", "compare", "cost_scorers", "estimate_search_cost"]
