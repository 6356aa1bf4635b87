"""Recipes of data sets and of preprocessing."""

from functools import cache

import numpy as np

from fuzzing.entries import Case, entry
from fuzzing.places import new_path
from qsklearn import datasets, preprocessing


@cache
def _npz(name):
    path = new_path(f"{name}.npz")
    rng = np.random.default_rng(0)
    np.savez(path, X=rng.integers(0, 256, (30, 28, 28), np.uint8), y=np.arange(30) % 10)
    return path


@cache
def csv_file(kind):
    path = new_path(f"{kind}.csv")
    rows = {
        "plain": "a,b,label\n1,2,x\n3,4,y\n5,6,x\n",
        "numbers": "a,b,label\n1,2,0\n3.5,-4e3,1\n",
        "mixed": "a,b,label\nred,2,x\nblue,,y\n",
    }
    path.write_text(rows[kind])
    return path


@entry("datasets.fetch_fashion_mnist", "datasets.fetch_mnist", weight=0.7)
def _fetch(source, name):
    arguments = {
        "path": str(_npz("digits")),
        "data_home": None,
        "subset": "all",
        "classes": source.choice(None, [3, 8]),
        "n_samples": source.choice(None, 10),
        "random_state": 0,
        "return_X_y": source.flag(),
    }
    arguments["n_samples"] = None if arguments["classes"] else arguments["n_samples"]
    # Without a path it would be downloaded.
    function = getattr(datasets, name.split(".")[1])

    def call(path, **words):
        return function(path="" if path is None else path, **words)

    return Case(call, arguments)


@entry("datasets.load_drawn_digits")
def _drawn(source):
    arguments = {
        "n_copies": source.integer(1, 3),
        "flip_probability": source.choice(0.0, 0.1, 1.0),
        "random_state": 0,
        "return_X_y": source.flag(),
    }
    return Case(datasets.load_drawn_digits, arguments)


@entry("datasets.load_image_digits", weight=0.4)
def _digits(source):
    arguments = {
        "classes": source.choice(None, [3, 8]),
        "n_samples": source.choice(None, 10),
        "random_state": 0,
        "return_X_y": source.flag(),
    }
    return Case(datasets.load_image_digits, arguments)


@entry("datasets.make_bars_and_stripes")
def _bars(source):
    arguments = {
        "n_samples": source.choice(None, 3, 10),
        "image_size": source.choice(2, (2, 3)),
        "noise": source.choice(0.0, 0.5),
        "random_state": 0,
        "return_X_y": source.flag(),
    }
    return Case(datasets.make_bars_and_stripes, arguments)


@entry("datasets.load_table")
def _table(source):
    kind = source.choice("plain", "numbers", "mixed", "npz")
    path = _npz("table") if kind == "npz" else csv_file(kind)
    arguments = {
        "path": str(path),
        "target": None if kind == "npz" else source.choice(None, "label"),
        "drop": () if kind == "npz" else source.choice((), ("a",)),
        "mixed": kind == "mixed",
        "return_X_y": source.flag(),
    }
    return Case(datasets.load_table, arguments)


@entry("datasets.subset_indices", weight=2.0)
def _subset(source):
    target = source.choice(np.arange(12) % 3, np.array(list("abcabcabc")))
    arguments = {
        "target": target,
        "classes": source.choice(None, target[:2]),
        "n_samples": source.choice(None, 5),
        "random_state": 0,
    }
    return Case(datasets.subset_indices, arguments)


@entry(
    "preprocessing.ThermometerEncoder",
    "preprocessing.ThermometerEncoder.fit",
    "preprocessing.ThermometerEncoder.fit_transform",
    "preprocessing.ThermometerEncoder.get_feature_names_out",
    "preprocessing.ThermometerEncoder.transform",
    weight=2.0,
)
def _thermometer(source, name):
    X, y = source.array(8, 3), np.arange(8) % 2
    words = {
        "n_levels": source.integer(1, 4),
        "n_bits": source.choice(None, 2),
        "binary": False,
        "dtype": source.choice(np.int8, np.float32, "bool"),
    }
    method = name.split(".")[-1]
    kind = preprocessing.ThermometerEncoder
    if method == "ThermometerEncoder":
        plain = source.rng.normal(size=(8, 3))
        return Case(lambda **w: kind(**w).fit(plain, y).transform(plain), words)
    if method in ("fit", "fit_transform"):
        arguments = {"X": X, "y": y}
        if method == "fit":
            arguments["sample_weight"] = source.choice(None, np.ones(8))
        return Case(lambda **w: getattr(kind(**words), method)(**w), arguments)
    encoder = kind(**words).fit(source.rng.normal(size=(8, 3)), y)
    arguments = (
        {"X": X} if method == "transform" else {"input_features": source.choice(None, list("abc"))}
    )

    def check(bits):
        if method == "transform":
            assert np.isin(bits, (0, 1)).all() and len(bits) == 8

    return Case(getattr(encoder, method), arguments, check)
