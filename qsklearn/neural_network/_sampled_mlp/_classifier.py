"""The sampled multilayer perceptron of sampled_mlp.txt."""

from time import perf_counter

import numpy as np
from scipy.special import expit, logit, softmax
from sklearn.base import ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import (
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
    validate_data,
)
from threadpoolctl import threadpool_limits

from qsklearn._base_estimator import BaseEstimator
from qsklearn._memory import check_memory
from qsklearn._private_api import (
    AdamOptimizer,
    CallbackSupportMixin,
    Integral,
    Interval,
    Real,
    StrOptions,
    check_sample_weight,
    fit_context,
    with_callbacks,
)
from qsklearn._warnings import warn
from qsklearn.hamiltonians import SampledMLPHamiltonian
from qsklearn.neural_network._base import N_JOBS, draw_entropy, kept_on_error
from qsklearn.neural_network._checkpoint import CHECKPOINT_CONSTRAINTS, Checkpoint
from qsklearn.neural_network._family_draws import needs_trial, seeds_of_rows
from qsklearn.neural_network._progress import Progress
from qsklearn.neural_network._sampled_mlp._conversion import read_mlp, write_mlp
from qsklearn.neural_network._sampled_mlp._draws import OutputDraws
from qsklearn.neural_network._sampled_mlp._equilibrium_draws import EquilibriumDraws
from qsklearn.neural_network._sampled_mlp._equilibrium_gradient import ground_decision
from qsklearn.neural_network._sampled_mlp._gradients import mlp_outputs, pattern_frequencies
from qsklearn.neural_network._sampled_mlp._training import (
    WHOLE,
    SampledTraining,
    Stopping,
    TrainingState,
)
from qsklearn.neural_network._sampling_costs import (
    add_costs,
    bipartite_pattern,
    check_asked,
    cost_of_family,
    cost_of_restart,
    no_cost,
)
from qsklearn.neural_network._targets import Targets, check_labels
from qsklearn.samplers import SimulatedAnnealingSampler, UncoupledComposite, check_sampler
from qsklearn.samplers._own_parameters import own_parameters

_AUTO_BATCH_SIZE = 32
# A thousand find no better states of networks as small as these.
_SWEEPS_OF_A_SEARCH = 100
# Of a weight: itself, Adam's moments and step, its gradient, that cut, and the best so far. Of a
# coupling: itself, and as the sampler gets it. Of a hidden bit for a data point of a batch.
_BYTES_OF_WEIGHT, _BYTES_OF_COUPLING, _BYTES_OF_ACTIVATION = 56, 16, 40
# What a device says of a call, and a sampling report passes on.
_REPORTED = ("chain_break_fraction", "scale", "clipped_fraction", "beta_eff_device")


def _trains_without_validation(estimator):
    if estimator.early_stopping:
        raise AttributeError("partial_fit needs early_stopping=False: it holds out no data.")
    return True


