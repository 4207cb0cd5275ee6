"""What a process logs: lines for people, or JSON for machines; the libraries' messages among them.

Whatever is bound to the context (`structlog.contextvars`), such as the id of a request or of a job, is on
every line that is logged while it is bound, whoever logs it.
"""

import logging
import sys
from collections.abc import Sequence
from enum import StrEnum
from typing import Final, Literal

import structlog
from structlog.typing import Processor

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

QUIET_LEVEL: Final = logging.WARNING
"""Of libraries that tell every heartbeat and every job, which we tell too, and better."""


class LogFormat(StrEnum):
    """How a line looks."""

    AUTO = "auto"
    """For people at a terminal, JSON everywhere else."""

    JSON = "json"
    CONSOLE = "console"

    @property
    def is_json(self) -> bool:
        """Whether it is JSON, here and now."""
        return self is LogFormat.JSON or (self is LogFormat.AUTO and not sys.stderr.isatty())


def configure_logging(*, level: LogLevel, style: LogFormat, quiet: Sequence[str] = ()) -> None:
    """Send every message of this process, whoever logs it, to standard error in one shape.

    Args:
        level: The least that is told.
        style: How a line looks.
        quiet: Libraries that are to tell no more than warnings.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso" if style.is_json else "%H:%M:%S", utc=style.is_json),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(style)],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for library in quiet:
        logging.getLogger(library).setLevel(max(QUIET_LEVEL, logging.getLevelName(level)))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _rendering(style: LogFormat) -> list[Processor]:
    """Return the last processors: what makes a line of an event."""
    if style.is_json:
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    return [
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    ]
