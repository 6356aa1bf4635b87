"""The command line: ``qsklearn compare``, ``qsklearn info`` and ``qsklearn recordings``."""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import sys
import warnings
from pathlib import Path

import qsklearn
from qsklearn._cli_errors import CommandError, choose

_REPORT = "report.html"


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise CommandError(f"{message} (see {self.prog} --help)")


def main(argv=None):
    """Run the command line.

    Parameters
    ----------
    argv : list of str or None, default=None
        Arguments; those of the process when None.

    Returns
    -------
    code : int
        0 on success, 1 if an estimator finished no fold or a recording is damaged, 2 on a mistake
        of the user's (one line on standard error), 130 when interrupted.

    Examples
    --------
    >>> from qsklearn._cli import main
    >>> main(["compare", "--data", "digit"])
    2
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    try:
        args = _make_parser().parse_args(argv)
        args.command = shlex.join(["qsklearn", *argv])
        return args.run(args)
    except CommandError as error:
        print(f"qsklearn: error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("qsklearn: interrupted", file=sys.stderr)
        return 130


def _make_parser():
    parser = _Parser(prog="qsklearn", description=qsklearn.__doc__.partition("\n")[0])
    parser.add_argument("--version", action="version", version=f"qsklearn {qsklearn.__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="command")
    info = commands.add_parser("info", help="versions, samplers usable here, caches")
    info.add_argument(
        "--clear-embeddings", action="store_true", help="delete the embeddings kept on disk"
    )
    info.add_argument(
        "--qpu", action="store_true", help="ask D-Wave which quantum processors can be reached"
    )
    info.set_defaults(run=_info)
    _add_recordings(commands.add_parser("recordings", help="what files of recorded calls hold"))
    compare = commands.add_parser("compare", help="cross-validated comparison of estimators")
    compare.set_defaults(run=_compare)
    _add_data_options(compare.add_argument_group("data"))
    _add_estimator_options(compare.add_argument_group("estimators"))
    _add_run_options(compare.add_argument_group("run"))
    return parser


def _add_recordings(parser):
    parser.set_defaults(run=_recordings)
    actions = parser.add_subparsers(title="actions", dest="action", required=True, metavar="action")
    helps = {
        "list": "sources, sessions with versions, calls, reads and QPU time",
        "verify": "whether the file is whole; the exit code is 1 if not",
        "export": "all calls as lines of JSON, for pandas.read_json(..., lines=True)",
    }
    for name, text in helps.items():
        action = actions.add_parser(name, help=text)
        action.add_argument(
            "path", type=Path, help="file of a RecordedSampler or RecordedPrimitive"
        )
        if name == "export":
            action.add_argument("--output", type=Path, required=True, help="file to be written")
            action.add_argument("--overwrite", action="store_true", help="replace that file")


def _names(text):
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise argparse.ArgumentTypeError(f"names separated by commas are wanted, got {text!r}")
    return list(dict.fromkeys(names))


def _add_data_options(group):
    group.add_argument(
        "--data",
        default="digits",
        help="digits (default), breast_cancer, wine, iris, mnist, fashion_mnist, or a path to a "
        ".csv (with a header) or .npz (with X and y)",
    )
    group.add_argument("--data-path", help="an .npz with mnist or fashion_mnist")
    group.add_argument("--data-home", help="scikit-learn's cache for mnist and fashion_mnist")
    group.add_argument("--target", help="column of the CSV with the labels; else its last")
    group.add_argument("--classes", type=_names, help="labels to keep, such as 3,8; else all")
    group.add_argument("--n-samples", type=int, help="size of a stratified sample; else all rows")


def _add_estimator_options(group):
    group.add_argument(
        "--estimator",
        type=_names,
        help="of sampled-mlp, spin-glass, qubo-transfer, classical-twin, logistic-regression; else "
        "sampled-mlp and the classical ones",
    )
    group.add_argument(
        "--sampler",
        type=_names,
        help="such as exact,gibbs (see qsklearn info): each makes one contender of a quantum "
        "estimator; else its own",
    )
    group.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="parameter of the quantum estimators, which their classical twins follow; repeatable. "
        "Such as predict_with=ebm: predicts by the law that was trained; better where training "
        "goes far",
    )
    group.add_argument(
        "--baseline", help="estimator to test the others against; else the classical twin"
    )


def _add_run_options(group):
    group.add_argument("--cv", type=int, default=5, help="folds (default 5)")
    group.add_argument(
        "--scoring",
        type=_names,
        default=["accuracy"],
        help="names of scikit-learn's scores (default accuracy)",
    )
    group.add_argument("--n-jobs", type=int, help="processes (default 1)")
    group.add_argument(
        "--random-state", type=int, default=0, help="decides rows, folds and seeds (default 0)"
    )
    group.add_argument("--output", type=Path, help=f"folder for {_REPORT} and PNG figures")
    group.add_argument("--overwrite", action="store_true", help="replace files in the folder")


def _info(args):
    from qsklearn._cli_info import show_info

    return show_info(args)


def _recordings(args):
    from qsklearn._cli_recordings import run_recordings

    return run_recordings(args)


def _compare(args):
    from qsklearn._cli_data import check_data_options, load_data
    from qsklearn._cli_estimators import DEFAULT_ESTIMATORS, build_contenders

    check_data_options(args)
    _check_run_options(args)
    files = _check_output(args)
    contenders, labels = build_contenders(
        args.estimator or list(DEFAULT_ESTIMATORS), args.sampler, args.param
    )
    baseline = _find_baseline(args.baseline, contenders, labels)
    X, y = load_data(args)
    print(
        f"{args.data}: {X.shape[0]} rows, {X.shape[1]} features, {len(set(y.tolist()))} classes, "
        f"{args.cv} folds; estimators: {', '.join(contenders)}",
        flush=True,
    )
    result, heard = _run(args, contenders, X, y, baseline)
    for scoring in result.scorers:
        print(f"\n{result.to_text(scoring)}")
    _print_warnings(result, heard)
    _write(args, result, files)
    return int(any(row["n_folds"] == 0 for row in result.summary()))


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


def _check_output(args):
    """Before the work: can what it finds be written? Returns the files by what they show."""
    if args.output is None:
        return {}
    from qsklearn._optional import import_optional

    files = {name: args.output / f"{name}.png" for name in [*args.scoring, "fit_seconds"]}
    files[_REPORT] = args.output / _REPORT
    try:
        _try_folder(args.output)
        there = [str(file) for file in files.values() if file.exists()]
        import_optional("matplotlib.figure", "qsklearn compare --output")
    except (ImportError, OSError) as error:
        raise CommandError(f"--output {args.output}: {error}") from error
    if there and not args.overwrite:
        raise CommandError(f"already there: {', '.join(there)}; pass --overwrite to replace")
    return files


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


def _find_baseline(name, contenders, labels):
    if name is None:
        return labels.get("classical-twin", next(iter(contenders)))
    if name in labels:
        return labels[name]
    return choose("--baseline", name, [*contenders, *labels])


def _run(args, contenders, X, y, baseline):
    from qsklearn.model_selection import compare

    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("default")
        try:
            result = compare(
                contenders,
                X,
                y,
                cv=args.cv,
                scoring=args.scoring,
                baseline=baseline,
                n_jobs=args.n_jobs,
                random_state=args.random_state,
                verbose=1,
            )
        except ValueError as error:
            # Failing fits are reported, so this is about the arguments: too many folds, say.
            raise CommandError(str(error)) from error
    return result, heard


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
    for warning in heard:
        # Failed fits stand below the table already.
        if not issubclass(warning.category, (ConvergenceWarning, FitFailedWarning)):
            text = " ".join(str(warning.message).split())
            print(f"qsklearn: {warning.category.__name__}: {text}", file=sys.stderr)


def _write(args, result, files):
    if not files:
        return
    from qsklearn.inspection import ComparisonDisplay

    try:
        args.output.mkdir(parents=True, exist_ok=True)
        for quantity in [*result.scorers, "fit_seconds"]:
            display = ComparisonDisplay.from_result(result, scoring=quantity)
            display.figure_.savefig(files[quantity], dpi=150)
        result.to_html(
            files[_REPORT],
            title=f"Comparison of estimators on {args.data}",
            command=args.command,
            overwrite=True,
        )
    except OSError as error:
        raise CommandError(f"--output {args.output}: {error}") from error
    print(f"\nWrote {', '.join(str(file) for file in files.values())}")
