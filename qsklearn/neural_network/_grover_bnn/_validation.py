"""Which solutions of a search generalise."""

import numpy as np

# A solution has overfitted where validation is worse than training by so many standard errors.
_STANDARD_ERRORS = 2.0


class Validation:
    """Tells which settings generalise to held-out data.

    Parameters
    ----------
    network : BinaryNetwork
    data : LabelledPatterns
        For training.
    held : (LabelledPatterns, int), default=None
        Held-out data, and how many points they are. Without any, all settings pass.
    """

    def __init__(self, network, data, held=None):
        self.network, self.data = network, data
        self.held, self.n_held = held or (None, 0)

    def accepts(self, spins):
        """Whether each setting's accuracy falls by no more than chance explains, of (n, W)."""
        if self.held is None:
            return np.ones(len(spins), bool)
        return self.accuracies(spins) >= self._least(spins)

    def accuracies(self, spins):
        """Accuracies (n,) on the held-out data."""
        outputs = self.network.outputs(spins, self.held.patterns)
        return self.held.score(outputs) / self.held.total

    def _least(self, spins):
        outputs = self.network.outputs(spins, self.data.patterns)
        trained = self.data.score(outputs) / self.data.total
        # Two right and two wrong ones more: an accuracy of 1 has an error as well.
        n_held = self.n_held + 4
        smoothed = (trained * self.n_held + 2) / n_held
        return trained - _STANDARD_ERRORS * np.sqrt(smoothed * (1 - smoothed) / n_held)

    def choose(self, spins, n_solutions):
        """The settings to keep, in their order: those that pass, else the best on held-out data."""
        passing = np.flatnonzero(self.accepts(spins))
        if len(passing) == 0:
            accuracies = self.accuracies(spins)
            passing = np.flatnonzero(accuracies == accuracies.max())
        return spins[passing[:n_solutions]]
