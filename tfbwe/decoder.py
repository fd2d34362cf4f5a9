"""The receiver: blocks of band-limited music in, the same blocks with a high band out.

Output = received signal, delayed by `latency`, plus what is restored and synthesised. The received samples
themselves are never transformed. Behind a sharp cutoff the sum leaves the received band as it was: what is
added lies 55 dB below it in the last 500 Hz, 100 dB below three quarters of the cutoff. What a gentle filter
weakened is raised from 0.8 of the cutoff on. NumPy and a TFLite interpreter are all it needs.
"""

from __future__ import annotations

import os

import numpy as np

from .errors import AudioError, ConfigError
from .extension import EXTENSIONS, Extension, WaveExtension
from .extension.delay import Delay
from .model.bundle import Bundle, load_bundle, wave_graph
from .model.step_model import StepModel
from .model.wave_model import WaveModel
from .restoration.statistics import checked_moments
from .samples import float_samples
from .settings import MAX_CHANNELS, check_settings, whole_number
from .stft import LOUDEST, SAMPLE_RATE, FloatArray


class Decoder:
    """Puts the high band back, in blocks of any size.

    Parameters
    ----------
    model : str, Path or Bundle
        Name of a shipped model, or a model file.
    channels : int
        1 to 8.
    cutoff_hz : float, optional
        Where the received band ends, in (0, 22050]; tracked in the stream if ``None``.
    diffuse : float
        Weight of the diffuse term, 0 (best SDR) to 1 (full spectrum).
    phase : {"mirror", "received", "pghi"}
        Phase of the diffuse term; ``pghi`` for models of the STFT only.
    known : (4, 155) float32, optional
        Long-term statistics of all the music, measured beforehand, as
        `tfbwe.restoration.statistics.LongTerm` has them; those of the last half minute or so if ``None``.

    Attributes
    ----------
    latency : int
        Delay of the output in samples: 2048 (46 ms) for a model of the STFT, 32768 (743 ms) for one of the
        CQT, which takes in a whole block before it gives one out.
    limited_frames : int
        Frames so far whose high band was held below its ceiling.
    bundle : Bundle
        The file that runs. For one or two channels and the mirrored phase, the shipped model ``stft`` runs as
        a graph from wave to wave, which small blocks do not slow down; else NumPy runs around its network.

    Raises
    ------
    ConfigError
        If a setting is outside its range.
    ModelError
        If the model cannot be loaded.

    Notes
    -----
    All samples are float32 at 44.1 kHz. The output does not depend on how the input is cut into blocks, to
    the bit.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | Bundle,
        channels: int,
        cutoff_hz: float | None = None,
        diffuse: float = 1.0,
        phase: str = "mirror",
        known: FloatArray | None = None,
    ) -> None:
        channels = whole_number("channels", channels)
        if not 1 <= channels <= MAX_CHANNELS:
            raise ConfigError(f"channels: expected 1 to {MAX_CHANNELS}, received {channels}")
        check_settings(SAMPLE_RATE, cutoff_hz, diffuse, phase)
        known = None if known is None else checked_moments(known)
        bundle = load_bundle(model)
        self.channels = channels
        self.bundle = bundle = (wave_graph(bundle, channels) if phase == "mirror" else None) or bundle
        self._extension: Extension
        if bundle.manifest.graph["kind"] == "wave":
            graph = WaveModel(bundle, channels)
            self._extension = WaveExtension(graph, channels, cutoff_hz, diffuse, phase, known)
        else:
            network = StepModel(bundle, channels)
            made = EXTENSIONS[network.transform.name]
            self._extension = made(network, channels, cutoff_hz, diffuse, phase, known)
        self.latency = self._extension.latency
        self.reset()

    def reset(self) -> None:
        """Start anew, as if just made."""
        self._extension.reset()
        self._received = Delay(self.channels, self.latency)
        self._lost = 0

    @property
    def cutoff_hz(self) -> float | None:
        """Where the received band ends, in Hz; ``None`` while the stream has not shown it."""
        return self._extension.cutoff_hz

    @property
    def limited_frames(self) -> int:
        """Frames so far whose high band was held below its ceiling."""
        return self._extension.limited_frames

    def process(self, block: FloatArray | None, samples: int = 0) -> FloatArray:
        """Take in a block and return one of the same length, `latency` samples late.

        Parameters
        ----------
        block : (channels, samples) float32, or None
            Nominally in [-1, 1]; any length, 0 included. ``None`` stands for `samples` samples that were
            lost: they count as silence, the high band fades out within 50 ms, and after 100 ms what memory
            the network has is cleared.
        samples : int
            Number of lost samples; unused otherwise.

        Returns
        -------
        (channels, samples) float32

        Raises
        ------
        AudioError
            If the block has another shape, is not floating-point, or holds NaN or infinite values, or the
            number of lost samples is negative. The state is unchanged then.
        """
        lost = block is None
        if lost and samples < 0:
            raise AudioError(f"samples: expected a number of lost samples, received {samples}")
        x = np.zeros((self.channels, samples), np.float32) if block is None else self._checked(block)
        if x.shape[1]:
            self._lost = self._lost + x.shape[1] if lost else 0
        high = self._extension.process(np.clip(x, -LOUDEST, LOUDEST), self._lost)
        return self._received.process(x) + high

    def flush(self) -> FloatArray:
        """Return the last `latency` samples, (channels, latency) float32, and start anew."""
        tail = self.process(np.zeros((self.channels, self.latency), np.float32))
        self.reset()
        return tail

    def _checked(self, block: FloatArray) -> FloatArray:
        x = float_samples(block, "block")
        if x.ndim != 2 or x.shape[0] != self.channels:
            raise AudioError(f"block: expected shape ({self.channels}, samples), received {x.shape}")
        if not np.isfinite(x).all():
            raise AudioError("block: expected finite samples, received NaN or infinite ones")
        return x
