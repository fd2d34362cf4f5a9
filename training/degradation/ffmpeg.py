"""ffmpeg, where it is installed: for the codec and the exciter that nothing here else has."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence

import numpy as np

from tfbwe.errors import AudioError

from .filters import Signal

_PROGRAM = "ffmpeg"


def found() -> str | None:
    """Where it is installed, if it is."""
    return shutil.which(_PROGRAM)


def version() -> str:
    """Return its version, or ``unknown``."""
    said = subprocess.run([_PROGRAM, "-version"], capture_output=True, text=True).stdout
    return (said.split() or ["", "", "unknown"])[2]


def raw(sample_rate: int, channels: int) -> list[str]:
    """Arguments that describe samples as `sound_of` takes them and `samples_of` returns them."""
    return ["-f", "f32le", "-ar", str(sample_rate), "-ac", str(channels)]


def sound_of(x: Signal) -> bytes:
    """Samples (channels, samples) float32, interleaved."""
    return np.ascontiguousarray(x.T, "<f4").tobytes()


def samples_of(sound: bytes, channels: int) -> Signal:
    """Interleaved samples as (channels, samples) float32."""
    return np.frombuffer(sound, "<f4").reshape(-1, channels).T.astype(np.float32)


def piped(arguments: Sequence[str], sound: bytes, purpose: str) -> bytes:
    """Send bytes through ffmpeg, from pipe to pipe.

    Raises
    ------
    AudioError
        If it is not installed, or fails; `purpose` says what was expected of it.
    """
    command = [_PROGRAM, "-nostdin", "-v", "error", *arguments]
    try:
        return subprocess.run(command, input=sound, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        reason = getattr(error, "stderr", b"").decode(errors="replace").strip() or error
        raise AudioError(f"ffmpeg: expected {purpose}: {reason}") from None
