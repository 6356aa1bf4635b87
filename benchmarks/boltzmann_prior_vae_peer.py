"""The discrete VAE against that of dwave-pytorch-plugin 0.4.0, in one process.

Some 20 minutes of one core, with the extras ``torch`` and ``dwave``; skipped without the plugin,
which is no dependency of the package::

    pip install dwave-pytorch-plugin==0.4.0 einops dwave-hybrid
    OMP_NUM_THREADS=1 python benchmarks/boltzmann_prior_vae_peer.py --data mnist.npz

All models have the same encoder and decoder, are trained on the same data with the same optimiser,
epoch by epoch in turn, and are evaluated by the same code: the plugin ships neither a loop nor a
likelihood. After that the samplers alone.
"""

import argparse
import time
from dataclasses import dataclass
from importlib.metadata import version
from itertools import product
from pathlib import Path

import networkx
import numpy as np
import torch
from boltzmann_prior_vae_common import load_mnist, mean_and_deviation, mean_and_error
from dwave.samplers import SimulatedAnnealingSampler
from reports import Report
from torch.distributions import Bernoulli
from torch.nn.functional import binary_cross_entropy_with_logits

from qsklearn import QuantumBoltzmannPriorVAE
from qsklearn.neural_network._boltzmann_prior_vae._architecture import architecture_of
from qsklearn.neural_network._boltzmann_prior_vae._evaluation import RowEvaluator
from qsklearn.neural_network._boltzmann_prior_vae._fitting import count_active
from qsklearn.neural_network._boltzmann_prior_vae._latent_graph import make_latent_graph
from qsklearn.neural_network._boltzmann_prior_vae._prior import BoltzmannPrior
from qsklearn.neural_network._boltzmann_prior_vae._report import report_of
from qsklearn.neural_network._boltzmann_prior_vae._training import Schedule, as_bits, batches
from qsklearn.samplers import GibbsSampler

try:
    from dwave.plugins.torch.models import (
        DiscreteVariationalAutoencoder,
        GraphRestrictedBoltzmannMachine,
    )
    from dwave.plugins.torch.models.losses import pseudo_kl_divergence_loss
    from dwave.plugins.torch.samplers import BlockSampler
    from dwave.plugins.torch.samplers.bipartite_sampler import BipartiteGibbsSampler
except ImportError as error:
    MISSING = str(error)
else:
    MISSING = None

ROOT = Path(__file__).parents[1]
N_LATENT, BATCH, N_CHAINS, N_SWEEPS = 128, 100, 512, 4
RATE, PRIOR_RATE = 3e-3, 1e-2  # of all but our defaults; both fall to a tenth
SMALL = 0.01  # standard deviation of the plugin's couplings, where it is not its own
TAU = 1 / 7  # the plugin's
EVALUATION_SEED = 0
ERRORS_ALLOWED = 4.0  # of the plugin's means against enumeration
SLOW = 40.0  # CPU seconds of a call that is made once


# --- contenders ---------------------------------------------------------------------------------


def corrected_loss(spins, logits, samples, machine):
    """The plugin's pseudo-divergence with the entropy of all units, not of one on average."""
    entropy = Bernoulli(logits=logits).entropy().sum(-1).mean()
    return machine.quasi_objective(spins, samples) - entropy


class DecoderOfSpins(torch.nn.Module):
    """Our decoder as the plugin calls it: spins of shape (n_samples, n_draws, n_latent).

    Parameters
    ----------
    decoder : torch.nn.Module
    """

    def __init__(self, decoder):
        super().__init__()
        self.decoder = decoder

    def forward(self, spins):
        """Logits of shape (n_samples, n_draws, n_features)."""
        return self.decoder((spins.flatten(0, 1) + 1) / 2).unflatten(0, spins.shape[:2])


