"""The compiled updates: packed weights and the C code that trains them."""

try:
    from ._boundary import (
        COMPILER,
        CPU_HAS_FMA,
        INSTRUCTION_SET,
        INSTRUCTION_SETS,
        LIMIT,
        N_STATISTICS,
        Samples,
        Trainer,
        are_finite,
        chunk_length,
        first_beyond,
        hash_rows,
        measure,
        pack,
        predict,
        shuffle,
        sort_rows,
        unpack,
    )
except ModuleNotFoundError as error:
    raise ImportError(
        "The compiled part of sklearn_backprop is missing. Python has probably found "
        "the source folder instead of the installed package. Start Python in another "
        "folder, or with the option -P."
    ) from error

__all__ = [
    "COMPILER",
    "CPU_HAS_FMA",
    "INSTRUCTION_SET",
    "INSTRUCTION_SETS",
    "LIMIT",
    "N_STATISTICS",
    "Samples",
    "Trainer",
    "are_finite",
    "chunk_length",
    "first_beyond",
    "hash_rows",
    "measure",
    "pack",
    "predict",
    "shuffle",
    "sort_rows",
    "unpack",
]
