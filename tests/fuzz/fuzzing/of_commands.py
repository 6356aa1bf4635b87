"""Recipes of the command line: arguments that are right, wrong, or for files that are not there."""

import contextlib
import io
from functools import cache

import dimod

from fuzzing.entries import Case, entry
from fuzzing.of_data import csv_file
from fuzzing.places import new_path
from qsklearn._cli import main
from qsklearn.samplers import GibbsSampler, RecordedSampler

_ODD = (
    "",
    " ",
    "-",
    "--",
    "é\0",
    "-1",
    "1e9",
    "nan",
    "a,b",
    ",",
    "=",
    "x=[1",
    "n_hidden=[",
    "'",
    "--help=1",
    "../..",
    "/",
    "all",
    "none",
    "99999999999999999999",
    "spin-glass:n_bits=6",
    "[]",
)


@cache
def recording():
    path = new_path("calls.recording")
    model = dimod.BinaryQuadraticModel({"a": 0.5}, {"ab": -1.0}, 0.0, "SPIN")
    RecordedSampler(GibbsSampler(), path).sample(model, num_reads=3, seed=0)
    return path


def run(arguments):
    """The exit code; what is said of a mistake is one line.

    Help and versions are printed by argparse, which ends the process.
    """
    said, wrong = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(wrong):
        try:
            code = main(arguments)
        except SystemExit as end:
            assert end.code == 0, "ends the process"
            return 0
    lines = wrong.getvalue().splitlines()
    assert code in (0, 1, 2), f"the code {code!r}"
    if code == 2:
        assert len(lines) == 1 and lines[0].startswith("qsklearn: error: "), "not one line"
        assert len(lines[0].split()) > 4, f"few words: {lines[0]}"
    assert "Traceback" not in wrong.getvalue()
    return code


def _words(source):
    """A plain command, in a list of its parts."""
    table = str(csv_file("numbers"))
    action = source.choice("info", "verify", "list", "export", "compare", "compare", "compare")
    if action == "info":
        return ["info"]
    if action == "compare":
        return [
            "compare",
            "--data",
            source.choice("iris", table, "wine"),
            "--estimator",
            "logistic-regression",
            "--cv",
            "2",
            "--n-samples",
            source.choice("10", "20"),
            *source.choice(
                (),
                ("--scoring", "accuracy,f1_macro"),
                ("--classes", "0,1"),
                ("--param", "n_hidden=3"),
                ("--baseline", "logistic regression"),
                ("--tune", "2"),
                ("--drop", "a"),
                ("--target", "label"),
                ("--random-state", "3"),
                ("--controls", "none"),
            ),
        ]
    words = ["recordings", action, str(recording())]
    return words + (["--output", str(new_path("calls.jsonl"))] if action == "export" else [])


@entry("_cli.main", weight=6.0, seconds=60.0)
def _command(source):
    words = _words(source)
    how = source.choice("as it is", "odd", "odd", "odd", "less", "more", "mixed")
    place = source.integer(0, len(words) - 1)
    if how == "odd":
        words[place] = source.choice(*_ODD)
    elif how == "less":
        del words[place]
    elif how == "more":
        words.insert(place, source.choice(*_ODD, "--cv", "--overwrite", "--qpux", "--sampler"))
    elif how == "mixed":
        words = [words[i] for i in source.rng.permutation(len(words))]
    return Case(lambda: run(words), {})
