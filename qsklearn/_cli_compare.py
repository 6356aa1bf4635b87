"""``qsklearn compare``: contenders and data by name, tables to the screen, a page and figures."""

from __future__ import annotations

import contextlib
import math
import os
import sys
import textwrap
import warnings

import numpy as np

from qsklearn._cli_data import check_data_options, label_data, load_data, split_names
from qsklearn._cli_errors import CommandError, choose
from qsklearn._cli_estimators import build_contenders, prepare

_REPORT, _SCORES = "report.html", "scores.csv"
_SECONDS = "fit_seconds"
_REASON = 200  # characters of a warning


def run_compare(args):
    """Compare as the options say.

    Parameters
    ----------
    args : argparse.Namespace

    Returns
    -------
    code : int
        0, or 1 if a contender finished no fold of a data set, or a data set could not be compared.

    Raises
    ------
    CommandError
        If an option cannot be used; before anything is fitted, as far as that can be known.
    """
    names = split_names(args.data or ["digits"])
    check_data_options(names, args)
    _check_run_options(args)
    labels = label_data(names)
    files = _check_output(args, list(labels.values()))
    contenders = build_contenders(
        args.estimator, args.sampler, args.param, args.controls, _spaces(args)
    )
    baseline = _find_baseline(args.baseline, contenders)
    tables = {name: load_data(name, args) for name in names}
    results = {}
    for name, table in tables.items():
        print(_headline(labels[name], table, args, contenders), flush=True)
        try:
            results[labels[name]], heard = _run(args, contenders, table, baseline)
        except CommandError as error:
            if len(tables) == 1:
                raise
            # What others have found must not be lost.
            print(f"qsklearn: error: {labels[name]}: {error}", file=sys.stderr)
            continue
        _print_result(results[labels[name]], heard)
    if not results:
        raise CommandError("no data set could be compared")
    if len(results) > 1:
        _print_ranks(results)
    notes = {labels[name]: [*table.notes, *contenders.notes] for name, table in tables.items()}
    _write(args, results, files, notes)
    unfinished = [row["n_folds"] == 0 for r in results.values() for row in r.summary()]
    return int(any(unfinished) or len(results) < len(tables))


def _check_run_options(args):
    from sklearn.metrics import get_scorer_names

    for scoring in args.scoring:
        choose("--scoring", scoring, get_scorer_names())
    if args.cv < 2:
        raise CommandError(f"--cv must be 2 or more folds, got {args.cv}")
    if args.n_jobs == 0:
        raise CommandError("--n-jobs must not be 0; -1 uses every core")
    if not 0 <= args.random_state < 2**32:
        raise CommandError(f"--random-state must be in [0, 2**32), got {args.random_state}")


def _spaces(args):
    """What was typed of spaces, or None where nothing is tuned."""
    if args.tune is None:
        if args.space:
            raise CommandError("--space goes with --tune, the number of candidates")
        return None
    if args.tune < 1:
        raise CommandError(f"--tune must be 1 or more candidates, got {args.tune}")
    return args.space


def _check_output(args, labels):
    """Before the work: can what it finds be written? Returns the files by what they show."""
    if args.output is None:
        return {}
    from qsklearn._optional import import_optional

    files = {
        (label, quantity): args.output / _picture(label, quantity, len(labels))
        for label in labels
        for quantity in [*args.scoring, _SECONDS]
    }
    files |= {name: args.output / name for name in (_REPORT, _SCORES)}
    try:
        _try_folder(args.output)
        there = [str(file) for file in files.values() if file.exists()]
        for module in ("matplotlib.figure", "pandas"):
            import_optional(module, "qsklearn compare --output")
    except (ImportError, OSError) as error:
        raise CommandError(f"--output {args.output}: {error}") from error
    if there and not args.overwrite:
        raise CommandError(f"already there: {', '.join(there)}; pass --overwrite to replace")
    return files


def _picture(label, quantity, n_labels):
    stem = "".join(c if c.isalnum() or c in "-_." else "_" for c in label)
    return f"{quantity}.png" if n_labels == 1 else f"{stem}_{quantity}.png"


