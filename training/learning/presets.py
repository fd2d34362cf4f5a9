"""Named training settings. A preset is a frozen `FitConfig`; the command line may override single fields."""

import ast
import dataclasses
import math
from typing import Any

from tfbwe.errors import ConfigError
from tfbwe.network.run_folder import RESTORE
from tfbwe.network.shapes import AutoencoderConfig, RestorerConfig
from tfbwe.stft import SAMPLE_RATE
from tfbwe.transform import TRANSFORMS, Transform

OBJECTIVES = ("log_magnitude", "squared_error")
"""The second is that of the paper, whose networks read what was received as it is."""
LEVEL_BINS = 16
"""Bins or bands of the transform in which the mean power is held to that of the music."""
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
        Name of the transform, one of `tfbwe.transform.TRANSFORMS`.
    network : AutoencoderConfig
    objective : str
        One of `OBJECTIVES`.
    level_weight : float
        Of the level in ``log_magnitude``, relative to the magnitude.
    hours : float
        Hours of audio to show, crops drawn anew each time.
    epoch_hours : float
        Hours between two validations and checkpoints.
    crop_frames : int
        STFT frames in a crop. A CQT network always takes one block.
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
        If a value is outside its range.
    """

    model: str = "stft"
    network: AutoencoderConfig = dataclasses.field(default_factory=AutoencoderConfig)
    objective: str = "log_magnitude"
    level_weight: float = 1.0
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
        if self.model not in TRANSFORMS:
            raise ConfigError(f"model must be {' or '.join(TRANSFORMS)}; got {self.model!r}")
        frames, most = self._transform.frames, len(self._transform.frequencies)
        if self.network.frames != frames or self.network.bins > most:
            raise ConfigError(
                f"the {self.model} needs a network of frames={frames} and bins up to {most}; "
                f"received {self.network.frames} and {self.network.bins}"
            )
        if self.objective not in OBJECTIVES:
            raise ConfigError(f"objective must be {' or '.join(OBJECTIVES)}; got {self.objective!r}")
        if self.restores and self.network.bins % LEVEL_BINS:
            raise ConfigError(
                f"objective {self.objective} needs bins in groups of {LEVEL_BINS}; got {self.network.bins}"
            )
        _check(self, POSITIVE)

    @property
    def restores(self) -> bool:
        """Whether the network reads what was restored, and nothing above."""
        return self.objective == "log_magnitude"

    @property
    def epochs(self) -> int:
        """Stretches of training between two validations."""
        return max(1, round(self.hours / self.epoch_hours))

    @property
    def epoch_steps(self) -> int:
        """Steps of each."""
        return max(1, round(self.epoch_hours * 3600 / self.step_seconds))

    @property
    def step_seconds(self) -> float:
        """Seconds of audio that a step shows."""
        return self.crop_samples / SAMPLE_RATE * self.batch_size

    @property
    def crop_samples(self) -> int:
        """Length of a crop."""
        return self._transform.crop_samples(self.crop_frames)

    @property
    def _transform(self) -> Transform:
        return TRANSFORMS[self.model]


@dataclasses.dataclass(frozen=True)
class RestoreConfig:
    """All that decides a run that trains the restoring network.

    Attributes
    ----------
    model : str
        ``restore``.
    network : RestorerConfig
    filters : int
        How many different ones the music goes through.
    epochs, epoch_steps : int
        Stretches of training between two validations, and steps of each.
    valid_crops : int
        Number of fixed examples of held-out tracks.
    batch_size, learning_rate, warmup, weight_decay, clip_norm
        As in `FitConfig`.

    Raises
    ------
    ConfigError
        If a value is outside its range.
    """

    model: str = RESTORE
    network: RestorerConfig = dataclasses.field(default_factory=RestorerConfig)
    filters: int = 12000
    epochs: int = 20
    epoch_steps: int = 1000
    batch_size: int = 48
    learning_rate: float = 2e-3
    warmup: float = 0.02
    weight_decay: float = 1e-4
    clip_norm: float = 1.0
    valid_crops: int = 1024

    def __post_init__(self) -> None:
        if self.model != RESTORE:
            raise ConfigError(f"model must be {RESTORE}; got {self.model!r}")
        _check(
            self,
            ("filters", "epochs", "epoch_steps", "batch_size", "learning_rate", "clip_norm", "valid_crops"),
        )

    @property
    def step_seconds(self) -> float:
        """Seconds of audio whose statistics a step shows, on average."""
        return 5.4 * self.batch_size


def _check(config: "FitConfig | RestoreConfig", positive: tuple[str, ...]) -> None:
    """Refuse values outside their range."""
    for name in positive:
        value = getattr(config, name)
        if not (value > 0 and math.isfinite(value)):
            raise ConfigError(f"{name} must be above 0; got {value}")
    if not 0 <= config.warmup < 1:
        raise ConfigError(f"warmup must be in [0, 1); got {config.warmup}")
    if not 0 <= config.weight_decay < 1:
        raise ConfigError(f"weight_decay must be in [0, 1); got {config.weight_decay}")


_CQT = AutoencoderConfig(
    bins=400,
    frames=TRANSFORMS["cqt"].frames,
    time_stride=4,
    channels=(12, 24),
    kernels=(9, 25),  # the second spans two octaves of 12 groups
    strides=(4, 5),
    bottleneck=96,
    dilations=(1, 2, 4, 8, 16),
    causal=False,
)

PRESETS: dict[tuple[str, str], FitConfig | RestoreConfig] = {
    ("stft", "default"): FitConfig(),
    ("stft", "paper"): FitConfig(network=AutoencoderConfig(causal=False), objective="squared_error"),
    ("stft", "smoke"): FitConfig(
        network=AutoencoderConfig(channels=(4, 4, 4), bottleneck=16, dilations=(1, 2)),
        hours=0.02,
        epoch_hours=0.01,
        crop_frames=32,
        batch_size=4,
        valid_crops=8,
    ),
    ("cqt", "default"): FitConfig(
        model="cqt", network=dataclasses.replace(_CQT, dropout=0.15), batch_size=48, valid_crops=384
    ),
    ("cqt", "paper"): FitConfig(
        model="cqt",
        network=_CQT,
        objective="squared_error",
        batch_size=48,
        valid_crops=384,
    ),
    ("cqt", "smoke"): FitConfig(
        model="cqt",
        network=dataclasses.replace(_CQT, channels=(4, 4), bottleneck=8, dilations=(1, 2)),
        hours=0.01,
        epoch_hours=0.005,
        batch_size=4,
        valid_crops=8,
    ),
    (RESTORE, "default"): RestoreConfig(),
    (RESTORE, "smoke"): RestoreConfig(
        network=RestorerConfig(channels=8, dilations=(1, 4), pooled=8),
        filters=200,
        epochs=2,
        epoch_steps=20,
        batch_size=16,
        valid_crops=64,
    ),
}


def preset(model: str, name: str) -> FitConfig | RestoreConfig:
    """Look a preset up; `ConfigError` names those there are."""
    try:
        return PRESETS[model, name]
    except KeyError:
        known = ", ".join(f"{m}/{n}" for m, n in PRESETS)
        raise ConfigError(f"no preset {model}/{name}; there are {known}") from None


def overridden(config: FitConfig | RestoreConfig, settings: list[str]) -> FitConfig | RestoreConfig:
    """Apply ``key=value`` settings to a configuration; unknown keys are a `ConfigError`."""
    for setting in settings:
        key, _, text = setting.partition("=")
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            value = text
        group, _, name = key.rpartition(".")
        target: Any = config.network if group == "network" else config
        known = [field.name for field in dataclasses.fields(target)]
        if group not in ("", "network") or name not in known or key == "network":
            raise ConfigError(f"--set {setting}: unknown key; there are {', '.join(known)}")
        expected = getattr(target, name)
        if isinstance(expected, float) and type(value) is int:
            value = float(value)
        if type(value) is not type(expected):
            raise ConfigError(f"--set {setting}: expected a value like {expected!r}")
        changed = dataclasses.replace(target, **{name: value})
        config = dataclasses.replace(config, network=changed) if group else changed
    return config
