"""The gated convolutions of a discrete VAE: shapes, the formula of a layer, and their modes."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from qsklearn.neural_network._boltzmann_prior_vae._convolutions import (  # noqa: E402
    GatedConvolution,
    make_gated_decoder,
    make_gated_encoder,
)

N_LATENT = 10
SHAPES = [(1, 28, 28), (3, 9, 7), (1, 4, 4), (2, 5, 6)]
SMALL = (2, 9, 6)  # odd and even, of two channels


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def make_seeded(make, *args, **kwargs):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return make(*args, **kwargs)


def rand(*shape, seed=1):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def networks(image_shape, **kwargs):
    """The encoder and the decoder, each with an input of 6 rows."""
    encoder = make_seeded(make_gated_encoder, image_shape)
    decoder = make_seeded(make_gated_decoder, N_LATENT, image_shape, **kwargs)
    return [(encoder, rand(6, int(np.prod(image_shape)))), (decoder, rand(6, N_LATENT))]


def settle(network, x):
    """Running statistics of normalisation that are not those of the start."""
    network.train()
    with torch.no_grad():
        network(x)
    return network.eval()


@pytest.mark.parametrize("image_shape", SHAPES)
def test_flat_shapes_for_any_height_and_width(image_shape):
    (encoder, x), (decoder, bits) = networks(image_shape)
    assert isinstance(encoder.n_outputs, int)
    assert encoder(x).shape == (6, encoder.n_outputs)
    assert decoder(bits).shape == x.shape


def test_the_channels_of_layers_can_be_chosen():
    encoder = make_gated_encoder((1, 8, 8), n_channels=(2, 3, 4, 5, 6))
    decoder = make_gated_decoder(N_LATENT, (1, 8, 8), n_channels=(2, 3, 4, 5, 6))
    assert encoder.n_outputs == 6 * 2 * 2
    assert decoder(encoder(rand(3, 64))[:, :N_LATENT]).shape == (3, 64)


@pytest.mark.parametrize("network_at", [0, 1])
def test_evaluation_has_no_randomness_and_no_view_of_the_batch(network_at):
    network, x = networks(SMALL)[network_at]
    settle(network, x)
    whole = network(x)
    assert torch.equal(whole, network(x))
    parts = torch.cat([network(x[:1]), network(x[1:])])
    np.testing.assert_allclose(parts.detach(), whole.detach(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("output_size", [None, (7, 8)])
def test_a_layer_is_its_normalised_values_times_the_sigmoid_of_its_gates(output_size):
    layer = make_seeded(GatedConvolution, 2, 3, 3, stride=2, output_size=output_size).eval()
    images = rand(4, 2, 7, 8) if output_size is None else rand(4, 2, 4, 4)
    normalisation = layer.normalisation
    with torch.no_grad():
        for at, part in enumerate([normalisation.weight, normalisation.bias]):
            part.copy_(rand(6, seed=2 + at))
        normalisation.running_mean.copy_(rand(6, seed=4))
        normalisation.running_var.copy_(0.5 + rand(6, seed=5))
        result = layer(images).numpy()
    weights = layer.convolution.weight.detach().double().numpy()
    convolved = by_hand(images.double().numpy(), weights, output_size)
    scale, shift, mean, variance = (
        part.detach().double().numpy()[:, np.newaxis, np.newaxis]
        for part in (
            normalisation.weight,
            normalisation.bias,
            normalisation.running_mean,
            normalisation.running_var,
        )
    )
    normalised = (convolved - mean) / np.sqrt(variance + normalisation.eps) * scale + shift
    expected = normalised[:, :3] / (1 + np.exp(-normalised[:, 3:]))
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5)


def by_hand(images, weights, output_size):
    """Kernel of 3, stride of 2, by its definition; a deconvolution is the transpose of one."""
    height, width = output_size or images.shape[2:]
    few_rows, few_columns = -(-height // 2), -(-width // 2)
    if output_size is None:
        result = np.zeros((len(images), len(weights), few_rows, few_columns))
    else:
        result = np.zeros((len(images), weights.shape[1], height, width))
    for row, column, i, j in np.ndindex(few_rows, few_columns, 3, 3):
        y, x = 2 * row + i - 1, 2 * column + j - 1
        if not (0 <= y < height and 0 <= x < width):
            continue
        if output_size is None:
            result[:, :, row, column] += images[:, :, y, x] @ weights[:, :, i, j].T
        else:
            result[:, :, y, x] += images[:, :, row, column] @ weights[:, :, i, j]
    return result


@pytest.mark.parametrize("image_shape", [(1, 28, 28), SMALL])
@pytest.mark.parametrize("network_at", [0, 1])
def test_every_parameter_has_a_gradient(network_at, image_shape):
    network, x = networks(image_shape)[network_at]
    output = network(x)
    (output * rand(*output.shape, seed=2)).sum().backward()
    for name, parameter in network.named_parameters():
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 0, name


def test_dropout_is_in_the_training_of_the_decoder_alone():
    (encoder, x), (decoder, bits) = networks(SMALL)
    without = make_seeded(make_gated_decoder, N_LATENT, SMALL, dropout=0.0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        assert torch.equal(encoder(x), encoder(x))
        assert torch.equal(without(bits), without(bits))
        assert not torch.equal(decoder(bits), decoder(bits))
    assert torch.equal(decoder.eval()(bits), decoder(bits))


def test_weights_come_from_the_global_generator():
    for make in (
        lambda: make_gated_encoder(SMALL),
        lambda: make_gated_decoder(N_LATENT, SMALL),
    ):
        first, second = (make_seeded(make).state_dict() for _ in range(2))
        assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(
    ("image_shape", "n_channels", "message"),
    [
        ((1, 3, 28), (4,) * 5, "height and width of 4 or more"),
        ((28, 28), (4,) * 5, "height and width of 4 or more"),
        ((1, 28, 28), (4,) * 3, "'n_channels' must have 5 numbers"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(image_shape, n_channels, message):
    with pytest.raises(ValueError, match=message):
        make_gated_encoder(image_shape, n_channels)
    with pytest.raises(ValueError, match=message):
        make_gated_decoder(N_LATENT, image_shape, n_channels)
