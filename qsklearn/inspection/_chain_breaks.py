"""The figure of broken chains: how many in each call, and whether long ones break more often."""

from __future__ import annotations

import numpy as np
from scipy.stats import binomtest
from sklearn.utils.validation import check_is_fitted

from qsklearn._checks import check_reals
from qsklearn.inspection._display import Display
from qsklearn.inspection._drawing import (
    COLOURS,
    GREY,
    add_legend,
    check_axes,
    dress,
    make_axes,
)
from qsklearn.inspection._embedded_chains import check_chains
from qsklearn.inspection._fitted_estimator import find_with_rows, look_inside
from qsklearn.inspection._numbers import check_array, check_between, check_probabilities

_CALLER = "ChainBreakDisplay"
_KEY = "chain_break_fraction"
_CONFIDENCE = 0.9545  # of two standard deviations
_MAX_MARKS = 40  # calls that bear a marker each


class ChainBreakDisplay(Display):
    """Fraction of broken chains, by call and by the length of the chains.

    A chain of qubits stands for one variable; where its qubits disagree it is broken, and what is
    made of it is no draw of the model. The first panel has the fraction of the chains that were
    broken in each call, and a dashed line for the mean of the calls. The second, where the chains
    are known one by one, has a circle for each chain, by its length, and a diamond for all chains
    of a length, with an interval of 95 % that takes the draws for independent.

    Parameters
    ----------
    fractions : array-like of shape (n_calls,)
        Of the chains of each call, from 0 to 1.
    chain_lengths : array-like of int of shape (n_chains,), default=None
        Qubits of each chain; None where they are not known.
    chain_fractions : array-like of shape (n_chains,), default=None
        In which part of the draws each chain was broken.
    n_draws : int, default=None
        How many draws that is.

    Attributes
    ----------
    line_, mean_line_ : matplotlib.lines.Line2D
        After :meth:`plot`: the calls, and their mean.
    circles_ : matplotlib.lines.Line2D or None
        After :meth:`plot`: the chains, aside of their lengths so that none hides another.
    bars_ : matplotlib.container.ErrorbarContainer or None
        After :meth:`plot`: the lengths.
    axes_ : ndarray of 1 or 2 matplotlib.axes.Axes
        After :meth:`plot`; 2 where the lengths are known.
    figure_ : matplotlib.figure.Figure
        After :meth:`plot`; in a notebook, end a cell with it to see it.

    Raises
    ------
    ValueError
        If a fraction is out of range, a length is no whole number over 0, or the chains are given
        in part.

    Notes
    -----
    A chain of one qubit cannot break. The interval is Wilson's, which does not shrink to a point
    where no break was seen.

    Examples
    --------
    >>> import dimod
    >>> from qsklearn.inspection import ChainBreakDisplay
    >>> qubits = dimod.SampleSet.from_samples(
    ...     [{0: 1, 1: 1, 2: -1}, {0: 1, 1: -1, 2: -1}], energy=[0, 0], vartype="SPIN"
    ... )
    >>> display = ChainBreakDisplay.from_qubits(qubits, {"a": [0, 1], "b": [2]})
    >>> display.fractions.tolist(), display.chain_fractions.tolist()
    ([0.25], [0.5, 0.0])
    """

    def __init__(self, fractions, *, chain_lengths=None, chain_fractions=None, n_draws=None):
        self.fractions = check_probabilities(fractions, "fractions", _CALLER, ("n_calls",))
        chains = _check_known(chain_lengths, chain_fractions, n_draws)
        self.chain_lengths, self.chain_fractions, self.n_draws = chains

    @classmethod
    def from_samplesets(cls, samplesets, *, ax=None):
        """Plot what calls said of their chains.

        Parameters
        ----------
        samplesets : sequence of dimod.SampleSet, or one
            In the order of the calls, with ``info["chain_break_fraction"]``, as
            :class:`qsklearn.samplers.EmbeddedSampler` returns them, or with a column of that name
            by row, as dwave-system's ``EmbeddingComposite`` does; its rows count as often as their
            ``num_occurrences`` say.
        ax : matplotlib.axes.Axes or None, default=None
            As for :meth:`plot`.

        Returns
        -------
        display : ChainBreakDisplay

        Raises
        ------
        ValueError
            If there is none, or one does not say it.
        ImportError
            If matplotlib is not installed.
        """
        caller = f"{_CALLER}.from_samplesets"
        fractions = [
            _read_fraction(samples, call, caller)
            for call, samples in enumerate(_as_list(samplesets, caller))
        ]
        return cls(fractions).plot(ax)

    @classmethod
    def from_qubits(cls, samplesets, embedding, *, ax=None):
        """Plot how often chains broke in draws of the qubits.

        Parameters
        ----------
        samplesets : sequence of dimod.SampleSet, or one
            What the device returned, in the order of the calls, by qubit; rows count as often as
            their ``num_occurrences`` say.
        embedding : qsklearn.samplers.Embedding, or mapping of variables to chains
            The qubits of each variable.
        ax : array-like of 2 matplotlib.axes.Axes, or None, default=None
            As for :meth:`plot`.

        Returns
        -------
        display : ChainBreakDisplay

        Raises
        ------
        ValueError
            If there is no draw, or the chains are none or of qubits that were not drawn.
        ImportError
            If matplotlib is not installed.
        """
        caller = f"{_CALLER}.from_qubits"
        chains = check_chains(embedding, caller)
        samplesets = _as_list(samplesets, caller)
        counts = np.array([_count_breaks(samples, chains, caller) for samples in samplesets])
        n_draws = np.array([samples.record.num_occurrences.sum() for samples in samplesets])
        return cls(
            counts.mean(axis=1) / n_draws,
            chain_lengths=[len(chain) for chain in chains.values()],
            chain_fractions=counts.sum(axis=0) / n_draws.sum(),
            n_draws=n_draws.sum(),
        ).plot(ax)

    @classmethod
    def from_estimator(cls, estimator, X=None, *, n_calls=1, ax=None):
        """Plot what a fitted estimator says of its device.

        Parameters
        ----------
        estimator : estimator
            Fitted, or a search or a Pipeline of one, with ``history_``, a dict that has the key
            ``"chain_break_fraction"``, or with the method ``sampling_report``, whose report has it.
        X : array-like of shape (n_samples, n_features), default=None
            Data for ``sampling_report``, which draws anew and costs what drawing costs; of a
            Pipeline's own features. It is used where the estimator has kept nothing.
        n_calls : int, default=1
            Into how many parts of about equal size the rows of X are split, a report each.
        ax : matplotlib.axes.Axes or None, default=None
            As for :meth:`plot`.

        Returns
        -------
        display : ChainBreakDisplay

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        ValueError
            If it has kept nothing and reports nothing, as without a device, or there are more
            calls than rows.
        ImportError
            If matplotlib is not installed.
        """
        check_is_fitted(estimator)
        for candidate in look_inside(estimator):
            history = getattr(candidate, "history_", None)
            if hasattr(history, "get") and np.size(history.get(_KEY, ())):
                return cls(history[_KEY]).plot(ax)
        if X is not None:
            estimator, X = find_with_rows(estimator, ("sampling_report",), X)
        if X is None or not hasattr(estimator, "sampling_report"):
            advice = " Give X, which its 'sampling_report' draws from." if X is None else ""
            raise _no_breaks(estimator, advice)
        parts = _split_rows(X, n_calls)
        reports = [estimator.sampling_report(part) for part in parts]
        if not all(_KEY in report for report in reports):
            raise _no_breaks(estimator, " Was it fitted with a device behind an embedding?")
        return cls([report[_KEY] for report in reports]).plot(ax)

    def plot(self, ax=None):
        """Draw one panel, or two where the lengths of the chains are known.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, array-like of as many as panels, or None, default=None
            Where to draw; a figure is made when None, apart from pyplot's.

        Returns
        -------
        display : ChainBreakDisplay
            Itself, with the attributes above.

        Raises
        ------
        ValueError
            If `ax` does not hold one axes a panel.
        ImportError
            If matplotlib is not installed.
        """
        n_panels = 1 if self.chain_lengths is None else 2
        if ax is None:
            self.axes_ = make_axes(_CALLER, (4.5 * n_panels + 1.0, 3.8), (1, n_panels))
        else:
            self.axes_ = check_axes(ax, n_panels, _CALLER)
        self.figure_ = self.axes_[0].figure
        self._draw_calls(self.axes_[0])
        self.circles_ = self.bars_ = None
        if n_panels == 2:
            self._draw_lengths(self.axes_[1])
        for panel in self.axes_:
            panel.xaxis.get_major_locator().set_params(integer=True)
            panel.set_ylim(bottom=min(0.0, -0.03 * panel.get_ylim()[1]))
            dress(panel)
            add_legend(panel, outside=ax is None and n_panels == 1)
        return self

    def _draw_calls(self, panel):
        calls = np.arange(1, len(self.fractions) + 1)
        marker = "o" if len(calls) <= _MAX_MARKS else ""
        style = {"color": COLOURS[0], "marker": marker, "ms": 4, "lw": 1.2, "label": "one call"}
        self.line_ = panel.plot(calls, self.fractions, **style)[0]
        mean = self.fractions.mean()
        name = f"mean {mean:.3g}"
        self.mean_line_ = panel.axhline(mean, color=GREY, ls="--", lw=1.2, label=name)
        panel.set_ylim(0.0, 1.08 * self.fractions.max() or 1.0)
        panel.set_xlabel("call")
        panel.set_ylabel("fraction of broken chains")

    def _draw_lengths(self, panel):
        lengths, inverse = np.unique(self.chain_lengths, return_inverse=True)
        n_chains = np.bincount(inverse)
        # Chains lie right of the mean of their length, each a little aside.
        rank = np.empty(len(inverse))
        for number in range(len(lengths)):
            rank[inverse == number] = np.linspace(0.12, 0.4, n_chains[number])
        style = {"mfc": "none", "mec": COLOURS[0], "ms": 4, "label": "one chain"}
        self.circles_ = panel.plot(self.chain_lengths + rank, self.chain_fractions, "o", **style)[0]
        n_broken = np.bincount(inverse, weights=self.chain_fractions) * self.n_draws
        n_chances = n_chains * self.n_draws
        means = n_broken / n_chances
        ends = np.array([_interval(k, n) for k, n in zip(n_broken, n_chances, strict=True)]).T
        ends = np.abs(ends - means)
        style = {"fmt": "D", "color": "black", "ms": 5, "capsize": 3, "lw": 1.4}
        self.bars_ = panel.errorbar(lengths, means, ends, label="all of a length", **style)
        panel.set_xlim(lengths[0] - 0.5, lengths[-1] + 0.7)
        panel.set_ylim(0.0, 1.08 * max(self.chain_fractions.max(), (means + ends[1]).max()))
        panel.set_xlabel("qubits of the chain")
        panel.set_ylabel("fraction of broken draws")


