"""``python -m tfbwe`` is the command `tfbwe`."""

import sys

from .cli import main

sys.exit(main())
