"""Named training settings. A preset is a frozen `FitConfig`; the command line may override single fields."""

import dataclasses

from tfbwe.errors import ConfigError
from tfbwe.models import StftConfig


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
    """

    model: str = "stft"
    network: StftConfig = StftConfig()
    objective: str = "two_term"
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
        if self.objective not in ("two_term", "squared_error"):
            raise ConfigError(f"objective must be two_term or squared_error; got {self.objective!r}")
        for name in ("hours", "epoch_hours", "crop_frames", "batch_size", "learning_rate", "valid_crops"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"{name} must be above 0; got {getattr(self, name)}")


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
