"""UncoupledComposite: a composite by dimod's book whose draws see no couplings."""

import dimod
import dimod.testing
import numpy as np
import pytest
import scipy.sparse
from sklearn.base import clone

from qsklearn.samplers import ExactSampler, GibbsSampler, UncoupledComposite

J = np.array([[0.0, -9.0], [-9.0, 0.0]])


@pytest.mark.parametrize("child", ["exact", "gibbs", GibbsSampler(), dimod.RandomSampler()])
def test_composite_api(child):
    composite = UncoupledComposite(child)
    dimod.testing.assert_composite_api(composite)
    dimod.testing.assert_sampler_api(composite)
    assert composite.parameters == composite.child.parameters
    assert composite.child is composite.child  # resolved once
    assert composite.get_params(deep=False) == {"sampler": child}
    assert "child_properties" in composite.properties


def test_a_new_child_is_resolved():
    composite = UncoupledComposite("exact")
    assert isinstance(composite.child, ExactSampler)
    composite.set_params(sampler="gibbs")
    assert isinstance(composite.child, GibbsSampler)
    assert composite.intents == {"thermal"}
    assert clone(composite).sampler == "gibbs"
    assert UncoupledComposite("exact").intents == {"thermal", "ground"}


@pytest.mark.parametrize("couplings", [J, scipy.sparse.csr_array(J), J.tolist()])
def test_arrays(couplings, ising):
    """Chi-square at 1e-4; should it fail, another seed, and see test_law.py."""
    h = np.array([0.4, -0.2])
    states, energies, info = UncoupledComposite("exact").sample_arrays(
        h, couplings, beta=1.0, num_reads=20_000, seed=1
    )
    assert energies is None and info["beta"] == 1.0
    assert ising.p_value(states[0], ising.enumerate(h, np.zeros((2, 2)), 1.0)) > 1e-4


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
def test_models(vartype, ising):
    bqm = dimod.BinaryQuadraticModel({"a": 0.4, "b": -0.2}, {"ab": -9.0}, 2.0, "SPIN")
    bqm.change_vartype(vartype, inplace=True)
    sampleset = UncoupledComposite("exact").sample(bqm, beta=1.0, num_reads=20_000, seed=1)
    assert sampleset.vartype is bqm.vartype
    dimod.testing.assert_sampleset_energies(sampleset, bqm)  # those of the whole model
    assert sampleset.info["beta"] == 1.0 and "timing" in sampleset.info
    states = sampleset.change_vartype("SPIN", inplace=False).record.sample
    law = ising.enumerate(np.array([0.4, -0.2]), np.zeros((2, 2)), 1.0)
    assert ising.p_value(states, law) > 1e-4


def test_occurrences_and_initial_states_pass_through():
    class Aggregating(dimod.RandomSampler):
        def sample(self, bqm, **parameters):
            return super().sample(bqm, **parameters).aggregate()

    composite = UncoupledComposite(Aggregating())
    sampleset = composite.sample_ising({"a": 1.0}, {}, num_reads=50)
    assert sampleset.record.num_occurrences.sum() == 50
    bqm = dimod.BinaryQuadraticModel({"a": 99.0}, {}, 0.0, "BINARY")
    sampleset = UncoupledComposite("gibbs").sample(bqm, initial_states=[{"a": 1}] * 3)
    assert len(sampleset) == 3
