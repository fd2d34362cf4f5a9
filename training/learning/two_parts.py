"""A network with an objective of two parts, as Keras trains it."""

import abc
from typing import Any

import keras
from keras import ops

from .devices import replicas


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
        """Mean over examples of the weighted sum of both parts; of a part of the batch, its share of that."""
        loss = 0.0
        for values, (weight, metric) in zip(ops.unstack(y_pred, 2, axis=1), self.parts(), strict=True):
            metric.update_state(values)
            loss += weight * ops.mean(values)
        return loss / replicas()

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of `__init__`."""
        return {"network": keras.saving.serialize_keras_object(self.network), "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "TwoPartTrainer":
        """Rebuild from `get_config`."""
        return cls(**{**config, "network": keras.saving.deserialize_keras_object(config["network"])})
