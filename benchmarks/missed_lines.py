"""Which lines and branches of the package the default tests run, and which they do not, and why.

Run it from anywhere; coverage.py and pytest-xdist have to be installed::

    python benchmarks/missed_lines.py
    python benchmarks/missed_lines.py --again
    python benchmarks/missed_lines.py --short

Processes that the tests start are counted, too. Kernels that numba compiles are not, since
coverage.py sees Python's own lines alone; those that give the same without a compiler are run a
second time without it. ``--again`` writes the page of the last run anew.
"""

import argparse
import ast
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from reports import Report, is_short

ROOT = Path(__file__).parent.parent
FOUND = ROOT / "coverage.json"
# Words of decorators of what is handed to numba or LLVM.
COMPILERS = {"njit", "intrinsic", "overload"}
# The others count on integers that overflow, or are made of LLVM's vectors.
RUN_WITHOUT_COMPILER = ["tests/_kernels/test_colouring.py", "tests/_kernels/test_star_growth.py"]

# Why the tests do not come by, as far as the code tells.
ABSENT = "What is done where a package, or a part of it, is missing"
REPLACED = "Bodies that numba or a subclass puts others in the place of"
ERROR = "Errors that no test provokes"
FAULT = "Faults of files, libraries and devices that no test makes"
ONE_WAY = "Branches that tests take one way only"
NONE = "Lines without a test, for no reason"
ELSEWHERE = "What cannot be run here, or not be seen"

# By file, and function or class: why no test comes by here.
_OLDER = "what stands in for scikit-learn's callbacks before 1.9; tests here have a newer one"
_GPU = "needs a GPU"
WHY = {
    ("_private_api.py", ""): _OLDER,
    ("_private_api.py", "with_callbacks"): _OLDER,
    ("_private_api.py", "callback_context_of"): _OLDER,
    ("_private_api.py", "check_sample_weight"): "scikit-learn itself refuses zeros from 1.9 on",
    ("model_selection/_environment.py", "_processor"): "/proc/cpuinfo of this machine has a model",
    ("neural_network/_boltzmann_prior_vae/_fitting.py", "Fitting.run"): _GPU,
    ("neural_network/_spin_glass/_layer_targets.py", "propagate_targets"): (
        "the loop ends by its break, at the first layer with weights"
    ),
    ("neural_network/_torch_state.py", ""): "Windows has no fork",
    ("neural_network/_torch_state.py", "_take_no_turn"): (
        "runs in a forked child, of which coverage.py sees nothing; test_threads.py tests it"
    ),
    ("neural_network/_torch_state.py", "generators_to_arrays"): _GPU,
    ("neural_network/_torch_state.py", "set_generators"): _GPU,
    ("samplers/_budget.py", "_remove"): (
        "runs in a forked child as it ends, of which coverage.py sees nothing"
    ),
}


@dataclass
class Place:
    """A function, or a file's own lines, of which tests miss something."""

    file: str
    name: str
    lines: list
    branches: list
    by_syntax: str

    @property
    def short_file(self):
        return self.file.removeprefix("qsklearn/")

    @property
    def why(self):
        return WHY.get((self.short_file, self.name))

    @property
    def reason(self):
        return ELSEWHERE if self.why else self.by_syntax


