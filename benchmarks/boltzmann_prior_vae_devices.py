"""The discrete VAE on simulated annealers: unknown and drifting temperatures, noise, offsets."""

import matplotlib.pyplot as plt
import numpy as np
from boltzmann_prior_vae_common import fitted, load_mnist

from qsklearn.samplers import EmbeddedSampler, MockQPUSampler, estimate_static_offsets

# The setting of the short trainings: a fifth of an hour for all on a simulated device.
MOST_EPOCHS, MOST_IMAGES = 8, 20_000
# Appendix B of the paper: 1 µs to s = .5, a pause of 10 µs there, a quench of 10 ns; here the
# steepest that a 2000Q takes from its users, half a microsecond.
PAUSE_AND_QUENCH = [(0.0, 0.0), (1.0, 0.5), (11.0, 0.5), (11.5, 1.0)]


def sizes_of(args):
    """Epochs and training images, and the parameters of the short trainings."""
    n_epochs, n_train = min(args.epochs, MOST_EPOCHS), min(args.n_train, MOST_IMAGES)
    return n_epochs, n_train, {"topology": "chimera", "max_iter": n_epochs, "random_state": 0}


def device(profile="ideal", **changes):
    settings = {"num_sweeps": 30, "seed": 0, **changes}
    if profile == "ideal":
        settings = {"topology_type": "chimera", "topology_shape": [4, 4, 4], **settings}
    return MockQPUSampler(profile, **settings)


def row_of(name, vae, T):
    history = vae.history_
    return [
        name, f"{vae.elbo(T)['elbo'].mean():.1f}", f"{vae.score_samples(T, 200).mean():.1f}",
        int(vae.active_units(T).sum()), f"{history['mean_abs_weight'][-1]:.3f}",
        f"{history['beta_eff'][-1]:.2f}", f"{max(history['clipped_fraction']):.3f}",
        f"{vae.cpu_seconds_:.0f}",
    ]  # fmt: skip


HEADER = [
    "draws", "ELBO", "LL, K = 200", "active", "mean \\|W\\|", "last β_eff", "clipped", "CPU s",
]  # fmt: skip


# --- temperature: section 3c of the notes, Fig. 13 ----------------------------------------------


def run_beta(args, report):
    """A device without noise at a temperature that nobody says, and that drifts."""
    n_epochs, n_train, short = sizes_of(args)
    X, T = load_mnist(args, n_train=n_train)
    report.heading(
        f"Temperature: Chimera, 128 units, {n_train} images, {n_epochs} epochs, 512 reads a step"
    )
    drifting = {"device_beta": 3.0, "drift": 0.03}
    cases = {
        "Gibbs at β = 1": {},
        "device 3, auto": {"sampler": device(device_beta=3.0)},
        "device 3 drifting, auto": {"sampler": device(**drifting)},
        "device 3 drifting, moment matching": {
            "sampler": device(**drifting),
            "beta_eff": "moment-matching",
        },
        "device 3, believed 1": {"sampler": device(device_beta=3.0), "beta_eff": 1.0},
        "device 1.5, believed 3": {"sampler": device(device_beta=1.5), "beta_eff": 3.0},
    }
    rows = []
    for name, changes in cases.items():
        vae = fitted(args, f"beta_{name}".replace(" ", "_"), X, **short, **changes)
        rows.append(row_of(name, vae, T))
        print(rows[-1], flush=True)
    report.table(HEADER, rows)
    report.line("Asked for: with auto within 1 nat of Gibbs.")
    models = {
        topology: fitted(
            args, f"trace_{topology}", X, **{**short, "topology": topology},
            sampler=device(**drifting),
        )
        for topology in ("chimera", "bernoulli")
    }  # fmt: skip
    draw_traces(args, report, models)
    draw_activity(args, X, models, short)


def draw_activity(args, X, models, short):
    """Active units in the course of a training, by the device and by Gibbs (Fig. 5)."""
    figure, axis = plt.subplots(figsize=(5, 3.2), layout="constrained")
    for topology, style in (("chimera", "-"), ("bernoulli", "--")):
        classical = fitted(args, f"short_{topology}", X, **{**short, "topology": topology})
        for name, vae, marker in (("device", models[topology], "o"), ("Gibbs", classical, "s")):
            axis.plot(
                range(1, len(vae.history_["n_active"]) + 1), vae.history_["n_active"], style,
                marker=marker, fillstyle="none", label=f"{topology}, {name}",
            )  # fmt: skip
    axis.set(xlabel="epoch", ylabel="active units")
    axis.legend(frameon=False, fontsize=8)
    figure.savefig(args.output / "activity.png", dpi=150)
    plt.close(figure)


