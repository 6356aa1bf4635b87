"""Fitting a discrete VAE, from checked data to what an estimator keeps, in PyTorch."""

import time
from dataclasses import dataclass, field

import numpy as np
import torch

from qsklearn._warnings import warn
from qsklearn.neural_network._base import SamplerFailure, stop_reason
from qsklearn.neural_network._boltzmann_prior_vae._data import ACTIVE_VARIANCE
from qsklearn.neural_network._boltzmann_prior_vae._fitted import FitState, FittedNetworks
from qsklearn.neural_network._boltzmann_prior_vae._negative_phase import NegativePhase
from qsklearn.neural_network._boltzmann_prior_vae._networks import to_tensor
from qsklearn.neural_network._boltzmann_prior_vae._normalisation import settle_normalisations
from qsklearn.neural_network._boltzmann_prior_vae._prior import BoltzmannPrior
from qsklearn.neural_network._boltzmann_prior_vae._training import Diverged, Training
from qsklearn.neural_network._iterations import iterate
from qsklearn.neural_network._torch_state import (
    generators_to_arrays,
    set_generators,
    torch_to_itself,
)
from qsklearn.samplers import log_partition_function
from qsklearn.samplers._arguments import count_threads

_CALLER = "QuantumBoltzmannPriorVAE"
# Reasons to stop that are the training's own.
_WHOLE = ("max_iter", "callback")
# log Z after each epoch is for the course of the training alone: good to some .15 nats.
_ROUGH = {"method": "auto", "population_size": 256, "num_sweeps": 1}
_MOST_ROUGH_SPINS = 2000
# Rows whose posteriors tell how many units are in use.
_ROWS_OF_ACTIVITY = 1000


@dataclass
class Outcome:
    """How a training went.

    Parameters
    ----------
    state : FitState
    prior : BoltzmannPrior
    history : dict of str to list
        A value an epoch.
    cost : dict
    stop_reason : str, or None
        None while it goes on.
    """

    state: FitState
    prior: BoltzmannPrior
    history: dict = field(default_factory=dict)
    cost: dict = field(default_factory=dict)
    stop_reason: str | None = None


