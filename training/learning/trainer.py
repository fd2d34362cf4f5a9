"""A network with its objective, optimiser and schedule: made new, or loaded to go on."""

from pathlib import Path

import keras

from tfbwe.errors import ModelError
from tfbwe.network.autoencoder import autoencoder
from tfbwe.network.restorer import restorer

from .objective import Trainer
from .optimizer import AdamW
from .presets import FitConfig, RestoreConfig
from .restoring import RestoringTrainer


def new_trainer(config: FitConfig | RestoreConfig, steps: int) -> keras.Model:
    """Build an untrained network with its objective, optimiser and schedule over `steps` steps."""
    warmup = max(1, round(config.warmup * steps))
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=config.learning_rate / 100,
        decay_steps=max(1, steps - warmup),
        alpha=0.01,
        warmup_target=config.learning_rate,
        warmup_steps=warmup,
    )
    trainer = _untrained(config)
    trainer.compile(
        optimizer=AdamW(schedule, weight_decay=config.weight_decay, clipnorm=config.clip_norm, beta_2=0.99),
        jit_compile=compiled(),
    )
    return trainer


def _untrained(config: FitConfig | RestoreConfig) -> keras.Model:
    """Build a network with its objective."""
    if isinstance(config, RestoreConfig):
        return RestoringTrainer(restorer(config.network))
    return Trainer(autoencoder(config.network), config.objective, config.level_weight, config.model)


def load_trainer(checkpoint: Path) -> keras.Model:
    """Load a network with its objective and the state of its optimiser; `ModelError` if it is damaged."""
    try:
        trainer = keras.models.load_model(checkpoint, custom_objects={"AdamW": AdamW})
    except Exception as error:  # Keras raises whatever the damaged part happens to raise
        raise ModelError(f"{checkpoint}: not a checkpoint that training can go on from: {error}") from None
    trainer.jit_compile = compiled()  # of this backend, not of the one that saved it
    return trainer


def compiled() -> bool:
    """Whether a training step is compiled by XLA: JAX is unusable without."""
    return bool(keras.backend.backend() == "jax")
