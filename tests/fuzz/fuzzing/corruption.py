"""Files with flipped, cut and overwritten bytes: refused by name, or read as what they were.

A CSV has no digest: a flip that leaves other numbers makes another table, which nobody can tell
from the first. It is refused where its form is broken, and else read as any reader reads it.
"""

import csv
import itertools
import json
import random
import warnings
from dataclasses import dataclass
from functools import cache

import dimod
import networkx as nx
import numpy as np
from sklearn.exceptions import ConvergenceWarning

from fuzzing.oracle import Verdict, judge
from fuzzing.places import new_path
from qsklearn import QuantumSampledMLPClassifier, SpinGlassAnnealedNetwork
from qsklearn.datasets import fetch_mnist, load_table
from qsklearn.samplers import (
    Budget,
    EmbeddedSampler,
    GibbsSampler,
    MockQPUSampler,
    RecordedSampler,
    SimulatedAnnealingSampler,
    _embedding_cache,
    find_embedding,
)

KINDS = ("recording", "checkpoint", "embedding cache", "account", "npz", "csv")
_MODEL = dimod.BinaryQuadraticModel({"a": 0.5, "b": -0.2}, {"ab": -1.0}, 0.0, "SPIN")


@dataclass(frozen=True)
class Damage:
    """What was done to a file.

    Attributes
    ----------
    how : str
    content : bytes
    """

    how: str
    content: bytes


def damage(whole: bytes, rng: random.Random) -> Damage:
    """Flip bits, cut, overwrite, drop or repeat bytes; the result differs."""
    while True:
        how = rng.choice(["flip", "flip", "flip", "cut", "zeros", "dropped", "repeated", "noise"])
        content = bytearray(whole)
        place = rng.randrange(len(content))
        length = min(rng.choice([1, 2, 8, 64, 512]), len(content) - place)
        if how == "flip":
            for _ in range(rng.choice([1, 1, 2, 8])):
                content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        elif how == "cut":
            del content[place:]
        elif how == "zeros":
            content[place : place + length] = bytes(length)
        elif how == "dropped":
            del content[place : place + length]
        elif how == "repeated":
            content[place:place] = content[place : place + length]
        else:
            content[place : place + length] = rng.randbytes(length)
        if bytes(content) != whole:
            return Damage(how, bytes(content))


def run(kind: str, number: int, report=None) -> tuple[Verdict, str]:
    """Damage a file by a number and read it.

    Returns
    -------
    verdict : Verdict
        "refused", "right" (read as it was, or computed again) or "defect".
    described : str
    """
    rng = random.Random(f"{kind}:{number}")
    case = _CASES[kind](rng)
    done = damage(case.whole, rng)
    described = f"{kind}:{number} {case.what} {done.how}, {len(done.content)} bytes"
    if report is not None:
        report(described)
    path = case.write(done.content)
    verdict = judge(lambda: case.read(path), {}, seconds=20.0)
    if verdict.kind == "refused" and not case.is_named(verdict.detail, path):
        return Verdict(
            "defect", f"{kind}: the error does not name the file", verdict.detail
        ), described
    if verdict.kind == "defect":
        return Verdict("defect", f"{kind}: {verdict.text}", verdict.detail), described
    return verdict, described


class _Case:
    """A whole file, where damaged ones go, and how they are read."""

    name = "file"

    def __init__(self, what, whole):
        self.what, self.whole = what, whole

    def write(self, content):
        path = new_path(self.name)
        path.write_bytes(content)
        return path

    def is_named(self, text, path):
        """Whether an error names the file."""
        return str(path) in text


# --- recordings ----------------------------------------------------------------------------------


@cache
def _recordings():
    """Files of several samplers, with what they answered."""
    made = {}
    device = MockQPUSampler(
        "ideal", topology_type="chimera", topology_shape=[2, 2, 4], num_sweeps=5, seed=0
    )
    for name, sampler in {
        "Gibbs": GibbsSampler(num_sweeps=3),
        "annealing": SimulatedAnnealingSampler(num_sweeps=3),
        "device": device,
    }.items():
        path = new_path(f"{name}.recording")
        recorded = RecordedSampler(sampler, path)
        outer = EmbeddedSampler(recorded, num_reads=4) if name == "device" else recorded
        answers = [outer.sample(_MODEL, num_reads=4, seed=seed, beta=1.0) for seed in range(3)]
        made[name] = path.read_bytes(), [np.array(answer.record) for answer in answers]
    return made


class _Recording(_Case):
    name = "calls.recording"

    def __init__(self, rng):
        self._kind = rng.choice(sorted(_recordings()))
        self._seed = rng.randrange(3)
        whole, self._answers = _recordings()[self._kind]
        super().__init__(f"of {self._kind}", whole)

    def read(self, path):
        recorded = RecordedSampler(None, path, mode="replay")
        outer = EmbeddedSampler(recorded, num_reads=4) if self._kind == "device" else recorded
        answer = outer.sample(_MODEL, num_reads=4, seed=self._seed, beta=1.0)
        given, was = np.array(answer.record), self._answers[self._seed]
        assert (given == was).all(), "another answer"


# --- checkpoints ---------------------------------------------------------------------------------


def _networks():
    X, y = np.random.default_rng(0).random((12, 3)), np.arange(12) % 2
    return (
        X,
        y,
        {
            "sampled MLP": QuantumSampledMLPClassifier(2, num_reads=3, max_iter=3, random_state=0),
            "spin glass": SpinGlassAnnealedNetwork(max_iter=3, num_sweeps=3, random_state=0),
        },
    )


