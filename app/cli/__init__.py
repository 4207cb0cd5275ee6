"""The command line: ``xmetra …``. It needs no torch, so ``--help`` answers at once."""

from app.cli.application import main

__all__ = ["main"]
