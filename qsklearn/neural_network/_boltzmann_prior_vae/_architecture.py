"""What networks a discrete VAE has: all but their weights, and without PyTorch."""

import importlib
from dataclasses import dataclass

from qsklearn._optional import import_optional

_CALLER = "QuantumBoltzmannPriorVAE"
# Latent variables -> private module and class of the networks.
_NETWORKS = {
    "bits": ("_networks", "VAENetworks"),
    "normal": ("_gaussian", "GaussianNetworks"),
}


@dataclass(frozen=True, eq=False)
class VAEArchitecture:
    """All that tells what networks a model has, without their weights.

    Parameters
    ----------
    n_features : int
    graph : LatentGraph
    hidden_layer_sizes : tuple of int
        Of perceptrons, of each of the two halves of the encoder; backwards of the decoder. Of other
        encoders the last one is that of the dense layer between the encoder and the bits.
    name : {"mlp", "gated_conv"}
    image_shape : tuple of (channels, height, width), or None
    hierarchical : bool
        Whether group 1 of the latent units knows group 0.
    likelihood : {"bernoulli", "gaussian"}
    n_classes : int
    encoder, decoder : torch.nn.Module or None
        The user's, which are copied, never changed.
    latent : {"bits", "normal"}, default="bits"
        Normal variables are those of the control.
    """

    n_features: int
    graph: object
    hidden_layer_sizes: tuple
    name: str
    image_shape: tuple | None
    hierarchical: bool
    likelihood: str
    n_classes: int = 0
    encoder: object = None
    decoder: object = None
    latent: str = "bits"

    def build(self, seed):
        """Networks with weights of a given seed; PyTorch's global generator stays as it is.

        Parameters
        ----------
        seed : int

        Returns
        -------
        networks : VAENetworks or GaussianNetworks

        Raises
        ------
        ValueError
            If a network does not fit the data or the latent units.
        """
        torch = import_optional("torch", _CALLER)
        module, name = _NETWORKS[self.latent]
        networks = getattr(importlib.import_module(f"{__package__}.{module}"), name)
        state = importlib.import_module("qsklearn.neural_network._torch_state")
        with state.torch_to_itself(torch.get_num_threads()):
            torch.default_generator.manual_seed(seed)
            return networks(self)


def architecture_of(vae, n_features, graph, n_classes, likelihood):
    """The architecture that an estimator's parameters ask for.

    Parameters
    ----------
    vae : QuantumBoltzmannPriorVAE
    n_features : int
    graph : LatentGraph
    n_classes : int
    likelihood : {"bernoulli", "gaussian"}

    Returns
    -------
    architecture : VAEArchitecture

    Raises
    ------
    ValueError
        If a network is none, or there is no shape of images for convolutions.
    """
    Module = import_optional("torch.nn", _CALLER).Module
    for parameter in ("encoder", "decoder"):
        module = getattr(vae, parameter)
        if module is not None and not isinstance(module, Module):
            raise ValueError(
                f"The {parameter!r} parameter of {_CALLER} must be a torch.nn.Module or None. Got "
                f"{module!r} instead."
            )
    shape = None if vae.image_shape is None else tuple(map(int, vae.image_shape))
    makes_networks = vae.encoder is None or vae.decoder is None
    if vae.architecture == "gated_conv" and shape is None and makes_networks:
        raise ValueError(
            f"The 'image_shape' parameter of {_CALLER} must be (channels, height, width) with "
            "architecture='gated_conv'. Got None instead."
        )
    return VAEArchitecture(
        n_features=n_features,
        graph=graph,
        hidden_layer_sizes=tuple(map(int, vae.hidden_layer_sizes)),
        name=vae.architecture,
        image_shape=shape,
        hierarchical=vae.posterior == "hierarchical",
        likelihood=likelihood,
        n_classes=n_classes,
        encoder=vae.encoder,
        decoder=vae.decoder,
    )
