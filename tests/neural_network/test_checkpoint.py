"""States of fits on disk: found again, whole, refused by name."""

import functools
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
from sklearn.base import BaseEstimator
from sklearn.preprocessing import OneHotEncoder

from qsklearn import QuantumSampledMLPClassifier
from qsklearn.neural_network._checkpoint import Checkpoint, CheckpointError
from qsklearn.samplers import DimodSampler, EmbeddedSampler, GibbsSampler, MockQPUSampler

X = np.arange(6.0).reshape(3, 2)
STATE = {
    "arrays": [np.arange(3), np.array([[0.5, np.nan]])],
    "numbers": [1, -0.0, float("inf"), True, None, 2**100],
    "nested": {"empty": [], "word": "å", "flags": np.array([True, False])},
}


class Learner(BaseEstimator):
    def __init__(self, checkpoint=None, rate=0.1, sampler=None, n_jobs=None, random_state=0):
        self.checkpoint, self.rate, self.sampler = checkpoint, rate, sampler
        self.n_jobs, self.random_state = n_jobs, random_state
        self.checkpoint_interval = 1


def keep(folder, *data, start=(), **parameters):
    return Checkpoint(Learner(folder, **parameters), list(start), *(data or (X,)))


def test_a_state_comes_back_to_the_last_bit(tmp_path):
    checkpoint = keep(tmp_path)
    assert checkpoint.load() is None
    checkpoint.save(lambda: STATE)
    found = keep(tmp_path).load()
    assert found["numbers"] == STATE["numbers"]
    assert np.signbit(found["numbers"][1])
    assert found["nested"]["empty"] == [] and found["nested"]["word"] == "å"
    for array, original in zip(
        [*found["arrays"], found["nested"]["flags"]],
        [*STATE["arrays"], STATE["nested"]["flags"]],
        strict=True,
    ):
        np.testing.assert_array_equal(array, original)
        assert array.dtype == original.dtype
    found["arrays"][0][0] = 5  # it can be trained further


def test_without_a_folder_nothing_is_kept():
    checkpoint = Checkpoint(Learner(random_state=None), [], X)
    checkpoint.save(lambda: pytest.fail("nothing is asked for"))
    assert checkpoint.load() is None and checkpoint.path is None
    assert Checkpoint().load() is None


def test_saved_every_so_many_iterations_and_at_the_end(tmp_path):
    checkpoint = keep(tmp_path)
    checkpoint._interval = 3
    for n_iter in range(1, 6):
        checkpoint.save(lambda n=n_iter: n, n_iter)
    assert checkpoint.load() == 3
    checkpoint.save(lambda: 5)
    assert checkpoint.load() == 5


@pytest.mark.parametrize(
    "other",
    [
        lambda folder: keep(folder, rate=0.2),
        lambda folder: keep(folder, sampler=GibbsSampler()),
        lambda folder: keep(folder, random_state=1),
        lambda folder: keep(folder, X + 1e-12),
        lambda folder: keep(folder, X.T.copy()),
        lambda folder: keep(folder, X, None),
        lambda folder: keep(folder, scipy.sparse.csr_array(X)),
        lambda folder: keep(folder, start=[1]),
    ],
)
def test_another_fit_has_another_file(tmp_path, other):
    assert keep(tmp_path).path != other(tmp_path).path


def test_what_does_not_decide_the_fit_does_not_name_it(tmp_path):
    assert keep(tmp_path, n_jobs=4).path == keep(tmp_path).path


def test_parameters_of_samplers_count_and_so_does_what_is_wrapped(tmp_path):
    paths = {
        keep(tmp_path, sampler=sampler).path
        for sampler in (
            GibbsSampler(num_sweeps=5),
            GibbsSampler(num_sweeps=6),
            DimodSampler(GibbsSampler()),
            DimodSampler(GibbsSampler(), params={"num_reads": 2}),
            object(),
        )
    }
    assert len(paths) == 5
    assert keep(tmp_path, sampler=GibbsSampler(num_sweeps=5)).path in paths
    assert keep(tmp_path, sampler=lambda: None) is not None


def test_classes_among_parameters_count_by_their_names(tmp_path):
    class Local:
        pass

    things = [OneHotEncoder(), OneHotEncoder(dtype=np.float32), Local, Local()]
    paths = [keep(tmp_path, sampler=thing).path for thing in things]
    assert len(set(paths)) == 4
    assert keep(tmp_path, sampler=OneHotEncoder(dtype=np.float64)).path == paths[0]


def make_function(strength, is_edited=False):
    def constant(bqm):
        return strength

    def edited(bqm):
        return strength + 1

    edited.__name__ = constant.__name__
    edited.__qualname__ = constant.__qualname__
    return edited if is_edited else constant


def make_object(inner=1.0, class_attribute=1.0, function=None):
    class Sampler:
        setting = class_attribute
        __slots__ = ("function",)

        def __init__(self):
            self.function = function

        def sample(self, x):
            return self.sample(inner) if x in {"ground", "thermal"} else inner

        @property
        def beta(self):
            return inner

    return Sampler()


