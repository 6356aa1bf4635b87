"""Transformers: what an estimator of bits or spins reads in place of real numbers."""

from qsklearn.preprocessing._thermometer import ThermometerEncoder

__all__ = ["ThermometerEncoder"]
