"""Named training settings. A preset is a frozen `FitConfig`; the command line may override single fields."""

import dataclasses
import math

from tfbwe.errors import ConfigError
from tfbwe.high_band import HEADS
from tfbwe.models import StftConfig

NEEDED_HEADS = {"two_term": HEADS, "squared_error": ("log_residual",)}
"""The objectives, and the heads that a network must have for each."""
POSITIVE = (
    "hours",
    "epoch_hours",
    "crop_frames",
    "batch_size",
    "learning_rate",
    "clip_norm",
    "valid_crops",
)


@dataclasses.dataclass(frozen=True)
class FitConfig:
    """All that decides a training run.

    Attributes
    ----------
    model : str
        ``stft``.
    network : StftConfig
    objective : str
        ``two_term`` or ``squared_error``.
    coherent_weight : float
        Of the coherent part of ``two_term``, relative to the magnitude part.
    hours : float
        Hours of audio to show, crops drawn anew each time.
    epoch_hours : float
        Hours between two validations and checkpoints.
    crop_frames : int
        Frames of 512 samples in a crop.
    batch_size : int
    learning_rate : float
        Of Adam at its peak, after `warmup` of the steps; it then falls to a hundredth along a cosine.
    warmup : float
        Share of the steps, 0..1.
    weight_decay : float
    clip_norm : float
        Bound of the gradient's norm.
    valid_crops : int
        Number of fixed crops of held-out tracks.

    Raises
    ------
    ConfigError
        If a value is outside its range, or the objective lacks a head of the network.
    """

    model: str = "stft"
    network: StftConfig = dataclasses.field(default_factory=StftConfig)
    objective: str = "two_term"
    coherent_weight: float = 2.0
    hours: float = 100.0
    epoch_hours: float = 1.0
    crop_frames: int = 192
    batch_size: int = 16
    learning_rate: float = 2e-3
    warmup: float = 0.02
    weight_decay: float = 1e-4
    clip_norm: float = 1.0
    valid_crops: int = 128

    def __post_init__(self) -> None:
        if self.model != "stft":
            raise ConfigError(f"model must be stft; got {self.model!r}")
        if self.objective not in NEEDED_HEADS:
            raise ConfigError(f"objective must be {' or '.join(NEEDED_HEADS)}; got {self.objective!r}")
        missing = set(NEEDED_HEADS[self.objective]) - set(self.network.heads)
        if missing:
            raise ConfigError(f"objective {self.objective} needs the head {', '.join(sorted(missing))}")
        for name in POSITIVE:
            value = getattr(self, name)
            if not (value > 0 and math.isfinite(value)):
                raise ConfigError(f"{name} must be above 0; got {value}")
        if not 0 <= self.warmup < 1:
            raise ConfigError(f"warmup must be in [0, 1); got {self.warmup}")
        if not 0 <= self.weight_decay < 1:
            raise ConfigError(f"weight_decay must be in [0, 1); got {self.weight_decay}")


PRESETS = {
    ("stft", "default"): FitConfig(),
    ("stft", "paper"): FitConfig(
        network=StftConfig(heads=("log_residual",), causal=False), objective="squared_error"
    ),
    ("stft", "smoke"): FitConfig(
        network=StftConfig(channels=(4, 4, 4), bottleneck=16, dilations=(1, 2)),
        hours=0.02,
        epoch_hours=0.01,
        crop_frames=32,
        batch_size=4,
        valid_crops=8,
    ),
}


def preset(model: str, name: str) -> FitConfig:
    """Look a preset up; `ConfigError` names those there are."""
    try:
        return PRESETS[model, name]
    except KeyError:
        known = ", ".join(f"{m}/{n}" for m, n in PRESETS)
        raise ConfigError(f"no preset {model}/{name}; there are {known}") from None
