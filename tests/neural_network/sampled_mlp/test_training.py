"""The training loop: order, stopping, histories, interruptions and failures."""

import joblib
import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from qsklearn.neural_network._sampled_mlp._training import Stopping
from qsklearn.samplers import DimodSampler, ExactSampler, GibbsSampler, NealSampler

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


# --- stopping ------------------------------------------------------------------------------------


class State:
    """Weights that tell which iteration they are of."""

    hamiltonian = None

    def __init__(self, iteration):
        self.parameters = [np.array([float(iteration)])]


def feed(stopping, losses):
    """The number of iterations until convergence, or None."""
    for iteration, loss in enumerate(losses):
        if stopping.update(State(iteration), loss):
            return iteration + 1
    return None


def test_training_converges_after_n_iter_no_change_bad_iterations():
    losses = [1.0, 0.8, 0.79, 0.79, 0.79, 0.0]
    # Iterations 3, 4 and 5 gain less than 0.05; the third bad one in a row is one too many.
    assert feed(Stopping(10, tol=0.05, n_iter_no_change=2), losses) == 5
    assert feed(Stopping(10, tol=0.05, n_iter_no_change=3), losses) is None
    assert feed(Stopping(10, tol=0.0, n_iter_no_change=2), losses) is None  # ties are not bad


def test_the_best_weights_are_kept_apart():
    stopping = Stopping(10, tol=0.0, n_iter_no_change=10)
    feed(stopping, [1.0, 0.2, 0.5])
    assert stopping.best == -0.2
    np.testing.assert_array_equal(stopping.best_parameters, [[1.0]])


def test_a_score_counts_instead_of_the_loss():
    scores = iter([0.1, 0.9, 0.3])
    stopping = Stopping(10, 0.0, 10, score=lambda hamiltonian: next(scores))
    feed(stopping, [3.0, 2.0, 1.0])
    assert stopping.validation_scores == [0.1, 0.9, 0.3]
    np.testing.assert_array_equal(stopping.best_parameters, [[1.0]])


def test_a_flat_loss_converges(helpers):
    X, y = helpers.make_data("binary")
    network = helpers.make_network(
        gradient="exact", learning_rate_init=1e-9, n_iter_no_change=3, max_iter=50
    ).fit(X, y)
    assert network.stop_reason_ == "converged"
    assert network.n_iter_ == 5  # the first is always a gain, then four are not


def test_convergence_warns_of_nothing_and_max_iter_does(helpers):
    X, y = helpers.make_data("binary")
    for max_iter in (1, 3):
        network = helpers.make_network(gradient="exact", max_iter=max_iter)
        with pytest.warns(ConvergenceWarning, match=f"stopped at max_iter={max_iter}"):
            network.fit(X, y)
        assert network.stop_reason_ == "max_iter"


# --- interruptions -------------------------------------------------------------------------------


class Failing(ExactSampler):
    """Raises in one of its calls."""

    def __init__(self, at=None, error=None, num_reads=1, *, beta=None, seed=None, num_threads=None):
        super().__init__(num_reads, beta=beta, seed=seed, num_threads=num_threads)
        self.at = at
        self.error = error
        self.n_calls = 0

    def sample_arrays(self, h, J, **parameters):
        self.n_calls += 1
        if self.n_calls == self.at:
            raise self.error
        return super().sample_arrays(h, J, **parameters)


ERRORS = {
    "interrupted": KeyboardInterrupt(),
    "sampler: RuntimeError: out of order": RuntimeError("out of order"),
    "sampler: ConnectionError: gone": ConnectionError("gone"),
}


