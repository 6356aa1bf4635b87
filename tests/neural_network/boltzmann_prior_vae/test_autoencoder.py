"""The discrete VAE as an estimator: bounds and likelihoods against enumeration, draws, faults."""

import copy
import pickle
import pickletools
import re
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import dwave.samplers
import joblib
import networkx as nx
import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import expit, logsumexp, softmax
from scipy.stats import chisquare, norm
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from torch import nn

from qsklearn import QuantumBoltzmannPriorVAE
from qsklearn.datasets import make_bars_and_stripes
from qsklearn.neural_network._boltzmann_prior_vae._device import resolve_sampler
from qsklearn.neural_network._boltzmann_prior_vae._latent_graph import make_latent_graph
from qsklearn.neural_network._boltzmann_prior_vae._likelihoods import GaussianLikelihood
from qsklearn.neural_network._boltzmann_prior_vae._negative_phase import NegativePhase
from qsklearn.samplers import (
    DimodSampler,
    EmbeddedSampler,
    GibbsSampler,
    MockQPUSampler,
    PathIntegralAnnealingSampler,
    get_sampler_names,
    working_graph,
)

N_PIXELS = 16
# Rates at which tiny models learn much in a second.
FAST = {"learning_rate_init": 0.03, "prior_learning_rate_init": 0.03}
# A device's first programs are of weights near 0, which tell no temperature.
OF_FIRST_PROGRAMS = pytest.mark.filterwarnings("ignore:The draws of MockQPUSampler do not tell")


def make_vae(**changes):
    """A tiny model that is quick to train."""
    settings = dict(
        n_latent=8,
        topology="rbm",
        hidden_layer_sizes=(24,),
        max_iter=2,
        batch_size=40,
        n_chains=64,
        random_state=0,
    )
    return QuantumBoltzmannPriorVAE(**{**settings, **changes})


def all_bits(n_bits):
    return ((np.arange(2**n_bits)[:, None] >> np.arange(n_bits)) & 1).astype(np.float32)


def enumerate_model(vae, X, log_prior=None):
    """What a model with a Bernoulli likelihood says of rows of bits, all latent states summed."""
    states, prior = all_bits(vae.prior_.n_latent), vae.prior_
    spins = 2.0 * states - 1
    energies = spins @ prior.h + 0.5 * np.einsum("si,ij,sj->s", spins, prior.J.toarray(), spins)
    log_partition = logsumexp(-energies)
    log_prior = -energies - log_partition if log_prior is None else log_prior
    networks = vae._state.networks.module
    posterior = networks.posterior
    with torch.no_grad():
        logits = networks.decoder(torch.from_numpy(states)).numpy().astype(float)
        rows = torch.from_numpy(X.astype(np.float32))
        log_q = np.array(
            [
                posterior.log_probability(row[None], torch.from_numpy(states))
                for row in networks.likelihood.standardise(rows)
            ]
        ).astype(float)
    likelihood = X @ logits.T - np.logaddexp(0, logits).sum(axis=1)
    inside = likelihood + log_prior - log_q

    def moments(values):
        mean = (np.exp(log_q) * values).sum(axis=1)
        return mean, (np.exp(log_q) * (values - mean[:, None]) ** 2).sum(axis=1)

    elbo, variance = moments(inside)
    reconstruction, variance_of_reconstruction = moments(likelihood)
    return SimpleNamespace(
        states=states,
        log_partition=log_partition,
        means=expit(logits),
        prior=np.exp(log_prior),
        posterior=np.exp(log_q),
        elbo=elbo,
        variance=variance,
        reconstruction=reconstruction,
        variance_of_reconstruction=variance_of_reconstruction,
        variance_of_kl=moments(inside - likelihood)[1],
        log_likelihood=logsumexp(likelihood + log_prior, axis=1),
    )


def bars(images):
    """Whether each column of an image is all on or all off."""
    return (np.ptp(images.reshape(-1, 4, 4), axis=1) == 0).all(axis=1)


def stripes(images):
    return (np.ptp(images.reshape(-1, 4, 4), axis=2) == 0).all(axis=1)


def assert_same_fit(one, other):
    for name in ("h", "weights", "class_biases", "class_weights"):
        np.testing.assert_array_equal(getattr(one.prior_, name), getattr(other.prior_, name))
    arrays, others = one._state.networks.arrays, other._state.networks.arrays
    assert list(arrays) == list(others)
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, others[name])


@pytest.fixture(scope="module")
def images():
    return make_bars_and_stripes(400, random_state=0)


@pytest.fixture(scope="module")
def X(images):
    return images.data


@pytest.fixture(scope="module")
def noise():
    """Some 250 different images, a tenth of whose pixels are flipped."""
    return np.unique(make_bars_and_stripes(300, noise=0.1, random_state=1).data, axis=0)


@pytest.fixture(scope="module", params=["rbm", "chimera", "bernoulli"])
def fitted(request, X):
    return make_vae(topology=request.param, max_iter=10, **FAST).fit(X)


@pytest.fixture(scope="module")
def rbm(X):
    """For what does not depend on the topology."""
    return make_vae(n_latent=6, max_iter=8, **FAST).fit(X)


@pytest.fixture(scope="module")
def labelled(images):
    """Twenty labels of 400."""
    y = np.where(np.arange(400) < 20, images.target, -1)
    settings = dict(n_latent=12, hidden_layer_sizes=(32,), max_iter=15, batch_size=20, **FAST)
    return make_vae(label_units=True, **settings).fit(images.data, y)


# --- bounds and likelihoods ----------------------------------------------------------------------


def test_the_bound_is_the_exact_one(fitted, noise):
    """Means over different rows of 16 draws each, within 4 standard errors."""
    exact, bound = enumerate_model(fitted, noise), fitted.elbo(noise)
    for name, values, variance in (
        ("elbo", exact.elbo, exact.variance),
        ("reconstruction", exact.reconstruction, exact.variance_of_reconstruction),
        ("kl", exact.reconstruction - exact.elbo, exact.variance_of_kl),
    ):
        error = np.sqrt((variance / 16).sum()) / len(noise)
        assert abs((bound[name] - values).mean()) < 4 * error
    np.testing.assert_allclose(bound["reconstruction"] - bound["kl"], bound["elbo"], atol=1e-9)


def test_the_likelihood_is_the_exact_one(fitted, X):
    rows = np.unique(X, axis=0)
    exact = enumerate_model(fitted, rows).log_likelihood.mean()
    assert abs(fitted.score_samples(rows, n_importance=2000).mean() - exact) < 0.02
    assert abs(fitted.score(rows) - exact) < 0.2


@pytest.mark.parametrize("topology", ["rbm", "chimera", "full", "bernoulli"])
def test_the_partition_function_is_enumerated(topology, X):
    vae = make_vae(n_latent=12, topology=topology, prior_learning_rate_init=1.0).fit(X)
    assert np.abs(vae.prior_.h).max() > 0.2  # log Z is no longer 12 log 2
    assert abs(vae.log_partition_ - enumerate_model(vae, X[:1]).log_partition) < 1e-9


def test_a_rows_likelihood_depends_on_no_other_row(fitted, X):
    rows = X[:30]
    order = np.random.default_rng(0).permutation(30)
    for values_of in (
        lambda rows: fitted.score_samples(rows, n_importance=50),
        lambda rows: fitted.elbo(rows)["elbo"],
        lambda rows: fitted.transform(rows.astype(np.float32)),
    ):
        values = values_of(rows)
        np.testing.assert_array_equal(values_of(rows[order]), values[order])
        np.testing.assert_array_equal(values_of(rows[:7]), values[:7])
        alone = np.concatenate([values_of(row[None]) for row in rows])
        np.testing.assert_array_equal(alone, values)


def test_a_rows_transform_in_double_precision_depends_on_no_other_row(fitted, X):
    whole = fitted.transform(X[:30])
    np.testing.assert_array_equal(
        np.concatenate([fitted.transform(row[None]) for row in X[:30]]), whole
    )
    np.testing.assert_array_equal(fitted.transform(X)[:30], whole)


def test_likelihoods_repeat_themselves(rbm, X):
    np.testing.assert_array_equal(rbm.score_samples(X[:20], 7), rbm.score_samples(X[:20], 7))
    assert rbm.score(X) == rbm.score(X)
    # More draws than go through the decoder together begin with the same ones.
    with rbm._inference() as inference:
        few, many = (inference.terms(X[:3].astype(np.float32), k) for k in (1001, 2500))
    np.testing.assert_allclose(many.log_weights[:, :1001], few.log_weights, atol=1e-4)


def test_the_bound_rises_with_importance_to_the_likelihood(fitted, noise):
    bounds = [fitted.score_samples(noise, k).mean() for k in (8, 64, 512)]
    exact = enumerate_model(fitted, noise).log_likelihood.mean()
    assert fitted.elbo(noise)["elbo"].mean() < bounds[0] < bounds[1] < bounds[2] < exact + 0.02


def test_a_single_draw_is_the_bound(fitted, X):
    """In expectation; here they are of the same stream."""
    single = fitted.score_samples(X[:30], 16)
    bound = fitted.elbo(X[:30])["elbo"]
    assert (single >= bound - 1e-9).all()


def test_training_finds_the_patterns(X):
    """28 of 65,536 images: the log-likelihood of knowing them all is -log 28 = -3.3."""
    before = make_vae(n_latent=12, max_iter=1, learning_rate_init=1e-9).fit(X).score(X)
    vae = make_vae(n_latent=12, max_iter=15, batch_size=20, **FAST).fit(X)
    assert before < -10
    assert -6 < vae.score(X) < -np.log(28)
    drawn = vae.sample(400)
    assert (bars(drawn) | stripes(drawn)).mean() > 0.1  # by chance 30 / 65536
    assert vae.active_units(X).sum() >= 4


def test_the_report_says_how_likelihoods_were_found(rbm, X):
    report = rbm.sampling_report(X, n_importance=200)
    values = rbm.score_samples(X, n_importance=200)
    assert report["log_likelihood"] == pytest.approx(values.mean())
    assert report["log_likelihood_stderr"] == pytest.approx(values.std(ddof=1) / 20)
    assert report["log_partition_lower"] == report["log_partition_upper"] == rbm.log_partition_
    assert (report["n_samples"], report["n_importance"]) == (400, 200)
    assert (report["bound"], report["binarize"], report["binarization_seed"]) == (
        "classical",
        "dynamic",
        0,
    )
    assert 1 <= report["effective_sample_size"] <= 200
    assert report["elbo"] < report["log_likelihood"]


