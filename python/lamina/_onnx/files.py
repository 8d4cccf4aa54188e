"""Models of ONNX to files."""

import onnx
from onnx import ModelProto

from lamina._checks.files import write_whole
from lamina._checks.types import PathLike


def checked(model: ModelProto) -> ModelProto:
    """The model itself, once ONNX's checker has agreed with it."""
    onnx.checker.check_model(model, full_check=True)
    return model


def write_model(model: ModelProto, path: PathLike) -> None:
    """Write the file as a whole; see `write_whole`."""
    write_whole(path, model.SerializeToString(), "export_onnx")
