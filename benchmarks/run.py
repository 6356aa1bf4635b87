"""Run the benchmarks one by one, and write a page with their tables, figures and costs.

``make bench`` and ``make bench-full`` call it::

    python benchmarks/run.py --list
    python benchmarks/run.py                        # small sizes, half an hour
    python benchmarks/run.py --full --keep-going    # the documentation's sizes, some hours
    python benchmarks/run.py --only kernels bit_planes
    python benchmarks/run.py --full --page          # nothing is run: only the page is written anew

The full setting writes to ``benchmarks/results``, which the documentation includes, the short one
to ``benchmarks/results/short``, whose figures are not for quoting. Results are replaced when a
benchmark has come to its end, never before. Those that need MNIST look for ``mnist.npz`` and
``fashion_mnist*.npz`` in ``--data-dir`` or in the folder that the environment variable
``QSKLEARN_BENCHMARK_DATA`` names, and are skipped without them.
"""

import argparse
import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from run_entries import ENTRIES
from run_machine import ROOT, facts, today
from run_page import write_page

RESULTS = ROOT / "benchmarks" / "results"
WORK = ROOT / "dist" / "benchmarks"
DATA_VARIABLE = "QSKLEARN_BENCHMARK_DATA"
DATA_FILES = {"mnist": "mnist.npz", "fashion": "fashion_mnist*.npz"}
THREADS = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM")


@dataclass(frozen=True)
class Run:
    """What holds for all benchmarks of a call.

    Attributes
    ----------
    setting : {"short", "full"}
    output : Path
        The folder of all results; a benchmark's own lies inside.
    data : dict of Path
        The data sets that are there, by name.
    scripts : Path
        The folder of the scripts.
    work : Path
        For logs, caches and results of benchmarks that are under way.
    resume : bool
        Keep the caches of a run that was stopped.
    """

    setting: str
    output: Path
    data: dict
    scripts: Path = ROOT / "benchmarks"
    work: Path = WORK
    resume: bool = False

    def folder(self, entry):
        """Of an entry's log, caches and new results."""
        return self.work / self.setting / entry.name


# --- what is there --------------------------------------------------------------------------------


def find_data(folder):
    """Paths of the data sets in a folder, by name."""
    if folder is None:
        return {}
    found = {name: sorted(Path(folder).glob(pattern)) for name, pattern in DATA_FILES.items()}
    return {name: paths[0].resolve() for name, paths in found.items() if paths}


def is_installed(package):
    try:
        return importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:  # a package above it is not there
        return False


def reason_to_skip(entry, run):
    """Why an entry can't run here, or None."""
    missing = [package for package in entry.packages if not is_installed(package)]
    if missing:
        return f"not installed: {', '.join(missing)}"
    missing = [DATA_FILES[name] for name in entry.data.values() if name not in run.data]
    if missing:
        return f"needs {', '.join(missing)}: --data-dir or {DATA_VARIABLE} says where"
    return None


def command_of(entry, run, *, readable=False):
    """The words of an entry's command; ``readable`` ones name no folder of this machine."""
    folder = run.folder(entry)
    places = {"output": folder / "results", "work": folder / "cache"}
    data = run.data
    if readable:
        places = {"output": "OUTPUT", "work": "CACHE"}
        data = {name: DATA_FILES[name].replace("*", "") for name in run.data}
    words = shlex.split(getattr(entry, run.setting).format(**places))
    for option, name in {**entry.data, **entry.more_data}.items():
        if name in data:
            words += [option, str(data[name])]
    return words


# --- one benchmark --------------------------------------------------------------------------------


