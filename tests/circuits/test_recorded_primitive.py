"""RecordedPrimitive: outcomes of circuits from a file, without the backend."""

import copy
import pickle
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_validate

pytest.importorskip("qiskit_aer")
from qiskit import QuantumCircuit, QuantumRegister, generate_preset_pass_manager
from qiskit.circuit import ClassicalRegister, Gate, Parameter, ParameterVector
from qiskit.circuit.library import MCXGate, PauliGate, UnitaryGate
from qiskit.primitives import (
    BackendSamplerV2,
    BaseSamplerV2,
    BitArray,
    DataBin,
    PrimitiveResult,
    SamplerPubResult,
    StatevectorSampler,
)
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.transpiler import TranspilerError
from qiskit_aer import AerSimulator

from qsklearn import GroverBNNClassifier
from qsklearn._recordings import RecordingError, RecordingStore
from qsklearn.circuits import (
    AmplificationCircuit,
    BinaryNetwork,
    LabelledPatterns,
    RecordedPrimitive,
    measure_settings,
    run_circuits,
)
from qsklearn.circuits._recorded_circuits import describe_circuit
from qsklearn.samplers import ImaginaryTimeCircuitSampler, MockQPUSampler, RecordedSampler

# The smallest real problem: both inputs must be +1.
ROWS, LABELS = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]]), np.array([-1, -1, -1, 1])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "runs.recording"


class Counting(BaseSamplerV2):
    """A primitive that counts what it is asked for."""

    def __init__(self):
        self.inner = StatevectorSampler(seed=np.random.default_rng(0))
        self.num_runs = 0

    def run(self, pubs, *, shots=None):
        pubs = list(pubs)
        self.num_runs += len(pubs)
        return self.inner.run(pubs, shots=shots)


def make_circuit(angle=0.3, name="mine"):
    circuit = QuantumCircuit(QuantumRegister(2, f"q_{name}"), ClassicalRegister(2, f"c_{name}"))
    circuit.name, circuit.metadata = name, {"made": name}
    circuit.h(0)
    circuit.rx(angle, 1)
    circuit.cx(0, 1)
    circuit.measure([0, 1], [0, 1])
    return circuit


def bits(job):
    return [register.array.tolist() for register in job.result()[0].data.values()]


# --- what finds a run -----------------------------------------------------------------------------


def test_names_and_metadata_do_not_matter():
    assert describe_circuit(make_circuit()) == describe_circuit(make_circuit(name="other"))
    assert describe_circuit(make_circuit(0.3)) == describe_circuit(make_circuit(0.3 + 1e-15))


def parametrised(names, swapped=False):
    circuit = QuantumCircuit(2)
    one, other = (Parameter(name) for name in names)
    circuit.rx(one, 0)
    circuit.rz(2 * other if not swapped else other, 1)
    circuit.measure_all()
    return circuit


def test_names_of_parameters_do_not_matter():
    assert describe_circuit(parametrised("ab")) == describe_circuit(parametrised("xy"))
    assert describe_circuit(parametrised("ab")) != describe_circuit(parametrised("ba"))
    assert describe_circuit(parametrised("ab")) != describe_circuit(parametrised("ab", True))
    vector = QuantumCircuit(12)
    for qubit, angle in enumerate(ParameterVector("v", 12)):
        vector.rx(angle, qubit)
    assert describe_circuit(vector) != describe_circuit(vector.reverse_bits())


