"""Networks from model files."""

from lamina._checks.types import PathLike
from lamina._network.model_file import load_network
from lamina._sequential import Sequential


def load(path: PathLike, *, mmap: bool = False, selftest: bool = False) -> Sequential:
    """The network in a model file.

    Every byte is covered by a checksum, and everything is checked before anything is built.

    Args:
        mmap: read from pages of the file itself, without a copy of it: loading then needs little
            more memory than the network. Nobody may write into the file meanwhile (`save` replaces
            files as a whole, which is no matter). The weights are always the process's own; those
            of a network that is loaded before a fork are shared with the children.
        selftest: run the rows that the file stores, and refuse it where the outputs are others:
            on the instruction set that stored them in any bit; on another by more than 1,024 units
            in the last place of the greatest value that is stored of the same output.

    Raises:
        ValueError: not a lamina model, damaged, of a newer version, or parts do not fit; or a table
            model, which `lamina.tabular.TableModel.load` reads; or the self-test fails, or there is
            none.
        FileNotFoundError, OSError: the file is not there, or cannot be read.
    """
    return load_network(path, Sequential, mmap=mmap, selftest=selftest)
