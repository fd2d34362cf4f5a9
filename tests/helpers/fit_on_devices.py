"""Train in a process whose processor counts as several devices: N, then command lines, `--` between them."""

import itertools
import sys

import keras

from training import fit


def main():
    count = int(sys.argv[1])
    if keras.backend.backend() == "jax":
        import jax

        jax.config.update("jax_num_cpu_devices", count)
    else:
        import tensorflow as tf

        (processor,) = tf.config.list_physical_devices("CPU")
        parts = [tf.config.LogicalDeviceConfiguration()] * count
        tf.config.set_logical_device_configuration(processor, parts)
    groups = itertools.groupby(sys.argv[2:], lambda word: word == "--")
    return max(fit.main(list(words)) for between, words in groups if not between)


if __name__ == "__main__":  # not in the processes that draw
    sys.exit(main())
