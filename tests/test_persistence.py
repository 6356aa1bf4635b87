"""What is saved: by pickle, joblib and skops, of every estimator; and what never is."""

import io
import pickle
import re
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

import qsklearn.neural_network
import qsklearn.preprocessing
import qsklearn.samplers
from qsklearn import (
    GroverBNNClassifier,
    QuantumBoltzmannPriorVAE,
    QuantumSampledMLPClassifier,
    QUBOTransferClassifier,
    SpinGlassAnnealedNetwork,
    SpinGlassAnnealedRegressor,
)
from qsklearn._base_estimator import BaseEstimator
from qsklearn.neural_network import (
    BackpropagationNetworkClassifier,
    BackpropagationNetworkRegressor,
    layers,
)
from qsklearn.preprocessing import ThermometerEncoder
from qsklearn.samplers import (
    Budget,
    DimodSampler,
    DWaveQPUSampler,
    EmbeddedSampler,
    ExactSampler,
    GibbsSampler,
    ImaginaryTimeCircuitSampler,
    MockQPUSampler,
    NealSampler,
    ParallelTemperingSampler,
    PathIntegralAnnealingSampler,
    PopulationAnnealingSampler,
    RecordedSampler,
    SimulatedAnnealingSampler,
    UncoupledComposite,
    find_embedding,
    get_qpu_profile,
)

io_of_skops = pytest.importorskip("skops.io")
torch = pytest.importorskip("torch")

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore:.*stopped at max_iter"
)

PAGE = Path(__file__).parent.parent / "docs" / "persistence.rst"

FOLDER = Path(tempfile.mkdtemp())
# As text: a path is an object of its own, about which skops asks.
RECORDING = str(FOLDER / "calls.recording")

X, Y = load_iris(return_X_y=True)
X = MinMaxScaler().fit_transform(X)[::4]
Y = Y[::4]
# No arithmetic of a fit makes these 8 bytes again.
MARK = 0.1234567890123
X[7, 2] = MARK
IMAGES = np.random.default_rng(0).random((24, 36))
CHIP = {"topology_type": "chimera", "topology_shape": [4, 4, 4], "seed": 0}


def module(*first):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        n_inputs = 64 if first else 4
        return torch.nn.Sequential(
            *first, torch.nn.Linear(n_inputs, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3)
        )


def convolutional_module():
    return module(
        torch.nn.Conv2d(1, 4, 3, padding="same"),
        torch.nn.BatchNorm2d(4),
        torch.nn.ReLU(),
        torch.nn.AvgPool2d((2, 2), stride=None),
        torch.nn.Dropout(0.5),
        torch.nn.AdaptiveMaxPool2d((4, 4)),
        torch.nn.Flatten(),
    )


def sampled_mlp(**words):
    words = {"n_hidden": 3, "num_reads": 10, "max_iter": 3, "random_state": 0, **words}
    return QuantumSampledMLPClassifier(**words)


def transfer(estimator, **words):
    return QUBOTransferClassifier(estimator, random_state=0, **words)


def mlp(activation="logistic"):
    return MLPClassifier((4,), activation=activation, max_iter=20, random_state=0)


def vae(**words):
    words = {"n_latent": 16, "hidden_layer_sizes": (8,), "max_iter": 2, "random_state": 0, **words}
    return QuantumBoltzmannPriorVAE(**words)


NAMES = list("abcd")
LABELS = np.column_stack([X[:, 0] > 0.5, X[:, 1] > 0.5]).astype(int)
BITS = (IMAGES > 0.5).astype(float)
CODES = np.arange(24) % 3

