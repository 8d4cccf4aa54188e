"""Learning-rate schedules that are curves over steps or epochs."""

from collections.abc import Iterable
from dataclasses import dataclass

from lamina._optimizers.schedule import CoreSchedule


@dataclass(kw_only=True)
class StepSchedule(CoreSchedule):
    """rate * factor^floor(t / every).

    Args:
        every: steps (or epochs) between changes, at least 1.
        factor: of each change, above 0.
    """

    every: int
    factor: float = 0.1

    _kind = "step"


@dataclass(kw_only=True)
class MultiStepSchedule(CoreSchedule):
    """rate * factor^(number of milestones that t has reached).

    Args:
        milestones: steps (or epochs), ascending. factor: of each, above 0.
    """

    milestones: tuple[int, ...]
    factor: float = 0.1

    _kind = "multi_step"

    def __post_init__(self) -> None:
        if isinstance(self.milestones, Iterable):
            self.milestones = tuple(self.milestones)
        super().__post_init__()


@dataclass(kw_only=True)
class ExponentialSchedule(CoreSchedule):
    """rate * factor^t.

    Args:
        factor: of each step (or epoch), above 0.
    """

    factor: float

    _kind = "exponential"


@dataclass(kw_only=True)
class PolynomialSchedule(CoreSchedule):
    """rate * (end + (1 - end) (1 - t / length)^power), then rate * end.

    Args:
        length: steps (or epochs); None: until the fit ends. power: 1 is a straight line, above 0.
        end: the last factor, in [0, 1].
    """

    length: int | None = None
    power: float = 1.0
    end: float = 0.0

    _kind = "polynomial"


@dataclass(kw_only=True)
class InverseScalingSchedule(CoreSchedule):
    """rate / (1 + t)^power.

    Args:
        power: above 0.
    """

    power: float = 0.5

    _kind = "inverse_scaling"


@dataclass(kw_only=True)
class CosineSchedule(CoreSchedule):
    """rate * (end + (1 - end) (1 + cos(pi t / length)) / 2), then rate * end.

    Half a wave down (Loshchilov & Hutter 2017).

    Args:
        length: steps (or epochs); None: until the fit ends. end: the last factor, in [0, 1].
    """

    length: int | None = None
    end: float = 0.0

    _kind = "cosine"


@dataclass(kw_only=True)
class CosineRestartsSchedule(CoreSchedule):
    """`CosineSchedule` again and again, each time longer by `growth` (Loshchilov & Hutter 2017).

    Args:
        period: steps (or epochs) of the first wave, at least 1. growth: at least 1.
        end: the factor just before a restart, in [0, 1].
    """

    period: int
    growth: float = 1.0
    end: float = 0.0

    _kind = "cosine_restarts"


@dataclass(kw_only=True)
class OneCycleSchedule(CoreSchedule):
    """From rate * start up to rate and down to rate * end, by cosines (Smith & Topin 2019).

    Args:
        rate: the highest. length: steps (or epochs); None: until the fit ends.
        rise: share of the length that goes up, in [0, 1]. start: first factor, in [0, 1].
        end: last factor, in [0, 1].
    """

    length: int | None = None
    rise: float = 0.3
    start: float = 1.0 / 25.0
    end: float = 1.0 / 25e4

    _kind = "one_cycle"


@dataclass(kw_only=True)
class CosineLogSchedule(CoreSchedule):
    """rate * (1 - cos(2 pi log2(1 + (2^cycles - 1) t / length))) / 2: waves of doubling length.

    "coslog4" of RealMLP (Holzmueller et al. 2024), where `cycles` is 4. The first rate is 0.

    Args:
        length: steps (or epochs); None: until the fit ends. cycles: at least 1.
    """

    length: int | None = None
    cycles: int = 4

    _kind = "cosine_log"


@dataclass(kw_only=True)
class FlatCosineSchedule(CoreSchedule):
    """`rate` for a share of the length, then half a cosine wave down to 0.

    "flat_cos" of RealMLP (Holzmueller et al. 2024), where `flat` is 0.5.

    Args:
        length: steps (or epochs); None: until the fit ends. flat: in [0, 1).
    """

    length: int | None = None
    flat: float = 0.5

    _kind = "flat_cosine"
