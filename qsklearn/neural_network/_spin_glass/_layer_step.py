"""One step of training: a layer's weights replaced by others of lower squared error."""

from dataclasses import dataclass, replace

import numpy as np

from qsklearn.hamiltonians import CentredLayer, LayerHamiltonian
from qsklearn.neural_network._spin_glass._layer_targets import end_of_block, root_mean_square
from qsklearn.neural_network.layers import Linear

# Couplings of outputs whose activation factors differ are made for as many at a time as fit here.
_COUPLING_BYTES = 2**28
# What diagnosing a layer may cost, in multiplications; beyond it its optimum is not known.
_DIAGNOSIS_COST = 3e8
# Inputs of a variance below this, relative to their mean square, are centred before they are
# multiplied, where the sums of products have lost too many digits.
_LOST_DIGITS = 1e-8
# Products of a few such numbers are what kernels calculate with.
_LARGEST_NUMBER = 1e40
# The weights themselves may be so large, where inputs are small.
_LARGEST_WEIGHT = 1e50


class TargetsDiverged(ValueError):
    """Targets, inputs or weights of a layer have grown beyond what can be reckoned with."""


@dataclass(frozen=True, eq=False)
class _Problem:
    """What to minimise for some outputs of a layer, in the coordinates of the grid.

    Parameters
    ----------
    hamiltonian : LayerHamiltonian
        With its ridge.
    centred : CentredLayer or None
        The way to these coordinates and back, where there are intercepts.
    """

    hamiltonian: LayerHamiltonian
    centred: CentredLayer | None

    def to_grid(self, weights):
        return weights if self.centred is None else self.centred.from_layer(weights)

    def to_layer(self, weights):
        return weights if self.centred is None else self.centred.to_layer(weights)


class LayerStep:
    """Fits layers to targets, one at a time.

    Parameters
    ----------
    solver : LayerSolver
    settings : Settings
        Of the training.
    sample_weight : ndarray of shape (n_samples,) or None
    keeps_better : bool
        Whether outputs keep their weights where those found are worse.
    is_single : bool
        Whether the network has one layer with weights, whose problem stays the same then.
    """

    def __init__(self, solver, settings, sample_weight, keeps_better, is_single):
        self.solver, self.settings, self.sample_weight = solver, settings, sample_weight
        self.keeps_better, self.is_single = keeps_better, is_single
        self._known_optimum = None
        self._offsets = {}

    def to_dict(self):
        """What later epochs depend on."""
        offsets = {str(index): offset for index, offset in self._offsets.items()}
        return {"known_optimum": self._known_optimum, "offsets": offsets}

    def go_on_from(self, saved):
        """Go on where another one was.

        Parameters
        ----------
        saved : dict
            As :meth:`to_dict` returns it.
        """
        self._known_optimum = saved["known_optimum"]
        self._offsets = {int(index): offset for index, offset in saved["offsets"].items()}

    def run(self, layers, index, inputs, target, weight_range, entropy):
        """Weights of lower energy for a layer.

        Parameters
        ----------
        layers : list of FittedLayer
        index : int
            Of the layer among them.
        inputs : ndarray of shape (n_samples, *input_shape)
        target : Target
        weight_range : float
            Relative half width of the grids.
        entropy : numpy.random.SeedSequence

        Returns
        -------
        layer : FittedLayer
        record : dict of str to float
            Diagnostics: sums over the outputs but for ``target_rms`` and ``condition_number``.

        Raises
        ------
        TargetsDiverged
            If targets, inputs or weights have grown too large.
        """
        layer = layers[index]
        values = target.values if target.factors is None else target.values * target.factors
        size = root_mean_square(values, self.sample_weight)
        if not max(size, np.abs(inputs).max()) <= _LARGEST_NUMBER:
            raise TargetsDiverged(
                f"The targets or inputs of layer {index}, {layer.layer!r}, have grown beyond "
                f"{_LARGEST_NUMBER:g}. Take target='difference', target_scale='unit' or "
                "activation_in_target=False."
            )
        gains = _gains(layers, index, inputs, target.factors)
        base = layer.coefficients.T
        chosen, records = np.empty_like(base), []
        chunks = _chunks(layer, gains)
        for chunk, seed in zip(chunks, entropy.generate_state(len(chunks)), strict=True):
            problem = self._make_problem(index, layer, inputs, values, gains, chunk)
            chosen[chunk], record = self._search(problem, base[chunk], weight_range, int(seed >> 1))
            records.append(record | self._diagnose(gains, problem.hamiltonian))
        sums = {name: sum(record[name] for record in records) for name in records[0]}
        sums["condition_number"] = max(record["condition_number"] for record in records)
        return layer.with_weights(chosen.T), {**sums, "target_rms": size}

    def _search(self, problem, base, weight_range, seed):
        """Weights for some outputs, and their energies and ridges before and after."""
        hamiltonian, old = problem.hamiltonian, problem.to_grid(base)
        before = hamiltonian.energies(old)
        ranges = weight_range * _scale_of_weights(hamiltonian, before)
        _check_reach(np.abs(old) + ranges, hamiltonian)
        annealed = self.solver.solve(hamiltonian, old, ranges, seed)
        after = hamiltonian.energies(annealed)
        is_kept = (before < after) & self.keeps_better
        new = np.where(is_kept[:, np.newaxis], old, annealed)
        record = {
            "energy": np.where(is_kept, before, after).sum(),
            "base_energy": before.sum(),
            "annealed_energy": after.sum(),
            "ridge": (np.square(new) @ hamiltonian.penalty).sum(),
            "base_ridge": (np.square(old) @ hamiltonian.penalty).sum(),
        }
        return problem.to_layer(new), record

    def _make_problem(self, index, layer, inputs, values, gains, chunk):
        arguments = {
            "gains": gains,
            "sample_weight": self.sample_weight,
            "fit_intercept": self.settings.fit_intercept,
            "outputs": chunk,
        }
        centred = None
        if self.settings.fit_intercept:
            centred = self._centre(index, layer, inputs, values, arguments)
            hamiltonian = centred.hamiltonian
        else:
            hamiltonian = layer.hamiltonian(inputs, values, **arguments)
        inputs_only = slice(layer.n_weights)
        penalty = np.zeros(hamiltonian.n_weights)  # an intercept is free, as in ridge regression
        mean = _mean_of_live(hamiltonian.diagonal[:, inputs_only])
        penalty[inputs_only] = self.settings.ridge * mean
        return _Problem(hamiltonian.with_penalty(penalty), centred)

    def _centre(self, index, layer, inputs, values, arguments):
        """The layer in centred coordinates; of centred inputs, where products lose digits."""
        offset = self._offsets.get(index)
        if offset is None:
            hamiltonian = layer.hamiltonian(inputs, values, **arguments)
            centred = CentredLayer.from_hamiltonian(hamiltonian)
            lost = centred.hamiltonian.diagonal < _LOST_DIGITS * hamiltonian.diagonal
            lost = lost.any(axis=0)[:-1]
            if not isinstance(layer.layer, Linear) or not np.ptp(inputs[:, lost], axis=0).any():
                return centred
            offset = np.average(inputs, axis=0, weights=self.sample_weight)
            self._offsets[index] = offset
        hamiltonian = layer.hamiltonian(inputs - offset, values, **arguments)
        centred = CentredLayer.from_hamiltonian(hamiltonian)
        return replace(centred, means=centred.means + offset)

    def _diagnose(self, gains, hamiltonian):
        """Energy of the exact optimum, and the condition number; NaN where they cost too much."""
        is_constant = self.is_single and gains is None
        if is_constant and self._known_optimum is not None:
            return self._known_optimum
        known = {"optimum": np.nan, "condition_number": np.nan}
        if hamiltonian.n_groups * float(hamiltonian.n_weights) ** 3 <= _DIAGNOSIS_COST:
            part = hamiltonian.restricted((hamiltonian.diagonal > 0).any(axis=0))
            known["optimum"] = part.energies(part.minimise()).sum()
            known["condition_number"] = part.condition_number().max()
        if is_constant:
            self._known_optimum = known
        return known