class Plugin:
    """The plugin's VAE in a loop of ours.

    Parameters
    ----------
    graph : LatentGraph
    n_steps : int
        Of the whole training.
    seed : int
    loss : callable, default=None
        None: the plugin's own.
    std : float, default=None
        Of couplings at the start. None: the plugin's own.
    kl_warmup : float, default=0.0
    """

    def __init__(self, graph, n_steps, seed, *, loss=None, std=None, kl_warmup=0.0):
        self.graph, self.step = graph, 0
        self.loss = loss or pseudo_kl_divergence_loss
        factorial = QuantumBoltzmannPriorVAE(N_LATENT, posterior="factorial")
        self.networks = architecture_of(factorial, 784, graph, 0, "bernoulli").build(seed)
        self.rng = np.random.default_rng(seed)
        torch.manual_seed(seed)
        self.machine = make_machine(graph)
        if std is not None:
            torch.nn.init.normal_(self.machine.quadratic, std=std)
        self.vae = DiscreteVariationalAutoencoder(
            self.networks.posterior.first, DecoderOfSpins(self.networks.decoder)
        )
        self.sampler = make_block_sampler(self.machine, graph, N_CHAINS, N_SWEEPS, seed)
        self.schedule = Schedule(n_steps, RATE, PRIOR_RATE, TAU, kl_warmup)
        self.optimiser = torch.optim.Adam(
            [
                {"params": list(self.vae.parameters()), "base": RATE},
                {"params": list(self.machine.parameters()), "base": PRIOR_RATE},
            ]
        )

    def run_epoch(self, X):
        if self.step == 0:
            self.networks.likelihood.adapt(X)  # the encoder gets pixels less their means
        self.networks.train()
        for rows in batches(self.rng.permutation(len(X)), BATCH):
            self.take_step(torch.from_numpy(as_bits(X[rows], "dynamic", self.rng)))

    def take_step(self, x):
        logits, spins, outputs = self.vae(self.networks.likelihood.standardise(x))
        error = binary_cross_entropy_with_logits(outputs[:, 0], x, reduction="none").sum(1)
        divergence = self.loss(spins, logits, self.sampler.sample(), self.machine)
        loss = error.mean() + self.schedule.kl_weight(self.step) * divergence
        for group in self.optimiser.param_groups:
            group["lr"] = group["base"] * self.schedule.rate_factor(self.step)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        self.step += 1

    def trained(self):
        """Networks in evaluation mode, and the prior."""
        return self.networks.eval(), prior_of(self.machine, self.graph)


class Own:
    """Our VAE, an epoch at a time.

    Parameters
    ----------
    graph : LatentGraph
    n_steps : int
    seed : int
    **parameters
        Of the estimator, beside its defaults.
    """

    def __init__(self, graph, n_steps, seed, *, max_iter, **parameters):
        self.vae = QuantumBoltzmannPriorVAE(
            N_LATENT, topology=graph.topology, max_iter=max_iter, random_state=seed, **parameters
        )

    def run_epoch(self, X):
        self.vae.partial_fit(X)

    def trained(self):
        """Networks in evaluation mode, and the prior."""
        return self.vae._state.networks.module, self.vae.prior_


