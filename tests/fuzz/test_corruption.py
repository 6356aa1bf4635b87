"""A few damaged files of each kind; benchmarks/fuzz.py makes more than a thousand."""

import random

import pytest
from fuzzing.corruption import _CASES, KINDS, damage, run

N_FILES = {
    "recording": 25,
    "checkpoint": 25,
    "embedding cache": 25,
    "account": 60,
    "npz": 60,
    "csv": 60,
}


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_are_refused_by_name_or_read_as_they_were(kind):
    kinds = set()
    for number in range(N_FILES[kind]):
        verdict, described = run(kind, number)
        kinds.add(verdict.kind)
        assert verdict.kind != "defect", f"{described}\n{verdict.text}\n{verdict.detail}"
    # An embedding is computed again; whatever else is damaged is refused.
    assert kinds == {"right"} if kind == "embedding cache" else "refused" in kinds


@pytest.mark.parametrize("kind", KINDS)
def test_whole_files_are_read(kind):
    case = _CASES[kind](random.Random(0))
    case.read(case.write(case.whole))  # which asserts that it is what was written


def test_damage_is_repeated_by_its_number():
    whole = bytes(range(200))
    made = [damage(whole, random.Random(number)).content for number in range(50)]
    again = [damage(whole, random.Random(number)).content for number in range(50)]
    assert made == again and whole not in made
