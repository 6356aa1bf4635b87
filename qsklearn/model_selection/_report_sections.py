"""What one comparison shows on its page, section by section; wall seconds in one of their own."""

from __future__ import annotations

import base64
import io
from html import escape

from qsklearn.inspection import ComparisonDisplay, PairedDifferenceDisplay
from qsklearn.model_selection._data_facts import chance_level, format_classes
from qsklearn.model_selection._fingerprint import stable_repr
from qsklearn.model_selection._page import note, section, table
from qsklearn.model_selection._statistics import mean_cost, mean_of_finished
from qsklearn.model_selection._text import (
    control_cells,
    format_amount,
    format_effect,
    format_interval,
    format_number,
    format_p,
    table_cells,
    tuning_notes,
)

# The names of seconds say so themselves.
_UNITS = {"qpu_access_time": "microseconds"}
_MEANINGS = {
    "calls": "requests to the sampler",
    "reads": "states that it drew",
    "sweeps": "attempts at every spin of a model, in software",
    "queries": "problems sent to a device",
    "oracle_queries": "evaluations of all weights in superposition",
    "evaluations": "of a network",
    "faults": "failed calls of a device, tried again",
    "qpu_access_time": "that a device took, by its own account",
    "compile_seconds": "making models of the weights",
    "sample_seconds": "drawing states",
    "update_seconds": "all else of the training",
}
# The class of what no second run repeats. All else on a page is repeatable.
TIMINGS = "timings"


def result_sections(result, level, notes=()):
    """The sections of one comparison.

    Parameters
    ----------
    result : ComparisonResult
    level : int
        Of the headings.
    notes : sequence of str, default=()
        On the data.

    Yields
    ------
    html : str
    """
    yield section("Data", _data(result, notes), level=level)
    for heading, *parts in _parts(result):
        if any(parts):
            yield section(heading, *filter(None, parts), level=level)
    yield section("Timings", *_timings(result), level=level, kind=TIMINGS)


def _parts(result):
    for scoring in result.scorers:
        yield scoring, _summary(result, scoring), _figure(result, scoring)
        yield f"Against their own controls: {scoring}", *_controls(result, scoring)
        yield f"Paired tests: {scoring}", *_paired_tests(result, scoring)
    yield "Tuning", *_tuning(result)
    yield "Cost", *_costs(result)
    yield "Scores per fold", *(_fold_scores(result, scoring) for scoring in result.scorers)
    yield "Folds that failed", _errors(result.errors)
    yield "Fits that stopped early", _errors(result.stopped_early)
    yield "Warnings", _warnings(result)
    yield "Settings", _settings(result)
    yield "Seeds and folds", _seeds(result)


def _data(result, notes):
    facts = [["rows", f"{result.data['n_samples']:,}"]]
    if result.data["n_features"] is not None:
        facts.append(["features", f"{result.data['n_features']:,}"])
    if classes := result.data["classes"]:
        facts.append(["classes with their rows", format_classes(classes)])
        if "accuracy" in result.scorers:
            chance = f"accuracy {chance_level(classes):.3f}"
            facts.append(["always saying the largest class", chance])
    facts += [["note", text] for text in notes]
    return table(["item", "value"], facts, text_columns=[1])


def _summary(result, scoring):
    header, rows, notes = table_cells(result, scoring, seconds=False)
    return table(header, rows) + "".join(map(note, notes))


def _controls(result, scoring):
    header, rows = control_cells(result, scoring)
    if not rows:
        return
    yield table(header, rows)
    yield note(
        "A control is the same estimator with one part replaced, or its classical twin; what the "
        "difference leaves is what that part adds. Tests as below."
    )
    yield _image(
        PairedDifferenceDisplay.from_result(result, scoring=scoring, controls=True),
        f"differences in {scoring} of every contender from its controls on every fold",
    )


def _paired_tests(result, scoring):
    tests, beliefs = result.paired_tests(scoring=scoring), result.bayesian_tests(scoring=scoring)
    if not tests:
        yield "<p>There is one estimator.</p>"
        return
    header = ["estimator", "folds", f"minus {result.baseline}, 95 % interval", "t", "p"]
    header += ["effect size, 95 % interval", "note"]
    rows = [
        [
            test["estimator"],
            test["n_folds"],
            _interval(test, "difference", "ci"),
            format_number(test["t"]),
            format_p(test["p_value"]),
            _effect(test),
            test["note"],
        ]
        for test in tests
    ]
    yield table(header, rows, text_columns=[6])
    yield note(
        "Effect size: mean over standard deviation of the folds' differences; interval from the "
        "noncentral Student law of t."
    )
    yield _beliefs(result, beliefs)


def _beliefs(result, beliefs):
    header = ["estimator", f"worse than {result.baseline}", "equivalent", "better", "note"]
    rows = [
        [
            belief["estimator"],
            *(format_number(belief[key]) for key in ("p_worse", "p_equivalent", "p_better")),
            belief["note"],
        ]
        for belief in beliefs
    ]
    text = (
        "Posterior probabilities of a Bayesian correlated t-test (Corani and Benavoli 2015); "
        f"equivalent is a difference of at most {beliefs[0]['rope']:g}."
    )
    return table(header, rows, text_columns=[4]) + note(text)


def _interval(row, value, bounds):
    return format_interval(row[value], row[f"{bounds}_low"], row[f"{bounds}_high"])


