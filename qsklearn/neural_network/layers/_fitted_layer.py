"""A layer with its shapes and weights."""

import math
from dataclasses import dataclass, replace

import numpy as np

from qsklearn._checks import check_flag, check_instance, check_integers, check_reals
from qsklearn.hamiltonians import LayerHamiltonian
from qsklearn.neural_network.layers._activation import Activation
from qsklearn.neural_network.layers._base import Layer, check_input_shape

# Patches of this size are made, multiplied and overwritten by the next.
_BATCH_BYTES = 2**24
# The cost model of the two forms of J: sweeps of an anneal, and how much faster BLAS multiplies
# than the moves of a sampler do.
_SWEEPS = 30
_BLAS_SPEED = 8
_MAX_GRAM_BYTES = 2**30


@dataclass(frozen=True, eq=False)  # == on arrays has no single answer
class FittedLayer:
    """A layer for inputs of a known shape, with its weights: an element of ``layers_``.

    Parameters
    ----------
    layer : Layer
        The parameters.
    input_shape : tuple of int
        Shape of the inputs of one sample.
    weights : ndarray of shape (n_weights, n_outputs), default=None
        None where the layer has none, or has not been given them yet.
    intercepts : ndarray of shape (n_outputs,), default=None
        None for a layer without.

    Raises
    ------
    ValueError
        If the layer does not take such inputs, or has other numbers of weights.

    Examples
    --------
    >>> import numpy as np
    >>> from qsklearn.neural_network.layers import FittedLayer, Linear
    >>> rng = np.random.default_rng(0)
    >>> inputs, weights = rng.normal(size=(20, 3)), rng.normal(size=(4, 2))
    >>> layer = FittedLayer(Linear(2), (3,)).with_weights(weights)
    >>> hamiltonian = layer.hamiltonian(inputs, layer.forward(inputs))
    >>> np.allclose(hamiltonian.minimise().T, weights)
    True
    """

    layer: Layer
    input_shape: tuple
    weights: np.ndarray | None = None
    intercepts: np.ndarray | None = None

    def __post_init__(self):
        check_instance(self.layer, Layer, "layer", "FittedLayer")
        shape = check_input_shape(self.input_shape, "FittedLayer")
        object.__setattr__(self, "input_shape", shape)
        self.layer.output_shape(shape)
        if not self.is_trainable:
            return
        expected = (self.n_weights, self.n_outputs)
        for name, needed in (("weights", expected), ("intercepts", expected[1:])):
            values = getattr(self, name)
            if values is None:
                continue
            values = check_reals(values, name, "FittedLayer")
            if values.shape != needed:
                raise ValueError(
                    f"The '{name}' of {self.layer!r} for inputs of shape {shape} must have the "
                    f"shape {needed}. Got {values.shape} instead."
                )
            object.__setattr__(self, name, values)

    @property
    def is_trainable(self):
        """Whether the layer has weights."""
        return self.layer.is_trainable

    @property
    def output_shape(self):
        """Shape of the outputs of one sample."""
        return self.layer.output_shape(self.input_shape)

    @property
    def n_weights(self):
        """Number of weights of an output, without its intercept; 0 if it is not trainable."""
        return self.layer.n_weights(self.input_shape) if self.is_trainable else 0

    @property
    def n_outputs(self):
        """Number of outputs with weights of their own; 0 if it is not trainable."""
        return self.layer.n_outputs if self.is_trainable else 0

    @property
    def coefficients(self):
        """Weights and, if there are any, intercepts as their last row."""
        if self.intercepts is None:
            return self.weights
        return np.vstack([self.weights, self.intercepts])

    def with_weights(self, coefficients):
        """The layer with other weights.

        Parameters
        ----------
        coefficients : ndarray of shape (n_weights, n_outputs) or (n_weights + 1, n_outputs)
            The last row of the larger shape holds the intercepts.

        Returns
        -------
        FittedLayer
        """
        values = check_reals(coefficients, "coefficients", "FittedLayer.with_weights").copy()
        n_weights = self.n_weights
        if values.shape == (n_weights + 1, self.n_outputs):
            return replace(self, weights=values[:-1], intercepts=values[-1])
        return replace(self, weights=values, intercepts=None)

    def forward(self, inputs):
        """Outputs of the layer.

        Parameters
        ----------
        inputs : ndarray of shape (n_samples, *input_shape)

        Returns
        -------
        outputs : ndarray of shape (n_samples, *output_shape)
        """
        self._require_weights()
        return self.layer.forward(inputs, self.weights, self.intercepts)

    def inverse(self, targets, *, ridge=0.0, method="exact", slopes=None):
        """Inputs that give the targets, as far as there are any.

        Parameters
        ----------
        targets : ndarray of shape (n_samples, *output_shape)
        ridge : float, default=0.0
            Damping of the inverse of a trainable layer, relative to the mean square of the rows of
            its matrix.
        method : {"exact", "fourier"}, default="exact"
            How a convolution is inverted.
        slopes : ndarray of the targets' shape, default=None
            Activation factors that an activation divides by; None ignores them.

        Returns
        -------
        inputs : ndarray of shape (n_samples, *input_shape)
        """
        if isinstance(self.layer, Activation):
            return self.layer.inverse(targets, self.input_shape, slopes=slopes)
        if not self.is_trainable:
            return self.layer.inverse(targets, self.input_shape)
        self._require_weights()
        return self.layer.inverse(
            self._without_intercepts(targets),
            self.input_shape,
            self.weights,
            ridge=ridge,
            method=method,
        )

    def hamiltonian(
        self,
        inputs,
        targets,
        *,
        gains=None,
        sample_weight=None,
        fit_intercept=True,
        outputs=None,
        keep_rows=None,
    ):
        """The squared error of the layer's outputs as a quadratic form of its weights.

        It is summed over the sites of images and divided by the number of samples, or the sum of
        their weights, and made batch by batch, so that the patches of all images are never in
        memory at once unless the rows are kept.

        Parameters
        ----------
        inputs : ndarray of shape (n_samples, *input_shape)
        targets : ndarray of shape (n_samples, *output_shape)
        gains : ndarray of shape (n_samples, *output_shape), default=None
            Activation factors γ that multiply the outputs.
        sample_weight : ndarray of shape (n_samples,), default=None
            At least 0, and not all zero.
        fit_intercept : bool, default=True
            Whether there is one more weight, the last, whose input is 1.
        outputs : array-like of int, default=None
            Outputs (or output channels) that are wanted; all by default.
        keep_rows : bool, default=None
            Whether the Hamiltonian keeps the rows in place of their products. None takes the form
            that 30 sweeps of an annealer cost less with: with N weights, R rows, M outputs in G
            groups the products cost G R N² / 2 in BLAS, and moves among the rows 60 R N M about
            eight times slower; or the rows where the products would need more than 1 GiB and the
            rows less.

        Returns
        -------
        LayerHamiltonian
            Over n_weights, or n_weights + 1 with the intercept.

        Raises
        ------
        ValueError
            If the layer is not trainable, shapes do not fit, or no sample has a weight.
        """
        problem = _Problem(self, inputs, targets, gains, sample_weight, fit_intercept, outputs)
        if keep_rows is None:
            keep_rows = problem.prefers_rows()
        return LayerHamiltonian.from_batches(
            problem.batches(keep_rows), normaliser=problem.normaliser, keep_rows=keep_rows
        )

    def _without_intercepts(self, targets):
        if self.intercepts is None:
            return targets
        targets = check_reals(targets, "targets", "FittedLayer.inverse", ..., *self.output_shape)
        n_sites_axes = len(self.output_shape) - 1
        return targets - self.intercepts.reshape(-1, *[1] * n_sites_axes)

    def _require_weights(self):
        if self.is_trainable and self.weights is None:
            raise ValueError(f"{self.layer!r} has no weights yet: with_weights gives it some.")


