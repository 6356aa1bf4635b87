"""Arguments that are refused, and by which words; what comes out of those that are taken."""

import re

import numpy as np
import pytest
import scipy.sparse

from qsklearn._checks import (
    check_bools,
    check_choice,
    check_flag,
    check_instance,
    check_integer,
    check_integers,
    check_number,
    check_path,
    check_reals,
    count_axes,
    is_among,
    is_number,
)


@pytest.mark.parametrize(
    ("values", "got"),
    [
        ([[1.0, 2.0]], "shape (1, 2)"),
        ([1.0, 2.0], "shape (2,)"),
        (3.0, "shape ()"),
        ([[1.0], [1.0, 2.0]], "list"),
        ([["a", "b", "c"]], "<U1 values"),
        ([[1j, 0, 0]], "complex128 values"),
        (None, "NoneType"),
        (object(), "object"),
        (np.zeros((1, 3), "datetime64[D]"), "datetime64[D] values"),
        (scipy.sparse.csr_array(np.ones((1, 3))), "a sparse matrix; see its method toarray"),
    ],
)
def test_what_is_no_array_of_numbers_is_refused(values, got):
    wanted = "The 'h' parameter of f must be an array of real numbers of shape (n_models, 3)."
    with pytest.raises(ValueError, match=re.escape(f"{wanted} Got {got} instead.")):
        check_reals(values, "h", "f", "n_models", 3)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint64, np.float16, ">f8", object])
def test_all_numbers_become_float64(dtype):
    array = check_reals(np.array([[1, 0, 1]]).astype(dtype), "h", "f", ..., 3)
    assert array.dtype == np.float64 and array.tolist() == [[1.0, 0.0, 1.0]]


def test_what_is_float64_is_not_copied():
    values = np.zeros((2, 3))
    assert check_reals(values, "h", "f", "n", 3) is values
    states = np.ones(4, np.int8)
    assert check_integers(states, "s", "f", 4, dtype=np.int8) is states


@pytest.mark.parametrize(
    "values", [[0.5], [np.nan], [np.inf], [-1], [5], ["1"], [2**70], np.array([np.float16(6e4)])]
)
def test_what_is_no_integer_of_the_range_is_refused(values):
    wanted = r"The 'groups' parameter of f must be an array of integers in the range \[0, 5\) of"
    with pytest.raises(ValueError, match=wanted):
        check_integers(values, "groups", "f", "n", low=0, high=5)


def test_whole_floats_are_integers():
    assert check_integers([1.0, 4.0], "groups", "f", "n", low=0, high=5).tolist() == [1, 4]
    assert check_integers([], "groups", "f", "n").dtype == np.int64


@pytest.mark.parametrize("value", [True, 1.0, "1", None, -1, 5, 10**30, np.array(1)])
def test_what_is_no_int_is_refused(value):
    with pytest.raises(ValueError, match=r"'model' parameter of f must be an int in the range \[0"):
        check_integer(value, "model", "f", 0, 5)


@pytest.mark.parametrize("value", [True, "1", None, np.nan, np.inf, -np.inf, 10**400, 1j])
def test_what_is_no_finite_number_is_refused(value):
    with pytest.raises(ValueError, match="'beta' parameter of f must be a finite number"):
        check_number(value, "beta", "f")


def test_numbers_and_flags_of_numpy_are_taken():
    assert check_number(np.float32(0.5), "beta", "f") == 0.5
    assert check_integer(np.int8(3), "n", "f") == 3
    assert check_flag(np.bool_(True), "flag", "f") is True
    assert is_number(np.int64(1)) and not is_number(np.bool_(True))


@pytest.mark.parametrize("value", [0, 1, "no", None, np.array([True])])
def test_what_is_no_flag_is_refused(value):
    with pytest.raises(ValueError, match="'measure' parameter of f must be True or False"):
        check_flag(value, "measure", "f")


@pytest.mark.parametrize("values", [[0, 1], [1.0], [True, False, True], [[True, False]], "yes"])
def test_what_are_no_booleans_are_refused(values):
    with pytest.raises(ValueError, match=r"an array of booleans of shape \(2,\)"):
        check_bools(values, "live", "f", 2)


@pytest.mark.parametrize("value", [3, [], {}, np.array([1.0, 2.0]), float("nan")])
def test_choices_are_compared_with_anything(value):
    assert not is_among(value, ["a", "b"])
    with pytest.raises(ValueError, match=r"'scoring' parameter of f must be one of \['a', 'b'\]"):
        check_choice(value, ["a", "b"], "scoring", "f")


@pytest.mark.parametrize("path", ["", "a\0b"])
def test_texts_that_name_no_file_are_refused(path):
    with pytest.raises(ValueError, match="'path' parameter of f must be the path of a file"):
        check_path(path, "path", "f")


@pytest.mark.parametrize("path", [None, 3, b"a", ("a",)])
def test_what_is_no_path_is_refused(path):
    with pytest.raises((TypeError, ValueError), match="'path' parameter of f must be"):
        check_path(path, "path", "f")


def test_ragged_lists_have_no_axes():
    assert [count_axes(it) for it in (None, 2, "ab", [1], np.ones((2, 3)))] == [0, 0, 0, 1, 2]
    assert count_axes([[1], [1, 2]]) == count_axes([np.ones(2), 3]) == -1


def test_kinds_are_named():
    with pytest.raises(TypeError, match="'it' parameter of f must be an int or a str. Got list"):
        check_instance([], (int, str), "it", "f")
