"""Draws of a family of Ising models by any sampler, at the temperature that is wanted."""

import hashlib
import time
import warnings

import numpy as np
import scipy.sparse

from qsklearn._warnings import warn
from qsklearn.neural_network._base import (
    SamplerFailure,
    add_call,
    add_failed_call,
    empty_cost,
)
from qsklearn.samplers._temperature_belief import SIGNIFICANT, TemperatureBelief


class FamilyDraws:
    """Draws of a family of Ising models by any sampler, and what they cost.

    A sampler that declares ``beta`` hits the temperature that is asked of it. Another draws at a
    temperature of its own, ``beta_eff``: it is handed E / beta_eff, so that it draws exp(-E).
    With ``beta_eff="auto"`` that is estimated in each call, and the next is programmed by what is
    believed after it. A belief starts from an earlier training's, or from the sampler's property
    ``beta_eff_prior``; with neither the first call is made twice. A number is taken as given, on
    any sampler.

    Parameters
    ----------
    sampler : object with ``sample_arrays`` and ``parameters``
    beta_eff : float or "auto"
    num_reads : int or None
        None leaves it to the sampler.
    num_threads : int or None
        None leaves it to the sampler.
    belief : TemperatureBelief or None
        What an earlier training came to believe of the sampler's ``beta_eff``; left as it is.
    estimate : callable, default=None
        From a call's family as it was wanted, its states, the belief that it was programmed by and
        the sampler's own estimate, a pair of the device's ``beta_eff`` and its error, to another
        such pair. None takes the sampler's own.

    Attributes
    ----------
    belief : TemperatureBelief or None
        After the last call; None where ``beta_eff`` is not estimated.
    info : dict
        What the sampler said of its last call.
    cost : dict
        Counts and seconds, added up.
    learns : bool
        Whether calls move the belief.
    """

    def __init__(self, sampler, beta_eff, num_reads, num_threads, belief=None, estimate=None):
        self.sampler = sampler
        self._estimate = estimate
        self.num_reads = num_reads
        self.is_estimated = is_estimated(sampler, beta_eff)
        self.needs_trial = belief is None and needs_trial(sampler, beta_eff)
        self.given = 1.0 if beta_eff == "auto" else float(beta_eff)
        self.belief = None
        if self.is_estimated:
            self.belief = TemperatureBelief(_prior(sampler)) if belief is None else belief.copy()
        self.warned = set()
        self.call = {} if num_reads is None else {"num_reads": num_reads}
        if num_threads is not None and "num_threads" in sampler.parameters:
            self.call["num_threads"] = num_threads
        self.info = {}
        self.cost = empty_cost()
        self.learns = True

    def to_dict(self):
        """What later calls depend on, and the costs."""
        return {
            "belief": None if self.belief is None else self.belief.to_dict(),
            "needs_trial": self.needs_trial,
            "cost": dict(self.cost),
        }

    def go_on_from(self, saved):
        """Go on where another one was.

        Parameters
        ----------
        saved : dict
            As :meth:`to_dict` returns it.
        """
        if self.belief is not None:
            self.belief = TemperatureBelief.from_dict(saved["belief"])
        self.needs_trial, self.cost = saved["needs_trial"], dict(saved["cost"])

    @property
    def beta_eff(self):
        """What the next call is programmed by."""
        return self.belief.beta_eff if self.is_estimated else self.given

    @property
    def beta_eff_stderr(self):
        """Its standard error: 0 where it is given, NaN where nothing is known."""
        return self.belief.stderr if self.is_estimated else 0.0

    def draw_family(self, family, seed, keep=None, beta=1.0, **arguments):
        """Draw states of each model.

        Parameters
        ----------
        family : IsingFamily
        seed : int, or array of int of shape (n_models,)
        keep : ndarray of int of shape (n_kept,), default=None
            Spins to return; None means all.
        beta : float or None, default=1.0
            Inverse temperature of the draws, exp(-beta E). None searches for low energies, for
            which a device's temperature does not matter.

        Returns
        -------
        states : ndarray of shape (n_models, num_reads, n_kept), int8, values -1 or +1
        energies : ndarray of shape (n_models, num_reads), or None
            What the sampler says of the programmed energies.

        Raises
        ------
        ValueError
            If the sampler's answer breaks its contract.
        SamplerFailure
            If its call failed.
        """
        keep = np.arange(family.n_spins) if keep is None else keep
        if beta is None:
            return self._draw_once(family, seed, keep, None, arguments)
        if self.needs_trial:
            self._try(family, seed, keep, beta, arguments)
            self.needs_trial = False
        drawn = self._draw_once(family, seed, keep, beta, arguments)
        self._check_range()  # of the trial it says nothing: that was programmed in ignorance
        return drawn

    def _try(self, family, seed, keep, beta, arguments):
        """A call that only finds the temperature."""
        with warnings.catch_warnings():
            # Of EmbeddedSampler's: a program that was made in ignorance is not what was meant.
            warnings.filterwarnings("ignore", ".* moved biases to the edge", RuntimeWarning)
            self._draw_once(family, seed, keep, beta, arguments, is_trial=True)

    def _draw_once(self, family, seed, keep, beta, arguments, is_trial=False):
        started = time.perf_counter()
        programmed = family if beta is None else family.scaled(1.0 / self.beta_eff)
        compiled = time.perf_counter()
        try:
            states, energies, info = self.sampler.sample_arrays(
                programmed.fields,
                programmed.couplings,
                beta=beta,
                seed=seed,
                keep=keep,
                one_hot=family.one_hot,
                **{**self.call, **arguments},
            )
        except (ValueError, TypeError, ImportError, MemoryError):
            raise
        except Exception as error:
            add_failed_call(self.cost, error, time.perf_counter() - compiled)
            raise SamplerFailure(f"{type(error).__name__}: {error}") from error
        if info.get("stop_reason") == "KeyboardInterrupt":
            raise KeyboardInterrupt  # the sampler returned what it had; a fit or predict wants all
        states = np.asarray(states)
        self._check(states, energies, family, keep)
        self._count(states, info, compiled - started, time.perf_counter() - compiled)
        if beta is not None:
            self._believe(family, states, info, is_trial)
        return states, energies

    def _check(self, states, energies, family, keep):
        name = self._name()
        expected = (family.n_models, self.num_reads or "any", len(keep))
        shape = states.shape
        fits = len(shape) == 3 and (shape[0], shape[2]) == (family.n_models, len(keep))
        if not fits or shape[1] < 1 or (self.num_reads and shape[1] != self.num_reads):
            raise ValueError(
                f"The sampler {name} must return states of shape {expected} (n_models, num_reads, "
                f"n_kept). Got {shape} instead."
            )
        if not (np.abs(states) == 1).all():
            raise ValueError(f"The sampler {name} must return spins -1 or +1. Got other values.")
        if not _is_one_hot(states, family.one_hot, keep):
            raise ValueError(
                f"The sampler {name} must return states with exactly one spin of a `one_hot` unit "
                "up. Got others."
            )
        if energies is not None and not np.isfinite(energies).all():
            raise ValueError(f"The sampler {name} must return finite energies. Got NaN or inf.")

    def _name(self):
        """The sampler's class; of a wrapper, that of the sampler it wraps."""
        wrapped = getattr(self.sampler, "sampler", None)
        return type(wrapped if hasattr(wrapped, "sample") else self.sampler).__name__

    def _count(self, states, info, compile_seconds, sample_seconds):
        self.info = info
        self.cost["compile_seconds"] += compile_seconds
        add_call(self.cost, states, info, sample_seconds)

    def _believe(self, family, states, info, is_trial):
        if not (self.is_estimated and self.learns and "beta_eff" in info):
            return
        estimate, error = estimate_of_device(info)
        if self._estimate is not None:
            estimate, error = self._estimate(family, states, self.beta_eff, (estimate, error))
        # NaN: the model has no bias, so its draws tell nothing of a temperature.
        is_fine = self.belief.update(estimate, error) or np.isnan(estimate)
        if is_fine or is_trial:  # after a trial the next call may tell
            return
        # Without numbers, so that Python shows them once in a comparison of many trainings.
        if np.isinf(estimate) or estimate < -SIGNIFICANT * error:
            self._warn(
                "not thermal",
                f"The draws of {self._name()} are not thermal: all of them are optima, or high "
                "energies are more likely than low ones. They tell no temperature, so the belief "
                "stays as it was, and what is learnt from them is not the model's law. Use a "
                "sampler that draws at a temperature, or check the sign of its energies.",
            )
        else:
            self._warn(
                "too noisy",
                f"The draws of {self._name()} do not tell a temperature yet: reads are too few, "
                "the weights are still too small, or the draws do not depend on the energy. The "
                "belief stays as it was. If this lasts, use more reads, give beta_eff as a number, "
                "or use a sampler with the property 'beta_eff_prior'.",
            )

    def _check_range(self):
        smallest = np.min(self.info.get("scale", 1.0))
        if smallest < 1.0:
            self._warn(
                "scale",
                f"The energies exceed the range of {self._name()}, which multiplied them by "
                f"{smallest:.3g} to fit: it draws at a higher temperature than the model's, and "
                "what is learnt from these draws is not the model's law. Keep the weights smaller, "
                "or use a sampler of a larger range; scaling='clip' keeps the temperature and "
                "changes the biases that are out of range, scaling='raise' stops here.",
            )

    def _warn(self, topic, text):
        """Warn once a topic."""
        if topic not in self.warned:
            self.warned.add(topic)
            warn(text)


