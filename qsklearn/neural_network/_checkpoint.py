"""A fit's state on disk, from which it goes on where it was killed.

The file is JSON and arrays of numbers behind a digest: nothing that is read is executed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import scipy.sparse

from qsklearn._files import replace_file, sweep_up
from qsklearn._private_api import Integral, Interval
from qsklearn._recordings import canonical, join, key_of, split
from qsklearn._versions import versions_of
from qsklearn._warnings import warn
from qsklearn.neural_network._object_identity import describe

_HEAD = b"qsklearn checkpoint 1\n"
_DIGEST_SIZE = 32
# They do not decide what is learnt.
_NOT_OF_THE_FIT = ("checkpoint", "checkpoint_interval", "verbose", "n_jobs")

# What ``checkpoint`` and ``checkpoint_interval`` of an estimator may be.
CHECKPOINT_CONSTRAINTS = {
    "checkpoint": [str, os.PathLike, None],
    "checkpoint_interval": [Interval(Integral, 1, None, closed="left")],
}


class CheckpointError(ValueError):
    """A checkpoint cannot be used.

    Examples
    --------
    >>> from qsklearn.neural_network._checkpoint import CheckpointError
    >>> issubclass(CheckpointError, ValueError)
    True
    """


class Checkpoint:
    """Where one fit keeps its state; nowhere, if the estimator's ``checkpoint`` is None.

    That parameter is a folder, and the file in it is named by all that decides the fit: the
    estimator's class and parameters, the data, and what training starts from. So the many fits of
    a search share a folder, and each finds its own state again, a finished one its end.

    Parameters
    ----------
    estimator : estimator, default=None
        With the parameters ``checkpoint``, ``checkpoint_interval`` and ``random_state``; None keeps
        nothing.
    start : object, default=None
        What training starts from, as :meth:`save` takes it.
    *data : arrays, sparse matrices or None
        What is learnt from.

    Raises
    ------
    ValueError
        If the estimator's ``random_state`` is no int: a fit that is started again would be another.
    CheckpointError
        If the folder cannot be made, or nothing can be written in it.
    """

    def __init__(self, estimator=None, start=None, *data):
        self.path = None
        if estimator is None or estimator.checkpoint is None:
            return
        self._caller = type(estimator).__name__
        if not isinstance(estimator.random_state, Integral):
            raise ValueError(
                f"The 'random_state' parameter of {self._caller} must be an int where there is a "
                "'checkpoint', so that a fit that is started again is the same fit. Got "
                f"{estimator.random_state!r} instead."
            )
        self._is_full = False
        self._interval = estimator.checkpoint_interval
        self.path = (
            self._folder(estimator)
            / f"{self._caller}-{_identity(estimator, start, data)}.checkpoint"
        )

    def _folder(self, estimator):
        given = os.fspath(estimator.checkpoint)
        folder = Path(given).expanduser()
        reason = "it cannot be written to"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = error.strerror
        if not given:  # a variable of the shell that is not set, say
            reason = "it has no name"
        if not (given and folder.is_dir() and os.access(folder, os.W_OK)):
            raise CheckpointError(
                f"The 'checkpoint' parameter of {self._caller} must be a folder that can be "
                f"written to, or made. Got {given!r} instead: {reason}."
            )
        return folder

    def load(self):
        """The state that was saved last.

        Returns
        -------
        state : object or None
            As :meth:`save` took it, tuples as lists; None where there is nothing.

        Raises
        ------
        CheckpointError
            If the file is damaged, or of another version of the package.
        """
        if self.path is None:
            return None
        sweep_up(self.path)
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._refusal(f"cannot be read: {error.strerror}") from error
        body = content[len(_HEAD) + _DIGEST_SIZE :]
        if not content.startswith(_HEAD):
            raise self._refusal("is no checkpoint of this format")
        if _digest(body) != content[len(_HEAD) : len(_HEAD) + _DIGEST_SIZE]:
            raise self._refusal("is damaged: its digest does not fit")
        facts, arrays = split(body)
        if facts["version"] != (version := _version()):
            raise self._refusal(
                f"was written by qsklearn {facts['version']}, and this is qsklearn {version}"
            )
        return _unfold(facts["state"], arrays)

    def save(self, state, n_iter=None):
        """Save a state, if it is time.

        Where it cannot be written (a full disk, say) training goes on, with a warning, without
        saving any more; what was saved before stays.

        Parameters
        ----------
        state : callable
            Returns None, booleans, numbers, str and arrays, in lists and in dicts with str as keys.
        n_iter : int, default=None
            Iterations so far; None at the end of all, when it is time in any case.
        """
        if self.path is None or self._is_full or (n_iter is not None and n_iter % self._interval):
            return
        arrays = {}
        facts = {"version": _version(), "state": _fold(state(), arrays)}
        body = join(facts, arrays)
        try:
            replace_file(self.path, [_HEAD, _digest(body), body])
        except OSError as error:
            self._is_full = True
            warn(
                f"The checkpoint {str(self.path)!r} of {self._caller} cannot be written "
                f"({error.strerror}). Training goes on, and nothing more of it is saved."
            )

    def _refusal(self, reason):
        return CheckpointError(
            f"The checkpoint {str(self.path)!r} of {self._caller} {reason}. Delete it to start "
            "that fit anew, or give another folder."
        )


def _version():
    return versions_of(["qsklearn"])["qsklearn"]


def _digest(content):
    return hashlib.blake2b(content, digest_size=_DIGEST_SIZE).digest()


def _identity(estimator, start, data):
    """A name for a fit: another one where anything that decides its result is another."""
    caller = type(estimator).__name__
    parameters = {
        name: value
        for name, value in estimator.get_params(deep=False).items()
        if name not in _NOT_OF_THE_FIT
    }
    arrays = {}
    facts = {
        "class": type(estimator).__qualname__,
        "parameters": canonical(parameters, lambda thing: describe(thing, caller)),
        "start": _fold(start, arrays),
        "data": [_fold_data(each, arrays) for each in data],
    }
    return key_of(facts, arrays).hex()


def _fold_data(data, arrays):
    if scipy.sparse.issparse(data):
        parts = data.tocsr()
        return [list(data.shape), _fold([parts.data, parts.indices, parts.indptr], arrays)]
    return _fold(data, arrays)


def _fold(value, arrays):
    """JSON in which arrays are numbers of entries of ``arrays``, which grows."""
    if isinstance(value, np.ndarray):
        arrays[str(len(arrays))] = value
        return {"array": len(arrays) - 1}
    if isinstance(value, Mapping):
        return {"dict": {key: _fold(entry, arrays) for key, entry in value.items()}}
    if isinstance(value, list | tuple):
        return [_fold(entry, arrays) for entry in value]
    return value.item() if isinstance(value, np.generic) else value


def _unfold(value, arrays):
    if isinstance(value, list):
        return [_unfold(entry, arrays) for entry in value]
    if isinstance(value, dict):
        if "array" in value:
            return arrays[str(value["array"])]
        return {key: _unfold(entry, arrays) for key, entry in value["dict"].items()}
    return value
