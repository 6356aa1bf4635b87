"""Why a call is not in a recording: what was asked, what there is, and what likely changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from qsklearn._recordings import RecordingStore
from qsklearn.samplers._recorded_calls import Call

_SHORT = 60  # letters of a value that are shown


def explain_missing(store: RecordingStore, source: str, call: Call) -> str:
    """A text for the error.

    Parameters
    ----------
    store : RecordingStore
    source : str
        Who was asked.
    call : Call
    """
    asked = call.asked
    size = ", ".join(f"{count} {name}" for name, count in call.size.items())
    told = ", ".join(f"{n}={_short(value)}" for n, value in sorted(asked["arguments"].items()))
    count = store.count(source)
    return (
        f"The recording {str(store.path)!r} has no answer to this call of `{call.kind}` of "
        f"{source}: {size}{'; ' if told else ''}{told}. It has {count} calls of it"
        f"{_likely_change(_others(store, source, call.kind), asked, call)}. Record what is missing "
        "with mode='auto'."
    )


def _others(store: RecordingStore, source: str, kind: str) -> Iterator[dict[str, Any]]:
    for _, _, answer in store.answers():
        if (answer.source, answer.kind) == (source, kind):
            yield answer.facts["asked"]


def _likely_change(others: Iterator[dict[str, Any]], asked: dict[str, Any], call: Call) -> str:
    is_of_size = False
    for other in others:
        if other["model"] == asked["model"]:
            return f", one of the same model with other arguments: {_differences(other, asked)}"
        is_of_size = is_of_size or all(other[name] == asked[name] for name in call.size)
    if is_of_size:
        return (
            ", some of that size but with other biases: data, random_state, parameters of the "
            "training or versions of packages differ"
        )
    return ", none of that size: the architecture, the batches or the embedding differ"


def _differences(other: dict[str, Any], asked: dict[str, Any]) -> str:
    there, here = other["arguments"], asked["arguments"]
    return ", ".join(
        f"{name} is {_short(there.get(name))} there"
        for name in sorted({*there, *here})
        if there.get(name) != here.get(name)
    )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}..."
