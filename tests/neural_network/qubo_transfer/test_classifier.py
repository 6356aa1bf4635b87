"""QUBOTransferClassifier as an estimator: what it compiles, what it keeps, what it refuses."""

import io
import pickle

import dimod
import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from scipy.special import softmax
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC

from qsklearn import QUBOTransferClassifier
from qsklearn.samplers import EmbeddingError, GibbsSampler, MockQPUSampler, NealSampler

# Of MLPs that are small and trained for a moment.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, y = load_iris(return_X_y=True)
X = MinMaxScaler().fit_transform(X)
STRINGS = np.array(["setosa", "versicolor", "virginica"])[y]


def small_mlp(activation="logistic", **changes):
    return MLPClassifier(5, activation=activation, max_iter=60, random_state=0, **changes)


def transfer(estimator=None, **changes):
    return QUBOTransferClassifier(estimator, **{"random_state": 0, **changes})


def make_module(n_features=4, n_classes=3, seed=0):
    """A module with weights of order 1, drawn without PyTorch's global generator."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    module = torch.nn.Sequential(
        torch.nn.Linear(n_features, 5), torch.nn.Sigmoid(), torch.nn.Linear(5, n_classes)
    )
    for parameter in module.parameters():
        parameter.data = torch.tensor(rng.normal(size=parameter.shape), dtype=torch.float32)
    return module


def module_logits(module, rows):
    torch = pytest.importorskip("torch")
    with torch.no_grad():
        return module(torch.tensor(rows, dtype=torch.float32)).numpy().astype(float)


def state_of(estimator):
    """All that is fitted, by its bytes, without what a Hamiltonian computes when it is asked."""
    parameters = estimator.get_params(deep=False)
    fitted = {name: v for name, v in vars(estimator).items() if name not in parameters}
    compiled = fitted.pop("_compiled")
    laws = {"law": compiled.hamiltonian, "drawn": fitted.pop("hamiltonian_")}
    fitted |= {
        f"{name} {field}": getattr(law, field)
        for name, law in laws.items()
        for field in ("weights", "biases", "penalty", "names")
    }
    fitted["front"] = compiled.front
    return {name: pickle.dumps(value) for name, value in fitted.items()}


# --- the law of the class unit --------------------------------------------------------------------

NETWORKS = {
    "logistic regression": LogisticRegression,
    "mlp": small_mlp,
    "relu mlp": lambda: small_mlp("relu"),
    "pipeline": lambda: make_pipeline(StandardScaler(), small_mlp("tanh")),
}


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("beta", [1.0, 0.4])
def test_clamped_is_the_networks_softmax(name, n_classes, beta):
    some = y < n_classes
    model = transfer(NETWORKS[name](), clip=None, beta=beta).fit(X[some], y[some])
    network = clone(NETWORKS[name]()).fit(X[some], y[some])
    expected = network.predict_proba(X) ** beta  # softmax(beta l), up to a factor
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict_proba(X), expected, atol=1e-6)
    np.testing.assert_array_equal(model.predict(X), network.predict(X))
    scores = model.decision_function(X)
    scores = scores if n_classes == 3 else np.column_stack([-scores / 2, scores / 2])
    np.testing.assert_allclose(softmax(beta * scores, axis=1), expected, atol=1e-6)


def test_clamped_module():
    module = make_module()
    model = transfer(module, clip=None).fit(X, y)
    logits = module_logits(module, X)
    np.testing.assert_allclose(model.predict_proba(X), softmax(logits, axis=1), atol=1e-6)
    np.testing.assert_array_equal(model.predict(X), logits.argmax(axis=1))


@pytest.mark.parametrize("beta", [0.25, 1.0, 3.0])
def test_clip_moves_laws_of_draws_by_less_than_it_says(beta):
    sharp = LogisticRegression(C=1e4, max_iter=1000)
    whole, cut = (transfer(sharp, clip=clip, beta=beta).fit(X, y) for clip in (None, 3.0))
    bits = np.eye(3, dtype=int)
    differences = []
    for x in X[::10]:
        laws = []
        for model in (whole, cut):
            energies = model.to_bqm(x).energies((bits, [("class", k) for k in range(3)]))
            laws.append(softmax(-beta * energies))
        differences.append(np.abs(laws[0] - laws[1]).max())
    assert 0.0 < max(differences) < 2 * np.exp(-3.0)  # two classes may be cut
    # A sum needs no clip.
    np.testing.assert_array_equal(whole.predict_proba(X), cut.predict_proba(X))
    np.testing.assert_array_equal(whole.decision_function(X), cut.decision_function(X))


def all_class_states(n_classes):
    return (np.arange(2**n_classes)[:, np.newaxis] >> np.arange(n_classes)) & 1


@pytest.mark.parametrize("shift", ["max", "center", None])
@pytest.mark.parametrize("penalty", ["auto", 0.3, 20.0])
def test_one_hot_posterior_does_not_depend_on_penalty_and_shift(penalty, shift):
    model = transfer(penalty=penalty, shift=shift, clip=None).fit(X, y)
    bits = all_class_states(3)
    for x in X[::50]:
        bqm = model.to_bqm(x)
        energies = bqm.energies((bits, [("class", k) for k in range(3)]))
        one_hot = bits.sum(axis=1) == 1
        states = bits[one_hot].argmax(axis=1)
        law = np.empty(3)
        law[states] = softmax(-energies[one_hot])
        np.testing.assert_allclose(law, model.predict_proba([x])[0], atol=1e-6)


@pytest.mark.parametrize("shift", ["max", "center", None])
def test_the_penalty_that_is_chosen_makes_all_ground_states_one_hot(shift):
    model = transfer(shift=shift, clip=None, sampler=NealSampler(num_reads=2)).fit(X, y)
    bits = all_class_states(3)
    for x, label in zip(X[::15], model.predict_proba(X[::15]).argmax(axis=1), strict=True):
        ground = bits[model.to_bqm(x).energies((bits, [("class", k) for k in range(3)])).argmin()]
        assert ground.sum() == 1
        exact = transfer(clip=None).fit(X, y).predict([x])[0]
        assert ground.argmax() == exact
        assert label in (0, 1, 2)


def test_the_papers_penalty_of_one_is_too_weak_without_a_shift():
    model = transfer(LogisticRegression(C=100, max_iter=2000), shift=None, clip=None, penalty=1.0)
    bits = all_class_states(3)
    bqm = model.fit(X, y).to_bqm(X[0])
    ground = bits[bqm.energies((bits, [("class", k) for k in range(3)])).argmin()]
    assert ground.sum() > 1


@pytest.mark.parametrize("mode", ["clamped", "float", "drbm"])
@pytest.mark.parametrize("penalty", ["auto", 2.5])
def test_energies_of_the_bqm_are_those_of_the_family(mode, penalty):
    model = transfer(small_mlp(), mode=mode, penalty=penalty, clip=6.0).fit(X, y)
    assert_energies_agree(model, X[7])


def assert_energies_agree(model, x):
    inputs, shifts = model._model_inputs(np.atleast_2d(x))
    penalised = model.hamiltonian_.with_penalty(model.penalty_)
    family = penalised.build(inputs, shifts)
    rng = np.random.default_rng(0)
    bits = rng.integers(2, size=(50, family.n_spins))
    labels = [tuple(label) for label in family.labels]
    energies = family.energies(2 * bits[np.newaxis] - 1)[0]
    energies += family.offsets[0] - family_offset_in(family, energies, bits)
    bqm = model.to_bqm(x)
    assert bqm.vartype is dimod.BINARY and set(bqm.variables) == set(labels)
    np.testing.assert_allclose(bqm.energies((bits, labels)), energies, atol=1e-9)


def family_offset_in(family, energies, bits):
    """The offset, if `energies` holds it already; what it is was computed by hand."""
    spins = 2.0 * bits[0] - 1.0
    couplings = family.couplings
    by_hand = family.fields[0] @ spins + 0.5 * spins @ (couplings @ spins)
    return energies[0] - by_hand


# --- fitting -------------------------------------------------------------------------------------


def test_fits_a_clone():
    own = LogisticRegression(C=0.1)
    model = transfer(own).fit(X, y)
    assert not hasattr(own, "coef_") and model.estimator_ is not own
    np.testing.assert_array_equal(model.estimator_.coef_, clone(own).fit(X, y).coef_)


def test_keeps_a_frozen_one():
    fitted = LogisticRegression(C=0.01).fit(X[::2], y[::2])
    before = pickle.dumps(fitted)
    model = transfer(FrozenEstimator(fitted)).fit(X, y)
    assert model.estimator_ is fitted and pickle.dumps(fitted) == before
    np.testing.assert_array_equal(model.predict(X), fitted.predict(X))


@pytest.mark.parametrize("mode", ["clamped", "float", "drbm", "network"])
@pytest.mark.parametrize("frozen", [True, False])
def test_a_module_is_never_changed(mode, frozen):
    torch = pytest.importorskip("torch")
    module = make_module()
    module.train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    given = FrozenEstimator(module) if frozen else module
    rows = slice(None, None, 10)
    model = transfer(given, mode=mode, num_reads=3, sampler="gibbs").fit(X[rows], y[rows])
    model.predict(X[rows])
    model.sampling_report(X[rows])
    assert module.training and all(p.grad is None for p in module.parameters())
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name])


@pytest.mark.parametrize("scheme", ["sample_weight", "class_weight"])
@pytest.mark.parametrize("estimator", [LogisticRegression(), make_pipeline(LogisticRegression())])
def test_weights_reach_the_network(estimator, scheme):
    weights = np.where(y == 1, 5.0, 1.0)
    plain = LogisticRegression().fit(X, y, weights)
    if scheme == "sample_weight":
        model = transfer(estimator).fit(X, y, sample_weight=weights)
    else:
        model = transfer(estimator, class_weight={1: 5.0}).fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X), plain.predict_proba(X), atol=1e-3)
    assert (model.predict(X) == 1).sum() > (transfer(estimator).fit(X, y).predict(X) == 1).sum()


def test_labels_of_any_kind():
    model = transfer().fit(X, STRINGS)
    assert list(model.classes_) == ["setosa", "versicolor", "virginica"]
    np.testing.assert_array_equal(model.predict(X), model.classes_[transfer().fit(X, y).predict(X)])
    booleans = transfer().fit(X, y == 2).predict(X)
    assert booleans.dtype == bool
    floats = transfer().fit(X, y - 1.0).predict(X)
    assert set(floats) == {-1.0, 0.0, 1.0}


@pytest.mark.parametrize("mode", ["clamped", "float"])
def test_data_frames_in_and_out(mode):
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = transfer(mode=mode, n_hidden=3).fit(frame, pd.Series(STRINGS))
    assert list(model.feature_names_in_) == list("abcd")
    plain = transfer(mode=mode, n_hidden=3).fit(X, STRINGS)
    np.testing.assert_array_equal(model.predict(frame), plain.predict(X))
    means = model.set_output(transform="pandas").transform(frame.tail(3))
    assert list(means.index) == [147, 148, 149]
    assert list(means.columns) == list(model.get_feature_names_out())
    assert list(means.columns)[-3:] == ["class0", "class1", "class2"]
    np.testing.assert_array_equal(means, plain.transform(X[-3:]))
    assert model.to_bqm(frame.iloc[3]).is_almost_equal(plain.to_bqm(X[3]), places=9)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame[list("abdc")])


def test_a_frozen_network_of_a_data_frame():
    frame = pd.DataFrame(X, columns=list("abcd"))
    fitted = make_pipeline(MinMaxScaler(), LogisticRegression()).fit(frame, y)
    model = transfer(FrozenEstimator(fitted)).fit(frame, y)
    np.testing.assert_array_equal(model.predict(frame), fitted.predict(frame))


@pytest.mark.parametrize(
    ("estimator", "mode"),
    [
        (None, "clamped"),
        (None, "float"),
        (None, "drbm"),
        ("module", "clamped"),
        ("frozen module", "network"),
        pytest.param("module", "network", marks=pytest.mark.slow),
        pytest.param(small_mlp(), "network", marks=pytest.mark.slow),
    ],
)
def test_sparse_data(estimator, mode):
    if mode == "network":
        pytest.importorskip("torch")
    rows = np.where(X < 0.2, 0.0, X)[::3]
    if isinstance(estimator, str):
        module = make_module()
        estimator = FrozenEstimator(module) if estimator.startswith("frozen") else module
    model = transfer(estimator, mode=mode, n_hidden=3, sampler="gibbs", num_reads=9)
    dense = clone(model).fit(rows, y[::3])
    sparse_rows = scipy.sparse.coo_array(rows)
    sparse = clone(model).fit(sparse_rows, y[::3])
    np.testing.assert_allclose(
        sparse.decision_function(sparse_rows), dense.decision_function(rows), atol=1e-6
    )
    # The same draws: their seeds are those of the values.
    np.testing.assert_array_equal(dense.predict(sparse_rows), dense.predict(rows))


@pytest.mark.parametrize("mode", ["clamped", "float"])
def test_copies_predict_the_same(mode):
    model = transfer(mode=mode, n_hidden=3, sampler="gibbs", num_reads=5).fit(X, y)
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    buffer.seek(0)
    for copy in (pickle.loads(pickle.dumps(model)), joblib.load(buffer), clone(model).fit(X, y)):
        np.testing.assert_array_equal(copy.predict_proba(X), model.predict_proba(X))


def test_a_transferred_module_is_pickled():
    model = transfer(make_module(), sampler="gibbs", num_reads=5).fit(X, y)
    for copy in (pickle.loads(pickle.dumps(model)), clone(model).fit(X, y)):
        np.testing.assert_array_equal(copy.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize("sampler", ["gibbs", "annealing", "exact"])
@pytest.mark.parametrize("mode", ["clamped", "float"])
def test_repeats_bit_for_bit(mode, sampler):
    settings = dict(mode=mode, n_hidden=3, sampler=sampler, num_reads=5)
    first = transfer(**settings).fit(X, y)
    again = transfer(**settings, n_jobs=2).fit(X, y)
    drawn = first.predict_proba(X)
    np.testing.assert_array_equal(drawn, again.predict_proba(X))
    other = transfer(**settings).set_params(random_state=1).fit(X, y)
    assert (drawn != other.predict_proba(X)).any()
    order = np.random.default_rng(0).permutation(len(X))
    np.testing.assert_array_equal(first.predict_proba(X[order]), drawn[order])
    np.testing.assert_array_equal(first.predict_proba(X[5:6]), drawn[5:6])
    np.testing.assert_array_equal(first.predict(X[order]), first.predict(X)[order])
    np.testing.assert_array_equal(first.transform(X[order]), first.transform(X)[order])


def test_batches_change_nothing(monkeypatch):
    from qsklearn.neural_network._qubo_transfer import _draws

    model = transfer(sampler="gibbs", num_reads=5).fit(X, y)
    whole = model.predict_proba(X), model.transform(X)
    assert model.sampling_report(X)["calls"] == 1
    monkeypatch.setattr(_draws, "_MAX_BATCH", 7)
    np.testing.assert_array_equal(model.predict_proba(X), whole[0])
    np.testing.assert_array_equal(model.transform(X), whole[1])
    assert model.sampling_report(X)["calls"] == -(-len(X) // 7)


@pytest.mark.parametrize("sampler", [None, "gibbs"])
def test_predicting_sets_nothing(sampler):
    model = transfer(mode="float", n_hidden=3, sampler=sampler, num_reads=4).fit(X, y)
    before = state_of(model)
    model.predict(X), model.predict_proba(X), model.decision_function(X), model.transform(X)
    model.to_bqm(X[0]), model.sampling_report(X), model.estimate_cost(3, 4)
    model.ablations(), model.classical_twin(), model.get_feature_names_out()
    assert state_of(model) == before


# --- bad input -----------------------------------------------------------------------------------

BAD_PARAMETERS = [
    ({"penalty": 0}, "'penalty'.*Got 0 instead"),
    ({"penalty": -1.0}, "'penalty'.*Got -1.0"),
    ({"penalty": np.nan}, "'penalty'.*Got nan"),
    ({"penalty": "strong"}, "'penalty'.*Got 'strong'"),
    ({"beta": 0.0}, "'beta'.*Got 0.0"),
    ({"beta": np.inf}, "'beta'.*Got inf"),
    ({"beta": "hot"}, "'beta'.*Got 'hot'"),
    ({"beta_eff": -1.0}, "'beta_eff'"),
    ({"clip": 0.0}, "'clip'"),
    ({"clip": np.nan}, "'clip'"),
    ({"mode": "naive"}, "'mode'.*Got 'naive'"),
    ({"shift": "min"}, "'shift'"),
    ({"feature_bias": "probit"}, "'feature_bias'"),
    ({"num_reads": 0}, "'num_reads'.*Got 0"),
    ({"num_reads": 2.0}, "'num_reads'.*Got 2.0"),
    ({"readout": "mean"}, "'readout'"),
    ({"lowest_fraction": 0.0}, "'lowest_fraction'"),
    ({"lowest_fraction": 1.1}, "'lowest_fraction'"),
    ({"descent": "yes"}, "'descent'"),
    ({"validation_fraction": 1.0}, "'validation_fraction'"),
    ({"class_weight": "equal"}, "'class_weight'"),
    ({"n_jobs": 0}, "'n_jobs'"),
    ({"n_hidden": 0}, "'n_hidden'.*Got 0 instead"),
    ({"n_hidden": ()}, r"'n_hidden'.*must be an int >= 1.*Got \(\) instead"),
    ({"n_hidden": (3, "a")}, r"'n_hidden'.*Got \(3, 'a'\) instead"),
    ({"n_hidden": (3, 0)}, r"'n_hidden'.*Got \(3, 0\) instead"),
    ({"n_hidden": True}, "'n_hidden'.*Got True instead"),
    ({"n_hidden": (3, True)}, r"'n_hidden'.*Got \(3, True\) instead"),
    ({"n_hidden": 2.5}, "'n_hidden'.*Got 2.5 instead"),
    ({"mode": "drbm", "n_hidden": (3, 2)}, r"'n_hidden'.*one number for mode='drbm'.*\(3, 2\)"),
    ({"image_shape": (1, 2, 3)}, r"'image_shape'.*as many values.*4.*\(1, 2, 3\).*holds 6"),
    ({"image_shape": (2, 2)}, r"'image_shape'.*\(channels, height, width\).*Got \(2, 2\)"),
    ({"image_shape": (1, 0, 4)}, r"'image_shape'.*Got \(1, 0, 4\)"),
    ({"image_shape": 4}, "'image_shape'.*Got 4 instead"),
    ({"sampler": "gibs"}, "'sampler'.*Got 'gibs' instead. Did you mean 'gibbs'"),
    ({"sampler": GibbsSampler}, r"'sampler'.*write GibbsSampler\(\) instead"),
    ({"sampler": 3}, "'sampler'.*Got int, which misses `sample` and `parameters`"),
    ({"estimator": LogisticRegression}, r"'estimator'.*not a class.*LogisticRegression\(...\)"),
    ({"estimator": "mlp"}, "'estimator'.*Got 'mlp' instead"),
    ({"estimator": 3.0}, "'estimator'.*Got 3.0 instead"),
    ({"estimator": RandomForestClassifier(2)}, "'estimator'.*Got RandomForest.*no coef_"),
    ({"estimator": SVC()}, "'estimator'.*Got SVC"),
    ({"estimator": LinearRegression()}, "'estimator'.*Got LinearRegression"),
    ({"estimator": LogisticRegression(C=-1)}, "'C' parameter of LogisticRegression"),
    ({"estimator": small_mlp("relu"), "mode": "float"}, "mode='float'.*'relu'.*mode='clamped'"),
    (
        {"estimator": FrozenEstimator(LogisticRegression().fit(X, y)), "mode": "drbm"},
        "mode='drbm'.*LogisticRegression has none. Use mode='clamped'",
    ),
]


@pytest.mark.parametrize(("parameters", "message"), BAD_PARAMETERS)
def test_bad_parameters_leave_the_fit_as_it_was(parameters, message):
    model = transfer(sampler="gibbs", num_reads=4).fit(X, y)
    before, predicted = state_of(model), model.predict_proba(X)
    with pytest.raises((ValueError, TypeError), match=message):
        model.set_params(**parameters).fit(X, y)
    assert state_of(model) == before
    model.set_params(**transfer(sampler="gibbs", num_reads=4).get_params(deep=False))
    np.testing.assert_array_equal(model.predict_proba(X), predicted)


def spoilt(value):
    rows = X.copy()
    rows[3, 1] = value
    return rows


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((spoilt(np.nan), y), "Input X contains NaN"),
        ((spoilt(np.inf), y), "Input X contains infinity"),
        ((X, np.zeros(len(y))), "at least 2 classes.*only one class: 0"),
        ((X, X[:, 0]), "Unknown label type"),
        ((X[:-1], y), "inconsistent numbers of samples"),
        ((X[0], y[:1]), "Expected 2D array"),
        ((X, np.column_stack([y, y])), "[Mm]ultioutput|1d array|multiclass"),
        ((X, y, -np.ones(len(y))), "Negative values"),
        ((X, y, np.zeros(len(y))), "Sample weights must contain at least one non-zero"),
        ((X, y, np.ones(3)), "sample_weight"),
    ],
)
def test_bad_data(data, message):
    model = transfer().fit(X, y)
    before = state_of(model)
    with pytest.raises(ValueError, match=message):
        model.fit(*data)
    assert state_of(model) == before


def test_bad_data_to_predict():
    model = transfer().fit(X, y)
    for method in ("predict", "predict_proba", "decision_function", "transform", "sampling_report"):
        with pytest.raises(ValueError, match="X has 2 features.*expecting 4"):
            getattr(model, method)(X[:, :2])
        with pytest.raises(ValueError, match="NaN"):
            getattr(model, method)(spoilt(np.nan))
        with pytest.raises(NotFittedError):
            getattr(transfer(), method)(X)
    with pytest.raises(ValueError, match="expecting 4"):
        model.to_bqm(X[0, :3])
    with pytest.raises(ValueError, match="only mode='network'"):
        model.to_bqm(X[0], clamped=False)
    with pytest.raises(ValueError, match="'x' parameter of to_bqm must be one data .* Got 3 rows"):
        model.to_bqm(X[:3])


def test_weights_that_the_network_does_not_take():
    model = transfer(LinearDiscriminantAnalysis())
    with pytest.raises(ValueError, match="LinearDiscriminantAnalysis.fit takes none"):
        model.fit(X, y, np.ones(len(y)))
    with pytest.raises(ValueError, match="LinearDiscriminantAnalysis.fit takes none"):
        model.set_params(class_weight="balanced").fit(X, y)


@pytest.mark.parametrize("labels", [y + 1, STRINGS, np.array([2, 0, 1])[y] + 0.5])
def test_a_frozen_network_of_other_labels(labels):
    frozen = FrozenEstimator(LogisticRegression().fit(X, y))
    with pytest.raises(ValueError, match=r"classes of y.*(\[0, 1, 2\]|Unknown)|Unknown label"):
        transfer(frozen).fit(X, labels)


def test_a_frozen_network_that_is_not_fitted_or_of_fewer_classes():
    with pytest.raises(NotFittedError):
        transfer(FrozenEstimator(LogisticRegression())).fit(X, y)
    two = FrozenEstimator(LogisticRegression().fit(X[:100], y[:100]))
    with pytest.raises(ValueError, match="the 3 classes of y.*has 2 class scores"):
        transfer(two).fit(X, y)


def test_modules_that_do_not_fit():
    torch = pytest.importorskip("torch")
    with pytest.raises(ValueError, match="as many outputs as y has classes, 3"):
        transfer(make_module(n_classes=5)).fit(X, y)
    with pytest.raises(ValueError, match=r"data points of shape \(4,\)"):
        transfer(make_module(n_features=6)).fit(X, y)
    with pytest.raises(ValueError, match="torch.nn.Sequential"):
        transfer(torch.nn.Linear(4, 3)).fit(X, y)
    with pytest.raises(TypeError, match="not a class"):
        transfer(torch.nn.Sequential).fit(X, y)
    convolution = torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 2), torch.nn.Sigmoid(), torch.nn.Flatten(), torch.nn.Linear(2, 3)
    )
    with pytest.raises(ValueError, match="'image_shape' parameter.*Got None"):
        transfer(convolution).fit(X, y)
    with pytest.raises(ValueError, match=r"shape \(1, 1, 4\)"):
        transfer(convolution, image_shape=(1, 1, 4)).fit(X, y)
    assert transfer(convolution, image_shape=(1, 2, 2)).fit(X, y).predict(X).shape == y.shape


def many_classes(n_classes=30):
    rng = np.random.default_rng(0)
    return rng.random((4 * n_classes, 5)), np.repeat(np.arange(n_classes), 4)


@pytest.mark.parametrize(
    ("mode", "settings"),
    [
        ("float", {"n_hidden": 10**9}),
        ("float", {"n_hidden": (10**5, 10**5)}),
        ("drbm", {"n_hidden": 10**9}),
        ("network", {"n_hidden": (10**5, 10**5)}),
        ("clamped", {"n_hidden": 10**9, "image_shape": (1, 2, 2)}),
        ("network", {"n_hidden": 10**9, "image_shape": (1, 2, 2)}),
    ],
)
def test_own_networks_beyond_memory_are_refused_before_they_are_made(mode, settings, monkeypatch):
    monkeypatch.setattr("qsklearn._memory.physical_memory", lambda: 2**34)
    with pytest.raises(MemoryError, match=r"QUBOTransfer.* with .* need [\d,]* bytes.*Lower"):
        transfer(mode=mode, **settings).fit(X, y)


def test_hidden_units_that_are_not_made_need_no_memory(monkeypatch):
    monkeypatch.setattr("qsklearn._memory.physical_memory", lambda: 2**34)
    assert transfer(n_hidden=10**9).fit(X, y).score(X, y) > 0.5


def test_too_many_classes_to_enumerate():
    rows, labels = many_classes()
    with pytest.raises(ValueError, match="cannot enumerate a model of 30 spins.*penalty='auto'"):
        transfer(sampler="exact", penalty=2.0).fit(rows, labels)
    # As one unit they have no limit.
    exact = transfer(sampler="exact", num_reads=2000).fit(rows, labels)
    report = exact.sampling_report(rows[:40])
    assert report["one_hot_fraction"] == 1.0
    assert report["total_variation"] < 1.2 * report["total_variation_of_draws"]
    # With a penalty and no sampler named, one that can.
    model = transfer(penalty=2.0, readout="marginal", num_reads=5).fit(rows, labels)
    assert isinstance(model.sampler_, GibbsSampler)
    assert len(model.predict(rows[:5])) == 5


@pytest.mark.parametrize("beta_eff", ["auto", 2.0])
def test_a_structure_that_does_not_embed(beta_eff):
    rows, labels = many_classes()
    chip = MockQPUSampler("ideal", topology_type="zephyr", topology_shape=[1, 2], num_sweeps=5)
    with pytest.raises(EmbeddingError, match="30 spins.*not embedded.*24 qubits"):
        transfer(sampler=chip, num_reads=2, beta_eff=beta_eff).fit(rows, labels).predict(rows)


def test_calibration_needs_data():
    with pytest.raises(ValueError, match="beta='calibrate'.*holds out 0 samples"):
        transfer(beta="calibrate").fit(X[[0, 60, 120]], y[[0, 60, 120]])


# --- inside scikit-learn --------------------------------------------------------------------------


def test_grid_search():
    grid = {"penalty": ["auto", 1.0], "beta": [0.5, 2.0], "num_reads": [5, 30]}
    model = transfer(LogisticRegression(), sampler="gibbs")
    search = GridSearchCV(model, grid, cv=2).fit(X, y)
    assert search.best_score_ > 0.85 and len(search.cv_results_["params"]) == 8
    search = GridSearchCV(
        transfer(LogisticRegression()), {"estimator__C": [1e-4, 1e2]}, cv=2, scoring="neg_log_loss"
    ).fit(X, y)
    assert search.best_params_ == {"estimator__C": 1e2}
    assert search.best_estimator_.estimator_.C == 1e2


def test_behind_a_scaler_and_cross_validated():
    rows, labels = load_iris(return_X_y=True)
    model = make_pipeline(StandardScaler(), transfer(sampler="annealing", num_reads=50))
    scores = cross_validate(model, rows, labels, cv=3)["test_score"]
    twin = make_pipeline(StandardScaler(), transfer().classical_twin())
    expected = cross_validate(twin, rows, labels, cv=3)["test_score"]
    assert abs(scores.mean() - expected.mean()) < 0.03


def test_before_another_classifier():
    model = make_pipeline(transfer(mode="float", n_hidden=6), LogisticRegression())
    assert model.fit(X, y).score(X, y) > 0.9


def noisy_problem():
    """Labels whose law the logistic regression below overstates, as it hardly shrinks."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(400, 20))
    labels = (rng.random(400) < 1 / (1 + np.exp(-rows[:, 0]))).astype(int)
    return rows, labels


