"""The mock's model of reverse annealing: its sweeps, its limits, what it refuses.

Chi-square tests are at 1e-4 with fixed seeds: if one ever fails after a change of streams, try two
other seeds before suspecting the law.
"""

import numpy as np
import pytest
from scipy.stats import chi2_contingency

pytest.importorskip("dwave.system")

from dwave.cloud.exceptions import InvalidProblemError

from qsklearn.samplers import MockQPUSampler
from qsklearn.samplers._mock_reverse_anneal import FROZEN, follow_schedule

CHIMERA = {"topology_type": "chimera", "topology_shape": [2, 2, 4]}
DEFAULT_TIME = 20.0
# Back to 0 and forward again, each as slowly as an anneal of the default time.
DEEP = [[0, 1], [DEFAULT_TIME, 0], [2 * DEFAULT_TIME, 1]]


def back_to(fraction, time=5.0):
    return [[0, 1], [time, fraction], [2 * time, 1]]


def make_device(**changes):
    return MockQPUSampler("ideal", **{**CHIMERA, "seed": 1, "device_beta": 3.0, **changes})


def anneal(device, h, J, start, schedule, num_reads=100, **words):
    """States by qubit in increasing order."""
    words = {"auto_scale": False, "initial_state": start, "num_reads": num_reads, **words}
    answer = device.sample_ising(h, J, anneal_schedule=schedule, **words)
    return answer.record.sample[:, np.argsort(list(answer.variables))]


# --- sweeps --------------------------------------------------------------------------------------


def follow(schedule, num_sweeps=100, freeze_out=1.0):
    return follow_schedule(schedule, num_sweeps, freeze_out, DEFAULT_TIME)


def test_nothing_moves_above_the_frozen_fraction():
    for schedule in ([[0, 1], [9, 1]], back_to(FROZEN), [[0, 1], [1, 0.9], [500, 0.81], [501, 1]]):
        assert follow(schedule) == []


def test_the_way_forward_is_a_forward_anneal():
    """The second half of the sweeps of DEEP, as many as of a forward anneal, rising as there."""
    (stretch,) = follow(DEEP)
    assert len(stretch.parts) == 200 and stretch.moves_chains
    np.testing.assert_allclose(stretch.parts, stretch.parts[::-1])
    forward = stretch.parts[100:]
    np.testing.assert_allclose(forward[:50], 2 * (np.arange(50) + 0.5) / 100)
    assert (forward[50:] == 1.0).all()


def test_chains_freeze_as_in_a_forward_anneal():
    stretches = follow(DEEP, freeze_out=0.25)
    assert [stretch.moves_chains for stretch in stretches] == [False, True, False]
    back, chains, forward = (stretch.parts for stretch in stretches)
    assert (len(back), len(chains), len(forward)) == (100, 200, 100)
    assert chains.max() == 0.25 and chains.min() < 0.01
    assert back.max() == forward.max() == 1.0 and 0.25 < forward[0] < 0.3


def test_sweeps_are_counted_by_time():
    def count(schedule):
        return sum(len(stretch.parts) for stretch in follow(schedule))

    rate = 100 / (FROZEN * DEFAULT_TIME)
    assert count([[0, 1], [1, 0.5], [11, 0.5], [12, 1]]) == (10 + 2 * 0.3 / 0.5) * rate
    # Two dips of the same depth are two times one, and time above is no time.
    dip = [[0, 1], [3, 0.4], [6, 1]]
    twice = [*dip, *([time + 100, fraction] for time, fraction in dip)]
    assert count(twice) == 2 * count(dip)
    parts = np.concatenate([stretch.parts for stretch in follow(twice)])
    half = np.concatenate([stretch.parts for stretch in follow(dip)])
    np.testing.assert_allclose(parts, np.tile(half, 2))


# --- limits --------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", ["ideal", "advantage2", "2000q-baseline"])
def test_a_state_that_goes_nowhere_returns(profile):
    device = MockQPUSampler(profile, **CHIMERA, broken_nodes=[], readout_error=0.0, seed=2)
    start = {0: 1, 1: -1, 4: -1, 5: 1}
    # Against all fields and couplings.
    h, J = {0: 0.9, 1: -0.9, 4: -0.9, 5: 0.9}, {(0, 4): -1.0, (1, 5): -1.0}
    for schedule in ([[0, 1], [50, 1]], back_to(0.8)):
        states = anneal(device, h, J, start, schedule)
        np.testing.assert_array_equal(states, np.tile([1, -1, -1, 1], (100, 1)))