# name -> a function of an estimator, its rows and targets
MODELS = {
    "sampled MLP": lambda: (sampled_mlp(), X, Y),
    "sampled MLP, words for classes": lambda: (sampled_mlp(), X, np.array(list("pqr"))[Y]),
    "sampled MLP, labels": lambda: (sampled_mlp(predict_with="ebm"), X, LABELS),
    "sampled MLP, equilibrium": lambda: (sampled_mlp(gradient="equilibrium"), X, Y),
    "sampled MLP, early stopping": lambda: (
        sampled_mlp(early_stopping=True, sampler=GibbsSampler(num_sweeps=3)), X, Y,
    ),
    "sampled MLP, mock QPU": lambda: (
        sampled_mlp(sampler=MockQPUSampler("ideal", **CHIP), beta_eff=2.0), X, Y,
    ),
    "sampled MLP, recorded": lambda: (
        sampled_mlp(sampler=RecordedSampler(SimulatedAnnealingSampler(num_sweeps=4), RECORDING)),
        X, Y,
    ),
    "sampled MLP, dimod": lambda: (
        sampled_mlp(sampler=DimodSampler(NealSampler(num_sweeps=4)), beta_eff=1.0, max_iter=2), X, Y
    ),
    "spin-glass, classifier": lambda: (SpinGlassAnnealedNetwork(max_iter=2, random_state=0), X, Y),
    "spin-glass, images": lambda: (
        SpinGlassAnnealedNetwork(
            [layers.Convolution(2, 3), layers.Activation(), layers.AveragePool(2),
             layers.SpectralPool(1), layers.Flatten(), layers.Linear(3)],
            image_shape=(1, 6, 6), max_iter=2, random_state=0,
        ),
        IMAGES, CODES,
    ),
    "spin-glass, regressor": lambda: (
        SpinGlassAnnealedRegressor((4,), sampler="path-integral", max_iter=2, random_state=0),
        X, X[:, :2],
    ),
    "backpropagation, classifier": lambda: (
        BackpropagationNetworkClassifier((4,), max_iter=2, random_state=0), X, Y,
    ),
    "backpropagation, regressor": lambda: (
        BackpropagationNetworkRegressor((4,), max_iter=2, random_state=0), X, X[:, 0],
    ),
    "transfer, logistic regression": lambda: (transfer(LogisticRegression()), X, Y),
    "transfer, pipeline": lambda: (
        transfer(make_pipeline(MinMaxScaler(), mlp("tanh")), mode="float", sampler="gibbs"), X, Y,
    ),
    "transfer, network": lambda: (transfer(mlp(), mode="network", num_reads=5), X, Y),
    "transfer, calibrated": lambda: (transfer(mlp(), validation_fraction=0.3), X, Y),
    "transfer, mock QPU": lambda: (
        transfer(LogisticRegression(), sampler=MockQPUSampler("ideal", **CHIP)), X, Y,
    ),
    "transfer, module": lambda: (transfer(module()), X, Y),
    "transfer, frozen module": lambda: (transfer(FrozenEstimator(module()), mode="float"), X, Y),
    "transfer, convolutions": lambda: (
        transfer(convolutional_module(), image_shape=(1, 8, 8)), np.tile(IMAGES, (1, 2))[:, :64],
        CODES,
    ),
    "transfer, of its own": lambda: (transfer(None, n_hidden=(3,), mode="drbm"), X, Y),
    "transfer, images of its own": lambda: (
        transfer(None, n_hidden=(3,), image_shape=(1, 6, 6)), IMAGES, CODES,
    ),
    "transfer, twin of images": lambda: (
        transfer(None, n_hidden=(3,), image_shape=(1, 6, 6)).classical_twin(), IMAGES, CODES,
    ),
    "transfer, twin of a module": lambda: (transfer(module()).classical_twin(), X, Y),
    "Boltzmann-prior VAE": lambda: (vae(), BITS, None),
    "Boltzmann-prior VAE, labels": lambda: (vae(), BITS, CODES),
    "Boltzmann-prior VAE, warm start": lambda: (vae(warm_start=True), BITS, None),
    "Grover network": lambda: (GroverBNNClassifier(2, n_bits=4, random_state=0), X, Y),
    "Grover network, blocks": lambda: (
        GroverBNNClassifier(2, n_bits=3, search="block", n_solutions=2, random_state=0), X, Y,
    ),
    "thermometer encoder": lambda: (ThermometerEncoder(n_bits=5), X, Y),
}  # fmt: skip

SAMPLERS = [
    SimulatedAnnealingSampler(num_sweeps=5),
    GibbsSampler(num_sweeps=3),
    PathIntegralAnnealingSampler(num_sweeps=5),
    PopulationAnnealingSampler(),
    ParallelTemperingSampler(),
    ExactSampler(),
    NealSampler(num_sweeps=5),
    MockQPUSampler("ideal", **CHIP),
    MockQPUSampler(get_qpu_profile("ideal"), **CHIP),
    EmbeddedSampler(MockQPUSampler("ideal", **CHIP)),
    EmbeddedSampler(
        MockQPUSampler("ideal", **CHIP),
        embedding=find_embedding(2, [(0, 1)], MockQPUSampler("ideal", **CHIP), labels=[0, 4]),
    ),
    DimodSampler(GibbsSampler(num_sweeps=3), {"num_sweeps": 4}),
    UncoupledComposite(GibbsSampler(num_sweeps=3)),
    RecordedSampler(GibbsSampler(num_sweeps=3), RECORDING),
    ImaginaryTimeCircuitSampler(),
    DWaveQPUSampler(budget=Budget(max_queries=5)),
]


