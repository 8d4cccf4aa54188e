"""`python -m benchmarks.memory`: resident memory of training on memory-mapped uint8 images.

Each library trains 784-256-128-10 in a fresh process, from a file of 60,000 images that is mapped,
not read. What counts is what the process holds beyond its imports: at its peak, and after many
epochs. `--images` and `--labels` take the idx files of Fashion-MNIST or MNIST (also .gz); without
them random bytes of the same size stand in, which changes no size.
"""

import argparse
import gzip
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np

from benchmarks.machine import environment
from benchmarks.report import markdown

PEERS = ("lamina", "torch")
WIDTHS, BATCH, ROWS = (784, 256, 128, 10), 128, 60_000
MEBI = 1 << 20


def read_idx(path: Path) -> np.ndarray:
    """The array of an idx file, uint8."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    dimensions = data[3]
    shape = np.frombuffer(data, ">u4", dimensions, offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def write_data(folder: Path, images: Path | None, labels: Path | None) -> None:
    random = np.random.default_rng(0)
    pixels = read_idx(images) if images else random.integers(0, 256, (ROWS, 784), np.uint8)
    classes = read_idx(labels) if labels else random.integers(0, 10, len(pixels), np.uint8)
    np.save(folder / "images.npy", pixels.reshape(len(pixels), -1))
    np.save(folder / "labels.npy", classes.astype(np.int64))


def status_bytes(names: tuple[str, ...]) -> dict[str, int]:
    """Fields of this process's status; empty where there is none (not Linux)."""
    status = Path("/proc/self/status")
    if not status.exists():
        return {}
    fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return {name: int(fields[name].split()[0]) * 1024 for name in names}


def peak_bytes() -> int:
    """Peak resident size of this process; Linux's rusage would count its parent's as well."""
    peak = status_bytes(("VmHWM",))
    return peak["VmHWM"] if peak else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def begin_peak() -> int:
    """Resident size now, from which on `peak_bytes` counts anew; on Linux alone."""
    Path("/proc/self/clear_refs").write_text("5")
    return status_bytes(("VmRSS",))["VmRSS"]


def resident() -> dict[str, int]:
    """Resident bytes now: "RssAnon" is the process's own, "RssFile" mapped files'. Linux only."""
    return status_bytes(("RssAnon", "RssFile"))


def lamina_trainer(images: np.ndarray, labels: np.ndarray) -> Callable[[int], None]:
    import lamina as lm

    *hidden, outputs = WIDTHS[1:]
    layers = [lm.Dense(width, "relu") for width in hidden]
    network = lm.Sequential([*layers, lm.Dense(outputs, "softmax")], seed=0, dtype="float32")
    optimizer = lm.Adam(learning_rate=1e-4)

    def train(epochs: int) -> None:
        network.fit(
            images,
            labels,
            loss="cross_entropy",
            optimizer=optimizer,
            epochs=epochs,
            batch_size=BATCH,
            verbose=0,
        )

    return train


def torch_trainer(images: np.ndarray, labels: np.ndarray) -> Callable[[int], None]:
    import torch
    from torch import nn

    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(WIDTHS):
        layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4, fused=True)

    def train(epochs: int) -> None:
        for _ in range(epochs):
            order = np.random.default_rng(0).permutation(len(images))
            for start in range(0, len(images), BATCH):
                rows = order[start : start + BATCH]
                x = torch.from_numpy(images[rows]).float()
                loss = nn.functional.cross_entropy(model(x), torch.from_numpy(labels[rows]))
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()

    return train


def run_child(peer: str, folder: Path, epochs: int, rows: int) -> None:
    """In a fresh process: print what training takes beyond the imports, as JSON."""
    build = {"lamina": lamina_trainer, "torch": torch_trainer}[peer]
    nothing = np.zeros((BATCH, WIDTHS[0]), np.uint8)
    try:
        build(nothing, np.zeros(BATCH, np.int64))
    except ImportError as error:
        print(json.dumps({"skip": f"not installed ({error})"}))
        return
    imported = peak_bytes()
    images = np.load(folder / "images.npy", mmap_mode="r")[:rows]
    labels = np.load(folder / "labels.npy", mmap_mode="r")[:rows]
    train = build(images, labels)
    train(max(1, epochs // 10))
    early, early_peak = resident(), peak_bytes()
    train(epochs - max(1, epochs // 10))
    late = resident()
    answer = {
        "imports": imported,
        "beyond_imports": peak_bytes() - imported,
        "growth_of_peak": peak_bytes() - early_peak,
    }
    if early:
        answer["growth_of_own"] = late["RssAnon"] - early["RssAnon"]
        answer["mapped_files"] = late["RssFile"]
    print(json.dumps(answer))


def measure(peer: str, folder: Path, epochs: int, rows: int) -> dict[str, int | str]:
    command = [sys.executable, "-m", "benchmarks.memory", "--child", peer]
    command += ["--folder", str(folder), "--epochs", str(epochs), "--rows", str(rows)]
    root = Path(__file__).parent.parent
    child = subprocess.run(
        command, capture_output=True, text=True, env=environment(2), cwd=root, check=False
    )
    if child.returncode != 0:
        return {"skip": child.stderr.strip().splitlines()[-1]}
    answer: dict[str, int | str] = json.loads(child.stdout.splitlines()[-1])
    return answer


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--images", type=Path, help="train-images-idx3-ubyte or .gz")
    parser.add_argument("--labels", type=Path, help="train-labels-idx1-ubyte or .gz")
    parser.add_argument("--epochs", type=int, default=1000, help="epochs of the run on few rows")
    parser.add_argument("--rows", type=int, default=1000, help="rows of the run of many epochs")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    if arguments.child:
        run_child(arguments.child, arguments.folder, arguments.epochs, arguments.rows)
        return
    names = ["imports", "beyond_imports", "growth_of_peak", "growth_of_own", "mapped_files"]
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_data(folder, arguments.images, arguments.labels)
        for peer in arguments.peers:
            for epochs, count in ((2, ROWS), (arguments.epochs, arguments.rows)):
                answer = measure(peer, folder, epochs, count)
                if "skip" in answer:
                    print(f"{peer}: {answer['skip']}")
                    break
                values = [f"{int(answer[n]) / MEBI:.1f}" if n in answer else "-" for n in names]
                rows.append([peer, str(count), str(epochs), *values])
    titles = ["imports", "beyond imports at peak", "growth of peak", "growth, own", "mapped files"]
    header = ["library", "rows", "epochs", *(f"{title}, MiB" for title in titles)]
    if rows:
        print(markdown(header, rows))
        print("\nGrowth is from the first tenth of the epochs to the end.")


if __name__ == "__main__":
    main()