def make_contenders(args, graph, seed):
    """All models by name."""
    n_steps = args.epochs * -(-args.n_train // BATCH)
    corrected = {"loss": corrected_loss, "std": SMALL}
    alike = {
        "posterior": "factorial",
        "tau": TAU,
        "learning_rate_init": RATE,
        "prior_learning_rate_init": PRIOR_RATE,
    }
    plugin = {
        "A, own start": {},
        "A": {"std": SMALL},
        "A, warm-up": {"std": SMALL, "kl_warmup": 0.3},
        "B": corrected,
        "B, warm-up": {**corrected, "kl_warmup": 0.3},
    }
    own = {
        "C": {**alike, "kl_warmup": 0.0},
        "C, warm-up": {**alike, "kl_warmup": 0.3},
        "D": {},
    }
    made = {name: Plugin(graph, n_steps, seed, **changes) for name, changes in plugin.items()}
    for name, changes in own.items():
        made[name] = Own(graph, n_steps, seed, max_iter=args.epochs, **changes)
    return made


EXPLANATION = """
A: the plugin as shipped: straight-through Gumbel bits at τ = 1/7, ``pseudo_kl_divergence_loss``,
couplings that start with a standard deviation of 0.01, or of its own (2.5 over the fourth root of
the product of the degrees). B: its entropy summed over the units. C: ours with
``posterior="factorial"``, ``tau=1/7``. D: our defaults (hierarchical, τ from 1 to 0.2, networks'
Adam at 0.005, warm-up 0.3). With warm-up the weight of the divergence rises to 1 over 0.3 of the
steps; else it is 1. What the plugin leaves to its user is ours: the loop, the Bernoulli error
summed over pixels, Adam at 0.003 for networks and 0.01 for the prior, both falling to a tenth,
batches of 100, bits drawn anew in each epoch. Its ``BlockSampler`` starts 512 persistent chains
from random states and makes 4 Gibbs sweeps at β = 1 a step, as ours does. Encoder 784-300-300-128,
decoder back, batch normalisation, the same initial law for all, pixels less their means for the
encoder, spins for the decoder; D's encoder has two such halves. CPU seconds: the median over
epochs, of which each model has one in turn, one thread; ours include its history (a rough log Z,
active units) and ``partial_fit``'s checks. One evaluator for all: draws of the hard posterior, the
same bits of test images, log Z as ``BoltzmannPrior.log_partition``,
``method="bracket"``.""".strip()


def make_machine(graph, prior=None):
    """The plugin's Boltzmann machine on a graph, with its own start or with given parameters."""
    edges = [tuple(edge) for edge in graph.edges.tolist()]
    given = {}
    if prior is not None:
        given["linear"] = dict(enumerate(prior.h.tolist()))
        given["quadratic"] = dict(zip(edges, prior.weights.tolist(), strict=True))
    # A side of an RBM as hidden units, which BipartiteGibbsSampler needs.
    hidden = np.flatnonzero(graph.groups).tolist() if graph.topology == "rbm" else None
    return GraphRestrictedBoltzmannMachine(
        range(graph.n_latent), edges, hidden_nodes=hidden, **given
    )


def make_block_sampler(machine, graph, n_chains, n_sweeps, seed):
    """The plugin's sampler for any graph, of persistent chains at β = 1."""
    coupled = networkx.Graph(graph.edges.tolist())
    coupled.add_nodes_from(range(graph.n_latent))
    colours = networkx.greedy_color(coupled, strategy="DSATUR")
    return BlockSampler(machine, colours.get, n_chains, schedule=[1.0] * n_sweeps, seed=seed)


def prior_of(machine, graph):
    """The plugin's Boltzmann machine in our conventions, which are its own: exp(-E), s = ±1."""
    h, weights = (
        values.detach().numpy().astype(float) for values in (machine.linear, machine.quadratic)
    )
    return make_prior(h, weights, graph)


def make_prior(h, weights, graph):
    return BoltzmannPrior(h, weights, graph, np.empty(0), np.empty((len(h), 0)))


# --- conventions --------------------------------------------------------------------------------


def check_conventions(report):
    """The plugin's energies, draws and bits on a unit cell against enumeration."""
    graph = make_latent_graph("chimera", 8)
    rng = np.random.default_rng(0)
    machine = make_machine(graph, make_prior(rng.normal(0, 0.5, 8), rng.normal(0, 0.5, 16), graph))
    prior, n_draws = prior_of(machine, graph), 20_000
    spins = np.array(list(product((-1, 1), repeat=8)), dtype=np.float32)
    energies = prior.energies(spins > 0)
    off = np.abs(machine(torch.from_numpy(spins)).detach().numpy() - energies).max()
    weights = np.exp(-energies + prior.log_partition.value[0])
    weights /= weights.sum()
    exact = weights @ spins
    sampler = make_block_sampler(machine, graph, n_draws, 50, 0)
    drawn = sampler.sample().numpy().mean(axis=0)
    errors = np.abs(drawn - exact) / np.sqrt((1 - exact**2) / n_draws)
    logits = torch.linspace(-2, 2, 8)[None]
    torch.manual_seed(0)
    bits = DiscreteVariationalAutoencoder(None, None).latent_to_discrete(logits, n_draws)
    posterior = (bits.mean((0, 1)) - torch.tanh(logits[0] / 2)).abs().max()
    report.line(
        f"Conventions, on a unit cell: the plugin's energies are ours to {off:.0e}; means of its "
        f"{n_draws} draws are those of exp(-E) by enumeration within {errors.max():.1f} standard "
        f"errors (means up to {np.abs(exact).max():.2f}); bits follow σ(l) to {posterior:.3f}."
    )
    if off > 1e-5 or errors.max() > ERRORS_ALLOWED or posterior > 0.03:
        raise RuntimeError("The plugin's conventions are not as supposed.")


# --- training -----------------------------------------------------------------------------------


def run_training(args, report):
    """All models on the same data, and what they make of the same test images."""
    X, T = load_mnist(args)
    QuantumBoltzmannPriorVAE(16, topology="chimera", max_iter=1).fit(X[:200])  # compiles
    graph = make_latent_graph("chimera", N_LATENT)
    results = {}
    for seed in range(args.seeds):
        contenders = make_contenders(args, graph, seed)
        seconds = train(args, contenders, X)
        for name, contender in contenders.items():
            result = evaluate(args, contender, T) | {"seconds": np.median(seconds[name])}
            results.setdefault(name, []).append(result)
            print(seed, name, result["elbo"], result["log_likelihood"].mean(), flush=True)
    report.heading(
        f"{args.n_train} images, {args.epochs} epochs, Chimera 128; {args.n_test} test images, "
        f"K = {args.importance}, seeds: {args.seeds}"
    )
    report.table(
        ["model", "LL", "ELBO", "KL", "active", "mean \\|J\\|", "largest \\|J\\|",
         "effective draws", "log Z bracket", "CPU s an epoch"],
        [row_of(name, results[name]) for name in results],
    )  # fmt: skip
    report.line(EXPLANATION)
    report_differences(report, results)


def train(args, contenders, X):
    """CPU seconds of each epoch, by name."""
    seconds = {name: [] for name in contenders}
    for epoch in range(args.epochs):
        for name, contender in contenders.items():
            started = time.process_time()
            contender.run_epoch(X)
            seconds[name].append(time.process_time() - started)
            print(epoch, name, f"{seconds[name][-1]:.2f}", flush=True)
    return seconds


def evaluate(args, contender, T):
    networks, prior = contender.trained()
    evaluator = RowEvaluator(networks, prior, "dynamic", EVALUATION_SEED)
    terms = evaluator.terms(T, args.importance)
    log_likelihood, report = report_of(terms, prior, "dynamic", "bernoulli")
    bounds = terms.log_weights.mean(axis=1) - report["log_partition"]
    return {
        "log_likelihood": log_likelihood,
        "bounds": bounds,
        "elbo": bounds.mean(),
        "kl": (terms.reconstruction - bounds).mean(),
        "active": count_active(networks, torch.from_numpy(T)),
        "weight": np.abs(prior.weights).mean(),
        "largest": np.abs(prior.weights).max(),
        "effective": report["effective_sample_size"],
        "bracket": report["log_partition_upper"] - report["log_partition_lower"],
    }


def row_of(name, results):
    def column(key):
        return [result[key] for result in results]

    return [
        name, mean_and_deviation([values.mean() for values in column("log_likelihood")]),
        mean_and_deviation(column("elbo")), f"{np.mean(column('kl')):.1f}",
        f"{np.mean(column('active')):.0f}", f"{np.mean(column('weight')):.3f}",
        f"{max(column('largest')):.1f}", f"{np.mean(column('effective')):.1f}",
        f"{max(column('bracket')):.2f}", f"{np.mean(column('seconds')):.2f}",
    ]  # fmt: skip


def report_differences(report, results):
    """Pairs of models: nats by pairs of images, and the ratio of their times."""
    pairs = (
        ("D", "A, own start", ">= 5"),
        ("D", "A", ">= 5"),
        ("D", "A, warm-up", ">= 5"),
        ("C", "B", ">= 0"),
        ("C, warm-up", "B, warm-up", ">= 0"),
        ("D", "B, warm-up", ""),
    )
    rows = []
    for own, peer, asked in pairs:
        gains = [
            mean_and_error(gain(results, own, peer, key)) for key in ("log_likelihood", "bounds")
        ]
        ratio = seconds_of(results, peer) / seconds_of(results, own)
        rows.append([own, peer, gains[0], asked, gains[1], f"{ratio:.2f}"])
    report.heading("Ours against the plugin, by pairs of images")
    report.table(
        ["ours", "plugin", "LL (error)", "asked", "ELBO (error)", "its epoch / ours"], rows
    )
    report.line(
        "Means over seeds, errors over images alone: from seed to seed see the deviations above. "
        "Asked of epochs: at least 1.3."
    )


def gain(results, own, peer, key):
    """Of each image, a mean over seeds."""
    return np.mean([a[key] - b[key] for a, b in zip(results[own], results[peer], strict=True)], 0)


def seconds_of(results, name):
    return np.mean([result["seconds"] for result in results[name]])


# --- the negative phase alone -------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """Chains of which a call makes some sweeps; ``n_calls`` are timed together."""

    name: str
    topology: str
    n_units: int
    n_chains: int
    n_sweeps: int
    n_calls: int = 1
    n_before: int = 0

    def prior(self):
        """A Boltzmann machine that chains mix in."""
        graph = make_latent_graph(self.topology, self.n_units)
        rng = np.random.default_rng(0)
        scale = 0.6 / np.sqrt(2 * graph.n_edges / self.n_units)
        h = rng.normal(0, 0.1, self.n_units)
        return make_prior(h, rng.normal(0, scale, graph.n_edges), graph)


CASES = (
    Case("Chimera 128", "chimera", 128, N_CHAINS, N_SWEEPS, n_calls=20, n_before=20),
    Case("Zephyr 128", "zephyr", 128, N_CHAINS, N_SWEEPS, n_calls=20, n_before=20),
    Case("Chimera C6", "chimera", 288, 1000, 100),
    Case("RBM 144 x 144", "rbm", 288, 1000, 100),
)


def own_draws(case, prior):
    """A function from a seed to states, which go on from the last."""
    family = prior.to_family()
    sampler = GibbsSampler(case.n_chains, case.n_sweeps, num_threads=1)
    shape = 1, case.n_chains, case.n_units
    states = np.random.default_rng(0).choice(np.array([-1, 1], dtype=np.int8), shape)

    def draw(seed):
        nonlocal states
        states, *_ = sampler.sample_arrays(
            family.fields, family.couplings, initial_states=states, seed=seed
        )
        return states[0]

    return draw


def block_draws(case, prior):
    """The same of the plugin's sampler for any graph."""
    machine = make_machine(prior.graph, prior)
    sampler = make_block_sampler(machine, prior.graph, case.n_chains, case.n_sweeps, 0)
    return lambda seed: sampler.sample().numpy()


def bipartite_draws(case, prior):
    """The same of the plugin's sampler for RBMs."""
    machine = make_machine(prior.graph, prior)
    schedule = [1.0] * case.n_sweeps
    sampler = BipartiteGibbsSampler(machine, case.n_chains, schedule, seed=0)
    return lambda seed: sampler.sample().numpy()


def annealer_draws(case, prior):
    """The same of dwave-samplers, at one temperature: its own schedule ends in a cold."""
    bqm, sampler, states = prior.to_bqm(), SimulatedAnnealingSampler(), None
    labels = prior.graph.nodes.tolist()

    def draw(seed):
        nonlocal states
        states = sampler.sample(
            bqm,
            num_reads=case.n_chains,
            beta_schedule_type="custom",
            beta_schedule=[1.0] * case.n_sweeps,
            num_sweeps_per_beta=1,
            proposal_acceptance_criteria="Gibbs",
            initial_states=states,
            seed=seed,
        )
        places = [states.variables.index(label) for label in labels]
        return states.record.sample[:, places]

    return draw


def samplers_of(case):
    """Makers of draws by name, ours first."""
    makers = {"GibbsSampler": own_draws, "plugin, BlockSampler": block_draws}
    if case.topology == "rbm":
        makers["plugin, BipartiteGibbsSampler"] = bipartite_draws
    return {**makers, "SimulatedAnnealingSampler": annealer_draws}


def run_negative_phase(args, report):
    """Samplers alone."""
    rows = []
    for case in CASES:
        rows += rows_of_case(args, case)
    report.heading("The negative phase alone: CPU time of a call, one thread")
    report.table(
        ["graph", "chains x sweeps", "sampler", "ms", "over ours", "mean energy (error)",
         "errors from ours"],
        rows,
    )  # fmt: skip
    report.line(
        f"Best of {args.repeats}, the samplers in turn; calls of more than {SLOW:.0f} s once. "
        "Fields of standard deviation 0.1, couplings of 0.6 over the root of the mean degree, "
        "β = 1; chains go on from call to call. BlockSampler has a DSATUR colouring, "
        "SimulatedAnnealingSampler Gibbs acceptance and a constant schedule. Mean energies are of "
        "the states of all timed calls, their errors over chains. Asked of the plugin: at least 10."
    )


def rows_of_case(args, case):
    prior = case.prior()
    draws = {name: make(case, prior) for name, make in samplers_of(case).items()}
    own_draws(case, prior)(0)  # compiles
    for seed, draw in product(range(case.n_before), draws.values()):
        draw(seed)
    best, energies = dict.fromkeys(draws, np.inf), {name: [] for name in draws}
    for repeat, (name, draw) in product(range(args.repeats), draws.items()):
        if repeat and best[name] > SLOW:
            continue
        seconds, states = timed(draw, case.n_calls, first_seed=1000 * (repeat + 1))
        best[name] = min(best[name], seconds)
        energies[name] += [prior.energies(drawn > 0) for drawn in states]
        print(case.name, name, f"{seconds:.4f}", flush=True)
    of_chains = {name: np.mean(energies[name], axis=0) for name in draws}
    return [row_of_sampler(case, name, best, of_chains) for name in draws]


def timed(draw, n_calls, first_seed):
    """CPU seconds of a call, and the states of all."""
    started = time.process_time()
    states = [draw(seed) for seed in range(first_seed, first_seed + n_calls)]
    return (time.process_time() - started) / n_calls, states


def row_of_sampler(case, name, best, energies):
    reference, own = next(iter(energies)), energies[name]
    difference = own.mean() - energies[reference].mean()
    error = np.hypot(*(values.std() for values in (own, energies[reference])))
    off = difference / error * np.sqrt(case.n_chains)
    return [
        case.name, f"{case.n_chains} x {case.n_sweeps}", name, f"{1000 * best[name]:.2f}",
        f"{best[name] / best[reference]:.1f}", mean_and_error(own),
        "" if name == reference else f"{off:+.1f}",
    ]  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=None, help="an .npz of MNIST")
    parser.add_argument("--n-train", type=int, default=20_000)
    parser.add_argument("--n-test", type=int, default=500)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--importance", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--output", type=Path, default=ROOT / "benchmarks" / "results" / "boltzmann_prior_vae"
    )
    args = parser.parse_args()
    if MISSING is not None:
        print(f"Skipped: dwave-pytorch-plugin is not there or does not import ({MISSING}).")
        print("pip install dwave-pytorch-plugin==0.4.0 einops dwave-hybrid")
        return
    torch.set_num_threads(1)
    args.output.mkdir(parents=True, exist_ok=True)
    report = Report(args.output / "peer.rst", "boltzmann_prior_vae_peer.py")
    report.line(f"dwave-pytorch-plugin {version('dwave-pytorch-plugin')}.\n")
    check_conventions(report)
    run_training(args, report)
    run_negative_phase(args, report)


if __name__ == "__main__":
    main()
