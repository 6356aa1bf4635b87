"""Facts about D-Wave's processors: each with a source, sane, and as the libraries state them.

``docs/qpu_profiles.rst`` shows the same numbers; ``python tests/samplers/test_qpu_profiles.py``
writes its tables anew.
"""

import copy
import pickle
from dataclasses import fields, replace
from pathlib import Path

import dwave.graphs
import numpy as np
import pytest
from dwave.cloud.testing.mocks import qpu_problem_timing_data, structured_solver_data
from dwave.system.temperatures import freezeout_effective_temperature
from dwave.system.testing import MockDWaveSampler

from qsklearn.samplers._qpu_profiles import PROFILES, QPUProfile, get_qpu_profile, typical_beta

NAMES = [
    "ideal",
    "2000q-baseline",
    "2000q-interim-lower-noise",
    "2000q-lower-noise",
    "advantage",
    "advantage2",
]
DEVICES = NAMES[1:]
NUMBERS = [
    field.name
    for field in fields(QPUProfile)
    if field.name not in ("name", "topology_type", "sources")
]
GRAPHS = {
    "chimera": dwave.graphs.chimera_graph,
    "pegasus": dwave.graphs.pegasus_graph,
    "zephyr": dwave.graphs.zephyr_graph,
}
PAGE = Path(__file__).parents[2] / "docs" / "qpu_profiles.rst"
MARK = ".. The tables are written by tests/samplers/test_qpu_profiles.py.\n"


def show(value):
    """A number of the page."""
    if isinstance(value, tuple | list):
        return ", ".join(show(part) for part in value)
    return value if isinstance(value, str) else f"{value:.8g}"


def table(title, columns, rows):
    lines = [title, "-" * len(title), "", ".. list-table::", "   :header-rows: 1", ""]
    for row in [columns, *rows]:
        lines += [f"   {'* -' if not i else '  -'} {cell}" for i, cell in enumerate(row)]
    return "\n".join(lines) + "\n"


def tables():
    """The page's tables."""
    parts = []
    for name, profile in PROFILES.items():
        rows = [
            (f"``{field}``", show(getattr(profile, field)), profile.sources[field])
            for field in NUMBERS
            if field != "problem_timing_data" and getattr(profile, field) is not None
        ]
        parts.append(table(f"``{name}``", ("field", "value", "source"), rows))
    timed = ["2000q-baseline", "advantage", "advantage2"]
    rows = [
        (f"``{key}``", *(show(PROFILES[name].problem_timing_data[key]) for name in timed))
        for key in PROFILES["advantage"].problem_timing_data
    ]
    rows.append(("source", *(PROFILES[name].sources["problem_timing_data"] for name in timed)))
    parts.append(table("``problem_timing_data``", ("microseconds", *timed), rows))
    return "\n".join(parts)


