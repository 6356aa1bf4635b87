"""Ten thousand cases over every public entry point, samplers against enumeration, damaged files.

Run it from anywhere, with the tests beside it::

    python benchmarks/fuzz.py
    python benchmarks/fuzz.py --cases 500 --files 100 --models 5
    python benchmarks/fuzz.py --only entries --cases 20000
    python benchmarks/fuzz.py --repeat samplers.GibbsSampler.sample:17
    python benchmarks/fuzz.py --repeat recording:3

Every case has a number, by which ``--repeat`` makes it again. Workers are processes: one that
crashes or hangs is named by the case that it had begun, and another one goes on after it.
"""

import argparse
import faulthandler
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

from reports import Report, is_short

TESTS = Path(__file__).parents[1] / "tests" / "fuzz"
SECTIONS = ("entries", "differential", "corruption")
HANG = 150.0  # seconds after which a worker is taken for dead; calls are bounded by less
KINDS = ("right", "refused", "defect")


def load(section):
    """Names of what there is to run, their weights, and how to run one of a number."""
    sys.path.insert(0, str(TESTS))
    if section == "entries":
        from fuzzing import load_entries
        from fuzzing.strategies import Source

        entries = load_entries()

        def run(name, number, report=None):
            return entries[name].run(Source.of_number(name, number), report)

        return {name: entry.weight for name, entry in entries.items()}, run
    if section == "differential":
        from fuzzing import differential

        return dict.fromkeys(differential.CASES, 1.0), differential.run
    from fuzzing import corruption

    return dict.fromkeys(corruption.KINDS, 1.0), corruption.run


def share(weights, total):
    """Whole numbers of cases in proportion to the weights, at least 4 each."""
    scale = total / sum(weights.values())
    counts = {name: max(4, round(weight * scale)) for name, weight in weights.items()}
    dearest = max(weights, key=weights.get)
    counts[dearest] += max(total - sum(counts.values()), 0)
    return counts


# --- workers -------------------------------------------------------------------------------------


def work(section, first):
    """Run the cases that come by standard input, one line of JSON each, and answer each."""
    _, run = load(section)
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print goes elsewhere
    for line in sys.stdin:
        name, number = json.loads(line)
        faulthandler.dump_traceback_later(HANG, exit=True)
        begun = time.perf_counter()
        verdict, described = run(name, number + first)
        seconds = time.perf_counter() - begun
        faulthandler.cancel_dump_traceback_later()
        outcome = [verdict.kind, verdict.text, described, seconds]
        answers.write(f"{json.dumps(outcome)}\n")


class Worker:
    """A process that runs cases of a section one by one."""

    def __init__(self, section, first, folder):
        self._words = [sys.executable, __file__, "--work", section, "--first", str(first)]
        self._folder = folder
        self._start()

    def _start(self):
        environment = {
            **os.environ, "QSKLEARN_CACHE_DIR": str(self._folder / "cache"), "OMP_NUM_THREADS": "1",
            "MPLBACKEND": "Agg", "TMPDIR": str(self._folder),
        }  # fmt: skip
        self._log = (self._folder / "log").open("w+")
        self._process = subprocess.Popen(
            self._words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log,
            text=True, cwd=self._folder, env=environment,
        )  # fmt: skip

    def run(self, name, number):
        """The outcome of a case; of a worker that died, its death."""
        self._process.stdin.write(f"{json.dumps([name, number])}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if answer:
            return json.loads(answer)
        code = self._process.wait()
        self._log.seek(0)
        last = self._log.read().strip().splitlines()[-1:] or [""]
        self._start()
        return [
            "defect",
            f"the interpreter died with {code}: {last[0][:80]}",
            f"{name}:{number}",
            0.0,
        ]

    def close(self):
        self._process.stdin.close()
        self._process.wait()


# --- the report ----------------------------------------------------------------------------------


def run_section(section, counts, args, report):
    """All cases of a section, and their table."""
    tables, defects, seconds = defaultdict(Counter), defaultdict(list), Counter()
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="qsklearn-fuzz-") as folder:
        worker = Worker(section, args.first, Path(folder))
        for name, count in counts.items():
            for number in range(count):
                kind, text, described, took = worker.run(name, number)
                tables[name][kind] += 1
                seconds[name] += took
                if kind == "defect":
                    defects[text].append((f"{name}:{number + args.first}", described))
            print(f"{section} {name} {dict(tables[name])} {seconds[name]:.1f} s", file=sys.stderr)
        worker.close()
    say(section, tables, defects, seconds, report)
    report.line(f"Wall time: {time.perf_counter() - begun:.0f} s.\n")
    return sum(len(found) for found in defects.values())


