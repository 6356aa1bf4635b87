"""Telling of a fit's iterations: to scikit-learn's callbacks, and with ``verbose`` by a bar."""

from contextlib import contextmanager

from tqdm.auto import tqdm

from qsklearn._private_api import callback_context_of


class Progress:
    """The iterations of one fit, as they pass.

    Made at the beginning of ``fit``, before anything can fail, so that callbacks are torn down
    after whatever happens; ``fit`` is decorated by :func:`qsklearn._private_api.with_callbacks`.

    Parameters
    ----------
    estimator : estimator
        With the parameter ``verbose``.
    n_iterations : int or None
        At most; None where nobody knows.
    unit : str, default="it"
        What an iteration is called beside a bar.
    tells_callbacks : bool, default=True
        Not so in ``partial_fit``, which is no fit of its own.
    """

    def __init__(self, estimator, n_iterations, unit="it", *, tells_callbacks=True):
        self._estimator, self._n_iterations, self._unit = estimator, n_iterations, unit
        self._root = self._task = self._bar = None
        if tells_callbacks:
            self._root = callback_context_of(estimator, n_iterations)

    @contextmanager
    def telling(self, X, y=None, sample_weight=None):
        """While it is trained on these data.

        Parameters
        ----------
        X, y, sample_weight : array-like
        """
        self._data = {"X": X, "y": y}
        if sample_weight is not None:
            self._data["metadata"] = {"sample_weight": sample_weight}
        if self._root is not None:
            self._root.call_on_fit_task_begin(estimator=self._estimator, **self._data)
        self._bar = tqdm(
            total=self._n_iterations,
            disable=not self._estimator.verbose,
            desc=type(self._estimator).__name__,
            unit=self._unit,
            leave=None,  # of several within each other the outermost
        )
        with self._bar:
            yield
        if self._root is not None:
            self._root.call_on_fit_task_end(estimator=self._estimator, **self._data)

    def go_on_after(self, n_iterations):
        """Iterations of an earlier run, which a bar counts and callbacks do not hear of again.

        Parameters
        ----------
        n_iterations : int
        """
        self._bar.update(n_iterations)

    def start_iteration(self):
        """An iteration begins."""
        if self._root is not None:
            self._task = self._root.subcontext(task_name="iteration")
            self._task.call_on_fit_task_begin(estimator=self._estimator, **self._data)

    def end_iteration(self, attributes=None, **figures):
        """An iteration has ended.

        Parameters
        ----------
        attributes : callable, default=None
            Returns a dict of what makes the estimator a fitted one, as of now.
        **figures : float
            Shown beside the bar.

        Returns
        -------
        stops : bool
            Whether a callback asks to stop.
        """
        self._bar.update()
        self._bar.set_postfix({name: f"{value:.4g}" for name, value in figures.items()})
        if self._task is None:
            return False
        return self._task.call_on_fit_task_end(
            estimator=self._estimator, reconstruction_attributes=attributes, **self._data
        )
