"""Which fit a loss and an optimizer need."""

from lamina import _core
from lamina._losses.losses import CustomLoss
from lamina._optimizers.full_batch import FullBatchOptimizer
from lamina._optimizers.optimizer import Optimizer
from lamina._training.custom_loss import CustomLossFit
from lamina._training.fit import Fit
from lamina._training.full_batch_fit import FullBatchFit


def fit_class(
    loss: _core.Loss | CustomLoss, optimizer: Optimizer | FullBatchOptimizer
) -> type[Fit]:
    """The fit that a loss and an optimizer need."""
    whole, own = isinstance(optimizer, FullBatchOptimizer), not isinstance(loss, _core.Loss)
    if whole and own:
        raise TypeError(
            f"fit: expected one of lamina's losses with {type(optimizer).__name__}, got a function "
            "of your own; take another optimizer"
        )
    return CustomLossFit if own else FullBatchFit if whole else Fit
