"""This machine: its name, its processors, its FMA peak and bandwidth; pinned child processes."""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
# Settings that would decide kernels or threads behind the benchmark's back.
DROPPED_PREFIXES = (
    "OPENBLAS_",
    "OMP_",
    "GOMP_",
    "KMP_",
    "MKL_",
    "BLIS_",
    "NVPL_",
    "XLA_",
    "TORCH",
    "LAMINA_",
    "ATEN_",
    "ONEDNN_",
    "DNNL_",
)
# By which settings each library keeps to an instruction set that the processor exceeds.
HELD = {
    "avx2": {
        "LAMINA_ISA": "avx2",
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "OPENBLAS_CORETYPE": "Haswell",
    }
}
COMPILER_FLAGS = {None: ["-march=native"], "avx2": ["-mavx2", "-mfma"]}


def processors() -> list[int]:
    """The processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def pinned(threads: int) -> list[int]:
    """The processors for a run on `threads`: the last ones, which the system uses least."""
    return processors()[-threads:]


def environment(threads: int, isa: str | None = None) -> dict[str, str]:
    """The environment of a child that is to use `threads` (and no more than this instruction set),
    free of inherited BLAS settings."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(DROPPED_PREFIXES)}
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    limits = dict.fromkeys(names, str(threads))
    held = HELD[isa] if isa else {}
    flags = {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"} if threads == 1 else {}
    return kept | limits | held | flags | {"PYTHONPATH": str(FOLDER.parent)}


def start_pinned(
    command: list[str], threads: int, isa: str | None = None, **options: Any
) -> subprocess.Popen[str]:
    """Start a child whose every thread stays on `pinned(threads)`; lines of text over pipes."""
    allowed = set(pinned(threads))

    def pin() -> None:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, allowed)

    return subprocess.Popen(
        command,
        env=environment(threads, isa),
        preexec_fn=pin,
        cwd=FOLDER.parent,
        text=True,
        bufsize=1,
        **options,
    )


def describe() -> dict[str, Any]:
    """Name of the processor, its caches and the system, as far as they can be read."""
    description: dict[str, Any] = {
        "processor": platform.processor() or platform.machine(),
        "processors": len(processors()),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }
    if shutil.which("lscpu"):
        text = subprocess.run(["lscpu"], capture_output=True, text=True, check=False).stdout
        fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        name = fields.get("Model name", "").strip()
        family, model = fields.get("CPU family", "").strip(), fields.get("Model", "").strip()
        description["processor"] = f"{name} (family {family}, model {model})"
        for cache in ("L1d cache", "L2 cache", "L3 cache"):
            if cache in fields:
                description[cache] = fields[cache].strip()
    return description


class PeakMeter:
    """Compiles peak.cpp, for an instruction set or all, and keeps the best that it measured."""

    def __init__(self, isa: str | None = None) -> None:
        self.reason: str | None = None
        self.best: dict[int, dict[str, Any]] = {}
        self.folder = tempfile.TemporaryDirectory()
        self.program = str(Path(self.folder.name) / "peak")
        compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++")
        if compiler is None:
            self.reason = "no C++ compiler to build peak.cpp"
            return
        flags = ["-O3", *COMPILER_FLAGS[isa], "-std=c++20", "-pthread"]
        command = [compiler, *flags, str(FOLDER / "peak.cpp"), "-o", self.program]
        built = subprocess.run(command, capture_output=True, text=True, check=False)
        if built.returncode != 0:
            self.reason = "peak.cpp did not compile: " + built.stderr.strip().split("\n")[-1]

    def measure(self, threads: int, what: str = "fma") -> None:
        """Measure the FMA peak ("fma") or the bandwidths too ("all"); the best is kept."""
        if self.reason is not None:
            return
        child = start_pinned(
            [self.program, what, str(threads)], threads, stdout=subprocess.PIPE, stderr=sys.stderr
        )
        found = json.loads(child.communicate()[0])
        best = self.best.setdefault(threads, found)
        best["gflops"] = max(best["gflops"], found["gflops"])
        for level, rate in found.get("read_gb_s", {}).items():
            rates = best.setdefault("read_gb_s", {})
            rates[level] = max(rates.get(level, 0.0), rate)

    def gflops(self, threads: int) -> float | None:
        return self.best.get(threads, {}).get("gflops")