OBJECTS = [
    lambda: make_function(1.0),
    lambda: make_function(2.0),
    lambda: make_function(1.0, is_edited=True),
    lambda: functools.partial(make_function(1.0), 2),
    lambda: EmbeddedSampler(MockQPUSampler("advantage"), chain_strength=make_function(1.0)),
    lambda: EmbeddedSampler(MockQPUSampler("advantage"), chain_strength=make_function(2.0)),
    make_object,
    lambda: make_object(inner=2.0),
    lambda: make_object(class_attribute=2.0),
    lambda: make_object(function=make_function(1.0)),
    lambda: make_object(function=make_function(2.0)),
    lambda: make_object(function=np.tanh),
]


def test_what_functions_and_classes_do_counts_and_not_their_names_alone(tmp_path):
    paths = [keep(tmp_path, sampler=make()).path for make in OBJECTS]
    assert len(set(paths)) == len(OBJECTS)
    assert [keep(tmp_path, sampler=make()).path for make in OBJECTS] == paths


SCRIPT = """
import sys
sys.path[:0] = sys.argv[1:]
from qsklearn._recordings import canonical
from qsklearn.neural_network._object_identity import describe
from test_checkpoint import OBJECTS
print([canonical(make(), lambda thing: describe(thing, "Learner")) for make in OBJECTS])
"""


def test_the_same_in_another_process():
    here = str(Path(__file__).parent)
    printed = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT, here], capture_output=True, text=True, check=True,
            env=os.environ | {"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert printed[0] == printed[1] and "class" in printed[0]


def test_a_function_that_calls_itself(tmp_path):
    def sampler(n):
        return n and sampler(n - 1)

    assert keep(tmp_path, sampler=sampler).path != keep(tmp_path, sampler=np.tanh).path


def test_what_cannot_be_told_apart_is_told(tmp_path):
    class Connected:
        def __init__(self):
            self.lock = threading.Lock()

    with pytest.warns(UserWarning, match="Connected among the parameters of Learner cannot be pic"):
        keep(tmp_path, sampler=Connected())


@pytest.mark.parametrize("how", ["flip", "cut", "empty", "foreign"])
def test_damage_is_refused_by_name(tmp_path, how):
    checkpoint = keep(tmp_path)
    checkpoint.save(lambda: STATE)
    whole = checkpoint.path.read_bytes()
    for at in range(0, len(whole), 7):
        damaged = {
            "flip": whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :],
            "cut": whole[:at],
            "empty": b"",
            "foreign": b"PK" + whole,
        }[how]
        checkpoint.path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match=re.escape(str(checkpoint.path))):
            checkpoint.load()
        assert checkpoint.path.read_bytes() == damaged


def test_what_cannot_be_read_is_refused_by_name(tmp_path):
    checkpoint = keep(tmp_path)
    checkpoint.path.mkdir()
    with pytest.raises(
        CheckpointError, match=r"\.checkpoint' of Learner cannot be read: .* Delete"
    ):
        checkpoint.load()


def test_other_versions_are_refused(tmp_path, monkeypatch):
    checkpoint = keep(tmp_path)
    checkpoint.save(lambda: STATE)
    monkeypatch.setattr("qsklearn.neural_network._checkpoint._version", lambda: "9.0")
    with pytest.raises(CheckpointError, match=r"written by qsklearn .* this is qsklearn 9\.0"):
        checkpoint.load()


@pytest.mark.parametrize("random_state", [None, np.random.RandomState(0)])
def test_a_fit_that_would_be_another_is_refused(tmp_path, random_state):
    with pytest.raises(ValueError, match="'random_state' parameter of Learner must be an int"):
        keep(tmp_path, random_state=random_state)


def test_folders_are_made_and_files_in_their_place_refused(tmp_path):
    assert keep(tmp_path / "a" / "b").path.parent.is_dir()
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match=r"must be a folder .* Got '.*file' instead"):
        keep(tmp_path / "file")
    with pytest.raises(
        CheckpointError, match=r"must be a folder .* Got '' instead: it has no name"
    ):
        keep("")


def test_a_full_disk_ends_the_saving_and_not_the_training(tmp_path, monkeypatch):
    checkpoint = keep(tmp_path)
    checkpoint.save(lambda: 1)

    def fail(*_):
        raise OSError(28, "No space left on device", "x")

    monkeypatch.setattr("qsklearn.neural_network._checkpoint.replace_file", fail)
    with pytest.warns(UserWarning, match="No space left on device") as caught:
        checkpoint.save(lambda: 2)
    assert caught[0].filename == __file__
    checkpoint.save(lambda: 3)  # no second warning
    assert keep(tmp_path).load() == 1


def test_what_killed_processes_left_is_swept_up(tmp_path):
    checkpoint = keep(tmp_path)
    left, recent = (checkpoint.path.with_name(f".{checkpoint.path.name}.{n}.tmp") for n in "ab")
    for path in (left, recent):
        path.write_text("half")
    os.utime(left, (0, 0))
    checkpoint.load()
    assert not left.exists() and recent.exists()


def test_the_parameter_is_checked():
    with pytest.raises(ValueError, match="'checkpoint' parameter of QuantumSampledMLP"):
        QuantumSampledMLPClassifier(checkpoint=5).fit(X, [0, 1, 0])
    with pytest.raises(ValueError, match="'checkpoint_interval' parameter"):
        QuantumSampledMLPClassifier(checkpoint_interval=0).fit(X, [0, 1, 0])
