"""The optimiser: AdamW, which clips the gradient of the whole batch, on however many devices."""

from typing import Any

import keras

from .devices import replicas


@keras.saving.register_keras_serializable(package="tfbwe")
class AdamW(keras.optimizers.AdamW):  # type: ignore[misc]
    """AdamW of Keras, which on TensorFlow clips what each device computed on its part, before the sum."""

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        """Update the variables; within a step of several devices first sum and clip."""
        if (parts := replicas()) > 1:
            import tensorflow as tf

            # Keras sums what it is given once more; to clip a part of what was clipped changes nothing.
            whole = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, list(grads))
            grads = [tf.clip_by_norm(gradient, self.clipnorm) / parts for gradient in whole]
        super().apply(grads, trainable_variables)
