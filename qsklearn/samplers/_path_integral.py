"""Simulated quantum annealing on the package's own kernel."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from qsklearn._checks import check_number
from qsklearn._private_api import Interval, Real, StrOptions
from qsklearn.samplers._base import (
    BETA,
    COUNT,
    SECONDS,
    SEED_CONSTRAINTS,
    THREADS,
    ArraySampler,
)
from qsklearn.samplers._models import SpinModels
from qsklearn.samplers._schedules import default_beta_range, interpolate
from qsklearn.samplers._streams import Stream
from qsklearn.samplers._worldlines import run_worldlines

_GROUND_SWEEPS = 400
_THERMAL_SWEEPS = 100
# A search spends this part of its sweeps on the descent without a field.
_DESCENT = 5
# Best for searches of glasses (3-regular, 6-regular ±1, 14-regular, complete; 8 and 16 slices): the
# temperature of a slice, and the field at the start, in units of the field that a spin feels.
_SLICE_TEMPERATURE = 2 / 3
_START = 1.0
_MAX_PLACES = 2**32  # the kernel counts spins of all slices in 32 bits


class PathIntegralAnnealingSampler(ArraySampler):
    r"""Simulated quantum annealing: path-integral Monte Carlo in a transverse field.

    The spins are those of the transverse-field Ising model, whose thermal state at a field
    :math:`\Gamma` is

    .. math:: \rho \propto e^{-\beta H}, \qquad H = E(\sigma^z) - \Gamma \sum_i \sigma^x_i .

    Suzuki's formula makes of it a classical law of ``num_slices`` = P slices of imaginary time,

    .. math::

        P(s^1, \dots, s^P) \propto \prod_{k=1}^{P} e^{-\beta E(s^k) / P}
        \prod_i \tanh(\beta \Gamma / P)^{[s_i^k \ne s_i^{k+1}]}, \qquad s^{P+1} = s^1,

    with an error of order :math:`(\beta / P)^2`. A sweep draws, site by site, all P spins of a
    site at once from their exact law given the other sites, by transfer matrices, so that
    imaginary time mixes in one step at any field.

    With ``beta`` given, each read is the first slice: a measurement of all :math:`\sigma^z` in the
    thermal state at ``transverse_field``. The field falls to it in the first half of the sweeps and
    stays during the second. **At a field of 0, the default, and only there, the law is the
    classical Boltzmann law** :math:`P(s) \propto e^{-\beta E(s)}`, so that an estimator that asks
    for draws at ``beta`` gets what it asks for; the second half then needs only one slice. At a
    larger field the draws follow the diagonal of :math:`\rho`, which is flatter, and which
    ``beta`` does not describe alone.

    With ``beta=None`` the field falls over ``transverse_field_range`` at a fixed temperature. In
    the last fifth of the sweeps the slice of lowest energy goes on alone, without a field, and is
    cooled to the cold end that :class:`SimulatedAnnealingSampler` takes.

    Spins of a one-hot unit (``sample_arrays``) feel no transverse field, which would break the
    unit: it is a classical variable, the same in all slices.

    Parameters
    ----------
    num_reads : int, default=1
        Independent chains, and so states.
    num_sweeps : int, default=None
        Updates of each worldline in a chain. None: 400 for low energies, 100 for draws at ``beta``.
    beta : float, default=None
        Inverse temperature of the draws, multiplying H. None searches for low energies.
    num_slices : int, default=8
        Slices P of imaginary time. Draws in a field need a P well above ``beta`` times the fields
        that spins feel; searches gain little beyond 16. One slice knows no transverse field.
    transverse_field : float, default=0.0
        The field Γ of draws at ``beta``, in the units of E.
    transverse_field_range : tuple of (start, end), default=None
        Fields between which a search is annealed; draws at ``beta`` start from the first. None
        falls to 0 from the median of the spins' total biases :math:`(h_i^2 + \sum_j
        J_{ij}^2)^{1/2}`.
    transverse_field_schedule_type : {"linear", "geometric"}, default="linear"
        The way through ``transverse_field_range``; for "geometric" neither end is 0.
    search_beta : float, default=None
        Inverse temperature of a search while there is a field. None: 3/2 P over the median above,
        so that a single slice is warm, and all together are cold.
    seed : int, default=None
        Draws are the same for any ``num_threads`` and any order of the variables, and the first
        reads stay the same when ``num_reads`` grows. None: fresh entropy.
    num_threads : int, default=None
        Threads over blocks of reads; None means 1, -1 all cores.
    max_seconds : float, default=None
        The chains end at the next sweep when this time is over, or at Ctrl-C, and are returned as
        they are, with a warning and a ``stop_reason`` in ``info``.

    References
    ----------
    Suzuki, M. (1976). Relationship between d-dimensional quantal spin systems and (d+1)-dimensional
    Ising systems. Prog. Theor. Phys. 56, 1454-1469.

    Martoňák, R., Santoro, G. E., Tosatti, E. (2002). Quantum annealing by the path-integral Monte
    Carlo method: The two-dimensional random Ising model. Phys. Rev. B 66, 094203.

    Examples
    --------
    >>> import dimod
    >>> from qsklearn.samplers import PathIntegralAnnealingSampler
    >>> triangle = dimod.BinaryQuadraticModel.from_ising({}, {"ab": 1, "bc": 1, "ca": 1})
    >>> float(PathIntegralAnnealingSampler(num_reads=10, seed=0).sample(triangle).first.energy)
    -1.0

    One spin in a longitudinal and a transverse field, where theory has a closed form:

    >>> sampler = PathIntegralAnnealingSampler(num_reads=10_000, beta=1.0, num_slices=32, seed=0)
    >>> spin = dimod.BinaryQuadraticModel.from_ising({"a": 0.6}, {})
    >>> states = sampler.sample(spin, transverse_field=0.8)
    >>> bool(abs(states.record.sample.mean() + 0.457) < 0.036)  # -0.6 tanh(1), 4 standard errors
    True
    """

    #: What draws, for reports.
    drawn_by = "a simulation on this machine; no quantum device"

    _parameter_constraints = {
        "num_reads": [COUNT],
        "num_sweeps": [COUNT, None],
        "beta": [BETA, None],
        "num_slices": [COUNT],
        "transverse_field": [Interval(Real, 0, None, closed="left")],
        "transverse_field_range": ["array-like", None],
        "transverse_field_schedule_type": [StrOptions({"linear", "geometric"})],
        "search_beta": [Interval(Real, 0, None, closed="neither"), None],
        "seed": SEED_CONSTRAINTS,
        "num_threads": THREADS,
        "max_seconds": SECONDS,
    }

    def __init__(
        self,
        num_reads=1,
        num_sweeps=None,
        *,
        beta=None,
        num_slices=8,
        transverse_field=0.0,
        transverse_field_range=None,
        transverse_field_schedule_type="linear",
        search_beta=None,
        seed=None,
        num_threads=None,
        max_seconds=None,
    ):
        self.num_reads = num_reads
        self.num_sweeps = num_sweeps
        self.beta = beta
        self.num_slices = num_slices
        self.transverse_field = transverse_field
        self.transverse_field_range = transverse_field_range
        self.transverse_field_schedule_type = transverse_field_schedule_type
        self.search_beta = search_beta
        self.seed = seed
        self.num_threads = num_threads
        self.max_seconds = max_seconds

    def _call_parameters(self) -> list[str]:
        return ["initial_states"]

    def _working_bytes(self, models: SpinModels, settings: SimpleNamespace) -> int:
        of_schedules = 40 * models.n_models * (settings.num_sweeps or _GROUND_SWEEPS)
        of_worldlines = 8 * models.n_spins * settings.num_slices * settings.num_threads
        of_states = models.n_models * models.n_spins * settings.num_reads
        return of_schedules + of_worldlines + of_states

    def _draw(self, models: SpinModels, settings: SimpleNamespace, keep: np.ndarray):
        default = _GROUND_SWEEPS if settings.beta is None else _THERMAL_SWEEPS
        settings.num_sweeps = settings.num_sweeps or default
        check_slices(models, settings.num_slices)
        _check_field(settings)
        check_finite(settings)
        stages = _search if settings.beta is None else _fall_and_stay
        return _run_stages(models, stages(models, settings), settings, keep)


def _check_field(settings: SimpleNamespace) -> None:
    if settings.beta is not None and settings.transverse_field and settings.num_slices == 1:
        raise ValueError(
            "The 'num_slices' parameter of PathIntegralAnnealingSampler must be at least 2 with a "
            f"transverse_field of {settings.transverse_field!r}, and well above beta times it for "
            "a small error. Got 1 instead."
        )


def _search(models: SpinModels, settings: SimpleNamespace) -> list[SimpleNamespace]:
    """An anneal of the field, and a classical descent from its lowest slices."""
    scales = typical_biases(models)
    beta = settings.num_slices / (_SLICE_TEMPERATURE * scales)
    if settings.search_beta is not None:
        beta = np.full(models.n_models, float(settings.search_beta))
    num_falling = settings.num_sweeps - settings.num_sweeps // _DESCENT
    start, end = _ends(scales, settings)
    falling = _way(start, end, num_falling, settings.transverse_field_schedule_type)
    cold = np.maximum(default_beta_range(models)[1], beta)
    descent = _way(beta, cold, settings.num_sweeps // _DESCENT, "geometric")
    return [
        SimpleNamespace(betas=_constant(beta, num_falling), transverse_fields=falling),
        SimpleNamespace(betas=descent, transverse_fields=np.zeros_like(descent)),
    ]


def _fall_and_stay(models: SpinModels, settings: SimpleNamespace) -> list[SimpleNamespace]:
    """A fall of the field to that of the draws, where it stays."""
    end = np.full(models.n_models, float(settings.transverse_field))
    start, _ = _ends(typical_biases(models), settings)
    # Chains that are handed in stay in their field: another would forget where they were.
    num_falling = settings.num_sweeps // 2 if settings.initial_states is None else 0
    kind = settings.transverse_field_schedule_type if settings.transverse_field else "linear"
    falling = _way(np.maximum(start, end), end, num_falling, kind)
    staying = _constant(end, settings.num_sweeps - num_falling)
    parts = [falling, staying]
    if settings.transverse_field > 0:
        parts = [np.concatenate(parts, axis=1)]
    beta = np.full(models.n_models, float(settings.beta))
    return [
        SimpleNamespace(betas=_constant(beta, part.shape[1]), transverse_fields=part)
        for part in parts
    ]


def _run_stages(models, stages, settings, keep):
    """One run of worldlines after the other, each from the states of the one before."""
    states = settings.initial_states
    stages = [stage for stage in stages if stage.betas.shape[1]]
    for stage in stages:
        has_field = stage.transverse_fields.any()
        states, energies = run_worldlines(
            models,
            stage.betas,
            stage.transverse_fields,
            # Without a field all slices are equal, and one has the same law.
            num_slices=settings.num_slices if has_field else 1,
            returns_lowest=settings.beta is None,
            num_reads=settings.num_reads,
            seed=settings.seed,
            stream=Stream.WORLDLINES if has_field else Stream.WORLDLINES_WITHOUT_FIELD,
            num_threads=settings.num_threads,
            keep=keep if stage is stages[-1] else None,
            initial_states=states,
            watch=settings.watch,
        )
    fields = np.concatenate([stage.transverse_fields for stage in stages], axis=1)
    info = {
        "beta": settings.beta,
        "beta_range": (float(stages[0].betas.min()), float(stages[-1].betas.max())),
        "num_sweeps": settings.num_sweeps,
        "num_slices": settings.num_slices,
        "transverse_field_range": (float(fields[:, 0].max()), float(fields[:, -1].min())),
    }
    return states, energies, info


def _way(start: np.ndarray, end: np.ndarray, num_sweeps: int, kind: str) -> np.ndarray:
    """Values of each sweep of a stage, which may have none."""
    return interpolate(start, end, num_sweeps, kind)[:, :num_sweeps]


def _constant(values: np.ndarray, num_sweeps: int) -> np.ndarray:
    return np.repeat(values[:, np.newaxis], num_sweeps, axis=1)


def typical_biases(models: SpinModels) -> np.ndarray:
    """Median of the spins' total biases √(h² + Σ J²), of each model; 1 for one without any.

    The median, as a few strong biases do not tell where the others freeze.
    """
    totals = np.sqrt(models.fields**2 + (models.couplings**2).sum(axis=1))
    totals[~totals.any(axis=1)] = 1.0
    return np.nanmedian(np.where(totals > 0, totals, np.nan), axis=1)


def _ends(scales: np.ndarray, settings: SimpleNamespace) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the fall of the transverse field, of each model."""
    if settings.transverse_field_range is not None:
        start, end = check_transverse_field_range(settings)
        return np.full_like(scales, start), np.full_like(scales, end)
    is_linear = settings.transverse_field_schedule_type == "linear"
    return _START * scales, np.zeros_like(scales) if is_linear else 1e-3 * scales


def check_transverse_field_range(settings: SimpleNamespace) -> tuple[float, float]:
    """Start and end of the transverse field.

    Raises
    ------
    ValueError
        If they are not two finite numbers, the first > 0, the second >= 0, and > 0 for a geometric
        schedule.
    """
    given = settings.transverse_field_range
    try:
        ends = np.asarray(given, dtype=float)
    except (TypeError, ValueError):  # words, or ragged
        ends = np.empty(0)
    is_pair = ends.shape == (2,) and np.isfinite(ends).all() and ends[0] > 0 and ends[1] >= 0
    if not is_pair:
        raise ValueError(
            "The 'transverse_field_range' parameter must be two finite numbers, a start > 0 and an "
            f"end >= 0. Got {given!r} instead."
        )
    if settings.transverse_field_schedule_type == "geometric" and ends[1] == 0:
        raise ValueError(
            "The 'transverse_field_range' parameter must end > 0 with "
            f"transverse_field_schedule_type='geometric'. Got {given!r} instead."
        )
    return float(ends[0]), float(ends[1])


def check_finite(settings: SimpleNamespace) -> None:
    """Refuse a field or temperature that is infinite, and make it a float.

    Raises
    ------
    ValueError
    """
    for name in ("transverse_field", "search_beta"):
        if (value := getattr(settings, name)) is not None:
            setattr(settings, name, check_number(value, name, "PathIntegralAnnealingSampler"))


def check_slices(models: SpinModels, num_slices: int) -> None:
    """Refuse more spins in all slices than the kernel can count.

    Raises
    ------
    ValueError
    """
    if models.n_spins * num_slices >= _MAX_PLACES:
        raise ValueError(
            "The 'num_slices' parameter of PathIntegralAnnealingSampler must be such that all "
            f"slices together have fewer than 2^32 spins. Got {num_slices} slices of "
            f"{models.n_spins} spins instead."
        )
