"""Another build of lamina, to see what a change costs: OTHER_LAMINA names its folder.

`pip install --no-deps --target FOLDER .` makes one. The lamina beside it must not be an editable
install, which Python finds first.
"""

import os
import sys

from benchmarks.peers.base import Peer, Unsupported


def create(threads: int) -> Peer:
    folder = os.environ.get("OTHER_LAMINA")
    if folder is None:
        raise Unsupported("OTHER_LAMINA names no folder")
    # Each library is measured in a process of its own, so this is the only lamina there.
    sys.path.insert(0, folder)
    from benchmarks.peers.lamina_network import create

    return create(threads)