def different_circuits():
    yield make_circuit()
    yield make_circuit(0.4)
    for gate in ("x", "y", "z", "s", "sdg", "t"):
        circuit = make_circuit()
        getattr(circuit, gate)(0)
        yield circuit
    for order in ([0, 1], [1, 0]):
        circuit = QuantumCircuit(2, 2)
        circuit.cx(*order)
        circuit.measure([0, 1], [0, 1])
        yield circuit
    circuit = QuantumCircuit(2, 2)
    circuit.cx(0, 1)
    circuit.measure([0, 1], [1, 0])
    yield circuit
    circuit = QuantumCircuit(QuantumRegister(2), ClassicalRegister(1), ClassicalRegister(1))
    circuit.cx(0, 1)
    circuit.measure([0, 1], [0, 1])
    yield circuit
    for state in (0, 1, 2, 3):
        circuit = QuantumCircuit(3)
        circuit.append(MCXGate(2, ctrl_state=state), [0, 1, 2])
        yield circuit
    for paulis in ("XZ", "ZX"):
        circuit = QuantumCircuit(2)
        circuit.append(PauliGate(paulis), [0, 1])
        yield circuit
    for matrix in (np.eye(2), np.array([[0, 1], [1, 0]]), np.array([[0, 1j], [-1j, 0]])):
        circuit = QuantumCircuit(1)
        circuit.append(UnitaryGate(matrix), [0])
        yield circuit
    for angle in (0.1, 0.2):
        part = QuantumCircuit(1)
        part.rx(angle, 0)
        circuit = QuantumCircuit(2)
        circuit.append(part.to_gate(), [1])
        yield circuit
        circuit = QuantumCircuit(2)
        circuit.append(part.to_gate().control(1), [0, 1])
        yield circuit
    for bit in (0, 1):
        circuit = QuantumCircuit(1, 2)
        circuit.h(0)
        circuit.measure(0, 0)
        with circuit.if_test((circuit.clbits[bit], 1)):
            circuit.x(0)
        yield circuit


def test_everything_that_is_done_matters():
    forms = [repr(describe_circuit(circuit)) for circuit in different_circuits()]
    assert len(set(forms)) == len(forms)


def test_gates_of_ones_own_are_known_by_what_they_do():
    def circuit():
        part = QuantumCircuit(1)  # whose name Qiskit counts on
        part.rx(0.1, 0)
        whole = QuantumCircuit(2)
        whole.append(part.to_gate(), [1])
        return whole

    assert describe_circuit(circuit()) == describe_circuit(circuit())


def test_a_gate_that_nobody_defines_has_no_fixed_form():
    circuit = QuantumCircuit(1)
    circuit.append(Gate("mystery", 1, []), [0])
    with pytest.raises(TypeError, match="The operation 'mystery' of a circuit.*Got a Gate"):
        describe_circuit(circuit)


# --- outcomes come back ---------------------------------------------------------------------------


def test_outcomes_come_back(path):
    primitive = Counting()
    live = RecordedPrimitive(primitive, path)
    circuits = [make_circuit(), (parametrised("ab"), [[0.1, 0.2], [1.0, 2.0], [2.0, 0.0]], 7)]
    first = live.run(circuits, shots=20).result()
    there = RecordedPrimitive(None, path, mode="replay")
    again = there.run([make_circuit(name="x"), (parametrised("xy"), *circuits[1][1:])], shots=20)
    assert again.done() and isinstance(again.result(), PrimitiveResult)
    for one, other in zip(first, again.result(), strict=True):
        (outcome,), (replayed,) = one.data.values(), other.data.values()
        assert isinstance(replayed, BitArray) and outcome == replayed
        assert one.metadata == other.metadata
    assert list(again.result()[0].data) == ["c_x"] and again.result()[1].data.shape == (3,)
    assert first.metadata == again.result().metadata
    assert primitive.num_runs == 2


def test_several_registers(path):
    circuit = QuantumCircuit(
        QuantumRegister(10), ClassicalRegister(9, "a"), ClassicalRegister(1, "b")
    )
    circuit.h(range(10))
    circuit.measure(range(10), range(10))
    first = bits(RecordedPrimitive(Counting(), path).run([circuit], shots=5))
    assert bits(RecordedPrimitive(None, path, "replay").run([circuit], shots=5)) == first
    assert [np.shape(part) for part in first] == [(5, 2), (5, 1)]


def test_the_same_circuit_is_drawn_anew_each_time_and_so_again(path):
    primitive = Counting()
    live = RecordedPrimitive(primitive, path)
    first = [bits(live.run([make_circuit()], shots=30)) for _ in range(3)]
    assert len({repr(outcomes) for outcomes in first}) == 3 and primitive.num_runs == 3
    there = RecordedPrimitive(None, path, "replay")
    assert [bits(there.run([make_circuit()], shots=30)) for _ in range(3)] == first
    with pytest.raises(RecordingError, match="run 4 of the same. It has 3 runs of it, 3 of the"):
        there.run([make_circuit()], shots=30)
    both = RecordedPrimitive(None, path, "replay").run([make_circuit()] * 2, shots=30).result()
    assert [[part.data.c_mine.array.tolist()] for part in both] == first[:2]


