"""The compiled updates: packed weights and the C code that trains them."""

from ._boundary import LIMIT, first_beyond, moments, predict, shuffle, train_epoch
from .packing import pack, unpack

__all__ = [
    "LIMIT",
    "first_beyond",
    "moments",
    "pack",
    "predict",
    "shuffle",
    "train_epoch",
    "unpack",
]
