"""Modules of PyTorch as plain values and back."""

import json
import pickle

import numpy as np
import pytest
from sklearn.frozen import FrozenEstimator

torch = pytest.importorskip("torch")

from qsklearn.neural_network._qubo_transfer._module_states import (  # noqa: E402
    with_modules,
    without_modules,
)


def module(*more):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        nested = torch.nn.Sequential(torch.nn.Linear(16, 3, bias=False), torch.nn.LeakyReLU(0.2))
        return torch.nn.Sequential(
            torch.nn.Conv2d(1, 2, 3, padding="same", padding_mode="circular"),
            torch.nn.BatchNorm2d(2),
            torch.nn.AvgPool2d((2, 2), stride=None),
            torch.nn.Upsample(scale_factor=2.0),
            torch.nn.Flatten(),
            torch.nn.Linear(32, 16).double().float(),
            nested,
            *more,
        )


IMAGES = torch.linspace(-1.0, 1.0, 32).reshape(2, 1, 4, 4)


def again(state):
    return with_modules(pickle.loads(pickle.dumps(without_modules(state))))


def assert_same_module(one, other):
    assert repr(one) == repr(other)
    assert one.state_dict().keys() == other.state_dict().keys()
    for name, tensor in one.state_dict().items():
        assert tensor.dtype == other.state_dict()[name].dtype
        assert torch.equal(tensor, other.state_dict()[name])
    flags = [[each.training for each in some.modules()] for some in (one, other)]
    assert flags[0] == flags[1]
    flags = [[each.requires_grad for each in some.parameters()] for some in (one, other)]
    assert flags[0] == flags[1]


@pytest.mark.parametrize("training", [True, False])
def test_a_module_comes_back(training):
    given = module()
    given(IMAGES)  # moves the statistics of the normalisation
    given.train(training)
    given[5].weight.requires_grad_(False)
    back = again({"it": given, "other": [1, 2]})
    assert back["other"] == [1, 2]
    assert_same_module(given, back["it"])
    torch.testing.assert_close(given(IMAGES), back["it"](IMAGES), rtol=0, atol=0)
    back["it"](IMAGES).sum().backward()  # it can be trained on
    assert back["it"][6][0].weight.grad is not None


def test_it_is_plain_while_it_is_saved():
    state = without_modules({"it": module()})

    def plain(value):
        return value.tolist() if isinstance(value, np.ndarray) else str(value)

    assert "torch.nn layer" in json.dumps(state, default=plain)


def test_what_is_one_module_stays_one():
    given = module()
    back = again({"a": given, "b": given, "frozen": FrozenEstimator(given)})
    assert back["a"] is back["b"] is back["frozen"].estimator
    assert_same_module(given, back["a"])


class Own(torch.nn.Module):
    def forward(self, values):
        return values


@pytest.mark.parametrize(
    "given",
    [
        module(Own()),
        torch.nn.Sequential(torch.nn.Linear(2, 2).bfloat16()),
        torch.nn.Sequential(torch.nn.LazyLinear(3)),
        torch.nn.Linear(2, 2),
        np.float64(1.0),
        FrozenEstimator("x"),
        None,
    ],
    ids=["own", "bfloat16", "lazy", "hooked", "number", "frozen", "nothing"],
)
def test_what_cannot_be_told_stays_as_it_is(given):
    if type(given) is torch.nn.Linear:
        given.register_forward_hook(print)
    assert without_modules({"it": given})["it"] is given
    assert with_modules({"it": given})["it"] is given


@pytest.mark.parametrize("name", ["functional", "Parameter", "no_such_layer"])
def test_other_names_than_layers_are_refused(name):
    state = without_modules({"it": torch.nn.Identity()})
    state["it"]["torch.nn layer"] = name
    with pytest.raises((TypeError, AttributeError), match=name):
        with_modules(state)
