"""Static offsets: right at any size, with honest errors, under noise, from devices of any manners.

Seeds are fixed; intervals of 4 standard errors where not said otherwise.
"""

import time

import dimod
import numpy as np
import pytest

from qsklearn.samplers import ExactSampler, MockQPUSampler
from qsklearn.samplers._static_offsets import (
    StaticOffsets,
    _fit,
    _indices,
    _regress,
    estimate_static_offsets,
)

BETA = 4.0


def two_cells():
    """Two Chimera cells side by side: 16 qubits, 36 couplers, labels that are not positions."""
    edges = [
        (100 + 8 * cell + left, 100 + 8 * cell + 4 + right)
        for cell in range(2)
        for left in range(4)
        for right in range(4)
    ]
    return [*range(100, 116)], edges + [(104 + k, 112 + k) for k in range(4)]


class Device(dimod.Sampler, dimod.Structured):
    """Draws exactly, at a hidden β, of what it is told and its own offsets."""

    nodelist, edgelist = two_cells()
    parameters = {"num_reads": [], "seed": []}
    properties = {}
    fresh = 0.0

    def __init__(self, seed=0, size=0.02, **changes):
        rng = np.random.default_rng(seed)
        self.h = dict(zip(self.nodelist, size * rng.normal(size=len(self.nodelist)), strict=True))
        self.J = dict(zip(self.edgelist, size * rng.normal(size=len(self.edgelist)), strict=True))
        self.rng = rng
        self.calls = []
        vars(self).update(changes)

    def sample(self, bqm, **parameters):
        self.calls.append((bqm, parameters))
        bqm = bqm.copy()
        for node, bias in self.h.items():
            bqm.add_linear(node, bias + self.fresh * self.rng.normal())
        for edge, bias in self.J.items():
            bqm.add_quadratic(*edge, bias + self.fresh * self.rng.normal())
        known = {name: parameters[name] for name in ("num_reads", "seed")}
        return ExactSampler().sample(bqm, beta=BETA, **known)


def z_scores(offsets, device):
    fields = [(offsets.h[q] - device.h[q]) / offsets.h_stderr[q] for q in device.h]
    couplings = [(offsets.J[e] - device.J[e]) / offsets.J_stderr[e] for e in device.J]
    return np.array(fields), np.array(couplings)


def assert_calibrated(z):
    """Mean 0 and mean square 1 of independent normal numbers."""
    assert np.abs(z).max() < 4.5
    assert abs(z.mean()) < 4 / np.sqrt(len(z))
    assert abs((z**2).mean() - 1) < 4 * np.sqrt(2 / len(z))


# --- the estimate --------------------------------------------------------------------------------


def test_offsets_are_found_with_honest_errors():
    """10 devices: 160 fields and 360 couplings, each within its error."""
    z = [[], []]
    for seed in range(10):
        device = Device(seed)
        offsets = estimate_static_offsets(
            device, num_reads=1000, num_calls=4, beta_eff=BETA, seed=seed
        )
        for all_of_kind, some in zip(z, z_scores(offsets, device), strict=True):
            all_of_kind.extend(some)
    for all_of_kind in z:
        assert_calibrated(np.array(all_of_kind))
    # Weak fields tell 2 β δh with the error 2 / sqrt(reads), and so do couplings.
    expected = 1 / (BETA * np.sqrt(4000))
    assert np.mean(list(offsets.h_stderr.values())) == pytest.approx(expected, rel=0.15)
    assert np.mean(list(offsets.J_stderr.values())) == pytest.approx(expected, rel=0.15)


def test_fresh_noise_averages_out_and_is_told():
    """Noise of 0.05 a call, more than the draws' error of 0.008; 40 calls.

    Of 16 (36) variances with 39 degrees of freedom each, the relative error is
    sqrt(2 / 16 / 39) = 6 % (4 %), that of the deviation half of it.
    """
    device = Device(3, fresh=0.05)
    offsets = estimate_static_offsets(device, num_calls=40, beta_eff=BETA, seed=1)
    assert offsets.h_noise == pytest.approx(0.05, rel=4 * 0.03)
    assert offsets.J_noise == pytest.approx(0.05, rel=4 * 0.02)
    for z in z_scores(offsets, device):
        assert_calibrated(z)


def exact_reads(h, J, beta, ising, n_reads=300_000):
    """Each state as often as the law says, to a read."""
    law = ising.enumerate(h, J, beta)
    return np.repeat(law.states, np.rint(law.probabilities * n_reads).astype(int), axis=0).T


