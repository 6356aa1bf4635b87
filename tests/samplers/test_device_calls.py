"""Calls of a device: gauges, limits on reads, chains that break, offsets, and their account."""

import sys

import dimod
import dwave.embedding
import numpy as np
import pytest

from qsklearn.samplers import MockQPUSampler, StaticOffsets
from qsklearn.samplers._device_attempts import _connection_errors, _library_errors
from qsklearn.samplers._device_calls import DeviceCalls, device_properties
from qsklearn.samplers._embedded_program import Program
from qsklearn.samplers._layout import Layout
from qsklearn.samplers._program_ranges import ProgramRanges

COUPLERS = np.array([[0, 1], [1, 2], [2, 3], [3, 4], [4, 5]])


class Device(dimod.Sampler):
    """Answers as it is told, and remembers what it was asked."""

    parameters = {"num_reads": [], "auto_scale": [], "seed": [], "answer_mode": []}
    properties = {}
    nodelist, edgelist = list(range(6)), COUPLERS.tolist()

    def __init__(self, answer=None, **properties):
        self.properties = properties
        self.answer = answer or (lambda qubits, num_reads: np.ones((num_reads, len(qubits))))
        self.asked = []

    def sample(self, bqm, **arguments):
        self.asked.append((bqm.copy(), arguments))
        qubits = list(bqm.variables)
        states = np.asarray(self.answer(qubits, arguments["num_reads"]), np.int8)
        answer = dimod.SampleSet.from_samples_bqm((states, qubits), bqm)
        answer.info["timing"] = {
            "qpu_access_time": 10.0, "qpu_anneal_time_per_sample": 20.0, "total_real_time": 5.0,
        }  # fmt: skip
        return answer


def make_program(chains, fields, couplings=-1.0):
    layout = Layout.of_chains(chains, np.empty((0, 2), int), COUPLERS)
    values = np.full(len(layout.edges), couplings)
    return Program(layout, np.asarray(fields, float), values, (), 0, 0, 1.0)


def make_calls(device, params=None, method="majority_vote", gauges=0, offsets=None, ranges=None):
    return DeviceCalls(device, params or {}, ranges or ProgramRanges(), method, gauges, offsets)


def test_programs_share_a_call():
    device = Device(lambda qubits, n: np.where(np.array(qubits) >= 4, -1, np.ones((n, 1))))
    calls = make_calls(device)
    first, second = make_program([(1,), (2,)], [0.1, 0.2]), make_program([(5,), (4,)], [0.3, 0.4])
    states = calls.draw([first, second], 7, 0)
    assert [part.shape for part in states] == [(7, 2), (7, 2)]
    assert (states[0] == 1).all() and (states[1] == -1).all()
    ((bqm, arguments),) = device.asked
    assert dict(bqm.linear) == {1: 0.1, 2: 0.2, 5: 0.3, 4: 0.4} and bqm.num_interactions == 0
    assert arguments.pop("seed") < 2**31
    assert arguments == {"num_reads": 7, "auto_scale": False, "answer_mode": "raw"}
    assert calls.info == {
        "qpu_access_time": 10.0,
        "num_calls": 1,
        "num_queries": 1,
        "num_faults": 0,
        "chain_break_fraction": 0.0,
    }


def test_columns_are_read_by_label():
    shuffled = Device()
    shuffled.sample = lambda bqm, **_: dimod.SampleSet.from_samples({1: 1, 3: 1, 0: -1}, "SPIN", 0)
    states = make_calls(shuffled).draw([make_program([(0,), (1,), (3,)], np.zeros(3))], 1, 0)
    assert states[0].tolist() == [[-1, 1, 1]]


@pytest.mark.parametrize(
    "num_reads, gauges, most, expected",
    [
        (10, 0, 10, [10]),
        (11, 0, 10, [6, 5]),
        (25, 0, 10, [9, 8, 8]),
        (10, 4, 10, [3, 3, 2, 2]),
        (2, 4, 10, [1, 1]),
        (25, 2, 10, [9, 8, 8]),
    ],
)
def test_reads_are_split(num_reads, gauges, most, expected):
    device = Device(num_reads_range=[1, most])
    calls = make_calls(device, gauges=gauges)
    states = calls.draw([make_program([(0,)], [1.0])], num_reads, 0)
    assert [arguments["num_reads"] for _, arguments in device.asked] == expected
    assert states[0].shape == (num_reads, 1) and calls.num_calls == len(expected)
    assert len({arguments["seed"] for _, arguments in device.asked}) == len(expected)


def test_long_anneals_are_split():
    device = MockQPUSampler("ideal", topology_type="chimera", topology_shape=[1, 1, 4])
    calls = make_calls(device, {"annealing_time": 2000.0})
    states = calls.draw([make_program([(0,)], [0.1])], 1000, 0)
    assert states[0].shape == (1000, 1) and calls.num_calls == 3
    assert calls.info["qpu_access_time"] > 2e6


@pytest.mark.parametrize("method", ["majority_vote", "discard"])
def test_chains_are_read_as_dwave_embedding_does(method):
    rng = np.random.default_rng(3)
    states = rng.choice([-1, 1], (50, 6))
    program = make_program([(0,), (3, 4, 5), (1, 2)], np.zeros(6))
    calls = make_calls(Device(lambda qubits, n: states), method=method)
    (spins,) = calls.draw([program], 50, 0)
    function = getattr(dwave.embedding.chain_breaks, method)
    expected, _ = function(states, [[0], [1, 2, 3], [4, 5]])
    np.testing.assert_array_equal(spins, expected)
    broken = dwave.embedding.broken_chains(states, [[0], [1, 2, 3], [4, 5]])
    assert calls.info["chain_break_fraction"] == broken.mean() > 0.3