def _is_one_hot(states, one_hot, keep):
    """Whether the unit is intact in all states; so it is if not all of it is kept."""
    if one_hot is None:
        return True
    unit = (keep >= one_hot[0]) & (keep < one_hot[1])
    whole = np.count_nonzero(unit) == one_hot[1] - one_hot[0]
    return not whole or bool(((states[..., unit] > 0).sum(axis=-1) == 1).all())


def is_estimated(sampler, beta_eff):
    """Whether a sampler's inverse temperature is to be estimated from its draws."""
    return beta_eff == "auto" and "beta" not in sampler.parameters


def needs_trial(sampler, beta_eff):
    """Whether a first call is made twice, because nothing is known of the temperature."""
    return is_estimated(sampler, beta_eff) and _prior(sampler) is None


def _prior(sampler):
    return getattr(sampler, "properties", {}).get("beta_eff_prior")


def estimate_of_device(info):
    """The estimate of β_eff and its error, relative to the energies that the device was given.

    A sampler that multiplies what it is handed by ``scale`` < 1 to fit the device's range draws
    at ``beta_eff`` = scale · β of the device relative to what it was handed. Believed, that would
    make the next program larger, its scale smaller, and so on without end: the belief is about
    the device.
    """
    estimate, error = info["beta_eff"], info["beta_eff_stderr"]
    if "beta_eff_device" in info:
        device = info["beta_eff_device"]
        unscaled = device / estimate if np.isfinite(estimate) and estimate else 1.0
        return device, info.get("beta_eff_device_stderr", error * abs(unscaled))
    scale = info.get("scale", 1.0)
    # Of models that were scaled each for itself there is no one estimate; it stays as it is.
    return (estimate, error) if np.ndim(scale) else (estimate / scale, error / scale)


def seeds_of_rows(X, seed):
    """One seed a data point from its content, so that draws depend on neither order nor batch.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n_samples, n_features)
    seed : int

    Returns
    -------
    seeds : ndarray of shape (n_samples,), uint64
    """
    rows = X.tocsr() if scipy.sparse.issparse(X) else X
    salt = int(seed).to_bytes(8, "little")
    digests = []
    for i in range(rows.shape[0]):
        row = rows[[i]].toarray() if scipy.sparse.issparse(rows) else rows[i]
        content = (np.ascontiguousarray(row, dtype=np.float64) + 0.0).tobytes()  # -0.0 is 0.0
        digests.append(hashlib.blake2b(content, digest_size=8, salt=salt).digest())
    return np.frombuffer(b"".join(digests), np.uint64)
