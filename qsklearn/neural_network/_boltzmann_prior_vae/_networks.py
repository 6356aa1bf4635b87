"""The networks of a discrete VAE, made here or given by the user, in PyTorch."""

import copy

import numpy as np
import torch
from torch import nn

from qsklearn.neural_network._boltzmann_prior_vae._convolutions import (
    make_gated_decoder,
    make_gated_encoder,
)
from qsklearn.neural_network._boltzmann_prior_vae._likelihoods import (
    BernoulliLikelihood,
    GaussianLikelihood,
)
from qsklearn.neural_network._boltzmann_prior_vae._objective import PriorEnergy
from qsklearn.neural_network._boltzmann_prior_vae._posterior import Posterior, repeat_rows

_CALLER = "QuantumBoltzmannPriorVAE"
_FIRST_WEIGHTS = 0.01  # standard deviation of couplings at the start


class ArrayModule(nn.Module):
    """A module whose state goes in and out as arrays."""

    def to_arrays(self):
        """Weights and buffers by name, as copies.

        Returns
        -------
        arrays : dict of str to ndarray
        """
        return {name: value.cpu().numpy().copy() for name, value in self.state_dict().items()}

    def take_arrays(self, arrays):
        """Weights and buffers from :meth:`to_arrays`."""
        self.load_state_dict({name: to_tensor(value) for name, value in arrays.items()})


class VAENetworks(ArrayModule):
    """Posterior, decoder, likelihood and prior of a discrete VAE.

    Parameters
    ----------
    architecture : VAEArchitecture
    """

    def __init__(self, architecture):
        super().__init__()
        self.posterior = _make_posterior(architecture)
        self.decoder = make_decoder(architecture)
        self.likelihood = make_likelihood(architecture)
        graph = architecture.graph
        self.prior = PriorEnergy(graph.n_latent, graph.edges, architecture.n_classes)
        nn.init.normal_(self.prior.weights, std=_FIRST_WEIGHTS)
        nn.init.normal_(self.prior.class_weights, std=_FIRST_WEIGHTS)

    def draw(self, x, uniforms, tau):
        """Bits for some features, see :meth:`Posterior.draw`."""
        return self.posterior.draw(self.likelihood.standardise(x), uniforms, tau)

    def log_likelihood(self, bits, x):
        """log p(x | z), the bits of a sample in a row.

        Parameters
        ----------
        bits : torch.Tensor of shape (n_samples * n_draws, n_latent)
        x : torch.Tensor of shape (n_samples, n_features)

        Returns
        -------
        log_likelihood : torch.Tensor of shape (n_samples * n_draws,)
        """
        return self.likelihood(self.decoder(bits), repeat_rows(x, len(bits)))

    def network_parameters(self):
        """All but the prior's."""
        return [
            parameter
            for part in (self.posterior, self.decoder, self.likelihood)
            for parameter in part.parameters()
        ]


def to_tensor(array):
    """A copy of an array as a tensor.

    PyTorch would share the array's memory, with warnings where that is read-only, as joblib's
    memory maps are, and crash where it writes there.

    Parameters
    ----------
    array : ndarray

    Returns
    -------
    tensor : torch.Tensor
    """
    return torch.from_numpy(np.array(array))


class ConditionalHead(nn.Module):
    """Logits of group 1 from the trunk's values and the bits of group 0.

    The first layer of a perceptron on both, side by side, the bits as spins: of the trunk's values
    it is evaluated once, however many draws there are.

    Parameters
    ----------
    n_values, n_bits : int
    hidden_layer_sizes : sequence of int
        Not empty.
    n_outputs : int
    """

    def __init__(self, n_values, n_bits, hidden_layer_sizes, n_outputs):
        super().__init__()
        size = hidden_layer_sizes[0]
        together = nn.Linear(n_values + n_bits, size)  # for initial weights of the right size
        self.of_values, self.of_bits = nn.Linear(n_values, size), nn.Linear(n_bits, size, False)
        with torch.no_grad():
            self.of_values.weight.copy_(together.weight[:, :n_values])
            self.of_bits.weight.copy_(together.weight[:, n_values:])
            self.of_values.bias.copy_(together.bias)
        above = make_mlp(size, hidden_layer_sizes[1:], n_outputs)
        self.rest = nn.Sequential(nn.BatchNorm1d(size), nn.ReLU(), *above)

    def forward(self, values, bits):
        """Logits.

        Parameters
        ----------
        values : torch.Tensor of shape (n_samples, n_values)
        bits : torch.Tensor of shape (n_samples * n_draws, n_bits)

        Returns
        -------
        logits : torch.Tensor of shape (n_samples * n_draws, n_outputs)
        """
        of_bits = self.of_bits(2 * bits - 1)
        return self.rest(repeat_rows(self.of_values(values), len(bits)) + of_bits)


class ToSpins(nn.Module):
    """Bits in [0, 1] as spins in [-1, 1], on which perceptrons train better."""

    def forward(self, bits):
        """Spins."""
        return 2 * bits - 1


class Reshape(nn.Module):
    """Rows as images.

    Parameters
    ----------
    image_shape : tuple of int
    """

    def __init__(self, image_shape):
        super().__init__()
        self.image_shape = tuple(image_shape)

    def forward(self, x):
        """Images of shape (n_samples, *image_shape)."""
        return x.reshape(len(x), *self.image_shape)


