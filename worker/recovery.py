"""Recovery of lost jobs: unfinished jobs that are neither queued nor running are queued again.

The store lists the unfinished jobs; Redis knows which of them are queued or running. A job is lost if a
worker or an API process was killed, at any moment, or if Redis lost its data.
"""

from typing import Final

import structlog

from core.contracts.jobs import JobRecord
from core.errors import XmetraError
from core.store import Store
from worker import failures
from worker.tasks import WorkerContext, close_failed_job

log = structlog.get_logger(__name__)

SCANS_PER_TIMEOUT: Final = 3
"""Scans within the time after which a worker without a heartbeat counts as dead."""


class Recovery:
    """Scans for lost jobs; of all workers, one scans per interval.

    Args:
        context: The worker's queue and store.
        lost_after_seconds: Time without a heartbeat after which a worker counts as dead.
        max_attempts: Attempts after which a job fails, because it may be what kills the workers.

    Attributes:
        interval_seconds: The time between two scans.
    """

    def __init__(self, context: WorkerContext, *, lost_after_seconds: int, max_attempts: int) -> None:
        self.interval_seconds = max(1, lost_after_seconds // SCANS_PER_TIMEOUT)
        self._context = context
        self._max_attempts = max_attempts
        self._store = Store(context.store_url)

    def requeue_lost(self) -> None:
        """Queue lost jobs again; an error is logged, and the next scan tries again."""
        try:
            if self._context.queue.lost_jobs.acquire_scan(seconds=self.interval_seconds):
                self._scan()
        except XmetraError as error:
            log.warning("lost_jobs_not_looked_for", reason=str(error))

    def _scan(self) -> None:
        unfinished = self._store.jobs.list(where=lambda header: not header.status.is_final)
        ids = [record.job_id for record in unfinished]
        for job_id in self._context.queue.lost_jobs.find_lost(
            ids, within=SCANS_PER_TIMEOUT * self.interval_seconds
        ):
            record = self._store.jobs.load(job_id)  # reload: the job may have ended since
            if not record.status.is_final:
                self._requeue(record)

    def _requeue(self, record: JobRecord) -> None:
        """Queue a lost job again, or close its record if it has no attempts left."""
        if record.attempts >= self._max_attempts:
            close_failed_job(record.job_id, failures.abandoned(record.attempts), self._context)
            return
        log.warning("lost_job_queued_again", job_id=record.job_id, attempts=record.attempts)
        self._context.queue.enqueue(record.job_id, requeue=True)
