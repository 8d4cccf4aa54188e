"""A pytest plugin that collects tests once and runs them for many mutants, in forked processes.

LAMINA_MUTANTS names a folder. In it `order` lists the mutants' numbers; a line of JSON is added to
`answers` for each: its number, the verdict, the test that noticed and how many tests were asked.
Only tests that reach a mutant are asked, the quick ones and those that have caught others first.
"""

import ctypes
import json
import mmap
import os
import pickle
import resource
import select
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

MOST = 4096  # kMost of mutation_switch.h
TOGETHER = int(os.environ.get("LAMINA_MUTANTS_TOGETHER", "2"))  # processes at a time


@dataclass
class Known:
    """What a run without a mutant has found of a test."""

    passed: bool
    seconds: float
    reached: frozenset[int]


class Core:
    """The switch in lamina's compiled module."""

    def __init__(self) -> None:
        import lamina._core

        self.library = ctypes.CDLL(lamina._core.__file__)
        self.library.lamina_reached_mutants.restype = ctypes.POINTER(ctypes.c_ubyte * MOST)
        self.reached = self.library.lamina_reached_mutants().contents

    def set(self, number: int) -> None:
        """Turns a mutant on, in the programs that tests start too."""
        os.environ["LAMINA_MUTANT"] = str(number)
        self.library.lamina_set_mutant(number)


def passes(item: pytest.Item, following: pytest.Item | None) -> bool:
    """Runs a test with its fixtures."""
    reports = runtestprotocol(item, nextitem=following, log=False)
    return not any(report.failed for report in reports)


def ask(tests: list[tuple[pytest.Item, Known]], running: mmap.mmap) -> tuple[int, str]:
    """Runs tests up to the first that fails; how many were run, and its name.

    The number of the test that runs stands in `running`, should the process end in it.
    """
    items = [item for item, _ in tests]
    for number, (item, known) in enumerate(tests):
        running[:4] = number.to_bytes(4, "little")
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, 20.0 + 50.0 * known.seconds)
        if not passes(item, items[number + 1] if number + 1 < len(items) else None):
            return number + 1, item.nodeid
    return len(items), ""


def measure(core: Core, items: list[pytest.Item]) -> list[Known]:
    """Runs all tests without a mutant."""
    known = []
    for number, item in enumerate(items):
        ctypes.memset(core.reached, 0, MOST)
        start = time.process_time()
        passed = passes(item, items[number + 1] if number + 1 < len(items) else None)
        reached = frozenset(i for i, byte in enumerate(bytes(core.reached)) if byte)
        known.append(Known(passed, time.process_time() - start, reached))
    return known


def fork(task: Callable[[], Any], seconds: float) -> tuple[int, int]:
    """Starts a process that sends what `task` returns; its id and the pipe's end to read from."""
    reading, writing = os.pipe()
    process = os.fork()
    if process:
        os.close(writing)
        return process, reading
    os.close(reading)
    os.setpgid(0, 0)
    limit = int(seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
    silence = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(silence, stream)
    try:
        with os.fdopen(writing, "wb") as pipe:
            pickle.dump(task(), pipe)
    except BaseException:
        os._exit(1)
    os._exit(0)


def finish(process: int, pipe: int) -> tuple[Any, int]:
    """What the process has sent, or None and the signal that ended it (0: none did)."""
    with os.fdopen(pipe, "rb") as stream:
        data = stream.read()
    _, status = os.waitpid(process, 0)
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    return (pickle.loads(data) if data else None), number


@dataclass
class Started:
    """A process that runs tests for one mutant."""

    process: int
    pipe: int
    tests: list[str]
    running: mmap.mmap


class Runner:
    """Asks the tests for each mutant, some at a time."""

    def __init__(self, folder: Path, items: list[pytest.Item]) -> None:
        self.folder, self.items, self.core = folder, items, Core()
        self.caught: Counter[str] = Counter()
        found, ended = finish(*fork(lambda: measure(self.core, items), 3600))
        if found is None:
            sys.exit(f"the run without a mutant was ended by signal {ended}")
        self.known: list[Known] = found
        failed = [i.nodeid for i, k in zip(items, found, strict=True) if not k.passed]
        lines = [f"without a mutant these fail and are left out: {failed}"]
        slow = sorted(zip(found, items, strict=True), key=lambda pair: -pair[0].seconds)
        lines += [f"{known.seconds:.2f} s {item.nodeid}" for known, item in slow]
        (folder / "tests").write_text("\n".join(lines), encoding="utf-8")

    def tests_of(self, number: int) -> list[tuple[pytest.Item, Known]]:
        """Those that reach the mutant: first the ones that caught most in their time."""
        pairs = zip(self.items, self.known, strict=True)
        reaching = [(item, k) for item, k in pairs if k.passed and number in k.reached]
        return sorted(
            reaching,
            key=lambda pair: (pair[1].seconds + 0.01) / (1 + 3 * self.caught[pair[0].nodeid]),
        )

    def start(self, number: int) -> Started:
        """A process for one mutant."""
        tests, running = self.tests_of(number), mmap.mmap(-1, 4)
        seconds = 20.0 + 5.0 * sum(known.seconds for _, known in tests)

        def task() -> tuple[int, str]:
            self.core.set(number)
            return ask(tests, running)

        return Started(*fork(task, seconds), [item.nodeid for item, _ in tests], running)

    def answer(self, number: int, started: Started) -> None:
        """Waits for a mutant's process and writes what became of it."""
        found, ended = finish(started.process, started.pipe)
        if found is None:
            asked = int.from_bytes(started.running[:4], "little") + 1
            by = started.tests[asked - 1] if started.tests else ""
            verdict = "hung" if ended in (signal.SIGALRM, signal.SIGXCPU) else "caught"
        else:
            asked, by = found
            verdict = "caught" if by else "survived"
        self.caught[by] += 1
        if not started.tests:
            by = "no test reaches it"
        elif ended:
            by += f" ({signal.Signals(ended).name})"
        tests = len(started.tests)
        line = {"number": number, "verdict": verdict, "by": by, "asked": asked, "tests": tests}
        with (self.folder / "answers").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def run(self, numbers: list[int]) -> None:
        """All mutants, TOGETHER at a time."""
        busy: dict[int, tuple[int, Started]] = {}  # by pipe
        for number in [*numbers, *([0] * TOGETHER)]:
            if number:
                started = self.start(number)
                busy[started.pipe] = number, started
            if busy and (len(busy) == TOGETHER or not number):
                ready, _, _ = select.select(list(busy), [], [])
                self.answer(*busy.pop(ready[0]))


def pytest_runtestloop(session: pytest.Session) -> bool:
    """In place of pytest's own loop over the tests."""
    if session.testsfailed:
        raise session.Interrupted(f"{session.testsfailed} errors while tests were collected")
    folder = Path(os.environ["LAMINA_MUTANTS"])
    numbers = json.loads((folder / "order").read_text(encoding="utf-8"))
    Runner(folder, session.items).run(numbers)
    return True
