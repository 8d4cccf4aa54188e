"""`python -m benchmarks.c_peers`: lamina in C++ beside FANN, RTNeural and a loop over Eigen.

Each peer is a program in this folder, built with `-O3 -march=native` in a temporary folder, that
does the same float32 arithmetic from the same weights on one thread; what they compute (outputs of
a row, the loss after five steps) is compared before any time counts. Rounds are interleaved, and
the table holds the median over the rounds of one call. What cannot be built is left out, with the
reason: FANN and Eigen are Debian's libfann-dev and libeigen3-dev, RTNeural a checkout of its
repository (`--rtneural FOLDER`). `--json FILE` writes all figures.

Operations: "row" predicts a single row through relu, "row, tanh" through tanh; "step" is an update
by Adam of a batch (8-32-32-1: 32 rows, squared error; 30-128-128-2: 64 and 784-512-256-10: 128,
cross-entropy); "rprop" is an epoch of Rprop over 256 rows as one batch, through tanh. FANN has no
relu, no softmax and no Adam; RTNeural does not train.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lamina as lm
from benchmarks.machine import describe, start_pinned
from benchmarks.report import duration, markdown, ratio

FOLDER = Path(__file__).parent
# Sums of float32 in other orders; after five steps of Adam their differences have grown.
TOLERANCE = 1e-4
OWN = "lamina"

Key = tuple[str, str]
Figures = dict[Key, list[float]]


@dataclass(frozen=True)
class Peer:
    """A program: its source, and how it is compiled."""

    title: str
    source: str
    flags: tuple[str, ...]
    hint: str


def peers(rtneural: Path | None) -> list[Peer]:
    eigen = ("-isystem", "/usr/include/eigen3")
    checkout = rtneural or Path("RTNeural")
    library = lm.get_library_dir()
    own = (f"-I{lm.get_include()}", f"-L{library}", "-llamina", f"-Wl,-rpath,{library}")
    hint = "give a checkout of github.com/jatinchowdhury18/RTNeural by --rtneural"
    return [
        Peer(OWN, "lamina_peer.cpp", own, "build and install lamina"),
        Peer("Eigen", "eigen_peer.cpp", eigen, "apt install libeigen3-dev"),
        Peer("FANN", "fann_peer.cpp", ("-lfloatfann", "-lm"), "apt install libfann-dev"),
        Peer(
            "RTNeural",
            "rtneural_peer.cpp",
            (
                *("-isystem", str(checkout), *eigen, "-DRTNEURAL_USE_EIGEN=1"),
                *("-DRTNEURAL_DEFAULT_ALIGNMENT=32", "-DEIGEN_STACK_ALLOCATION_LIMIT=0"),
            ),
            hint,
        ),
    ]


def build(peer: Peer, folder: Path) -> Path | None:
    """The program, or None, with a word of why, where it cannot be compiled."""
    program = folder / peer.title
    command = ["c++", "-std=c++20", "-O3", "-march=native", "-DNDEBUG", str(FOLDER / peer.source)]
    done = subprocess.run(
        [*command, *peer.flags, "-o", str(program)], capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        return program
    reason = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr)
    print(f"{peer.title} is left out ({peer.hint}): {reason.strip()}", file=sys.stderr)
    return None


def run_once(program: Path) -> dict[Key, tuple[float, float]]:
    """What one round of a program measured: seconds of a call, and what it computed."""
    child = start_pinned([str(program)], 1, stdout=subprocess.PIPE)
    text, _ = child.communicate()
    if child.returncode != 0:
        sys.exit(f"{program.name} ended with {child.returncode}")
    found = {}
    for line in text.splitlines():
        network, operation, seconds, check = line.split("\t")
        found[network, operation] = (float(seconds), float(check))
    return found


def compare_results(peer: str, found: dict[Key, Any], own: dict[Key, Any]) -> None:
    """End where a peer computes something else: its times would mean nothing."""
    for key, (_, check) in found.items():
        expected = own[key][1]
        if abs(check - expected) > TOLERANCE * max(1.0, abs(expected)):
            sys.exit(f"{peer}, {' '.join(key)}: expected {expected:.7g} as lamina, got {check:.7g}")


def measure(programs: dict[str, Path], rounds: int) -> dict[str, Figures]:
    """Seconds of each call by peer, one figure a round."""
    times: dict[str, Figures] = {title: defaultdict(list) for title in programs}
    own = run_once(programs[OWN])
    for turn in range(rounds):
        order = list(programs)
        for title in order[turn % len(order) :] + order[: turn % len(order)]:
            found = run_once(programs[title])
            compare_results(title, found, own)
            for key, (seconds, _) in found.items():
                times[title][key].append(seconds)
    return times


def table(times: dict[str, Figures]) -> str:
    """Medians, and how many times lamina's each is."""
    medians = {
        title: {key: statistics.median(seconds) for key, seconds in figures.items()}
        for title, figures in times.items()
    }
    lines = []
    for key, own in medians[OWN].items():
        cells = [duration(own)]
        for title in list(times)[1:]:
            other = medians[title].get(key)
            cells.append("-" if other is None else f"{duration(other)} ({ratio(other / own)})")
        lines.append([", ".join(key), *cells])
    return markdown(["one call", *times], lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.c_peers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--rtneural", type=Path, metavar="FOLDER")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures")
    arguments = parser.parse_args()
    if shutil.which("c++") is None:
        sys.exit("there is no C++ compiler (c++)")
    machine = describe()
    with tempfile.TemporaryDirectory() as folder:
        found = {peer.title: build(peer, Path(folder)) for peer in peers(arguments.rtneural)}
        programs = {title: program for title, program in found.items() if program is not None}
        if OWN not in programs:
            sys.exit("lamina's program could not be built")
        times = measure(programs, arguments.rounds)
    if arguments.json:
        figures = {
            title: {", ".join(key): seconds for key, seconds in own.items()}
            for title, own in times.items()
        }
        arguments.json.write_text(json.dumps({"machine": machine, "seconds": figures}, indent=1))
    print(f"{machine['processor']}, one thread, float32, {arguments.rounds} rounds\n")
    print(table(times))


if __name__ == "__main__":
    main()
