"""What is asked of a sampler, in a form that finds the recorded answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import dimod
import numpy as np
import scipy.sparse

from qsklearn._checks import check_instance, check_integer, check_integers, check_reals
from qsklearn._recordings import canonical, key_of, on_grid
from qsklearn.samplers._groups import split_matrices
from qsklearn.samplers._models import check_couplings, check_fields, sort_labels
from qsklearn.samplers._recorded_identity import describe

# Arguments that change nothing about the draws.
_IDLE = {"num_threads", "label"}
# Of array doors: None is the same as to leave them out.
_OPTIONAL = {"groups", "initial_states", "clamped", "keep", "one_hot", "factors", "start"}
_ARRAYS = {"groups", "initial_states", "clamped", "keep"}
_LONGEST = 2000  # letters of arguments that are kept word for word
# Energies are computed again, rather than kept, of models up to this size: of larger ones they are
# little beside the states. Then that takes milliseconds.
_MAX_TERMS = 2000
_MAX_PRODUCTS = 10_000_000


@dataclass(frozen=True)
class Couplings:
    """Pairs (n_pairs, 2) of places, i < j in lexical order, and what couples them."""

    pairs: np.ndarray
    values: np.ndarray


@dataclass(frozen=True)
class Call:
    """A call of one of a sampler's doors.

    Attributes
    ----------
    kind : {"sample", "sample_arrays", "sample_levels"}
    arguments : JSON
        Canonical, those that decide what is drawn.
    structure : JSON
        What else does, and is no number.
    exact, graded : dict of str to ndarray
        The model's integers; its numbers, whose last digits may depend on the machine.
    size : dict
        JSON, for people.
    labels : list
        Variables in canonical order; places in the array doors.
    fields : ndarray of shape (n_models, n_variables)
    couplings : list of Couplings
        Of each group.
    groups : ndarray of int of shape (n_models,)
    offset : float
    vartype : dimod.Vartype
    """

    kind: str
    arguments: Any
    structure: Any
    exact: dict[str, np.ndarray]
    graded: dict[str, np.ndarray]
    size: dict[str, int]
    labels: list
    fields: np.ndarray
    couplings: list[Couplings]
    groups: np.ndarray
    offset: float = 0.0
    vartype: dimod.Vartype = field(default=dimod.SPIN)

    def key(self, source: str) -> bytes:
        """The call's name in a recording."""
        facts = [self.kind, source, self.structure, self.arguments]
        return key_of(facts, {**self.exact, **on_grid(self.graded)})

    @property
    def asked(self) -> dict[str, Any]:
        """What is kept of the question, in short."""
        model = key_of(self.structure, {**self.exact, **on_grid(self.graded)}).hex()[:16]
        arguments = self.arguments
        if len(repr(arguments)) > _LONGEST:
            arguments = {name: _in_few_letters(value) for name, value in arguments.items()}
        labels = next(iter(self.labels_part), None)
        return {"model": model, "labels": labels, **self.size, "arguments": arguments}

    @property
    def labels_part(self) -> dict[str, Any]:
        """The variables in order, which many calls share, by their name; of a single model."""
        if self.kind != "sample":
            return {}
        labels = self.structure[1]
        return {f"labels:{key_of(labels, {}).hex()[:12]}": (labels, {})}

    def is_small(self, values: np.ndarray) -> bool:
        """Whether energies of values (n_models, n_reads, n_variables) are quickly computed."""
        n_terms = self.fields.shape[1] + sum(len(some.values) for some in self.couplings)
        n_products = n_terms * values.shape[0] * values.shape[1]
        return n_terms <= _MAX_TERMS and n_products <= _MAX_PRODUCTS

    def energies(self, values: np.ndarray) -> np.ndarray:
        """Energies (n_models, n_reads) of values (n_models, n_reads, n_variables).

        Products are exact and sums are in a fixed order, so that every machine gets the same.
        """
        columns = np.ascontiguousarray(values.transpose(2, 0, 1), dtype=float)
        total = np.full(columns.shape[1:], self.offset)
        for column, biases in zip(columns, self.fields.T, strict=True):
            total += biases[:, np.newaxis] * column
        for group, some in enumerate(self.couplings):
            members = np.flatnonzero(self.groups == group)
            part = columns[:, members]
            added = total[members]
            for (a, b), value in zip(some.pairs.tolist(), some.values.tolist(), strict=True):
                added += value * (part[a] * part[b])
            total[members] = added
        return total


