"""Fuzzing of every public entry point: recipes of valid calls, what is done to them, an oracle.

``entries`` has the table that the modules ``of_*`` fill, ``strategies`` what recipes draw and what
is done to their arguments, ``oracle`` what a call may do. ``differential`` compares samplers with
exact enumeration, and ``corruption`` damages files.
"""

from importlib import import_module

RECIPES = (
    "of_samplers",
    "of_hamiltonians",
    "of_circuits",
    "of_layers",
    "of_estimators",
    "of_data",
    "of_selection",
    "of_inspection",
    "of_commands",
)


def load_entries():
    """The table of entry points, filled by all recipes."""
    for name in RECIPES:
        import_module(f"fuzzing.{name}")
    return import_module("fuzzing.entries").ENTRIES