def test_a_clone_begins_to_count_anew_and_a_copy_goes_on(path):
    live = RecordedPrimitive(Counting(), path)
    first = [bits(live.run([make_circuit()], shots=30)) for _ in range(3)]
    there = RecordedPrimitive(None, path, "replay")
    assert bits(there.run([make_circuit()], shots=30)) == first[0]
    assert bits(clone(there).run([make_circuit()], shots=30)) == first[0]
    for other in (copy.deepcopy(there), pickle.loads(pickle.dumps(there))):
        assert isinstance(other, BaseSamplerV2)
        assert bits(other.run([make_circuit()], shots=30)) == first[1]


def test_what_failed_does_not_count(path):
    class Failing(Counting):
        def run(self, pubs, *, shots=None):
            if self.num_runs == 1:
                self.num_runs = 100
                raise OSError("the line broke")
            return super().run(pubs, shots=shots)

    live = RecordedPrimitive(Failing(), path)
    first = bits(live.run([make_circuit()], shots=3))
    with pytest.raises(OSError, match="the line broke"):
        live.run([make_circuit()], shots=3)
    second = bits(live.run([make_circuit()], shots=3))
    there = RecordedPrimitive(None, path, "replay")
    assert [bits(there.run([make_circuit()], shots=3)) for _ in range(2)] == [first, second]


@pytest.mark.parametrize("shots", [2**63, 2**64])
def test_shots_that_no_memory_holds_are_refused_before_the_call(path, shots):
    counting = Counting()
    with pytest.raises(
        MemoryError, match=r"outcomes of RecordedPrimitive.run would need [\d,]+ by"
    ):
        RecordedPrimitive(counting, path).run([make_circuit()], shots=shots)
    assert not counting.num_runs


def test_a_new_recording_replaces_the_last(path):
    old = bits(RecordedPrimitive(Counting(), path).run([make_circuit()], shots=40))
    primitive = Counting()
    primitive.inner = StatevectorSampler(seed=np.random.default_rng(9))
    anew = RecordedPrimitive(primitive, path, "record")
    new = bits(anew.run([make_circuit()], shots=40))
    assert new != old and bits(clone(anew).run([make_circuit()], shots=40)) == new
    assert primitive.num_runs == 1
    assert bits(RecordedPrimitive(None, path, "strict").run([make_circuit()], shots=40)) == new


# --- backends -------------------------------------------------------------------------------------


def test_a_backend_gets_circuits_in_its_gates(path):
    backend = GenericBackendV2(5, coupling_map=[[0, 1], [1, 2], [2, 3], [3, 4]], seed=1)
    live = RecordedPrimitive(backend, path)
    assert live.num_qubits == 5 and isinstance(live, BaseSamplerV2)
    circuit = make_circuit()
    first = bits(live.run([circuit], shots=50))
    ready = generate_preset_pass_manager(1, backend=backend, seed_transpiler=3).run(circuit)
    live.run([ready], shots=50)
    there = RecordedPrimitive(None, path, "replay")
    assert bits(there.run([circuit], shots=50)) == first and there.num_qubits == 5
    assert bits(RecordedPrimitive(backend, path, "replay").run([circuit], shots=50)) == first


def test_a_circuit_of_more_qubits_than_the_backend_is_refused(path):
    """Also where its gates are on the first ones."""
    circuit = QuantumCircuit(6, 2)
    circuit.measure([0, 1], [0, 1])
    with pytest.raises(TranspilerError, match="[Nn]umber of qubits"):
        RecordedPrimitive(GenericBackendV2(5, seed=1), path).run([circuit], shots=3)
    assert list(RecordingStore(path).answers()) == []


