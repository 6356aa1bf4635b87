"""The data of the command line: a set by name, or a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn import datasets as sklearn_datasets
from sklearn.utils.multiclass import type_of_target

from qsklearn import datasets
from qsklearn._cli_errors import CommandError, choose

_TEN = {str(label): label for label in range(10)}
_FETCHERS = {"mnist": datasets.fetch_mnist, "fashion_mnist": datasets.fetch_fashion_mnist}
_LOADERS = {
    "digits": datasets.load_image_digits,
    "breast_cancer": sklearn_datasets.load_breast_cancer,
    "wine": sklearn_datasets.load_wine,
    "iris": sklearn_datasets.load_iris,
}
DATA_NAMES = (*_LOADERS, *_FETCHERS)


def load_data(args):
    """Features and class labels as the options say.

    Parameters
    ----------
    args : argparse.Namespace
        With `data`, `data_path`, `data_home`, `target`, `classes` (list of str or None),
        `n_samples` and `random_state`.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features), float64
    y : ndarray of shape (n_samples,)

    Raises
    ------
    CommandError
        If a name is unknown, a file cannot be used, or an option does not fit.
    """
    try:
        X, y = _fetch(args) if args.data in _FETCHERS else _load(args)
    except (OSError, ValueError) as error:
        offline = args.data in _FETCHERS and not args.data_path and isinstance(error, OSError)
        hint = " The option for path is --data-path." if offline else ""
        raise CommandError(f"{error}{hint}") from error
    kind = type_of_target(y)
    if kind not in ("binary", "multiclass") or len(np.unique(y)) < 2:
        raise CommandError(
            f"the labels of {args.data!r} must be two or more classes, and they are "
            + ("one class" if kind in ("binary", "multiclass") else f"{kind} values")
        )
    return X, y


def _is_file(name):
    return name not in DATA_NAMES


def check_data_options(args):
    """Raise CommandError for a name that is unknown or options that do not go together."""
    if (args.data_path or args.data_home) and args.data not in _FETCHERS:
        raise CommandError(
            f"--data-path and --data-home go with --data {' or '.join(_FETCHERS)}, "
            f"not with {args.data!r}"
        )
    if args.target and not _is_file(args.data):
        raise CommandError(f"--target goes with a CSV file, not with {args.data!r}")
    looks_like_path = Path(args.data).suffix or len(Path(args.data).parts) > 1
    if _is_file(args.data) and not looks_like_path and not Path(args.data).exists():
        choose("--data", args.data, DATA_NAMES, also="a path to a .csv or .npz file")


def _fetch(args):
    # The fetchers thin out before they convert, and so hold only what is wanted as floats.
    return _FETCHERS[args.data](
        path=args.data_path,
        data_home=args.data_home,
        classes=_resolve(args.classes, _TEN),
        n_samples=args.n_samples,
        random_state=args.random_state,
        return_X_y=True,
    )


def _load(args):
    if _is_file(args.data):
        bunch = datasets.load_table(args.data, target=args.target)
        labels = {str(label): label for label in np.unique(bunch.target).tolist()}
    else:
        bunch = _LOADERS[args.data]()
        labels = {str(name): i for i, name in enumerate(bunch.target_names)}
        labels |= {str(label): label for label in np.unique(bunch.target).tolist()}
    rows = datasets.subset_indices(
        bunch.target,
        classes=_resolve(args.classes, labels),
        n_samples=args.n_samples,
        random_state=args.random_state,
    )
    return np.asarray(bunch.data, dtype=np.float64)[rows], bunch.target[rows]


def _resolve(classes, labels):
    """The labels meant by the texts of the command line."""
    if classes is None:
        return None
    return [labels[choose("--classes", text, labels)] for text in classes]