def draw_traces(args, report, models):
    """β_eff of two trainings on the same device: their fluctuations agree where it drifts."""
    traces = {
        topology: np.array(vae._state.belief.history)[-900:] for topology, vae in models.items()
    }
    figure, axis = plt.subplots(figsize=(7, 3), layout="constrained")
    smooth = np.ones(10) / 10
    courses = []
    for (topology, trace), style in zip(traces.items(), ("-", "--"), strict=True):
        courses.append(np.convolve(trace[:, 0], smooth, "valid"))
        axis.plot(courses[-1], style, linewidth=1, label=topology)
    axis.set(xlabel="call, of the last 900", ylabel="β_eff, mean of 10 calls")
    axis.legend(frameon=False)
    figure.savefig(args.output / "beta_eff.png", dpi=150)
    plt.close(figure)
    correlation = np.corrcoef(courses)[0, 1]
    report.line(
        f"Two trainings on one drifting device (Fig. 13): correlation of their β_eff, means of 10 "
        f"calls each, {correlation:.3f}."
    )


# --- noise: Figs. 5 and 11, appendix B ----------------------------------------------------------


def run_noise(args, report):
    """Errors that each call draws anew, errors that stay, and the paper's three processors."""
    n_epochs, n_train, short = sizes_of(args)
    X, T = load_mnist(args, n_train=n_train)
    report.heading(f"Control errors: Chimera, 128 units, {n_train} images, {n_epochs} epochs")
    at_3 = {"device_beta": 3.0}
    static = device(**at_3, h_offset=0.05, j_offset=0.05)
    cases = {
        "no errors": device(**at_3),
        "fresh .05": device(**at_3, h_noise=0.05, j_noise=0.05),
        "fresh .2": device(**at_3, h_noise=0.2, j_noise=0.2),
        "static .05": static,
        "static .05, compensated": EmbeddedSampler(static, offsets=offsets_of(static, 3.0)),
        "static .05, 5 gauges": EmbeddedSampler(static, num_spin_reversal_transforms=5),
        "2000Q baseline": device("2000q-baseline"),
        "2000Q interim lower noise": device("2000q-interim-lower-noise"),
        "2000Q lower noise": device("2000q-lower-noise"),
        "2000Q lower noise, appendix B": EmbeddedSampler(
            device("2000q-lower-noise"),
            {"anneal_schedule": PAUSE_AND_QUENCH},
            num_spin_reversal_transforms=5,
        ),
    }
    rows, models = [], {}
    for name, sampler in cases.items():
        n_chains = 1000 if "appendix" in name else 512
        vae = fitted(
            args, f"noise_{name}".replace(" ", "_"), X, **short, sampler=sampler, n_chains=n_chains
        )
        models[name] = vae
        rows.append([*row_of(name, vae, T), f"{vae.cost_['qpu_access_time'] / 1e6:.0f}"])
        print(rows[-1], flush=True)
    report.table([*HEADER, "QPU s"], rows)
    report.line("Likelihoods are those of the Boltzmann machine that the device is meant to be.")
    draw_courses(args, {name: vae for name, vae in models.items() if "2000Q" in name})


def offsets_of(sampler, beta_eff):
    return estimate_static_offsets(sampler, beta_eff=beta_eff, num_reads=1000, num_calls=20, seed=0)


def draw_courses(args, models):
    figure, axes = plt.subplots(2, 2, figsize=(9, 5.5), layout="constrained")
    names = {
        "elbo": "training bound (nats)",
        "mean_abs_weight": "mean |W|",
        "n_active": "active units",
        "beta_eff": "β_eff",
    }
    styles = ("-", "--", "-.", ":")
    for axis, (column, label) in zip(axes.flat, names.items(), strict=True):
        for (name, vae), style in zip(models.items(), styles, strict=False):
            epochs = range(1, len(vae.history_[column]) + 1)
            axis.plot(epochs, vae.history_[column], style, label=name)
        axis.set(xlabel="epoch", ylabel=label)
    axes[0, 0].legend(frameon=False, fontsize=7)
    figure.savefig(args.output / "devices.png", dpi=150)
    plt.close(figure)
