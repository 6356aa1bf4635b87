"""What a trained discrete VAE answers: features, bounds, draws, completions, in PyTorch."""

import copy
from contextlib import ExitStack

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from qsklearn.neural_network._boltzmann_prior_vae._conditional import draw_missing
from qsklearn.neural_network._boltzmann_prior_vae._evaluation import RowEvaluator, bits_of_rows
from qsklearn.neural_network._boltzmann_prior_vae._negative_phase import NegativePhase
from qsklearn.neural_network._boltzmann_prior_vae._networks import to_tensor
from qsklearn.neural_network._torch_state import torch_to_itself
from qsklearn.samplers._arguments import count_threads

_ROWS_AT_ONCE = 1000
_DRAWS_OF_CLASS = 32
# Sweeps from the chains of training to draws that are independent of them.
_SWEEPS = 200


class Inference:
    """A context in which PyTorch runs on the estimator's threads and leaves no trace.

    Parameters
    ----------
    estimator : QuantumBoltzmannPriorVAE
    state : FitState
    prior : BoltzmannPrior
    """

    def __init__(self, estimator, state, prior):
        self._estimator, self._state, self._prior = estimator, state, prior
        self._networks = state.networks.module
        is_bernoulli = state.networks.architecture.likelihood == "bernoulli"
        self._binarize = estimator.binarize if is_bernoulli else None
        self._evaluator = RowEvaluator(self._networks, prior, self._binarize, state.entropy)
        self._num_threads = count_threads(estimator.n_jobs, type(estimator).__name__)
        self._context = ExitStack()

    def __enter__(self):
        self._context.enter_context(torch_to_itself(self._num_threads))
        self._context.enter_context(threadpool_limits(1, user_api="blas"))
        return self

    def __exit__(self, *error):
        return self._context.__exit__(*error)

    def probabilities(self, X):
        """Posterior means of bits, float64."""
        # In single precision a row's last digits depend on how many rows there are.
        posterior, likelihood = (
            copy.deepcopy(part).double()
            for part in (self._networks.posterior, self._networks.likelihood)
        )

        def means(x):
            return posterior.probabilities(likelihood.standardise(x.double()))

        return self._by_blocks(means, X)

    def decode(self, Z):
        """Means of features, float32."""
        networks = self._networks
        return self._by_blocks(lambda z: networks.likelihood.mean(networks.decoder(z)), Z)

    def draw_features(self, Z, rng):
        """Features drawn given bits, float32."""
        networks = self._networks
        return self._by_blocks(lambda z: networks.likelihood.draw(networks.decoder(z), rng), Z)

    def terms(self, X, n_draws):
        """See :meth:`RowEvaluator.terms`."""
        return self._evaluator.terms(X, n_draws)

    def class_probabilities(self, X):
        """Means over the posterior of P(y | z), float64."""
        return self._evaluator.class_probabilities(X, _DRAWS_OF_CLASS)

    def complete(self, X, n_iter, seed):
        """Missing features drawn, the others as they are."""
        missing = np.isnan(X)
        bits = bits_of_rows(np.where(missing, np.float32(0), X), self._binarize)
        bits[missing] = np.nan
        drawn, _ = draw_missing(self._networks, self._prior, bits, n_iter, seed)
        return np.where(missing, drawn, X)

    def draw_bits(self, prior, n_draws, seed):
        """Bits of a prior by the estimator's sampler, float32."""
        rng = np.random.default_rng(seed)
        chains = self._state.chains[:, : prior.n_latent + prior.n_classes]
        negative_phase = NegativePhase(
            self._estimator.sampler_,
            prior.graph,
            n_draws,
            _SWEEPS,
            n_classes=prior.n_classes,
            beta_eff=self._estimator.beta_eff,
            transverse_field=prior.transverse_field,
            num_threads=self._estimator.n_jobs,
            belief=self._state.belief,
            states=chains[rng.integers(len(chains), size=n_draws)],
        )
        negative_phase.draws.learns = False
        parameters = prior.h, prior.weights, prior.class_biases, prior.class_weights
        return negative_phase.draw(*parameters, int(rng.integers(2**31)))

    def _by_blocks(self, function, rows):
        with torch.no_grad():
            parts = [
                function(to_tensor(rows[start : start + _ROWS_AT_ONCE])).numpy()
                for start in range(0, len(rows), _ROWS_AT_ONCE)
            ]
        return np.concatenate(parts)
