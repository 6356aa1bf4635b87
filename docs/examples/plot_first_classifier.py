"""
A first classifier, searched as any other
=========================================

Can a network that is trained by draws of a sampler be used as any estimator of scikit-learn? It
can: here it stands in a pipeline, and a grid search chooses one of its parameters.
"""

# %%
# The network
# -----------
#
# :class:`~qsklearn.QuantumSampledMLPClassifier` is a multilayer perceptron whose steps of training
# are means over states that a sampler draws, 5 for each row. ``"gibbs"`` is a sampler of the
# package, which needs no device. The data are the zeros to threes of scikit-learn's digits.

from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, ValidationCurveDisplay, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from qsklearn import QuantumSampledMLPClassifier

X, y = load_digits(n_class=4, return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
network = QuantumSampledMLPClassifier(
    n_hidden=16, sampler="gibbs", num_reads=5, learning_rate_init=0.03, max_iter=10, random_state=0
)
pipeline = make_pipeline(MinMaxScaler(), network)
pipeline.fit(X_train, y_train)
print(f"accuracy on rows that were not trained on: {pipeline.score(X_test, y_test):.3f}")

# %%
# What the draws cost is in ``cost_``:

print({key: pipeline[-1].cost_[key] for key in ("calls", "reads", "sweeps")})

# %%
# One parameter searched over
# ---------------------------
#
# ``beta_eff`` is the belief about the sampler's inverse temperature. On a device, which draws at a
# temperature that nobody sets, one searches over it. This sampler draws at the temperature that it
# is asked for, so that the right belief is 1, and all others temper the law on purpose.

betas = [0.1, 0.3, 1.0, 3.0]
search = GridSearchCV(pipeline, {"quantumsampledmlpclassifier__beta_eff": betas}, cv=3)
search.fit(X_train, y_train)
print(f"chosen: {search.best_params_}")
print(f"accuracy on the rows left out: {search.score(X_test, y_test):.3f}")

# %%
# scikit-learn's own display draws the whole curve.

display = ValidationCurveDisplay.from_estimator(
    pipeline,
    X_train,
    y_train,
    param_name="quantumsampledmlpclassifier__beta_eff",
    param_range=betas,
    cv=3,
    score_name="accuracy",
)
display.ax_.set(xscale="log", xlabel="beta_eff, the belief", title="Digits 0 to 3")
display.figure_

# %%
# What not to conclude
# --------------------
#
# That the best belief is the sampler's temperature: the bands are as wide as most differences
# between neighbours, and a wrong belief acts on the size of a step as well, which the learning rate
# makes up for. And that a sampler was needed:

twin = make_pipeline(MinMaxScaler(), network.classical_twin()).fit(X_train, y_train)
print(f"the same network, trained by backpropagation: {twin.score(X_test, y_test):.3f}")

# %%
# Whether two such numbers differ is another question: :doc:`plot_fair_comparison`.
