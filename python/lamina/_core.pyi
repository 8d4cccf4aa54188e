"""
The compiled core of lamina; use the package lamina instead.
"""
from __future__ import annotations
__all__: list[str] = ['build_info']
def build_info() -> dict:
    """
    Version and compiler of this build.
    """
__version__: str