def _effect(test):
    size = format_effect(test["effect_size"])
    low, high = format_effect(test["effect_low"]), format_effect(test["effect_high"])
    return f"{size} [{low}, {high}]" if low != "n/a" else size


def _tuning(result):
    tuned = {name: found for name, found in result.best_params.items() if any(found)}
    yield "".join(map(note, tuning_notes(result)))
    spaces = (result.tuning or {"spaces": {}})["spaces"]
    rows = [
        [name, result.n_candidates[name], spaces.get(name, "a search of its own")]
        for name in result.names
        if name in spaces or name in tuned
    ]
    if not rows:
        return
    yield table(["estimator", "candidates", "space"], rows, text_columns=[2])
    rows = [
        [name, fold, "none" if params is None else format_params(params)]
        for name, found in tuned.items()
        for fold, params in enumerate(found)
    ]
    yield table(["estimator", "fold", "best parameters"], rows, text_columns=[2])


def format_params(params):
    """Parameters as keyword arguments."""
    return ", ".join(f"{key}={stable_repr(value)}" for key, value in sorted(params.items()))


def _costs(result):
    costs = {row["estimator"]: _counts(row["cost"]) for row in result.summary()}
    if any(costs.values()):
        yield _cost_table(costs)
        yield note(f"Means per fit. {_meanings(costs)}")
    spent = {name: _counts(mean_cost(result.tuning_costs[name])) for name in result.names}
    spent = {name: cost for name, cost in spent.items() if cost}
    if spent:
        yield _cost_table(spent)
        yield note("Spent in tuning: sums over all its fits in a fold, mean over the folds.")


def _is_seconds(key):
    return key.endswith("seconds")


def _counts(cost):
    return {key: value for key, value in cost.items() if not _is_seconds(key)}


def _cost_table(costs):
    keys = sorted({key for cost in costs.values() for key in cost})
    rows = [
        [name, *(format_amount(cost[key]) if key in cost else "-" for key in keys)]
        for name, cost in costs.items()
    ]
    return table(["estimator", *map(_cost_name, keys)], rows)


def _meanings(costs):
    """What the columns of a table of costs count."""
    keys = sorted({key for cost in costs.values() for key in cost} & set(_MEANINGS))
    texts = [f"{key.replace('_', ' ')}: {_MEANINGS[key]}" for key in keys]
    return f"{'; '.join(texts)}." if texts else ""


def _cost_name(key):
    unit = f" ({_UNITS[key]})" if key in _UNITS else ""
    return key.replace("_", " ") + unit


def _fold_scores(result, scoring):
    header = [scoring, *(f"fold {fold}" for fold in range(result.n_folds))]
    scores = result.scores[scoring]
    rows = [[name, *(format_number(score) for score in scores[name])] for name in result.names]
    return table(header, rows)


def _errors(texts):
    return "".join(
        f'<p class="error">{escape(name)}, fold {fold}: {escape(error)}</p>'
        for name, errors in texts.items()
        for fold, error in enumerate(errors)
        if error
    )


def _warnings(result):
    rows = {}
    for when, heard_by in (("", result.warnings), ("while tuning, ", result.tuning_warnings)):
        for name in result.names:
            for category, text in (one for heard in heard_by[name] for one in heard):
                key = name, f"{when}{category.__name__}: {text}"
                rows[key] = rows.get(key, 0) + 1
    cells = [[name, n, text] for (name, text), n in rows.items()]
    return table(["estimator", "times", "warning"], cells, text_columns=[2]) if cells else ""


def _settings(result):
    rows = [[name, setting] for name, setting in result.settings.items()]
    return table(["estimator", "as scikit-learn prints it"], rows, text_columns=[1])


def _seeds(result):
    facts = [
        ["random_state", stable_repr(result.random_state)],
        ["seed of each fold", ", ".join(map(str, result.seeds))],
        ["rows trained on", ", ".join(map(str, result.train_sizes))],
        ["rows tested on", ", ".join(map(str, result.test_sizes))],
        ["fingerprint", result.fingerprint()],
    ]
    return table(["item", "value"], facts, text_columns=[1]) + note(
        "A second run that finds the same, bit for bit, has the same fingerprint: SHA-256 of "
        "names, seeds, scores and best parameters."
    )


def _timings(result):
    yield _figure(result, "fit_seconds")
    rows = {
        row["estimator"]: {
            "fit_seconds": row["fit_seconds"],
            "score_seconds": row["score_seconds"],
            "tuning_seconds": mean_of_finished(result.tuning_seconds[row["estimator"]]),
            **{key: value for key, value in row["cost"].items() if _is_seconds(key)},
        }
        for row in result.summary()
    }
    if result.tuning is None:
        for cost in rows.values():
            del cost["tuning_seconds"]
    yield _cost_table(rows)
    yield note(
        "Means per fold, by the clock; of a tuned estimator the fit with its best parameters. "
        f"{_meanings(rows)}"
    )


def _figure(result, quantity):
    display = ComparisonDisplay.from_result(result, scoring=quantity)
    return _image(display, f"{quantity} of every estimator on every fold")


def _image(display, alt):
    buffer = io.BytesIO()
    display.figure_.savefig(buffer, format="png", dpi=120)
    image = base64.b64encode(buffer.getvalue()).decode("ascii")
    text = escape(f"{alt}; the numbers are in the tables")
    return f'<img alt="{text}" src="data:image/png;base64,{image}">'
