"""What a call may do: answer rightly, or refuse in words of its own.

It may not crash, hang, flood its caller with warnings, change what it was given, or let an error of
NumPy, numba or Python through in place of one that says what was wrong with the call.
"""

import ast
import contextlib
import functools
import io
import re
import signal
import traceback
import warnings
from dataclasses import dataclass
from pathlib import Path

import dimod
import numpy as np
import pandas as pd
import scipy.sparse
from dwave.cloud.api.exceptions import ResourceLimitsExceededError

import qsklearn

PACKAGE = str(Path(qsklearn.__file__).parent)
MAX_WARNINGS = 5
_RESULTS = ("right", "refused")
# Errors that may end a call, where their text says what was wrong.
ALLOWED = (
    ValueError,
    TypeError,
    MemoryError,
    ImportError,
    FileNotFoundError,
    FileExistsError,
    IsADirectoryError,
    NotADirectoryError,
    PermissionError,
    RuntimeError,
    ResourceLimitsExceededError,  # as a device's client says that a quota is used up
)
NEVER = (NotImplementedError, RecursionError, UnicodeError)  # though kinds of the above
# Words of errors that come from the depths.
LEAKS = re.compile(
    r"broadcast|out of bounds|setting an array element|numba|not aligned|mismatch in its core|"
    r"object is not (iterable|callable|subscriptable)|has no attribute|unsupported operand|"
    r"not supported between|invalid literal|cannot reshape|ufunc|ambiguous|cannot unpack|"
    r"not enough values to unpack|too many values to unpack|unhashable|zero-size array|"
    r"must be real number|cannot be interpreted as an integer|slice indices|maximum recursion"
)

# What NumPy says in words that tell what is wrong: of a seed, and of what no machine holds.
_CLEAR = re.compile(r"Seed must be between|Unable to allocate [\d.]+ \w+ for an array")


class Hang(BaseException):
    """A call took longer than its bound."""


@dataclass
class Verdict:
    """What became of a case.

    Attributes
    ----------
    kind : {"right", "refused", "defect"}
    text : str
        Of a defect: what is wrong, the same for the same defect.
    detail : str
        A traceback, or the like.
    """

    kind: str
    text: str = ""
    detail: str = ""


@contextlib.contextmanager
def bounded(seconds):
    """Raise Hang in the block after some seconds."""

    def ring(*_):
        raise Hang(f"took more than {seconds} seconds")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def judge(call, arguments, *, seconds, check=None, must_answer=False):
    """Make a call and judge what it did.

    Parameters
    ----------
    call : callable
    arguments : dict
    seconds : float
        The bound.
    check : callable, optional
        Takes the answer, and raises AssertionError where it is wrong.
    must_answer : bool
        Whether a refusal is a defect: the call was valid.

    Returns
    -------
    verdict : Verdict
    """
    before = {name: fingerprint(value) for name, value in arguments.items()}
    silence = io.StringIO()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        # From NumPy 2.5 on, of a line in dimod 0.12; Python shows nobody those of libraries.
        warnings.filterwarnings("ignore", "Setting the shape", DeprecationWarning, "dimod")
        try:
            with (
                bounded(seconds),
                contextlib.redirect_stdout(silence),
                contextlib.redirect_stderr(silence),
            ):
                answer = call(**arguments)
            verdict = Verdict("right")
        except Hang as hang:
            return Verdict("defect", f"hang: {hang}", traceback.format_exc())
        except Exception as error:
            verdict = _judge_error(error, must_answer)
    if verdict.kind == "right" and check is not None:
        verdict = _judge_answer(check, answer)
    changed = [name for name, value in arguments.items() if fingerprint(value) != before[name]]
    if changed:
        return Verdict("defect", f"changed its argument {changed[0]!r}")
    if verdict.kind != "defect":
        return _judge_warnings(caught) or verdict
    return verdict


def _judge_answer(check, answer):
    try:
        check(answer)
    except AssertionError:
        last = traceback.format_exc().strip()
        line = last.splitlines()[-1]
        at = re.findall(r'File "[^"]*/([^"/]+)", line (\d+)', last)[-1]
        return Verdict("defect", f"wrong answer: {line[:80]} ({at[0]}:{at[1]})", last)
    return Verdict("right")


def _judge_warnings(caught):
    # Of numba and NumPy a user can make nothing, and one a call is as bad as many.
    if len(caught) > MAX_WARNINGS:
        texts = sorted({str(each.message)[:60] for each in caught})
        return Verdict("defect", f"flood of warnings, such as {texts[0]!r}", str(len(caught)))
    for each in caught:
        text = str(each.message)
        # That numbers near the largest overflow to infinity is true, but what becomes of NaN as an
        # integer is not.
        if not each.filename.startswith(PACKAGE):
            continue
        of_numpy = issubclass(each.category, RuntimeWarning) and "encountered in cast" in text
        if of_numpy or "umba" in text or issubclass(each.category, DeprecationWarning):
            place = each.filename.replace(f"{PACKAGE}/", "")
            return Verdict("defect", f"warning from within: {text[:60]} ({place}:{each.lineno})")
    return None