def test_names():
    assert list(PROFILES) == NAMES
    assert all(get_qpu_profile(name).name == name for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_number_has_a_source(name):
    profile = get_qpu_profile(name)
    for field in NUMBERS:
        if getattr(profile, field) is not None:
            assert len(profile.sources.get(field, "")) > 10, field
    assert set(profile.sources) <= set(NUMBERS)
    assert not any("{" in source or "  " in source for source in profile.sources.values())


def test_the_page_shows_them_all():
    shown = PAGE.read_text().partition(MARK)[2]
    assert shown == "\n" + tables(), f"run python {Path(__file__).name}"


@pytest.mark.parametrize("name", NAMES)
def test_yields_fit_the_whole_graph(name):
    profile = get_qpu_profile(name)
    whole = GRAPHS[profile.topology_type](*profile.topology_shape)
    assert profile.n_qubits <= len(whole)
    assert profile.qubit_yield == pytest.approx(profile.n_qubits / len(whole), abs=1e-12)
    # Leap's processors had more than 95 % of their qubits.
    assert profile.qubit_yield > 0.95


@pytest.mark.parametrize(
    ("name", "n_couplers"), [("advantage", 40279), ("advantage2", 41729)]
)  # docs, solver_properties_specific.rst
def test_coupler_yields_give_the_published_couplers(name, n_couplers):
    profile = get_qpu_profile(name)
    whole = GRAPHS[profile.topology_type](*profile.topology_shape)
    working, n_nodes = profile.n_qubits, len(whole)
    between = whole.number_of_edges() * working * (working - 1) / (n_nodes * (n_nodes - 1))
    assert between * profile.coupler_yield == pytest.approx(n_couplers, rel=2e-5)


@pytest.mark.parametrize("name", NAMES)
def test_ranges_hold_what_they_must(name):
    profile = get_qpu_profile(name)
    assert profile.h_range == (-profile.h_range[1], profile.h_range[1])
    assert profile.j_range == (-1.0, 1.0)
    assert profile.extended_j_range[0] < profile.j_range[0]
    low, high = profile.annealing_time_range
    assert low <= profile.default_annealing_time <= high
    stated = [profile.per_qubit_coupling_range, profile.per_group_coupling_range]
    assert sum(limits is not None for limits in stated) == 1
    # Errors are smaller than what they disturb, and steps than errors.
    assert 0 <= profile.h_noise <= 0.03 and 0 <= profile.h_offset <= 0.03
    assert 0 <= profile.j_noise <= profile.j_offset <= 0.03
    assert 0 <= profile.readout_error < 1e-4
    assert 4 < profile.device_beta < 15


def test_ideal_has_no_errors_and_a_temperature_of_its_own():
    ideal = get_qpu_profile("ideal")
    errors = ("h_noise", "j_noise", "h_offset", "j_offset", "drift", "readout_error")
    assert not any(getattr(ideal, name) for name in errors)
    assert not ideal.h_quantisation and not ideal.j_quantisation
    assert ideal.qubit_yield == ideal.coupler_yield == ideal.freeze_out == 1.0
    assert ideal.device_beta != 1.0
    # dwave.system.temperatures: B(s*) = 3.91 GHz at 15.4 mK
    assert ideal.device_beta == pytest.approx(
        1 / freezeout_effective_temperature(3.91, 15.4), rel=0.01
    )


def test_noise_falls_from_one_2000q_to_the_next():
    levels = [get_qpu_profile(name) for name in NAMES[1:4]]
    for error in ("h_noise", "j_noise", "h_offset", "j_offset"):
        values = [getattr(level, error) for level in levels]
        assert values == sorted(values, reverse=True)
        assert len(set(values)) == 3
    assert len({level.topology_shape for level in levels}) == 1


@pytest.mark.parametrize(
    ("name", "h_total", "j_total"),
    [
        ("2000q-baseline", 0.025, 0.0155),
        ("2000q-interim-lower-noise", 0.0175, 0.0125),
        ("2000q-lower-noise", 0.010, 0.0095),
        ("advantage", 0.0175, 0.0125),
        ("advantage2", 0.010, 0.0095),
    ],
)
def test_errors_add_up_to_what_is_said(name, h_total, j_total):
    profile = get_qpu_profile(name)
    assert np.hypot(profile.h_noise, profile.h_offset) == pytest.approx(h_total)
    assert np.hypot(profile.j_noise, profile.j_offset) == pytest.approx(j_total)
    assert str(h_total) in profile.sources["h_offset"]
    assert str(j_total) in profile.sources["j_offset"]


@pytest.mark.parametrize(
    ("name", "millikelvin"),
    [("2000q-baseline", 14.5), ("2000q-interim-lower-noise", 14.0), ("2000q-lower-noise", 13.5)],
)
def test_temperatures_of_the_2000q_are_d_wave_s_formula(name, millikelvin):
    expected = 1 / freezeout_effective_temperature(7.0, millikelvin)
    assert get_qpu_profile(name).device_beta == pytest.approx(expected, rel=1e-5)


def test_wrong_reads_are_those_published():
    for name, wrong in (("2000q-baseline", 0.01), ("advantage", 0.001), ("advantage2", 0.001)):
        profile = get_qpu_profile(name)
        right = (1 - profile.readout_error) ** profile.n_qubits
        assert 1 - right == pytest.approx(wrong, rel=1e-6)


def test_timing_data_are_those_of_the_cloud_client():
    assert get_qpu_profile("advantage").problem_timing_data == qpu_problem_timing_data("advantage")
    assert get_qpu_profile("ideal").problem_timing_data == qpu_problem_timing_data("advantage")
    for name in NAMES[1:4]:
        assert get_qpu_profile(name).problem_timing_data == qpu_problem_timing_data("2000q")
    newest = get_qpu_profile("advantage2").problem_timing_data
    assert set(newest) == set(qpu_problem_timing_data("advantage"))
    # docs, solver_properties_specific.rst, Advantage2_system1.10
    assert newest["typical_programming_time"] == pytest.approx(33600, rel=0.01)
    assert newest["qpu_delay_time_per_sample"] == pytest.approx(60.6, abs=0.05)


def test_properties_are_those_of_d_wave_s_mocks():
    shown = get_qpu_profile("advantage").solver_properties()
    mock = MockDWaveSampler(topology_type="pegasus", topology_shape=[2]).properties
    # The mock's run duration is ten times what the documentation shows, and it has no timing data.
    same = set(shown) - {"chip_id", "problem_run_duration_range", "problem_timing_data"}
    assert {name: shown[name] for name in same} == {name: mock[name] for name in same}
    older = get_qpu_profile("2000q-lower-noise").solver_properties()
    cloud = structured_solver_data()["properties"]
    for name in ("h_range", "j_range", "extended_j_range", "num_reads_range", "category"):
        assert older[name] == cloud[name]
    assert older["annealing_time_range"] == cloud["annealing_time_range"]


def test_a_range_that_a_processor_does_not_state_is_absent():
    assert "per_qubit_coupling_range" not in get_qpu_profile("advantage2").solver_properties()
    assert "per_group_coupling_range" not in get_qpu_profile("advantage").solver_properties()
    assert "fast_anneal_time_range" not in get_qpu_profile("2000q-baseline").solver_properties()


def test_properties_may_be_changed():
    before = copy.deepcopy(get_qpu_profile("advantage").problem_timing_data)
    shown = get_qpu_profile("advantage").solver_properties()
    shown["problem_timing_data"]["decorrelation_time_range"][0] = -1
    shown["h_range"][0] = 0
    assert get_qpu_profile("advantage").problem_timing_data == before
    assert get_qpu_profile("advantage").h_range == (-4.0, 4.0)


def test_profiles_are_values():
    profile = get_qpu_profile("advantage2")
    again = pickle.loads(pickle.dumps(profile))
    assert again == profile and hash(again) == hash(profile)
    assert copy.deepcopy(profile) == profile
    assert replace(profile, drift=0.5) != profile


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_qubits": 5641}, "'n_qubits' parameter of QPUProfile must be between 1 and 5640"),
        ({"topology_shape": (16, 4)}, r"'pegasus' and \(m,\)"),
        ({"topology_type": "ring"}, "'topology_type' and 'topology_shape'"),
        ({"device_beta": 0.0}, "'device_beta' parameter of QPUProfile must be positive. Got 0.0"),
        ({"device_beta": float("nan")}, "'device_beta' parameter"),
        ({"freeze_out": 1.5}, "'freeze_out' parameter"),
        ({"h_noise": -0.1}, "'h_noise' parameter of QPUProfile must be a number, 0 or more"),
        ({"h_range": (1.0, -1.0)}, r"'h_range' parameter of QPUProfile must be a pair"),
        ({"h_range": (1.0,)}, r"'h_range' parameter of QPUProfile must be a pair.* Got \(1.0,\)"),
        ({"topology_shape": (0,)}, "'topology_shape' parameter .* must be positive integers"),
        ({"h_noise": "a"}, "'h_noise' parameter of QPUProfile must be a number, .* Got 'a'"),
    ],
)
def test_impossible_profiles_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(get_qpu_profile("advantage"), **change)


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match=r"Got 'advantage3' instead. Did you mean 'advantage2?'\?"):
        get_qpu_profile("advantage3")


