"""What the extending networks are trained to do, in `keras.ops`, so that it runs on TensorFlow and on JAX.

C is the restored spectrum, empty above the place to which restoring reached, X the original one. The
magnitude M = exp(log(|C| + eps) + r) - eps is held to |X| on a logarithmic scale, and its mean power to that
of X.
"""

from typing import Any

import keras
from keras import ops

from tfbwe.model.features import NORMALISATION

from .presets import LEVEL_BINS
from .transforms import SPECTRA, features, log_magnitude, magnitude, up_to
from .two_parts import TwoPartTrainer

STEEPEST = 2.0
"""Log ratio of powers beyond which their divergence grows no faster: single attacks would rule it."""


def log_magnitude_loss(log_residual: Any, read: Any, original: Any, missing: Any) -> tuple[Any, Any]:
    """Error of the logarithm of the magnitude, and of the level, of each example.

    The median of logarithms lies below the mean of power: a network that minimises the first part alone is
    too quiet by 6 dB. So the second asks for the mean power over time: of all that may follow from what was
    received, the divergence of Itakura and Saito is least at the mean of the power, not of its logarithm.

    Parameters
    ----------
    log_residual : (batch, frames, bins)
    read, original : pair of (batch, frames, bins)
        Real and imaginary part of what the network read and of the music.
    missing : (batch, 1, bins) float32, 0 or 1
        Bins between the cutoff and the track's bandwidth.

    Returns
    -------
    distance, level : (batch,) float32
        The mean over `missing` of |log(M + eps) - log(|X| + eps)|, nepers, and that of the divergence
        p - log(p) - 1 of the ratio p of the mean powers of |X| and M over all frames and `LEVEL_BINS` bins,
        linear beyond p = exp(`STEEPEST`).
    """
    log_m, log_x = log_magnitude(*read) + log_residual, log_magnitude(*original)
    count = ops.sum(missing, axis=(1, 2)) * ops.cast(ops.shape(log_m)[1], "float32")
    distance = ops.sum(ops.abs(log_m - log_x) * missing, axis=(1, 2)) / ops.maximum(count, 1.0)
    there = _in_groups(missing)
    power_m, power_x = (_in_groups(ops.exp(2.0 * x) * missing) for x in (log_m, log_x))
    least = NORMALISATION.epsilon**2
    log_ratio = ops.log(power_x + least) - ops.log(power_m + least)
    near = ops.minimum(log_ratio, STEEPEST)
    divergence = (ops.exp(near) * (1.0 + log_ratio - near) - log_ratio - 1.0) * there
    level = ops.sum(divergence, -1) / ops.maximum(ops.sum(there, -1), 1.0)
    return distance, level


def _in_groups(x: Any) -> Any:
    """Mean (batch, groups) of (batch, frames, bins) over frames and groups of bins."""
    mean = ops.mean(x, axis=1)
    return ops.mean(ops.reshape(mean, (-1, mean.shape[-1] // LEVEL_BINS, LEVEL_BINS)), -1)


def squared_error_loss(log_residual: Any, received: Any, original: Any, missing: Any) -> Any:
    """Squared error of the magnitudes above the cutoff over their power, for each example.

    The objective of Miron & Davies (DAFx-18). Parameters as in `log_magnitude_loss`; returns (batch,)
    float32.
    """
    predicted = NORMALISATION.raised(magnitude(*received), log_residual, ops)
    target = magnitude(*original)
    power = ops.sum(target**2 * missing, axis=(1, 2))
    return ops.sum((predicted - target) ** 2 * missing, axis=(1, 2)) / (power + 1e-3)


@keras.saving.register_keras_serializable(package="tfbwe")
class Trainer(TwoPartTrainer):
    """A network with its objective: takes music, computes features on the device, returns the loss.

    Inputs are a dictionary of ``received`` and ``original``, waveforms (batch, samples) float32 in [-1, 1],
    and of ``cutoff_hz``, ``reach_hz``, above which the network reads nothing, and ``bandwidth_hz`` (batch, 1)
    float32. `kind` is the name of the transform.
    """

    def __init__(
        self, network: keras.Model, objective: str, level_weight: float, kind: str, **kwargs: Any
    ) -> None:
        super().__init__(network, dtype="float32", **kwargs)  # waveforms stay float32 under mixed precision
        self.objective = objective
        self.level_weight = level_weight
        self.kind = kind
        self.transform = SPECTRA[kind](network.input_shape[-1])
        self.magnitude = keras.metrics.Mean(name="magnitude")
        self.level = keras.metrics.Mean(name="level")

    def call(self, inputs: dict[str, Any], training: bool | None = None) -> Any:
        """Return the two parts of the loss, (batch, 2) float32."""
        received, original = (self.transform(inputs[name]) for name in ("received", "original"))
        cutoff_hz, reach_hz, bandwidth_hz = (
            inputs[name][:, :, None] for name in ("cutoff_hz", "reach_hz", "bandwidth_hz")
        )
        hertz = self.transform.frequencies[None, None, :]
        read = up_to(received, hertz, reach_hz)
        log_residual = ops.cast(self.network(features(*read), training=training), "float32")
        known = ops.cast(hertz + self.transform.reach_hz <= bandwidth_hz, "float32")
        missing = known * ops.cast(hertz > cutoff_hz, "float32")
        if self.objective == "log_magnitude":
            parts = log_magnitude_loss(log_residual, read, original, missing)
        else:
            error = squared_error_loss(log_residual, read, original, missing)
            parts = (error, ops.zeros_like(error))
        return ops.stack(parts, axis=-1)

    def parts(self) -> list[tuple[float, keras.metrics.Mean]]:
        """Weights and metrics; see the base."""
        return [(1.0, self.magnitude), (self.level_weight, self.level)]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of `__init__`."""
        own = {"objective": self.objective, "level_weight": self.level_weight, "kind": self.kind}
        return {**super().get_config(), **own}