@pytest.mark.parametrize("reason", ERRORS)
@pytest.mark.parametrize("at", [7, 8])  # two calls an iteration: at its start, or within it
def test_an_interruption_keeps_the_best_weights(helpers, reason, at):
    X, y = helpers.make_data("binary")
    network = helpers.make_network(
        sampler=Failing(at, ERRORS[reason]), max_iter=20, learning_rate_init=0.01
    )
    with pytest.warns(UserWarning, match="stopped early .* best weights of 3 iterations"):
        assert network.fit(X, y) is network
    assert network.stop_reason_ == reason
    assert network.n_iter_ == len(network.loss_curve_) == len(network.beta_eff_) == 3
    best = int(np.argmin(network.loss_curve_)) + 1
    reference = helpers.make_network(max_iter=best, learning_rate_init=0.01).fit(X, y)
    for got, expected in zip(
        network.coefs_ + network.intercepts_,
        reference.coefs_ + reference.intercepts_,
        strict=True,
    ):
        np.testing.assert_array_equal(got, expected)
    assert network.best_loss_ == min(network.loss_curve_)
    network.predict(X)


def test_the_best_weights_are_not_the_last_ones(helpers):
    """With a step that is far too large the loss rises: an interruption goes back."""
    X, y = helpers.make_data("binary")
    rising = dict(learning_rate_init=8.0, max_iter=6)
    network = helpers.make_network(sampler=Failing(13, KeyboardInterrupt()), **rising)
    network.set_params(max_iter=20)
    with pytest.warns(UserWarning, match="interrupted"):
        network.fit(X, y)
    best = int(np.argmin(network.loss_curve_)) + 1
    assert best < network.n_iter_ == 6
    reference = helpers.make_network(**{**rising, "max_iter": best}).fit(X, y)
    np.testing.assert_array_equal(network.coefs_[0], reference.coefs_[0])


@pytest.mark.parametrize("at", [1, 2])
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interruption_of_the_first_iteration_raises_and_fits_nothing(helpers, at, error):
    X, y = helpers.make_data("binary")
    network = helpers.make_network(sampler=Failing(at, error("now")))
    before = set(vars(network))
    with pytest.raises(error, match="now"):
        network.fit(X, y)
    assert set(vars(network)) == before


def frozen(estimator):
    # Less the sampler that fails: an exception that was raised is no longer quite what it was.
    return joblib.hash(
        {name: vars(estimator)[name] for name in vars(estimator) if name != "sampler"}
    )


@pytest.mark.parametrize("warm_start", [False, True])
@pytest.mark.parametrize("error", [KeyboardInterrupt("a"), OSError("b"), ValueError("c")])
def test_an_interrupted_refit_changes_nothing(helpers, warm_start, error):
    X, y = helpers.make_data("binary")
    network = helpers.make_network(warm_start=warm_start).fit(X, y)
    network.set_params(sampler=Failing(1, error))
    before, names = frozen(network), list(vars(network))
    predicted = network.predict_proba(X)
    with pytest.raises((KeyboardInterrupt, RuntimeError, ValueError)):
        network.fit(X, y)
    assert list(vars(network)) == names
    assert frozen(network) == before
    np.testing.assert_array_equal(network.predict_proba(X), predicted)


def test_a_broken_contract_raises_also_late(helpers):
    """A ValueError is a fault to mend, not bad luck: it is not swallowed."""
    X, y = helpers.make_data("binary")
    network = helpers.make_network(sampler=Failing(7, ValueError("bad answer")))
    with pytest.raises(ValueError, match="bad answer"):
        network.fit(X, y)
    assert not hasattr(network, "coefs_")


def test_training_goes_on_after_an_interruption(helpers):
    X, y = helpers.make_data("binary")
    network = helpers.make_network(sampler=Failing(7, KeyboardInterrupt()), warm_start=True)
    with pytest.warns(UserWarning, match="interrupted"):
        network.fit(X, y)
    network.set_params(sampler="exact").fit(X, y)
    assert network.n_iter_ == len(network.loss_curve_) == 8
    assert network.stop_reason_ == "max_iter"


# --- histories and seeds -------------------------------------------------------------------------


def test_the_loss_curve_is_minus_the_mean_log_likelihood(helpers, kind):
    """In a full batch the loss is that of the weights before the step."""
    X, y = helpers.make_data(kind)
    settings = dict(batch_size=len(X), learning_rate_init=0.02)
    long = helpers.make_network(max_iter=5, **settings).fit(X, y)
    for n_iter in range(1, 5):
        short = helpers.make_network(max_iter=n_iter, **settings).fit(X, y)
        expected = -short.log_likelihood(X, y).mean()
        assert long.loss_curve_[n_iter] == pytest.approx(expected, abs=1e-12)
    assert long.loss_ == long.loss_curve_[-1]


