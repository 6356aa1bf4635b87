"""Random streams: no two uses of random numbers, and no two steps of one, share theirs."""

import ast
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from qsklearn import samplers
from qsklearn.samplers._chains import run_chains, sweep_at
from qsklearn.samplers._models import SpinModels, check_couplings
from qsklearn.samplers._seeds import make_keys
from qsklearn.samplers._streams import MODULUS, Stream, make_stream_keys, stream_of
from qsklearn.samplers._uniforms import draw_uniforms

SYNTAX = {
    path.stem: ast.parse(path.read_text(encoding="utf-8"))
    for path in Path(samplers.__file__).parent.glob("*.py")
}


def test_uses_are_distinct_and_below_the_modulus():
    """By their names, as an enumeration makes an alias of a number that comes twice.

    0 is nobody's: it would leave the keys as those of which others are made.
    """
    numbers = [use.value for use in Stream.__members__.values()]
    assert len(set(numbers)) == len(numbers)
    assert all(0 < number < MODULUS for number in numbers)


def test_no_two_steps_share_a_stream():
    streams = [stream_of(use, step) for use in Stream for step in range(100)]
    assert len(set(streams)) == len(streams)
    assert [stream_of(use, 0) for use in Stream] == list(Stream)


def test_a_use_is_of_one_file():
    """One use in two files would be two uses with the same random numbers."""
    files = Counter()
    for tree in SYNTAX.values():
        files.update(
            {
                node.attr
                for node in ast.walk(tree)
                if isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id == "Stream"
            }
        )
    assert set(files) <= set(Stream.__members__)
    assert len(files) >= 12 and set(files.values()) == {1}


def test_no_stream_is_a_bare_number():
    n_found = 0
    for name, tree in SYNTAX.items():
        for call in ast.walk(tree):
            if isinstance(call, ast.Call):
                given = [word.value for word in call.keywords if word.arg == "stream"]
                if isinstance(call.func, ast.Name) and call.func.id == "draw_uniforms":
                    given.append(call.args[1])
                assert not any(isinstance(value, ast.Constant) for value in given), name
                n_found += len(given)
    assert n_found > 8  # the search finds them


@pytest.mark.parametrize("seed", [3, np.array([4, 4]), make_keys(5, 2)])
def test_keys_of_streams_differ_in_their_second_word(seed):
    keys = np.array([make_stream_keys(seed, 2, use) for use in Stream])
    assert keys.dtype == np.uint64
    assert len(np.unique(keys[:, 0], axis=0)) == len(Stream)
    np.testing.assert_array_equal(keys - keys[:1], [[[0, use - 1]] * 2 for use in Stream])


def test_keys_at_the_end_of_their_range_wrap_round():
    last = np.full((1, 2), np.iinfo(np.uint64).max)
    np.testing.assert_array_equal(make_stream_keys(last, 1, 3), [[last[0, 0], 2]])


def random_spins(stream, num_reads=1000):
    models = SpinModels(np.zeros((1, 20)), check_couplings(np.zeros((20, 20)), 20, "test"))
    states, _ = run_chains(
        models,
        np.zeros((1, 1)),
        rule="heat_bath",
        num_reads=num_reads,
        seed=1,
        stream=stream,
        num_threads=1,
    )
    return states[0]


def test_draws_of_two_streams_are_independent():
    """Means of products of 20 000 fair spins, within 4.5 standard errors; 136 pairs."""
    streams = [*Stream, *(stream_of(use, 1) for use in (Stream.POPULATION, Stream.TEMPERING))]
    spins = np.array([random_spins(stream).ravel() for stream in streams], float)
    correlations = spins @ spins.T / spins.shape[1]
    pairs = np.triu_indices(len(spins), 1)
    assert (np.abs(correlations[pairs]) < 4.5 / np.sqrt(spins.shape[1])).all()
    np.testing.assert_array_equal(random_spins(Stream.GIBBS), random_spins(2))


def test_uniforms_of_two_streams_are_independent():
    """Correlations of 20 000 uniform numbers, within 4.5 standard errors; 91 pairs."""
    keys = make_keys(1, 1)
    uniforms = np.array([draw_uniforms(keys, use, 20_000)[0] for use in Stream])
    pairs = np.triu_indices(len(uniforms), 1)
    assert (np.abs(np.corrcoef(uniforms)[pairs]) < 4.5 / np.sqrt(20_000)).all()


def test_sweeps_at_a_temperature_are_chains_of_all_spins_at_a_constant_one():
    rng = np.random.default_rng(2)
    couplings = check_couplings([[0, 1.0, 0], [1.0, 0, -0.5], [0, -0.5, 0]], 3, "test")
    models, betas = SpinModels(rng.normal(size=(2, 3)), couplings), np.array([0.5, 2.0])
    words = {"num_reads": 30, "seed": 7, "stream": Stream.GIBBS, "num_threads": 1}
    states, energies = sweep_at(models, betas, 3, **words)
    assert states.shape == (2, 30, 3) and states.dtype == np.int8
    schedule = np.array([[0.5] * 3, [2.0] * 3])
    for keep in (np.arange(3), np.array([2, 0])):
        expected = run_chains(models, schedule, rule="heat_bath", keep=keep, **words)
        np.testing.assert_array_equal(states[..., keep], expected[0])
        np.testing.assert_array_equal(energies, expected[1])
    for model in range(2):
        np.testing.assert_allclose(energies[model], models.energies(model, states[model]))
