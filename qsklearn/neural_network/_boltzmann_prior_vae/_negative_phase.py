"""The negative phase: draws of the prior by any sampler, whose chains go on from step to step."""

import numpy as np

from qsklearn.neural_network._boltzmann_prior_vae._prior import ProgramLayout
from qsklearn.neural_network._family_draws import FamilyDraws
from qsklearn.samplers import GibbsSampler
from qsklearn.samplers._reverse_annealing import continues_chains

# Sweeps of chains that start from random states.
_BURN_IN = 100


class NegativePhase:
    """Draws of a Boltzmann prior while its parameters change.

    Parameters
    ----------
    sampler : object with ``sample_arrays`` and ``parameters``
        Thermal. One that takes ``initial_states``, other than a device, goes on from the states of
        the call before.
    graph : LatentGraph
    n_chains : int
        Draws of a step.
    num_sweeps : int
        Of chains that go on.
    n_classes : int, default=0
    beta_eff : float, "auto", "pseudo-likelihood" or "moment-matching", default="auto"
        Belief about the sampler's inverse temperature; for one that declares ``beta`` 1, unless a
        number is given. Else a number, or estimated in each call: by the sampler's own estimate, or
        by matching energies with auxiliary chains (:class:`MomentMatching`).
    transverse_field : float, default=0.0
        Handed to a sampler that declares it.
    num_threads : int or None, default=None
    belief : TemperatureBelief or None, default=None
        From an earlier training.
    states : ndarray of shape (n_chains, n_spins), int8, or None
        Chains of an earlier training.
    """

    def __init__(
        self,
        sampler,
        graph,
        n_chains,
        num_sweeps,
        *,
        n_classes=0,
        beta_eff="auto",
        transverse_field=0.0,
        num_threads=None,
        belief=None,
        states=None,
    ):
        self.graph, self.states = graph, states
        self._layout = ProgramLayout(graph, n_classes)
        self._estimate = None
        if beta_eff == "moment-matching":
            self._estimate = MomentMatching(n_chains, num_sweeps)
        beta_eff = "auto" if isinstance(beta_eff, str) else beta_eff
        self.draws = FamilyDraws(sampler, beta_eff, n_chains, num_threads, belief, self._estimate)
        self._is_persistent = continues_chains(sampler)
        self._num_sweeps = num_sweeps
        self._options = {"transverse_field": transverse_field} if transverse_field else {}

    def to_dict(self):
        """All that later draws depend on, and the costs."""
        estimate = None if self._estimate is None else self._estimate.to_dict()
        return {"states": self.states, "draws": self.draws.to_dict(), "estimate": estimate}

    def go_on_from(self, saved):
        """Go on where another one was.

        Parameters
        ----------
        saved : dict
            As :meth:`to_dict` returns it.
        """
        self.states = saved["states"]
        self.draws.go_on_from(saved["draws"])
        if self._estimate is not None:
            self._estimate.go_on_from(saved["estimate"])

    def draw(self, biases, weights, class_biases, class_weights, seed):
        """Draw from exp(-E), going on from the chains at hand.

        Parameters
        ----------
        biases : ndarray of shape (n_latent,)
        weights : ndarray of shape (n_edges,)
        class_biases : ndarray of shape (n_classes,)
        class_weights : ndarray of shape (n_latent, n_classes)
        seed : int

        Returns
        -------
        bits : ndarray of shape (n_chains, n_latent), float32
            0 or 1.

        Raises
        ------
        SamplerFailure
            If the sampler's call failed.
        """
        family = self._layout.fill(biases, weights, class_biases, class_weights)
        states, _ = self.draws.draw_family(family, seed, **self._options, **self._chains())
        self.states = np.ascontiguousarray(states[0])
        return (self.states[:, : self.graph.n_latent] > 0).astype(np.float32)

    def _chains(self):
        """Where the chains of a call start, and how far they go."""
        if not self._is_persistent:
            return {}
        if self.states is None:
            return {"num_sweeps": max(_BURN_IN, self._num_sweeps)}
        return {"initial_states": self.states[np.newaxis], "num_sweeps": self._num_sweeps}


class MomentMatching:
    r"""The device's temperature from the mean energy of chains at a temperature that is known.

    The paper's eq. (C3) in Newton's form: where draws of the program H have a mean energy other
    than chains that are known to be at β,

    .. math:: \beta' = \beta + \frac{\langle H \rangle_\beta - \langle H \rangle_\text{device}}
        {\mathrm{Var}_\beta(H)} .

    Parameters
    ----------
    n_chains : int
        Auxiliary chains, which go on from call to call.
    num_sweeps : int
    """

    def __init__(self, n_chains, num_sweeps):
        self._n_chains, self._num_sweeps = n_chains, num_sweeps
        self._states, self._calls = None, 0

    def to_dict(self):
        """Where the auxiliary chains are."""
        return {"states": self._states, "calls": self._calls}

    def go_on_from(self, saved):
        """Go on where another one was, from what :meth:`to_dict` returned."""
        self._states, self._calls = saved["states"], saved["calls"]

    def __call__(self, family, states, beta_eff, _):
        """Estimate from a call.

        Parameters
        ----------
        family : IsingFamily
            As wanted: the device was programmed with it over ``beta_eff``.
        states : ndarray of shape (1, num_reads, n_spins), int8
        beta_eff : float

        Returns
        -------
        estimate, error : float
        """
        # Energies of what was wanted, E = beta_eff H: the chains draw exp(-E).
        start = {} if self._states is None else {"initial_states": self._states}
        self._states, energies, _ = GibbsSampler().sample_arrays(
            family.fields,
            family.couplings,
            beta=1.0,
            num_reads=self._n_chains,
            num_sweeps=_BURN_IN if self._states is None else self._num_sweeps,
            seed=self._calls,
            one_hot=family.one_hot,
            **start,
        )
        self._calls += 1
        energies = family.energies(self._states)[0]
        drawn = family.energies(states)[0]
        variance = energies.var()
        if variance == 0:
            return np.nan, np.nan
        noise = variance / len(energies) + drawn.var() / len(drawn)
        relative = 1.0 + (energies.mean() - drawn.mean()) / variance
        return beta_eff * relative, beta_eff * np.sqrt(noise) / variance
