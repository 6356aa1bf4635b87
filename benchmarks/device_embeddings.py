"""Stars on the chips: our growth beside minorminer, and pictures of the embeddings.

Needs the extras ``dwave`` and ``plot``. minorminer takes a minute or more for each star::

    python benchmarks/device_embeddings.py
    python benchmarks/device_embeddings.py --only stars pictures

Times are the process' CPU time; ours is the least of some calls, minorminer's that of its one call.
"""

import argparse
import time
from functools import cache
from pathlib import Path

import dwave.graphs
import minorminer
import networkx
from reports import Report

from qsklearn.samplers._embeddings import find_embedding
from qsklearn.samplers._star_embedding import largest_star
from qsklearn.samplers._target_graph import as_target

ROOT = Path(__file__).parents[1]
STARS = {  # rays; those of minorminer are the paper's (sampled_mlp.txt, Fig. 5)
    "P16": (64, 548, 654, 2000, 5000),
    "Z15": (64, 548, 654, 834, 2000, 6800),
    "Z12": (834, 4000),
}
MINORMINER_STARS = (("P16", 548), ("P16", 654), ("Z15", 834))
PICTURES = (("P16", 654, "pegasus"), ("Z15", 834, "zephyr"))
TIME_LIMIT = 120  # seconds of wall time for each of minorminer's


@cache
def chip(name):
    make = {"P": dwave.graphs.pegasus_graph, "Z": dwave.graphs.zephyr_graph}[name[0]]
    return as_target(networkx.freeze(make(int(name[1:]))))


def star(n_rays):
    return [(0, ray) for ray in range(1, n_rays + 1)]


def timed(call, repeats=1):
    """CPU seconds of the fastest call, and the last result."""
    least = float("inf")
    for _ in range(repeats):
        begin = time.process_time()
        result = call()
        least = min(least, time.process_time() - begin)
    return least, result


def embed(name, n_rays, repeats=3):
    return timed(lambda: find_embedding(n_rays + 1, star(n_rays), chip(name), cache=False), repeats)


def embed_stars(report):
    """Ours: chain length and CPU time, up to the largest star that was found."""
    embed("P16", 64)  # compiles
    rows = []
    for name, sizes in STARS.items():
        for n_rays in sizes:
            seconds, embedding = embed(name, n_rays)
            rows.append((name, n_rays, embedding.max_chain_length, f"{seconds:.3f}"))
        seconds, n_rays = timed(lambda name=name: largest_star(chip(name)))
        length = embed(name, n_rays, repeats=1)[1].max_chain_length
        rows.append((name, f"{n_rays} (largest)", length, f"{seconds:.3f}"))
    report.heading("Stars by growth")
    report.table(("chip", "K", "chain", "CPU seconds"), rows)


def search(name, n_rays):
    """minorminer's embedding, empty where it finds none in time or gives up with an error."""
    try:
        return minorminer.find_embedding(
            star(n_rays), chip(name).graph, random_seed=0, timeout=TIME_LIMIT
        )
    except RuntimeError as error:
        print(f"minorminer, {name}, K = {n_rays}: {error}", flush=True)
        return {}


def embed_by_minorminer(report):
    rows = []
    for name, n_rays in MINORMINER_STARS:
        seconds, found = timed(lambda name=name, n_rays=n_rays: search(name, n_rays))
        length = len(found[0]) if found else "none"
        ours, embedding = embed(name, n_rays)
        rows.append((name, n_rays, length, f"{seconds:.1f}"))
        rows[-1] += (embedding.max_chain_length, f"{ours:.3f}")
        print(*rows[-1], flush=True)
    report.heading("The same stars by minorminer")
    report.table(
        ("chip", "K", "minorminer's chain", "CPU seconds", "our chain", "CPU seconds"), rows
    )
    report.line(f"minorminer with random_seed=0 and a timeout of {TIME_LIMIT} seconds.")


def draw(report, folder):
    """As sampled_mlp.txt, Figs. 6 and 7: rays blue, the chain red with black lines."""
    report.heading("Pictures")
    for name, n_rays, family in PICTURES:
        embedding = find_embedding(n_rays + 1, star(n_rays), chip(name), cache=False)
        file = folder / f"star_{family}.png"
        save_picture(chip(name).graph, embedding, family, file)
        report.line(f"- {file.name}: K = {n_rays}, chain of {len(embedding.chains[0])} on {name}")


def save_picture(graph, embedding, family, file):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from PIL import Image

    places = getattr(dwave.graphs.drawing, f"{family}_layout")(graph)
    chain = list(embedding.chains[0])
    rays = [qubit for others in embedding.chains[1:] for qubit in others]
    figure, axes = plt.subplots(figsize=(6, 6), layout="constrained")
    networkx.draw_networkx_edges(graph, places, ax=axes, edge_color="orange", width=0.15)
    shared = {"ax": axes, "linewidths": 0}
    networkx.draw_networkx_nodes(graph, places, node_size=0.8, node_color="gold", **shared)
    networkx.draw_networkx_nodes(
        graph, places, rays, node_size=3, node_color="tab:blue", label="rays", **shared
    )
    inside = graph.subgraph(chain)
    networkx.draw_networkx_edges(inside, places, ax=axes, edge_color="black", width=0.8)
    networkx.draw_networkx_nodes(
        graph, places, chain, node_size=7, node_color="tab:red", label="hub's chain", **shared
    )
    axes.legend(loc="upper right", markerscale=2)
    axes.set_axis_off()
    figure.savefig(file, dpi=130)
    plt.close(figure)
    with Image.open(file) as picture:  # few colours, so a palette makes a small file
        palette = Image.Quantize.MAXCOVERAGE  # keeps the rare ones
        picture.convert("RGB").quantize(64, palette).save(file, optimize=True)


PARTS = ("stars", "pictures", "minorminer")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--pictures", type=Path, default=ROOT / "docs" / "_static")
    parser.add_argument(
        "--output", type=Path, default=ROOT / "benchmarks" / "results" / "device" / "embeddings.rst"
    )
    args = parser.parse_args()
    args.output.parent.mkdir(parents=True, exist_ok=True)
    report = Report(args.output, "device_embeddings.py")
    if "stars" in args.only:
        embed_stars(report)
    if "pictures" in args.only:
        draw(report, args.pictures)
    if "minorminer" in args.only:
        embed_by_minorminer(report)


if __name__ == "__main__":
    main()
