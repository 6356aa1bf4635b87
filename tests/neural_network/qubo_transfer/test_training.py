"""Training for transfer: losses against enumeration and numpy, gradients, determinism, figures."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from qsklearn.hamiltonians import LayeredHamiltonian

torch = pytest.importorskip("torch")

from qsklearn.neural_network._qubo_transfer import _phase  # noqa: E402
from qsklearn.neural_network._qubo_transfer._modules import (  # noqa: E402
    coupled_layers,
    drbm_parts,
    flat_layers,
)
from qsklearn.neural_network._qubo_transfer._scores import (  # noqa: E402
    DRBMScores,
    FeedForwardScores,
    MeanFieldScores,
)
from qsklearn.neural_network._qubo_transfer._training import (  # noqa: E402
    build_network,
    linear_layers,
    sequential_of_mlp,
    train,
)

nn = torch.nn
MODE_OF = {"cross_entropy": "clamped", "drbm": "drbm", "mean_field": "network"}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """More threads than free cores make steps on tiny data many times slower."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=MODE_OF)
def objective(request):
    return request.param


@pytest.fixture
def few_epochs(monkeypatch):
    """Three epochs of each objective."""
    plans = {name: _phase.Plan(0.01, 3, 1) for name in MODE_OF}
    monkeypatch.setattr(_phase, "PLANS", plans)


def make_module(objective="drbm", *, image=False, sizes=(4,), scale=3.0, seed=0):
    """A network in double precision, with weights that saturate some units."""
    shape = (2, 9, 8) if image else None
    n_features = 144 if image else 5
    module = build_network(n_features, shape, sizes, 3, MODE_OF[objective], seed).double()
    with torch.no_grad():
        for layer in linear_layers(module):
            layer.weight.mul_(scale)
    return module


