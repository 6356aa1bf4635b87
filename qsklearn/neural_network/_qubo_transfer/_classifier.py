"""The trained network of qubo_transfer.txt, run by sampling a QUBO."""

from copy import copy
from dataclasses import replace
from itertools import pairwise
from time import perf_counter

import dimod
import numpy as np
import scipy.sparse
from sklearn.base import ClassifierMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

from qsklearn._base_estimator import BaseEstimator
from qsklearn._checks import check_flag, check_reals
from qsklearn._memory import check_memory
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
from qsklearn.hamiltonians import class_shifts, smallest_penalty
from qsklearn.neural_network._architecture import check_image_shape
from qsklearn.neural_network._base import (
    N_JOBS,
    check_classes,
    draw_entropy,
    empty_cost,
    kept_on_error,
    weigh,
)
from qsklearn.neural_network._checkpoint import CHECKPOINT_CONSTRAINTS, Checkpoint
from qsklearn.neural_network._family_draws import FamilyDraws, is_estimated, seeds_of_rows
from qsklearn.neural_network._progress import Progress
from qsklearn.neural_network._qubo_transfer._class_readout import READOUTS
from qsklearn.neural_network._qubo_transfer._draws import ClassDraws
from qsklearn.neural_network._qubo_transfer._fitting import (
    TrainingData,
    check_given,
    fit_and_compile,
    hidden_sizes,
    is_module,
    is_read_densely,
    twin_of,
)
from qsklearn.neural_network._qubo_transfer._following import Following
from qsklearn.neural_network._qubo_transfer._module_states import with_modules, without_modules
from qsklearn.neural_network._qubo_transfer._preparation import (
    TRIAL_ROWS,
    calibrate,
    check_exact_sampler,
    choose_penalty,
    find_temperature,
    hold_out,
)
from qsklearn.neural_network._qubo_transfer._report import report_of
from qsklearn.neural_network._sampling_costs import (
    add_costs,
    bipartite_pattern,
    check_asked,
    complete_pattern,
    cost_of_family,
    no_cost,
)
from qsklearn.samplers import DimodSampler, UncoupledComposite, check_sampler
from qsklearn.samplers._own_parameters import own_parameters

_DEFAULT_READS = 100
# Of a weight of a network that is made here: itself, its gradient, Adam's moments and step, copies.
_BYTES_OF_WEIGHT = 48
_TRIALS = 3  # of finding a temperature, commonly
# Of inputs that are units: from where on they are up, and how firmly they are held without a clip.
_UP, _MARGIN_OF_INPUTS = 0.5, 8.0
# Classes with a penalty of which all states are drawn from, rather than by a chain.
_MAX_ENUMERATED = 16


