"""p(x | z): how a decoder's outputs become a law of the features, in PyTorch."""

import math

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from qsklearn.neural_network._boltzmann_prior_vae._data import location_and_scale

# Of a feature that the decoder reproduces exactly the density would have no bound: this part of
# the feature's own deviation is the smallest noise.
_LEAST_NOISE = 1e-2


class BernoulliLikelihood(nn.Module):
    """Features in [0, 1] as bits, whose logits the decoder gives.

    Parameters
    ----------
    n_features : int
    is_centred : bool
        Whether the encoder gets features with their mean taken off.
    """

    def __init__(self, n_features, is_centred):
        super().__init__()
        self.register_buffer("location", torch.zeros(n_features))
        self.is_centred = is_centred

    def adapt(self, X):
        """Take the mean from the training data, an array."""
        if self.is_centred:
            self.location.copy_(torch.from_numpy(X.mean(axis=0, dtype="float64")))

    def standardise(self, x):
        """What the encoder gets of x."""
        return x - self.location

    def forward(self, outputs, x):
        r"""log p(x | z) = Σ x l - log(1 + e^l).

        Parameters
        ----------
        outputs, x : torch.Tensor of shape (n_draws, n_features)

        Returns
        -------
        log_likelihood : torch.Tensor of shape (n_draws,)
            In nats.
        """
        return -binary_cross_entropy_with_logits(outputs, x, reduction="none").sum(1)

    def mean(self, outputs):
        """Means of the features."""
        return torch.sigmoid(outputs)

    def draw(self, outputs, rng):
        """Features drawn, by a numpy Generator; shape and dtype of the outputs."""
        uniforms = torch.from_numpy(rng.random(outputs.shape, dtype="float32"))
        return (uniforms.to(outputs) < torch.sigmoid(outputs)).to(outputs.dtype)


class GaussianLikelihood(nn.Module):
    """Features of any size, normal about the decoder's outputs, each with a noise of its own.

    Networks see features with their mean taken off and divided by their standard deviation; the
    likelihood is that of the features as they are.

    Parameters
    ----------
    location, scale : array-like of shape (n_features,)
        Of the training data.
    """

    def __init__(self, location, scale):
        super().__init__()
        self.register_buffer("location", torch.tensor(location, dtype=torch.float32))
        self.register_buffer("scale", torch.tensor(scale, dtype=torch.float32))
        self.log_noise = nn.Parameter(torch.zeros(len(self.location)))

    def adapt(self, X):
        """Take location and scale from the training data, an array."""
        location, scale = location_and_scale(X)
        self.location.copy_(torch.from_numpy(location))
        self.scale.copy_(torch.from_numpy(scale))

    def standardise(self, x):
        """What the encoder gets of x."""
        return (x - self.location) / self.scale

    def _log_noise(self):
        return self.log_noise.clamp(min=math.log(_LEAST_NOISE))

    def forward(self, outputs, x):
        r"""log p(x | z) = -Σ (x - μ)² / 2σ² + log σ √(2π).

        Parameters
        ----------
        outputs, x : torch.Tensor of shape (n_draws, n_features)

        Returns
        -------
        log_likelihood : torch.Tensor of shape (n_draws,)
            In nats, of a density.
        """
        log_noise = self._log_noise()
        residual = (self.standardise(x) - outputs) * torch.exp(-log_noise)
        constants = log_noise + torch.log(self.scale) + 0.5 * math.log(2 * math.pi)
        return -(0.5 * residual**2 + constants).sum(1)

    def mean(self, outputs):
        """Means of the features."""
        return outputs * self.scale + self.location

    def draw(self, outputs, rng):
        """Features drawn, by a numpy Generator; shape and dtype of the outputs."""
        noise = torch.from_numpy(rng.standard_normal(outputs.shape, dtype="float32"))
        return self.mean(outputs + noise.to(outputs) * torch.exp(self._log_noise()))
