import json
import re
import runpy
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.naive_bayes import GaussianNB

from qsklearn import _cli_compare, _cli_estimators, _cli_info, samplers
from qsklearn._cli import main
from qsklearn._cli_estimators import _Quantum as Quantum
from qsklearn._cli_estimators import build_contenders
from qsklearn.datasets import _mnist

SHARED = Path(__file__).parents[1] / ".." / "shared" / "data"


class StandIn(ClassifierMixin, BaseEstimator):
    """Has the sampled MLP's manners, so that the command is tested apart from it."""

    def __init__(self, n_hidden=64, *, sampler=None, num_reads=100, random_state=None):
        self.n_hidden = n_hidden
        self.sampler = sampler
        self.num_reads = num_reads
        self.random_state = random_state

    def fit(self, X, y):
        if self.num_reads == "interrupt":
            raise KeyboardInterrupt
        if self.sampler == "annealing":
            raise RuntimeError("the annealer\nwent away")
        if self.sampler == "exact":
            warnings.warn("not\nyet", ConvergenceWarning, stacklevel=2)
        self.model_ = GaussianNB(var_smoothing=1e-2).fit(X, y)
        self.classes_ = self.model_.classes_
        self.cost_ = {"reads": self.num_reads * 1000}
        return self

    def predict(self, X):
        return self.model_.predict(X)

    def classical_twin(self):
        return DummyClassifier(strategy="constant", constant=self.n_hidden)

    def ablations(self):
        return {"no reads": StandIn(self.n_hidden, num_reads=0)}


TWIN = "sampled MLP: classical twin"


@pytest.fixture
def stand_in(monkeypatch):
    space = {"num_reads": [2, 3], "n_hidden": [1, 2]}
    table = {"sampled-mlp": Quantum("sampled MLP", lambda: StandIn, space, {"constant": [0, 1]})}
    monkeypatch.setattr(_cli_estimators, "_QUANTUM", table)
    monkeypatch.setattr(_cli_estimators, "ESTIMATOR_NAMES", (*table, "logistic-regression"))
    status = {"annealing": "", "exact": "", "gibbs": "", "dwave": "needs dwave-system"}
    monkeypatch.setattr(samplers, "get_sampler_names", lambda: list(status))
    monkeypatch.setattr(samplers, "get_sampler_status", lambda: status)