HEADINGS = {
    "entries": "Cases of every public entry point",
    "differential": "Samplers against exact enumeration",
    "corruption": "Damaged files",
}
WORDS = {
    "entries": "*Right* is a right answer, or what was asked of an odd value that is taken; "
    "*refused* an error that says what is wrong with the call. Hangs, crashes, floods of warnings, "
    "changed arguments, wrong answers and unclear errors are defects.",
    "differential": "*Right* is a model on which energies, ground states and frequencies agree "
    "with the enumeration of all states, within 5.5 standard deviations of counting.",
    "corruption": "*Refused* by an error that names the file; *right* where what was read is "
    "what the whole file said (the damage met no content), or was computed again. A CSV is refused "
    "where its form is broken; a flip that leaves another number no reader can see.",
}


def say(section, tables, defects, seconds, report):
    report.heading(HEADINGS[section])
    report.line(f"{WORDS[section]}\n")
    header = ["", "cases", *KINDS, "seconds a case"]
    rows = [
        [name, sum(table.values()), *(table[kind] for kind in KINDS),
         f"{seconds[name] / max(sum(table.values()), 1):.3f}"]
        for name, table in tables.items()
    ]  # fmt: skip
    total = sum(tables.values(), Counter())
    everything = ["all", sum(total.values()), *(total[kind] for kind in KINDS), ""]
    report.table(header, [everything, *rows])
    for text, found in sorted(defects.items(), key=lambda item: -len(item[1])):
        report.line(f"* {len(found)} x {text}: ``--repeat {found[0][0]}``")
    if defects:
        report.line("")


def repeat(case):
    """Make one case again and print all that is known of it."""
    name, _, number = case.rpartition(":")
    for section in SECTIONS:
        names, run = load(section)
        if name in names:
            verdict, described = run(name, int(number))
            print(f"{described}\n{verdict.kind}: {verdict.text}\n{verdict.detail}")
            return int(verdict.kind == "defect")
    raise SystemExit(f"There is no case {name!r}.")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    here = Path(__file__).parent
    parser.add_argument("--output", type=Path, default=here / "results" / "fuzz")
    parser.add_argument("--cases", type=int, default=400 if is_short() else 10_000)
    parser.add_argument("--models", type=int, default=2 if is_short() else 40, help="a sampler")
    parser.add_argument("--files", type=int, default=100 if is_short() else 1600)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=SECTIONS)
    parser.add_argument("--short", action="store_true", help="small numbers, to see that it runs")
    parser.add_argument(
        "--repeat", metavar="NAME:NUMBER", help="NAME:NUMBER of a case to be made again"
    )
    parser.add_argument("--work", choices=SECTIONS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        work(args.work, args.first)
        return 0
    if args.repeat:
        return repeat(args.repeat)
    args.output.mkdir(parents=True, exist_ok=True)
    n_defects = 0
    for section in args.only:
        names, _ = load(section)
        report = Report(args.output / f"{section}.rst", f"fuzz.py --only {section}")
        if section == "entries":
            counts = share(names, args.cases)
        elif section == "differential":
            counts = dict.fromkeys(names, args.models)
        else:
            counts = dict.fromkeys(names, args.files // len(names))
        n_defects += run_section(section, counts, args, report)
    return int(n_defects > 0)


if __name__ == "__main__":
    sys.exit(main())