def make_data(n_samples=60, n_features=5, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.random((n_samples, n_features))
    return SimpleNamespace(
        X=X, classes=X[:, :3].argmax(axis=1), weights=rng.random(n_samples) + 0.1
    )


def arrays_of(module):
    return [value.numpy().copy() for value in module.state_dict().values()]


def weights_of(layer):
    return layer.weight.detach().numpy().T, layer.bias.detach().numpy()


def scores_of(scores, X, generator=None):
    inputs = torch.from_numpy(X)
    if not isinstance(scores, MeanFieldScores):
        for layer in scores.front:
            inputs = layer(inputs)
    return scores.scores(inputs, generator)[0]


def accuracy(module, objective, X, classes):
    makers = {"cross_entropy": FeedForwardScores, "drbm": DRBMScores}
    scores = makers.get(objective, lambda m: MeanFieldScores(m, has_noise=False))(module)
    with torch.no_grad():
        predicted = scores_of(scores, X.astype(np.float32)).argmax(dim=1).numpy()
    return (predicted == classes).mean()


# --- scores --------------------------------------------------------------------------------------


def test_drbm_sums_over_all_states_of_the_hidden_units():
    module, data = make_module("drbm"), make_data(7)
    (W1, b1), (W2, b2) = map(weights_of, linear_layers(module))
    states = np.array(list(itertools.product([0, 1], repeat=4)))
    fields = data.X @ W1 + b1
    exponents = (states @ W2 + b2)[None] + (fields @ states.T)[:, :, None]
    sums = np.exp(exponents).sum(axis=1)
    expected = np.log(sums / sums.sum(axis=1, keepdims=True))
    scores = scores_of(DRBMScores(module), data.X)
    found = torch.log_softmax(scores, dim=1).detach().numpy()
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_drbm_of_a_module_without_class_biases_has_biases_of_zero():
    module, data = make_module("drbm"), make_data(7)
    with torch.no_grad():
        linear_layers(module)[-1].bias.zero_()
    expected = scores_of(DRBMScores(module), data.X)
    linear_layers(module)[-1].bias = None
    np.testing.assert_array_equal(scores_of(DRBMScores(module), data.X).detach(), expected.detach())


def test_drbm_agrees_with_the_hamiltonian_at_huge_fields():
    module, data = make_module("drbm", scale=1.0), make_data(6)
    (W1, b1), (W2, b2) = map(weights_of, linear_layers(module))
    fields = 1e5 * (data.X @ W1 + b1)
    energies = LayeredHamiltonian((W2,), (np.zeros(4), b2)).class_free_energies(fields)
    with torch.no_grad():
        linear_layers(module)[0].weight.mul_(1e5)
        linear_layers(module)[0].bias.mul_(1e5)
        scores = scores_of(DRBMScores(module), data.X).numpy()
    expected = energies[:, :1] - energies
    np.testing.assert_allclose(scores - scores[:, :1], expected, atol=1e-8)


@pytest.mark.parametrize("sizes", [(), (4,), (6, 4), (5, 4, 3)])
@pytest.mark.parametrize("n_steps", [0, 1, 6])
def test_unrolled_steps_are_the_hamiltonians_mean_field(sizes, n_steps):
    module, data = make_module("mean_field", sizes=sizes), make_data(8)
    first, *rest = map(weights_of, linear_layers(module))
    hamiltonian = LayeredHamiltonian(
        tuple(W for W, _ in rest), (np.zeros(len(first[1])), *(b for _, b in rest))
    )
    means = hamiltonian.mean_field(data.X @ first[0] + first[1], num_steps=n_steps)
    scores = scores_of(MeanFieldScores(module, has_noise=False, n_steps=n_steps), data.X)
    found = torch.softmax(scores, dim=1).detach().numpy()
    np.testing.assert_allclose(found, means[-1], atol=1e-12)


def test_feedback_through_convolutions_is_the_adjoint():
    convolutions = [nn.Conv2d(2, 3, 3), nn.Sigmoid(), nn.Conv2d(3, 4, (3, 2), (2, 3), (1, 0))]
    module = nn.Sequential(*convolutions, nn.Sigmoid(), nn.Flatten(), nn.Linear(32, 3)).double()
    with torch.no_grad():
        module[2].weight.mul_(5)
    X = np.random.default_rng(0).random((5, 2, 9, 8))
    with torch.no_grad():
        inputs = module[0](torch.from_numpy(X)).flatten(1).numpy()
        units = torch.eye(126, dtype=torch.float64).reshape(126, 3, 7, 6)
        matrix = (module[2](units) - module[2](torch.zeros_like(units))).flatten(1).numpy()
        biases = module[2].bias.repeat_interleave(8).numpy()
    W, b = weights_of(module[5])
    means = LayeredHamiltonian((matrix, W), (np.zeros(126), biases, b)).mean_field(inputs)
    scores = scores_of(MeanFieldScores(module, has_noise=False), X)
    found = torch.softmax(scores, dim=1).detach().numpy()
    np.testing.assert_allclose(found, means[-1], atol=1e-12)


def test_units_are_drawn_with_their_means_and_gradients_pass():
    scores = MeanFieldScores(make_module("mean_field"))
    fields = torch.linspace(-3, 3, 7, dtype=torch.float64).repeat(20_000, 1).requires_grad_()
    units = scores._units(fields, torch.Generator().manual_seed(0))
    values = units.detach().numpy()
    assert np.all(np.minimum(abs(values), abs(values - 1)) < 1e-12)
    means = torch.sigmoid(fields[0]).detach().numpy()
    deviations = np.sqrt(means * (1 - means) / len(values))
    assert np.all(abs(values.mean(axis=0) - means) < 4 * deviations)  # 4 sigma
    (slopes,) = torch.autograd.grad(units.sum(), fields)
    np.testing.assert_allclose(slopes.numpy()[0], means * (1 - means))


@pytest.mark.parametrize("image", [False, True])
def test_gradients_against_finite_differences(objective, image):
    module = make_module(objective, image=image, sizes=(3,))
    X = np.random.default_rng(1).random((4, 2, 9, 8) if image else (4, 5))
    makers = {"cross_entropy": FeedForwardScores, "drbm": DRBMScores}
    scores = makers.get(objective, lambda m: MeanFieldScores(m, has_noise=False, n_steps=3))(module)
    classes = torch.tensor([0, 1, 2, 1])

    def loss():
        return nn.functional.cross_entropy(scores_of(scores, X), classes)

    parameters = list(module.parameters())
    gradients = torch.autograd.grad(loss(), parameters)
    rng = np.random.default_rng(0)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        direction = torch.from_numpy(rng.normal(size=tuple(parameter.shape)))
        with torch.no_grad():
            parameter += 1e-6 * direction
            above = loss()
            parameter -= 2e-6 * direction
            difference = float(above - loss()) / 2e-6
            parameter += 1e-6 * direction
        assert difference == pytest.approx(float((gradient * direction).sum()), rel=1e-4, abs=1e-8)


# --- modules -------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["clamped", "float", "drbm", "network"])
@pytest.mark.parametrize(
    "shape", [None, (1, 28, 28), (1, 14, 14), (1, 8, 8), (2, 5, 5), (1, 1, 3), (3, 2, 20)]
)
def test_networks_fit_their_images(mode, shape):
    n_features = 12 if shape is None else int(np.prod(shape))
    module = build_network(n_features, shape, (6, 4), 3, mode, 0)
    X = torch.rand(2, *(shape or (n_features,)), generator=torch.Generator().manual_seed(0))
    assert module(X).shape == (2, 3)
    assert linear_layers(module)[-1].in_features == 4


def test_the_papers_sampled_network_has_128_and_24_units():
    module = build_network(196, (1, 14, 14), (24,), 10, "network", 0)
    sizes = [layer.in_features for layer in linear_layers(module)]
    assert sizes == [128, 24]
    assert module[0].stride == (3, 3) and module[0].kernel_size == (5, 5)


def test_initial_weights_follow_the_generator_alone():
    torch.manual_seed(7)
    before = torch.get_rng_state()
    one, same, other = (build_network(9, None, (4,), 2, "drbm", seed) for seed in (1, 1, 2))
    generator = torch.Generator().manual_seed(1)
    given = build_network(9, None, (4,), 2, "drbm", generator)
    assert torch.equal(before, torch.get_rng_state())
    for a, b, c, d in zip(*map(arrays_of, (one, same, given, other)), strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)
        assert not np.array_equal(a, d)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((9, None, (), 2, "drbm", 0), "'n_hidden'.*at least one hidden layer"),
        ((9, (1, 2, 4), (3,), 2, "drbm", 0), "'image_shape'.*features, 9.*holds 8"),
        ((9, None, (3,), 2, "sampled", 0), "'mode'.*'sampled'"),
    ],
)
def test_networks_that_cannot_be_built(arguments, message):
    with pytest.raises(ValueError, match=message):
        build_network(*arguments)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_an_mlp_becomes_a_module(n_classes):
    X, y = load_iris(return_X_y=True)
    X, y = X[y < n_classes], y[y < n_classes]
    mlp = MLPClassifier((5, 4), activation="logistic", solver="lbfgs", max_iter=20, random_state=0)
    with pytest.warns(ConvergenceWarning):
        mlp.fit(X, y)
    module = sequential_of_mlp(mlp.coefs_, mlp.intercepts_)
    with torch.no_grad():
        found = torch.softmax(module(torch.from_numpy(X)), dim=1).numpy()
        linear_layers(module)[0].weight.zero_()  # a copy
    np.testing.assert_allclose(found, mlp.predict_proba(X), atol=1e-12)
    assert mlp.coefs_[0].any()


