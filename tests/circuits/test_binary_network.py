"""Binary networks: which qubit is what, and what a setting computes, against a plain loop."""

from itertools import product

import numpy as np
import pytest

from qsklearn.circuits import BinaryNetwork

NETWORKS = [
    BinaryNetwork(n_inputs, n_hidden, fit_bias, searched, absent, output_weights)
    for (n_inputs, n_hidden), fit_bias, searched, absent, output_weights in product(
        [(1, 1), (2, 1), (3, 1), (2, 2), (1, 3)],
        [False, True],
        [False, True],
        ["nothing", "nothing_or_off", "against"],
        [False, True],
    )
    if searched or absent == "nothing"
]


def sign(number):
    return 1 if number >= 0 else -1


def plain_output(network, spins, x):
    """The output by the words of the docstring, one number at a time."""
    units = []
    for unit in spins.reshape(network.n_hidden, -1):
        unit = unit.tolist()
        weights, unit = unit[: network.n_links], unit[network.n_links :]
        present = [True] * network.n_links
        if network.search_connections:
            masks, unit = unit[: network.n_inputs], unit[network.n_inputs :]
            present = [mask > 0 for mask in masks] + [True] * network.fit_bias
        values = [*x, 1] if network.fit_bias else list(x)
        terms = [w * v for w, v, p in zip(weights, values, present, strict=True) if p]
        total = sum(terms)
        if network.absent == "against":
            total -= present.count(False)
        value = sign(total)
        if network.absent == "nothing_or_off" and not terms:
            value = -1
        units.append(value * (unit[0] if network.output_weights else 1))
    return sign(sum(units))


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_outputs_are_those_of_a_plain_loop(network):
    rng = np.random.default_rng(0)
    states = rng.permutation(network.n_states)[:64]
    spins = network.spins(states)
    inputs = np.array(list(product([-1, 1], repeat=network.n_inputs)))
    expected = [[plain_output(network, row, x) for x in inputs] for row in spins]
    assert network.outputs(spins, inputs).tolist() == expected


def test_numbers_of_settings_have_qubit_0_as_their_lowest_bit():
    network = BinaryNetwork(2, 2)
    assert network.spins([1, 32]).tolist() == [[1, -1, -1, -1, -1, -1], [-1] * 5 + [1]]


def test_units_lie_side_by_side():
    network = BinaryNetwork(2, 2, fit_bias=True, search_connections=True)
    spins = -np.ones((1, 12), np.int8)
    spins[0, [0, 3, 5, 6 + 1, 6 + 4]] = 1
    hidden, output = network.unpack(spins)
    assert hidden.tolist() == [[[1, 0, -1], [0, 1, -1]]]
    assert output.tolist() == [[1, -1]]


def test_spins_of_a_unit_make_those_of_a_network():
    network = BinaryNetwork(2, 3, fit_bias=True)
    units = np.array([5, 0, 11])
    state = int((units << (4 * np.arange(3))).sum())
    both = np.concatenate([network.unit_spins([unit]) for unit in units], axis=1)
    assert (both == network.spins([state])).all()


def test_unpacking_does_not_change_the_spins():
    network = BinaryNetwork(2, 1, search_connections=True)
    spins = network.spins(np.arange(network.n_states))
    before = spins.copy()
    hidden, output = network.unpack(spins)
    hidden[:] = 7
    output[:] = 7
    assert (spins == before).all()


def test_votes_are_sums_whose_sign_is_the_output():
    network = BinaryNetwork(3, 4)
    spins = network.spins(np.arange(0, network.n_states, 997))
    inputs = np.array(list(product([-1, 1], repeat=3)))
    votes = network.votes(spins, inputs)
    assert set(np.unique(votes)) <= {-4, -2, 0, 2, 4}
    assert (np.where(votes >= 0, 1, -1) == network.outputs(spins, inputs)).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((True, 1), "'n_inputs' parameter .* must be an int >= 1. Got True"),
        ((0, 1), "'n_inputs' parameter .* must be an int >= 1. Got 0"),
        ((1, 0), "'n_hidden' parameter .* must be an int >= 1. Got 0"),
        ((2.5, 1), "'n_inputs' parameter .* must be an int >= 1. Got 2.5"),
        ((2, 1, False, True, "maybe"), "'absent' parameter .* Got 'maybe'"),
        ((80, 1), "at most 62 qubits. 80 inputs make 81"),
    ],
)
def test_what_is_no_network_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        BinaryNetwork(*arguments)


def test_numbers_and_flags_of_numpy_make_plain_counts():
    """Found by fuzzing: landscapes of such a network failed, as counts of NumPy have no bits."""
    network = BinaryNetwork(np.int8(2), np.int64(1), fit_bias=np.bool_(True))
    assert type(network.n_qubits) is int and network.n_qubits == 4
