"""What is learned: all that predictions and further epochs need."""

import math
from dataclasses import dataclass, replace

from ._learning_rate import ADAPTIVE, MAX_REDUCTIONS, OF_FIXED_LENGTH
from ._network import Network

NEW_MODEL = "Call fit with warm_start=False to train a new model."


class Curve:
    """A number for every epoch.

    A curve never changes. A longer one shares its list, so that one more epoch takes no
    longer after many.
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
        """The number of the newest epoch."""
        return self._values[self._length - 1]

    def plus(self, value):
        """The curve with one more number."""
        longer = Curve()
        is_end = len(self._values) == self._length  # or another epoch followed this one
        is_shared = is_end and self._length > 0  # an empty one many threads begin with
        longer._values = self._values if is_shared else self.values()
        longer._values.append(value)
        longer._length = self._length + 1
        return longer


@dataclass(frozen=True)
class Convergence:
    """Whether epochs on the same data still improve the model.

    Losses on different data cannot be compared, and a learning rate that was reduced on
    other data would leave new data unlearned: other data begin with a new one of these.

    Attributes
    ----------
    fingerprint : int
        Of the data.
    weight : float
        Of the samples.
    earlier : float
        Weight of the samples of earlier calls with other data.
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
        """What is known after one more epoch.

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
        Of everything that is random.
    t : int
        Number of samples used, each as often as it was repeated.
    losses : Curve
        Of every epoch.
    validation_epochs, validation_scores, validation_losses : Curve or None
        Of the epochs with early stopping, counted from 1; None without any.
    convergence : Convergence
    alpha : float
        Strength of the L2 penalty in the newest epoch.
    search_results : dict or None
        What the search tried that chose the number of epochs; None without a search.
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
        """The state before the first epoch on such data."""
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
        """A line about the newest epoch."""
        line = f"Epoch {self.n_iter}: loss {self.losses.last():.6g}"
        if validated:
            line += f", validation R² {self.validation_scores.last():.4f}"
        return line

    def for_data(self, data, order, fingerprint):
        """The state in which training continues on these data.

        If they are other data than in the call before, they count in the statistics
        that standardize. The weights stay as they are, in training units.

        Parameters
        ----------
        data : Data
            In the units of the user.
        order : SampleOrder
        fingerprint : int
            Of the data.

        Returns
        -------
        state : State
        has_outliers : bool
            Whether a value of y is far from those before.
        """
        if fingerprint == self.convergence.fingerprint:
            return self, False
        old, earlier = self.network, self.convergence.earlier + self.convergence.weight
        standardization, has_outliers = old.standardization.merged(
            data, order, weight=earlier
        )
        network = Network(old.weights, old.velocity, old.shape, standardization)
        state = State(  # `replace` takes longer than to train on one row
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
        """The state with other weights, from which convergence begins anew."""
        convergence = self.convergence
        return replace(
            self,
            network=network,
            convergence=Convergence(
                convergence.fingerprint, convergence.weight, convergence.earlier
            ),
        )

    def check_continues(self, data, parameters):
        """Refuse data or parameters that this model cannot be trained further with."""
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