def test_nested_modules_and_ends_are_read():
    inner = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Dropout(0.1))
    module = nn.Sequential(nn.Identity(), inner, nn.Linear(4, 3), nn.Softmax(dim=1))
    assert flat_layers(module)[-1] is module[2]
    parts = drbm_parts(module)
    assert parts.hidden is inner[0] and parts.classes is module[2]
    assert linear_layers(module) == [inner[0], module[2]]


@pytest.mark.parametrize(
    "read, layers, message",
    [
        (flat_layers, [nn.Linear(5, 3), nn.ReLU()], "end in a torch.nn.Linear.*Linear > ReLU"),
        (flat_layers, [], "no layer"),
        (drbm_parts, [nn.Linear(5, 3)], "must end in Linear, an activation.*Got Linear"),
        (drbm_parts, [nn.Linear(4, 4), nn.Flatten(), nn.Linear(4, 3)], "Got Linear > Flatten"),
        (coupled_layers, [nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3)], r"Got ReLU\(\)"),
        (coupled_layers, [nn.Linear(5, 4), nn.Linear(4, 3)], r"Got Linear\(in_features=4"),
        (
            coupled_layers,
            [nn.Conv2d(1, 2, 3, padding="same"), nn.Sigmoid(), nn.Flatten(), nn.Linear(8, 3)],
            "pad with zeros, by a number",
        ),
    ],
)
def test_modules_that_cannot_be_read_are_named(read, layers, message):
    with pytest.raises(ValueError, match=message):
        read(nn.Sequential(*layers))


# --- training ------------------------------------------------------------------------------------


def test_same_seed_same_weights_and_the_global_generator_untouched(objective, few_epochs):
    data, results = make_data(), []
    for seed, state in [(3, 1), (3, 2), (4, 1)]:
        torch.manual_seed(state)
        before = torch.get_rng_state()
        module = make_module(objective)
        module.insert(2, nn.Dropout(0.3))
        train(module, data.X, data.classes, data.weights, objective=objective, seed=seed)
        assert torch.equal(before, torch.get_rng_state())
        results.append(arrays_of(module))
    for one, same, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, same)
        assert not np.array_equal(one, other)


