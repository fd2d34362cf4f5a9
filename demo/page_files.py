"""The sounds and pictures of the page: what is the same in two places is written once."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from tfbwe.atomic import replacing
from tfbwe.errors import ConfigError
from tfbwe.measures.spectrogram import RANGE_DB
from tfbwe.stft import SAMPLE_RATE

Signal = npt.NDArray[np.float32]
Pcm = npt.NDArray[np.int16]


class PageFiles:
    """Writer of the files of one page.

    Parameters
    ----------
    folder : Path
        Of the page. Into it go ``sounds/`` and ``pictures/``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._links: dict[bytes, str] = {}

    def sound(self, name: str, pcm: Pcm) -> dict[str, str]:
        """Write 16-bit FLAC, as ``.flac`` and, for pages opened without a server, as text in a ``.js``.

        A page opened from a folder may not read other files, but it may run scripts that lie beside it.

        Parameters
        ----------
        name : str
            Path in ``sounds/``, less its suffix.
        pcm : (channels, samples) int16
            At 44.1 kHz.

        Returns
        -------
        dict
            Links relative to the page: ``sound``, ``script``.
        """
        buffer = io.BytesIO()
        soundfile.write(buffer, pcm.T, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
        sound = self._put(f"sounds/{name}.flac", buffer.getvalue())
        script = f"{sound.removesuffix('.flac')}.js"
        text = base64.b64encode(buffer.getvalue()).decode("ascii")
        self._put(script, f"deliver({json.dumps(script)}, {json.dumps(text)});\n".encode())
        return {"sound": sound, "script": script}

    def picture(self, name: str, level_db: Signal, top_db: float) -> str:
        """Write a spectrogram without margins as a PNG of 256 colours, 0 Hz at the bottom; return its link.

        Parameters
        ----------
        name : str
            Path in ``pictures/``, less its suffix.
        level_db : (bins, frames) float32
            As from `tfbwe.measures.spectrogram.levels_db`; bins are taken in pairs, the highest one is left
            out.
        top_db : float
            Level of the brightest colour; the darkest is `tfbwe.measures.spectrogram.RANGE_DB` below.

        Raises
        ------
        ConfigError
            If matplotlib is missing.
        """
        try:
            from matplotlib import colormaps
            from PIL import Image
        except ImportError:
            raise ConfigError("pictures need matplotlib: pip install tfbwe[report]") from None
        pairs = level_db[:-1].reshape(len(level_db) // 2, 2, -1).max(axis=1)
        shade = np.clip((pairs[::-1] - top_db) / RANGE_DB + 1, 0, 1)
        height, width = shade.shape
        image = Image.frombytes("P", (width, height), np.round(255 * shade).astype(np.uint8).tobytes())
        image.putpalette(colormaps["magma"](np.arange(256), bytes=True)[:, :3].tobytes())
        buffer = io.BytesIO()
        image.save(buffer, format="PNG", optimize=True)
        return self._put(f"pictures/{name}.png", buffer.getvalue())

    def _put(self, link: str, contents: bytes) -> str:
        """Write a file unless one of the same contents is there; return the link of the one that is."""
        key = hashlib.sha256(contents).digest()
        if key not in self._links:
            path = self.folder / link
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as temporary:
                temporary.write_bytes(contents)
            self._links[key] = link
        return self._links[key]
