"""Train in a process whose processor counts as several devices: N, then command lines, `--` between them."""

import itertools
import sys

import keras

from training import fit

COUNT = int(sys.argv[1])
if keras.backend.backend() == "jax":
    import jax

    jax.config.update("jax_num_cpu_devices", COUNT)
else:
    import tensorflow as tf

    (processor,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * COUNT)

groups = itertools.groupby(sys.argv[2:], lambda word: word == "--")
sys.exit(max(fit.main(list(words)) for between, words in groups if not between))
