"""What a comparison found, and its ways out: rows, frame, text, HTML."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from qsklearn._optional import import_optional
from qsklearn.model_selection._controls import pairs_of_controls
from qsklearn.model_selection._fingerprint import fingerprint_of
from qsklearn.model_selection._report import write_html
from qsklearn.model_selection._statistics import (
    bayesian_correlated_test,
    corrected_interval,
    corrected_paired_test,
    mean_cost,
    mean_of_finished,
)
from qsklearn.model_selection._text import render_text
from qsklearn.model_selection._validation import check_choice, check_confidence, is_real

_CALLER = "ComparisonResult"


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ComparisonResult:
    """Scores, seconds, costs and errors of every contender on every fold.

    Returned by :func:`compare`.

    Parameters
    ----------
    names : tuple of str
        The contenders, in the order given.
    scorers : tuple of str
        Names of the scores.
    baseline : str
        The contender that the paired tests compare with.
    scores : dict of str to (dict of str to ndarray of shape (n_folds,))
        ``scores[scorer][name]``; NaN where the fold failed.
    fit_seconds, score_seconds : dict of str to ndarray of shape (n_folds,)
        Wall seconds per fold; NaN where the fold failed. Of a contender that is tuned the fit with
        the best parameters counts.
    costs : dict of str to tuple
        Per fold the fitted estimator's ``cost_`` as a dict, or None. Of a contender that is tuned
        the fit with the best parameters counts.
    errors : dict of str to tuple
        Per fold the text of the exception, or None.
    stopped_early : dict of str to tuple
        Per fold the failure at which a fit stopped that kept its best weights and so has scores
        (a fitted ``stop_reason_`` such as ``"sampler: ..."``), or None.
    samplers : dict of str to tuple
        Per fold the class name of the fitted estimator's ``sampler_``, or None.
    drawn_by : dict of str to tuple
        Per fold what its ``sampler_``, or the innermost one that it wraps, says by an attribute
        ``drawn_by`` of what draws, such as a device, or None.
    warnings : dict of str to tuple
        Per fold a list of (category, text).
    train_sizes, test_sizes : tuple of int
        Rows trained on and tested on, per fold.
    settings : dict of str to str
        The contenders as scikit-learn prints them.
    seeds : tuple
        Per fold the seed of the estimators' unset ``random_state``, or None.
    random_state : int, RandomState instance or None
        As given to :func:`compare`.
    environment : dict of str to (str or None)
        Platform, processor and cores, and the versions of the packages.
    best_params : dict of str to tuple
        Per fold the parameters that its tuning chose, by :func:`compare` or by a contender that is
        a search itself, or None.
    n_candidates : dict of str to int
        Candidates that were tried in each fold; 0 for a contender that is not tuned.
    tuning : dict or None
        ``n_candidates`` asked for, ``n_inner_folds`` of every fold, ``inner_cv``, ``scoring``,
        ``spaces`` (name to text) and ``notes``; None where :func:`compare` tuned nobody.
    tuning_seconds : dict of str to ndarray of shape (n_folds,)
        Wall seconds that :func:`compare` took to tune, 0 where it did not; NaN where the fold
        failed.
    tuning_costs : dict of str to tuple
        Per fold the sums of ``cost_`` over all fits of the tuning that finished, as far as they are
        among the names of :func:`cost_scorers` and not 0, or None.
    tuning_warnings : dict of str to tuple
        Per fold a list of (category, text), each text once.
    data : dict
        ``n_samples``, ``n_features`` and, where all contenders are classifiers, ``classes``: rows
        by label.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.dummy import DummyClassifier
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from qsklearn.model_selection import compare
    >>> X, y = load_iris(return_X_y=True)
    >>> result = compare({"guess": DummyClassifier(), "Bayes": GaussianNB()}, X, y)
    >>> result.scores["score"]["Bayes"].shape
    (5,)
    >>> [test] = result.paired_tests(baseline="guess")
    >>> round(test["difference"], 2), test["ci_low"] > 0.5
    (0.62, True)
    """

    names: tuple
    scorers: tuple
    baseline: str
    scores: dict
    fit_seconds: dict
    score_seconds: dict
    costs: dict
    errors: dict
    stopped_early: dict
    samplers: dict
    drawn_by: dict
    warnings: dict
    train_sizes: tuple
    test_sizes: tuple
    settings: dict
    seeds: tuple
    random_state: object
    environment: dict
    best_params: dict
    n_candidates: dict
    tuning: dict | None
    tuning_seconds: dict
    tuning_costs: dict
    tuning_warnings: dict
    data: dict

    def __repr__(self):
        return (
            f"<ComparisonResult of {len(self.names)} estimators on {self.n_folds} folds: "
            f"{', '.join(self.names)}>"
        )

    def __str__(self):
        return self.to_text()

    @property
    def n_folds(self):
        """Number of folds."""
        return len(self.test_sizes)

    def summary(self, scoring=None, *, confidence=0.95):
        """One row per contender.

        Parameters
        ----------
        scoring : str or None, default=None
            Which score; the first when None.
        confidence : float, default=0.95
            Level of the interval, in (0, 1).

        Returns
        -------
        rows : list of dict
            Keys ``estimator``, ``scoring``, ``n_folds`` (finished), ``n_failed``, ``mean``,
            ``standard_error`` (of the mean, corrected for the overlap of the training sets as by
            Nadeau and Bengio), ``half_width`` (of the interval), ``fit_seconds``,
            ``score_seconds`` and ``cost``, a dict of means over the folds (empty without any).

        Raises
        ------
        ValueError
            If a parameter names something unknown or is out of range.
        """
        scoring = self._check_scoring(scoring)
        check_confidence(_CALLER, confidence)
        return [self._summarise(name, scoring, confidence) for name in self.names]

    def _summarise(self, name, scoring, confidence):
        mean, error, half_width = corrected_interval(
            self.scores[scoring][name], self._test_over_train(), confidence
        )
        n_failed = sum(error is not None for error in self.errors[name])
        return {
            "estimator": name,
            "scoring": scoring,
            "n_folds": self.n_folds - n_failed,
            "n_failed": n_failed,
            "mean": mean,
            "standard_error": error,
            "half_width": half_width,
            "fit_seconds": mean_of_finished(self.fit_seconds[name]),
            "score_seconds": mean_of_finished(self.score_seconds[name]),
            "cost": mean_cost(self.costs[name]),
        }

    def paired_tests(self, baseline=None, *, scoring=None, confidence=0.95):
        """Corrected resampled paired t-test of every other contender against one.

        The statistic is t = mean(d) / sqrt((1/k + n_test/n_train) var(d)) of the k differences d,
        with k - 1 degrees of freedom (Nadeau and Bengio 2003). p-values are two-sided and not
        corrected for the number of contenders. Folds that failed for either are left out.

        A p-value is no size. The effect size is the standardised mean difference of the paired
        folds, mean(d) / sd(d), whose interval comes from the noncentral Student law of t. The sd is
        that among the folds of this comparison, so effects compare between rows of one table and
        not with Cohen's d of another kind of study.

        Parameters
        ----------
        baseline : str or None, default=None
            Name of a contender; the one given to :func:`compare` when None.
        scoring : str or None, default=None
            Which score; the first when None.
        confidence : float, default=0.95
            Level of the interval, in (0, 1).

        Returns
        -------
        rows : list of dict
            Keys ``estimator``, ``baseline``, ``scoring``, ``n_folds``, ``difference`` (estimator
            minus baseline), ``standard_error``, ``t``, ``p_value``, ``ci_low``, ``ci_high``,
            ``effect_size``, ``effect_low``, ``effect_high`` and ``note``, which is empty or says
            what is degenerate.

        Raises
        ------
        ValueError
            If a parameter names something unknown or is out of range.
        """
        check_confidence(_CALLER, confidence)
        return self._against(baseline, scoring, corrected_paired_test, confidence)

    def bayesian_tests(self, baseline=None, *, scoring=None, rope=0.01, confidence=0.95):
        """Bayesian correlated t-test of every other contender against one.

        Under a flat prior the mean difference of the folds has a Student law as its posterior, of
        k - 1 degrees of freedom, at mean(d) and with the scale
        sqrt((1/k + n_test/n_train) var(d)) (Corani and Benavoli, Machine Learning 100, 2015;
        Benavoli et al., JMLR 18(77), 2017). Unlike a p-value it can say that two contenders are
        practically equivalent.

        Parameters
        ----------
        baseline : str or None, default=None
            Name of a contender; the one given to :func:`compare` when None.
        scoring : str or None, default=None
            Which score; the first when None. More is better, as in all scores of scikit-learn.
        rope : float, default=0.01
            Region of practical equivalence: means that differ by this much or less, in the unit of
            the score, are equivalent.
        confidence : float, default=0.95
            Probability of the interval, in (0, 1).

        Returns
        -------
        rows : list of dict
            Keys ``estimator``, ``baseline``, ``scoring``, ``n_folds``, ``difference``, ``p_worse``,
            ``p_equivalent`` and ``p_better`` (probabilities that sum to 1), ``ci_low``,
            ``ci_high``, ``rope`` and ``note``. Where scores are equal in every fold, they are
            equivalent; where all differences are equal, or fewer than two, probabilities are NaN
            and the note says why.

        Raises
        ------
        ValueError
            If a parameter names something unknown or is out of range.
        """
        check_confidence(_CALLER, confidence)
        _check_rope(rope)
        return self._against(baseline, scoring, bayesian_correlated_test, rope, confidence)

    def control_tests(self, *, scoring=None, rope=0.01, confidence=0.95):
        """Every contender against each of its own controls: what the part adds that they lack.

        Controls are known by their names, ``"NAME: ..."``, as :func:`with_controls` gives them. One
        whose ``"NAME"`` is no contender is shared by all the variants ``"NAME (...)"``.

        Parameters
        ----------
        scoring : str or None, default=None
            Which score; the first when None.
        rope : float, default=0.01
            As for :meth:`bayesian_tests`.
        confidence : float, default=0.95
            As for :meth:`paired_tests`.

        Returns
        -------
        rows : list of dict
            Keys of :meth:`paired_tests`, with the control as ``baseline`` and the differences the
            contender's minus the control's, and ``p_worse``, ``p_equivalent``, ``p_better`` and
            ``rope`` of :meth:`bayesian_tests`. Empty where there are no controls.

        Raises
        ------
        ValueError
            If a parameter names something unknown or is out of range.
        """
        check_confidence(_CALLER, confidence)
        _check_rope(rope)
        scoring = self._check_scoring(scoring)
        return [
            self._pair(name, control, scoring, bayesian_correlated_test, rope, confidence)
            | self._pair(name, control, scoring, corrected_paired_test, confidence)
            for name, control in pairs_of_controls(self.names)
        ]

    def _against(self, baseline, scoring, test, *arguments):
        """A row for every contender but the baseline."""
        baseline = self.baseline if baseline is None else baseline
        check_choice(_CALLER, "baseline", baseline, self.names)
        scoring = self._check_scoring(scoring)
        return [
            self._pair(name, baseline, scoring, test, *arguments)
            for name in self.names
            if name != baseline
        ]

    def _pair(self, name, baseline, scoring, test, *arguments):
        scores = self.scores[scoring]
        return {"estimator": name, "baseline": baseline, "scoring": scoring} | test(
            scores[name], scores[baseline], self._test_over_train(), *arguments
        )

    def fingerprint(self):
        """A number that two comparisons share when they found the same, bit for bit.

        Returns
        -------
        digest : str
            SHA-256 of the names, seeds, scores (floats by their bytes) and best parameters. Neither
            seconds nor costs nor the machine enter it.
        """
        found = (self.names, self.seeds, self.scores, self.best_params)
        return fingerprint_of(found)

    def to_frame(self):
        """Tidy pandas frame with a row per contender and fold.

        Returns
        -------
        frame : pandas.DataFrame
            Columns ``estimator``, ``fold``, one per score, ``fit_seconds``, ``score_seconds``,
            ``n_train``, ``n_test``, ``cost_*`` as far as there are costs, ``tuning_seconds``,
            ``error``, ``stopped_early`` and ``best_params``.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        pandas = import_optional("pandas", "ComparisonResult.to_frame")
        return pandas.DataFrame(
            [self._record(name, fold) for name in self.names for fold in range(self.n_folds)]
        )

    def _record(self, name, fold):
        keys = sorted(
            {key for costs in self.costs.values() for cost in costs for key in cost or ()}
        )
        cost = self.costs[name][fold] or {}
        return {
            "estimator": name,
            "fold": fold,
            **{scorer: self.scores[scorer][name][fold] for scorer in self.scorers},
            "fit_seconds": self.fit_seconds[name][fold],
            "score_seconds": self.score_seconds[name][fold],
            "n_train": self.train_sizes[fold],
            "n_test": self.test_sizes[fold],
            **{f"cost_{key}": cost.get(key, math.nan) for key in keys},
            "tuning_seconds": self.tuning_seconds[name][fold],
            "error": self.errors[name][fold],
            "stopped_early": self.stopped_early[name][fold],
            "best_params": self.best_params[name][fold],
        }

    def to_text(self, scoring=None):
        """The summary and the paired tests as a table for a terminal.

        Parameters
        ----------
        scoring : str or None, default=None
            Which score; the first when None.

        Returns
        -------
        text : str
            Lines of at most 120 characters, and footnotes. A difference has its 95 % interval, its
            effect size, p and the probabilities of :meth:`bayesian_tests`.

        Raises
        ------
        ValueError
            If `scoring` names something unknown.
        """
        return render_text(self, self._check_scoring(scoring))

    def to_html(self, path, *, title="Comparison of estimators", command=None, overwrite=False):
        """Write everything as one page that needs no network.

        Parameters
        ----------
        path : str or path-like
            The file to write; its folder exists.
        title : str, default="Comparison of estimators"
            Heading of the page.
        command : str or None, default=None
            What to type to repeat the comparison, for the page.
        overwrite : bool, default=False
            Whether an existing file may be replaced.

        Returns
        -------
        path : pathlib.Path
            The file written.

        Raises
        ------
        FileExistsError
            If the file exists and `overwrite` is False.
        FileNotFoundError
            If its folder does not exist.
        IsADirectoryError
            If it is a folder.
        ImportError
            If matplotlib is not installed.
        """
        return write_html(self, path, title=title, command=command, overwrite=overwrite)

    def _check_scoring(self, scoring):
        scoring = self.scorers[0] if scoring is None else scoring
        check_choice(_CALLER, "scoring", scoring, self.scorers)
        return scoring

    def _test_over_train(self):
        return np.divide(self.test_sizes, self.train_sizes)


def _check_rope(rope):
    if not (is_real(rope) and 0 <= rope < math.inf):
        raise ValueError(
            "The 'rope' parameter of ComparisonResult must be a float in the range [0, inf). "
            f"Got {rope!r} instead."
        )
