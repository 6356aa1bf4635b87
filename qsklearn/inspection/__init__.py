"""Displays: figures of results, in the manner of scikit-learn's."""

from qsklearn.inspection._comparison import ComparisonDisplay

__all__ = ["ComparisonDisplay"]