def _judge_error(error, must_answer):
    detail = "".join(traceback.format_exception(error))[-3000:]
    kind, text = type(error).__name__, " ".join(str(error).split())
    where, is_raised = _where(error)
    if must_answer:
        return Verdict("defect", f"refused a valid call: {kind}: {text[:100]} ({where})", detail)
    if not _is_ours(error) and not isinstance(error, AssertionError):
        return Verdict("refused", detail=detail)
    reason = None
    if not isinstance(error, ALLOWED) or isinstance(error, NEVER):
        reason = kind
    elif len(text.split()) < 4:
        reason = f"{kind} of few words: {text!r}"
    elif not is_raised:
        reason = f"{kind} from the depths"
    elif LEAKS.search(text) and not _says_what_is_wrong(text, where):
        reason = f"{kind} that leaks: {text[:80]}"
    if reason is None or _CLEAR.search(text):
        return Verdict("refused", detail=detail)
    return Verdict("defect", f"{reason} ({where})", detail)


def _says_what_is_wrong(text, where):
    """Whether the words of the depths come after our own, or are scikit-learn's front door's."""
    return where.startswith("sklearn/") or text.startswith(("The '", "The file '"))


def _is_ours(error):
    """Whether code of the package ran at all: not where dimod's own front door stands before it."""
    return any(
        frame.f_code.co_filename.startswith(PACKAGE)
        for frame, _ in traceback.walk_tb(error.__traceback__)
    )


def _where(error):
    """The innermost place of a traceback, and whether an error is raised there on purpose.

    What the front doors of scikit-learn, dimod, matplotlib and D-Wave's packages say counts: they
    are those of other estimators, models, figures and samplers, too. So does what Python says of a
    call whose arguments have other names.
    """
    frames = list(traceback.walk_tb(error.__traceback__))
    frame, line = frames[-1]
    file = frame.f_code.co_filename
    # How much a simulator of Qiskit can hold, it knows itself.
    more = ("qiskit",) if isinstance(error, MemoryError) else ()
    for package in ("sklearn", "dimod", "dwave", "matplotlib", *more):
        if f"/site-packages/{package}/" in file:
            return f"{package}/{file.split(f'/{package}/')[-1]}:{line}", True
    if file.startswith(PACKAGE):
        return f"{file[len(PACKAGE) + 1 :]}:{line}", line in _raising_lines(file)
    is_of_call = len(frames) <= 2 and "argument" in str(error)
    ours = [
        f"{f.f_code.co_filename[len(PACKAGE) + 1 :]}:{at}"
        for f, at in frames
        if f.f_code.co_filename.startswith(PACKAGE)
    ]
    return f"{ours[-1] if ours else 'call'} > {Path(file).name}:{line}", is_of_call


@functools.cache
def _raising_lines(file):
    tree = ast.parse(Path(file).read_text(encoding="utf-8"))
    raising = [node for node in ast.walk(tree) if isinstance(node, ast.Raise)]
    return {line for node in raising for line in range(node.lineno, node.end_lineno + 1)}


def fingerprint(value):
    """The bytes of an argument, as far as it has any."""
    if isinstance(value, np.ma.MaskedArray):
        return fingerprint([value.data, np.ma.getmaskarray(value)])
    if isinstance(value, np.ndarray):
        content = value.tolist() if value.dtype == object else value.tobytes()
        return (value.dtype.str, value.shape, str(content) if value.dtype == object else content)
    if scipy.sparse.issparse(value):
        coo = value.tocoo()
        parts = [coo.data, *(coo.coords if hasattr(coo, "coords") else (coo.row, coo.col))]
        raw = [
            getattr(value, name) for name in ("data", "indices", "indptr") if hasattr(value, name)
        ]
        return (value.format, value.shape, [fingerprint(part) for part in [*parts, *raw]])
    if isinstance(value, pd.DataFrame | pd.Series):
        return fingerprint(
            [np.asarray(value), list(value.index), str(getattr(value, "dtypes", ""))]
        )
    if isinstance(value, dimod.BinaryQuadraticModel):
        return str((value.vartype, dict(value.linear), dict(value.quadratic), value.offset))
    if isinstance(value, list | tuple):
        return [type(value).__name__, *map(fingerprint, value)]
    if isinstance(value, dict):
        return [(repr(name), fingerprint(entry)) for name, entry in value.items()]
    if value is None or isinstance(value, str | bytes | int | float | complex):
        return repr(value)
    return None
