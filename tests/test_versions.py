from importlib.metadata import version

from qsklearn._versions import versions_of


def test_a_package_that_is_missing_has_no_version():
    assert versions_of(["numpy", "no-such-package"]) == {
        "numpy": version("numpy"),
        "no-such-package": None,
    }
