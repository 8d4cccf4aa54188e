"""What an export is asked for, and what it gives."""

from typing import Literal, NamedTuple

from lamina._checks.numbers import check_flag
from lamina._export._identifiers import check_prefix

Language = Literal["c", "python", "js"]
NAMES = {"c": "C", "python": "Python", "js": "JavaScript"}
_DTYPES = ("float32", "float64", "int8")


class CodeOptions(NamedTuple):
    """How a model is written; see `Sequential.export_c`."""

    language: Language
    prefix: str = "model"
    dtype: str | None = None
    math: str = "own"
    gradient: bool = False

    def check(self, *, has_calibration: bool) -> None:
        """Refuse what is unknown, and what does not go together."""
        check_prefix(self.prefix, self.language)
        check_flag(self.gradient, "gradient", "export")
        if self.dtype is not None and self.dtype not in _DTYPES:
            raise ValueError(f"export: expected dtype {', '.join(_DTYPES)}, got {self.dtype!r}")
        if self.math not in ("own", "libm"):
            raise ValueError(f"export: expected math 'own' or 'libm', got {self.math!r}")
        if self.math == "libm" and self.language != "c":
            raise ValueError(
                f"export: math 'libm' is of C alone; {NAMES[self.language]} has 'own', which gives "
                "the same numbers everywhere"
            )
        if has_calibration and self.dtype != "int8":
            raise ValueError(
                "export: calibration is for dtype 'int8' alone, whose ranges follow from it; leave "
                "it out, or give that dtype"
            )
        if self.gradient and self.dtype == "int8":
            raise ValueError(
                "export: gradient needs dtype float32 or float64; integers of 'int8' have none"
            )


class Exported(NamedTuple):
    """A file that was written.

    Attributes:
        path: of the file.
        constants: bytes of weights and tables, which a microcontroller keeps in flash; the code
            itself comes on top.
        stack: bytes of the arrays that a prediction needs at most at once.
    """

    path: str
    constants: int
    stack: int