def make_mlp(n_inputs, hidden_layer_sizes, n_outputs):
    """A multilayer perceptron of ReLUs with batch normalisation.

    Parameters
    ----------
    n_inputs : int
    hidden_layer_sizes : sequence of int
    n_outputs : int

    Returns
    -------
    network : torch.nn.Sequential
    """
    steps = []
    for size in hidden_layer_sizes:
        steps += [nn.Linear(n_inputs, size), nn.BatchNorm1d(size), nn.ReLU()]
        n_inputs = size
    return nn.Sequential(*steps, nn.Linear(n_inputs, n_outputs))


def _make_posterior(architecture):
    groups = architecture.graph.groups
    n_second = int((groups == 1).sum()) if architecture.hierarchical else 0
    n_first = len(groups) - n_second
    trunk, n_values, sizes = make_trunk(architecture)
    first = make_mlp(n_values, sizes, n_first)
    second = ConditionalHead(n_values, n_first, sizes, n_second) if n_second else None
    return Posterior(trunk, first, second, groups)


def make_trunk(architecture):
    """The encoder below the layers that make the posterior's parameters.

    Parameters
    ----------
    architecture : VAEArchitecture

    Returns
    -------
    trunk : torch.nn.Module
    n_values : int
        What it makes of a row.
    sizes : tuple of int
        Hidden layers above it.
    """
    sizes = tuple(architecture.hidden_layer_sizes)
    if architecture.encoder is None and architecture.name == "mlp":
        return nn.Identity(), architecture.n_features, sizes
    if architecture.encoder is None:
        trunk = make_gated_encoder(architecture.image_shape)
        return trunk, trunk.n_outputs, sizes[-1:]
    before = [] if architecture.image_shape is None else [Reshape(architecture.image_shape)]
    own = copy.deepcopy(architecture.encoder)
    trunk = nn.Sequential(*before, own, nn.Flatten())
    shape = architecture.image_shape or (architecture.n_features,)
    values = _try_out("encoder", own, shape)
    return trunk, values.shape[1], sizes[-1:]


def make_decoder(architecture):
    """From latent units to outputs, one a feature.

    Parameters
    ----------
    architecture : VAEArchitecture

    Returns
    -------
    decoder : torch.nn.Module
    """
    n_latent, n_features = architecture.graph.n_latent, architecture.n_features
    if architecture.decoder is None and architecture.name == "mlp":
        sizes = architecture.hidden_layer_sizes[::-1]
        return nn.Sequential(ToSpins(), *make_mlp(n_latent, sizes, n_features))
    if architecture.decoder is None:
        return make_gated_decoder(n_latent, architecture.image_shape)
    own = copy.deepcopy(architecture.decoder)
    decoder = nn.Sequential(own, nn.Flatten())
    values = _try_out("decoder", own, (n_latent,))
    if values.shape[1] != n_features:
        raise ValueError(
            f"The 'decoder' parameter of {_CALLER} must be a network from {n_latent} latent units "
            f"to the {n_features} features of X. Got {type(own).__name__} with {values.shape[1]} "
            "outputs instead."
        )
    return decoder


def make_likelihood(architecture):
    """The law of the features; of a Gaussian one scales are to come.

    Parameters
    ----------
    architecture : VAEArchitecture

    Returns
    -------
    likelihood : BernoulliLikelihood or GaussianLikelihood
    """
    n_features = architecture.n_features
    if architecture.likelihood == "bernoulli":
        # Networks of the user's get what the user has; ours train better on centred features.
        return BernoulliLikelihood(n_features, is_centred=architecture.encoder is None)
    return GaussianLikelihood(np.zeros(n_features), np.ones(n_features))


def _try_out(parameter, own, shape):
    """What a user's network makes of two inputs, flat; its statistics stay as they are."""
    name = type(own).__name__
    types = {value.dtype for value in own.parameters() if value.dtype.is_floating_point}
    if types - {torch.float32}:
        raise ValueError(
            f"The {parameter!r} parameter of {_CALLER} must be a network in single precision. Got "
            f"{name} with weights of {', '.join(sorted(map(str, types)))} instead; give it as "
            f"{parameter}.float()."
        )
    was_training = own.training
    own.eval()
    try:
        with torch.no_grad():
            made = own(torch.zeros(2, *shape))
            values = made.flatten(1) if torch.is_tensor(made) else made
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        raise ValueError(
            f"The {parameter!r} parameter of {_CALLER} must be a network that takes inputs of "
            f"shape (n_samples, {', '.join(map(str, shape))}). Got {name}, which fails on them: "
            f"{error}"
        ) from error
    own.train(was_training)
    if not torch.is_tensor(values) or values.ndim != 2 or len(values) != 2:
        got = tuple(values.shape) if torch.is_tensor(values) else f"a {type(values).__name__}"
        raise ValueError(
            f"The {parameter!r} parameter of {_CALLER} must be a network that returns one tensor, "
            f"with one row for each of its rows. Got {name}, which makes {got} of 2 rows; choose "
            "the output in a module of yours."
        )
    return values
