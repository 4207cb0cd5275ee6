"""What a worker logs: lines for people, or JSON for machines; the libraries' messages among them."""

import logging
import sys

import structlog
from structlog.typing import Processor

RQ_LEVEL = logging.WARNING
"""RQ tells every heartbeat and every job, which we tell too, and better."""


def configure_logging(*, level: str, as_json: bool) -> None:
    """Send every message of this process, whoever logs it, to standard error in one shape.

    Args:
        level: The least that is told, such as ``INFO``.
        as_json: One JSON object a line.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso" if as_json else "%H:%M:%S", utc=as_json),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(as_json)],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for library in ("rq", "rq.worker", "rq.job", "rq.registry"):
        logging.getLogger(library).setLevel(max(RQ_LEVEL, logging.getLevelName(level)))
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


def _rendering(as_json: bool) -> list[Processor]:
    """Return the last processors: what makes a line of an event."""
    if as_json:
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    return [
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    ]
