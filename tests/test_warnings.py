"""Warnings name the line of the user, whatever stands between."""

import warnings

import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from qsklearn import QuantumSampledMLPClassifier
from qsklearn._warnings import warn


def test_from_outside_the_package_it_is_the_line_itself():
    with pytest.warns(RuntimeWarning, match="words") as caught:
        warn("words", RuntimeWarning)
    assert caught[0].filename == __file__


@pytest.mark.parametrize("wrap", [lambda model: model, lambda m: make_pipeline(MinMaxScaler(), m)])
def test_of_a_fit_it_is_the_line_that_fits(wrap):
    model = wrap(QuantumSampledMLPClassifier(n_hidden=2, gradient="exact", max_iter=1))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit([[0.0], [1.0], [0.2]], [0, 1, 0])
    assert {warning.filename for warning in caught} == {__file__}
