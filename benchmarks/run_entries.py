"""The table of benchmarks that ``run.py`` runs: scripts, arguments of both settings, needs."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Entry:
    """A benchmark.

    Attributes
    ----------
    name : str
    script : str
        A file of this folder.
    measures : str
        What it does, in a line without a full stop.
    folder : str
        Of its results, inside that of all results; benchmarks may share one.
    short, full : str
        Arguments of the two settings but data sets, in which ``{output}`` is an empty folder for
        results and ``{work}`` one for what is of no use afterwards.
    minutes : tuple of two floats
        About, on two cores: short, full.
    packages : tuple of str
        Modules without which it can't run.
    peers : tuple of str
        Modules whose comparison it leaves out where they aren't installed.
    data : dict of str
        Data sets that it needs, by the option that takes the path.
    more_data : dict of str
        Those of which it only makes more.
    files : tuple of str
        Patterns of its results in the folder, to tell whose they are in a shared one.
    n_threads : int
        Of each library.
    """

    name: str
    script: str
    measures: str
    folder: str
    short: str
    full: str
    minutes: tuple
    packages: tuple = ()
    peers: tuple = ()
    data: dict = field(default_factory=dict)
    more_data: dict = field(default_factory=dict)
    files: tuple = ("*.rst", "*.png")
    n_threads: int = 1


DWAVE = ("dwave.samplers", "dwave.system")
PLOT, TORCH, AER = ("matplotlib",), ("torch",), ("qiskit_aer",)
PLUGIN = "dwave.plugins.torch"
TO = "--output {output}"
VAE_SMALL = "--n-train 1000 --n-test 200 --epochs 2 --importance 50 --seeds 1 --cache {work}"
VAE_REPORTS = (
    "beta", "couplings", "fashion", "features", "graphs", "labels", "mappings", "mixing", "noise",
    "priors", "quantum", "search",
)  # fmt: skip

ENTRIES = (
    Entry(
        name="comparison_tests",
        script="comparison_tests.py",
        measures="Size and power of the tests of compare: how often they err, what they can find",
        folder="comparison_tests",
        short=f"{TO} --only size --simulations 20",
        full=TO,
        minutes=(1, 10),
    ),
    Entry(
        name="comparison_page",
        script="comparison_page.py",
        measures="All five estimators on three data sets, beside their twins and ablations",
        folder="comparison_page",
        short=f"{TO} --short --data iris",
        full=TO,
        minutes=(2, 60),
        packages=PLOT + TORCH + ("pandas",),
    ),
    Entry(
        name="imaginary_time",
        script="imaginary_time.py",
        measures="The imaginary time circuit: law, ground states, random strings, time",
        folder="imaginary_time",
        short=f"{TO} --seeds 2",
        full=TO,
        minutes=(1, 1),
        packages=AER + PLOT,
    ),
    Entry(
        name="kernels",
        script="kernels.py",
        measures="Annealing and sampling kernels beside dwave-samplers, OpenJij and PyTorch",
        folder="kernels",
        short=f"{TO} --short",
        full=TO,
        minutes=(1, 10),
        packages=DWAVE,
        peers=("openjij", PLUGIN),
    ),
    Entry(
        name="bit_planes",
        script="bit_planes.py",
        measures="Weights of n bits without their spins, beside the explicit Ising models",
        folder="bit_planes",
        short=f"{TO} --quick",
        full=TO,
        minutes=(1, 10),
        packages=DWAVE + PLOT,
    ),
    Entry(
        name="device_embeddings",
        script="device_embeddings.py",
        measures="Pictures of stars on the chips",
        folder="device_embeddings",
        short="--output {output}/embeddings.rst --only stars pictures --pictures {output}",
        full="--output {output}/embeddings.rst --only pictures",  # into docs/_static
        minutes=(1, 1),
        packages=DWAVE + PLOT,
    ),
    Entry(
        name="device",
        script="device.py",
        measures="The mock device: embeddings, runtime, searches, temperature, errors, limits",
        folder="device",
        short=f"{TO} --short --only stars runtime grid temperature errors limits",
        full=f"{TO} --only stars runtime grid temperature errors limits minorminer",
        minutes=(2, 20),
        packages=DWAVE + PLOT,
        files=(
            "stars.rst",
            "runtime.*",
            "grid.rst",
            "temperature.rst",
            "errors.rst",
            "limits.rst",
            "minorminer.rst",
        ),
    ),
    Entry(
        name="device_training",
        script="device.py",
        measures="The sampled MLP trained on the mock device at an unknown temperature",
        folder="device",
        short=f"{TO} --short --only training beliefs --runs 2",
        full=f"{TO} --only training beliefs",
        minutes=(2, 15),
        packages=DWAVE + PLOT,
        data={"--mnist": "mnist"},
        more_data={"--fashion": "fashion"},
        files=("training.rst", "beliefs.rst"),
    ),
    Entry(
        name="equilibrium",
        script="equilibrium.py",
        measures="Equilibrium propagation beside the sampled gradient and the classical twin",
        folder="equilibrium",
        short=f"{TO} --short --repeats 1",
        full=TO,
        minutes=(1, 10),
        packages=DWAVE,
    ),
    Entry(
        name="sampled_mlp",
        script="sampled_mlp.py",
        measures="The sampled MLP against its paper, at the paper's size",
        folder="sampled_mlp",
        short=f"{TO} --short --runs 2",
        full=TO,
        minutes=(2, 20),
        packages=DWAVE + PLOT,
        data={"--mnist": "mnist"},
        more_data={"--fashion": "fashion"},
        files=("report.rst", "*.png"),
    ),
    Entry(
        name="sampled_mlp_readouts",
        script="sampled_mlp_readouts.py",
        measures="Which of the sampled MLP's two models predicts better when training went far",
        folder="sampled_mlp",
        short=f"{TO} --max-iter 3",
        full=TO,
        minutes=(1, 2),
        files=("readouts.rst",),
    ),
    Entry(
        name="spin_glass_network",
        script="spin_glass_network.py",
        measures="The spin-glass network: the paper's nets, bit depth, samplers, target rules",
        folder="spin_glass_network",
        short=f"{TO} --short --seeds 0 --epochs 2 --n-train 500",
        full=TO,
        minutes=(4, 60),
        packages=DWAVE + PLOT + TORCH + AER,
        data={"--mnist": "mnist"},
        more_data={"--fashion": "fashion"},
    ),
    Entry(
        name="qubo_transfer",
        script="qubo_transfer.py",
        measures="QUBO transfer: agreement, speed, calibration, tables, the paper, devices",
        folder="qubo_transfer",
        short=f"{TO} --short --seeds 0 --n-train 6000 --n-test 500",
        full=TO,
        minutes=(5, 60),
        packages=DWAVE + PLOT + TORCH,
        data={"--mnist": "mnist"},
    ),
    Entry(
        name="grover_bnn",
        script="grover_bnn.py",
        measures="The binary network: counts, searches, circuits, landscapes, real tables",
        folder="grover_bnn",
        short=f"{TO} --short --repeats 1",
        full=TO,
        minutes=(2, 30),
        packages=AER + PLOT,
    ),
    Entry(
        name="boltzmann_prior_vae",
        script="boltzmann_prior_vae.py",
        measures="The discrete VAE: priors, couplings, devices, labels, features",
        folder="boltzmann_prior_vae",
        short=f"{TO} {VAE_SMALL}",
        full=f"{TO} --cache {{work}}",
        minutes=(5, 120),
        packages=TORCH + DWAVE + PLOT,
        data={"--data": "mnist", "--fashion": "fashion"},
        files=(*(f"{name}.rst" for name in VAE_REPORTS), "*.png"),
    ),
    Entry(
        name="boltzmann_prior_vae_paper",
        script="boltzmann_prior_vae_paper.py",
        measures="The discrete VAE at its paper's size, epoch by epoch",
        folder="boltzmann_prior_vae",
        short=f"{TO} --state {{work}}/state.joblib --n-train 1000 --epochs 4 --every 1 --rows 50",
        full=f"{TO} --state {{work}}/state.joblib",
        minutes=(1, 130),
        packages=TORCH,
        data={"--data": "mnist"},
        files=("paper.rst",),
    ),
    Entry(
        name="boltzmann_prior_vae_peer",
        script="boltzmann_prior_vae_peer.py",
        measures="The discrete VAE beside that of dwave-pytorch-plugin",
        folder="boltzmann_prior_vae",
        short=f"{TO} --n-train 500 --n-test 50 --epochs 1 --importance 20 --repeats 1",
        full=TO,
        minutes=(3, 20),
        packages=(*TORCH, *DWAVE, PLUGIN),
        data={"--data": "mnist"},
        files=("peer.rst",),
    ),
    Entry(
        name="hardware",
        script="hardware.py",
        measures="The handle of a processor, on the mock: noise, faults, replay, costs, budgets",
        folder="hardware",
        short=f"{TO} --short --folds 2 --n-faults 30 --only noise faults replay estimates budget",
        full=f"{TO} --only noise faults replay estimates budget",
        minutes=(3, 15),
        packages=DWAVE + TORCH,
        files=("noise.rst", "faults.rst", "replay.rst", "estimates.rst", "budget.rst"),
    ),
    Entry(
        name="hardware_training",
        script="hardware.py",
        measures="Four estimators trained end to end through the handle, on the mock",
        folder="hardware",
        short=f"{TO} --short --folds 2 --n-train 400 --epochs 1 --only training",
        full=f"{TO} --only training",
        minutes=(2, 15),
        packages=DWAVE + TORCH,
        data={"--data": "mnist"},
        files=("training.rst",),
    ),
    Entry(
        name="kills",
        script="kills.py",
        measures="Fits, searches, recordings and caches killed at random moments, and what is left",
        folder="reliability",
        short=f"{TO} --short",
        full=TO,
        minutes=(3, 15),
        packages=DWAVE + TORCH,
        files=("kills.rst",),
    ),
    Entry(
        name="dask_search",
        script="dask_search.py",
        measures="A search on a dask cluster of two processes, beside one process",
        folder="reliability",
        short=f"{TO} --short",
        full=TO,
        minutes=(1, 5),
        packages=("dask", "distributed"),
        files=("dask_search.rst",),
    ),
    Entry(
        name="memory",
        script="memory.py",
        measures="Peak memory against samples, features, reads, chunks, spins and bits",
        folder="reliability",
        short=f"{TO} --short",
        full=TO,
        minutes=(2, 5),
        packages=PLOT + TORCH,
        files=("memory.rst", "memory.png"),
    ),
    Entry(
        name="fuzz",
        script="fuzz.py",
        measures="Every public entry point with random input, and files with damaged bytes",
        folder="fuzz",
        short=f"{TO} --short",
        full=TO,
        minutes=(2, 25),
        packages=DWAVE + TORCH + AER + PLOT,
    ),
    Entry(
        name="missed_lines",
        script="missed_lines.py",
        measures="Lines and branches of the package that the default tests run, and what they miss",
        folder="reliability",
        short=f"{TO} --short",
        full=TO,
        minutes=(1, 40),
        packages=("coverage", "xdist"),
        files=("coverage.rst",),
    ),
)
