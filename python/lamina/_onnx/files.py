"""Models of ONNX to files and from them."""

import os
import secrets
from pathlib import Path

import onnx
from onnx import ModelProto

from lamina._checks.types import PathLike

# What one message of protocol buffers may have.
_MOST_BYTES = 2**31 - 1


def checked(model: ModelProto) -> ModelProto:
    """The model itself, once ONNX's checker has agreed with it.

    Raises:
        ValueError: it is larger than a file of ONNX can be.
    """
    if model.ByteSize() > _MOST_BYTES:
        raise ValueError(
            f"export_onnx: the model takes {model.ByteSize():,} bytes, and a file of ONNX holds "
            f"{_MOST_BYTES:,} at most"
        )
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
