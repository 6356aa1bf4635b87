"""Reading an embedding: which qubits stand for which variable."""

from __future__ import annotations

from collections.abc import Mapping


def check_chains(embedding, caller):
    """The chains of an embedding of any form, if they are chains at all.

    Parameters
    ----------
    embedding : mapping, or object with ``to_dict``
        The qubits of each variable.
    caller : str
        The public class or method, for the error.

    Returns
    -------
    chains : dict of variable to tuple of qubits

    Raises
    ------
    ValueError
        If it is no embedding, there is no chain, a chain is empty, or two share a qubit.
    """
    rule = (
        f"The 'embedding' parameter of {caller} must be an Embedding, or a mapping of variables to "
        "chains of qubits."
    )
    if not isinstance(embedding, Mapping) and hasattr(embedding, "to_dict"):
        embedding = embedding.to_dict()
    if not isinstance(embedding, Mapping) or not embedding:
        is_empty = isinstance(embedding, Mapping)
        got = "no chain" if is_empty else f"{type(embedding).__name__} instead"
        raise ValueError(f"{rule} Got {got}.")
    try:
        chains = {variable: tuple(chain) for variable, chain in embedding.items()}
        _check_disjoint(chains, rule)
    except TypeError as error:
        raise ValueError(f"{rule} Got a chain that is none: {error}.") from None
    return chains


def _check_disjoint(chains, rule):
    owners = {}
    for variable, chain in chains.items():
        if not chain:
            raise ValueError(f"{rule} Got an empty chain for {variable!r}.")
        for qubit in chain:
            if qubit in owners:
                raise ValueError(
                    f"{rule} Got the qubit {qubit!r} in the chains of {owners[qubit]!r} and "
                    f"{variable!r}."
                )
            owners[qubit] = variable