@pytest.mark.parametrize("settings", [{}, {"sampler": "gibbs", "num_reads": 50}])
def test_calibration_cools_or_heats(settings):
    rows, labels = noisy_problem()
    overfit = LogisticRegression(C=1e6)
    model = transfer(overfit, beta="calibrate", validation_fraction=0.4, **settings)
    model.fit(rows[:150], labels[:150])
    assert 0.05 < model.beta_ < 0.9
    # The very same network at beta = 1 is worse on new data.
    frozen = FrozenEstimator(model.estimator_)
    plain = transfer(frozen).fit(rows[:150], labels[:150])
    cooled = transfer(frozen, beta=model.beta_).fit(rows[:150], labels[:150])
    assert log_loss(cooled, rows, labels) < log_loss(plain, rows, labels) - 0.01


def log_loss(model, rows, labels):
    return -np.log(model.predict_proba(rows[150:])[np.arange(250), labels[150:]]).mean()


def test_calibration_holds_data_out():
    model = transfer(beta="calibrate").fit(X, y)
    twin = LogisticRegression(max_iter=1000).fit(X, y)
    assert np.abs(model.estimator_.coef_ - twin.coef_).max() > 1e-3
    lone = np.where(np.arange(150) == 0, 3, y)  # one sample of a fourth class is trained on
    assert transfer(beta="calibrate").fit(X, lone).estimator_.coef_.shape[0] == 4
