"""Tables of the user's own: a CSV with a header, or an ``.npz`` with X and y."""

from __future__ import annotations

import codecs
import csv
import math

import numpy as np
from sklearn.utils import Bunch

from qsklearn._checks import check_flag, check_instance, check_path, closest_names
from qsklearn.datasets._npz import bad_file, read_labelled_npz

# What programs write for a cell without a value, in capitals or not.
_EMPTY = {"", "na", "n/a", "nan", "null", "none", "?"}
# The same among numbers; among texts it may be a value, as + and - are.
_DASH = "-"
_SEPARATORS = (",", ";", "\t", "|")
_WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".ods")


def load_table(
    path,
    *,
    target=None,
    drop=(),
    mixed=False,
    separator=",",
    encoding="utf-8",
    return_X_y=False,
):
    """Load labelled rows from a file.

    Parameters
    ----------
    path : str or path-like
        A ``.csv`` (names of the columns in the first line, features that are finite numbers) or an
        ``.npz`` (arrays ``X`` and ``y``, or the four of a file divided into training and test rows,
        which are joined). A first line with numbers for all features is taken for data and refused,
        unless it counts them from 0 or 1 as pandas does. A first column without a name that counts
        the rows, as pandas writes it, is left out.
    target : str or None, default=None
        Name of the column with the labels; the last one when None. For a CSV only.
    drop : sequence of str, default=()
        Names of columns to leave out, such as one that numbers customers. For a CSV only.
    mixed : bool, default=False
        Whether features may be texts, and cells empty. NA, N/A, NaN, null, None and ? count as
        empty, and so does - in a column that holds numbers otherwise. Numbers that are not there
        become NaN; where a column holds texts, `data` is an array of objects, whose empty cells are
        empty texts.
    separator : str, default=","
        The character between the fields of a CSV, such as ``";"`` or a tab.
    encoding : str, default="utf-8"
        Of the text of a CSV, such as ``"cp1252"`` or ``"utf-16"``.
    return_X_y : bool, default=False
        Return ``(data, target)`` in place of the Bunch.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        With `data` (ndarray of shape (n_samples, n_features), float64, as in the file), `target`
        (ndarray of shape (n_samples,): int64 if all labels are whole numbers, float64 if all are
        numbers, else strings), `feature_names`, `text_columns` (list of int: which features are
        texts, with `mixed` only), `target_names` (the distinct labels as strings),
        `image_shape` ((1, height, width) if the rows of an ``.npz`` are pictures, else None) and
        `DESCR`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    IsADirectoryError
        If it is a folder.
    ValueError
        If the file cannot be used, as where labels are missing; the text names the file, the line
        and the column.

    Examples
    --------
    >>> import os, tempfile
    >>> from qsklearn.datasets import load_table
    >>> path = os.path.join(tempfile.mkdtemp(), "flowers.csv")
    >>> with open(path, "w") as file:
    ...     _ = file.write("length,width,kind\\n1.5,2,rose\\n3,4.5,tulip\\n")
    >>> table = load_table(path)
    >>> table.data
    array([[1.5, 2. ],
           [3. , 4.5]])
    >>> table.feature_names, table.target.tolist()
    (['length', 'width'], ['rose', 'tulip'])
    """
    path = check_path(path, "path", "load_table")
    check_instance(drop, (list, tuple), "drop", "load_table")
    for name in (*drop, *([] if target is None else [target])):
        check_instance(name, str, "target' or 'drop", "load_table")
    mixed, return_X_y = (
        check_flag(value, name, "load_table")
        for name, value in (("mixed", mixed), ("return_X_y", return_X_y))
    )
    if path.is_dir():
        raise IsADirectoryError(f"{str(path)!r} is a folder. Give the name of a file in it.")
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {str(path)!r}.")
    if path.suffix.lower() == ".npz":
        _check_of_csv(target, drop)
        table = _read_npz(path)
    elif path.suffix.lower() == ".csv":
        rows = _read_rows(path, _check_separator(separator), _check_encoding(encoding))
        table = _make_table(path, rows, target, drop, mixed)
    else:
        advice = "; save it as CSV in its program" if path.suffix.lower() in _WORKBOOKS else ""
        raise bad_file(path, f"its name ends in {path.suffix!r}; expected '.csv' or '.npz'{advice}")
    if return_X_y:
        return table.data, table.target
    table.target_names = np.unique(table.target).astype(str)
    table.DESCR = f"{len(table.target)} rows from {path}."
    return table


