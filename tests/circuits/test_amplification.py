"""Closed forms of amplitude amplification, against vectors; the corrected figures of the paper."""

from itertools import islice

import numpy as np
import pytest

from qsklearn.circuits import (
    amplified_probabilities,
    amplify_with_batches,
    best_iterations,
    classical_draws,
    compare_search_costs,
    search_curves,
    search_law,
    success_probability,
)
from qsklearn.circuits._amplification import (
    binned_search_law,
    iteration_ranges,
    missed_without_replacement,
)


def amplify(is_marked, iterations):
    """Grover's iteration on the amplitudes, one by one."""
    amplitudes = np.full(len(is_marked), len(is_marked) ** -0.5)
    for _ in range(iterations):
        amplitudes[is_marked] *= -1
        amplitudes = 2 * amplitudes.mean() - amplitudes
    return amplitudes**2


@pytest.mark.parametrize("n_marked", [0, 1, 4, 8, 100, 128, 255, 256])
@pytest.mark.parametrize("iterations", [0, 1, 2, 5, 17])
def test_probabilities_are_those_of_the_vector(n_marked, iterations):
    is_marked = np.random.default_rng(0).permutation(256) < n_marked
    expected = amplify(is_marked, iterations)
    got = amplified_probabilities(is_marked, iterations)
    assert np.abs(got - expected).max() < 1e-12
    assert got.sum() == pytest.approx(1)
    assert success_probability(n_marked / 256, iterations) == pytest.approx(
        expected[is_marked].sum(), abs=1e-12
    )


@pytest.mark.parametrize(
    ("n_marked", "expected"),
    [
        (8, [0.0312, 0.2583, 0.6024, 0.8969, 0.9992, 0.8596, 0.5459]),
        (4, [0.0156, 0.1348, 0.3439, 0.5914, 0.8164, 0.9635, 0.9966, 0.9074]),
    ],
)
def test_success_of_the_papers_problems(n_marked, expected):
    got = success_probability(n_marked / 256, np.arange(len(expected)))
    assert np.abs(got - expected).max() < 5.1e-5


def test_success_of_meta_training():
    got = success_probability(24 / 2**14, [16, 18, 20])
    assert got.round(3).tolist() == [0.908, 0.976, 1.0]


def test_half_of_all_cannot_be_amplified():
    assert np.allclose(success_probability(0.5, np.arange(20)), 0.5)
    assert best_iterations(0.5) == 0


@pytest.mark.parametrize("n_marked", [1, 3, 8, 60, 200])
def test_the_best_number_of_iterations_is_best_up_to_the_first_maximum(n_marked):
    share = n_marked / 1024
    best = best_iterations(share)
    first_peak = int(np.pi / (4 * np.arcsin(np.sqrt(share)))) + 1
    candidates = success_probability(share, np.arange(first_peak + 1))
    assert candidates[best] == candidates.max()


def test_nothing_marked_has_no_best_number():
    with pytest.raises(ValueError, match=r"must be in \(0, 1\]. Got 0 instead"):
        best_iterations(0)


# --- classical search ---------------------------------------------------------------------------


@pytest.mark.parametrize(("n_marked", "repeating", "not_repeating"), [(8, 73, 64), (4, 147, 112)])
def test_random_search_takes_as_many_draws_as_it_does(n_marked, repeating, not_repeating):
    """And not the paper's 28 and 57, which are those of 8 and 4 of 100."""
    assert classical_draws(256, n_marked) == repeating
    assert classical_draws(256, n_marked, replacement=False) == not_repeating
    assert {8: 28, 4: 57}[n_marked] == classical_draws(100, n_marked)


@pytest.mark.parametrize("replacement", [True, False])
@pytest.mark.parametrize(("n_states", "n_marked"), [(256, 8), (16, 15), (10, 1), (5, 5)])
def test_draws_are_the_least_that_suffice(n_states, n_marked, replacement):
    def missed(n_draws):
        if replacement:
            return (1 - n_marked / n_states) ** n_draws
        left = np.arange(n_draws)
        return np.prod(np.maximum(n_states - n_marked - left, 0) / (n_states - left))

    for confidence in (0.5, 0.9, 0.99):
        n_draws = classical_draws(n_states, n_marked, confidence, replacement=replacement)
        assert missed(n_draws) <= 1 - confidence + 1e-12
        assert n_draws == 1 or missed(n_draws - 1) > 1 - confidence
        if not replacement:
            assert missed_without_replacement(n_states, n_marked, n_draws) == pytest.approx(
                missed(n_draws), abs=1e-12
            )


