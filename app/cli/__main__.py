"""Entry point of ``python -m app.cli``."""

from app.cli.application import main

main()