@cache
def _checkpoints():
    X, y, networks = _networks()
    made = {}
    for name, network in networks.items():
        folder = new_path("checkpoints")
        network.set_params(checkpoint=str(folder), checkpoint_interval=1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            network.fit(X, y)
        [file] = folder.glob("*.checkpoint")
        made[name] = file.read_bytes(), file.name, network.predict(X)
    return made


class _Checkpoint(_Case):
    def __init__(self, rng):
        self._kind = rng.choice(sorted(_checkpoints()))
        whole, self._file, self._predictions = _checkpoints()[self._kind]
        super().__init__(f"of the {self._kind}", whole)

    def write(self, content):
        folder = new_path("checkpoints")
        folder.mkdir()
        (folder / self._file).write_bytes(content)
        return folder / self._file

    def read(self, path):
        X, y, networks = _networks()
        network = networks[self._kind].set_params(checkpoint=str(path.parent))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            network.fit(X, y)
        assert (network.predict(X) == self._predictions).all(), "another network"


# --- the cache of embeddings ---------------------------------------------------------------------


@cache
def _embedded():
    target = nx.convert_node_labels_to_integers(nx.grid_2d_graph(6, 6))
    edges = list(itertools.combinations(range(4), 2))
    _forget()
    found = find_embedding(4, edges, target, method="minorminer", seed=0)
    [file] = [file for file in _embedding_cache._files() if _holds(file, found)]
    return target, edges, found, file, file.read_bytes()


def _holds(file, found):
    copies = json.loads(file.read_text())["copies"]
    return copies[0] == [list(chain) for chain in found.chains]


def _forget():
    with _embedding_cache._lock:
        _embedding_cache._memory.clear()


class _Embedding(_Case):
    """It is computed again, to the same: seeds decide it, and what is damaged is not used."""

    def __init__(self, _):
        self._target, self._edges, self._found, self._file, whole = _embedded()
        super().__init__("of minorminer", whole)

    def write(self, content):
        self._file.write_bytes(content)
        return self._file

    def read(self, path):
        _forget()
        found = find_embedding(4, self._edges, self._target, method="minorminer", seed=0)
        assert found.chains == self._found.chains, "a damaged embedding was used"
        assert path.read_bytes() == self.whole, "the damaged entry stays"


# --- accounts ------------------------------------------------------------------------------------


@cache
def _account():
    budget = Budget(path=new_path("account"))
    for number in range(40):
        opened = budget.open_call(1e4 + number)
        if number % 3:
            budget.close_call(opened, 1.5e4 + number, "timeout" if number % 5 == 0 else None)
    return budget.path.read_bytes(), budget.spent()


class _Account(_Case):
    """An empty file is a new account: it is what is left of one whose making was interrupted."""

    name = "account"

    def __init__(self, _):
        whole, self._spent = _account()
        super().__init__("of a budget", whole)

    def read(self, path):
        is_empty = not path.stat().st_size
        spent = Budget(path=path).spent()
        assert spent == self._spent or is_empty, "another sum"


# --- data ----------------------------------------------------------------------------------------


@cache
def _arrays():
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, (10, 28, 28), np.uint8), np.arange(10)
    made = {}
    for name, save in {"plain": np.savez, "compressed": np.savez_compressed}.items():
        path = new_path(f"{name}.npz")
        save(path, X=X, y=y)
        made[name] = path.read_bytes()
    return made, X, y


class _Npz(_Case):
    name = "data.npz"

    def __init__(self, rng):
        made, self._X, self._y = _arrays()
        kind = rng.choice(sorted(made))
        self._door = rng.choice(["fetch_mnist", "load_table"])
        super().__init__(f"{kind}, by {self._door},", made[kind])

    def read(self, path):
        if self._door == "load_table":
            data, target = load_table(path, return_X_y=True)
            expected = self._X.reshape(10, -1)
        else:
            data, target = fetch_mnist(path=path, return_X_y=True)
            expected = self._X.reshape(10, -1) / 255.0
        assert np.array_equal(data, expected) and np.array_equal(target, self._y), "other data"


class _Csv(_Case):
    name = "table.csv"

    def __init__(self, rng):
        rows = [
            [f"{rng.uniform(-9, 9):.3f}", f"{rng.randrange(99)}", rng.choice("ab")]
            for _ in range(6)
        ]
        text = "\n".join(["width,count,kind", *map(",".join, rows)]) + "\n"
        super().__init__("", text.encode())

    def read(self, path):
        table = load_table(path)
        with open(path, newline="", encoding="utf-8-sig") as file:
            header, *rows = [row for row in csv.reader(file) if row]
        if not header[0].strip():  # a count of rows, which is no feature
            header, rows = header[1:], [row[1:] for row in rows]
        assert table.feature_names == [name.strip() for name in header[:-1]], "other names"
        numbers = [[float(cell) for cell in row[:-1]] for row in rows]
        assert np.array_equal(table.data, numbers), "other numbers"
        texts = [row[-1].strip() for row in rows]
        same = table.target.astype(str).tolist() == texts
        assert same or np.array_equal(table.target.astype(float), [float(t) for t in texts]), (
            "labels"
        )


_CASES = {
    "recording": _Recording,
    "checkpoint": _Checkpoint,
    "embedding cache": _Embedding,
    "account": _Account,
    "npz": _Npz,
    "csv": _Csv,
}
