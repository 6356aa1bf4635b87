import networkx as nx
import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from qsklearn.inspection import (
    AccuracyLandscapeDisplay,
    AmplifiedWeightsDisplay,
    AnnealedTrainingDisplay,
    BinaryNetworkDisplay,
    ChainBreakDisplay,
    EffectiveBetaDisplay,
    EmbeddingDisplay,
    GeneratedImagesDisplay,
    LatentTraversalDisplay,
    LayerEnergyDisplay,
    QUBOMatrixDisplay,
    ReceptiveFieldDisplay,
    ReliabilityDisplay,
    SearchCostDisplay,
    SuccessProbabilityDisplay,
)
from qsklearn.inspection._fitted_estimator import check_has, find_having, look_inside

X = np.random.default_rng(0).random((20, 4))
Y = np.arange(20) % 2


class Sampler:
    embedding = {"a": [0], "b": [1]}
    sampler = nx.path_graph(2)


class Model(BaseEstimator):
    """Has what displays read of models with latent bits that were trained on a device."""

    def __init__(self, alpha=1.0):
        self.alpha = alpha

    def fit(self, X, y=None):
        self.components_ = np.eye(4)
        self.sampler_ = Sampler()
        self.beta_eff_ = [1.0, 2.0]
        self.history_ = {"chain_break_fraction": [0.1, 0.2]}
        energies = dict.fromkeys(("base_energy", "annealed_energy", "energy", "optimum"), [[1.0]])
        others = {"target_rms": [[1.0]], "condition_number": [[1.0]], "loss": [1.0]}
        self.diagnostics_ = energies | others | {"layer_names": ["one"]}
        return self

    def score(self, X, y=None):
        return 1.0

    def transform(self, X):
        return (np.asarray(X) > 0.5) * 1.0

    def inverse_transform(self, Z):
        return np.asarray(Z)

    def sample(self, n, random_state=None):
        return np.full((n, 4), 0.5)

    def sample_latent(self, n, random_state=None):
        return np.ones((n, 4))


def wrap(model):
    """The model in a Pipeline, in a search, in both, and before a classifier."""
    last = make_pipeline(StandardScaler(), model)
    first = make_pipeline(StandardScaler(), model, LogisticRegression())
    grid = {"alpha": [1.0]}
    nested = make_pipeline(StandardScaler(), GridSearchCV(model, grid, cv=2))
    around = GridSearchCV(last, {"model__alpha": [1.0]}, cv=2)
    return [last, first, GridSearchCV(model, grid, cv=2), nested, around]


@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize(
    "display",
    [
        AnnealedTrainingDisplay,
        ChainBreakDisplay,
        EffectiveBetaDisplay,
        GeneratedImagesDisplay,
        LatentTraversalDisplay,
        LayerEnergyDisplay,
        ReceptiveFieldDisplay,
    ],
)
def test_models_are_found_in_pipelines_and_searches(display, number):
    estimator = wrap(Model())[number]
    if display in (ChainBreakDisplay, EffectiveBetaDisplay, ReceptiveFieldDisplay):
        estimator.fit(X, Y)
    else:
        with pytest.raises(NotFittedError):
            display.from_estimator(estimator)
        estimator.fit(X, Y)
    shown = display.from_estimator(estimator)
    assert shown.figure_ is not None
    if display is ReceptiveFieldDisplay and number == 1:
        assert shown.unit_names == ["1"]  # the classifier's: the last step with weights


def test_embeddings_are_found():
    for estimator in wrap(Model()):
        chains = EmbeddingDisplay.from_estimator(estimator.fit(X, Y)).chains
        assert chains == {"a": (0,), "b": (1,)}


@pytest.mark.parametrize(
    "display",
    [
        AccuracyLandscapeDisplay,
        AmplifiedWeightsDisplay,
        BinaryNetworkDisplay,
        SearchCostDisplay,
        SuccessProbabilityDisplay,
    ],
)
def test_searched_networks_are_found(display, searched):
    pipeline = make_pipeline(StandardScaler(), searched.Classifier())
    with pytest.raises(NotFittedError):
        display.from_estimator(pipeline)
    assert display.from_estimator(pipeline.fit(X, Y)).figure_ is not None


