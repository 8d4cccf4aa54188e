"""Damages model files by the thousand and counts what reading them does, each in a forked child.

Run: python tests/mutate_model_files.py --mutants 1000000 [--repair] [--seed 0]
"""

import argparse
import json
import os
import random
import re
import resource
import signal
import time
from collections import Counter
from pathlib import Path

import numpy as np

from lamina import _core

CHECKSUM = slice(55, 71)
OUTCOMES = {"e": "refused", "s": "same content", "d": "different content", "x": "other exception"}
HUGE = [
    b"-1",
    b"9223372036854775807",
    b"18446744073709551616",
    b"4294967296",
    b"1e400",
    b"NaN",
    b"[]",
]


def crc_table() -> list[int]:
    """The byte table of CRC-64/XZ (reflected polynomial)."""
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0xC96C5795D7870F42 if value & 1 else 0)
        table.append(value)
    return table


CRC_TABLE = crc_table()


def checksum(file: bytes) -> bytes:
    """What the file's own checksum must read, computed byte by byte apart from the library."""
    crc = 0xFFFFFFFFFFFFFFFF
    for byte in file[: CHECKSUM.start] + b"0" * 16 + file[CHECKSUM.stop :]:
        crc = crc >> 8 ^ CRC_TABLE[(crc ^ byte) & 0xFF]
    return b"%016x" % (crc ^ 0xFFFFFFFFFFFFFFFF)


def sample() -> bytes:
    """A small model with every type of tensor."""
    rng = np.random.default_rng(0)
    record = {"layers": [{"type": "dense", "units": 3}, {"type": "dense", "units": 2}], "rate": 0.1}
    tensors = {
        "layers.0.weight": rng.standard_normal((3, 4)).astype(np.float32),
        "layers.0.bias": np.zeros(3, np.float32),
        "scale": rng.standard_normal(4),
        "index": np.arange(3),
        "flags": np.zeros((0, 2), np.uint8),
    }
    return _core.serialize_model(json.dumps(record), tensors)


def damage(file: bytearray, rng: random.Random) -> None:
    """One mutation in place: bit, byte, cut, insertion, removal, duplication, or a wild number."""
    at = rng.randrange(len(file))
    length = rng.randint(1, 16)
    match rng.randrange(8):
        case 0:
            file[at] ^= 1 << rng.randrange(8)
        case 1:
            file[at] = rng.randrange(256)
        case 2:
            del file[max(at, 1) :]
        case 3:
            file[at:at] = rng.randbytes(length)
        case 4:
            del file[at : at + min(length, len(file) - 1)]
        case 5:
            file[at:at] = file[at : at + 8 * length]
        case 6:
            file[at : at + 8] = rng.choice([2**64 - 1, 2**63, 2**32, 2**24, 0]).to_bytes(
                8, "little"
            )
        case 7:
            numbers = list(re.finditer(rb"\d+", file[CHECKSUM.stop :]))
            if numbers:
                number = rng.choice(numbers)
                begin, end = (CHECKSUM.stop + place for place in number.span())
                file[begin:end] = rng.choice(HUGE)


def mutant(original: bytes, rng: random.Random, repair: bool) -> bytes:
    """The original with 1 to 4 damages; `repair` mends header length and checksum afterwards."""
    file = bytearray(original)
    header_end = 8 + int.from_bytes(original[:8], "little")
    if repair and rng.random() < 0.8:
        header = file[CHECKSUM.stop : header_end].rstrip()
        for _ in range(rng.randint(1, 4)):
            damage(header, rng)
        header += b" " * (-(CHECKSUM.stop + len(header)) % 64)
        file[CHECKSUM.stop : header_end] = header
        file[:8] = (CHECKSUM.stop + len(header) - 8).to_bytes(8, "little")
    else:
        for _ in range(rng.randint(1, 4)):
            damage(file, rng)
    if repair and len(file) >= CHECKSUM.stop:
        file[CHECKSUM] = checksum(bytes(file))
    return bytes(file)


def content(data: bytes) -> tuple[object, ...]:
    """All that a file says, comparable bit for bit."""
    record, tensors = _core.parse_model(data)
    return record, {k: (v.dtype.str, v.shape, v.tobytes()) for k, v in tensors.items()}


def read_in_child(mutants: list[bytes], pipe: int, expected: tuple[object, ...]) -> None:
    """Writes one letter of OUTCOMES a mutant; a crash or more than a second ends the child."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + (16 << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for data in mutants:
        signal.setitimer(signal.ITIMER_REAL, 1.0)
        try:
            outcome = b"s" if content(data) == expected else b"d"
        except ValueError:
            outcome = b"e"
        except BaseException:
            outcome = b"x"
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        os.write(pipe, outcome)


def outcomes_of(mutants: list[bytes], expected: tuple[object, ...]) -> Counter[str]:
    """Reads every mutant in a child; after a death the next child goes on behind the fatal one."""
    counts: Counter[str] = Counter()
    while mutants:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            read_in_child(mutants, writing, expected)
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            letters = pipe.read().decode()
        _, status = os.waitpid(child, 0)
        counts.update(OUTCOMES[letter] for letter in letters)
        mutants = mutants[len(letters) :]
        if mutants:
            hang = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM
            counts["hang" if hang else f"death, status {status}"] += 1
            mutants = mutants[1:]
    return counts


def run(count: int, seed: int, repair: bool, batch: int = 100) -> Counter[str]:
    """Outcomes of `count` mutants, none of them equal to the original."""
    original = sample()
    if original[CHECKSUM] != checksum(original):
        raise AssertionError("the library's checksum is not CRC-64/XZ over the whole file")
    expected = content(original)
    rng = random.Random(seed)
    counts: Counter[str] = Counter()
    while (left := count - counts.total()) > 0:
        mutants = [mutant(original, rng, repair) for _ in range(min(batch, left))]
        counts += outcomes_of([m for m in mutants if m != original], expected)
    return counts


def main() -> None:
    """Prints the outcomes as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutants", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--repair", action="store_true", help="mend length and checksum afterwards")
    arguments = parser.parse_args()
    begin = time.monotonic()
    counts = run(arguments.mutants, arguments.seed, arguments.repair)
    print(json.dumps({**counts, "seconds": round(time.monotonic() - begin, 1)}))


if __name__ == "__main__":
    main()