def test_options_and_what_a_primitive_says_of_itself_tell_it_from_others(path):
    class Named(Counting):
        def __init__(self, name):
            super().__init__()
            self.name = name

        def recording_identity(self):
            return {"place": self.name, "token": "hidden"}

    def seeded(seed):
        return BackendSamplerV2(backend=AerSimulator(), options={"seed_simulator": seed})

    for primitive in (seeded(1), seeded(2), seeded(1), Named("a"), Named("b"), Named("a")):
        RecordedPrimitive(primitive, path).run([make_circuit()], shots=3)
    store = RecordingStore(path)
    identities = [store.source(source)[0]["identity"] for source in store.sources()]
    seeds = [told["options"]["seed_simulator"] for told in identities if "options" in told]
    assert sorted(seeds) == [1, 2]
    named = [told for told in identities if told["class"] == "Named"]
    assert sorted(named, key=str) == [{"class": "Named", "place": place} for place in "ab"]


def test_a_primitive_that_returns_no_bits_is_refused(path):
    class Analog(Counting):
        def run(self, pubs, *, shots=None):
            data = DataBin(c=np.zeros((3, 2)))
            return SimpleNamespace(result=lambda: PrimitiveResult([SamplerPubResult(data)]))

    with pytest.raises(ValueError, match=r"must return bits. It returned \['ndarray'\] instead"):
        RecordedPrimitive(Analog(), path).run([make_circuit()], shots=3)
    assert list(RecordingStore(path).answers()) == []


def test_run_circuits_takes_it(path):
    def run(backend):
        return run_circuits(
            parametrised("ab"), [[0.1, 0.2], [3.0, 1.0]], 9, seeds=[1, 2], backend=backend,
            caller="a test",
        )[0]  # fmt: skip

    first = run(RecordedPrimitive(AerSimulator(), path))
    assert np.array_equal(first, run(RecordedPrimitive(None, path, "replay")))


def test_measure_settings_takes_it_and_knows_its_size(path):
    data = LabelledPatterns.from_rows(ROWS, LABELS)
    circuit = AmplificationCircuit(BinaryNetwork(2, 1), data)
    small = RecordedPrimitive(GenericBackendV2(3, seed=1), path)
    with pytest.raises(ValueError, match="at most the 3 qubits of the backend"):
        measure_settings(circuit, 1, 5, backend=small, seed=0)
    live = RecordedPrimitive(StatevectorSampler(), path)
    first = measure_settings(circuit, 1, 5, backend=live, seed=0)
    there = RecordedPrimitive(None, path, "replay")
    assert np.array_equal(first, measure_settings(circuit, 1, 5, backend=there, seed=0))


def test_the_sampler_of_imaginary_time_takes_it(path):
    def draw(backend):
        sampler = ImaginaryTimeCircuitSampler(backend=backend, num_reads=20, seed=0)
        return sampler.sample_ising({"a": 0.1}, {("a", "b"): 0.3}).record.sample

    first = draw(RecordedPrimitive(StatevectorSampler(), path))
    assert np.array_equal(first, draw(RecordedPrimitive(None, path, "replay")))


def test_one_file_may_hold_samplers_and_circuits(path):
    device = MockQPUSampler("ideal", topology_type="chimera", topology_shape=[1, 1, 4])
    answer = RecordedSampler(device, path).sample_ising({0: 1.0}, {})
    first = bits(RecordedPrimitive(Counting(), path).run([make_circuit()], shots=5))
    again = RecordedSampler(None, path, "replay").sample_ising({0: 1.0}, {})
    assert again.record.tobytes() == answer.record.tobytes()
    assert bits(RecordedPrimitive(None, path, "replay").run([make_circuit()], shots=5)) == first


# --- what is wrong --------------------------------------------------------------------------------


