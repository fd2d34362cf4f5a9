"""Write what the browser must compute: model files, signals and the Python decoder's output for them.

python embed/web/tests/vectors.py FOLDER MODEL.tflite...
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import soundfile

from tfbwe import Decoder
from tfbwe.model.bundle import load_bundle
from tfbwe.stft import FloatArray

CLIP = Path(__file__).parents[3] / "tests" / "data" / "clip.flac"
SECONDS = 3.0
CASES = ((8000.0, 1.0), (11025.0, 0.5))
"""Cutoff in Hz and weight of the diffuse term."""


def received(channels: int, cutoff_hz: float) -> FloatArray:
    """Return the first seconds of the clip, cut off, (channels, samples) float32."""
    music, sample_rate = soundfile.read(CLIP, dtype="float64", always_2d=True)
    music = music[: int(SECONDS * sample_rate)].T
    if channels == 1:
        music = music.mean(axis=0, keepdims=True)
    spectrum = np.fft.rfft(music)
    spectrum[:, np.fft.rfftfreq(music.shape[1], 1 / sample_rate) > cutoff_hz] = 0
    x: FloatArray = np.fft.irfft(spectrum, music.shape[1]).astype(np.float32)
    return x


def write(folder: Path, models: list[Path]) -> None:
    """Write the vectors of all models, and a list of them."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for model in models:
        shutil.copy(model, folder / model.name)
        manifest = load_bundle(model).manifest
        channels = manifest.graph["channels"]
        for cutoff_hz, diffuse in CASES:
            x = received(channels, cutoff_hz)
            decoder = Decoder(model, channels, cutoff_hz=cutoff_hz, diffuse=diffuse)
            y = np.concatenate([decoder.process(x), decoder.flush()], axis=1)[:, decoder.latency :]
            stem = f"{model.stem}-{cutoff_hz:.0f}"
            x.astype("<f4").tofile(folder / f"{stem}.in.f32")
            y.astype("<f4").tofile(folder / f"{stem}.out.f32")
            rows.append(
                {
                    "stem": stem,
                    "model": model.name,
                    "quantisation": manifest.quantisation,
                    "channels": channels,
                    "cutoff_hz": cutoff_hz,
                    "diffuse": diffuse,
                }
            )
    (folder / "vectors.json").write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    write(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
