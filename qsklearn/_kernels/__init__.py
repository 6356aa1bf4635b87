"""Annealing and sampling kernels: arrays in, arrays out.

Kernels know no binary quadratic model, label, seed object or estimator. What they share is in
``_vectors``, ``_streams``, ``_scalar_streams`` and ``_blocks``; numba's disk cache does not see an
edit there, so delete ``__pycache__`` after one (the tests do). All are ``nogil`` and work on a
range of blocks, which :func:`qsklearn._kernels._threads.run_blocks` spreads over a thread pool.
"""
