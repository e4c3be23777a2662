"""Weights as the kernel keeps them: one aligned array, hidden nodes in panels.

With T nodes to a tile and P = ⌈H / T⌉ panels, the array holds, in this order,

    W[panel][j][lane]   P × (d + 1) × T   weight of input j to node panel · T + lane
    v[node]             P × T             its output weight
    v_0                 T                 the output bias, then nothing

so that one register's worth of nodes lies together for every input, whatever H is.
Nodes that pad H to whole panels have weights 0 and a bias so low that their output is
0: they have no effect and never learn.
"""

import numpy as np

from ._boundary import TILE_BYTES, padded_nodes
from .aligned import aligned_zeros

PADDING_BIAS = -1000  # sigmoid(-1000) is 0, in both types


def pack(W, v):
    """The packed form of W, shape (d + 1, H), and v, shape (H + 1,)."""
    n_inputs, H = W.shape
    packed = aligned_zeros(_packed_size(n_inputs, H, W.itemsize), W.dtype)
    panels, packed_v = _views(packed, n_inputs, H)
    tile = panels.shape[2]
    panels[-1, 0] = PADDING_BIAS
    for panel, first in zip(panels, range(0, H, tile), strict=True):
        nodes = W[:, first : first + tile]
        panel[:, : nodes.shape[1]] = nodes
    packed_v[:H] = v[1:]
    packed_v[-tile] = v[0]
    return packed


def unpack(packed, n_inputs, H):
    """W, shape (d + 1, H), and v, shape (H + 1,), as new arrays."""
    panels, packed_v = _views(packed, n_inputs, H)
    tile = panels.shape[2]
    W = panels.transpose(1, 0, 2).reshape(n_inputs, -1)[:, :H].copy()
    v = np.concatenate((packed_v[-tile : 1 - tile], packed_v[:H]))
    return W, v


def _packed_size(n_inputs, H, itemsize):
    return padded_nodes(H, itemsize) * (n_inputs + 1) + TILE_BYTES // itemsize


def _views(packed, n_inputs, H):
    """W as (panels, d + 1, tile), and v with v_0 in its last tile."""
    tile = TILE_BYTES // packed.itemsize
    nodes = padded_nodes(H, packed.itemsize)
    split = nodes * n_inputs
    return packed[:split].reshape(-1, n_inputs, tile), packed[split:]