@pytest.mark.parametrize(
    "arguments",
    [(256, 0), (256, 257), (256.5, 2), (256, 8, 0.0), (256, 8, 1.0), (256, 8, 95)],
    ids=str,
)
def test_impossible_searches_are_refused(arguments):
    message = "0 < n_marked <= n_states|above 0 and at most 0.999999999. Got"
    for ask in (classical_draws, compare_search_costs):
        with pytest.raises(ValueError, match=message):
            ask(*arguments)
    if len(arguments) == 2:
        with pytest.raises(ValueError, match=message):
            search_curves(*arguments)


@pytest.mark.parametrize(
    ("fraction", "iterations"), [(1.5, 2), (-0.1, 2), (np.nan, 2), (0.5, -1), (0.5, 1.5)]
)
def test_impossible_probabilities_are_refused(fraction, iterations):
    with pytest.raises(ValueError, match="success_probability must be"):
        success_probability(fraction, iterations)


def test_shapes_that_do_not_go_together_are_refused():
    with pytest.raises(ValueError, match=r"that go together. Got \(2,\) and \(3,\) instead"):
        success_probability([0.1, 0.2], [1, 2, 3])


def test_nothing_to_amplify_is_refused():
    with pytest.raises(ValueError, match="'is_marked' parameter of amplified_probabilities has no"):
        amplified_probabilities([], 1)
    with pytest.raises(ValueError, match="'correct' parameter of amplify_with_batches has no"):
        amplify_with_batches(np.empty((0, 2)), [[0]])


def test_searches_that_would_take_too_long_to_follow_are_refused():
    with pytest.raises(ValueError, match=r"below 2\^63. Got 9223372036854775808 instead"):
        classical_draws(2**63, 1, replacement=False)
    for ask in (compare_search_costs, search_curves):
        with pytest.raises(ValueError, match=f"{ask.__name__} follows searches among up to 2"):
            ask(2**41, 1)


def test_a_misspelt_schedule_is_refused():
    with pytest.raises(ValueError, match="'linear' or an int >= 0. Got 'li"):
        search_law(256, 8, "linera", 50)


# --- quantum search -----------------------------------------------------------------------------


def test_ranges_of_the_schedules():
    def first(schedule, number, n_states=256):
        return list(islice(iteration_ranges(schedule, n_states), number))

    assert first("linear", 4) == [(0, 0), (0, 1), (0, 2), (0, 3)]
    assert first(3, 3) == [(3, 3)] * 3
    assert first("bbht", 5) == [(0, 0), (0, 1), (0, 1), (0, 1), (0, 2)]
    assert first("maximum", 40)[-1] == (0, 15)  # below the root of 256


@pytest.mark.parametrize(("n_marked", "attempts", "cumulated"), [(8, 6, 0.944), (4, 7, 0.920)])
def test_attempts_of_the_papers_schedule(n_marked, attempts, cumulated):
    """90 % take 6 and 7 attempts, the first of them with no iteration."""
    failing = 1.0
    for attempt in range(attempts):
        assert 1 - failing < 0.9
        ks = np.arange(attempt + 1)
        failing *= 1 - success_probability(n_marked / 256, ks).mean()
    assert 1 - failing == pytest.approx(cumulated, abs=5e-4)


