"""Memory that starts where vector registers load fastest."""

import numpy as np

ALIGNMENT = 64  # bytes: a cache line, and the widest register


def aligned_zeros(size, dtype):
    """A zero array of shape (size,) that starts on a cache line."""
    n_bytes = size * np.dtype(dtype).itemsize
    memory = np.zeros(n_bytes + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + n_bytes].view(dtype)
