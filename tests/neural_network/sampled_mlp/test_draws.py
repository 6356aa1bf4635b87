"""Draws of outputs: temperature, checks of the sampler's answer, costs, seeds of rows."""

import pickle
import warnings
from dataclasses import replace

import dimod
import numpy as np
import pytest
import scipy.sparse
from dwave.samplers import SteepestDescentSampler

from qsklearn.neural_network._base import SamplerFailure
from qsklearn.neural_network._family_draws import seeds_of_rows
from qsklearn.neural_network._sampled_mlp._draws import OutputDraws
from qsklearn.neural_network._sampled_mlp._gradients import pattern_frequencies
from qsklearn.samplers import (
    DimodSampler,
    EmbeddedSampler,
    ExactSampler,
    GibbsSampler,
    MockQPUSampler,
    get_qpu_profile,
)
from qsklearn.samplers._temperature_belief import TemperatureBelief

SECRET_BETA = 2.5


def draw_at_secret_beta(device, bqm, num_reads, seed):
    return ExactSampler().sample(bqm, num_reads=num_reads, seed=seed, beta=SECRET_BETA)


@pytest.fixture
def hot_device(helpers):
    return DimodSampler(helpers.Device(draw_at_secret_beta))


# --- temperature ---------------------------------------------------------------------------------


@pytest.mark.parametrize("sampler", [ExactSampler(), GibbsSampler()])
def test_auto_believes_samplers_that_declare_beta(problem, sampler):
    draws = OutputDraws(sampler, "auto", 10, None)
    draws.draw(problem.hamiltonian, problem.X, 0)
    assert (draws.beta_eff, draws.beta_eff_stderr) == (1.0, 0.0)
    assert draws.cost["reads"] == 60  # one call


def test_a_devices_secret_temperature_is_found(problem, hot_device):
    draws = OutputDraws(hot_device, "auto", 400, None)
    draws.draw(problem.hamiltonian, problem.X, 0)
    assert 0 < draws.beta_eff_stderr < 0.3
    assert abs(draws.beta_eff - SECRET_BETA) < 4 * draws.beta_eff_stderr
    assert draws.cost["reads"] == 2 * 6 * 400  # the first call is made twice
    draws.draw(problem.hamiltonian, problem.X, 1)
    assert draws.cost["reads"] == 3 * 6 * 400


def law_distance(problem, drawn):
    """Largest deviation of a frequency from the law, in standard errors."""
    law = np.exp(problem.hamiltonian.log_probabilities(problem.X))
    error = np.sqrt(law * (1 - law) / drawn.shape[1])
    return np.abs((pattern_frequencies(problem.hamiltonian, drawn) - law) / error).max()


def test_a_believed_temperature_gives_the_law(problem, hot_device):
    """At most 48 frequencies within 4.5 sigma: more by chance in 0.03 % of trials."""
    draws = OutputDraws(
        hot_device, "auto", 2000, None, belief=TemperatureBelief((SECRET_BETA, 0.1))
    )
    drawn = draws.draw(problem.hamiltonian, problem.X, 0)
    assert draws.cost["reads"] == 6 * 2000  # no call to find it
    assert law_distance(problem, drawn) < 4.5
    as_it_is = OutputDraws(hot_device, 1.0, 2000, None).draw(problem.hamiltonian, problem.X, 0)
    assert law_distance(problem, as_it_is) > 4.5  # the device does draw another law


