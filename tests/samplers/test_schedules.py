"""The default range of inverse temperatures: invariances, limits and what it costs."""

import sys
import tracemalloc

import dimod
import numpy as np
import pytest
import scipy.sparse

from qsklearn.samplers._models import SpinModels, check_couplings, models_from_bqm
from qsklearn.samplers._schedules import default_beta_range, interpolate


def make_models(h, J):
    h = np.atleast_2d(h)
    return SpinModels(h, check_couplings(J, h.shape[1], "test"))


@pytest.mark.parametrize("scale", [1e-12, 1e-3, 1e12])
def test_scale_invariance(scale, ising):
    rng = np.random.default_rng(0)
    h, J = rng.normal(size=(3, 10)), ising.symmetric(10, rng, 0.5)
    plain = np.array(default_beta_range(make_models(h, J)))
    scaled = np.array(default_beta_range(make_models(scale * h, scale * J)))
    np.testing.assert_allclose(scaled * scale, plain, rtol=1e-9)


@pytest.mark.parametrize("fields", ["none", "random"])
@pytest.mark.parametrize("seed", range(5))
def test_vartype_invariance(seed, fields, ising):
    """A change of vartype leaves rounding in the fields, which is no energy step."""
    rng = np.random.default_rng(seed)
    h, J = rng.normal(size=12), 0.1 * np.round(10 * ising.symmetric(12, rng, 0.4))
    h *= fields == "random"
    spin = dimod.BinaryQuadraticModel(h, J / 2, 0.0, "SPIN")
    binary = spin.change_vartype("BINARY", inplace=False)
    there_and_back = binary.change_vartype("SPIN", inplace=False)
    expected = default_beta_range(models_from_bqm(spin)[0])
    for bqm in (binary, there_and_back):
        np.testing.assert_allclose(default_beta_range(models_from_bqm(bqm)[0]), expected, rtol=1e-6)


def test_the_ends_are_what_they_promise():
    h, J = [3.0, 0.0], [[0.0, 1.0], [1.0, 0.0]]
    hot, cold = default_beta_range(make_models(h, J))
    # The spin of the largest bias, 4, is flipped against it (dE = 8) every second time.
    assert np.exp(-hot[0] * 2 * 4.0) == pytest.approx(0.5)
    # The smallest step, 2 * 1, is taken by one of the two spins in a hundred draws.
    assert 2 * np.exp(-cold[0] * 2 * 1.0) == pytest.approx(0.01)


def test_models_of_a_family_have_ranges_of_their_own(ising):
    rng = np.random.default_rng(1)
    h, J = rng.normal(size=(3, 6)), ising.symmetric(6, rng)
    h[1] *= 1e4
    together = np.array(default_beta_range(make_models(h, J)))
    for model in range(3):
        alone = np.array(default_beta_range(make_models(h[model], J)))
        np.testing.assert_array_equal(alone[:, 0], together[:, model])


@pytest.mark.parametrize("bias", [0.0, 1e-320, 1e-200])
def test_models_without_bias(bias):
    hot, cold = default_beta_range(make_models([bias, 0.0], np.zeros((2, 2))))
    assert hot == cold == 1.0


def test_ends_are_finite_and_ordered_at_any_scale(ising):
    rng = np.random.default_rng(2)
    for exponent in range(-140, 100, 20):
        models = make_models(10.0**exponent * rng.normal(size=5), np.zeros((5, 5)))
        hot, cold = default_beta_range(models)
        assert 0 < hot[0] <= cold[0] < np.inf


def ring(n_spins):
    at = np.arange(n_spins)
    J = scipy.sparse.coo_array((np.ones(n_spins), (at, (at + 1) % n_spins)), shape=(n_spins,) * 2)
    return make_models(np.zeros((2, n_spins)), (J + J.T).tocsr())


def count_calls(function, argument):
    """Python and C functions called: those of a loop over spins grow with the spins."""
    calls = 0

    def count(frame, event, arg):
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        function(argument)
    finally:
        sys.setprofile(before)
    return calls


def test_it_costs_less_than_the_anneal():
    """By structure: one vectorised pass in memory linear in the couplings, no step per spin.

    A single sweep of one read visits every coupling twice; the range visits each a dozen times,
    and a search does 1000 sweeps.
    """
    small, large = ring(50), ring(50_000)
    default_beta_range(small)  # first calls import
    assert count_calls(default_beta_range, large) == count_calls(default_beta_range, small)
    tracemalloc.start()
    default_beta_range(large)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    n_numbers = large.couplings.nnz + large.fields.size
    assert peak < 12 * 8 * n_numbers  # a dense matrix would take 20 GB


@pytest.mark.parametrize("kind", ["geometric", "linear"])
def test_interpolation(kind):
    hot, cold = np.array([0.1, 1.0]), np.array([10.0, 1.0])
    betas = interpolate(hot, cold, 5, kind)
    assert betas.shape == (2, 5)
    np.testing.assert_allclose(betas[:, [0, -1]], np.transpose([hot, cold]))
    steps = np.diff(np.log(betas[0]) if kind == "geometric" else betas[0])
    np.testing.assert_allclose(steps, steps[0])
    np.testing.assert_allclose(interpolate(hot, cold, 1, kind)[:, 0], cold)


def test_a_way_whose_ends_are_beyond_a_numbers_range_apart():
    """It is what it is for ends within range, shifted by a factor."""
    far = interpolate(np.array([1e-200, 0.5]), np.array([1e200, 2.0]), 5, "geometric")
    np.testing.assert_allclose(far[0], [1e-200, 1e-100, 1.0, 1e100, 1e200])
    near = interpolate(np.array([0.5]), np.array([2.0]), 5, "geometric")
    np.testing.assert_array_equal(far[1], near[0])  # to the last bit
