"""The figure of an embedding: the chains of qubits on a chip's graph."""

from __future__ import annotations

import numpy as np
from sklearn.utils.validation import check_is_fitted

from qsklearn._optional import import_optional
from qsklearn.inspection._chain_styles import (
    COLOURS,
    DARK,
    MARKERS,
    choose_styles,
    find_neighbours,
)
from qsklearn.inspection._chip_layout import find_room, lay_out, read_graph
from qsklearn.inspection._display import Display
from qsklearn.inspection._drawing import check_axis, escape, make_axes
from qsklearn.inspection._embedded_chains import check_chains
from qsklearn.inspection._fitted_estimator import find_having

_CALLER = "EmbeddingDisplay"
_PALE, _DEAD, _COUPLER = "0.87", "0.35", "0.1"
_MANY = 3000  # couplers that a vector file should not hold one by one
_MAX_SIZE = 16.0  # points of a qubit
_MIN_LETTER, _MAX_LETTER = 5.0, 9.0  # points of a name on a qubit
_LETTER, _LINE, _HANDLE = 0.072, 0.19, 0.55  # inches of a legend in a small font


class EmbeddingDisplay(Display):
    """Chains of qubits that stand for the variables of a problem, on the graph of a chip.

    Unused qubits and couplers are pale grey, and a cross marks a qubit of the whole chip that does
    not work. Each chain has one colour and one shape, its couplers are thick; thin black lines are
    the couplers between chains. Chains that are coupled differ in colour where six
    colours, which also differ in lightness, allow for it, else in shape where eight shapes do.

    Parameters
    ----------
    embedding : qsklearn.samplers.Embedding, or mapping of variables to chains
        The qubits of each variable.
    target_graph : networkx.Graph or dimod.Sampler
        The qubits and couplers that work; of a structured sampler its own graph. Graphs of
        dwave-graphs (Chimera, Pegasus, Zephyr) are laid out as these are, others by networkx.
    source_graph : networkx.Graph or iterable of pairs of variables, default=None
        The problem's interactions, such as ``bqm.quadratic``: couplers between other chains are
        not drawn as used. None: all couplers between chains are.

    Attributes
    ----------
    styles_ : dict of variable to (colour, marker)
        After :meth:`plot`: of each chain.
    qubits_ : list of matplotlib.collections.PathCollection
        After :meth:`plot`: the qubits of the chains, one collection a marker.
    chain_couplers_, couplers_ : matplotlib.collections.LineCollection
        After :meth:`plot`: the couplers within chains, and those between them.
    unused_, dead_ : matplotlib.collections.PathCollection
        After :meth:`plot`: the other qubits, and the missing ones.
    unused_couplers_ : matplotlib.collections.LineCollection
        After :meth:`plot`.
    labels_ : list of matplotlib.text.Text
        After :meth:`plot`: the variables' names.
    ax_ : matplotlib.axes.Axes
        After :meth:`plot`.
    figure_ : matplotlib.figure.Figure
        After :meth:`plot`; in a notebook, end a cell with it to see it.

    Raises
    ------
    ValueError
        If a chain is empty, in pieces, of qubits that the graph lacks or that another one has, or
        an interaction has no coupler.
    ImportError
        If networkx, or dwave-graphs for a chip's layout, is not installed.

    Notes
    -----
    The layouts are those of dwave-graphs. Large graphs are drawn as pixels in vector files.

    Examples
    --------
    A triangle on a Chimera cell, which has none, so that one variable takes two qubits:

    >>> import dwave.graphs
    >>> from qsklearn.inspection import EmbeddingDisplay
    >>> chip = dwave.graphs.chimera_graph(1)
    >>> display = EmbeddingDisplay.from_embedding({"a": [0, 4], "b": [1], "c": [5]}, chip)
    >>> len(display.chain_couplers_.get_segments()), len(display.couplers_.get_segments())
    (1, 3)
    """

    def __init__(self, embedding, target_graph, *, source_graph=None):
        self.chains = check_chains(embedding, _CALLER)
        self.target_graph = read_graph(target_graph, _CALLER)
        self.source_edges = _read_pairs(source_graph, self.chains)
        _check_fits(self.chains, self.target_graph, self.source_edges)

    @classmethod
    def from_embedding(cls, embedding, target_graph, *, source_graph=None, labels="auto", ax=None):
        """Plot an embedding.

        Parameters
        ----------
        embedding : qsklearn.samplers.Embedding, or mapping of variables to chains
            As for the class.
        target_graph : networkx.Graph or dimod.Sampler
            As for the class.
        source_graph : networkx.Graph or iterable of pairs of variables, default=None
            As for the class.
        labels : bool or "auto", default="auto"
            As for :meth:`plot`.
        ax : matplotlib.axes.Axes or None, default=None
            As for :meth:`plot`.

        Returns
        -------
        display : EmbeddingDisplay

        Raises
        ------
        ValueError
            As the class.
        ImportError
            If matplotlib or networkx is not installed, or dwave-graphs for a chip's layout.
        """
        display = cls(embedding, target_graph, source_graph=source_graph)
        return display.plot(ax, labels=labels)

    @classmethod
    def from_sampler(cls, sampler, *, source_graph=None, labels="auto", ax=None):
        """Plot the embedding that a sampler was given.

        Parameters
        ----------
        sampler : sampler
            With the attribute ``embedding`` and, as ``sampler`` or ``child``, a structured
            dimod.Sampler: :class:`qsklearn.samplers.EmbeddedSampler`, dwave-system's
            ``FixedEmbeddingComposite``.
        source_graph : networkx.Graph or iterable of pairs of variables, default=None
            As for the class.
        labels : bool or "auto", default="auto"
            As for :meth:`plot`.
        ax : matplotlib.axes.Axes or None, default=None
            As for :meth:`plot`.

        Returns
        -------
        display : EmbeddingDisplay

        Raises
        ------
        ValueError
            If it has no device or no embedding of its own: one that finds embeddings as it goes
            keeps none.
        ImportError
            As :meth:`from_embedding`.
        """
        embedding, device = _read_sampler(sampler, f"{_CALLER}.from_sampler")
        display = cls(embedding, device, source_graph=source_graph)
        return display.plot(ax, labels=labels)

    @classmethod
    def from_estimator(cls, estimator, *, source_graph=None, labels="auto", ax=None):
        """Plot the embedding that a fitted estimator's sampler was given.

        Parameters
        ----------
        estimator : estimator
            Fitted, with the attribute ``sampler_``, as for :meth:`from_sampler`.
        source_graph : networkx.Graph or iterable of pairs of variables, default=None
            As for the class.
        labels : bool or "auto", default="auto"
            As for :meth:`plot`.
        ax : matplotlib.axes.Axes or None, default=None
            As for :meth:`plot`.

        Returns
        -------
        display : EmbeddingDisplay

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        ValueError
            As :meth:`from_sampler`.
        ImportError
            As :meth:`from_embedding`.
        """
        estimator = find_having(estimator, ("sampler_",))
        check_is_fitted(estimator)
        sampler = getattr(estimator, "sampler_", None)
        embedding, device = _read_sampler(sampler, f"{_CALLER}.from_estimator")
        display = cls(embedding, device, source_graph=source_graph)
        return display.plot(ax, labels=labels)

    def plot(self, ax=None, *, labels="auto"):
        """Draw the chip and the chains.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw; a figure of fitting size is made when None, apart from pyplot's.
        labels : bool or "auto", default="auto"
            Whether each qubit of a chain bears the variable's name; "auto" where it can be read.

        Returns
        -------
        display : EmbeddingDisplay
            Itself, with the attributes above.

        Raises
        ------
        ValueError
            If `ax` is no axes, or `labels` is wrong.
        ImportError
            If matplotlib is not installed, or dwave-graphs for a chip's layout.
        """
        if not (isinstance(labels, bool) or (isinstance(labels, str) and labels == "auto")):
            raise ValueError(
                f"The 'labels' parameter of {_CALLER}.plot must be True, False or 'auto'. Got "
                f"{labels!r} instead."
            )
        if ax is not None:
            check_axis(ax, _CALLER)
        positions, dead = lay_out(self.target_graph, f"{_CALLER}.plot")
        places = np.array([positions[qubit] for qubit in positions])
        self.ax_ = make_axes(_CALLER, _choose_size(places))[0] if ax is None else ax
        self.figure_ = self.ax_.figure
        self._set_limits(places)
        self._add_legend(len(dead), outside=ax is None)
        size = self._find_size(places)
        self.styles_ = choose_styles(find_neighbours(self.chains, self.target_graph.edges))
        self._draw_couplers(positions, size)
        self._draw_qubits(positions, dead, size)
        self._draw_labels(positions, size, labels)
        return self

    def _set_limits(self, places):
        low, high = places.min(axis=0), places.max(axis=0)
        margin = max(find_room(places), 0.01 * (high - low).max())
        self.ax_.set_xlim(low[0] - margin, high[0] + margin)
        self.ax_.set_ylim(low[1] - margin, high[1] + margin)
        self.ax_.set_aspect("equal")
        self.ax_.set_axis_off()

    def _find_size(self, places):
        """The diameter of a qubit, in points."""
        box = self.ax_.get_window_extent()
        width, height = np.ptp(self.ax_.get_xlim()), np.ptp(self.ax_.get_ylim())
        points = 72 / self.figure_.dpi * min(box.width / width, box.height / height)
        return float(np.clip(find_room(places) * points, 1.0, _MAX_SIZE))

    def _draw_couplers(self, positions, size):
        owner = {qubit: name for name, chain in self.chains.items() for qubit in chain}
        lines = {"unused": [], "between": [], "within": []}
        colours = []
        for a, b in self.target_graph.edges:
            kind = self._find_kind(owner.get(a), owner.get(b), a in owner and b in owner)
            lines[kind].append((positions[a], positions[b]))
            if kind == "within":
                colours.append(self.styles_[owner[a]][0])
        wide = float(np.clip(0.45 * size, 0.8, 5.0))
        thin = float(np.clip(0.07 * size, 0.15, 0.8))
        self.unused_couplers_ = self._add_lines(lines["unused"], _PALE, thin, 1)
        self.couplers_ = self._add_lines(lines["between"], _COUPLER, 1.3 * thin, 3)
        self.chain_couplers_ = self._add_lines(lines["within"], colours, wide, 4)

    def _find_kind(self, one, other, is_used):
        if not is_used:
            return "unused"
        if one == other:
            return "within"
        is_wanted = self.source_edges is None or (one, other) in self.source_edges
        return "between" if is_wanted else "unused"

    def _add_lines(self, segments, colours, width, order):
        collections = import_optional("matplotlib.collections", f"{_CALLER}.plot")
        lines = collections.LineCollection(
            np.reshape(segments, (-1, 2, 2)),
            colors=colours if segments else "none",
            linewidths=width,
            capstyle="round",
            zorder=order,
            rasterized=len(segments) > _MANY,
        )
        return self.ax_.add_collection(lines, autolim=False)

    def _draw_qubits(self, positions, dead, size):
        used = {qubit for chain in self.chains.values() for qubit in chain}
        rest = [positions[qubit] for qubit in self.target_graph if qubit not in used]
        style = {"c": _PALE, "s": 0.6 * size**2, "linewidths": 0, "zorder": 2}
        self.unused_ = self._scatter(rest, marker="o", rasterized=len(rest) > _MANY, **style)
        side = max(0.7 * size, 2.5)
        style = {"c": _DEAD, "s": side**2, "linewidths": max(0.1 * side, 0.5), "zorder": 2}
        self.dead_ = self._scatter([positions[qubit] for qubit in dead], marker="x", **style)
        self.qubits_ = []
        for marker in MARKERS:
            chosen = [name for name in self.chains if self.styles_[name][1] == marker]
            places = [positions[qubit] for name in chosen for qubit in self.chains[name]]
            colours = [self.styles_[name][0] for name in chosen for _ in self.chains[name]]
            if places:
                edge = {"edgecolors": "black", "linewidths": 0.06 * size if size > 4 else 0}
                style = {"c": colours, "s": size**2, "zorder": 5, **edge}
                self.qubits_.append(self._scatter(places, marker=marker, **style))

    def _scatter(self, places, **style):
        x, y = np.reshape(places, (-1, 2)).T
        return self.ax_.scatter(x, y, **style)

    def _draw_labels(self, positions, size, labels):
        """The variable's name on each of its qubits, in a size that fits into the mark."""
        longest = max(len(str(name)) for name in self.chains)
        letter = min(0.75 * size, 1.4 * size / longest)
        self.labels_ = []
        if labels is False or (labels == "auto" and letter < _MIN_LETTER):
            return
        for name, chain in self.chains.items():
            style = {
                "color": "white" if self.styles_[name][0] in DARK else "black",
                "fontsize": float(np.clip(letter, _MIN_LETTER, _MAX_LETTER)),
                "ha": "center",
                "va": "center_baseline",
                "zorder": 6,
            }
            self.labels_ += [self.ax_.text(*positions[q], escape(name), **style) for q in chain]

    def _add_legend(self, n_dead, *, outside):
        lines = import_optional("matplotlib.lines", f"{_CALLER}.plot")
        kinds = [
            (self._describe(), {"color": COLOURS[0], "marker": "o", "lw": 3, "ms": 6}),
            ("coupler in use", {"color": _COUPLER, "lw": 1.0}),
            ("unused", {"color": "0.7", "marker": "o", "lw": 1.0, "ms": 4}),
        ]
        if n_dead:
            kinds.append(
                (f"missing ({n_dead:,})", {"color": _DEAD, "marker": "x", "ls": "", "ms": 5})
            )
        handles = [lines.Line2D([], [], label=name, **style) for name, style in kinds]
        style = {"frameon": False, "fontsize": "small", "handlelength": 1.4, "columnspacing": 1.2}
        if outside:
            self.figure_.legend(handles=handles, ncols=2, loc="outside lower center", **style)
            return
        box = self.ax_.get_window_extent()
        width, height = box.width / self.figure_.dpi, box.height / self.figure_.dpi
        names = [name for name, _ in kinds]
        needed = sum(_HANDLE + _LETTER * max(map(len, part)) for part in (names[:2], names[2:]))
        n_columns = 2 if needed <= width else 1
        style |= {"handles": handles, "ncols": n_columns, "borderaxespad": 0.0}
        if self.figure_.get_layout_engine() is None:
            self._make_room(_LINE * (-(-len(names) // n_columns)) / height)
            self.ax_.legend(loc="lower center", **style)
        else:
            self.ax_.legend(loc="upper center", bbox_to_anchor=(0.5, 0.0), **style)

    def _make_room(self, share):
        """Extend the axes below the chip for a share of their height, where nothing lays out."""
        low, high = self.ax_.get_ylim()
        self.ax_.set_ylim(high - (high - low) / (1.0 - min(share, 0.5)), high)

    def _describe(self):
        lengths = [len(chain) for chain in self.chains.values()]
        n_chains, low, high = len(lengths), min(lengths), max(lengths)
        span = str(low) if low == high else f"{low} to {high}"
        chains = f"{n_chains:,} chain{'s' * (n_chains > 1)}"
        return f"{chains} of {span} qubit{'s' * (high > 1)}"


def _choose_size(places):
    """Inches of a figure for a chip: square, larger for more qubits, within what a page holds."""
    side = float(np.clip(0.11 * np.sqrt(len(places)) + 3.4, 4.5, 9.0))
    return side, side + 0.5


def _read_pairs(source_graph, chains):
    """The interactions, both ways round; None where all are meant."""
    if source_graph is None:
        return None
    rule = (
        f"The 'source_graph' parameter of {_CALLER} must be a graph, or pairs of variables such as "
        "bqm.quadratic."
    )
    try:
        edges = getattr(source_graph, "edges", source_graph)
        pairs = [(a, b) for a, b in edges if a != b]
        strange = [name for pair in pairs for name in pair if name not in chains]
    except (TypeError, ValueError) as error:
        raise ValueError(f"{rule} Got {type(source_graph).__name__} instead: {error}.") from None
    if strange:
        raise ValueError(f"{rule} Got {strange[0]!r} in it, which has no chain.")
    return {*pairs, *((b, a) for a, b in pairs)}


def _check_fits(chains, graph, source_edges):
    rule = f"The 'embedding' parameter of {_CALLER} must fit the target graph."
    networkx = import_optional("networkx", _CALLER)
    for name, chain in chains.items():
        unknown = [qubit for qubit in chain if qubit not in graph]
        if unknown:
            raise ValueError(
                f"{rule} Got the qubit {unknown[0]!r} in the chain of {name!r}, which is not on "
                "the graph or does not work."
            )
        if len(chain) > 1 and not networkx.is_connected(graph.subgraph(chain)):
            raise ValueError(f"{rule} Got a chain in pieces for {name!r}.")
    neighbours = find_neighbours(chains, graph.edges)
    for one, other in source_edges or ():
        if other not in neighbours[one]:
            raise ValueError(
                f"{rule} Got chains of {one!r} and {other!r} without a coupler between them, which "
                "'source_graph' asks for."
            )


def _read_sampler(sampler, caller):
    """The embedding that a sampler was given, and its device."""
    device = getattr(sampler, "sampler", None) or getattr(sampler, "child", None)
    what = f"{type(sampler).__name__} instead"
    if device is None or not hasattr(sampler, "embedding"):
        raise ValueError(
            f"{caller} needs a sampler with a device and an 'embedding', such as EmbeddedSampler. "
            f"Got {what}."
        )
    if sampler.embedding is None:
        raise ValueError(
            f"{caller} needs a sampler that was given its embedding. Got {what}, which finds them "
            f"as it goes and keeps none. Find one by qsklearn.samplers.find_embedding, give it to "
            f"the sampler or to {_CALLER}.from_embedding."
        )
    return sampler.embedding, device
