"""What a fit settles between training a network and drawing from it: penalty and temperatures."""

import warnings

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state

from qsklearn._warnings import warn
from qsklearn.neural_network._family_draws import (
    FamilyDraws,
    estimate_of_device,
    seeds_of_rows,
)
from qsklearn.neural_network._qubo_transfer._calibration import (
    calibrate_by_draws,
    calibrate_exactly,
)
from qsklearn.samplers import ExactSampler
from qsklearn.samplers._temperature_belief import SIGNIFICANT, TemperatureBelief

# Reads that are counted, or data points, where a law is drawn from to find a temperature.
_CALIBRATION_ROWS = 2000
TRIAL_ROWS = 32
# Of the energy, until draws tell a device's temperature. A weak program does, where a strong one
# exceeds the device's ranges or freezes: it looks hot, and the next one would be stronger still.
# Draws of one that is too weak drown in noise, and all draws of one far too strong are optima.
_STRENGTHS = (1 / 4, 1.0, 1 / 16, 1 / 64)
# Calls after which a temperature that still falls is given up, what a program that does not fit is
# divided by, and the least relative error.
_MAX_WHOLE_PROGRAMS, _WEAKER, _LEAST_ERROR = 8, 1.4, 1e-6
# The penalty beyond what ground states need, in units of the temperature: e^-6 of a draw's weight
# is not one-hot, or on a device, whose range is short, e^-4.
_MARGIN, _MARGIN_OF_DEVICE = 6.0, 4.0
_SLACK = 1.05


def hold_out(transfer, data, entropy):
    """Data to train on, and data to calibrate with, or None."""
    if transfer.beta != "calibrate":
        return data, None
    counts = np.bincount(data.codes)
    splittable = np.flatnonzero(counts[data.codes] > 1)  # a lone sample is trained on
    n_held = max(np.ceil(transfer.validation_fraction * len(splittable)), (counts > 1).sum())
    if n_held == 0 or n_held > len(splittable) / 2:
        raise ValueError(
            f"beta='calibrate' of {type(transfer).__name__} holds out {int(n_held)} samples, one a "
            "class at least and half of the data at most. Got n_samples = "
            f"{len(data.codes)}; give more data or another 'validation_fraction', or beta as a "
            "number."
        )
    _, held = train_test_split(
        splittable,
        test_size=int(n_held),
        random_state=entropy,
        stratify=data.codes[splittable],
    )
    return data.take(np.setdiff1d(np.arange(len(data.codes)), held)), data.take(np.sort(held))


def choose_penalty(transfer, data):
    """A penalty that all ground states obey, and draws nearly all."""
    is_device = "beta" not in transfer.sampler_.parameters
    margin = _MARGIN_OF_DEVICE if is_device else _MARGIN
    return _SLACK * transfer._needed_penalty(data.X) + margin / transfer.beta_


def calibrate(transfer, held):
    """The inverse temperature that held-out data support best."""
    held = held.take(np.arange(min(len(held.codes), 10 * _CALIBRATION_ROWS)))
    weights = np.ones(len(held.codes)) if held.weights is None else held.weights
    if transfer.hamiltonian_.is_summable:
        inputs = transfer._compiled.front(held.X)
        law = transfer._compiled.hamiltonian
        return calibrate_exactly(
            lambda beta: -beta * law.class_free_energies(inputs, beta), held.codes, weights
        )
    some = held.take(np.arange(min(len(held.codes), _CALIBRATION_ROWS)))

    def probabilities(beta):
        drawn = transfer._class_draws(beta)
        found = transfer._count(some.X, drawn).probabilities()
        transfer._add_cost(drawn.draws.cost)
        return found

    return calibrate_by_draws(probabilities, some.codes, weights[: len(some.codes)])


