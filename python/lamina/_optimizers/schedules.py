"""Learning-rate schedules that are curves over steps or epochs."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from lamina._checks.numbers import is_whole
from lamina._optimizers.schedule import Rates, Schedule, between


@dataclass(kw_only=True)
class StepSchedule(Schedule):
    """rate * factor^floor(t / every).

    Args:
        every: steps (or epochs) between changes, at least 1.
        factor: of each change, above 0.
    """

    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_count("every", 1)
        self._check("factor", 0, above=True)

    def factors(self, t: Rates, length: float) -> Rates:
        """A staircase."""
        return np.asarray(self.factor ** (t // self.every))


@dataclass(kw_only=True)
class MultiStepSchedule(Schedule):
    """rate * factor^(number of milestones that t has reached).

    Args:
        milestones: steps (or epochs), ascending. factor: of each, above 0.
    """

    milestones: tuple[int, ...]
    factor: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("factor", 0, above=True)
        given = self.milestones
        self.milestones = tuple(given) if isinstance(given, Iterable) else ()
        ascending = all(map(is_whole, self.milestones)) and sorted(self.milestones)
        if not ascending or list(self.milestones) != ascending:
            raise ValueError(
                f"{self._name}: expected milestones as ascending whole numbers, got {given!r}"
            )

    def factors(self, t: Rates, length: float) -> Rates:
        """A staircase of uneven steps."""
        return np.asarray(self.factor ** np.searchsorted(self.milestones, t, side="right"))


@dataclass(kw_only=True)
class ExponentialSchedule(Schedule):
    """rate * factor^t.

    Args:
        factor: of each step (or epoch), above 0.
    """

    factor: float

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("factor", 0, above=True)

    def factors(self, t: Rates, length: float) -> Rates:
        """A decay by equal shares."""
        return np.asarray(self.factor**t)


@dataclass(kw_only=True)
class PolynomialSchedule(Schedule):
    """rate * (end + (1 - end) (1 - t / length)^power), then rate * end.

    Args:
        length: steps (or epochs); None: until the fit ends. power: 1 is a straight line, above 0.
        end: the last factor, in [0, 1].
    """

    length: int | None = None
    power: float = 1.0
    end: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_length()
        self._check("power", 0, above=True)
        self._check("end", 0, 1)

    def factors(self, t: Rates, length: float) -> Rates:
        """A curve down to `end`."""
        return np.asarray(self.end + (1.0 - self.end) * (1.0 - _progress(t, length)) ** self.power)


@dataclass(kw_only=True)
class InverseScalingSchedule(Schedule):
    """rate / (1 + t)^power.

    Args:
        power: above 0.
    """

    power: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("power", 0, above=True)

    def factors(self, t: Rates, length: float) -> Rates:
        """A decay that never ends."""
        return np.asarray((1.0 + t) ** -self.power)


@dataclass(kw_only=True)
class CosineSchedule(Schedule):
    """rate * (end + (1 - end) (1 + cos(pi t / length)) / 2), then rate * end.

    Half a wave down (Loshchilov & Hutter 2017).

    Args:
        length: steps (or epochs); None: until the fit ends. end: the last factor, in [0, 1].
    """

    length: int | None = None
    end: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_length()
        self._check("end", 0, 1)

    def factors(self, t: Rates, length: float) -> Rates:
        """Half a wave."""
        return between(self.end, 1.0, _half_wave(_progress(t, length)))


@dataclass(kw_only=True)
class CosineRestartsSchedule(Schedule):
    """`CosineSchedule` again and again, each time longer by `growth` (Loshchilov & Hutter 2017).

    Args:
        period: steps (or epochs) of the first wave, at least 1. growth: at least 1.
        end: the factor just before a restart, in [0, 1].
    """

    period: int
    growth: float = 1.0
    end: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_count("period", 1)
        self._check("growth", 1)
        self._check("end", 0, 1)

    def factors(self, t: Rates, length: float) -> Rates:
        """Half waves in a row."""
        if self.growth == 1.0:
            within = (t % self.period) / self.period
        else:
            # The waves before number n take period (growth^n - 1) / (growth - 1) steps.
            ratio = t * (self.growth - 1.0) / self.period + 1.0
            n = np.floor(np.log(ratio) / np.log(self.growth) + 1e-12)
            begin = self.period * (self.growth**n - 1.0) / (self.growth - 1.0)
            within = (t - begin) / (self.period * self.growth**n)
        return between(self.end, 1.0, _half_wave(within))


@dataclass(kw_only=True)
class OneCycleSchedule(Schedule):
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

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_length()
        for name in ("rise", "start", "end"):
            self._check(name, 0, 1)

    def factors(self, t: Rates, length: float) -> Rates:
        """Up and down."""
        top = max(self.rise * length - 1.0, 1e-9)
        up = between(self.start, 1.0, 1.0 - _half_wave(np.clip(t / top, 0.0, 1.0)))
        fall = np.clip((t - top) / max(length - 1.0 - top, 1e-9), 0.0, 1.0)
        return np.where(t <= top, up, between(self.end, 1.0, _half_wave(fall)))


@dataclass(kw_only=True)
class CosineLogSchedule(Schedule):
    """rate * (1 - cos(2 pi log2(1 + (2^cycles - 1) t / length))) / 2: waves of doubling length.

    "coslog4" of RealMLP (Holzmueller et al. 2024), where `cycles` is 4. The first rate is 0.

    Args:
        length: steps (or epochs); None: until the fit ends. cycles: at least 1.
    """

    length: int | None = None
    cycles: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_length()
        self._check_count("cycles", 1)

    def factors(self, t: Rates, length: float) -> Rates:
        """Waves that grow longer."""
        waves = np.log2(1.0 + (2.0**self.cycles - 1.0) * _progress(t, length))
        return np.asarray(0.5 * (1.0 - np.cos(2.0 * np.pi * waves)))


@dataclass(kw_only=True)
class FlatCosineSchedule(Schedule):
    """`rate` for a share of the length, then half a cosine wave down to 0.

    "flat_cos" of RealMLP (Holzmueller et al. 2024), where `flat` is 0.5.

    Args:
        length: steps (or epochs); None: until the fit ends. flat: in [0, 1).
    """

    length: int | None = None
    flat: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_length()
        self._check("flat", 0, 1 - 1e-9)

    def factors(self, t: Rates, length: float) -> Rates:
        """Flat, then half a wave."""
        falling = (_progress(t, length) - self.flat) / (1.0 - self.flat)
        return _half_wave(np.maximum(falling, 0.0))


def _progress(t: Rates, length: float) -> Rates:
    return np.minimum(t / length, 1.0)


def _half_wave(progress: Rates) -> Rates:
    return np.asarray(0.5 * (1.0 + np.cos(np.pi * progress)))