def run_tests(is_short):
    """Leave in `FOUND` what coverage.py saw."""
    paths = ["tests/preprocessing"] if is_short else []
    coverage = [sys.executable, "-m", "coverage"]
    tests = [*coverage, "run", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    subprocess.run([*coverage, "erase"], cwd=ROOT, check=True)
    subprocess.run([*tests, "-m", "not slow", "-n", "2", "--dist", "loadfile", *paths], cwd=ROOT)
    subprocess.run(
        [*tests, *RUN_WITHOUT_COMPILER], cwd=ROOT, env=os.environ | {"NUMBA_DISABLE_JIT": "1"}
    )
    subprocess.run([*coverage, "combine", "--quiet"], cwd=ROOT, check=True)
    subprocess.run([*coverage, "json", "--quiet", "-o", str(FOUND)], cwd=ROOT, check=True)


class Source:
    """What a file's syntax tells of its lines."""

    def __init__(self, path):
        self.tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        self.compiled, self.owner, self.reasons = set(), {}, {}
        self._visit(self.tree, "", False)

    def _visit(self, node, name, is_compiled):
        for child in ast.iter_child_nodes(node):
            inner, compiled = name, is_compiled
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                inner = f"{name}.{child.name}".lstrip(".")
                compiled |= any(map(_is_compiler, child.decorator_list))
                for statement in child.body:
                    self._claim(statement, inner, compiled)
            if isinstance(child, ast.ExceptHandler):
                is_absent = child.type and re.search(
                    "ImportError|NotFound", ast.unparse(child.type)
                )
                self._explain(child, ABSENT if is_absent else FAULT)
            if isinstance(child, ast.Raise):
                self._explain(child, REPLACED if "NotImpl" in ast.unparse(child) else ERROR)
            self._visit(child, inner, compiled)

    def _claim(self, statement, name, is_compiled):
        lines = range(statement.lineno, statement.end_lineno + 1)
        self.owner |= dict.fromkeys(lines, name)
        if is_compiled:
            self.compiled |= set(lines)

    def _explain(self, node, reason):
        self.reasons |= dict.fromkeys(range(node.lineno, node.end_lineno + 1), reason)


def _is_compiler(decorator):
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(called, ast.Name) and called.id in COMPILERS


def count(files, sources):
    """Row of a room: how much there is and how much of it is run, and what is compiled."""
    lines = run = branches = taken = compiled = interpreted = 0
    for path, found in files:
        kernel = sources[path].compiled
        done, missing = set(found["executed_lines"]), set(found["missing_lines"])
        lines += len((done | missing) - kernel)
        run += len(done - kernel)
        compiled += len((done | missing) & kernel)
        interpreted += len(done & kernel)
        gone = [start for start, _ in found["executed_branches"] if start not in kernel]
        left = [start for start, _ in found["missing_branches"] if start not in kernel]
        branches += len(gone) + len(left)
        taken += len(gone)
    return len(files), lines, run, branches, taken, compiled, interpreted


def missed(files, sources):
    """Places where tests miss something that is not compiled."""
    places = []
    for path, found in files:
        source = sources[path]
        lines = [line for line in found["missing_lines"] if line not in source.compiled]
        branches = [
            (start, end) for start, end in found["missing_branches"]
            if start not in source.compiled and start not in lines and abs(end) not in lines
        ]  # fmt: skip
        names = dict.fromkeys(source.owner.get(line, "") for line in lines)
        names |= dict.fromkeys(source.owner.get(start, "") for start, _ in branches)
        for name in names:
            by_reason = {}
            for line in lines:
                if source.owner.get(line, "") == name:
                    by_reason.setdefault(source.reasons.get(line, NONE), []).append(line)
            places += [Place(path, name, own, [], reason) for reason, own in by_reason.items()]
            if pairs := [pair for pair in branches if source.owner.get(pair[0], "") == name]:
                places.append(Place(path, name, [], pairs, ONE_WAY))
    return places


def ranges(lines):
    """Lines in words: 3-5, 9."""
    words = []
    for _, group in groupby(enumerate(sorted(lines)), key=lambda pair: pair[1] - pair[0]):
        run = [line for _, line in group]
        words.append(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}")
    return ", ".join(words)


def ways(branches):
    """Branches in words: 3 to 5, 9 to the end."""
    return ", ".join(f"{start} to {end if end > 0 else 'the end'}" for start, end in branches)


def room_of(path):
    name = Path(path).parts[1]
    return "(files beside the rooms)" if name.endswith(".py") else name


def share(part, whole):
    return f"{100 * part / whole:.1f} %" if whole else ""


def write(path, files):
    """The page."""
    sources = {name: Source(name) for name, _ in files}
    report = Report(path, Path(__file__).name)
    report.line(
        "\nLines and branches that the default tests (``make test``) run, by room. *Compiled* are "
        "lines of kernels, which coverage.py cannot see and no percentage counts; of a few, "
        "*interpreted*, the tests were run without the compiler as well.\n"
    )
    rows = []
    for room, group in groupby(files, key=lambda file: room_of(file[0])):
        rows.append([room, *count(list(group), sources)])
    rows.append(["all", *(sum(column) for column in list(zip(*rows, strict=True))[1:])])
    report.table(
        ["room", "files", "lines", "run", "branches", "taken", "compiled", "interpreted"],
        [
            [room, n, lines, share(run, lines), branches, share(taken, branches), *kernel]
            for room, n, lines, run, branches, taken, *kernel in rows
        ],
    )
    places = missed(files, sources)
    for reason in (ABSENT, REPLACED, FAULT, ERROR, ONE_WAY, NONE, ELSEWHERE):
        if own := [place for place in places if place.reason == reason]:
            report.heading(reason)
            last = ["why"] if reason == ELSEWHERE else []
            report.table(
                ["file", "where", "from to" if reason == ONE_WAY else "lines", *last],
                [
                    [
                        place.short_file, place.name or "(file)",
                        ranges(place.lines) or ways(place.branches), *([place.why] if last else []),
                    ]
                    for place in own
                ],
            )  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--again", action="store_true", help="do not run the tests")
    parser.add_argument("--short", action="store_true", help="the tests of one room")
    parser.add_argument(
        "--output", type=Path, default=Path(__file__).parent / "results" / "reliability"
    )
    args = parser.parse_args()
    if not args.again:
        run_tests(is_short())
    args.output.mkdir(parents=True, exist_ok=True)
    found = json.loads(FOUND.read_text(encoding="utf-8"))["files"]
    files = sorted(found.items(), key=lambda file: (room_of(file[0]), file[0]))
    write(args.output / "coverage.rst", files)


if __name__ == "__main__":
    main()
