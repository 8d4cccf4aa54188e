"""Draw what a command prints on a terminal as an SVG file, for the README.

Run: `python tools/terminal_picture.py --show "./run adult" docs/adult.svg lamina train ...`
"""

import argparse
import os
import pty
import re
import struct
import subprocess
import sys
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

ROWS, COLUMNS = 60, 100


def run_on_terminal(command: list[str]) -> str:
    """Everything that the command writes to a terminal of its own, which has ROWS and COLUMNS."""
    master, terminal = pty.openpty()
    ioctl(terminal, TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environment = os.environ | {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
    process = subprocess.Popen(
        command, stdin=terminal, stdout=terminal, stderr=terminal, env=environment
    )
    os.close(terminal)
    written = bytearray()
    try:
        while piece := os.read(master, 65536):
            written += piece
    except OSError:  # Linux reports the end so.
        pass
    if process.wait() != 0:
        sys.exit(f"terminal_picture: {command[0]} ended with status {process.returncode}")
    return written.decode()


def last_state(line: str) -> str:
    """What stays of a line that was redrawn by carriage returns."""
    return line.rstrip("\r").rsplit("\r", 1)[-1]


def main() -> None:
    """Run the command and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--show", help="the command line that the picture shows")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    printed = run_on_terminal(arguments.command)
    lines = [last_state(line).rstrip() for line in printed.split("\n")]
    with open(os.devnull, "w") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere, force_terminal=True)
        console.print(Text("$ " + (arguments.show or " ".join(arguments.command)), style="bold"))
        console.print(Text.from_ansi("\n".join(lines).strip("\n")))
        picture = console.export_svg(title="lamina", theme=MONOKAI)
    # The reader's own font serves; a font from elsewhere would be fetched by every page.
    picture = re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.S)
    picture = picture.replace("Fira Code, monospace", "monospace")
    arguments.output.write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
