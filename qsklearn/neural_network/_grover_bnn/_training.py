"""Training: a search for each problem, one class against the rest, one after the other."""

from dataclasses import replace
from time import perf_counter

import numpy as np

from qsklearn.neural_network._checkpoint import Checkpoint
from qsklearn.neural_network._grover_bnn._network_search import (
    FoundNetworks,
    SearchAtOnce,
    SearchByBlocks,
)
from qsklearn.neural_network._grover_bnn._validation import Validation

# From a search that was done to one that failed, which is none of these.
_REASONS = ("perfect", "target", "converged", "max_queries", "callback", "interrupted")


def severity(reason):
    """How early a search ended: the larger the earlier."""
    return _REASONS.index(reason) if reason in _REASONS else len(_REASONS)


def is_early(reason):
    """Whether a search did less than it was to do."""
    return severity(reason) > severity("max_queries")


class GroverTraining:
    """A training that can be left and taken up again, after any solution that was found.

    Parameters
    ----------
    network : BinaryNetwork
    problems : ClassProblems
    settings : SearchSettings
    entropy : int
        Of all random numbers.
    held : (ClassProblems, int), default=None
        Held-out data, and how many points they are. Solutions that are worse there than chance
        explains are deselected.
    """

    def __init__(self, network, problems, settings, entropy, held=None):
        self.network, self.problems, self.settings = network, problems, settings
        self.entropy, self.held = entropy, held
        self._done, self._search, self._n_iter = [], None, 0
        self._started = perf_counter()

    @property
    def seconds(self):
        """Since it began, without the time that it lay."""
        return perf_counter() - self._started

    @property
    def networks(self):
        """What was found for each problem that a search began of.

        Returns
        -------
        networks : list of FoundNetworks
        """
        return self._done if self._search is None else [*self._done, self._search.networks()]

    def weights(self):
        """What was found so far, for all problems; nothing for those to come.

        Returns
        -------
        weights : list of ndarray of shape (n_solutions, W)
        """
        found = [networks.spins for networks in self.networks]
        nothing = np.empty((0, self.network.n_qubits), np.int8)
        return found + [nothing] * (self.problems.n_problems - len(found))

    def to_dict(self):
        """All that the rest of the training depends on."""
        is_between = self._search.is_over
        done = self.networks if is_between else self._done
        return {
            "done": [networks.to_dict() for networks in done],
            "search": None if is_between else self._search.to_dict(),
            "n_iter": self._n_iter,
            "seconds": self.seconds,
        }

    def go_on_from(self, saved):
        """Go on where another training was, from what :meth:`to_dict` returned."""
        self._done = [FoundNetworks.from_dict(networks) for networks in saved["done"]]
        self._n_iter = saved["n_iter"]
        self._started = perf_counter() - saved["seconds"]
        if saved["search"] is not None:
            self._search = self._next_search()
            self._search.go_on_from(saved["search"])

    def run(self, checkpoint, progress):
        """Train until all searches are done. After one that ended early the others are short.

        Parameters
        ----------
        checkpoint : Checkpoint
        progress : Progress
        """
        if (saved := checkpoint.load()) is not None:
            self.go_on_from(saved)
            progress.go_on_after(self._n_iter)
        while len(self._done) < self.problems.n_problems:
            self._search = self._search or self._next_search()
            self._run_search(self._search, checkpoint, progress)
            self._done, self._search = self.networks, None
            if is_early(self._done[-1].stop_reason):
                self.settings = replace(self.settings, n_solutions=1)
                checkpoint = Checkpoint()  # a fit that is started again is to be a whole one

    def _next_search(self):
        number, problems = len(self._done), self.problems
        rank = 0 if problems.n_problems == 1 else problems.ranks[number]
        rng = np.random.default_rng([self.entropy, rank])
        held = None
        if self.held is not None:
            held = self.held[0].data(number, problems.signs), self.held[1]
        data = problems.data(number)
        kind = SearchByBlocks if self.settings.by_blocks else SearchAtOnce
        return kind(self.network, data, self.settings, rng, Validation(self.network, data, held))

    def _run_search(self, search, checkpoint, progress):
        """The shared loop does not do: after an early end other problems are still searched."""
        from qsklearn.circuits._search import reason_of

        try:
            while not search.is_over:
                progress.start_iteration()
                search.find_one()
                self._n_iter += 1
                if search.stop_reason is None:
                    checkpoint.save(self.to_dict, None if search.is_over else self._n_iter)
                asked = progress.end_iteration(
                    lambda: {"weights_": self.weights()}, accuracy=search.accuracy
                )
                if asked and search.stop_reason is None and self._has_more(search):
                    search.is_over, search.stop_reason = True, "callback"
        except KeyboardInterrupt as error:
            if not search.found:
                raise  # there is nothing to keep
            search.stop_reason = reason_of(error)

    def _has_more(self, search):
        return not search.is_over or len(self._done) + 1 < self.problems.n_problems
