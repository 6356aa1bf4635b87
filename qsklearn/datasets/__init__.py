"""Data sets: loaders and generators that return scikit-learn's ``Bunch``."""

from qsklearn.datasets._bars_and_stripes import make_bars_and_stripes
from qsklearn.datasets._digits import load_image_digits
from qsklearn.datasets._drawn_digits import load_drawn_digits
from qsklearn.datasets._mnist import fetch_fashion_mnist, fetch_mnist
from qsklearn.datasets._subset import subset_indices
from qsklearn.datasets._table import load_table

__all__ = [
    "fetch_fashion_mnist",
    "fetch_mnist",
    "load_drawn_digits",
    "load_image_digits",
    "load_table",
    "make_bars_and_stripes",
    "subset_indices",
]
