"""Where in the user's program a warning is to point."""

import os
import sys

_PACKAGE = os.path.dirname(os.path.dirname(__file__)) + os.sep


def stack_level() -> int:
    """`stacklevel` of a warning in the function that calls this, for the user's line."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        level, frame = level + 1, frame.f_back
    return level
