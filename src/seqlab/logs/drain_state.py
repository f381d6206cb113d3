"""Drain's clusters and tree as plain values, and back: for parse.json and checkpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seqlab.errors import UserError

if TYPE_CHECKING:
    from drain3.drain import Drain, Node


def new_drain(similarity: float, depth: int, *, counts_masks: bool = False) -> Drain:
    """The Drain that says what a template is.

    He et al., "Drain: An online log parsing approach with fixed depth tree", ICWS 2017.

    Args:
        counts_masks: drain3's own, to which a masked word is a word like others; else a MaskedDrain.

    Raises:
        UserError: drain3 is not installed.
    """
    try:
        from drain3.drain import Drain

        from seqlab.logs.masked_drain import MaskedDrain
    except ImportError as error:
        raise UserError(f"log templates need drain3 ({error}): pip install --no-deps drain3") from None
    return (Drain if counts_masks else MaskedDrain)(depth=depth, sim_th=similarity)


def drain_state(drain: Drain) -> dict[str, Any]:
    """Settings, clusters ([id, tokens]) and tree ([cluster ids, {token: node}]) of a Drain."""
    from seqlab.logs.masked_drain import MaskedDrain

    return {
        "similarity": drain.sim_th,
        "depth": drain.log_cluster_depth,
        "counts_masks": not isinstance(drain, MaskedDrain),
        "clusters": [[cluster.cluster_id, list(cluster.log_template_tokens)] for cluster in drain.clusters],
        "tree": _node_state(drain.root_node),
    }


def drain_from_state(state: dict[str, Any]) -> Drain:
    """The Drain of ``drain_state``: it goes on as the first would have."""
    from drain3.drain import LogCluster

    drain = new_drain(state["similarity"], state["depth"], counts_masks=state["counts_masks"])
    drain.id_to_cluster = {number: LogCluster(tokens, number) for number, tokens in state["clusters"]}
    drain.clusters_counter = max(drain.id_to_cluster, default=0)
    drain.root_node = _node(state["tree"])
    return drain


def drain_of_templates(
    templates: dict[int, list[str]], similarity: float, depth: int, *, counts_masks: bool = False
) -> Drain:
    """A Drain that knows these {id: tokens}, in their order; to match messages, not to learn more."""
    from drain3.drain import LogCluster

    drain = new_drain(similarity, depth, counts_masks=counts_masks)
    for number, tokens in templates.items():
        cluster = LogCluster(tokens, number)
        drain.id_to_cluster[number] = cluster
        drain.add_seq_to_prefix_tree(drain.root_node, cluster)
    drain.clusters_counter = max(templates, default=0)
    return drain


def _node_state(node: Node) -> list[Any]:
    return [
        list(node.cluster_ids),
        {token: _node_state(child) for token, child in node.key_to_child_node.items()},
    ]


def _node(state: list[Any]) -> Node:
    from drain3.drain import Node

    node = Node()
    node.cluster_ids = list(state[0])
    node.key_to_child_node = {token: _node(child) for token, child in state[1].items()}
    return node
