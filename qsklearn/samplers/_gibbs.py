"""Block Gibbs sampling on the package's own kernels."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from qsklearn.samplers._base import (
    BETA,
    COUNT,
    SECONDS,
    SEED_CONSTRAINTS,
    THREADS,
    ArraySampler,
)
from qsklearn.samplers._chains import run_chains
from qsklearn.samplers._models import SpinModels
from qsklearn.samplers._streams import Stream


class GibbsSampler(ArraySampler):
    r"""Block Gibbs sampling at a fixed inverse temperature.

    A sweep visits the spins colour by colour (a bipartite model has two), and draws each from its
    law given the others,

    .. math:: P(s_i = +1 \mid s) = 1 / (1 + e^{2 \beta (h_i + \sum_j J_{ij} s_j)}),

    a one-hot unit as a whole. Chains go in by ``initial_states`` and out as the states returned,
    so that persistent chains are the caller's.

    Parameters
    ----------
    num_reads : int, default=1
        Independent chains, and so states.
    num_sweeps : int, default=100
        Updates of each spin in a chain.
    beta : float, default=1.0
        Inverse temperature, multiplying E.
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
    Geman, S., Geman, D. (1984). Stochastic relaxation, Gibbs distributions, and the Bayesian
    restoration of images. IEEE Trans. Pattern Anal. Mach. Intell. 6, 721-741.

    Examples
    --------
    >>> import dimod
    >>> from qsklearn.samplers import GibbsSampler
    >>> pair = dimod.BinaryQuadraticModel.from_ising({}, {"ab": -1.0})
    >>> states = GibbsSampler(num_reads=10_000, beta=0.5, seed=0).sample(pair)
    >>> energy = (states.record.energy * states.record.num_occurrences).sum() / 10_000
    >>> bool(abs(energy + 0.462) < 0.04)  # -tanh(0.5), 4 standard errors
    True
    """

    intents = frozenset({"thermal"})

    #: What draws, for reports.
    drawn_by = "a simulation on this machine; no quantum device"

    _parameter_constraints = {
        "num_reads": [COUNT],
        "num_sweeps": [COUNT],
        "beta": [BETA],
        "seed": SEED_CONSTRAINTS,
        "num_threads": THREADS,
        "max_seconds": SECONDS,
    }

    def __init__(
        self,
        num_reads=1,
        num_sweeps=100,
        *,
        beta=1.0,
        seed=None,
        num_threads=None,
        max_seconds=None,
    ):
        self.num_reads = num_reads
        self.num_sweeps = num_sweeps
        self.beta = beta
        self.seed = seed
        self.num_threads = num_threads
        self.max_seconds = max_seconds

    def _call_parameters(self) -> list[str]:
        return ["initial_states", "clamped"]

    def _draw(self, models: SpinModels, settings: SimpleNamespace, keep: np.ndarray):
        states, energies = run_chains(
            models,
            np.full((models.n_models, settings.num_sweeps), float(settings.beta)),
            rule="heat_bath",
            num_reads=settings.num_reads,
            seed=settings.seed,
            stream=Stream.GIBBS,
            initial_states=settings.initial_states,
            clamped=settings.clamped,
            watch=settings.watch,
            keep=keep,
            num_threads=settings.num_threads,
        )
        return states, energies, {"beta": settings.beta, "num_sweeps": settings.num_sweeps}