def name_of(sampler):
    return f"{type(sampler).__name__}-{SAMPLERS.index(sampler)}"


@cache
def fitted(name):
    """A model and its rows."""
    model, rows, targets = MODELS[name]()
    return model.fit(rows, targets), rows


def outputs(model, rows):
    """All that it says of some rows."""
    methods = ("predict", "predict_proba", "decision_function", "transform")
    return {name: getattr(model, name)(rows) for name in methods if hasattr(model, name)}


def draws(sampler):
    """States and energies; of a device that is not there nothing."""
    if isinstance(sampler, DWaveQPUSampler):
        return {}
    answer = sampler.sample_ising({0: 0.5, 4: -1.0}, {(0, 4): 0.3}, num_reads=6, seed=1)
    return {"states": answer.record.sample, "energies": answer.record.energy}


def assert_same(said, before):
    assert said.keys() == before.keys()
    for name, values in before.items():
        np.testing.assert_array_equal(said[name], values, err_msg=name)


def untrusted(thing):
    return io_of_skops.get_untrusted_types(data=io_of_skops.dumps(thing))


def through_pickle(thing):
    return pickle.loads(pickle.dumps(thing))


def through_joblib(thing):
    file = io.BytesIO()
    joblib.dump(thing, file)
    return joblib.load(file)


def through_skops(thing):
    return io_of_skops.loads(io_of_skops.dumps(thing), trusted=untrusted(thing))


WAYS = [through_pickle, through_joblib, through_skops]


# --- there and back -----------------------------------------------------------------------------


def test_every_public_estimator_is_here():
    rooms = (qsklearn.neural_network, qsklearn.preprocessing, qsklearn.samplers)
    public = {
        thing.__name__
        for room in rooms
        for thing in (getattr(room, name) for name in room.__all__)
        if isinstance(thing, type) and hasattr(thing, "get_params")
    }
    here = {type(MODELS[name]()[0]).__name__ for name in MODELS} | {
        type(sampler).__name__ for sampler in SAMPLERS
    }
    assert public - here == set()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", MODELS)
def test_what_is_loaded_predicts_the_same(name, way):
    model, rows = fitted(name)
    said = outputs(model, rows)
    assert said
    again = way(model)
    assert_same(outputs(again, rows), said)
    assert_same(outputs(way(again), rows), said)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("sampler", SAMPLERS, ids=name_of)
def test_samplers_that_are_loaded_draw_the_same(sampler, way):
    again = way(sampler)
    assert repr(again) == repr(sampler)
    assert_same(draws(again), draws(clone(sampler)))


def load_all(folder):
    """In a process of its own: load what the test below has saved, and save what it says."""
    for file in sorted(Path(folder).glob("*.pickle")):
        rows = np.load(file.with_suffix(".npy"))
        stored = file.with_suffix(".skops")
        trusted = io_of_skops.get_untrusted_types(file=stored)
        loaded = (
            pickle.loads(file.read_bytes()),
            joblib.load(file.with_suffix(".joblib")),
            io_of_skops.load(stored, trusted=trusted),
        )
        said = [outputs(model, rows) for model in loaded]
        file.with_suffix(".said").write_bytes(pickle.dumps(said))


def test_a_fresh_process_predicts_the_same(tmp_path):
    for name in MODELS:
        model, rows = fitted(name)
        file = tmp_path / f"{name}.pickle"
        file.write_bytes(pickle.dumps(model))
        joblib.dump(model, file.with_suffix(".joblib"))
        io_of_skops.dump(model, file.with_suffix(".skops"))
        np.save(file.with_suffix(".npy"), rows)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import torch; torch.set_num_threads(1); "
        "import test_persistence; test_persistence.load_all(sys.argv[2])"
    )
    folder = Path(__file__).parent
    subprocess.run([sys.executable, "-c", code, str(folder), str(tmp_path)], check=True)
    for name in MODELS:
        model, rows = fitted(name)
        for said in pickle.loads((tmp_path / f"{name}.said").read_bytes()):
            assert_same(said, outputs(model, rows))


# --- histories ----------------------------------------------------------------------------------

