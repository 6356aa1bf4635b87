import html.parser
import math
import re

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import FitFailedWarning
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

from qsklearn.model_selection import compare
from qsklearn.model_selection._text import format_amount

X, Y = load_iris(return_X_y=True)
NASTY = "<script>alert('name')</script> & co"


class Reader(ClassifierMixin, BaseEstimator):
    """The first class always, after 1000 reads; fails where it does not see the first row."""

    def fit(self, X, y):
        if not (X == load_iris().data[0]).all(axis=1).any():
            raise RuntimeError("<b>lost</b>")
        self.classes_ = np.unique(y)
        self.cost_ = {"reads": 1000, "sweeps": 25_000, "qpu_access_time": 1234.5}
        self.stop_reason_ = "sampler: <i>gone</i>"
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


@pytest.fixture(scope="module")
def result():
    estimators = {
        NASTY: GaussianNB(),
        "tree": DecisionTreeClassifier(max_depth=1),
        "reader": Reader(),
        "guess": DummyClassifier(),
    }
    with pytest.warns(FitFailedWarning):
        return compare(
            estimators, X, Y, scoring=["accuracy", "f1_macro"], random_state=0, baseline="guess"
        )


def test_summary(result):
    rows = {row["estimator"]: row for row in result.summary()}
    assert list(rows) == list(result.names)
    row, scores = rows[NASTY], result.scores["accuracy"][NASTY]
    assert row["mean"] == pytest.approx(scores.mean())
    # 30 rows tested on for 120 trained on.
    assert row["standard_error"] == pytest.approx(math.sqrt((0.2 + 0.25) * scores.var(ddof=1)))
    assert row["half_width"] > row["standard_error"]
    assert row["cost"] == {} and rows["reader"]["cost"] == {
        "reads": 1000,
        "sweeps": 25_000,
        "qpu_access_time": 1234.5,
    }
    assert rows["reader"]["n_folds"] == 4 and rows["reader"]["n_failed"] == 1
    narrow = result.summary("f1_macro", confidence=0.5)[0]
    assert narrow["scoring"] == "f1_macro" and narrow["half_width"] < row["half_width"]


def test_paired_tests(result):
    tests = {test["estimator"]: test for test in result.paired_tests()}
    assert set(tests) == {NASTY, "tree", "reader"}
    assert all(test["baseline"] == "guess" for test in tests.values())
    assert tests[NASTY]["p_value"] < 1e-3 and tests[NASTY]["difference"] > 0.5
    assert tests["reader"]["p_value"] == 1.0  # both say the first class
    forth = result.paired_tests("tree", scoring="f1_macro")[0]
    (back,) = [
        t for t in result.paired_tests(NASTY, scoring="f1_macro") if t["estimator"] == "tree"
    ]
    assert forth["estimator"] == NASTY
    assert back["difference"] == pytest.approx(-forth["difference"])
    assert back["p_value"] == pytest.approx(forth["p_value"])
    assert back["ci_low"] == pytest.approx(-forth["ci_high"])


def test_effect_sizes_stand_beside_p(result):
    for test in result.paired_tests():
        if not test["note"]:
            assert test["effect_low"] < test["effect_size"] < test["effect_high"]
    assert result.paired_tests()[2]["note"] == "the same in every fold"


def test_bayesian_tests(result):
    tests = {test["estimator"]: test for test in result.bayesian_tests()}
    assert set(tests) == {NASTY, "tree", "reader"}
    for name in (NASTY, "reader"):
        test = tests[name]
        total = test["p_worse"] + test["p_equivalent"] + test["p_better"]
        assert total == pytest.approx(1) and test["rope"] == 0.01 and test["baseline"] == "guess"
    # The stump finds two of three classes in every fold.
    assert math.isnan(tests["tree"]["p_better"]) and "spread is unknown" in tests["tree"]["note"]
    assert tests[NASTY]["p_better"] > 0.999
    assert tests["reader"]["p_equivalent"] == 1.0
    (wide,) = [t for t in result.bayesian_tests(rope=1.0) if t["estimator"] == NASTY]
    assert wide["p_equivalent"] > 0.99
    paired = result.paired_tests("tree", scoring="f1_macro", confidence=0.8)[0]
    belief = result.bayesian_tests("tree", scoring="f1_macro", confidence=0.8)[0]
    # A flat prior gives the frequentist's interval.
    assert belief["ci_low"] == pytest.approx(paired["ci_low"])
    (back,) = [
        t for t in result.bayesian_tests(NASTY, scoring="f1_macro") if t["estimator"] == "tree"
    ]
    assert back["p_worse"] == pytest.approx(
        result.bayesian_tests("tree", scoring="f1_macro")[0]["p_better"]
    )


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda r: r.bayesian_tests(rope=-0.1), r"'rope' parameter .* \[0, inf\). Got -0.1"),
        (lambda r: r.bayesian_tests(rope=math.nan), r"'rope' parameter .* Got nan"),
        (lambda r: r.bayesian_tests(rope="1"), r"'rope' parameter .* Got '1' instead"),
        (lambda r: r.control_tests(rope=None), r"'rope' parameter .* Got None instead"),
        (lambda r: r.summary(confidence="1"), r"'confidence' parameter .* Got '1' instead"),
        (lambda r: r.bayesian_tests("nobody"), "'baseline' parameter"),
        (lambda r: r.bayesian_tests(confidence=95), "'confidence' parameter"),
        (lambda r: r.summary("auc"), r"'scoring' parameter .* one of \['accuracy', 'f1_macro'\]"),
        (lambda r: r.to_text("auc"), "'scoring' parameter"),
        (lambda r: r.paired_tests("nobody"), "'baseline' parameter .* Got 'nobody' instead"),
        (lambda r: r.paired_tests(confidence=95), r"'confidence' parameter .* \(0, 1\)"),
        (lambda r: r.summary(confidence=1), r"'confidence' parameter"),
    ],
)
def test_unknown_names(call, text, result):
    with pytest.raises(ValueError, match=text):
        call(result)


