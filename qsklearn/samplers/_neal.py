"""dwave-samplers' simulated annealer, driven to the law."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from qsklearn._optional import import_optional
from qsklearn.samplers._annealing import check_beta_range
from qsklearn.samplers._base import BETA, COUNT, SEED_CONSTRAINTS, ArraySampler
from qsklearn.samplers._models import SpinModels
from qsklearn.samplers._one_by_one import draw_one_by_one
from qsklearn.samplers._schedules import default_beta_range, interpolate

_GROUND_SWEEPS = 1000
_THERMAL_SWEEPS = 100


class NealSampler(ArraySampler):
    r"""The annealer of dwave-samplers (once dwave-neal), needs the extra ``dwave``.

    With ``beta=None`` it anneals by its own schedule. With ``beta`` given, half of the sweeps cool
    into it and the other half stay there, all under the Gibbs criterion, so that the draws follow
    :math:`P(s) \propto e^{-\beta E(s)}` as far as the chain mixes. Variables are put into a
    canonical order, because its draws depend on the order; a one-hot unit is a penalty with
    post-selection, and families run model by model.

    Parameters
    ----------
    num_reads : int, default=1
    num_sweeps : int, default=None
        Updates of each spin in a read. None: 1000 for low energies, 100 for draws at ``beta``.
    beta : float, default=None
        Inverse temperature of the draws, multiplying E. None searches for low energies.
    beta_range : tuple of (hot, cold), default=None
        Ends of the schedule of a search. None leaves them to dwave-samplers.
    seed : int, default=None
        The first reads stay the same when ``num_reads`` grows, but not with a one-hot unit, whose
        broken reads are drawn again. None: fresh entropy.

    Examples
    --------
    >>> import dimod
    >>> from qsklearn.samplers import NealSampler
    >>> pair = dimod.BinaryQuadraticModel.from_ising({}, {"ab": -1.0})
    >>> float(NealSampler(num_reads=4, seed=0).sample(pair).first.energy)
    -1.0
    """

    draws_one_hot = False

    #: What draws, for reports.
    drawn_by = "a simulation on this machine; no quantum device"

    _parameter_constraints = {
        "num_reads": [COUNT],
        "num_sweeps": [COUNT, None],
        "beta": [BETA, None],
        "beta_range": ["array-like", None],
        "seed": SEED_CONSTRAINTS,
    }

    def __init__(self, num_reads=1, num_sweeps=None, *, beta=None, beta_range=None, seed=None):
        self.num_reads = num_reads
        self.num_sweeps = num_sweeps
        self.beta = beta
        self.beta_range = beta_range
        self.seed = seed

    def _draw(self, models: SpinModels, settings: SimpleNamespace, keep: np.ndarray):
        annealer = import_optional("dwave.samplers", "NealSampler").SimulatedAnnealingSampler()
        hot, _ = default_beta_range(models)
        if settings.num_sweeps is None:
            settings.num_sweeps = _GROUND_SWEEPS if settings.beta is None else _THERMAL_SWEEPS
        biased = models.fields.any(axis=1) | (models.couplings.nnz > 0)

        def sample(model, bqm, num_reads, seed):
            schedule = self._schedule(float(hot[model]), settings)
            if schedule.get("beta_range", ()) is None and not biased[model]:
                schedule["beta_range"] = (1.0, 1.0)  # the annealer would warn that it has no scale
            return annealer.sample(bqm, num_reads=num_reads, seed=seed, **schedule)

        states, energies, _ = draw_one_by_one(
            sample, models, settings.num_reads, settings.seed, keep, "NealSampler"
        )
        return states, energies, {"beta": settings.beta, "num_sweeps": settings.num_sweeps}

    def _schedule(self, hottest: float, settings: SimpleNamespace) -> dict:
        if settings.beta is None:
            ends = settings.beta_range
            return {
                "num_sweeps": settings.num_sweeps,
                "beta_range": None if ends is None else check_beta_range(ends),
            }
        betas = np.full(settings.num_sweeps, float(settings.beta))
        falling = settings.num_sweeps // 2
        if falling and settings.beta > 0:
            hot, cold = np.array([min(hottest, settings.beta)]), np.array([settings.beta])
            betas[:falling] = interpolate(hot, cold, falling, "geometric")[0]
        return {
            "beta_schedule_type": "custom",
            "beta_schedule": betas,
            "proposal_acceptance_criteria": "Gibbs",
        }