def _gains(layers, index, inputs, factors):
    """Activation factors of a layer's outputs at the weights at hand, times those of eq. (29)."""
    end = end_of_block(layers, index)
    if end == index:
        return factors
    slopes = layers[end].layer.slopes(layers[index].forward(inputs))
    if factors is None:
        return None if (slopes == 1.0).all() else slopes
    return slopes * factors


def _chunks(layer, gains):
    """Outputs whose couplings are in memory at once."""
    n_outputs = layer.n_outputs
    if gains is None:
        return [np.arange(n_outputs)]
    per_output = 8 * (layer.n_weights + 1) ** 2
    n_chunks = min(n_outputs, -(-n_outputs * per_output // _COUPLING_BYTES))
    return np.array_split(np.arange(n_outputs), n_chunks)


def _mean_of_live(diagonal):
    """Mean J_jj of the inputs that are not always 0."""
    live = diagonal > 0
    return float(diagonal[live].mean()) if live.any() else 0.0


def _check_reach(weights, hamiltonian):
    """Refuse grids that reach beyond what can be reckoned with, in weights or what they put out.

    Raises
    ------
    TargetsDiverged
    """
    outputs = weights * np.sqrt(hamiltonian.diagonal.mean(axis=0))
    if not (weights.max() <= _LARGEST_WEIGHT and outputs.max() <= _LARGEST_NUMBER):
        raise TargetsDiverged(
            f"The weights of a layer have grown to {weights.max():.4g}, and what they put out to "
            f"{outputs.max():.4g}. Take a smaller weight_range, or keep_best=True."
        )


def _scale_of_weights(hamiltonian, energies):
    """The weight with which each input alone would be as large as the targets: √(E⁰ / J_jj).

    Or as what the weights at hand put out, where that is larger than the targets: what the layers
    below put out has changed much then, and all of it has to be undone.
    """
    size = np.sqrt(np.maximum(hamiltonian.constant, energies).mean())
    diagonal = hamiltonian.diagonal.mean(axis=0)
    return np.divide(size, np.sqrt(diagonal), out=np.zeros_like(diagonal), where=diagonal > 0)
