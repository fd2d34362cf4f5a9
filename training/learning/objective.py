"""What the networks are trained to do, in `keras.ops`, so that it runs on TensorFlow and on JAX.

Y is the received spectrum, X the original one. The coherent term C = exp(g) * Y is held to X as a waveform,
the magnitude M = exp(log(|Y| + eps) + r) - eps to |X| on a logarithmic scale.
"""

from typing import Any

import keras
from keras import ops

from tfbwe.band import crossover
from tfbwe.model.features import NORMALISATION

from .presets import SPECTRA
from .transforms import features, log_magnitude, magnitude, spectrum_of
from .two_parts import TwoPartTrainer


def two_term_loss(
    heads: dict[str, Any], received: Any, original: Any, missing: Any, known: Any, gain_weight: Any
) -> tuple[Any, Any]:
    """Coherent error and log-magnitude error of each example.

    Parameters
    ----------
    heads : dict
        ``log_gain`` and ``log_residual``, (batch, frames, bins).
    received, original : pair of (batch, frames, bins)
        Real and imaginary part.
    missing, known : (batch, 1, bins) float32, 0 or 1
        Bins between the cutoff and the track's bandwidth, and bins up to the track's bandwidth.
    gain_weight : (batch, 1, bins) float32, 0..1
        Weight of the gain: the decoder leaves what lies below the crossover alone. A gain that had to be
        learned there too would have to be 1 to a thousandth under the bass before it may be anything else at
        the cutoff.

    Returns
    -------
    coherent, magnitude : (batch,) float32
        0.5 * log10(sum |C - X|^2 / (sum_missing |X|^2 + 1e-6) + 1e-3), and the mean over `known` of
        |log(M + eps) - log(|X| + eps)|, weighted by `gain_weight`.
    """
    gain = 1.0 + (ops.exp(heads["log_gain"]) - 1.0) * gain_weight
    error = (gain * received[0] - original[0]) ** 2 + (gain * received[1] - original[1]) ** 2
    power = original[0] ** 2 + original[1] ** 2
    lost = ops.sum(power * missing, axis=(1, 2))
    ratio = ops.sum(error * known, axis=(1, 2)) / (lost + 1e-6)
    coherent = 0.5 * ops.log10(ratio + 1e-3)
    difference = ops.abs(log_magnitude(*received) + heads["log_residual"] - log_magnitude(*original))
    weight = gain_weight * known
    count = ops.sum(weight, axis=(1, 2)) * ops.cast(ops.shape(difference)[1], "float32")
    distance = ops.sum(difference * weight, axis=(1, 2)) / ops.maximum(count, 1.0)
    return coherent, distance


def squared_error_loss(heads: dict[str, Any], received: Any, original: Any, missing: Any) -> Any:
    """Squared error of the magnitudes above the cutoff over their power, for each example.

    The objective of Miron & Davies (DAFx-18). Parameters as in `two_term_loss`, with the head
    ``log_residual`` alone; returns (batch,) float32.
    """
    predicted = NORMALISATION.raised(magnitude(*received), heads["log_residual"], ops)
    target = magnitude(*original)
    power = ops.sum(target**2 * missing, axis=(1, 2))
    return ops.sum((predicted - target) ** 2 * missing, axis=(1, 2)) / (power + 1e-3)


@keras.saving.register_keras_serializable(package="tfbwe")
class Trainer(TwoPartTrainer):
    """A network with its objective: takes music, computes features on the device, returns the loss.

    Inputs are a dictionary of ``received`` and ``original``, waveforms (batch, samples) float32 in [-1, 1] or
    their spectra (batch, 2, frames, bins) float32, real and imaginary part, and of ``cutoff_hz`` and
    ``bandwidth_hz`` (batch, 1) float32. `kind` is the name of the transform.
    """

    def __init__(
        self, network: keras.Model, objective: str, coherent_weight: float, kind: str, **kwargs: Any
    ) -> None:
        super().__init__(network, dtype="float32", **kwargs)  # waveforms stay float32 under mixed precision
        self.objective = objective
        self.coherent_weight = coherent_weight
        self.kind = kind
        self.transform = SPECTRA[kind](network.input_shape[-1])
        self.coherent = keras.metrics.Mean(name="coherent")
        self.magnitude = keras.metrics.Mean(name="magnitude")

    def call(self, inputs: dict[str, Any], training: bool | None = None) -> Any:
        """Return the two parts of the loss, (batch, 2) float32."""
        received, original = (spectrum_of(self.transform, inputs[name]) for name in ("received", "original"))
        heads = self.network(features(*received), training=training)
        heads = {name: ops.cast(head, "float32") for name, head in heads.items()}
        cutoff_hz, bandwidth_hz = inputs["cutoff_hz"][:, :, None], inputs["bandwidth_hz"][:, :, None]
        hertz = self.transform.frequencies[None, None, :]
        known = ops.cast(hertz + self.transform.reach_hz <= bandwidth_hz, "float32")
        missing = known * ops.cast(hertz > cutoff_hz, "float32")
        if self.objective == "two_term":
            weight = crossover(hertz, cutoff_hz, ops)
            parts = two_term_loss(heads, received, original, missing, known, weight)
        else:
            error = squared_error_loss(heads, received, original, missing)
            parts = (ops.zeros_like(error), error)
        return ops.stack(parts, axis=-1)

    def parts(self) -> list[tuple[float, keras.metrics.Mean]]:
        """Weights and metrics; see the base."""
        return [(self.coherent_weight, self.coherent), (1.0, self.magnitude)]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of `__init__`."""
        own = {"objective": self.objective, "coherent_weight": self.coherent_weight, "kind": self.kind}
        return {**super().get_config(), **own}
