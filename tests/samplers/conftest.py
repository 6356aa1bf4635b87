"""A service on this machine that answers D-Wave's client as Leap does: one processor, its faults.

It speaks the protocol (SAPI 3.0, format "qp") and leaves the physics to a MockQPUSampler.
"""

import base64
import json
import threading
import uuid
import zlib
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import dimod
import numpy as np
import pytest

TOKEN = "SECRET-1234567890abcdef"


class Leap(ThreadingHTTPServer):
    """`faults` says what to answer to the next submissions: an HTTP status, an error's text."""

    daemon_threads = True
    token = TOKEN

    def __init__(self, device, name="Mock_system1.0"):
        super().__init__(("127.0.0.1", 0), Handler)
        self.device, self.name = device, name
        self.properties = {**device.properties, "parameters": dict.fromkeys(device.parameters)}
        self.properties["parameters"].pop("seed", None)
        self.tokens, self.submissions, self.faults, self.labels = set(), [], [], []

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.server_port}/sapi/v2/"

    def definition(self):
        graph_id = "0123456789"
        return {
            "identity": {"name": self.name, "version": {"graph_id": graph_id}},
            "status": "ONLINE",
            "description": "not there",
            "properties": self.properties,
            "avg_load": 0.1,
        }

    def answer(self, problem):
        now = datetime.now(UTC).isoformat()
        state = {
            "id": str(uuid.uuid4()),
            "type": problem["type"],
            "solver": problem["solver"],
            "label": problem.get("label"),
            "submitted_on": now,
        }
        self.submissions.append(problem["params"])
        self.labels.append(problem.get("label"))
        if self.faults and isinstance(self.faults[0], str):
            return {"error_code": 400, "error_msg": self.faults.pop(0)}
        bqm, qubits = self.decode(problem)
        told = {name: value for name, value in problem["params"].items() if value is not None}
        sampleset = self.device.sample(bqm, **told)
        order = [sampleset.variables.index(qubit) for qubit in qubits]
        bits = np.packbits(sampleset.record.sample[:, order] > 0, axis=1)
        answer = {
            "format": "qp",
            "num_variables": self.properties["num_qubits"],
            "active_variables": encode(qubits, "<i4"),
            "energies": encode(sampleset.record.energy, "<f8"),
            "num_occurrences": encode(sampleset.record.num_occurrences, "<i4"),
            "solutions": base64.b64encode(bits.tobytes()).decode(),
            "timing": sampleset.info["timing"],
        }
        return {**state, "status": "COMPLETED", "solved_on": now, "answer": answer}

    def decode(self, problem):
        qubits = self.properties["qubits"]
        linear = np.frombuffer(base64.b64decode(problem["data"]["lin"]), "<f8")
        active = [q for q, bias in zip(qubits, linear, strict=True) if not np.isnan(bias)]
        quadratic = np.frombuffer(base64.b64decode(problem["data"]["quad"]), "<f8")
        inside = set(active)
        pairs = [pair for pair in self.properties["couplers"] if inside.issuperset(pair)]
        biases = dict(zip(qubits, linear.tolist(), strict=True))
        couplings = zip(map(tuple, pairs), quadratic.tolist(), strict=True)
        bqm = dimod.BinaryQuadraticModel.from_ising(
            {q: biases[q] for q in active}, {pair: bias for pair, bias in couplings if bias}
        )
        return bqm, active


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.tokens.add(self.headers.get("X-Auth-Token"))
        if self.headers.get("X-Auth-Token") != TOKEN:
            return self.reply({"error_msg": "Invalid token or access denied"}, "solver", 401)
        if "solvers/remote" in self.path:
            return self.reply([self.server.definition()], "solver-definition-list")
        return self.reply({"error_msg": "no such thing"}, "solver", 404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "deflate":
            body = zlib.decompress(body)
        if self.server.faults and isinstance(self.server.faults[0], int):
            self.server.submissions.append(None)
            return self.reply({"error_msg": "a fault"}, "problems", self.server.faults.pop(0))
        return self.reply([self.server.answer(each) for each in json.loads(body)], "problems")

    def reply(self, content, kind, status=200):
        body = json.dumps(content, default=float).encode()
        self.send_response(status)
        self.send_header("Content-Type", f"application/vnd.dwave.sapi.{kind}+json; version=3.0.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def encode(numbers, kind):
    return base64.b64encode(np.asarray(numbers, kind).tobytes()).decode()


@contextmanager
def running(device):
    """The service, up while the block runs."""
    server = Leap(device)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def leap(monkeypatch, tmp_path):
    """The service, and an environment in which D-Wave's client finds it and nothing else."""
    from qsklearn.samplers import MockQPUSampler
    from qsklearn.samplers._device_connection import close_devices

    for name in ("DWAVE_API_SOLVER", "DWAVE_PROFILE", "DWAVE_API_CLIENT", "DWAVE_API_REGION"):
        monkeypatch.delenv(name, raising=False)
    empty = tmp_path / "dwave.conf"
    empty.write_text("")
    monkeypatch.setenv("DWAVE_CONFIG_FILE", str(empty))
    monkeypatch.setenv("DWAVE_API_TOKEN", TOKEN)
    device = MockQPUSampler("ideal", topology_type="chimera", topology_shape=[2, 2, 4], seed=0)
    with running(device) as server:
        monkeypatch.setenv("DWAVE_API_ENDPOINT", server.endpoint)
        yield server
        close_devices()
