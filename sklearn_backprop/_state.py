"""The state of a model: everything that predictions and further epochs need."""

import math
from dataclasses import dataclass, replace

from ._learning_rate import ADAPTIVE, MAX_REDUCTIONS, OF_FIXED_LENGTH
from ._network import Network

NEW_MODEL = "Call fit with warm_start=False to train a new model."


class Curve:
    """A number for every epoch.

    A curve is immutable. A longer one shares its list, so that adding an epoch takes
    no longer after many epochs.
    """

    def __init__(self, values=()):
        self._values = list(values)
        self._length = len(self._values)

    def __len__(self):
        return self._length

    def values(self):
        """All numbers, as a new list."""
        return self._values[: self._length]

    def last(self):
        """The number of the last epoch."""
        return self._values[self._length - 1]

    def plus(self, value):
        """The curve with one more number."""
        longer = Curve()
        is_end = len(self._values) == self._length  # or the list has already grown
        is_shared = is_end and self._length > 0  # many threads begin with an empty one
        longer._values = self._values if is_shared else self.values()
        longer._values.append(value)
        longer._length = self._length + 1
        return longer


@dataclass(frozen=True)
class Convergence:
    """Whether epochs on the same data still improve the model.

    Losses on different data cannot be compared, and with a learning rate that was
    reduced on other data, new data would not be learned. So other data start with a new
    object of this class.

    Attributes
    ----------
    fingerprint : int
        The fingerprint of the data.
    weight : float
        The total weight of the samples.
    earlier : float
        The total weight of the samples of earlier calls with other data.
    lowest_loss : float
    no_improvement : int
        Number of epochs in a row that have not improved the loss, or the score, by tol.
    reductions : int
        Number of times that "adaptive" has reduced the learning rate.
    converged : bool
    """

    fingerprint: int
    weight: float
    earlier: float = 0.0
    lowest_loss: float = math.inf
    no_improvement: int = 0
    reductions: int = 0
    converged: bool = False

    def after(self, loss, improved, parameters):
        """The convergence after one more epoch.

        Parameters
        ----------
        loss : float
        improved : bool
        parameters : Parameters
        """
        schedule = parameters.learning_rate
        reductions, converged = self.reductions, False
        no_improvement = 0 if improved else self.no_improvement + 1
        if (
            no_improvement > parameters.n_iter_no_change
            and schedule not in OF_FIXED_LENGTH
        ):
            no_improvement = 0
            converged = schedule not in ADAPTIVE or reductions == MAX_REDUCTIONS
            reductions += not converged
        return Convergence(
            self.fingerprint,
            self.weight,
            self.earlier,
            min(loss, self.lowest_loss),
            no_improvement,
            reductions,
            converged,
        )


@dataclass(frozen=True, eq=False)
class State:
    """A model after an epoch.

    Attributes
    ----------
    network : Network
    seed : int
        The seed for everything that is random.
    t : int
        Number of samples used, each counted as often as it was repeated.
    losses : Curve
        The loss of every epoch.
    validation_epochs, validation_scores, validation_losses : Curve or None
        Numbers (counted from 1), scores and losses of the epochs with early stopping;
        None if there are none.
    convergence : Convergence
    alpha : float
        Strength of the L2 penalty in the last epoch.
    search_results : dict or None
        What the search for the number of epochs tried; None without a search.
    """

    network: Network
    seed: int
    t: int
    losses: Curve
    validation_epochs: Curve | None
    validation_scores: Curve | None
    validation_losses: Curve | None
    convergence: Convergence
    alpha: float
    search_results: dict | None

    @classmethod
    def initial(cls, network, seed, fingerprint, order):
        """The state before the first epoch."""
        convergence = Convergence(fingerprint, order.total_weight())
        return cls(network, seed, 0, Curve(), None, None, None, convergence, 0.0, None)

    @property
    def n_iter(self):
        """The number of epochs."""
        return len(self.losses)

    def validation_curves(self):
        """Epochs, scores and losses."""
        return self.validation_epochs, self.validation_scores, self.validation_losses

    def summary(self, *, validated=False):
        """A line about the last epoch, to print."""
        line = f"Epoch {self.n_iter}: loss {self.losses.last():.6g}"
        if validated:
            line += f", validation R² {self.validation_scores.last():.4f}"
        return line

    def for_data(self, data, order, fingerprint):
        """The state in which training continues on these data.

        If the data differ from those of the previous call, the means and standard
        deviations for standardizing are updated to include them. The weights stay as
        they are, in training units.

        Parameters
        ----------
        data : Data
            In the units of the user.
        order : SampleOrder
        fingerprint : int
            The fingerprint of the data.

        Returns
        -------
        state : State
        has_outliers : bool
            Whether a value of y is far from the earlier ones.
        """
        if fingerprint == self.convergence.fingerprint:
            return self, False
        old, earlier = self.network, self.convergence.earlier + self.convergence.weight
        standardization, has_outliers = old.standardization.merged(
            data, order, weight=earlier
        )
        network = Network(old.weights, old.velocity, old.shape, standardization)
        state = State(  # `replace` would take longer than training on one row
            network,
            self.seed,
            self.t,
            self.losses,
            *self.validation_curves(),
            Convergence(fingerprint, order.total_weight(), earlier),
            self.alpha,
            self.search_results,
        )
        return state, has_outliers

    def with_network(self, network):
        """The state with other weights, and with convergence reset."""
        convergence = self.convergence
        return replace(
            self,
            network=network,
            convergence=Convergence(
                convergence.fingerprint, convergence.weight, convergence.earlier
            ),
        )

    def check_continues(self, data, parameters):
        """Refuse data or parameters with which training cannot continue."""
        _, H, K = self.network.shape
        if parameters.hidden_layer_size != H:
            raise ValueError(
                f"hidden_layer_size={parameters.hidden_layer_size}, but the fitted "
                f"model has {H} hidden units. Training can only continue with the same "
                f"number. {NEW_MODEL}"
            )
        if data.y.shape[1] != K:
            raise ValueError(
                f"y has {data.y.shape[1]} outputs, but the fitted model has {K}. "
                f"Training can only continue with the same number. {NEW_MODEL}"
            )
        applied = self.network.standardization.applied
        if parameters.standardize != applied:
            raise ValueError(
                f"standardize={parameters.standardize}, but the fitted model was "
                f"trained with standardize={applied}. {NEW_MODEL}"
            )
        if data.X.dtype != self.network.dtype:
            raise ValueError(
                f"X has dtype {data.X.dtype}, but the fitted model was trained on X of "
                f"{self.network.dtype}. Convert X to that dtype. {NEW_MODEL}"
            )
