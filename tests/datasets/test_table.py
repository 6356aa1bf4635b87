import re

import numpy as np
import pytest

from qsklearn.datasets import load_table


@pytest.fixture
def table(tmp_path):
    def write(text, name="t.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return write


def test_the_last_column_is_the_target(table):
    bunch = load_table(table("a,b,kind\n1,2,no\n3,-4e1,yes\n"))
    np.testing.assert_array_equal(bunch.data, [[1, 2], [3, -40]])
    assert bunch.target.tolist() == ["no", "yes"] == bunch.target_names.tolist()
    assert bunch.feature_names == ["a", "b"] and bunch.image_shape is None


def test_a_named_target(table):
    X, y = load_table(table("kind,b\n1,2\n0,4\n"), target="kind", return_X_y=True)
    assert X.tolist() == [[2.0], [4.0]] and y.dtype == np.int64 and y.tolist() == [1, 0]


def test_what_spreadsheets_add(table):
    text = '\ufeffa,"b, c", kind\r\n1, 2 ,"x, y"\r\n\r\n3,4,z\r\n'
    bunch = load_table(table(text))
    assert bunch.feature_names == ["a", "b, c"]
    assert bunch.data.tolist() == [[1, 2], [3, 4]] and bunch.target.tolist() == ["x, y", "z"]


def test_labels_keep_their_kind(table):
    assert load_table(table("a,y\n1,1.0\n2,2\n")).target.dtype == np.int64
    assert load_table(table("a,y\n1,1.5\n2,2\n")).target.dtype == np.float64
    assert load_table(table("a,y\n1,-\n2,+\n")).target.tolist() == ["-", "+"]


@pytest.mark.parametrize("gap", ["", "NA", "nan", "Null", "none", "?", "n/a"])
def test_rows_without_a_label_are_refused(gap, table):
    text = f"a,y\n1,no\n2,{gap}\n3,yes\n4, {gap}\n"
    said = re.escape(
        f"2 of 4 rows have no label in column 'y' ({gap!r}), the first of them in line 3"
    )
    with pytest.raises(ValueError, match=said + "; fill in what they are or delete these rows"):
        load_table(table(text))


@pytest.mark.parametrize(
    "text, reason",
    [
        ("a,y\n1,0\nx,1\n", "line 3, column 'a' holds 'x'; expected a finite number"),
        ("a,y\n1,0\n,1\n", "line 3, column 'a' holds ''"),
        ("a,y\n1_000,0\n1,1\n", "line 2, column 'a' holds '1_000'"),
        ("a,y\ninf,0\n1,1\n", "line 2, column 'a' holds 'inf'"),
        ("a,y\nNaN,0\n1,1\n", "line 2, column 'a' holds 'NaN'"),
        ("a,y\n1,0\n1\n", "line 3 has 1 fields; expected 2"),
        ("a,y\n1,0,7\n", "line 2 has 3 fields; expected 2"),
        ("a,y\n1,\n", "1 of 1 rows have no label in column 'y' ('')"),
        ("a,a,y\n1,2,0\n", "its header has ['a'] more than once"),
        ("1,2\n3,4\n", "its first line holds numbers; expected the names"),
        ("5.1,3.5,setosa\n4.9,3,setosa\n", "its first line holds numbers; expected the names"),
        ("5.1,5.1,setosa\n4.9,3,setosa\n", "add a header line above it, such as x0,x1,label"),
        ("5.1,nan,setosa\n4.9,3,setosa\n", "its first line holds numbers"),
        ("1,0,kind\n4.9,3,setosa\n", "its first line holds numbers"),
        ("0,1,cat\n2,3,cat\n", "its first line holds numbers"),
        ("a;y\n1;0\n", "two or more, separated by ',': pass separator=';', which its header"),
        ("a\ty\n1\t0\n", "pass separator='\\t'"),
        (
            "a y\n1 0\n",
            "its header ['a y'] has one column; expected two or more, separated by ','.",
        ),
        ("a,y\n", "it has no rows"),
        ("", "it has no rows"),
        ('a,y\n"1,0\n', "does not read as a CSV"),
    ],
)
def test_faults_are_located(text, reason, table):
    with pytest.raises(ValueError, match=r"t\.csv' cannot be used: .*" + re.escape(reason)):
        load_table(table(text))


def test_other_separators_and_encodings(table):
    path = table("größe;y\n1;nein\n2;ja\n", encoding="cp1252")
    bunch = load_table(path, separator=";", encoding="cp1252")
    assert bunch.feature_names == ["größe"] and bunch.target.tolist() == ["nein", "ja"]
    path = table("a\tb\ty\n1\t2\t0\n3\t4\t1\n", encoding="utf-16")
    bunch = load_table(path, separator="\t", encoding="utf-16")
    assert bunch.data.tolist() == [[1, 2], [3, 4]]
    with pytest.raises(ValueError, match="in UTF-8.*; pass encoding='utf-16'"):
        load_table(path)
    with pytest.raises(ValueError, match="header .* one column.*: pass separator=',', which"):
        load_table(table("a,y\n1,0\n"), separator=";")
    for wrong in ("", ";;", '"', "\n"):
        with pytest.raises(ValueError, match="'separator' parameter of load_table must be one"):
            load_table(path, separator=wrong)
    with pytest.raises(ValueError, match="'encoding' parameter .* Got 'latin-one' instead"):
        load_table(path, encoding="latin-one")


@pytest.mark.parametrize("header", ["0,1", "1,2", "a,2", "1.5,b"])
def test_columns_that_are_counted_or_only_partly_numbers(header, table):
    bunch = load_table(table(f"{header},kind\n5,6,cat\n7,8,dog\n"))
    assert bunch.feature_names == header.split(",") and bunch.data.tolist() == [[5, 6], [7, 8]]
    bunch = load_table(table(f"kind,{header}\ncat,5,6\n"), target="kind")
    assert bunch.target.tolist() == ["cat"]


def test_other_faults(table, tmp_path):
    with pytest.raises(ValueError, match="does not read as a CSV in UTF-8.*encoding='cp1252'"):
        load_table(table("a,y\né,0\n", encoding="latin-1"))
    workbook = tmp_path / "w.csv"
    workbook.write_bytes(b"PK\x03\x04\xff\xfe\x00")
    with pytest.raises(ValueError, match="it is a workbook .*: save it as CSV in its program"):
        load_table(workbook)
    with pytest.raises(IsADirectoryError, match="is a folder. Give the name of a file in it"):
        load_table(tmp_path)
    with pytest.raises(ValueError, match=r"no column 'z'; its columns are \['a', 'y'\]"):
        load_table(table("a,y\n1,0\n"), target="z")
    with pytest.raises(
        ValueError, match=r"t\.xlsx' cannot be used: its name ends in '.xlsx'.* save it as CSV"
    ):
        load_table(table("PK", name="t.xlsx"))
    with pytest.raises(FileNotFoundError, match=r"no file .*absent\.csv"):
        load_table(tmp_path / "absent.csv")


def test_npz_with_pictures(tmp_path):
    path = tmp_path / "t.npz"
    np.savez(path, X=np.arange(24).reshape(2, 3, 4), y=["b", "a"])
    bunch = load_table(path)
    assert bunch.data.shape == (2, 12) and bunch.image_shape == (1, 3, 4)
    assert bunch.data.dtype == np.float64 and bunch.target.tolist() == ["b", "a"]
    with pytest.raises(ValueError, match="'target' parameter of load_table must be None"):
        load_table(path, target="y")


MIXED = "id,city,age,churn\n7,Rome,1.5,no\n8,,NA,yes\n9,Oslo,,no\n"


def test_texts_and_empty_cells_where_they_are_wanted(table):
    path = table(MIXED)
    bunch = load_table(path, mixed=True)
    assert bunch.data.dtype == object and bunch.text_columns == [1]
    assert bunch.data[:, 1].tolist() == ["Rome", "", "Oslo"]
    assert bunch.data[0, 2] == 1.5 and np.isnan(bunch.data[1:, 2].astype(float)).all()
    with pytest.raises(ValueError, match="column 'city' holds 'Rome'"):
        load_table(path)


def test_a_dash_is_a_gap_among_numbers_and_a_value_among_texts(table):
    bunch = load_table(table("a,b,y\n1.5,+,0\n-,-,1\n-2,+,0\n"), mixed=True)
    assert bunch.text_columns == [1] and bunch.data[:, 1].tolist() == ["+", "-", "+"]
    np.testing.assert_array_equal(bunch.data[:, 0].astype(float), [1.5, np.nan, -2])


def test_mixed_numbers_stay_numbers(table):
    bunch = load_table(table("a,b,y\n1,2,0\n3,,1\n"), mixed=True)
    assert bunch.data.dtype == np.float64 and bunch.text_columns == []
    np.testing.assert_array_equal(bunch.data, [[1, 2], [3, np.nan]])


def test_columns_left_out(table):
    bunch = load_table(table(MIXED), drop=["id", "city"], mixed=True)
    assert bunch.feature_names == ["age"]
    with pytest.raises(ValueError, match=r"no column 'ciry', did you mean 'city'\?"):
        load_table(table(MIXED), drop=["ciry"])
    with pytest.raises(ValueError, match="'churn' is the column of the labels"):
        load_table(table(MIXED), drop=["churn"])
    with pytest.raises(ValueError, match="all its features are dropped"):
        load_table(table(MIXED), drop=["id", "city", "age"])


@pytest.mark.parametrize("first", [0, 1])
def test_row_numbers_of_pandas_are_no_feature(first, table):
    bunch = load_table(table(f",a,y\n{first},5,0\n{first + 1},6,1\n"))
    assert bunch.feature_names == ["a"] and bunch.data.tolist() == [[5], [6]]
    # Without a name, but no count of the rows: a feature like others.
    assert load_table(table(",a,y\n3,5,0\n7,6,1\n")).feature_names == ["", "a"]


def test_labels_that_are_missing_in_an_npz(tmp_path):
    path = tmp_path / "t.npz"
    np.savez(path, X=np.ones((3, 2)), y=["yes", "NA", "no"])
    with pytest.raises(ValueError, match=r"1 of 3 rows .* 'y' \('NA'\), the first .* in row 1;"):
        load_table(path)


def test_an_npz_has_no_columns_to_drop(tmp_path):
    path = tmp_path / "t.npz"
    np.savez(path, X=np.ones((2, 2)), y=[0, 1])
    assert load_table(path, mixed=True).text_columns == []
    with pytest.raises(ValueError, match="'drop' parameter of load_table must be empty"):
        load_table(path, drop=["x0"])


def test_a_nul_character_is_refused_with_its_line(tmp_path):
    """Found by fuzzing: NumPy drops it at the end of a text, and another label came out."""
    path = tmp_path / "damaged.csv"
    path.write_bytes(b"a,b,label\n1,2,x\n3,4,\0\n")
    with pytest.raises(ValueError, match="line 3 holds a NUL character"):
        load_table(path)


@pytest.mark.parametrize("path", [3, None, b"a.csv", ("a",), "a\0.csv"])
def test_what_is_no_path_is_refused(path):
    with pytest.raises((TypeError, ValueError), match="'path' parameter of load_table"):
        load_table(path)