def _interval(n_broken, n_chances):
    interval = binomtest(int(round(n_broken)), int(n_chances)).proportion_ci(_CONFIDENCE, "wilson")
    return interval.low, interval.high


def _check_known(chain_lengths, chain_fractions, n_draws):
    given = {"chain_lengths": chain_lengths, "chain_fractions": chain_fractions, "n_draws": n_draws}
    missing = [name for name, value in given.items() if value is None]
    if len(missing) == len(given):
        return None, None, None
    if missing:
        raise ValueError(
            f"{_CALLER} needs 'chain_lengths', 'chain_fractions' and 'n_draws' for the chains, or "
            f"none of them. It lacks {', '.join(map(repr, missing))}."
        )
    lengths = check_array(chain_lengths, "chain_lengths", _CALLER, ("n_chains",))
    fractions = check_probabilities(chain_fractions, "chain_fractions", _CALLER, lengths.shape)
    n_draws = check_between(
        check_array(n_draws, "n_draws", _CALLER, ()), "n_draws", _CALLER, 0, 1e15
    )
    for name, values in (("chain_lengths", lengths), ("n_draws", n_draws)):
        check_between(values, name, _CALLER, 1)
        if (values != np.round(values)).any():
            raise ValueError(
                f"The '{name}' parameter of {_CALLER} must be whole. Got {values.ravel()[0]:g} "
                "instead."
            )
    return lengths.astype(int), fractions, int(n_draws)


