"""The exponential of the closed form; its draws are tested through ExactSampler."""

import numpy as np

from qsklearn._kernels import _closed_form


def test_exp_of_negative():
    points = -np.concatenate([np.linspace(0, 700, 20_001), np.geomspace(1e-12, 1, 200)])
    values = np.array([_closed_form._exp_of_negative(x) for x in points])
    np.testing.assert_allclose(values, np.exp(points), rtol=2e-13)
    assert _closed_form._exp_of_negative(0.0) == 1.0
    assert _closed_form._exp_of_negative(-1e300) < 1e-300
    assert _closed_form._exp_of_negative(-np.inf) < 1e-300


def test_sum_of_log_2cosh_neither_overflows_nor_loses_small_fields():
    rng = np.random.default_rng(0)
    for scale in (1e-9, 1.0, 1e6):
        fields = rng.normal(size=1300) * scale  # more than two groups of 512 factors
        expected = np.logaddexp(0.7 * fields, -0.7 * fields).sum()
        got = _closed_form._sum_log_2cosh(fields, 0.7)
        np.testing.assert_allclose(got, expected, rtol=1e-13)
