"""Displays: figures of results, in the manner of scikit-learn's."""

from qsklearn.inspection._comparison import ComparisonDisplay
from qsklearn.inspection._qubo_matrix import QUBOMatrixDisplay
from qsklearn.inspection._training import AnnealedTrainingDisplay

__all__ = ["AnnealedTrainingDisplay", "ComparisonDisplay", "QUBOMatrixDisplay"]
