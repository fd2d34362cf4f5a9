"""A command for work on a cluster, with small shards and nothing in its report that changes with the time."""

import importlib
import signal
import sys

from tests.reliability.command import fix_revision
from tests.reliability.keras_commands import COST


def main() -> int:
    # A shell's background job ignores interrupts, and so would its children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    module, *arguments = sys.argv[1:]
    command = importlib.import_module(module)
    if module.startswith("training."):
        from tests.helpers.made_shards import SHARD_EXAMPLES
        from training.comparison import costs
        from training.examples import shards

        fix_revision()
        shards.SHARD_EXAMPLES = SHARD_EXAMPLES
        costs._measured = lambda path: COST
    return command.main(arguments)


if __name__ == "__main__":
    sys.exit(main())
