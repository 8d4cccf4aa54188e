"""lamina with AVX2, on a processor that has more."""

import os

# Read once, when the library is imported.
os.environ["LAMINA_ISA"] = "avx2"

from benchmarks.peers.lamina_network import create as create
