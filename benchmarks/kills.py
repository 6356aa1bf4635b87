"""Processes killed at random moments (SIGKILL), and what is left of their work.

Run it from anywhere, on Linux or macOS::

    python benchmarks/kills.py
    python benchmarks/kills.py --only vae search --kills 20
    python benchmarks/kills.py --short

A job runs once to its end: its result is what all others must come to, to the last bit. Then it is
started again and again in an empty folder, killed after a random time that begins when it says that
it works, and started once more to run to its end. Fits and searches have checkpoints. A recording
must hold every call that was answered before the kill, whole, and a cache every embedding.
"""

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from reports import Report, is_short
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV

N_ROWS = 400


def data():
    X, y = load_digits(return_X_y=True)
    return X[:N_ROWS] / 16.0, y[:N_ROWS]


def digest(*arrays):
    """A name for numbers, to the last bit."""
    hashed = hashlib.sha256()
    for array in arrays:
        hashed.update(np.ascontiguousarray(array).tobytes())
    return hashed.hexdigest()


def sampled_mlp(folder):
    from qsklearn import QuantumSampledMLPClassifier

    X, y = data()
    model = QuantumSampledMLPClassifier(
        max_iter=40, random_state=0, checkpoint=folder, checkpoint_interval=3
    ).fit(X, y)
    return digest(*model.coefs_, *model.intercepts_, model.loss_curve_)


def spin_glass(folder):
    from qsklearn import SpinGlassAnnealedNetwork

    X, y = data()
    model = SpinGlassAnnealedNetwork(
        layers=(16,), max_iter=12, random_state=0, checkpoint=folder, checkpoint_interval=1
    ).fit(X, y)
    return digest(model.decision_function(X))


def qubo_transfer(folder):
    from qsklearn import QUBOTransferClassifier

    X, y = data()
    model = QUBOTransferClassifier(
        mode="drbm", random_state=0, checkpoint=folder, checkpoint_interval=5
    ).fit(X, y)
    return digest(model.predict_proba(X))


def vae(folder):
    from qsklearn import QuantumBoltzmannPriorVAE

    X, _ = data()
    model = QuantumBoltzmannPriorVAE(
        n_latent=16, max_iter=25, random_state=0, checkpoint=folder, checkpoint_interval=1
    ).fit(X)
    return digest(model.transform(X))


def grover(folder):
    from qsklearn import GroverBNNClassifier

    X, y = data()
    model = GroverBNNClassifier(n_solutions=11, random_state=0, checkpoint=folder).fit(X, y)
    return digest(model.decision_function(X), *model.weights_)


def search(folder):
    from qsklearn import QuantumSampledMLPClassifier

    X, y = data()
    model = QuantumSampledMLPClassifier(
        max_iter=8, random_state=0, checkpoint=folder, checkpoint_interval=2
    )
    found = GridSearchCV(model, {"n_hidden": [4, 8, 16], "beta_eff": [0.5, 1.0]}, cv=3).fit(X, y)
    scores = [found.cv_results_[f"split{fold}_test_score"] for fold in range(3)]
    return digest(*scores, *found.best_estimator_.coefs_)


def recording(folder):
    from qsklearn.samplers import GibbsSampler, RecordedSampler

    sampler = RecordedSampler(GibbsSampler(num_sweeps=200), Path(folder) / "calls.recording")
    rng = np.random.default_rng(0)
    states = []
    for number in range(120):
        J = rng.normal(size=(30, 30))
        J = (J + J.T) * (1 - np.eye(30)) / 20
        drawn, _, _ = sampler.sample_arrays(np.zeros((1, 30)), J, beta=1.0, num_reads=200, seed=1)
        print(json.dumps({"done": number + 1}), flush=True)
        states.append(drawn)
    return digest(*states)


def embeddings(folder):
    from qsklearn.samplers import MockQPUSampler, find_embedding

    os.environ["QSKLEARN_CACHE_DIR"] = folder
    device = MockQPUSampler(topology_type="chimera", topology_shape=[4, 4, 4])
    found = []
    for number in range(60):
        pairs = np.random.default_rng(number).random((10, 10)) < 0.4
        embedding = find_embedding(10, np.argwhere(np.triu(pairs, 1)), device, seed=0)
        found.append(embedding.chains)
        print(json.dumps({"done": number + 1}), flush=True)
    return hashlib.sha256(repr(found).encode()).hexdigest()