def test_readout_errors_are_all_that_happens_to_it():
    """Binomial, within 4 sigma."""
    device = make_device(readout_error=0.05)
    states = anneal(device, {0: 1.0, 4: 1.0}, {}, {0: 1, 4: 1}, back_to(0.9), num_reads=10_000)
    wrong = (states == -1).mean(axis=0)
    assert (np.abs(wrong - 0.05) < 4 * np.sqrt(0.05 * 0.95 / 10_000)).all()


def chain_program():
    """Six qubits in a row with a chain of three, whose reversal takes all of them at once."""
    nodes = [0, 4, 1, 5, 2, 6]
    rng = np.random.default_rng(1)
    h = 0.2 * rng.normal(size=6)
    J = np.zeros((6, 6))
    for k, strength in enumerate((-1.9, -1.9, 0.3, -0.2, 0.1)):
        J[k, k + 1] = J[k + 1, k] = strength
    order = np.argsort(nodes)
    fields = dict(zip(nodes, h, strict=True))
    couplings = {(nodes[k], nodes[k + 1]): J[k, k + 1] for k in range(5)}
    return fields, couplings, h[order], J[np.ix_(order, order)], sorted(nodes)


@pytest.mark.parametrize("start", [1, -1])
def test_a_deep_reversal_forgets_and_gives_the_law(start, ising):
    h, J, fields, couplings, nodes = chain_program()
    states = anneal(make_device(), h, J, dict.fromkeys(nodes, start), DEEP, num_reads=8000)
    assert ising.p_value(states, ising.enumerate(fields, couplings, 3.0)) > 1e-4


def test_a_deep_reversal_is_a_forward_anneal_where_chains_freeze_first():
    """Two samples of 8000, chi-square by state."""
    h, J, _, _, nodes = chain_program()
    device = make_device(freeze_out=0.3)
    back = anneal(device, h, J, dict.fromkeys(nodes, 1), DEEP, num_reads=8000)
    answer = device.sample_ising(h, J, num_reads=8000, auto_scale=False, answer_mode="raw", seed=9)
    forward = answer.record.sample[:, np.argsort(list(answer.variables))]
    powers = 2 ** np.arange(6)
    counts = np.array([np.bincount((s > 0) @ powers, minlength=64) for s in (back, forward)])
    counts = counts[:, counts.sum(axis=0) >= 20]
    assert chi2_contingency(counts).pvalue > 1e-4


def test_a_shallow_reversal_relaxes_at_the_devices_temperature(ising):
    """Also chains turn, unless they are frozen there; then the law is that given the chain."""
    h, J, fields, couplings, nodes = chain_program()
    schedule = [[0, 1], [1, 0.6], [20, 0.6], [21, 1]]
    start = dict.fromkeys(nodes, 1)
    states = anneal(make_device(), h, J, start, schedule, num_reads=8000)
    assert ising.p_value(states, ising.enumerate(fields, couplings, 3.0)) > 1e-4
    frozen = anneal(make_device(freeze_out=0.25), h, J, start, schedule, num_reads=1000)
    at = [nodes.index(node) for node in (0, 4, 1)]
    # A single qubit of the chain turns back at odds of exp(-2 beta 2 1.9).
    assert (frozen[:, at] == 1).mean() > 0.99
    assert (states[:, at] == 1).mean() < 0.9


def test_memory_fades_with_depth_and_time():
    """A spin pair against a barrier: more of the reads leave the start the further back it goes."""
    device = make_device(device_beta=6.0, num_sweeps=30, freeze_out=0.25)
    h, J, start = {0: 0.15, 4: 0.15}, {(0, 4): -1.0}, {0: 1, 4: 1}
    left = [
        (anneal(device, h, J, start, back_to(fraction, time), 2000) == -1).all(axis=1).mean()
        for fraction, time in ((0.9, 5), (0.5, 5), (0.5, 200), (0.3, 5))
    ]
    assert left[0] == 0.0 < left[1] < 0.05
    assert left[1] + 0.02 < left[2] < left[3] - 0.1 and left[3] > 0.5


