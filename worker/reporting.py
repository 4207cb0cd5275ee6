"""Reporting of a running job's progress, and cancellation."""

import time
from collections.abc import Callable
from typing import Final

import structlog

from core.contracts.jobs import JobEvent, JobRecord, JobStatus, Progress
from core.errors import JobCancelled, QueueUnavailable
from core.jobqueue.queue import JobQueue
from worker.metering import Meter

log = structlog.get_logger(__name__)

REPORT_INTERVAL_SECONDS: Final = 0.2
"""Short enough for a progress bar and for a cancellation; reporting every step would flood Redis."""

BACKOFF_SECONDS: Final = 5.0
"""Pause after Redis did not answer, so that its timeouts do not slow down the training."""


class Reporter:
    """The progress monitor of one job.

    Redis may be unavailable for a while during a job of hours. Reports are dropped meanwhile, and the job
    continues: a failed report never fails the job.

    Args:
        job_id: The job.
        queue: The queue that stores the reports.
        meter: Counts the job's training; None if the job's process has ended.
        clock: Returns seconds; replaced by tests.

    Attributes:
        latest: The latest progress, whether it was reported or not.
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
        self._next_report_at = self._backoff_until = clock()
        self.latest = Progress()

    def __call__(self, progress: Progress) -> None:
        """Record progress, and report it if the last report is old enough or a new stage begins.

        Raises:
            JobCancelled: The job was cancelled.
        """
        is_new_stage = progress.stage != self.latest.stage
        self.latest = progress
        if self._meter is not None:
            self._meter.record(progress)
        now = self._clock()
        if now < self._backoff_until or (now < self._next_report_at and not is_new_stage):
            return
        self._next_report_at = now + REPORT_INTERVAL_SECONDS
        if self._report(progress) and self.is_cancelled():
            raise JobCancelled(f"job {self._job_id} was asked to stop")

    def report_completion(self) -> None:
        """Report a progress of 100%."""
        self.latest = self.latest.model_copy(update={"percent": 100.0, "stage": "done", "eta_seconds": 0.0})
        self._report(self.latest)

    def is_cancelled(self) -> bool:
        """Whether the job was cancelled; False if Redis does not answer."""
        flags: list[bool] = []
        self._try(lambda: flags.append(self._queue.is_cancelled(self._job_id)))
        return any(flags)

    def report_status(self, status: JobStatus) -> None:
        """Report the status of the stored record."""
        self._try(lambda: self._queue.report_status(self._job_id, status))

    def count_job(self, record: JobRecord) -> None:
        """Add a finished job, and its training since the last report, to the counters of all workers."""
        self._try(lambda: self._queue.counters.count_job(record))
        if self._meter is not None and self._meter.pending:
            pending = self._meter.pending
            self._try(lambda: self._queue.counters.count_training(pending))

    def restore_progress(self) -> None:
        """Set `latest` to the last progress that an earlier process of the job reported."""
        reports: list[Progress | None] = []
        self._try(lambda: reports.append(self._queue.progress(self._job_id)))
        self.latest = next(iter(reports), None) or self.latest

    def events(self) -> list[JobEvent]:
        """Return all reported events; none if Redis does not answer."""
        events: list[JobEvent] = []
        self._try(lambda: events.extend(event for _, event in self._queue.events(self._job_id)))
        return events

    def _report(self, progress: Progress) -> bool:
        """Report progress and the pending training; return whether Redis answered."""
        training = None if self._meter is None else self._meter.pending
        is_reported = self._try(lambda: self._queue.report(self._job_id, progress, training=training))
        if is_reported and self._meter is not None:
            self._meter.clear()
        return is_reported

    def _try(self, action: Callable[[], None]) -> bool:
        """Run an action on the queue; return whether Redis answered."""
        try:
            action()
        except QueueUnavailable as error:
            self._backoff_until = self._clock() + BACKOFF_SECONDS
            log.warning("progress_not_told", job_id=self._job_id, reason=str(error))
            return False
        return True
