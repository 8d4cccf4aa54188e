"""The figure of a comparison: time of every library, lamina's marked, on logarithmic axes."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import EngFormatter, NullFormatter

from benchmarks.peers.base import PEERS
from benchmarks.report import OWN, by_thread, duration, over_own, thread_counts

Entry = dict[str, Any]
COLOURS = {
    "lamina": "#c1121f",
    "lamina_avx2": "#e08087",
    "lamina_other": "#f0b8bc",
    "torch": "#1f6fb4",
    "torch_compile": "#7fb6e0",
    "jax": "#2a8c57",
    "sklearn": "#e08a1e",
    "onnxruntime": "#6a4c93",
    "onnxruntime_bound": "#b497d6",
    "mlpfile": "#8c6d46",
    "numpy": "#7a7a7a",
}
GROUPS = (("training", "one training step"), ("batch", "batch inference"), ("row", "single row"))


def label(result: Entry) -> str:
    net = "-".join(map(str, result["widths"]))
    return net if result["kind"] == "row" else f"{net}\nbatch {result['batch']}"


def draw_panel(axes: Any, results: list[Entry], threads: int, name: str) -> None:
    """Horizontal bars, the fastest library of a workload on top, times and ratios beside them."""
    positions, ticks, offset = 0.0, [], []
    least = min(e["seconds"] for r in results for e in r["entries"] if "seconds" in e)
    most = max(e["seconds"] for r in results for e in r["entries"] if "seconds" in e)
    for result in results:
        found = [(p, by_thread(result, p).get(threads)) for p in PEERS]
        bars = sorted(((e["seconds"], p, e) for p, e in found if e), key=lambda bar: bar[0])
        start = positions
        for seconds, peer, entry in bars:
            axes.barh(positions, seconds, color=COLOURS[peer], height=0.85)
            times = over_own(result, entry)
            text = duration(seconds)
            if times is not None and peer != OWN:
                text += f"  ({times:.0f}x)" if times >= 20 else f"  ({times:.1f}x)"
            weight = "bold" if peer == OWN else "normal"
            axes.text(seconds * 1.08, positions, text, va="center", fontsize=7.5, weight=weight)
            positions += 1
        ticks.append((start + positions - 1) / 2)
        offset.append(label(result))
        positions += 1.0
    axes.set_yticks(ticks, offset, fontsize=8.5)
    axes.set_xscale("log")
    axes.set_xlim(least / 3, most * 12)
    axes.xaxis.set_major_formatter(EngFormatter(unit="s", sep=" "))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.invert_yaxis()
    plural = "threads" if threads > 1 else "thread"
    axes.set_title(f"{name}, {threads} {plural}", fontsize=10.5, loc="left")
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def draw(report: Entry, path: Path) -> None:
    """Write the figure as an image."""
    groups = []
    for kind, name in GROUPS:
        results = [r for r in report["results"] if r["kind"] == kind]
        if any("seconds" in e for r in results for e in r["entries"]):
            groups.append((name, results))
    counts = sorted({n for r in report["results"] for n in thread_counts(r)})
    heights = [
        sum(1 + max(sum(bool(by_thread(r, p)) for p in PEERS), 1) for r in results)
        for _, results in groups
    ]
    size = (6.2 * len(counts), 0.21 * sum(heights) + 0.8 * len(groups) + 0.8)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(len(groups), len(counts), height_ratios=heights, squeeze=False)
    for row, (name, results) in zip(panels, groups, strict=True):
        for axes, threads in zip(row, counts, strict=True):
            draw_panel(axes, results, threads, name)
    shown = [p for p in PEERS if any(by_thread(r, p) for _, results in groups for r in results)]
    figure.legend(
        handles=[Patch(color=COLOURS[p], label=PEERS[p][2]) for p in shown],
        loc="outside upper center",
        ncols=len(shown),
        frameon=False,
        fontsize=9,
    )
    machine = report["machine"]
    figure.supxlabel(
        f"{machine['processor']}, float32, medians of {report['rounds']} interleaved rounds,"
        f" {report['date']}; in brackets: time over lamina's",
        fontsize=7.5,
        color="#555555",
    )
    figure.savefig(path, dpi=150)
