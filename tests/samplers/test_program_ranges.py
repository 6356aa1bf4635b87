"""Ranges of programs: what fits, by how much the rest does not, and what clipping makes of it."""

import dwave.graphs
import numpy as np
import pytest
from dwave.system.coupling_groups import coupling_groups

from qsklearn.samplers._program_ranges import (
    ProgramRanges,
    halves_of_couplers,
    total_couplings,
)
from qsklearn.samplers._qpu_profiles import PROFILES

TIGHT = ProgramRanges((-4, 4), (-2, 1), (-3, 2.5))
N_QUBITS = 9


def random_program(rng, size):
    """Fields, couplings and edges among a few qubits, so that each has many couplings."""
    upper = np.column_stack(np.triu_indices(N_QUBITS, 1))
    edges = upper[rng.random(len(upper)) < rng.random()]
    couplings = size * rng.normal(size=len(edges)) + size * rng.normal()
    return size * rng.normal(size=N_QUBITS), couplings, edges


def brute_force_excess(ranges, fields, couplings, edges):
    """D-Wave's documented factor of auto_scale, term by term."""
    totals = [couplings[(edges == qubit).any(axis=1)].sum() for qubit in range(N_QUBITS)]
    terms = [0.0]
    for values, (low, high) in (
        (fields, ranges.fields),
        (couplings, ranges.couplings),
        (totals, ranges.total_couplings),
    ):
        terms += [max(value / high, value / low) for value in values]
    return max(terms)


def test_ranges_come_from_the_names_of_d_wave():
    assert ProgramRanges.from_properties({}) == ProgramRanges()
    properties = {"h_range": [-4, 4], "j_range": [-1, 1]}
    assert ProgramRanges.from_properties(properties) == ProgramRanges((-4.0, 4.0), (-1.0, 1.0))
    ranges = ProgramRanges.from_properties(PROFILES["advantage"].solver_properties())
    assert ranges == ProgramRanges((-4, 4), (-2, 1), (-18, 15), by_halves=False)
    ranges = ProgramRanges.from_properties(PROFILES["advantage2"].solver_properties())
    assert ranges == ProgramRanges((-4, 4), (-2, 1), (-13, 10), by_halves=True)


def test_excess_is_the_documented_factor():
    rng = np.random.default_rng(0)
    fitting = 0
    for _ in range(300):
        program = random_program(rng, rng.choice([0.1, 0.3, 1.0, 10.0]))
        excess = TIGHT.excess(*program)
        assert excess == pytest.approx(brute_force_excess(TIGHT, *program), rel=1e-12)
        assert TIGHT.fits(*program) == (excess <= 1 + 1e-9)
        fitting += excess <= 1
        if excess > 0:
            fields, couplings, edges = program
            filled = fields / excess, couplings / excess, edges
            assert TIGHT.fits(*filled)
            assert TIGHT.excess(*filled) == pytest.approx(1.0)
    assert 50 < fitting < 250


def test_excess_of_nothing_and_of_what_cannot_fit():
    nothing = np.zeros(3), np.zeros(0), np.zeros((0, 2), int)
    assert TIGHT.excess(*nothing) == 0.0
    assert TIGHT.excess(np.zeros(0), *nothing[1:]) == 0.0
    assert ProgramRanges().excess(np.array([1e100]), *nothing[1:]) == 0.0
    one_sided = ProgramRanges((0.0, 1.0))
    assert one_sided.excess(np.array([-0.5]), *nothing[1:]) == np.inf
    assert one_sided.excess(np.array([0.5]), *nothing[1:]) == 0.5


def test_clipped_programs_fit_and_only_what_must_change_does():
    rng = np.random.default_rng(1)
    changed = 0
    for _ in range(300):
        fields, couplings, edges = random_program(rng, rng.choice([0.1, 0.5, 2.0]))
        held = np.zeros(len(edges), bool)
        got = TIGHT.clip(fields, couplings, edges, held)
        assert TIGHT.fits(*got, edges)
        np.testing.assert_array_equal(got[0], np.clip(fields, -4, 4))
        assert (np.abs(got[1]) <= np.abs(couplings)).all()
        assert (got[1] * couplings >= 0).all()
        if TIGHT.fits(fields, couplings, edges):
            np.testing.assert_array_equal(got[1], couplings)
        else:
            changed += 1
        # A coupling both of whose qubits are well within their range is only cut to its own.
        totals = np.abs(total_couplings(np.abs(couplings), edges)) < 2.5
        free = totals[edges].all(axis=1)
        np.testing.assert_allclose(got[1][free], np.clip(couplings, -2, 1)[free])
    assert changed > 100


