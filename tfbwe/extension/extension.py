"""What all extensions have in common, the cutoff, and what those that run networks have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod

from ..cutoff.tracker import CutoffTracker
from ..errors import ConfigError
from ..model.features import Normalisation
from ..model.step_model import StepModel
from ..model.wave_model import WaveModel
from ..restoration.stream import RestoringStream
from ..stft import FloatArray
from ..transform import TRANSFORMS
from .high_band import HighBand


class Extension(ABC):
    """Makes the high band of a stream by a model.

    Parameters
    ----------
    model : StepModel or WaveModel
    channels : int
    cutoff_hz : float or None
        Where the received band ends; tracked in the stream if ``None``.
    phase
        As for `tfbwe.Decoder`.

    Attributes
    ----------
    latency : int
        Samples by which the high band is late.
    limited_frames : int
        Frames so far whose high band was held below its ceiling.

    Raises
    ------
    ConfigError
        If the model's transform does not have the phase.
    """

    latency: int
    limited_frames: int

    def __init__(
        self, model: StepModel | WaveModel, channels: int, cutoff_hz: float | None, phase: str
    ) -> None:
        transform = model.transform
        if phase not in transform.phases:
            others = [other.name for other in TRANSFORMS.values() if phase in other.phases]
            raise ConfigError(
                f"phase: expected one of {', '.join(transform.phases)} for a {transform.name} model, "
                f"received {phase!r}; {phase} goes with {', '.join(others)} models"
            )
        self.channels = channels
        self._phase = phase
        self._given_cutoff_hz = cutoff_hz
        self._tracker: CutoffTracker | None = None
        self._highest_cutoff_hz = model.manifest.cutoff_range_hz[1]

    def reset(self) -> None:
        """Start anew, as if just made."""
        self._tracker = CutoffTracker() if self._given_cutoff_hz is None else None

    @property
    def cutoff_hz(self) -> float | None:
        """Where the received band ends, in Hz; ``None`` while the stream has not shown it."""
        return self._given_cutoff_hz if self._tracker is None else self._tracker.cutoff_hz

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


class NetworkExtension(Extension):
    """An extension that runs the networks itself: it restores what is left, and synthesises what is missing.

    Parameters
    ----------
    model : StepModel
    channels, cutoff_hz, phase
        As for `Extension`.
    diffuse : float
        Weight of the diffuse term.
    known : (4, 155) float32, optional
        Long-term statistics, as for `tfbwe.restoration.stream.RestoringStream`.
    image_frames : int
        As for `HighBand`.
    """

    def __init__(
        self,
        model: StepModel,
        channels: int,
        cutoff_hz: float | None,
        diffuse: float,
        phase: str,
        known: FloatArray | None = None,
        image_frames: int = 1,
    ) -> None:
        super().__init__(model, channels, cutoff_hz, phase)
        self._model = model
        self._restoring = RestoringStream(model.restoring, known)
        self._normalisation = Normalisation(**model.manifest.normalisation)
        transform = model.transform
        self._high_band = HighBand(
            model.manifest,
            transform.frequencies[: model.bins],
            transform.frame_s,
            channels,
            diffuse,
            image_frames,
        )

    def reset(self) -> None:
        """Start anew, as if just made."""
        super().reset()
        self._model.reset()
        self._restoring.reset()
        self._high_band.reset()

    @property
    def limited_frames(self) -> int:  # type: ignore[override]
        """Frames so far whose high band was held below its ceiling."""
        return self._high_band.limited_frames
