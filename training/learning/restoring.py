"""What the restoring network is trained to do."""

from typing import Any

import keras
from keras import ops

from tfbwe.restoration.statistics import features

SMALLEST = 1e-6
"""Share of the whole power up to which a remaining or a lost power counts as none."""
REMAINING = 0.1
"""Weight of the logarithm of the remaining over the lost power."""


@keras.saving.register_keras_serializable(package="tfbwe")
class RestoringTrainer(keras.Model):  # type: ignore[misc]
    """A restoring network with its objective: takes what `training.examples.restoration` draws."""

    def __init__(self, network: keras.Model, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.network = network
        self.gain = keras.metrics.Mean(name="gain")
        self.remaining = keras.metrics.Mean(name="remaining")
        self.built = True

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

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Mean over examples of the weighted sum of both parts."""
        parts = ops.mean(y_pred, axis=0)
        self.gain.update_state(parts[0])
        self.remaining.update_state(parts[1])
        return parts[0] + REMAINING * parts[1]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of `__init__`."""
        return {"network": keras.saving.serialize_keras_object(self.network), "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "RestoringTrainer":
        """Rebuild from `get_config`."""
        return cls(**{**config, "network": keras.saving.deserialize_keras_object(config["network"])})
