"""Blocks of reads or models on a thread pool in Python, and how they are told to stop.

The pool lives for one call: forked children inherit no threads, and Ctrl-C drops the blocks that
have not started. Numba's own parallel layers do neither.
"""

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager

import numpy as np

_LONGEST = 1e9  # seconds; a longer time is no limit, and too long to wait for a lock
_TASKS_PER_THREAD = 8  # enough to even out the load and to stop soon after Ctrl-C


class Watch:
    """Tells running kernels to stop: when time is up, or at Ctrl-C.

    Kernels look at ``stop`` once a sweep; the main thread waits, and sets it.

    Parameters
    ----------
    max_seconds : float, optional
        From now on.

    Attributes
    ----------
    stop : ndarray of shape (1,), uint8
        Not zero once kernels have to end.
    reason : {None, "max_seconds", "KeyboardInterrupt"}
    """

    def __init__(self, max_seconds=None):
        self.stop = np.zeros(1, np.uint8)
        self.reason = None
        is_limited = max_seconds is not None and max_seconds < _LONGEST
        self._end = time.monotonic() + float(max_seconds) if is_limited else None

    def interrupt(self, reason):
        """Ask all kernels to end; the first reason stays."""
        self.reason = self.reason or reason
        self.stop[0] = 1

    def remaining(self):
        """Seconds left, or None without a limit."""
        return None if self._end is None else max(self._end - time.monotonic(), 0.0)

    @contextmanager
    def catch_interrupts(self):
        """Let Ctrl-C set the watch, wherever it comes, instead of being raised; a second one is.

        In the main thread, and where nobody else has taken the signal.
        """
        in_main_thread = threading.current_thread() is threading.main_thread()
        if not in_main_thread or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            yield
            return
        pressed = []

        def handle(number, frame):
            if pressed:
                raise KeyboardInterrupt
            pressed.append(number)
            self.interrupt("KeyboardInterrupt")

        signal.signal(signal.SIGINT, handle)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def is_over(self):
        """Whether to stop; loops in Python ask between two kernel calls."""
        if self.remaining() == 0.0:
            self.interrupt("max_seconds")
        return self.reason is not None


def run_blocks(kernel, n_blocks, num_threads, *arguments, watch=None, is_short=False):
    """Call ``kernel(*arguments, first, last)`` over all blocks.

    Parameters
    ----------
    kernel : callable
        A ``nogil`` kernel whose last two arguments are the range of blocks that it works on. Blocks
        write to places of their own, so the result does not depend on the split.
    n_blocks : int
    num_threads : int
        One runs in the calling thread, unless there is a ``watch``.
    *arguments
        Passed on.
    watch : Watch, optional
        The kernel takes its ``stop`` before the range of blocks. Ctrl-C then ends the kernels and
        is noted in the watch; a second one is raised. Without a watch Ctrl-C is raised, after the
        blocks that run.
    is_short : bool
        A call of milliseconds, which is not worth a pool.
    """
    if n_blocks == 0:
        return
    if watch is not None:
        arguments = (*arguments, watch.stop)
    if is_short or (watch is None and min(num_threads, n_blocks) == 1):
        kernel(*arguments, 0, n_blocks)
        return
    n_tasks = min(n_blocks, num_threads * _TASKS_PER_THREAD)
    edges = [n_blocks * task // n_tasks for task in range(n_tasks + 1)]
    pool = ThreadPoolExecutor(min(num_threads, n_tasks))
    try:
        futures = [
            pool.submit(kernel, *arguments, first, last)
            for first, last in zip(edges[:-1], edges[1:], strict=True)
        ]
        if watch is not None:
            _attend(futures, watch)
        for future in futures:
            future.result()
    except KeyboardInterrupt:
        if watch is not None:
            watch.interrupt("KeyboardInterrupt")  # do not wait for whole kernels
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _attend(futures, watch):
    """Wait for the kernels; stop them when time is up or at Ctrl-C. They end within a sweep."""
    try:
        _, running = wait(futures, watch.remaining())
        if running:
            watch.interrupt("max_seconds")
    except KeyboardInterrupt:
        watch.interrupt("KeyboardInterrupt")
    wait(futures)