def test_reads_go_on_from_each_other_without_reinitialising():
    """A single spin that hardly turns: the first reads are near the start, the last are not."""
    device = make_device(num_sweeps=4)
    words = {"num_reads": 400, "answer_mode": "raw"}
    h, start = {0: -0.75, 4: 0.0}, {0: -1, 4: 1}
    short = back_to(0.75, 2.0)  # too short for more than a sweep
    again = anneal(device, h, {}, start, back_to(0.9), reinitialize_state=False, **words)
    np.testing.assert_array_equal(again, np.tile([-1, 1], (400, 1)))
    on = anneal(device, h, {}, start, short, reinitialize_state=False, **words)
    anew = anneal(device, h, {}, start, short, **words)
    n_sweeps = sum(len(s.parts) for s in follow(short, num_sweeps=4))
    assert n_sweeps == 0 and (on == anew).all()  # so short that nothing happens
    long = back_to(0.5, 4.0)
    on = anneal(device, h, {}, start, long, reinitialize_state=False, **words)
    # Each read is another draw of the free spin of qubit 4: fair within 4 sigma.
    assert abs((on[:, 1] == 1).mean() - 0.5) < 4 * 0.5 / np.sqrt(400)


def test_a_chain_of_reads_moves_slowly():
    """A pair that turns by single flips over a barrier stays where the last read left it."""
    device = make_device(device_beta=2.5, freeze_out=0.5, num_sweeps=20)
    h, J, start = {0: 0.0, 4: 0.0}, {(0, 4): -1.0}, {0: 1, 4: 1}
    schedule = [[0, 1], [1, 0.6], [3, 0.6], [4, 1]]
    on = anneal(device, h, J, start, schedule, 3000, reinitialize_state=False)
    anew = anneal(device, h, J, start, schedule, 3000)
    turned = (on == -1).all(axis=1)
    # Anew, the same small share has turned in each read; going on, half of the later ones have.
    assert (anew == -1).all(axis=1).mean() < 0.2
    assert turned[-1000:].mean() > 0.25
    assert (turned[1:] == turned[:-1]).mean() > 0.8


# --- calls ---------------------------------------------------------------------------------------


def test_seeds_repeat_reverse_anneals_for_any_threads():
    h, J, _, _, nodes = chain_program()
    start = dict.fromkeys(nodes, 1)
    draws = [
        anneal(make_device(num_threads=threads), h, J, start, back_to(0.3), 200, seed=seed, **words)
        for threads, seed in ((1, 5), (2, 5), (1, 6))
        for words in ({}, {"reinitialize_state": False})
    ]
    np.testing.assert_array_equal(draws[0], draws[2])
    np.testing.assert_array_equal(draws[1], draws[3])
    assert (draws[0] != draws[4]).any() and (draws[0] != draws[1]).any()


def test_states_of_binary_programs_and_of_qubits_that_are_not_used():
    device = make_device()
    words = {"anneal_schedule": back_to(0.9), "num_reads": 5}
    answer = device.sample_qubo(
        {(0, 0): 1.0, (4, 4): -1.0}, initial_state={0: 1, 4: 0, 5: 3, 6: 1}, **words
    )
    assert [dict(sample) for sample in answer.samples()] == [{0: 1, 4: 0}] * 5


@pytest.mark.parametrize("state", [{0: 1}, {0: 1, 4: 3}, {0: 1, 4: 2}, {0: 1, 4: None}])
def test_a_qubit_without_a_state_is_refused_and_not_counted(state):
    device = make_device(quota=1e9)
    with pytest.raises(InvalidProblemError, match="'initial_state' .* each qubit .* for qubit 4"):
        device.sample_ising({0: 0.1, 4: 0.1}, {}, initial_state=state, anneal_schedule=back_to(0.5))
    answer = device.sample_ising({0: 0.1, 4: 0.1}, {}, initial_state=state)  # goes forward
    assert len(answer.variables) == 2
