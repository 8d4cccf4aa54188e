"""Paths of files that users give, and files that are written as a whole."""

import os
from pathlib import Path

from lamina import _core
from lamina._checks.spec import what
from lamina._checks.types import PathLike


def checked_path(path: PathLike, where: str) -> str | bytes:
    """The path as text or bytes.

    Raises:
        TypeError: no path. ValueError: one that no file can have.
    """
    if not isinstance(path, str | bytes | os.PathLike):
        raise TypeError(f"{where}: expected the path of a file, got {what(path)}")
    name = os.fspath(path)
    if ("\0" if isinstance(name, str) else b"\0") in name:
        raise ValueError(f"{where}: expected a path without zero bytes, got {name!r}")
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        raise ValueError(
            f"{where}: expected a path that the system can encode, got {name!r}"
        ) from None
    return name


def write_whole(path: PathLike, data: bytes, where: str) -> None:
    """Write a file: afterwards there is either the old one or the whole new one.

    What is no regular file, such as a pipe, is written to.

    Raises:
        TypeError, ValueError: as `checked_path`. OSError: it cannot be written.
    """
    name = checked_path(path, where)
    target = Path(os.fsdecode(name))
    if target.exists() and not (target.is_file() or target.is_dir()):
        target.write_bytes(data)
    else:
        _core.write_file(name, data)