class Fitting:
    """One training, from the estimator's parameters and what an earlier one left.

    Parameters
    ----------
    estimator : QuantumBoltzmannPriorVAE
        Its parameters.
    data : TrainingData
    state : FitState
        Left as it is.
    latent : LatentSampler
    architecture : VAEArchitecture
    schedule : Schedule
    device : str

    Raises
    ------
    ValueError
        If a network does not fit.
    """

    def __init__(self, estimator, data, state, latent, architecture, schedule, device):
        self._data, self._state = data, state
        self._architecture, self._graph = architecture, latent.graph
        self._batch_size = estimator.batch_size
        self._num_threads = count_threads(estimator.n_jobs, _CALLER)
        self._transverse_field = estimator.transverse_field
        self._rng = np.random.default_rng(state.entropy)
        networks = architecture.build(int(self._rng.integers(2**31)))
        negative_phase = NegativePhase(
            latent.sampler,
            latent.graph,
            estimator.n_chains,
            estimator.num_sweeps,
            n_classes=architecture.n_classes,
            beta_eff=estimator.beta_eff,
            transverse_field=estimator.transverse_field,
            num_threads=estimator.n_jobs,
            belief=state.belief,
            states=_chains_of(state, estimator.n_chains),
        )
        self._training = Training(
            networks,
            negative_phase,
            schedule,
            self._rng,
            binarize=estimator.binarize if architecture.likelihood == "bernoulli" else None,
            device=device,
            limits=latent.limits,
        )
        self._history, self.stop_reason = TrainingHistory(), None
        self._seconds_before, self._started = 0.0, time.perf_counter()
        self._go_on(state)

    def _go_on(self, state):
        """Where the last training ended; of a first one the scale of the data."""
        networks = self._training.networks
        if state.networks is None:
            networks.likelihood.adapt(self._data.X)
            return
        networks.take_arrays(state.networks.arrays)
        self._rng.bit_generator.state = state.generator
        self._training.step = state.step
        if state.optimiser is not None:
            self._training.optimiser.load_state_dict(_to_tensors(state.optimiser))

    def start(self):
        """What decides the training beside parameters and data, as numbers and arrays.

        Threads do: their sums differ in the last digits.
        """
        return {
            **self._state.start(),
            "edges": self._graph.edges,
            "num_threads": self._num_threads,
            "device": self._training.device,
        }

    def to_dict(self):
        """All that the rest of the training depends on."""
        return {
            "training": self._training.to_dict(),
            "generators": generators_to_arrays(self._training.device),
            "history": self._history.columns,
            "stop_reason": self.stop_reason,
            "seconds": self._seconds,
        }

    def go_on_from(self, saved):
        """Go on where another one was.

        Parameters
        ----------
        saved : dict
            As :meth:`to_dict` returns it.
        """
        self._training.go_on_from(saved["training"])
        set_generators(saved["generators"])
        self._history.columns, self.stop_reason = saved["history"], saved["stop_reason"]
        self._seconds_before = saved["seconds"]

    @property
    def _seconds(self):
        return self._seconds_before + time.perf_counter() - self._started

    def run(self, n_epochs, checkpoint, progress, attributes):
        """Train.

        Parameters
        ----------
        n_epochs : int
            Passes over the data.
        checkpoint : Checkpoint
        progress : Progress
        attributes : callable
            From an :class:`Outcome` to what makes the estimator a fitted one.

        Returns
        -------
        outcome : Outcome

        Raises
        ------
        SamplerFailure, KeyboardInterrupt
            In the first epoch, which leaves nothing worth keeping.
        ValueError
            If the training diverges in its first epoch.
        """
        self._n_epochs, self._started = n_epochs, time.perf_counter()
        with torch_to_itself(self._num_threads, self._training.device):
            # Of dropout and the like; the weights have come from the first of the numbers.
            seed = int(self._rng.integers(2**31))
            torch.default_generator.manual_seed(seed)
            if self._training.device == "cuda":
                torch.cuda.manual_seed(seed)
            self._train(checkpoint, progress, attributes)
            self._settle()
        _warn_of(self.stop_reason, len(self._history))
        self._training.networks.eval().to("cpu")
        return self._outcome()

    def _settle(self):
        training = self._training
        settle_normalisations(
            training.networks,
            self._data.X,
            training.binarize,
            self._batch_size,
            [self._state.entropy, training.step],
            training.device,
        )

    def _train(self, checkpoint, progress, attributes):
        """All epochs; what ends them early, once there is something to keep, is noted."""
        try:
            iterate(self, checkpoint, progress, lambda: attributes(self._outcome()))
        except (KeyboardInterrupt, SamplerFailure) as error:
            if not self.n_run:
                raise
            self.stop_reason = stop_reason(error)
        except Diverged as error:
            if not self.n_run:
                raise ValueError(
                    f"The training of {_CALLER} diverged in its first epoch. Lower "
                    "learning_rate_init or prior_learning_rate_init, or scale the data."
                ) from error
            self.stop_reason = "diverged"
            checkpoint.save(self.to_dict)  # as it will be each time

    @property
    def n_run(self):
        """Epochs of this fit."""
        return len(self._history)

    def iterate(self):
        """An epoch; figures of it. The networks stay as they were if it diverges."""
        training, history = self._training, self._history
        before = training.networks.to_arrays()
        try:
            means = training.run_epoch(self._data.X, self._batch_size, self._data.labels)
            history.add(training, means, self._prior(), self._n_active())
        except Diverged:
            training.networks.take_arrays(before)
            raise
        if self.n_run == self._n_epochs:
            self.stop_reason = "max_iter"
        return history.last()

    def _prior(self):
        return read_prior(self._training.networks.prior, self._graph, self._transverse_field)

    def _n_active(self):
        networks = self._training.networks
        networks.eval()
        rows = to_tensor(self._data.X[:_ROWS_OF_ACTIVITY]).to(self._training.device)
        return int(count_active(networks, rows))

    def _outcome(self):
        """How the training has gone until now."""
        training = self._training
        draws = training.negative_phase.draws
        cost = {**draws.cost, "update_seconds": self._seconds - draws.cost["sample_seconds"]}
        state = FitState(
            entropy=self._state.entropy,
            networks=FittedNetworks(self._architecture, training.networks.to_arrays()),
            generator=self._rng.bit_generator.state,
            optimiser=_to_arrays(training.optimiser.state_dict()),
            step=training.step,
            n_steps=training.schedule.n_steps,
            chains=training.negative_phase.states,
            belief=None if draws.belief is None else draws.belief.copy(),
        )
        return Outcome(state, self._prior(), self._history.copy(), cost, self.stop_reason)


