"""A network: its weights, and the units in which it works."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import issparse
from scipy.special import expit
from sklearn.utils.validation import assert_all_finite

from . import _kernel
from ._numbers import check_numeric
from ._random import INITIAL_WEIGHTS, generator
from ._standardization import Standardization

# Chosen by benchmarks/bench_defaults.py.
BIAS = 6.0  # initial biases of hidden units are uniform in ±BIAS
SPREAD = 12.0  # initial weights are SPREAD / d × u⁵, with u uniform in ±1


@dataclass(frozen=True, eq=False)
class Network:
    """The weights as the kernel stores them, in training units.

    Attributes
    ----------
    weights : ndarray
        Packed; `matrices` unpacks them.
    velocity : ndarray or None
        The last update, packed in the same way; None without momentum.
    shape : tuple of int
        d, H, K: the numbers of features, hidden units and outputs.
    standardization : Standardization
    """

    weights: np.ndarray
    velocity: np.ndarray | None
    shape: tuple[int, int, int]
    standardization: Standardization

    @classmethod
    def of(cls, W, v, standardization, velocity=None):
        """The network with weights W (d + 1, H) and v (K, H + 1), biases first.

        `velocity` is a pair of such matrices, or None.
        """
        if velocity is not None:
            # Units that only pad a register have a bias, but no velocity.
            nothing = _kernel.pack(np.zeros_like(W), np.zeros_like(v))
            velocity = _kernel.pack(*velocity) - nothing
        shape = (len(W) - 1, W.shape[1], len(v))
        return cls(_kernel.pack(W, v), velocity, shape, standardization)

    @classmethod
    def initial(cls, H, standardization, seed, dtype):
        """The network that training starts from."""
        d, K = len(standardization.X_mean), len(standardization.y_mean)
        random = generator(seed, INITIAL_WEIGHTS)
        return cls.of(*initial_weights((d, H, K), random, dtype), standardization)

    @property
    def dtype(self):
        """The dtype of the weights: float32 or float64."""
        return self.weights.dtype

    def matrices(self):
        """W, shape (d + 1, H), and v, shape (K, H + 1), biases first."""
        return _kernel.unpack(self.weights, self.shape)

    def velocity_matrices(self):
        """The last update of W and v, or None."""
        if self.velocity is None:
            return None
        return _kernel.unpack(self.velocity, self.shape)

    def output(self, X, order=None):
        """ŷ in training units, shape (n, K): for all rows, or for the samples in order.

        Parameters
        ----------
        X : {ndarray, CSR} of shape (n, d)
        order : SampleOrder or None
        """
        mean, scale = self.standardization.X_mean, self.standardization.X_scale
        chosen = {}
        if order is not None:
            chosen = {"order": order.entries, "fraction": order.fraction}
        samples = _kernel.Samples(X, mean=mean, scale=scale, **chosen)
        return _kernel.predict(self.weights, self.shape, samples)

    def predict(self, X):
        """ŷ in the units of the data, shape (n, K)."""
        return self.standardization.to_predictions(self.output(X))

    def hidden_outputs(self, X):
        """z, shape (n, H); only meant for a few rows."""
        W, _ = self.matrices()
        mean, scale = self.standardization.X_mean, self.standardization.X_scale
        if issparse(X):  # scale first, or the product might overflow
            a = X.multiply(scale) @ W[1:] - (mean * scale) @ W[1:]
        else:  # subtract the mean first, because it may be far from 0
            a = ((X - mean) * scale) @ W[1:]
        return expit(W[0] + a)

    def coefs(self):
        """w_hj and v_kh in the units of the data: (d, H) and (H, K)."""
        return self.standardization.to_coefs(*self.matrices())

    def intercepts(self):
        """w_h0 and v_k0 in the units of the data: (H,) and (K,)."""
        return self.standardization.to_intercepts(*self.matrices())

    def with_coefs(self, values):
        """The network with these coefs and the same intercepts, without velocity.

        Raises
        ------
        ValueError
            If the values are invalid or too large.
        """
        d, H, K = self.shape
        coefs = _arrays(values, "coefs_", ((d, H), (H, K)))
        constant = self.standardization.X_scale == 0
        if coefs[0][constant].any():
            column = int((constant & coefs[0].any(axis=1)).argmax())
            raise ValueError(
                f"coefs_[0] has weights other than 0 for column {column}, which has "
                "not varied so far and thus has no influence. Expected zeros there."
            )
        convert = self.standardization.from_coefs
        return self._with("coefs_", *convert(coefs, *self.matrices()))

    def with_intercepts(self, values):
        """The network with these intercepts and the same coefs, without velocity.

        Raises
        ------
        ValueError
            If the values are invalid or too large.
        """
        _, H, K = self.shape
        intercepts = _arrays(values, "intercepts_", ((H,), (K,)))
        convert = self.standardization.from_intercepts
        return self._with("intercepts_", *convert(intercepts, *self.matrices()))

    def _with(self, name, W, v):
        with np.errstate(over="ignore"):
            W, v = W.astype(self.dtype), v.astype(self.dtype)
        network = Network.of(W, v, self.standardization)
        if not _kernel.are_finite(network.weights, network.shape):
            raise ValueError(
                f"{name} has values that are too large: outputs might overflow. "
                "Expected smaller values."
            )
        return network


def _arrays(values, name, shapes):
    """Two arrays of float64 that a user assigns to an attribute.

    Raises
    ------
    ValueError
        If they are not dense, not finite, or have other shapes.
    """
    expected = f"Expected arrays of shape {shapes[0]} and {shapes[1]}."
    try:
        values = list(values)
    except TypeError:
        raise ValueError(f"{name} is {type(values).__name__}. {expected}") from None
    if len(values) != 2:
        raise ValueError(f"{name} has {len(values)} items. {expected}")
    arrays = []
    for i, (value, shape) in enumerate(zip(values, shapes, strict=True)):
        if np.isscalar(value) or issparse(value):
            raise ValueError(f"{name}[{i}] is {type(value).__name__}. {expected}")
        check_numeric(value, f"{name}[{i}]")
        with np.errstate(over="ignore"):  # large long doubles become infinite
            array = np.asarray(value, np.float64)
        if array.shape != shape:
            raise ValueError(f"{name}[{i}] has shape {array.shape}. {expected}")
        assert_all_finite(array, input_name=f"{name}[{i}]")
        arrays.append(array)
    return arrays


def initial_weights(shape, random, dtype):
    """W, shape (d + 1, H), and v, shape (K, H + 1), in training units.

    The biases spread the slopes of the hidden units over the range of the data. The
    fifth power makes a few weights large and most of them small, so that each unit
    starts by responding to few features. On real data this is clearly better than
    weights of similar size. With v = 0, the first prediction is the mean, so that a
    constant y is met exactly from the start.

    Only + − × ÷ are used: they give the same bits on every machine.
    """
    d, H, K = shape
    biases = BIAS * (2 * random.random_sample((1, H)) - 1)
    u = 2 * random.random_sample((d, H)) - 1
    W = np.concatenate((biases, SPREAD / d * (u * u) * (u * u) * u))
    return W.astype(dtype), np.zeros((K, H + 1), dtype)
