"""Blocks on threads: each once, whatever the split; Ctrl-C drops those that have not started."""

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from qsklearn._kernels import _threads
from qsklearn._kernels._threads import Watch, run_blocks


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


def until_stopped(stop, seconds=10.0):
    """As a kernel does that looks at ``stop`` once a sweep; for so long at most."""
    end = time.monotonic() + seconds
    while not stop[0] and time.monotonic() < end:
        time.sleep(0.001)
    return bool(stop[0])


def test_an_interrupt_while_kernels_run_is_noted_and_ends_them(monkeypatch):
    told, watch, is_waiting, wait = [], Watch(), threading.Event(), _threads.wait

    def note(*arguments):
        is_waiting.set()
        return wait(*arguments)

    def kernel(stop, first, last):
        if first == 0 and is_waiting.wait(10):
            # A signal that comes just before the main thread goes to sleep does not wake it.
            for _ in range(10):
                signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
                if until_stopped(stop, 1.0):
                    break
        told.append(until_stopped(stop))

    monkeypatch.setattr(_threads, "wait", note)
    run_blocks(kernel, 2, 2, watch=watch)
    assert watch.reason == "KeyboardInterrupt" and told == [True, True]


def test_an_interrupt_between_two_starts_ends_the_kernels_that_run(monkeypatch):
    told = []

    class Pool(ThreadPoolExecutor):
        def submit(self, *call):
            if told:
                raise KeyboardInterrupt
            told.append(None)
            return super().submit(*call)

    monkeypatch.setattr(_threads, "ThreadPoolExecutor", Pool)
    with pytest.raises(KeyboardInterrupt):
        run_blocks(lambda stop, *block: told.append(until_stopped(stop)), 2, 2, watch=Watch())
    assert told == [None, True]
