"""Where recipes get their values: numbers and arrays, plain or extreme; and what is done to them.

A recipe describes a valid call. :func:`mutate` then leaves it, gives its arrays another layout,
which must make no difference, or puts something odd in the place of one or two arguments.
"""

import random

import numpy as np
import pandas as pd
import scipy.sparse
from hypothesis import strategies as st

EXTREMES = (0.0, -0.0, 1e-12, -1e-300, 5e-324, 1e6, -1e12, 1e100, 1e308, -1.0, 1.0)
ODD_NUMBERS = (
    -1,
    0,
    1,
    2.5,
    10**14,
    2**63,
    2**64,
    10**30,
    -(2**63),
    True,
    np.int8(3),
    np.float32(0.5),
    float("nan"),
    float("inf"),
    -float("inf"),
    1e-320,
    None,
    "3",
    "",
    "auto",
    b"x",
    (),
    [],
    {},
    1j,
    np.array(2),
    np.array([1.0, 2.0]),
    object(),
)
# Counts of iterations have no upper bound, neither here nor in scikit-learn: a fit may end early,
# by its tolerance, a callback or Ctrl-C. So 2**64 of them are a legal request that takes for ever,
# and no defect: odd values of these are at most some hundred.
ITERATIONS = ("max_iter", "n_iter")
FEW_AT_MOST = 500
ODD_TEXTS = ("", "nonsense", "é\0☃", 3, None, b"auto", True, ("a",), np.str_("auto"), float("nan"))
ODD_THINGS = (None, 3, "text", object(), [], {}, float("nan"), np.zeros((2, 2)), {"a": 1}, int)


class Source:
    """Draws for one recipe.

    All come from whole numbers: hypothesis draws them in the tests, and shrinks them; a generator
    in the long run, where each case has a number. Arrays come from a generator that is seeded by
    one of them: drawn one by one they would take all the time.

    Parameters
    ----------
    integers : callable
        Returns an int of a range, given its first and its last.

    Attributes
    ----------
    is_extreme : bool
        Whether numbers may be extreme; a call with those may be refused.
    """

    def __init__(self, integers):
        self.integer = integers
        self.rng = np.random.default_rng(integers(0, 2**32 - 1))
        self.is_extreme = integers(0, 3) == 0

    @classmethod
    def of_hypothesis(cls, data):
        """From the ``data()`` of a test."""
        return cls(lambda low, high: data.draw(st.integers(low, high)))

    @classmethod
    def of_number(cls, name, number):
        """Of a numbered case."""
        rng = random.Random(f"{name}:{number}")
        return cls(lambda low, high: rng.randint(low, high))

    def choice(self, *values):
        return values[self.integer(0, len(values) - 1)]

    def flag(self):
        return self.integer(0, 1) == 1

    def subset(self, values, most):
        """Some of the values, each once."""
        values = sorted(values)
        count = self.integer(0, min(most, len(values)))
        return [values[i] for i in self.rng.permutation(len(values))[:count]]

    def number(self, low=-2.0, high=2.0):
        if self.is_extreme and self.integer(0, 2) == 0:
            return self.choice(*EXTREMES)
        return float(np.round(self.rng.uniform(low, high), 6))

    def array(self, *shape):
        """Real numbers of some size; extreme ones, or many zeros, or whole ones."""
        values = self.rng.normal(size=shape)
        kind = self.integer(0, 5)
        if kind == 0:
            values[self.rng.random(shape) < 0.5] = 0.0
        elif kind == 1:
            values = np.round(values)
        if self.is_extreme and values.size:
            for _ in range(self.integer(1, 3)):
                values.flat[self.integer(0, values.size - 1)] = self.choice(*EXTREMES)
        return values

    def spins(self, *shape):
        return self.rng.choice(np.array([-1, 1], np.int8), shape)

    def bits(self, *shape):
        return self.rng.integers(0, 2, shape).astype(np.int8)

    def couplings(self, n_spins):
        upper = np.triu(self.array(n_spins, n_spins), 1)
        if self.flag():
            upper[self.rng.random(upper.shape) < 0.6] = 0.0
        return upper + upper.T

    def seed(self):
        return self.choice(0, 1, 2**31, 2**63, 2**64 - 1, 2**100)


