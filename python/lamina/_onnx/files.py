"""Models of ONNX to files and from them."""

import os
import secrets
from pathlib import Path

import onnx
from onnx import ModelProto

from lamina._checks.types import PathLike


def checked(model: ModelProto) -> ModelProto:
    """The model itself, once ONNX's checker has agreed with it."""
    onnx.checker.check_model(model, full_check=True)
    return model


def write_model(model: ModelProto, path: PathLike) -> None:
    """Write the file: afterwards there is either the old one or the whole new one.

    Raises:
        OSError: it cannot be written.
    """
    target = Path(os.fsdecode(path))
    part = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    try:
        part.write_bytes(model.SerializeToString())
        os.replace(part, target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
