"""Measure what each file costs in a fresh build; prints a Markdown table.

Each compiler call is run through this script, which notes the processor time (user and system) it
took: other programs on the machine stretch the clock's time, but hardly that.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
RECORD = "LAMINA_BUILD_TIME_RECORD"


def launch(command: list[str]) -> int:
    """Run one compiler call and append its processor time and output file to the record."""
    code = subprocess.call(command)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    output = command[command.index("-o") + 1] if "-o" in command else command[-1]
    line = f"{used.ru_utime + used.ru_stime:.3f}\t{used.ru_maxrss // 1024}\t{output}\n"
    with Path(os.environ[RECORD]).open("a", encoding="utf-8") as record:
        record.write(line)
    return code


def name_of(output: str) -> str:
    """The source of an object file; for kernels also the target, which names set and type."""
    target, _, source = output.removeprefix("CMakeFiles/").partition(".dir/")
    source = source.removesuffix(".o")
    return f"{source} ({target.removeprefix('lamina_')})" if "kernels_" in target else source


def build(
    source: Path, jobs: int, definitions: list[str]
) -> tuple[float, list[tuple[float, int, str]]]:
    """Build `source` afresh: seconds by the clock, and (seconds, MiB, file), dearest first."""
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "record"
        environment = {
            **{name: value for name, value in os.environ.items() if "LAUNCHER" not in name},
            RECORD: str(record),
            "CCACHE_DISABLE": "1",
        }
        launcher = f"{sys.executable};{Path(__file__).resolve()};--launch"
        configure = ["cmake", "-G", "Ninja", "-S", str(source), "-B", f"{folder}/build"]
        configure += [f"-DCMAKE_CXX_COMPILER_LAUNCHER={launcher}", "-DCMAKE_BUILD_TYPE=Release"]
        configure += [f"-DPython_EXECUTABLE={sys.executable}", *(f"-D{d}" for d in definitions)]
        subprocess.run(configure, check=True, env=environment, stdout=subprocess.DEVNULL)
        record.unlink(missing_ok=True)
        start = time.monotonic()
        subprocess.run(
            ["cmake", "--build", f"{folder}/build", "-j", str(jobs)],
            check=True,
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        seconds = time.monotonic() - start
        lines = [line.split("\t") for line in record.read_text(encoding="utf-8").splitlines()]
    return seconds, sorted(((float(t), int(m), name_of(o)) for t, m, o in lines), reverse=True)


def main() -> None:
    """Build and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=Path, default=REPOSITORY, help="another tree to build")
    parser.add_argument("-j", "--jobs", type=int, default=2)
    parser.add_argument("-D", dest="definitions", action="append", default=[], metavar="NAME=VALUE")
    options = parser.parse_args()
    seconds, files = build(options.source.resolve(), options.jobs, options.definitions)
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    total = sum(used for used, _, _ in files)
    print(f"Processor time: {total:.0f} s in {len(files)} compiler calls.")
    print(
        f"By the clock: {seconds:.0f} s with {options.jobs} jobs; load averages after it: {load}."
    )
    print()
    print("| file | s | MiB |\n|---|--:|--:|")
    for used, mebibytes, name in files:
        print(f"| {name} | {used:.1f} | {mebibytes} |")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--launch"]:
        raise SystemExit(launch(sys.argv[2:]))
    main()
