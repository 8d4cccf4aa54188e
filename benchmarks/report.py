"""Tables in Markdown from the results of `compare`."""

from typing import Any

from benchmarks.peers.base import PEERS

Entry = dict[str, Any]
KINDS = {"training": "Training step", "batch": "Inference", "row": "Single row from Python"}
OWN = "lamina"
BUSY_LOAD = 0.5


def duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    for unit, factor in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= factor:
            return f"{seconds / factor:.3g} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def ratio(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}x" if value >= 20 else f"{value:.2f}x"


def markdown(header: list[str], rows: list[list[str]]) -> str:
    """A table whose columns line up in plain text too."""
    table = [header, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(header))]
    lines = []
    for row in table:
        cells = [
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("| " + " | ".join(cells) + " |")
    rule = [
        "-" * (width + 2) if n == 0 else "-" * (width + 1) + ":" for n, width in enumerate(widths)
    ]
    return "\n".join([lines[0], "|" + "|".join(rule) + "|", *lines[1:]])


def by_thread(result: Entry, peer: str) -> dict[int, Entry]:
    """The measured entries of a library: threads -> entry."""
    return {e["threads"]: e for e in result["entries"] if e["peer"] == peer and "seconds" in e}


def thread_counts(result: Entry) -> list[int]:
    return sorted({entry["threads"] for entry in result["entries"]})


def over_own(result: Entry, entry: Entry, key: str = "seconds") -> float | None:
    """How many times lamina's time the entry takes, on as many threads."""
    own = by_thread(result, OWN).get(entry["threads"])
    return entry[key] / own[key] if own and key in own and key in entry else None


def throughput_table(result: Entry) -> str:
    """Times, ratios, gain of the second thread and share of the peak, a row a library."""
    counts = thread_counts(result)
    plural = [f"{n} thread{'s' if n > 1 else ''}" for n in counts]
    header = ["library", *plural]
    header += [f"/ lamina, {n}" for n in plural]
    header += [f"{n} over {counts[0]}" for n in counts[1:]]
    header += [f"share of peak, {n}" for n in plural]
    rows = []
    for peer, (_, _, title) in PEERS.items():
        found = by_thread(result, peer)
        if not found:
            continue
        entries = [found.get(n) for n in counts]
        row = [title, *(duration(e["seconds"] if e else None) for e in entries)]
        row += [ratio(over_own(result, e) if e else None) for e in entries]
        row += [
            ratio(entries[0]["seconds"] / e["seconds"] if e and entries[0] else None)
            for e in entries[1:]
        ]
        row += [f"{100 * e['share']:.0f} %" if e and "share" in e else "-" for e in entries]
        rows.append(row)
    return markdown(header, rows)


LATENCIES = {
    "median": "seconds",
    "p99": "p99_seconds",
    "after a pause of 1 s": "late_seconds",
    "median, busy neighbour": "busy_seconds",
    "p99, busy neighbour": "busy_p99",
}


def latency_table(result: Entry) -> str:
    """Median, p99, after a pause and beside a busy neighbour, a row a library and thread count."""
    rows = []
    for peer, (_, _, title) in PEERS.items():
        for threads, entry in sorted(by_thread(result, peer).items()):
            row = [title, str(threads)]
            row += [duration(entry.get(key)) for key in LATENCIES.values()]
            rows.append([*row, ratio(over_own(result, entry))])
    return markdown(["library", "threads", *LATENCIES, "median / lamina"], rows)


def skipped_lines(result: Entry) -> list[str]:
    reasons: dict[str, str] = {}
    for entry in result["entries"]:
        if "skip" in entry and "measured for inference alone" not in entry["skip"]:
            title = PEERS[entry["peer"]][2]
            reasons[f"{title}, {entry['threads']}"] = entry["skip"]
    return [f"Not measured: {who} threads: {why}" for who, why in reasons.items()]


def machine_lines(report: Entry) -> list[str]:
    machine = report["machine"]
    lines = [
        f"{report['date']}: {machine['processor']}, {machine['processors']} processors,"
        f" {machine['system']}; medians of up to {report['rounds']} interleaved rounds;"
        f" the whole run took {report['run_seconds']} s."
    ]
    if report.get("instruction_set"):
        lines.append(f"Every library is held to {report['instruction_set'].upper()}.")
    if report["load_before"] > BUSY_LOAD:
        lines.append(
            f"WARNING: the machine was busy (load average {report['load_before']} at the start):"
            " every figure here is noisy, those of 2 threads above all."
        )
    for threads, found in report["peak"].items():
        rates = ", ".join(f"{k} {v:.0f}" for k, v in found.get("read_gb_s", {}).items())
        lines.append(
            f"{threads} thread(s): FMA peak {found['gflops']:.1f} GF/s float32; read GB/s: {rates}."
        )
    if report["peak_missing"]:
        lines.append(f"No shares of the peak: {report['peak_missing']}.")
    return lines


def library_lines(report: Entry) -> list[str]:
    names = {}
    for hello in report["libraries"]:
        blas = sorted({text.rsplit(" (", 1)[0] for text in hello["blas"]})
        kernel = f" ({', '.join(blas)})" if hello["peer"] in ("numpy", "sklearn") and blas else ""
        names[PEERS[hello["peer"]][2]] = f"{hello['version']}{kernel}"
    lines = ["Versions: " + ", ".join(f"{k} {v}" for k, v in names.items()) + "."]
    return lines + [f"Missing: {PEERS[p][2]}: {why}." for p, why in report["missing"].items()]


def render(report: Entry) -> str:
    """The whole report as Markdown."""
    parts = ["\n".join(machine_lines(report)), "\n".join(library_lines(report))]
    for result in report["results"]:
        net = "-".join(map(str, result["widths"]))
        detail = "" if result["kind"] == "row" else f", batch {result['batch']}"
        rule = f", {result['optimizer']}" if result["kind"] == "training" else ""
        parts.append(f"### {KINDS[result['kind']]}: {net}{detail}{rule}")
        table = latency_table if result["kind"] == "row" else throughput_table
        parts.append(table(result))
        parts += skipped_lines(result)
    return "\n\n".join(parts) + "\n"
