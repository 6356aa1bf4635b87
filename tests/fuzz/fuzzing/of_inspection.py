"""Recipes of displays: their numbers are fuzzed more than their pictures, which are slow."""

from functools import cache

import dimod
import numpy as np
from matplotlib.figure import Figure
from sklearn.naive_bayes import GaussianNB

from fuzzing.entries import Case, entry
from fuzzing.of_estimators import fitted
from fuzzing.of_samplers import device, tiny_device
from fuzzing.of_selection import curve, result
from qsklearn import QuantumSampledMLPClassifier, inspection, samplers

_EPOCHS, _LAYERS = 3, 2


def _diagnostics(source, *names):
    numbers = {name: abs(source.array(_EPOCHS, _LAYERS)) + 0.1 for name in names}
    return {**numbers, "layer_names": ["hidden", "output"]}


def _images(source, *shape):
    return np.clip(np.nan_to_num(source.array(*shape, 3, 3)), -1e6, 1e6)


def _curves():
    draws = np.arange(1, 101)
    return {"classical": (draws, 1 - 0.9**draws), "quantum": (draws, 1 - 0.7**draws)}


def _numbers(source, kind):
    """What the constructor takes."""
    energies = np.sort(source.rng.normal(size=4))
    return {
        "AccuracyLandscapeDisplay": {
            "histogram": [[0, 3, 0, 5]],
            "class_names": source.choice(None, ["a"]),
            "probabilities": source.choice(None, [[0, 0.5, 0, 0.5]]),
        },
        "AmplifiedWeightsDisplay": {
            "probabilities": np.full((2, 4), 0.25),
            "is_optimal": np.array([False, True, False, False]),
            "iterations": [0, 1],
        },
        "AnnealedTrainingDisplay": {
            "diagnostics": {
                "loss": abs(source.array(_EPOCHS)),
                **_diagnostics(source, "energy", "optimum", "target_rms", "condition_number"),
            }
        },
        "AutocorrelationDisplay": {
            "autocorrelation": np.array([1.0, 0.5, 0.2, 0.0]),
            "window": 2,
            "n_chains": 2,
            "n_draws": 100,
            "n_components": 1.0,
        },
        "BinaryNetworkDisplay": {
            "hidden_weights": source.spins(2, 3),
            "output_weights": source.spins(2),
            "input_names": source.choice(None, list("abc")),
            "fit_bias": False,
        },
        "ChainBreakDisplay": {
            "fractions": source.rng.random(3),
            "chain_lengths": np.array([1, 2, 2]),
            "chain_fractions": np.array([0.0, 0.5, 0.1]),
            "n_draws": 10,
        },
        "ComparisonDisplay": {
            "values": {"accuracy": {"a": source.rng.random(3), "b": [0.5, 0.4, 0.1]}},
            "half_widths": {"accuracy": {"a": 0.1, "b": 0.2}},
            "baseline": source.choice(None, "a"),
        },
        "CostCurveDisplay": {
            "rows": [
                {
                    "estimator": "e",
                    "parameter": "num_reads",
                    "value": n,
                    "scoring": "accuracy",
                    "mean": 0.5,
                    "half_width": 0.1,
                    "reads": reads,
                }
                for n, reads in ((1, 10.0), (2, 20.0))
            ]
        },
        "EffectiveBetaDisplay": {
            "beta_eff": abs(source.array(3)) + 0.1,
            "stderr": source.choice(None, np.ones(3)),
            "beta_true": source.choice(None, 1.0),
        },
        "EmbeddingDisplay": {
            "embedding": {"a": [0, 4], "b": [1]},
            "target_graph": samplers.working_graph(tiny_device()),
            "source_graph": None,
        },
        "EnergyHistogramDisplay": {
            "energies": energies,
            "counts": np.array([4, 3, 2, 1]),
            "levels": energies,
            "degeneracies": np.ones(4, int),
            "beta": 1.0,
        },
        "GeneratedImagesDisplay": {
            "images": _images(source, 4),
            "names": source.choice(None, list("abcd")),
            "originals": _images(source, 2),
            "reconstructions": _images(source, 2),
        },
        "LatentTraversalDisplay": {
            "images": _images(source, 2, 2),
            "units": [0, 3],
            "values": [0, 1],
        },
        "LayerEnergyDisplay": {
            "diagnostics": _diagnostics(
                source, "base_energy", "annealed_energy", "energy", "optimum"
            )
        },
        "PairedDifferenceDisplay": {
            "tests": {
                "accuracy": [
                    {
                        "estimator": "a",
                        "difference": 0.1,
                        "ci_low": 0.0,
                        "ci_high": 0.2,
                        "p_value": 0.1,
                    }
                ]
            },
            "differences": {"accuracy": {"a": source.rng.normal(size=3)}},
            "baseline": "b",
            "rope": source.choice(None, 0.01, (-0.1, 0.1)),
        },
        "QUBOMatrixDisplay": {
            "matrix": np.triu(source.array(3, 3)),
            "layers": source.choice(None, [("hidden", 1), ("class", 2)]),
        },
        "ReceptiveFieldDisplay": {
            "weights": _images(source, 4),
            "unit_names": source.choice(None, list("abcd")),
        },
        "ReliabilityDisplay": {
            "confidences": source.rng.random(8),
            "is_right": source.rng.random(8) < 0.5,
            "n_bins": source.integer(1, 10),
            "strategy": source.choice("uniform", "quantile"),
            "name": source.choice(None, "name"),
        },
        "SearchCostDisplay": {"curves": _curves(), "confidence": source.choice(0.9, 0.5)},
        "SuccessProbabilityDisplay": {
            "iterations": np.arange(4),
            "probabilities": source.rng.random(4),
            "runs": 10,
            "successes": np.array([1, 2, 3, 4]),
            "name": None,
        },
    }[kind]


