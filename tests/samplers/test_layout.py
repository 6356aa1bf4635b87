"""Where models are on a device: against dwave-system's embedding functions."""

import dimod
import dwave.embedding
import dwave.graphs
import numpy as np
import pytest

from qsklearn.samplers._embeddings import find_embedding
from qsklearn.samplers._layout import Layout
from qsklearn.samplers._program_ranges import ProgramRanges
from qsklearn.samplers._target_graph import as_target

# A path of a qubit for spin 0, two for spin 1, one for spin 2, and a coupler from 0 to 2.
CHAINS = [(7,), (3, 5), (9,)]
COUPLERS = np.array([[3, 5], [3, 7], [5, 7], [5, 9], [7, 9], [9, 11]])
PAIRS = np.array([[0, 1], [1, 2]])


def couplers_of(graph):
    return np.array(sorted(map(sorted, graph.edges)))


def test_hand_made_layout():
    layout = Layout.of_chains(CHAINS, PAIRS, COUPLERS)
    assert layout.qubits.tolist() == [7, 3, 5, 9]
    assert layout.spin_of.tolist() == [0, 1, 1, 2]
    # Not 7-9, for spins 0 and 2 do not couple, nor 9-11, which leaves the chains.
    assert layout.qubits[layout.edges].tolist() == [[3, 5], [3, 7], [5, 7], [5, 9]]
    assert layout.coupling_of.tolist() == [-1, 0, 0, 1]
    fields, couplings = layout.embed(np.array([1.0, 2.0, 3.0]), np.array([0.6, -0.5]))
    assert fields.tolist() == [1.0, 1.0, 1.0, 3.0]
    assert couplings.tolist() == [0.0, 0.3, 0.3, -0.5]


@pytest.mark.parametrize("seed", range(20))
def test_embeds_and_contracts_as_dwave_embedding(seed):
    rng = np.random.default_rng(seed)
    n_spins = int(rng.integers(1, 9))
    upper = np.triu(rng.random((n_spins, n_spins)) < 0.6, 1)
    pairs = np.argwhere(upper)
    h, J = rng.normal(size=n_spins), rng.normal(size=len(pairs))
    graph = dwave.graphs.chimera_graph(3)
    embedding = find_embedding(n_spins, pairs, graph, cache=False, seed=seed)
    layout = Layout.of_chains(embedding.chains, pairs, couplers_of(graph))
    fields, couplings = layout.embed(h, J)
    couplings[layout.is_chain] = -1.7

    model = dimod.BinaryQuadraticModel(
        dict(enumerate(h)), dict(zip(map(tuple, pairs.tolist()), J, strict=True)), 0.0, "SPIN"
    )
    theirs = dwave.embedding.embed_bqm(model, embedding.to_dict(), graph, chain_strength=1.7)
    assert set(theirs.variables) == set(layout.qubits.tolist())
    for qubit, field in zip(layout.qubits.tolist(), fields, strict=True):
        assert field == pytest.approx(theirs.get_linear(qubit))
    ends = layout.qubits[layout.edges].tolist()
    assert len(ends) == theirs.num_interactions
    for (a, b), coupling in zip(ends, couplings, strict=True):
        assert coupling == pytest.approx(theirs.get_quadratic(a, b))

    back = layout.contract(2.5 * fields, 2.5 * couplings)
    np.testing.assert_allclose(back[0], 2.5 * h)
    np.testing.assert_allclose(back[1], 2.5 * J)


def test_uncoupled_spins_on_neighbouring_qubits_use_no_coupler():
    layout = Layout.of_chains([(3,), (5,)], np.empty((0, 2), int), COUPLERS)
    assert layout.edges.shape == (0, 2)
    assert not layout.chains and layout.embed(np.ones(2), np.empty(0))[1].shape == (0,)


def test_device_without_couplers():
    layout = Layout.of_chains([(0,)], np.empty((0, 2), int), np.empty((0, 2), int))
    assert layout.chain_lengths.tolist() == [1]


def test_strongest_chain_leaves_sums_in_range():
    layout = Layout.of_chains(CHAINS, PAIRS, COUPLERS)
    couplings = np.array([9.0, -0.5, -0.25, -0.75])  # the chain's own counts for nothing
    assert layout.strongest_chain(couplings, ProgramRanges(couplings=(-2, 1))) == 2.0
    # Qubit 5 has -1 beside its tie, and takes -2.4 in all.
    ranges = ProgramRanges(couplings=(-2, 1), total_couplings=(-2.4, 2.0))
    assert layout.strongest_chain(couplings, ranges) == pytest.approx(1.4)
    assert layout.strongest_chain(-couplings, ranges) == 2.0  # they make room
    assert layout.strongest_chain(couplings, ProgramRanges()) == pytest.approx(2.0)  # more than 1
    native = Layout.of_chains([(7,), (5,)], np.array([[0, 1]]), COUPLERS)
    assert native.strongest_chain(np.array([-0.5]), ranges) == 0.0


def test_sums_of_halves_of_qubits_are_apart():
    halves = np.zeros((len(COUPLERS), 2), int)
    halves[0] = 1  # the tie is on the other half of both its qubits
    layout = Layout.of_chains(CHAINS, PAIRS, COUPLERS, halves)
    couplings = np.array([0.0, -0.5, -0.25, -0.75])
    ranges = ProgramRanges(couplings=(-2, 1), total_couplings=(-2.0, 2.0), by_halves=True)
    assert layout.strongest_chain(couplings, ranges) == 2.0


def test_all_couplers_of_a_chain_tie_it():
    graph = dwave.graphs.pegasus_graph(3)
    target = as_target(graph)
    chain = tuple(target.qubits[:12].tolist())
    layout = Layout.of_chains([chain], np.empty((0, 2), int), couplers_of(graph))
    assert len(layout.edges) == graph.subgraph(chain).number_of_edges()
    assert layout.is_chain.all()
