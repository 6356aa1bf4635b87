"""The data of the command line: a set by name, or a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn import datasets as sklearn_datasets
from sklearn.utils.multiclass import type_of_target

from qsklearn import datasets
from qsklearn._cli_columns import check_columns, describe_columns, without_empty_columns
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
# A tab is hard to type.
_TYPED = {"tab": "\t", "\\t": "\t"}
# Parameters that messages name, and the options for them.
_OPTIONS = {"separator=": "--separator", "encoding=": "--encoding"}


@dataclass(frozen=True)
class Table:
    """A data set as it was read.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Floats, or objects where columns hold texts.
    y : ndarray of shape (n_samples,)
    text_columns : list of int
    notes : list of str
        What a user should know of the columns.
    """

    X: np.ndarray
    y: np.ndarray
    text_columns: list
    notes: list


def load_data(name, args):
    """Features and class labels of one data set as the options say.

    Parameters
    ----------
    name : str
        One of ``DATA_NAMES``, or a path.
    args : argparse.Namespace
        With `data_path`, `data_home`, `target`, `drop`, `classes` (list of str or None),
        `separator`, `encoding`, `n_samples` and `random_state`.

    Returns
    -------
    table : Table

    Raises
    ------
    CommandError
        If a name is unknown, a file cannot be used, or an option does not fit.
    """
    try:
        table = _fetch(name, args) if name in _FETCHERS else _load(name, args)
    except (OSError, ValueError) as error:
        offline = name in _FETCHERS and not args.data_path and isinstance(error, OSError)
        hint = " The option for path is --data-path." if offline else ""
        for parameter, option in _OPTIONS.items():
            hint += f" The option is {option}." if parameter in str(error) else ""
        raise CommandError(f"{error}{hint}") from error
    kind = type_of_target(table.y)
    if kind not in ("binary", "multiclass") or len(np.unique(table.y)) < 2:
        raise CommandError(
            f"the labels of {name!r} must be two or more classes, and they are "
            + ("one class" if kind in ("binary", "multiclass") else f"{kind} values")
            + (", of its last column; --target names another" if _is_last(name, args) else "")
        )
    return table


def _is_last(name, args):
    return _is_csv(name) and not args.target


def split_names(texts):
    """Names of data sets: each text is a path that exists, or names separated by commas.

    Parameters
    ----------
    texts : list of str

    Returns
    -------
    names : list of str

    Raises
    ------
    CommandError
        If one is named twice.
    """
    names = []
    if any("\0" in text for text in texts):
        raise CommandError("--data: a name must not hold a NUL character")
    for text in texts:
        parts = [text] if Path(text).exists() else text.split(",")
        names += [part.strip() for part in parts if part.strip()]
    files = {}
    for name in names:
        file = str(Path(name).resolve()) if _is_file(name) else name
        if file in files:
            raise CommandError(f"--data: {name!r} is {files[file]!r} again; name each table once")
        files[file] = name
    return names


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


def _is_csv(name):
    return _is_file(name) and Path(name).suffix.lower() == ".csv"


def check_data_options(names, args):
    """Raise CommandError for a name that is unknown or options that do not go together."""
    if not names:
        raise CommandError("--data: names separated by commas are wanted")
    for name in names:
        _check_name(name)
    fetched = [name for name in names if name in _FETCHERS]
    if (args.data_path or args.data_home) and not fetched:
        raise CommandError(
            f"--data-path and --data-home go with --data {' or '.join(_FETCHERS)}, "
            f"not with {', '.join(map(repr, names))}"
        )
    if args.data_path and len(fetched) > 1:
        raise CommandError("--data-path is one file, so it goes with mnist or fashion_mnist alone")
    if args.target and not any(map(_is_csv, names)):
        raise CommandError(f"--target goes with a CSV file, not with {', '.join(map(repr, names))}")
    if args.drop and not any(map(_is_csv, names)):
        raise CommandError(f"--drop goes with a CSV file, not with {', '.join(map(repr, names))}")
    if (args.separator, args.encoding) != (",", "utf-8") and not any(map(_is_csv, names)):
        raise CommandError(
            f"--separator and --encoding go with a CSV file, not with {', '.join(map(repr, names))}"
        )
    if args.classes and len(names) > 1:
        raise CommandError("--classes goes with one data set, as sets have their own classes")


def _check_name(name):
    looks_like_path = Path(name).suffix or len(Path(name).parts) > 1
    if _is_file(name) and not looks_like_path and not Path(name).exists():
        choose("--data", name, DATA_NAMES, also="a path to a .csv or .npz file")


def _fetch(name, args):
    # The fetchers thin out before they convert, and so hold only what is wanted as floats.
    X, y = _FETCHERS[name](
        path=args.data_path,
        data_home=args.data_home,
        classes=_resolve(args.classes, _TEN),
        n_samples=args.n_samples,
        random_state=args.random_state,
        return_X_y=True,
    )
    return Table(X, y, [], [])


def _load(name, args):
    notes = []
    if _is_file(name):
        bunch, notes = _read_file(name, args)
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
    data = np.asarray(bunch.data)
    if data.dtype != object:
        data = data.astype(np.float64, copy=False)
    return Table(data[rows], bunch.target[rows], bunch.get("text_columns", []), notes)


def _read_file(name, args):
    """The table of a file, and notes on its columns."""
    if not _is_csv(name):
        bunch = datasets.load_table(name, target=args.target)
        return bunch, describe_columns(bunch)
    bunch = datasets.load_table(
        name,
        target=args.target,
        drop=args.drop or (),
        mixed=True,
        separator=_TYPED.get(args.separator, args.separator),
        encoding=args.encoding,
    )
    check_columns(bunch, name)
    return bunch, [*without_empty_columns(bunch), *describe_columns(bunch)]


def _resolve(classes, labels):
    """The labels meant by the texts of the command line."""
    if classes is None:
        return None
    return [labels[choose("--classes", text, labels)] for text in classes]
