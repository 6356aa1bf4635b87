"""Gradients against finite differences, draws and scikit-learn's MLP."""

import numpy as np
import pytest
from scipy.stats import f
from sklearn.metrics import log_loss

from qsklearn import QuantumSampledMLPClassifier
from qsklearn.hamiltonians import SampledMLPHamiltonian
from qsklearn.neural_network._sampled_mlp._draws import OutputDraws
from qsklearn.neural_network._sampled_mlp._gradients import (
    backprop_gradient,
    cosine,
    likelihood_gradient,
    likelihood_gradient_from_reads,
    mlp_losses,
    pattern_frequencies,
)
from qsklearn.samplers import (
    DimodSampler,
    ExactSampler,
    GibbsSampler,
    NealSampler,
    SimulatedAnnealingSampler,
)


def parameters_of(hamiltonian):
    return [
        hamiltonian.hidden_weights,
        hamiltonian.output_weights,
        hamiltonian.hidden_bias,
        hamiltonian.output_bias,
    ]


def finite_differences(objective, hamiltonian, step=1e-5):
    """Central differences of objective(hamiltonian) by each weight."""
    gradient = []
    for at, parameter in enumerate(parameters_of(hamiltonian)):
        part = np.empty_like(parameter)
        for index in np.ndindex(parameter.shape):
            values = []
            for sign in (1, -1):
                moved = [some.copy() for some in parameters_of(hamiltonian)]
                moved[at][index] += sign * step
                values.append(objective(SampledMLPHamiltonian(*moved, hamiltonian.categorical)))
            part[index] = (values[0] - values[1]) / (2 * step)
        gradient.append(part)
    return gradient


def mean_log_likelihood(problem, weights):
    def objective(hamiltonian):
        law = hamiltonian.log_probabilities(problem.X)
        chosen = law[np.arange(len(law)), hamiltonian.pattern_of(problem.outputs)]
        return np.average(chosen, weights=weights)

    return objective


def exact_gradient(problem):
    law = np.exp(problem.hamiltonian.log_probabilities(problem.X))
    return likelihood_gradient(
        problem.hamiltonian, problem.X, problem.outputs, problem.weights, law
    )


def flat(gradient):
    return np.concatenate([part.ravel() for part in gradient])


