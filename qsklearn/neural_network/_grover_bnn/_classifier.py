"""The binary network of grover_bnn.txt, trained by amplitude amplification."""

from time import perf_counter

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_is_fitted, validate_data

from qsklearn._base_estimator import BaseEstimator
from qsklearn._checks import check_integer, is_among
from qsklearn._private_api import (
    CallbackSupportMixin,
    Integral,
    Interval,
    Real,
    StrOptions,
    fit_context,
    with_callbacks,
)
from qsklearn._warnings import warn
from qsklearn.neural_network._base import (
    N_JOBS,
    check_classes,
    draw_entropy,
    empty_cost,
    kept_on_error,
    weigh,
)
from qsklearn.neural_network._checkpoint import CHECKPOINT_CONSTRAINTS, Checkpoint
from qsklearn.neural_network._grover_bnn._class_problems import ClassProblems
from qsklearn.neural_network._grover_bnn._network_search import SearchSettings, needed_score
from qsklearn.neural_network._grover_bnn._sampler import check_circuit_sampler
from qsklearn.neural_network._grover_bnn._training import GroverTraining, is_early, severity
from qsklearn.neural_network._progress import Progress
from qsklearn.neural_network._sampling_costs import check_asked
from qsklearn.preprocessing import ThermometerEncoder

_AT_ONCE = 2**22  # outputs of units that are worked out together
_SMALLEST_VOTE = 1e-9  # decides ties between classes, and nothing else


