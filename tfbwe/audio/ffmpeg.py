"""ffmpeg and ffprobe, where they are installed: finding, asking what a file holds, running with a pipe."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Sequence
from typing import IO, Any

from ..errors import AudioError
from .formats import CONTAINERS, FFMPEG

PROGRAMS = (FFMPEG, "ffprobe")
INSTALL = "install it (apt-get install ffmpeg, brew install ffmpeg, winget install ffmpeg)"
# A file must not make ffmpeg open another one or the network: no playlists, which are not on the list.
CAREFUL = (
    *("-protocol_whitelist", "file,pipe"),
    *("-format_whitelist", ",".join(own.demuxers for own in CONTAINERS.values() if own.demuxers)),
)
_LONGEST_SAID = 300  # characters of what ffmpeg says


def missing() -> str:
    """Return the program that is not on the path, or an empty string where all are."""
    return next((program for program in PROGRAMS if shutil.which(program) is None), "")


def require(name: str, container: str) -> None:
    """Refuse a file that ffmpeg reads or writes, where it is not installed.

    Parameters
    ----------
    name : str
        The file, for the message.
    container : str
        What it is.

    Raises
    ------
    AudioError
        If ffmpeg or ffprobe is not on the path.
    """
    if program := missing():
        raise AudioError(f"{name}: {container} needs {program}, which is not on the path: {INSTALL}")


def file_url(location: str) -> str | bytes:
    """Return a file's name as ffmpeg takes it: no dash makes it an option, no colon a protocol."""
    return os.fsencode(f"file:{location}") if os.name == "posix" else f"file:{location}"


def probe(location: str) -> dict[str, Any]:
    """Return what ffprobe knows of a file.

    Parameters
    ----------
    location : str
        The file.

    Returns
    -------
    dict
        With ``streams`` and ``format``, as ffprobe's JSON has them.

    Raises
    ------
    OSError
        If it finds nothing there that it may read; the text says why.
    """
    command = ["ffprobe", "-v", "error", *CAREFUL, "-show_format", "-show_streams", "-of", "json"]
    done = subprocess.run([*command, file_url(location)], stdin=subprocess.DEVNULL, capture_output=True)
    found: dict[str, Any] = {}
    with contextlib.suppress(ValueError):  # It may have ended in the middle of a file that it did not stand.
        found = json.loads(done.stdout.decode(errors="replace"))
    if done.returncode or not found.get("streams"):
        raise OSError(_one_line(done.stderr, location) or "no streams found")
    return found


class Process:
    """ffmpeg, running, with one end of a pipe in our hands.

    Parameters
    ----------
    arguments : sequence of str or bytes
        Given to it, never to a shell.
    location : str
        The file that it works on, which its messages need not repeat.
    writes : bool
        Whether it reads what we write, and not the other way round.

    Attributes
    ----------
    pipe : binary file
        Its standard output, or its standard input.
    """

    def __init__(self, arguments: Sequence[str | bytes], location: str, writes: bool = False) -> None:
        self._location, self._said = location, b""
        self._process = subprocess.Popen(
            [FFMPEG, "-nostdin", "-hide_banner", "-v", "error", *arguments],
            stdin=subprocess.PIPE if writes else subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if writes else subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        pipe = self._process.stdin if writes else self._process.stdout
        assert pipe is not None
        self.pipe: IO[bytes] = pipe
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        """Take in all that it says, so that it never waits, and keep the beginning."""
        assert self._process.stderr is not None
        with self._process.stderr as stream:
            for line in stream:
                if len(self._said) < _LONGEST_SAID * 10:
                    self._said += line

    def wait(self) -> tuple[int, str]:
        """Close the pipe, wait for the end and return its status, and what it said in one line."""
        with contextlib.suppress(BrokenPipeError):  # It ended before it had read all; its status says so.
            self.pipe.close()
        status = self._process.wait()
        self._listener.join()
        said = _one_line(self._said, self._location)
        if status and not said:
            said = f"signal {-status}" if status < 0 else f"status {status}"
        return status, said

    def kill(self) -> None:
        """End it, whatever it is at."""
        self._process.kill()
        self.wait()


def _one_line(said: bytes, location: str) -> str:
    """The first thing that ffmpeg said, without addresses and file names; numbers in hex are its own."""
    for line in said.decode(errors="replace").splitlines():
        line = re.sub(r"\[[^\]]* @ 0x[0-9a-f]+\] *", "", line).replace(f"file:{location}: ", "")
        if "not on whitelist" in line:
            return "a playlist, a picture or another format that is not taken here"
        if line.strip():
            return " ".join(line.split()).rstrip(".")[:_LONGEST_SAID]
    return ""
