"""The compiled updates: packed weights and the C code that trains them."""

try:
    from ._boundary import LIMIT, first_beyond, moments, predict, shuffle, train_epoch
except ModuleNotFoundError as error:
    raise ImportError(
        "The compiled part of sklearn_backprop is missing. Python seems to have found "
        "the source folder instead of the installed package: start it in another "
        "folder, or with the option -P."
    ) from error
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
