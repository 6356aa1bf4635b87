"""Controls of the discrete VAE: what is left of a result without couplings, or without bits."""

import time

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from qsklearn._base_estimator import BaseEstimator
from qsklearn._optional import import_optional
from qsklearn.neural_network._base import draw_entropy, empty_cost, kept_on_error
from qsklearn.neural_network._boltzmann_prior_vae._architecture import architecture_of
from qsklearn.neural_network._boltzmann_prior_vae._autoencoder import QuantumBoltzmannPriorVAE
from qsklearn.neural_network._boltzmann_prior_vae._data import ACTIVE_VARIANCE, choose_likelihood
from qsklearn.neural_network._boltzmann_prior_vae._latent_graph import make_latent_graph

_DRAWS_OF_BOUND, _DRAWS_OF_SCORE = 16, 100


class CouplingsRemovedVAE(QuantumBoltzmannPriorVAE):
    """The discrete VAE whose couplings are set to 0 after the training.

    What a trained model loses is what its prior's correlations were good for. Parameters,
    attributes and methods are those of :class:`QuantumBoltzmannPriorVAE`.
    """

    def _attributes_of(self, outcome):
        attributes = super()._attributes_of(outcome)
        return {**attributes, "prior_": outcome.prior.without_couplings()}


class GaussianPriorVAE(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    r"""The ordinary VAE: the networks of a discrete one with normal latent variables.

    Prior N(0, 1), posterior normal with independent components, the divergence in closed form
    (Kingma, Welling 2014); networks, likelihood, schedules and seeds are those of ``vae``. Features
    and likelihoods alone: there are no draws, classes or missing features, and training starts anew
    in each ``fit``, of which Ctrl-C leaves nothing, and no checkpoint is kept.

    Parameters
    ----------
    vae : QuantumBoltzmannPriorVAE
        Its parameters count, its fit is left alone.

    Attributes
    ----------
    likelihood_ : {"bernoulli", "gaussian"}
    history_ : dict of str to list of float
        ``elbo``, ``reconstruction``, ``kl`` of each epoch.
    n_iter_ : int
        Epochs.
    stop_reason_ : str
        ``"max_iter"``.
    cost_ : dict
        As of :class:`QuantumBoltzmannPriorVAE`: ``update_seconds``, all else 0.
    n_features_in_ : int
    """

    def __init__(self, vae):
        self.vae = vae

    def fit(self, X, y=None):
        """Train for the epochs of ``vae``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : ignored

        Returns
        -------
        self : GaussianPriorVAE
        """
        import_optional("torch", "GaussianPriorVAE")
        from qsklearn.neural_network._boltzmann_prior_vae import _gaussian

        vae, started = self.vae, time.perf_counter()
        with kept_on_error(self):
            X = validate_data(self, X, dtype=np.float32, ensure_min_samples=2)
            self.likelihood_ = choose_likelihood(vae.likelihood, X)
            self._entropy = draw_entropy(vae.random_state)
            graph = make_latent_graph("bernoulli", vae.n_latent)
            architecture = architecture_of(vae, X.shape[1], graph, 0, self.likelihood_)
            self._networks, self.history_ = _gaussian.train(vae, architecture, X, self._entropy)
            self.n_iter_, self.stop_reason_ = len(self.history_["elbo"]), "max_iter"
            self.cost_ = {**empty_cost(), "update_seconds": time.perf_counter() - started}
            self._n_features_out = vae.n_latent
        return self

    def transform(self, X):
        """Posterior means.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        Z : ndarray of shape (n_samples, n_latent), float32
        """
        return self._inference().means(self._check(X))

    def active_units(self, X):
        """Variables in use, see :meth:`QuantumBoltzmannPriorVAE.active_units`."""
        return self.transform(X).var(axis=0) > ACTIVE_VARIANCE

    def elbo(self, X):
        """Evidence lower bound of each row, see :meth:`QuantumBoltzmannPriorVAE.elbo`."""
        terms = self._inference().terms(self._check(X), _DRAWS_OF_BOUND)
        bound, reconstruction = terms.log_weights.mean(axis=1), terms.reconstruction
        return {"elbo": bound, "reconstruction": reconstruction, "kl": reconstruction - bound}

    def score_samples(self, X, n_importance=1000):
        """Log-likelihoods, see :meth:`QuantumBoltzmannPriorVAE.score_samples`."""
        weights = self._inference().terms(self._check(X), n_importance).log_weights
        return np.logaddexp.reduce(weights, axis=1) - np.log(n_importance)

    def score(self, X, y=None):
        """Mean log-likelihood, see :meth:`QuantumBoltzmannPriorVAE.score`."""
        return float(self.score_samples(X, _DRAWS_OF_SCORE).mean())

    def _check(self, X):
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float32, reset=False)
        choose_likelihood(self.likelihood_, X)
        return X

    def _inference(self):
        check_is_fitted(self)
        import_optional("torch", "GaussianPriorVAE")
        from qsklearn.neural_network._boltzmann_prior_vae import _gaussian

        return _gaussian.GaussianInference(self._networks, self.vae, self._entropy)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
