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


def load_data(name, args):
    """Features and class labels of one data set as the options say.

    Parameters
    ----------
    name : str
        One of ``DATA_NAMES``, or a path.
    args : argparse.Namespace
        With `data_path`, `data_home`, `target`, `classes` (list of str or None), `n_samples` and
        `random_state`.

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
        X, y = _fetch(name, args) if name in _FETCHERS else _load(name, args)
    except (OSError, ValueError) as error:
        offline = name in _FETCHERS and not args.data_path and isinstance(error, OSError)
        hint = " The option for path is --data-path." if offline else ""
        raise CommandError(f"{error}{hint}") from error
    kind = type_of_target(y)
    if kind not in ("binary", "multiclass") or len(np.unique(y)) < 2:
        raise CommandError(
            f"the labels of {name!r} must be two or more classes, and they are "
            + ("one class" if kind in ("binary", "multiclass") else f"{kind} values")
        )
    return X, y


def split_names(texts):
    """Names of data sets: each text is a path that exists, or names separated by commas.

    Parameters
    ----------
    texts : list of str

    Returns
    -------
    names : list of str
        Each once.
    """
    names = []
    for text in texts:
        parts = [text] if Path(text).exists() else text.split(",")
        names += [part.strip() for part in parts if part.strip()]
    return list(dict.fromkeys(names))


def label_data(names):
    """What data sets are called in tables: names, and files without their folder.

    Parameters
    ----------
    names : list of str

    Returns
    -------
    labels : dict of str to str
        By name. Files of one name in two folders keep their folders.
    """
    short = {name: name if name in DATA_NAMES else Path(name).name for name in names}
    taken = list(short.values())
    return {name: label if taken.count(label) == 1 else name for name, label in short.items()}


def _is_file(name):
    return name not in DATA_NAMES


def check_data_options(names, args):
    """Raise CommandError for a name that is unknown or options that do not go together."""
    if not names:
        raise CommandError("--data: names separated by commas are wanted")
    fetched = [name for name in names if name in _FETCHERS]
    if (args.data_path or args.data_home) and not fetched:
        raise CommandError(
            f"--data-path and --data-home go with --data {' or '.join(_FETCHERS)}, "
            f"not with {', '.join(map(repr, names))}"
        )
    if args.data_path and len(fetched) > 1:
        raise CommandError("--data-path is one file, so it goes with mnist or fashion_mnist alone")
    if args.target and not any(_is_file(name) for name in names):
        raise CommandError(f"--target goes with a CSV file, not with {', '.join(map(repr, names))}")
    if args.classes and len(names) > 1:
        raise CommandError("--classes goes with one data set, as sets have their own classes")
    for name in names:
        _check_name(name)


def _check_name(name):
    looks_like_path = Path(name).suffix or len(Path(name).parts) > 1
    if _is_file(name) and not looks_like_path and not Path(name).exists():
        choose("--data", name, DATA_NAMES, also="a path to a .csv or .npz file")


def _fetch(name, args):
    # The fetchers thin out before they convert, and so hold only what is wanted as floats.
    return _FETCHERS[name](
        path=args.data_path,
        data_home=args.data_home,
        classes=_resolve(args.classes, _TEN),
        n_samples=args.n_samples,
        random_state=args.random_state,
        return_X_y=True,
    )


def _load(name, args):
    if _is_file(name):
        bunch = datasets.load_table(name, target=args.target)
        labels = {str(label): label for label in np.unique(bunch.target).tolist()}
    else:
        bunch = _LOADERS[name]()
        labels = {str(label): i for i, label in enumerate(bunch.target_names)}
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