def test_frame_is_tidy(result):
    frame = result.to_frame()
    assert len(frame) == 4 * 5
    assert {"estimator", "fold", "accuracy", "f1_macro", "fit_seconds"} <= set(frame.columns)
    reader = frame[frame["estimator"] == "reader"].set_index("fold")
    failed = [fold for fold, error in enumerate(result.errors["reader"]) if error]
    assert reader.index[reader["error"].notna()].tolist() == failed
    assert reader["cost_reads"].dropna().tolist() == [1000.0] * 4
    means = frame.groupby("estimator")["accuracy"].mean()
    assert reader["stopped_early"].notna().sum() == 4
    assert means[NASTY] == pytest.approx(result.summary()[0]["mean"])


def test_text(result):
    text = result.to_text()
    assert text == str(result)
    header = text.splitlines()[0]
    assert "estimator" in header and "accuracy ± error" in header and "effect" in header
    assert max(map(len, text.splitlines())) <= 120
    (bayes,) = [line for line in text.splitlines() if "0/0/100 %" in line]
    test = result.paired_tests()[0]
    assert f"{test['difference']:+.3f} [{test['ci_low']:+.3f}, {test['ci_high']:+.3f}]" in bayes
    assert f"{test['effect_size']:+.2f}" in bayes and "< 0.001" in bayes
    (reader,) = [line for line in text.splitlines() if line.startswith("reader ")]
    assert reader.split()[-2:] != ["fold", "1,000"] and reader.endswith("1,000")  # reads
    assert "the same in every fold" in reader and "+0.000" not in reader
    assert "4 of 5 fits of reader stopped early: sampler: <i>gone</i>" in text
    assert "Samplers in use" not in text
    assert "reader: failed on fold" in text and "RuntimeError" in text
    assert "4 estimators on 5 folds" in repr(result)


class Tags(html.parser.HTMLParser):
    """Collects tags and text, and checks that what is opened is closed."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.text = [], [], ""

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_html_stands_alone_and_is_escaped(result, tmp_path):
    path = result.to_html(tmp_path / "r.html", title="A < B", command="compare --data '<x>'")
    page = path.read_text(encoding="utf-8")
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    kinds = [kind for kind, _ in tags.tags]
    assert not {"script", "link", "iframe", "b"} & set(kinds)
    images = [attrs for kind, attrs in tags.tags if kind == "img"]
    assert len(images) == 3  # two scores and the seconds
    assert all(i["src"].startswith("data:image/png;base64,iVBOR") and i["alt"] for i in images)
    assert not re.search(r"(src|href)=[\"']?(http|//|file)", page) and "@import" not in page
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in (
        tags.tags
    )
    assert "<th></th>" not in page
    for text in (
        "A < B",
        "compare --data '<x>'",
        NASTY,
        "RuntimeError: <b>lost</b>",
        "reads drawn",
        "4 of 5 fits of reader stopped early: sampler: <i>gone</i>",
        "25,000",
        "1,234",
        "qpu access time (microseconds)",
        "scikit-learn",
        str(result.seeds[0]),
        "DecisionTreeClassifier(max_depth=1)",
    ):
        assert text in tags.text


def test_html_overwrites_only_when_told(result, tmp_path):
    path = tmp_path / "r.html"
    path.write_text("mine")
    with pytest.raises(FileExistsError, match=r"r\.html' exists. Pass overwrite=True"):
        result.to_html(path)
    assert path.read_text() == "mine"
    result.to_html(path, overwrite=True)
    assert path.read_text().startswith("<!DOCTYPE html>")
    assert [entry.name for entry in tmp_path.iterdir()] == ["r.html"]


def test_html_says_what_is_wrong_with_the_path(result, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"The folder '.*nodir' does not exist"):
        result.to_html(tmp_path / "nodir" / "x.html")
    for overwrite in (True, False):
        with pytest.raises(IsADirectoryError, match="a folder. Give the name of a file") as caught:
            result.to_html(tmp_path, overwrite=overwrite)
        assert caught.value.filename == str(tmp_path)


@pytest.mark.parametrize(
    "value, text",
    [(7000.0, "7,000"), (5.0, "5"), (0.25, "0.250"), (1234.5, "1,234"), (math.nan, "n/a")],
)
def test_amounts(value, text):
    assert format_amount(value) == text


def test_environment_names_what_is_missing(result):
    versions = result.environment
    assert re.match(r"\d+\.\d+", versions["numpy"]) and "python" in versions
    assert all(version is None or version for version in versions.values())
