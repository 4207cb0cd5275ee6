"""The command line ``xmetra``."""

from app.cli.application import main

__all__ = ["main"]
