import sys
from types import SimpleNamespace

import dimod
import networkx as nx
import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from qsklearn.inspection import EmbeddingDisplay
from qsklearn.inspection._chain_styles import COLOURS, choose_styles, find_neighbours
from qsklearn.samplers import EmbeddedSampler, Embedding, MockQPUSampler, find_embedding

graphs = pytest.importorskip("dwave.graphs")

# On the cell of Chimera, whose qubits 0 to 3 are coupled to 4 to 7.
TRIANGLE = {"a": [0, 4], "b": [1], "c": [5]}


def segments(lines):
    """Pairs of ends, each as a frozenset of points."""
    return {
        frozenset(tuple(np.round(end, 9)) for end in segment) for segment in lines.get_segments()
    }


def points(collection):
    return {tuple(np.round(point, 9)) for point in np.asarray(collection.get_offsets())}


def wanted(positions, pairs):
    return {frozenset(tuple(np.round(positions[q], 9)) for q in pair) for pair in pairs}


def lightness(colour):
    channels = np.array(to_rgb(colour))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def test_a_known_embedding_is_drawn_qubit_by_qubit():
    cell = graphs.chimera_graph(1)
    display = EmbeddingDisplay.from_embedding(TRIANGLE, cell)
    assert isinstance(display.figure_, Figure)
    at = graphs.chimera_layout(cell)
    assert segments(display.chain_couplers_) == wanted(at, [(0, 4)])
    assert segments(display.couplers_) == wanted(at, [(0, 5), (1, 4), (1, 5)])
    rest = {frozenset(edge) for edge in cell.edges} - set(
        map(frozenset, [(0, 4), (0, 5), (1, 4), (1, 5)])
    )
    assert segments(display.unused_couplers_) == wanted(at, rest)
    assert points(display.unused_) == {tuple(np.round(at[q], 9)) for q in (2, 3, 6, 7)}
    assert len(display.dead_.get_offsets()) == 0
    drawn = {}
    for qubits in display.qubits_:
        colours = qubits.get_facecolors()
        for point, colour in zip(np.asarray(qubits.get_offsets()), colours, strict=True):
            drawn[tuple(np.round(point, 9))] = to_hex(colour).upper()
    for name, chain in TRIANGLE.items():
        for qubit in chain:
            assert drawn[tuple(np.round(at[qubit], 9))] == display.styles_[name][0]
    assert sorted(text.get_text() for text in display.labels_) == ["a", "a", "b", "c"]
    # Thick within a chain, thin between.
    assert display.chain_couplers_.get_linewidths()[0] > 3 * display.couplers_.get_linewidths()[0]


def test_only_the_problems_interactions_are_drawn_as_used():
    cell = graphs.chimera_graph(1)
    at = graphs.chimera_layout(cell)
    bqm = dimod.BinaryQuadraticModel({}, {("a", "b"): 1.0, ("c", "a"): 1.0}, 0.0, "SPIN")
    for source in (bqm.quadratic, nx.Graph([("a", "b"), ("a", "c")]), [("b", "a"), ("a", "c")]):
        display = EmbeddingDisplay.from_embedding(TRIANGLE, cell, source_graph=source)
        assert segments(display.couplers_) == wanted(at, [(0, 5), (1, 4)])
        assert frozenset(wanted(at, [(1, 5)])) <= segments(display.unused_couplers_)


