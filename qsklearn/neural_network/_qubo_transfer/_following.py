"""Who follows the trainings within a fit: a checkpoint, callbacks and a bar."""

from qsklearn.neural_network._checkpoint import Checkpoint


class Following:
    """An estimator that keeps and tells of a training that is done for it.

    Without an estimator nothing is kept and nobody is told.

    Parameters
    ----------
    estimator : estimator, default=None
        With the parameters of a :class:`Checkpoint`.
    progress : Progress, default=None
        Of its fit.
    attributes : callable, default=None
        From what is trained, as of now, to what makes the estimator a fitted one.
    """

    def __init__(self, estimator=None, progress=None, attributes=None):
        self._estimator, self._progress, self._attributes = estimator, progress, attributes

    def of(self, make):
        """The same where something else is trained.

        Parameters
        ----------
        make : callable
            From that to what was trained before.

        Returns
        -------
        following : Following
        """
        return Following(
            self._estimator, self._progress, lambda trained: self._attributes(make(trained))
        )

    def checkpoint(self, start, *data):
        """Where the training keeps its state, see :class:`Checkpoint`."""
        return Checkpoint(self._estimator, start, *data)

    def go_on_after(self, n_iterations):
        """Iterations of an earlier run."""
        if self._progress is not None:
            self._progress.go_on_after(n_iterations)

    def start_iteration(self):
        """An iteration begins."""
        if self._progress is not None:
            self._progress.start_iteration()

    def end_iteration(self, trained, **figures):
        """An iteration has ended.

        Parameters
        ----------
        trained : callable
            Returns what is trained, as of now.
        **figures : float
            Shown beside the bar.

        Returns
        -------
        stops : bool
            Whether a callback asks to stop.
        """
        if self._progress is None:
            return False
        return self._progress.end_iteration(lambda: self._attributes(trained()), **figures)