class _Problem:
    """What a layer is to be fitted to, checked, and cut into batches of rows."""

    def __init__(self, fitted, inputs, targets, gains, sample_weight, fit_intercept, outputs):
        if not fitted.is_trainable:
            raise ValueError(f"{fitted.layer!r} has no weights, and so no Hamiltonian.")
        self.fitted, self.layer = fitted, fitted.layer
        self.inputs = self._shaped("inputs", inputs, fitted.input_shape)
        self.targets = self._shaped("targets", targets, fitted.output_shape)
        self.gains = None
        if gains is not None:
            self.gains = self._shaped("gains", gains, fitted.output_shape)
        self.sample_weight = None
        if sample_weight is not None:
            self.sample_weight = self._shaped("sample_weight", sample_weight, ())
        weights = self.sample_weight
        self.normaliser = len(self.inputs) if weights is None else float(weights.sum())
        caller = "FittedLayer.hamiltonian"
        self.outputs = slice(None)
        if outputs is not None:
            limits = {"low": 0, "high": fitted.n_outputs}
            self.outputs = check_integers(outputs, "outputs", caller, "n_some", **limits)
        self.fit_intercept = check_flag(fit_intercept, "fit_intercept", caller)
        self.n_sites = math.prod(fitted.output_shape[1:])
        self.width = fitted.n_weights + self.fit_intercept

    def _shaped(self, name, values, shape):
        values = check_reals(values, name, "FittedLayer.hamiltonian")
        n_samples = len(self.inputs) if name != "inputs" else (*values.shape, 0)[0]
        if values.shape != (n_samples, *shape):
            raise ValueError(
                f"The '{name}' of {self.layer!r} must have the shape "
                f"{(n_samples, *shape)}. Got {values.shape} instead."
            )
        return values

    def prefers_rows(self):
        n_rows, width = len(self.inputs) * self.n_sites, self.width
        n_outputs = len(np.arange(self.fitted.n_outputs)[self.outputs])
        n_groups = 1 if self.gains is None else n_outputs
        gram_bytes, row_bytes = 8 * n_groups * width**2, 8 * n_rows * (width + n_groups)
        if gram_bytes > _MAX_GRAM_BYTES and row_bytes < gram_bytes:
            return True
        by_products = n_groups * n_rows * width**2 / 2 + _SWEEPS * n_outputs * width**2
        by_rows = _BLAS_SPEED * 2 * _SWEEPS * n_outputs * width * n_rows
        return by_rows < by_products

    def batches(self, keep_rows):
        """(rows, targets, gains, weights) of some samples at a time; rows are overwritten."""
        per_sample = 8 * self.n_sites * self.width
        length = len(self.inputs) if keep_rows else max(_BATCH_BYTES // per_sample, 1)
        length = max(min(length, len(self.inputs)), 1)
        buffer = np.ones((length * self.n_sites, self.width))
        for start in range(0, len(self.inputs), length):
            samples = slice(start, start + length)
            yield self._batch(samples, buffer)

    def _batch(self, samples, buffer):
        inputs = self.inputs[samples]
        rows = buffer[: len(inputs) * self.n_sites]
        self.layer.rows(inputs, out=rows[:, : self.fitted.n_weights])
        targets = self.layer.rows_of_outputs(self.targets[samples])[:, self.outputs]
        gains = weights = None
        if self.gains is not None:
            gains = self.layer.rows_of_outputs(self.gains[samples])[:, self.outputs]
        if self.sample_weight is not None:
            weights = np.repeat(self.sample_weight[samples], self.n_sites)
        return rows, targets, gains, weights
