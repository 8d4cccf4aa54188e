"""What every layer is: a description of one step of a network."""

from dataclasses import dataclass, fields
from typing import ClassVar, Self

from lamina._spec import Spec

# Options that a summary names.
_SHOWN = ("units", "activation", "rate", "deviation", "low", "high")


@dataclass(frozen=True)
class Layer:
    """Base of all layers; equal descriptions build equal layers."""

    kind: ClassVar[str]

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