def test_few_effective_draws_are_warned_of(X, noise):
    """A posterior that knows nothing yet, and a prior of one state."""
    vae = make_vae(n_latent=12, max_iter=1).fit(X[:80])
    rng = np.random.default_rng(0)
    vae.prior_ = replace(vae.prior_, h=10 * rng.normal(size=12), weights=10 * rng.normal(size=36))
    with pytest.warns(UserWarning, match=r"Of 200 draws a row some [12]\.\d carry all the weight"):
        vae.score_samples(noise[:20], n_importance=200)


def test_a_wide_bracket_of_log_z_is_warned_of(rbm, X):
    vae = copy.deepcopy(rbm)
    found = vae.prior_.log_partition
    vars(vae.prior_)["log_partition"] = replace(
        found, lower=found.value - 0.06, upper=found.value + 0.06
    )
    with pytest.warns(UserWarning, match=r"log Z is only known to lie between \d+\.\d\d and"):
        vae.score_samples(X[:20])


def test_grey_values_are_binarised_in_one_way_for_all_models(X):
    """Bits of a row come from its content alone: other seeds and models see the same bits."""
    grey = np.random.default_rng(0).random((40, N_PIXELS))
    for settings in (dict(random_state=0), dict(random_state=5, topology="full")):
        vae = make_vae(**settings).fit(X)
        with vae._inference() as inference:
            seen = inference._evaluator._rows(grey.astype(np.float32), "dynamic")
            bits = np.concatenate([x.numpy() for x, _ in seen])
        assert set(np.unique(bits)) == {0, 1}
        if settings["random_state"] == 0:
            first = bits
    np.testing.assert_array_equal(bits, first)
    assert abs((bits - grey).mean()) < 4 * np.sqrt(1 / 6 / grey.size)


@pytest.mark.parametrize("binarize", ["threshold", None])
def test_binarisation_is_as_asked_for(X, binarize):
    """Cut at 1/2 grey rows are those bits; as they are, they have a likelihood of their own."""
    vae = make_vae(binarize=binarize).fit(X)
    grey = np.where(X[:20] > 0, 0.8, 0.3)
    exact = enumerate_model(vae, X[:20] if binarize else grey)
    assert abs(vae.score_samples(grey, 2000).mean() - exact.log_likelihood.mean()) < 0.02


# --- features ------------------------------------------------------------------------------------


def test_features_are_the_posteriors_means(fitted, X):
    """Of the first group exactly; the second's are given the first's probabilities."""
    exact = enumerate_model(fitted, X[:10])
    first = fitted.prior_.graph.groups == 0
    Z = fitted.transform(X[:10])
    assert Z.dtype == np.float32 and Z.shape == (10, 8)
    np.testing.assert_allclose(Z[:, first], (exact.posterior @ exact.states)[:, first], atol=1e-5)
    assert fitted.transform(X[:10].astype(np.float32)).dtype == np.float32
    variances = fitted.transform(X).var(axis=0)
    np.testing.assert_array_equal(fitted.active_units(X), variances > 0.01)


def test_means_of_features_are_probabilities(rbm):
    means = rbm.inverse_transform(all_bits(6))
    assert means.shape == (64, N_PIXELS)
    assert ((means > 0) & (means < 1)).all()
    drawn = np.mean([rbm.sample(500, random_state=seed).mean(axis=0) for seed in range(4)], axis=0)
    exact = enumerate_model(rbm, np.zeros((1, N_PIXELS)))
    np.testing.assert_allclose(means, exact.means, atol=1e-6)
    expected = exact.prior @ means
    assert (np.abs(drawn - expected) < 4 * np.sqrt(0.25 / 2000)).all()


def test_bits_are_drawn_from_the_prior(fitted, ising):
    prior = fitted.prior_
    law = ising.enumerate(prior.h, prior.J.toarray(), 1.0)
    bits = fitted.sample_latent(4000, random_state=1)
    assert bits.shape == (4000, 8)
    assert ising.p_value((2 * bits - 1).astype(np.int8), law) > 1e-3


def test_draws_repeat_themselves_where_the_seed_is_a_number(rbm):
    np.testing.assert_array_equal(rbm.sample(20), rbm.sample(20))
    np.testing.assert_array_equal(rbm.sample(20, random_state=3), rbm.sample(20, random_state=3))
    assert not np.array_equal(rbm.sample(20), rbm.sample(20, random_state=3))
    generator = np.random.RandomState(0)
    assert not np.array_equal(
        rbm.sample(20, random_state=generator), rbm.sample(20, random_state=generator)
    )


@pytest.mark.parametrize("random_state", [None, np.random.RandomState(0)])
def test_draws_differ_where_the_estimators_seed_is_no_number(rbm, random_state):
    vae = copy.deepcopy(rbm).set_params(random_state=random_state)
    holes = np.full((20, N_PIXELS), np.nan)
    for draw in (
        lambda **seed: vae.sample(20, **seed),
        lambda **seed: vae.sample_latent(20, **seed),
        lambda **seed: vae.inpaint(holes, n_iter=2, **seed),
    ):
        assert not np.array_equal(draw(), draw())
        np.testing.assert_array_equal(draw(random_state=3), draw(random_state=3))


def test_names_of_features_and_data_frames(X):
    vae = make_vae(n_latent=3).set_output(transform="pandas").fit(X)
    frame = vae.transform(X[:5])
    assert isinstance(frame, pd.DataFrame)
    names = [f"quantumboltzmannpriorvae{unit}" for unit in range(3)]
    assert list(frame.columns) == vae.get_feature_names_out().tolist() == names
    named = make_vae(n_latent=3).fit(pd.DataFrame(X, columns=[f"p{i}" for i in range(16)]))
    assert named.feature_names_in_[3] == "p3"
    np.testing.assert_array_equal(frame.to_numpy(), vae.set_output(transform="default")
                                  .transform(X[:5]))  # fmt: skip


def test_a_pipeline_and_a_search(images):
    X = 5 + 3 * images.data + 0.1 * np.random.default_rng(0).random(images.data.shape)
    pipeline = make_pipeline(
        MinMaxScaler(clip=True),
        make_vae(n_latent=12, max_iter=25, tau=0.5, likelihood="bernoulli", **FAST),
        LogisticRegression(),
    ).fit(X, images.target)
    assert pipeline.score(X, images.target) > 0.75  # of pixels .55
    grid = {"topology": ["rbm", "bernoulli"], "tau": [0.5, (1.0, 0.3)]}
    search = GridSearchCV(make_vae(likelihood="bernoulli"), grid, cv=2).fit(images.data[:160])
    scores = search.cv_results_["mean_test_score"]
    assert scores.shape == (4,) and len(set(scores)) == 4 and (scores < -3.3).all()
    assert search.best_score_ == scores.max()
    assert search.score(images.data) == search.best_estimator_.score(images.data)


def test_values_that_rounding_puts_beyond_1_are_fine_in_transform_as_in_fit():
    """MinMaxScaler makes 1 + 2e-16 of the largest values of some columns."""
    raw = np.random.default_rng(0).normal(size=(50, 200))
    X = MinMaxScaler().fit_transform(raw)
    assert X.max() > 1
    vae = make_vae(likelihood="bernoulli").fit(X)
    assert np.isfinite(vae.score(X))
    assert vae.transform(X).shape == (50, 8)


# --- labels --------------------------------------------------------------------------------------


def test_labels_are_ignored_without_label_units(images):
    with_labels, without = (make_vae().fit(images.data, y) for y in (images.target, None))
    assert_same_fit(with_labels, without)
    assert with_labels.score(images.data, images.target) == without.score(images.data)
    for name in ("predict", "predict_proba"):
        assert not hasattr(without, name)
    assert not hasattr(without, "classes_")
    with pytest.raises(ValueError, match="'label_units' parameter .* must be True .* Got False"):
        without.sample(2, y=0)