@pytest.mark.parametrize("schedule", ["linear", "bbht", 2])
def test_the_law_of_a_search_is_that_of_many(schedule):
    n_states, n_marked, n_runs, largest = 64, 3, 20_000, 60
    rng = np.random.default_rng(0)
    spent = np.zeros(n_runs, int)
    searching = np.ones(n_runs, bool)
    for low, high in iteration_ranges(schedule, n_states):
        ks = rng.integers(low, high + 1, n_runs)
        spent[searching] += 2 * ks[searching] + 1
        searching &= rng.random(n_runs) >= success_probability(n_marked / n_states, ks)
        if not (searching & (spent <= largest)).any():
            break
    _, success = search_law(n_states, n_marked, schedule, largest)
    got = (spent[:, np.newaxis] <= np.arange(1, largest + 1)) & ~searching[:, np.newaxis]
    error = np.sqrt(success * (1 - success) / n_runs)
    assert (np.abs(got.mean(axis=0) - success) < 4.5 * error + 1e-9).all()


def test_an_attempt_that_is_longer_than_the_law_never_succeeds_within_it():
    evaluations, success = search_law(256, 8, 10, 20)
    assert evaluations[-1] == 20 and not success.any()
    assert np.flatnonzero(search_law(256, 8, 10, 21)[1]).tolist() == [20]


@pytest.mark.parametrize(("n_marked", "evaluations", "mean"), [(8, 19, 11.0), (4, 29, 16.0)])
def test_evaluations_of_the_papers_schedule(n_marked, evaluations, mean):
    counts, success = search_law(256, n_marked, "linear", 500)
    assert counts[np.argmax(success >= 0.9)] == evaluations
    assert 1 + (1 - success).sum() == pytest.approx(mean, abs=0.05)


def test_costs_side_by_side():
    cost = compare_search_costs(256, 8)
    assert cost == {
        "n_states": 256,
        "n_marked": 8,
        "best_iterations": 4,
        "success_probability": pytest.approx(0.9992, abs=1e-4),
        "quantum_evaluations": 19,
        "quantum_evaluations_bbht": 23,
        "classical_evaluations": 73,
        "classical_evaluations_not_repeating": 64,
    }


def test_curves_rise_to_nearly_one_and_agree_with_the_costs():
    curves, cost = search_curves(256, 4), compare_search_costs(256, 4, 0.5)
    reached = {}
    for name, (evaluations, probability) in curves.items():
        assert (np.diff(evaluations) > 0).all()
        assert (np.diff(probability) >= 0).all()
        assert probability[-1] >= 0.999
        reached[name] = int(evaluations[np.argmax(probability >= 0.5)])
    assert list(reached.values()) == [
        cost["quantum_evaluations"],
        cost["quantum_evaluations_bbht"],
        cost["classical_evaluations"],
        cost["classical_evaluations_not_repeating"],
    ]


def test_curves_of_many_states_stay_short():
    curves = search_curves(2**20, 8)
    assert all(len(evaluations) < 50_000 for evaluations, _ in curves.values())
    evaluations, probability = curves["classical (repeating)"]
    assert np.allclose(probability, 1 - (1 - 2.0**-17) ** evaluations)


@pytest.mark.parametrize("schedule", ["linear", "bbht"])
def test_long_laws_in_steps_are_nearly_the_exact_ones(schedule):
    _, exact = search_law(2**12, 1, schedule, 4096)
    evaluations, coarse = binned_search_law(2**12, 1, schedule, 1024, 4)
    assert np.abs(coarse - exact[evaluations - 1]).max() < 0.02
    means = [np.sum(1 - exact), 4 * np.sum(1 - coarse)]
    assert means[1] == pytest.approx(means[0], rel=0.02)


def test_the_papers_schedule_gains_less_than_the_root():
    """Its n-th attempt succeeds with some p n², so that p^(-1/3) attempts are needed."""
    few, many = (compare_search_costs(n_states, 1) for n_states in (2**14, 2**20))
    ratio = many["quantum_evaluations"] / few["quantum_evaluations"]
    assert ratio == pytest.approx(64 ** (2 / 3), rel=0.03)  # and not 8


def test_the_quantum_search_gains_as_the_root():
    few, many = (compare_search_costs(n_states, 1) for n_states in (2**8, 2**14))
    assert many["quantum_evaluations_bbht"] / few["quantum_evaluations_bbht"] == pytest.approx(
        8, rel=0.15
    )
    assert many["classical_evaluations"] / few["classical_evaluations"] == pytest.approx(
        64, rel=0.01
    )