class TrainingHistory:
    """The course of a training, a value an epoch.

    Attributes
    ----------
    columns : dict of str to list of float
    """

    def __init__(self):
        self.columns = {}

    def __len__(self):
        return len(self.columns.get("elbo", []))

    def add(self, training, means, prior, n_active):
        """Take down an epoch.

        Parameters
        ----------
        training : Training
        means : dict
            As :meth:`Training.run_epoch` returns it.
        prior : BoltzmannPrior
        n_active : int
        """
        log_partition = rough_log_partition(prior)
        kl = means["divergence"] + log_partition
        draws, step = training.negative_phase.draws, training.step - 1
        weights = np.abs(prior.weights)
        values = {
            "elbo": means["reconstruction"] - kl,
            "reconstruction": means["reconstruction"],
            "kl": kl,
            "log_partition": log_partition,
            "n_active": n_active,
            "mean_abs_weight": float(weights.mean()) if len(weights) else 0.0,
            "mean_abs_field": float(np.abs(prior.h).mean()),
            "clipped_fraction": means["clipped_fraction"],
            "beta_eff": float(draws.beta_eff),
            "beta_eff_stderr": float(draws.beta_eff_stderr),
            "kl_weight": training.schedule.kl_weight(step),
            "tau": training.schedule.tau_at(step),
        }
        for name, value in values.items():
            self.columns.setdefault(name, []).append(value)

    def last(self):
        """What a progress bar shows."""
        return {name: self.columns[name][-1] for name in ("elbo", "kl", "n_active")}

    def copy(self):
        """The columns as they are now."""
        return {name: list(values) for name, values in self.columns.items()}


def read_prior(energy, graph, transverse_field):
    """The prior that networks have come to.

    Parameters
    ----------
    energy : PriorEnergy
    graph : LatentGraph
    transverse_field : float

    Returns
    -------
    prior : BoltzmannPrior
        In double precision.
    """
    biases, weights, class_biases, class_weights = (
        parameter.detach().cpu().numpy().astype(float) for parameter in energy.parameters()
    )
    return BoltzmannPrior(biases, weights, graph, class_biases, class_weights, transverse_field)


def count_active(networks, rows):
    """Units whose posterior means vary over the data.

    Parameters
    ----------
    networks : VAENetworks
        In evaluation mode.
    rows : torch.Tensor of shape (n_rows, n_features)

    Returns
    -------
    n_active : int
    """
    with torch.no_grad():
        means = networks.posterior.probabilities(networks.likelihood.standardise(rows))
        return int((means.var(0, unbiased=False) > ACTIVE_VARIANCE).sum())


def rough_log_partition(prior):
    """log Z for the course of a training; NaN where it takes too long."""
    family = prior.to_family()
    if prior.transverse_field or family.n_spins > _MOST_ROUGH_SPINS:
        return np.nan
    result = log_partition_function(
        family.fields, family.couplings, one_hot=family.one_hot, seed=0, **_ROUGH
    )
    return float(result.value[0] - family.offsets[0])


def _warn_of(reason, n_epochs):
    if reason not in _WHOLE:
        warn(
            f"Training stopped early ({reason}); the weights after {n_epochs} whole epochs or "
            "more are kept."
        )


def _chains_of(state, n_chains):
    """Chains to go on from; None, so that they start anew, where another number is asked for."""
    return state.chains if state.chains is not None and len(state.chains) == n_chains else None


def _to_arrays(value):
    """Tensors within dicts and lists as arrays."""
    if torch.is_tensor(value):
        return value.detach().cpu().numpy().copy()
    if isinstance(value, dict):
        return {key: _to_arrays(entry) for key, entry in value.items()}
    return [_to_arrays(entry) for entry in value] if isinstance(value, list) else value


def _to_tensors(value):
    """Arrays within dicts and lists as tensors."""
    if isinstance(value, np.ndarray):
        return to_tensor(value)
    if isinstance(value, dict):
        return {key: _to_tensors(entry) for key, entry in value.items()}
    return [_to_tensors(entry) for entry in value] if isinstance(value, list) else value
