"""Batch normalisation after dropout: its statistics as an evaluation meets them, in PyTorch."""

import numpy as np
import torch
from torch import nn

from qsklearn.neural_network._boltzmann_prior_vae._posterior import draw_uniforms
from qsklearn.neural_network._boltzmann_prior_vae._training import as_bits, batches

# Rows over which means and variances are taken.
_ROWS = 10_000
_NORMALISATIONS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
_DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)


def settle_normalisations(networks, X, binarize, batch_size, seed, device="cpu"):
    """Take the means and variances of batch normalisation anew, where dropout disturbs them.

    In training they are those of thinned units and relaxed bits; an evaluation has all units and
    whole bits. Behind dropout the variances differ by its share, which cost the gated convolutions
    nine nats of the bound. Networks without dropout stay as they are, as there is nothing to gain.

    Parameters
    ----------
    networks : VAENetworks
        Left in evaluation mode.
    X : ndarray of shape (n_samples, n_features), float32
        Training data; some 10,000 rows of it are enough.
    binarize : {"dynamic", "threshold"} or None
    batch_size : int
    seed : int
    device : str, default="cpu"
    """
    networks.eval()
    parts = list(networks.modules())
    norms = [
        part
        for part in parts
        if isinstance(part, _NORMALISATIONS) and part.running_mean is not None
    ]
    if not norms or not any(isinstance(part, _DROPOUTS) and part.p > 0 for part in parts):
        return
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.train()
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over batches
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(X))[:_ROWS]
    with torch.no_grad():
        for rows in batches(order, batch_size):
            x = torch.from_numpy(as_bits(X[rows], binarize, rng)).to(device)
            uniforms = draw_uniforms(rng, len(rows), networks.posterior.n_latent).to(device)
            networks.decoder(networks.draw(x, uniforms, 0.0).hard)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()
