"""Get a library with the TensorFlow Lite C API for tests: fetch_tflite.py FOLDER, which prints its path.

It is the one in the wheel `pymicro-wakeword` (Apache-2.0; TFLite 2.17.1; Linux on x86-64 and ARM64, 4.8 MB).
Ship your own build to users; see the README.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

WHEEL = "pymicro-wakeword==2.5.0"
NAME = "libtensorflowlite_c.so"


def fetch(folder: Path) -> Path:
    """Put the library in a folder, if it is not there yet, and return its path."""
    library = folder / NAME
    if library.exists():
        return library
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        subprocess.run([*command, "--dest", scratch, WHEEL], check=True)
        with zipfile.ZipFile(next(Path(scratch).glob("*.whl"))) as wheel:
            found = next(name for name in wheel.namelist() if name.endswith(f"/{NAME}"))
            part = library.with_suffix(".part")
            part.write_bytes(wheel.read(found))
            part.replace(library)
    return library


def main() -> int:
    """Fetch it into the folder that the command line names."""
    if len(sys.argv) != 2:
        print("usage: fetch_tflite.py FOLDER", file=sys.stderr)
        return 2
    try:
        print(fetch(Path(sys.argv[1]).resolve()))
    except (OSError, StopIteration, subprocess.CalledProcessError, zipfile.BadZipFile) as error:
        print(f"fetch_tflite.py: {WHEEL} could not be fetched: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
