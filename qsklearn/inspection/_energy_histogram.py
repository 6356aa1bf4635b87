"""The figure of a sampler's energies against the law that it should draw from."""

from __future__ import annotations

from numbers import Integral

import numpy as np

from qsklearn._checks import check_flag
from qsklearn.inspection._display import Display
from qsklearn.inspection._drawing import COLOURS, add_legend, check_axis, dress, make_axes
from qsklearn.inspection._energy_law import (
    count_by_level,
    distance_by_chance,
    enumerate_energies,
    estimate_beta,
    find_levels,
    level_probabilities,
)
from qsklearn.inspection._numbers import check_array, check_whole

_CALLER = "EnergyHistogramDisplay"
_PALE_BLUE = "#C6E5F6"
_MAX_VARIABLES = 20  # whose states are enumerated: 2 ** 20 energies
_MAX_LEVELS = 30  # that have a bar each
_MIN_GAP = 1 / 60  # of the range of energies, between bars by level
_MAX_BINS = 60
_MIN_EXPECTED = 0.5  # draws that a level must let one expect to be shown


class EnergyHistogramDisplay(Display):
    """Energies of draws against the exact law of the energies.

    A bar is the number of draws: one bar a level where levels are few and far enough apart, else
    bins of equal width. Over it a line for the number that the law lets one expect, n p, within a
    hatched band of two standard deviations of counting, 2 sqrt(n p (1 - p)): independent draws of
    the law leave it in about one bar of twenty. The total variation distance between the two, over
    the bars, stands in the legend with what independent draws of that number have by chance.

    Parameters
    ----------
    energies : array-like of shape (n,)
        Of the draws, in the units of the model.
    counts : array-like of int of shape (n,), default=None
        How often each was drawn; once when None.
    levels : array-like of shape (n_levels,), default=None
        The energies that the model has, rising; None to draw without the law.
    degeneracies : array-like of shape (n_levels,), default=None
        How many states each level has.
    beta : float, default=None
        Inverse temperature of the law, in units of 1 / energy.

    Attributes
    ----------
    total_variation_ : float or None
        After :meth:`plot`: ``½ Σ |frequency - probability|`` over the bars; levels that are not
        shown count as one bar more. None without the law.
    total_variation_of_draws_ : float or None
        After :meth:`plot`: its mean for as many independent draws of the law.
    beta_eff_, beta_eff_stderr_ : float or None
        After :meth:`plot`: the inverse temperature at which the exact mean energy equals that of
        the draws (the maximum of the likelihood), and its standard error, which takes the draws
        for independent. Infinite and NaN where all draws are ground states.
    bars_, band_ : matplotlib.container.BarContainer
        After :meth:`plot`: the draws; the law's band, None without the law.
    law_ : matplotlib.collections.LineCollection
        After :meth:`plot`: the expected numbers, None without the law.
    ax_ : matplotlib.axes.Axes
        After :meth:`plot`.
    figure_ : matplotlib.figure.Figure
        After :meth:`plot`; in a notebook, end a cell with it to see it.

    Raises
    ------
    ValueError
        If there is no draw, the law is given in part, its levels do not rise, or an energy is
        that of no level.

    Notes
    -----
    Boltzmann's law gives a level of energy E and of g states the probability
    g exp(-beta E) / Z.

    References
    ----------
    Raymond, J., Yarkoni, S., Andriyash, E. Global warming: Temperature estimation in annealers.
    Frontiers in ICT 3, 23 (2016).

    Examples
    --------
    A single spin in a field, two thirds of whose draws are down:

    >>> from qsklearn.inspection import EnergyHistogramDisplay
    >>> display = EnergyHistogramDisplay(
    ...     [-1.0, 1.0], [20, 10], levels=[-1.0, 1.0], degeneracies=[1, 1], beta=0.5
    ... ).plot()
    >>> f"{display.total_variation_:.3f}, {display.beta_eff_:.3f}"
    '0.064, 0.347'
    """

    def __init__(self, energies, counts=None, *, levels=None, degeneracies=None, beta=None):
        self.energies = check_array(energies, "energies", _CALLER, ("n",))
        self.counts = _check_counts(counts, self.energies.shape)
        law = _check_law(levels, degeneracies, beta)
        self.levels, self.degeneracies, self.beta = law
        _check_draws(self.energies, self.counts, self.levels)

    @classmethod
    def from_samples(cls, samples, bqm, *, beta, bins="auto", show_beta_eff=False, ax=None):
        """Plot draws of a model.

        Parameters
        ----------
        samples : dimod.SampleSet
            Each row counts as often as its ``num_occurrences`` say. Energies are calculated anew.
        bqm : dimod.BinaryQuadraticModel
            The model, of at most 20 variables where the law is wanted.
        beta : float or None
            Inverse temperature of the law, in units of 1 / energy; None to draw without the law,
            for a model of any size.
        bins : "auto", "levels" or int, default="auto"
            As for :meth:`plot`.
        show_beta_eff : bool, default=False
            As for :meth:`plot`.
        ax : matplotlib.axes.Axes or None, default=None
            As for :meth:`plot`.

        Returns
        -------
        display : EnergyHistogramDisplay

        Raises
        ------
        ValueError
            If the model has no variable or too many, the samples lack one, or an argument is of
            another type.
        ImportError
            If matplotlib is not installed.
        """
        caller = f"{_CALLER}.from_samples"
        _check_bqm(bqm, beta, caller)
        energies, counts = _read_samples(samples, bqm, caller)
        law = {}
        if beta is not None:
            exact = enumerate_energies(bqm)
            levels, degeneracies = find_levels(exact, np.ones(len(exact)))
            law = {"levels": levels, "degeneracies": degeneracies, "beta": beta}
        display = cls(energies, counts, **law)
        return display.plot(ax, bins=bins, show_beta_eff=show_beta_eff)

    @classmethod
    def from_sampler(
        cls,
        sampler,
        bqm,
        *,
        beta,
        num_reads=1000,
        seed=None,
        bins="auto",
        show_beta_eff=False,
        ax=None,
    ):
        """Draw from a model by a sampler, and plot the draws.

        Parameters
        ----------
        sampler : dimod.Sampler
            Is given `beta` and `seed` where it takes them. One that takes no `beta` draws at a
            temperature of its own, which the effective one then shows.
        bqm : dimod.BinaryQuadraticModel
            As for :meth:`from_samples`.
        beta : float or None
            As for :meth:`from_samples`.
        num_reads : int, default=1000
            How many draws.
        seed : int or None, default=None
            Of the sampler.
        bins : "auto", "levels" or int, default="auto"
            As for :meth:`plot`.
        show_beta_eff : bool, default=False
            As for :meth:`plot`.
        ax : matplotlib.axes.Axes or None, default=None
            As for :meth:`plot`.

        Returns
        -------
        display : EnergyHistogramDisplay

        Raises
        ------
        ValueError
            As :meth:`from_samples`, before anything is drawn; or if `sampler` is none.
        ImportError
            If matplotlib is not installed.
        """
        caller = f"{_CALLER}.from_sampler"
        if not (hasattr(sampler, "sample") and hasattr(sampler, "parameters")):
            raise ValueError(
                f"The 'sampler' parameter of {caller} must be a dimod.Sampler, such as "
                f"GibbsSampler(). Got {type(sampler).__name__} instead."
            )
        _check_bqm(bqm, beta, caller)
        _check_bins(bins)
        if ax is not None:
            check_axis(ax, _CALLER)
        arguments = _choose_arguments(sampler, beta, num_reads, seed)
        samples = sampler.sample(bqm, **arguments)
        options = {"bins": bins, "show_beta_eff": show_beta_eff, "ax": ax}
        return cls.from_samples(samples, bqm, beta=beta, **options)

    def plot(self, ax=None, *, bins="auto", show_beta_eff=False):
        """Draw the bars, and the law over them.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw; a figure is made when None, apart from pyplot's.
        bins : "auto", "levels" or int, default="auto"
            One bar a level, or so many bins of equal width (or somewhat fewer, of whole levels,
            where these are evenly spaced); "auto" takes levels where they are at most 30 and far
            enough apart.
        show_beta_eff : bool, default=False
            Whether the effective inverse temperature stands in the legend.

        Returns
        -------
        display : EnergyHistogramDisplay
            Itself, with the attributes above.

        Raises
        ------
        ValueError
            If `ax` is no axes, or `bins` is wrong.
        ImportError
            If matplotlib is not installed.
        """
        _check_bins(bins)
        self.ax_ = make_axes(_CALLER, (6.0, 4.2))[0] if ax is None else check_axis(ax, _CALLER)
        self.figure_ = self.ax_.figure
        lefts, widths, drawn, chances = self._make_bars(bins)
        n_draws = int(self.counts.sum())
        self._measure(drawn, chances, n_draws)
        name = f"{n_draws:,} draws"
        if (
            check_flag(show_beta_eff, "show_beta_eff", f"{_CALLER}.plot")
            and self.beta_eff_ is not None
        ):
            name += f", effective beta {self.beta_eff_:.4g} ± {self.beta_eff_stderr_:.2g}"
        style = {"align": "edge", "fc": _PALE_BLUE, "ec": COLOURS[0], "lw": 0.8}
        self.bars_ = self.ax_.bar(lefts, drawn, widths, label=name, **style)
        self._draw_law(lefts, widths, chances, n_draws)
        self.ax_.set_ylim(bottom=0.0)
        self.ax_.set_xlabel("energy")
        self.ax_.set_ylabel("draws")
        dress(self.ax_)
        add_legend(self.ax_, outside=ax is None)
        return self

    def _make_bars(self, bins):
        """Left ends and widths of the bars, their draws, and their probabilities or None."""
        levels, drawn, chances = self._choose_levels()
        by_level = bins == "levels" or (bins == "auto" and _are_apart(levels))
        if by_level:
            width = 0.8 * (np.diff(levels).min() if len(levels) > 1 else 1.0)
            return levels - width / 2, np.full(len(levels), width), drawn, chances
        n_bins = bins if bins != "auto" else int(np.ceil(2 * self.counts.sum() ** (1 / 3)))
        edges = _make_edges(levels, n_bins if bins != "auto" else min(n_bins, _MAX_BINS))
        drawn = np.histogram(levels, edges, weights=drawn)[0]
        if chances is not None:
            chances = np.histogram(levels, edges, weights=chances)[0]
        return edges[:-1], np.diff(edges), drawn, chances

    def _choose_levels(self):
        """The levels from the first to the last that is drawn or to be expected."""
        if self.levels is None:
            return *find_levels(self.energies, self.counts), None
        drawn = count_by_level(self.levels, self.energies, self.counts)
        chances = level_probabilities(self.levels, self.degeneracies, self.beta)
        is_seen = (drawn > 0) | (self.counts.sum() * chances >= _MIN_EXPECTED)
        first, last = np.flatnonzero(is_seen)[[0, -1]]
        shown = slice(first, last + 1)
        return self.levels[shown], drawn[shown], chances[shown]

    def _measure(self, drawn, chances, n_draws):
        self.total_variation_ = self.total_variation_of_draws_ = None
        self.beta_eff_ = self.beta_eff_stderr_ = None
        if chances is None:
            return
        # What is not shown was not drawn; together it is one bar more.
        law = np.append(chances, max(0.0, 1.0 - chances.sum()))
        frequencies = np.append(drawn, 0.0) / n_draws
        self.total_variation_ = float(0.5 * np.abs(frequencies - law).sum())
        self.total_variation_of_draws_ = distance_by_chance(law, n_draws)
        mean = float(self.counts @ self.energies / n_draws)
        found = estimate_beta(self.levels, self.degeneracies, mean, n_draws)
        self.beta_eff_, self.beta_eff_stderr_ = found

    def _draw_law(self, lefts, widths, chances, n_draws):
        self.law_ = self.band_ = None
        if chances is None:
            return
        expected = n_draws * chances
        deviation = np.sqrt(expected * np.clip(1.0 - chances, 0.0, 1.0))
        low = np.maximum(expected - 2.0 * deviation, 0.0)
        self.band_ = self.ax_.bar(
            lefts,
            expected + 2.0 * deviation - low,
            widths,
            bottom=low,
            align="edge",
            fc="none",
            ec="0.35",
            hatch="/////",
            lw=0.0,
        )
        self.law_ = self.ax_.hlines(
            expected,
            lefts,
            lefts + widths,
            colors="black",
            lw=1.8,
            label=self._describe(),
        )

    def _describe(self):
        distance, chance = self.total_variation_, self.total_variation_of_draws_
        law = f"exact law at beta = {self.beta:g} ± two sigma"
        return f"{law}, total variation {distance:.2g} ({chance:.2g} by chance)"