def test_an_estimated_temperature_gives_the_law_within_its_error(problem, hot_device):
    """The belief's own error moves frequencies by up to dP/dβ: some more sigma for 2000 reads."""
    draws = OutputDraws(hot_device, "auto", 2000, None)
    draws.draw(problem.hamiltonian, problem.X, 7)
    believed = draws.beta_eff
    exact = ExactSampler()
    tempered = OutputDraws(exact, believed / SECRET_BETA, 2000, None)
    drawn = draws.draw(problem.hamiltonian, problem.X, 0)
    # The same law as that of an exact sampler asked for the ratio of the two temperatures.
    expected = tempered.draw(problem.hamiltonian, problem.X, 1)
    one, other = (pattern_frequencies(problem.hamiltonian, some) for some in (drawn, expected))
    error = np.sqrt((one * (1 - one) + other * (1 - other)) / 2000) + 1e-9
    rare = (one + other) * 2000 < 20
    assert np.abs((one - other) / error)[~rare].max() < 4.5
    assert believed == pytest.approx(SECRET_BETA, rel=0.2)


def test_a_given_temperature_is_programmed(helpers):
    problem = helpers.make_problem("binary")
    seen = []

    def answer(device, bqm, num_reads, seed):
        seen.append(max(map(abs, bqm.linear.values())))
        return draw_at_secret_beta(device, bqm, num_reads, seed)

    for beta_eff in (1.0, 4.0):
        sampler = DimodSampler(helpers.Device(answer))
        draws = OutputDraws(sampler, beta_eff, 5, None)
        draws.draw(problem.hamiltonian, problem.X[:1], 0)
        assert (draws.beta_eff, draws.beta_eff_stderr) == (beta_eff, 0.0)
    assert seen[0] == pytest.approx(4.0 * seen[1])


def test_draws_that_are_not_thermal_warn_once(problem):
    draws = OutputDraws(DimodSampler(SteepestDescentSampler()), "auto", 10, None)
    with pytest.warns(UserWarning, match="draws of SteepestDescent") as record:
        draws.draw(problem.hamiltonian, problem.X, 0)
        draws.draw(problem.hamiltonian, problem.X, 1)
    (warning,) = record
    assert "are not thermal" in str(warning.message)
    assert not any(character.isdigit() for character in str(warning.message))
    assert np.isnan(draws.beta_eff_stderr)


def draw_at_random(device, bqm, num_reads, seed):
    return dimod.RandomSampler().sample(bqm, num_reads=num_reads, seed=seed)


def test_draws_without_information_do_not_move_the_belief(problem, helpers):
    # Each estimate is noise about 0; believed, it would rescale the next call, and so run away.
    draws = OutputDraws(DimodSampler(helpers.Device(draw_at_random)), "auto", 5, None)
    with pytest.warns(UserWarning, match="yet: reads are too few") as record:
        for seed in range(5):
            draws.draw(problem.hamiltonian, problem.X, seed)
    (warning,) = record
    assert "belief stays as it was" in str(warning.message)
    assert not any(character.isdigit() for character in str(warning.message))
    # 3 standard errors are passed by chance once in 740 estimates.
    assert draws.beta_eff == 1.0


class Told:
    """A device that draws as it likes, and tells of one estimate after the other."""

    parameters = {}

    def __init__(self, *estimates):
        self.estimates = iter(estimates)

    def sample_arrays(self, h, J, **parameters):
        states, energies, info = ExactSampler().sample_arrays(h, J, **parameters)
        beta_eff, stderr = next(self.estimates)
        return states, energies, info | {"beta_eff": beta_eff, "beta_eff_stderr": stderr}


@pytest.mark.parametrize("estimate", [(-2.0, 0.1), (np.inf, np.nan), (-np.inf, np.nan)])
@pytest.mark.parametrize("belief", [None, TemperatureBelief((2.0, 0.4))])
def test_a_wrong_sign_and_optimisers_are_not_thermal(problem, belief, estimate):
    draws = OutputDraws(Told(estimate, estimate), "auto", 5, None, belief)
    with pytest.warns(UserWarning, match="are not thermal"):
        draws.draw(problem.hamiltonian, problem.X, 0)
    assert draws.beta_eff == (1.0 if belief is None else 2.0)


