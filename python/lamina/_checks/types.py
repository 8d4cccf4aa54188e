"""Names for annotations. numpy.typing takes milliseconds to import: type checkers alone read it."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy.typing import ArrayLike as ArrayLike
    from numpy.typing import NDArray as NDArray
else:
    ArrayLike = object
    NDArray = list

PathLike = str | os.PathLike[str]
