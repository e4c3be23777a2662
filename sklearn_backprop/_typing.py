"""Types of what users pass, and of what scikit-learn leaves untyped."""

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
    """Annotate a decorator as one that keeps the type of its method.

    scikit-learn's decorators do, but they have no annotations: a type checker would
    treat what they return as Any.
    """
    return decorator
