"""Networks from model files."""

import os

from lamina._checks.types import PathLike
from lamina._network.model_file import load_model
from lamina._sequential import Sequential


def load(path: PathLike) -> Sequential:
    """The network in a model file.

    Every byte is covered by a checksum, and everything is checked before anything is built.

    Raises:
        ValueError: not a lamina model, damaged, of a newer version, or parts do not fit; or a table
            model, which `lamina.tabular.TableModel.load` reads.
        FileNotFoundError, OSError: the file is not there, or cannot be read.
    """
    net, record, _ = load_model(path, Sequential)
    if str(record.get("schema", "")).startswith("lamina.tabular."):
        raise ValueError(
            f"load: {os.fspath(path)!r} holds a table model, a network with what turns a table "
            "into its inputs; lamina.tabular.TableModel.load reads it, and its attribute network "
            "is the network alone"
        )
    return net
