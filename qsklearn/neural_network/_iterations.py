"""The loop of trainings that can be left and taken up again."""


def iterate(training, checkpoint, progress, attributes):
    """Run a training's iterations until it has a reason to stop.

    It goes on where the checkpoint says that it was.

    Parameters
    ----------
    training : object
        With ``iterate()``, which runs an iteration and returns figures to show, a dict of floats;
        ``stop_reason``, None until there is one; ``n_run``, its iterations so far; ``to_dict()``
        and ``go_on_from(saved)``, all that the rest of it depends on.
    checkpoint : Checkpoint
    progress : Progress
    attributes : callable
        Returns a dict of what makes the estimator a fitted one, as of now.

    Raises
    ------
    Exception
        Whatever an iteration raises. What was saved before stays.
    """
    if (saved := checkpoint.load()) is not None:
        training.go_on_from(saved)
        progress.go_on_after(training.n_run)
    while training.stop_reason is None:
        progress.start_iteration()
        figures = training.iterate()
        is_over = training.stop_reason is not None
        checkpoint.save(training.to_dict, None if is_over else training.n_run)
        asked = progress.end_iteration(attributes, **figures)
        if asked and not is_over:
            training.stop_reason = "callback"
