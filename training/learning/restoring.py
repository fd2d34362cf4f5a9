"""What the restoring network is trained to do."""

from typing import Any

import keras
from keras import ops

from tfbwe.restoration.statistics import features

from .two_parts import TwoPartTrainer

SMALLEST = 1e-6
"""Share of the whole power up to which a remaining or a lost power counts as none."""
REMAINING = 0.1
"""Weight of the logarithm of the remaining over the lost power."""


@keras.saving.register_keras_serializable(package="tfbwe")
class RestoringTrainer(TwoPartTrainer):
    """A restoring network with its objective: takes what `training.examples.restoration` draws."""

    def __init__(self, network: keras.Model, **kwargs: Any) -> None:
        super().__init__(network, **kwargs)
        self.gain = keras.metrics.Mean(name="gain")
        self.remaining = keras.metrics.Mean(name="remaining")

    def parts(self) -> list[tuple[float, keras.metrics.Mean]]:
        """Weights and metrics; see the base."""
        return [(1.0, self.gain), (REMAINING, self.remaining)]

    def call(self, inputs: dict[str, Any], training: bool | None = None) -> Any:
        """Return the two parts of the loss, (batch, 2) float32.

        The mean error of the log gain, nepers, over the bands that count, by their Wiener weight; and the
        logarithm of the power that is still wrong over that which the condition took.
        """
        read = features(inputs["moments"], inputs["cutoff_hz"], ops)
        log_gain = ops.cast(self.network(read, training=training), "float32")
        weight, original, received = (inputs[name] for name in ("weight", "original", "received"))
        error = ops.sum(weight * ops.abs(log_gain - inputs["log_gain"]), -1) / (ops.sum(weight, -1) + 1e-3)
        amplitude = ops.sqrt(received / ops.maximum(original, 1e-20))
        gain = 1.0 + (ops.exp(log_gain) - 1.0) * weight
        whole = SMALLEST * ops.sum(original, -1) + 1e-12
        wrong = ops.sum(original * (1.0 - amplitude * gain) ** 2, -1) + whole
        lost = ops.sum(original * (1.0 - amplitude) ** 2, -1) + whole
        return ops.stack([error, ops.log(wrong / lost)], axis=-1)
