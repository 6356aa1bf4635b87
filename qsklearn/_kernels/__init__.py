"""Annealing and sampling kernels: arrays in, arrays out.

Kernels know no binary quadratic model, label, seed object or estimator. Each file stands alone,
because numba's disk cache does not see edits in an imported file; the few lines of the random
generator that repeat by design are compared in the tests. All are ``nogil`` and work on a range
of blocks, which :func:`qsklearn._kernels._threads.run_blocks` spreads over a thread pool.
"""
