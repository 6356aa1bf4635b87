"""A few cases of every public entry point; benchmarks/fuzz.py makes ten thousand."""

import numpy as np
import pytest
from fuzzing import load_entries
from fuzzing.entries import Case, Entry, Public
from fuzzing.oracle import judge
from fuzzing.strategies import Source
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

FEW = settings(
    max_examples=3,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],  # shrinking takes minutes; add it to look closer
    suppress_health_check=list(HealthCheck),
)
ENTRIES = load_entries()


@pytest.mark.parametrize("name", sorted(ENTRIES))
@FEW
@given(data=st.data())
def test_right_or_a_clear_error(name, data):
    verdict, described = ENTRIES[name].run(Source.of_hypothesis(data))
    assert verdict.kind != "defect", f"{described}\n{verdict.text}\n{verdict.detail}"


def test_every_public_name_is_there():
    assert sorted(Public().names) == sorted(ENTRIES), "give it a recipe, or take it out"


# --- the oracle itself ---------------------------------------------------------------------------


def kind_of(call, **arguments):
    verdict = judge(call, arguments, seconds=0.2, check=lambda answer: None)
    return verdict.kind, verdict.text


def hang(x):
    while True:
        pass


def change(x):
    x[0] = 7


def crowd(x):
    import warnings

    for number in range(9):
        warnings.warn(f"that is number {number}", stacklevel=2)


def refuse_in_few_words(x):
    raise ValueError("bad")


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (hang, "hang"),
        (change, "changed its argument 'x'"),
        (crowd, "flood of warnings"),
    ],
)
def test_what_a_call_may_not_do(call, text):
    kind, said = kind_of(call, x=np.zeros(3))
    assert kind == "defect" and text in said


def through_the_package(wrong):
    """A call whose error comes from code of the package, by what its callback raises."""
    from qsklearn._base_estimator import BaseEstimator  # noqa: F401
    from qsklearn._recordings import canonical

    def describe(_):
        raise wrong

    return lambda x: canonical(object(), describe)


@pytest.mark.parametrize(
    "wrong",
    [
        KeyError("a"),
        IndexError("list index out of range"),
        ZeroDivisionError("division by zero"),
        AttributeError("'int' object has no attribute 'shape'"),
        OverflowError("Python int too large to convert to C long"),
        ValueError("bad"),
        ValueError("operands could not be broadcast together with shapes (2,) (3,)"),
    ],
)
def test_errors_that_tell_nothing_are_defects(wrong):
    kind, _ = kind_of(through_the_package(wrong), x=0)
    assert kind == "defect"


def test_an_error_of_our_own_words_is_none():
    from qsklearn.samplers import get_qpu_profile

    assert kind_of(get_qpu_profile, name="nonsense")[0] == "refused"


def test_a_valid_call_that_is_refused_is_a_defect():
    from qsklearn.samplers import get_qpu_profile

    entry = Entry("it", lambda source: Case(get_qpu_profile, {"name": "nonsense"}))
    kinds = {
        entry.run(source)[0].kind
        for source in (Source.of_number("it", number) for number in range(40))
        if not source.is_extreme
    }
    assert "defect" in kinds


def test_a_wrong_answer_is_a_defect():
    def check(answer):
        assert answer == 2

    verdict = judge(lambda x: x, {"x": 1}, seconds=1.0, check=check)
    assert verdict.kind == "defect" and "wrong answer" in verdict.text
