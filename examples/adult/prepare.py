"""Turn the Adult files as UCI publishes them into tables with a header row.

Usage: python prepare.py adult.data adult.test

Writes adult-train.csv.gz and adult-test.csv.gz beside this script. The values stay as they are:
only the blanks after the commas, the full stops after the test labels, and lines that hold no
row go.
"""

import csv
import gzip
import io
import sys
from collections.abc import Iterator
from pathlib import Path

COLUMNS = (
    "age", "workclass", "fnlwgt", "education", "education_num", "marital_status", "occupation",
    "relationship", "race", "sex", "capital_gain", "capital_loss", "hours_per_week",
    "native_country", "income",
)  # fmt: skip


def rows(source: Path) -> Iterator[list[str]]:
    """The rows of a published file, cleaned."""
    raw = source.read_bytes()
    text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("ascii")
    for row in csv.reader(io.StringIO(text), skipinitialspace=True):
        if len(row) == len(COLUMNS):
            yield [*row[:-1], row[-1].removesuffix(".")]


def write(source: Path, target: Path) -> int:
    """Write one table, the same bytes each time; gives its number of rows."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    cleaned = list(rows(source))
    writer.writerows(cleaned)
    target.write_bytes(gzip.compress(text.getvalue().encode("ascii"), mtime=0))
    return len(cleaned)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python prepare.py adult.data adult.test")
    folder = Path(__file__).parent
    for name, source in zip(("adult-train", "adult-test"), sys.argv[1:], strict=True):
        target = folder / f"{name}.csv.gz"
        print(f"{target.name}: {write(Path(source), target)} rows")
