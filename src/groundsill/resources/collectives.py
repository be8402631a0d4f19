"""How long accelerators talk to each other: alpha-beta model of the collectives of NCCL and its like.

Sources: Thakur, Rabenseifner, Gropp 2005 (International Journal of High Performance Computing Applications 19(1)) for ring
and tree; a group that spans nodes is a hierarchy: first inside the node, then each accelerator over its own share of the
network with the accelerators of its rank in the other nodes. Times are for ideal bandwidth; `step` has the shares reached.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from groundsill.terms.accelerator import Accelerator
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Quantity


@dataclass(frozen=True)
class Talk:
    """Seconds at ideal bandwidth and the number of steps one after another that each cost a latency; both (plans,)."""

    seconds: Quantity
    hops: Quantity


@dataclass(frozen=True)
class Group:
    """Ranks that talk. near: of them in one node; far: nodes they span. (plans,)"""

    near: Quantity
    far: Quantity

    @property
    def ranks(self) -> Quantity:
        """All of them."""
        return np.asarray(self.near) * self.far


def group(accelerator: Accelerator, ranks: Quantity, inside: Quantity = 1) -> Group:
    """`ranks` accelerators that lie `inside` apart: tensor ranks lie next to each other, then context, data, pipeline."""
    room = np.maximum(np.floor(accelerator.node_size / np.asarray(inside, dtype=np.float64)), 1.0)
    near = np.minimum(ranks, room)
    return Group(near, np.maximum(np.asarray(ranks) / near, 1.0))


def _speeds(accelerator: Accelerator, where: Group) -> tuple[float, float]:
    """Bytes per second inside the node and out of it. Raises Problem `resources.no_bandwidth` for one that is needed and
    unknown."""
    near, far = accelerator.link_bytes_per_s, accelerator.network_bytes_per_s
    if near <= 0 and np.any(np.asarray(where.near) > 1):
        raise Problem("resources.no_bandwidth", at=accelerator.id, got="link_bytes_per_s")
    if far <= 0 and np.any(np.asarray(where.far) > 1):
        raise Problem("resources.no_bandwidth", at=accelerator.id, got="network_bytes_per_s")
    return near or np.inf, far or np.inf


def all_gather(accelerator: Accelerator, where: Group, bytes_: Quantity) -> Talk:
    """Everyone ends with `bytes_`, of which each brought an equal part; a reduce-scatter takes the same time.

    (n - 1) / n S / B inside the node, and the same over the nodes on the part that one accelerator fetches for its node.
    """
    link, network = _speeds(accelerator, where)
    near, far = np.asarray(where.near, dtype=np.float64), np.asarray(where.far, dtype=np.float64)
    inside = (near - 1) / near * bytes_ / link
    outside = (far - 1) / far * (bytes_ / near) / network
    return Talk(inside + outside, np.log2(near) + np.log2(far))


def all_reduce(accelerator: Accelerator, where: Group, bytes_: Quantity) -> Talk:
    """A reduce-scatter and an all-gather."""
    once = all_gather(accelerator, where, bytes_)
    return Talk(2.0 * np.asarray(once.seconds), 2.0 * np.asarray(once.hops))


def all_to_all(accelerator: Accelerator, where: Group, bytes_: Quantity) -> Talk:
    """Everyone sends `bytes_` in equal parts to all; what leaves the node takes the accelerator's share of the network."""
    link, network = _speeds(accelerator, where)
    ranks, near = np.asarray(where.ranks, dtype=np.float64), np.asarray(where.near, dtype=np.float64)
    inside = bytes_ * (near - 1) / ranks / link
    outside = bytes_ * (ranks - near) / ranks / network
    return Talk(inside + outside, np.log2(ranks))
