"""The searches for the networks of one problem, which can be left between two solutions.

``circuits`` does the searching; here is what an estimator makes of it: thresholds from accuracies,
solutions that pass validation, and what to say when a target is out of reach.
"""

from dataclasses import asdict, dataclass

import numpy as np

# Settings that are equally accurate are drawn in so many times the number wanted, where connections
# are searched, to keep the sparsest.
_CANDIDATES = 4


@dataclass
class SearchSettings:
    """How an estimator searches; its parameters after they were resolved.

    Parameters
    ----------
    target : "max" or float
    schedule : str or int
    max_queries : int
    n_solutions : int
    by_blocks : bool
    n_threads : int
    sampler : "landscape", or a backend of circuits
        None is Aer.
    caller : str
    """

    target: object
    schedule: object
    max_queries: int
    n_solutions: int
    by_blocks: bool
    n_threads: int
    sampler: object
    caller: str


@dataclass
class FoundNetworks:
    """What was found for one problem.

    Parameters
    ----------
    spins : ndarray of shape (n_solutions, n_qubits), int8
        The best first.
    accuracy : float
        Of the best on the training data.
    histogram : ndarray of shape (total + 1,), int64, or None
        Number of settings with each score, where all were enumerated.
    record : SearchRecord
        Of the search for the best accuracy.
    n_queries, n_measurements : int
        In all.
    n_circuits : int
    n_deselected : int
        Solutions that failed validation.
    is_reached : bool
        Whether the accuracy is what was asked for.
    stop_reason : str
    """

    spins: np.ndarray
    accuracy: float
    histogram: np.ndarray | None
    record: object
    n_queries: int
    n_measurements: int
    n_circuits: int
    n_deselected: int
    is_reached: bool
    stop_reason: str

    def to_dict(self):
        """All of it, as numbers and arrays."""
        return asdict(self)

    @classmethod
    def from_dict(cls, saved):
        """What :meth:`to_dict` returned."""
        from qsklearn.circuits._search import SearchRecord

        return cls(**{**saved, "record": SearchRecord(**saved["record"])})


def needed_score(total, target):
    """The score of a target accuracy; None for "max"."""
    if target == "max":
        return None
    # An accuracy of 0.9 of 10 is 9, whatever its rounding.
    return int(np.ceil(target * total - 1e-9))


class NetworkSearch:
    """What the two ways to search share.

    Parameters
    ----------
    network : BinaryNetwork
    data : LabelledPatterns
    settings : SearchSettings
    rng : numpy.random.Generator
    validation : Validation

    Attributes
    ----------
    record, more : SearchRecord
        Of the search for the best accuracy, and of that for further solutions.
    is_over : bool
    stop_reason : str or None
        Why it ended before its time.
    """

    histogram = None
    n_circuits = 0

    def __init__(self, network, data, settings, rng, validation):
        from qsklearn.circuits._search import SearchRecord

        self.network, self.data, self.settings = network, data, settings
        self.rng, self.validation = rng, validation
        self.least = needed_score(data.total, settings.target)
        self.record, self.more = SearchRecord(), SearchRecord()
        self.is_over, self.stop_reason = False, None

    def to_dict(self):
        """All that the rest of the search depends on."""
        return {
            "rng": self.rng.bit_generator.state,
            "record": asdict(self.record),
            "more": asdict(self.more),
        }

    def go_on_from(self, saved):
        """Go on where another search was, from what :meth:`to_dict` returned."""
        from qsklearn.circuits._search import SearchRecord

        self.rng.bit_generator.state = saved["rng"]
        self.record, self.more = SearchRecord(**saved["record"]), SearchRecord(**saved["more"])

    @property
    def accuracy(self):
        """The best that was measured."""
        return self.record.best / self.data.total

    def networks(self):
        """What was found so far.

        Returns
        -------
        FoundNetworks
        """
        spins = self._spins()
        return FoundNetworks(
            spins=self.validation.choose(self._order(spins), self.settings.n_solutions),
            accuracy=self.accuracy,
            histogram=self.histogram,
            record=self.record,
            n_queries=self.record.n_queries + self.more.n_queries,
            n_measurements=self.record.n_measurements + self.more.n_measurements,
            n_circuits=self.n_circuits,
            n_deselected=int((~self.validation.accepts(spins)).sum()),
            is_reached=self._is_reached,
            stop_reason=self.stop_reason or self._end_reason(),
        )

    @property
    def _is_reached(self):
        return self.least is None or self.record.best >= self.least

    def _end_reason(self):
        if self.least is None and self.record.best == self.data.best_conceivable:
            return "perfect"
        if self.least is not None and self._is_reached:
            return "target"
        return "converged" if self.settings.by_blocks else "max_queries"

    def _order(self, spins):
        """The most accurate settings first, and of equally accurate ones the sparsest."""
        scores = self.data.score(self.network.outputs(spins, self.data.patterns))
        n_links = (self.network.unpack(spins)[0] != 0).sum(axis=(1, 2))
        return spins[np.lexsort([n_links, -scores])]


