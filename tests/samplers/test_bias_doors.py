"""Models as dicts: what is no field, coupling or coefficient is refused with its place."""

import re

import dimod
import numpy as np
import pytest

from qsklearn.samplers import (
    DimodSampler,
    DWaveQPUSampler,
    EmbeddedSampler,
    ExactSampler,
    GibbsSampler,
    MockQPUSampler,
    RecordedSampler,
    SimulatedAnnealingSampler,
    UncoupledComposite,
)

DEVICE = MockQPUSampler(
    "ideal", topology_type="chimera", topology_shape=[2, 2, 4], num_sweeps=2, seed=0
)
SAMPLERS = [
    DEVICE,
    DWaveQPUSampler(device=DEVICE),
    DimodSampler(dimod.RandomSampler()),
    EmbeddedSampler(DEVICE),
    ExactSampler(),
    GibbsSampler(),
    RecordedSampler(GibbsSampler(), "never-made"),
    SimulatedAnnealingSampler(),
    UncoupledComposite(),
]
OF_SAMPLERS = pytest.mark.parametrize(
    "sampler", SAMPLERS, ids=[type(sampler).__name__ for sampler in SAMPLERS]
)
BY_LABEL = "must be a dict of real numbers by label, or a list of them. Got "
BY_PAIR = "must be a dict of real numbers by pairs of labels. Got "


@OF_SAMPLERS
@pytest.mark.parametrize(
    ("h", "J", "name", "message"),
    [
        ({0: "a"}, {}, "h", BY_LABEL + "'a' for 0 instead."),
        ({0: 1.0, 4: None}, {}, "h", BY_LABEL + "None for 4 instead."),
        ([1.0, 2j], {}, "h", BY_LABEL + "2j for 1 instead."),
        ({0: 10**400}, {}, "h", BY_LABEL + "1000"),
        (None, {}, "h", BY_LABEL + "None instead."),
        (np.ones((1, 2)), {}, "h", BY_LABEL + "array("),
        ({0: 1.0}, {(0, 4): "a"}, "J", BY_PAIR + "'a' for (0, 4) instead."),
        ({0: 1.0}, {4: 1.0}, "J", BY_PAIR + "1.0 for 4 instead."),
        ({0: 1.0}, {(0, 4, 5): 1.0}, "J", BY_PAIR + "1.0 for (0, 4, 5) instead."),
        ({0: 1.0}, None, "J", BY_PAIR + "None instead."),
    ],
)
def test_fields_and_couplings_that_are_none(sampler, h, J, name, message):
    expected = f"The '{name}' parameter of {type(sampler).__name__}.sample_ising {message}"
    with pytest.raises(ValueError, match=re.escape(expected)):
        sampler.sample_ising(h, J)


@OF_SAMPLERS
@pytest.mark.parametrize(
    ("Q", "message"),
    [
        ({(0, 0): "a"}, "'a' for (0, 0) instead."),
        ({(0, 4): None}, "None for (0, 4) instead."),
        ({0: 1.0}, "1.0 for 0 instead."),
        ({(0, 0): 10**400}, "1000"),
        ("ab", "'ab' instead."),
    ],
)
def test_coefficients_that_are_none(sampler, Q, message):
    expected = f"The 'Q' parameter of {type(sampler).__name__}.sample_qubo {BY_PAIR}{message}"
    with pytest.raises(ValueError, match=re.escape(expected)):
        sampler.sample_qubo(Q)


def test_what_dimod_takes_is_drawn():
    sampler = ExactSampler(num_reads=5, seed=0)
    fields = {0: 0.5, 1: -1.0}
    given = [0.5, -1.0], np.array([0.5, -1.0]), {0: np.float32(0.5), 1: -1}
    J = {(0, 1): 1}
    expected = sampler.sample_ising(fields, J)
    for h in given:
        assert (sampler.sample_ising(h, J).record == expected.record).all()
    coefficients = {(0, 0): 1.0, (0, 1): True}
    model = dimod.BinaryQuadraticModel.from_qubo(coefficients)
    drawn = sampler.sample_qubo(coefficients, beta=1.0)
    assert (drawn.record == sampler.sample(model, beta=1.0).record).all()
