"""GibbsSampler: what is its own; the law, seeds and chains are tested with the other samplers."""

import numpy as np

from qsklearn.samplers import GibbsSampler
from qsklearn.samplers._chains import _order_of_updates
from qsklearn.samplers._models import SpinModels, check_couplings


def test_info_and_intents():
    _, _, info = GibbsSampler(num_sweeps=3, beta=0.5).sample_arrays([0.1], [[0.0]])
    assert (info["beta"], info["num_sweeps"]) == (0.5, 3)
    assert GibbsSampler.intents == {"thermal"}


def test_a_sweep_visits_every_spin_once_colour_by_colour(ising):
    J = ising.bipartite(3, 4, np.random.default_rng(0))
    graph = check_couplings(J, 7, "test")
    order = _order_of_updates(SpinModels(np.zeros((1, 7)), graph))
    assert sorted(order) == list(range(7))
    assert {*order[:3]} == {0, 1, 2} or {*order[:4]} == {3, 4, 5, 6}
    with_unit = _order_of_updates(SpinModels(np.zeros((1, 7)), graph, (0, 3)))
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