def test_chains_are_held_and_programs_fit_if_they_do():
    rng = np.random.default_rng(2)
    for _ in range(200):
        fields, couplings, edges = random_program(rng, 1.0)
        held = np.zeros(len(edges), bool)
        degrees = np.zeros(N_QUBITS, int)
        for at, (a, b) in enumerate(edges):  # one held coupling a qubit
            if degrees[a] == degrees[b] == 0 and rng.random() < 0.5:
                held[at] = True
                degrees[[a, b]] += 1
        couplings[held] = -2.0
        got = TIGHT.clip(fields, couplings, edges, held)
        np.testing.assert_array_equal(got[1][held], -2.0)
        assert TIGHT.fits(*got, edges)


def test_sums_are_moved_to_the_edge_of_their_range_together():
    edges = np.array([[0, 1], [0, 2], [0, 3], [0, 4]])
    couplings = np.array([1.0, 1.0, 1.0, -0.1])
    _, got = TIGHT.clip(np.zeros(5), couplings, edges, np.zeros(4, bool))
    np.testing.assert_allclose(got, [*[2.6 / 3] * 3, -0.1])
    held = np.array([True, False, False, False])
    _, got = TIGHT.clip(np.zeros(5), couplings, edges, held)
    np.testing.assert_allclose(got, [1.0, 0.8, 0.8, -0.1])


def test_a_long_line_of_couplings_that_relieve_each_other_ends():
    """Each that is reduced pushes the next qubit over: more of them than rounds."""
    edges = np.column_stack([np.arange(80), np.arange(1, 81)])
    couplings = np.where(np.arange(80) % 2, -10.0, 10.0)
    ranges = ProgramRanges(couplings=(-20, 20), total_couplings=(-0.1, 0.1))
    fields, got = ranges.clip(np.zeros(81), couplings, edges, np.zeros(80, bool))
    assert ranges.fits(fields, got, edges)
    assert (got * couplings > 0).all()


def test_chains_beyond_the_range_are_left_to_the_caller():
    edges = np.array([[0, 1], [0, 2], [0, 3]])
    couplings = np.array([-2.0, -2.0, 0.5])
    _, got = TIGHT.clip(np.zeros(4), couplings, edges, np.array([True, True, False]))
    np.testing.assert_array_equal(got, couplings)
    assert not TIGHT.fits(np.zeros(4), got, edges)


@pytest.mark.parametrize("missing", [0, 10])
def test_halves_are_those_of_d_wave(missing):
    graph = dwave.graphs.zephyr_graph(2)
    rng = np.random.default_rng(3)
    graph.remove_nodes_from(rng.choice(sorted(graph), missing, replace=False).tolist())
    couplers = np.array([edge if rng.random() < 0.5 else edge[::-1] for edge in graph.edges])
    groups = 2 * couplers + halves_of_couplers(graph, couplers)
    strengths = rng.normal(size=len(couplers))
    by_ends = {}
    for (a, b), strength in zip(couplers.tolist(), strengths, strict=True):
        by_ends[a, b] = by_ends[b, a] = strength
    expected = [sum(by_ends[edge] for edge in group) for group in coupling_groups(graph)]
    np.testing.assert_allclose(
        sorted(total for total in total_couplings(strengths, groups) if total != 0),
        sorted(total for total in expected if total != 0),
    )


def test_other_topologies_have_no_halves():
    graph = dwave.graphs.pegasus_graph(2)
    couplers = np.array(graph.edges)
    np.testing.assert_array_equal(halves_of_couplers(graph, couplers), np.zeros_like(couplers))
    assert halves_of_couplers(graph, np.zeros((0, 2), int)).shape == (0, 2)


def test_ranges_in_words():
    assert TIGHT.describe() == (
        "h in [-4, 4], J in [-2, 1], the sum of the couplings of a qubit in [-3, 2.5]"
    )
    halves = ProgramRanges((-4, 4), (-2, 1), (-3, 2.5), by_halves=True)
    assert "on each half of a qubit" in halves.describe()
    assert "sum" not in ProgramRanges((-4, 4), (-2, 1)).describe()
