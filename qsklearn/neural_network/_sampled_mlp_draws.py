"""Draws of the sampled MLP's outputs, at the temperature of its law."""

import hashlib
import time
import warnings

import numpy as np
import scipy.sparse

_SIGNIFICANT = 3.0  # standard errors that an estimate of the temperature must exceed


class SamplerFailure(RuntimeError):
    """A sampler's call failed for a reason of its own, after it was called correctly."""


class OutputDraws:
    """Draws of y ~ P(y|x) by any sampler, and what they cost.

    A sampler that declares ``beta`` hits the temperature that is asked of it. Another draws at a
    temperature of its own, ``beta_eff``: it is handed E / beta_eff, so that it draws exp(-E).
    With ``beta_eff="auto"`` that is estimated in each call and believed in the next; without a
    belief to start from the first call is made twice. A number is taken as given, on any sampler.

    Parameters
    ----------
    sampler : object with ``sample_arrays`` and ``parameters``
    beta_eff : float or "auto"
    num_reads : int or None
        None leaves it to the sampler.
    num_threads : int or None
        None leaves it to the sampler.
    belief : float or None
        What an earlier training came to believe of the sampler's ``beta_eff``.

    Attributes
    ----------
    beta_eff, beta_eff_stderr : float
        The belief after the last call, and the standard error of its estimate (0 where it is
        given, NaN where nothing is known).
    cost : dict
        Counts and seconds, added up.
    """

    def __init__(self, sampler, beta_eff, num_reads, num_threads, belief=None):
        self.sampler = sampler
        self.num_reads = num_reads
        self.is_estimated = is_estimated(sampler, beta_eff)
        self.is_calibrated = not self.is_estimated or belief is not None
        self.beta_eff = 1.0 if beta_eff == "auto" else float(beta_eff)
        if self.is_estimated and belief is not None:
            self.beta_eff = belief
        self.beta_eff_stderr = float("nan") if self.is_estimated else 0.0
        self.has_warned = False
        self.call = {} if num_reads is None else {"num_reads": num_reads}
        if num_threads is not None and "num_threads" in sampler.parameters:
            self.call["num_threads"] = num_threads
        self.info = {}
        self.cost = {
            "reads": 0,
            "sweeps": 0,
            "compile_seconds": 0.0,
            "sample_seconds": 0.0,
            "update_seconds": 0.0,
            "qpu_access_time": 0.0,
        }

    def draw(self, hamiltonian, X, seed):
        """Draw outputs for each data point.

        Parameters
        ----------
        hamiltonian : SampledMLPHamiltonian
        X : array-like or sparse matrix of shape (n_samples, n_features)
        seed : int, or array of int of shape (n_samples,)

        Returns
        -------
        outputs : ndarray of shape (n_samples, num_reads, n_outputs), int8, values 0 or 1

        Raises
        ------
        ValueError
            If the sampler's answer breaks its contract.
        SamplerFailure
            If its call failed.
        """
        if not self.is_calibrated:
            self._draw_once(hamiltonian, X, seed)
            self.is_calibrated = True
        return self._draw_once(hamiltonian, X, seed)

    def _draw_once(self, hamiltonian, X, seed):
        started = time.perf_counter()
        family = hamiltonian.build(X).scaled(1.0 / self.beta_eff)
        compiled = time.perf_counter()
        try:
            states, energies, info = self.sampler.sample_arrays(
                family.fields,
                family.couplings,
                beta=1.0,
                seed=seed,
                keep=hamiltonian.output_spins,
                one_hot=family.one_hot,
                **self.call,
            )
        except (ValueError, TypeError, ImportError):
            raise
        except Exception as error:
            raise SamplerFailure(f"{type(error).__name__}: {error}") from error
        if info.get("stop_reason") == "KeyboardInterrupt":
            raise KeyboardInterrupt  # the sampler returned what it had; a fit or predict wants all
        states = np.asarray(states)
        self._check(states, energies, family.n_models, hamiltonian)
        self._count(states, info, compiled - started, time.perf_counter() - compiled)
        self._believe(info)
        return hamiltonian.decode(states)

    def _check(self, states, energies, n_models, hamiltonian):
        name = self._name()
        n_outputs = hamiltonian.n_outputs
        expected = (n_models, self.num_reads or "any", n_outputs)
        shape = states.shape
        fits = len(shape) == 3 and (shape[0], shape[2]) == (n_models, n_outputs)
        if not fits or shape[1] < 1 or (self.num_reads and shape[1] != self.num_reads):
            raise ValueError(
                f"The sampler {name} must return states of shape {expected} (n_models, num_reads, "
                f"n_kept). Got {shape} instead."
            )
        if not (np.abs(states) == 1).all():
            raise ValueError(f"The sampler {name} must return spins -1 or +1. Got other values.")
        if hamiltonian.categorical and not ((states > 0).sum(axis=-1) == 1).all():
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
        reads = states.shape[0] * states.shape[1]
        self.info = info
        self.cost["reads"] += reads
        self.cost["sweeps"] += reads * info.get("num_sweeps", 0)
        self.cost["compile_seconds"] += compile_seconds
        self.cost["sample_seconds"] += sample_seconds
        self.cost["qpu_access_time"] += info.get("qpu_access_time", 0.0)

    def _believe(self, info):
        if not self.is_estimated or "beta_eff" not in info:
            return
        estimate, error = info["beta_eff"], info["beta_eff_stderr"]
        # An estimate that its error drowns would rescale the next call by chance, and that call's
        # estimate the one after it.
        if np.isfinite(estimate) and estimate > _SIGNIFICANT * error:
            self.beta_eff, self.beta_eff_stderr = estimate, error
            return
        self.beta_eff_stderr = float("nan")
        # NaN: the model has no bias, so its draws tell nothing of a temperature.
        if not np.isnan(estimate) and not self.has_warned:
            self.has_warned = True
            warnings.warn(
                f"The draws of {self._name()} do not tell a temperature (estimated beta_eff: "
                f"{estimate:.3g} ± {error:.2g}), so the belief stays at {self.beta_eff:.3g}. They "
                "are not thermal, or too few: what is trained on them is not the model's law. Use "
                "a sampler that draws at a temperature, more reads, or give beta_eff as a number.",
                UserWarning,
                stacklevel=5,
            )


def is_estimated(sampler, beta_eff):
    """Whether a sampler's inverse temperature is to be estimated from its draws."""
    return beta_eff == "auto" and "beta" not in sampler.parameters


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
