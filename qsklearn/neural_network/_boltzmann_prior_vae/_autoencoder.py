"""The discrete variational autoencoder of boltzmann_prior_vae.txt."""

from itertools import pairwise

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import ClassifierTags, check_array, column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from qsklearn._base_estimator import BaseEstimator
from qsklearn._checks import check_integer
from qsklearn._memory import check_memory
from qsklearn._optional import import_optional
from qsklearn._private_api import (
    CallbackSupportMixin,
    Integral,
    Interval,
    Real,
    StrOptions,
    fit_context,
    with_callbacks,
)
from qsklearn.neural_network._architecture import check_image_shape
from qsklearn.neural_network._base import N_JOBS, draw_entropy, kept_on_error
from qsklearn.neural_network._boltzmann_prior_vae._architecture import architecture_of
from qsklearn.neural_network._boltzmann_prior_vae._checks import (
    check_schedules,
    check_sizes,
    hardware,
    pairs_of,
)
from qsklearn.neural_network._boltzmann_prior_vae._data import (
    ACTIVE_VARIANCE,
    TrainingData,
    choose_likelihood,
    encode_labels,
)
from qsklearn.neural_network._boltzmann_prior_vae._device import resolve_sampler
from qsklearn.neural_network._boltzmann_prior_vae._fitted import FitState, restarted
from qsklearn.neural_network._boltzmann_prior_vae._latent_graph import is_graph_of
from qsklearn.neural_network._boltzmann_prior_vae._prior import ProgramLayout
from qsklearn.neural_network._boltzmann_prior_vae._report import report_of, warn_of_doubts
from qsklearn.neural_network._checkpoint import CHECKPOINT_CONSTRAINTS, Checkpoint
from qsklearn.neural_network._family_draws import needs_trial
from qsklearn.neural_network._progress import Progress
from qsklearn.neural_network._sampling_costs import (
    add_costs,
    check_asked,
    cost_of_family,
    no_cost,
)
from qsklearn.samplers import check_sampler

_CALLER = "QuantumBoltzmannPriorVAE"
# Draws from the posterior of a row: for its bound, and for the mean likelihood of ``score``.
_DRAWS_OF_BOUND, _DRAWS_OF_SCORE = 16, 100
_ITERATIONS_OF_INPAINTING = 100
# In single precision. Of a weight: itself, its gradient and Adam's moments, and what is kept of it
# and of the moments. Of a hidden unit for a data point of a batch: its value, that normalised, and
# that rectified.
_BYTES_OF_WEIGHT, _BYTES_OF_UNIT = 28, 12


def _has_labels(estimator):
    if not estimator.label_units:
        raise AttributeError("This needs label_units=True.")
    return True


