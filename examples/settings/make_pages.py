"""Write the tables and figures of the pages beside it: `python examples/settings/make_pages.py`.

Takes some minutes on two cores; needs matplotlib (`pip install 'lamina[plot]'`). A page's text is
written by hand; what stands between its two marks is replaced. `--quick` tries two values of each
setting for an epoch and writes to the folder that `--output` names.
"""

import argparse
import io
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from experiments import SEEDS, TEST_ROWS, Page, Result, pages, read_data, run

mpl.use("Agg")
FOLDER = Path(__file__).resolve().parent
BEGIN, END = "<!-- written by make_pages.py -->", "<!-- end of what make_pages.py wrote -->"


def table(page: Page, results: dict[str, Result]) -> str:
    """Figures after the last epoch, a row for each value tried."""
    lines = [
        f"| {page.column} | updates | training loss | test loss | test accuracy |",
        "|---|---:|---:|---:|---:|",
    ]
    for label, result in results.items():
        if not result.test:
            lines.append(f"| {label} | | not finite | not finite | |")
            continue
        lines.append(
            f"| {label} | {result.updates:,} | {result.training[-1]:.3f} | {result.test[-1]:.3f} | "
            f"{result.accuracy:.3f} ± {result.accuracy_spread:.3f} |"
        )
    return "\n".join(lines)


def draw(page: Page, results: dict[str, Result], path: Path) -> None:
    """Loss on training and test rows by epoch; the same numbers give the same bytes."""
    from matplotlib import pyplot
    from matplotlib.ticker import MaxNLocator

    style = {"svg.fonttype": "none", "svg.hashsalt": "lamina", "font.size": 9}
    with mpl.rc_context(style):
        figure, both = pyplot.subplots(1, 2, figsize=(9.0, 3.6), sharey=True)
        colours = mpl.colormaps["viridis"](np.linspace(0.0, 0.92, len(results)))
        end = {"marker": "s", "markersize": 3, "markevery": [-1]}
        for axes, rows in zip(both, ("training", "test"), strict=True):
            for (label, result), colour in zip(results.items(), colours, strict=True):
                curve = getattr(result, rows)
                epochs = range(1, len(curve) + 1)
                axes.plot(epochs, curve, color=colour, label=label, **end)
            axes.set(title=f"{rows} rows", xlabel="epoch")
            if max(len(result.test) for result in results.values()) > 100:
                axes.set_xscale("log")
            else:
                axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
        losses = [loss for result in results.values() for loss in result.training + result.test]
        # What came apart is cut off.
        both[0].set_ylim(max(min(losses) - 0.03, 0.0), min(max(losses) + 0.03, 0.9))
        both[0].set_ylabel("loss")
        both[1].legend(title=page.column, fontsize=7, loc="upper left", bbox_to_anchor=(1.0, 1.0))
        figure.tight_layout()
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
        pyplot.close(figure)
    # Two digits place a point to a hundredth of a pixel, in half the bytes.
    path.write_text(re.sub(r"(\.\d\d)\d+", r"\1", file.getvalue()), encoding="utf-8")


def write_page(page: Page, results: dict[str, Result], remark: str, output: Path) -> None:
    """Put table and figure into the page."""
    text = (FOLDER / f"{page.name}.md").read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    note = (
        f"Means over seeds {', '.join(map(str, SEEDS))} (± their standard deviation) after the "
        f"last epoch; {next(iter(page.tried.values())).rows:,} training and {TEST_ROWS:,} test "
        f"rows of Adult.{remark}"
    )
    middle = f"\n{table(page, results)}\n\n{note}\n\n![losses by epoch]({page.name}.svg)\n"
    (output / f"{page.name}.md").write_text(before + BEGIN + middle + END + after, encoding="utf-8")
    draw(page, results, output / f"{page.name}.svg")


def main(arguments: Sequence[str] | None = None) -> Any:
    """The command line; returns the results by page."""
    parser = argparse.ArgumentParser(description="write the pages on settings")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--output", type=Path, default=FOLDER)
    parser.add_argument("pages", nargs="*", help="names; none: all")
    options = parser.parse_args(arguments)
    data = read_data()
    written = {}
    for page in pages():
        if options.pages and page.name not in options.pages:
            continue
        tried, seeds = page.tried, SEEDS
        if options.quick:
            tried = {k: replace(v, epochs=1) for k, v in list(tried.items())[:2]}
            seeds = SEEDS[:1]
        written[page.name] = {label: run(each, data, seeds) for label, each in tried.items()}
        write_page(page, written[page.name], page.remark(data), options.output)
        print(table(page, written[page.name]), end="\n\n", flush=True)
    return written


if __name__ == "__main__":
    main()