def run_entry(entry, run):
    """Run an entry unless something is missing; what is to be told of it, as a dictionary."""
    record = {
        "name": entry.name,
        "setting": run.setting,
        "date": today(),
        "command": shlex.join([entry.script, *command_of(entry, run, readable=True)]),
        "left_out": [name for name in entry.peers if not is_installed(name)],
        "without_data": sorted(set(entry.more_data.values()) - set(run.data)),
    }
    reason = reason_to_skip(entry, run)
    if reason is not None:
        return record | {"state": "skipped", "reason": reason}
    prepare(entry, run)
    record |= {"machine": facts()} | execute(entry, run)
    record |= judge(record, new_files(entry, run))
    if record["state"] == "done":
        record["files"] = publish(entry, run)
    return record


def prepare(entry, run):
    """Empty folders; a cache of older code would pass for new results."""
    folder = run.folder(entry)
    if not run.resume:
        shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(folder / "results", ignore_errors=True)
    for name in ("results", "cache"):
        (folder / name).mkdir(parents=True, exist_ok=True)


def environment_of(entry, run):
    """One thread a library; a name by which reports say that they're of the short setting."""
    own = {f"{library}_NUM_THREADS": str(entry.n_threads) for library in THREADS}
    own |= {"MPLBACKEND": "Agg", "PYTHONUNBUFFERED": "1"}
    return {**os.environ, **own, "QSKLEARN_BENCHMARK_SETTING": run.setting}


def execute(entry, run):
    """Seconds, CPU seconds, peak memory (MiB) and exit code of a process; its log in a file."""
    words = [sys.executable, str(run.scripts / entry.script), *command_of(entry, run)]
    started = time.perf_counter()
    with log_of(entry, run).open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            words, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT, env=environment_of(entry, run)
        )
        try:
            used = wait_for(process)
        except KeyboardInterrupt:
            process.terminate()
            used = wait_for(process)
            used["interrupted"] = True
    return {"seconds": round(time.perf_counter() - started, 1), **used}


def wait_for(process):
    """Exit code and, where the system tells them, CPU seconds and peak memory with children's."""
    if not hasattr(os, "wait4"):
        return {"exit_code": process.wait()}
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return {
        "exit_code": process.returncode,
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
        "peak_memory": round(used.ru_maxrss / unit),
    }


def log_of(entry, run):
    return run.folder(entry) / "log.txt"


def new_files(entry, run):
    """Reports and figures that a benchmark has written, relative to its folder."""
    folder = run.folder(entry) / "results"
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def judge(record, files):
    """A state, and the reason for it; a run that writes no report has failed, whatever it says."""
    if record.pop("interrupted", False):
        return {"state": "interrupted", "reason": "stopped from the keyboard"}
    if record["exit_code"] != 0:
        return {"state": "failed", "reason": f"exit code {record['exit_code']}"}
    if not any(name.endswith(".rst") for name in files):
        return {"state": "failed", "reason": "it wrote no report"}
    return {"state": "done", "reason": ""}


def publish(entry, run):
    """Move new results to their place, and remove the last run's that aren't made any more."""
    files, place = new_files(entry, run), run.output / entry.folder
    place.mkdir(parents=True, exist_ok=True)
    made = read_record(entry, run.output).get("made") or {}
    for name in set(made.get("files", ())) - set(files):
        (place / name).unlink(missing_ok=True)
    for name in files:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(run.folder(entry) / "results" / name, place / name)
    return files


# --- what is kept ---------------------------------------------------------------------------------


def record_path(entry, output):
    return output / entry.folder / f"{entry.name}.json"


def read_record(entry, output):
    """``last``: the latest run; ``made``: that which made the results that are there."""
    try:
        return json.loads(record_path(entry, output).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}


def keep_record(entry, output, record):
    """Write the latest run beside the results; they keep the facts of the run that made them."""
    made = record if record["state"] == "done" else read_record(entry, output).get("made")
    path = record_path(entry, output)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"last": record, "made": made}, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


# --- all of them ----------------------------------------------------------------------------------


