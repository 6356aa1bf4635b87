"""Networks of a trained discrete VAE as arrays, which need no PyTorch to be kept or loaded."""

from qsklearn._optional import import_optional

_CALLER = "QuantumBoltzmannPriorVAE"


class FittedNetworks:
    """Weights of networks, which become modules where they are used.

    Parameters
    ----------
    architecture : VAEArchitecture
    arrays : dict of str to ndarray
    """

    def __init__(self, architecture, arrays):
        self.architecture, self.arrays = architecture, arrays
        self._module = None

    @property
    def module(self):
        """VAENetworks in evaluation mode on the CPU, made once; not to be trained."""
        if self._module is None:
            import_optional("torch", _CALLER)
            module = self.architecture.build(0)
            module.take_arrays(self.arrays)
            self._module = module.eval()
        return self._module

    def __getstate__(self):
        return {"architecture": self.architecture, "arrays": self.arrays}

    def __setstate__(self, state):
        self.__init__(**state)