def test_weighted_random_takes_each_qubit_as_often():
    """P(up) of a chain with one qubit of three up is 1/3, in each read anew: 5 sigma."""
    states = np.tile([1, -1, -1, 1, 1], (9000, 1))
    program = make_program([(0, 1, 2), (4,), (5,)], np.zeros(5))
    draws = [
        make_calls(Device(lambda qubits, n: states), method="weighted_random").draw(
            [program], 9000, seed
        )[0]
        for seed in (0, 0, 1)
    ]
    ups = (draws[0][:, 0] == 1).mean()
    assert abs(ups - 1 / 3) < 5 * np.sqrt(2 / 9 / 9000)
    assert (draws[0][:, 1:] == 1).all()
    np.testing.assert_array_equal(draws[0], draws[1])
    assert (draws[0] != draws[2]).any()


def test_gauges_turn_chains_as_wholes_and_go_round_trip():
    """What the device draws turns with the gauge, and is turned back; ties stay negative."""
    program = make_program([(0, 1), (2, 3, 4)], [0.5, 0.5, -0.25, -0.25, -0.25], -2.0)
    device = Device()
    device.answer = lambda qubits, n: (
        [[-np.sign(device.asked[-1][0].get_linear(qubit)) for qubit in qubits]] * n
    )
    (states,) = make_calls(device, gauges=20).draw([program], 40, 5)
    assert (states == [-1, 1]).all()
    signs = set()
    for bqm, _ in device.asked:
        assert set(bqm.quadratic.values()) == {-2.0}
        assert bqm.get_linear(0) == bqm.get_linear(1)
        signs.add((bqm.get_linear(0) > 0, bqm.get_linear(2) > 0))
    assert len(device.asked) == 20 and len(signs) == 4


def test_ties_of_broken_chains_turn_with_the_gauge():
    """Majority of two qubits is up in a tie; gauges take that bias away: 5 sigma."""
    device = Device(lambda qubits, n: np.tile([1, -1], (n, 1)))
    program = make_program([(0, 1)], [0.0, 0.0])
    assert (make_calls(device).draw([program], 10, 0)[0] == 1).all()
    (states,) = make_calls(device, gauges=400).draw([program], 400, 0)
    assert abs(states.mean()) < 5 / np.sqrt(400)


@pytest.mark.parametrize("gauges", [0, 3])
def test_offsets_are_taken_off_in_the_devices_gauge(gauges):
    offsets = StaticOffsets({0: 0.1, 2: np.nan}, {}, {(1, 0): 0.05}, {}, 0.0, 0.0)
    program = make_program([(0, 1), (2,)], [0.5, 0.5, 0.3], -1.0)
    device = Device()
    make_calls(device, gauges=gauges, offsets=offsets).draw([program], 3, 1)
    for bqm, _ in device.asked:
        turn = np.sign(bqm.get_linear(1))
        assert bqm.get_linear(0) == pytest.approx(turn * 0.5 - 0.1)
        assert abs(bqm.get_linear(2)) == 0.3  # nothing is known of it
        assert bqm.get_quadratic(0, 1) == pytest.approx(-1.05)


def test_offsets_do_not_lead_out_of_range():
    offsets = StaticOffsets({0: -0.2}, {}, {(0, 1): 0.2}, {}, 0.0, 0.0)
    device = Device()
    calls = make_calls(device, offsets=offsets, ranges=ProgramRanges((-4, 4), (-2, 1)))
    calls.draw([make_program([(0, 1)], [4.0, 4.0], -2.0)], 1, 0)
    assert device.asked[0][0].get_linear(0) == 4.0
    assert device.asked[0][0].get_quadratic(0, 1) == -2.0


def test_only_declared_words_are_passed_and_params_win():
    device = Device()
    device.parameters = {"num_reads": [], "auto_scale": []}
    make_calls(device, {"auto_scale": True}).draw([make_program([(0,)], [1.0])], 3, 0)
    assert device.asked[0][1] == {"num_reads": 3, "auto_scale": True}


def test_an_answer_to_another_problem_is_refused():
    device = MockQPUSampler(
        "ideal", topology_type="chimera", topology_shape=[1, 1, 4], faults={0: "wrong problem"}
    )
    calls = make_calls(device)
    with pytest.raises(RuntimeError, match="MockQPUSampler must return a value for each of the 1"):
        calls.draw([make_program([(0,)], [0.1])], 3, 0)
    assert calls.num_calls == 1  # it took place


def test_properties_of_the_device_beneath_composites():
    device = MockQPUSampler("ideal", topology_type="chimera", topology_shape=[1, 1, 4])
    wrapped = dimod.TrackingComposite(
        dimod.StructureComposite(device, device.nodelist, device.edgelist)
    )
    assert device_properties(wrapped)["h_range"] == device.properties["h_range"]
    assert device_properties(dimod.RandomSampler()) == {}
    assert device_properties(object()) == {}


def test_errors_of_libraries_that_are_missing_are_none(monkeypatch):
    assert [error.__name__ for error in _library_errors(("SolverError", "Other"))] == [
        "SolverError"
    ]
    assert [error.__name__ for error in _connection_errors()] == ["ConnectionError", "Timeout"]
    for module in ("dwave.cloud.exceptions", "requests.exceptions"):
        monkeypatch.setitem(sys.modules, module, None)
    assert _library_errors(("SolverError",)) == _connection_errors() == ()