GROWING = {
    "sampled MLP": (
        sampled_mlp(n_iter_no_change=99, diagnostics=True, early_stopping=True), X, Y,
        ["loss_curve_", "gradient_cosine_", "validation_scores_"],
    ),
    "spin-glass": (SpinGlassAnnealedNetwork((4,), random_state=0), X, Y, ["loss_curve_"]),
    "backpropagation": (
        BackpropagationNetworkClassifier((4,), n_iter_no_change=99, random_state=0), X, Y,
        ["loss_curve_"],
    ),
    "Boltzmann-prior VAE": (vae(), BITS, None, ["history_"]),
}  # fmt: skip


@pytest.mark.parametrize("name", GROWING)
def test_an_iteration_adds_less_than_300_bytes(name):
    """In lists skops writes as much for a single number."""
    model, rows, targets, _ = GROWING[name]
    short, long = (clone(model).set_params(max_iter=n).fit(rows, targets) for n in (2, 22))
    assert len(io_of_skops.dumps(long)) - len(io_of_skops.dumps(short)) < 20 * 300
    assert len(pickle.dumps(long)) - len(pickle.dumps(short)) < 20 * 300


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", GROWING)
def test_histories_are_lists_of_pythons_numbers_there_and_back(name, way):
    model, rows, targets, histories = GROWING[name]
    model = clone(model).set_params(max_iter=3).fit(rows, targets)
    again = way(model)
    for history in histories:
        known = getattr(model, history)
        columns = list(known.values()) if isinstance(known, dict) else [known]
        assert all(type(column) is list and len(column) == 3 for column in columns)
        assert {type(number) for column in columns for number in column} <= {float, int}
        # As texts: NaN is not NaN.
        assert repr(getattr(again, history)) == repr(known)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["sampled MLP", "spin-glass", "backpropagation"])
def test_training_goes_on_from_a_file_as_from_the_fit(name, way):
    model, rows, targets, histories = GROWING[name]
    model = clone(model).set_params(max_iter=2, warm_start=True).fit(rows, targets)
    again = way(model).fit(rows, targets)
    model.fit(rows, targets)
    assert len(again.loss_curve_) == 4
    for history in histories:
        assert getattr(again, history) == getattr(model, history)


def test_lists_of_older_files_stay_lists():
    model, _ = fitted("spin-glass, classifier")
    state = model.__getstate__() | {"loss_curve_": [0.5, 0.25]}
    again = SpinGlassAnnealedNetwork()
    again.__setstate__(state)
    assert again.loss_curve_ == [0.5, 0.25]


# --- what has to be trusted ---------------------------------------------------------------------


def types_on_the_page():
    """Pairs of a type and what it is part of, from the page's tables."""
    text = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"\* - ``([\w.]+)``\n     - (.+)", text)
    return {(kind, part) for kind, parts in rows for part in parts.split(", ")}


def types_of(name, thing):
    """Types of samplers do not depend on what the sampler is a part of."""
    for kind in untrusted(thing):
        yield kind, "sampler" if kind.startswith("qsklearn.samplers.") else name.split(",")[0]


def test_the_page_lists_the_types_that_skops_asks_about():
    found = {pair for name in MODELS for pair in types_of(name, fitted(name)[0])}
    found |= {pair for sampler in SAMPLERS for pair in types_of("sampler", sampler)}
    assert types_on_the_page() == found


def test_all_types_are_ours_but_those_of_a_given_estimator():
    foreign = {pair for pair in types_on_the_page() if not pair[0].startswith("qsklearn.")}
    assert foreign == {
        # An MLPClassifier, which was given, holds it.
        ("sklearn.neural_network._stochastic_optimizers.AdamOptimizer", "transfer"),
        # Weights of a convolution.
        ("scipy.sparse._csr.csr_array", "transfer"),
    }


# --- what is never saved ------------------------------------------------------------------------


class Listing(pickle.Unpickler):
    """Loads a pickle, and lists the names that it asks for."""

    def __init__(self, content):
        super().__init__(io.BytesIO(content))
        self.names = set()

    def find_class(self, module, name):
        self.names.add(f"{module}.{name}")
        return super().find_class(module, name)


@pytest.mark.parametrize("name", MODELS)
def test_pickles_name_no_code_of_pytorch_and_nothing_that_is_open(name):
    listing = Listing(pickle.dumps(fitted(name)[0]))
    listing.load()
    roots = {name.partition(".")[0] for name in listing.names}
    assert roots <= {"qsklearn", "numpy", "sklearn", "scipy"}


@pytest.mark.parametrize("name", MODELS)
def test_no_row_of_the_data_is_saved(name):
    content = pickle.dumps(fitted(name)[0])
    rows = IMAGES[0] if fitted(name)[1].shape[1] > 4 else X[7, 2:3]
    for kind in (np.float64, np.float32):
        assert rows.astype(kind).tobytes() not in content