def run_all(entries, run, *, keep_going=False):
    """Run entries one at a time; their records, those of the not reached ones left out."""
    records = []
    for number, entry in enumerate(entries, start=1):
        minutes = entry.minutes[run.setting == "full"]
        print(f"[{number}/{len(entries)}] {entry.name} (about {minutes:g} min) ...", flush=True)
        record = run_entry(entry, run)
        keep_record(entry, run.output, record)
        records.append(record)
        print(f"    {told(record)}", flush=True)
        if record["state"] == "failed":
            print(indented(tail(log_of(entry, run))), flush=True)
        if record["state"] == "interrupted" or (record["state"] == "failed" and not keep_going):
            break
    return records


def told(record):
    """One line."""
    if record["state"] == "skipped":
        return f"skipped: {record['reason']}"
    costs = [f"{record['seconds']:.0f} s"]
    if "cpu_seconds" in record:
        costs.append(f"{record['cpu_seconds']:.0f} CPU s, {record['peak_memory']} MiB")
    reason = f" ({record['reason']})" if record["reason"] else ""
    left_out = f"; without {', '.join(record['left_out'])}" if record["left_out"] else ""
    return f"{record['state']}{reason} in {', '.join(costs)}{left_out}"


def tail(path, n_lines=15):
    return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-n_lines:])


def indented(text):
    return "\n".join(f"    | {line}" for line in text.splitlines())


def summarise(records, n_entries):
    """What became of the benchmarks, in words; and the exit code."""
    names = {state: [] for state in ("done", "skipped", "failed", "interrupted")}
    for record in records:
        names[record["state"]].append(record["name"])
    for state, some in names.items():
        if some:
            print(f"{state}: {len(some)} ({', '.join(some)})")
    if len(records) < n_entries:
        print(f"not run: {n_entries - len(records)}; --keep-going goes on after a failure")
    return int(bool(names["failed"] or names["interrupted"]))


def list_entries(entries):
    for entry in entries:
        short, full = entry.minutes
        needs = [DATA_FILES[name] for name in entry.data.values()] + list(entry.packages)
        print(f"{entry.name}: {entry.measures}")
        print(f"    {entry.script}; {short:g} min short, {full:g} full; needs {', '.join(needs)}")


def make_parser():
    names = [entry.name for entry in ENTRIES]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="the documentation's sizes: hours")
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", help="some benchmarks")
    parser.add_argument(
        "--data-dir", type=Path, default=os.environ.get(DATA_VARIABLE) or None,
        help=f"folder of mnist.npz and fashion_mnist_900.npz (default: ${DATA_VARIABLE})",
    )  # fmt: skip
    parser.add_argument("--output", type=Path, help="default: benchmarks/results, or short in it")
    parser.add_argument("--keep-going", action="store_true", help="go on after a failure")
    parser.add_argument("--resume", action="store_true", help="keep the caches of a stopped run")
    parser.add_argument("--list", action="store_true", help="say what there is, and run nothing")
    parser.add_argument("--page", action="store_true", help="only write the page anew")
    return parser


def main(arguments=None):
    parser = make_parser()
    args = parser.parse_args(arguments)
    if args.data_dir is not None and not args.data_dir.is_dir():
        parser.error(f"The folder of the data must exist. Got {args.data_dir} instead.")
    entries = [entry for entry in ENTRIES if args.only is None or entry.name in args.only]
    if args.list:
        list_entries(entries)
        return 0
    setting = "full" if args.full else "short"
    output = args.output or (RESULTS if args.full else RESULTS / "short")
    run = Run(setting, output.resolve(), find_data(args.data_dir), resume=args.resume)
    records = [] if args.page else run_all(entries, run, keep_going=args.keep_going)
    known = {entry.name: read_record(entry, run.output) for entry in ENTRIES}
    page = write_page(ENTRIES, known, run.output, setting, logs=run.work / setting)
    print(f"The page: {page}")
    return 0 if args.page else summarise(records, len(entries))


if __name__ == "__main__":
    sys.exit(main())
