"""Jobs that were accepted and that nobody has any more: they are queued again, or given up in the end.

The store says which jobs have not ended, Redis who has them. What nobody has was left by a worker or an
api that was killed, at whatever moment, or by a Redis that lost its data; how does not matter.
"""

from typing import Final

import structlog

from core.contracts.jobs import JobRecord
from core.errors import XmetraError
from core.store import Store
from worker import failures
from worker.tasks import WorkerContext, close_failed_job

log = structlog.get_logger(__name__)

LOOKS: Final = 3
"""How often lost jobs are looked for in the time after which a silent worker counts as dead."""


class Recovery:
    """Looks for lost jobs, for all workers: those that look at the same time leave it to the first.

    Args:
        context: Whose jobs.
        lost_after_seconds: After which a worker that said nothing counts as dead.
        max_attempts: How often a job may begin before it is given up: it may be what kills the workers.
    """

    def __init__(self, context: WorkerContext, *, lost_after_seconds: int, max_attempts: int) -> None:
        self.every_seconds = max(1, lost_after_seconds // LOOKS)
        self._workplace = context
        self._max_attempts = max_attempts
        self._store = Store(context.store_url)

    def requeue_lost(self) -> None:
        """Queue again what nobody has; what cannot be done now is done at the next look."""
        try:
            if self._workplace.queue.lost_jobs.take_turn(seconds=self.every_seconds):
                self._look()
        except XmetraError as error:
            log.warning("lost_jobs_not_looked_for", reason=str(error))

    def _look(self) -> None:
        unfinished = self._store.jobs.list(where=lambda header: not header.status.is_final)
        ids = [record.job_id for record in unfinished]
        for job_id in self._workplace.queue.lost_jobs.lost(ids, within=LOOKS * self.every_seconds):
            record = self._store.jobs.load(job_id)  # again: it may have ended since the list was made
            if not record.status.is_final:
                self._take_up(record)

    def _take_up(self, record: JobRecord) -> None:
        """Queue a lost job again, or close its record after its last attempt."""
        if record.attempts >= self._max_attempts:
            close_failed_job(record.job_id, failures.abandoned(record.attempts), self._workplace)
            return
        log.warning("lost_job_queued_again", job_id=record.job_id, attempts=record.attempts)
        self._workplace.queue.enqueue(record.job_id, again=True)