JOBS = {
    "sampled_mlp": sampled_mlp,
    "spin_glass": spin_glass,
    "qubo_transfer": qubo_transfer,
    "vae": vae,
    "grover": grover,
    "search": search,
    "recording": recording,
    "embeddings": embeddings,
}


def kept(name, folder):
    """How many answers or embeddings a folder holds, all of them whole."""
    if name == "recording":
        from qsklearn._recordings import RecordingStore

        path = Path(folder) / "calls.recording"
        store = RecordingStore(path)
        damaged = store.damaged() if path.exists() else []
        if damaged:
            raise AssertionError(f"damaged: {damaged}")
        return sum(1 for _ in store.answers()) if path.exists() else 0
    files = list((Path(folder) / "embeddings").glob("*.json"))
    for file in files:
        json.loads(file.read_text())
    return len(files)


def start(name, folder):
    return subprocess.Popen(
        [sys.executable, __file__, "--job", name, folder], stdout=subprocess.PIPE, text=True
    )


def finish(name, folder):
    """The digest, and the seconds that the work took."""
    process = start(name, folder)
    process.stdout.readline()
    started = time.monotonic()
    *_, last = process.stdout
    if process.wait():
        raise RuntimeError(f"{name} failed")
    return json.loads(last)["digest"], time.monotonic() - started


def kill(name, folder, seconds):
    """What the job said last, killed after so many seconds of work; None if it had ended."""
    process = start(name, folder)
    process.stdout.readline()
    time.sleep(seconds)
    has_ended = process.poll() is not None
    process.send_signal(signal.SIGKILL)
    said = process.communicate()[0].splitlines()
    return None if has_ended else (json.loads(said[-1]) if said and said[-1] else {"done": 0})


def try_one(name, whole, seconds, rng):
    """What came of one kill: in words."""
    with tempfile.TemporaryDirectory() as folder:
        said = kill(name, folder, rng.uniform(0, seconds))
        left = sum(1 for path in Path(folder).rglob("*") if path.is_file())
        if name in ("recording", "embeddings") and said is not None:
            held = kept(name, folder)
            if held < said.get("done", 0):
                return f"lost {said['done'] - held}"
        again, _ = finish(name, folder)
        if again != whole:
            return "another result"
    if said is None:
        return "ended before"
    return "went on" if left else "began anew"


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=JOBS, default=list(JOBS))
    parser.add_argument("--kills", type=int, default=56, help="in all, spread over the jobs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--job", nargs=2, metavar=("NAME", "FOLDER"), help=argparse.SUPPRESS)
    parser.add_argument(
        "--output", type=Path, default=Path(__file__).parent / "results" / "reliability"
    )
    args = parser.parse_args()
    if args.job:
        warnings.simplefilter("ignore")
        print("{}", flush=True)
        print(json.dumps({"digest": JOBS[args.job[0]](args.job[1])}), flush=True)
        return
    args.output.mkdir(parents=True, exist_ok=True)
    n_kills = 1 if is_short() else -(-args.kills // len(args.only))
    rng = random.Random(args.seed)
    rows = []
    for name in args.only:
        with tempfile.TemporaryDirectory() as folder:
            finish(name, folder)  # what is compiled, once
        with tempfile.TemporaryDirectory() as folder:
            whole, seconds = finish(name, folder)
        outcomes = [try_one(name, whole, seconds, rng) for _ in range(n_kills)]
        counts = {word: outcomes.count(word) for word in ("went on", "began anew", "ended before")}
        bad = [word for word in outcomes if word not in counts]
        rows.append(
            [name, f"{seconds:.1f}", n_kills, *counts.values(), ", ".join(bad) or "nothing"]
        )
        print(rows[-1], flush=True)
    report = Report(args.output / "kills.rst", Path(__file__).name)
    report.line(
        "\nEach job was killed at random moments of its work, and started again. It *went on* from "
        "what was saved, or *began anew* where nothing was yet. Lost or different: what is not as "
        "in a job that was never killed, to the last bit.\n"
    )
    report.table(
        ["job", "seconds", "kills", "went on", "began anew", "ended before", "lost or different"],
        rows,
    )


if __name__ == "__main__":
    main()
