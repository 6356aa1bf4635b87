"""The command line: ``qsklearn compare``, ``qsklearn info`` and ``qsklearn recordings``."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

import qsklearn
from qsklearn._cli_errors import CommandError


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
        action="append",
        help="digits (default), breast_cancer, wine, iris, mnist, fashion_mnist, or a path to a "
        ".csv (with a header) or .npz (with X and y); several separated by commas, or repeated",
    )
    group.add_argument("--data-path", help="an .npz with mnist or fashion_mnist")
    group.add_argument("--data-home", help="scikit-learn's cache for mnist and fashion_mnist")
    group.add_argument("--target", help="column of the CSV with the labels; else its last")
    group.add_argument(
        "--drop", type=_names, help="columns of the CSV to leave out, such as one of names or ids"
    )
    group.add_argument(
        "--separator", default=",", help="between the fields of the CSV, such as ';' or tab; else ,"
    )
    group.add_argument(
        "--encoding", default="utf-8", help="of the CSV, such as cp1252 or utf-16; else utf-8"
    )
    group.add_argument("--classes", type=_names, help="labels to keep, such as 3,8; else all")
    group.add_argument("--n-samples", type=int, help="size of a stratified sample; else all rows")


def _add_estimator_options(group):
    group.add_argument(
        "--estimator",
        type=_names,
        # Not all: they are many fits, and a sampler that serves one may not serve another.
        default=["sampled-mlp", "logistic-regression"],
        help="of sampled-mlp, spin-glass, qubo-transfer, grover-bnn, boltzmann-vae (whose bits a "
        "logistic regression classifies), logistic-regression, or all; default "
        "sampled-mlp,logistic-regression",
    )
    group.add_argument(
        "--sampler",
        type=_names,
        help="such as exact,gibbs (see qsklearn info): each makes one contender of a quantum "
        "estimator; else its own",
    )
    group.add_argument(
        "--controls",
        type=_names,
        default=["twins", "ablations"],
        help="what is put beside each quantum estimator: twins (its classical twin), ablations "
        "(the same with its quantum part replaced), none; default twins,ablations",
    )
    group.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="parameter of the quantum estimators that have it, which their controls follow; of "
        "one of them as spin-glass:n_bits=6; repeatable. Such as predict_with=ebm: predicts by the "
        "law that was trained; better where training goes far",
    )
    group.add_argument(
        "--baseline",
        help="contender to test the others against; else the first classical twin",
    )
    group.add_argument(
        "--tune",
        type=int,
        metavar="N",
        help="tune each contender in every fold, inside its training rows, by as many candidates "
        "of a space of its own",
    )
    group.add_argument(
        "--space",
        action="append",
        default=[],
        metavar="NAME=[VALUES]",
        help="values of a parameter that --tune tries, as num_reads=[20,100]; of one estimator as "
        "spin-glass:n_bits=[2,4]; repeatable",
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
    group.add_argument(
        "--output", type=Path, help="folder for report.html, scores.csv and PNG figures"
    )
    group.add_argument("--overwrite", action="store_true", help="replace files in the folder")


def _info(args):
    from qsklearn._cli_info import show_info

    return show_info(args)


def _recordings(args):
    from qsklearn._cli_recordings import run_recordings

    return run_recordings(args)


def _compare(args):
    from qsklearn._cli_compare import run_compare

    return run_compare(args)