class QuantumSampledMLPClassifier(CallbackSupportMixin, ClassifierMixin, BaseEstimator):
    r"""Multilayer perceptron trained as an energy-based model that a sampler draws from.

    One hidden layer of bits k and an output y given x follow a Boltzmann law,

    .. math::

        P(k, y \mid x) \propto \exp\left[ k \cdot (W_1^\top x + b) + k \cdot W_2 y + c \cdot y
        \right],

    whose log-likelihood :math:`\log P(y \mid x)` is maximised. The gradient needs draws of the
    model's own y for each data point, and these come from any sampler: the package's kernels,
    dwave-samplers, a QPU. To first order in the weights the model equals the MLP
    :math:`\sigma(W_2^\top \sigma(W_1^\top x + b) + c)`, so weights move to and from
    scikit-learn's :class:`~sklearn.neural_network.MLPClassifier` unchanged.

    Two classes make one logistic output bit, more make one categorical unit, and multilabel
    targets make independent bits. Scale features to the order of 1, [0, 1] at best.

    Parameters
    ----------
    n_hidden : int, default=64
        Hidden bits.
    sampler : str, sampler object or None, default=None
        Draws y given x; see :func:`qsklearn.samplers.get_sampler_names`. None: ``"exact"`` where
        it applies (all but multilabel targets of more than 16 labels), else ``"gibbs"``; for
        ``gradient="equilibrium"`` an annealer of 100 sweeps. To search
        over a sampler's own parameters pass an object:
        ``GridSearchCV(QuantumSampledMLPClassifier(sampler=GibbsSampler()),
        {"sampler__num_sweeps": [10, 100]})``.
    beta_eff : "auto" or float, default="auto"
        Belief about the sampler's inverse temperature: it is handed E / beta_eff. ``"auto"`` is 1
        for a sampler that hits the temperature it is asked for. For others it is estimated in each
        call and smoothed over calls, from the sampler's property ``beta_eff_prior`` on if it has
        one. A number is taken as given: the paper's grid search on a device, and on other
        samplers a way to temper the law on purpose.
    num_reads : int or None, default=100
        Draws for each data point and step; searches, for ``gradient="equilibrium"``, where 10 are
        enough. None leaves it to the sampler.
    gradient : {"sampled", "equilibrium", "exact", "backprop"}, default="sampled"
        Gradient of the log-likelihood from draws or from the exact P(y|x); equilibrium propagation,
        from states of low energy, free and nudged, which knows no temperature; or the gradient of
        the MLP's cross-entropy by backpropagation, which needs no sampler.
    nudge : float, default=5.0
        For ``gradient="equilibrium"``: the energy ν that a wrong output costs in the nudged search.
    symmetric_nudge : bool, default=False
        For ``gradient="equilibrium"``: whether states nudged towards the right outputs are compared
        with states nudged away from them, and not with free ones. That also asks for a margin of ν
        where the free state is right, at up to twice the reads, and wants a smaller ``nudge``.
    learning_rate_init : float, default=0.003
        Step size of Adam.
    batch_size : "auto" or int, default="auto"
        Data points in a step. ``"auto"`` is ``min(32, n_samples)``; 200 would make too few
        steps in 100 passes over a few hundred samples.
    max_iter : int, default=100
        Passes over the data.
    tol : float, default=1e-4
        An iteration that gains less than this, in loss (or validation score), makes no progress.
    n_iter_no_change : int, default=10
        Iterations without progress after which training has converged.
    early_stopping : bool, default=False
        Whether to hold out data and keep the weights with the best score on it.
    validation_fraction : float, default=0.1
        Share of the data that ``early_stopping`` holds out.
    weight_scale : "auto" or float, default="auto"
        Standard deviation of the initial weights; biases start at 0. ``"auto"`` is 0.01, and 0.1
        for ``gradient="equilibrium"``, whose hidden bits must differ from the start.
    predict_with : {"auto", "mlp", "ebm", "ground"}, default="auto"
        Predict by the MLP's outputs; by the energy-based model's P(y|x), which is what the
        likelihood trains: prefer it where training goes far, as the two part when weights grow; or
        by the state of lowest energy, which is what equilibrium propagation trains. ``"auto"`` is
        ``"ground"`` for ``gradient="equilibrium"``, else ``"mlp"``. Of ``"ground"`` probabilities
        are softmax (of bits logistic) functions of the lowest energies with each output, which the
        training does not calibrate; for more than 16 labels, shares of the free reads.
    warm_start : bool, default=False
        Whether ``fit`` goes on from the weights at hand.
    class_weight : dict, list of dicts, "balanced" or None, default=None
        Weights of classes, as in scikit-learn.
    diagnostics : bool, default=False
        Whether to compare each sampled gradient with the exact one, or that of equilibrium
        propagation with the one from the lowest states of all (``gradient_cosine_``).
    n_jobs : int or None, default=None
        Threads of the sampler's kernels; -1 means all cores. Results do not depend on it.
    verbose : int, default=0
        Show a progress bar. Where scikit-learn has callbacks (from 1.9 on), ``set_callbacks`` shows
        and scores iterations within pipelines and searches, too.
    random_state : int, RandomState instance or None, default=None
        Seeds initial weights, batches and draws.
    checkpoint : str, path-like or None, default=None
        Folder for the state of training. A fit that was killed and is started again, with the same
        parameters and data, goes on from there, and ends as one that was not (on a device, whose
        draws nobody can repeat, as such a one might have). Many fits, of a search for instance, may
        share the folder; a finished one is found again. Needs an int as ``random_state``.
    checkpoint_interval : int, default=10
        Iterations from one saved state to the next.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels; for multilabel targets their indices.
    coefs_ : list of two ndarrays, (n_features, n_hidden) and (n_hidden, n_outputs)
        Weights in scikit-learn's layout.
    intercepts_ : list of two ndarrays, (n_hidden,) and (n_outputs,)
    n_outputs_ : int
        1 for two classes, else the number of classes or labels.
    sampler_ : object
        The sampler in use.
    loss_ : float
        The last of ``loss_curve_``.
    loss_curve_ : list of float
        Average of -log P(y|x) in each iteration, before each step's update; of the MLP's
        cross-entropy for ``gradient="backprop"``, and for more than 8 labels with ``"sampled"``;
        of the cost of the free states for ``"equilibrium"``: 1 for a wrong class or label.
    validation_scores_ : list of float, or None
        Accuracy on the held-out data, with ``early_stopping``.
    best_loss_ : float, or None
        The lowest loss; None with ``early_stopping``.
    n_iter_ : int
        Iterations run, over all fits that went on from each other.
    beta_eff_, beta_eff_stderr_ : ndarrays, one number an iteration
        Mean belief about the sampler's inverse temperature, and mean standard error of the
        belief (0 where it was known); empty unless ``gradient="sampled"``.
    gradient_cosine_ : list of float
        Mean cosine between sampled and exact gradient in each iteration, with ``diagnostics``;
        steps whose reads all agree with the data have no gradient and are left out.
    cost_ : dict
        ``calls``, ``reads``, ``sweeps``, ``compile_seconds``, ``sample_seconds``,
        ``update_seconds`` and ``qpu_access_time`` (microseconds) of the last fit.
    stop_reason_ : str
        ``"converged"``, ``"max_iter"``, ``"callback"`` (one asked to stop), ``"interrupted"``, or
        the failure of the sampler. After the last two the best weights so far are kept.
    n_features_in_ : int
    feature_names_in_ : ndarray, one name a feature
        Only where the feature names are all strings.

    See Also
    --------
    sklearn.neural_network.MLPClassifier : The classical twin.

    References
    ----------
    Yang, F. F., Sasdelli, M., Chin, T.-J. Training multilayer perceptrons by sampling with quantum
    annealers (2023).

    Laydevant, J., Marković, D., Grollier, J. Training an Ising machine with equilibrium
    propagation. Nature Communications 15, 3671 (2024).

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import MinMaxScaler
    >>> from qsklearn import QuantumSampledMLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> network = QuantumSampledMLPClassifier(learning_rate_init=0.03, random_state=0)
    >>> model = make_pipeline(MinMaxScaler(), network)
    >>> bool(model.fit(X, y).score(X, y) > 0.9)
    True
    """

    _parameter_constraints = {
        "n_hidden": [Interval(Integral, 1, None, closed="left")],
        "sampler": "no_validation",  # check_sampler explains better what is missing
        "beta_eff": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
        "num_reads": [Interval(Integral, 1, None, closed="left"), None],
        "gradient": [StrOptions({"sampled", "equilibrium", "exact", "backprop"})],
        "nudge": [Interval(Real, 0, None, closed="neither")],
        "symmetric_nudge": ["boolean"],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "weight_scale": [StrOptions({"auto"}), Interval(Real, 0, None, closed="left")],
        "predict_with": [StrOptions({"auto", "mlp", "ebm", "ground"})],
        "warm_start": ["boolean"],
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
        "diagnostics": ["boolean"],
        "n_jobs": N_JOBS,
        "verbose": ["verbose"],
        "random_state": ["random_state"],
        **CHECKPOINT_CONSTRAINTS,
    }
    _histories = ("loss_curve_", "validation_scores_", "gradient_cosine_")

    def __init__(
        self,
        n_hidden=64,
        *,
        sampler=None,
        beta_eff="auto",
        num_reads=100,
        gradient="sampled",
        nudge=5.0,
        symmetric_nudge=False,
        learning_rate_init=0.003,
        batch_size="auto",
        max_iter=100,
        tol=1e-4,
        n_iter_no_change=10,
        early_stopping=False,
        validation_fraction=0.1,
        weight_scale="auto",
        predict_with="auto",
        warm_start=False,
        class_weight=None,
        diagnostics=False,
        n_jobs=None,
        verbose=0,
        random_state=None,
        checkpoint=None,
        checkpoint_interval=10,
    ):
        self.n_hidden = n_hidden
        self.sampler = sampler
        self.beta_eff = beta_eff
        self.num_reads = num_reads
        self.gradient = gradient
        self.nudge = nudge
        self.symmetric_nudge = symmetric_nudge
        self.learning_rate_init = learning_rate_init
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.weight_scale = weight_scale
        self.predict_with = predict_with
        self.warm_start = warm_start
        self.class_weight = class_weight
        self.diagnostics = diagnostics
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.random_state = random_state
        self.checkpoint = checkpoint
        self.checkpoint_interval = checkpoint_interval

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Train on data.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,), or (n_samples, n_labels) of 0 and 1
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : QuantumSampledMLPClassifier

        Raises
        ------
        MemoryError
            If a step needs more memory than the machine has.
        ValueError
            If a parameter, the data or the sampler's answers are not what they must be; what was
            fitted before stays as it was.
        """
        going_on = self.warm_start and hasattr(self, "coefs_")
        progress = Progress(self, self.max_iter)
        with kept_on_error(self):
            data = self._check_data(X, y, sample_weight, reset=not going_on)
            state = self._continue_state() if going_on else self._initial_state(*data)
            checkpoint = Checkpoint(self, state.to_dict(), *data)
            with progress.telling(X, y, sample_weight):
                self._train(state, data, y, self.max_iter, progress, checkpoint)
            if self.stop_reason_ == "max_iter":
                warn(
                    f"{type(self).__name__} stopped at max_iter={self.max_iter} before it had "
                    "converged. Raise max_iter or tol.",
                    ConvergenceWarning,
                )
        return self

    @available_if(_trains_without_validation)
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Go through some data once.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,), or (n_samples, n_labels) of 0 and 1
        classes : array-like of shape (n_classes,), default=None
            All labels that will come; needed in the first call unless ``y`` holds them all. Of
            multilabel targets the columns tell.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : QuantumSampledMLPClassifier

        Raises
        ------
        MemoryError, ValueError
            As ``fit``.
        """
        going_on = hasattr(self, "coefs_")
        if isinstance(self.class_weight, str):
            raise ValueError(
                f"class_weight={self.class_weight!r} is not supported for partial_fit, which does "
                "not see all of the data. Give the weights as a dict: "
                "compute_class_weight('balanced', classes=classes, y=y) calculates them."
            )
        with kept_on_error(self):
            data = self._check_data(X, y, sample_weight, reset=not going_on, classes=classes)
            state = self._continue_state() if going_on else self._initial_state(*data)
            progress = Progress(self, 1, tells_callbacks=False)
            with progress.telling(X, y, sample_weight):
                self._train(state, data, y, 1, progress, Checkpoint())
        return self

    def _check_data(self, X, y, sample_weight, *, reset, classes=None):
        X, y = validate_data(
            self, X, y, accept_sparse="csr", multi_output=True, dtype=np.float64, reset=reset
        )
        check_labels(y, type(self).__name__)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if reset:
            self._targets = Targets(y, classes)
            self.classes_ = self._targets.classes
        self._targets.check_classes(classes)
        outputs = self._targets.encode(y)
        weights = check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        weights = self._targets.weigh(weights, y, self.class_weight, type(self).__name__)
        self._check_memory(*X.shape, outputs.shape[1])
        return X, outputs, weights

    def _check_memory(self, n_samples, n_features, n_outputs):
        """Refuse what a step holds at once, if that is more than the machine has."""
        # Short integers of NumPy overflow in products of counts.
        n_hidden = int(self.n_hidden)
        batch = _AUTO_BATCH_SIZE if self.batch_size == "auto" else int(self.batch_size)
        n_bytes = n_hidden * (
            _BYTES_OF_WEIGHT * (n_features + n_outputs)
            + _BYTES_OF_ACTIVATION * min(batch, n_samples)
        )
        remedy = "Take fewer hidden bits, or a lower batch_size."
        if self.gradient in ("sampled", "equilibrium"):
            n_bytes += _BYTES_OF_COUPLING * (n_hidden + n_outputs) ** 2
            remedy = "Take fewer hidden bits, or gradient='exact', which needs no couplings."
        thing = f"A step of {type(self).__name__} with {n_hidden:,} hidden bits"
        check_memory(n_bytes, thing, remedy)

    def _initial_state(self, X, outputs, weights):
        entropy = draw_entropy(self.random_state)
        rng = np.random.default_rng(entropy)
        shapes = [(X.shape[1], self.n_hidden), (self.n_hidden, outputs.shape[1])]
        parameters = [rng.normal(0.0, self._weight_scale(), shape) for shape in shapes]
        parameters += [np.zeros(shape[1]) for shape in shapes]
        optimizer = self._make_optimizer(parameters)
        return TrainingState(parameters, optimizer, entropy, self._targets.is_categorical)

    def _weight_scale(self):
        if self.weight_scale != "auto":
            return self.weight_scale
        return 0.1 if self.gradient == "equilibrium" else 0.01

    def _continue_state(self):
        """A copy of what the last training left, so that a failed one changes nothing."""
        if self.coefs_[0].shape[1] != self.n_hidden:
            raise ValueError(
                f"The 'n_hidden' parameter of {type(self).__name__} must stay "
                f"{self.coefs_[0].shape[1]} where training goes on. Got {self.n_hidden} instead."
            )
        parameters = [*self.coefs_, *self.intercepts_]
        return self._state.copy(parameters, self._make_optimizer(parameters))

    def _make_optimizer(self, parameters):
        return AdamOptimizer(parameters, self.learning_rate_init)

    def _train(self, state, data, y, max_iter, progress, checkpoint):
        X, outputs, weights = data
        hamiltonian = state.hamiltonian
        sampler = self._check_sampler(hamiltonian)
        draws = self._make_draws(sampler, state, self.gradient == "equilibrium")
        # Early stopping may predict by draws: with this training's sampler and seed.
        self.sampler_, self._state = sampler, state
        if self.gradient == "exact" or (self.diagnostics and self.gradient != "backprop"):
            hamiltonian.log_weights(X[:1])  # raises where there are too many patterns
        score = None
        if self.early_stopping:
            X, outputs, weights, score = self._hold_out(X, outputs, weights, y, state)
        stopping = Stopping(max_iter, self.tol, self.n_iter_no_change, score)
        training = SampledTraining(
            state,
            draws,
            stopping,
            (X, outputs, weights),
            batch_size=self._check_batch_size(X.shape[0]),
            gradient=self.gradient,
            diagnostics=self.diagnostics,
        )
        with threadpool_limits(1, user_api="blas"):
            reason = training.run(checkpoint, progress, lambda: _weights_of(state))
        if draws.is_estimated and not draws.needs_trial:
            state.belief = draws.belief
        self._take_over(state, draws, stopping, reason)
        if reason not in WHOLE:
            warn(
                f"Training stopped early ({reason}); the best weights of {self.n_iter_} iterations "
                "are kept."
            )

    def _check_sampler(self, hamiltonian):
        if self.gradient == "equilibrium":
            return self._check_searcher()
        default = "exact" if hamiltonian.is_enumerable else "gibbs"
        return check_sampler(self.sampler, default=default, caller=type(self).__name__)

    def _check_searcher(self):
        """The sampler as one that finds low energies."""
        sampler = self.sampler
        if sampler is None:
            sampler = SimulatedAnnealingSampler(num_sweeps=_SWEEPS_OF_A_SEARCH)
        return check_sampler(sampler, intent="ground", caller=type(self).__name__)

    def _make_draws(self, sampler, state, is_search):
        if is_search:
            return EquilibriumDraws(
                sampler, self.num_reads, self.n_jobs, self.nudge, self.symmetric_nudge
            )
        return OutputDraws(sampler, self.beta_eff, self.num_reads, self.n_jobs, state.belief)

    def _check_batch_size(self, n_samples):
        if self.batch_size == "auto":
            return min(_AUTO_BATCH_SIZE, n_samples)
        if self.batch_size > n_samples:
            warn(f"batch_size={self.batch_size} is clipped to the {n_samples} samples there are.")
        return min(self.batch_size, n_samples)

    def _hold_out(self, X, outputs, weights, y, state):
        """Training data, and a function that scores weights on the rest."""
        stratify = None if self._targets.is_multilabel else np.asarray(y).ravel()
        X, X_held, outputs, outputs_held, weights, weights_held = train_test_split(
            X,
            outputs,
            weights,
            test_size=self.validation_fraction,
            random_state=state.entropy,
            stratify=stratify,
        )

        if not (weights.any() and weights_held.any()):
            raise ValueError(
                "early_stopping needs samples of positive weight in both parts of the data, for "
                f"training ({len(weights)}) and validation ({len(weights_held)}). Got a part "
                "without any."
            )

        def score(hamiltonian):
            right = (self._decide(hamiltonian, X_held) == outputs_held).all(axis=1)
            return float(np.average(right, weights=weights_held))

        return X, outputs, weights, score

    def _decide(self, hamiltonian, X):
        """Outputs 0 or 1 by the larger probability, shape (n_samples, n_outputs)."""
        probabilities = self._output_probabilities(hamiltonian, X)
        if hamiltonian.categorical:
            return np.eye(hamiltonian.n_outputs)[probabilities.argmax(axis=1)]
        return (probabilities > 0.5).astype(float)

    def _take_over(self, state, draws, stopping, reason):
        """Fitted attributes from a training that has ended well."""
        vars(self).update(_weights_of(state))
        self._state = state.kept()
        self.n_iter_ = state.n_iter
        self.loss_curve_ = state.loss_curve
        self.loss_ = state.loss_curve[-1]
        self.best_loss_ = None if self.early_stopping else min(state.loss_curve)
        self.validation_scores_ = stopping.validation_scores if self.early_stopping else None
        self.beta_eff_ = np.array(state.beta_eff)
        self.beta_eff_stderr_ = np.array(state.beta_eff_stderr)
        self.gradient_cosine_ = state.gradient_cosine
        self.cost_ = draws.cost
        self.stop_reason_ = reason

    def predict(self, X):
        """Predict labels.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        labels : ndarray of shape (n_samples,), or (n_samples, n_labels) of 0 and 1
        """
        hamiltonian, X = self._fitted(X)
        return self._targets.decode(self._decide(hamiltonian, X))

    def predict_proba(self, X):
        """Predict probabilities, by the model that ``predict_with`` names.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            For multilabel targets the probability of each label, (n_samples, n_labels).
        """
        hamiltonian, X = self._fitted(X)
        probabilities = self._output_probabilities(hamiltonian, X)
        if probabilities.shape[1] == 1 and not self._targets.is_multilabel:
            probabilities = np.hstack([1.0 - probabilities, probabilities])
        return probabilities

    def decision_function(self, X):
        """Confidence in each class: log-odds of bits, unnormalised logarithms for many classes.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        decision : ndarray of shape (n_samples,) for two classes, else (n_samples, n_outputs)
        """
        hamiltonian, X = self._fitted(X)
        readout = self._readout()
        if readout == "mlp":
            decision = mlp_outputs(hamiltonian, X)
        elif readout == "ground" and hamiltonian.is_enumerable:
            decision = ground_decision(hamiltonian, X)
        elif hamiltonian.categorical:
            decision = hamiltonian.log_weights(X)
        elif hamiltonian.n_outputs == 1:
            log_weights = hamiltonian.log_weights(X)
            decision = log_weights[:, 1:] - log_weights[:, :1]
        else:
            decision = logit(self._output_probabilities(hamiltonian, X))
        return decision.ravel() if self.n_outputs_ == 1 else decision

    def _output_probabilities(self, hamiltonian, X):
        """P(y_m = 1 | x) of each output, shape (n_samples, n_outputs)."""
        readout = self._readout()
        if readout == "mlp" or (readout == "ground" and hamiltonian.is_enumerable):
            to_raw = mlp_outputs if readout == "mlp" else ground_decision
            raw = to_raw(hamiltonian, X)
            return softmax(raw, axis=1) if hamiltonian.categorical else expit(raw)
        if hamiltonian.is_enumerable:
            return np.exp(hamiltonian.log_probabilities(X)) @ hamiltonian.patterns
        return self._draw_for_prediction(hamiltonian, X)[0].mean(axis=1)

    def _draw_for_prediction(self, hamiltonian, X):
        """Draws keyed by each row's content, and their record; sets nothing."""
        is_search = self._readout() == "ground"
        sampler = getattr(self, "sampler_", None)  # from_mlp sets none
        if sampler is None or (is_search and self.gradient != "equilibrium"):
            sampler = self._check_searcher() if is_search else self._check_sampler(hamiltonian)
        # With the training's belief: one estimated here would depend on the batch.
        draws = self._make_draws(sampler, self._state, is_search)
        return draws.draw(hamiltonian, X, seeds_of_rows(X, self._state.entropy)), draws

    def _readout(self):
        if self.predict_with != "auto":
            return self.predict_with
        return "ground" if self.gradient == "equilibrium" else "mlp"

    def _fitted(self, X):
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=np.float64, reset=False)
        return self._hamiltonian(), X

    def _hamiltonian(self):
        return SampledMLPHamiltonian(*self.coefs_, *self.intercepts_, self._state.categorical)

    def log_likelihood(self, X, y):
        """Log-likelihood log P(y|x) under the energy-based model, one a data point.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,), or (n_samples, n_labels) of 0 and 1

        Returns
        -------
        log_likelihood : ndarray of shape (n_samples,)
            In nats.

        Raises
        ------
        ValueError
            For more than 16 labels, whose partition function is not enumerated.
        """
        hamiltonian, X = self._fitted(X)
        outputs = self._encode_for(X, y)
        log_probabilities = hamiltonian.log_probabilities(X)
        return log_probabilities[np.arange(len(outputs)), hamiltonian.pattern_of(outputs)]

    def energy(self, X, y):
        """Free energy F(x, y) = -log Σ_k exp(-E(k, y | x)), one a data point.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,), or (n_samples, n_labels) of 0 and 1

        Returns
        -------
        energy : ndarray of shape (n_samples,)
            log P(y|x) = -F(x, y) - log Σ_y' exp(-F(x, y')).
        """
        hamiltonian, X = self._fitted(X)
        return hamiltonian.free_energies(X, self._encode_for(X, y))

    def _encode_for(self, X, y):
        check_consistent_length(X, y)
        return self._targets.encode(y if self._targets.is_multilabel else column_or_1d(y))

    def sampling_report(self, X):
        """How well the sampler draws the model's law at some data points, and what it costs.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        report : dict
            ``total_variation``: mean distance ``½ Σ_y |frequency - P(y|x)|``, and
            ``total_variation_of_draws``: what independent draws would show by chance (both None
            where P(y|x) cannot be enumerated); ``beta_eff`` and ``beta_eff_stderr``, the belief
            after these draws, and where it is estimated ``beta_eff_estimate``, the last call's
            estimate and its error; ``num_reads``; ``seconds``; the entries of ``cost_``; and what
            the device reports: ``chain_break_fraction``, ``scale`` (energies were multiplied by it
            to fit the device's range), ``clipped_fraction``, ``beta_eff_device``. Of a network that
            predicts by its lowest states no temperatures but ``ground_fraction``, the share of
            reads whose outputs are those of the lowest state.
        """
        hamiltonian, X = self._fitted(X)
        started = perf_counter()
        outputs, draws = self._draw_for_prediction(hamiltonian, X)
        report = {"num_reads": outputs.shape[1], "seconds": perf_counter() - started, **draws.cost}
        report.update({name: draws.info[name] for name in _REPORTED if name in draws.info})
        if self._readout() == "ground":
            return {**report, "ground_fraction": _hit_rate(hamiltonian, X, outputs)}
        report.update(beta_eff=draws.beta_eff, beta_eff_stderr=draws.beta_eff_stderr)
        if draws.is_estimated and draws.belief.history:
            report["beta_eff_estimate"] = draws.belief.history[-1]
        return {**report, **_agreement(hamiltonian, X, outputs)}

    def classical_twin(self):
        """The MLP of the same architecture and training, unfitted.

        Returns
        -------
        sklearn.neural_network.MLPClassifier
            Starts from scikit-learn's own initial weights; class weights it does not take.
        """
        return MLPClassifier(
            (self.n_hidden,),
            activation="logistic",
            solver="adam",
            alpha=0.0,
            batch_size=_AUTO_BATCH_SIZE if self.batch_size == "auto" else self.batch_size,
            learning_rate_init=self.learning_rate_init,
            max_iter=self.max_iter,
            tol=self.tol,
            n_iter_no_change=self.n_iter_no_change,
            early_stopping=self.early_stopping,
            validation_fraction=self.validation_fraction,
            warm_start=self.warm_start,
            random_state=self.random_state,
        )

    def ablations(self):
        """Controls: the same estimator with the quantum part replaced.

        Returns
        -------
        ablations : dict of str to estimator
            ``"exact draws"``: independent draws of the true law, however the sampler draws;
            ``"exact gradient"``: no draws; ``"backpropagation"``: no law, the MLP from the same
            start; ``"zero couplings"``: draws that cannot see the hidden bits. The first two follow
            the likelihood, also where this estimator does not. With ``gradient="equilibrium"``,
            ``"lowest states"``: searches that never fail.
        """
        parameters = self.get_params(deep=False)
        searches = self.gradient == "equilibrium"
        sampler = self._check_searcher() if searches else parameters["sampler"] or "exact"
        controls = {
            "exact draws": {"sampler": "exact", "gradient": "sampled"},
            "exact gradient": {"gradient": "exact"},
            "backpropagation": {"gradient": "backprop"},
            "zero couplings": {"sampler": UncoupledComposite(sampler)},
        }
        if searches:
            controls["lowest states"] = {"sampler": "exact"}
        return {name: type(self)(**{**parameters, **changes}) for name, changes in controls.items()}

    def estimate_cost(self, n_samples, n_features, n_outputs=None, *, method="fit"):
        """What a full fit asks of the sampler at most.

        Parameters
        ----------
        n_samples, n_features : int
            Of the training data.
        n_outputs : int, default=None
            Classes; by default those of the last fit, or before it two. Several labels are bits of
            their own, and cost a little less than as many classes, as which they count here.
        method : {"fit", "predict"}, default="fit"
            What is to be done. Predictions of a law that can be enumerated, which this assumes, ask
            nothing of a sampler.

        Returns
        -------
        cost : dict
            ``calls`` (families), ``models`` (programs, one a data point and iteration) and
            ``reads``; ``queries`` of a device, and their ``qpu_access_time`` in microseconds by its
            own timing model, where no read is lost. Where the temperature is estimated without a
            prior, the first call counts twice. Equilibrium propagation asks for less where free
            states are right.
        """
        check_asked(n_samples, n_features, n_outputs, method, type(self).__name__)
        searches = self.gradient == "equilibrium"
        if not (searches or self.gradient == "sampled") or method == "predict":
            return no_cost()
        held = int(np.ceil(self.validation_fraction * n_samples)) if self.early_stopping else 0
        batch = _AUTO_BATCH_SIZE if self.batch_size == "auto" else self.batch_size
        batch = min(batch, n_samples - held)
        if not batch:  # nothing to learn from
            return no_cost()
        if searches:
            sampler = self._check_searcher()
        else:
            sampler = check_sampler(self.sampler, default="exact", caller=type(self).__name__)
        reads = self.num_reads or own_parameters(sampler).get("num_reads", 1)
        n_units, one_hot = self._output_units(n_outputs)
        pattern = bipartite_pattern(self.n_hidden, n_units)

        def family(n_models):
            free = cost_of_family(sampler, n_models, pattern, reads, one_hot=one_hot)
            if not (searches and n_models):
                return free
            # A single output is nudged one way or the other, of several some are each way.
            n_nudged = n_models * (2 if self.symmetric_nudge and n_units > 1 and not one_hot else 1)
            anneal = cost_of_restart(sampler)
            nudged = cost_of_family(sampler, n_nudged, pattern, reads, one_hot=one_hot, **anneal)
            return add_costs(free, nudged)

        n_whole, rest = divmod(n_samples - held, batch)
        iteration = add_costs((n_whole, family(batch)), (int(rest > 0), family(rest)))
        trials = int(not searches and needs_trial(sampler, self.beta_eff)), family(batch)
        return add_costs((self.max_iter, iteration), trials)

    def _output_units(self, n_outputs):
        """How many output bits there are, and which are a one-hot unit."""
        if n_outputs is None and hasattr(self, "n_outputs_"):
            n_units, is_categorical = self.n_outputs_, self._state.categorical
        else:
            n_units = 1 if n_outputs in (None, 2) else n_outputs
            is_categorical = n_units > 1
        spins = (self.n_hidden, self.n_hidden + n_units)
        return n_units, spins if is_categorical else None

    @classmethod
    def from_mlp(cls, mlp, **parameters):
        """The energy-based model with the weights of a fitted MLP.

        Parameters
        ----------
        mlp : sklearn.neural_network.MLPClassifier
            Fitted, with one hidden layer and ``activation="logistic"``.
        **parameters
            Of this estimator.

        Returns
        -------
        QuantumSampledMLPClassifier
            Fitted; ``warm_start`` and ``partial_fit`` go on from here.

        Raises
        ------
        ValueError
            If the MLP has another architecture.
        """
        weights, targets = read_mlp(mlp)
        self = cls(**{"n_hidden": weights[0].shape[1], **parameters})
        if self.n_hidden != weights[0].shape[1]:
            raise ValueError(
                f"The 'n_hidden' parameter of {cls.__name__} must be that of the MLP, "
                f"{weights[0].shape[1]}. Got {self.n_hidden} instead."
            )
        self._targets, self.classes_ = targets, targets.classes
        self.n_features_in_ = mlp.n_features_in_
        if hasattr(mlp, "feature_names_in_"):
            self.feature_names_in_ = mlp.feature_names_in_
        entropy = draw_entropy(self.random_state)
        self._state = TrainingState(None, None, entropy, targets.is_categorical)
        self.coefs_, self.intercepts_ = weights[:2], weights[2:]
        self.n_outputs_, self.n_iter_ = weights[1].shape[1], 0
        return self

    def to_mlp(self):
        """The fitted MLP with the same weights.

        Returns
        -------
        sklearn.neural_network.MLPClassifier
            It predicts as this estimator does with ``predict_with="mlp"``.
        """
        check_is_fitted(self)
        loss_curve = getattr(self, "loss_curve_", [])  # from_mlp sets none
        mlp = write_mlp(
            self.classical_twin(), self.coefs_, self.intercepts_, self._targets, self.n_iter_,
            loss_curve,
        )  # fmt: skip
        if hasattr(self, "feature_names_in_"):
            mlp.feature_names_in_ = self.feature_names_in_
        return mlp

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.classifier_tags.multi_label = True
        return tags


