"""Gated convolutions between images and the latent bits of a discrete VAE, in PyTorch.

Five gated convolutions in sequence, strided on the way down and strided deconvolutions on the way
up, approximate mirror images, with batch normalisation, and dropout in the decoder alone, as in
Appendix A of [1]_. The figures that hold its sizes are not in the text at hand: channels, kernels,
strides and the order of the steps in a layer are our choice, made for one core of a CPU.

References
----------
.. [1] Vinci, W. et al. (2020). A path towards quantum advantage in training deep generative models
   with quantum annealers. Mach. Learn.: Sci. Technol. 1, 045028.
"""

import torch
from torch import nn

_N_CHANNELS = (16, 16, 32, 32, 16)
_STRIDES = (2, 1, 2, 1, 1)
_KERNEL_SIZE = 3  # odd: padded by its half, a stride alone decides the size that comes out


class GatedConvolution(nn.Module):
    """One half of a convolution's channels times the sigmoid of the other half.

    Parameters
    ----------
    n_inputs, n_outputs : int
        Channels.
    kernel_size : int
        Odd.
    stride : int, default=1
        Heights and widths that come out are those that go in over it, rounded up.
    output_size : tuple of (height, width), optional
        Makes it a deconvolution whose images have this size. Those that come in have the size to
        which the stride takes it.

    Notes
    -----
    Values and gates are normalised over the batch before the gate, so that no gate is shut for
    all images at the start. The normalisation has shifts, so the convolution has none.
    """

    def __init__(self, n_inputs, n_outputs, kernel_size, stride=1, output_size=None):
        super().__init__()
        sizes = {"kernel_size": kernel_size, "stride": stride, "padding": kernel_size // 2}
        if output_size is None:
            self.convolution = nn.Conv2d(n_inputs, 2 * n_outputs, bias=False, **sizes)
        else:
            self.convolution = nn.ConvTranspose2d(
                n_inputs,
                2 * n_outputs,
                bias=False,
                output_padding=[(size - 1) % stride for size in output_size],
                **sizes,
            )
        self.normalisation = nn.BatchNorm2d(2 * n_outputs)

    def forward(self, images):
        """Images of other channels.

        Parameters
        ----------
        images : torch.Tensor of shape (n_images, n_inputs, height, width)

        Returns
        -------
        images : torch.Tensor of shape (n_images, n_outputs, new_height, new_width)
        """
        values, gates = self.normalisation(self.convolution(images)).chunk(2, dim=1)
        return values * torch.sigmoid(gates)


class GatedEncoder(nn.Module):
    """From images to features for the dense layers of a posterior.

    Parameters
    ----------
    image_shape : tuple of (n_channels, height, width)
    n_channels : sequence of int
        Of the five layers, from the image on.

    Attributes
    ----------
    n_outputs : int
        Number of features.
    """

    def __init__(self, image_shape, n_channels):
        super().__init__()
        self.image_shape = tuple(image_shape)
        inputs = (image_shape[0], *n_channels[:-1])
        self.convolutions = nn.Sequential(
            *(
                GatedConvolution(before, after, _KERNEL_SIZE, stride)
                for before, after, stride in zip(inputs, n_channels, _STRIDES, strict=True)
            )
        )
        height, width = _sizes(image_shape)[-1]
        self.n_outputs = n_channels[-1] * height * width

    def forward(self, x):
        """Features of images.

        Parameters
        ----------
        x : torch.Tensor of shape (n_images, n_features)
            Channels, rows and columns of each image in a row.

        Returns
        -------
        features : torch.Tensor of shape (n_images, n_outputs)
        """
        return self.convolutions(_as_images(x, self.image_shape)).flatten(1)


class GatedDecoder(nn.Module):
    """From latent bits to logits of the features of images.

    Parameters
    ----------
    n_latent : int
    image_shape : tuple of (n_channels, height, width)
    n_channels : sequence of int
        Of the five layers of the encoder that it mirrors, from the image on.
    dropout : float
        Share of what the dense layer gives that is dropped in training.
    """

    def __init__(self, n_latent, image_shape, n_channels, dropout):
        super().__init__()
        sizes = _sizes(image_shape)
        self.start_shape = (n_channels[-1], *sizes[-1])
        n_start = n_channels[-1] * sizes[-1][0] * sizes[-1][1]
        # Dropout is here alone: before each convolution as well, it made the bound 10 nats worse on
        # held-out digits after one short training of each.
        self.dense = nn.Sequential(
            nn.Linear(n_latent, n_start, bias=False),
            nn.BatchNorm1d(n_start),
            nn.ReLU(),
            nn.Dropout(dropout),
        )
        # The first layer of the encoder has no mirror image of its channels but those of the image:
        # its mirror keeps them, and a dense layer of each pixel makes logits of them.
        outputs = (n_channels[0], *n_channels[:-1])
        steps = [
            GatedConvolution(
                n_channels[layer], outputs[layer], _KERNEL_SIZE, _STRIDES[layer], sizes[layer]
            )
            for layer in reversed(range(len(n_channels)))
        ]
        self.convolutions = nn.Sequential(*steps, nn.Conv2d(n_channels[0], image_shape[0], 1))

    def forward(self, bits):
        """Logits of pixels.

        Parameters
        ----------
        bits : torch.Tensor of shape (n_images, n_latent)
            In [0, 1].

        Returns
        -------
        logits : torch.Tensor of shape (n_images, n_features)
            Channels, rows and columns of each image in a row.
        """
        return self.convolutions(_as_images(self.dense(bits), self.start_shape)).flatten(1)


def make_gated_encoder(image_shape, n_channels=_N_CHANNELS):
    """Five gated convolutions from images to features.

    Parameters
    ----------
    image_shape : tuple of (n_channels, height, width)
        Height and width of 4 or more.
    n_channels : sequence of 5 int, default=(16, 16, 32, 32, 16)
        Of the layers, from the image on. The first and the third one halve height and width.

    Returns
    -------
    encoder : GatedEncoder
        From tensors of shape (n_images, n_features), whose rows are flat images, to tensors of
        shape (n_images, ``encoder.n_outputs``). Its weights come from the global generator of
        PyTorch.

    Raises
    ------
    ValueError
        If there are not five numbers of channels, or an image is too small.
    """
    _check_sizes(image_shape, n_channels)
    # On a CPU convolutions of few channels take a tenth less time in this format of memory.
    return GatedEncoder(image_shape, n_channels).to(memory_format=torch.channels_last)


def make_gated_decoder(n_latent, image_shape, n_channels=_N_CHANNELS, dropout=0.2):
    """A dense layer and five gated deconvolutions from latent bits to logits of pixels.

    Parameters
    ----------
    n_latent : int
    image_shape : tuple of (n_channels, height, width)
        Height and width of 4 or more.
    n_channels : sequence of 5 int, default=(16, 16, 32, 32, 16)
        Those of the encoder, from the image on.
    dropout : float, default=0.2
        Share of what the dense layer gives that is dropped in training.

    Returns
    -------
    decoder : GatedDecoder
        From tensors of shape (n_images, n_latent), of bits or of relaxed ones, to tensors of shape
        (n_images, n_features), whose rows are flat images. Its weights come from the global
        generator of PyTorch.

    Raises
    ------
    ValueError
        If there are not five numbers of channels, or an image is too small.
    """
    _check_sizes(image_shape, n_channels)
    decoder = GatedDecoder(n_latent, image_shape, n_channels, dropout)
    return decoder.to(memory_format=torch.channels_last)


def _sizes(image_shape):
    """Heights and widths of the images that go into each layer, and of those that come out."""
    sizes = [tuple(image_shape[1:])]
    for stride in _STRIDES:
        sizes.append(tuple(-(-size // stride) for size in sizes[-1]))
    return sizes


def _as_images(flat, shape):
    return flat.reshape(-1, *shape).contiguous(memory_format=torch.channels_last)


def _check_sizes(image_shape, n_channels):
    if len(n_channels) != len(_STRIDES):
        raise ValueError(
            f"'n_channels' must have {len(_STRIDES)} numbers, one a layer. Got {n_channels!r}."
        )
    if len(image_shape) != 3 or min(image_shape[1:]) < 4:
        raise ValueError(
            "The 'image_shape' parameter of QuantumBoltzmannPriorVAE must have a height and width "
            f"of 4 or more with architecture='gated_conv'. Got {tuple(image_shape)!r} instead."
        )
