"""Cross-validated comparison of estimators with honest errors and paired tests."""

from qsklearn.model_selection._compare import compare
from qsklearn.model_selection._controls import with_controls
from qsklearn.model_selection._cost_curve import CostCurve, cost_curve
from qsklearn.model_selection._cost_scorers import cost_scorers
from qsklearn.model_selection._likelihood import log_likelihood_scorers
from qsklearn.model_selection._report import write_report
from qsklearn.model_selection._result import ComparisonResult
from qsklearn.model_selection._search_cost import estimate_search_cost
from qsklearn.model_selection._signed_rank import signed_rank_tests

__all__ = [
    "ComparisonResult",
    "CostCurve",
    "compare",
    "cost_curve",
    "cost_scorers",
    "estimate_search_cost",
    "log_likelihood_scorers",
    "signed_rank_tests",
    "with_controls",
    "write_report",
]