def refused(capsys, *argv):
    """The one line of an error."""
    assert main(["compare", *map(str, argv)]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("qsklearn: error: ") and captured.err.count("\n") == 1
    return captured.err


def table_row(text, name):
    (line,) = [line for line in text.splitlines() if re.match(re.escape(name) + r"  +\S", line)]
    return line


def test_the_whole_way(stand_in, capsys, tmp_path):
    output = tmp_path / "deep" / "demo"
    code = main(
        ["compare", "--data", "iris", "--sampler", "exact,gibbs", "--param", "num_reads=7"]
        + ["--param", "n_hidden=1", "--cv", "3", "--output", str(output)]
    )
    captured = capsys.readouterr()
    assert code == 0
    assert "iris: 150 rows, 4 features, 3 classes, 3 folds" in captured.out
    assert "classical twin" in captured.out and "baseline" in captured.out
    for name in ("sampled MLP (exact)", "sampled MLP (gibbs)"):
        assert table_row(captured.out, name).endswith("7,000")
    assert table_row(captured.out, "logistic regression")
    assert "15/15" in captured.err  # the progress bar: two samplers, two controls, one classical
    assert "Stopped before convergence: 3 of 3 fits of sampled MLP (exact)." in captured.out
    assert captured.out.count("\n  not yet\n") == 1 == captured.out.count("not yet")
    classes = "0: 50, 1: 50, 2: 50"
    assert f"classes with their rows: {classes}; always saying the largest has an" in captured.out
    files = sorted(file.name for file in output.iterdir())
    assert files == ["accuracy.png", "fit_seconds.png", "report.html", "scores.csv"]
    assert all(str(output / file) in captured.out for file in files)
    assert (output / "accuracy.png").read_bytes().startswith(b"\x89PNG")
    page = (output / "report.html").read_text(encoding="utf-8")
    assert "qsklearn compare --data iris --sampler exact,gibbs" in page
    assert classes in page and "accuracy 0.333" in page


def test_the_real_estimators(capsys):
    argv = ["compare", "--data", "iris", "--cv", "2", "--sampler", "exact,gibbs"]
    argv += ["--estimator", "sampled-mlp", "--controls", "twins"]
    argv += ["--param", "num_reads=4", "--param", "max_iter=3", "--param", "n_hidden=5"]
    assert main(argv) == 0
    out = capsys.readouterr().out
    # 75 rows in each of 3 passes, 4 reads a row.
    for sampler in ("exact", "gibbs"):
        assert table_row(out, f"sampled MLP ({sampler})").endswith(" 900")
    assert "baseline" in table_row(out, TWIN)


def test_the_spin_glass_network_beside_its_twin(capsys):
    pytest.importorskip("torch")
    argv = [
        "compare",
        "--data",
        "iris",
        "--cv",
        "2",
        "--estimator",
        "spin-glass",
        "--controls",
        "twins",
    ]
    argv += ["--param", "layers=(4,)", "--param", "max_iter=5", "--param", "n_bits=2"]
    assert main(argv) == 0
    out = capsys.readouterr().out
    # One read for each of 4 hidden units and 3 outputs, in each of 5 epochs.
    assert table_row(out, "spin-glass network").endswith(" 35")
    assert "baseline" in table_row(out, "spin-glass network: classical")


def test_the_transfer_beside_its_twin(capsys):
    argv = ["compare", "--data", "iris", "--cv", "2", "--sampler", "gibbs"]
    argv += ["--estimator", "qubo-transfer", "--controls", "twins", "--param", "num_reads=60"]
    assert main([*argv, "--param", "beta=2.0"]) == 0
    out = capsys.readouterr().out
    # Nothing is drawn to fit: the sampler hits the temperature that it is asked for.
    assert table_row(out, "QUBO transfer (gibbs)").endswith(" 0")
    assert "baseline" in table_row(out, "QUBO transfer (gibbs): classical")


def test_the_grover_network_beside_its_twin(capsys):
    argv = ["compare", "--data", "iris", "--cv", "2", "--sampler", "landscape"]
    argv += ["--estimator", "grover-bnn", "--controls", "twins", "--param", "n_bits=3"]
    assert main([*argv, "--param", "n_solutions=3"]) == 0
    out = capsys.readouterr().out
    reads = int(table_row(out, "Grover network (landscape)").split()[-1].replace(",", ""))
    assert reads > 9  # measurements of three networks
    assert "baseline" in table_row(out, "Grover network (landscape):")


def test_an_annealer_is_no_sampler_of_the_grover_network(capsys):
    argv = ["compare", "--data", "iris", "--cv", "2", "--estimator", "grover-bnn"]
    assert main([*argv, "--sampler", "gibbs"]) == 1
    assert "draws states of an energy" in capsys.readouterr().out


def test_all_estimators():
    pytest.importorskip("torch")
    made = build_contenders(["all"], None, ["max_iter=4", "spin-glass:n_bits=3"], ["twins"])
    for label in ("sampled MLP", "spin-glass network", "QUBO transfer", "Grover network"):
        assert {label, f"{label}: classical twin"} <= set(made.estimators)
    vae = made.estimators["Boltzmann-prior VAE: classical twin"]
    assert list(vae.named_steps) == ["scaling", "network", "classifier"]
    assert vae["network"].topology == "bernoulli" and vae["network"].max_iter == 4
    assert made.labels["spin-glass"] == "spin-glass network"
    assert made.estimators["spin-glass network"]["network"].n_bits == 3
    assert made.estimators["sampled MLP: classical twin"]["network"].max_iter == 4
    assert made.twin == "sampled MLP: classical twin" and made.spaces == {}


def test_ablations_stand_beside_by_default_and_none_when_told(stand_in, capsys):
    argv = ["compare", "--data", "iris", "--cv", "3", "--param", "n_hidden=1"]
    argv += ["--estimator", "sampled-mlp"]
    assert main(argv) == 0
    assert table_row(capsys.readouterr().out, "sampled MLP: no reads")
    assert main([*argv, "--controls", "none"]) == 0
    assert "no reads" not in capsys.readouterr().out


def test_tuning_reaches_each_contender(stand_in, capsys, tmp_path):
    argv = ["compare", "--data", "iris", "--cv", "3", "--tune", "2", "--output", str(tmp_path)]
    assert main([*argv, "--space", "n_hidden=[5]"]) == 0
    assert "2 candidates each" in capsys.readouterr().out
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "network__n_hidden" in page and "network__constant" in page and "network__C" in page


def test_what_is_tuned(stand_in):
    made = build_contenders(["sampled-mlp"], ["exact", "gibbs"], [], ["twins", "ablations"], [])
    assert made.spaces.keys() == {"sampled MLP (exact)", "sampled MLP (gibbs)", TWIN}
    own = {"network__num_reads": [2, 3], "network__n_hidden": [1, 2]}
    assert made.spaces["sampled MLP (gibbs)"] == own
    assert made.spaces[TWIN] == {"network__constant": [0, 1]}
    # Ablations have no entry: compare() gives them what is left of their contender's.
    assert "sampled MLP: no reads" in made.estimators


def test_every_sampler_is_tested_against_the_twin_and_its_own_ablations(stand_in, tmp_path):
    argv = ["compare", "--data", "iris", "--cv", "3", "--sampler", "exact,gibbs"]
    argv += ["--estimator", "sampled-mlp", "--param", "n_hidden=1", "--output", str(tmp_path)]
    assert main(argv) == 0
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    for sampler in ("exact", "gibbs"):
        for control in ("classical twin", "no reads"):
            assert page.count(f">sampled MLP ({sampler}) minus {control}<") == 1


def test_controls_that_follow_the_sampler_are_each_variants_own():
    made = build_contenders(["sampled-mlp"], ["exact", "gibbs"], [], ["twins", "ablations"])
    both = [f"sampled MLP ({sampler}): zero couplings" for sampler in ("exact", "gibbs")]
    assert set(both) <= set(made.estimators) and made.twin == TWIN
    used = [made.estimators[name]["network"].sampler.sampler for name in both]
    assert used == ["exact", "gibbs"]
    # However the sampler draws, these are the same.
    assert {TWIN, "sampled MLP: exact draws"} <= set(made.estimators)
    assert "sampled MLP (gibbs): exact draws" not in made.estimators


def test_controls_that_one_sampler_alone_has_are_its_own():
    pytest.importorskip("torch")
    made = build_contenders(["boltzmann-vae"], ["annealing", "gibbs"], [], ["ablations"])
    labels = [label for label in made.estimators if label.endswith("classical draws")]
    assert labels == ["Boltzmann-prior VAE (annealing): classical draws"]


def test_controls_that_cannot_be_made(capsys):
    argv = ["--data", "iris", "--estimator", "spin-glass", "--sampler", "gibbs"]
    err = refused(capsys, *argv)
    assert "no controls: " in err and "GibbsSampler can do: thermal" in err


def test_several_data_sets(capsys, tmp_path):
    argv = ["compare", "--data", "iris,wine", "--data", "breast_cancer", "--cv", "3"]
    argv += ["--estimator", "logistic-regression", "--output", str(tmp_path)]
    assert main(argv) == 0
    out = capsys.readouterr().out
    for text in ("iris: 150 rows", "wine: 178 rows", "breast_cancer: 569 rows", "Over 3 data sets"):
        assert text in out
    names = {file.name for file in tmp_path.iterdir()}
    assert {"report.html", "scores.csv", "iris_accuracy.png", "wine_fit_seconds.png"} <= names
    lines = (tmp_path / "scores.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("data,estimator,fold,accuracy") and len(lines) == 1 + 3 * 3


def test_pairs_are_tested_over_data_sets(stand_in, capsys):
    argv = ["compare", "--data", "iris,wine", "--cv", "3", "--controls", "none"]
    argv += ["--estimator", "logistic-regression,sampled-mlp"]
    assert main([*argv, "--baseline", "sampled-mlp"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    one, other = re.findall(r"logistic regression \d\S+ ± \S+ ([+-]\S+) \[", out)
    ranks = out.partition("Over 2 data sets, accuracy: pseudo-median of differences")[2]
    found = re.search(
        r"logistic regression minus sampled MLP: (\S+), effect (\S+), p = (\S+)", ranks
    )
    # Of two differences it is their mean; one is negative, so that the ranks 1 and 2 disagree.
    assert float(found[1]) == pytest.approx((float(one) + float(other)) / 2, abs=0.0011)
    assert float(one) * float(other) < 0 and found[2] in ("-0.33", "+0.33")
    assert float(found[3]) == 1.0 and "no interval of 95%: it takes 6 data sets" in ranks


def test_an_interval_stands_where_there_is_one():
    test = {"median_difference": 0.0126, "ci_low": -0.01, "ci_high": 0.035}
    assert _cli_compare._interval(test) == "+0.013 [-0.010, +0.035]"
    assert _cli_compare._interval(test | {"ci_low": np.nan}) == "+0.013"


def test_an_estimator_that_fails_everywhere_is_reported(stand_in, capsys):
    argv = ["compare", "--data", "iris", "--estimator", "sampled-mlp,logistic-regression"]
    assert main([*argv, "--sampler", "annealing,gibbs"]) == 1
    out = capsys.readouterr().out
    assert "n/a" in table_row(out, "sampled MLP (annealing)")
    assert "0.9" in table_row(out, "sampled MLP (gibbs)")
    assert "RuntimeError: the annealer went away" in " ".join(out.split())


def test_repeats_exactly_and_the_seed_matters(capsys):
    def scores(seed):
        argv = ["compare", "--data", "wine", "--estimator", "logistic-regression"]
        assert main([*argv, "--n-samples", "90", "--random-state", seed]) == 0
        return table_row(capsys.readouterr().out, "logistic regression").split()[2:5]

    assert scores("0") == scores("0") != scores("3")


def test_two_scores(capsys):
    argv = ["compare", "--data", "iris", "--estimator", "logistic-regression"]
    assert main([*argv, "--scoring", "f1_macro,neg_log_loss"]) == 0
    out = capsys.readouterr().out
    assert "f1_macro ± error" in out and "neg_log_loss ± error" in out


def test_a_data_set_that_cannot_be_compared_does_not_lose_the_others(capsys, tmp_path):
    small = tmp_path / "small.csv"
    small.write_text("a,y\n1,0\n2,1\n3,0\n4,1\n")
    argv = ["compare", "--data", f"iris,{small}", "--estimator", "logistic-regression"]
    assert main([*argv, "--output", str(tmp_path / "out")]) == 1
    captured = capsys.readouterr()
    assert "small.csv: Cannot have number of splits n_splits=5" in captured.err
    assert table_row(captured.out, "logistic regression") and "report.html" in captured.out
    assert "small" not in captured.out.rpartition("Wrote")[2]
    other = tmp_path / "other.csv"
    other.write_text(small.read_text())
    argv = ["compare", "--data", f"{small},{other}", "--estimator", "logistic-regression"]
    assert main(argv) == 2
    assert capsys.readouterr().err.endswith("\nqsklearn: error: no data set could be compared\n")


def test_what_is_heard_while_comparing_is_one_line_each(capsys, tmp_path):
    path = tmp_path / "rare.csv"
    lines = [f"{i % 3},{'abc'[i % 3 if i < 9 else i % 2]}" for i in range(40)]
    path.write_text("\n".join(["size,kind", *lines]))
    assert main(["compare", "--data", str(path), "--estimator", "logistic-regression"]) == 0
    heard = [line for line in capsys.readouterr().err.splitlines() if line.startswith("qsklearn:")]
    assert len(heard) == 1
    assert heard[0].startswith("qsklearn: UserWarning: The least populated class in y has only 3 m")


def test_nothing_is_overwritten_unasked_and_that_is_said_before_the_work(
    capsys, tmp_path, monkeypatch
):
    report = tmp_path / "report.html"
    report.write_text("mine")
    argv = ["--data", "iris", "--estimator", "logistic-regression", "--output", tmp_path]
    with monkeypatch.context() as patch:
        patch.setattr(_cli_compare, "load_data", lambda *_: pytest.fail("work had begun"))
        err = refused(capsys, *argv)
    assert "report.html" in err and "--overwrite" in err
    assert report.read_text() == "mine" and list(tmp_path.iterdir()) == [report]
    assert main(["compare", *map(str, argv), "--overwrite"]) == 0
    assert report.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_an_output_that_cannot_be(capsys, tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_text("")
    for output in (file, file / "deeper"):
        err = refused(capsys, "--estimator", "logistic-regression", "--output", output)
        assert f"--output {output}: '{file}' is a file, not a folder" in err
    with monkeypatch.context() as patch:  # the tests may be run by one who may write everywhere
        patch.setattr(_cli_compare.os, "access", lambda *_: False)
        err = refused(capsys, "--estimator", "logistic-regression", "--output", tmp_path / "new")
    assert "new: the folder cannot be written to" in err and not (tmp_path / "new").exists()


def test_a_file_that_cannot_be_written_is_named_after_the_results(capsys, tmp_path):
    (tmp_path / "scores.csv").mkdir()
    argv = ["compare", "--data", "iris", "--cv", "3", "--estimator", "logistic-regression"]
    assert main([*argv, "--output", str(tmp_path), "--overwrite"]) == 2
    captured = capsys.readouterr()
    assert table_row(captured.out, "logistic regression") and "Wrote" not in captured.out
    last = captured.err.splitlines()[-1]
    assert last.startswith(f"qsklearn: error: --output {tmp_path}: ") and "scores.csv" in last


def test_a_new_folder_comes_only_with_its_files(stand_in, capsys, tmp_path):
    output = ["--output", str(tmp_path / "deep" / "new")]
    argv = ["compare", "--data", "iris", "--estimator", "sampled-mlp", *output]
    assert main([*argv, "--param", "num_reads=interrupt"]) == 130
    capsys.readouterr()
    assert "There is no file" in refused(capsys, "--data", "absent.csv", *output)
    assert list(tmp_path.iterdir()) == []


def test_help_names_the_law(capsys):
    with pytest.raises(SystemExit):
        main(["compare", "--help"])
    assert "predict_with=ebm" in capsys.readouterr().out


@pytest.mark.parametrize(
    "argv, texts",
    [
        (["--data", "digit"], ["--data", "mean 'digits'", "fashion_mnist", "a path to a .csv"]),
        (["--estimator", "sampled"], ["--estimator", "logistic-regression, all"]),
        (["--controls", "twin"], ["--controls", "did you mean 'twins'"]),
        (["--controls", "none,twins"], ["--controls: none goes alone"]),
        (["--tune", "0"], ["--tune must be 1 or more"]),
        (["--space", "n_hidden=[1]"], ["--space goes with --tune"]),
        (["--tune", "2", "--space", "n_hidden=1"], ["must be name=[value, value, ...]"]),
        (["--param", "mlp:n_hidden=1"], ["--param: unknown name 'mlp'", "sampled-mlp"]),
        (["--data", "iris,wine", "--classes", "0,1"], ["--classes goes with one data set"]),
        (["--data", ","], ["names separated by commas"]),
        (["--estimator", ","], ["names separated by commas"]),
        (["--sampler", "gibs"], ["--sampler", "did you mean 'gibbs'", "annealing, exact"]),
        (["--sampler", "dwave"], ["'dwave' cannot be used here: needs dwave-system"]),
        (["--param", "num_read=3"], ["did you mean 'num_reads'", "n_hidden"]),
        (["--param", "num_reads"], ["must be name=value"]),
        (["--param", "sampler=gibbs"], ["give samplers by --sampler"]),
        (["--estimator", "logistic-regression", "--param", "C=1"], ["none of the chosen"]),
        (["--baseline", "nobody"], ["--baseline", "sampled MLP", "logistic-regression"]),
        (["--scoring", "acuracy"], ["did you mean 'accuracy'"]),
        (["--scoring", "acc"], ["did you mean 'accuracy'"]),
        (["--data", "iris,wine,iris"], ["--data: 'iris' is 'iris' again"]),
        (["--data", "iris", "--separator", ";"], ["--separator and --encoding go with a CSV"]),
        (["--data", "iris", "--encoding", "cp1252"], ["--separator and --encoding go with a CSV"]),
        (["--data", "/"], ["'/' is a folder. Give the name of a file in it"]),
        (["--classes", "3,x"], ["--classes: unknown name 'x'", "0, 1, 2"]),
        (["--data", "iris", "--classes", "setosa"], ["two or more classes", "one class"]),
        (["--n-samples", "5"], ["'n_samples' parameter", "[10, 1797]"]),
        (["--n-samples", "many"], ["invalid int value: 'many'"]),
        (["--data", "iris", "--cv", "51"], ["n_splits=51"]),
        (["--cv", "1"], ["--cv must be 2 or more"]),
        (["--n-jobs", "0"], ["--n-jobs must not be 0"]),
        (["--random-state", "-1"], ["--random-state must be in"]),
        (["--target", "kind"], ["--target goes with a CSV file"]),
        (["--data", "a\0b"], ["a name must not hold a NUL"]),
        (["--data", "mnist,fashion_mnist", "--data-path", "m.npz"], ["--data-path is one file"]),
        (["--data-path", "m.npz"], ["--data-path", "mnist or fashion_mnist"]),
        (["--data", "mnist", "--data-path", "absent.npz"], ["There is no file 'absent.npz'"]),
        (["--data", "absent.csv"], ["There is no file 'absent.csv'"]),
        (["--wrong"], ["unrecognized arguments: --wrong"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_mistakes_get_one_line_with_the_choices(argv, texts, stand_in, capsys):
    err = refused(capsys, *argv)
    for text in texts:
        assert text in err


def test_no_command(capsys):
    assert main([]) == 2
    assert "command" in capsys.readouterr().err


def test_a_csv(stand_in, capsys, tmp_path):
    rng = np.random.default_rng(0)
    rows = [f"{'cat' if i % 2 else 'dog'},{i % 2 + rng.normal(0, 0.1):.4f}" for i in range(40)]
    path = tmp_path / "pets.csv"
    path.write_text("kind,size\n" + "\n".join(rows))
    argv = ["compare", "--data", str(path), "--estimator", "logistic-regression", "--cv", "4"]
    assert main([*argv, "--target", "kind", "--classes", "cat,dog"]) == 0
    assert "1.000 ± 0.000" in capsys.readouterr().out
    err = refused(capsys, *argv[1:])
    assert "continuous values, of its last column; --target names another" in err
    path.write_text("size,weight\n1,0.5\n2,0.25\n")
    assert "continuous values" in refused(capsys, *argv[1:])


def customers(path, n_rows=60):
    """A table as companies have them: ids, texts, gaps, and the label in the middle."""
    rng = np.random.default_rng(0)
    lines = ["customer_id,churn,city,age"]
    for i in range(n_rows):
        churn = rng.random() < 0.5
        age = "" if i % 9 == 4 else f"{40 + 20 * churn + rng.normal():.2f}"
        lines.append(f"{1000 + i},{'yes' if churn else 'no'},{rng.choice(['Oslo', 'Rome'])},{age}")
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


def test_a_table_with_texts_gaps_and_ids(capsys, tmp_path):
    data = customers(tmp_path / "customers.csv")
    argv = ["compare", "--data", data, "--target", "churn", "--estimator", "logistic-regression"]
    assert main([*argv, "--cv", "3"]) == 0
    out = capsys.readouterr().out
    assert "60 rows, 3 features" in out and "feature of 0 and 1: city" in out
    assert "empty cells, filled by the training rows' median: age (7 of 60)" in out
    assert "customer_id has another whole number in every row" in out
    assert main([*argv, "--cv", "3", "--drop", "customer_id"]) == 0
    out = capsys.readouterr().out
    assert "2 features" in out and "another whole number" not in out
    assert " 0.9" in table_row(out, "logistic regression")


def test_columns_are_explained_on_the_console_and_on_the_page(capsys, tmp_path):
    path, out = tmp_path / "t.csv", tmp_path / "out"
    lines = [f"{'' if i % 4 else 'Rome'},?,3,{i % 5 or 'X'},{i % 2}" for i in range(40)]
    path.write_text("\n".join(["city,void,same,code,y", *lines]))
    argv = ["compare", "--data", str(path), "--estimator", "logistic-regression", "--cv", "3"]
    assert main([*argv, "--output", str(out)]) == 0
    console, page = capsys.readouterr().out, (out / "report.html").read_text(encoding="utf-8")
    assert "40 rows, 3 features" in console
    for text in (
        "empty in every row, so left out: void",
        "feature of 0 and 1: city (30 empty of 40, which are one more such feature), code",
        "the same in every row, so that it tells nothing: same",
        "code is mostly numbers, but 8 of 40 cells are no finite numbers (",
    ):
        assert text in console and text in page
    path.write_text("a,b,y\n,NA,0\n,,1\n")
    assert "all features of" in refused(capsys, *argv[1:])


def test_numbers_with_other_cells_are_no_names(capsys, tmp_path):
    path = tmp_path / "t.csv"
    odd = {7: '"1,234.5"', 9: "inf", 11: "-", 13: "n.a.", 15: "n.a.", 17: "12 kg"}
    lines = [f"{odd.get(i, i / 7)},{i % 2}" for i in range(80)]
    path.write_text("\n".join(["size,kind", *lines]))
    err = refused(capsys, "--data", path, "--estimator", "logistic-regression")
    assert "'size'" in err and "6 of 80 cells are no finite numbers ('1,234.5', 'inf', '-'," in err
    assert "mend them or leave them empty (NA, nan, null, ? and" in err
    lines = [line.replace("n.a.", "NA") for line in lines if line[0] not in 'i1"']
    path.write_text("\n".join(["size,kind", *lines]))
    # A dash among numbers is a gap.
    assert main(["compare", "--data", str(path), "--estimator", "logistic-regression"]) == 0
    assert "median: size (" in capsys.readouterr().out


def test_separators_and_encodings(capsys, tmp_path):
    path = tmp_path / "t.csv"
    lines = [f"{i};{'größer' if i % 2 else 'kleiner'}" for i in range(20)]
    path.write_text("\n".join(["zahl;art", *lines]), encoding="cp1252")
    argv = ["--data", path, "--estimator", "logistic-regression", "--cv", "2"]
    assert "The option is --encoding." in refused(capsys, *argv)
    argv += ["--encoding", "cp1252"]
    assert "The option is --separator." in refused(capsys, *argv)
    assert main(["compare", *map(str, argv), "--separator", ";"]) == 0
    assert "größer: 10, kleiner: 10" in capsys.readouterr().out
    path.write_text(path.read_text(encoding="cp1252").replace(";", "\t"), encoding="cp1252")
    assert main(["compare", *map(str, argv), "--separator", "tab"]) == 0


def test_a_column_by_another_name(capsys, tmp_path):
    data = customers(tmp_path / "t.csv")
    err = refused(capsys, "--data", data, "--drop", "CITY")
    assert "no column 'CITY', did you mean 'city'?" in err


@pytest.mark.parametrize("option", ["--param", "--space"])
@pytest.mark.parametrize("value", ["abc", "-3", "0"])
def test_values_that_no_fit_would_take_are_refused_before(option, value, capsys, monkeypatch):
    monkeypatch.setattr(_cli_compare, "load_data", lambda *_: pytest.fail("work had begun"))
    typed = f"num_reads={value}" if option == "--param" else f"num_reads=[50, {value!r}]"
    tuning = [] if option == "--param" else ["--tune", "2"]
    err = refused(capsys, "--data", "iris", option, typed, *tuning)
    assert "'num_reads' parameter of QuantumSampledMLPClassifier must be an int in the range" in err


def test_the_space_of_the_sampled_network_is_fair():
    def tuned(*params, spaces=()):
        made = build_contenders(["sampled-mlp"], None, list(params), ["twins"], list(spaces))
        return made.spaces, made.notes

    spaces, notes = tuned()
    assert spaces["sampled MLP"].keys() == {"network__learning_rate_init", "network__predict_with"}
    assert spaces["sampled MLP"]["network__predict_with"] == ["mlp", "ebm"] and not notes
    assert spaces[TWIN].keys() == {"network__learning_rate_init", "network__alpha"}
    # What is set stays so; a search for low energies predicts by them.
    for param in ("predict_with=ebm", "gradient=equilibrium"):
        assert "network__predict_with" not in tuned(param)[0]["sampled MLP"]
    assert "network__learning_rate_init" not in tuned("learning_rate_init=0.1")[0][TWIN]
    typed = tuned("predict_with=ebm", spaces=["beta_eff=[0.5, 1.0]"])[0]["sampled MLP"]
    assert typed["network__beta_eff"] == [0.5, 1.0]


def test_untuned_the_law_is_pointed_at():
    def notes(*params, names=("sampled-mlp",)):
        return build_contenders(list(names), None, list(params), ["none"]).notes

    assert len(notes()) == 1 and "--param predict_with=ebm predicts by the law" in notes()[0]
    assert notes("predict_with=ebm") == notes("gradient=equilibrium") == []
    assert notes(names=["logistic-regression"]) == []


def test_names_are_no_categories(capsys, tmp_path):
    path = tmp_path / "names.csv"
    lines = [f"person {i},{i % 7},{i % 2}" for i in range(80)]
    path.write_text("\n".join(["name,size,kind", *lines]))
    err = refused(capsys, "--data", path, "--estimator", "logistic-regression")
    assert "'name'" in err and "80 different texts in 80 rows" in err and "--drop name" in err
    assert "--drop goes with a CSV" in refused(capsys, "--data", "iris", "--drop", "a")


def test_the_command_on_the_page_can_be_repeated(capsys, tmp_path):
    argv = ["compare", "--data", "iris", "--cv", "3", "--estimator", "logistic-regression"]
    assert main([*argv, "--output", str(tmp_path)]) == 0
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    command = re.search(r"<pre>qsklearn (.*)</pre>", page).group(1)
    assert command.endswith("--overwrite") and main(command.split()) == 0


def test_a_bad_file_is_named(capsys, tmp_path):
    path = tmp_path / "bad.npz"
    path.write_bytes(b"PK not really")
    err = refused(capsys, "--data", path, "--estimator", "logistic-regression")
    assert "bad.npz' cannot be used: it is no complete .npz archive; expected arrays" in err


def test_arrays_from_a_file(capsys, tmp_path):
    path = tmp_path / "table.npz"
    y = np.arange(40) % 2
    np.savez(path, X=np.column_stack([y + 0.1, np.ones(40)]), y=y)
    argv = ["--data", path, "--estimator", "logistic-regression", "--cv", "4"]
    assert main(["compare", *map(str, argv)]) == 0
    out = capsys.readouterr().out
    assert "table.npz: 40 rows, 2 features, 2 classes" in out and "1.000 ± 0.000" in out
    assert "the same in every row, so that it tells nothing: x1" in out
    # Columns have no names here, and cells no text: such options would change nothing.
    for option in (["--target", "y"], ["--drop", "x1"], ["--separator", ";"]):
        assert "go" in (err := refused(capsys, *argv, *option)) and f"not with '{path}'" in err
        assert option[0] in err


@pytest.mark.skipif(not SHARED.exists(), reason="../shared/data is not here")
def test_images_from_a_file(capsys):
    path = SHARED / "fashion_mnist_900.npz"
    argv = ["compare", "--data", "fashion_mnist", "--data-path", str(path), "--classes", "0,9"]
    assert main([*argv, "--n-samples", "60", "--estimator", "logistic-regression"]) == 0
    assert "60 rows, 784 features, 2 classes" in capsys.readouterr().out


def test_offline_names_the_option(stand_in, capsys, monkeypatch, tmp_path):
    def fetch_openml(*args, **kwargs):
        raise OSError("no network")

    monkeypatch.setattr(_mnist, "fetch_openml", fetch_openml)
    err = refused(capsys, "--data", "mnist", "--data-home", tmp_path)
    assert "could not download" in err and "--data-path" in err


def test_the_twin_follows_the_parameters(stand_in):
    params = ["n_hidden=2", "random_state=None"]
    made = build_contenders(["sampled-mlp"], ["gibbs"], params, ["twins"])
    twin = "sampled MLP (gibbs): classical twin"
    assert list(made.estimators) == ["sampled MLP (gibbs)", twin]
    assert made.labels == {"sampled-mlp": "sampled MLP (gibbs)"} and made.twin == twin
    assert made.estimators[twin]["network"].constant == 2
    model = made.estimators["sampled MLP (gibbs)"]["network"]
    assert (model.n_hidden, model.sampler, model.random_state) == (2, "gibbs", None)


def test_several_quantum_estimators_each_have_a_twin(monkeypatch):
    class Other(StandIn):
        def __init__(self, depth=1, *, sampler=None):
            self.depth = depth
            self.sampler = sampler

        def classical_twin(self):
            return GaussianNB()

    table = {"sampled-mlp": ("sampled MLP", StandIn), "other": ("other", Other)}
    table = {name: Quantum(label, lambda kind=kind: kind) for name, (label, kind) in table.items()}
    monkeypatch.setattr(_cli_estimators, "_QUANTUM", table)
    monkeypatch.setattr(_cli_estimators, "ESTIMATOR_NAMES", tuple(table))
    made = build_contenders(["all"], None, ["depth=3", "n_hidden=5"], ["twins"])
    names = ["sampled MLP", TWIN, "other", "other: classical twin"]
    assert list(made.estimators) == names
    assert made.estimators["other"]["network"].depth == 3
    assert made.estimators["sampled MLP"]["network"].n_hidden == 5


def test_interrupted(stand_in, capsys):
    argv = ["compare", "--data", "iris", "--estimator", "sampled-mlp"]
    assert main([*argv, "--param", "num_reads=interrupt"]) == 130
    assert capsys.readouterr().err.endswith("qsklearn: interrupted\n")


def test_info(stand_in, capsys):
    assert main(["info"]) == 0
    out = capsys.readouterr().out
    for package in (
        "python",
        "qsklearn",
        "numpy",
        "scikit-learn",
        "dwave-system",
        "qiskit",
        "torch",
    ):
        assert re.search(rf"^  {package} +(\d|not installed)", out, flags=re.MULTILINE)
    assert re.search(r"CPU cores usable +\d", out)
    assert re.search(r"gibbs +usable", out)
    assert re.search(r"dwave +not usable: needs dwave-system", out)
    assert "data sets (scikit-learn)" in out and "compiled kernels (numba)" in out


def test_info_says_whether_there_is_a_token_and_not_which(capsys, monkeypatch, tmp_path):
    pytest.importorskip("dwave.system")
    file = tmp_path / "dwave.conf"
    file.write_text("[defaults]\n")
    monkeypatch.setenv("DWAVE_CONFIG_FILE", str(file))
    monkeypatch.delenv("DWAVE_API_TOKEN", raising=False)

    def told():
        assert main(["info"]) == 0
        return " ".join(capsys.readouterr().out.split())

    assert re.search(r"dwave needs a token \(none is configured\): DWAVE_API_TOKEN", told())
    file.write_text("[defaults]\ntoken = SECRET-1\n")
    out = told()
    assert "dwave usable, if the token" in out and "SECRET" not in out
    file.write_text("[defaults]\n")
    monkeypatch.setenv("DWAVE_API_TOKEN", "SECRET-2")
    out = told()
    assert "dwave usable, if the token" in out and "SECRET" not in out


def test_info_names_numbas_folder(stand_in, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert main(["info"]) == 0
    assert "".join(str(tmp_path).split()) in "".join(capsys.readouterr().out.split())
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    kernels = Path(_cli_compare.__file__).parent / "_kernels"
    assert _cli_info._kernel_cache() == str(kernels / "__pycache__")
    monkeypatch.setattr(_cli_info.os, "access", lambda *_: False)
    assert "numba's folder in the user's cache" in _cli_info._kernel_cache()


def test_the_command_starts_light():
    code = (
        "import sys, json, qsklearn._cli as cli; cli.main(['compare', '--cv', '0']); "
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = set(json.loads(done.stdout))
    # pandas is missing from the list because scikit-learn itself imports it where it is installed.
    assert not {"matplotlib", "numba", "torch", "qiskit"} & modules
    assert done.stderr == "qsklearn: error: --cv must be 2 or more folds, got 0\n"


def test_python_m():
    done = subprocess.run(
        [sys.executable, "-m", "qsklearn", "--version"], capture_output=True, text=True, check=True
    )
    assert re.fullmatch(r"qsklearn \d+\.\d+\S*\n", done.stdout)
    # A tool that only imports every module does not start the command.
    assert runpy.run_module("qsklearn.__main__", run_name="imported")["main"] is main