class SearchAtOnce(NetworkSearch):
    """All settings of all weights in one superposition.

    Parameters
    ----------
    network, data, settings, rng, validation
        As those of :class:`NetworkSearch`.

    Attributes
    ----------
    found : list of int
        The first is of the best accuracy that was measured.
    """

    def __init__(self, network, data, settings, rng, validation):
        from qsklearn.circuits import accuracy_landscape

        super().__init__(network, data, settings, rng, validation)
        landscape = accuracy_landscape(network, data, n_threads=settings.n_threads)
        self.histogram, self.oracle = landscape.histogram, self._make_oracle(landscape)
        self.found, self.n_accepted = [], 0
        self._n_wanted = settings.n_solutions * (_CANDIDATES if network.search_connections else 1)

    def _make_oracle(self, landscape):
        from qsklearn.circuits._circuit_oracle import CircuitOracle
        from qsklearn.circuits._landscape_oracle import LandscapeOracle

        sampler = self.settings.sampler
        if isinstance(sampler, str):
            return LandscapeOracle(landscape, self.rng)
        caller = self.settings.caller
        return CircuitOracle(self.network, self.data, backend=sampler, rng=self.rng, caller=caller)

    @property
    def n_circuits(self):
        """How many were run."""
        return self.oracle.n_circuits

    def to_dict(self):
        """All that the rest of the search depends on, but the landscape, which is made anew."""
        facts = {name: getattr(self, name) for name in ("found", "n_accepted", "n_circuits")}
        return {**super().to_dict(), **facts}

    def go_on_from(self, saved):
        """Go on where another search was, from what :meth:`to_dict` returned."""
        super().go_on_from(saved)
        self.found, self.n_accepted = saved["found"], saved["n_accepted"]
        self.oracle.n_circuits = saved["n_circuits"]
        for setting in self.found:
            self.oracle.take(setting)

    def find_one(self):
        """Look for the best accuracy, and later for one more solution of that accuracy."""
        if self.found:
            accepted = self._find_another()
        else:
            self._find_best()
            accepted = True
        self.stop_reason = self.record.stop_reason or self.more.stop_reason
        is_enough = self.n_accepted >= self._n_wanted
        self.is_over = is_enough or not accepted or self.stop_reason is not None

    def _find_best(self):
        from qsklearn.circuits._search import search

        ceiling, least = self.data.best_conceivable, self.least
        if least is not None and least > ceiling:
            least = None  # labels contradict each other: nothing reaches it
        self.record = search(self.oracle, least=least, ceiling=ceiling, **self._budget())
        self.found.append(self.oracle.best_setting)
        self.oracle.take(self.found[0])
        self.n_accepted += int(self._accepts(self.found[0]))

    def _find_another(self):
        """Whether one was found that passes validation."""
        from qsklearn.circuits._search import collect

        best = self.record.best
        found, accepted, _ = collect(
            self.oracle,
            least=best if self.least is None else min(self.least, best),
            n_solutions=1,
            accept=self._accepts,
            record=self.more,
            **self._budget(),
        )
        self.found += found
        self.n_accepted += sum(accepted)
        return any(accepted)

    def _budget(self):
        settings = self.settings
        return {
            "schedule": settings.schedule, "max_queries": settings.max_queries, "rng": self.rng
        }  # fmt: skip

    def _accepts(self, setting):
        return bool(self.validation.accepts(self.network.spins([setting]))[0])

    def _spins(self):
        return self.network.spins(self.found)


class SearchByBlocks(NetworkSearch):
    """Unit by unit from random starts, each of which gives a solution.

    Parameters
    ----------
    network, data, settings, rng, validation
        As those of :class:`NetworkSearch`.

    Attributes
    ----------
    found : list of (list of int, int)
        Settings of the units and their score, one a start.
    """

    def __init__(self, network, data, settings, rng, validation):
        from qsklearn.circuits._block_search import BlockSearch
        from qsklearn.circuits._landscape import NetworkScorer

        super().__init__(network, data, settings, rng, validation)
        self.blocks = BlockSearch(
            NetworkScorer(network, data, settings.n_threads),
            least=self.least,
            schedule=settings.schedule,
            max_queries=settings.max_queries,
            rng=rng,
        )
        self.record = self.blocks.record
        self.found = []

    def to_dict(self):
        """All that the rest of the search depends on."""
        return {**super().to_dict(), "found": self.found}

    def go_on_from(self, saved):
        """Go on where another search was, from what :meth:`to_dict` returned."""
        super().go_on_from(saved)
        self.blocks.record, self.found = self.record, saved["found"]

    def find_one(self):
        """Search from one more start."""
        units, score = self.blocks.run()
        self.found.append((units.tolist(), score))
        self.stop_reason = self.record.stop_reason
        is_enough = len(self.found) >= self.settings.n_solutions
        self.is_over = is_enough or self.stop_reason is not None

    def _spins(self):
        found = {tuple(units): score for units, score in self.found}
        starts = list(found)
        if self.least is not None and max(found.values()) >= self.least:
            starts = [units for units in starts if found[units] >= self.least]
        columns = np.array(starts).T
        return np.concatenate([self.network.unit_spins(states) for states in columns], axis=1)