@pytest.mark.parametrize(
    ("whole", "layout"),
    [
        (graphs.chimera_graph(2), graphs.chimera_layout),
        (graphs.chimera_graph(2, 3, 2, coordinates=True), graphs.chimera_layout),
        (graphs.pegasus_graph(2), graphs.pegasus_layout),
        (graphs.pegasus_graph(2, coordinates=True), graphs.pegasus_layout),
        (graphs.pegasus_graph(3, nice_coordinates=True), graphs.pegasus_layout),
        (graphs.pegasus_graph(2, fabric_only=False), graphs.pegasus_layout),
        (graphs.zephyr_graph(2), graphs.zephyr_layout),
        (graphs.zephyr_graph(1, 2, coordinates=True), graphs.zephyr_layout),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_missing_qubits_are_marked_where_they_would_be(whole, layout):
    at = layout(whole)
    # The outermost one too, without which the library's layout would stretch.
    ends = sorted((q for q in whole if whole.degree[q] > 1), key=lambda q: tuple(at[q]))
    dead = [ends[0], ends[len(ends) // 2], ends[-1]]
    graph = whole.copy()
    graph.remove_nodes_from(dead)
    edge = next(iter(graph.edges))
    display = EmbeddingDisplay.from_embedding({"x": edge}, graph, labels=False)
    assert points(display.dead_) == {tuple(np.round(at[q], 9)) for q in dead}
    assert segments(display.chain_couplers_) == wanted(at, [edge])
    legend = [text.get_text() for text in display.figure_.legends[0].get_texts()]
    assert "missing (3)" in legend and "1 chain of 2 qubits" in legend and not display.labels_


def test_a_chip_with_qubits_of_own_names_is_a_graph_of_no_chip():
    chip = nx.relabel_nodes(graphs.chimera_graph(1), str)
    display = EmbeddingDisplay.from_embedding({"x": ["0", "4"]}, chip)
    assert display.dead_.get_offsets().size == 0
    assert points(display.unused_) == {
        tuple(np.round(place, 9))
        for qubit, place in nx.kamada_kawai_layout(chip).items()
        if qubit not in ("0", "4")
    }


@pytest.mark.parametrize("n", [1, 12, 250])
def test_graphs_of_no_chip(n):
    display = EmbeddingDisplay.from_embedding(
        {0: [0], 1: [n - 1]} if n > 1 else {0: [0]}, nx.path_graph(n)
    )
    assert len(display.unused_.get_offsets()) == max(n - 2, 0)
    assert len(display.dead_.get_offsets()) == 0
    display.figure_.draw_without_rendering()


def test_colours_differ_in_lightness_and_between_neighbours():
    light = np.sort([lightness(colour) for colour in COLOURS])
    # Perceived lightness, of 0 to 100: steps that are seen in grey.
    steps = np.diff(116 * np.cbrt(light) - 16)
    assert steps.min() > 7
    chip = graphs.zephyr_graph(2)
    pairs = [(i, j) for i in range(8) for j in range(i)]
    embedding = find_embedding(8, pairs, chip, cache=False)
    display = EmbeddingDisplay.from_embedding(embedding, chip, source_graph=pairs)
    # Eight that are all coupled: six colours, and another shape for the two that repeat one.
    assert len(set(display.styles_.values())) == 8
    assert len({colour for colour, _ in display.styles_.values()}) == 6
    tree = {
        name: {name // 2, 2 * name, 2 * name + 1} & set(range(1, 100)) for name in range(1, 100)
    }
    tree = {name: others - {name} for name, others in tree.items()}
    styles = choose_styles(tree)
    assert all(styles[a][0] != styles[b][0] for a in tree for b in tree[a])


def test_neighbours_are_those_with_a_coupler():
    found = find_neighbours({"a": (0, 4), "b": (1,), "c": (7,)}, graphs.chimera_graph(1).edges)
    assert found == {"a": {"b", "c"}, "b": {"a", "c"}, "c": {"a", "b"}}


def test_an_embedding_of_ours_and_a_device():
    device = MockQPUSampler("advantage", topology_type="zephyr", topology_shape=[2, 4], seed=0)
    embedding = find_embedding(4, [(0, 1), (1, 2), (2, 3), (3, 0)], device, cache=False)
    display = EmbeddingDisplay.from_embedding(embedding, device)
    assert list(display.chains.values()) == list(embedding.chains)
    n_missing = len(graphs.zephyr_graph(2)) - len(device.nodelist)
    assert len(display.dead_.get_offsets()) == n_missing
    simple = dimod.StructureComposite(dimod.NullSampler(), [0, 1, 2], [(0, 1), (1, 2)])
    assert len(EmbeddingDisplay.from_embedding({0: [0, 1]}, simple).unused_.get_offsets()) == 1
    # What tells its structure alone.
    bare = SimpleNamespace(nodelist=[0, 1, 2, 3], edgelist=[(0, 1), (1, 2)])
    display = EmbeddingDisplay.from_embedding({0: [0, 1]}, bare)
    assert len(display.unused_.get_offsets()) == 2
    assert len(display.chain_couplers_.get_segments()) == 1


class Fitted(BaseEstimator):
    def __init__(self, sampler=None):
        self.sampler = sampler

    def fit(self):
        self.sampler_ = self.sampler
        return self


def test_samplers_and_estimators_that_were_given_theirs():
    device = MockQPUSampler("ideal", topology_type="chimera", topology_shape=[1, 1, 4])
    given = EmbeddedSampler(device, embedding=TRIANGLE)
    display = EmbeddingDisplay.from_sampler(given, source_graph=[("a", "b")])
    assert display.chains == {"a": (0, 4), "b": (1,), "c": (5,)}
    assert len(display.couplers_.get_segments()) == 1
    assert EmbeddingDisplay.from_estimator(Fitted(given).fit()).chains == display.chains
    composite = SimpleNamespace(child=device, embedding=TRIANGLE)
    assert EmbeddingDisplay.from_sampler(composite).chains == display.chains
    searching = EmbeddedSampler(device)
    with pytest.raises(ValueError, match="given its embedding. Got EmbeddedSampler .*find_embedd"):
        EmbeddingDisplay.from_sampler(searching)
    with pytest.raises(ValueError, match="from_estimator needs a sampler .* Got NoneType"):
        EmbeddingDisplay.from_estimator(Fitted().fit())
    with pytest.raises(NotFittedError, match="Fitted"):
        EmbeddingDisplay.from_estimator(Fitted(given))


@pytest.mark.parametrize(
    ("size", "layout"),
    [((3.0, 2.4), "constrained"), ((6.4, 4.8), "constrained"), ((6.4, 4.8), None)],
)
def test_own_axes_are_used(size, layout):
    ax = Figure(figsize=size, layout=layout).subplots()
    chip = graphs.pegasus_graph(2)
    display = EmbeddingDisplay.from_embedding({0: [2, 3], 1: [5]}, chip, ax=ax)
    assert display.ax_ is ax and display.figure_ is ax.figure and not ax.figure.legends
    ax.figure.draw_without_rendering()
    box = ax.get_legend().get_window_extent()
    figure = ax.figure.bbox
    assert box.x0 >= 0 and box.x1 <= figure.x1 and box.y0 >= 0
    # Below the chip, which is not squeezed to nothing.
    heights = [ax.transData.transform((0.0, y))[1] for y in (-1.0, 0.0)]
    assert box.y1 <= heights[0] and heights[1] - heights[0] > 0.4 * figure.height


def test_names_are_written_where_they_can_be_read():
    chip = graphs.chimera_graph(1)
    assert len(EmbeddingDisplay.from_embedding(TRIANGLE, chip).labels_) == 4
    large = EmbeddingDisplay.from_embedding({"x": [0, 4]}, graphs.chimera_graph(16))
    assert large.labels_ == [] and len(large.plot(labels=True).labels_) == 2
    long = {"a variable of a long name": [0]}
    assert EmbeddingDisplay.from_embedding(long, chip).labels_ == []


def test_large_graphs_are_drawn_as_pixels_and_few_artists():
    chip = graphs.pegasus_graph(6)
    display = EmbeddingDisplay.from_embedding({q: [q] for q in list(chip)[:300]}, chip)
    assert display.unused_couplers_.get_rasterized()
    assert not EmbeddingDisplay.from_embedding(
        {0: [2]}, graphs.pegasus_graph(2)
    ).unused_.get_rasterized()
    assert len(display.ax_.collections) <= 5 + 8


def test_plot_returns_the_display_and_draws_anew():
    display = EmbeddingDisplay.from_embedding(TRIANGLE, graphs.chimera_graph(1))
    figure = display.figure_
    assert display.plot() is display and display.figure_ is not figure
    figure = display.figure_
    for wrong in ({"ax": Figure()}, {"labels": "some"}):
        with pytest.raises(ValueError, match=f"'{next(iter(wrong))}' parameter"):
            display.plot(**wrong)
    assert display.figure_ is figure


def test_what_is_given_is_not_changed():
    chip, embedding = graphs.chimera_graph(1), {"a": [4, 0]}
    before = set(chip.edges), dict(chip.nodes(data=True))
    EmbeddingDisplay.from_embedding(embedding, chip)
    assert (set(chip.edges), dict(chip.nodes(data=True))) == before and embedding == {"a": [4, 0]}


@pytest.mark.parametrize(
    ("embedding", "source", "message"),
    [
        ({}, None, "Got no chain"),
        ({"a": [0], "b": [0]}, None, "the qubit 0 in the chains of 'a' and 'b'"),
        ({"a": [99]}, None, "the qubit 99 in the chain of 'a', which is not on"),
        ({"a": [0, 1]}, None, "Got a chain in pieces for 'a'"),
        ({"a": [0], "b": [1]}, [("a", "b")], "chains of .* without a coupler between them"),
        ({"a": [0], "b": [4]}, [("a", "z")], "'source_graph' .* Got 'z' in it, which has no chain"),
        ({"a": [0]}, 7, "'source_graph' .* Got int instead"),
        ({"a": [0]}, [("a", "b", "c")], "'source_graph' .* Got list instead"),
    ],
)
def test_what_does_not_fit(embedding, source, message):
    with pytest.raises(ValueError, match=message):
        EmbeddingDisplay(embedding, graphs.chimera_graph(1), source_graph=source)


@pytest.mark.parametrize(
    ("target", "got"), [(nx.Graph(), "a graph without qubits"), ("pegasus", "str")]
)
def test_wrong_targets(target, got):
    with pytest.raises(ValueError, match=f"'target_graph' .* Got {got} instead"):
        EmbeddingDisplay(Embedding.from_chains([[0]], "given"), target)


def test_pyplot_is_left_alone():
    before = "matplotlib.pyplot" in sys.modules
    EmbeddingDisplay.from_embedding(TRIANGLE, graphs.chimera_graph(1))
    assert ("matplotlib.pyplot" in sys.modules) == before


def test_without_optional_packages(monkeypatch):
    display = EmbeddingDisplay(TRIANGLE, graphs.chimera_graph(1))
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "matplotlib.figure", None)
        with pytest.raises(ImportError, match=r"EmbeddingDisplay.plot needs .*\[plot\]"):
            display.plot()
    monkeypatch.setitem(sys.modules, "networkx", None)
    with pytest.raises(ImportError, match=r"EmbeddingDisplay needs .*\[dwave\]"):
        EmbeddingDisplay(TRIANGLE, graphs.chimera_graph(1))
