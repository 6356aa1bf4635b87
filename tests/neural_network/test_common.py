"""scikit-learn's estimator checks through every sampler."""

import dwave.samplers
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from qsklearn import QuantumSampledMLPClassifier
from qsklearn.samplers import (
    DimodSampler,
    GibbsSampler,
    NealSampler,
    SimulatedAnnealingSampler,
)

BATCHES = (
    "batches go through the data in random order, and draws are noisy, so that a weighted data "
    "point is not a repeated one; with the exact gradient and a full batch it is, to 1e-10 "
    "(test_weighting_is_repeating_in_a_full_batch)"
)
EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": BATCHES,
    "check_sample_weight_equivalence_on_sparse_data": BATCHES,
}


def network(sampler, **changes):
    settings = dict(n_hidden=4, num_reads=4, learning_rate_init=0.1, max_iter=20, random_state=0)
    return QuantumSampledMLPClassifier(sampler=sampler, **{**settings, **changes})


class Annealer(dwave.samplers.SimulatedAnnealingSampler):
    """A sampler of someone else; its name in the tests' ids must not hold an address."""

    def __repr__(self):
        return "Annealer()"


# Constant temperature 1, which the user knows.
AT_ONE = {
    "beta_schedule_type": "custom",
    "beta_schedule": [1.0] * 10,
    "proposal_acceptance_criteria": "Gibbs",
}

ESTIMATORS = [
    network("exact"),
    network(GibbsSampler(num_sweeps=5)),
    network(SimulatedAnnealingSampler(num_sweeps=6)),
    # Model by model in Python: smaller still.
    network(NealSampler(num_sweeps=20), num_reads=3, max_iter=6, learning_rate_init=0.2),
    network(
        DimodSampler(Annealer(), AT_ONE),
        beta_eff=1.0,
        num_reads=3,
        max_iter=6,
        learning_rate_init=0.2,
    ),
]


@pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    "ignore::sklearn.exceptions.SkipTestWarning",
)
@parametrize_with_checks(ESTIMATORS, expected_failed_checks=lambda estimator: EXPECTED_FAILURES)
def test_scikit_learns_checks(estimator, check):
    check(estimator)
