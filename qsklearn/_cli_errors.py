"""Mistakes of the user at the command line: one line each, with the choices there were."""

from __future__ import annotations

from qsklearn._checks import closest_names


class CommandError(Exception):
    """A mistake that the command reports in one line, with exit code 2."""


def choose(option, name, choices, also=None):
    """Return `name` if it is one of the choices, else say what they are.

    Parameters
    ----------
    option : str
        What was being chosen, for the message.
    name : str
    choices : iterable of str
    also : str or None, default=None
        What else would have been accepted.

    Returns
    -------
    name : str

    Raises
    ------
    CommandError
        If `name` is none of the choices.

    Examples
    --------
    >>> from qsklearn._cli_errors import choose
    >>> choose("--data", "digit", ["digits", "wine"])
    Traceback (most recent call last):
        ...
    qsklearn._cli_errors.CommandError: --data: unknown name 'digit', did you mean 'digits'?...
    """
    choices = list(choices)
    if name in choices:
        return name
    closest = closest_names(name, choices)
    hint = f", did you mean {closest[0]!r}?" if closest else "."
    others = f", or {also}" if also else ""
    raise CommandError(
        f"{option}: unknown name {name!r}{hint} Choices: {', '.join(choices)}{others}"
    )
