"""Mutation testing: changes the core in one place at a time and looks whether the tests notice.

    python tools/mutate.py --sample 200 --seed 0     # mutants drawn at random, one of a line
    python tools/mutate.py --again                   # those that survived, after new tests

mutants.py says what is changed, and what is left out since it changes speed alone. A mutant is
caught where a test fails, crashes or takes three times as long as all tests take. Tests are asked
in the order in which they are likely to notice: first those that have caught most mutants of the
same floor. The table is build/mutation/results.csv; no mutant in it is run twice.
"""

import argparse
import csv
import fcntl
import random
import time
from collections import Counter
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from mutants import Mutant, all_mutants
from mutation_subject import CAUGHT, HUNG, SURVIVED, Subject

ROOT = Path(__file__).resolve().parent.parent
HEADER = ("file", "line", "kind", "before", "after", "verdict", "by", "seconds")


class Results:
    """The table: what was found of each mutant."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[dict[str, str]] = []
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        self.read()

    def read(self) -> None:
        """Takes what the file holds by now; another run may have added to it."""
        with self.path.open(newline="", encoding="utf-8") as file:
            self.rows = list(csv.DictReader(file))

    def add(self, mutant: Mutant, verdict: str, by: str, seconds: float) -> None:
        """Adds a row, in the place of that of the same mutant where there is one."""
        row = dict.fromkeys(HEADER, "") | {
            "file": mutant.file,
            "line": str(mutant.line),
            "kind": mutant.kind,
            "before": mutant.before.strip(),
            "after": mutant.after.strip(),
            "verdict": verdict,
            "by": by,
            "seconds": f"{seconds:.0f}",
        }
        with self.path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.read()
            keys = self.keys()
            if mutant.key() in keys:
                self.rows[keys.index(mutant.key())] = row
            else:
                self.rows.append(row)
            with self.path.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, HEADER)
                writer.writeheader()
                writer.writerows(self.rows)

    def keys(self) -> list[tuple[str, str, str]]:
        """Of all rows, as `Mutant.key`."""
        return [(Path(row["file"]).name, row["before"], row["after"]) for row in self.rows]

    def survivors(self) -> set[tuple[str, str, str]]:
        """The keys of those that no test noticed."""
        pairs = zip(self.keys(), self.rows, strict=True)
        return {key for key, row in pairs if row["verdict"] == SURVIVED}

    def judged(self) -> list[dict[str, str]]:
        """The rows that tests have judged: the mutant compiled, and to other instructions."""
        return [row for row in self.rows if row["verdict"] in (CAUGHT, HUNG, SURVIVED)]

    def likeliest_first(self, file: str) -> list[str]:
        """Names of test files: those that caught most mutants of the file's floor, then of all."""
        floor, caught = file.split("/")[2], Counter[str]()
        for row in self.judged():
            if ".py::" in row["by"]:
                name = Path(row["by"].split("::")[0]).stem
                caught[name] += 10 if row["file"].split("/")[2] == floor else 1
        return [name for name, _ in caught.most_common()]

    def summary(self) -> str:
        """The share caught, and how many there are of each verdict."""
        judged, counts = self.judged(), Counter(row["verdict"] for row in self.rows)
        caught = len(judged) - counts[SURVIVED]
        listed = ", ".join(f"{verdict} {count}" for verdict, count in counts.most_common())
        return f"{caught} of {len(judged)} caught ({caught / max(len(judged), 1):.1%}); {listed}"


def judge(subject: Subject, results: Results, mutant: Mutant, largest_rebuild: int) -> None:
    """Runs one mutant and adds it to the table; the copy's files are then as before."""
    path = subject.tree / mutant.file
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines(keepends=True)
    lines[mutant.line - 1] = mutant.after + "\n"
    start, by = time.monotonic(), ""
    try:
        path.write_text("".join(lines), encoding="utf-8")
        if subject.compilations() > largest_rebuild:
            verdict = "too many files to compile"
        elif not subject.build("_core"):
            verdict = "did not compile"
        elif subject.fingerprint() == subject.original:
            verdict = "same instructions"
        else:
            verdict, by = subject.test(results.likeliest_first(mutant.file))
    finally:
        path.write_text(text, encoding="utf-8")
    seconds = time.monotonic() - start
    results.add(mutant, verdict, by, seconds)
    place = f"{mutant.file}:{mutant.line} [{mutant.kind}]"
    print(f"{verdict:>17} {place} {by} ({seconds:.0f} s)", flush=True)


def drawn(mutants: list[Mutant], seed: int) -> Iterable[Mutant]:
    """Every line in random order, one mutant of each: of a random kind, then of that kind."""
    generator = random.Random(seed)
    lines: dict[tuple[str, int], dict[str, list[Mutant]]] = {}
    for mutant in mutants:
        kinds = lines.setdefault((mutant.file, mutant.line), {})
        kinds.setdefault(mutant.kind, []).append(mutant)
    for key in generator.sample(sorted(lines), len(lines)):
        kinds = lines[key]
        yield generator.choice(kinds[generator.choice(sorted(kinds))])


def main() -> None:
    """Reads the options and runs mutants until there are enough."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    default = ROOT / "build" / "mutation" / "tree"
    parser.add_argument("--sample", type=int, default=200, help="mutants to judge in all (200)")
    parser.add_argument("--seed", type=int, default=0, help="of the choice (0)")
    parser.add_argument("--only", default="", help="files whose path contains this")
    parser.add_argument("--again", action="store_true", help="those that survived once more")
    parser.add_argument(
        "--largest-rebuild", type=int, default=1000, help="files to compile at most"
    )
    parser.add_argument(
        "--part",
        type=int,
        nargs=2,
        default=(0, 1),
        metavar=("K", "N"),
        help="every N-th mutant from the K-th on: N runs may share a sample",
    )
    parser.add_argument(
        "--limit", type=float, help="seconds of a run; no run without a mutant first"
    )
    parser.add_argument("--tree", type=Path, default=default, help="folder of the changed copy")
    options = parser.parse_args()
    subject = Subject(ROOT, options.tree.resolve())
    results = Results(ROOT / "build" / "mutation" / "results.csv")
    found = [mutant for mutant in all_mutants(subject.tree) if options.only in mutant.file]
    print(f"{len(found)} possible mutants on {len({(m.file, m.line) for m in found})} lines")
    if options.limit:
        subject.limit = options.limit
    else:
        subject.ask_without_mutant()
        print(f"all tests pass without a mutant; limit of a run {subject.limit:.0f} s", flush=True)
    if options.again:
        survivors = results.survivors()
        chosen: Iterable[Mutant] = [mutant for mutant in found if mutant.key() in survivors]
    else:
        known = set(results.keys())
        chosen = (mutant for mutant in drawn(found, options.seed) if mutant.key() not in known)
    for mutant in islice(chosen, options.part[0], None, options.part[1]):
        if not options.again and len(results.judged()) >= options.sample:
            break
        judge(subject, results, mutant, options.largest_rebuild)
    print(results.summary())


if __name__ == "__main__":
    main()
