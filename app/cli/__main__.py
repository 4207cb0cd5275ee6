"""``python -m app.cli`` is ``xmetra``."""

from app.cli.application import main

main()
