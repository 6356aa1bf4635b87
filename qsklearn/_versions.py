"""Which packages are at work. For every room."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import metadata

from sklearn import exceptions


class InconsistentVersionWarning(exceptions.InconsistentVersionWarning):
    """An object was saved by another version of the package than the one that loads it.

    It is one of scikit-learn's warnings of that name, and filtered with them.

    Parameters
    ----------
    estimator_name : str
    current_version, original_version : str
        Of qsklearn: the one that is here, and the one that saved it.
    """

    def __init__(self, *, estimator_name: str, current_version: str, original_version: str):
        super().__init__(
            estimator_name=estimator_name,
            current_sklearn_version=current_version,
            original_sklearn_version=original_version,
        )

    def __str__(self) -> str:
        return (
            f"{self.estimator_name} was saved by qsklearn {self.original_sklearn_version} and is "
            f"loaded by qsklearn {self.current_sklearn_version}. It may fail, or predict something "
            "else. Install the version that saved it, or fit it again with this one."
        )


def versions_of(packages: Iterable[str]) -> dict[str, str | None]:
    """Versions of packages by their names; None for one that is not installed."""
    versions: dict[str, str | None] = {}
    for package in packages:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = None
    return versions
