"""Data-parallel training: what ``--devices`` asks for, and how TensorFlow and JAX do it.

A batch is that of the preset whatever the number of devices: each computes on an equal part of it, and the
gradients are averaged. In one process that is `keras.distribution.DataParallel` on JAX and
`tf.distribute.MirroredStrategy` on TensorFlow. Several processes need JAX: `keras.Model.fit` of Keras 3 fails
under `tf.distribute.MultiWorkerMirroredStrategy`.
"""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from tfbwe.console import counted
from tfbwe.errors import ConfigError

from ..arguments import Wanted

CONNECT_S = 300
"""How long the processes wait for each other at the start."""
SILENT_S = 100
"""After so long without a sign of life of one process the others end, where its connections did not."""

Batch = dict[str, npt.NDArray[np.float32]]


@dataclasses.dataclass(frozen=True)
class Devices:
    """The devices that share the work, and this process's part.

    Attributes
    ----------
    names : list of str
        Of the devices that compute, of all processes.
    process, processes : int
        Number of this process, and how many there are.
    unused : int
        Devices of this machine that do not compute.
    """

    names: list[str]
    process: int = 0
    processes: int = 1
    unused: int = 0

    @property
    def chief(self) -> bool:
        """Whether this process is the one that writes."""
        return self.process == 0

    def __str__(self) -> str:
        own = self.names[self._part(len(self.names)).start :][: len(self.names) // self.processes]
        text = ", ".join(own)
        if self.processes > 1:
            return f"{text}, process {self.process} of {self.processes}, {len(self.names)} devices in all"
        if self.unused:
            every = len(self.names) + self.unused
            return f"{text}, of {every} devices (--devices {every} takes all)"
        return text

    def _part(self, count: int) -> range:
        """Places of this process among `count`, which the number of processes divides."""
        each = count // self.processes
        return range(self.process * each, (self.process + 1) * each)

    def rows(self, batch_size: int) -> range:
        """Places in the batch whose examples this process draws; `ConfigError` if they do not divide."""
        self._check(batch_size, "batch", "batch_size")
        return self._part(batch_size)

    def held_out(self, examples: Batch, batch_size: int) -> tuple[Batch, int]:
        """Give the examples that this process validates on, and in what batches; all where it is alone.

        Every batch is whole, up to `batch_size` long over all processes, so that it divides among the
        devices. `ConfigError` if the examples do not.
        """
        count = len(next(iter(examples.values())))
        self._check(count, "held-out part", "valid_crops")
        if len(self.names) == 1:
            return examples, batch_size
        whole = max(n for n in range(len(self.names), batch_size + 1, len(self.names)) if count % n == 0)
        own = self._part(whole)
        rows = np.arange(count).reshape(-1, whole)[:, own].ravel()
        return {name: array[rows] for name, array in examples.items()}, len(own)

    def _check(self, count: int, what: str, setting: str) -> None:
        if count % len(self.names):
            raise ConfigError(
                f"--devices: {len(self.names)} devices cannot share the {what} of {count} equally; take a "
                f"number that divides it, or --set {setting}=..."
            )

    def agree(self, values: dict[str, Any]) -> None:
        """Wait for the other processes; `ConfigError` in all if one has other values."""
        if self.processes == 1:
            return
        from jax.experimental import multihost_utils

        digests = [
            hashlib.sha256(json.dumps(value, default=str).encode()).digest() for value in values.values()
        ]
        found = multihost_utils.process_allgather(np.frombuffer(b"".join(digests), np.uint8))
        for process, its in enumerate(np.reshape(found, (self.processes, len(values), -1))):
            for name, mine, first in zip(values, its, np.reshape(found[0], (len(values), -1)), strict=True):
                if not np.array_equal(mine, first):
                    raise ConfigError(
                        f"process {process} has another {name} than process 0, here it is {values[name]}; "
                        "expected the same options, music and --run folder in every process"
                    )

    @contextlib.contextmanager
    def one_first(self) -> Iterator[None]:
        """Let process 0 do what follows before the others: what it writes beside the music, they find."""
        if not self.chief:
            self.agree({"place": ""})
        yield
        if self.chief:
            self.agree({"place": ""})


@contextlib.contextmanager
def opened(asked: Wanted) -> Iterator[Devices]:
    """Take the devices, to make or load a trainer and fit it; needs Keras, and that nothing was computed yet.

    Raises
    ------
    ConfigError
        If there are not as many devices, if this backend cannot, or if the processes do not find each other;
        later, if the connection to another process breaks.
    """
    with contextlib.ExitStack() as stack:
        if asked.processes > 1:
            _check_backend(asked)  # before anything that would change how this process ends
            stack.enter_context(_ending_together(asked))
            _connect(asked)
        devices = _found(asked)
        stack.enter_context(_sharing(devices))
        yield devices


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Let one process do something by itself: Keras makes variables when it saves, else with all others."""
    shared = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(shared)


def _found(asked: Wanted) -> Devices:
    names = keras.distribution.list_devices()
    backend = keras.backend.backend()
    if asked.processes == 1:
        if asked.devices > len(names):
            raise ConfigError(
                f"--devices {asked.devices}: expected up to {counted(len(names), 'device')} of this machine, "
                f"{backend} finds {', '.join(names)}"
            )
        return Devices(names[: asked.devices], unused=len(names) - asked.devices)
    import jax

    devices = Devices(names, asked.process, asked.processes)
    devices.agree({"number of devices": jax.local_device_count()})
    return devices


def _sharing(devices: Devices) -> contextlib.AbstractContextManager[Any]:
    """Let Keras put variables and batches made within on all devices."""
    if len(devices.names) == 1:
        return contextlib.nullcontext()
    if keras.backend.backend() == "jax":
        shared = keras.distribution.DataParallel(devices=devices.names, auto_shard_dataset=False)
        return shared.scope()  # type: ignore[no-any-return]
    import tensorflow as tf

    return tf.distribute.MirroredStrategy([f"/{name}" for name in devices.names]).scope()  # type: ignore[no-any-return]


def replicas() -> int:
    """Into how many parts a batch is divided, seen from within a training step.

    More than 1 only on TensorFlow, where each device runs the step on its part and gradients are summed. On
    JAX there is one step for the whole batch, and the compiler divides it.
    """
    if keras.backend.backend() != "tensorflow":
        return 1
    import tensorflow as tf

    return int(tf.distribute.get_strategy().num_replicas_in_sync)


def _check_backend(asked: Wanted) -> None:
    if keras.backend.backend() != "jax":
        raise ConfigError(
            f"--devices {asked.process}/{asked.processes}@{asked.address}: Keras trains in several processes "
            f"on JAX alone, not on {keras.backend.backend()}; set KERAS_BACKEND=jax, or take the devices of "
            "one machine with --devices N"
        )


def _connect(asked: Wanted) -> None:
    """Find the other processes."""
    import jax

    print(
        f"waiting up to {CONNECT_S} s for all {asked.processes} processes at {asked.address}", file=sys.stderr
    )  # JAX ends this one with messages of its own if they do not come
    # With it JAX catches SIGTERM, and goes on.
    jax.config.update("jax_enable_preemption_service", False)  # type: ignore[no-untyped-call]
    try:
        jax.distributed.initialize(
            asked.address,
            asked.processes,
            asked.process,
            cluster_detection_method="deactivate",
            initialization_timeout=CONNECT_S,
            heartbeat_timeout_seconds=SILENT_S,
        )
    except (RuntimeError, OSError) as error:
        raise ConfigError(
            f"--devices: expected all {asked.processes} processes at {asked.address} within {CONNECT_S} s, "
            f"each with its number; {_first_line(error)}"
        ) from None


@contextlib.contextmanager
def _ending_together(asked: Wanted) -> Iterator[None]:
    """After an error, end this process without waiting: connections to it break, and the others end."""
    failed: list[int] = []

    def leave() -> None:  # registered here, it runs before that of JAX, which waits for the other processes
        if failed:
            sys.stdout.flush()
            sys.stderr.flush()
            time.sleep(0 if asked.process else 1)  # all talk to process 0: it goes last
            os._exit(failed[0])

    atexit.register(leave)
    try:
        yield
    except BaseException as error:
        failed.append(130 if isinstance(error, KeyboardInterrupt) else 1)
        if isinstance(error, RuntimeError):  # of JAX
            raise ConfigError(
                f"process {asked.process} of {asked.processes} ends: another one did, or cannot be reached; "
                f"see what that said, then go on with --resume in all; {_first_line(error)}"
            ) from None
        raise


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0][:200]