def test_few_labels_tell_bars_from_stripes(labelled, images):
    unlabelled = slice(20, None)
    right = labelled.predict(images.data[unlabelled]) == images.target[unlabelled]
    assert right.mean() > 0.85
    probabilities = labelled.predict_proba(images.data)
    assert probabilities.shape == (400, 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_array_equal(labelled.classes_, [0, 1])
    np.testing.assert_array_equal(labelled.predict(images.data), probabilities.argmax(axis=1))


def test_predictions_are_means_over_the_posterior_of_the_class_given_the_bits(labelled, X):
    """Of 32 draws: the mean over distinct rows within 4 standard errors."""
    rows = np.unique(X, axis=0)
    exact = enumerate_model(labelled, rows)
    given = softmax(labelled.prior_.class_logits(exact.states), axis=1)[:, 1]
    means = exact.posterior @ given
    variances = exact.posterior @ given**2 - means**2
    error = np.sqrt((variances / 32).sum()) / len(rows)
    got = labelled.predict_proba(rows)[:, 1]
    assert abs((got - means).mean()) < 4 * error + 1e-6
    alone = np.concatenate([labelled.predict_proba(row[None]) for row in rows])
    np.testing.assert_array_equal(alone[:, 1], got)


def test_images_are_drawn_of_a_class(labelled):
    drawn = [labelled.sample(300, y=label) for label in (0, 1)]
    chances = np.array([[shape(images).mean() for shape in (bars, stripes)] for images in drawn])
    # By chance an image is one of the 16 of either class in 0.02 % of all draws.
    assert chances[0, 0] > 5 * chances[0, 1] and chances[1, 1] > 5 * chances[1, 0]
    assert min(chances[0, 0], chances[1, 1]) > 0.05
    mixed = labelled.sample(4, y=[0, 1, 1, 0])
    assert mixed.shape == (4, N_PIXELS)


def test_bits_of_a_class_follow_the_prior_given_it(labelled):
    """Means of all bits, within 4 standard errors."""
    for label in (0, 1):
        prior = labelled.prior_.given_class(label)
        states = all_bits(12)
        law = softmax(-prior.energies(states))
        drawn = labelled.sample_latent(4000, y=label).mean(axis=0)
        means = law @ states
        assert (np.abs(drawn - means) < 4 * np.sqrt(means * (1 - means) / 4000) + 1e-3).all()


def test_the_partition_function_with_three_classes_is_enumerated(images):
    """Of more than two classes the biases' sum does not stay 0."""
    y = np.where(images.data[:, 0] > 0, 2, images.target)
    vae = make_vae(label_units=True, prior_learning_rate_init=0.3).fit(images.data, y)
    states = all_bits(8)
    spins = 2.0 * states - 1
    energies = spins @ vae.prior_.h + 0.5 * ((spins @ vae.prior_.J.toarray()) * spins).sum(axis=1)
    joint = vae.prior_.class_biases + spins @ vae.prior_.class_weights - energies[:, None]
    assert abs(vae.log_partition_ - logsumexp(joint)) < 1e-9


def test_the_bound_with_a_class_unit_sums_classes_out(labelled, noise):
    states = all_bits(12)
    energies = labelled.prior_.energies(states)
    assert abs(labelled.log_partition_ - logsumexp(-energies)) < 1e-9
    exact = enumerate_model(labelled, noise, -energies - logsumexp(-energies))
    error = np.sqrt((exact.variance / 16).sum()) / len(noise)
    assert abs((labelled.elbo(noise)["elbo"] - exact.elbo).mean()) < 4 * error


def test_names_of_classes_may_be_strings_in_an_array_of_objects(images):
    y = np.array(["bar", "stripe"], dtype=object)[images.target]
    y[40:] = -1
    vae = make_vae(label_units=True, max_iter=1).fit(images.data, y)
    assert vae.classes_.tolist() == ["bar", "stripe"]
    assert set(vae.predict(images.data)) <= {"bar", "stripe"}
    assert vae.sample(3, y="bar").shape == (3, N_PIXELS)
    with pytest.raises(ValueError, match=r"\['bar', 'stripe'\]. Got \['dot'\] as well"):
        vae.sample(2, y=["bar", "dot"])


def test_minus_one_as_a_string_is_no_class(images):
    """A list of strings and -1 becomes an array of strings."""
    y = [["bar", "stripe"][label] for label in images.target[:40]] + [-1] * 360
    vae = make_vae(label_units=True, max_iter=1)
    try:
        vae.fit(images.data, y)
    except ValueError as error:
        assert "-1" in str(error)
    else:
        assert vae.classes_.tolist() == ["bar", "stripe"]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (lambda y: None, "needs y: classes, -1 where unknown. Got None"),
        (lambda y: np.where(y == 0, 0, -1), r"labels of at least 2 classes .* Got \[0\]"),
        (lambda y: np.full(len(y), -1), r"labels of at least 2 classes .* Got \[\]"),
        (lambda y: y[:-1], "must have a label a row of X, 400, .* Got 399"),
    ],
)
def test_what_are_no_labels_is_refused(images, labels, message):
    with pytest.raises(ValueError, match=message):
        make_vae(label_units=True).fit(images.data, labels(images.target))


@pytest.mark.parametrize(
    ("missing", "dtype"),
    [(np.nan, float), (None, object), (pd.NA, object), (pd.NA, "Int64"), (pd.NA, "string")],
    ids=str,
)
def test_what_is_missing_is_no_class(images, missing, dtype):
    """And the message says so, rather than of a first call."""
    labels = [str(label) if dtype == "string" else label for label in images.target[:30].tolist()]
    y = pd.Series(labels + [missing] * 370, dtype=dtype)
    for given in (y, y.to_numpy()):
        with pytest.raises(ValueError, match="Got (nan|None|<NA>) instead; put -1 there"):
            make_vae(label_units=True).fit(images.data, given)


def test_numbers_that_are_no_classes_are_refused(images):
    vae = make_vae(label_units=True, max_iter=1)
    y = images.target + 0.25
    y[40:] = -1
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        vae.fit(images.data, y)
    assert vae.fit(images.data, np.floor(y)).classes_.tolist() == [0, 1]


