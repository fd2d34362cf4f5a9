"""From received blocks to extended blocks: resample, decode, take the latency out, add, keep in range."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..audio.resampler import Resampler
from ..stft import SAMPLE_RATE
from .clipping import SoftClip

Signal = NDArray[np.float32]


class Chain:
    """A stream of received samples turned into extended ones, aligned with them.

    Parameters
    ----------
    decoder : Decoder or None
        Adds the high band at 44.1 kHz; ``None`` passes the received signal through.
    in_rate, out_rate : int
        In Hz.
    channels : int
        Number of channels.
    clip_limit : float, optional
        Greatest absolute value of the output's integer range, held by lowering the high band.

    Notes
    -----
    At another output rate than 44.1 kHz the high band alone comes from the decoder's rate and is added to the
    received samples, which stay bit for bit what they were.
    """

    def __init__(
        self, decoder: Any, in_rate: int, out_rate: int, channels: int, clip_limit: float | None = None
    ) -> None:
        self._decoder = decoder
        self._to_model = Resampler(in_rate, SAMPLE_RATE, channels)
        self._to_output = Resampler(in_rate, out_rate, channels)
        self._from_model = Resampler(SAMPLE_RATE, out_rate, channels)
        self._at_model_rate = out_rate == SAMPLE_RATE
        self._early = 0 if decoder is None else int(decoder.latency)
        self._model_input = _Queue(channels)
        self._decoded = _Queue(channels)
        self._received = _Queue(channels)
        self._high_band = _Queue(channels)
        self.clip = None
        if decoder is not None and clip_limit is not None:
            self.clip = SoftClip(channels, out_rate, clip_limit)

    def process(self, x: Signal) -> Signal:
        """Take in a block and return what is ready.

        Parameters
        ----------
        x : (channels, samples) float32
            The next received samples, at the input rate.

        Returns
        -------
        (channels, samples) float32
            Extended samples at the output rate; of any length.
        """
        if self._decoder is None:
            return self._to_output.process(x)
        model_input = self._to_model.process(x)
        received = model_input if self._at_model_rate else self._to_output.process(x)
        return self._combine(model_input, self._decoder.process(model_input), received)

    def flush(self) -> Signal:
        """Return the rest, which brings the output to its exact length; call it once.

        Returns
        -------
        (channels, samples) float32
            The last samples.
        """
        if self._decoder is None:
            return self._to_output.flush()
        model_input = self._to_model.flush()
        received = model_input if self._at_model_rate else self._to_output.flush()
        decoded = np.concatenate([self._decoder.process(model_input), self._decoder.flush()], axis=1)
        y = self._combine(model_input, decoded, received, last=True)
        return y if self.clip is None else np.concatenate([y, self.clip.flush()], axis=1)

    def _combine(self, model_input: Signal, decoded: Signal, received: Signal, last: bool = False) -> Signal:
        late = min(self._early, decoded.shape[1])
        self._early -= late
        self._decoded.push(decoded[:, late:])
        self._model_input.push(model_input)
        ready = min(len(self._decoded), len(self._model_input))
        below, total = self._model_input.pop(ready), self._decoded.pop(ready)
        if not self._at_model_rate:
            self._received.push(received)
            self._high_band.push(self._from_model.process(total - below))
            if last:
                self._high_band.push(self._from_model.flush())
                # Rounding two lengths may leave the high band a sample short.
                self._high_band.push(np.zeros_like(received, shape=(received.shape[0], 4)))
            ready = min(len(self._received), len(self._high_band))
            below = self._received.pop(ready)
            total = below + self._high_band.pop(ready)
        return total if self.clip is None else self.clip.process(below, total)


class _Queue:
    """Samples waiting for their counterpart."""

    def __init__(self, channels: int) -> None:
        self._waiting = np.zeros((channels, 0), dtype=np.float32)

    def __len__(self) -> int:
        return int(self._waiting.shape[1])

    def push(self, x: Signal) -> None:
        self._waiting = np.concatenate([self._waiting, x], axis=1)

    def pop(self, samples: int) -> Signal:
        taken, self._waiting = self._waiting[:, :samples], self._waiting[:, samples:]
        return taken
