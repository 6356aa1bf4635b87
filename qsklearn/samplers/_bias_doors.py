"""Doors for models as dicts, which say what is wrong with them."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import dimod

# What dimod raises of biases that are none.
_ERRORS = (AttributeError, IndexError, OverflowError, TypeError, ValueError)
_BY_LABEL = "a dict of real numbers by label, or a list of them"
_BY_PAIR = "a dict of real numbers by pairs of labels"


class BiasDoors(dimod.Sampler):
    """dimod's ``sample_ising`` and ``sample_qubo``, whose own errors name neither door nor bias."""

    def sample_ising(self, h: Mapping | Sequence, J: Mapping, **parameters: Any) -> dimod.SampleSet:
        """Draw states of an Ising model.

        Parameters
        ----------
        h : mapping or sequence
            Field of each spin; of a sequence the positions are the labels.
        J : mapping
            Coupling of each pair of spins.
        **parameters
            As for ``sample``.

        Returns
        -------
        dimod.SampleSet
            As of ``sample``.

        Raises
        ------
        ValueError
            If a field or a coupling is no real number, or belongs to no spin or pair of spins.
        """
        try:
            model = dimod.BinaryQuadraticModel.from_ising(h, J)
        except _ERRORS as error:
            name, given, wanted = ("J", J, _BY_PAIR) if _are_fields(h) else ("h", h, _BY_LABEL)
            caller = f"{type(self).__name__}.sample_ising"
            raise _refusal(name, given, wanted, caller) from error
        return self.sample(model, **parameters)

    def sample_qubo(self, Q: Mapping, **parameters: Any) -> dimod.SampleSet:
        """Draw states of a quadratic model of bits.

        Parameters
        ----------
        Q : mapping
            Coefficient of each pair of bits; of a bit with itself the linear one.
        **parameters
            As for ``sample``.

        Returns
        -------
        dimod.SampleSet
            As of ``sample``.

        Raises
        ------
        ValueError
            If a coefficient is no real number, or belongs to no pair of bits.
        """
        try:
            model = dimod.BinaryQuadraticModel.from_qubo(Q)
        except _ERRORS as error:
            raise _refusal("Q", Q, _BY_PAIR, f"{type(self).__name__}.sample_qubo") from error
        return self.sample(model, **parameters)


def _are_fields(h: Any) -> bool:
    try:
        dimod.BinaryQuadraticModel.from_ising(h, {})
    except _ERRORS:
        return False
    return True


def _refusal(name: str, given: Any, wanted: str, caller: str) -> ValueError:
    got = _wrong_entry(given, wanted is _BY_PAIR) or reprlib.repr(given)
    return ValueError(f"The {name!r} parameter of {caller} must be {wanted}. Got {got} instead.")


def _wrong_entry(given: Any, by_pair: bool) -> str | None:
    """The first bias that is none, with its label; None if that is not what is wrong."""
    if not isinstance(given, Mapping | list | tuple):
        return None
    for label, bias in given.items() if isinstance(given, Mapping) else enumerate(given):
        is_pair = isinstance(label, Sequence) and len(label) == 2
        if not _is_bias(bias) or (by_pair and not is_pair):
            return f"{reprlib.repr(bias)} for {label!r}"
    return None


def _is_bias(value: Any) -> bool:
    if not isinstance(value, Real):
        return False
    try:
        float(value)
    except OverflowError:
        return False
    return True