_OPTIONS = {
    "AutocorrelationDisplay": {"max_lag": None},
    "CostCurveDisplay": {"cost": "reads"},
    "EmbeddingDisplay": {"labels": "auto"},
    "EnergyHistogramDisplay": {"bins": "auto", "show_beta_eff": True},
    "GeneratedImagesDisplay": {"cmap": "gray_r"},
    "PairedDifferenceDisplay": {"scoring": "accuracy"},
    "LatentTraversalDisplay": {"cmap": "gray_r", "colorbar": False},
    "QUBOMatrixDisplay": {"cmap": "RdBu_r", "colorbar": False, "vmax": None},
    "ReceptiveFieldDisplay": {"cmap": "cividis", "colorbar": False, "vmax": None},
    "ReliabilityDisplay": {"name": "name"},
    "ComparisonDisplay": {"scoring": "accuracy"},
}


def _prepared(source, kind):
    """Numbers that go together: of some, all or none are given."""
    words = _numbers(source, kind)
    if kind == "AccuracyLandscapeDisplay":
        words["iterations"] = None if words["probabilities"] is None else 1
    return words


def _construct(source, kind):
    words = _prepared(source, kind)
    draws = source.integer(0, 2) == 0

    def call(**numbers):
        display = getattr(inspection, kind)(**numbers)
        return display.plot() if draws else display

    return Case(call, words)


def _plot(source, kind):
    words = _prepared(source, kind)
    display = getattr(inspection, kind)(**words)
    return Case(display.plot, {"ax": None, **_OPTIONS.get(kind, {})}, may_refuse=source.is_extreme)


KINDS = tuple(sorted(set(inspection.__all__)))
for _kind in KINDS:
    entry(f"inspection.{_kind}", weight=0.5, seconds=40.0)(
        lambda source, kind=_kind: _construct(source, kind)
    )
    entry(f"inspection.{_kind}.plot", weight=0.15, seconds=40.0)(
        lambda source, kind=_kind: _plot(source, kind)
    )


# --- from fitted estimators ----------------------------------------------------------------------


@cache
def _of_device():
    X, y = np.random.default_rng(0).random((12, 2)), np.arange(12) % 2
    sampler = samplers.EmbeddedSampler(device(), num_reads=5)
    mlp = QuantumSampledMLPClassifier(2, sampler=sampler, num_reads=5, max_iter=2, random_state=0)
    return mlp.fit(X, y), X


@cache
def _bayes():
    X, y = np.random.default_rng(0).normal(size=(20, 2)), np.arange(20) % 2
    return GaussianNB().fit(X, y), X, y


