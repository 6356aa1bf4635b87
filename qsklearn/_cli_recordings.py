"""``qsklearn recordings``: what files of recorded calls hold, and whether they are whole."""

from __future__ import annotations

import json
import math
from collections import defaultdict

import numpy as np

from qsklearn._cli_errors import CommandError
from qsklearn._files import replace_file
from qsklearn._recordings import RecordingError, RecordingStore, unpack_bits


def run_recordings(args):
    """Do what ``args.action`` says with the file ``args.path``. Returns the exit code."""
    if not args.path.is_file():
        raise CommandError(f"There is no file {str(args.path)!r}")
    try:
        return _ACTIONS[args.action](args, RecordingStore(args.path))
    except RecordingError as error:
        raise CommandError(str(error)) from error


def _list(args, store):
    sources, sessions = store.sources(), store.sessions()
    totals = {name: defaultdict(float) for name in [*sources, *sessions]}
    for _, session, answer in store.answers():
        for name in {answer.source, session} & totals.keys():
            totals[name]["calls"] += 1
            totals[name]["reads"] += _reads_of(answer)
            totals[name]["microseconds"] += _access_time_of(answer)
    print(f"{args.path} ({args.path.stat().st_size / 1e3:,.0f} kB)")
    print("Sources")
    for name in sources:
        print(f"  {name}  {_told(totals[name])}")
    print("Sessions")
    for name, about in sessions.items():
        versions = ", ".join(f"{n} {v}" for n, v in about["versions"].items() if v is not None)
        print(f"  {name[:8]}  {about['started']}  {_told(totals[name])}; {versions}")
    return 0


def _told(total):
    text = f"{total['calls']:,.0f} calls, {total['reads']:,.0f} reads"
    seconds = total["microseconds"] / 1e6
    return f"{text}, {seconds:.6g} s of QPU access time" if seconds else text


def _verify(args, store):
    damaged = store.damaged()
    for line in damaged:
        print(" ".join(line.split()))
    if damaged:
        return 1
    n_calls = sum(1 for _ in store.answers())
    print(f"{args.path}: {n_calls} calls of {len(store.sources())} sources, all whole")
    return 0


def _export(args, store):
    if "\0" in str(args.output):
        raise CommandError("--output must be the path of a file, and those have no null character")
    if args.output.exists() and not args.overwrite:
        raise CommandError(f"already there: {args.output}; pass --overwrite to replace")
    if args.output.exists() and args.output.samefile(args.path):
        raise CommandError(f"--output {args.output} is the recording itself; give another name")
    try:
        n_calls = replace_file(args.output, (_line(row).encode() for row in _rows(store)))
    except OSError as error:
        raise CommandError(f"--output {args.output}: {error}") from error
    print(f"Wrote {n_calls} calls to {args.output}")
    return 0


def _line(row):
    return f"{json.dumps(row, separators=(',', ':'))}\n"


def _rows(store):
    """One dict a call, whose columns are the same for all."""
    labels = {}
    for key, session, answer in store.answers():
        asked = answer.facts["asked"]
        name = asked.get("labels")
        if name not in labels:
            part = None if name is None else store.part(name)
            labels[name] = None if part is None else part[0]
        counts = answer.arrays.get("num_occurrences")
        yield {
            "key": key.hex(),
            "kind": answer.kind,
            "source": answer.source,
            "session": session,
            "model": asked["model"],
            "arguments": asked["arguments"],
            "reads": _reads_of(answer),
            "qpu_access_time": _access_time_of(answer),
            "info": _finite(answer.facts["info"]),
            "variables": labels[name],
            "num_occurrences": None if counts is None else counts.tolist(),
            "states": _states_of(answer),
        }


def _finite(value):
    """JSON for other readers than Python's, which know no NaN."""
    if isinstance(value, dict):
        return {name: _finite(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _reads_of(answer):
    arrays, facts = answer.arrays, answer.facts
    if answer.kind == "circuit":
        return int(np.prod(arrays["register0"].shape[:-1])) if "register0" in arrays else 0
    if answer.kind == "sample_levels":
        return int(arrays["energy"].size)
    if answer.kind == "sample_arrays":
        return int(np.prod(facts["shape"][:2]))
    counts = arrays.get("num_occurrences")
    return int(facts["rows"] if counts is None else counts.sum())


def _access_time_of(answer):
    """Microseconds, as hardware reports it for a call, or a sampler of ours for several."""
    info = answer.facts["info"]
    timing = info.get("timing")
    times = [info, timing if isinstance(timing, dict) else {}]
    return float(next((t["qpu_access_time"] for t in times if "qpu_access_time" in t), 0.0))


def _states_of(answer):
    """A text of bits for each read, or a list of them for each of several models or registers."""
    if answer.kind == "circuit":
        return [
            _texts(unpack_bits(answer.arrays[f"register{n}"], None)[..., -size:])
            for n, size in enumerate(answer.facts["bits"])
        ]
    from qsklearn.samplers._recorded_answers import states_of

    states = states_of(answer.facts, answer.arrays)
    if answer.kind == "sample_levels" or not np.isin(states, (-1, 0, 1)).all():
        return states.tolist()
    texts = _texts(states > 0)
    return texts[0] if answer.kind == "sample" else texts


def _texts(bits):
    if bits.ndim > 1:
        return [_texts(part) for part in bits]
    return "".join("1" if bit else "0" for bit in bits.tolist())


_ACTIONS = {"list": _list, "verify": _verify, "export": _export}