def _are_apart(levels):
    if len(levels) == 1:
        return True
    gaps = np.diff(levels)
    return len(levels) <= _MAX_LEVELS and gaps.min() >= _MIN_GAP * (levels[-1] - levels[0])


def _make_edges(levels, n_bins):
    """Bins of equal width; of whole levels where these are evenly spaced, else some look fuller."""
    if len(levels) == 1:
        return levels[0] + np.array([-0.5, 0.5])
    gaps = np.diff(levels)
    span, gap = levels[-1] - levels[0], gaps.min()
    steps = gaps / gap
    if np.abs(steps - np.round(steps)).max() > 1e-6:
        return np.linspace(levels[0], levels[-1], n_bins + 1)
    n_places = int(np.round(span / gap)) + 1
    n_together = -(-n_places // n_bins)
    return levels[0] + gap * (n_together * np.arange(-(-n_places // n_together) + 1) - 0.5)


def _check_counts(counts, shape):
    if counts is None:
        return np.ones(shape, dtype=np.int64)
    counts = check_whole(counts, "counts", _CALLER, shape)
    if counts.sum() == 0:
        raise ValueError(f"The 'counts' parameter of {_CALLER} must count a draw. Got zeros.")
    return counts


def _check_law(levels, degeneracies, beta):
    given = {"levels": levels, "degeneracies": degeneracies, "beta": beta}
    missing = [name for name, value in given.items() if value is None]
    if len(missing) == len(given):
        return None, None, None
    if missing:
        raise ValueError(
            f"{_CALLER} needs 'levels', 'degeneracies' and 'beta' for the law, or none of them. It "
            f"lacks {', '.join(map(repr, missing))}."
        )
    levels = check_array(levels, "levels", _CALLER, ("n_levels",))
    if (np.diff(levels) <= 0).any():
        raise ValueError(
            f"The 'levels' parameter of {_CALLER} must hold energies that rise. Got "
            f"{levels[:5].tolist()} instead."
        )
    degeneracies = check_array(degeneracies, "degeneracies", _CALLER, levels.shape)
    if (degeneracies <= 0).any():
        raise ValueError(
            f"The 'degeneracies' parameter of {_CALLER} must hold numbers over 0. Got "
            f"{degeneracies.min():g} among them instead; leave such levels out."
        )
    return levels, degeneracies, float(check_array(beta, "beta", _CALLER, ()))


def _check_draws(energies, counts, levels):
    if levels is not None and count_by_level(levels, energies, counts) is None:
        distances = np.abs(levels[:, np.newaxis] - energies[np.newaxis, :1000]).min(axis=0)
        raise ValueError(
            f"The 'energies' parameter of {_CALLER} must hold energies among 'levels'. Got "
            f"{energies[distances.argmax()]:g}, which is none. Are they of another model?"
        )


def _check_bins(bins):
    is_number = isinstance(bins, Integral) and not isinstance(bins, bool) and bins >= 1
    if not is_number and not (isinstance(bins, str) and bins in ("auto", "levels")):
        raise ValueError(
            f"The 'bins' parameter of {_CALLER} must be 'auto', 'levels' or an int of at least 1. "
            f"Got {bins!r} instead."
        )


def _check_bqm(bqm, beta, caller):
    if not (hasattr(bqm, "variables") and hasattr(bqm, "energies") and hasattr(bqm, "vartype")):
        raise ValueError(
            f"The 'bqm' parameter of {caller} must be a dimod.BinaryQuadraticModel. Got "
            f"{type(bqm).__name__} instead."
        )
    n_variables = len(bqm.variables)
    if n_variables == 0:
        raise ValueError(f"The 'bqm' parameter of {caller} must have a variable. Got none.")
    if beta is None:
        return
    check_array(beta, "beta", caller, ())
    if n_variables > _MAX_VARIABLES:
        raise ValueError(
            f"The 'bqm' parameter of {caller} must have at most {_MAX_VARIABLES} variables for the "
            f"exact law. Got {n_variables} instead, whose 2^{n_variables} energies take "
            f"{8 * 2**n_variables:.3g} bytes. Give beta=None to draw without the law."
        )


def _read_samples(samples, bqm, caller):
    """Energies of the rows by the model itself, and how often each was drawn."""
    if not (hasattr(samples, "record") and hasattr(samples, "change_vartype")):
        raise ValueError(
            f"The 'samples' parameter of {caller} must be a dimod.SampleSet. Got "
            f"{type(samples).__name__} instead."
        )
    missing = [label for label in bqm.variables if label not in samples.variables]
    if missing or len(samples) == 0:
        got = f"none for {missing[0]!r}" if missing else "no row"
        raise ValueError(
            f"The 'samples' parameter of {caller} must hold values of all variables of the model. "
            f"Got {got}."
        )
    if samples.vartype is not bqm.vartype:
        samples = samples.change_vartype(bqm.vartype, inplace=False)
    energies = bqm.energies((samples.record.sample, samples.variables))
    return energies, samples.record.num_occurrences


def _choose_arguments(sampler, beta, num_reads, seed):
    arguments = {"num_reads": num_reads}
    # Samplers with array doors, such as devices behind an embedding, take a beta undeclared.
    if beta is not None and ("beta" in sampler.parameters or hasattr(sampler, "sample_arrays")):
        arguments["beta"] = beta
    if seed is not None and "seed" in sampler.parameters:
        arguments["seed"] = seed
    return {k: v for k, v in arguments.items() if k == "beta" or k in sampler.parameters}
