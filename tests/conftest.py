"""Fixtures that every test may use."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

import lamina as lm

# In continuous integration the same examples every time: a failure there is one of the change.
settings.register_profile("ci", derandomize=True, deadline=None)
if os.environ.get("CI"):
    settings.load_profile("ci")

# A process started in the background may ignore Ctrl-C, and under nohup the end of its terminal:
# tests of interrupts would never end.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Workers of pytest-xdist share the processors: more threads than those would wait for one another.
_workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
if _workers > 1:
    lm.set_num_threads(max(1, lm.get_num_threads() // _workers))

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def repository() -> Path:
    """The folder with pyproject.toml."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with the larger data sets; a test that needs it is skipped where it is absent."""
    folder = Path(os.environ.get("LAMINA_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no folder {folder} with data sets (set LAMINA_DATA to one)")
    return folder


@pytest.fixture(autouse=True)
def _number_of_threads() -> Iterator[None]:
    """A test may set the number of threads; the next one starts from the same number as before."""
    before = lm.get_num_threads()
    yield
    if lm.get_num_threads() != before:
        lm.set_num_threads(before)
