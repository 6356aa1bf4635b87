"""The handle of a processor: D-Wave's real client against a service on this machine, and faults."""

import logging
import multiprocessing
import os
import pickle
import subprocess
import sys
import traceback
from concurrent.futures import ProcessPoolExecutor

import dimod
import joblib
import numpy as np
import pytest
import requests
import skops.io
from dwave.cloud.exceptions import (
    InvalidProblemError,
    PollingTimeout,
    RequestTimeout,
    SolverOfflineError,
)
from sklearn.base import clone

from qsklearn import QuantumSampledMLPClassifier
from qsklearn._cli import main
from qsklearn.samplers import (
    Budget,
    BudgetSpent,
    DeviceCallFailed,
    DWaveQPUSampler,
    EmbeddedSampler,
    MockQPUSampler,
    check_sampler,
    get_sampler_names,
)
from qsklearn.samplers import _device_connection as connection
from qsklearn.samplers._embedded import EmbeddedSampler as Embedded

SHAPE = {"topology_type": "chimera", "topology_shape": [2, 2, 4]}


def mock(**parameters):
    return MockQPUSampler("ideal", **{**SHAPE, "seed": 0, **parameters})


def handle(device=None, **parameters):
    return DWaveQPUSampler(device=device or mock(), **{"retry_wait": 0.0, **parameters})


# --- D-Wave's client ------------------------------------------------------------------------------


def test_nothing_is_opened_before_it_is_needed(monkeypatch):
    monkeypatch.setattr(connection, "_connect", lambda *_: pytest.fail("opened"))
    sampler = DWaveQPUSampler("Advantage_system4.1", region="eu-central-1")
    for copy in (clone(sampler), pickle.loads(pickle.dumps(sampler))):
        assert copy.get_params() == sampler.get_params()
    assert sampler.recording_identity()["solver"] == "Advantage_system4.1"
    assert "Advantage_system4.1" in repr(sampler)


def test_a_call_by_the_real_client(leap):
    sampler = DWaveQPUSampler(annealing_time=50, label="a test")
    assert sampler.nodelist == leap.device.nodelist
    assert sampler.edgelist == [tuple(sorted(pair)) for pair in sorted(leap.device.edgelist)]
    answer = sampler.sample_ising({0: 0.5, 4: 0.1}, {(0, 4): -1}, num_reads=10)
    assert answer.first.sample == {0: -1, 4: -1} and answer.first.energy == pytest.approx(-1.6)
    assert leap.submissions == [{"annealing_time": 50, "num_reads": 10}]
    assert leap.labels == ["a test"] and answer.info["num_faults"] == 0
    expected = sampler.estimate_access_time(2, 10)
    assert answer.info["timing"]["qpu_access_time"] == pytest.approx(expected, rel=1e-12)
    assert sampler.to_networkx_graph().graph["family"] == "chimera"


def test_connections_are_shared_by_copies(leap):
    sampler = DWaveQPUSampler()
    assert clone(sampler)._open() is sampler._open()
    assert DWaveQPUSampler(topology_type="chimera")._open() is not sampler._open()


def test_a_processor_that_is_not_there(leap):
    with pytest.raises(DeviceCallFailed, match="got no connection .*'zephyr'.*SolverNotFound"):
        DWaveQPUSampler(topology_type="zephyr").nodelist  # noqa: B018
    with pytest.raises(DeviceCallFailed, match="solver='Nobody'"):
        DWaveQPUSampler("Nobody").nodelist  # noqa: B018


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_an_estimator_trained_through_the_real_client(leap):
    X = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]] * 5)
    mlp = QuantumSampledMLPClassifier(
        n_hidden=2,
        sampler=DWaveQPUSampler(),
        max_iter=2,
        num_reads=20,
        beta_eff=6.1,
        random_state=0,
    ).fit(X, X[:, 0] > 0)
    assert type(mlp.sampler_) is EmbeddedSampler
    assert mlp.cost_["queries"] == len(leap.submissions) > 0
    assert mlp.cost_["qpu_access_time"] > 0 and mlp.cost_["faults"] == 0
    again = pickle.loads(pickle.dumps(mlp))
    np.testing.assert_array_equal(again.predict_proba(X), mlp.predict_proba(X))