def test_few_labels_of_many_classes_are_not_warned_of(images):
    """scikit-learn would: of 25 labels 13 are different."""
    y = np.where(np.arange(400) < 25, np.arange(400) // 2, -1.0)
    assert len(make_vae(label_units=True, max_iter=1).fit(images.data, y).classes_) == 13


def test_classes_are_not_predicted_before_a_fit(X):
    for method in ("predict", "predict_proba"):
        with pytest.raises(NotFittedError):
            getattr(make_vae(label_units=True), method)(X)


def test_names_of_classes_are_cross_validated_by_folds_without_strata(images):
    y = np.array(["bar", "stripe"], dtype=object)[images.target]
    y[::2] = -1
    scores = cross_validate(
        make_vae(label_units=True, max_iter=1), images.data, y, cv=KFold(2), error_score="raise"
    )
    assert (scores["test_score"] < -np.log(28)).all()  # likelihoods


def test_classes_that_were_not_there_in_the_first_call_are_refused(images, labelled):
    vae = copy.deepcopy(labelled)
    with pytest.raises(ValueError, match=r"classes of the first call, \[0, 1\].* Got \[2\]"):
        vae.partial_fit(images.data, images.target + 1)
    with pytest.raises(ValueError, match=r"y must hold classes of \[0, 1\]. Got \[7\] as well"):
        vae.sample(2, y=7)
    assert_same_fit(vae, labelled)


def test_a_wrong_number_of_classes_to_draw_is_refused(labelled):
    with pytest.raises(ValueError, match=r"\by\b.*\b3\b.*\b2\b") as refusal:
        labelled.sample(3, y=[0, 1])
    assert "remapped" not in str(refusal.value)


def test_classes_may_be_told_before_they_come(images):
    vae = make_vae(label_units=True)
    nothing = np.full(400, -1)
    vae.partial_fit(images.data, nothing, classes=[0, 1])
    vae.partial_fit(images.data, images.target)
    np.testing.assert_array_equal(vae.classes_, [0, 1])
    assert vae.prior_.n_classes == 2


# --- samplers ------------------------------------------------------------------------------------


@OF_FIRST_PROGRAMS
@pytest.mark.parametrize("name", sorted(set(get_sampler_names()) - {"aer", "dwave"}))
def test_every_sampler_trains_a_model(X, name):
    vae = make_vae(n_latent=6, sampler=name).fit(X[:80])
    assert vae.stop_reason_ == "max_iter" and vae.cost_["calls"] >= 4
    assert np.isfinite(vae.score(X[:20]))
    drawn = vae.sample(5)
    assert drawn.shape == (5, N_PIXELS) and set(np.unique(drawn)) <= {0, 1}


@pytest.mark.parametrize(
    "sampler",
    [
        "exact",
        pytest.param("annealing", marks=pytest.mark.slow),
        pytest.param("population", marks=pytest.mark.slow),
        pytest.param("tempering", marks=pytest.mark.slow),
        pytest.param("path-integral", marks=pytest.mark.slow),
    ],
)
def test_other_samplers_train_as_well_as_gibbs(X, sampler, rbm):
    vae = make_vae(n_latent=6, max_iter=8, sampler=sampler, **FAST).fit(X)
    assert abs(vae.score(X) - rbm.score(X)) < 0.7  # of 3 nats and more that a training gains


def test_samplers_with_parameters_of_their_own(X):
    vae = make_vae(sampler=PathIntegralAnnealingSampler(num_sweeps=20, num_slices=4)).fit(X[:80])
    assert vae.sampler_.get_params()["num_slices"] == 4
    assert np.isfinite(vae.score(X[:20]))
    vae = make_vae(sampler=GibbsSampler(num_sweeps=7))
    assert vae.get_params()["sampler__num_sweeps"] == 7
    copied = clone(vae).set_params(sampler__num_sweeps=9)
    assert copied.sampler.num_sweeps == 9 and vae.sampler.num_sweeps == 7
    # Chains go on by the estimator's number of sweeps, whatever the sampler's own.
    assert_same_fit(vae.fit(X[:80]), copied.fit(X[:80]))


class Recorded(dwave.samplers.SimulatedAnnealingSampler):
    """Somebody else's sampler, whose parameters list initial_states."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def sample(self, bqm, **arguments):
        self.calls.append(set(arguments))
        return super().sample(bqm, **arguments)


@pytest.mark.filterwarnings("ignore:The draws of Recorded")
def test_a_wrapped_sampler_starts_anew_in_each_step_by_its_own_number_of_sweeps(X):
    vae = make_vae(sampler=DimodSampler(Recorded()), n_chains=20).fit(X[:80])
    calls = vae.sampler.sampler.calls
    assert len(calls) == 5  # of which one is a trial
    assert all(call == {"num_reads", "seed"} for call in calls)
    assert vae.sample(3).shape == (3, N_PIXELS)


def test_the_exact_law_with_a_class_unit(images):
    vae = make_vae(n_latent=4, topology="full", label_units=True, sampler="exact", **FAST)
    vae.fit(images.data, images.target)
    states = all_bits(4)
    means = softmax(-vae.prior_.energies(states)) @ states
    drawn = vae.sample_latent(4000).mean(axis=0)
    assert (np.abs(drawn - means) < 4 * np.sqrt(means * (1 - means) / 4000)).all()


def test_chains_take_as_many_sweeps_as_asked_for(X):
    """100 in the first call, whose chains start at random, and then the estimator's number."""
    vae = make_vae(num_sweeps=3).fit(X[:80])
    assert vae.cost_["calls"] == 4
    assert vae.cost_["sweeps"] == 64 * (100 + 3 * 3)
    assert vae.cost_["reads"] == 4 * 64


# --- devices -------------------------------------------------------------------------------------

BROKEN_NODES, BROKEN_EDGES = (1, 6, 20), ((8, 12), (9, 13))


def make_device(**changes):
    settings = dict(
        topology_type="chimera",
        topology_shape=[2, 2, 4],
        broken_nodes=BROKEN_NODES,
        broken_edges=BROKEN_EDGES,
        device_beta=2.0,
        num_sweeps=20,
        seed=0,
    )
    return EmbeddedSampler(MockQPUSampler("ideal", **{**settings, **changes}))


@OF_FIRST_PROGRAMS
def test_on_a_device_each_unit_is_a_working_qubit(X):
    vae = make_vae(n_latent=28, topology="chimera", sampler=make_device()).fit(X)
    graph, chip = vae.prior_.graph, working_graph(vae.sampler.sampler)
    assert not set(graph.nodes.tolist()) & set(BROKEN_NODES)
    assert all(chip.has_edge(*graph.nodes[edge].tolist()) for edge in graph.edges)
    chains = vae.sampler_.embedding
    assert {place: (node,) for place, node in enumerate(graph.nodes.tolist())} == chains
    assert vae.sampler.embedding is None  # the user's is left alone
    assert vae.sample(3).shape == (3, N_PIXELS)


@OF_FIRST_PROGRAMS
def test_the_temperature_of_a_device_is_found_and_recorded(X):
    vae = make_vae(
        n_latent=28, topology="chimera", sampler=make_device(), max_iter=12,
        prior_learning_rate_init=0.1, n_chains=200, batch_size=100,
    ).fit(X)  # fmt: skip
    found, error = vae.history_["beta_eff"][-1], vae.history_["beta_eff_stderr"][-1]
    assert 0 < error < 0.3
    assert abs(found - 2.0) < 4 * error + 0.05
    assert all(0 <= fraction <= 1 for fraction in vae.history_["clipped_fraction"])


@pytest.mark.slow
@OF_FIRST_PROGRAMS
def test_on_a_device_a_model_trains_as_by_gibbs(X):
    settings = dict(n_latent=10, topology="chimera", max_iter=6, **FAST)
    by_device = make_vae(**settings, sampler=make_device(broken_nodes=(), broken_edges=()))
    by_gibbs = make_vae(**settings).fit(X)
    np.testing.assert_array_equal(by_device.fit(X).prior_.graph.edges, by_gibbs.prior_.graph.edges)
    assert abs(by_device.score(X) - by_gibbs.score(X)) < 0.7


def test_a_prior_beyond_the_devices_range_is_clipped_and_its_share_recorded(X):
    """A device believed to be hot: at β_eff 0.1 couplings are at most 0.1."""
    vae = make_vae(
        topology="chimera", sampler=make_device(), beta_eff=0.1, prior_learning_rate_init=0.3
    ).fit(X)
    device = vae.sampler.sampler.properties
    low, high = (0.1 * end for end in device["extended_j_range"])
    prior = vae.prior_
    assert low - 1e-6 <= prior.weights.min() and prior.weights.max() <= high + 1e-6
    assert np.abs(prior.h).max() <= 0.1 * device["h_range"][1] + 1e-6
    assert max(vae.history_["clipped_fraction"]) > 0.1
    assert vae.history_["beta_eff"] == [0.1, 0.1]


@pytest.mark.parametrize(
    ("settings", "couplings"),
    [
        ({}, (-0.2, 0.1)),
        ({"num_spin_reversal_transforms": 2}, (-0.1, 0.1)),  # gauges turn signs
        ({"scaling": "clip"}, (-0.2, 0.1)),
        ({"scaling": "scale"}, None),
        ({"scaling": "raise"}, None),
    ],
)
def test_the_prior_is_kept_within_what_can_be_programmed(settings, couplings):
    device = make_device().set_params(**settings)
    assert device.sampler.properties["extended_j_range"] == [-2.0, 1.0]
    limits = resolve_sampler(device, "chimera", 8, "chains", 0, "this").limits
    if couplings is None:  # larger programs are no clipped ones
        assert limits is None
    else:
        fields, of_couplings = limits(0.1)
        assert fields == pytest.approx((-0.4, 0.4)) and of_couplings == pytest.approx(couplings)


def test_isolated_qubits_are_fine(X):
    graph = nx.Graph([(2, 4), (2, 5)])
    graph.add_nodes_from([16, 17])
    vae = make_vae(n_latent=5, topology=graph, sampler=make_device(), beta_eff=2.0).fit(X[:80])
    assert sorted(vae.sampler_.embedding.values()) == [(2,), (4,), (5,), (16,), (17,)]
    assert vae.prior_.graph.n_edges == 2
    assert abs(vae.log_partition_ - enumerate_model(vae, X[:1]).log_partition) < 1e-9


@OF_FIRST_PROGRAMS
@pytest.mark.parametrize("topology", ["rbm", "full"])
def test_another_topology_is_embedded_on_a_device(X, topology):
    vae = make_vae(n_latent=6, topology=topology, sampler=make_device()).fit(X[:80])
    assert vae.sampler_.embedding is None and vae.stop_reason_ == "max_iter"
    assert vae.prior_.graph.n_edges == {"rbm": 9, "full": 15}[topology]
    assert vae.sample(3).shape == (3, N_PIXELS)


def test_more_units_than_working_qubits_are_refused(X):
    with pytest.raises(ValueError, match="at most 29, the qubits that work .* Got 30"):
        make_vae(n_latent=30, topology="chimera", sampler=make_device()).fit(X)


# --- training that goes on -----------------------------------------------------------------------

TOPOLOGIES = ["rbm", "chimera", "pegasus", "zephyr", "full", "bernoulli"]


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("posterior", ["hierarchical", "factorial"])
def test_training_goes_on_with_the_same_graph(X, topology, posterior):
    vae = make_vae(n_latent=11, topology=topology, posterior=posterior).fit(X[:80])
    before, h = vae.prior_.graph, vae.prior_.h
    vae.partial_fit(X[:80])
    after = vae.prior_.graph
    for name in ("nodes", "edges", "groups"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
    assert after.topology == topology
    assert 0 < np.abs(vae.prior_.h - h).max() < 0.1


@OF_FIRST_PROGRAMS
def test_training_goes_on_with_the_same_qubits_of_a_device(X):
    vae = make_vae(n_latent=11, topology="chimera", sampler=make_device(), warm_start=True).fit(
        X[:80]
    )
    before, chains = vae.prior_.graph, vae.sampler_.embedding
    vae.fit(X[:80])
    np.testing.assert_array_equal(vae.prior_.graph.nodes, before.nodes)
    np.testing.assert_array_equal(vae.prior_.graph.edges, before.edges)
    assert vae.sampler_.embedding == chains


def test_training_goes_on_with_a_users_graph(X):
    graph = nx.Graph([("a", "x"), ("b", "x"), ("b", "y")])
    vae = make_vae(n_latent=4, topology=graph, warm_start=True).fit(X[:80]).fit(X[:80])
    assert vae.prior_.graph.nodes.tolist() == ["a", "x", "b", "y"]
    assert vae.prior_.graph.n_edges == 3
    assert set(vae.prior_.to_bqm().variables) == {"a", "b", "x", "y"}


def test_partial_fits_go_through_the_data_once_each(X):
    vae = make_vae(max_iter=3, tau=(1.0, 0.25))
    taus = []
    for _ in range(5):
        vae.partial_fit(X)
        assert vae.n_iter_ == len(vae.history_["elbo"]) == 1
        assert vae.cost_["calls"] == 10
        taus += vae.history_["tau"]
    assert (np.diff(taus[:3]) < 0).all()
    assert taus[2:] == pytest.approx([0.25] * 3)  # schedules stay at their ends


def test_partial_fits_raise_the_likelihood(X):
    vae = make_vae(max_iter=10, **FAST).partial_fit(X)
    first = vae.score(X)
    for _ in range(9):
        vae.partial_fit(X)
    assert vae.score(X) > first + 2


def test_a_warm_start_goes_on_from_the_last_fit(rbm, X):
    vae = copy.deepcopy(rbm).set_params(warm_start=True, max_iter=4).fit(X)
    assert vae.n_iter_ == 4 and vae.history_["kl_weight"] == [1.0] * 4
    assert vae.history_["elbo"][0] > rbm.history_["elbo"][0] + 2
    assert vae.score(X) > rbm.score(X) - 0.1
    anew = copy.deepcopy(rbm).fit(X)  # without it the fit is the first one once more
    assert_same_fit(anew, rbm)


CHANGES = [
    ({"topology": "full"}, "'topology' .* must stay 'rbm' .* Got 'full' instead; fit a clone"),
    ({"topology": nx.path_graph(6)}, "'topology' .* must stay 'rbm' .* Got <networkx"),
    ({"topology": "rign"}, "'topology' .* must stay 'rbm' .* Got 'rign'"),
    ({"mapping": "bipartite"}, "'mapping' .* must stay 'chains' .* Got 'bipartite'"),
    ({"likelihood": "gaussian"}, "'likelihood' .* must stay 'bernoulli' .* Got 'gaussian'"),
    ({"encoder": nn.Linear(16, 4)}, "'encoder' .* must stay what it was .* Got Linear instead"),
    ({"decoder": nn.Linear(6, 16)}, "'decoder' .* must stay what it was .* Got Linear instead"),
    ({"n_latent": 7}, "'n_latent' .* must stay 6 .* Got 7"),
    ({"posterior": "factorial"}, "'posterior' .* must stay what it was .* Got 'factorial'"),
]


@pytest.mark.parametrize(
    ("changes", "message"),
    CHANGES,
    ids=[f"{'-'.join(given)}-{at}" for at, (given, _) in enumerate(CHANGES)],
)
def test_what_must_stay_where_training_goes_on_is_refused(rbm, X, changes, message):
    vae = copy.deepcopy(rbm).set_params(warm_start=True, **changes)
    for fit in (vae.fit, vae.partial_fit):
        with pytest.raises(ValueError, match=message):
            fit(X[:80])
    assert_same_fit(vae, rbm)


def test_networks_and_graphs_of_the_user_stay_the_same_in_copies(own, X):
    encoder, decoder = own
    graph = nx.path_graph(8)
    vae = make_vae(
        encoder=encoder, decoder=decoder, image_shape=(1, 4, 4), topology=graph, warm_start=True
    ).fit(X[:80])
    for again in (vae, copy.deepcopy(vae), pickle.loads(pickle.dumps(vae))):
        again.fit(X[:80])
    with pytest.raises(ValueError, match="'encoder' .* must stay what it was .* Got Sequential"):
        vae.set_params(encoder=copy.deepcopy(encoder)).fit(X[:80])
    with pytest.raises(ValueError, match="'topology' .* must stay what it was .* Got <networkx"):
        vae.set_params(encoder=encoder, topology=nx.cycle_graph(8)).fit(X[:80])


@pytest.mark.parametrize("n_chains", [32, 100])
def test_another_number_of_chains_starts_them_anew(rbm, X, n_chains):
    vae = copy.deepcopy(rbm).set_params(n_chains=n_chains, num_sweeps=3).partial_fit(X[:80])
    assert vae._state.chains.shape == (n_chains, 6)
    assert vae.cost_["sweeps"] == n_chains * (100 + 3)


def test_several_draws_a_row_and_a_temperature_that_falls(X):
    vae = make_vae(max_iter=4, importance=((1, 4), (2, 2), (4, 1)), tau=(1.0, 0.2)).fit(X)
    taus = vae.history_["tau"]
    assert 0.2 == pytest.approx(taus[-1]) and taus[0] < 1 and (np.diff(taus) < 0).all()
    assert vae.score(X) < -3.3


@pytest.mark.parametrize("settings", [{}, {"topology": "bernoulli"}, {"likelihood": "gaussian"}])
def test_the_history_has_a_value_an_epoch(X, settings):
    vae = make_vae(max_iter=3, **settings).fit(X[:80])
    assert set(vae.history_) == {
        "elbo", "reconstruction", "kl", "log_partition", "n_active", "mean_abs_weight",
        "mean_abs_field", "clipped_fraction", "beta_eff", "beta_eff_stderr", "kl_weight", "tau",
    }  # fmt: skip
    assert all(len(values) == vae.n_iter_ == 3 for values in vae.history_.values())
    assert np.isfinite(list(vae.history_.values())).all()
    elbo = np.subtract(vae.history_["reconstruction"], vae.history_["kl"])
    np.testing.assert_allclose(elbo, vae.history_["elbo"])
    assert vae.history_["mean_abs_field"][-1] == pytest.approx(np.abs(vae.prior_.h).mean())


# --- Gaussian likelihood -------------------------------------------------------------------------


def test_the_gaussian_likelihood_is_the_normal_density():
    rng = np.random.default_rng(0)
    location, scale, log_noise = rng.normal(size=5), rng.uniform(0.5, 20, 5), rng.normal(size=5)
    likelihood = GaussianLikelihood(location, scale)
    with torch.no_grad():
        likelihood.log_noise.copy_(torch.from_numpy(log_noise))
    outputs, x = rng.normal(size=(7, 5)), 10 * rng.normal(size=(7, 5))
    got = likelihood(torch.from_numpy(outputs), torch.from_numpy(x)).detach().numpy()
    expected = norm.logpdf(x, location + scale * outputs, scale * np.exp(log_noise)).sum(axis=1)
    np.testing.assert_allclose(got, expected, rtol=1e-5)
    drawn = likelihood.draw(torch.zeros(20_000, 5), rng).detach().numpy()
    error = scale * np.exp(log_noise) / np.sqrt(20_000)
    assert (np.abs(drawn.mean(axis=0) - location) < 4 * error).all()
    np.testing.assert_allclose(drawn.std(axis=0), scale * np.exp(log_noise), rtol=0.03)


def exact_gaussian_likelihood(vae, X):
    states = torch.from_numpy(all_bits(vae.prior_.n_latent))
    networks = vae._state.networks.module
    with torch.no_grad():
        parts = [networks.log_likelihood(states, row[None]) for row in torch.from_numpy(X).float()]
    log_prior = -vae.prior_.energies(states.numpy()) - vae.log_partition_
    return logsumexp(torch.stack(parts).double().numpy() + log_prior, axis=1)


def test_other_units_shift_the_gaussian_likelihood_by_their_logarithm(X):
    rows = X + 0.3 * np.random.default_rng(0).normal(size=X.shape)
    plain, larger = (make_vae(n_latent=6, max_iter=3).fit(factor * rows) for factor in (1.0, 10.0))
    assert plain.likelihood_ == larger.likelihood_ == "gaussian"
    shift = -N_PIXELS * np.log(10)
    exact = exact_gaussian_likelihood(plain, rows).mean()
    exact_of_larger = exact_gaussian_likelihood(larger, 10 * rows).mean()
    assert abs(exact_of_larger - exact - shift) < 1e-3
    # Draws are of the rows' contents, which are others.
    assert abs(plain.score_samples(rows, 500).mean() - exact) < 0.02
    assert abs(larger.score(10 * rows) - plain.score(rows) - shift) < 0.1
    np.testing.assert_allclose(larger.transform(10 * rows), plain.transform(rows), atol=1e-3)


def test_constant_columns_are_fine_with_a_gaussian_likelihood(X):
    rows = np.column_stack([X + 0.1, np.full(len(X), 7.3), np.full(len(X), -1e6)])
    vae = make_vae().fit(rows)
    assert np.isfinite(vae.score(rows)) and np.isfinite(vae.elbo(rows)["elbo"]).all()
    means = vae.inverse_transform(vae.transform(rows[:5]))
    assert np.abs(means[:, 16] - 7.3).max() < 2
    assert vae.sample(3).shape == (3, 18)


def test_the_likelihood_is_chosen_by_the_data_unless_named(X):
    assert make_vae().fit(X).likelihood_ == "bernoulli"
    assert make_vae().fit(2 * X).likelihood_ == "gaussian"
    assert make_vae(likelihood="gaussian").fit(X).likelihood_ == "gaussian"
    vae = make_vae().fit(2 * X)
    drawn = vae.sample(50)
    assert len(np.unique(drawn)) == drawn.size  # continuous
    assert np.abs(drawn.mean() - (2 * X).mean()) < 0.3


# --- networks of the user ------------------------------------------------------------------------


def make_own(n_latent=8):
    encoder = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.1),
        nn.Flatten(), nn.Linear(64, 12), nn.ReLU(),
    )  # fmt: skip
    decoder = nn.Sequential(
        nn.Linear(n_latent, 32), nn.ReLU(), nn.Linear(32, 16), nn.Unflatten(1, (1, 4, 4))
    )
    return encoder, decoder


