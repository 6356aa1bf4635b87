"""PyTorch's modules, read as layers of binary units, against their own forward pass."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest
from scipy import sparse
from scipy.special import expit, softmax
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import cross_val_score

from qsklearn.neural_network._qubo_transfer._module_classifier import ModuleClassifier
from qsklearn.neural_network._qubo_transfer._network import read_network

torch = pytest.importorskip("torch")
nn = torch.nn

IMAGE = (2, 9, 8)
N_FEATURES = 144


def build(*layers, seed=0, scale=1.0):
    """A module with random weights, which are not small."""
    module = nn.Sequential(*layers)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            fan_in = parameter[0].numel() if parameter.ndim > 1 else 4
            parameter.copy_(scale * noise / np.sqrt(fan_in))
        for layer in module.modules():
            if getattr(layer, "running_mean", None) is not None:
                layer.running_mean.normal_(generator=generator)
                layer.running_var.uniform_(0.5, 2.0, generator=generator)
    return module


def images(n_samples=7, seed=1):
    return np.random.default_rng(seed).random((n_samples, N_FEATURES))


def own_scores(module, X, image_shape=None):
    """What the module itself says, in eval mode."""
    module = copy.deepcopy(module).eval()
    dtype = next(module.parameters()).dtype
    inputs = torch.tensor(X, dtype=dtype).reshape(len(X), *(image_shape or (X.shape[1],)))
    return module(inputs).detach().double().numpy()


def read(module, X, image_shape=None, n_classes=3):
    return read_network(module, X, image_shape, n_classes, "Reader")


def forward(weights, biases, inputs):
    for layer_weights, bias in zip(weights[:-1], biases[:-1], strict=True):
        inputs = expit(inputs @ layer_weights + bias)
    return inputs @ weights[-1] + biases[-1]


def assert_stack_is_the_module(module, X, image_shape, n_layers):
    network = read(module, X, image_shape)
    scores = own_scores(module, X, image_shape)
    np.testing.assert_allclose(network.logits(X), scores, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(network.logits(X).argmax(axis=1), scores.argmax(axis=1))
    weights, biases = network.layer_stack()
    sizes = [weights[0].shape[0], *(layer.shape[1] for layer in weights)]
    assert len(weights) == n_layers and sizes[0] == X.shape[1] and sizes[-1] == 3
    assert [layer.shape for layer in weights] == list(zip(sizes[:-1], sizes[1:], strict=True))
    assert [bias.shape for bias in biases] == [(size,) for size in sizes[1:]]
    np.testing.assert_allclose(forward(weights, biases, X), scores, atol=1e-5)
    return network


# --- layers of units ---------------------------------------------------------------------------


@pytest.mark.parametrize("unit", [nn.Sigmoid, nn.Tanh])
@pytest.mark.parametrize(
    "convolution",
    [
        {"kernel_size": 3},
        {"kernel_size": (3, 2), "stride": (2, 1)},
        {"kernel_size": 3, "stride": 2, "padding": (1, 0)},
        {"kernel_size": (3, 5), "padding": "same"},
        {"kernel_size": 4, "padding": "valid", "bias": False},
    ],
    ids=str,
)
def test_convolutions(unit, convolution):
    features = nn.Conv2d(2, 3, **convolution)
    n_units = features(torch.zeros(1, *IMAGE)).numel()
    module = build(features, unit(), nn.Flatten(), nn.Linear(n_units, 3))
    network = assert_stack_is_the_module(module, images(), IMAGE, 2)
    assert network.feature_reading == {nn.Sigmoid: "probability", nn.Tanh: "spin"}[unit]
    assert network.has_hidden_layer and sparse.issparse(network.layer_stack()[0][0])
    X = images()
    weights, biases = network.hidden_stack()
    np.testing.assert_allclose(
        forward(weights, biases, network.hidden_inputs(X)), network.logits(X), atol=1e-5
    )


@pytest.mark.parametrize("unit", [nn.Sigmoid, nn.Tanh])
@pytest.mark.parametrize(
    "pool",
    [
        nn.AvgPool2d(2),
        nn.AvgPool2d((3, 2), stride=2, padding=1),
        nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False),
        nn.AvgPool2d(2, divisor_override=3),
        nn.AdaptiveAvgPool2d((1, 3)),
        nn.AdaptiveAvgPool2d((None, 2)),
    ],
    ids=str,
)
@pytest.mark.parametrize("pool_first", [False, True], ids=["behind the units", "before them"])
def test_average_pools_are_folded(unit, pool, pool_first):
    convolution = nn.Conv2d(2, 3, (4, 3))
    n_pools = pool(torch.zeros(1, 3, 6, 6)).numel()
    middle = (pool, unit()) if pool_first else (unit(), pool)
    module = build(
        convolution, *middle, nn.Flatten(), nn.Linear(n_pools, 4), nn.Dropout(), unit(),
        nn.Identity(), nn.Linear(4, 3), nn.Softmax(dim=1),
    )  # fmt: skip
    network = read(module, images(), IMAGE)
    inner = nn.Sequential(*list(module)[:-1])
    assert_stack_is_the_module(inner, images(), IMAGE, 3)
    np.testing.assert_array_equal(
        network.logits(images()), read(inner, images(), IMAGE).logits(images())
    )


def test_two_units_in_one_net_linear_chains_and_nested_sequentials():
    module = build(
        nn.Sequential(nn.Linear(N_FEATURES, 8), nn.Sequential(nn.Tanh(), nn.Linear(8, 6))),
        nn.Linear(6, 5), nn.Sigmoid(), nn.Sequential(), nn.Linear(5, 4), nn.Linear(4, 3),
    )  # fmt: skip
    network = assert_stack_is_the_module(module, images(), None, 3)
    # Nothing stands between the last two layers: these values are no units.
    assert (network.feature_reading, network.hidden_activation) == ("none", "identity")
    assert not network.has_hidden_layer


def test_batch_normalisation_is_folded():
    module = build(
        nn.BatchNorm2d(2, affine=False), nn.Conv2d(2, 3, 4, stride=2), nn.BatchNorm2d(3),
        nn.Sigmoid(), nn.Flatten(), nn.BatchNorm1d(27), nn.Linear(27, 5),
        nn.BatchNorm1d(5, eps=0.3), nn.Tanh(), nn.BatchNorm1d(5), nn.Dropout(), nn.Linear(5, 3),
    ).train()  # fmt: skip
    X = images()
    network = assert_stack_is_the_module(module, X, IMAGE, 3)
    assert network.feature_reading == "spin" and abs(network.output_features(X)).max() <= 1.0
    scores = network.output_features(X) @ network.output_weights + network.output_bias
    np.testing.assert_allclose(scores, network.logits(X), atol=1e-5)
    assert network.hidden_weights.shape == (27, 5)
    hidden = np.tanh(network.hidden_inputs(X) @ network.hidden_weights + network.hidden_bias)
    np.testing.assert_allclose(hidden, network.output_features(X), atol=1e-5)


POOLS = [
    nn.MaxPool2d(2),
    nn.MaxPool2d((3, 2), stride=2, padding=1),  # pools overlap
    nn.AdaptiveMaxPool2d((3, 2)),
]


@pytest.mark.parametrize("unit", [nn.Sigmoid, nn.Tanh])
@pytest.mark.parametrize("pool", POOLS, ids=str)
@pytest.mark.parametrize("pool_first", [False, True], ids=["behind the units", "before them"])
def test_a_maximum_is_an_or(unit, pool, pool_first):
    middle = (pool, nn.Dropout(), unit()) if pool_first else (unit(), pool)
    n_pools = pool(torch.zeros(1, 3, 6, 6)).numel()
    X = images()
    module = build(nn.Conv2d(2, 3, (4, 3)), *middle, nn.Flatten(), nn.Linear(n_pools, 3))
    with torch.no_grad():
        # Most units are off, as else all maxima are 1; and with large weights the units are bits.
        fields = module[0](torch.tensor(X, dtype=torch.float32).reshape(-1, *IMAGE))
        module[0].bias -= fields.quantile(0.85)
        module[0].weight *= 1e6
        module[0].bias *= 1e6
    network = read(module, X, IMAGE)
    assert not network.has_hidden_layer  # pools stand between it and the classes
    assert network.feature_reading == ("probability" if unit is nn.Sigmoid else "spin")
    strength, cost = 80.0, 40.0
    weights, biases = network.layer_stack(pool_strength=strength, pool_cost=cost)
    assert [layer.shape[1] for layer in weights] == [108, n_pools, 3]
    # What compensates for the pools belongs to the energy, not to a pass from below.
    compensation = -np.asarray(weights[1].sum(axis=1)).ravel()
    own_biases = np.repeat(module[0].bias.detach().double().numpy(), 36)
    own_biases *= 2.0 if unit is nn.Tanh else 1.0
    np.testing.assert_allclose(biases[0], own_biases + compensation, rtol=1e-12)
    units = expit(X @ weights[0] + own_biases)
    assert ((units < 1e-9) | (units > 1 - 1e-9)).all()
    pools = expit(units @ weights[1] + biases[1])
    is_on = [units[:, weights[1].toarray()[:, k] > 0].max(axis=1) for k in range(n_pools)]
    np.testing.assert_allclose(pools, np.transpose(is_on), atol=1e-12)
    assert 0.05 < pools.mean() < 0.95
    scores = own_scores(module, X, IMAGE)
    np.testing.assert_allclose(pools @ weights[2] + biases[2], scores, atol=1e-4)
    np.testing.assert_allclose(network.logits(X), scores, atol=1e-6, rtol=1e-6)
    # The pools' part of the energy of any units, at its best pools, is what their OR costs.
    random = np.random.default_rng(0).random((50, 108)) < 0.3
    fields = random @ weights[1] + biases[1]
    energies = -(random @ compensation) - np.maximum(fields, 0.0).sum(axis=1)
    np.testing.assert_allclose(energies, cost * (random @ weights[1] > 0).sum(axis=1))


def test_pools_of_pools():
    module = build(
        nn.Conv2d(2, 1, 2), nn.MaxPool2d(2), nn.MaxPool2d(2), nn.Sigmoid(), nn.Flatten(),
        nn.Linear(2, 3), scale=5e3,
    )  # fmt: skip
    weights, biases = read(module, images(), IMAGE).layer_stack()
    assert [layer.shape for layer in weights] == [(144, 56), (56, 12), (12, 2), (2, 3)]
    np.testing.assert_array_equal(biases[1], -5.0 - 10.0 * (weights[2].sum(axis=1) > 0))


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")
@pytest.mark.parametrize(
    ("layers", "name", "reason"),
    [
        ((nn.Conv2d(2, 1, 2), nn.ReLU()), "layer '1' (ReLU())", "no reading in binary units"),
        ((nn.Conv2d(2, 1, 2), nn.GELU()), "layer '1' (GELU(", "no reading in binary units"),
        ((nn.Conv2d(2, 1, 2, dilation=2), nn.Sigmoid()), "layer '0' (Conv2d", "dilation=(2, 2)"),
        ((nn.Conv2d(2, 2, 2, groups=2), nn.Sigmoid()), "layer '0' (Conv2d", "groups=2"),
        (
            (nn.Conv2d(2, 1, 3, padding=1, padding_mode="circular"), nn.Sigmoid()),
            "layer '0' (Conv2d",
            "padding_mode='circular'",
        ),
        ((nn.Conv2d(2, 1, 2, padding="same"), nn.Tanh()), "layer '0' (Conv2d", "even size"),
        ((nn.MaxPool2d(2), nn.Conv2d(2, 1, 2), nn.Sigmoid()), "layer '0' (MaxPool2d", "maxima"),
        (
            (nn.Conv2d(2, 1, 2), nn.Sigmoid(), nn.AvgPool2d(2), nn.MaxPool2d(2)),
            "layer '3' (MaxPool2d",
            "takes maxima of other values",
        ),
        (
            (nn.Conv2d(2, 1, 2), nn.Sigmoid(), nn.MaxPool2d(2, ceil_mode=True)),
            "layer '2' (MaxPool2d",
            "ceil_mode=True",
        ),
        (
            (nn.Conv2d(2, 1, 2), nn.Sigmoid(), nn.MaxPool2d(2, dilation=2)),
            "layer '2' (MaxPool2d",
            "dilation=2",
        ),
        (
            (nn.Conv2d(2, 1, 2), nn.Sigmoid(), nn.AvgPool2d(2, ceil_mode=True)),
            "layer '2' (AvgPool2d",
            "ceil_mode=True",
        ),
        (
            (nn.Conv2d(2, 1, 2), nn.Sigmoid(), nn.AdaptiveAvgPool2d(3)),
            "layer '2' (AdaptiveAvgPool2d",
            "bins of unequal size",
        ),
        ((nn.Conv2d(2, 1, 2), nn.Sigmoid(), nn.Sigmoid()), "layer '2' (Sigmoid())", "no weights"),
        ((nn.Sigmoid(), nn.Conv2d(2, 1, 2), nn.Tanh()), "layer '0' (Sigmoid())", "no weights"),
        (
            (nn.Conv2d(2, 1, 2), nn.LayerNorm((1, 8, 7)), nn.Sigmoid()),
            "layer '1' (LayerNorm",
            "no reading in binary units",
        ),
        (
            (nn.Linear(8, 5), nn.Sigmoid()),
            "layer '0' (Linear",
            "acts on the last axis of values of shape (2, 9, 8)",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_has_no_reading_is_named(layers, name, reason):
    n_last = nn.Sequential(*layers)(torch.zeros(1, *IMAGE)).numel()
    lead = [nn.Unflatten(1, IMAGE)] if isinstance(layers[0], nn.Linear) else []
    module = build(*layers, nn.Flatten(), nn.Linear(n_last, 3))
    X = images()
    if lead:
        module = build(*lead, *layers, nn.Flatten(), nn.Linear(n_last, 3))
        name = name.replace("'0'", "'1'")
    network = read(module, X, None if lead else IMAGE)
    # Its scores are those of the module all the same.
    own = own_scores(module, X, None if lead else IMAGE)
    np.testing.assert_allclose(network.logits(X), own, rtol=1e-6, atol=1e-6)
    with pytest.raises(
        ValueError, match="'estimator' parameter of Reader .* mode='clamped'"
    ) as got:
        network.layer_stack()
    assert f"Got {name}" in str(got.value) and reason in str(got.value)


class Strange(nn.Sequential):
    def forward(self, values):
        return super().forward(values) ** 2


class Scaled(nn.Linear):
    def forward(self, values):
        return 2.0 * super().forward(values)


@pytest.mark.parametrize("layer", [Strange(nn.Linear(144, 5)), Scaled(144, 5)], ids=["0", "1"])
def test_a_layer_that_computes_something_else_is_not_taken_for_its_base(layer):
    module = build(layer, nn.Sigmoid(), nn.Linear(5, 3))
    network = read(module, images())
    np.testing.assert_allclose(network.logits(images()), own_scores(module, images()), rtol=1e-6)
    assert network.feature_reading == "probability" and not network.has_hidden_layer
    with pytest.raises(ValueError, match="Got layer '0'"):
        network.layer_stack()


def test_a_large_convolution_is_made_only_where_it_is_asked_for():
    shape = (3, 300, 300)
    module = build(
        nn.Conv2d(3, 64, 11), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 3)
    )
    X = np.random.default_rng(0).random((2, int(np.prod(shape))))
    assert read(module, X, shape).logits(X).shape == (2, 3)


# --- features ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layers", "reading", "activation", "has_hidden"),
    [
        ((), "data", None, False),
        ((nn.BatchNorm1d(144), nn.Dropout()), "data", None, False),
        ((nn.Linear(144, 144), nn.Sigmoid()), "probability", "logistic", True),
        ((nn.Linear(144, 144), nn.Tanh(), nn.Dropout()), "spin", "tanh", True),
        ((nn.Linear(144, 144), nn.ReLU()), "none", "relu", True),
        ((nn.Linear(144, 144), nn.LeakyReLU(0.1)), "none", "LeakyReLU(negative_slope=0.1)", True),
        ((nn.Linear(144, 144),), "none", "identity", False),
        ((nn.Linear(144, 144), nn.Sigmoid(), nn.LayerNorm(144)), "none", None, False),
    ],
    ids=str,
)
def test_readings_of_features(layers, reading, activation, has_hidden):
    X = images()
    network = read(build(*layers, nn.Linear(144, 3)), X)
    assert network.feature_reading == reading
    assert network.has_hidden_layer == has_hidden
    if reading == "none" and activation is None:
        assert "LayerNorm" in network.hidden_activation
    else:
        assert network.hidden_activation == activation
    scores = network.output_features(X) @ network.output_weights + network.output_bias
    np.testing.assert_allclose(scores, network.logits(X), atol=1e-5)
    if reading == "data":
        np.testing.assert_array_equal(network.output_features(X), X)


# --- evaluation --------------------------------------------------------------------------------


def convolutional(seed=0):
    return build(
        nn.Conv2d(2, 4, 3), nn.Sigmoid(), nn.Dropout(0.5), nn.Flatten(), nn.Linear(168, 3),
        seed=seed,
    )  # fmt: skip


def test_the_module_stays_as_it_is():
    module = build(nn.Linear(144, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(), nn.Linear(8, 3))
    module.train()
    module(torch.rand(5, 144)).sum().backward()
    before = copy.deepcopy(module.state_dict())
    gradient = module[0].weight.grad.clone()
    network = read(module, images())
    scores = network.logits(images())
    assert module.training and all(layer.training for layer in module)
    assert all(parameter.requires_grad for parameter in module.parameters())
    torch.testing.assert_close(module.state_dict(), before, rtol=0, atol=0)
    assert torch.equal(module[0].weight.grad, gradient)
    with torch.no_grad():  # and what was read does not follow the module
        module[0].weight += 1.0
    np.testing.assert_array_equal(network.logits(images()), scores)


def test_double_precision_and_half():
    X = images()
    double = convolutional().double()
    np.testing.assert_allclose(
        read(double, X, IMAGE).logits(X), own_scores(double, X, IMAGE), rtol=1e-14, atol=1e-14
    )
    half = convolutional().to(torch.bfloat16)
    widened = copy.deepcopy(half).float()
    np.testing.assert_allclose(
        read(half, X, IMAGE).logits(X), own_scores(widened, X, IMAGE), rtol=1e-6, atol=1e-6
    )
    assert half[0].weight.dtype == torch.bfloat16


def test_batches(monkeypatch):
    from qsklearn.neural_network._qubo_transfer import _steps_of_torch

    X = images(50)
    X.flags.writeable = False  # as memory maps of joblib
    at_once = read(convolutional(), X, IMAGE).logits(X)
    monkeypatch.setattr(_steps_of_torch, "_VALUES_AT_ONCE", 500)
    in_batches = read(convolutional(), X, IMAGE)
    assert in_batches.evaluate.n_rows == 2
    np.testing.assert_allclose(in_batches.logits(X), at_once, atol=1e-6)


def test_the_random_state_stays():
    module, binary = convolutional(), build(nn.Linear(144, 1))
    before = torch.get_rng_state()
    with torch.enable_grad():
        read(module, images(), IMAGE).logits(images())
        read(binary, images(), n_classes=2)
    assert torch.equal(torch.get_rng_state(), before)


def test_one_output_for_two_classes():
    X = images()
    module = build(nn.Linear(144, 5), nn.Sigmoid(), nn.Linear(5, 1))
    network = read(module, X, n_classes=2)
    own = own_scores(module, X)
    np.testing.assert_allclose(network.logits(X), np.hstack([-own / 2, own / 2]), atol=1e-6)
    weights, biases = network.layer_stack()
    np.testing.assert_allclose(forward(weights, biases, X), network.logits(X), atol=1e-5)
    with_sigmoid = nn.Sequential(*module, nn.Sigmoid())
    probabilities = softmax(read(with_sigmoid, X, n_classes=2).logits(X), axis=1)
    np.testing.assert_allclose(probabilities[:, 1:], own_scores(with_sigmoid, X), atol=1e-6)


@pytest.mark.parametrize("end", [nn.Softmax(dim=1), nn.LogSoftmax(dim=-1)], ids=str)
def test_a_last_softmax_is_ignored(end):
    X = images()
    module = convolutional()
    ended = nn.Sequential(*module, nn.Dropout(), end)
    np.testing.assert_array_equal(read(ended, X, IMAGE).logits(X), read(module, X, IMAGE).logits(X))


def test_images_that_the_module_makes_itself():
    X = images()
    module = nn.Sequential(nn.Unflatten(1, IMAGE), *convolutional())
    expected = own_scores(module, X)
    for image_shape in (None, IMAGE):
        network = read(module, X, image_shape)
        np.testing.assert_allclose(network.logits(X), expected, atol=1e-6)
    flat = build(nn.Linear(144, 3))
    np.testing.assert_array_equal(read(flat, X, IMAGE).logits(X), read(flat, X).logits(X))
    flattened = nn.Sequential(nn.Flatten(), *flat)
    np.testing.assert_array_equal(read(flattened, X, IMAGE).logits(X), read(flat, X).logits(X))


def test_pickle_and_frozen():
    X = images()
    network = read(FrozenEstimator(convolutional()), X, IMAGE)
    again = pickle.loads(pickle.dumps(network))
    np.testing.assert_array_equal(again.logits(X), network.logits(X))
    for got, expected in zip(again.layer_stack()[1], network.layer_stack()[1], strict=True):
        np.testing.assert_array_equal(got, expected)
    assert network.classes is None and network.n_classes == 3


def test_classifiers_of_scikit_learn_need_no_torch():
    code = (
        "import numpy as np, sys; from sklearn.linear_model import LogisticRegression as L;"
        "from qsklearn.neural_network._qubo_transfer._network import read_network;"
        "X = np.eye(4); f = L().fit(X, [0, 1, 2, 0]);"
        "read_network(f, X, None, 3, 'Reader').logits(X); print('torch' in sys.modules)"
    )
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"


# --- what cannot be read -----------------------------------------------------------------------


class Custom(nn.Module):
    def forward(self, values):
        return values


@pytest.mark.parametrize("module", [Custom(), nn.Linear(144, 3), Strange(nn.Linear(144, 3))])
def test_modules_that_are_no_sequential(module):
    with pytest.raises(ValueError, match="must be a torch.nn.Sequential .* Put its layers into"):
        read(module, images())


@pytest.mark.parametrize(
    "layers",
    [
        (),
        (nn.Linear(144, 3), nn.ReLU()),
        (nn.Linear(144, 3), nn.Sigmoid()),  # three labels, each by itself
        (nn.Linear(144, 3), Custom()),
        (nn.Softmax(dim=1),),
    ],
    ids=str,
)
def test_modules_that_end_in_no_linear_layer(layers):
    with pytest.raises(ValueError, match="ends in a Linear"):
        read(nn.Sequential(*layers), images())


def test_numbers_of_outputs():
    X = images()
    for n_outputs, n_classes, wanted in ((3, 4, "4"), (1, 3, "3"), (3, 2, r"2 \(or 1\)")):
        module = build(nn.Linear(144, n_outputs))
        text = f"as many outputs as y has classes, {wanted}. .*out_features={n_outputs}"
        with pytest.raises(ValueError, match=text):
            read(module, X, n_classes=n_classes)


def test_images_that_do_not_fit():
    X = images()
    with pytest.raises(ValueError, match="'image_shape' parameter of Reader .* Got None instead"):
        read(convolutional(), X)
    with pytest.raises(ValueError, match=r"as X has features, 144. Got \(1, 9, 8\), which has 72"):
        read(convolutional(), X, (1, 9, 8))
    with pytest.raises(ValueError, match=r"\(1, 12, 12\). Its layer '0' \(Conv2d.* does not take"):
        read(convolutional(), X, (1, 12, 12))
    with pytest.raises(ValueError, match=r"layer '4' \(Linear.* of shape \(160,\)"):
        read(convolutional(), X, (2, 6, 12))
    with pytest.raises(ValueError, match=r"of shape \(144,\). Its layer '0' \(Linear"):
        read(build(nn.Linear(100, 3)), X)
    with pytest.raises(ValueError, match=r"outputs have the shape \(2, 9, 3\): put a Flatten"):
        read(build(nn.Dropout(), nn.Unflatten(1, (2, 9, 8)), nn.Linear(8, 3)), X)
    with pytest.raises(ValueError, match="makes 288 data points of 2"):
        read(build(nn.Flatten(0), nn.Linear(288, 3)), X)
    with pytest.raises(ValueError, match="makes a tuple instead of a tensor"):
        read(nn.Sequential(nn.LSTM(144, 4), nn.Linear(4, 3)), X)
    network = read(convolutional(), X, IMAGE)
    with pytest.raises(ValueError, match=r"X has 100 features, .* 144 .* of shape \(2, 9, 8\)"):
        network.logits(X[:, :100])
    with pytest.raises(ValueError, match="contains NaN"):
        network.logits(np.full((1, 144), np.nan))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite(value):
    module = build(nn.Linear(144, 5), nn.BatchNorm1d(5), nn.Sigmoid(), nn.Linear(5, 3))
    broken = copy.deepcopy(module)
    with torch.no_grad():
        broken[0].weight[1, 2] = value
        module[1].running_mean[0] = value
    for bad, name in ((broken, "0"), (module, "1")):
        with pytest.raises(ValueError, match=f"must have finite weights. .* in layer '{name}'"):
            read(bad, images())


def test_parameters_without_values():
    with pytest.raises(NotFittedError, match="'0.weight' has no values yet"):
        read(nn.Sequential(nn.LazyLinear(5), nn.Sigmoid(), nn.Linear(5, 3)), images())


def test_a_module_that_mixes_the_data_points_of_a_batch():
    norm = nn.BatchNorm1d(5, track_running_stats=False)
    for layer in (norm, nn.Sequential(norm), Strange(norm)):
        with pytest.raises(ValueError, match="mixes the data points of a batch"):
            read(build(nn.Linear(144, 5), layer, nn.Sigmoid(), nn.Linear(5, 3)), images())


# --- the twin ----------------------------------------------------------------------------------


def test_module_classifier():
    X = images(30)
    module = convolutional()
    own = own_scores(module, X, IMAGE)
    labels = np.array(["ant", "bee", "cat"])[np.arange(30) % 3]
    classifier = ModuleClassifier(module, image_shape=IMAGE)
    assert clone(classifier).image_shape == IMAGE
    fitted = classifier.fit(X, labels)
    assert fitted is classifier and classifier.module is module
    np.testing.assert_array_equal(fitted.classes_, ["ant", "bee", "cat"])
    np.testing.assert_allclose(fitted.predict_proba(X), softmax(own, axis=1), atol=1e-6)
    np.testing.assert_array_equal(fitted.predict(X), fitted.classes_[own.argmax(axis=1)])
    np.testing.assert_allclose(fitted.decision_function(X), own, atol=1e-5)
    for copied in (clone(fitted).fit(X, labels), pickle.loads(pickle.dumps(fitted))):
        np.testing.assert_array_equal(copied.predict_proba(X), fitted.predict_proba(X))
    scores = cross_val_score(classifier, X, labels, cv=2, error_score="raise")
    assert scores.mean() == pytest.approx((fitted.predict(X) == labels).mean())
    assert "ModuleClassifier" in repr(fitted)


def test_module_classifier_of_two_classes():
    X = images(10)
    module = build(nn.Linear(144, 1))
    fitted = ModuleClassifier(module).fit(X, np.arange(10) % 2)
    own = own_scores(module, X)[:, 0]
    np.testing.assert_allclose(fitted.decision_function(X), own, atol=1e-6)
    np.testing.assert_allclose(fitted.predict_proba(X)[:, 1], expit(own), atol=1e-6)


def test_module_classifier_refuses():
    X = images(10)
    with pytest.raises(NotFittedError):
        ModuleClassifier(convolutional(), IMAGE).predict(X)
    with pytest.raises(ValueError, match="'estimator' parameter of ModuleClassifier .* classes, 5"):
        ModuleClassifier(convolutional(), IMAGE).fit(X, np.arange(10) % 5)
    with pytest.raises(ValueError, match="Unknown label type"):
        ModuleClassifier(convolutional(), IMAGE).fit(X, np.linspace(0.1, 0.9, 10))