@pytest.mark.parametrize("weighted", [False, True])
def test_exact_gradient_is_that_of_the_log_likelihood(problem, weighted):
    if not weighted:
        problem.weights = np.ones(len(problem.X))
    expected = finite_differences(
        mean_log_likelihood(problem, problem.weights), problem.hamiltonian
    )
    np.testing.assert_allclose(flat(exact_gradient(problem)), flat(expected), rtol=0, atol=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
def test_backprop_gradient_is_that_of_the_mlps_loss(problem, weighted):
    weights = problem.weights if weighted else np.ones(len(problem.X))

    def objective(hamiltonian):
        return -np.average(mlp_losses(hamiltonian, problem.X, problem.outputs), weights=weights)

    got = backprop_gradient(problem.hamiltonian, problem.X, problem.outputs, weights)
    expected = finite_differences(objective, problem.hamiltonian)
    np.testing.assert_allclose(flat(got), flat(expected), rtol=0, atol=1e-8)


def to_mlp(hamiltonian, X):
    """scikit-learn's MLP with the weights of a Hamiltonian."""
    network = QuantumSampledMLPClassifier(hamiltonian.n_hidden, gradient="backprop", max_iter=1)
    if hamiltonian.categorical:
        y = np.arange(hamiltonian.n_outputs)
    elif hamiltonian.n_outputs == 1:
        y = np.arange(2)
    else:
        y = np.vstack([np.zeros(hamiltonian.n_outputs), np.ones(hamiltonian.n_outputs)])
    mlp = network.partial_fit(np.resize(X, (len(y), X.shape[1])), y.astype(int)).to_mlp()
    mlp.coefs_ = [hamiltonian.hidden_weights, hamiltonian.output_weights]
    mlp.intercepts_ = [hamiltonian.hidden_bias, hamiltonian.output_bias]
    return mlp


def test_backprop_gradient_by_scikit_learns_mlp(problem):
    """An independent forward pass and loss: MLPClassifier's probabilities and log_loss."""

    def objective(hamiltonian):
        probabilities = to_mlp(hamiltonian, problem.X).predict_proba(problem.X)
        if hamiltonian.categorical:
            y = problem.outputs.argmax(axis=1)
            return -log_loss(y, probabilities, sample_weight=problem.weights, labels=[0, 1, 2])
        if hamiltonian.n_outputs == 1:
            y = problem.outputs.ravel()
            return -log_loss(y, probabilities, sample_weight=problem.weights, labels=[0, 1])
        return -sum(
            log_loss(y, p, sample_weight=problem.weights, labels=[0, 1])
            for y, p in zip(problem.outputs.T, probabilities.T, strict=True)
        )

    got = backprop_gradient(problem.hamiltonian, problem.X, problem.outputs, problem.weights)
    expected = finite_differences(objective, problem.hamiltonian)
    np.testing.assert_allclose(flat(got), flat(expected), rtol=0, atol=1e-7)


def test_backprop_and_likelihood_agree_as_weights_shrink(helpers, kind):
    """Halving all weights quarters the losses' difference: they are equal to first order.

    Of the gradients, that by W2 differs by a power less, as it must; the others by no less.
    """
    losses, gradients = [], []
    for scale in (0.04, 0.02, 0.01):
        problem = helpers.make_problem(kind, scale=scale)
        data = (problem.X, problem.outputs)
        mlp = np.average(mlp_losses(problem.hamiltonian, *data), weights=problem.weights)
        law = -mean_log_likelihood(problem, problem.weights)(problem.hamiltonian)
        losses.append(abs(mlp - law))
        backprop = backprop_gradient(problem.hamiltonian, *data, problem.weights)
        pairs = zip(backprop, exact_gradient(problem), strict=True)
        gradients.append([np.linalg.norm(one - other) for one, other in pairs])
    falls = np.divide(losses[:-1], losses[1:])
    assert (falls > 3.7).all(), falls
    by_part = np.divide(gradients[:-1], gradients[1:]).min(axis=0)
    assert (by_part > [3.7, 1.9, 3.7, 3.7]).all(), by_part


# --- gradients from draws ------------------------------------------------------------------------

SAMPLERS = {
    "exact": ExactSampler(),
    "gibbs": GibbsSampler(num_sweeps=60),
    "annealing": SimulatedAnnealingSampler(num_sweeps=120),
    "neal": NealSampler(num_sweeps=120),
}
N_REPEATS = 100


def sampled_gradients(problem, sampler, num_reads, beta_eff="auto"):
    """Independent sampled gradients, one a row."""
    draws = OutputDraws(sampler, beta_eff, num_reads, None)
    gradients = []
    for seed in range(N_REPEATS):
        drawn = draws.draw(problem.hamiltonian, problem.X, seed)
        frequencies = pattern_frequencies(problem.hamiltonian, drawn)
        gradients.append(
            flat(
                likelihood_gradient(
                    problem.hamiltonian, problem.X, problem.outputs, problem.weights, frequencies
                )
            )
        )
    return np.array(gradients)


def assert_mean_is(gradients, expected, n_sigma=4.0):
    """All within 4 standard errors: each of the 13 (binary) or 21 components, where one of the 21
    exceeds them by chance in 0.13 % of trials, and together by Hotelling's test at 6e-5."""
    error = gradients.std(axis=0, ddof=1) / np.sqrt(len(gradients))
    z = (gradients.mean(axis=0) - expected) / error
    assert np.abs(z).max() < n_sigma, z
    # Components are dependent: whiten, with a ridge far below the smallest variance that counts.
    values, vectors = np.linalg.eigh(np.cov(gradients.T) / len(gradients))
    counted = values > 1e-6 * values.max()
    along = (gradients.mean(axis=0) - expected) @ vectors[:, counted]
    n, p = len(gradients), counted.sum()
    hotelling = (along**2 / values[counted]).sum() * (n - p) / (p * (n - 1))
    assert f.sf(hotelling, p, n - p) > 6e-5, hotelling


@pytest.mark.parametrize("name", SAMPLERS)
def test_mean_of_sampled_gradients_is_the_exact_one(problem, name):
    num_reads = 20 if name == "neal" else 200
    assert_mean_is(
        sampled_gradients(problem, SAMPLERS[name], num_reads), flat(exact_gradient(problem))
    )


def test_a_device_of_unknown_temperature_gives_the_same_mean(helpers):
    problem = helpers.make_problem("binary")

    def at_secret_beta(device, bqm, num_reads, seed):
        return ExactSampler().sample(bqm, num_reads=num_reads, seed=seed, beta=2.5)

    device = DimodSampler(helpers.Device(at_secret_beta))
    assert_mean_is(sampled_gradients(problem, device, 200), flat(exact_gradient(problem)))


def test_the_wrong_temperature_would_be_seen(helpers):
    """The power of the test above: draws at β = 0.8 fail it."""
    problem = helpers.make_problem("binary")
    gradients = sampled_gradients(problem, ExactSampler(), 200, beta_eff=1.25)
    with pytest.raises(AssertionError):
        assert_mean_is(gradients, flat(exact_gradient(problem)))


def test_a_number_tempers_the_law_on_purpose(problem):
    """beta_eff=2 on a sampler that hits its temperature: draws of exp(-E / 2)."""
    halved = SampledMLPHamiltonian(
        *(0.5 * part for part in parameters_of(problem.hamiltonian)),
        problem.hamiltonian.categorical,
    )
    # σ(a + W2 y) keeps the whole weights; only P(y|x) is that of halved ones.
    law = np.exp(halved.log_probabilities(problem.X))
    expected = likelihood_gradient(
        problem.hamiltonian, problem.X, problem.outputs, problem.weights, law
    )
    gradients = sampled_gradients(problem, ExactSampler(), 200, beta_eff=2.0)
    assert_mean_is(gradients, flat(expected))


def test_reads_and_frequencies_give_the_same(problem):
    drawn = OutputDraws(ExactSampler(), "auto", 30, None).draw(problem.hamiltonian, problem.X, 0)
    arguments = (problem.hamiltonian, problem.X, problem.outputs, problem.weights)
    by_reads = likelihood_gradient_from_reads(*arguments, drawn)
    frequencies = pattern_frequencies(problem.hamiltonian, drawn)
    by_patterns = likelihood_gradient(*arguments, frequencies)
    np.testing.assert_allclose(flat(by_reads), flat(by_patterns), rtol=0, atol=1e-14)


def test_frequencies_count_each_data_points_own_draws(problem):
    patterns = problem.hamiltonian.patterns
    drawn = patterns[[[0, 1, 1, 1], [1, 0, 0, 0]]].astype(np.int8)
    frequencies = pattern_frequencies(problem.hamiltonian, drawn)
    np.testing.assert_array_equal(frequencies[:, :2], [[0.25, 0.75], [0.75, 0.25]])
    np.testing.assert_array_equal(frequencies[:, 2:], 0.0)


def test_gradients_leave_their_inputs_alone(problem):
    law = np.exp(problem.hamiltonian.log_probabilities(problem.X))
    arguments = (problem.X, problem.outputs, problem.weights, law)
    before = [array.copy() for array in arguments]
    likelihood_gradient(problem.hamiltonian, *arguments)
    backprop_gradient(problem.hamiltonian, *arguments[:3])
    for array, copy in zip(arguments, before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_cosine():
    a, b = [np.array([[3.0]]), np.array([4.0])], [np.array([[4.0]]), np.array([-3.0])]
    assert cosine(a, a) == pytest.approx(1.0)
    assert cosine(a, b) == pytest.approx(0.0, abs=1e-15)
    assert cosine(a, [-part for part in a]) == pytest.approx(-1.0)
    assert np.isnan(cosine(a, [np.zeros((1, 1)), np.zeros(1)]))
