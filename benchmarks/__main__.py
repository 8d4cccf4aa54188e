"""`python -m benchmarks`: measure lamina beside other libraries; tables, JSON and a plot."""

import argparse
import json
from pathlib import Path

from benchmarks.compare import FULL, QUICK, compare
from benchmarks.machine import HELD, processors
from benchmarks.peers.base import PEERS
from benchmarks.report import render
from benchmarks.workloads import BATCH, ROW, TRAINING

WORKLOADS = {"training": TRAINING, "batch": BATCH, "row": ROW}
# Libraries that no setting holds to a lower instruction set: products of JAX reach 1.6 times the
# peak of AVX2 under --xla_cpu_max_isa=AVX2.
UNHELD = ("jax", "onnxruntime", "onnxruntime_bound", "mlpfile", "lamina_avx2")
RESULTS = Path(__file__).parent / "results"


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under two minutes, fewer rounds")
    parser.add_argument("--peers", nargs="+", choices=PEERS, help="default: all that are installed")
    parser.add_argument("--kinds", nargs="+", choices=WORKLOADS, default=list(WORKLOADS))
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--rounds", type=int, help="interleaved rounds; default 7, quick 3")
    parser.add_argument("--isa", choices=HELD, help="hold every library to this instruction set")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder for JSON and plot")
    parser.add_argument("--show", type=Path, help="print tables and plot of a results file again")
    return parser.parse_args()


def write_plot(report: dict[str, object], path: Path) -> None:
    try:
        from benchmarks.plot import draw

        draw(report, path)
    except ImportError as error:
        print(f"no plot: {error}")
        return
    print(f"plot: {path}")


def main() -> None:
    arguments = parse_arguments()
    name = "quick" if arguments.quick else "results"
    if arguments.isa:
        name += f"_{arguments.isa}"
    if arguments.show:
        report = json.loads(arguments.show.read_text())
        print(render(report))
        write_plot(report, arguments.show.with_suffix(".png"))
        return
    effort = QUICK if arguments.quick else FULL
    if arguments.rounds:
        effort = effort.__class__(**{**vars(effort), "rounds": arguments.rounds})
    peers = arguments.peers or [p for p in PEERS if not (arguments.quick and p == "torch_compile")]
    if arguments.isa and not arguments.peers:
        peers = [p for p in peers if p not in UNHELD]
    counts = [n for n in arguments.threads if n <= len(processors())]
    workloads = [w for kind in arguments.kinds for w in WORKLOADS[kind]]
    report = compare(peers, counts, workloads, effort, arguments.isa)
    if arguments.quick and not arguments.peers:
        report["missing"]["torch_compile"] = "left out by --quick, compiling takes minutes"
    if arguments.isa and not arguments.peers:
        reason = f"no setting holds it to {arguments.isa.upper()}"
        report["missing"] |= {"jax": reason, "onnxruntime": reason}
    arguments.output.mkdir(parents=True, exist_ok=True)
    path = arguments.output / f"{name}.json"
    path.write_text(json.dumps(report, indent=1) + "\n")
    print("\n" + render(report))
    print(f"results: {path}")
    write_plot(report, path.with_suffix(".png"))


if __name__ == "__main__":
    main()