@entry(
    "inspection.AccuracyLandscapeDisplay.from_estimator",
    "inspection.AmplifiedWeightsDisplay.from_estimator",
    "inspection.BinaryNetworkDisplay.from_estimator",
    "inspection.SearchCostDisplay.from_estimator",
    "inspection.SuccessProbabilityDisplay.from_estimator",
    weight=0.15,
    seconds=40.0,
)
def _of_grover(source, name):
    estimator, _, y = fitted("GroverBNNClassifier", 0)
    more = {
        "AccuracyLandscapeDisplay": {"n_iterations": source.choice(None, 1, "best")},
        "AmplifiedWeightsDisplay": {"iterations": source.choice(None, [0, 1])},
        "BinaryNetworkDisplay": {"solution": 0},
        "SearchCostDisplay": {"confidence": 0.9},
        "SuccessProbabilityDisplay": {"max_iterations": source.choice(None, 3)},
    }[name.split(".")[1]]
    call = getattr(inspection, name.split(".")[1]).from_estimator
    return Case(
        call, {"estimator": estimator, "label": source.choice(None, y[0]), **more, "ax": None}
    )


@entry(
    "inspection.AnnealedTrainingDisplay.from_estimator",
    "inspection.LayerEnergyDisplay.from_estimator",
    weight=0.15,
    seconds=40.0,
)
def _of_annealed(source, name):
    estimator, _, _ = fitted("SpinGlassAnnealedNetwork", 0)
    call = getattr(inspection, name.split(".")[1]).from_estimator
    return Case(call, {"estimator": estimator, "ax": None})


@entry(
    "inspection.ChainBreakDisplay.from_estimator",
    "inspection.EffectiveBetaDisplay.from_estimator",
    "inspection.EmbeddingDisplay.from_estimator",
    weight=0.15,
    seconds=40.0,
)
def _of_sampler(source, name):
    estimator, X = _of_device()
    kind = name.split(".")[1]
    more = {
        "ChainBreakDisplay": {"X": X, "n_calls": 1},
        "EffectiveBetaDisplay": {"X": X, "beta_true": None},
        "EmbeddingDisplay": {"source_graph": None, "labels": "auto"},
    }[kind]
    call = getattr(inspection, kind).from_estimator
    return Case(call, {"estimator": estimator, **more, "ax": None}, may_refuse=True)


@entry(
    "inspection.EmbeddingDisplay.from_sampler",
    "inspection.EmbeddingDisplay.from_embedding",
    weight=0.15,
)
def _embeddings(source, name):
    embedding = {"a": [0, 4], "b": [1]}
    if name.endswith("from_sampler"):
        words = {"sampler": samplers.EmbeddedSampler(tiny_device(), embedding=embedding)}
    else:
        words = {"embedding": embedding, "target_graph": samplers.working_graph(tiny_device())}
    more = {"source_graph": source.choice(None, [("a", "b")]), "labels": "auto", "ax": None}
    call = getattr(inspection.EmbeddingDisplay, name.split(".")[-1])
    return Case(call, words | more, may_refuse=more["source_graph"] is not None)


@entry("inspection.AutocorrelationDisplay.from_chains", weight=0.3, seconds=40.0)
def _chains(source):
    chains = source.array(2, 30) if source.flag() else source.spins(2, 30, 3)
    arguments = {
        "chains": chains,
        "method": source.choice("sokal", "geyer"),
        "max_lag": None,
        "ax": source.choice(None, Figure().subplots()),
    }
    return Case(inspection.AutocorrelationDisplay.from_chains, arguments)


@entry(
    "inspection.ChainBreakDisplay.from_qubits",
    "inspection.ChainBreakDisplay.from_samplesets",
    weight=0.2,
)
def _breaks(source, name):
    drawn = dimod.SampleSet.from_samples(
        source.spins(4, 3), energy=np.zeros(4), vartype="SPIN", info={"chain_break_fraction": 0.25}
    )
    if name.endswith("from_samplesets"):
        return Case(
            inspection.ChainBreakDisplay.from_samplesets, {"samplesets": [drawn], "ax": None}
        )
    arguments = {"samplesets": drawn, "embedding": {"a": [0, 1], "b": [2]}, "ax": None}
    return Case(inspection.ChainBreakDisplay.from_qubits, arguments)


@entry(
    "inspection.ComparisonDisplay.from_result",
    "inspection.PairedDifferenceDisplay.from_result",
    "inspection.CostCurveDisplay.from_curve",
    weight=0.15,
    seconds=40.0,
)
def _of_result(source, name):
    kind, method = name.split(".")[1:]
    words = {"scoring": source.choice(None, "score"), "ax": None}
    if kind == "PairedDifferenceDisplay":
        words |= {"rope": source.choice(None, 0.01), "controls": False}
    first = {"curve": curve(), "cost": "reads"} if method == "from_curve" else {"result": result()}
    return Case(getattr(getattr(inspection, kind), method), first | words)


