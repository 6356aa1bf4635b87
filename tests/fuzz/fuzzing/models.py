"""Binary quadratic models and families of Ising models, and what answers to them must be."""

import dimod
import numpy as np
import scipy.sparse

from fuzzing.strategies import strange_labels


def bqm(source, most=6, labels=None, vartype=None):
    """A model of any shape: empty, of one variable, disconnected, of any labels and types."""
    count = source.integer(0, most) if labels is None else len(labels)
    labels = strange_labels(source, count) if labels is None else labels
    vartype = vartype or source.choice("SPIN", "BINARY")
    linear = dict(zip(labels, source.array(count).tolist(), strict=True))
    couplings = source.couplings(count)
    pairs = {
        (labels[i], labels[j]): couplings[i, j]
        for i in range(count)
        for j in range(i)
        if couplings[i, j] or source.flag()
    }
    offset = source.number()
    dtype = source.choice(np.float64, np.float64, np.float32, object)
    with np.errstate(over="ignore"):
        model = dimod.BinaryQuadraticModel(linear, pairs, offset, vartype, dtype=dtype)
    return model


def check_samples(samples, model, num_reads=None):
    """A SampleSet's variables, values and energies."""
    assert set(samples.variables) == set(model.variables), "other variables"
    assert samples.vartype is model.vartype
    values = samples.record.sample
    assert np.isin(values, (-1, 1) if model.vartype is dimod.SPIN else (0, 1)).all()
    if num_reads is not None:
        assert samples.record.num_occurrences.sum() == num_reads
    if len(model.variables) and len(samples):
        order = list(samples.variables)
        expected = model.energies((values, order), dtype=np.float64)
        if not np.isfinite(expected.astype(float)).all():  # by an offset beyond float32
            return
        size = sum(map(abs, model.linear.values())) + sum(map(abs, model.quadratic.values()))
        size = float(size + abs(model.offset))
        eps = 1e-12 if model.dtype == np.float64 else 1e-5
        difference = np.abs(samples.record.energy.astype(float) - expected.astype(float))
        assert (difference <= eps * size + 1e-300).all(), "other energies"


def family(source, most=5, most_models=3, forms=True):
    """Arguments ``h`` and ``J`` of a family, J dense or sparse."""
    n_models, n_spins = source.integer(1, most_models), source.integer(1, most)
    h, J = source.array(n_models, n_spins), source.couplings(n_spins)
    if forms and source.integer(0, 3) == 0:
        J = source.choice(scipy.sparse.csr_array, scipy.sparse.csr_matrix, scipy.sparse.coo_array)(
            J
        )
    return {"h": h, "J": J}


def energies_of(states, h, J):
    spins = np.asarray(states, float)
    J = J.toarray() if scipy.sparse.issparse(J) else J
    return np.einsum("mri,mi->mr", spins, h) + 0.5 * np.einsum("mri,ij,mrj->mr", spins, J, spins)


def check_states(states, energies, h, J, num_reads, kept=None):
    """States of a family of one J, and their energies."""
    assert states.dtype == np.int8
    assert np.isin(states, (-1, 1)).all()
    assert states.shape == (len(h), num_reads, h.shape[1] if kept is None else len(kept))
    if energies is not None and kept is None:
        J = J.toarray() if scipy.sparse.issparse(J) else J
        size = np.abs(h).sum(axis=1, keepdims=True) + np.abs(J).sum()
        difference = np.abs(energies - energies_of(states, h, J))
        assert (difference <= 1e-12 * size + 1e-320).all(), "other energies"
