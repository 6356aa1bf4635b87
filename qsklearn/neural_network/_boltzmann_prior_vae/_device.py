"""A discrete VAE's latent units on the qubits of a device, one each, without an embedding."""

from dataclasses import dataclass

from sklearn.base import clone

from qsklearn.neural_network._boltzmann_prior_vae._latent_graph import make_latent_graph
from qsklearn.samplers import EmbeddedSampler, check_sampler, working_graph
from qsklearn.samplers._device_calls import device_properties
from qsklearn.samplers._program_ranges import ProgramRanges


@dataclass(frozen=True, eq=False)
class LatentSampler:
    """A sampler with the graph that its draws live on.

    Parameters
    ----------
    sampler : object with ``sample_arrays``
    graph : LatentGraph
    is_native : bool
        Whether each latent unit is a qubit of a device.
    limits : callable or None
        From β_eff to the ranges of fields and couplings that the device can be programmed with,
        each a pair of the lowest and the highest; None where there are none.
    """

    sampler: object
    graph: object
    is_native: bool
    limits: object


def resolve_sampler(sampler, topology, n_latent, mapping, n_classes, caller):
    """Sampler and graph together: on a device of the topology that is asked for, its own qubits.

    Parameters
    ----------
    sampler : str, sampler object or None
        None: Gibbs.
    topology : str or networkx.Graph
    n_latent : int
    mapping : {"chains", "bipartite"}
    n_classes : int
        With a class unit there is no native program: the unit has more neighbours than a qubit.
    caller : str

    Returns
    -------
    resolved : LatentSampler
    """
    sampler = check_sampler(sampler, default="gibbs", intent="thermal", caller=caller)
    if not isinstance(sampler, EmbeddedSampler):
        return LatentSampler(sampler, make_latent_graph(topology, n_latent, mapping), False, None)
    chip = working_graph(sampler.sampler)
    graph = make_latent_graph(topology, n_latent, mapping, None if n_classes else chip)
    is_native = not n_classes and sampler.embedding is None and _is_on(graph, chip)
    if is_native:
        # Positions, as the array door has no labels.
        chains = {place: (node,) for place, node in enumerate(graph.nodes.tolist())}
        sampler = clone(sampler).set_params(embedding=chains)
    return LatentSampler(sampler, graph, is_native, _limits(sampler))


def _is_on(graph, chip):
    """Whether units and couplings are qubits and couplers that work."""
    nodes = graph.nodes.tolist()
    return all(node in chip for node in nodes) and all(
        chip.has_edge(nodes[a], nodes[b]) for a, b in graph.edges.tolist()
    )


def _limits(sampler):
    if sampler.scaling not in ("auto", "clip"):
        return None
    ranges = ProgramRanges.from_properties(device_properties(sampler.sampler))
    low, high = ranges.couplings
    if sampler.num_spin_reversal_transforms:  # gauges turn signs
        low, high = max(low, -high), min(high, -low)

    def limits(beta_eff):
        fields = tuple(beta_eff * end for end in ranges.fields)
        return fields, (beta_eff * low, beta_eff * high)

    return limits
