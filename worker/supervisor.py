"""The parent process of a worker: forks for every job, monitors the fork, and records how it died."""

import time
from types import FrameType, TracebackType
from typing import Final, cast

import structlog
from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.client import PubSubWorkerThread
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue, Worker
from rq.exceptions import AbandonedJobError
from rq.executions import Execution
from rq.job import Job
from rq.serializers import JSONSerializer

from core.contracts.jobs import Problem
from core.errors import QueueUnavailable
from core.system.processes import die_with_parent
from worker import failures
from worker.recovery import Recovery
from worker.tasks import WorkerContext, close_failed_job

log = structlog.get_logger(__name__)

MONITOR_INTERVAL_SECONDS: Final = 1
"""Time between two checks of the fork; RQ counts in whole seconds."""

RQ_DEQUEUE_MARGIN_SECONDS: Final = 15
"""RQ waits for a job for the worker's time to live minus this, and runs its maintenance between two waits."""


class Supervisor(Worker):
    """RQ's forking worker, extended to kill jobs that do not stop and to close the record of every job.

    Args:
        context: The worker's queue, store, device and pipeline.
        connection: A separate Redis connection, which may block longer than the API's timeouts allow.
        job_timeout_seconds: Time limit of a job, or None for the limit it was queued with.
        grace_seconds: Time a job gets to stop by itself before it is killed.
        lost_after_seconds: Time without a heartbeat after which this worker counts as dead.
        max_attempts: Attempts after which a lost job fails.

    Attributes:
        is_stopping: Whether a signal asked the worker to stop.
    """

    max_connection_wait_time = 5.0

    def __init__(
        self,
        context: WorkerContext,
        *,
        connection: Redis,
        job_timeout_seconds: int | None,
        grace_seconds: float,
        lost_after_seconds: int,
        max_attempts: int,
    ) -> None:
        self._recovery = Recovery(context, lost_after_seconds=lost_after_seconds, max_attempts=max_attempts)
        queue = Queue(context.queue.name, connection=connection, serializer=JSONSerializer)
        super().__init__(
            [queue],
            connection=connection,
            serializer=JSONSerializer,
            worker_ttl=self._recovery.interval_seconds + RQ_DEQUEUE_MARGIN_SECONDS,
            maintenance_interval=self._recovery.interval_seconds,
            job_monitoring_interval=MONITOR_INTERVAL_SECONDS,
            exception_handlers=[self._close_record],
        )
        self.is_stopping = False
        self._context = context
        self._job_timeout_seconds = job_timeout_seconds
        self._grace_seconds = grace_seconds
        self._lost_after_seconds = lost_after_seconds
        self._started_at = 0.0
        self._cancelled_at: float | None = None
        self._kill_reason: Problem | None = None

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Fork for a job and wait for its end; log entries of both processes contain the job's id."""
        if self._job_timeout_seconds is not None:
            job.timeout = self._job_timeout_seconds
        self._started_at, self._cancelled_at, self._kill_reason = time.monotonic(), None, None
        with structlog.contextvars.bound_contextvars(**_log_context(job)):
            try:
                super().execute_job(job, queue)
            except SystemExit:  # raised by the second signal, after the fork was killed
                close_failed_job(job.id, failures.STOPPED_WORKER, self._context)
                raise

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        """Run a job in the fork, which dies with its parent: no other process would monitor it."""
        assert self.pid is not None
        die_with_parent(self.pid)
        super().main_work_horse(job, queue)

    def maintain_heartbeats(self, job: Job, execution: Execution) -> None:
        """Send the job's heartbeats, and kill the job if it must not run on; RQ calls this every second."""
        try:
            super().maintain_heartbeats(job, execution)
        except RedisError as error:  # Redis may return; the fork must still be monitored
            log.warning("heartbeat_failed", job_id=job.id, reason=str(error))
        reason = self._kill_reason or self._find_kill_reason(job)
        if reason is not None:
            self._kill_reason = reason
            log.warning("job_killed", job_id=job.id, reason=reason.detail)
            self.kill_horse()

    def _find_kill_reason(self, job: Job) -> Problem | None:
        """Return why the job must be killed now, or None if it may run on."""
        now = time.monotonic()
        seconds = now - self._started_at
        if job.timeout is not None and seconds >= job.timeout + self._grace_seconds:
            return failures.timed_out(f"It ran for {seconds:.0f} seconds; {job.timeout} are allowed.")
        if self._cancelled_at is None and self._is_cancelled(job.id):
            self._cancelled_at = now
        if self._cancelled_at is not None and now - self._cancelled_at >= self._grace_seconds:
            return failures.DID_NOT_STOP
        return None

    def _is_cancelled(self, job_id: str) -> bool:
        try:
            return self._context.queue.is_cancelled(job_id)
        except QueueUnavailable:
            return False

    def handle_work_horse_killed(
        self, job: Job, _pid: int | None, wait_status: int | None, _usage: object
    ) -> None:
        """Close the record of a job whose fork died; this worker or the system may have killed it."""
        problem = self._kill_reason or failures.death_of(wait_status)
        log.error("job_process_died", job_id=job.id, reason=problem.detail)
        close_failed_job(job.id, problem, self._context)

    def _close_record(
        self, job: Job, _kind: type[BaseException], error: BaseException, _trace: TracebackType | None
    ) -> None:
        """Close the record of a job that raised an error, unless its worker died: then it is retried."""
        if not isinstance(error, AbandonedJobError):
            close_failed_job(job.id, failures.problem_of(error), self._context)

    def get_heartbeat_ttl(self, job: Job, working_time: float = 0.0) -> int:  # noqa: ARG002 (RQ's)
        """Return for how many seconds a heartbeat is valid."""
        return self._lost_after_seconds

    def run_maintenance_tasks(self) -> None:
        """Run RQ's maintenance, and queue lost jobs again."""
        super().run_maintenance_tasks()  # type: ignore[no-untyped-call]
        self._recovery.requeue_lost()

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Handle the first SIGTERM or SIGINT: stop after the current job."""
        self.is_stopping = True
        log.info("stopping", hint="a second signal kills the running job")
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]

    def request_force_stop(self, signum: int, frame: FrameType | None) -> None:
        """Handle the second signal: kill the current job, and state in its record that an operator did."""
        try:
            super().request_force_stop(signum, frame)
        except SystemExit:  # not raised for a signal within a second of the first: RQ ignores it
            self._kill_reason = failures.STOPPED_WORKER
            raise

    def teardown(self) -> None:
        """Unregister the worker if Redis answers, and stop the command listener."""
        try:
            super().teardown()  # type: ignore[no-untyped-call]
        except RedisError as error:
            log.warning("sign_off_failed", reason=str(error))
        listener = cast("PubSubWorkerThread | None", self.pubsub_thread)
        if listener is not None:
            listener.stop()


def _log_context(job: Job) -> dict[str, str]:
    """Return the log context of a job: its id, and the id of the request that submitted it."""
    request_id = job.meta.get("request_id")
    return {"job_id": job.id, **({"request_id": request_id} if isinstance(request_id, str) else {})}


def waiting_connection(url: str) -> Redis:
    """Return a Redis connection whose read timeout RQ sets, because it blocks while it waits for a job."""
    return Redis.from_url(
        url, socket_connect_timeout=2.0, retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), retries=3)
    )