def _as_list(samplesets, caller):
    """One sample set or several, as a list of at least one."""
    found = [samplesets] if hasattr(samplesets, "record") else samplesets
    found = list(found) if hasattr(found, "__iter__") else [found]
    wrong = [item for item in found if not (hasattr(item, "record") and hasattr(item, "info"))]
    if wrong or not found:
        got = f"{type(wrong[0]).__name__} instead" if wrong else "none"
        raise ValueError(
            f"The 'samplesets' parameter of {caller} must be dimod.SampleSets, one a call. Got "
            f"{got}."
        )
    return found


def _read_fraction(samples, call, caller):
    if _KEY in samples.info:
        return samples.info[_KEY]
    if _KEY in samples.record.dtype.names and len(samples):
        return np.average(samples.record[_KEY], weights=samples.record.num_occurrences)
    raise ValueError(
        f"The 'samplesets' parameter of {caller} must say info['{_KEY}']. Got none in that of call "
        f"{call + 1}: was it drawn on a device behind an embedding? Draws of the qubits themselves "
        "go to from_qubits, with the embedding."
    )


def _count_breaks(samples, chains, caller):
    """In how many draws each chain was broken."""
    places = {qubit: at for at, qubit in enumerate(samples.variables)}
    missing = [qubit for chain in chains.values() for qubit in chain if qubit not in places]
    if missing or len(samples) == 0:
        got = f"none for qubit {missing[0]!r}" if missing else "no draw"
        raise ValueError(
            f"The 'samplesets' parameter of {caller} must hold values of all qubits of the "
            f"embedding. Got {got}."
        )
    states, weights = samples.record.sample, samples.record.num_occurrences
    return [
        weights[np.ptp(states[:, [places[qubit] for qubit in chain]], axis=1) > 0].sum()
        for chain in chains.values()
    ]


def _split_rows(X, n_calls):
    if not hasattr(X, "shape"):
        X = check_reals(X, "X", f"{_CALLER}.from_estimator", "n_samples", "n_features")
    n_rows = X.shape[0] if X.shape else 0
    number = check_array(n_calls, "n_calls", f"{_CALLER}.from_estimator", ())
    if number != np.round(number) or not 1 <= number <= n_rows:
        raise ValueError(
            f"The 'n_calls' parameter of {_CALLER}.from_estimator must be a whole number from 1 to "
            f"{n_rows}, the rows of X. Got {n_calls!r} instead."
        )
    bounds = np.linspace(0, n_rows, int(number) + 1).astype(int)
    rows = getattr(X, "iloc", X)
    return [rows[start:stop] for start, stop in zip(bounds[:-1], bounds[1:], strict=True)]


def _no_breaks(estimator, advice):
    return ValueError(
        f"The 'estimator' parameter of {_CALLER}.from_estimator must have history_['{_KEY}'], or "
        f"report '{_KEY}' by its method 'sampling_report'. Got {type(estimator).__name__} instead, "
        f"which does not.{advice}"
    )