def _try_folder(folder):
    """Raise OSError if `folder` cannot be made and written to; what is made goes again."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    if not nearest.is_dir():
        raise NotADirectoryError(f"{str(nearest)!r} is a file, not a folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError("the folder cannot be written to")
    finally:
        # An interrupted comparison must leave nothing, so the folder comes with its files.
        for path in missing:
            with contextlib.suppress(OSError):
                path.rmdir()


def _find_baseline(name, contenders):
    """A label, by the name of an estimator or by itself; the first twin where none is named."""
    if name is None:
        return contenders.twin or next(iter(contenders.estimators))
    if name in contenders.labels:
        return contenders.labels[name]
    return choose("--baseline", name, [*contenders.estimators, *contenders.labels])


def _headline(label, table, args, contenders):
    from qsklearn.model_selection._data_facts import chance_level, describe_data, format_classes

    tuned = f", {args.tune} candidates each" if args.tune else ""
    classes = describe_data(table.X, table.y)["classes"]
    counted = f"classes with their rows: {format_classes(classes)}"
    if "accuracy" in args.scoring:
        counted += f"; always saying the largest has an accuracy of {chance_level(classes):.3f}"
    lines = [
        f"{label}: {table.X.shape[0]} rows, {table.X.shape[1]} features, "
        f"{len(classes)} classes, {args.cv} folds{tuned}; estimators: "
        f"{', '.join(contenders.estimators)}",
        counted,
    ]
    return "\n  ".join([*lines, *table.notes, *contenders.notes])


def _run(args, contenders, table, baseline):
    from qsklearn.model_selection import compare

    estimators = contenders.estimators
    if table.X.dtype == object or np.isnan(table.X).any():
        estimators = prepare(estimators, table.text_columns, table.X.shape[1])
    tuning = {"param_distributions": contenders.spaces, "n_candidates": args.tune}
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("default")
        try:
            result = compare(
                estimators,
                table.X,
                table.y,
                cv=args.cv,
                scoring=args.scoring,
                baseline=baseline,
                n_jobs=args.n_jobs,
                random_state=args.random_state,
                verbose=1,
                **(tuning if args.tune else {}),
            )
        except ValueError as error:
            # Failing fits are reported, so this is about the arguments: too many folds, say.
            raise CommandError(str(error)) from error
    return result, heard


def _print_result(result, heard):
    for scoring in result.scorers:
        print(f"\n{result.to_text(scoring)}")
    _print_warnings(result, heard)
    print(flush=True)


def _print_warnings(result, heard):
    """One line for all fits that did not converge, and one for each other warning."""
    from sklearn.exceptions import ConvergenceWarning, FitFailedWarning

    counts = {
        name: sum(any(c is ConvergenceWarning for c, _ in fold) for fold in folds)
        for name, folds in result.warnings.items()
    }
    unfinished = [f"{n} of {result.n_folds} fits of {name}" for name, n in counts.items() if n]
    if unfinished:
        print(f"\nStopped before convergence: {', '.join(unfinished)}.")
        for text in _first_reasons(result):
            print(textwrap.fill(f"  {text}", 100, subsequent_indent="  "))
    for warning in heard:
        # Failed fits stand below the table already.
        if not issubclass(warning.category, (ConvergenceWarning, FitFailedWarning)):
            text = " ".join(str(warning.message).split())
            print(f"qsklearn: {warning.category.__name__}: {text}", file=sys.stderr)


def _first_reasons(result):
    """Of each contender that did not converge what its first fit said, in few words."""
    from sklearn.exceptions import ConvergenceWarning

    said = {
        name: next((t for fold in folds for c, t in fold if c is ConvergenceWarning), None)
        for name, folds in result.warnings.items()
    }
    return dict.fromkeys(textwrap.shorten(text, _REASON) for text in said.values() if text)


def _print_ranks(results):
    """Over data sets: pseudo-medians of differences and their tests, a line a pair."""
    from qsklearn.model_selection import signed_rank_tests

    for scoring in next(iter(results.values())).scorers:
        rows = [
            row
            for controls in (False, True)
            for row in signed_rank_tests(results, scoring=scoring, controls=controls)
        ]
        tests = {(row["estimator"], row["baseline"]): row for row in rows}.values()
        print(
            f"Over {len(results)} data sets, {scoring}: pseudo-median of differences, "
            "rank-biserial effect, signed-rank test"
        )
        for test in tests:
            line = (
                f"  {test['estimator']} minus {test['baseline']}: {_interval(test)}, effect "
                f"{test['effect_size']:+.2f}, p = {test['p_value']:.3f}"
            )
            print(textwrap.fill(line, 100, subsequent_indent="    "))
        for note in dict.fromkeys(test["note"] for test in tests if test["note"]):
            print(textwrap.fill(f"  {note}", 100, subsequent_indent="  "))


def _interval(test):
    bounds = f" [{test['ci_low']:+.3f}, {test['ci_high']:+.3f}]"
    return f"{test['median_difference']:+.3f}{'' if math.isnan(test['ci_low']) else bounds}"


def _write(args, results, files, notes):
    if not files:
        return
    from qsklearn.inspection import ComparisonDisplay
    from qsklearn.model_selection import write_report

    try:
        args.output.mkdir(parents=True, exist_ok=True)
        for label, result in results.items():
            for quantity in [*result.scorers, _SECONDS]:
                display = ComparisonDisplay.from_result(result, scoring=quantity)
                display.figure_.savefig(files[label, quantity], dpi=150)
        _frame(results).to_csv(files[_SCORES], index=False)
        write_report(
            results,
            files[_REPORT],
            title=f"Comparison of estimators on {', '.join(results)}",
            command=_command(args),
            notes={label: notes[label] for label in results},
            overwrite=True,
        )
    except OSError as error:
        raise CommandError(f"--output {args.output}: {error}") from error
    written = [str(file) for file in files.values() if file.exists()]
    print(f"\nWrote {', '.join(written)}")


def _command(args):
    """What repeats this, also where the page lies already."""
    return args.command if args.overwrite else f"{args.command} --overwrite"


def _frame(results):
    """A row for each data set, contender and fold."""
    import pandas

    frames = {label: result.to_frame() for label, result in results.items()}
    return pandas.concat(frames, names=["data", None]).reset_index(level="data")
