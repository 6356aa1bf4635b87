"""check_sampler: names, objects, and what is refused with which words."""

import sys

import dimod
import pytest
from dwave.samplers import (
    SimulatedAnnealingSampler,
    SteepestDescentSampler,
    TreeDecompositionSolver,
)

from qsklearn import samplers
from qsklearn.samplers import (
    DimodSampler,
    ExactSampler,
    GibbsSampler,
    NealSampler,
    UncoupledComposite,
    check_sampler,
    get_sampler_names,
    get_sampler_status,
)


@pytest.mark.parametrize("name", get_sampler_names())
def test_every_name_makes_a_new_object(name):
    intent = "thermal"
    sampler = check_sampler(name, intent=intent)
    assert isinstance(sampler, getattr(samplers, type(sampler).__name__))
    assert check_sampler(name) is not sampler
    assert get_sampler_status()[name] == ""


def test_none_stands_for_the_default():
    assert isinstance(check_sampler(None), GibbsSampler)
    assert isinstance(check_sampler(None, default="exact"), ExactSampler)


def test_objects_of_ours_are_taken_as_they_are():
    for sampler in (GibbsSampler(seed=1), UncoupledComposite(), DimodSampler(dimod.NullSampler())):
        intent = "ground" if isinstance(sampler, DimodSampler) else "thermal"
        assert check_sampler(sampler, intent=intent) is sampler


def test_foreign_objects_are_wrapped_and_the_known_annealer_is_driven():
    sampler = dimod.RandomSampler()
    wrapped = check_sampler(sampler)
    assert isinstance(wrapped, DimodSampler) and wrapped.sampler is sampler
    for intent in ("thermal", "ground"):
        neal = check_sampler(SimulatedAnnealingSampler(), intent=intent)
        assert isinstance(neal, NealSampler)
    assert isinstance(check_sampler(SteepestDescentSampler(), intent="ground"), DimodSampler)


@pytest.mark.parametrize(
    ("name", "hint"), [("gibs", "gibbs"), ("Exact", "exact"), ("anealing", "annealing")]
)
def test_unknown_names_get_the_choices_and_a_hint(name, hint):
    with pytest.raises(ValueError, match=f"Net must be one of .*Got '{name}' instead.*'{hint}'"):
        check_sampler(name, caller="Net")
    with pytest.raises(ValueError, match=r"Got 'zzz' instead\.$"):
        check_sampler("zzz")


def test_a_class_is_not_an_object():
    with pytest.raises(ValueError, match=r"Got GibbsSampler; write GibbsSampler\(\) instead"):
        check_sampler(GibbsSampler)


class OnlyParameters:
    parameters = {}


class OnlySample:
    def sample(self, bqm):
        return None


class NoReads:
    parameters = {"beta": []}

    def sample(self, bqm):
        return None


def test_missing_capabilities_are_named():
    with pytest.raises(ValueError, match="Got OnlyParameters, which misses `sample`"):
        check_sampler(OnlyParameters())
    with pytest.raises(ValueError, match="Got OnlySample, which misses `parameters`"):
        check_sampler(OnlySample())
    with pytest.raises(ValueError, match="Got float, which misses `sample` and `parameters`"):
        check_sampler(3.0)
    with pytest.raises(ValueError, match="NoReads does not declare `num_reads`"):
        check_sampler(NoReads())
    assert isinstance(check_sampler(NoReads(), intent="ground"), DimodSampler)


@pytest.mark.parametrize("wrap", [lambda sampler: sampler, DimodSampler])
@pytest.mark.parametrize("kind", [dimod.ExactSolver, TreeDecompositionSolver])
def test_enumerators_draw_from_no_law(kind, wrap):
    with pytest.raises(ValueError, match=f"{kind.__name__} enumerates .* sampler='exact'"):
        check_sampler(wrap(kind()))
    assert check_sampler(wrap(kind()), intent="ground").sampler.__class__ is kind


def test_gibbs_searches_no_ground_state():
    for sampler in ("gibbs", GibbsSampler(), UncoupledComposite("gibbs")):
        with pytest.raises(ValueError, match="can do a ground draw.* can do: thermal"):
            check_sampler(sampler, intent="ground")


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setattr("qsklearn.samplers._check._is_installed", lambda package: False)
    assert get_sampler_status()["neal"] == "needs dwave.samplers: pip install 'qsklearn[dwave]'"
    assert get_sampler_status()["gibbs"] == ""
    with pytest.raises(ImportError, match=r"sampler='neal' of Net needs .*qsklearn\[dwave\]"):
        check_sampler("neal", caller="Net")


def test_a_missing_parent_package_is_not_an_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "dwave", None)
    monkeypatch.delitem(sys.modules, "dwave.samplers", raising=False)
    assert "pip install" in get_sampler_status()["neal"]