@pytest.fixture
def own():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return make_own()


def test_networks_of_the_user_train_and_are_left_as_they_were(own, X):
    encoder, decoder = own
    before = [copy.deepcopy(network.state_dict()) for network in own]
    settings = dict(image_shape=(1, 4, 4), max_iter=6, **FAST)
    vae = make_vae(encoder=encoder, decoder=decoder, **settings).fit(X)
    for network, weights in zip(own, before, strict=True):
        assert network.training
        for name, value in network.state_dict().items():
            assert torch.equal(value, weights[name])
    assert vae.history_["elbo"][-1] > vae.history_["elbo"][0]
    exact = enumerate_model(vae, np.unique(X, axis=0)).log_likelihood.mean()
    assert abs(vae.score_samples(np.unique(X, axis=0), 2000).mean() - exact) < 0.02
    again = make_vae(encoder=encoder, decoder=decoder, **settings).fit(X)  # dropout, too
    assert_same_fit(vae, again)
    assert clone(vae).encoder is not encoder
    copied = pickle.loads(pickle.dumps(vae))
    np.testing.assert_array_equal(copied.elbo(X)["elbo"], vae.elbo(X)["elbo"])


def test_gated_convolutions_train(X):
    vae = make_vae(architecture="gated_conv", image_shape=(1, 4, 4), max_iter=1).fit(X[:80])
    assert np.isfinite(vae.score(X[:10]))


@pytest.mark.parametrize(
    ("networks", "message"),
    [
        ({"decoder": nn.Linear(8, 15)}, "'decoder' .* 8 latent units .* 16 features .* 15 outputs"),
        ({"decoder": nn.Linear(7, 16)}, r"'decoder' .* \(n_samples, 8\).* Linear.*7x16"),
        ({"encoder": nn.Linear(15, 4)}, r"'encoder' .* \(n_samples, 16\).* Linear.*15x4"),
        ({"encoder": nn.Conv2d(1, 2, 3)}, r"'encoder' .* \(n_samples, 16\).* Got Conv2d"),
        (
            {"encoder": nn.Conv2d(3, 2, 3), "image_shape": (1, 4, 4)},
            r"'encoder' .* \(n_samples, 1, 4, 4\).* Got Conv2d.*3 channels",
        ),
        (
            {"decoder": nn.Unflatten(0, (1, 2))},
            "'decoder' .* one row for each .* Unflatten.* of 2 rows",
        ),
        ({"encoder": nn.GRU(16, 4)}, "'encoder' .* one tensor, .* Got GRU, which makes a tuple"),
        ({"decoder": nn.GRU(8, 16)}, "'decoder' .* one tensor, .* Got GRU, which makes a tuple"),
        (
            {"encoder": nn.Linear(16, 4, dtype=torch.float64)},
            r"'encoder' .* single precision. Got Linear .*torch.float64 .* encoder.float\(\)",
        ),
        (
            {"decoder": nn.Linear(8, 16, dtype=torch.float64)},
            r"'decoder' .* single precision. Got Linear .*torch.float64 .* decoder.float\(\)",
        ),
        ({"encoder": "conv"}, "'encoder' .* torch.nn.Module or None. Got 'conv'"),
        ({"decoder": nn.Linear}, "'decoder' .* torch.nn.Module or None. Got <class"),
    ],
)
def test_networks_that_do_not_fit_are_refused_with_both_numbers(X, networks, message):
    with pytest.raises(ValueError, match=message):
        make_vae(**networks).fit(X)


# --- missing features ----------------------------------------------------------------------------


def test_what_was_observed_stays_and_the_rest_is_filled(rbm, X):
    holes = X[:50].copy()
    holes[np.random.default_rng(0).random(holes.shape) < 0.3] = np.nan
    missing = np.isnan(holes)
    filled = rbm.inpaint(holes, n_iter=5)
    np.testing.assert_array_equal(filled[~missing], holes[~missing])
    assert set(np.unique(filled[missing])) == {0, 1}
    np.testing.assert_array_equal(rbm.inpaint(holes, n_iter=5), filled)
    assert set(np.unique(rbm.inpaint(np.full((3, 16), np.nan)))) <= {0, 1}
    grey = np.where(missing, np.nan, 0.4)
    assert (rbm.inpaint(grey, n_iter=2)[~missing] == np.float32(0.4)).all()


