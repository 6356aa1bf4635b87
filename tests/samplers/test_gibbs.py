"""GibbsSampler: what is its own; the law, seeds and chains are tested with the other samplers."""

import dimod
import numpy as np
import pytest

from qsklearn.samplers import GibbsSampler, SimulatedAnnealingSampler
from qsklearn.samplers._kernel_arrays import order_of_updates
from qsklearn.samplers._models import SpinModels, check_couplings


def test_info_and_intents():
    _, _, info = GibbsSampler(num_sweeps=3, beta=0.5).sample_arrays([0.1], [[0.0]])
    assert (info["beta"], info["num_sweeps"]) == (0.5, 3)
    assert GibbsSampler.intents == {"thermal"}


def test_a_sweep_visits_every_spin_once_colour_by_colour(ising):
    J = ising.bipartite(3, 4, np.random.default_rng(0))
    graph = check_couplings(J, 7, "test")
    order = order_of_updates(SpinModels(np.zeros((1, 7)), graph))
    assert sorted(order) == list(range(7))
    assert {*order[:3]} == {0, 1, 2} or {*order[:4]} == {3, 4, 5, 6}
    with_unit = order_of_updates(SpinModels(np.zeros((1, 7)), graph, (0, 3)))
    assert with_unit.tolist() == [3, 4, 5, 6]


def test_a_one_hot_unit_of_one_spin_is_always_up():
    states, _, _ = GibbsSampler(num_reads=10, num_sweeps=1).sample_arrays(
        [5.0, 0.0], np.zeros((2, 2)), one_hot=(0, 1)
    )
    assert (states[0, :, 0] == 1).all()


def test_a_broken_one_hot_unit_is_mended_by_the_first_sweep():
    states, _, _ = GibbsSampler(num_reads=20, num_sweeps=1, seed=1).sample_arrays(
        np.zeros(4), np.zeros((4, 4)), one_hot=(0, 3), initial_states=-np.ones((1, 20, 4))
    )
    assert ((states[0, :, :3] == 1).sum(axis=1) == 1).all()


def test_clamped_variables_by_label_keep_their_value(ising):
    bqm = dimod.BinaryQuadraticModel(
        {"a": 0.2, "b": -0.4, "c": 0.1}, {"ab": 1.0, "bc": -0.7}, "BINARY"
    )
    start = {"a": 1, "b": 0, "c": 1}
    sampler = GibbsSampler(num_sweeps=30, seed=1)
    drawn = sampler.sample(bqm, initial_states=[start] * 4000, clamped=["b", "c"])
    assert (drawn.record.sample[:, drawn.variables.index("b")] == 0).all()
    assert (drawn.record.sample[:, drawn.variables.index("c")] == 1).all()
    ups = (drawn.record.sample[:, drawn.variables.index("a")]).mean()
    expected = 1 / (1 + np.exp(0.2))  # b = 0 leaves the field alone
    assert abs(ups - expected) < 4 * np.sqrt(expected * (1 - expected) / 4000)


def test_clamped_spins_differ_from_chain_to_chain_and_by_group():
    h, J = np.zeros((4, 3)), np.stack([np.zeros((3, 3)), np.ones((3, 3)) - np.eye(3)])
    rng = np.random.default_rng(0)
    starts = rng.choice([-1, 1], size=(4, 50, 3))
    clamped = rng.random((4, 50, 3)) < 0.5
    states, _, _ = GibbsSampler(num_reads=50, num_sweeps=9, seed=2).sample_arrays(
        h, J, groups=[1, 0, 0, 1], initial_states=starts, clamped=clamped
    )
    np.testing.assert_array_equal(states[clamped], starts[clamped])
    moved = states[~clamped] != starts[~clamped]
    assert 0.4 < moved.mean() < 0.6  # 300 fair coins and more


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"clamped": [True, False]}, "needs 'initial_states'"),
        ({"clamped": [1, 0], "initial_states": [[[1, 1]]]}, "must be an array of bool"),
        ({"clamped": [True] * 3, "initial_states": [[[1, 1]]]}, "must be an array of bool"),
    ],
)
def test_clamped_spins_must_be_told_and_fit(words, message):
    with pytest.raises(ValueError, match=message):
        GibbsSampler().sample_arrays([0.0, 0.0], np.zeros((2, 2)), **words)


def test_clamped_variables_must_exist():
    bqm = dimod.BinaryQuadraticModel({"a": 1.0}, {}, "SPIN")
    with pytest.raises(ValueError, match="Got 'b', which is none"):
        GibbsSampler().sample(bqm, initial_states={"a": 1}, clamped=["b"])


def test_a_one_hot_unit_is_clamped_as_a_whole():
    h, starts = np.zeros((1, 4)), np.array([[[-1, 1, -1, 1]]])
    sampler, J = GibbsSampler(num_sweeps=20, seed=0), np.zeros((4, 4))
    states, _, _ = sampler.sample_arrays(
        h, J, one_hot=(0, 3), initial_states=starts, clamped=[True, True, True, False]
    )
    np.testing.assert_array_equal(states[0, 0, :3], starts[0, 0, :3])
    with pytest.raises(ValueError, match="all spins of a one-hot unit or none"):
        sampler.sample_arrays(
            h, J, one_hot=(0, 3), initial_states=starts, clamped=[True, False, False, False]
        )


def test_only_samplers_that_declare_it_take_clamped_spins():
    with pytest.raises(ValueError, match="takes no 'clamped'"):
        SimulatedAnnealingSampler().sample_arrays([0.0], [[0.0]], clamped=[True])
