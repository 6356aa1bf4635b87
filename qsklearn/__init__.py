"""Neural networks trained, run and sampled by annealers and quantum circuits.

Every public name is loaded on first touch, so that ``import qsklearn`` loads neither numba nor
PyTorch, Qiskit, matplotlib or pandas.
"""

import importlib

__version__ = "0.1.0.dev0"

_ROOMS = (
    "circuits",
    "datasets",
    "hamiltonians",
    "inspection",
    "model_selection",
    "neural_network",
    "preprocessing",
    "samplers",
)
_ROOM_OF_NAME = {
    name: "neural_network"
    for name in (
        "GroverBNNClassifier",
        "QUBOTransferClassifier",
        "QuantumBoltzmannPriorVAE",
        "QuantumSampledMLPClassifier",
        "SpinGlassAnnealedNetwork",
        "SpinGlassAnnealedRegressor",
    )
}

__all__ = [*_ROOM_OF_NAME, "__version__", *_ROOMS]


def __getattr__(name):
    if name in _ROOMS:
        return importlib.import_module(f"qsklearn.{name}")
    if name in _ROOM_OF_NAME:
        return getattr(importlib.import_module(f"qsklearn.{_ROOM_OF_NAME[name]}"), name)
    raise AttributeError(f"module 'qsklearn' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
