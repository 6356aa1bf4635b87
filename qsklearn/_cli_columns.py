"""What the columns of a user's table are taken for, and what cannot be taken for anything."""

from __future__ import annotations

import numpy as np

from qsklearn._cli_errors import CommandError
from qsklearn.datasets._table import is_number

# More different texts than these, or a tenth of the rows, are names and no categories.
_MOST_TEXTS = 50
# With fewer rows whole numbers may differ by chance.
_MANY_ROWS = 50
# With this share of numbers among its filled cells a column was probably meant to hold numbers.
_MOSTLY = 0.8
_N_SHOWN = 3
_N_LISTED = 20


def check_columns(bunch, name):
    """Raise CommandError for a column of texts that are no categories, or where nothing is left.

    Parameters
    ----------
    bunch : Bunch
        As :func:`qsklearn.datasets.load_table` returns it.
    name : str
        Of the file.
    """
    for j in bunch.text_columns:
        cells, column = bunch.data[:, j], bunch.feature_names[j]
        n_texts = len(set(cells))
        if n_texts <= max(_MOST_TEXTS, len(cells) // 10):
            continue
        if _share_of_numbers(cells) > 0.5:
            raise CommandError(
                f"the column {column!r} of {name!r} holds numbers, and "
                f"{_describe_no_numbers(cells)}: mend them or leave them empty (NA, nan, null, ? "
                f"and the like count as empty), or leave the column out by --drop {column}"
            )
        raise CommandError(
            f"the column {column!r} of {name!r} holds {n_texts} different texts in {len(cells)} "
            f"rows, too many for categories; leave it out by --drop {column}"
        )
    if len(_empty_columns(bunch)) == len(bunch.feature_names):
        raise CommandError(f"all features of {name!r} are empty in every row")


def without_empty_columns(bunch):
    """Leave out of a table the columns that are empty in every row.

    Returns
    -------
    notes : list of str
        One with their names, or none.
    """
    empty = _empty_columns(bunch)
    if not empty:
        return []
    kept = [j for j in range(len(bunch.feature_names)) if j not in empty]
    notes = [f"empty in every row, so left out: {_listed(bunch.feature_names, empty)}"]
    bunch.text_columns = [i for i, j in enumerate(kept) if j in bunch.text_columns]
    bunch.data = bunch.data[:, kept]
    bunch.feature_names = [bunch.feature_names[j] for j in kept]
    return notes


def _empty_columns(bunch):
    columns = {j: bunch.data[:, j] for j in range(bunch.data.shape[1])}
    return [
        j
        for j, cells in columns.items()
        if j not in bunch.text_columns and np.isnan(cells.astype(np.float64)).all()
    ]


def describe_columns(bunch):
    """Notes on texts, gaps, columns that say nothing, and columns that seem to name the rows.

    Parameters
    ----------
    bunch : Bunch
        With `data`, `text_columns` and `feature_names`.

    Returns
    -------
    notes : list of str
    """
    data, names, texts = bunch.data, bunch.feature_names, bunch.text_columns
    numbers = {j: data[:, j].astype(np.float64) for j in range(data.shape[1]) if j not in texts}
    notes = []
    if texts:
        listed = ", ".join(names[j] + _gaps_of_texts(data[:, j]) for j in texts)
        notes.append(f"texts, of which each becomes a feature of 0 and 1: {listed}")
    notes += [
        f"{names[j]} is mostly numbers, but {_describe_no_numbers(data[:, j])}, so it is taken for "
        "texts; mend or empty these cells to have numbers"
        for j in texts
        if _share_of_numbers(data[:, j]) >= _MOSTLY
    ]
    n_gaps = {j: int(np.isnan(values).sum()) for j, values in numbers.items()}
    gaps = [f"{names[j]} ({n} of {len(data)})" for j, n in n_gaps.items() if n]
    if gaps:
        notes.append(f"empty cells, filled by the training rows' median: {', '.join(gaps)}")
    # Gaps among numbers are filled, those among texts are a value.
    constant = [
        j for j in range(data.shape[1]) if len({v for v in data[:, j].tolist() if v == v}) == 1
    ]
    if constant:
        notes.append(f"the same in every row, so that it tells nothing: {_listed(names, constant)}")
    return [*notes, *_names_of_rows(numbers, names)]


def _names_of_rows(numbers, names):
    return [
        f"{names[j]} has another whole number in every row; if it names the rows, leave it out by "
        f"--drop {names[j]}"
        for j, values in numbers.items()
        if len(values) >= _MANY_ROWS
        and (values == np.round(values)).all()
        and len(np.unique(values)) == len(values)
    ]


def _gaps_of_texts(cells):
    n = int((cells == "").sum())
    return f" ({n} empty of {len(cells)}, which are one more such feature)" if n else ""


def _share_of_numbers(cells):
    filled = [text for text in cells if text]
    return sum(map(is_number, filled)) / len(filled)


def _describe_no_numbers(cells):
    wrong = [text for text in cells if text and not is_number(text)]
    kinds = list(dict.fromkeys(wrong))
    shown = ", ".join(map(repr, kinds[:_N_SHOWN])) + (", ..." if len(kinds) > _N_SHOWN else "")
    verb = "cell is no finite number" if len(wrong) == 1 else "cells are no finite numbers"
    return f"{len(wrong)} of {len(cells)} {verb} ({shown})"


def _listed(names, places):
    more = f" and {len(places) - _N_LISTED} more" if len(places) > _N_LISTED else ""
    return ", ".join(names[j] for j in places[:_N_LISTED]) + more
