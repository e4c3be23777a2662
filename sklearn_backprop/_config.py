"""Information about this build of the package and the machine that it runs on."""

import functools
import os
import platform
from importlib.metadata import version

from . import _kernel
from ._warning import warn


def show_config() -> None:
    """Print the instruction set, the build and the versions in use, for a bug report.

    The environment variable ``SKLEARN_BACKPROP_ISA`` forces an instruction set:
    "baseline", "x86-64-v3" or "x86-64-v4". All of them give the same results, bit for
    bit.

    Examples
    --------
    >>> import sklearn_backprop
    >>> sklearn_backprop.show_config()  # doctest: +ELLIPSIS
    sklearn_backprop: ...
    """
    forced = os.environ.get("SKLEARN_BACKPROP_ISA")
    facts = {
        "sklearn_backprop": version("sklearn-backprop"),
        "instruction set": _kernel.INSTRUCTION_SET + (" (forced)" if forced else ""),
        "  available": ", ".join(_kernel.INSTRUCTION_SETS),
        "  fused multiply-add": "in hardware" if _kernel.CPU_HAS_FMA else "in software",
        "compiler": _kernel.COMPILER,
        "Python": f"{platform.python_version()}, {platform.python_implementation()}",
        "scikit-learn": version("scikit-learn"),
        "NumPy": version("numpy"),
        "SciPy": version("scipy"),
        "platform": platform.platform(),
        "machine": platform.machine(),
    }
    for name, fact in facts.items():
        print(f"{name}: {fact}")


@functools.cache
def warn_without_fma():
    """Warn once that training will be slow if the CPU has no fused multiply-add."""
    if not _kernel.CPU_HAS_FMA:
        warn(
            "Training and prediction take about 100 times as long as usual: this CPU "
            "has no fused multiply-add, which is done in software instead. Use a CPU "
            "that has it, if you can.",
            RuntimeWarning,
        )
