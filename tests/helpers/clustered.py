"""A command for work on a cluster, with small shards and nothing in its report that changes with the time."""

import importlib
import sys

from tests.reliability.command import fix_revision
from tests.reliability.keras_commands import COST


def main() -> int:
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