def test_rows_are_the_pipelines_own():
    pipeline = make_pipeline(StandardScaler(), Model()).fit(X, Y)
    # Scaled this row is near 0, under the model's threshold; as it is, it lies above.
    row = np.full(4, 0.55)
    assert Model().fit(X).transform(row).all()
    assert not LatentTraversalDisplay.from_estimator(pipeline, row).values.any()
    with pytest.raises(ValueError, match="Got Pipeline instead, which lacks 'sample'"):
        GeneratedImagesDisplay.from_estimator(pipeline, X=X)
    # A search takes the rows of its best estimator.
    search = GridSearchCV(Model(), {"alpha": [1.0]}, cv=2).fit(X, Y)
    assert GeneratedImagesDisplay.from_estimator(search, X=X).originals is not None
    classifier = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)
    display = ReliabilityDisplay.from_estimator(classifier, X, Y)
    assert display.counts.sum() == 20 and display.name == "Pipeline"


def test_a_search_is_asked_for_the_model_of_a_row():
    dimod = pytest.importorskip("dimod")

    class Quadratic(Model):
        def to_bqm(self, x):
            return dimod.BinaryQuadraticModel({"a": float(x[0])}, {}, 0.0, "BINARY")

    search = GridSearchCV(Quadratic(), {"alpha": [1.0]}, cv=2).fit(X, Y)
    assert QUBOMatrixDisplay.from_estimator(search, [3.0]).matrix.sum() == 3.0
    # Scaled by the steps before it.
    scaler = MinMaxScaler((0, 10)).fit([[0.0], [1.0]])
    rows = [[0.0], [1.0]]
    for model in (Quadratic(), GridSearchCV(Quadratic(), {"alpha": [1.0]}, cv=2)):
        pipeline = make_pipeline(scaler, "passthrough", model).fit(np.repeat(rows, 4, axis=0))
        assert QUBOMatrixDisplay.from_estimator(pipeline, [0.3]).matrix.sum() == pytest.approx(3.0)
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [0.0, 1.0]})
    pipeline = make_pipeline(MinMaxScaler((0, 10)), Quadratic()).fit(frame)
    row = pandas.Series({"a": 0.3})
    assert QUBOMatrixDisplay.from_estimator(pipeline, row).matrix.sum() == pytest.approx(3.0)
    with pytest.raises(ValueError, match="Got Pipeline instead"):
        QUBOMatrixDisplay.from_estimator(make_pipeline(Model()).fit(X), X[0])


def test_rows_reach_the_step_that_reports():
    class Reporting(Model):
        def fit(self, X, y=None):
            self.fitted_ = True
            return self

        def sampling_report(self, X):
            return {"chain_break_fraction": float(np.mean(X)), "beta_eff": float(np.max(X))}

    rows = np.array([[0.0], [5.0], [10.0]])
    for model in (Reporting(), make_pipeline("passthrough", Reporting())):
        pipeline = make_pipeline(MinMaxScaler(), model).fit(rows)
        breaks = ChainBreakDisplay.from_estimator(pipeline, rows)
        assert breaks.fractions.tolist() == [0.5]
        assert ChainBreakDisplay.from_estimator(pipeline, rows, n_calls=3).fractions.size == 3
        assert EffectiveBetaDisplay.from_estimator(pipeline, rows).beta_eff.tolist() == [1.0]


def test_the_last_that_has_it_is_found():
    early, late, search = Model(1.0), Model(2.0), GridSearchCV(Model(), {})
    pipeline = make_pipeline(early, late, search, "passthrough")
    assert list(look_inside(pipeline)) == [pipeline, "passthrough", search, late, early]
    assert list(look_inside(pipeline, steps=False)) == [pipeline]
    assert find_having(pipeline, ("sample",)) is late
    assert find_having(pipeline, ("nothing",)) is pipeline
    assert check_has(make_pipeline(late.fit(X)), ("sample",), "A", "B") is late
    with pytest.raises(ValueError, match="must have 'nothing', as B. Got Pipeline instead, which"):
        check_has(make_pipeline(Model()).fit(X), ("nothing",), "A", "B")