def _check_of_csv(target, drop):
    if target is not None:
        raise ValueError(
            "The 'target' parameter of load_table must be None for an .npz file, whose labels "
            f"are its array 'y'. Got {target!r} instead."
        )
    if drop:
        raise ValueError(
            "The 'drop' parameter of load_table must be empty for an .npz file, whose columns have "
            f"no names. Got {drop!r} instead."
        )


def _read_npz(path):
    parts = read_labelled_npz(path).values()
    features = np.concatenate([x for x, _ in parts]).astype(np.float64)
    data = features.reshape(len(features), -1)
    target = np.concatenate([y for _, y in parts])
    if target.dtype.kind == "U":
        _check_no_gaps(path, "its array 'y'", "row", list(enumerate(target.tolist())))
    return Bunch(
        data=data,
        target=target,
        feature_names=[f"x{j}" for j in range(data.shape[1])],
        text_columns=[],
        image_shape=(1, *features.shape[1:]) if features.ndim == 3 else None,
    )


def _check_separator(separator):
    check_instance(separator, str, "separator", "load_table")
    if len(separator) != 1 or separator in '"\r\n':
        raise ValueError(
            "The 'separator' parameter of load_table must be one character, no quote and no end of "
            f"a line. Got {separator!r} instead."
        )
    return separator


def _check_encoding(encoding):
    check_instance(encoding, str, "encoding", "load_table")
    try:
        name = codecs.lookup(encoding).name
    except LookupError:
        raise ValueError(
            "The 'encoding' parameter of load_table must be one that Python knows, such as "
            f"'utf-8', 'cp1252' or 'utf-16'. Got {encoding!r} instead."
        ) from None
    # Spreadsheets begin UTF-8 with a mark, which is no part of the first name.
    return "utf-8-sig" if name == "utf-8" else name


def _make_table(path, rows, target, drop, mixed):
    header, rows = _without_row_numbers(*rows)
    column = _find_target(path, header, target)
    _check_names(path, header, column, {row[column].strip() for _, row in rows})
    left_out = _find_dropped(path, header, drop, column)
    features = [j for j in range(len(header)) if j != column and j not in left_out]
    loose = [j for j in features if mixed and not all(is_number(row[j]) for _, row in rows)]
    columns = [
        _texts_or_numbers(path, header[j], [(line, row[j]) for line, row in rows], j in loose)
        for j in features
    ]
    return Bunch(
        data=_join(columns),
        target=_labels(path, header[column], [(line, row[column].strip()) for line, row in rows]),
        feature_names=[header[j] for j in features],
        text_columns=[i for i, values in enumerate(columns) if values.dtype == object],
        image_shape=None,
    )


def _texts_or_numbers(path, name, cells, loose):
    """A column as floats or, where it is loose and not all of it are numbers, as texts."""
    if not loose:
        return np.array([_number(path, line, name, text) for line, text in cells])
    stripped = ["" if _is_empty(text) else text.strip() for _, text in cells]
    numbers = [float(text) if is_number(text) else math.nan for text in stripped]
    filled = [text for text in stripped if text not in ("", _DASH)]
    if all(map(is_number, filled)):
        return np.array(numbers)
    return np.array(stripped, dtype=object)


def _is_empty(text):
    return text.strip().lower() in _EMPTY


def _join(columns):
    """Columns side by side; as objects where one holds texts."""
    if not any(values.dtype == object for values in columns):
        return np.column_stack(columns)
    data = np.empty((len(columns[0]), len(columns)), dtype=object)
    for j, values in enumerate(columns):
        data[:, j] = values
    return data


def _without_row_numbers(header, rows):
    """pandas writes its index as a first column without a name, which is no feature."""
    cells = [row[0].strip() for _, row in rows]
    counted = any(cells == [str(i + k) for i in range(len(cells))] for k in (0, 1))
    if header[0] or not counted or len(header) < 3:
        return header, rows
    return header[1:], [(line, row[1:]) for line, row in rows]


def _find_dropped(path, header, drop, column):
    """Places of the columns to leave out."""
    places = {_find_column(path, header, name) for name in drop}
    if column in places:
        raise bad_file(
            path, f"{header[column]!r} is the column of the labels; it cannot be dropped"
        )
    if len(places) == len(header) - 1:
        raise bad_file(path, "all its features are dropped; expected one or more")
    return places


