"""
Record a run, and repeat it without the device
==============================================

What a processor draws cannot be seeded and costs money. How can others repeat a run, without an
account? By a recording: a file with each call and its answer.
"""

# %%
# A run that is recorded
# ----------------------
#
# A mock answers in the processor's place. :class:`~qsklearn.samplers.DWaveQPUSampler` carries a
# :class:`~qsklearn.samplers.Budget`, beyond which nothing is sent, and is wrapped in
# :class:`~qsklearn.samplers.RecordedSampler`.

import tempfile
import warnings
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score

from qsklearn import QuantumSampledMLPClassifier
from qsklearn.inspection import EffectiveBetaDisplay
from qsklearn.model_selection import estimate_search_cost
from qsklearn.samplers import (
    Budget,
    DWaveQPUSampler,
    EmbeddedSampler,
    MockQPUSampler,
    RecordedSampler,
    RecordingError,
)

X, y = load_digits(n_class=2, return_X_y=True)
X, y = X[:60] / 16, y[:60]
mock = MockQPUSampler("ideal", topology_type="chimera", topology_shape=[4, 4, 4], seed=0)
budget = Budget(max_queries=200)
processor = DWaveQPUSampler(budget=budget, device=mock)  # without `device`, the real one
recording = Path(tempfile.mkdtemp()) / "digits.recording"


def network(sampler):
    return QuantumSampledMLPClassifier(
        n_hidden=8,
        sampler=EmbeddedSampler(sampler),
        num_reads=100,
        batch_size=20,
        max_iter=5,
        learning_rate_init=0.03,
        random_state=0,
    )


recorded = network(RecordedSampler(processor, recording))

# %%
# What will it cost? This asks nothing of the device.

search = GridSearchCV(recorded, {"num_reads": [100, 200]}, cv=3)
planned = estimate_search_cost(search, X, y)
print(f"a search of {planned['fits']} fits: about {planned['queries']} queries, "
      f"{1e-6 * planned['qpu_access_time']:.1f} s of the processor")  # fmt: skip

# %%
# That is more than we want to pay now; three folds will do.

scores = cross_val_score(recorded, X, y, cv=3)
print(f"accuracy {scores.mean():.3f}, {budget.spent()['queries']} queries spent")

# %%
# The same without the device
# ---------------------------
#
# ``mode="replay"`` never asks anybody. There is no sampler in it at all: the file stands in for the
# device.

replayed = network(RecordedSampler(None, recording, mode="replay"))
again = cross_val_score(replayed, X, y, cv=3)
print(f"the same scores: {np.array_equal(scores, again)}")
print(f"queries spent since: {budget.spent()['queries']}")

# %%
# Not only the scores: each weight and each temperature is the one of the run. This is the first
# fold's, of the replay.

first, _ = next(StratifiedKFold(3).split(X, y))
EffectiveBetaDisplay.from_estimator(replayed.fit(X[first], y[first]), beta_true=6.1).figure_

# %%
# What is not in the file is not made up:

try:
    replayed.set_params(num_reads=90).fit(X, y)
except RecordingError as error:
    print(str(error).split("has ")[1].split(":")[0])

# %%
# A budget that ends
# ------------------
#
# A fit whose budget ends keeps the best weights that it has, and says why it stopped. (One that has
# none yet raises.)

short = DWaveQPUSampler(budget=Budget(max_queries=40), device=mock)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the fit warns that it was cut short
    stopped = network(short).fit(X, y)
print(stopped.stop_reason_)
print(f"accuracy on its own rows with what it has: {stopped.score(X, y):.3f}")

# %%
# What not to conclude
# --------------------
#
# That a run which repeats is a run which holds. A replay shows that nothing was changed between the
# run and its report; another run on the same processor draws other states, and only several of them
# tell how much that matters.
