"""Blocks of reads or models on a thread pool in Python.

The pool lives for one call: forked children inherit no threads, and Ctrl-C drops the blocks that
have not started. Numba's own parallel layers do neither.
"""

from concurrent.futures import ThreadPoolExecutor

_TASKS_PER_THREAD = 8  # enough to even out the load and to stop soon after Ctrl-C


def run_blocks(kernel, n_blocks, num_threads, *arguments):
    """Call ``kernel(*arguments, first, last)`` over all blocks.

    Parameters
    ----------
    kernel : callable
        A ``nogil`` kernel whose last two arguments are the range of blocks that it works on. Blocks
        write to places of their own, so the result does not depend on the split.
    n_blocks : int
    num_threads : int
        One runs in the calling thread.
    *arguments
        Passed on.
    """
    if n_blocks == 0:
        return
    if num_threads == 1 or n_blocks == 1:
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
        for future in futures:
            future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