def strange_labels(source, count):
    """Names of variables, all different, of all the kinds that dimod takes."""
    pool = [
        0,
        1,
        7,
        -3,
        "a",
        "b",
        "",
        "é☃",
        "0",
        (0, 1),
        ("w", 0, 2),
        (("a", 1), 2),
        frozenset({1, 2}),
        frozenset({1, 3}),
        2.5,
        b"x",
        "x" * 200,
    ]
    return [pool[i] for i in source.rng.permutation(len(pool))[:count]]


# --- what is done to arguments -------------------------------------------------------------------


def mutate(source, arguments):
    """Arguments as they are, in another layout, or with one or two of them odd.

    Returns
    -------
    changed : dict
    kind : {"as it is", "layout", "odd"}
    what : str
        For the report.
    """
    kind = source.choice("as it is", "layout", "odd", "odd", "odd")
    changed, what = dict(arguments), []
    names = [name for name, value in arguments.items() if not callable(value)]
    if kind == "layout":
        names = [name for name in names if _is_array(arguments[name])]
        for name in names:
            changed[name], how = _relay(source, arguments[name])
            what.append(f"{name}: {how}")
    elif kind == "odd" and names:
        for name in source.subset(names, 2) or names[:1]:
            changed[name], how = _odd(source, arguments[name], name in ITERATIONS)
            what.append(f"{name}: {how}")
    if not what:
        kind = "as it is"
    return changed, kind, "; ".join(what)


def _is_array(value):
    return isinstance(value, np.ndarray) and value.dtype != object and value.ndim > 0


def _relay(source, array):
    """The same values, otherwise in memory."""
    how = source.choice("Fortran order", "every other", "backwards", "read-only", "unaligned")
    if how == "Fortran order":
        return np.asfortranarray(array), how
    if how == "every other":
        wide = np.repeat(array, 2, axis=-1)
        return wide[..., ::2], how
    if how == "backwards":
        return np.ascontiguousarray(array[::-1])[::-1], how
    if how == "unaligned":
        buffer = np.zeros(array.nbytes + 1, np.uint8)
        other = buffer[1:].view(array.dtype).reshape(array.shape)
        other[...] = array
        return other, how
    copy = array.copy()
    copy.flags.writeable = False
    return copy, how


def _odd(source, value, is_few=False):
    if isinstance(value, np.ndarray):
        return _odd_array(source, value)
    if scipy.sparse.issparse(value):
        return _odd_sparse(source, value)
    if isinstance(value, str):
        return _named(source.choice(*ODD_TEXTS))
    if isinstance(value, bool | int | float | np.number) or value is None:
        odd = source.choice(*ODD_NUMBERS)
        return _named(FEW_AT_MOST if is_few and isinstance(odd, int) and odd > 1 else odd)
    if isinstance(value, tuple | list) and value:
        return _odd_sequence(source, value)
    return _named(source.choice(*ODD_THINGS))


def _named(value):
    text = f"{type(value).__name__} {value!r}"
    return value, text if len(text) < 60 else f"{text[:57]}..."


def _odd_sequence(source, value):
    values = list(value)
    place = source.integer(0, len(values) - 1)
    how = source.choice("without one", "one more", "one odd", "reversed", "empty", "another")
    if how == "without one":
        del values[place]
    elif how == "one more":
        values.append(values[place])
    elif how == "one odd":
        values[place] = source.choice(*ODD_NUMBERS)
    elif how == "reversed":
        values.reverse()
    elif how == "empty":
        values = []
    else:
        return _named(source.choice(*ODD_THINGS))
    return (tuple(values) if isinstance(value, tuple) else values), how


def _odd_sparse(source, matrix):
    how = source.choice("csc", "coo", "dense", "NaN", "int64 indices", "wider", "unsorted", "lil")
    if how in ("csc", "coo", "lil"):
        return matrix.asformat(how), how
    if how == "dense":
        return matrix.toarray(), how
    other = scipy.sparse.csr_array(matrix, copy=True)
    if how == "NaN" and other.nnz:
        other.data = other.data.astype(float)
        other.data[0] = np.nan
    elif how == "wider":
        other = scipy.sparse.csr_array(
            (other.data, other.indices, other.indptr), shape=(other.shape[0], other.shape[1] + 1)
        )
    elif how == "int64 indices":
        other.indices, other.indptr = (
            part.astype(np.int64) for part in (other.indices, other.indptr)
        )
    elif how == "unsorted" and other.nnz:
        other.indices, other.data = other.indices.copy(), other.data.copy()
        for row in range(other.shape[0]):
            part = slice(other.indptr[row], other.indptr[row + 1])
            other.indices[part] = other.indices[part][::-1]
            other.data[part] = other.data[part][::-1]
        other.has_sorted_indices = False
    return other, how


