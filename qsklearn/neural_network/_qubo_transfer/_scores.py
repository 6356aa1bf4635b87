"""Class scores that a transferred network is trained by; the loss is their cross-entropy.

Imports PyTorch at module level; it is itself imported inside functions only.
"""

import torch
import torch.nn.functional as F

from qsklearn.neural_network._qubo_transfer._modules import coupled_layers, drbm_parts, flat_layers

# Below it F.softplus is log(1 + e^z), above it z: here they agree to the last bit of a double.
_SOFTPLUS_THRESHOLD = 40
# Of the mean square of the fields of the hidden units. Without it they reach 50 where the couplings
# stay below 1, which no device's range holds; with it 12, at the same accuracy (MNIST .987).
_FIELD_PENALTY = 1e-3
# As LayeredHamiltonian.mean_field; three are too few for three layers, ten gain nothing.
N_MEAN_FIELD_STEPS = 6


class FeedForwardScores:
    """Scores of the network itself, as ordinary training sees them.

    Parameters
    ----------
    module : torch.nn.Sequential
    """

    def __init__(self, module):
        layers = flat_layers(module)
        self.front, self.head = layers[:-1], layers[-1:]

    def scores(self, features, generator):
        """Class scores.

        Parameters
        ----------
        features : torch.Tensor
            Outputs of ``front``.
        generator : torch.Generator
            Not used: nothing is random.

        Returns
        -------
        scores : torch.Tensor of shape (n_samples, n_classes)
        penalties : torch.Tensor of shape (n_samples,), or None
            To be added to the loss.
        """
        return self.head[0](features), None


class DRBMScores:
    r"""Scores with the hidden units summed out exactly.

    .. math:: S_c = b_c + \sum_j \log(1 + e^{a_j + W_{jc}}), \qquad P(c \mid x) \propto e^{S_c},

    where :math:`a_j` are the fields of the hidden units, in place of whose activation they stand.

    Parameters
    ----------
    module : torch.nn.Sequential

    References
    ----------
    Larochelle, H., Bengio, Y. (2008). Classification using discriminative restricted Boltzmann
    machines. ICML.
    """

    def __init__(self, module):
        self.front, self.hidden, self.classes = drbm_parts(module)
        self.head = [self.hidden, self.classes]

    def scores(self, features, generator):
        """As in :class:`FeedForwardScores`; the penalty holds the fields in a device's range."""
        fields = self.hidden(features)
        both = fields[:, None, :] + self.classes.weight
        scores = F.softplus(both, threshold=_SOFTPLUS_THRESHOLD).sum(dim=2)
        if self.classes.bias is not None:
            scores = scores + self.classes.bias
        return scores, _FIELD_PENALTY * fields.square().mean(dim=1)


class MeanFieldScores:
    r"""Scores after unrolled mean-field steps of the joint energy, the data clamped.

    A feed-forward pass, then sweeps from below that let each layer of units feel the one above,

    .. math:: m_l = \sigma(b_l + W_{l-1}^\top m_{l-1} + W_l m_{l+1}),

    the class unit's by a softmax. With noise, hidden units are drawn from their means at each step,
    and gradients pass through the means: the network then learns with what Gibbs sampling will do.

    Parameters
    ----------
    module : torch.nn.Sequential
    has_noise : bool, default=True
    n_steps : int, default=6
    """

    def __init__(self, module, has_noise=True, n_steps=N_MEAN_FIELD_STEPS):
        self.couplings = coupled_layers(module)
        self.front, self.head = flat_layers(module)[:-1], [self.couplings[-1].coupling]
        self.has_noise = has_noise
        self.n_steps = n_steps

    def scores(self, inputs, generator):
        """As in :class:`FeedForwardScores`, of the inputs of the network itself."""
        first, *rest = self.couplings
        fields = _upward(first, inputs)
        below, means = fields, []
        for layer in rest:
            means.append(self._units(below, generator))
            below = _upward(layer, means[-1])
        scores = below
        for _ in range(self.n_steps if means else 0):
            above = torch.softmax(scores, dim=1)
            for level in range(len(means)):
                top = means[level + 1] if level + 1 < len(means) else above
                below = fields if level == 0 else _upward(rest[level - 1], means[level - 1])
                total = below + _downward(rest[level], top, means[level].shape)
                means[level] = self._units(total, generator)
            scores = _upward(rest[-1], means[-1])
        return scores, None

    def _units(self, fields, generator):
        means = torch.sigmoid(fields)
        if not self.has_noise:
            return means
        with torch.no_grad():
            uniforms = torch.rand(means.shape, generator=generator, dtype=means.dtype)
            noise = (uniforms < means).to(means.dtype) - means
        return means + noise


def _upward(layer, units):
    """Fields of the layer above, with its biases."""
    return layer.coupling(units.flatten(1) if layer.flattens else units)


def _downward(layer, units, shape):
    """Fields that a layer's units exert on the layer below, whose units have that shape."""
    coupling = layer.coupling
    if isinstance(coupling, torch.nn.Linear):
        return (units @ coupling.weight).reshape(shape)
    padding = (0, 0) if coupling.padding == "valid" else coupling.padding
    return torch.nn.grad.conv2d_input(
        shape,
        coupling.weight,
        units,
        stride=coupling.stride,
        padding=padding,
        dilation=coupling.dilation,
        groups=coupling.groups,
    )


SCORES = {
    "cross_entropy": FeedForwardScores,
    "drbm": DRBMScores,
    "mean_field": MeanFieldScores,
}
