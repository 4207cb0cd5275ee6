"""The parent process of a worker: forks for every job, watches the fork, and tells how it died."""

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

WATCH_SECONDS: Final = 1
"""How often the fork is looked after; RQ counts in whole seconds."""

RQ_PATIENCE_SECONDS: Final = 15
"""RQ waits for a job that much less than a worker's time to live, and tidies up between two waits."""


class Supervisor(Worker):
    """RQ's forking worker, made to stop what does not stop and to leave no record open.

    Args:
        context: Where it works.
        connection: A Redis of its own, for it waits on it longer than the api may.
        job_timeout_seconds: What a job may take, or None for what it was queued with.
        grace_seconds: What a job gets to stop by itself before it is killed.
        lost_after_seconds: After which this worker counts as dead if it says nothing.
        max_attempts: How often a job may begin.
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
            worker_ttl=self._recovery.every_seconds + RQ_PATIENCE_SECONDS,
            maintenance_interval=self._recovery.every_seconds,
            job_monitoring_interval=WATCH_SECONDS,
            exception_handlers=[self._settle_error],
        )
        self.is_stopping = False
        self._workplace = context
        self._job_timeout_seconds = job_timeout_seconds
        self._grace_seconds = grace_seconds
        self._lost_after_seconds = lost_after_seconds
        self._started = 0.0
        self._cancel_seen: float | None = None
        self._verdict: Problem | None = None

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Fork for a job and wait for its end; all that is logged meanwhile, in both, names the job."""
        if self._job_timeout_seconds is not None:
            job.timeout = self._job_timeout_seconds
        self._started, self._cancel_seen, self._verdict = time.monotonic(), None, None
        with structlog.contextvars.bound_contextvars(**_context_of(job)):
            try:
                super().execute_job(job, queue)
            except SystemExit:  # the second SIGTERM: the fork is dead
                close_failed_job(job.id, failures.STOPPED_WORKER, self._workplace)
                raise

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        """Do a job, in the fork, which must not outlive its parent: nobody would heed it."""
        assert self.pid is not None
        die_with_parent(self.pid)
        super().main_work_horse(job, queue)

    def maintain_heartbeats(self, job: Job, execution: Execution) -> None:
        """Tell that the job lives, and end it when it should not; called every second."""
        try:
            super().maintain_heartbeats(job, execution)
        except RedisError as error:  # Redis comes back, but a fork left alone would be lost
            log.warning("heartbeat_failed", job_id=job.id, reason=str(error))
        verdict = self._verdict or self._judge(job)
        if verdict is not None:
            self._verdict = verdict
            log.warning("job_killed", job_id=job.id, reason=verdict.detail)
            self.kill_horse()

    def _judge(self, job: Job) -> Problem | None:
        """Return why the job must be killed now, or None."""
        ran = time.monotonic() - self._started
        if job.timeout is not None and ran >= job.timeout + self._grace_seconds:
            return failures.timed_out(f"It ran for {ran:.0f} seconds; {job.timeout} are allowed.")
        if self._cancel_seen is None and self._is_cancelled(job.id):
            self._cancel_seen = time.monotonic()
        if self._cancel_seen is not None and time.monotonic() - self._cancel_seen >= self._grace_seconds:
            return failures.DID_NOT_STOP
        return None

    def _is_cancelled(self, job_id: str) -> bool:
        try:
            return self._workplace.queue.is_cancelled(job_id)
        except QueueUnavailable:
            return False

    def handle_work_horse_killed(
        self, job: Job, _pid: int | None, wait_status: int | None, _usage: object
    ) -> None:
        """Close the record of a job whose fork was killed, by us or by the system."""
        problem = self._verdict or failures.death_of(wait_status)
        log.error("job_process_died", job_id=job.id, reason=problem.detail)
        close_failed_job(job.id, problem, self._workplace)

    def _settle_error(
        self, job: Job, _kind: type[BaseException], error: BaseException, _trace: TracebackType | None
    ) -> None:
        """Close the record of a job that an error ended; the death of its worker has not ended it."""
        if not isinstance(error, AbandonedJobError):
            close_failed_job(job.id, failures.problem_of(error), self._workplace)

    def get_heartbeat_ttl(self, job: Job, working_time: float = 0.0) -> int:  # noqa: ARG002 (RQ's)
        """Return for how many seconds a sign of life holds."""
        return self._lost_after_seconds

    def run_maintenance_tasks(self) -> None:
        """Tidy up as RQ does, and look for jobs that were lost."""
        super().run_maintenance_tasks()  # type: ignore[no-untyped-call]
        self._recovery.requeue_lost()

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Take the first SIGTERM or SIGINT: end after the job that runs."""
        self.is_stopping = True
        log.info("stopping", hint="a second signal kills the running job")
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]

    def request_force_stop(self, signum: int, frame: FrameType | None) -> None:
        """Take the second signal: kill the running job, whose record then says that it was us."""
        try:
            super().request_force_stop(signum, frame)
        except SystemExit:  # a signal that RQ takes for an echo of the first ends nothing
            self._verdict = failures.STOPPED_WORKER
            raise

    def teardown(self) -> None:
        """Sign off, if Redis is there to be told."""
        try:
            super().teardown()  # type: ignore[no-untyped-call]
        except RedisError as error:
            log.warning("sign_off_failed", reason=str(error))
        listener = cast("PubSubWorkerThread | None", self.pubsub_thread)
        if listener is not None:
            listener.stop()


def _context_of(job: Job) -> dict[str, str]:
    """Return the ids of a job and of the request that sent it: one search finds them in every log."""
    sent_by = job.meta.get("request_id")
    return {"job_id": job.id, **({"request_id": sent_by} if isinstance(sent_by, str) else {})}


def waiting_connection(url: str) -> Redis:
    """Return a Redis for a worker, which may wait for an answer as long as RQ says."""
    return Redis.from_url(
        url, socket_connect_timeout=2.0, retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), retries=3)
    )
