"""One page for several data sets: whole, repeatable but for its timings, and safe."""

import html.parser
import os
import platform
import re

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris, load_wine
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from qsklearn.model_selection import compare, write_report
from qsklearn.model_selection._environment import describe_environment
from qsklearn.model_selection._fingerprint import fingerprint_of, stable_repr

DATA = {"iris & <co>": load_iris, "wine": load_wine}


class Reader(ClassifierMixin, BaseEstimator):
    """The first class always, after some reads."""

    def __init__(self, num_reads=10):
        self.num_reads = num_reads

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.cost_ = {"reads": 100 * self.num_reads, "sample_seconds": 0.25}
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


def run(data=DATA, baseline="guess", **options):
    contenders = {"Bayes": GaussianNB(), "reader": Reader(), "guess": DummyClassifier()}
    spaces = {"Bayes": {"var_smoothing": [1e-9, 1e-2]}, "reader": {"num_reads": [7]}}
    return {
        name: compare(
            contenders, *load(return_X_y=True), cv=3, random_state=0, baseline=baseline,
            param_distributions=spaces, **options,
        )
        for name, load in data.items()
    }  # fmt: skip


@pytest.fixture(scope="module")
def results():
    return run()


@pytest.fixture(scope="module")
def page(results, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "r.html"
    return write_report(results, path, command="qsklearn compare --data '<x>'").read_text("utf-8")


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


def repeatable(page):
    """The page less what it marks as timings."""
    page = re.sub(r'<section class="timings">.*?</section>', "", page, flags=re.DOTALL)
    return re.sub(r"<time>.*?</time>", "", page)


def test_it_stands_alone_and_is_escaped(page, results):
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert not {"script", "link", "iframe", "co"} & {kind for kind, _ in tags.tags}
    assert not re.search(r"(src|href)=[\"']?(http|//|file)", page) and "@import" not in page
    images = [attrs for kind, attrs in tags.tags if kind == "img"]
    # Of each data set the scores and the seconds.
    assert len(images) == 4 and all(i["alt"] for i in images)
    for text in (
        *("iris & <co>", "wine", "qsklearn compare --data '<x>'", "Over 2 data sets"),
        *("pseudo-median of differences from guess", "effect size, 95 % interval"),
        *("the smallest p-value that 2 differences can give is 0.5", "worse than guess"),
        *("var_smoothing: 1e-09, 0.01", "num_reads=7", "reader: 1 candidates only"),
        "Spent in tuning: sums over all its fits in a fold",
        *(r.fingerprint() for r in results.values()),
        *(str(seed) for r in results.values() for seed in r.seeds),
    ):
        assert text in tags.text


def test_contents_lead_to_their_sections(page):
    links = re.findall(r'<a href="#([\w-]+)">([^<]+)</a>', page)
    assert [text for _, text in links] == [
        *("Overview", "Over 2 data sets", "iris &amp; &lt;co&gt;", "wine"),
    ]
    for anchor, text in links:
        assert f'<section id="{anchor}">\n<h2>{text}</h2>' in page
    assert page.count("<h2>") == len(links) + 2  # the command and the environment
    assert page.count("<h1>") == 1


def test_the_overview_shows_every_mean_and_difference(page, results):
    overview = page.partition('<section id="overview">')[2].partition("</section>")[0]
    for result in results.values():
        for row in result.summary():
            assert f"{row['mean']:.3f} ± {row['standard_error']:.3f}<br>" in overview
        for test in result.paired_tests():
            assert f"<br>{test['difference']:+.3f} [" in overview
    assert overview.count("<br>baseline") == 2


def test_two_runs_give_the_same_page_but_for_timings_and_the_date(page, tmp_path):
    again = run()
    command = "qsklearn compare --data '<x>'"
    other = write_report(again, tmp_path / "r.html", command=command).read_text("utf-8")
    assert repeatable(other) == repeatable(page)
    assert "seconds" not in repeatable(page).replace("sample_seconds", "")
    assert page.count('<section class="timings">') == 2 and page.count("<time>") == 1
    changed = write_report(run(scoring="f1_macro"), tmp_path / "f.html", command=command)
    assert repeatable(changed.read_text("utf-8")) != repeatable(page)


def test_one_comparison_is_the_page_of_one_data_set(results, page, tmp_path):
    result = results["wine"]
    single = result.to_html(tmp_path / "one.html").read_text("utf-8")
    inner = page.partition("<h2>wine</h2>")[2]
    for heading in re.findall(r"<h2>(.+?)</h2>", single):
        if heading != "Environment":
            assert f"<h3>{heading}</h3>" in inner
    assert "<nav" not in single


def test_one_data_set_has_nothing_over_data_sets(results, tmp_path):
    page = write_report({"wine": results["wine"]}, tmp_path / "r.html").read_text("utf-8")
    assert not any(text in page for text in ("Overview", "Over 1 data sets", "<nav", "Wilcoxon"))
    assert "<h2>wine</h2>" in page and "Seeds and folds" in page
    with pytest.raises(IsADirectoryError, match="This is a folder"):
        write_report(results, tmp_path)


def test_the_data_are_described(results, tmp_path):
    scored = run({"iris": load_iris}, scoring="accuracy")
    notes = {"iris": ["two petals & <some> sepals"]}
    page = write_report(scored, tmp_path / "r.html", notes=notes).read_text("utf-8")
    data = page.partition("<h3>Data</h3>")[2].partition("</section>")[0]
    for text in (
        "150",
        ">4<",
        "0: 50, 1: 50, 2: 50",
        "accuracy 0.333",
        "two petals &amp; &lt;some",
    ):
        assert text in data
    assert "always saying" not in results["wine"].to_html(tmp_path / "w.html").read_text("utf-8")
    with pytest.raises(ValueError, match="'notes' parameter of write_report must be one of"):
        write_report(scored, tmp_path / "x.html", notes={"wine": []})


def test_what_the_data_do_not_tell_is_left_out(tmp_path):
    texts, weights = ["a bee", "a sea", "the bee", "the sea"] * 6, np.arange(24.0)
    model = make_pipeline(TfidfVectorizer(), DummyRegressor())
    result = compare({"mean": model}, texts, weights, cv=3)
    page = result.to_html(tmp_path / "r.html").read_text("utf-8")
    data = page.partition("<h2>Data</h2>")[2].partition("</section>")[0]
    assert re.findall(r"<td[^>]*>(.*?)</td>", data) == ["rows", "24"]


def test_the_columns_of_costs_are_explained(page):
    assert "Means per fit. reads: states that it drew." in page
    timings = page.partition('<section class="timings">')[2].partition("</section>")[0]
    assert "sample seconds: drawing states." in timings


def test_every_cell_knows_its_column(page, results):
    tags = Tags()
    tags.feed(page)
    assert all(attrs["data-label"] for kind, attrs in tags.tags if kind == "td")
    for one in re.findall(r"<table>.*?</table>", page, flags=re.DOTALL):
        header = re.findall(r"<th(?: [^>]*)?>(.*?)</th>", one)
        for row in re.findall(r"<tr>(<td.*?)</tr>", one):
            assert re.findall(r'data-label="(.*?)"', row) == header
    assert '<th class="text">note</th>' in page
    for result in results.values():
        # Short in the overview, and whole in the part of its data set.
        assert page.count(result.fingerprint()) == 1
        assert page.count(result.fingerprint()[:12]) == 2


def test_different_contenders_have_no_signed_rank_tests(results, tmp_path):
    other = compare(
        {"guess": DummyClassifier(), "tree": DecisionTreeClassifier()},
        *load_iris(return_X_y=True), cv=2, scoring=["accuracy"],
    )  # fmt: skip
    mixed = {"a": results["wine"], "b": other}
    text = write_report(mixed, tmp_path / "r.html").read_text("utf-8")
    assert '<td data-label="data set">b</td>' in text and "Seeds and folds" in text
    alike = {"a": run({"a": load_iris}, "guess")["a"], "b": run({"b": load_wine}, "Bayes")["b"]}
    text = write_report(alike, tmp_path / "s.html").read_text("utf-8")
    assert "No signed-rank tests. The &#x27;baseline&#x27; parameter" in text


def test_files_are_replaced_only_when_told(results, tmp_path):
    path = tmp_path / "r.html"
    path.write_text("mine")
    with pytest.raises(FileExistsError, match=r"r\.html' exists. Pass overwrite=True"):
        write_report(results, path)
    assert path.read_text() == "mine"
    assert write_report(results, path, overwrite=True, title="A < B") == path
    assert "<title>A &lt; B</title>" in path.read_text("utf-8")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        write_report(results, tmp_path / "nodir" / "r.html")
    with pytest.raises(ValueError, match="'results' parameter of write_report must be a dict"):
        write_report([], path)


def test_the_environment_tells_the_machine_and_no_names(page):
    facts = describe_environment()
    assert list(facts)[:3] == ["platform", "processor", "cores"]
    assert int(facts["cores"]) >= 1 and all(facts[key] for key in ("platform", "processor"))
    assert facts["processor"] in page and "numpy" in facts
    names = [platform.node(), os.environ.get("USER", ""), os.path.expanduser("~")]
    told = " ".join(str(value) for value in facts.values())
    assert not any(name and len(name) > 3 and name in told for name in names)


def test_fingerprints_see_the_last_bit_and_nothing_else():
    value = {"a": np.array([0.1, 0.2]), "b": ({"x": 1}, None)}
    same = {"b": [{"x": 1}, None], "a": [0.1, 0.2]}
    assert fingerprint_of(value) == fingerprint_of(same) and len(fingerprint_of(value)) == 64
    different = [
        {"a": [0.1, np.nextafter(0.2, 1)], "b": [{"x": 1}, None]},
        {"a": [0.1, 0.2], "b": [{"x": 1.0}, None]},
        {"a": [0.1, 0.2], "b": [{"x": True}, None]},
        {"a": [0.1, 0.2], "b": [{"x": "1"}, None]},
        {"a": [0.1], "b": [0.2, {"x": 1}, None]},
        {"a": [0.1, 0.2, None], "b": [{"x": 1}]},
    ]
    assert len({fingerprint_of(v) for v in [value, *different]}) == 7
    assert fingerprint_of([np.nan]) == fingerprint_of([-np.nan])
    assert fingerprint_of([0.0]) != fingerprint_of([-0.0])
    assert fingerprint_of(object()) == fingerprint_of(object())
    assert stable_repr(object()) == "<object object>"


def test_the_fingerprint_of_a_result(results):
    result = results["wine"]
    assert result.fingerprint() == run({"wine": load_wine})["wine"].fingerprint()
    assert result.fingerprint() != results["iris & <co>"].fingerprint()