def _weights_of(state):
    """The attributes that make an estimator a fitted one."""
    weights = [parameter.copy() for parameter in state.parameters]
    return {
        "coefs_": weights[:2],
        "intercepts_": weights[2:],
        "n_outputs_": weights[1].shape[1],
    }


def _agreement(hamiltonian, X, outputs):
    """Distance between frequencies of draws and the exact law, and its size by chance."""
    if not hamiltonian.is_enumerable:
        return {"total_variation": None, "total_variation_of_draws": None}
    probabilities = np.exp(hamiltonian.log_probabilities(X))
    distance = np.abs(pattern_frequencies(hamiltonian, outputs) - probabilities)
    # Mean absolute deviation of a frequency, in the normal approximation.
    chance = np.sqrt(2 * probabilities * (1 - probabilities) / (np.pi * outputs.shape[1]))
    return {
        "total_variation": float(distance.sum(axis=1).mean() / 2),
        "total_variation_of_draws": float(chance.sum(axis=1).mean() / 2),
    }


def _hit_rate(hamiltonian, X, outputs):
    """Share of reads whose outputs are those of the lowest state; None if that is not known."""
    if not hamiltonian.is_enumerable:
        return None
    lowest = hamiltonian.patterns[hamiltonian.lowest_energies(X).argmin(axis=1)]
    return float((outputs == lowest[:, np.newaxis]).all(axis=2).mean())