@pytest.mark.parametrize("gradient", ["sampled", "exact", "backprop"])
def test_the_loss_falls(helpers, kind, gradient):
    X, y = helpers.make_data(kind)
    network = helpers.make_network(gradient=gradient, max_iter=60, num_reads=100, tol=0).fit(X, y)
    assert network.loss_curve_[-1] < 0.7 * network.loss_curve_[0]
    assert network.best_loss_ == min(network.loss_curve_)


def test_more_labels_than_can_be_listed_train_on_the_mlps_loss(helpers):
    rng = np.random.default_rng(0)
    X = rng.random((30, 17))
    y = (X > 0.5).astype(int)
    network = helpers.make_network(
        n_hidden=8, sampler=GibbsSampler(num_sweeps=20), max_iter=40, tol=0
    ).fit(X, y)
    assert network.loss_curve_[0] == pytest.approx(17 * np.log(2), rel=0.05)
    assert network.loss_curve_[-1] < 0.9 * network.loss_curve_[0]


def test_few_reads_of_many_patterns_go_read_by_read(helpers):
    """64 patterns, 10 reads: another code path with the same law and loss."""
    rng = np.random.default_rng(0)
    X = rng.random((30, 6))
    y = (X > 0.5).astype(int)
    network = helpers.make_network(max_iter=60, tol=0, diagnostics=True).fit(X, y)
    assert network.loss_curve_[-1] < 0.9 * network.loss_curve_[0]
    assert np.mean(network.gradient_cosine_) > 0.5


def test_cosines_rise_with_the_number_of_reads(helpers, kind):
    X, y = helpers.make_data(kind)
    cosines = []
    for num_reads in (30, 300, 3000):
        network = helpers.make_network(
            num_reads=num_reads,
            diagnostics=True,
            weight_scale=2.0,  # far from where the gradient vanishes, and noise is all there is
            learning_rate_init=0.01,
            batch_size=len(X),
        ).fit(X, y)
        assert len(network.gradient_cosine_) == 5
        assert all(0 < value <= 1 + 1e-12 for value in network.gradient_cosine_)
        cosines.append(np.mean(network.gradient_cosine_))
    assert cosines[0] < cosines[1] < cosines[2]
    assert cosines[2] > 0.99


@pytest.mark.parametrize("gradient", ["exact", "backprop"])
def test_without_draws_nothing_is_recorded_of_them(helpers, gradient):
    X, y = helpers.make_data("binary")
    network = helpers.make_network(gradient=gradient, diagnostics=True).fit(X, y)
    assert len(network.beta_eff_) == len(network.beta_eff_stderr_) == 0
    assert network.gradient_cosine_ == []
    assert network.cost_["reads"] == 0
    assert network.cost_["update_seconds"] > 0


def test_batches_without_weight_are_passed_over(helpers):
    X, y = helpers.make_data("binary")
    weight = np.r_[1.0, np.zeros(len(X) - 1)]
    network = helpers.make_network(batch_size=1, max_iter=3).fit(X, y, sample_weight=weight)
    assert network.cost_["reads"] == 3 * 10  # one data point an iteration
    assert np.isfinite(network.loss_curve_).all()


@pytest.mark.parametrize("name", ["exact", "gibbs", "annealing"])
def test_threads_and_repeats_change_no_bit(helpers, kind, name):
    X, y = helpers.make_data(kind)
    first = helpers.make_network(sampler=name).fit(X, y)
    for n_jobs in (1, 2, 3, -1):
        helpers.assert_same_fit(helpers.make_network(sampler=name, n_jobs=n_jobs).fit(X, y), first)
    other = helpers.make_network(sampler=name, random_state=1).fit(X, y)
    assert not np.array_equal(other.coefs_[0], first.coefs_[0])


