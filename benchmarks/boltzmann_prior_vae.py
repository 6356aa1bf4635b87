"""The discrete VAE with a Boltzmann prior against its paper, its twin and its controls.

Some two hours on 2 cores, with the extras ``torch``, ``dwave`` and ``plot``; models are kept in
``--cache``, so that sections can be run one by one::

    python benchmarks/boltzmann_prior_vae.py --data mnist.npz
    python benchmarks/boltzmann_prior_vae.py --data mnist.npz --only priors couplings

Tables (reStructuredText) and figures go to ``--output``. Parts of their own:
``boltzmann_prior_vae_paper.py`` (the paper's size) and ``boltzmann_prior_vae_peer.py`` (D-Wave's
plugin for PyTorch).
"""

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from boltzmann_prior_vae_common import (
    TOPOLOGIES,
    fitted,
    load_mnist,
    mean_and_deviation,
    mean_and_error,
    show_images,
)
from boltzmann_prior_vae_devices import run_beta, run_noise
from boltzmann_prior_vae_uses import run_features, run_labels, run_quantum, run_search
from reports import Report

ROOT = Path(__file__).parents[1]
# Seeds: five for the two priors of the paper's Table I.
SEEDS = {"bernoulli": 5, "chimera": 5, "pegasus": 3, "zephyr": 3, "rbm": 3}
WANTED = {
    "bernoulli": -108.5,
    "chimera": -104.0,
    "pegasus": -103.5,
    "zephyr": -103.0,
    "rbm": -101.5,
}


def prior_models(args, topology, n_seeds=None):
    """Trained models of one prior, a seed each."""
    X, _ = load_mnist(args)
    for seed in range(n_seeds or min(args.seeds, SEEDS[topology])):
        yield fitted(args, f"{topology}_{seed}", X, topology=topology, random_state=seed)


# --- priors: Table I, Figs. 5 and 6 -------------------------------------------------------------


def run_priors(args, report):
    """Five priors, several seeds."""
    X, T = load_mnist(args)
    report.heading(
        f"{args.n_train} images, {args.epochs} epochs, 128 units; {args.n_test} test images, "
        f"K = {args.importance}"
    )
    results = {topology: [] for topology in TOPOLOGIES}
    for topology in TOPOLOGIES:
        for seed, vae in enumerate(prior_models(args, topology)):
            results[topology].append(measure(args, vae, X, T))
            print(topology, seed, results[topology][-1]["elbo"], flush=True)
    report.table(
        [
            "prior", "edges", "seeds", "ELBO", "asked", "LL", "KL", "active", "mean \\|W\\|",
            "log Z bracket", "negative phase", "CPU s",
        ],
        [row_of(topology, results[topology]) for topology in TOPOLOGIES],
    )  # fmt: skip
    report.line("Means and deviations over seeds; the paper's Table I: -82.8 and -84.2.")
    report_pairs(report, results)
    draw_courses(args)


def measure(args, vae, X, T):
    log_likelihood = vae.score_samples(T, args.importance)
    bound = vae.elbo(T)
    partition = vae.prior_.log_partition
    seconds = vae.cost_["sample_seconds"] / (
        vae.cost_["sample_seconds"] + vae.cost_["update_seconds"]
    )
    return {
        "log_likelihood": log_likelihood,
        "bounds": bound["elbo"],
        "elbo": bound["elbo"].mean(),
        "kl": bound["kl"].mean(),
        "active": int(vae.active_units(T).sum()),
        "weight": vae.history_["mean_abs_weight"][-1],
        "n_edges": vae.prior_.graph.n_edges,
        "bracket": float(partition.upper[0] - partition.lower[0]),
        "share": seconds,
        "cpu": vae.cpu_seconds_,
    }


def row_of(topology, results):
    def column(name):
        return [result[name] for result in results]

    return [
        topology, results[0]["n_edges"], len(results), mean_and_deviation(column("elbo")),
        WANTED[topology],
        mean_and_deviation([values.mean() for values in column("log_likelihood")]),
        f"{np.mean(column('kl')):.1f}", f"{np.mean(column('active')):.0f}",
        f"{np.mean(column('weight')):.3f}", f"{max(column('bracket')):.2f}",
        f"{100 * np.mean(column('share')):.0f} %", f"{np.mean(column('cpu')):.0f}",
    ]  # fmt: skip


def report_pairs(report, results):
    report.heading("Gain over the Bernoulli prior of the same seed, by pairs of images")
    rows = []
    for topology in TOPOLOGIES[1:]:
        for seed, (own, base) in enumerate(
            zip(results[topology], results["bernoulli"], strict=False)
        ):
            rows.append(
                [
                    topology, seed,
                    mean_and_error(own["log_likelihood"] - base["log_likelihood"]),
                    mean_and_error(own["bounds"] - base["bounds"]),
                ]
            )  # fmt: skip
    report.table(["prior", "seed", "log-likelihood (error)", "ELBO (error)"], rows)
    report.line("Asked for: 1.2 and 3.5 nats on every seed.")


