"""Run under another Keras backend: print that backend and the parts of the loss of a saved trainer."""

import json
import sys

import keras
import numpy as np

from tfbwe.network import layers  # noqa: F401
from training.learning import objective  # noqa: F401

trainer = keras.models.load_model(sys.argv[1], compile=False)
with np.load(sys.argv[2]) as inputs:
    parts = trainer(dict(inputs), training=False)
print(json.dumps([keras.backend.backend(), keras.ops.convert_to_numpy(parts).tolist()]))