def test_what_is_wrong_is_said(path, tmp_path):
    def run(*arguments):
        RecordedPrimitive(*arguments).run([make_circuit()], shots=3)

    with pytest.raises(ValueError, match="The 'mode' parameter of RecordedPrimitive must be"):
        run(Counting(), path, "rewind")
    with pytest.raises(ValueError, match="The 'path' parameter of RecordedPrimitive must be"):
        run(Counting(), 3)
    for wrong in (None, "aer", StatevectorSampler):
        with pytest.raises(ValueError, match="The 'primitive' parameter of RecordedPrimitive must"):
            run(wrong, path)
    with pytest.raises(RecordingError, match="There is no recording"):
        run(None, path, "replay")
    primitive = Counting()
    with pytest.raises(RecordingError, match="in a folder that is there"):
        run(primitive, tmp_path / "absent" / "runs")
    assert primitive.num_runs == 0
    run(Counting(), path)
    with pytest.raises(RecordingError, match="no runs of StatevectorSampler.*of Counting"):
        run(StatevectorSampler(), path, "replay")
    run(StatevectorSampler(), path)
    with pytest.raises(RecordingError, match="of one primitive. It is of Counting.*Statevector"):
        run(None, path, "replay")


@pytest.mark.parametrize(
    ("circuit", "text"),
    [
        (make_circuit(0.7), "some of that size with other gates or angles"),
        (QuantumCircuit(3, 1), "none of that size"),
    ],
    ids=["angle", "size"],
)
def test_a_missing_run_says_what_likely_changed(circuit, text, path):
    RecordedPrimitive(Counting(), path).run([make_circuit()], shots=3)
    if not circuit.data:
        circuit.measure(0, 0)
    with pytest.raises(RecordingError, match=text):
        RecordedPrimitive(None, path, "replay").run([circuit], shots=3)


def test_the_seed_of_a_primitive_is_seen_through_it(path):
    network = make_network(StatevectorSampler(seed=1), path, max_queries=4)
    with pytest.warns(UserWarning, match="begins each of its calls with the same seed"):
        network.fit(ROWS, LABELS)
    noisy = RecordedPrimitive(BackendSamplerV2(backend=AerSimulator()), path)
    assert noisy.options.seed_simulator is None and noisy.seed is None
    assert "RecordedPrimitive(" in repr(noisy)


# --- estimators -----------------------------------------------------------------------------------


def make_network(primitive, path, mode="auto", **parameters):
    recorded = RecordedPrimitive(primitive, path, mode)
    given = {"n_bits": 2, "binary": True, "n_solutions": 2}
    return GroverBNNClassifier(1, sampler=recorded, random_state=0, **{**given, **parameters})


def test_a_fit_is_repeated(path):
    primitive = Counting()
    first = make_network(primitive, path, n_solutions=2).fit(ROWS, LABELS)
    n_runs = primitive.num_runs
    assert n_runs == len(list(RecordingStore(path).answers())) > 3
    again = make_network(None, path, "replay", n_solutions=2).fit(ROWS, LABELS)
    auto = make_network(primitive, path, n_solutions=2).fit(ROWS, LABELS)
    assert primitive.num_runs == n_runs
    for other in (again, auto):
        assert (other.predict(ROWS) == first.predict(ROWS)).all()
        for name in ("weights_", "n_queries_", "n_measurements_"):
            np.testing.assert_array_equal(getattr(first, name), getattr(other, name))
        assert first.cost_["reads"] == other.cost_["reads"]


def test_a_fit_raises_what_is_missing(path):
    make_network(Counting(), path).fit(ROWS, LABELS)
    with pytest.raises(RecordingError, match="no outcomes of this run"):
        make_network(None, path, "replay").fit(ROWS, [1, -1, -1, -1])


def run_cross_validation(primitive, path, mode, n_jobs=None):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = cross_validate(
            make_network(primitive, path, mode), np.tile(ROWS, (2, 1)), np.tile(LABELS, 2),
            cv=2, n_jobs=n_jobs, return_train_score=True, return_estimator=True,
        )  # fmt: skip
    costs = [network.cost_["reads"] for network in found["estimator"]]
    return found["test_score"].tolist(), found["train_score"].tolist(), costs


def test_a_cross_validation_is_repeated_in_any_order_and_process(path):
    primitive = Counting()
    first = run_cross_validation(primitive, path, "auto")
    n_runs = primitive.num_runs
    assert run_cross_validation(None, path, "replay") == first
    assert run_cross_validation(None, path, "replay", n_jobs=2) == first
    assert run_cross_validation(primitive, path, "auto") == first
    assert primitive.num_runs == n_runs
