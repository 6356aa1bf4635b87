"""Displays: figures of results, in the manner of scikit-learn's."""

from qsklearn.inspection._accuracy_landscape import AccuracyLandscapeDisplay
from qsklearn.inspection._amplified_weights import AmplifiedWeightsDisplay
from qsklearn.inspection._binary_network import BinaryNetworkDisplay
from qsklearn.inspection._comparison import ComparisonDisplay
from qsklearn.inspection._qubo_matrix import QUBOMatrixDisplay
from qsklearn.inspection._search_cost import SearchCostDisplay
from qsklearn.inspection._success_probability import SuccessProbabilityDisplay
from qsklearn.inspection._training import AnnealedTrainingDisplay

__all__ = [
    "AccuracyLandscapeDisplay",
    "AmplifiedWeightsDisplay",
    "AnnealedTrainingDisplay",
    "BinaryNetworkDisplay",
    "ComparisonDisplay",
    "QUBOMatrixDisplay",
    "SearchCostDisplay",
    "SuccessProbabilityDisplay",
]
