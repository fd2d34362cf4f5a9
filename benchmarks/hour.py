"""What `tfbwe extend` takes for a minute and for an hour of stereo: ``python -m benchmarks.hour``.

Processor time, also over the time of the music, and memory at its peak, of a process of its own. The music is
the shipped clip again and again, cut off at 8 kHz; the minute shows that memory does not grow.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from demo.demo import BITS, CLIP, CUTOFF_HZ
from tfbwe.model.bundle import shipped
from training.degradation.degrade import apply
from training.degradation.filters import Lowpass
from training.degradation.rounding import Rounding

MINUTES = (1, 60)
MEASURED = """
import time
from tfbwe.measures.cost import peak_rss_mb
from tfbwe.cli import main
status = main()
print(time.process_time(), peak_rss_mb())
raise SystemExit(status)
"""


def received_clip() -> tuple[npt.NDArray[np.float32], int]:
    """Return the shipped clip, cut off, (2, samples) float32, and its rate in Hz."""
    clip, sample_rate = soundfile.read(CLIP, dtype="float32", always_2d=True)
    received, _ = apply(clip.T, sample_rate, (Lowpass("brickwall", CUTOFF_HZ), Rounding(BITS)))
    return received, sample_rate


def main() -> None:
    """Write the music to a temporary folder, extend it and print a table."""
    received, sample_rate = received_clip()
    print("model  minutes  processor time  real-time factor  peak memory")
    with tempfile.TemporaryDirectory(prefix="tfbwe-hour-") as folder:
        for minutes in MINUTES:
            song = Path(folder) / f"{minutes}.wav"
            with soundfile.SoundFile(song, "w", sample_rate, received.shape[0], "PCM_16") as file:
                while file.frames < minutes * 60 * sample_rate:
                    file.write(received.T)
                seconds = file.frames / sample_rate
            for model in shipped():
                used_s, peak_mb = extended(song, model)
                print(
                    f"{model:5}  {minutes:7}  {used_s:12.1f} s  {used_s / seconds:16.4f}  {peak_mb:8.1f} MB",
                    flush=True,
                )


def extended(song: Path, model: str) -> tuple[float, float]:
    """Extend a file with `tfbwe extend`; return its processor time in s and its peak memory in MB."""
    out = song.with_name(f"extended{song.suffix}")
    arguments = ["extend", str(song), "-o", str(out), "--model", model, "--force"]
    done = subprocess.run([sys.executable, "-c", MEASURED, *arguments], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    used_s, peak_mb = map(float, done.stdout.splitlines()[-1].split())
    return used_s, peak_mb


if __name__ == "__main__":
    main()
