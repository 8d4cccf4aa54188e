"""The workers of one run: started together, and stopped while it is another one's turn."""

import json
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from typing import Any, Self

from benchmarks.machine import start_pinned

Answer = dict[str, Any]
# Compiling a graph is the slowest request by far.
MOST_SECONDS = 400.0


class RemoteWorker:
    """One child process; suspended between requests, so that its threads cannot spin."""

    def __init__(self, peer: str, threads: int, isa: str | None = None) -> None:
        self.peer, self.threads = peer, threads
        self.label = f"{peer}, {threads} thread{'s' if threads > 1 else ''}"
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115, closed in close()
        self.process = start_pinned(
            [sys.executable, "-m", "benchmarks.worker", peer, str(threads)],
            threads,
            isa,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
        )
        self.alive = True
        self.hello: Answer = {}

    def greet(self) -> None:
        self.hello = self.receive()
        self.alive = self.alive and "skip" not in self.hello
        self.suspend()

    def suspend(self) -> None:
        if self.alive:
            self.process.send_signal(signal.SIGSTOP)

    def send(self, request: Answer) -> None:
        self.process.send_signal(signal.SIGCONT)
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()

    def receive(self) -> Answer:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], MOST_SECONDS)
        line = self.process.stdout.readline() if ready else ""
        if not line:
            self.alive = False
            if ready:
                self.process.wait()
            why = "ended" if ready else f"gave no answer in {MOST_SECONDS:.0f} s"
            return {"skip": f"the worker {why}: {self.last_error()}"}
        answer: Answer = json.loads(line)
        return answer

    def ask(self, do: str, **details: Any) -> Answer:
        """One request and its answer, with this worker alone running."""
        try:
            self.send({"do": do, **details})
        except BrokenPipeError:
            self.alive = False
            return {"skip": f"the worker ended: {self.last_error()}"}
        answer = self.receive()
        self.suspend()
        return answer

    def last_error(self) -> str:
        self.errors.seek(0)
        lines = self.errors.read().strip().splitlines()
        said = lines[-1][:200] if lines else "it printed nothing"
        code = self.process.poll()
        return said if code is None else f"{said} (exit code {code})"

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.errors):
            if pipe is not None:
                pipe.close()


class Pool:
    """Workers for peers x thread counts; `missing` tells why a peer is left out."""

    def __init__(
        self, peers: Iterable[str], thread_counts: Iterable[int], isa: str | None = None
    ) -> None:
        started = [RemoteWorker(p, t, isa) for t in thread_counts for p in peers]
        for worker in started:
            worker.greet()
        self.workers = [worker for worker in started if worker.alive]
        self.missing = {w.peer: str(w.hello["skip"]) for w in started if not w.alive}
        for worker in started:
            if not worker.alive:
                worker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            worker.close()

    def living(self) -> list[RemoteWorker]:
        return [worker for worker in self.workers if worker.alive]
