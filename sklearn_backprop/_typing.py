"""Types of what users hand over, and of what scikit-learn leaves untyped."""

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias, TypeVar

from numpy.typing import ArrayLike


class Sparse(Protocol):
    """One of SciPy's sparse matrices or arrays, of any format."""

    def tocsr(self) -> Any:
        """Convert to CSR."""


Matrix: TypeAlias = ArrayLike | Sparse

Method = TypeVar("Method", bound=Callable[..., Any])


def keep_signature(decorator: Any) -> Callable[[Method], Method]:
    """Return the decorator as one that is known to keep the type of its method.

    scikit-learn's decorators do, but are not annotated: a type checker would take what
    they return for anything.
    """
    return decorator
