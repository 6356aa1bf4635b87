"""What the sparse kernels share, where the tests of their laws do not look."""

import ast
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
from numba import njit

from qsklearn import _kernels
from qsklearn._kernels import _blocks
from qsklearn._kernels._vectors import LANES, store
from qsklearn.samplers._kernel_arrays import pad_rows


@njit
def fields_of_all(n_slices, indptr, places, couplings, fields, shared, spins, results):
    for i in range(len(indptr) - 1):
        for time in range(n_slices):
            field = _blocks.local_field(
                np.uint32(i), time, indptr, places, couplings, fields, shared, spins
            )
            store(results, (i * n_slices + time) * LANES, field)


@pytest.mark.parametrize("words", [np.uint32, np.uint64])
@pytest.mark.parametrize("n_slices", [1, 3])
@pytest.mark.parametrize("reads_per_model", [1, 20, 64])
def test_local_fields_are_those_of_the_slice_and_the_model(reads_per_model, n_slices, words, ising):
    """In words of either width, of lanes of one model or many; lanes behind the last repeat it."""
    rng = np.random.default_rng(1)
    n_models, n_spins, lanes = 3, 7, 8 * np.dtype(words).itemsize
    h, J = rng.normal(size=(n_models, n_spins)), ising.symmetric(n_spins, rng, 0.6)
    indptr, indices, couplings = pad_rows(scipy.sparse.csr_array(J))
    base = (h - J.sum(axis=1)).astype(np.float32)
    fields, shared = _blocks.lay_out(0, lanes, n_models * reads_per_model, reads_per_model, base)
    assert bool(shared) == (reads_per_model == 64)
    states = rng.choice([-1.0, 1.0], size=(n_spins, n_slices, lanes))
    spins = np.packbits(states > 0, axis=2, bitorder="little").view(words).ravel()
    results = np.empty((n_spins, n_slices, LANES), np.float32)
    fields_of_all(
        n_slices, indptr, indices * np.uint32(n_slices), (2 * couplings).astype(np.float32),
        fields, np.uint64(shared), spins, results,
    )  # fmt: skip
    model_of_lane = np.minimum(np.arange(lanes) // reads_per_model, n_models - 1)
    expected = h[model_of_lane].T[:, np.newaxis] + np.einsum("ij,jtl->itl", J, states)
    np.testing.assert_allclose(results[:, :, :lanes], expected, atol=1e-5)


def test_all_that_kernels_import_of_each_other_makes_their_caches_stale(pytestconfig):
    """The tests delete caches older than these files; by syntax, as the list is by text."""
    imported = set()
    for file in Path(_kernels.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("qsklearn._kernels"):
                imported.add(node.module.rsplit(".", 1)[1])
    conftest = pytestconfig.pluginmanager.get_plugin(str(pytestconfig.rootpath / "conftest.py"))
    listed = {file.stem for file in conftest.shared_kernel_files()}
    assert {"_blocks", "_streams", "_vectors"} <= imported == listed