def test_no_token_is_saved(monkeypatch):
    monkeypatch.setenv("DWAVE_API_TOKEN", "SECRET-123")
    with pytest.raises(ValueError, match="must not have 'token'"):
        DWaveQPUSampler(params={"token": "SECRET-123"})
    for thing in (
        DWaveQPUSampler(),
        EmbeddedSampler(DWaveQPUSampler()),
        sampled_mlp(sampler=DWaveQPUSampler()),
    ):
        assert b"SECRET-123" not in pickle.dumps(thing)
        assert b"SECRET-123" not in io_of_skops.dumps(thing)


# --- sizes --------------------------------------------------------------------------------------

DIGITS = np.random.default_rng(0).random((100, 784))
TEN = np.arange(100) % 10
WIDE = ((784 + 1) * 100 + (100 + 1) * 10) * 8  # bytes of weights of 784-100-10
WORD = 16_000  # bytes for everything else


def wide_module():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return torch.nn.Sequential(
            torch.nn.Linear(784, 100), torch.nn.Sigmoid(), torch.nn.Linear(100, 10)
        )


# name -> the model, and bytes that are to be kept
LARGE = {
    # Two moments of each weight go on into a warm start or a partial_fit.
    "sampled MLP": lambda: (sampled_mlp(n_hidden=100, gradient="backprop", max_iter=1), 3 * WIDE),
    "spin-glass network": lambda: (
        SpinGlassAnnealedNetwork((100,), sampler="least-squares", max_iter=1), WIDE,
    ),
    # In single precision the weights that training goes on from, and their moments.
    "backpropagation network": lambda: (
        BackpropagationNetworkClassifier((100,), max_iter=1), 2.5 * WIDE,
    ),
    "transfer, linear": lambda: (transfer(LogisticRegression(max_iter=5)), 2 * 785 * 10 * 8),
    # As it was given, in single precision, and as it was read.
    "transfer, module": lambda: (transfer(wide_module()), WIDE),
    "Boltzmann-prior VAE": lambda: (
        QuantumBoltzmannPriorVAE(max_iter=1, random_state=0), 4_300_000,
    ),
    "Grover network": lambda: (GroverBNNClassifier(3, n_bits=5, random_state=0), 0),
}  # fmt: skip


@pytest.mark.parametrize("name", LARGE)
def test_sizes_are_near_those_of_the_weights(name):
    model, kept = LARGE[name]()
    if isinstance(model, QuantumBoltzmannPriorVAE):
        model.fit((DIGITS > 0.5).astype(float))
        kept = sum(array.nbytes for array in model._state.networks.arrays.values())
    else:
        model.fit(DIGITS, TEN)
    if isinstance(model, GroverBNNClassifier):
        kept = model.histogram_.nbytes + sum(spins.nbytes for spins in model.weights_)
    file = io.BytesIO()
    joblib.dump(model, file)
    for size in (len(pickle.dumps(model)), len(file.getvalue())):
        assert kept < size < 1.1 * kept + WORD


# --- versions -----------------------------------------------------------------------------------

THINGS = [ThermometerEncoder(), GibbsSampler(), sampled_mlp(sampler="gibbs")]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("thing", THINGS, ids=lambda thing: type(thing).__name__)
def test_another_version_warns(thing, way, monkeypatch):
    state = {**thing.__getstate__(), "_qsklearn_version": "0.0.7"}
    old = type(thing).__new__(type(thing))
    monkeypatch.setattr(type(thing), "__getstate__", lambda self: dict(state))
    with pytest.warns(
        InconsistentVersionWarning,
        match=rf"{type(thing).__name__} was saved by qsklearn 0\.0\.7 and is loaded by qsklearn "
        rf"{re.escape(qsklearn.__version__)}\. .*fit it again",
    ):
        again = way(old)
    assert again.get_params(deep=False).keys() == thing.get_params(deep=False).keys()
    assert "_qsklearn_version" not in vars(again)


def test_an_unknown_version_warns():
    state = ThermometerEncoder().__getstate__()
    del state["_qsklearn_version"]
    with pytest.warns(InconsistentVersionWarning, match="saved by qsklearn unknown"):
        ThermometerEncoder().__setstate__(state)


def test_everything_tells_its_version():
    things = [MODELS[name]()[0] for name in MODELS] + SAMPLERS
    assert [type(thing) for thing in things if not isinstance(thing, BaseEstimator)] == []
    assert [thing for thing in things if "_qsklearn_version" not in thing.__getstate__()] == []