def test_server_faults_pass_and_refusals_do_not(leap):
    sampler = DWaveQPUSampler(retry_wait=0.0)
    leap.faults += [503, 500]
    answer = sampler.sample_ising({0: 1.0}, {}, num_reads=5)
    assert answer.info["num_faults"] == 2 and answer.info["num_queries"] == 3
    leap.faults.append("Problem not accepted because user has insufficient remaining access time")
    n_before = len(leap.submissions)
    with pytest.raises(DeviceCallFailed, match="1 qubits, 0 couplers and 5 reads .* failed once"):
        sampler.sample_ising({0: 1.0}, {}, num_reads=5)
    assert len(leap.submissions) == n_before + 1


# --- secrets --------------------------------------------------------------------------------------


def everything_of(thing):
    return repr(thing) + str(vars(thing)) + repr(pickle.dumps(thing))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_token_is_nowhere(leap, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    sampler = DWaveQPUSampler(budget=Budget(max_queries=1000, path=tmp_path / "account"))
    X = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
    mlp = QuantumSampledMLPClassifier(
        n_hidden=1, sampler=sampler, max_iter=1, num_reads=5, beta_eff=6.1, random_state=0
    ).fit(X, X[:, 0] > 0)
    assert leap.tokens == {leap.token}  # it was sent
    told = everything_of(sampler) + everything_of(mlp.sampler_) + everything_of(mlp) + caplog.text
    told += str(sampler.recording_identity()) + str(sampler.properties) + str(sampler.parameters)
    joblib.dump(mlp, tmp_path / "model")
    skops.io.dump(mlp, tmp_path / "model.skops")
    for file in tmp_path.rglob("*"):
        told += repr(file.read_bytes()) if file.is_file() else ""
    assert leap.token not in told


def test_a_wrong_token_is_not_told(leap, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("DWAVE_API_TOKEN", "WRONG-0987654321")
    with pytest.raises(DeviceCallFailed, match="no connection.*DWAVE_API_TOKEN") as caught:
        DWaveQPUSampler().nodelist  # noqa: B018
    told = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert "WRONG-0987654321" not in told


@pytest.mark.parametrize("name", ["solver", "params"])
def test_a_token_among_parameters_is_refused(name):
    with pytest.raises(ValueError, match="must not have 'token'.*DWAVE_API_TOKEN") as caught:
        DWaveQPUSampler(**{name: {"token": "abc"}})
    sampler = handle().set_params(**{name: {"Token": "abc"}})
    with pytest.raises(ValueError, match="must not have 'Token'.*DWAVE_API_TOKEN") as later:
        sampler.sample_ising({0: 1.0}, {})
    assert "abc" not in str(caught.value) + str(later.value)


@pytest.mark.parametrize("name", ["num_reads", "seed", "initial_state"])
def test_what_differs_from_call_to_call_is_no_parameter(name):
    with pytest.raises(ValueError, match=f"must not have '{name}', which differs from call"):
        handle(params={name: 3}).sample_ising({0: 1.0}, {})


def test_a_token_in_an_error_is_struck_out(monkeypatch):
    monkeypatch.setenv("DWAVE_API_TOKEN", "TOKEN-5678")
    assert connection.without_token("bad TOKEN-5678!") == "bad ***!"


def test_a_token_of_a_configuration_file_of_ones_own_is_struck_out(leap, monkeypatch, tmp_path):
    monkeypatch.delenv("DWAVE_API_TOKEN")
    file = tmp_path / "mine.conf"
    file.write_text(f"[defaults]\ntoken = {leap.token}\nendpoint = {leap.endpoint}\n")
    assert connection.without_token(leap.token) == leap.token  # nobody knows it yet
    assert len(DWaveQPUSampler(config_file=file).nodelist) == 32
    assert connection.without_token(f"bad {leap.token}!") == "bad ***!"


# --- processes ------------------------------------------------------------------------------------


def _open_here(sampler):
    return os.getpid(), len(sampler.nodelist)


def test_every_process_opens_its_own(leap):
    sampler = DWaveQPUSampler()
    n_here = len(sampler.nodelist)
    # Processes that are new, and so in the environment of now.
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        found = list(pool.map(_open_here, [sampler] * 4))
    assert {n for _, n in found} == {n_here} and os.getpid() not in {pid for pid, _ in found}


def test_a_connection_does_not_survive_a_fork(leap):
    sampler = DWaveQPUSampler()
    here = sampler._open()
    child = os.fork()
    if not child:
        os._exit(sampler._open() is here)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_import_opens_and_loads_nothing():
    code = "import sys, qsklearn.samplers as s; s.DWaveQPUSampler(); print('dwave' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


# --- the contract of a device ---------------------------------------------------------------------


def test_the_name_and_what_it_becomes():
    assert "dwave" in get_sampler_names()
    assert isinstance(check_sampler(handle()), Embedded)


def test_it_is_a_dimod_sampler():
    sampler = handle()
    dimod.testing.assert_sampler_api(sampler)
    dimod.testing.assert_structured_api(sampler)
    answer = sampler.sample_ising({0: 1.0}, {(0, 4): 0.5}, num_reads=3)
    dimod.testing.assert_response_energies(
        answer, dimod.BinaryQuadraticModel.from_ising({0: 1.0}, {(0, 4): 0.5})
    )


def test_a_rehearsal_draws_what_the_device_draws():
    bqm = dimod.BinaryQuadraticModel.from_ising({0: 0.1}, {(0, 4): -0.2})
    arguments = {"num_reads": 50, "answer_mode": "raw", "seed": 3}
    own = handle().sample(bqm, **arguments)
    np.testing.assert_array_equal(own.record.sample, mock().sample(bqm, **arguments).record.sample)


def test_own_parameters_go_with_each_call():
    sampler = handle(anneal_schedule=[[0, 0], [30, 1]], params={"readout_thermalization": 7.0})
    answer = sampler.sample_ising({0: 0.1}, {}, num_reads=2)
    assert answer.info["timing"]["qpu_anneal_time_per_sample"] == 30.0
    twice = handle(annealing_time=20, params={"annealing_time": 5})
    with pytest.raises(ValueError, match="'params' .* must not have 'annealing_time'"):
        twice.sample_ising({0: 0.1}, {})


@pytest.mark.parametrize(
    "parameters, text",
    [
        ({"max_retries": -1}, "'max_retries' parameter of DWaveQPUSampler must be"),
        ({"max_retries": True}, "'max_retries' parameter of DWaveQPUSampler must be .*Got True"),
        (
            {"anneal_schedule": np.array([1, 2])},
            r"'anneal_schedule' parameter of DWaveQPUSampler must be .* pairs .*Got array\(\[1, 2",
        ),
        ({"anneal_schedule": ["a", "b"]}, "'anneal_schedule' parameter of DWaveQPUSampler must be"),
        ({"params": {"anneal_schedule": 3}}, "'anneal_schedule' parameter of DWaveQPUSampler must"),
        ({"topology_type": "cubic"}, "'topology_type' parameter of DWaveQPUSampler must be"),
        ({"budget": 3}, "'budget' parameter of DWaveQPUSampler must be"),
        ({"device": "mock"}, "'device' parameter of DWaveQPUSampler must be a structured sampler"),
    ],
)
def test_wrong_parameters(parameters, text):
    with pytest.raises(ValueError, match=text):
        DWaveQPUSampler(**{"device": mock(), **parameters}).sample_ising({0: 1.0}, {})


@pytest.mark.parametrize(
    "times",
    [
        {},
        {"annealing_time": 100.0},
        {"anneal_schedule": [[0, 0], [30, 0.5], [60, 1]]},
        {"readout_thermalization": 10.0, "reduce_intersample_correlation": True},
        {
            "anneal_schedule": [[0, 1], [10, 0.5], [20, 1]],
            "initial_state": {0: 1, 4: 1},
        },
    ],
)
def test_estimates_are_what_is_charged(times):
    sampler = handle()
    answer = sampler.sample_ising({0: 0.1, 4: 0.1}, {}, num_reads=7, **times)
    charged = answer.info["timing"]["qpu_access_time"]
    assert sampler.estimate_access_time(2, 7, **times) == pytest.approx(charged, rel=1e-12)


# --- faults ---------------------------------------------------------------------------------------


class Failing:
    """A device whose calls raise the errors of a list in turn, then answer."""

    def __init__(self, errors):
        self.errors, self.inner, self.n_calls = list(errors), mock(), 0

    def __getattr__(self, name):
        return getattr(self.__dict__["inner"], name)

    def sample(self, bqm, **parameters):
        self.n_calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return self.inner.sample(bqm, **parameters)


def test_passing_faults_are_tried_again():
    faults = {0: "timeout", 1: "connection", 2: "offline", 3: "wrong problem"}
    sampler = handle(mock(faults=faults), budget=Budget())
    answer = sampler.sample_ising({0: 1.0}, {}, num_reads=10)
    assert answer.info["num_faults"] == 4 and answer.info["num_queries"] == 5
    assert answer.record.num_occurrences.sum() == 10 and set(answer.variables) == {0}
    # The answer to another problem was paid for, and two of the others may have been.
    once = answer.info["timing"]["qpu_access_time"]
    assert answer.info["wasted_timing"]["qpu_access_time"] == once
    spent = sampler.budget.spent()
    assert spent == {"queries": 5, "qpu_seconds": pytest.approx(4e-6 * once), "faults": 4}


def test_fewer_reads_are_handed_on_and_counted():
    answer = handle(mock(faults={0: "fewer reads"})).sample_ising({0: 1.0}, {}, num_reads=10)
    assert answer.record.num_occurrences.sum() == 5 and answer.info["num_faults"] == 1


def test_it_gives_up_and_says_what_was_asked():
    device = Failing([RequestTimeout("too late")] * 9)
    with pytest.raises(
        DeviceCallFailed,
        match="A call of 2 qubits, 1 couplers and 30 reads to mock-ideal failed 3 times; the last "
        "time by RequestTimeout: too late",
    ) as caught:
        handle(device, max_retries=2).sample_ising({}, {(0, 4): 1.0}, num_reads=30)
    assert device.n_calls == 3 and caught.value.num_faults == 3
    assert pickle.loads(pickle.dumps(caught.value)).num_faults == 3


@pytest.mark.parametrize("error", [InvalidProblemError("no"), ValueError("no"), RuntimeError("no")])
def test_errors_of_ours_are_not_tried_again(error):
    device = Failing([error])
    with pytest.raises((type(error), DeviceCallFailed), match="no") as caught:
        handle(device).sample_ising({0: 1.0}, {}, num_reads=1)
    assert device.n_calls == 1
    told = str(caught.value) + "".join(getattr(caught.value, "__notes__", []))
    assert "1 qubits, 0 couplers and 1 read" in told and "mock-ideal" in told


def test_waits_double_up_to_a_minute(monkeypatch):
    slept = []
    monkeypatch.setattr("qsklearn.samplers._device_attempts.time.sleep", slept.append)
    device = Failing([RequestTimeout("late")] * 8)
    handle(device, max_retries=8, retry_wait=1.0).sample_ising({0: 1.0}, {})
    waits = [seconds for seconds in slept if seconds]  # the device sleeps its latency of 0
    longest = np.minimum(2.0 ** np.arange(8), 60.0)
    assert len(waits) == 8
    assert (waits <= longest).all() and (waits >= longest / 2).all()


@pytest.mark.parametrize(
    ("error", "counts"),
    [
        (PollingTimeout("?"), True),
        (RequestTimeout("the client raises it of answers too"), True),
        (requests.ReadTimeout(), True),
        (requests.ConnectionError("reset"), True),
        (ConnectionResetError(), True),
        (requests.ConnectTimeout(), False),
        (SolverOfflineError("offline"), False),
    ],
)
def test_a_call_that_may_have_run_counts_by_its_estimate(error, counts):
    budget = Budget()
    answer = handle(Failing([error]), budget=budget).sample_ising({0: 1.0}, {}, num_reads=10)
    once = 1e-6 * answer.info["timing"]["qpu_access_time"]
    assert budget.spent()["qpu_seconds"] == pytest.approx((1 + counts) * once)


def test_a_refused_call_costs_no_time():
    budget = Budget()
    with pytest.raises(InvalidProblemError):
        handle(budget=budget).sample_ising({0: 9.0}, {}, auto_scale=False)
    assert budget.spent()["qpu_seconds"] == 0.0


def test_an_interrupted_call_counts_by_its_estimate():
    budget = Budget()
    sampler = handle(Failing([KeyboardInterrupt()]), budget=budget)
    with pytest.raises(KeyboardInterrupt):
        sampler.sample_ising({0: 1.0}, {}, num_reads=10)
    assert budget.spent()["qpu_seconds"] == pytest.approx(
        1e-6 * sampler.estimate_access_time(1, 10)
    )


# --- through the embedding ------------------------------------------------------------------------


def test_faults_and_costs_reach_the_info_of_a_family():
    faults = {0: "offline", 1: "wrong problem", 3: "fewer reads"}
    sampler = EmbeddedSampler(handle(mock(faults=faults), budget=Budget()), num_reads=20)
    h, J = np.full((2, 3), 0.1), 0.1 * (np.ones((3, 3)) - np.eye(3))
    states, _, info = sampler.sample_arrays(h, J, beta=1.0, max_parallel=1)
    assert states.shape == (2, 20, 3)
    assert info["num_faults"] == 3
    spent = sampler.sampler.budget.spent()
    assert info["num_queries"] == spent["queries"] and spent["faults"] == 3
    assert info["qpu_access_time"] == pytest.approx(1e6 * spent["qpu_seconds"])


def test_what_a_failed_family_had_cost_is_on_the_error():
    budget = Budget(max_queries=1)
    sampler = EmbeddedSampler(handle(budget=budget), num_reads=20)
    h, J = np.full((2, 3), 0.1), 0.1 * (np.ones((3, 3)) - np.eye(3))
    with pytest.raises(BudgetSpent, match="does not cover a further call: 1 of 1") as caught:
        sampler.sample_arrays(h, J, beta=1.0, max_parallel=1)
    assert caught.value.call_info["num_queries"] == 1
    assert caught.value.call_info["qpu_access_time"] == pytest.approx(
        1e6 * budget.spent()["qpu_seconds"]
    )


def test_clones_keep_budget_and_device():
    sampler = handle(budget=Budget(max_queries=3))
    for copy in (clone(sampler), clone(EmbeddedSampler(sampler)).sampler):
        assert copy.budget is sampler.budget and copy.device is sampler.device


# --- the command line -----------------------------------------------------------------------------


def test_info_lists_what_can_be_reached(leap, capsys):
    assert main(["info", "--qpu"]) == 0
    told = capsys.readouterr().out
    n_qubits, n_couplers = len(leap.device.nodelist), len(leap.device.edgelist)
    line = f"Mock_system1.0  chimera, {n_qubits} qubits, {n_couplers} couplers, load 10 %"
    assert line in told and leap.token not in told


def test_info_without_an_account(leap, monkeypatch, capsys):
    monkeypatch.setenv("DWAVE_API_TOKEN", "WRONG-0987654321")
    assert main(["info", "--qpu"]) == 2
    told = capsys.readouterr().err
    assert "no connection to a D-Wave processor" in told and "WRONG" not in told