def test_missing_features_are_drawn_from_their_law_given_the_others(rbm, X):
    """Two pixels of 3000 copies of a row, against all states of bits and pixels."""
    at = [5, 6]
    row = X[0].copy()
    choices = np.repeat(row[None], 4, axis=0)
    choices[:, at] = all_bits(2)
    expected = softmax(enumerate_model(rbm, choices).log_likelihood)
    assert expected.max() < 0.8  # there is something to be unsure of
    row[at] = np.nan
    drawn = rbm.inpaint(np.repeat(row[None], 3000, axis=0), n_iter=50)[:, at]
    counts = np.bincount((drawn @ [1, 2]).astype(int), minlength=4)
    assert chisquare(counts, 3000 * expected).pvalue > 1e-3


def test_missing_features_of_a_gaussian_likelihood_are_drawn_too(X):
    rows = X + 2.0
    vae = make_vae().fit(rows)
    holes = rows[:20].copy()
    holes[:, ::3] = np.nan
    filled = vae.inpaint(holes, n_iter=5)
    np.testing.assert_allclose(filled[:, 1::3], holes[:, 1::3])
    assert np.abs(filled[:, ::3] - 2.5).max() < 5


# --- faults --------------------------------------------------------------------------------------


def failing_sampler(error, at):
    """Gibbs, which raises ``error`` in its call number ``at``."""
    calls = []

    class Failing(GibbsSampler):
        def sample_arrays(self, h, J, **arguments):
            calls.append(1)
            if len(calls) == at:
                raise error
            return super().sample_arrays(h, J, **arguments)

    return Failing()


FAULTS = [
    (KeyboardInterrupt(), KeyboardInterrupt, "interrupted"),
    (RuntimeError("no liquid helium"), RuntimeError, "sampler: .*no liquid helium"),
]


@pytest.mark.parametrize(("error", "_", "reason"), FAULTS)
@pytest.mark.parametrize(("at", "n_epochs"), [(11, 1), (25, 2)])
def test_a_training_that_stops_early_keeps_its_weights(X, error, _, reason, at, n_epochs):
    """Ten steps an epoch."""
    vae = make_vae(max_iter=5, sampler=failing_sampler(error, at))
    with pytest.warns(UserWarning, match=rf"stopped early \({reason}.*after {n_epochs} whole"):
        vae.fit(X)
    assert re.fullmatch(reason, vae.stop_reason_)
    assert vae.n_iter_ == n_epochs == len(vae.history_.get("elbo", []))
    whole = make_vae(max_iter=5).fit(X)
    assert vae.history_.get("elbo", []) == whole.history_["elbo"][:n_epochs]
    assert np.abs(vae.prior_.h).max() > 0  # where it was 0 before the first step
    assert vae.cost_["calls"] == at - 1
    assert np.isfinite(vae.score(X[:20])) and vae.sample(2).shape == (2, N_PIXELS)


@pytest.mark.parametrize("at", [1, 3, 10])
@pytest.mark.parametrize(("error", "kind", "_"), FAULTS)
def test_a_fault_in_the_first_epoch_is_raised_and_an_earlier_fit_stays(rbm, X, error, kind, _, at):
    vae = copy.deepcopy(rbm).set_params(sampler=failing_sampler(error, at))
    before = dict(vars(vae))
    for fit in (vae.fit, vae.partial_fit):
        vae.set_params(sampler=failing_sampler(error, at))
        before["sampler"] = vae.sampler
        with pytest.raises(kind):
            fit(X)
        assert vars(vae) == before
    with pytest.raises(kind):
        unfitted = make_vae(sampler=failing_sampler(error, at))
        unfitted.fit(X)
    assert not hasattr(unfitted, "prior_") and not hasattr(unfitted, "n_features_in_")
    np.testing.assert_array_equal(vae.elbo(X)["elbo"], rbm.elbo(X)["elbo"])


def test_an_interruption_between_epochs_keeps_those_before(X, monkeypatch):
    """While log Z is estimated for the history."""
    calls = []

    def interrupted(prior):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return 0.0

    monkeypatch.setattr(
        "qsklearn.neural_network._boltzmann_prior_vae._fitting.rough_log_partition", interrupted
    )
    with pytest.warns(UserWarning, match="stopped early .interrupted"):
        vae = make_vae(max_iter=5).fit(X[:80])
    assert vae.n_iter_ == 2 and all(len(values) == 2 for values in vae.history_.values())


def test_bad_data_leave_a_fit_as_it_was(rbm, X):
    vae = copy.deepcopy(rbm)
    before = dict(vars(vae))
    for rows in (np.where(X > 0, np.nan, X), X[:1], np.full((4, 3), np.inf)):
        for fit in (vae.fit, vae.partial_fit):
            with pytest.raises(ValueError):
                fit(rows)
    with pytest.raises(ValueError, match="3 features"):
        vae.partial_fit(X[:, :3])
    with pytest.raises(ValueError, match="between 0 and 1"):
        vae.partial_fit(2 * X)
    assert vars(vae) == before


class Overflowing(nn.Module):
    """A decoder whose outputs are NaN from some step on."""

    def __init__(self, n_steps):
        super().__init__()
        self.dense, self.n_left = nn.Linear(8, N_PIXELS), n_steps

    def forward(self, bits):
        if self.training:
            self.n_left -= 1
        return self.dense(bits) * (1.0 if self.n_left >= 0 else np.nan)


# The last step of an epoch, or one before it, after which the prior is NaN as well.
@pytest.mark.parametrize("at", [5, 9])
def test_a_training_that_diverges_in_the_first_epoch_says_so(X, at):
    with pytest.raises(ValueError, match="diverged in its first epoch. Lower learning_rate_init"):
        make_vae(decoder=Overflowing(at)).fit(X)


@pytest.mark.parametrize("at", [25, 29])
def test_a_training_that_diverges_later_keeps_the_last_whole_epoch(X, at):
    with pytest.warns(UserWarning, match=r"stopped early \(diverged\); .* after 2 whole"):
        vae = make_vae(decoder=Overflowing(at), max_iter=5).fit(X)
    assert vae.stop_reason_ == "diverged" and vae.n_iter_ == 2
    assert np.isfinite(vae.prior_.h).all() and np.isfinite(vae.prior_.weights).all()
    assert all(np.isfinite(array).all() for array in vae._state.networks.arrays.values())


def test_a_rate_that_is_far_too_large_is_named(X):
    with pytest.raises(ValueError, match="diverged in its first epoch. Lower learning_rate_init"):
        make_vae(likelihood="gaussian", learning_rate_init=1e18).fit(X)


BAD_PARAMETERS = [
    ({"n_latent": 0}, "'n_latent' parameter .* Got 0"),
    ({"n_latent": 2.5}, "'n_latent' parameter .* Got 2.5"),
    ({"topology": "x"}, "'topology' parameter .* Got 'x'"),
    ({"topology": nx.path_graph(3)}, "'n_latent' parameter .* 3. Got 8"),
    ({"hidden_layer_sizes": ()}, r"'hidden_layer_sizes' parameter .* Got \(\)"),
    ({"hidden_layer_sizes": (3, 0)}, r"'hidden_layer_sizes' parameter .* Got \(3, 0\)"),
    ({"hidden_layer_sizes": 16}, "'hidden_layer_sizes' parameter .* Got 16"),
    ({"architecture": "cnn"}, "'architecture' parameter .* Got 'cnn'"),
    ({"architecture": "gated_conv"}, "'image_shape' parameter .*'gated_conv'. Got None"),
    ({"image_shape": (1, 3, 3)}, r"'image_shape' parameter .* 16. Got \(1, 3, 3\).* 9"),
    ({"image_shape": (4, 4)}, r"'image_shape' parameter .* Got \(4, 4\)"),
    ({"image_shape": "big"}, "'image_shape' parameter .* Got 'big'"),
    ({"likelihood": "poisson"}, "'likelihood' parameter .* Got 'poisson'"),
    ({"posterior": "flow"}, "'posterior' parameter .* Got 'flow'"),
    ({"mapping": "x"}, "'mapping' parameter .* Got 'x'"),
    ({"binarize": "yes"}, "'binarize' parameter .* Got 'yes'"),
    ({"tau": 0}, "'tau' parameter .* Got 0"),
    ({"tau": -0.5}, "'tau' parameter .* Got -0.5"),
    ({"tau": (1,)}, r"'tau' parameter .* Got \(1,\)"),
    ({"tau": (1, np.nan)}, r"'tau' parameter .* Got \(1, nan\)"),
    ({"tau": "cold"}, "'tau' parameter .* Got 'cold'"),
    ({"kl_warmup": 2}, "'kl_warmup' parameter .* Got 2"),
    ({"kl_warmup": -0.1}, "'kl_warmup' parameter .* Got -0.1"),
    ({"importance": ()}, r"'importance' parameter .* Got \(\)"),
    ({"importance": (1, 8)}, r"'importance' parameter .* Got \(1, 8\)"),
    ({"importance": ((0, 1),)}, r"'importance' parameter .* Got \(\(0, 1\),\)"),
    ({"importance": 4}, "'importance' parameter .* Got 4"),
    ({"max_iter": 0}, "'max_iter' parameter .* Got 0"),
    ({"batch_size": 1}, "'batch_size' parameter .* Got 1"),
    ({"learning_rate_init": 0}, "'learning_rate_init' parameter .* Got 0"),
    ({"learning_rate_init": np.nan}, "'learning_rate_init' parameter .* Got nan"),
    ({"prior_learning_rate_init": -1}, "'prior_learning_rate_init' parameter .* Got -1"),
    ({"sampler": "gibs"}, "'sampler' parameter .* Got 'gibs'"),
    ({"sampler": object()}, "'sampler' parameter .* Got object, which misses `sample`"),
    ({"sampler": GibbsSampler}, r"write GibbsSampler\(\) instead"),
    ({"n_chains": 0}, "'n_chains' parameter .* Got 0"),
    ({"num_sweeps": 0}, "'num_sweeps' parameter .* Got 0"),
    ({"beta_eff": 0}, "'beta_eff' parameter .* Got 0"),
    ({"beta_eff": "best"}, "'beta_eff' parameter .* Got 'best'"),
    ({"transverse_field": -1.0}, "'transverse_field' parameter .* Got -1.0"),
    ({"transverse_field": 1.0}, "'sampler' parameter .* transverse_field of 1.0.* Got None"),
    (
        {"transverse_field": 1.0, "sampler": "annealing"},
        "'sampler' parameter .* transverse_field of 1.0.* Got 'annealing'",
    ),
    (
        {"transverse_field": 1.0, "sampler": "path-integral", "label_units": True},
        "'transverse_field' parameter .* 0 with label_units=True.* Got 1.0",
    ),
    ({"label_units": "yes"}, "'label_units' parameter .* Got 'yes'"),
    ({"device": "tpu"}, "'device' parameter .* Got 'tpu'"),
    ({"n_jobs": 0}, "'n_jobs' parameter .* Got 0"),
    ({"n_jobs": True}, "'n_jobs' parameter .* Got True"),
    ({"tau": 10**400}, "'tau' parameter .* Got 1000"),
    ({"warm_start": "no"}, "'warm_start' parameter .* Got 'no'"),
    ({"random_state": "a"}, "'random_state' parameter .* Got 'a'"),
]