def call_of_model(bqm: dimod.BinaryQuadraticModel, arguments: Mapping[str, Any]) -> Call:
    """A call of ``sample``.

    Raises
    ------
    TypeError
        If it is no model, or an argument has no fixed form.
    """
    if not isinstance(bqm, dimod.BinaryQuadraticModel):
        raise TypeError(
            "The model must be a dimod.BinaryQuadraticModel. Got "
            f"{type(bqm).__name__} instead; see sample_ising and sample_qubo for dicts."
        )
    labels = sort_labels(bqm.variables)
    vectors = bqm.to_numpy_vectors(variable_order=labels)
    linear, (rows, columns, biases), offset = vectors[0], vectors[1], vectors[2]
    pairs = np.sort(np.column_stack([rows, columns]).astype(np.int64), axis=1)
    order = np.lexsort(pairs.T[::-1])
    fields = np.asarray(linear, float)[np.newaxis]
    couplings = Couplings(pairs[order], np.asarray(biases, float)[order])
    return Call(
        kind="sample",
        arguments=_arguments(arguments),
        structure=[bqm.vartype.name, [_label(label) for label in labels]],
        exact={"pairs": couplings.pairs},
        graded={"h": fields, "J": couplings.values, "offset": np.array([float(offset)])},
        size={"variables": len(labels), "interactions": len(biases)},
        labels=labels,
        fields=fields,
        couplings=[couplings],
        groups=np.zeros(1, np.int64),
        offset=float(offset),
        vartype=bqm.vartype,
    )


def call_of_arrays(h, J, arguments: Mapping[str, Any], caller: str) -> Call:
    """A call of ``sample_arrays``.

    Raises
    ------
    TypeError, ValueError
        If an array does not fit, or an argument has no fixed form.
    """
    fields = check_fields(h, caller)
    n_models, n_spins = fields.shape
    matrices = [check_couplings(matrix, n_spins, caller) for matrix in split_matrices(J)]
    couplings = [_upper(matrix) for matrix in matrices]
    given = _without_defaults(arguments)
    groups = given.get("groups", np.zeros(n_models, np.int64))
    groups = check_integers(groups, "groups", caller, "n_models")
    return Call(
        kind="sample_arrays",
        arguments=_arguments(given),
        structure=[n_spins, len(matrices)],
        exact={f"pairs{g}": some.pairs for g, some in enumerate(couplings)},
        graded={"h": fields, **{f"J{g}": some.values for g, some in enumerate(couplings)}},
        size={"models": n_models, "variables": n_spins},
        labels=list(range(n_spins)),
        fields=fields,
        couplings=couplings,
        groups=groups,
    )


def call_of_levels(h, J, base, scale, n_bits, arguments: Mapping[str, Any], caller: str) -> Call:
    """A call of ``sample_levels``.

    Raises
    ------
    TypeError, ValueError
        If an array is none, or an argument has no fixed form.
    """
    fields = check_fields(h, caller)
    given = _without_defaults(arguments)
    n_bits = check_integer(n_bits, "n_bits", caller, 1)
    factors = given.pop("factors", ())
    check_instance(factors, (tuple, list), "factors", caller)
    numbers = {"h": fields, "J": J, "base": base, "scale": scale}
    numbers |= {f"factors{number}": array for number, array in enumerate(factors)}
    return Call(
        kind="sample_levels",
        arguments=_arguments(given),
        structure=[n_bits, len(factors)],
        exact={},
        graded={name: check_reals(array, name, caller) for name, array in numbers.items()},
        size={"models": fields.shape[0], "variables": fields.shape[1], "bits": n_bits},
        labels=list(range(fields.shape[1])),
        fields=fields,
        couplings=[],
        groups=np.zeros(fields.shape[0], np.int64),
    )


def _arguments(arguments: Mapping[str, Any]) -> Any:
    kept = {name: value for name, value in arguments.items() if name not in _IDLE}
    try:
        return canonical({name: _short(name, value) for name, value in kept.items()}, describe)
    except TypeError as error:
        raise TypeError(
            f"The arguments of a call that is recorded must be numbers, texts, or collections of "
            f"them. {error}"
        ) from error


def _short(name: str, value: Any) -> Any:
    """An array by its shape and content's digest, other arguments as they are."""
    if name not in _ARRAYS and (not isinstance(value, np.ndarray) or name == "one_hot"):
        return value
    try:
        array = np.asarray(value)
    except ValueError:  # ragged: the sampler says what it takes
        return value
    if array.dtype.kind not in "biuf":
        return value
    return {"shape": array.shape, "digest": key_of(None, {name: array}).hex()}


def _in_few_letters(value: Any) -> Any:
    n_letters = len(repr(value))
    if n_letters < _LONGEST / 20:
        return value
    return f"({n_letters} letters, digest {key_of(value, {}).hex()[:8]})"


def _label(label: Any) -> Any:
    """A variable in JSON, one for each that differs."""
    if type(label) in (int, str):
        return label
    if isinstance(label, tuple):
        return ["tuple", *map(_label, label)]
    if isinstance(label, frozenset):
        return ["set", *map(_label, sort_labels(label))]
    return canonical(label)


def _without_defaults(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {n: v for n, v in arguments.items() if v is not None or n not in _OPTIONAL}


def _upper(matrix: scipy.sparse.csr_array) -> Couplings:
    upper = scipy.sparse.triu(matrix).tocsr()
    upper.sort_indices()
    entries = upper.tocoo()
    return Couplings(np.column_stack([entries.row, entries.col]).astype(np.int64), entries.data)
