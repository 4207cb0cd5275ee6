"""Configuration of logging: human-readable lines or JSON, for xmetra and its libraries.

Values that are bound to the context (`structlog.contextvars`), such as the id of a request or of a job, are
added to all messages that are logged in that context, including those of libraries.
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
"""Level for libraries that log every heartbeat and every job, which xmetra logs itself."""


class LogFormat(StrEnum):
    """Format of log lines."""

    AUTO = "auto"
    """`CONSOLE` if standard error is a terminal, else `JSON`."""

    JSON = "json"
    CONSOLE = "console"

    @property
    def is_json(self) -> bool:
        """Whether lines are JSON, after resolving `AUTO`."""
        return self is LogFormat.JSON or (self is LogFormat.AUTO and not sys.stderr.isatty())


def configure_logging(*, level: LogLevel, style: LogFormat, quiet: Sequence[str] = ()) -> None:
    """Configure logging of structlog and the standard library to standard error in one format.

    Args:
        level: Minimum level of messages.
        style: Format of the lines.
        quiet: Names of loggers that are limited to warnings.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso" if style.is_json else "%H:%M:%S", utc=style.is_json),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderers(style)],
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


def _renderers(style: LogFormat) -> list[Processor]:
    """Return the final processors, which format an event as a line."""
    if style.is_json:
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    return [
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    ]