def test_weight_zero_is_absence_and_only_ratios_matter(objective, few_epochs):
    data, rng = make_data(), np.random.default_rng(5)
    places = np.sort(rng.integers(0, 61, 20))
    X = np.insert(data.X, places, 1e6, axis=0)
    classes = np.insert(data.classes, places, rng.integers(0, 3, 20))
    weights = np.insert(data.weights, places, 0.0)
    modules = [make_module(objective) for _ in range(3)]
    train(modules[0], data.X, data.classes, data.weights, objective=objective)
    train(modules[1], X, classes, weights, objective=objective)
    train(modules[2], data.X, data.classes, 8 * data.weights, objective=objective)
    for one, *others in zip(*map(arrays_of, modules), strict=True):
        for other in others:
            np.testing.assert_array_equal(one, other)


def test_weights_count(monkeypatch):
    """Two classes on the same rows: the heavier one wins."""
    monkeypatch.setattr(_phase, "PLANS", {"drbm": _phase.Plan(0.1, 20, 1)})
    X, classes = np.ones((40, 5)), np.repeat([0, 1], 20)
    for heavy in (0, 1):
        module = make_module("drbm", scale=0.1)
        train(module, X, classes, np.where(classes == heavy, 20.0, 1.0), objective="drbm")
        scores = scores_of(DRBMScores(module), X[:1])[0]
        assert scores[heavy] > scores[1 - heavy]


def test_the_head_alone(objective, few_epochs):
    data = make_data(n_features=144)
    module = make_module(objective, image=True)
    module.insert(1, nn.BatchNorm2d(len(module[0].weight)).double())
    if objective == "mean_field":
        del module[1]
    head = len(flat_layers(module)) - (3 if objective == "drbm" else 1)
    before = [value.clone() for value in module[:head].state_dict().values()]
    last = module[-1].weight.detach().clone()
    train(
        module,
        data.X,
        data.classes,
        objective=objective,
        image_shape=(2, 9, 8),
        trainable="head",
    )
    after = module[:head].state_dict().values()
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert not torch.equal(last, module[-1].weight)
    assert all(p.grad is None for p in module.parameters()) and not module.training


def test_frozen_parameters_stay(few_epochs):
    module, data = make_module("drbm"), make_data()
    module[0].weight.requires_grad_(False)
    before = arrays_of(module)
    train(module, data.X, data.classes, objective="drbm")
    changed = [not np.array_equal(a, b) for a, b in zip(before, arrays_of(module), strict=True)]
    assert changed == [False, True, True, True]
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    with pytest.raises(ValueError, match="Nothing of the network can be trained"):
        train(module, data.X, data.classes, objective="drbm")


def test_digits(objective):
    X, classes = load_digits(return_X_y=True)
    X = X / 16
    module = build_network(64, None, (16,), 10, MODE_OF[objective], 0)
    history = train(module, X[:1300], classes[:1300], objective=objective)
    curve = history["loss_curve"]
    assert len(curve) == history["n_iter"] and curve[-1] < curve[0] / 2
    lowest = 0.90  # logistic regression has .92 on these last rows, of other writers
    assert accuracy(module, objective, X[1300:], classes[1300:]) > lowest


def test_validation_keeps_the_best_and_stops():
    rng = np.random.default_rng(0)
    X, classes = rng.normal(size=(40, 5)), rng.integers(0, 3, 40)  # nothing to be learnt
    held_out = (rng.normal(size=(200, 5)), rng.integers(0, 3, 200), None)
    module = make_module("drbm", scale=0.3)
    history = train(module, X, classes, objective="drbm", validation=held_out)
    curve = history["validation_curve"]
    assert history["stop_reason"] == "early_stopping"
    scores = scores_of(DRBMScores(module), held_out[0])
    loss = nn.functional.cross_entropy(scores, torch.from_numpy(held_out[1]))
    assert float(loss.detach()) == pytest.approx(min(curve), rel=1e-12)
    assert np.argmin(curve) < len(curve) - 1


@pytest.mark.parametrize("call", [1, 6])
def test_interrupted(objective, few_epochs, monkeypatch, call):
    module, data = make_module(objective), make_data()
    before, n_calls = arrays_of(module), itertools.count()
    step = torch.optim.Adam.step

    def interrupted_step(self, *arguments, **keywords):
        if next(n_calls) == call:
            raise KeyboardInterrupt
        return step(self, *arguments, **keywords)

    monkeypatch.setattr(torch.optim.Adam, "step", interrupted_step)
    with pytest.warns(UserWarning, match="interrupted; the weights so far are kept"):
        history = train(module, data.X, data.classes, objective=objective)
    assert history["stop_reason"] == "interrupted"
    assert not np.array_equal(before[0], arrays_of(module)[0])
    assert next(n_calls) == call + 1


