"""LossCurveDisplay: a plot of the loss of every epoch."""

from __future__ import annotations  # matplotlib may not be there

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils.validation import check_is_fitted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.lines import Line2D
    from sklearn.base import BaseEstimator


class LossCurveDisplay:
    """Plot of the loss of every epoch, in training and, if available, in validation.

    Use :meth:`from_estimator` to create one. As with scikit-learn's displays, the
    curves are stored, and :meth:`plot` draws them again, on other axes or in another
    style. Requires matplotlib.

    Parameters
    ----------
    loss_curve : array-like of shape (n_epochs,)
        The loss of every epoch.

    validation_loss_curve : array-like of shape (n_validated,), default=None
        The validation loss after each epoch of early stopping. None if there was no
        validation.

    validation_epochs : array-like of shape (n_validated,), default=None
        The numbers of these epochs, counted from 1. None means the last epochs.

    estimator_name : str, default=None
        Name of the estimator, for the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curves.

    figure_ : matplotlib Figure
        Figure that contains the axes.

    line_ : matplotlib Artist
        The training curve.

    validation_line_ : matplotlib Artist or None
        The validation curve; None if there is none.

    See Also
    --------
    BackpropRegressor : The estimator whose loss curves are drawn.
    sklearn.model_selection.LearningCurveDisplay : Scores against the number of rows.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_backprop import BackpropRegressor, LossCurveDisplay
    >>> X, y = load_diabetes(return_X_y=True, scaled=False)
    >>> model = BackpropRegressor(5, early_stopping=True, random_state=0).fit(X, y)
    >>> display = LossCurveDisplay.from_estimator(model)
    >>> plt.show()
    """

    ax_: Axes
    figure_: Figure | SubFigure
    line_: Line2D
    validation_line_: Line2D | None

    def __init__(
        self,
        *,
        loss_curve: Sequence[float] | NDArray[Any],
        validation_loss_curve: Sequence[float] | NDArray[Any] | None = None,
        validation_epochs: Sequence[int] | NDArray[Any] | None = None,
        estimator_name: str | None = None,
    ) -> None:
        self.loss_curve = loss_curve
        self.validation_loss_curve = validation_loss_curve
        self.validation_epochs = validation_epochs
        self.estimator_name = estimator_name

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        *,
        ax: Axes | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the loss curves of a fitted estimator.

        Parameters
        ----------
        estimator : BackpropRegressor or Pipeline
            A fitted estimator that has a `loss_curve_`, or a pipeline that ends in one.
        ax : matplotlib Axes, default=None
            Axes to draw on; None creates a new figure.
        name : str, default=None
            Name for the legend; None uses the name of the estimator's class.
        **kwargs : dict
            Passed to matplotlib's `plot`, for both curves.

        Returns
        -------
        display : LossCurveDisplay
            The display, with the curves that were drawn.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        NotFittedError
            If the estimator is not fitted.
        TypeError
            If the estimator has no `loss_curve_`.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        if isinstance(estimator, Pipeline):
            estimator = estimator[-1]
        check_is_fitted(estimator)
        estimator_name = type(estimator).__name__
        if not hasattr(estimator, "loss_curve_"):
            raise TypeError(
                f"{estimator_name} has no loss_curve_. Expected a fitted "
                "BackpropRegressor, or a pipeline that ends in one."
            )
        display = cls(
            loss_curve=estimator.loss_curve_,
            validation_loss_curve=getattr(estimator, "validation_loss_curve_", None),
            validation_epochs=getattr(estimator, "validation_epochs_", None),
            estimator_name=estimator_name if name is None else name,
        )
        return display.plot(ax=ax, **kwargs)

    def plot(
        self, ax: Axes | None = None, *, name: str | None = None, **kwargs: Any
    ) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None creates a new figure.
        name : str, default=None
            Name for the legend; None uses `estimator_name`.
        **kwargs : dict
            Passed to matplotlib's `plot`, for both curves.

        Returns
        -------
        display : LossCurveDisplay
            This display.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        import matplotlib.pyplot as plt

        if ax is None:
            _, ax = plt.subplots()
        name = self.estimator_name if name is None else name
        prefix = "" if name is None else f"{name}, "

        epochs = np.arange(1, len(self.loss_curve) + 1)
        style = {"label": f"{prefix}training", **kwargs}
        (self.line_,) = ax.plot(epochs, self.loss_curve, **style)
        self.validation_line_ = None
        if self.validation_loss_curve is not None:
            style = {
                "label": f"{prefix}validation",
                "color": self.line_.get_color(),
                "linestyle": "--",
                **kwargs,
            }
            validated = self.validation_epochs
            if validated is None:
                validated = epochs[-len(self.validation_loss_curve) :]
            (self.validation_line_,) = ax.plot(
                validated, self.validation_loss_curve, **style
            )

        ax.set(xlabel="Epoch", ylabel="Loss (mean of E)")
        ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self