def draw_courses(args):
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    styles = ("-", "--", "-.", ":", (0, (5, 1)))
    for topology, style in zip(TOPOLOGIES, styles, strict=True):
        vae = next(prior_models(args, topology, 1))
        epochs = np.arange(1, len(vae.history_["elbo"]) + 1)
        from_ = min(3, len(epochs) - 1)  # the first fall from afar
        shown = slice(from_, None)
        axes[0].plot(epochs[shown], vae.history_["elbo"][shown], linestyle=style, label=topology)
        axes[1].plot(epochs, vae.history_["n_active"], linestyle=style, label=topology)
    axes[0].set(xlabel="epoch", ylabel="training bound (nats)")
    axes[1].set(xlabel="epoch", ylabel="active units")
    axes[0].legend(frameon=False)
    figure.savefig(args.output / "courses.png", dpi=150)
    plt.close(figure)


# --- what couplings are good for: Figs. 2 to 4 --------------------------------------------------


def run_couplings(args, report):
    """Couplings of the trained prior set to 0; images with and without them."""
    _, T = load_mnist(args, n_test=200)
    report.heading("Couplings of the trained prior removed: LL, K = 300, 200 test images")
    rows = []
    for topology in TOPOLOGIES[1:]:
        vae = next(prior_models(args, topology, 1))
        before = vae.score_samples(T, 300)
        kept = vae.prior_
        vae.prior_ = kept.without_couplings()
        after = vae.score_samples(T, 300)
        vae.prior_ = kept
        rows.append(
            [
                topology, f"{before.mean():.1f}", f"{after.mean():.1f}",
                mean_and_error(after - before),
            ]
        )  # fmt: skip
    report.table(["prior", "LL", "without couplings", "difference (error)"], rows)
    report.line("Asked for: at least 4 nats.")
    draw_generated(args)


def draw_generated(args):
    figure, axes = plt.subplots(1, 3, figsize=(10, 3.6), layout="constrained")
    chimera = next(prior_models(args, "chimera", 1))
    show_images(axes[0], chimera.inverse_transform(chimera.sample_latent(100)))
    axes[0].set_title("Chimera")
    chimera.prior_ = chimera.prior_.without_couplings()
    show_images(axes[1], chimera.inverse_transform(chimera.sample_latent(100)))
    axes[1].set_title("the same, couplings removed")
    bernoulli = next(prior_models(args, "bernoulli", 1))
    show_images(axes[2], bernoulli.inverse_transform(bernoulli.sample_latent(100)))
    axes[2].set_title("Bernoulli")
    figure.savefig(args.output / "generated.png", dpi=150)
    plt.close(figure)


# --- mappings, garments, mixing, graphs: Figs. 8, 9, 10, 14 -------------------------------------


def run_mappings(args, report):
    """Which units the second group of the posterior holds."""
    X, T = load_mnist(args)
    report.heading("Mappings of the posterior's two groups (Chimera, Fig. 8)")
    rows = []
    for mapping, posterior in (
        ("chains", "hierarchical"),
        ("bipartite", "hierarchical"),
        ("none", "factorial"),
    ):
        changes = {"posterior": posterior, "mapping": "chains" if mapping == "none" else mapping}
        name = "chimera_0" if mapping == "chains" else f"mapping_{mapping}"
        vae = fitted(args, name, X, topology="chimera", random_state=0, **changes)
        rows.append(
            [
                mapping, f"{vae.elbo(T)['elbo'].mean():.2f}",
                f"{vae.score_samples(T, 300).mean():.2f}", int(vae.active_units(T).sum()),
            ]
        )  # fmt: skip
    report.table(["mapping", "ELBO", "LL, K = 300", "active units"], rows)


def run_fashion(args, report):
    """As many garments as are at hand, and as many digits."""
    n_epochs = min(200, 13 * args.epochs)
    report.heading(
        f"Active units on Fashion-MNIST and MNIST, 900 images each, {n_epochs} epochs (Fig. 9)"
    )
    garments = np.load(args.fashion)
    garments = garments[garments.files[0]].reshape(-1, 784).astype(np.float32) / 255
    digits, _ = load_mnist(args, n_train=len(garments))
    rows = []
    for topology in TOPOLOGIES:
        row = [topology]
        for name, X in (("fashion", garments), ("digits900", digits)):
            vae = fitted(
                args, f"{name}_{topology}", X[:800], topology=topology, random_state=0,
                max_iter=n_epochs,
            )  # fmt: skip
            row += [int(vae.active_units(X).sum()), f"{vae.elbo(X[800:])['elbo'].mean():.1f}"]
        rows.append(row)
    report.table(
        ["prior", "active, garments", "ELBO, garments", "active, digits", "ELBO, digits"], rows
    )


