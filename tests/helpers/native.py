"""What the decoder in C is built with, where it is there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.helpers.paths import ROOT

FETCHED = ROOT / "build" / "tflite-c" / "libtensorflowlite_c.so"
SOURCE = ROOT / "embed" / "c"
TOOLS = ROOT / "build" / "c-tools"
_SEARCHED = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", ""), str(TOOLS)])


def tool(name):
    """Path of a program, of this machine or fetched by `make c-test`; None without."""
    return shutil.which(name, path=_SEARCHED)


CMAKE, CTEST = tool("cmake"), tool("ctest")


def find_tflite():
    """Path of a library with the TFLite C API: the one in TFLITE_C_LIBRARY or a fetched one; None without."""
    return os.environ.get("TFLITE_C_LIBRARY") or (str(FETCHED) if FETCHED.exists() else None)


def missing():
    """What is not there for building in C, in a line; empty if all is."""
    if not find_tflite():
        return "no TFLite C library: `make c-test` fetches one, or name one in TFLITE_C_LIBRARY"
    if not CMAKE or not (os.environ.get("CC") or shutil.which("cc")):
        return "cmake or a C compiler is missing"
    return ""


def run(*command, **more):
    """Text that a command prints; its failure is an assertion that failed."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def configured(folder, *options):
    """Build the sources in C in a folder and return it."""
    run(CMAKE, "-S", SOURCE, "-B", folder, f"-DTFLITE_C_LIBRARY={find_tflite()}", *options)
    run(CMAKE, "--build", folder)
    return folder
