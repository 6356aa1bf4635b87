"""Processes, threads and Ctrl-C: the same results and no crash."""

import multiprocessing
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest

from qsklearn.samplers import ExactSampler, GibbsSampler, NealSampler, SimulatedAnnealingSampler

KINDS = (SimulatedAnnealingSampler, GibbsSampler, ExactSampler, NealSampler)


def draw(kind, seed=3):
    rng = np.random.default_rng(1)
    h, J = rng.normal(size=(20, 10)), np.triu(rng.normal(size=(10, 10)), 1)
    arguments = {} if kind is NealSampler else {"num_threads": 2}
    sampler = kind(num_reads=70, seed=seed, **arguments)
    return sampler.sample_arrays(h, J + J.T, beta=1.0)[0]


def run(code):
    """Run code in a new interpreter, warnings as errors, and return what it printed."""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
# Python 3.12 warns that forking a process with threads is risky: that is what is tested.
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_forked_children_sample_after_their_parent_did():
    expected = [draw(kind) for kind in KINDS]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        drawn = pool.map_async(draw, KINDS * 2).get(timeout=60)
    for states, parents in zip(drawn, expected * 2, strict=True):
        np.testing.assert_array_equal(states, parents)


def test_spawned_workers_give_the_same_results():
    """joblib's loky starts new interpreters."""
    expected = [draw(kind) for kind in KINDS]
    samplers = [kind(num_reads=70, seed=3) for kind in KINDS]
    rng = np.random.default_rng(1)
    h, J = rng.normal(size=(20, 10)), np.triu(rng.normal(size=(10, 10)), 1)
    drawn = joblib.Parallel(n_jobs=2)(
        joblib.delayed(sampler.sample_arrays)(h, J + J.T, beta=1.0) for sampler in samplers
    )
    for (states, _, _), parents in zip(drawn, expected, strict=True):
        np.testing.assert_array_equal(states, parents)


@pytest.mark.parametrize("kind", KINDS)
def test_two_threads_at_once_give_the_same_results(kind):
    expected = [draw(kind, seed) for seed in range(8)]
    with ThreadPoolExecutor(2) as pool:
        drawn = list(pool.map(lambda seed: draw(kind, seed), range(8)))
    np.testing.assert_array_equal(drawn, expected)


@pytest.mark.skipif(sys.platform == "win32", reason="no POSIX signals")
def test_ctrl_c_returns_what_was_reached_and_leaves_the_process_usable():
    """All kernels end within a sweep, also with one thread, and the pool's threads end."""
    output = run("""
        import os, signal, threading, time, warnings
        import numpy as np
        from qsklearn.samplers import SimulatedAnnealingSampler

        warnings.simplefilter("ignore")
        h, J = np.zeros((1, 100)), np.ones((100, 100)) - np.eye(100)
        sampler = SimulatedAnnealingSampler(num_reads=4000, seed=1)
        sampler.sample_arrays(h, J, num_sweeps=1)
        for num_threads in (1, 2):
            threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
            started = time.monotonic()
            states, energies, info = sampler.sample_arrays(
                h, J, num_sweeps=10**6, num_threads=num_threads
            )
            print(info["stop_reason"], states.shape, time.monotonic() - started < 10)
            assert (abs(states) == 1).all() and np.isfinite(energies).all()
        print(sampler.sample_arrays(h, J, num_sweeps=1)[2]["stop_reason"], threading.active_count())
    """)
    assert output.split("\n")[:3] == [*["KeyboardInterrupt (1, 4000, 100) True"] * 2, "None 1"]


def test_one_compiled_signature_a_kernel():
    """Whatever is asked of the samplers, no kernel is compiled twice: a second costs seconds."""
    output = run("""
        import dimod, numpy as np, scipy.sparse
        from qsklearn._kernels import _closed_form, _colouring, _dense_annealing, _sparse_annealing
        from qsklearn.samplers import ExactSampler, GibbsSampler, SimulatedAnnealingSampler
        from qsklearn.samplers import _chains

        h32 = np.zeros((3, 4), np.float32)
        J = np.zeros((4, 4)); J[0, 1:] = J[1:, 0] = 1.0
        fixed = np.zeros((3, 4)); fixed.flags.writeable = False
        starts = np.ones((3, 5, 4), np.int8); starts.flags.writeable = False
        bqm = dimod.BinaryQuadraticModel({"a": 1}, {"ab": 1}, 0, "BINARY")

        def use(sampler, chains):
            for h in (h32, h32 + 0.3, np.zeros((3, 4)), fixed, np.asfortranarray(h32), [0] * 4):
                for matrix in (J, np.asfortranarray(J), scipy.sparse.csc_array(J), J.astype(int)):
                    for options in (
                        {}, {"num_threads": 2, "num_reads": 70}, {"keep": [1]}, {"keep": []},
                        {"seed": 3}, {"beta": 1}, {"beta": np.float32(0.5), "num_reads": 1},
                    ):
                        sampler.sample_arrays(h, matrix, **options)
            sampler.sample_arrays(h32, np.stack([J, 2 * J]), groups=[0, 1, 0])
            sampler.sample_arrays(h32, J, seed=np.array([1, 2, 3], np.uint8))
            sampler.sample_arrays(h32, J, one_hot=(1, 4))
            sampler.sample(bqm, seed=1)
            if chains:
                sampler.sample_arrays(fixed, J, initial_states=starts, num_reads=5)
                sampler.sample_arrays(fixed, J, initial_states=starts.tolist(), num_reads=5)
                sampler.sample(bqm, initial_states={"a": 1, "b": 0})

        for dense_degree in (150, 0):
            _chains._DENSE_DEGREE, _chains._DENSE_FRACTION = dense_degree, 0
            for sampler in (GibbsSampler(), SimulatedAnnealingSampler(num_sweeps=3)):
                use(sampler, chains=True)
        use(ExactSampler(), chains=False)
        for module, name in (
            *(
                (module, rule + kind + width)
                for module, widths in (
                    (_sparse_annealing, ("", "_narrow")), (_dense_annealing, ("",)),
                )
                for rule in ("metropolis", "heat_bath")
                for kind in ("", "_of_integers")
                for width in widths
            ),
            (_closed_form, "draw"), (_colouring, "colour"),
        ):
            print(module.__name__.split(".")[-1], name, len(getattr(module, name).signatures))
    """)
    assert [line.split()[-1] for line in output.splitlines()] == ["1"] * 14, output