def run_mixing(args, report):
    """Gibbs chains on trained priors: how long they remember, and what they show."""
    report.heading("Autocorrelation of units' states along Gibbs chains on trained priors")
    lags = (1, 3, 10, 30, 100)
    rows = []
    figure, axes = plt.subplots(len(TOPOLOGIES), 1, figsize=(9, 5.2), layout="constrained")
    for topology, axis in zip(TOPOLOGIES, axes, strict=True):
        vae = next(prior_models(args, topology, 1))
        rows.append([topology, *(f"{value:.3f}" for value in autocorrelation(vae, lags))])
        show_images(axis, vae.inverse_transform(chain_of(vae, 20)), n_columns=20)
        axis.set_title(topology, fontsize=8, loc="left")
    report.table(["prior", *(f"{lag} sweeps" for lag in lags)], rows)
    figure.savefig(args.output / "chains.png", dpi=150)
    plt.close(figure)


def _draw(vae, states, num_sweeps, seed):
    from qsklearn.samplers import GibbsSampler

    family = vae.prior_.to_family()
    return GibbsSampler().sample_arrays(
        family.fields, family.couplings, beta=1.0, num_reads=len(states), num_sweeps=num_sweeps,
        seed=seed, initial_states=states[np.newaxis],
    )[0][0]  # fmt: skip


def autocorrelation(vae, lags, n_chains=4096):
    states = 2 * vae.sample_latent(n_chains).astype(np.int8) - 1
    start = states.astype(float) - states.mean(axis=0)
    values, last = [], 0
    for lag in lags:
        states, last = _draw(vae, states, lag - last, lag), lag
        now = states.astype(float) - states.mean(axis=0)
        moving = (start**2).sum() * (now**2).sum()
        values.append((start * now).sum() / np.sqrt(moving))
    return values


def chain_of(vae, length):
    states = 2 * vae.sample_latent(1).astype(np.int8) - 1
    images = []
    for step in range(length):
        states = _draw(vae, states, 1, step)
        images.append((states[0] > 0).astype(np.float32))
    return np.array(images)


def run_graphs(args, report):
    """The patches of chips that the priors live on (Fig. 14)."""
    from qsklearn.neural_network._boltzmann_prior_vae._latent_graph import make_latent_graph

    report.heading("Patches of 128 and 288 units")
    graphs = [
        (topology, size, make_latent_graph(topology, size))
        for topology in ("chimera", "pegasus", "zephyr")
        for size in (128, 288)
    ]
    report.table(
        ["topology", "units", "couplings", "mean degree", "second group"],
        [
            [name, size, graph.n_edges, f"{2 * graph.n_edges / size:.1f}", int(graph.groups.sum())]
            for name, size, graph in graphs
        ],
    )
    figure, axes = plt.subplots(1, 3, figsize=(10, 3.4), layout="constrained")
    for axis, (name, size, graph) in zip(axes, [g for g in graphs if g[1] == 128], strict=True):
        pattern = np.zeros((size, size))
        pattern[tuple(graph.edges.T)] = 1
        axis.imshow(pattern + pattern.T, cmap="gray_r")
        axis.set(title=name, xlabel="unit", ylabel="unit")
    figure.savefig(args.output / "graphs.png", dpi=150)
    plt.close(figure)


# --- all of it ----------------------------------------------------------------------------------

SECTIONS = {
    "priors": run_priors,
    "couplings": run_couplings,
    "mappings": run_mappings,
    "fashion": run_fashion,
    "mixing": run_mixing,
    "graphs": run_graphs,
    "beta": run_beta,
    "noise": run_noise,
    "quantum": run_quantum,
    "labels": run_labels,
    "features": run_features,
    "search": run_search,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--data", type=Path, default=None, help="an .npz of MNIST")
    parser.add_argument("--fashion", type=Path, default=None, help="an .npz of Fashion-MNIST")
    parser.add_argument("--n-train", type=int, default=30_000)
    parser.add_argument("--n-test", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--importance", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=5, help="at most")
    parser.add_argument("--cache", type=Path, default=ROOT / "dist" / "boltzmann_prior_vae")
    parser.add_argument(
        "--output", type=Path, default=ROOT / "benchmarks" / "results" / "boltzmann_prior_vae"
    )
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    for name in args.only:
        report = Report(args.output / f"{name}.rst", f"boltzmann_prior_vae.py --only {name}")
        SECTIONS[name](args, report)


if __name__ == "__main__":
    main()