class QuantumBoltzmannPriorVAE(
    CallbackSupportMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    r"""A variational autoencoder of bits whose prior is a Boltzmann machine, drawn by a sampler.

    Bits z, as spins s = 2z - 1, follow the prior

    .. math:: p(s) = e^{-E(s)} / Z, \qquad E(s) = \sum_i h_i s_i + \sum_{(i,j)} J_{ij} s_i s_j,

    with couplings on the edges of a graph, such as that of an annealer's qubits, and a decoder
    makes data of them. It is trained by the evidence lower bound

    .. math:: \log p(x) \ge \mathrm{ELBO}(x) =
        E_{q(z|x)}\big[\log p(x|z) - E(s) - \log q(z|x)\big] - \log Z .

    Networks get their gradients through relaxed bits; the prior gets the difference of its
    sufficient statistics' means over the posterior and over draws of the prior itself, the
    *negative phase*, which is all that the sampler is for.

    Parameters
    ----------
    n_latent : int, default=128
        Bits. Of a graph given as ``topology`` the number of its nodes.
    topology : str or networkx.Graph, default="zephyr"
        Which bits are coupled. ``"chimera"``, ``"pegasus"``, ``"zephyr"``: a patch of a chip's
        graph, found the same in every process; ``"rbm"``: two halves, each bit coupled with all of
        the other half; ``"full"``: all pairs; ``"bernoulli"``: none; or a graph, of which
        ``n_latent`` must be the number of nodes, and directions, repeated edges, loops and weights
        do not count. On a device of that topology the patch is taken of its working qubits, so that
        each bit is one.
    hidden_layer_sizes : tuple of int, default=(300, 300)
        Of perceptrons: of each half of the encoder; backwards of the decoder. Of other encoders the
        last one is the size of the dense layer between them and the bits.
    encoder : torch.nn.Module, default=None
        Your own network in single precision, from features, or with ``image_shape`` images, to one
        tensor of any number of values a row, of which dense layers make the posterior's logits. A
        copy of it is trained.
    decoder : torch.nn.Module, default=None
        From bits of shape (n, n_latent) to as many values a row as X has features: logits of a
        Bernoulli likelihood, means (in standard units) of a Gaussian one.
    architecture : {"mlp", "gated_conv"}, default="mlp"
        What is made where ``encoder`` or ``decoder`` is None: perceptrons with batch normalisation,
        or the paper's gated convolutions, for which ``image_shape`` is needed.
    image_shape : tuple of (channels, height, width), default=None
        Of the images in the rows of X. Gated convolutions need a height and width of 4 or more.
    likelihood : {"auto", "bernoulli", "gaussian"}, default="auto"
        Of the features. "auto" is Bernoulli where all of X is in [0, 1], else Gaussian with a
        variance a feature; see ``likelihood_``. Name it in searches and cross-validation: scores of
        the two cannot be compared.
    posterior : {"hierarchical", "factorial"}, default="hierarchical"
        Whether the second group of bits knows the first, beside the data.
    mapping : {"chains", "bipartite"}, default="chains"
        Groups by the direction of qubits, or by their place on the checkerboard of unit cells.
    binarize : {"dynamic", "threshold"} or None, default="dynamic"
        Of a Bernoulli likelihood: features are drawn as bits anew in each epoch, with their values
        as probabilities; are cut at 1/2; or stay as they are.
    tau : float or tuple of (first, last), default=(1.0, 0.2)
        Temperature of the relaxed bits; of a pair from one to the other over the training,
        geometrically. The paper's 1/7 throughout needs far longer trainings.
    kl_warmup : float, default=0.3
        Part of the training in which the weight of the divergence from the prior rises to 1.
    importance : tuple of (K, D), default=((1, 1),)
        Draws a row: K whose importance weights are averaged, in D groups. Several pairs share the
        training, as the paper's ((1, 8), (2, 4), (4, 2), (8, 1)) do; K > 1 at the beginning harms.
    max_iter : int, default=16
        Epochs.
    batch_size : int, default=100
    learning_rate_init : float, default=5e-3
        Of Adam for the networks; falls to a tenth over the training.
    prior_learning_rate_init : float, default=1e-2
        Of Adam for the prior, likewise.
    sampler : str, sampler object or None, default=None
        Draws the prior; see :func:`qsklearn.samplers.get_sampler_names`. None: ``"gibbs"``. One
        that takes initial states goes on from its last draws; others, also all that are wrapped,
        start anew in each step. Of an object's own parameters ``num_reads`` and ``beta`` have no
        effect, nor ``num_sweeps`` where its chains go on: ``n_chains``, 1 and ``num_sweeps`` below
        take their places.
    n_chains : int, default=512
        Draws of the prior in each step. Where training goes on with another number, chains start
        anew.
    num_sweeps : int, default=4
        Sweeps of chains that go on. Samplers that start anew use their own number.
    beta_eff : "auto", "pseudo-likelihood", "moment-matching" or float, default="auto"
        Belief about the sampler's inverse temperature: it is handed E / beta_eff. 1 for a sampler
        that hits what is asked for. For others it is estimated in each step: by the maximum
        pseudo-likelihood of the draws ("auto"), or by the energies of auxiliary Gibbs chains, the
        paper's eq. (C3) in Newton's form. A number is taken as given.
    transverse_field : float, default=0.0
        Γ of a quantum prior, which ``sampler="path-integral"`` draws; trained by the bound of
        Amin et al. on its diagonal. A hyperparameter: it is not learnt.
    label_units : bool, default=False
        Whether the prior has a class unit, coupled with all bits, and ``y`` holds classes, -1 where
        unknown: semi-supervised learning. ``score`` is the likelihood all the same. Without it
        ``y`` is ignored.
    device : {"cpu", "cuda", "auto"}, default="cpu"
        Of PyTorch; "auto" is "cuda" where there is one.
    n_jobs : int or None, default=None
        Threads of the sampler's kernels and of PyTorch in ``fit``; None means 1, -1 all cores.
        Networks differ between numbers of threads in their last digits; in biases in front of batch
        normalisation, whose gradients are rounding errors that Adam takes for steps, by more, which
        has no effect. Evaluation goes row by row and gains nothing by threads.
    warm_start : bool, default=False
        Whether ``fit`` goes on from the last one, with learning rates that fall anew and the full
        weight of the divergence. Graph, networks and likelihood must stay what they were.
    verbose : int, default=0
        Show a progress bar. Where scikit-learn has callbacks (from 1.9 on), ``set_callbacks`` shows
        and scores epochs within pipelines and searches, too.
    random_state : int, RandomState instance or None, default=None
        Of weights, batches, bits and draws.
    checkpoint : str, path-like or None, default=None
        Folder for the state of training. A fit that was killed and is started again, with the same
        parameters, data and number of threads, goes on from there, and ends as one that was not (on
        a device, whose draws nobody can repeat, as such a one might have). Many fits, of a search
        for instance, may share the folder; a finished one is found again. Needs an int as
        ``random_state``.
    checkpoint_interval : int, default=1
        Epochs, which take seconds each, from one saved state to the next.

    Attributes
    ----------
    prior_ : BoltzmannPrior
        ``h`` of shape (n_latent,), ``weights`` of shape (n_edges,) and ``J`` as a sparse matrix,
        ``graph`` (``nodes``, ``edges``, ``groups``), ``energies(bits)``, ``to_bqm()``.
    log_partition_ : float
        log Z, exact where that is cheap, else an estimate; calculated when it is first asked for.
    likelihood_ : {"bernoulli", "gaussian"}
    history_ : dict of str to list of float
        A value an epoch: ``elbo``, ``reconstruction`` and ``kl`` of the training's relaxed bits,
        with a rough ``log_partition``; ``n_active``; ``mean_abs_weight``, ``mean_abs_field``;
        ``beta_eff``, ``beta_eff_stderr``; ``clipped_fraction``, of the prior's parameters that were
        beyond the device's range; ``kl_weight``, ``tau``.
    sampler_ : object
        The sampler in use.
    n_iter_ : int
        Epochs of the last training.
    stop_reason_ : str
        ``"max_iter"``, ``"callback"`` (one asked to stop), ``"interrupted"`` (Ctrl-C),
        ``"diverged"`` or why the sampler failed, after a whole epoch or more; the weights so far
        are kept.
    cost_ : dict
        ``calls``, ``reads``, ``sweeps``, ``compile_seconds``, ``sample_seconds``,
        ``update_seconds`` and ``qpu_access_time`` (microseconds) of the last training.
    classes_ : ndarray of shape (n_classes,)
        With ``label_units=True``.
    n_features_in_ : int
    feature_names_in_ : ndarray, one name a feature
        Only where the feature names are all strings.

    See Also
    --------
    sklearn.neural_network.BernoulliRBM : Features by a Boltzmann machine without a decoder.

    Notes
    -----
    On a device the likelihood is that of the Boltzmann machine that it is meant to be: nobody knows
    the law of its draws. Errors that stay the same from call to call harm the most
    (:func:`~qsklearn.samplers.estimate_static_offsets`).

    References
    ----------
    Vinci, W., Buffoni, L., Sadeghi, H., Khoshaman, A., Andriyash, E., Amin, M. H. A path towards
    quantum advantage in training deep generative models with quantum annealers. Mach. Learn.: Sci.
    Technol. 1, 045028 (2020). Signs of the divergence in its eqs. (6) and (19) are turned round.

    Burda, Y., Grosse, R., Salakhutdinov, R. Importance weighted autoencoders. ICLR (2016).

    Amin, M. H., Andriyash, E., Rolfe, J., Kulchytskyy, B., Melko, R. Quantum Boltzmann machine.
    Phys. Rev. X 8, 021050 (2018).

    Examples
    --------
    >>> from qsklearn import QuantumBoltzmannPriorVAE
    >>> from qsklearn.datasets import make_bars_and_stripes
    >>> X = make_bars_and_stripes(400, random_state=0).data
    >>> vae = QuantumBoltzmannPriorVAE(
    ...     16, topology="rbm", hidden_layer_sizes=(32,), max_iter=20, batch_size=20, random_state=0
    ... ).fit(X)
    >>> vae.transform(X).shape, vae.sample(5).shape
    ((400, 16), (5, 16))
    """

    _parameter_constraints = {
        "n_latent": [Interval(Integral, 1, None, closed="left")],
        "topology": "no_validation",  # make_latent_graph explains better what is missing
        "hidden_layer_sizes": "no_validation",
        "encoder": "no_validation",
        "decoder": "no_validation",
        "architecture": [StrOptions({"mlp", "gated_conv"})],
        "image_shape": "no_validation",
        "likelihood": [StrOptions({"auto", "bernoulli", "gaussian"})],
        "posterior": [StrOptions({"hierarchical", "factorial"})],
        "mapping": [StrOptions({"chains", "bipartite"})],
        "binarize": [StrOptions({"dynamic", "threshold"}), None],
        "tau": "no_validation",
        "kl_warmup": [Interval(Real, 0, 1, closed="both")],
        "importance": "no_validation",
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 2, None, closed="left")],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "prior_learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "sampler": "no_validation",  # check_sampler explains better what is missing
        "n_chains": [Interval(Integral, 1, None, closed="left")],
        "num_sweeps": [Interval(Integral, 1, None, closed="left")],
        "beta_eff": [
            StrOptions({"auto", "pseudo-likelihood", "moment-matching"}),
            Interval(Real, 0, None, closed="neither"),
        ],
        "transverse_field": [Interval(Real, 0, None, closed="left")],
        "label_units": ["boolean"],
        "device": [StrOptions({"cpu", "cuda", "auto"})],
        "n_jobs": N_JOBS,
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
        **CHECKPOINT_CONSTRAINTS,
    }
    _histories = ("history_",)

    def __init__(
        self,
        n_latent=128,
        *,
        topology="zephyr",
        hidden_layer_sizes=(300, 300),
        encoder=None,
        decoder=None,
        architecture="mlp",
        image_shape=None,
        likelihood="auto",
        posterior="hierarchical",
        mapping="chains",
        binarize="dynamic",
        tau=(1.0, 0.2),
        kl_warmup=0.3,
        importance=((1, 1),),
        max_iter=16,
        batch_size=100,
        learning_rate_init=5e-3,
        prior_learning_rate_init=1e-2,
        sampler=None,
        n_chains=512,
        num_sweeps=4,
        beta_eff="auto",
        transverse_field=0.0,
        label_units=False,
        device="cpu",
        n_jobs=None,
        warm_start=False,
        verbose=0,
        random_state=None,
        checkpoint=None,
        checkpoint_interval=1,
    ):
        self.n_latent = n_latent
        self.topology = topology
        self.hidden_layer_sizes = hidden_layer_sizes
        self.encoder = encoder
        self.decoder = decoder
        self.architecture = architecture
        self.image_shape = image_shape
        self.likelihood = likelihood
        self.posterior = posterior
        self.mapping = mapping
        self.binarize = binarize
        self.tau = tau
        self.kl_warmup = kl_warmup
        self.importance = importance
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.prior_learning_rate_init = prior_learning_rate_init
        self.sampler = sampler
        self.n_chains = n_chains
        self.num_sweeps = num_sweeps
        self.beta_eff = beta_eff
        self.transverse_field = transverse_field
        self.label_units = label_units
        self.device = device
        self.n_jobs = n_jobs
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state
        self.checkpoint = checkpoint
        self.checkpoint_interval = checkpoint_interval

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Train for ``max_iter`` epochs.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,), default=None
            Classes, -1 where unknown, with ``label_units=True``; else ignored.

        Returns
        -------
        self : QuantumBoltzmannPriorVAE

        Raises
        ------
        ImportError
            If PyTorch, or what the topology or the sampler needs, is not installed.
        KeyboardInterrupt, SamplerFailure
            If the first epoch is interrupted or the sampler fails in it; what was fitted before
            stays as it was, here and below.
        MemoryError
            If a step needs more memory than the machine has.
        ValueError
            If a parameter or the data are not what they must be, or the first epoch diverges.
        """
        going_on = self.warm_start and hasattr(self, "prior_")
        progress = Progress(self, self.max_iter, "epoch")
        with kept_on_error(self):
            data = self._check_data(X, y, reset=not going_on)
            n_steps = self.max_iter * self._steps_of_epoch(len(data.X))
            warmup = 0.0 if going_on else self.kl_warmup
            fitting = self._prepare(data, going_on, n_steps, warmup, restarts=True)
            checkpoint = Checkpoint(self, fitting.start(), data.X, data.labels)
            with progress.telling(X, y):
                self._train(fitting, self.max_iter, checkpoint, progress)
            self._state.optimiser = None  # the moments of Adam are twice the size of the weights
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, classes=None):
        """Go through some data once.

        Schedules run over ``max_iter`` passes through as much data as the first call brings, and
        stay at their ends after that.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,), default=None
            As in ``fit``.
        classes : array-like of shape (n_classes,), default=None
            With ``label_units=True`` all classes that will come; needed in the first call unless
            ``y`` holds them all.

        Returns
        -------
        self : QuantumBoltzmannPriorVAE

        Raises
        ------
        ImportError, KeyboardInterrupt, MemoryError, SamplerFailure, ValueError
            As ``fit``; each call is an epoch.
        """
        with kept_on_error(self):
            going_on = hasattr(self, "prior_")
            data = self._check_data(X, y, reset=not going_on, classes=classes)
            n_steps = self.max_iter * self._steps_of_epoch(len(data.X))
            if going_on:
                n_steps = self._state.n_steps
            fitting = self._prepare(data, going_on, n_steps, self.kl_warmup, restarts=False)
            progress = Progress(self, 1, "epoch", tells_callbacks=False)
            with progress.telling(X, y):
                self._train(fitting, 1, Checkpoint(), progress)
        return self

    def _check_data(self, X, y, *, reset, classes=None):
        import_optional("torch", _CALLER)
        check_sizes(self.hidden_layer_sizes, _CALLER)
        check_schedules(self.tau, self.importance, _CALLER)
        X = validate_data(self, X, dtype=np.float32, reset=reset, ensure_min_samples=2)
        check_image_shape(self.image_shape, X.shape[1], _CALLER)
        self._check_transverse_field()
        if reset:
            self.likelihood_ = choose_likelihood(self.likelihood, X)
        else:
            choose_likelihood(self.likelihood_, X)
        if reset:
            vars(self).pop("classes_", None)
        if not self.label_units:
            return TrainingData(X)
        if y is None:
            raise ValueError(
                f"{_CALLER} with label_units=True needs y: classes, -1 where unknown. Got None."
            )
        known = classes if reset else getattr(self, "classes_", None)
        y = column_or_1d(y, warn=True)
        if len(y) != len(X):
            raise ValueError(
                f"y must have a label a row of X, {len(X)}, -1 where unknown. Got {len(y)} instead."
            )
        labels, self.classes_ = encode_labels(
            y, None if known is None else np.unique(np.asarray(known))
        )
        return TrainingData(X, labels, self.classes_)

    def _check_transverse_field(self):
        if not self.transverse_field:
            return
        sampler = check_sampler(self.sampler, caller=_CALLER)
        if "transverse_field" not in sampler.parameters:
            raise ValueError(
                f"The 'sampler' parameter of {_CALLER} must be one that draws in a "
                f"transverse_field of {self.transverse_field}, such as 'path-integral'. Got "
                f"{self.sampler!r} instead."
            )
        if self.label_units:
            raise ValueError(
                f"The 'transverse_field' parameter of {_CALLER} must be 0 with label_units=True: a "
                f"class unit is classical. Got {self.transverse_field} instead."
            )

    def _steps_of_epoch(self, n_samples):
        """As batches are made: a last one of one row joins the one before."""
        whole, rest = divmod(n_samples, self.batch_size)
        return max(1, whole + (rest > 1))

    def _prepare(self, data, going_on, n_steps, kl_warmup, *, restarts):
        """A training, before its first epoch."""
        from qsklearn.neural_network._boltzmann_prior_vae import _fitting, _training

        n_classes = 0 if data.classes is None else len(data.classes)
        self._check_step_memory(data.X.shape[1])  # first: a large graph takes long to make
        topology = self._state.networks.architecture.graph if going_on else self.topology
        latent = resolve_sampler(
            self.sampler, topology, self.n_latent, self.mapping, n_classes, _CALLER
        )
        architecture = architecture_of(
            self, data.X.shape[1], latent.graph, n_classes, self.likelihood_
        )
        if going_on:
            self._check_same(architecture)
            state = restarted(self._state) if restarts else self._state
        else:
            state = FitState(draw_entropy(self.random_state))
        schedule = _training.Schedule(
            n_steps,
            self.learning_rate_init,
            self.prior_learning_rate_init,
            self.tau,
            kl_warmup,
            pairs_of(self.importance),
        )
        self.sampler_ = latent.sampler
        return _fitting.Fitting(
            self, data, state, latent, architecture, schedule, hardware(self.device, _CALLER)
        )

    def _train(self, fitting, n_epochs, checkpoint, progress):
        outcome = fitting.run(n_epochs, checkpoint, progress, self._attributes_of)
        vars(self).update(self._attributes_of(outcome))

    def _attributes_of(self, outcome):
        """Fitted attributes, also of a training that is not at its end."""
        return {
            "_state": outcome.state,
            "prior_": outcome.prior,
            "history_": outcome.history,
            "cost_": outcome.cost,
            "stop_reason_": outcome.stop_reason,
            "n_iter_": len(outcome.history.get("elbo", [])),
            "_n_features_out": outcome.prior.n_latent,
        }

    def _check_step_memory(self, n_features):
        # Short integers of NumPy overflow in products of counts.
        rows = int(self.batch_size) * max(
            first * second for first, second in pairs_of(self.importance)
        )
        n_weights, n_units = self._count_perceptrons(n_features)
        check_memory(
            4 * rows * n_features
            + _BYTES_OF_WEIGHT * n_weights
            + _BYTES_OF_UNIT * rows * n_units
            + int(self.n_latent) * (8 * int(self.n_latent) + int(self.n_chains)),
            f"A step of {_CALLER}",
            "Lower batch_size, importance, n_chains, hidden_layer_sizes or n_latent.",
        )

    def _count_perceptrons(self, n_features):
        """Weights and hidden units of the perceptrons; of networks before them nothing."""
        sizes = list(map(int, self.hidden_layer_sizes))
        is_mlp, n_latent = self.architecture == "mlp", int(self.n_latent)
        is_whole = is_mlp and self.encoder is None
        head = [n_features, *sizes, n_latent] if is_whole else [sizes[-1], n_latent]
        n_heads = 2 if self.posterior == "hierarchical" else 1
        decoder = [n_latent, *sizes[::-1], n_features] if is_mlp and self.decoder is None else []
        parts = [head] * n_heads + [decoder]
        n_weights = sum(first * second for part in parts for first, second in pairwise(part))
        return n_weights, sum(sum(part[1:-1]) for part in parts)

    def _check_same(self, architecture):
        """Where training goes on, networks stay what they are."""
        before = self._state.networks.architecture
        parameters = {
            "hidden_layer_sizes": "hidden_layer_sizes",
            "name": "architecture",
            "image_shape": "image_shape",
            "hierarchical": "posterior",
            "n_classes": "label_units",
            "encoder": "encoder",
            "decoder": "decoder",
        }
        for name, parameter in parameters.items():
            if getattr(before, name) != getattr(architecture, name):
                self._refuse_change(parameter, "what it was")
        graph = before.graph
        if self.n_latent != graph.n_latent:
            self._refuse_change("n_latent", graph.n_latent)
        if not is_graph_of(self.topology, graph):
            is_named = graph.topology != "graph"
            self._refuse_change("topology", repr(graph.topology) if is_named else "what it was")
        if self.mapping != graph.mapping:
            self._refuse_change("mapping", repr(graph.mapping))
        if self.likelihood not in ("auto", before.likelihood):
            self._refuse_change("likelihood", repr(before.likelihood))

    def _refuse_change(self, parameter, before):
        value = getattr(self, parameter)
        # Of a network its class, as its text may take pages.
        got = type(value).__name__ if hasattr(value, "state_dict") else repr(value)
        raise ValueError(
            f"The {parameter!r} parameter of {_CALLER} must stay {before} where training goes on. "
            f"Got {got} instead; fit a clone."
        )

    def transform(self, X):
        """Probabilities of the bits, those of the second group given those of the first.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        Z : ndarray of shape (n_samples, n_latent), float32
            In single precision, rounded from double, so that a row's values do not depend on the
            rows beside it.
        """
        X = self._check_new(X)
        with self._inference() as inference:
            return inference.probabilities(X).astype(np.float32)

    def inverse_transform(self, Z):
        """Means of the features that bits stand for.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_latent)
            Between 0 and 1.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features), float32
        """
        check_is_fitted(self)
        Z = check_array(Z, dtype=np.float32, input_name="Z")
        n_latent = self.prior_.n_latent
        if Z.shape[1] != n_latent or Z.min() < 0 or Z.max() > 1:
            raise ValueError(
                f"Z must have {n_latent} columns, values between 0 and 1. Got shape {Z.shape} with "
                f"values from {Z.min():g} to {Z.max():g} instead."
            )
        with self._inference() as inference:
            return inference.decode(Z)

    def active_units(self, X):
        """Bits whose posterior means vary over the data by more than .01 (variance).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        active : ndarray of bool of shape (n_latent,)
        """
        return self.transform(X).var(axis=0) > ACTIVE_VARIANCE

    @property
    def log_partition_(self):
        """log Z of the prior."""
        check_is_fitted(self)
        return float(self.prior_.log_partition.value[0])

    def elbo(self, X):
        """Evidence lower bound of each row, and its two parts.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        bound : dict of str to ndarray of shape (n_samples,)
            ``elbo``, ``reconstruction``, ``kl``, in nats: the first is the second less the third.
            Means of 16 draws of the bits, which are the same for a row in any company. In a
            transverse field the bound of the quantum prior's diagonal (Q-ELBO).
        """
        X = self._check_new(X)
        with self._inference() as inference:
            terms = inference.terms(X, _DRAWS_OF_BOUND)
        bound = terms.log_weights.mean(axis=1) - self.log_partition_
        kl = terms.reconstruction - bound
        return {"elbo": bound, "reconstruction": terms.reconstruction, "kl": kl}

    def score_samples(self, X, n_importance=1000):
        r"""Log-likelihood of each row by importance sampling.

        .. math:: \log p(x) \approx \log \frac1K \sum_{k=1}^K
            \frac{p(x|z_k) e^{-E(z_k)}}{q(z_k|x)} - \log Z, \qquad z_k \sim q(z|x),

        in expectation a lower bound, which rises with K to log p(x). In a transverse field it is
        one of the quantum prior's bound. Each row is drawn for by itself, from its own content:
        neither other rows nor their order matter. Rows are binarised (``binarize="dynamic"``) in
        one way for all models, so that they can be compared row by row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        n_importance : int, default=1000
            K.

        Returns
        -------
        log_likelihood : ndarray of shape (n_samples,)
            In nats.

        Warns
        -----
        UserWarning
            If log Z is unsure by more than .1 nats, or few draws carry most of the weight.
        """
        log_likelihood, report = self._evaluate(X, n_importance)
        warn_of_doubts(report)
        return log_likelihood

    def score(self, X, y=None):
        """Mean log-likelihood of the rows, as :meth:`score_samples` with K = 100.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : ignored

        Returns
        -------
        score : float
            In nats.
        """
        return float(self._evaluate(X, _DRAWS_OF_SCORE)[0].mean())

    def sampling_report(self, X, n_importance=1000):
        """How good the likelihoods of :meth:`score_samples` are, and how they were found.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        n_importance : int, default=1000
            K.

        Returns
        -------
        report : dict
            ``log_likelihood`` (mean) and ``log_likelihood_stderr`` over the rows, ``elbo``;
            ``bound``, "classical" or "quantum"; ``n_samples``, ``n_importance``,
            ``effective_sample_size`` (median over rows, of K); ``log_partition`` with
            ``log_partition_lower``, ``log_partition_upper`` and ``log_partition_method``;
            ``binarize`` and ``binarization_seed``.
        """
        return self._evaluate(X, n_importance)[1]

    def _evaluate(self, X, n_importance):
        n_importance = check_integer(n_importance, "n_importance", _CALLER, 1)
        X = self._check_new(X)
        with self._inference() as inference:
            terms = inference.terms(X, n_importance)
        return report_of(terms, self.prior_, self.binarize, self.likelihood_)

    def sample(self, n_samples=1, y=None, random_state=None):
        """Draw data: bits from the prior, by the sampler, and features from the decoder's law.

        Parameters
        ----------
        n_samples : int, default=1
        y : label or array-like of shape (n_samples,), default=None
            With ``label_units=True``: classes to draw from.
        random_state : int, RandomState instance or None, default=None
            None: the estimator's, so that calls repeat themselves where that is an int, and differ
            elsewhere.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features), float32
            For means instead of draws: ``inverse_transform(sample_latent(n_samples))``.
        """
        bits = self.sample_latent(n_samples, y, random_state)
        rng = np.random.default_rng(self._seed(random_state) + 1)
        with self._inference() as inference:
            return inference.draw_features(bits, rng)

    def sample_latent(self, n_samples=1, y=None, random_state=None):
        """Draw bits from the prior by the sampler.

        Parameters
        ----------
        n_samples : int, default=1
        y : label or array-like of shape (n_samples,), default=None
            With ``label_units=True``: classes to draw from.
        random_state : int, RandomState instance or None, default=None
            As of :meth:`sample`.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_latent), float32
            0 or 1.
        """
        check_is_fitted(self)
        n_samples = check_integer(n_samples, "n_samples", _CALLER, 1)
        # Bits as spins and as numbers; features in blocks and together; the chain of each draw.
        n_numbers = self.prior_.n_latent + self.n_features_in_ + 1
        check_memory(8 * n_samples * n_numbers, f"{n_samples:,} draws", "Ask for fewer.")
        seed = self._seed(random_state)
        with self._inference() as inference:
            if y is None:
                return inference.draw_bits(self.prior_, n_samples, seed)
            bits = np.empty((n_samples, self.prior_.n_latent), np.float32)
            labels = self._labels(y, n_samples)
            for label in np.unique(labels):
                rows = labels == label
                prior = self.prior_.given_class(label)
                bits[rows] = inference.draw_bits(prior, int(rows.sum()), seed + int(label))
            return bits

    def _labels(self, y, n_samples):
        if not self.label_units:
            raise ValueError(
                f"The 'label_units' parameter of {_CALLER} must be True to draw given y. Got False."
            )
        y = np.asarray(y)
        if y.shape not in ((), (n_samples,)):
            raise ValueError(
                f"y must be one class, or one for each of the {n_samples} samples. Got "
                f"{len(np.atleast_1d(y))} instead."
            )
        y = np.broadcast_to(y, (n_samples,))
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(
                f"y must hold classes of {self.classes_.tolist()}. Got {unknown.tolist()} as well."
            )
        return np.searchsorted(self.classes_, y)

    def inpaint(self, X, n_iter=_ITERATIONS_OF_INPAINTING, random_state=None):
        """Draw missing features from their law given the others.

        Metropolis steps on the bits, proposed by the posterior, and draws of the missing features
        in turn, which leave p(z, missing | observed) as it is.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            NaN where missing.
        n_iter : int, default=100
        random_state : int, RandomState instance or None, default=None
            As of :meth:`sample`.

        Returns
        -------
        completed : ndarray of shape (n_samples, n_features), float32
            One draw a row; what was there stays.
        """
        check_is_fitted(self)
        n_iter = check_integer(n_iter, "n_iter", f"{type(self).__name__}.inpaint", 1)
        X = validate_data(self, X, dtype=np.float32, reset=False, ensure_all_finite="allow-nan")
        observed = X[~np.isnan(X)]
        if len(observed):
            choose_likelihood(self.likelihood_, observed)
        with self._inference() as inference:
            return inference.complete(X, n_iter, self._seed(random_state))

    @available_if(_has_labels)
    def predict_proba(self, X):
        """Probabilities of the classes, the mean of P(y | z) over draws of the posterior.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
        """
        X = self._check_new(X)
        with self._inference() as inference:
            return inference.class_probabilities(X)

    @available_if(_has_labels)
    def predict(self, X):
        """The most probable class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        labels : ndarray of shape (n_samples,)
        """
        probabilities = self.predict_proba(X)  # first: it asks whether there is a fit
        return self.classes_[probabilities.argmax(axis=1)]

    def classical_twin(self):
        """The same networks with independent bits as their prior, unfitted.

        Returns
        -------
        QuantumBoltzmannPriorVAE
            With ``topology="bernoulli"``, drawn classically.
        """
        return self._changed(
            topology="bernoulli",
            n_latent=self._n_latent(),
            sampler=None,
            beta_eff="auto",
            transverse_field=0.0,
        )

    def ablations(self):
        """Controls: what is left of a result without the Boltzmann machine, or without a device.

        Returns
        -------
        ablations : dict of str to estimator
            ``"independent bits"``: the classical twin; ``"couplings removed"``: trained with
            couplings, which are 0 after that; ``"classical draws"``, where the sampler is another:
            by Gibbs; and in a transverse field ``"no transverse field"``. These are discrete VAEs
            with all that this one has. ``"Gaussian prior"``: the same networks with normal latent
            variables, for comparisons of features and likelihoods: it has ``fit``, ``transform``,
            ``active_units``, ``elbo``, ``score_samples`` and ``score``, and neither draws, classes,
            missing features nor training that goes on.
        """
        from qsklearn.neural_network._boltzmann_prior_vae import _controls

        parameters = self.get_params(deep=False)
        ablations = {
            "independent bits": self.classical_twin(),
            "couplings removed": _controls.CouplingsRemovedVAE(**parameters),
            "Gaussian prior": _controls.GaussianPriorVAE(self._changed()),
        }
        if self.transverse_field:
            ablations["no transverse field"] = self._changed(transverse_field=0.0)
        elif self.sampler not in (None, "gibbs"):
            ablations["classical draws"] = self._changed(sampler=None, beta_eff="auto")
        return ablations

    def _changed(self, **changes):
        return QuantumBoltzmannPriorVAE(**{**self.get_params(deep=False), **changes})

    def _n_latent(self):
        return self.n_latent

    def estimate_cost(self, n_samples, n_features, n_outputs=None, *, method="fit"):
        """What a full fit asks of the sampler.

        Parameters
        ----------
        n_samples, n_features : int
            Of the training data.
        n_outputs : int, default=None
            Classes, where there are units for them (``label_units``): two by default.
        method : {"fit", "predict"}, default="fit"
            What is to be done. Predictions and likelihoods ask nothing of a sampler.

        Returns
        -------
        cost : dict
            ``calls``, ``models`` (programs) and ``reads``; ``queries`` of a device, and their
            ``qpu_access_time`` in microseconds by its own timing model. Where the temperature is
            estimated without a prior, the first call counts twice.
        """
        check_asked(n_samples, n_features, n_outputs, method, _CALLER)
        if method == "predict":
            return no_cost()
        n_classes = (n_outputs or 2) if self.label_units else 0
        latent = resolve_sampler(
            self.sampler, self.topology, self.n_latent, self.mapping, n_classes, _CALLER
        )
        beta_eff = "auto" if isinstance(self.beta_eff, str) else self.beta_eff
        trial = int(needs_trial(latent.sampler, beta_eff))
        calls = self.max_iter * self._steps_of_epoch(n_samples) + trial
        graph = latent.graph
        weights = np.ones(graph.n_edges), np.ones(n_classes), np.ones((graph.n_latent, n_classes))
        family = ProgramLayout(graph, n_classes).fill(np.ones(graph.n_latent), *weights)
        cost = cost_of_family(
            latent.sampler, 1, family.couplings, self.n_chains, one_hot=family.one_hot
        )
        return add_costs((calls, cost))

    def _check_new(self, X):
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float32, reset=False)
        choose_likelihood(self.likelihood_, X)
        return X

    def _seed(self, random_state):
        if random_state is None:
            if isinstance(self.random_state, Integral):
                return self._state.entropy
            random_state = self.random_state
        return draw_entropy(random_state)

    def _inference(self):
        import_optional("torch", _CALLER)
        from qsklearn.neural_network._boltzmann_prior_vae import _inference

        return _inference.Inference(self, self._state, self.prior_)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "prior_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        if self.label_units:
            tags.target_tags.required = True
            tags.estimator_type, tags.classifier_tags = "classifier", ClassifierTags()
        return tags
