"""Write pip's constraints for the lowest versions that pyproject.toml allows: `make test-lowest`.

What constraints.txt pins stays as it is pinned there: PyTorch, whose other builds from PyPI bring
gigabytes of CUDA, and the tools that no test runs.
"""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent


def requirements_of(project, extra):
    """What a project and one of its extras require, with what the extra's own extras do."""
    found = list(project["dependencies"])
    for requirement in project["optional-dependencies"][extra]:
        if requirement.startswith(f"{project['name']}["):
            for inner in re.findall(r"[\w-]+", requirement.partition("[")[2]):
                found += requirements_of(project, inner)
        else:
            found.append(requirement)
    return list(dict.fromkeys(found))


def lowest(project, extra, pinned):
    """Constraints of a project's table, a line each.

    Parameters
    ----------
    project : dict
        The table ``[project]``.
    extra : str
        Constrained are what the project requires, and what this extra does.
    pinned : str
        Constraints that stay.

    Returns
    -------
    lines : list of str

    Raises
    ------
    ValueError
        If a requirement is no lower bound.
    """
    lines = [line for line in pinned.splitlines() if not line.startswith("#")]
    names = {line.partition("==")[0] for line in lines}
    for requirement in requirements_of(project, extra):
        match = re.fullmatch(r"([\w-]+)>=([\w.]+)", requirement)
        if match is None:
            raise ValueError(f"A requirement must be a lower bound. Got {requirement!r} instead.")
        name, bound = match.groups()
        if name not in names:
            lines.append(f"{name}=={bound}")
    return lines


if __name__ == "__main__":
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    print(*lowest(table, "dev", pins), sep="\n")
