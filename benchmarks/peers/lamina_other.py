"""Another build of lamina, to see what a change costs: LAMINA_OTHER names its folder.

`pip install --no-deps --target FOLDER .` makes one. The lamina beside it must not be an editable
install, which Python finds first.
"""

import os
import sys

from benchmarks.peers.base import Peer, Unsupported


def create(threads: int) -> Peer:
    folder = os.environ.get("LAMINA_OTHER")
    if folder is None:
        raise Unsupported("LAMINA_OTHER names no folder")
    # Each library is measured in a process of its own, so this is the only lamina there.
    sys.path.insert(0, folder)
    from benchmarks.peers.lamina_network import create

    return create(threads)