@pytest.mark.parametrize("size", [0.05, 0.5])
def test_the_law_itself_gives_the_offsets_at_any_size(ising, size):
    """Against enumeration; the linear response of the same law is off by orders more."""
    rng = np.random.default_rng(5)
    h, J = size * rng.normal(size=5), size * ising.symmetric(5, rng)
    spins = exact_reads(h, J, 1.0, ising)
    pairs = np.array([(i, j) for i in range(5) for j in range(i)])
    intercepts, _, slopes, _ = _regress(spins, pairs)
    np.testing.assert_allclose(intercepts / -2, h, atol=3e-4)
    np.testing.assert_allclose(slopes / -2, J[pairs[:, 0], pairs[:, 1]], atol=3e-4)
    linear = -np.arctanh(spins.mean(axis=1))
    assert np.abs(linear - h).max() > (5 if size < 0.1 else 300) * 3e-4


def test_subtracted_offsets_are_gone():
    device = Device(1, size=0.1)
    offsets = estimate_static_offsets(device, num_reads=4000, beta_eff=BETA, seed=2)
    corrected = Device(1, size=0.1)
    corrected.h = {q: bias - offsets.h[q] for q, bias in device.h.items()}
    corrected.J = {e: bias - offsets.J[e] for e, bias in device.J.items()}
    assert max(map(abs, corrected.h.values())) < 4.5 * max(offsets.h_stderr.values())
    assert max(map(abs, corrected.J.values())) < 4.5 * max(offsets.J_stderr.values())
    assert 4.5 * max(offsets.h_stderr.values()) < 0.02  # of 0.1


def test_qubits_that_never_turn_are_unknown_and_do_no_harm():
    device = Device(2)
    device.h[100] = 50.0
    offsets = estimate_static_offsets(device, num_calls=2, beta_eff=BETA, seed=0)
    touching = [edge for edge in device.edgelist if 100 in edge]
    assert np.isnan(offsets.h[100]) and np.isnan(offsets.h_stderr[100])
    assert all(np.isnan(offsets.J[edge]) for edge in touching)
    others = [q for q in device.nodelist if q != 100 and (100, q) not in touching]
    z = [(offsets.h[q] - device.h[q]) / offsets.h_stderr[q] for q in others]
    assert np.abs(z).max() < 4
    # The fixed neighbour's coupling acts as a field.
    for q in (104, 105, 106, 107):
        assert abs(offsets.h[q] - device.h[q] + device.J[100, q]) < 4 * offsets.h_stderr[q]


def test_isolated_qubits_have_fields():
    device = Device(0, nodelist=[3, 1], edgelist=[], h={3: 0.1, 1: -0.1}, J={})
    offsets = estimate_static_offsets(device, beta_eff=BETA, seed=0)
    assert offsets.J == {} and np.isnan(offsets.J_noise)
    for q in (1, 3):
        assert abs(offsets.h[q] - device.h[q]) < 4 * offsets.h_stderr[q] < 0.02


# --- calls ---------------------------------------------------------------------------------------


def test_the_program_is_empty_and_complete():
    device = Device(parameters={"num_reads": [], "seed": [], "auto_scale": [], "answer_mode": []})
    estimate_static_offsets(
        device, num_reads=100, num_calls=3, beta_eff=BETA, seed=0, annealing_time=5
    )
    assert len(device.calls) == 3
    assert len({parameters.pop("seed") for _, parameters in device.calls}) == 3
    for bqm, parameters in device.calls:
        assert dict(bqm.linear) == dict.fromkeys(device.nodelist, 0.0)
        assert bqm.num_interactions == len(device.edgelist) and not any(bqm.quadratic.values())
        assert parameters == {
            "num_reads": 100, "auto_scale": False, "answer_mode": "raw", "annealing_time": 5
        }  # fmt: skip


def test_results_repeat_by_seed():
    one, two, other = (
        estimate_static_offsets(Device(), num_calls=2, beta_eff=BETA, seed=s) for s in (1, 1, 2)
    )
    assert one == two
    assert one.h != other.h
    assert isinstance(one, StaticOffsets)
    assert list(one.h) == Device.nodelist and list(one.J) == Device.edgelist


def test_columns_and_occurrences_do_not_matter():
    class Shuffled(Device):
        def sample(self, bqm, **parameters):
            drawn = super().sample(bqm, **parameters)
            labels = list(drawn.variables)[::-1]
            rows = drawn.record.sample[:, ::-1]
            return dimod.SampleSet.from_samples((rows, labels), "SPIN", energy=0).aggregate()

    one, two = (
        estimate_static_offsets(kind(4), num_calls=2, beta_eff=BETA, seed=1)
        for kind in (Device, Shuffled)
    )
    np.testing.assert_allclose(list(one.h.values()), list(two.h.values()), atol=1e-6)
    np.testing.assert_allclose(list(one.J.values()), list(two.J.values()), atol=1e-6)


