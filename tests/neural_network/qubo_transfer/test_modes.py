"""QUBOTransferClassifier's modes that sample more than the class unit, against enumeration."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import expit, logit, logsumexp, softmax
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import MinMaxScaler

from qsklearn import QUBOTransferClassifier
from qsklearn.neural_network._qubo_transfer._fitting import _as_mlp
from qsklearn.neural_network._qubo_transfer._network import read_network

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, y = load_iris(return_X_y=True)
X = MinMaxScaler().fit_transform(X)
ROWS = X[[0, 70, 106]]


def make_mlp(activation="logistic", sizes=(4,), n_classes=3, seed=3):
    """An MLP with weights of order 1, frozen."""
    rng = np.random.default_rng(seed)
    some = y < n_classes
    mlp = MLPClassifier(sizes, activation=activation, random_state=0)
    mlp.partial_fit(X[some], y[some], classes=np.arange(n_classes))
    for values in (*mlp.coefs_, *mlp.intercepts_):
        values[...] = rng.normal(size=values.shape)
    return FrozenEstimator(mlp)


def transfer(estimator, mode, n_classes=3, **changes):
    settings = dict(mode=mode, clip=None, random_state=0)
    some = y < n_classes
    return QUBOTransferClassifier(estimator, **{**settings, **changes}).fit(X[some], y[some])


def all_bits(n_units):
    return (np.arange(2**n_units)[:, np.newaxis] >> np.arange(n_units)) & 1


def enumerated(fields, weights, bias, beta):
    """Free energies of the classes and unit means: hidden fields, couplings, class biases."""
    bits = all_bits(len(fields))
    log_weights = beta * (bits @ fields)[:, np.newaxis] + beta * (bits @ weights + bias)
    free = -logsumexp(log_weights, axis=0) / beta
    law = np.exp(log_weights - logsumexp(log_weights))
    return free, np.append(law.sum(axis=1) @ bits, law.sum(axis=0))


def check_against_enumeration(model, fields_of_rows, weights, bias, beta):
    probabilities, means = model.predict_proba(ROWS), model.transform(ROWS)
    decision = model.decision_function(ROWS)
    for i, fields in enumerate(fields_of_rows):
        free, unit_means = enumerated(fields, weights, bias, beta)
        np.testing.assert_allclose(probabilities[i], softmax(-beta * free), atol=1e-9)
        np.testing.assert_allclose(means[i], unit_means, atol=1e-9)
        centred = -free + free.mean()
        if len(bias) == 2:
            assert decision[i] == pytest.approx(free[0] - free[1])
        else:
            np.testing.assert_allclose(decision[i] - decision[i].mean(), centred, atol=1e-8)


# --- float ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("beta", [1.0, 0.5])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("activation", ["logistic", "tanh"])
def test_features_float(activation, n_classes, beta):
    mlp = make_mlp(activation, n_classes=n_classes)
    inner = mlp.estimator
    model = transfer(mlp, "float", n_classes, beta=beta)
    hidden = ROWS @ inner.coefs_[0] + inner.intercepts_[0]
    weights, bias = inner.coefs_[1], inner.intercepts_[1]
    if n_classes == 2:  # one output z, whose classes have -z/2 and z/2
        weights, bias = weights * [-0.5, 0.5], bias * [-0.5, 0.5]
    fields = hidden
    if activation == "tanh":  # f = 2q - 1 in the class scores
        fields = 2 * hidden
        weights, bias = 2 * weights, bias - weights.sum(axis=0)
    check_against_enumeration(model, fields, weights, bias, beta)


@pytest.mark.parametrize("feature_bias", ["logit", "signed", "raw"])
def test_features_of_a_linear_classifier(feature_bias):
    fitted = LogisticRegression(C=10).fit(X, y)
    model = transfer(FrozenEstimator(fitted), "float", feature_bias=feature_bias, clip=7.0)
    fields = {"logit": np.clip(logit(ROWS), -7, 7), "signed": 2 * ROWS - 1, "raw": ROWS}
    inputs, _ = model._model_inputs(ROWS)
    # Fields of saturated units may be cut, which changes their law by exp(-7).
    free = [enumerated(f, fitted.coef_.T, fitted.intercept_, 1.0)[0] for f in fields[feature_bias]]
    expected = softmax(-np.array(free), axis=1)
    np.testing.assert_allclose(model.predict_proba(ROWS), expected, atol=4 * np.exp(-7))
    assert inputs.shape == (3, 4)


def test_a_free_feature_is_up_as_often_as_it_says():
    silent = LogisticRegression().fit(X, y)
    silent.coef_ = np.zeros_like(silent.coef_)
    model = transfer(FrozenEstimator(silent), "float")
    np.testing.assert_allclose(model.transform(X)[:, :4], X, atol=1e-9)


def test_features_that_are_no_bits():
    with pytest.raises(ValueError, match="within .0, 1.*Got values from 0 to 3.*MinMaxScaler"):
        QUBOTransferClassifier(LogisticRegression(), mode="float").fit(3 * X, y)
    for activation in ("relu", "identity"):
        with pytest.raises(ValueError, match=f"{activation}.*no probability"):
            transfer(make_mlp(activation), "float")
    transfer(make_mlp("relu"), "float", feature_bias="raw")  # the paper's


def test_a_network_that_was_trained_is_classified_nearly_as_well_with_features_that_float():
    mlp = MLPClassifier(
        20, activation="logistic", learning_rate_init=0.02, max_iter=300, random_state=0
    )
    model = QUBOTransferClassifier(mlp, mode="float", random_state=0).fit(X, y)
    assert model.estimator_.score(X, y) > 0.95
    assert model.score(X, y) > model.estimator_.score(X, y) - 0.06


# --- drbm -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("beta", [1.0, 2.0])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("activation", ["logistic", "tanh"])
def test_hidden_units_of_a_frozen_network(activation, n_classes, beta):
    mlp = make_mlp(activation, (5, 4), n_classes)
    inner = mlp.estimator
    model = transfer(mlp, "drbm", n_classes, beta=beta)
    below = ROWS @ inner.coefs_[0] + inner.intercepts_[0]
    features = expit(below) if activation == "logistic" else np.tanh(below)
    fields = features @ inner.coefs_[1] + inner.intercepts_[1]
    weights, bias = inner.coefs_[2], inner.intercepts_[2]
    if n_classes == 2:
        weights, bias = weights * [-0.5, 0.5], bias * [-0.5, 0.5]
    if activation == "tanh":
        fields, weights, bias = 2 * fields, 2 * weights, bias - weights.sum(axis=0)
    check_against_enumeration(model, fields, weights, bias, beta)
    assert model.hamiltonian_.layer_sizes == (4, n_classes)


def log_loss(model):
    codes = np.searchsorted(model.classes_, y)
    return -np.log(model.predict_proba(X)[np.arange(len(y)), codes]).mean()


@pytest.mark.parametrize(
    "estimator",
    [
        None,
        "logistic",
        pytest.param("relu", marks=pytest.mark.slow),
        pytest.param(LogisticRegression(), marks=pytest.mark.slow),
    ],
)
def test_drbm_trains_hidden_units(estimator):
    given = estimator
    if isinstance(estimator, str):
        given = MLPClassifier(6, activation=estimator, max_iter=30, random_state=0)
    model = QUBOTransferClassifier(given, mode="drbm", n_hidden=6, random_state=0).fit(X, y)
    assert model.score(X, y) > 0.93 and log_loss(model) < 0.2
    if estimator == "logistic":  # better than the network that it started from
        network = FrozenEstimator(given.fit(X, y))
        start = QUBOTransferClassifier(network, mode="drbm", random_state=0).fit(X, y)
        assert log_loss(model) < log_loss(start) - 0.1


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("activation", ["logistic", "relu"])
def test_drbm_starts_from_the_weights_that_are_given(activation, n_classes):
    some = y < n_classes
    given = MLPClassifier(6, activation=activation, max_iter=5, random_state=0).fit(
        X[some], y[some]
    )
    network = read_network(given, X[some], None, n_classes, "this")
    start = _as_mlp(network, SimpleNamespace(classes=given.classes_))
    if activation == "logistic":
        np.testing.assert_allclose(start.predict_proba(X), given.predict_proba(X))
    else:  # units of another kind, so that it is not the same network
        assert start.activation == "logistic"
        for found, expected in zip(start.coefs_, given.coefs_, strict=True):
            np.testing.assert_allclose(found, expected)


def test_drbm_of_two_classes_and_of_weighted_samples():
    some = y > 0
    model = QUBOTransferClassifier(mode="drbm", n_hidden=3, random_state=0)
    plain = model.fit(X[some], y[some]).predict_proba(X[some])
    assert model.score(X[some], y[some]) > 0.85
    weights = np.where(y[some] == 2, 9.0, 1.0)
    heavy = model.fit(X[some], y[some], weights).predict_proba(X[some])
    assert heavy[:, 1].mean() > plain[:, 1].mean() + 0.05


def test_the_warning_of_drbm_says_what_can_be_done():
    model = QUBOTransferClassifier(mode="drbm", n_hidden=3, random_state=0)
    with pytest.warns(ConvergenceWarning, match="QUBOTransferClassifier had not.*'estimator'"):
        model.fit(X[::5], y[::5])


# --- modules --------------------------------------------------------------------------------------


def make_module(activation="Sigmoid", n_outputs=3, seed=0):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    module = torch.nn.Sequential(
        torch.nn.Linear(4, 6), getattr(torch.nn, activation)(), torch.nn.Linear(6, n_outputs)
    )
    for parameter in module.parameters():
        parameter.data = torch.tensor(rng.normal(size=parameter.shape), dtype=torch.float32)
    return module


@pytest.mark.parametrize(
    ("activation", "n_outputs"), [("Tanh", 1), pytest.param("ReLU", 3, marks=pytest.mark.slow)]
)
def test_drbm_of_a_module_compiles_the_law_that_it_trains(activation, n_outputs):
    # Hidden units of any activation are logistic in that law, and one output is two classes.
    some = slice(None) if n_outputs == 3 else slice(50, None)
    module = make_module(activation, n_outputs)
    model = QUBOTransferClassifier(module, mode="drbm", random_state=0).fit(X[some], y[some])
    assert model.score(X[some], y[some]) > 0.92


def test_a_start_with_binary_units_is_the_same_network():
    torch = pytest.importorskip("torch")
    from qsklearn.neural_network._qubo_transfer import _modules

    rows = torch.tensor(X[:9], dtype=torch.float32)
    module = make_module("Tanh", 1)
    start = _modules.with_binary_units(module)
    assert isinstance(start[1], torch.nn.Sigmoid)
    with torch.no_grad():
        np.testing.assert_allclose(start(rows), module(rows), atol=1e-5)
        halves = _modules.with_an_output_per_class(start)(rows)
        np.testing.assert_allclose(halves[:, 1] - halves[:, 0], module(rows)[:, 0], atol=1e-5)
    several = make_module()
    assert _modules.with_an_output_per_class(several) is several


@pytest.mark.parametrize("mode", ["drbm", "network"])
def test_modules_are_refused_before_they_are_trained(mode, monkeypatch):
    torch = pytest.importorskip("torch")
    from qsklearn.neural_network._qubo_transfer import _training

    monkeypatch.setattr(_training, "train", lambda *a, **k: pytest.fail("had begun"))
    for module in (make_module(n_outputs=5), torch.nn.Sequential(torch.nn.Linear(7, 3))):
        with pytest.raises(ValueError, match="'estimator' parameter of QUBOTransferClassifier"):
            QUBOTransferClassifier(module, mode=mode).fit(X, y)


# --- network --------------------------------------------------------------------------------------


def network_law(mlp, x, beta):
    """Class probabilities of the joint law of all layers above the inputs, enumerated."""
    weights, biases = mlp.coefs_, mlp.intercepts_
    sizes = [len(bias) for bias in biases[:-1]]
    bits = all_bits(sum(sizes))
    layers = np.split(bits, np.cumsum(sizes)[:-1], axis=1)
    total = layers[0] @ (x @ weights[0] + biases[0])
    for below, above, w, b in zip(layers, layers[1:], weights[1:], biases[1:], strict=False):
        total = total + np.einsum("si,ij,sj->s", below, w, above) + above @ b
    scores = total[:, np.newaxis] + layers[-1] @ weights[-1] + biases[-1]
    return softmax(logsumexp(beta * scores, axis=0))


@pytest.mark.parametrize("beta", [1.0, 0.5])
@pytest.mark.parametrize("sizes", [(5,), (4, 3)])
def test_naive_transfer_of_an_mlp(sizes, beta):
    mlp = make_mlp(sizes=sizes)
    model = transfer(mlp, "network", beta=beta)
    for x, probabilities in zip(ROWS, model.predict_proba(ROWS), strict=True):
        np.testing.assert_allclose(probabilities, network_law(mlp.estimator, x, beta), atol=1e-9)
    assert model.hamiltonian_.layer_sizes == (*sizes, 3)
    # What a sampler draws of all layers is of that law.
    drawn = transfer(mlp, "network", beta=beta, sampler="gibbs", num_reads=3000)
    difference = drawn.predict_proba(ROWS) - model.predict_proba(ROWS)
    assert np.abs(difference).max() < 5 * np.sqrt(0.25 / 3000)


def test_layers_above_act_back():
    mlp = MLPClassifier(12, activation="logistic", learning_rate_init=0.05, max_iter=200)
    fitted = mlp.set_params(random_state=0).fit(X, y)
    naive = transfer(FrozenEstimator(fitted), "network")
    assert fitted.score(X, y) > 0.95
    forward = fitted.predict_proba(X)
    assert np.abs(naive.predict_proba(X) - forward).max() > 0.1


@pytest.mark.parametrize("clamped", [True, False])
def test_energies_of_the_network(clamped):
    mlp = make_mlp(sizes=(3, 2))
    model = transfer(mlp, "network", penalty=2.0)
    bqm = model.to_bqm(X[3], clamped=clamped)
    sizes = {"hidden1": 3, "hidden2": 2, "class": 3} | ({} if clamped else {"visible": 4})
    assert set(bqm.variables) == {(name, j) for name, n in sizes.items() for j in range(n)}
    inner = mlp.estimator
    # What holds an input up against all that pulls it down, or down against what pulls it up.
    pull = np.clip(inner.coefs_[0], None, 0).sum(axis=1), np.clip(inner.coefs_[0], 0, None).sum(1)
    held = np.where(X[3] > 0.5, 8.0 - pull[0], -8.0 - pull[1])
    rng = np.random.default_rng(0)
    by_hand, found = [], []
    for _ in range(40):
        v, q1, q2, c = (rng.integers(2, size=n) for n in (4, 3, 2, 3))
        c = np.eye(3, dtype=int)[c.argmax()]  # centring holds for one-hot states
        shown = X[3] if clamped else v
        energy = -(shown @ inner.coefs_[0] + inner.intercepts_[0]) @ q1
        energy -= (q1 @ inner.coefs_[1] + inner.intercepts_[1]) @ q2
        energy -= (q2 @ inner.coefs_[2] + inner.intercepts_[2]) @ c
        if not clamped:
            energy -= held @ v
        state = {("hidden1", j): b for j, b in enumerate(q1)}
        state |= {("hidden2", j): b for j, b in enumerate(q2)}
        state |= {("class", j): b for j, b in enumerate(c)}
        state |= {} if clamped else {("visible", j): b for j, b in enumerate(v)}
        by_hand.append(energy)
        found.append(bqm.energy(state))
    # Up to what the shift takes from all one-hot states.
    difference = np.array(found) - by_hand
    np.testing.assert_allclose(difference, difference[0], atol=1e-9)


@pytest.mark.parametrize(
    "estimator",
    [
        pytest.param(None, marks=pytest.mark.slow),
        "module",
        pytest.param("mlp", marks=pytest.mark.slow),
    ],
)
def test_network_is_trained_for_its_joint_law(estimator):
    pytest.importorskip("torch")
    given = {
        None: None,
        "module": make_module(),
        "mlp": MLPClassifier(6, activation="tanh", max_iter=30, random_state=0),
    }[estimator]
    model = QUBOTransferClassifier(given, mode="network", n_hidden=6, random_state=0).fit(X, y)
    assert model.score(X, y) > 0.75
    assert list(model.hamiltonian_.layers) == ["hidden", "class"]
    if estimator == "module":
        naive = transfer(FrozenEstimator(given), "network")
        assert log_loss(model) < log_loss(naive) - 0.2


def test_networks_without_a_reading():
    with pytest.raises(ValueError, match="hidden layers, of which LogisticRegression has none"):
        QUBOTransferClassifier(LogisticRegression(), mode="network").fit(X, y)
    with pytest.raises(ValueError, match="activation='relu'.*mode='clamped'"):
        transfer(make_mlp("relu"), "network")


# --- images ---------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["clamped", "float", "drbm", "network"])
def test_images(mode):
    pytest.importorskip("torch")
    images, labels = load_digits(return_X_y=True)
    images = images / 16
    model = QUBOTransferClassifier(
        mode=mode, image_shape=(1, 8, 8), n_hidden=20, random_state=0
    ).fit(images[:1200], labels[:1200])
    assert model.score(images[1200:], labels[1200:]) > (0.8 if mode == "network" else 0.9)
    sizes = {"clamped": (10,), "float": (20, 10), "drbm": (20, 10)}
    if mode != "network":
        assert model.hamiltonian_.layer_sizes == sizes[mode]
    with pytest.raises(ValueError, match="must hold as many values"):
        model.set_params(image_shape=(1, 28, 28)).fit(images, labels)


@pytest.mark.parametrize("mode", ["drbm", "network"])
def test_an_interrupted_training_keeps_its_weights_and_says_so(mode, monkeypatch):
    torch = pytest.importorskip("torch")
    step, n_calls = torch.optim.Adam.step, itertools.count()

    def interrupted_step(self, *arguments, **keywords):
        if next(n_calls) == 30:
            raise KeyboardInterrupt
        return step(self, *arguments, **keywords)

    monkeypatch.setattr(torch.optim.Adam, "step", interrupted_step)
    module = torch.nn.Sequential(
        torch.nn.Linear(X.shape[1], 4), torch.nn.Sigmoid(), torch.nn.Linear(4, 3)
    )
    model = QUBOTransferClassifier(module, mode=mode, random_state=0)
    with pytest.warns(UserWarning, match="interrupted; the weights so far are kept"):
        model.fit(X, y)
    assert model.stop_reason_ == "interrupted"
    assert model.predict(X).shape == y.shape
    assert QUBOTransferClassifier().fit(X, y).stop_reason_ is None
    assert transfer(None, "drbm", n_hidden=2).fit(X, y).stop_reason_ in ("converged", "max_iter")