@entry(
    "inspection.EnergyHistogramDisplay.from_sampler",
    "inspection.EnergyHistogramDisplay.from_samples",
    weight=0.2,
    seconds=40.0,
)
def _histogram(source, name):
    model = dimod.BinaryQuadraticModel({"a": source.number(), "b": 0.5}, {"ab": -1.0}, 0.0, "SPIN")
    words = {
        "bqm": model,
        "beta": source.choice(None, 1.0),
        "bins": source.choice("auto", "levels", 5),
        "show_beta_eff": source.flag(),
        "ax": None,
    }
    if name.endswith("from_sampler"):
        words |= {"sampler": samplers.ExactSampler(), "num_reads": 50, "seed": 0}
    else:
        drawn = dimod.SampleSet.from_samples_bqm((source.spins(20, 2), "ab"), model)
        words |= {"samples": drawn}
    # Levels are drawn with the law, and no exact sampler searches for the effective temperature.
    call = getattr(inspection.EnergyHistogramDisplay, name.split(".")[-1])
    return Case(call, words, may_refuse=words["beta"] is None)


@entry(
    "inspection.GeneratedImagesDisplay.from_estimator",
    "inspection.LatentTraversalDisplay.from_estimator",
    weight=0.2,
    seconds=40.0,
)
def _generated(source, name):
    vae, X, _ = fitted("QuantumBoltzmannPriorVAE", 4)
    kind = name.split(".")[1]
    if kind == "GeneratedImagesDisplay":
        more = {
            "n_images": source.integer(1, 5),
            "X": source.choice(None, X),
            "y": None,
            "means": source.flag(),
        }
    else:
        more = {
            "X": source.choice(None, X[0]),
            "units": source.choice(None, 2, [0, 1]),
            "colorbar": True,
        }
    words = {
        "estimator": vae,
        "image_shape": (1, X.shape[1]),
        "random_state": 0,
        "ax": None,
        "cmap": "gray_r",
    }
    return Case(getattr(inspection, kind).from_estimator, words | more)


@entry(
    "inspection.QUBOMatrixDisplay.from_bqm",
    "inspection.QUBOMatrixDisplay.from_estimator",
    weight=0.2,
)
def _matrix(source, name):
    words = {
        "layers": None,
        "ax": None,
        "cmap": "RdBu_r",
        "colorbar": source.flag(),
        "vmax": source.choice(None, 1.0),
    }
    if name.endswith("from_bqm"):
        model = dimod.BinaryQuadraticModel(
            {"a": source.number(), "b": 0.5}, {"ab": -1.0}, 0.0, "BINARY"
        )
        return Case(inspection.QUBOMatrixDisplay.from_bqm, {"bqm": model, **words})
    estimator, X, _ = fitted("QUBOTransferClassifier", 0)
    first = {"estimator": estimator, "x": X[0]}
    return Case(inspection.QUBOMatrixDisplay.from_estimator, first | words)


@entry("inspection.ReceptiveFieldDisplay.from_estimator", weight=0.15, seconds=40.0)
def _fields(source):
    estimator, X, _ = fitted("QuantumSampledMLPClassifier", 0)
    words = {
        "estimator": estimator,
        "layer": 0,
        "image_shape": (1, X.shape[1]),
        "n_units": source.choice(None, 1),
        "ax": None,
        "cmap": "cividis",
        "colorbar": source.flag(),
        "vmax": None,
    }
    return Case(inspection.ReceptiveFieldDisplay.from_estimator, words)


@entry(
    "inspection.ReliabilityDisplay.from_estimator",
    "inspection.ReliabilityDisplay.from_predictions",
    weight=0.3,
    seconds=40.0,
)
def _reliability(source, name):
    estimator, X, y = _bayes()
    words = {
        "n_bins": source.integer(1, 8),
        "strategy": source.choice("uniform", "quantile"),
        "name": None,
        "ax": None,
    }
    if name.endswith("from_estimator"):
        words |= {"estimator": estimator, "X": X, "y": y}
    else:
        words |= {
            "y_true": y,
            "proba": estimator.predict_proba(X),
            "classes": source.choice(None, [0, 1]),
        }
    return Case(getattr(inspection.ReliabilityDisplay, name.split(".")[-1]), words)