@pytest.mark.parametrize(
    ("parameters", "message"),
    BAD_PARAMETERS,
    # Without values, whose addresses differ between the processes of a test run.
    ids=[f"{'-'.join(given)}-{place}" for place, (given, _) in enumerate(BAD_PARAMETERS)],
)
def test_bad_parameters_are_refused_with_name_and_value(images, parameters, message):
    vae = make_vae(**parameters)
    with pytest.raises(ValueError, match=message):
        vae.fit(images.data, images.target)
    assert not hasattr(vae, "prior_")


@pytest.mark.parametrize("topology", ["rbm", "full", "zephyr", "bernoulli"])
def test_more_units_than_fit_the_memory_are_refused_at_once(X, topology, monkeypatch):
    def resolved(*_):
        raise AssertionError("The graph is not to be made.")

    module = "qsklearn.neural_network._boltzmann_prior_vae._autoencoder"
    monkeypatch.setattr(f"{module}.resolve_sampler", resolved)
    with pytest.raises(MemoryError, match=r"would need .* bytes, .* Lower .* n_latent"):
        make_vae(n_latent=10_000_000, topology=topology).fit(X)


def test_hidden_layers_beyond_memory_are_refused(X):
    with pytest.raises(MemoryError, match="Lower .* hidden_layer_sizes"):
        make_vae(hidden_layer_sizes=(10**30,)).fit(X)


@pytest.mark.parametrize(
    "parameters",
    [
        {"hidden_layer_sizes": (15_000, 15_000)},  # 225e6 weights, three times: 18.9 GB
        {"hidden_layer_sizes": (10**9,), "decoder": torch.nn.Linear(6, 16)},
        {"hidden_layer_sizes": (10**9,), "architecture": "gated_conv", "image_shape": (1, 4, 4)},
        {"hidden_layer_sizes": (100_000,), "batch_size": 10_000},  # 36 GB of hidden units
    ],
)
def test_all_of_a_step_is_counted(X, parameters, monkeypatch):
    def built(*_):
        raise AssertionError("No networks are to be made.")

    module = "qsklearn.neural_network._boltzmann_prior_vae"
    monkeypatch.setattr(f"{module}._architecture.VAEArchitecture.build", built)
    monkeypatch.setattr("qsklearn._memory.physical_memory", lambda: 2**34)
    with pytest.raises(MemoryError, match=r"would need [\d,]* bytes, .* Lower .* hidden_layer_si"):
        make_vae(**parameters).fit(X)


def test_a_factorial_posterior_has_one_perceptron_less(X, monkeypatch):
    monkeypatch.setattr("qsklearn._memory.physical_memory", lambda: 2**34)
    sizes = {"hidden_layer_sizes": (15_000, 15_000)}
    make_vae(**sizes, posterior="factorial")._check_step_memory(X.shape[1])  # does not raise
    with pytest.raises(MemoryError, match="hidden_layer_sizes"):
        make_vae(**sizes)._check_step_memory(X.shape[1])


def test_more_jobs_than_cores_are_as_many_as_there_are(X):
    many = make_vae(n_jobs=10**30, max_iter=1).fit(X)
    assert many.transform(X).shape == (len(X), many.n_latent)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_that_is_absent_is_refused_and_auto_is_the_cpu(X):
    with pytest.raises(ValueError, match="'device' parameter .* Got 'cuda' instead"):
        make_vae(device="cuda").fit(X)
    assert_same_fit(make_vae(device="auto").fit(X[:80]), make_vae().fit(X[:80]))


@pytest.mark.parametrize("method", ["transform", "elbo", "score_samples", "score", "inpaint"])
def test_bad_rows_are_refused_after_a_fit(rbm, X, method):
    act = getattr(rbm, method)
    with pytest.raises(ValueError, match="between 0 and 1 .* from 0 to 2 instead"):
        act(2 * X)
    with pytest.raises(ValueError, match="3 features, but .* 16 features"):
        act(X[:, :3])
    if method != "inpaint":
        with pytest.raises(ValueError, match="NaN"):
            act(np.where(X > 0, np.nan, X))
    with pytest.raises(NotFittedError):
        getattr(make_vae(), method)(X)


def test_data_beyond_the_likelihoods_range_are_refused(X):
    with pytest.raises(ValueError, match=r"likelihood='bernoulli' .* from 0 to 2 instead"):
        make_vae(likelihood="bernoulli").fit(2 * X)


def test_bad_arguments_are_refused(rbm):
    for act, message in [
        (lambda: rbm.score_samples(np.zeros((2, 16)), 0), "n_importance.* Got 0"),
        (lambda: rbm.sampling_report(np.zeros((2, 16)), 1.5), "n_importance.* Got 1.5"),
        (lambda: rbm.score_samples(np.zeros((2, 16)), True), "'n_importance' param.* Got True"),
        (lambda: rbm.sample(True), "'n_samples' param.* Got True"),
        (lambda: rbm.sample(0), "n_samples.* Got 0"),
        (lambda: rbm.sample_latent(2.0), "n_samples.* Got 2.0"),
        (lambda: rbm.inpaint(np.zeros((2, 16)), n_iter=0), "n_iter.* Got 0"),
        (lambda: rbm.inpaint(np.zeros((2, 16)), n_iter=True), "'n_iter' param.* Got True"),
        (lambda: rbm.inverse_transform(np.zeros((2, 5))), r"6 columns.* Got shape \(2, 5\)"),
        (lambda: rbm.inverse_transform(np.full((2, 6), 1.5)), "between 0 and 1.* to 1.5"),
    ]:
        with pytest.raises(ValueError, match=message):
            act()


@pytest.mark.parametrize("method", ["sample", "sample_latent"])
def test_draws_that_no_memory_holds_are_refused(rbm, method):
    with pytest.raises(MemoryError, match="9,223,372,036,854,775,808 draws would need .* bytes"):
        getattr(rbm, method)(2**63)


def test_draws_are_counted_as_bits_and_features(rbm, monkeypatch):
    monkeypatch.setattr("qsklearn._memory.physical_memory", lambda: 8 * 100 * (6 + 16 + 1))
    monkeypatch.setattr("qsklearn.samplers._arguments.check_memory", lambda *_: None)
    assert rbm.sample(100).shape == (100, 16)
    with pytest.raises(MemoryError, match="101 draws would need 18,584 bytes"):
        rbm.sample(101)


# --- copies --------------------------------------------------------------------------------------


def test_copies_say_the_same_bit_for_bit(labelled, X, tmp_path):
    path, rows = tmp_path / "vae.joblib", X[:30]
    joblib.dump(labelled, path)
    copies = [
        pickle.loads(pickle.dumps(labelled)),
        copy.deepcopy(labelled),
        joblib.load(path),
        joblib.load(path, mmap_mode="r"),  # as workers of joblib get it
    ]
    for copied in copies:
        np.testing.assert_array_equal(copied.elbo(rows)["elbo"], labelled.elbo(rows)["elbo"])
        np.testing.assert_array_equal(copied.sample(9, y=1), labelled.sample(9, y=1))
        np.testing.assert_array_equal(copied.predict_proba(rows), labelled.predict_proba(rows))
        assert copied.log_partition_ == labelled.log_partition_
    anew = clone(labelled)
    assert not hasattr(anew, "prior_") and repr(anew.get_params()) == repr(labelled.get_params())


def test_training_goes_on_from_a_copy_as_from_the_model(rbm, X, tmp_path):
    path = tmp_path / "vae.joblib"
    joblib.dump(rbm, path)
    ends = [copy.deepcopy(rbm), pickle.loads(pickle.dumps(rbm)), joblib.load(path, mmap_mode="r")]
    for vae in ends:
        vae.partial_fit(X)
        assert_same_fit(vae, ends[0])
    assert not np.array_equal(ends[0].prior_.h, rbm.prior_.h)


def test_a_pickle_holds_no_object_of_pytorch(rbm):
    rbm.score(np.zeros((2, 16)))  # which makes modules of the arrays
    words = [argument for _, argument, _ in pickletools.genops(pickle.dumps(rbm))]
    assert not [w for w in words if isinstance(w, str) and w.split(".")[0].split()[:1] == ["torch"]]