class GroverBNNClassifier(CallbackSupportMixin, ClassifierMixin, BaseEstimator):
    r"""Binary network whose weights are found by amplitude amplification (Grover's search).

    Features become bits :math:`x_j = \pm 1` (:class:`~qsklearn.preprocessing.ThermometerEncoder`),
    of which ``n_hidden`` majority units and a majority of these make the output,

    .. math:: f(x) = \mathrm{sign}\Big( \sum_h v_h \,
        \mathrm{sign}\Big( \sum_j w_{hj} x_j \Big) \Big), \qquad w, v = \pm 1.

    All :math:`2^W` settings of the weights are in superposition, and an iteration turns the state
    towards those that classify the training data best: of which the share is
    :math:`p = \sin^2 \theta`, one of them is measured after k iterations with probability

    .. math:: P(k) = \sin^2((2k + 1) \theta).

    What accuracy is possible nobody knows before; the default schedule raises its threshold to what
    it measured (Dürr and Høyer). Repeated measurements give an ensemble of distinct solutions,
    which votes. Several classes make one network each, one against the rest.

    The search is simulated: by default measurements are drawn from their exact law, for which all
    settings are enumerated. That takes a classical computer as long as finding the best one, so
    that the time of a fit says nothing about a quantum computer; the numbers of oracle queries do
    (:meth:`search_cost`).

    Parameters
    ----------
    n_hidden : int, default=3
        Majority units. An odd number, with a bias, has no ties. ``n_hidden`` times (bits + bias +
        1) weights are ``W``.
    n_bits : int, default=6
        Bits that each unit reads, chosen in ``fit`` by what they say about the labels and not about
        each other.
    n_levels : int, default=5
        Quantiles of each feature that the bits are chosen from. More of them often help more than
        more hidden units.
    binary : bool, default=False
        Whether each feature has two values, and is a bit itself.
    fit_bias : bool, default=True
        Whether units have a constant input.
    connections : {"full", "search"}, default="full"
        ``"search"`` gives each input of each unit a further qubit, which says whether it is
        connected, and searches these too (the paper's meta-training). Wirings that are equally
        accurate are equally likely, but sparse ones are preferred in the choice of solutions.
    target : "max" or float, default="max"
        Training accuracy, in (0, 1], with which a network's search ends. ``"max"``: the best there
        is.
    search : {"auto", "exhaustive", "block"}, default="auto"
        All weights in one superposition, or those of one unit at a time while the others stay,
        from ``n_solutions`` random starts (each of which gives a solution). ``"auto"``: in blocks
        where ``W`` exceeds ``max_weight_qubits``.
    schedule : {"maximum", "bbht", "linear"} or int, default="maximum"
        Numbers of iterations of the attempts. ``"maximum"``: the oracle marks what is better than
        the best measurement so far, until ``target``. The others mark what reaches ``target`` (or,
        for ``"max"``, what is better): with numbers up to a bound that grows by a fifth with each
        failure (Boyer, Brassard, Høyer and Tapp), or by one (the paper's), or always this number.
    max_queries : int or None, default=None
        Uses of the oracle that the search of a network may take, and as many again for further
        solutions; in blocks, for one turn of one unit, and again for another setting that is as
        good. There are at most twice as many attempts. None: 22.5 √2^W, which finds the maximum
        nearly always. To know that there is nothing better takes all of them.
    n_solutions : int, default=31
        Distinct settings, at most, that vote. In blocks all starts do, also those that ended a
        little below the best.
    validation_fraction : float, default=0.0
        Share of the data that is held out to tell solutions that overfit, by two standard errors,
        which are deselected: not to be measured again. Nothing else in the method prevents it.
    class_weight : dict, "balanced" or None, default=None
        Weights of classes in the accuracy, as in scikit-learn.
    sampler : {"landscape", "aer"} or object, default="landscape"
        Makes the measurements: from the exact law by the enumerated landscape; or by running the
        circuit, for each attempt, on Qiskit Aer, or on a Qiskit backend or V2 sampler primitive.
        That takes ``W`` qubits, one a unit, and a counter that grows with the logarithm of the
        data; simulators take minutes beyond twenty in all. A primitive must not begin each call
        with the same seed. Annealers are refused: this is a search, and no draw from an energy.
    max_weight_qubits : int, default=26
        Largest ``W``, in blocks of one unit, that is enumerated. That takes 2^W times 2 bytes, and
        a table of units of at most 256 MB.
    n_jobs : int or None, default=None
        Threads; -1 means all cores. Results do not depend on it.
    verbose : int, default=0
        Show how many solutions were found. Where scikit-learn has callbacks (from 1.9 on),
        ``set_callbacks`` shows and scores iterations, one a solution, within pipelines and
        searches, too.
    random_state : int, RandomState instance or None, default=None
        Seeds measurements and the held-out share.
    checkpoint : str, path-like or None, default=None
        Folder for the state of the search. A fit that was killed and is started again, with the
        same parameters and data, goes on from there, and ends as one that was not (on a device,
        whose measurements nobody can repeat, as such a one might have). Many fits, of a search for
        instance, may share the folder; a finished one is found again. Needs an int as
        ``random_state``.
    checkpoint_interval : int, default=1
        Solutions from one saved state to the next. The search for the first one, and for one from
        a start in blocks, begins anew.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    encoder_ : ThermometerEncoder
    bit_names_ : ndarray of shape (n_bits,)
        What the bits say, such as ``"x2 > 2.45"``.
    network_ : qsklearn.circuits.BinaryNetwork
        Which qubit is which weight. ``network_.unpack(weights_[0])`` gives weights by unit.
    weights_ : list of ndarray of shape (n_solutions, W), int8
        For each network its solutions, the best first. Two classes have one network, whose +1 is
        the class with more data, several have one for each class.
    accuracy_ : ndarray of shape (n_networks,)
        Best training accuracy that was measured, of one class against the rest.
    histogram_ : ndarray of shape (n_networks, total + 1), int64, or None
        ``histogram_[i, c]`` counts the settings of accuracy c / total. None in blocks.
    n_optimal_ : ndarray of shape (n_networks,), int64, or None
        Settings that reach ``target``, or the best accuracy of all. None in blocks.
    n_queries_, n_queries_to_best_ : ndarray of shape (n_networks,), int64
        Uses of the oracle in all, and until the best accuracy was measured first.
    n_measurements_ : ndarray of shape (n_networks,), int64
        Attempts, each of which ends with a measurement and its classical verification.
    n_deselected_ : ndarray of shape (n_networks,), int64
        Solutions that failed validation.
    accuracy_path_ : list of ndarray of shape (n_steps, 2)
        For each network, uses of the oracle and accuracy whenever that rose.
    cost_ : dict
        ``calls`` (circuits run), ``reads`` (measurements), ``oracle_queries``, ``evaluations`` of
        the network (two a query, and one a measurement), ``compile_seconds`` (bits),
        ``sample_seconds`` (search), and others that are zero.
    stop_reason_ : str
        ``"perfect"`` (no network could do better on these bits), ``"target"``, ``"max_queries"``,
        ``"converged"`` (in blocks), ``"callback"`` (one asked to stop), ``"interrupted"``, or
        ``"sampler: "`` and its failure. Of several networks the last in this order, and after
        the last three those to come were given one solution each.
    n_features_in_ : int
    feature_names_in_ : ndarray, one name a feature
        Only where the feature names are all strings.

    See Also
    --------
    qsklearn.preprocessing.ThermometerEncoder : Makes the bits.
    qsklearn.circuits.AmplificationCircuit : The circuit.

    Notes
    -----
    Whether the names of classes, the order of rows or repeated rows change, the fit is the same,
    but for the choice of the rows that ``validation_fraction`` holds out. Two rows with the same
    bits are one to a binary network; that bounds what any can reach.

    References
    ----------
    Fawaz, A. et al. Training and meta-training binary neural networks with quantum computing. KDD
    (2019).

    Dürr, C. and Høyer, P. A quantum algorithm for finding the minimum (1996).

    Boyer, M. et al. Tight bounds on quantum searching (1998).

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.model_selection import train_test_split
    >>> from qsklearn import GroverBNNClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X, X_test, y, y_test = train_test_split(X, y, random_state=0)
    >>> network = GroverBNNClassifier(2, n_bits=8, random_state=0).fit(X, y)
    >>> network.network_.n_qubits
    20
    >>> bool(network.score(X_test, y_test) > 0.93)
    True
    >>> cost = network.search_cost(0.9)
    >>> cost["quantum_evaluations"] < cost["classical_evaluations"]
    True
    """

    _parameter_constraints = {
        "n_hidden": [Interval(Integral, 1, None, closed="left")],
        "n_bits": [Interval(Integral, 1, None, closed="left")],
        "n_levels": [Interval(Integral, 1, None, closed="left")],
        "binary": ["boolean"],
        "fit_bias": ["boolean"],
        "connections": [StrOptions({"full", "search"})],
        "target": [StrOptions({"max"}), Interval(Real, 0, 1, closed="right")],
        "search": [StrOptions({"auto", "exhaustive", "block"})],
        "schedule": [
            StrOptions({"maximum", "bbht", "linear"}),
            Interval(Integral, 0, None, closed="left"),
        ],
        "max_queries": [Interval(Integral, 1, None, closed="left"), None],
        "n_solutions": [Interval(Integral, 1, None, closed="left")],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "sampler": "no_validation",  # check_circuit_sampler explains better what is refused
        "max_weight_qubits": [Interval(Integral, 1, 40, closed="both")],
        "n_jobs": N_JOBS,
        "verbose": ["verbose"],
        "random_state": ["random_state"],
        **CHECKPOINT_CONSTRAINTS,
    }

    def __init__(
        self,
        n_hidden=3,
        *,
        n_bits=6,
        n_levels=5,
        binary=False,
        fit_bias=True,
        connections="full",
        target="max",
        search="auto",
        schedule="maximum",
        max_queries=None,
        n_solutions=31,
        validation_fraction=0.0,
        class_weight=None,
        sampler="landscape",
        max_weight_qubits=26,
        n_jobs=None,
        verbose=0,
        random_state=None,
        checkpoint=None,
        checkpoint_interval=1,
    ):
        self.n_hidden = n_hidden
        self.n_bits = n_bits
        self.n_levels = n_levels
        self.binary = binary
        self.fit_bias = fit_bias
        self.connections = connections
        self.target = target
        self.search = search
        self.schedule = schedule
        self.max_queries = max_queries
        self.n_solutions = n_solutions
        self.validation_fraction = validation_fraction
        self.class_weight = class_weight
        self.sampler = sampler
        self.max_weight_qubits = max_weight_qubits
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.random_state = random_state
        self.checkpoint = checkpoint
        self.checkpoint_interval = checkpoint_interval

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Choose bits, and search for weights.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), default=None
            Weights in the accuracy.

        Returns
        -------
        self : GroverBNNClassifier

        Raises
        ------
        ImportError
            If Qiskit is needed and not installed.
        MemoryError
            If the scores of all settings, or the state of a circuit, do not fit.
        ValueError
            If a parameter or the data are not what they must be, or the network has more weights
            than ``max_weight_qubits``; what was fitted before stays as it was.

        Warns
        -----
        ConvergenceWarning
            If an accuracy of ``target`` was not reached; the best that was found is kept.
        """
        progress = Progress(self, None, "solution")
        with kept_on_error(self):
            started = perf_counter()
            given = X, y, sample_weight
            X, codes, weights = self._check_data(X, y, sample_weight)
            sampler = check_circuit_sampler(self.sampler, type(self).__name__)
            entropy = draw_entropy(self.random_state)
            rows, held_rows = self._hold_out(codes, weights, entropy)
            inputs = self._fit_encoder(X, codes, weights, rows)
            settings = self._settings(sampler)
            self._problems = self._merge(inputs, codes, weights, rows)
            held = None if held_rows is None else self._merge(inputs, codes, weights, held_rows)
            self._warn_of_target()
            held = None if held is None else (held, len(held_rows))
            checkpoint = Checkpoint(self, entropy, X, codes, weights)
            compile_seconds = perf_counter() - started
            training = GroverTraining(self.network_, self._problems, settings, entropy, held)
            with progress.telling(*given):
                training.run(checkpoint, progress)
            self._take_over(training.networks)
            self.cost_["compile_seconds"] = compile_seconds
            self.cost_["sample_seconds"] = training.seconds
        return self

    def _check_data(self, X, y, sample_weight):
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype=np.float64)
        y, self.classes_, codes = check_classes(y)
        weights = weigh(self, sample_weight, X, y)
        return X, codes, np.ones(len(codes)) if weights is None else weights

    def _hold_out(self, codes, weights, entropy):
        """Rows to train with and rows held out, of positive weight."""
        rows = np.flatnonzero(weights)
        if self.validation_fraction == 0:
            return rows, None
        try:
            return train_test_split(
                rows, test_size=self.validation_fraction, stratify=codes[rows], random_state=entropy
            )
        except ValueError as error:
            counts = np.bincount(codes[rows], minlength=len(self.classes_)).tolist()
            counts = dict(zip(self.classes_.tolist(), counts, strict=True))
            raise ValueError(
                f"The 'validation_fraction' parameter of {type(self).__name__} must leave rows of "
                f"each class to train with and to hold out. Got {self.validation_fraction}, of "
                f"classes with so many rows: {counts} ({error}) Use 0, or more data."
            ) from None

    def _fit_encoder(self, X, codes, weights, rows):
        """Bits ±1 of all rows (n_samples, n_bits), and the network that reads them."""
        encoder = ThermometerEncoder(self.n_levels, n_bits=self.n_bits, binary=self.binary)
        self.encoder_ = encoder.fit(X[rows], codes[rows], sample_weight=weights[rows])
        self._check_unit_size()
        names = getattr(self, "feature_names_in_", None)
        self.bit_names_ = self.encoder_.get_feature_names_out(names)
        self.network_ = self._network(self.encoder_.n_bits_)
        return self._bits(X)

    def _check_unit_size(self):
        from qsklearn.circuits._binary_network import MOST_UNIT_QUBITS

        per_bit = 2 if self.connections == "search" else 1
        most = (MOST_UNIT_QUBITS - 2) // per_bit  # beside the constant input and the output
        if self.encoder_.n_bits_ > most:
            raise ValueError(
                f"The 'n_bits' parameter of {type(self).__name__} must be at most {most} with "
                f"connections={self.connections!r}. Got {self.n_bits} instead, of which the data "
                f"have {self.encoder_.n_bits_}."
            )

    def _network(self, n_inputs):
        from qsklearn.circuits import BinaryNetwork
        from qsklearn.circuits._binary_network import MOST_UNITS

        check_integer(self.n_hidden, "n_hidden", type(self).__name__, 1, MOST_UNITS + 1)
        return BinaryNetwork(
            n_inputs,
            self.n_hidden,
            fit_bias=self.fit_bias,
            search_connections=self.connections == "search",
        )

    def _blocks(self, network):
        """Whether units are searched one by one, and the qubits that are searched at once."""
        if self.search == "auto":
            by_blocks = network.n_qubits > self.max_weight_qubits
        else:
            by_blocks = self.search == "block"
        return by_blocks, network.n_unit_qubits if by_blocks else network.n_qubits

    def _bits(self, X):
        return 2 * self.encoder_.transform(X) - 1

    def _settings(self, sampler):
        """How to search, or a refusal with the numbers."""
        network = self.network_
        by_blocks, n_searched = self._blocks(network)
        if n_searched > self.max_weight_qubits:
            what = "each unit alone has" if by_blocks else "the network has"
            other = "" if by_blocks else " search='block',"
            raise ValueError(
                f"The 'max_weight_qubits' parameter of {type(self).__name__} must be at least "
                f"{n_searched}, as {what} {n_searched} weight qubits, and 2^{n_searched} settings "
                f"to enumerate in {2 * 2**n_searched:,} bytes. Got {self.max_weight_qubits} "
                f"instead. Use{other} fewer 'n_bits' or 'n_hidden', or raise it."
            )
        if by_blocks and not isinstance(sampler, str):
            raise ValueError(
                f"The 'sampler' parameter of {type(self).__name__} must be 'landscape' to search "
                f"in blocks, of which circuits are not made. The network has {network.n_qubits} "
                f"weight qubits; for circuits use fewer 'n_bits' or 'n_hidden'."
            )
        max_queries = self.max_queries or self._default_queries(n_searched)
        if not isinstance(self.schedule, str) and self.schedule > max_queries:
            raise ValueError(
                f"The 'schedule' parameter of {type(self).__name__} must be at most the budget of "
                f"{max_queries} oracle queries ('max_queries'), or no attempt can be made. Got "
                f"{self.schedule} iterations instead."
            )
        return SearchSettings(
            target=self.target,
            schedule=self.schedule,
            max_queries=max_queries,
            n_solutions=self.n_solutions,
            by_blocks=by_blocks,
            n_threads=effective_n_jobs(self.n_jobs),
            sampler=sampler,
            caller=type(self).__name__,
        )

    def _merge(self, inputs, codes, weights, rows):
        return ClassProblems.from_rows(inputs[rows], codes[rows], len(self.classes_), weights[rows])

    def _default_queries(self, n_qubits):
        from qsklearn.circuits._search import default_max_queries

        return default_max_queries(2**n_qubits)

    def _warn_of_target(self):
        if self.target == "max":
            return
        problems = map(self._problems.data, range(self._problems.n_problems))
        share = max(data.up.sum() / data.total for data in problems)
        if self.target <= share:
            warn(
                f"The target accuracy of {self.target} is no more than the share of the larger "
                f"class, {share:.3f}: networks that always say the same reach it, and where half "
                "of all do amplification gains nothing. Use a higher target, or 'max'."
            )

    def _take_over(self, networks):
        records = [network.record for network in networks]
        total = self._problems.data(0).total
        self.weights_ = [network.spins for network in networks]
        self.accuracy_ = np.array([network.accuracy for network in networks])
        self.n_queries_ = np.array([network.n_queries for network in networks])
        self.n_queries_to_best_ = np.array([record.n_queries_to_best for record in records])
        self.n_measurements_ = np.array([network.n_measurements for network in networks])
        self.n_deselected_ = np.array([network.n_deselected for network in networks])
        self.accuracy_path_ = [np.array(record.path) / [1, total] for record in records]
        self.histogram_ = self.n_optimal_ = None
        if networks[0].histogram is not None:
            self.histogram_ = np.array([network.histogram for network in networks])
            self._least = [self._searched_score(histogram) for histogram in self.histogram_]
            counted = zip(self.histogram_, self._least, strict=True)
            self.n_optimal_ = np.array([histogram[least:].sum() for histogram, least in counted])
        reasons = [network.stop_reason for network in networks]
        self.stop_reason_ = max(reasons, key=severity)
        self.cost_ = self._cost(networks)
        if self.stop_reason_ == "callback":
            return  # as was asked
        if is_early(self.stop_reason_):
            warn(
                f"The search ended early ({self.stop_reason_}). What it had found by then is kept.",
                ConvergenceWarning,
            )
        else:
            self._warn_of_missed_targets(networks)

    def _searched_score(self, histogram):
        """The score that is searched for: the target's, or the best of all."""
        if self.target == "max":
            return int(np.flatnonzero(histogram)[-1])
        return needed_score(len(histogram) - 1, self.target)

    def _cost(self, networks):
        queries, reads = int(self.n_queries_.sum()), int(self.n_measurements_.sum())
        return {
            **empty_cost(),
            "calls": sum(network.n_circuits for network in networks),
            "reads": reads,
            "oracle_queries": queries,
            "evaluations": 2 * queries + reads,
        }

    def _warn_of_missed_targets(self, networks):
        missed = [number for number, network in enumerate(networks) if not network.is_reached]
        if not missed:
            return
        reached = ", ".join(f"{self.accuracy_[number]:.4g}" for number in missed)
        of = "" if len(networks) == 1 else f" for {self.classes_[missed].tolist()}"
        warn(
            f"The target accuracy of {self.target} was not reached{of} within the budget of oracle "
            f"queries; the best networks that were found have {reached}. Use target='max', whose "
            "thresholds follow what is possible, more 'n_bits', or a larger 'max_queries'.",
            ConvergenceWarning,
        )

    def _validated(self, X):
        check_is_fitted(self)
        return validate_data(self, X, accept_sparse="csr", dtype=np.float64, reset=False)

    def decision_function(self, X):
        """Mean vote of the solutions.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        decision : ndarray of shape (n_samples,) for two classes, else (n_samples, n_classes)
            Between -1 and 1, positive for the second class, or for a class against the rest. How
            far the sums of the hidden units are from a tie counts less than a single vote; what
            still ties goes, by 1e-9, to the class with more data.
        """
        X = self._validated(X)
        decision = np.empty((X.shape[0], len(self.weights_)))
        n_units = self.network_.n_hidden * max(len(spins) for spins in self.weights_)
        for batch in gen_batches(X.shape[0], max(1, _AT_ONCE // n_units)):
            inputs = self._bits(X[batch])
            for number, spins in enumerate(self.weights_):
                decision[batch, number] = self._vote(spins, inputs)
        decision *= self._problems.signs
        if decision.shape[1] == 1:
            return decision[:, 0] + _SMALLEST_VOTE * self._problems.signs[0]
        return decision - _SMALLEST_VOTE * self._problems.ranks / len(self.classes_)

    def _vote(self, spins, inputs):
        n_solutions = len(spins)
        if n_solutions == 0:  # while training, of a problem to come
            return np.zeros(len(inputs))
        sums = self.network_.votes(spins, inputs)
        margin = sums.mean(axis=0) / self.network_.n_hidden
        vote = np.where(sums >= 0, 1, -1).mean(axis=0)
        # Votes differ by 2 / n_solutions, and margins by 2 at most.
        return (vote + margin / (2 * n_solutions)) / (1 + 1 / (2 * n_solutions))

    def predict(self, X):
        """Predict labels by the votes of the solutions.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        labels : ndarray of shape (n_samples,)
        """
        decision = self.decision_function(X)
        if decision.ndim == 1:
            return self.classes_[(decision > 0).astype(int)]
        return self.classes_[decision.argmax(axis=1)]

    def predict_proba(self, X):
        """Shares of votes, which are not calibrated.

        One vote for each side is added, and those of several networks are divided by their sum.
        :class:`sklearn.calibration.CalibratedClassifierCV` makes probabilities of them.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        shares : ndarray of shape (n_samples, n_classes)
        """
        decision = self.decision_function(X)
        n_votes = max(len(spins) for spins in self.weights_)  # one number, to keep the order
        shares = (1 + n_votes * (1 + decision) / 2) / (n_votes + 2)
        if shares.ndim == 1:
            return np.column_stack([1 - shares, shares])
        return shares / shares.sum(axis=1, keepdims=True)

    def success_probability(self, iterations, label=None):
        """Probability that one attempt measures an optimal setting.

        Parameters
        ----------
        iterations : int or array-like of int
        label : object, default=None
            The class whose network is meant; not needed for two classes.

        Returns
        -------
        probability : ndarray of the shape of ``iterations``
            sin²((2k + 1)θ), with sin²θ the share of the settings counted by ``n_optimal_``.

        Raises
        ------
        ValueError
            After a search in blocks, of which there is no whole landscape.
        """
        from qsklearn.circuits import success_probability

        number = self._number_of(label, "success_probability")
        return success_probability(self.n_optimal_[number] / self.network_.n_states, iterations)

    def landscape(self, label=None):
        """Accuracies of all settings on the training data.

        Parameters
        ----------
        label : object, default=None
            The class whose network is meant; not needed for two classes.

        Returns
        -------
        accuracies : ndarray of shape (2**W,), float32
            By the number of the setting, whose lowest bit is qubit 0.

        Raises
        ------
        ValueError
            After a search in blocks, of which there is no whole landscape.
        """
        return self._scores(label, "landscape").accuracies

    def weight_probabilities(self, iterations, label=None):
        """Probabilities of measuring each setting after some iterations.

        Parameters
        ----------
        iterations : int
        label : object, default=None
            The class whose network is meant; not needed for two classes.

        Returns
        -------
        probabilities : ndarray of shape (2**W,)

        Raises
        ------
        ValueError
            After a search in blocks, of which there is no whole landscape.
        """
        from qsklearn.circuits import amplified_probabilities

        landscape = self._scores(label, "weight_probabilities")
        least = self._least[self._number_of(label, "weight_probabilities")]
        return amplified_probabilities(landscape.scores >= least, iterations)

    def search_curves(self, label=None):
        """Probabilities of having found an optimal setting, by evaluations of the network.

        Parameters
        ----------
        label : object, default=None
            The class whose network is meant; not needed for two classes.

        Returns
        -------
        curves : dict of str to (evaluations, probability)
            Of searches that know the accuracy to look for: by the schedules ``"linear"`` and
            ``"bbht"``, and classically by random settings, with and without repetition. An
            iteration counts two evaluations, and a measurement or a random setting one.

        Raises
        ------
        ValueError
            After a search in blocks, or if there is no optimal setting.
        """
        from qsklearn.circuits import search_curves

        return search_curves(*self._counts(label, "search_curves"))

    def search_cost(self, confidence=0.9, label=None):
        """What it takes to find an optimal setting, by circuits and by random settings.

        Parameters
        ----------
        confidence : float, default=0.9
            Probability of having found one, in (0, 1).
        label : object, default=None
            The class whose network is meant; not needed for two classes.

        Returns
        -------
        cost : dict
            ``n_states`` and ``n_marked``: settings, and optimal ones; ``best_iterations`` of one
            attempt, and its ``success_probability``; ``quantum_evaluations`` of the network by the
            schedule ``"linear"`` and ``quantum_evaluations_bbht``; ``classical_evaluations`` of
            random settings, and ``classical_evaluations_not_repeating``.

        Raises
        ------
        ValueError
            After a search in blocks, or if there is no optimal setting.
        """
        from qsklearn.circuits import compare_search_costs

        return compare_search_costs(*self._counts(label, "search_cost"), confidence)

    def circuit(self, iterations, label=None, *, oracle="counter", measure=True):
        """The circuit of one attempt, for Qiskit.

        Parameters
        ----------
        iterations : int
        label : object, default=None
            The class whose network is meant; not needed for two classes.
        oracle : {"counter", "outputs"}, default="counter"
            See :class:`~qsklearn.circuits.AmplificationCircuit`. ``"outputs"``, the paper's, marks
            only settings without an error.
        measure : bool, default=True
            Whether to measure the weights.

        Returns
        -------
        qiskit.QuantumCircuit

        Raises
        ------
        ImportError
            If Qiskit is not installed.
        ValueError
            If no setting reaches what is searched for.
        """
        return self._circuit(label, oracle).to_qiskit(iterations, measure=measure)

    def resources(self, label=None, *, oracle="counter"):
        """What the operators of the circuit cost.

        Parameters
        ----------
        label : object, default=None
            The class whose network is meant; not needed for two classes.
        oracle : {"counter", "outputs"}, default="counter"

        Returns
        -------
        rows : list of dict
            ``operator``, ``qubits``, ``depth``, ``two_qubit_gates`` and ``gates`` of each, see
            :meth:`qsklearn.circuits.AmplificationCircuit.resources`.
        """
        return self._circuit(label, oracle).resources()

    def _circuit(self, label, oracle):
        from qsklearn.circuits import AmplificationCircuit

        number = self._number_of(label, "circuit")
        data = self._problems.data(number)
        least = self._least[number] if oracle == "counter" else data.best_conceivable
        if least > data.best_conceivable:
            raise ValueError(
                f"The circuit of {type(self).__name__} needs a setting to search for. None can "
                f"have the target accuracy of {least / data.total:.4g}: rows of equal bits have "
                "different labels."
            )
        return AmplificationCircuit(self.network_, data, least=least, oracle=oracle)

    def _number_of(self, label, caller):
        """Number of the network that tells a class from the rest."""
        check_is_fitted(self)
        if self.histogram_ is None:
            raise ValueError(
                f"{type(self).__name__}.{caller} needs the accuracies of all settings. The network "
                f"was searched in blocks, and has 2^{self.network_.n_qubits} of them."
            )
        classes = self.classes_.tolist()
        is_class = is_among(label, classes)
        if len(classes) == 2 and (label is None or is_class):
            return 0
        if not is_class:
            raise ValueError(
                f"The 'label' parameter of {caller} must be one of the classes {classes}. Got "
                f"{label!r} instead."
            )
        return classes.index(label)

    def _scores(self, label, caller):
        from qsklearn.circuits import accuracy_landscape

        number = self._number_of(label, caller)
        data = self._problems.data(number)
        n_threads = effective_n_jobs(self.n_jobs)
        return accuracy_landscape(self.network_, data, n_threads=n_threads)

    def _counts(self, label, caller):
        """Number of settings, and of optimal ones."""
        number = self._number_of(label, caller)
        n_optimal = int(self.n_optimal_[number])
        if n_optimal == 0:
            raise ValueError(
                f"{type(self).__name__}.{caller} needs an optimal setting. None has the target "
                f"accuracy of {self._least[number] / (self.histogram_.shape[1] - 1):.4g}."
            )
        return self.network_.n_states, n_optimal

    def classical_twin(self):
        """Networks of as many units on the same bits, trained by gradients.

        Returns
        -------
        twin : Pipeline
            Unfitted: the encoder of bits, and one MLP with real weights, tanh units and
            quasi-Newton steps for each class against the rest.
        """
        encoder = ThermometerEncoder(self.n_levels, n_bits=self.n_bits, binary=self.binary)
        mlp = MLPClassifier(
            (self.n_hidden,), activation="tanh", solver="lbfgs", random_state=self.random_state
        )
        return make_pipeline(encoder, OneVsRestClassifier(mlp))

    def ablations(self):
        """Controls: the same estimator without what is quantum about it, or without votes.

        Returns
        -------
        ablations : dict of str to estimator
            ``"random settings"``: no iterations, and random settings for as many evaluations as the
            budget's queries take; ``"one solution"``: no ensemble.
        """
        parameters = self.get_params(deep=False)
        controls = {"random settings": {"schedule": 0}, "one solution": {"n_solutions": 1}}
        return {name: type(self)(**{**parameters, **changes}) for name, changes in controls.items()}

    def estimate_cost(self, n_samples, n_features, n_outputs=None, *, method="fit"):
        """What the search of one network takes at most; several classes have one each.

        Parameters
        ----------
        n_samples, n_features : int
            Of the training data. The number of samples matters to circuits only.
        n_outputs : int, default=None
            Classes; it does not matter.
        method : {"fit", "predict"}, default="fit"
            What is to be done. Predicting takes no search: all counts are 0.

        Returns
        -------
        cost : dict
            ``weight_qubits`` of the network, ``searched_qubits`` at once, ``settings`` (2 to the
            power of these), ``bytes`` for their scores; ``oracle_queries`` for the best accuracy
            and as many again for further solutions, and ``reads`` (measurements), fewer in
            practice by far. In blocks these are of one unit's turn.
        """
        check_asked(n_samples, n_features, n_outputs, method, type(self).__name__)
        n_candidates = n_features * (1 if self.binary else self.n_levels)
        network = self._network(min(self.n_bits, n_candidates))
        by_blocks, n_searched = self._blocks(network)
        queries = self.max_queries or self._default_queries(n_searched)
        cost = {
            "weight_qubits": network.n_qubits,
            "searched_qubits": n_searched,
            "settings": 2**n_searched,
            "bytes": 2 * 2**n_searched,
            "oracle_queries": 2 * queries,
            "reads": 4 * queries,
        }
        return cost if method == "fit" else dict.fromkeys(cost, 0)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