@pytest.mark.parametrize("trial", [(np.inf, np.nan), (-2.0, 0.1), (1.0, 0.5), (5.0, np.nan)])
def test_a_trial_alone_warns_of_nothing(problem, trial):
    draws = OutputDraws(Told(trial, (2.0, 0.1)), "auto", 5, None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draws.draw(problem.hamiltonian, problem.X, 0)
    assert draws.beta_eff == 2.0


def test_noisy_draws_are_no_reason_to_doubt_a_belief(problem):
    belief = TemperatureBelief((2.0, 0.2))
    draws = OutputDraws(Told((1.0, 0.9), (-0.5, 2.0)), "auto", 5, None, belief)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draws.draw(problem.hamiltonian, problem.X, 0)
        draws.draw(problem.hamiltonian, problem.X, 1)
    assert 1.9 < draws.beta_eff < 2.0


def test_both_warnings_are_told_once_each(problem):
    noisy, wrong = (1.0, 0.9), (-2.0, 0.1)
    draws = OutputDraws(Told(noisy, noisy, wrong, noisy, wrong), "auto", 5, None)
    with pytest.warns(UserWarning) as record:
        for seed in range(4):
            draws.draw(problem.hamiltonian, problem.X, seed)
    one, other = (str(warning.message) for warning in record)
    assert "too few" in one and "not thermal" in other


def test_clipping_is_not_reported_of_the_trial(helpers, monkeypatch):
    """Of a device of no known kind, whose temperature is such that the program fits then."""
    problem = helpers.make_problem("binary")
    h_range = (-0.5, 0.5)
    profile = replace(get_qpu_profile("ideal"), h_range=h_range, j_range=h_range)
    device = MockQPUSampler(profile, topology_type="zephyr", topology_shape=(2, 4), seed=0)
    monkeypatch.setattr("qsklearn.samplers._embedded.typical_beta", lambda properties: None)
    sampler = EmbeddedSampler(device, scaling="clip", chain_strength=0.5)
    with pytest.warns(RuntimeWarning, match="moved biases to the edge"):
        OutputDraws(sampler, 1.0, 20, None).draw(problem.hamiltonian, problem.X, 0)
    draws = OutputDraws(sampler, "auto", 200, None)
    assert draws.needs_trial
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draws.draw(problem.hamiltonian, problem.X, 0)
    assert draws.beta_eff > 2.0 and draws.info["clipped_fraction"] == 0.0


def test_a_model_without_biases_tells_no_temperature_and_warns_of_nothing(helpers, hot_device):
    problem = helpers.make_problem("binary", scale=0.0)
    draws = OutputDraws(hot_device, "auto", 10, None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draws.draw(problem.hamiltonian, problem.X, 0)
    assert draws.beta_eff == 1.0
    assert np.isnan(draws.beta_eff_stderr)


def test_beliefs_are_smoothed_over_calls(problem, hot_device):
    draws = OutputDraws(hot_device, "auto", 200, None)
    for seed in range(12):
        draws.draw(problem.hamiltonian, problem.X, seed)
    estimates = np.array(draws.belief.history)
    assert len(estimates) == 13  # one a call, and the trial's
    assert draws.beta_eff_stderr < 0.7 * np.median(estimates[:, 1])
    assert abs(draws.beta_eff - SECRET_BETA) < 4 * draws.beta_eff_stderr


def test_a_given_belief_is_left_as_it_is(problem, hot_device):
    belief = TemperatureBelief((2.0, 0.5))
    before = (belief.beta_eff, belief.stderr)
    draws = OutputDraws(hot_device, "auto", 100, None, belief)
    draws.draw(problem.hamiltonian, problem.X, 0)
    assert draws.beta_eff != 2.0
    assert (belief.beta_eff, belief.stderr) == before and belief.history == []


class Profiled(DimodSampler):
    """A device whose profile is published."""

    prior = (2.0, 0.6)

    @property
    def properties(self):
        return {"beta_eff_prior": self.prior}


def test_with_a_prior_no_call_is_made_twice(problem, hot_device):
    draws = OutputDraws(Profiled(hot_device.sampler), "auto", 400, None)
    assert (draws.beta_eff, draws.beta_eff_stderr) == (pytest.approx(2.0), pytest.approx(0.6))
    draws.draw(problem.hamiltonian, problem.X, 0)
    assert draws.cost["reads"] == 6 * 400
    assert abs(draws.beta_eff - SECRET_BETA) < 4 * draws.beta_eff_stderr < 1.2


def test_the_bad_prior_of_a_device_is_named(problem, hot_device):
    device = Profiled(hot_device.sampler)
    device.prior = (2.0, -1.0)
    with pytest.raises(ValueError, match="'beta_eff_prior'"):
        OutputDraws(device, "auto", 10, None)


# --- ranges --------------------------------------------------------------------------------------


class Narrow(DimodSampler):
    """A device that shrinks what exceeds its range, and says so in one of three ways."""

    largest = 1.0
    says = "both"

    def sample_arrays(self, h, J, **parameters):
        scale = min(1.0, self.largest / max(np.abs(h).max(), abs(J).max()))
        states, energies, info = super().sample_arrays(h * scale, J * scale, **parameters)
        device, error = info["beta_eff"], info["beta_eff_stderr"]
        info |= {"scale": scale, "beta_eff": device * scale, "beta_eff_stderr": error * scale}
        if self.says == "both":
            info["beta_eff_device"] = device
        if self.says == "one a model":
            info["scale"] = np.full(len(states), scale)
            info |= {"beta_eff_device": device, "beta_eff_device_stderr": error}
        return states, energies, info


@pytest.mark.parametrize("says", ["both", "scale", "one a model"])
def test_energies_out_of_range_do_not_run_away_with_the_belief(problem, hot_device, says):
    """Of a device that scales E by s the temperature relative to E is s beta, ever less."""
    device = Narrow(hot_device.sampler)
    device.largest, device.says = 0.3, says
    draws = OutputDraws(device, "auto", 300, None)
    with pytest.warns(UserWarning, match="exceed the range of Device.*multiplied") as record:
        for seed in range(6):
            draws.draw(problem.hamiltonian, problem.X, seed)
    assert len(record) == 1
    assert np.min(draws.info["scale"]) < 1
    assert 0 < abs(draws.beta_eff - SECRET_BETA) < 4 * draws.beta_eff_stderr < 1.0


def test_of_the_trial_no_range_is_reported(helpers, hot_device):
    """At beta_eff = 1 the program is too large; at the device's own it fits."""
    problem = helpers.make_problem("binary")
    device = Narrow(hot_device.sampler)
    family = problem.hamiltonian.build(problem.X)
    device.largest = max(np.abs(family.fields).max(), np.abs(family.couplings).max()) / 1.5
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draws = OutputDraws(device, "auto", 500, None)
        draws.draw(problem.hamiltonian, problem.X, 0)
    assert draws.info["scale"] == 1.0
    device.largest /= 1.5
    with pytest.warns(UserWarning, match="exceed the range"):
        OutputDraws(device, 1.0, 10, None).draw(problem.hamiltonian, problem.X, 0)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_an_estimator_reports_estimates_scales_and_beliefs(helpers, hot_device):
    X, y = helpers.make_data("binary")
    device = Narrow(hot_device.sampler)
    device.largest = 0.2
    settings = dict(num_reads=200, batch_size=40, weight_scale=0.5, max_iter=4)
    with pytest.warns(UserWarning, match="exceed the range"):
        network = helpers.make_network(sampler=device, **settings).fit(X, y)
    kept = (network._state.belief.beta_eff, len(network._state.belief.history))
    with pytest.warns(UserWarning, match="exceed the range"):
        report = network.sampling_report(X)
    assert 0 < report["scale"] < 1
    estimate, stderr = report["beta_eff_estimate"]
    assert estimate == report["beta_eff_device"]  # and not relative to what was handed over
    assert 0 < abs(estimate - SECRET_BETA) < 4 * stderr
    assert report["beta_eff_stderr"] < stderr  # smoothed over the training's calls
    assert report["reads"] == 40 * 200  # no trial
    assert (network._state.belief.beta_eff, len(network._state.belief.history)) == kept


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_fit_with_a_prior_costs_no_trial(helpers, hot_device):
    X, y = helpers.make_data("binary")
    device = Profiled(hot_device.sampler)
    network = helpers.make_network(sampler=device, num_reads=30, batch_size=40, weight_scale=0.5)
    network.fit(X, y)
    assert network.cost_["reads"] == network.estimate_cost(*X.shape)["reads"] == 5 * 40 * 30
    copied = pickle.loads(pickle.dumps(network._state.belief))
    assert copied.beta_eff == network._state.belief.beta_eff
    assert network.beta_eff_[0] != 2.0 and len(copied.history) == 5


# --- what is passed on ---------------------------------------------------------------------------


class Recorder(ExactSampler):
    """Notes the keywords of its calls, and answers with what it is told to."""

    calls = ()
    answer = None

    def sample_arrays(self, h, J, **parameters):
        self.calls = [*self.calls, parameters]
        drawn = super().sample_arrays(h, J, **parameters)
        return drawn if self.answer is None else self.answer(*drawn)


def test_none_leaves_reads_and_threads_to_the_sampler(problem):
    sampler = Recorder(num_reads=7, num_threads=2)
    drawn = OutputDraws(sampler, "auto", None, None).draw(problem.hamiltonian, problem.X, 0)
    assert drawn.shape[1] == 7
    assert not {"num_reads", "num_threads"} & set(sampler.calls[0])


def test_numbers_override_the_samplers_own(problem):
    sampler = Recorder(num_reads=7, num_threads=2)
    drawn = OutputDraws(sampler, "auto", 3, 1).draw(problem.hamiltonian, problem.X, 0)
    assert drawn.shape == (6, 3, problem.hamiltonian.n_outputs)
    assert sampler.calls[0]["num_threads"] == 1
    np.testing.assert_array_equal(sampler.calls[0]["keep"], problem.hamiltonian.output_spins)


def test_costs_add_up(problem):
    draws = OutputDraws(GibbsSampler(num_sweeps=9), "auto", 4, None)
    for seed in range(2):
        draws.draw(problem.hamiltonian, problem.X, seed)
    assert draws.cost["reads"] == 2 * 6 * 4
    assert draws.cost["sweeps"] == 9 * draws.cost["reads"]
    assert draws.cost["sample_seconds"] > 0 and draws.cost["compile_seconds"] > 0
    assert draws.cost["qpu_access_time"] == 0.0


# --- faults --------------------------------------------------------------------------------------

FAULTS = {
    "shape": (lambda s, e, i: (s[:, :, :-1], e, i), r"states of shape .*Got \(6, 4, 2\)"),
    "flat": (lambda s, e, i: (s[:, 0], e, i), r"states of shape .*Got \(6, 3\)"),
    "models": (lambda s, e, i: (s[1:], e, i), r"states of shape .*Got \(5, 4, 3\)"),
    "reads": (lambda s, e, i: (s[:, :3], e, i), r"states of shape \(6, 4, 3\).*Got \(6, 3, 3\)"),
    "bits": (lambda s, e, i: ((s + 1) // 2, e, i), r"spins -1 or \+1"),
    "nan spins": (lambda s, e, i: (s * np.nan, e, i), r"spins -1 or \+1"),
    "energies": (lambda s, e, i: (s, np.full(s.shape[:2], np.nan), i), "finite energies"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_answers_that_break_the_contract_are_refused(helpers, fault):
    problem = helpers.make_problem("multilabel")
    sampler = Recorder()
    sampler.answer, message = FAULTS[fault]
    with pytest.raises(ValueError, match=f"Recorder must return {message}"):
        OutputDraws(sampler, "auto", 4, None).draw(problem.hamiltonian, problem.X, 0)


def test_broken_categorical_units_are_refused(helpers):
    problem = helpers.make_problem("categorical")
    sampler = Recorder()
    sampler.answer = lambda s, e, i: (np.ones_like(s), e, i)
    with pytest.raises(ValueError, match="Recorder must return .*exactly one spin of a `one_hot`"):
        OutputDraws(sampler, "auto", 4, None).draw(problem.hamiltonian, problem.X, 0)


def test_lists_are_as_good_as_arrays(problem):
    sampler = Recorder()
    sampler.answer = lambda s, e, i: (s.tolist(), e, i)
    got = OutputDraws(sampler, "auto", 4, None).draw(problem.hamiltonian, problem.X, 0)
    expected = OutputDraws(ExactSampler(), "auto", 4, None).draw(problem.hamiltonian, problem.X, 0)
    np.testing.assert_array_equal(got, expected)


def nan_energies(device, bqm, num_reads, seed):
    drawn = draw_at_secret_beta(device, bqm, num_reads, seed)
    return dimod.SampleSet.from_samples(
        (drawn.record.sample, drawn.variables), "SPIN", energy=[np.nan] * len(drawn)
    )


def too_few(device, bqm, num_reads, seed):
    return draw_at_secret_beta(device, bqm, num_reads - 1, seed)


def fewer_variables(device, bqm, num_reads, seed):
    return dimod.SampleSet.from_samples(np.ones((num_reads, 1)), "SPIN", energy=[0] * num_reads)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (nan_energies, "finite energies"),
        (too_few, "returned 3 reads where 4 were asked for"),
        (fewer_variables, "variables of the model"),
        (lambda *arguments: [1, -1], "must return a dimod.SampleSet"),
    ],
)
def test_foreign_samplers_are_held_to_the_contract(helpers, answer, message):
    problem = helpers.make_problem("binary")
    sampler = DimodSampler(helpers.Device(answer))
    with pytest.raises(ValueError, match=message):
        OutputDraws(sampler, "auto", 4, None).draw(problem.hamiltonian, problem.X, 0)


def test_a_samplers_own_failure_is_told_apart(helpers):
    problem = helpers.make_problem("binary")

    def fail(device, bqm, num_reads, seed):
        raise ConnectionError("the line is dead")

    draws = OutputDraws(DimodSampler(helpers.Device(fail)), "auto", 4, None)
    with pytest.raises(SamplerFailure, match="ConnectionError: the line is dead") as raised:
        draws.draw(problem.hamiltonian, problem.X, 0)
    assert isinstance(raised.value, RuntimeError)
    assert isinstance(raised.value.__cause__, ConnectionError)


# --- seeds of rows -------------------------------------------------------------------------------


def test_seeds_of_rows_go_by_content():
    rng = np.random.default_rng(0)
    X = rng.random((50, 4)).round()  # with zeros, for the sparse ones
    X[7] = X[3]
    seeds = seeds_of_rows(X, 5)
    assert seeds[7] == seeds[3]
    assert len(np.unique(seeds)) == len(np.unique(X, axis=0))
    order = rng.permutation(50)
    np.testing.assert_array_equal(seeds_of_rows(X[order], 5), seeds[order])
    np.testing.assert_array_equal(seeds_of_rows(np.asfortranarray(X)[20:30], 5), seeds[20:30])
    np.testing.assert_array_equal(seeds_of_rows(scipy.sparse.csr_matrix(X), 5), seeds)
    np.testing.assert_array_equal(seeds_of_rows(scipy.sparse.csc_array(X), 5), seeds)
    np.testing.assert_array_equal(seeds_of_rows(-X * -1.0 - 0.0, 5), seeds)
    assert (seeds_of_rows(X, 6) != seeds).all()


def test_negative_zero_is_zero():
    assert seeds_of_rows(np.array([[-0.0, 1.0]]), 0) == seeds_of_rows(np.array([[0.0, 1.0]]), 0)
