"""Blocks on threads: each once, whatever the split; Ctrl-C drops those that have not started."""

import time

import numpy as np
import pytest

from qsklearn._kernels._threads import run_blocks


@pytest.mark.parametrize("num_threads", [1, 2, 5])
@pytest.mark.parametrize("n_blocks", [0, 1, 2, 7, 16, 1000])
def test_every_block_runs_once(n_blocks, num_threads):
    counts = np.zeros(n_blocks, int)

    def kernel(step, first, last):
        counts[first:last] += step

    run_blocks(kernel, n_blocks, num_threads, 3)
    assert (counts == 3).all()


def test_one_thread_is_the_calling_one():
    calls = []
    run_blocks(lambda first, last: calls.append((first, last)), 9, 1)
    assert calls == [(0, 9)]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_interrupt_cancels_pending_blocks(error):
    started = []

    def kernel(first, last):
        started.append(first)
        if first == 0:
            raise error
        time.sleep(0.05)

    with pytest.raises(error):
        run_blocks(kernel, 16, 2)
    # One ran beside the first, and one may have begun before the interrupt was seen.
    assert len(started) <= 4
    time.sleep(0.1)
    assert len(started) <= 4  # and none afterwards
