"""Colours and markers that tell the chains of an embedding apart."""

from __future__ import annotations

from collections import Counter

# Of viridis, less its pale end: they differ in lightness, so also in grey and to colour-blind
# readers. Neighbours in this order are far apart.
COLOURS = ("#440154", "#1F9E89", "#414487", "#6DCD59", "#2A788E", "#B4DE2C")
DARK = (COLOURS[0], COLOURS[2], COLOURS[4])  # on which text is white
MARKERS = "osD^vphX"


def choose_styles(neighbours):
    """A colour and a marker for each chain, if possible other ones than its neighbours'.

    Parameters
    ----------
    neighbours : dict of variable to set of variables
        Between whose chains there is a coupler.

    Returns
    -------
    styles : dict of variable to (colour, marker)
        Colours differ first: they can be told apart at any size.
    """
    styles, totals = {}, Counter()
    for name, others in neighbours.items():
        near = Counter(styles[other] for other in others if other in styles)
        by_colour = Counter()
        for (colour, _), number in near.items():
            by_colour[colour] += number
        colour = min(COLOURS, key=lambda c: (by_colour[c], totals[c]))
        marker = min(MARKERS, key=lambda m: near[colour, m])
        styles[name] = colour, marker
        totals[colour] += 1
    return styles


def find_neighbours(chains, edges):
    """The variables whose chains are coupled to those of each.

    Parameters
    ----------
    chains : dict of variable to tuple of qubits
    edges : iterable of (qubit, qubit)

    Returns
    -------
    neighbours : dict of variable to set of variables
    """
    owner = {qubit: name for name, chain in chains.items() for qubit in chain}
    neighbours = {name: set() for name in chains}
    for a, b in edges:
        if a in owner and b in owner and owner[a] != owner[b]:
            neighbours[owner[a]].add(owner[b])
            neighbours[owner[b]].add(owner[a])
    return neighbours
