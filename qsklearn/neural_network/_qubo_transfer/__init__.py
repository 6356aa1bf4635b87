"""Trained networks that a QUBO runs, as qubo_transfer.txt does."""
