"""What every layer is: a description of one step of a network."""

from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields
from typing import ClassVar, Self

from lamina import _core
from lamina._checks.spec import Spec, to_json

# Options that a summary names.
_SHOWN = ("units", "activation", "rate", "deviation", "low", "high")


@dataclass(frozen=True, repr=False)
class Layer:
    """Base of all layers; equal descriptions build equal layers.

    Raises:
        TypeError, ValueError: an option is unknown or out of range.
    """

    kind: ClassVar[str]
    # Whether NaN among the inputs of the network is legal where this is its first layer.
    takes_missing: ClassVar[bool] = False

    @property
    def missing_columns(self) -> Sequence[int] | None:
        """The columns of the inputs where that is so; None: all of them."""
        return None

    def __post_init__(self) -> None:
        _core.check_layer(to_json(self.to_spec()))

    def __repr__(self) -> str:
        given = ((f, getattr(self, f.name)) for f in fields(self))
        options = (f"{f.name}={v!r}" for f, v in given if f.default is MISSING or f.default != v)
        return f"{type(self).__name__}({', '.join(options)})"

    def to_spec(self) -> Spec:
        """The description as the core and model files have it; options of None are left out."""
        options = {field.name: getattr(self, field.name) for field in fields(self)}
        return {"kind": self.kind, **{k: v for k, v in options.items() if v is not None}}

    @classmethod
    def from_options(cls, options: Spec) -> Self:
        """The layer with these options of its description."""
        return cls(**options)

    def title(self) -> str:
        """Name and main options, for summaries."""
        options = [v for k, v in vars(self).items() if k in _SHOWN]
        return f"{type(self).__name__}({', '.join(str(option) for option in options)})"