class QUBOTransferClassifier(
    CallbackSupportMixin, TransformerMixin, ClassifierMixin, BaseEstimator
):
    r"""A trained network compiled to a QUBO and run by sampling.

    The last layer becomes a class unit: a bit per class, with the class scores l as fields and a
    penalty A on all states but those with exactly one bit up,

    .. math:: E(h) = -l \cdot h + A \Big( \sum_k h_k - 1 \Big)^2,

    so that draws of :math:`e^{-\beta E}` with one bit up follow :math:`\mathrm{softmax}(\beta l)`,
    whatever A is. How much of the network below is sampled with it is the ``mode``:

    - ``"clamped"``: nothing. All below stays classical, and its result, l, is known before anything
      is drawn: the sampler only reads it again.
    - ``"float"``: the inputs f of the last layer are bits as well, each up with probability f where
      it is free. A network that was trained without this is classified nearly as well.
    - ``"drbm"``: the last hidden layer and the class unit, trained for it: the hidden bits are
      summed out exactly, and maximised is :math:`\log P(y \mid x)` of

      .. math:: P(c \mid x) \propto \exp\Big[ b_c + \sum_j \log(1 + e^{a_j(x) + W_{jc}}) \Big].

    - ``"network"``: all layers above the inputs, trained through unrolled mean-field steps of their
      joint energy. A network that was not trained so loses its accuracy, because in a QUBO the
      layers above act back on those below.

    Only the last two leave a sampler anything to find out. No mode is faster than the classical
    network: what is sampled comes on top of what stays classical (:meth:`sampling_report`).

    Parameters
    ----------
    estimator : estimator, torch.nn.Sequential or None, default=None
        The network. ``LogisticRegression`` and any other linear classifier, ``MLPClassifier``, or a
        ``Pipeline`` that ends in one of them, is cloned and fitted, unless it comes in a
        ``FrozenEstimator``. A ``torch.nn.Sequential`` that ends in a ``Linear`` is taken as it is
        and never changed; in the modes that train, a copy is trained on: by ``"drbm"`` its last
        hidden layer and outputs, by ``"network"`` all of it, from the weights that it has. In
        ``FrozenEstimator(module)`` nothing is trained.

        None: without images a ``LogisticRegression`` (``"clamped"``), an MLP with ``n_hidden``
        logistic units (``"float"``), or hidden units on the features (``"drbm"``, ``"network"``);
        with ``image_shape`` a convolution before them.
    mode : {"clamped", "float", "drbm", "network"}, default="clamped"
        What is sampled, see above. ``"network"`` needs PyTorch.
    n_hidden : int or tuple of int, default=40
        Hidden units of a network that is made here; several layers where the mode allows it.
    image_shape : tuple of int (channels, height, width), or None, default=None
        Shape of the images that the rows of X hold, for PyTorch's networks and for those that are
        made here. Scale features to [0, 1], images too, where anything is trained here.
    penalty : "auto" or float, default="auto"
        The A above. ``"auto"``: none for samplers that draw one of several bits as a whole, as
        those of this package do; for others what all ground states need, and 6 / beta more, on a
        device 4 / beta. A number is programmed for any sampler.
    shift : {"max", "center"} or None, default="max"
        What is taken from all class scores of a data point, which softmax does not see. With
        ``"max"`` any penalty has the right ground state; without a shift it must exceed the
        second largest score.
    clip : float or None, default=8.0
        For draws, scores further than clip / beta below the largest, and fields of units that are
        this far on or off whatever the others do, are cut: each class or unit changes its
        probability by less than exp(-clip), and a device's range is not spent on them.
    feature_bias : {"logit", "signed", "raw"}, default="logit"
        Field of a feature f that floats: log(f / (1 - f)); 2f - 1; or f, the paper's, with which
        the size of f is lost.
    beta : float or "calibrate", default=1.0
        Inverse temperature of the class probabilities, multiplying E. ``"calibrate"``: the one
        that gives held-out data the largest likelihood, with labels smoothed as Platt's are.
    beta_eff : "auto" or float, default="auto"
        Belief about the sampler's inverse temperature: it is handed E / beta_eff. ``"auto"`` is 1
        for a sampler that hits the temperature it is asked for; for others ``fit`` estimates it
        from draws for up to 32 data points, and there it stays. A number is taken as given.
    sampler : str, sampler object or None, default=None
        Draws the states; see :func:`qsklearn.samplers.get_sampler_names`. None: ``"exact"``, and
        without ``num_reads`` the exact law itself; ``"gibbs"`` (``"annealing"`` for the readout
        ``"lowest"``) for networks whose law cannot be summed.
    num_reads : int or None, default=None
        Draws for each data point. None: 100, or for a sampler object its own value.
    readout : {"onehot", "lowest", "marginal", "lowest_fraction"}, default="onehot"
        Frequencies of classes among the draws with one bit up; the class of the lowest of these,
        for which low energies are searched; the bits' means over all draws; or those over the draws
        lowest in energy, the paper's, which are no probabilities. Ties go to the lower energy.
    lowest_fraction : float, default=0.1
        Part of the draws that ``readout="lowest_fraction"`` takes.
    descent : bool, default=False
        Whether each draw goes down to a local minimum before it is read. Draws are no
        probabilities after that; and many of these energies are so easy that a descent from random
        states does as well (``ablations``).
    validation_fraction : float, default=0.1
        Share of the data held out for ``beta="calibrate"``.
    class_weight : dict, "balanced" or None, default=None
        Weights of classes, as in scikit-learn.
    n_jobs : int or None, default=None
        Threads of the sampler's kernels; -1 means all cores. Results do not depend on it.
    verbose : int, default=0
        Show a progress bar of what is trained here. Where scikit-learn has callbacks (from 1.9 on),
        ``set_callbacks`` shows and scores its epochs within pipelines and searches, too. A fit of
        scikit-learn's own is one step, of which nothing is told. The estimator that a callback gets
        has the temperatures that are known without draws.
    random_state : int, RandomState instance or None, default=None
        Seeds training and draws. Draws for a data point depend on its values, not on its place,
        but on devices, whose draws nobody can seed.
    checkpoint : str, path-like or None, default=None
        Folder for the state of training. A fit that was killed and is started again, with the same
        parameters and data, goes on from there, and ends as one that was not (on a device, whose
        draws nobody can repeat, as such a one might have). Many fits, of a search for instance, may
        share the folder; a finished one is found again. Needs an int as ``random_state``. What
        scikit-learn trains is trained anew.
    checkpoint_interval : int, default=1
        Epochs from one saved state to the next; where a training is worth a checkpoint, few of them
        take long.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    estimator_ : estimator or torch.nn.Sequential
        The network that was compiled; of a scikit-learn network in ``mode="drbm"`` what was trained
        of it, which takes the inputs of its last hidden layer.
    hamiltonian_ : LayeredHamiltonian
        The energy as samplers get it. Its inputs are what the classical part computes.
    penalty_ : float
        The A that samplers without one-hot units get, and :meth:`to_bqm`.
    beta_ : float
    sampler_ : object
        The sampler in use.
    cost_ : dict
        ``calls``, ``reads``, ``sweeps``, ``compile_seconds``, ``sample_seconds``,
        ``update_seconds`` (training) and ``qpu_access_time`` (microseconds) of ``fit``.
    stop_reason_ : str or None
        How training in the modes ``"drbm"`` and ``"network"``, and of a convolution that is made
        here, ended, such as ``"converged"``, ``"max_iter"``, ``"callback"`` (one asked to stop) or
        ``"interrupted"``, with the weights so far; None where nothing but scikit-learn trains.
    n_features_in_ : int
    feature_names_in_ : ndarray, one name a feature
        Only where the feature names are all strings.

    See Also
    --------
    QuantumSampledMLPClassifier : Trains hidden bits by draws.

    Notes
    -----
    The class unit is drawn as one of K, so that there is no limit to the number of classes; a
    penalty that ``sampler="exact"`` is to see needs enumeration, of some 24 classes at most.

    References
    ----------
    Higham, C. F., Bedford, A. Quantum deep learning by sampling neural nets with a quantum annealer
    (2021). Signs of its eq. (4) are turned round, and its A = 1 is too weak for trained scores.

    Larochelle, H., Bengio, Y. Classification using discriminative restricted Boltzmann machines.
    ICML (2008).

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from qsklearn import QUBOTransferClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> transfer = QUBOTransferClassifier(
    ...     LogisticRegression(), sampler="annealing", num_reads=200, random_state=0
    ... )
    >>> model = make_pipeline(StandardScaler(), transfer).fit(X, y)
    >>> bool(model.score(X, y) > 0.95)
    True
    """

    _parameter_constraints = {
        "estimator": "no_validation",  # read_network explains better what cannot be transferred
        "mode": [StrOptions({"clamped", "float", "drbm", "network"})],
        "n_hidden": [Interval(Integral, 1, None, closed="left"), tuple, list],
        "image_shape": "no_validation",
        "penalty": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
        "shift": [StrOptions({"max", "center"}), None],
        "clip": [Interval(Real, 0, None, closed="neither"), None],
        "feature_bias": [StrOptions({"logit", "signed", "raw"})],
        "beta": [StrOptions({"calibrate"}), Interval(Real, 0, None, closed="neither")],
        "beta_eff": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
        "sampler": "no_validation",  # check_sampler explains better what is missing
        "num_reads": [Interval(Integral, 1, None, closed="left"), None],
        "readout": [StrOptions(set(READOUTS))],
        "lowest_fraction": [Interval(Real, 0, 1, closed="right")],
        "descent": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "n_jobs": N_JOBS,
        "verbose": ["verbose"],
        "random_state": ["random_state"],
        **CHECKPOINT_CONSTRAINTS,
    }

    def __init__(
        self,
        estimator=None,
        *,
        mode="clamped",
        n_hidden=40,
        image_shape=None,
        penalty="auto",
        shift="max",
        clip=8.0,
        feature_bias="logit",
        beta=1.0,
        beta_eff="auto",
        sampler=None,
        num_reads=None,
        readout="onehot",
        lowest_fraction=0.1,
        descent=False,
        validation_fraction=0.1,
        class_weight=None,
        n_jobs=None,
        verbose=0,
        random_state=None,
        checkpoint=None,
        checkpoint_interval=1,
    ):
        self.estimator = estimator
        self.mode = mode
        self.n_hidden = n_hidden
        self.image_shape = image_shape
        self.penalty = penalty
        self.shift = shift
        self.clip = clip
        self.feature_bias = feature_bias
        self.beta = beta
        self.beta_eff = beta_eff
        self.sampler = sampler
        self.num_reads = num_reads
        self.readout = readout
        self.lowest_fraction = lowest_fraction
        self.descent = descent
        self.validation_fraction = validation_fraction
        self.class_weight = class_weight
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.random_state = random_state
        self.checkpoint = checkpoint
        self.checkpoint_interval = checkpoint_interval

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=False)  # of the estimator within
    def fit(self, X, y, sample_weight=None):
        """Train the network, unless it is frozen, and compile it.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : QUBOTransferClassifier

        Raises
        ------
        ImportError
            If PyTorch, or what the sampler needs, is not installed.
        MemoryError
            If a network that is made here needs more memory than the machine has.
        ValueError
            If a parameter or the data are not what they must be, or the network cannot be
            transferred; what was fitted before stays as it was.
        """
        progress = Progress(self, None, "epoch")
        with kept_on_error(self):
            started = perf_counter()
            Checkpoint(self)  # raises, before anything is trained, where none can be kept
            data = self._check_data(X, y, sample_weight)
            self._entropy = draw_entropy(self.random_state)
            data, held = hold_out(self, data, self._entropy)
            following = Following(self, progress, lambda made: self._attributes_of(made, data))
            with progress.telling(X, y, sample_weight):
                with threadpool_limits(1, user_api="blas"):
                    compiled = fit_and_compile(self, data, self._entropy, following)
                self.cost_ = {**empty_cost(), "update_seconds": perf_counter() - started}
                self._take_over(compiled, data)
                self._warn_of_single_draws()
                self._find_temperatures(data, held)
        return self

    def _check_data(self, X, y, sample_weight):
        caller = type(self).__name__
        check_given(self.estimator, caller)
        hidden_sizes(self.n_hidden, caller)
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype=np.float64)
        X = self._dense(X) if is_read_densely(self) else X
        y, classes, codes = check_classes(y)
        check_image_shape(self.image_shape, X.shape[1], caller)
        self._check_memory(X.shape[1], len(classes))
        self.classes_ = classes
        return TrainingData(X, codes, classes, weigh(self, sample_weight, X, y))

    def _check_memory(self, n_features, n_classes):
        """Refuse a network of dense layers, made here, that the machine cannot train."""
        if self.estimator is not None or (self.mode == "clamped" and self.image_shape is None):
            return
        # Of what a convolution makes of images the number is not known here.
        below = [n_features] if self.image_shape is None else []
        hidden = map(int, hidden_sizes(self.n_hidden, type(self).__name__))
        sizes = [*below, *hidden, n_classes]
        n_weights = sum(first * second for first, second in pairwise(sizes))
        check_memory(
            _BYTES_OF_WEIGHT * n_weights,
            f"The training of {type(self).__name__} with {n_weights:,} weights",
            "Lower n_hidden.",
        )

    def __getstate__(self):
        return without_modules(super().__getstate__())

    def __setstate__(self, state):
        super().__setstate__(with_modules(state))

    def _take_over(self, compiled, data):
        """All that makes it a fitted one but for temperatures, which may need draws."""
        self.estimator_, self.stop_reason_ = compiled.estimator, compiled.stop_reason
        self._compiled = replace(compiled, estimator=None)  # which is an attribute
        self.hamiltonian_ = compiled.hamiltonian
        self.sampler_ = self._check_sampler()
        self._belief = None
        self.beta_ = 1.0 if self.beta == "calibrate" else float(self.beta)
        self._set_penalty(data)

    def _find_temperatures(self, data, held):
        if held is not None:
            self.beta_ = calibrate(self, held)
            self._set_penalty(data)
        check_exact_sampler(self, data)
        self._belief = find_temperature(self, data)

    def _attributes_of(self, compiled, data):
        """Fitted attributes of a training that is not at its end."""
        fitted = copy(self)
        fitted._take_over(compiled, data)
        return vars(fitted)

    def _check_sampler(self):
        default = "exact"
        whole = self.penalty == "auto" or self.hamiltonian_.n_classes <= _MAX_ENUMERATED
        if len(self.hamiltonian_.layer_sizes) > 2 or not whole:  # exact draws sum out one layer
            default = "annealing" if self.readout == "lowest" else "gibbs"
        return self._resolve_sampler(default)

    def _warn_of_single_draws(self):
        if self._reads_to_ask() is None and self._own_reads() == 1:
            warn(
                f"{type(self.sampler).__name__} has num_reads=1, and {type(self).__name__} leaves "
                "it at that: one draw for each data point. Give 'num_reads' for more."
            )

    def _resolve_sampler(self, default):
        intent, caller = "ground" if self.readout == "lowest" else "thermal", type(self).__name__
        try:
            return check_sampler(self.sampler, default=default, intent=intent, caller=caller)
        except ValueError as error:
            if intent == "thermal":
                raise
            remedy = "readout='lowest' searches for low energies, as sampler='annealing' does."
            raise ValueError(f"{error} {remedy}") from None

    def _set_penalty(self, data):
        """The penalty, and the Hamiltonian with it where the sampler needs one."""
        is_auto = self.penalty == "auto"
        whole = is_auto and getattr(self.sampler_, "draws_one_hot", False)
        self.penalty_ = choose_penalty(self, data) if is_auto else float(self.penalty)
        self.hamiltonian_ = self._compiled.hamiltonian.with_penalty(
            None if whole else self.penalty_
        )

    def _needed_penalty(self, X):
        """What all ground states need, as far as means of the hidden units tell."""
        inputs, shifts = self._model_inputs(X)
        logits = self._compiled.hamiltonian.class_fields(inputs) - shifts[:, np.newaxis]
        return float(max(0.0, smallest_penalty(logits).max(initial=0.0)))

    def _add_cost(self, cost):
        self.cost_ = {name: self.cost_[name] + cost[name] for name in self.cost_}

    def _model_inputs(self, X, beta=None):
        """Fields of the first layer, clipped, and the shift of the class unit, of data points."""
        law = self._compiled.hamiltonian
        inputs = self._compiled.front(X)
        if self.clip is not None:
            inputs = law.clipped_inputs(inputs, self.clip / (beta or self.beta_))
        if self.shift is None:
            return inputs, np.zeros(len(inputs))
        return inputs, class_shifts(law.class_fields(inputs), self.shift)

    def _asks_for_law(self):
        """Whether the parameters leave it to the law itself, without draws."""
        return (
            self.sampler is None
            and self.num_reads is None
            and not self.descent
            and self.readout != "lowest_fraction"
            and not (self.readout == "marginal" and self.penalty != "auto")
        )

    def _is_exact(self):
        return self._asks_for_law() and self.hamiltonian_.is_summable

    def _reads_to_ask(self):
        """Draws for each data point; None leaves them to a sampler object."""
        if self.num_reads is None and (self.sampler is None or isinstance(self.sampler, str)):
            return _DEFAULT_READS
        return None if self.num_reads is None else int(self.num_reads)  # of any type of NumPy

    def _own_reads(self):
        """Draws that a sampler object makes of its own accord."""
        return int(own_parameters(self._resolve_sampler("gibbs")).get("num_reads") or 1)

    def _family_draws(self):
        reads = self._reads_to_ask()
        draws = FamilyDraws(self.sampler_, self.beta_eff, reads, self.n_jobs, self._belief)
        draws.learns = self._belief is None  # what is believed after fit does not move
        return draws

    def _class_draws(self, beta=None):
        return ClassDraws(
            self.hamiltonian_,
            self._family_draws(),
            None if self.readout == "lowest" else (beta or self.beta_),
            descent=self.descent,
            readout=self.readout,
            lowest_fraction=self.lowest_fraction,
        )

    def _count(self, X, class_draws):
        """Counts of classes; where draws say nothing, the probabilities that are expected."""
        inputs, shifts = self._model_inputs(X, class_draws.beta)
        counts = class_draws.counts(inputs, shifts, seeds_of_rows(X, self._entropy))
        empty = np.flatnonzero(counts.is_empty)
        if len(empty):
            counts.counts[empty] = self._expected_probabilities(inputs[empty])
        if class_draws.n_fallbacks:
            by_law = f", {len(empty)} of them by the law itself" if len(empty) else ""
            warn(
                f"{class_draws.n_fallbacks} of {len(inputs)} data points have no read with "
                "exactly one class bit up. They are classified by the local minima below their "
                f"reads{by_law}. Raise 'penalty' or 'num_reads', or use a sampler that draws "
                "one-hot units."
            )
        return counts

    def _expected_probabilities(self, inputs):
        """The law's probabilities, or where they cannot be summed the mean field's."""
        law = self._compiled.hamiltonian
        if law.is_summable:
            return law.class_probabilities(inputs, self.beta_)
        return law.mean_field(inputs, beta=self.beta_)[-1]

    def predict(self, X):
        """Predict labels by draws, or by the exact law.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        labels : ndarray of shape (n_samples,)
        """
        X = self._validated(X)
        if self._is_exact():
            return self.classes_[self._exact_probabilities(X).argmax(axis=1)]
        self._warn_of_penalty(X)
        return self.classes_[self._count(X, self._class_draws()).winners()]

    def predict_proba(self, X):
        """Probabilities of classes: frequencies among draws, or the exact law's.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            Frequencies are smoothed by one read shared among all classes. Those of the readouts
            ``"lowest"`` and ``"lowest_fraction"``, and after a descent, are no probabilities.
        """
        X = self._validated(X)
        if self._is_exact():
            return self._exact_probabilities(X)
        self._warn_of_penalty(X)
        return self._count(X, self._class_draws()).probabilities()

    def _exact_probabilities(self, X):
        inputs = self._compiled.front(X)  # a sum needs no clip
        law = self._compiled.hamiltonian
        if self.readout == "lowest":
            return np.eye(law.n_classes)[law.class_free_energies(inputs, None).argmin(axis=1)]
        return law.class_probabilities(inputs, self.beta_)

    def decision_function(self, X):
        """Exact negative free energies of the classes, without clipping and without draws.

        Their softmax at ``beta_`` is the law: for ``mode="clamped"`` they are the network's own
        class scores. Of a network whose law cannot be summed, the mean field's.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        decision : ndarray of shape (n_samples,) for two classes, else (n_samples, n_classes)
        """
        X = self._validated(X)
        law = self._compiled.hamiltonian
        inputs = self._compiled.front(X)
        if law.is_summable:
            scores = -law.class_free_energies(inputs, self.beta_)
        else:
            scores = law.class_fields(inputs, self.beta_)
        return scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores

    def transform(self, X):
        """Means of all units, hidden ones and classes.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        means : ndarray of shape (n_samples, n_units)
            Over the draws, or of the exact law; in the order of ``hamiltonian_.layers``.
        """
        X = self._validated(X)
        inputs, shifts = self._model_inputs(X)
        if self._is_exact():
            return self._compiled.hamiltonian.unit_means(self._compiled.front(X), self.beta_)
        drawn = self._class_draws().states(inputs, shifts, seeds_of_rows(X, self._entropy))
        return np.concatenate([(1.0 + states.mean(axis=1)) / 2.0 for _, states, _ in drawn])

    def get_feature_names_out(self, input_features=None):
        """Names of what ``transform`` returns.

        Parameters
        ----------
        input_features : None
            Ignored.

        Returns
        -------
        names : ndarray of str
            Layer and number of each unit, ``"hidden0"``.
        """
        check_is_fitted(self)
        names = [
            f"{layer}{unit}"
            for layer, units in self.hamiltonian_.layers.items()
            for unit in range(units.stop - units.start)
        ]
        return np.asarray(names, dtype=object)

    def _validated(self, X):
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=np.float64, reset=False)
        return self._dense(X) if is_module(self.estimator_) else X

    def _dense(self, X):
        if not scipy.sparse.issparse(X):
            return X
        check_memory(
            8 * X.shape[0] * X.shape[1],
            f"The sparse inputs of {type(self).__name__} as a dense array, which PyTorch needs,",
            "Give fewer rows at a time.",
        )
        return X.toarray()

    def _warn_of_penalty(self, X):
        if self.hamiltonian_.penalty is None or self.shift is not None:
            return
        needed = self._needed_penalty(X)
        if needed >= self.penalty_:
            warn(
                f"The penalty of {self.penalty_:.3g} is too weak for some of these data points: "
                f"up to {needed:.3g} is needed for ground states with exactly one class bit up. "
                "Use shift='max', with which any penalty does, or a higher penalty."
            )

    def to_bqm(self, x, *, clamped=True):
        """The QUBO of one data point, for any dimod sampler.

        Parameters
        ----------
        x : array-like or Series of shape (n_features,)
        clamped : bool, default=True
            Whether the inputs act through the fields of the first layer alone. False makes them
            units of their own, for ``mode="network"``: up for values above 0.5 (a bit has no
            grey), and held so by fields stronger than all that the layer above can do.

        Returns
        -------
        dimod.BinaryQuadraticModel
            Of vartype BINARY with variables ``(layer, number)``, the class unit's
            ``("class", k)``, penalised by ``penalty_``.
        """
        check_flag(clamped, "clamped", f"{type(self).__name__}.to_bqm")
        if not hasattr(x, "to_frame"):
            x = check_reals(x, "x", f"{type(self).__name__}.to_bqm")
        if np.ndim(x) > 1 and len(x) != 1:
            raise ValueError(
                f"The 'x' parameter of to_bqm must be one data point. Got {len(x)} rows instead."
            )
        x = self._validated(
            x.to_frame().T if hasattr(x, "to_frame") else np.asarray(x, dtype=float).reshape(1, -1)
        )
        inputs, shifts = self._model_inputs(x)
        law = self._compiled.hamiltonian
        if not clamped:
            if self._compiled.visible is None:
                raise ValueError(
                    f"The visible layer of {type(self).__name__} with mode={self.mode!r} is no "
                    "layer of units: only mode='network' has one. Use clamped=True."
                )
            law = self._compiled.visible
            inputs = law.holding_inputs(x > _UP, self.clip or _MARGIN_OF_INPUTS)
        return law.with_penalty(self.penalty_).to_bqm(inputs[0], float(shifts[0]))

    def sampling_report(self, X):
        """How well the sampler reads some data points, and what it costs.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        report : dict
            ``num_reads``; ``one_hot_fraction`` of the draws; ``class_bits_up``, their mean number
            (1 where all are one-hot); ``n_fallbacks``, data points without a draw that counts;
            ``penalty``; ``beta``, ``beta_eff``, ``beta_eff_stderr``;

            ``agreement``: part of the data points that draws give the law's most probable class;
            ``agreement_after_descent`` from the draws to local minima, and
            ``agreement_of_descent_from_random`` states, without any sampler: where this is no
            lower, a descent says nothing about the draws;

            ``total_variation``: mean distance ``½ Σ |frequency - probability|``, and
            ``total_variation_of_draws``, what independent draws would show by chance (where the
            law can be summed, for ``readout="onehot"``);

            ``classical_seconds`` (the network below the units), ``compile_seconds``,
            ``sample_seconds``, ``readout_seconds``; ``calls``, ``reads``, ``sweeps``, and of a
            device ``queries``, ``faults``, ``qpu_access_time`` in microseconds; and what a device
            says: ``chain_break_fraction``, ``scale``, ``clipped_fraction``, ``beta_eff_device``,
            and the last call's ``beta_eff_estimate`` with its error.
        """
        return report_of(self, self._validated(X))

    def classical_twin(self):
        """The network itself, unfitted, as a classifier that nothing samples.

        Returns
        -------
        estimator
            A clone of ``estimator``, or of what stands for None; a frozen one as it is.
        """
        return twin_of(self)

    def estimate_cost(self, n_samples, n_features, n_outputs=None, *, method="predict"):
        """What classifying some data, or fitting, asks of the sampler.

        Parameters
        ----------
        n_samples, n_features : int
            Of the data.
        n_outputs : int, default=None
            Classes; by default those of the last fit, or before it two.
        method : {"fit", "predict"}, default="predict"
            What is to be done. Networks are trained classically, so that predicting is what costs.
            Fitting draws for 32 data points, where the sampler's temperature is to be found: some
            three times, as this reckons, and more often where it is hard to tell.

        Returns
        -------
        cost : dict
            ``calls`` (families; more for large data), ``models`` (programs, one a data point) and
            ``reads``; zero where the exact law is summed. Of ``mode="network"`` only a fitted
            estimator knows whether it is. ``queries`` of a device, and their ``qpu_access_time`` in
            microseconds by its own timing model; not a number for an estimator whose hidden units
            are not known before it is fitted.
        """
        check_asked(n_samples, n_features, n_outputs, method, type(self).__name__)
        is_fitted = hasattr(self, "hamiltonian_")
        if self._is_exact() if is_fitted else self._asks_for_law() and self.mode != "network":
            return no_cost()
        sampler = self._resolve_sampler("gibbs")
        n_times = 1
        if method == "fit":
            if self.readout == "lowest" or not is_estimated(sampler, self.beta_eff):
                return no_cost()
            n_samples, n_times = min(n_samples, TRIAL_ROWS), _TRIALS
        reads = self._reads_to_ask() or self._own_reads()
        pattern = self._pattern(n_outputs)
        if pattern is not None:
            return add_costs((n_times, cost_of_family(sampler, n_samples, pattern, reads)))
        n_models = n_times * n_samples
        unknown = float("nan") if hasattr(sampler, "estimate_cost") else 0.0
        return {
            "calls": n_times,
            "models": n_models,
            "reads": n_models * reads,
            "queries": unknown,
            "qpu_access_time": unknown,
        }

    def _pattern(self, n_outputs):
        """Which units are coupled; None where only a fitted estimator knows."""
        if hasattr(self, "hamiltonian_"):
            inputs = np.ones((1, self.hamiltonian_.layer_sizes[0]))
            return self.hamiltonian_.build(inputs).couplings
        n_classes = n_outputs or 2
        if self.mode == "clamped":
            return complete_pattern(n_classes)
        if self.mode != "drbm" or self.estimator is not None:
            return None
        (n_hidden,) = hidden_sizes(self.n_hidden, type(self).__name__)
        pattern = bipartite_pattern(n_hidden, n_classes)
        pattern[n_hidden:, n_hidden:] = complete_pattern(n_classes)
        return pattern

    def ablations(self):
        """Controls: the same estimator with the sampler replaced.

        Returns
        -------
        ablations : dict of str to estimator
            ``"exact law"``: no draws, or exact ones where ``readout`` or ``descent`` needs some;
            ``"greedy descent from random states"``: no sampler, as many local minima;
            ``"zero couplings"``: a sampler that sees each unit alone, where there are hidden units.
        """
        parameters = self.get_params(deep=False)
        reads = {"num_reads": self._reads_to_ask() or self._own_reads()}
        random = DimodSampler(dimod.RandomSampler())
        controls = {
            "exact law": {"sampler": None, "num_reads": None},
            "greedy descent from random states": {
                "sampler": random, "beta_eff": 1.0, "descent": True, **reads
            },
        }  # fmt: skip
        if self.mode != "clamped":
            alone = UncoupledComposite(self.sampler or "gibbs")
            controls["zero couplings"] = {"sampler": alone, **reads}
        return {name: type(self)(**{**parameters, **changes}) for name, changes in controls.items()}

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
