"""The command line where it is to fail."""

from __future__ import annotations

import pytest


@pytest.fixture
def failing(capsys):
    """Return a way to run the command line that expects an error, and returns its one line."""

    def run(*argv):
        capsys.readouterr()
        from export import cli

        assert cli.main([str(argument) for argument in argv]) == 1
        errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("tfbwe-export: ")]
        assert len(errors) == 1
        return errors[0]

    return run