@pytest.mark.parametrize(
    ("chip", "topology", "temperature"),
    [
        # docs, solver_properties_specific.rst: average single-qubit temperatures
        ("Advantage_system4.1", "pegasus", 0.198),
        ("Advantage_system6.4", "pegasus", 0.221),
        ("Advantage2_system1.10", "zephyr", 0.112),
        ("Advantage2_system1.13", "zephyr", 0.112),
        ("Advantage2_system2.1", "zephyr", 0.119),
        ("Advantage2_research1.5", "zephyr", 0.102),
        # not published: its kind's
        ("Advantage_system1.1", "pegasus", 0.198),
        ("Advantage2_prototype2.6", "zephyr", 0.112),
    ],
)
def test_prior_of_a_real_processor(chip, topology, temperature):
    mean, stderr = typical_beta({"chip_id": chip, "topology": {"type": topology, "shape": [1]}})
    assert mean == pytest.approx(1 / temperature)
    assert stderr == pytest.approx(0.2 / temperature)


def test_prior_of_a_2000q():
    for chip, name in (("DW_2000Q_2_1", NAMES[1]), ("DW_2000Q_6", NAMES[3])):
        profile = get_qpu_profile(name)
        prior = typical_beta({"chip_id": chip})  # old solvers state no topology
        assert prior == pytest.approx((profile.device_beta, profile.device_beta_stderr))


@pytest.mark.parametrize("name", NAMES)
def test_prior_of_a_mock(name):
    properties = get_qpu_profile(name).solver_properties()
    kind = get_qpu_profile("advantage" if name == "ideal" else name)
    prior = typical_beta(properties)
    assert prior == pytest.approx((kind.device_beta, kind.device_beta_stderr))


def test_priors_cover_what_others_measured():
    """Within two standard deviations; numbers quoted in ``sources``."""
    for chip, others in (
        ("Advantage_system4.1", (6.1, 1 / 0.223, 1 / 0.221)),
        ("Advantage2_system1.3", (6.35, 1 / 0.119, 1 / 0.102)),
    ):
        mean, stderr = typical_beta({"chip_id": chip})
        assert all(abs(other - mean) < 2 * stderr for other in others)


@pytest.mark.parametrize(
    "properties",
    [
        {},
        {"chip_id": None},
        {"chip_id": "MockDWaveSampler", "topology": {"type": "pegasus", "shape": [16]}},
        {"chip_id": "mock-other"},
        {"chip_id": "Advantage_system4.1", "topology": {"type": "clique", "shape": [9]}},
    ],
)
def test_nothing_is_known_of_other_devices(properties):
    assert typical_beta(properties) is None


if __name__ == "__main__":
    head = PAGE.read_text().partition(MARK)[0]
    PAGE.write_text(head + MARK + "\n" + tables())
