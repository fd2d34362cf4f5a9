"""A network with an objective of two parts, as Keras trains it."""

import abc
from typing import Any

import keras
from keras import ops


class TwoPartTrainer(keras.Model, abc.ABC):  # type: ignore[misc]
    """A network whose `call` returns the two parts of its loss, (batch, 2) float32.

    A subclass makes a metric for each part; weights and metrics are in `parts`.
    """

    def __init__(self, network: keras.Model, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.network = network
        self.built = True  # the network is: so a saved optimiser state finds its variables again

    @abc.abstractmethod
    def parts(self) -> list[tuple[float, keras.metrics.Mean]]:
        """Weight of each part in the loss, and the metric that shows it."""

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Mean over examples of the weighted sum of both parts."""
        loss = 0.0
        for value, (weight, metric) in zip(
            ops.unstack(ops.mean(y_pred, axis=0), 2), self.parts(), strict=True
        ):
            metric.update_state(value)
            loss += weight * value
        return loss

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of `__init__`."""
        return {"network": keras.saving.serialize_keras_object(self.network), "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "TwoPartTrainer":
        """Rebuild from `get_config`."""
        return cls(**{**config, "network": keras.saving.deserialize_keras_object(config["network"])})