def _convert(array, dtype):
    with np.errstate(all="ignore"):
        try:
            return array.astype(dtype)
        except (TypeError, ValueError):
            return array


ARRAY_CHANGES = {
    "list": lambda s, a: a.tolist(),
    "float32": lambda s, a: _convert(a, np.float32),
    "float16": lambda s, a: _convert(a, np.float16),
    "longdouble": lambda s, a: _convert(a, np.longdouble),
    "int64": lambda s, a: _convert(np.nan_to_num(a), np.int64) if a.dtype.kind in "fiub" else a,
    "uint8": lambda s, a: _convert(np.nan_to_num(a), np.uint8) if a.dtype.kind in "fiub" else a,
    "bool": lambda s, a: _convert(a, bool),
    "complex": lambda s, a: _convert(a, complex),
    "object": lambda s, a: a.astype(object),
    "big-endian": lambda s, a: _convert(a, a.dtype.newbyteorder(">")),
    "texts": lambda s, a: a.astype(str),
    "datetimes": lambda s, a: np.zeros(a.shape, "datetime64[D]"),
    "sparse": lambda s, a: (
        scipy.sparse.csr_array(a) if a.ndim == 2 and a.dtype.kind in "fiu" else a
    ),
    "sparse matrix": lambda s, a: (
        scipy.sparse.csr_matrix(a) if a.ndim == 2 and a.dtype.kind in "fiu" else a
    ),
    "DataFrame": lambda s, a: (
        pd.DataFrame(a, columns=[f"c{j}" for j in range(a.shape[1])])
        if a.ndim == 2
        else pd.Series(a)
        if a.ndim == 1
        else a
    ),
    "masked": lambda s, a: np.ma.masked_array(a, mask=np.arange(a.size).reshape(a.shape) == 0),
    "NaN": lambda s, a: _with_value(s, a, np.nan),
    "infinity": lambda s, a: _with_value(s, a, s.choice(np.inf, -np.inf)),
    "extreme": lambda s, a: _with_value(s, a, s.choice(*EXTREMES)),
    "two": lambda s, a: _with_value(s, a, 2),
    "all extreme": lambda s, a: np.full(a.shape, s.choice(*EXTREMES)),
    "constant": lambda s, a: np.full_like(a, a.flat[0]) if a.size else a,
    "one row": lambda s, a: a[:1],
    "no rows": lambda s, a: a[:0],
    "no columns": lambda s, a: a[..., :0],
    "a row less": lambda s, a: a[:-1],
    "a column less": lambda s, a: a[..., :-1],
    "a row more": lambda s, a: np.concatenate([a, a[:1]]) if a.ndim else a,
    "a column more": lambda s, a: np.concatenate([a, a[..., :1]], axis=-1) if a.ndim else a,
    "an axis more": lambda s, a: a[np.newaxis],
    "an axis behind": lambda s, a: a[..., np.newaxis],
    "an axis less": lambda s, a: a[0] if a.ndim and len(a) else a,
    "flat": lambda s, a: a.ravel(),
    "transposed": lambda s, a: a.T,
    "scalar": lambda s, a: a.flat[0] if a.size else 0.0,
    "ragged": lambda s, a: [*a.tolist(), [1]] if a.ndim else a,
    "thing": lambda s, a: s.choice(*ODD_THINGS),
}


def _with_value(source, array, value):
    if not array.size or array.dtype.kind not in "fiub":
        return array
    other = array.astype(float)
    other.flat[source.integer(0, other.size - 1)] = value
    return other


def _odd_array(source, array):
    how = source.choice(*ARRAY_CHANGES)
    return ARRAY_CHANGES[how](source, array), how