def _read_rows(path, separator, encoding):
    """The header and every row with its line number; blank lines are passed over."""
    try:
        with open(path, newline="", encoding=encoding) as file:
            reader = csv.reader(file, strict=True, delimiter=separator)
            rows = [(reader.line_num, row) for row in reader if row]
    except (csv.Error, UnicodeError) as error:
        raise bad_file(
            path, f"it does not read as a CSV in {encoding.upper()} ({error}); {_way_out(path)}"
        ) from error
    for line, row in rows:
        if any("\0" in cell for cell in row):  # which NumPy drops at the end of a text
            raise bad_file(path, f"line {line} holds a NUL character; it is damaged, or no text")
    if len(rows) < 2:
        raise bad_file(path, "it has no rows; expected a header line and rows below it")
    header = [name.strip() for name in rows[0][1]]
    _check_header(path, header, separator)
    for line, row in rows[1:]:
        if len(row) != len(header):
            raise bad_file(
                path, f"line {line} has {len(row)} fields; expected {len(header)} as in the header"
            )
    return header, rows[1:]


def _way_out(path):
    """What to do with a file that is no text in the encoding, by its first bytes."""
    with open(path, "rb") as file:
        first = file.read(4)
    if first.startswith((b"PK", b"\xd0\xcf\x11\xe0")):
        return "it is a workbook whatever its name says: save it as CSV in its program"
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "pass encoding='utf-16'"
    return "save it as CSV in UTF-8, or pass its encoding, such as encoding='cp1252'"


def _check_header(path, header, separator):
    if len(header) > 1:
        return
    found = next((s for s in _SEPARATORS if s != separator and s in header[0]), None)
    advice = f": pass separator={found!r}, which its header holds" if found else ""
    raise bad_file(
        path,
        f"its header {header} has one column; expected two or more, separated by "
        f"{separator!r}{advice}",
    )


def _check_names(path, header, column, labels):
    """Refuse a row of data in place of the header, which would be lost, and repeated names."""
    features = [name for j, name in enumerate(header) if j != column]
    # pandas counts unnamed columns; but a name of labels that is a label itself is data.
    counted = any(features == [str(i + k) for i in range(len(features))] for k in (0, 1))
    named = counted and not is_number(header[column]) and header[column] not in labels
    if all(map(_is_float, features)) and not named:
        raise bad_file(
            path,
            "its first line holds numbers; expected the names of the columns: add a header line "
            "above it, such as x0,x1,label",
        )
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise bad_file(path, f"its header has {repeated} more than once; expected distinct names")


def _find_target(path, header, target):
    if target is None:
        return len(header) - 1
    return _find_column(path, header, target)


def _find_column(path, header, name):
    if name not in header:
        closest = closest_names(name, header)
        hint = f", did you mean {closest[0]!r}?" if closest else ";"
        raise bad_file(path, f"it has no column {name!r}{hint} its columns are {header}")
    return header.index(name)


def _is_float(text):
    """Whether Python reads a float, which may be nan: more than a feature may be."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def is_number(text):
    """Whether a cell is a finite number."""
    try:
        # Python alone reads 1_000 as a number.
        return "_" not in text and math.isfinite(float(text))
    except ValueError:
        return False


def _number(path, line, name, text):
    if not is_number(text):
        raise bad_file(
            path, f"line {line}, column {name!r} holds {text!r}; expected a finite number"
        )
    return float(text)


def _check_no_gaps(path, where, place, labels):
    """Refuse labels that say that there is none; each has the place where it stands."""
    missing = [(number, text) for number, text in labels if _is_empty(text)]
    if missing:
        kinds = ", ".join(repr(text) for text in dict.fromkeys(text for _, text in missing))
        raise bad_file(
            path,
            f"{len(missing)} of {len(labels)} rows have no label in {where} ({kinds}), the first "
            f"of them in {place} {missing[0][0]}; fill in what they are or delete these rows, and "
            "give a class that is called so another name",
        )


def _labels(path, name, labels):
    _check_no_gaps(path, f"column {name!r}", "line", labels)
    texts = [text for _, text in labels]
    if not all(is_number(text) for text in texts):
        return np.array(texts)
    numbers = np.array(texts, dtype=np.float64)
    # Whole numbers are classes; 1 and 1.0 are the same one.
    return numbers.astype(np.int64) if (numbers == np.round(numbers)).all() else numbers
