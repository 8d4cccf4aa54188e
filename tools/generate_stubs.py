"""Write python/lamina/_core.pyi, the types of the compiled module, from its signatures.

Run: `python tools/generate_stubs.py` after a change to python/bindings, with that build installed.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

MODULE = "lamina._core"
STUB = Path(__file__).resolve().parent.parent / "python" / "lamina" / "_core.pyi"


def generated_stub() -> str:
    """Return the stub that pybind11-stubgen makes of the installed module."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, "-m", "pybind11_stubgen", MODULE, "-o", folder, "--exit-code"],
            check=True,
            capture_output=True,
            text=True,
            cwd=folder,
        )
        text = (Path(folder) / "lamina" / "_core.pyi").read_text(encoding="utf-8")
    # Every class has it; here it only refuses.
    text = re.sub(
        r"    @staticmethod\n    def __new__\(.*\n +\"{3}\n(?: +[^\"\n]*\n)+ +\"{3}\n", "", text
    )
    # A new version alone is no reason for a new stub.
    return re.sub(r"^(__version__: str) = .*$", r"\1", text, flags=re.MULTILINE)


if __name__ == "__main__":
    try:
        STUB.write_text(generated_stub(), encoding="utf-8")
    except subprocess.CalledProcessError as error:
        sys.exit(error.stderr)
    print(f"wrote {STUB.name}")