def check_exact_sampler(transfer, data):
    """Refuse what the exact sampler cannot enumerate before it is asked to predict."""
    if not isinstance(transfer.sampler_, ExactSampler) or transfer._is_exact():
        return
    inputs, shifts = transfer._model_inputs(data.X[:1])
    family = transfer.hamiltonian_.build(inputs, shifts)
    try:
        transfer.sampler_.sample_arrays(
            family.fields,
            family.couplings,
            beta=transfer.beta_,
            num_reads=1,
            seed=0,
            one_hot=family.one_hot,
        )
    except ValueError as error:
        hint = ""
        if transfer.penalty != "auto":
            hint = " With penalty='auto' class units of any size are drawn whole."
        raise ValueError(
            f"sampler='exact' of {type(transfer).__name__} cannot draw this model: {error}{hint}"
        ) from error


def find_temperature(transfer, data):
    """What is believed of the sampler's temperature after some calls; None where it hits it."""
    draws = transfer._family_draws()
    if transfer.readout == "lowest" or not draws.is_estimated:
        return None
    # At random: sorted data begin with one class, which may be too sure to tell a temperature.
    n_samples = data.X.shape[0]
    rows = check_random_state(transfer._entropy).permutation(n_samples)[:TRIAL_ROWS]
    some = data.X[rows]
    family = transfer.hamiltonian_.build(*transfer._model_inputs(some))
    seeds = seeds_of_rows(some, transfer._entropy)
    for strength in _STRENGTHS:
        caught = _draw_quietly(draws, family, seeds, transfer.beta_ * strength)
        if draws.belief.is_calibrated:
            break
    for warning in caught:
        warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    transfer._add_cost(draws.cost)
    if not (draws.belief.history and _stands_out(*draws.belief.history[-1])):
        return draws.belief
    return _settled(transfer, draws, family, seeds)


def _stands_out(estimate, error):
    """Whether an estimate says anything; of draws that are all optima it is infinite."""
    return bool(np.isfinite(estimate) and estimate > SIGNIFICANT * error)


def _settled(transfer, draws, family, seeds):
    """The temperature that whole programs, made for it, have themselves.

    Chains freeze hotter in a strong program than in a weak one. Made for what a weak one tells, the
    next is a little stronger, and so on: where that settles it is the temperature of the draws to
    come. A program beyond the device's ranges is no longer the model: then the strongest that fits
    is taken, whose draws are hotter than they should be.
    """
    weak = believed = _belief_of(*draws.belief.history[-1])
    is_weakened = False
    for _ in range(_MAX_WHOLE_PROGRAMS):
        whole = FamilyDraws(draws.sampler, believed.beta_eff, draws.num_reads, transfer.n_jobs)
        _draw_quietly(whole, family, seeds, transfer.beta_)
        transfer._add_cost(whole.cost)
        estimate, error = estimate_of_device(whole.info)
        if whole.info.get("clipped_fraction") or np.min(whole.info.get("scale", 1.0)) < 1.0:
            is_weakened = True
            # Its own draws, of another model, may tell nothing.
            believed = _belief_of(_WEAKER * believed.beta_eff, _WEAKER * believed.stderr)
        elif is_weakened:
            own = estimate if _stands_out(estimate, error) else weak.beta_eff
            _warn_of_range(transfer, believed.beta_eff / own)
            return believed
        elif not _stands_out(estimate, error):
            return weak
        else:
            fall = believed.beta_eff - estimate
            believed = _belief_of(estimate, error)
            if fall <= SIGNIFICANT * error:
                return believed
    return believed if is_weakened else weak


def _warn_of_range(transfer, factor):
    warn(
        f"At the temperature of the sampler's draws the energies of {type(transfer).__name__} do "
        f"not fit its ranges. They are programmed {factor:.2g} times weaker than they should be, "
        "and draws are hotter by as much: frequencies are not the class probabilities. "
        "readout='lowest' does not need these; a smaller 'beta', 'penalty' or 'clip' needs less "
        "range."
    )


def _belief_of(estimate, error):
    return TemperatureBelief((estimate, max(error, _LEAST_ERROR * estimate)))


def _draw_quietly(draws, family, seeds, beta):
    """Draw for the temperature alone; returns the warnings, of which only the last call's count."""
    draws.warned.clear()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        draws.draw_family(family, seeds, beta=beta)
    return caught
