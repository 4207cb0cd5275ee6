"""Entry point of the worker: works until a signal, and reconnects whenever Redis is unavailable."""

import contextlib
import signal
import time
from collections.abc import Callable
from typing import Final

import structlog
from redis.exceptions import RedisError

from core.errors import QueueUnavailable
from core.jobqueue.queue import JobQueue
from core.system.compute import configure_computing
from core.system.logging import configure_logging
from worker.settings import WorkerSettings
from worker.supervisor import Supervisor, waiting_connection
from worker.tasks import WORKER_CONTEXT, Pipeline, WorkerContext, import_torch, torch_pipeline

log = structlog.get_logger(__name__)

QUIET_LOGGERS: Final = ("rq", "rq.worker", "rq.job", "rq.registry")
"""RQ's loggers, limited to warnings: they log every heartbeat and every job."""

MIN_RETRY_SECONDS: Final = 0.25
MAX_RETRY_SECONDS: Final = 5.0


def main(
    settings: WorkerSettings,
    *,
    pipeline: Pipeline = torch_pipeline,
    prepare: Callable[[], None] = import_torch,
) -> None:
    """Work until SIGTERM or SIGINT: the first ends the worker after its job, the second at once.

    Args:
        settings: The settings.
        pipeline: Runs a job.
        prepare: Imports what the pipeline needs, before the first job.

    Raises:
        SystemExit: A second signal arrived.
        ValueError: The Redis URL is invalid.
    """
    configure_logging(level=settings.log_level, style=settings.log_format, quiet=QUIET_LOGGERS)
    configure_computing(settings.threads)
    context = WorkerContext(
        queue=JobQueue.connect(settings.redis_url),
        store_url=settings.store_url,
        device=settings.device,
        pipeline=pipeline,
        prepare=prepare,
    )
    WORKER_CONTEXT.set(context)
    with contextlib.suppress(KeyboardInterrupt):  # a signal between jobs
        _work_until_stopped(settings, context)
    log.info("worker_stopped")


def _work_until_stopped(settings: WorkerSettings, context: WorkerContext) -> None:
    """Reconnect with exponential backoff, which restarts after a connection that lasted."""
    wait = MIN_RETRY_SECONDS
    while True:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        context.prepare()
        started_at = time.monotonic()
        if _work(settings, context):
            return
        if time.monotonic() - started_at > MAX_RETRY_SECONDS:
            wait = MIN_RETRY_SECONDS
        log.warning("redis_not_there", next_try_in_seconds=wait)
        time.sleep(wait)
        wait = min(2 * wait, MAX_RETRY_SECONDS)


def _work(settings: WorkerSettings, context: WorkerContext) -> bool:
    """Work on one connection; return True after a signal, False if Redis became unavailable."""
    connection = waiting_connection(settings.redis_url)
    try:
        context.queue.ping()
        supervisor = Supervisor(
            context,
            connection=connection,
            job_timeout_seconds=settings.job_timeout_seconds,
            grace_seconds=settings.cancel_grace_seconds,
            lost_after_seconds=settings.lost_after_seconds,
            max_attempts=settings.max_attempts,
        )
        log.info("worker_ready", queue=context.queue.name, store=settings.store_url, device=settings.device)
        supervisor.work(logging_level=None)
        return supervisor.is_stopping
    except (RedisError, QueueUnavailable) as error:
        log.warning("redis_failed", reason=str(error))
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    main(WorkerSettings())
