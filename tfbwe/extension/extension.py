"""What the extensions of all transforms have in common: network, cutoff, limits, and the high band itself."""

from __future__ import annotations

from abc import ABC, abstractmethod

from ..cutoff.tracker import CutoffTracker
from ..errors import ConfigError
from ..model.features import Normalisation
from ..model.step_model import StepModel
from ..stft import FloatArray
from ..transform import TRANSFORMS
from .high_band import HighBand


class Extension(ABC):
    """Makes the high band of a stream by a model.

    Parameters
    ----------
    model : StepModel
    channels : int
    cutoff_hz : float or None
        Where the received band ends; tracked in the stream if ``None``.
    diffuse, phase
        As for `tfbwe.Decoder`.
    image_frames : int
        As for `HighBand`.

    Attributes
    ----------
    latency : int
        Samples by which the high band is late.

    Raises
    ------
    ConfigError
        If the model's transform does not have the phase.
    """

    latency: int

    def __init__(
        self,
        model: StepModel,
        channels: int,
        cutoff_hz: float | None,
        diffuse: float,
        phase: str,
        image_frames: int = 1,
    ) -> None:
        transform = model.transform
        if phase not in transform.phases:
            others = [other.name for other in TRANSFORMS.values() if phase in other.phases]
            raise ConfigError(
                f"phase: expected one of {', '.join(transform.phases)} for a {transform.name} model, "
                f"received {phase!r}; {phase} goes with {', '.join(others)} models"
            )
        self.channels = channels
        self._model = model
        self._phase = phase
        self._given_cutoff_hz = cutoff_hz
        self._tracker: CutoffTracker | None = None
        self._highest_cutoff_hz = model.manifest.cutoff_range_hz[1]
        self._normalisation = Normalisation(**model.manifest.normalisation)
        frequencies = transform.frequencies[: model.bins]
        self._high_band = HighBand(
            model.manifest, frequencies, transform.frame_s, channels, diffuse, image_frames
        )

    def reset(self) -> None:
        """Start anew, as if just made."""
        self._model.reset()
        self._high_band.reset()
        self._tracker = CutoffTracker() if self._given_cutoff_hz is None else None

    @property
    def cutoff_hz(self) -> float | None:
        """Where the received band ends, in Hz; ``None`` while the stream has not shown it."""
        return self._given_cutoff_hz if self._tracker is None else self._tracker.cutoff_hz

    @property
    def limited_frames(self) -> int:
        """Frames so far whose high band was held below its ceiling."""
        return self._high_band.limited_frames

    @abstractmethod
    def process(self, x: FloatArray, lost: int) -> FloatArray:
        """Take in the next samples and return the high band of earlier ones.

        Parameters
        ----------
        x : (channels, samples) float32
            Of any length; silence where they were lost.
        lost : int
            How many samples in a row were lost up to the end of these, 0 if these were received.

        Returns
        -------
        (channels, samples) float32
        """