def test_interrupted_after_a_divergence_that_nobody_saw(objective, few_epochs, monkeypatch):
    """In the middle of an epoch; the weights are those before it."""
    module, data = make_module(objective), make_data()
    ends = []
    step, run_epoch = torch.optim.Adam.step, _phase.Phase.run_epoch

    def noted_epoch(self):
        loss = run_epoch(self)
        ends.append(arrays_of(module))
        return loss

    def diverging_step(self, *arguments, **keywords):
        step(self, *arguments, **keywords)
        if len(ends) == 2:
            with torch.no_grad():
                linear_layers(module)[-1].weight.fill_(np.nan)
            raise KeyboardInterrupt

    monkeypatch.setattr(_phase.Phase, "run_epoch", noted_epoch)
    monkeypatch.setattr(torch.optim.Adam, "step", diverging_step)
    with pytest.warns(UserWarning, match="interrupted; the weights so far are kept"):
        train(module, data.X, data.classes, objective=objective)
    for found, expected in zip(arrays_of(module), ends[-1], strict=True):
        np.testing.assert_array_equal(found, expected)


def test_divergence_in_the_first_epoch_changes_nothing(objective):
    module, data = make_module(objective).float(), make_data()
    before = arrays_of(module)
    with pytest.raises(ValueError, match="diverged in its first epoch.*Scale X"):
        train(module, 1e300 * data.X, data.classes, objective=objective)
    for one, other in zip(before, arrays_of(module), strict=True):
        np.testing.assert_array_equal(one, other)


def test_later_divergence_keeps_the_last_good_weights(few_epochs, monkeypatch):
    module, data = make_module("drbm"), make_data()
    epoch, n_epochs = _phase.Phase._epoch, itertools.count()

    def diverging_epoch(self):
        loss = epoch(self)
        return loss if next(n_epochs) < 2 else float("nan")

    monkeypatch.setattr(_phase.Phase, "_epoch", diverging_epoch)
    with pytest.warns(ConvergenceWarning, match="weights of the epoch before are kept"):
        history = train(module, data.X, data.classes, objective="drbm")
    assert history["stop_reason"] == "diverged" and history["n_iter"] == 2


def test_converged_training_stops():
    data = make_data()
    module = make_module("drbm")
    history = train(module, data.X, np.zeros(60, int), objective="drbm")
    assert history["stop_reason"] == "converged"
    assert history["n_iter"] < _phase.PLANS["drbm"].epochs(4)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"objective": "hinge"}, "'objective'.*'hinge'"),
        ({"trainable": "front"}, "'trainable'.*'front'"),
        ({"classes": np.full(60, 3)}, r"classes of X.*range \[0, 2\].*3 outputs"),
        ({"weights": np.zeros(60)}, "weights of X.*sum > 0"),
        ({"weights": np.ones(59)}, "equally many. Got 60, 60 and 59"),
        ({"image_shape": (1, 2, 3)}, "rows of 6 features"),
        ({"validation": (np.ones((4, 2)), np.zeros(4), None)}, "validation must have rows of 5"),
    ],
)
def test_what_does_not_fit_is_refused(changes, message):
    data = make_data()
    settings = {"X": data.X, "classes": data.classes, "weights": data.weights}
    with pytest.raises(ValueError, match=message):
        train(make_module(), **{**settings, "objective": "drbm", **changes})


def test_other_modules_are_refused():
    data = make_data()
    with pytest.raises(ValueError, match="torch.nn.Sequential. Got a Linear"):
        train(nn.Linear(5, 3), data.X, data.classes)


def test_read_only_and_single_precision_data_train(few_epochs):
    data = make_data()
    X = data.X.astype(np.float32)
    X.flags.writeable = False
    module = make_module("drbm").float()
    history = train(module, X, data.classes, data.weights, objective="drbm")
    assert history["loss_curve"][-1] < history["loss_curve"][0]


def test_validation_meets_the_same_draws_each_time(few_epochs, monkeypatch):
    """Else chance would choose the epoch whose weights are kept."""
    data, module = make_data(), make_module("mean_field")
    again = []
    validate = _phase.Phase._validate

    def validate_twice(self):
        again.append(validate(self))
        return validate(self)

    monkeypatch.setattr(_phase.Phase, "_validate", validate_twice)
    held_out = (data.X[:20], data.classes[:20], None)
    history = train(module, data.X, data.classes, objective="mean_field", validation=held_out)
    assert again[-len(history["validation_curve"]) :] == history["validation_curve"]
