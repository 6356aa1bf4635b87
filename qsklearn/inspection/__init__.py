"""Displays: figures of results, in the manner of scikit-learn's.

Each makes its figure apart from pyplot, so that ``plt.show()`` does not know it.

- To show: end a cell of a notebook with the display, or with its ``figure_``.
- To save: ``display.figure_.savefig("figure.pdf")``.
- To adopt a figure: give its axes, as in ``_, ax = plt.subplots()`` and then ``display.plot(ax)``;
  ``plt.show()`` shows it.

A ``from_estimator`` looks into a fitted search, and takes the last step of a fitted Pipeline that
has what is drawn. Where it takes rows X, it asks the Pipeline as a whole.
"""

from qsklearn.inspection._accuracy_landscape import AccuracyLandscapeDisplay
from qsklearn.inspection._amplified_weights import AmplifiedWeightsDisplay
from qsklearn.inspection._autocorrelation import AutocorrelationDisplay
from qsklearn.inspection._binary_network import BinaryNetworkDisplay
from qsklearn.inspection._chain_breaks import ChainBreakDisplay
from qsklearn.inspection._comparison import ComparisonDisplay
from qsklearn.inspection._cost_curve import CostCurveDisplay
from qsklearn.inspection._effective_beta import EffectiveBetaDisplay
from qsklearn.inspection._embedding import EmbeddingDisplay
from qsklearn.inspection._energy_histogram import EnergyHistogramDisplay
from qsklearn.inspection._generated_images import GeneratedImagesDisplay
from qsklearn.inspection._latent_traversal import LatentTraversalDisplay
from qsklearn.inspection._layer_energies import LayerEnergyDisplay
from qsklearn.inspection._paired_differences import PairedDifferenceDisplay
from qsklearn.inspection._qubo_matrix import QUBOMatrixDisplay
from qsklearn.inspection._receptive_fields import ReceptiveFieldDisplay
from qsklearn.inspection._reliability import ReliabilityDisplay
from qsklearn.inspection._search_cost import SearchCostDisplay
from qsklearn.inspection._success_probability import SuccessProbabilityDisplay
from qsklearn.inspection._training import AnnealedTrainingDisplay

__all__ = [
    "AccuracyLandscapeDisplay",
    "AmplifiedWeightsDisplay",
    "AnnealedTrainingDisplay",
    "AutocorrelationDisplay",
    "BinaryNetworkDisplay",
    "ChainBreakDisplay",
    "ComparisonDisplay",
    "CostCurveDisplay",
    "EffectiveBetaDisplay",
    "EmbeddingDisplay",
    "EnergyHistogramDisplay",
    "GeneratedImagesDisplay",
    "LatentTraversalDisplay",
    "LayerEnergyDisplay",
    "PairedDifferenceDisplay",
    "QUBOMatrixDisplay",
    "ReceptiveFieldDisplay",
    "ReliabilityDisplay",
    "SearchCostDisplay",
    "SuccessProbabilityDisplay",
]