def test_a_single_call_knows_no_noise():
    offsets = estimate_static_offsets(Device(), num_calls=1, beta_eff=BETA, seed=0)
    assert np.isnan(offsets.h_noise) and np.isnan(offsets.J_noise)
    assert np.isfinite(list(offsets.h_stderr.values())).all()


def test_the_temperature_of_the_profile():
    given = estimate_static_offsets(Device(), num_calls=1, beta_eff=BETA, seed=0)
    profiled = Device(properties={"beta_eff_prior": (2 * BETA, 1.0)})
    halved = estimate_static_offsets(profiled, num_calls=1, seed=0)
    for q, offset in given.h.items():
        assert halved.h[q] == pytest.approx(offset / 2)


def test_the_published_temperature_of_a_bare_device():
    """A mock knows no prior, but its kind is known: Advantage's mean single-qubit temperature."""
    device = MockQPUSampler("advantage", topology_shape=(2,), seed=0)
    one = estimate_static_offsets(device, num_reads=200, num_calls=1, seed=0)
    assert set(one.h) == set(device.nodelist)
    known = Device(properties={"chip_id": "Advantage_system6.4", "beta_eff_prior": None})
    found = estimate_static_offsets(known, num_calls=1, seed=0)
    given = estimate_static_offsets(Device(), num_calls=1, beta_eff=1 / 0.221, seed=0)
    for q, offset in given.h.items():
        assert found.h[q] == pytest.approx(offset)


# --- faults --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_reads": 59}, "'num_reads' parameter.*at least 60 .*up to 5 neighbours. Got 59"),
        ({"num_calls": 0}, "'num_calls' parameter"),
        ({"beta_eff": 0.0}, "'beta_eff' parameter"),
        ({"beta_eff": None}, "no property 'beta_eff_prior'"),
        ({"seed": -1}, "'seed' parameter"),
    ],
)
def test_bad_arguments(changes, message):
    with pytest.raises(ValueError, match=message):
        estimate_static_offsets(Device(), **{"beta_eff": BETA, **changes})


@pytest.mark.parametrize("sampler", [ExactSampler(), "mock-dwave", None])
def test_samplers_without_a_graph(sampler):
    with pytest.raises(ValueError, match="must be a structured dimod sampler"):
        estimate_static_offsets(sampler, beta_eff=1.0)


def test_a_graph_without_qubits():
    with pytest.raises(ValueError, match="must have qubits"):
        estimate_static_offsets(Device(nodelist=[], edgelist=[]), beta_eff=1.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda drawn: drawn.truncate(500), "must return 1000 reads"),
        (lambda drawn: drawn.change_vartype("BINARY", inplace=False), "spins -1 or .1"),
        (lambda drawn: dimod.drop_variables(drawn, [100]), "value of each qubit. Got none of 100"),
    ],
)
def test_answers_that_do_not_fit(change, message):
    class Faulty(Device):
        def sample(self, bqm, **parameters):
            return change(super().sample(bqm, **parameters))

    with pytest.raises(ValueError, match=message):
        estimate_static_offsets(Faulty(), beta_eff=BETA)


@pytest.mark.parametrize("n_neighbours", [1, 3])
@pytest.mark.parametrize("n_others", [0, 1])
def test_what_its_neighbours_decide_has_no_offset(n_others, n_neighbours):
    """A majority, in all reads or all but one of those where it is +1: no largest likelihood."""
    neighbours = np.random.default_rng(0).choice(np.array([-1, 1], np.int8), (1, n_neighbours, 200))
    targets = np.sign(neighbours.sum(axis=1))
    targets[0, np.flatnonzero(targets[0] > 0)[:n_others]] = -1
    coefficients, variances = _fit(targets, neighbours)
    assert np.isnan(coefficients).all() and np.isnan(variances).all()
    targets[0, ::5] *= -1  # on both sides of any majority
    coefficients, variances = _fit(targets, neighbours)
    assert np.isfinite(coefficients).all() and (variances > 0).all()


# --- size ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_whole_chip_in_seconds():
    """5 640 qubits, 40 000 couplers, 1000 reads; measured 0.8 s of CPU a call."""
    rng = np.random.default_rng(0)
    pairs = np.unique(np.sort(rng.integers(5640, size=(40_200, 2)), axis=1), axis=0)
    pairs = pairs[pairs[:, 0] < pairs[:, 1]]
    spins = rng.choice(np.array([-1, 1], np.int8), size=(5640, 1000))
    started = time.process_time()
    intercepts, variances, slopes, _ = _regress(spins, pairs)
    assert time.process_time() - started < 10
    z = intercepts / np.sqrt(variances)
    assert abs((z**2).mean() - 1) < 0.15
    assert slopes.shape == (len(pairs),)
    assert _indices([7, 5], [(5, 7)]).tolist() == [[1, 0]]
