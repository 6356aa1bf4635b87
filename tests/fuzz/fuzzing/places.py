"""Files of cases: all in one folder that goes with the process."""

import itertools
import tempfile
from functools import cache
from pathlib import Path

_NUMBERS = itertools.count()


@cache
def _folder():
    return tempfile.TemporaryDirectory(prefix="qsklearn-fuzz-")


def new_path(name):
    """The path of a file that is not there."""
    return Path(_folder().name) / f"{next(_NUMBERS)}-{name}"