def test_a_pickle_is_read_where_there_is_no_pytorch(rbm, tmp_path):
    path = tmp_path / "vae.pickle"
    path.write_bytes(pickle.dumps(rbm))
    script = (
        "import pickle, sys\n"
        "class Missing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] == 'torch':\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Missing())\n"
        f"vae = pickle.load(open({str(path)!r}, 'rb'))\n"
        "print(repr(float(vae.prior_.h.sum())), vae.log_partition_)\n"
        "X = [[0.0] * 16]\n"
        "for act in (vae.transform, vae.score, vae.elbo, vae.inpaint, lambda X: vae.sample()):\n"
        "    try:\n"
        "        act(X)\n"
        "    except ImportError as error:\n"
        "        assert 'QuantumBoltzmannPriorVAE needs the package' in str(error), error\n"
        "        assert \"pip install 'qsklearn[torch]'\" in str(error), error\n"
        "    else:\n"
        "        raise AssertionError(act)\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    expected = [float(rbm.prior_.h.sum()), rbm.log_partition_]
    assert [float(number) for number in run.stdout.split()] == pytest.approx(expected)


# --- randomness ----------------------------------------------------------------------------------


def test_the_seed_decides_the_fit(X):
    first, again, other = (make_vae(random_state=seed).fit(X[:80]) for seed in (3, 3, 4))
    assert_same_fit(first, again)
    assert first.history_ == again.history_
    assert not np.array_equal(first.prior_.h, other.prior_.h)
    generator = np.random.RandomState(0)
    fits = [make_vae(random_state=generator).fit(X[:80]) for _ in range(2)]
    assert not np.array_equal(fits[0].prior_.h, fits[1].prior_.h)


def test_threads_do_not_change_the_fit(X):
    """But for what float32 sums lose in another order."""
    one, two = (make_vae(n_jobs=n_jobs).fit(X[:80]) for n_jobs in (1, 2))
    np.testing.assert_allclose(one.prior_.h, two.prior_.h, atol=1e-5)
    np.testing.assert_allclose(one.prior_.weights, two.prior_.weights, atol=1e-5)
    assert (one._state.chains == two._state.chains).mean() > 0.99


def test_global_generators_and_threads_are_left_alone(own, X):
    def state():
        legacy = np.random.get_state()  # noqa: NPY002
        return legacy[1].tolist(), legacy[2], torch.get_rng_state().tolist(), (
            torch.get_num_threads()
        )  # fmt: skip

    before = state()
    encoder, decoder = own
    vae = make_vae(encoder=encoder, decoder=decoder, image_shape=(1, 4, 4), n_jobs=2).fit(X[:80])
    vae.partial_fit(X[:80])
    vae.sample(3)
    vae.elbo(X[:3])
    vae.transform(X[:3])
    vae.inpaint(X[:3], n_iter=2)
    assert state() == before
    with pytest.raises(ValueError):
        vae.fit(np.full((4, 16), np.nan))
    assert state() == before


# --- comparisons ---------------------------------------------------------------------------------


def test_the_twin_differs_in_the_prior_alone(X):
    vae = make_vae(topology="chimera", sampler="path-integral", transverse_field=0.5, tau=0.3)
    twin = vae.classical_twin()
    changed = {name for name, value in twin.get_params().items() if value != vae.get_params()[name]}
    assert changed == {"topology", "sampler", "transverse_field"}
    assert twin.topology == "bernoulli" and not hasattr(twin, "prior_")
    twin.fit(X[:80])
    assert twin.prior_.graph.n_edges == 0 and np.isfinite(twin.score(X[:20]))
    own_graph = make_vae(n_latent=4, topology=nx.path_graph(4)).classical_twin().fit(X[:80])
    assert own_graph.prior_.n_latent == 4


def test_ablations_train_and_have_likelihoods(X):
    vae = make_vae(max_iter=4, sampler=GibbsSampler(), **FAST)
    ablations = vae.ablations()
    assert set(ablations) == {
        "independent bits", "couplings removed", "Gaussian prior", "classical draws"
    }  # fmt: skip
    for control in ablations.values():
        score = control.fit(X).score(X[:100])
        assert -12 < score < -3.3
        assert control.score_samples(X[:7], 20).shape == (7,)
        assert control.elbo(X[:100])["elbo"].mean() < score
        assert control.transform(X[:3]).shape == (3, 8)
        assert not hasattr(clone(control), "n_features_in_")
        np.testing.assert_array_equal(
            pickle.loads(pickle.dumps(control)).elbo(X[:5])["elbo"], control.elbo(X[:5])["elbo"]
        )
    gaussian = ablations["Gaussian prior"]
    assert (gaussian.n_iter_, gaussian.stop_reason_, gaussian.cost_["calls"]) == (4, "max_iter", 0)
    assert gaussian.cost_["update_seconds"] > 0
    assert gaussian.active_units(X).shape == gaussian.get_feature_names_out().shape == (8,)
    removed = ablations["couplings removed"]
    vae.fit(X)
    assert not removed.prior_.weights.any() and np.abs(vae.prior_.weights).max() > 0.05
    np.testing.assert_array_equal(removed.prior_.h, vae.prior_.h)
    assert_same_fit(ablations["classical draws"], vae)
    assert set(make_vae().ablations()) == {
        "independent bits", "couplings removed", "Gaussian prior"
    }  # fmt: skip
    quantum = make_vae(sampler="path-integral", transverse_field=1.0).ablations()
    assert quantum["no transverse field"].transverse_field == 0


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
@pytest.mark.parametrize("n_latent", [1, 2])
def test_the_gaussian_controls_likelihood_is_the_integral(X, noise, n_latent, likelihood):
    """Over the latent line or plane, by sums on a grid."""
    vae = make_vae(n_latent=n_latent, max_iter=5, likelihood=likelihood)
    control = vae.ablations()["Gaussian prior"].fit(X)
    axis = np.arange(-7, 7, 0.05)
    grid = np.stack(np.meshgrid(*[axis] * n_latent), axis=-1).reshape(-1, n_latent)
    log_density = norm.logpdf(grid).sum(axis=1) + n_latent * np.log(0.05)
    networks = control._networks.module
    rows = torch.from_numpy(noise[:20].astype(np.float32))
    with torch.no_grad():
        outputs = networks.decoder(torch.from_numpy(grid.astype(np.float32)))
        exact = [
            logsumexp(
                networks.likelihood(outputs, row.expand(len(grid), -1)).double().numpy()
                + log_density
            )
            for row in rows
        ]
    got = control.score_samples(noise[:20], 2000)
    assert abs(got.mean() - np.mean(exact)) < 0.02
    bound = control.elbo(noise[:20])
    assert bound["elbo"].mean() < np.mean(exact)
    np.testing.assert_allclose(bound["reconstruction"] - bound["kl"], bound["elbo"], atol=1e-9)


@OF_FIRST_PROGRAMS
@pytest.mark.parametrize(
    ("settings", "n_samples"),
    [
        ({}, 80),
        ({}, 81),  # a last batch of one is merged
        ({}, 95),
        ({"batch_size": 200}, 80),
        ({"topology": "chimera", "sampler": make_device()}, 80),  # a trial comes first
        ({"topology": "chimera", "sampler": make_device(), "beta_eff": 2.0}, 80),
        ({"topology": "chimera", "sampler": make_device(), "beta_eff": "moment-matching"}, 80),
    ],
)
def test_the_cost_is_known_before(X, settings, n_samples):
    vae = make_vae(**settings)
    cost = vae.estimate_cost(n_samples, 16)
    vae.fit(X[:n_samples])
    assert vae.cost_["calls"] == cost["calls"] == cost["models"]
    assert vae.cost_["reads"] == cost["reads"]


# --- quantum prior -------------------------------------------------------------------------------


def hamiltonian(prior, transverse_field):
    """H = E(σᶻ) - Γ Σ σˣ as a matrix; states in the order of ``all_bits``."""
    n = prior.n_latent
    matrix = np.diag(prior.energies(all_bits(n)))
    numbers = np.arange(2**n)
    for unit in range(n):
        matrix[numbers, numbers ^ (1 << unit)] -= transverse_field
    return matrix


def quantum_law(prior, transverse_field):
    """log Z and the diagonal of exp(-H) / Z."""
    values, vectors = np.linalg.eigh(hamiltonian(prior, transverse_field))
    log_partition = logsumexp(-values)
    return log_partition, vectors**2 @ np.exp(-values - log_partition)


@pytest.fixture(scope="module")
def quantum(X):
    return make_vae(
        n_latent=6, topology="chimera", transverse_field=0.8, sampler="path-integral", max_iter=4
    ).fit(X[:200])


def test_a_tiny_transverse_field_gives_the_classical_bound(rbm, X):
    vae = copy.deepcopy(rbm)
    vae.prior_ = replace(vae.prior_, transverse_field=1e-6)
    np.testing.assert_allclose(vae.elbo(X[:50])["elbo"], rbm.elbo(X[:50])["elbo"], atol=1e-6)
    assert vae.sampling_report(X[:5], 50)["bound"] == "quantum"


def test_the_quantum_partition_function_is_that_of_the_matrix(quantum, X):
    log_partition, _ = quantum_law(quantum.prior_, 0.8)
    assert abs(quantum.log_partition_ - log_partition) < 1e-9
    report = quantum.sampling_report(X[:10])
    assert (report["bound"], report["log_partition_method"]) == ("quantum", "diagonalization")
    assert np.isfinite(quantum.history_["beta_eff"]).all()


def test_the_quantum_bound_is_one(quantum, noise):
    """Below the log-likelihood of the diagonal of exp(-H) / Z, row by row, and as enumerated."""
    log_partition, law = quantum_law(quantum.prior_, 0.8)
    truth = enumerate_model(quantum, noise, np.log(law)).log_likelihood
    energies = quantum.prior_.energies(all_bits(6))
    exact = enumerate_model(quantum, noise, -energies - log_partition)
    assert (exact.elbo < truth).all()
    assert (exact.log_likelihood < truth).all()  # with as many draws as may be
    error = np.sqrt((exact.variance / 16).sum()) / len(noise)
    assert abs((quantum.elbo(noise)["elbo"] - exact.elbo).mean()) < 4 * error
    assert abs(quantum.score_samples(noise, 2000).mean() - exact.log_likelihood.mean()) < 0.02


@pytest.mark.parametrize("transverse_field", [0.4, 1.2])
def test_the_quantum_negative_phase_has_the_matrixs_moments(transverse_field):
    """All <s_i> and <s_i s_j> on edges, within 4 standard errors, of two calls."""
    graph = make_latent_graph("rbm", 8)
    rng = np.random.default_rng(0)
    biases, weights = 0.3 * rng.normal(size=8), 0.4 * rng.normal(size=graph.n_edges)
    n_chains = 2000
    phase = NegativePhase(
        PathIntegralAnnealingSampler(num_slices=32), graph, n_chains, 40,
        transverse_field=transverse_field,
    )  # fmt: skip
    states = 2.0 * all_bits(8) - 1
    prior = SimpleNamespace(
        n_latent=8,
        energies=lambda bits: (
            states @ biases
            + (states[:, graph.edges[:, 0]] * states[:, graph.edges[:, 1]]) @ weights
        ),
    )
    _, law = quantum_law(prior, transverse_field)

    def statistics(spins):
        return np.hstack([spins, spins[:, graph.edges[:, 0]] * spins[:, graph.edges[:, 1]]])

    exact = law @ statistics(states)
    for seed in range(2):
        bits = phase.draw(biases, weights, np.empty(0), np.empty((8, 0)), seed)
        got = statistics(2.0 * bits - 1).mean(axis=0)
        assert (np.abs(got - exact) < 4 * np.sqrt((1 - exact**2) / n_chains)).all()
