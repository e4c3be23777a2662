"""Where training starts; chosen by benchmarks/bench_defaults.py."""

import numpy as np

BIAS = 6.0  # biases of hidden nodes are uniform in ±BIAS
SPREAD = 12.0  # their weights are SPREAD / d × u⁵, with u uniform in ±1


def initial_weights(d, H, K, random, dtype):
    """W, shape (d + 1, H), and v, shape (K, H + 1), in training units.

    The biases place the nodes' slopes all along the range of the data. The fifth power
    makes few weights large and most small, so that a node begins by listening to few
    features: on real data clearly better than weights of one size. With v = 0 the
    first prediction is the mean, so that a constant y is met exactly from the start.

    Only + − × ÷ are used, which give the same bits on every machine.
    """
    biases = BIAS * (2 * random.random_sample((1, H)) - 1)
    u = 2 * random.random_sample((d, H)) - 1
    W = np.concatenate((biases, SPREAD / d * (u * u) * (u * u) * u))
    return W.astype(dtype), np.zeros((K, H + 1), dtype)
