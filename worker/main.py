"""Connect, and work until told to stop; a Redis that is not there yet, or goes away, is waited for."""

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

CHATTER: Final = ("rq", "rq.worker", "rq.job", "rq.registry")
"""RQ tells every heartbeat and every job."""

FIRST_WAIT_SECONDS: Final = 0.25
LONGEST_WAIT_SECONDS: Final = 5.0


def main(
    settings: WorkerSettings,
    *,
    pipeline: Pipeline = torch_pipeline,
    prepare: Callable[[], None] = import_torch,
) -> None:
    """Work until SIGTERM or SIGINT: the first ends the worker after its job, the second at once.

    Args:
        settings: What the operator set.
        pipeline: What does the work of a job.
        prepare: Brings what that needs, once.

    Raises:
        SystemExit: The second signal came.
        ValueError: The Redis URL is none.
    """
    configure_logging(level=settings.log_level, style=settings.log_format, quiet=CHATTER)
    configure_computing(settings.threads)
    context = WorkerContext(
        queue=JobQueue.connect(settings.redis_url),
        store_url=settings.store_url,
        device=settings.device,
        pipeline=pipeline,
        prepare=prepare,
    )
    WORKER_CONTEXT.set(context)
    with contextlib.suppress(KeyboardInterrupt):  # a signal while there was no job
        _work_until_stopped(settings, context)
    log.info("worker_stopped")


def _work_until_stopped(settings: WorkerSettings, context: WorkerContext) -> None:
    """Connect again and again, more slowly each time, but at once after some work."""
    wait = FIRST_WAIT_SECONDS
    while True:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        context.prepare()
        began = time.monotonic()
        if _work(settings, context):
            return
        if time.monotonic() - began > LONGEST_WAIT_SECONDS:
            wait = FIRST_WAIT_SECONDS
        log.warning("redis_not_there", next_try_in_seconds=wait)
        time.sleep(wait)
        wait = min(2 * wait, LONGEST_WAIT_SECONDS)


def _work(settings: WorkerSettings, context: WorkerContext) -> bool:
    """Work until a signal (True) or until Redis is lost (False)."""
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