def test_neal_repeats(helpers):
    X, y = helpers.make_data("categorical")
    fits = [helpers.make_network(sampler=NealSampler(num_sweeps=5)).fit(X, y) for _ in range(2)]
    helpers.assert_same_fit(*fits)


def test_random_state_instances(helpers):
    X, y = helpers.make_data("binary")
    fits = [helpers.make_network(random_state=np.random.RandomState(3)).fit(X, y) for _ in range(2)]
    helpers.assert_same_fit(*fits)
    shared = np.random.RandomState(3)
    one, two = (helpers.make_network(random_state=shared).fit(X, y) for _ in range(2))
    helpers.assert_same_fit(one, fits[0])
    assert not np.array_equal(one.coefs_[0], two.coefs_[0])


def test_no_random_state_means_fresh_draws(helpers):
    X, y = helpers.make_data("binary")
    one, two = (helpers.make_network(random_state=None).fit(X, y) for _ in range(2))
    assert not np.array_equal(one.coefs_[0], two.coefs_[0])


# --- temperature ---------------------------------------------------------------------------------


def test_a_device_of_unknown_temperature_trains(helpers):
    """The last of the beliefs, each from 40 x 30 reads, within 4 of its standard errors."""
    X, y = helpers.make_data("binary")

    def at_secret_beta(device, bqm, num_reads, seed):
        return ExactSampler().sample(bqm, num_reads=num_reads, seed=seed, beta=2.5)

    device = DimodSampler(helpers.Device(at_secret_beta))
    settings = dict(num_reads=30, batch_size=40, weight_scale=0.5, max_iter=8, warm_start=True)
    network = helpers.make_network(sampler=device, **settings).fit(X, y)
    assert len(network.beta_eff_) == len(network.beta_eff_stderr_) == 8
    deviations = np.abs(network.beta_eff_ - 2.5) / network.beta_eff_stderr_
    assert deviations.max() < 4.0, deviations
    assert network.cost_["reads"] == 9 * 40 * 30  # the first call twice
    network.fit(X, y)
    assert network.cost_["reads"] == 8 * 40 * 30  # the belief is carried on
    assert network.loss_curve_[-1] < network.loss_curve_[0]


def test_own_samplers_are_believed(helpers):
    X, y = helpers.make_data("binary")
    for name in ("exact", "gibbs", "annealing"):
        network = helpers.make_network(sampler=name).fit(X, y)
        np.testing.assert_array_equal(network.beta_eff_, np.ones(5))
        np.testing.assert_array_equal(network.beta_eff_stderr_, np.zeros(5))


def test_a_given_temperature_is_recorded(helpers):
    X, y = helpers.make_data("binary")
    network = helpers.make_network(beta_eff=2.0).fit(X, y)
    np.testing.assert_array_equal(network.beta_eff_, np.full(5, 2.0))
    assert not np.array_equal(network.coefs_[0], helpers.make_network().fit(X, y).coefs_[0])


# --- the paper's equivalence ---------------------------------------------------------------------


def test_exact_and_backprop_trainings_stay_together_on_digits(helpers):
    """Symmetrised KL between the MLP outputs below 1e-3 nats, 30 steps from the same start."""
    from sklearn.datasets import load_digits

    X, y = load_digits(n_class=2, return_X_y=True)
    X = X / 16.0
    settings = dict(
        n_hidden=64, max_iter=30, batch_size=len(X), learning_rate_init=0.003, tol=0, random_state=0
    )
    z = [
        np.clip(
            helpers.make_network(**{**settings, "gradient": gradient})
            .fit(X, y)
            .predict_proba(X)[:, 1],
            1e-15,
            1 - 1e-15,
        )
        for gradient in ("exact", "backprop")
    ]
    logits = [np.log(p / (1 - p)) for p in z]
    divergence = np.mean((z[0] - z[1]) * (logits[0] - logits[1]))  # KL(p|q) + KL(q|p)
    assert np.abs(z[1] - 0.5).max() > 0.2  # they have learnt something
    assert 0 < divergence < 1e-3
