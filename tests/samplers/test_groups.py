"""Groups of models of several graphs: how what they tell is joined."""

import numpy as np
import pytest

from qsklearn.samplers import ExactSampler, GibbsSampler
from qsklearn.samplers._groups import join_groups

NAN = float("nan")


@pytest.mark.parametrize(
    ("betas", "errors", "expected"),
    [
        ((NAN, NAN), (NAN, NAN), (NAN, NAN)),  # no bias in either
        ((2.0, 5.0), (NAN, 0.1), (3.0, NAN)),  # by their 2 models and 1
        ((2.0, NAN), (0.5, NAN), (2.0, 0.5)),
        ((2.0, 5.0), (0.1, 0.2), (2.6, 0.2 / 5**0.5)),
    ],
)
def test_effective_temperatures_are_joined(betas, errors, expected):
    members = [[0, 2], [1]]
    parts = [
        (np.ones((len(rows), 1, 1), np.int8), np.zeros((len(rows), 1)),
         {"beta_eff": beta, "beta_eff_stderr": error})
        for rows, beta, error in zip(members, betas, errors, strict=True)
    ]  # fmt: skip
    _, _, info = join_groups(parts, members, 3)
    found = info["beta_eff"], info["beta_eff_stderr"]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("J", "keep", "name"),
    [([[0.0], [0.0, 1.0]], None, "J"), (np.zeros((2, 2)), [[0], [0, 1]], "keep")],
)
def test_ragged_lists_are_refused_by_name(J, keep, name):
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        GibbsSampler().sample_arrays([0.1, 0.2], J, beta=1.0, keep=keep)


def test_energies_that_a_group_has_none_of_are_none():
    J = np.zeros((2, 6, 6))
    J[:, :4, 4:] = np.random.default_rng(0).normal(size=(2, 4, 2))
    J += J.transpose(0, 2, 1)
    words = {"groups": [0, 1, 0], "beta": 1.0, "num_reads": 3, "seed": 0}
    states, energies, _ = ExactSampler().sample_arrays(np.zeros((3, 6)), J, keep=[4, 5], **words)
    assert states.shape == (3, 3, 2) and energies is None
    assert ExactSampler().sample_arrays(np.zeros((3, 6)), J, **words)[1].shape == (3, 3)
