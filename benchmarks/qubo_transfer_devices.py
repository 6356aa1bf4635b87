"""Transferred networks on the mock device: embeddings of all sizes, and draws through them."""

import time
import warnings

import dwave.graphs
import networkx
import numpy as np

from qsklearn.hamiltonians import (
    LayeredHamiltonian,
    convolution_matrix,
    or_pooling,
    pooling_membership,
)
from qsklearn.samplers import EmbeddingError, find_embedding

SEARCH_SEEDS = (0, 1)
SEARCH_SECONDS = 120.0


# --- embeddings ---------------------------------------------------------------------------------


def run_embeddings(args, report):
    """Qubits, chains and seconds of each model on each chip."""
    rows = []
    for name, hamiltonian in models().items():
        pairs = couplings_of(hamiltonian)
        for chip, graph in chips().items():
            for seed in SEARCH_SEEDS:
                embedding, seconds = embed(hamiltonian.n_units, pairs, graph, seed)
                rows.append([name, chip, len(pairs), seed, *described(embedding), f"{seconds:.1f}"])
                report.line(" | ".join(map(str, rows[-1])))
                if embedding is not None:
                    known_embeddings(args).setdefault((hamiltonian.n_units, chip), embedding)
                if embedding is None or embedding.source != "minorminer":
                    continue
    report.table(
        ["model", "chip", "couplings", "seed", "method", "qubits", "longest chain", "mean chain",
         "CPU seconds"],
        rows,
    )  # fmt: skip
