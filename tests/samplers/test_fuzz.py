"""Whatever Python can pass: a clear error or lawful states, never a crash, a hang or garbage."""

import dimod
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from qsklearn.samplers import check_sampler, get_sampler_names

REFUSED = (ValueError, TypeError, MemoryError, OverflowError)
# neal is dwave-samplers' own code behind the same checks, and slow to start in each call; dwave
# needs an account.
NAMES = [name for name in get_sampler_names() if name not in ("neal", "dwave")]
FUZZ = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

FLOATS = st.one_of(
    st.floats(-10, 10),
    st.sampled_from([0.0, -0.0, 1e-12, 1e12, -1e12, 5e-324, 1e-300, 1e100, 1e308, 3.0, -1.0]),
    st.floats(allow_nan=True, allow_infinity=True),
)
# Small enough to run, or so large that it is refused: nothing between, which would take its time.
COUNTS = st.one_of(
    st.integers(-3, 70),
    st.sampled_from(
        [10**14, 2**63, 2**64, 10**30, -(2**63), True, 1.0, 2.5, np.int8(3), None, "3"]
    ),
)
ANYTHING = st.one_of(
    COUNTS, FLOATS, st.text(max_size=3), st.none(), st.lists(FLOATS, max_size=3), st.just(object())
)
SEEDS = st.one_of(st.integers(-2, 2**130), st.none(), FLOATS, arrays(np.int64, st.integers(0, 3)))


@st.composite
def models(draw):
    n_models, n_spins = draw(st.integers(0, 3)), draw(st.integers(0, 7))
    h = draw(arrays(np.float64, (n_models, n_spins), elements=FLOATS))
    upper = np.triu(draw(arrays(np.float64, (n_spins, n_spins), elements=FLOATS)), 1)
    J = np.where(np.isnan(upper), upper, upper + upper.T)
    return h, J


def check_answer(states, energies, h, J, kept=slice(None)):
    assert states.dtype == np.int8
    assert np.isin(states, (-1, 1)).all()
    if energies is not None and states[..., kept].shape[-1] == h.shape[1]:
        assert np.isfinite(energies).all()
        spins = states.astype(float)
        expected = np.einsum("mri,mi->mr", spins, h)
        expected += 0.5 * np.einsum("mri,ij,mrj->mr", spins, J, spins)
        size = np.abs(h).sum(axis=1, keepdims=True) + np.abs(J).sum()
        # Halves of the smallest subnormal number are lost.
        assert (np.abs(energies - expected) <= 1e-12 * size + 1e-320).all()


def draw_or_refuse(call):
    """The answer, or None where it was refused in words."""
    try:
        return call()
    except REFUSED as error:
        assert str(error)
        return None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
@FUZZ
@given(model=models(), beta=st.one_of(st.none(), FLOATS), seed=st.integers(0, 2**64))
def test_any_biases_at_any_temperature(name, model, beta, seed):
    h, J = model
    sampler = check_sampler(name, intent="ground" if name != "gibbs" else "thermal")
    few = {"num_sweeps": 3} if "num_sweeps" in sampler.parameters else {}
    answer = draw_or_refuse(
        lambda: sampler.sample_arrays(h, J, beta=beta, num_reads=4, seed=seed, **few)
    )
    if answer is None:
        usable = np.isfinite(h).all() and np.isfinite(J).all()
        small = max(np.abs(h).max(initial=0), np.abs(J).max(initial=0)) <= 1e100
        good_beta = (beta is None and name != "gibbs") or (
            beta is not None and np.isfinite(beta) and beta >= 0
        )
        if name == "mock-dwave" and good_beta and beta is not None:
            # What draws at a temperature of its own is programmed with beta times the biases.
            size = np.abs(h).sum(axis=1).max() + np.abs(J).sum()
            with np.errstate(over="ignore"):
                good_beta = np.isfinite(beta * size)
        assert not (usable and small and good_beta), "refused what it should take"
        return
    check_answer(answer[0], answer[1], h, J)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
@FUZZ
@given(data=st.data())
def test_any_parameters(name, data):
    sampler = check_sampler(name, intent="ground" if name != "gibbs" else "thermal")
    h, J = np.array([[0.5, -1.0, 0.0]]), np.array([[0, 1, 0], [1, 0, -2], [0, -2, 0]]) * 1.0
    counted = {"num_reads": COUNTS, "num_sweeps": COUNTS, "seed": SEEDS}
    chosen = data.draw(st.lists(st.sampled_from(sorted(sampler.parameters)), max_size=3))
    words = {name: data.draw(counted.get(name, ANYTHING)) for name in chosen}
    words.pop("initial_states", None)  # arrays: below
    words.pop("clamped", None)
    answer = draw_or_refuse(lambda: sampler.sample_arrays(h, J, **words))
    if answer is not None:
        check_answer(answer[0], answer[1], h, J)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["gibbs", "annealing"])
@FUZZ
@given(data=st.data())
def test_any_arrays(name, data):
    sampler = check_sampler(name)
    n_spins = data.draw(st.integers(1, 4))
    h, J = np.zeros((2, n_spins)), np.ones((n_spins, n_spins)) - np.eye(n_spins)
    shapes = st.sampled_from(
        [(2, 3, n_spins), (2, 3), (3, n_spins), (n_spins,), (), (2, 0, n_spins)]
    )
    some = st.one_of(
        shapes.flatmap(lambda shape: arrays(np.int8, shape, elements=st.sampled_from([-1, 1]))),
        shapes.flatmap(lambda shape: arrays(np.float64, shape, elements=FLOATS)),
        ANYTHING,
    )
    flags = st.one_of(shapes.flatmap(lambda shape: arrays(np.bool_, shape)), ANYTHING)
    whole = st.one_of(st.lists(st.integers(-2, 5), max_size=4), ANYTHING)
    words = {"num_reads": 3, "num_sweeps": 2}
    if data.draw(st.booleans()):
        words["initial_states"] = data.draw(some)
    if name == "gibbs" and data.draw(st.booleans()):
        words["clamped"] = data.draw(flags)
    if data.draw(st.booleans()):
        words["keep"] = data.draw(whole)
    if data.draw(st.booleans()):
        words["groups"] = data.draw(whole)
    if data.draw(st.booleans()):
        words["one_hot"] = data.draw(whole)
    answer = draw_or_refuse(lambda: sampler.sample_arrays(h, J, **words))
    if answer is not None:
        assert answer[0].shape[:2] == (2, 3)
        assert np.isin(answer[0], (-1, 1)).all()


@pytest.mark.parametrize("name", NAMES)
def test_more_memory_than_there_is_is_refused_before_it_is_taken(name):
    sampler = check_sampler(name, intent="ground" if name != "gibbs" else "thermal")
    with pytest.raises(MemoryError, match=r"would need [\d,]+ bytes"):
        sampler.sample_arrays([[0.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]], num_reads=10**14)
    with pytest.raises(MemoryError, match=r"would need [\d,]+ bytes"):
        sampler.sample(
            dimod.BinaryQuadraticModel({"a": 1.0}, {"ab": 1.0}, "SPIN"), num_reads=10**14
        )


# These have no sweeps of their own.
@pytest.mark.parametrize(
    "name", [name for name in NAMES if name not in ("aer", "exact", "mock-dwave")]
)
def test_more_sweeps_than_there_is_memory_for_their_temperatures_are_refused(name):
    sampler = check_sampler(name, intent="ground" if name != "gibbs" else "thermal")
    with pytest.raises(MemoryError, match=r"would need [\d,]+ bytes"):
        sampler.sample_arrays([[0.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]], num_sweeps=10**14)
