"""How a running job tells what it does, and hears that it is to stop."""

import time
from collections.abc import Callable
from typing import Final

import structlog

from core.contracts.jobs import JobEvent, JobRecord, JobStatus, Progress
from core.errors import JobCancelled, QueueUnavailable
from core.jobqueue.queue import JobQueue
from worker.metering import Meter

log = structlog.get_logger(__name__)

TELL_SECONDS: Final = 0.2
"""Often enough for a progress bar and for a cancellation; every step would be a flood."""

SILENCE_SECONDS: Final = 5.0
"""A Redis that does not answer is left alone for this long: it must not slow down the training."""


class Reporter:
    """The monitor of one job.

    Redis may come and go while a job runs for hours. What is told meanwhile is lost, and that is all:
    no job fails because nobody could be told how far it is.

    Args:
        job_id: The job.
        queue: Where to tell.
        meter: Counts what the job trains; None for a job that trains no more.
        clock: Seconds, for the tests.
    """

    def __init__(
        self,
        job_id: str,
        queue: JobQueue,
        *,
        meter: Meter | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._job_id = job_id
        self._queue = queue
        self._meter = meter
        self._clock = clock
        self._next_tell = self._silent_until = clock()
        self.latest = Progress()

    def __call__(self, progress: Progress) -> None:
        """Tell how far the job is.

        Raises:
            JobCancelled: Somebody asked it to stop.
        """
        entered = progress.stage != self.latest.stage
        self.latest = progress
        if self._meter is not None:
            self._meter.note(progress)
        moment = self._clock()
        if moment < self._silent_until or (moment < self._next_tell and not entered):
            return
        self._next_tell = moment + TELL_SECONDS
        if self._report(progress) and self.is_cancelled():
            raise JobCancelled(f"job {self._job_id} was asked to stop")

    def complete(self) -> None:
        """Tell that everything is done."""
        self.latest = self.latest.model_copy(update={"percent": 100.0, "stage": "done", "eta_seconds": 0.0})
        self._report(self.latest)

    def is_cancelled(self) -> bool:
        """Whether somebody asked the job to stop; not, as far as anybody can tell without Redis."""
        asked: list[bool] = []
        self._try(lambda: asked.append(self._queue.is_cancelled(self._job_id)))
        return any(asked)

    def tell(self, status: JobStatus) -> None:
        """Tell the status that the record has now."""
        self._try(lambda: self._queue.report_status(self._job_id, status))

    def count(self, record: JobRecord) -> None:
        """Add a job that has ended, and what it trained since the last report, to what all workers did."""
        self._try(lambda: self._queue.counters.count_job(record))
        if self._meter is not None and self._meter.pending:
            pending = self._meter.pending
            self._try(lambda: self._queue.counters.count_training(pending))

    def recover(self) -> None:
        """Take up what an earlier process told last."""
        found: list[Progress | None] = []
        self._try(lambda: found.append(self._queue.progress(self._job_id)))
        self.latest = next(iter(found), None) or self.latest

    def history(self) -> list[JobEvent]:
        """Return everything that was told."""
        events: list[JobEvent] = []
        self._try(lambda: events.extend(event for _, event in self._queue.events(self._job_id)))
        return events

    def _report(self, progress: Progress) -> bool:
        """Tell how far the job is and what it trained, and return whether Redis answered."""
        trained = None if self._meter is None else self._meter.pending
        is_told = self._try(lambda: self._queue.report(self._job_id, progress, trained=trained))
        if is_told and self._meter is not None:
            self._meter.clear()
        return is_told

    def _try(self, action: Callable[[], None]) -> bool:
        """Do something with Redis, and return whether Redis answered."""
        try:
            action()
        except QueueUnavailable as error:
            self._silent_until = self._clock() + SILENCE_SECONDS
            log.warning("progress_not_told", job_id=self._job_id, reason=str(error))
            return False
        return True
