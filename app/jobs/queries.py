"""Queries of jobs: views, pages and cancellation, from the durable records and the live state in Redis."""

from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from typing import Annotated, Final

from pydantic import Field

from app.schemas.responses import JobPage, JobView
from core.contracts.jobs import JobEvent, JobRecord, JobStatus
from core.contracts.values import Contract, Identifier, LanguageTag, TaskName, now
from core.errors import Conflict, Fault, InvalidInput, QueueUnavailable
from core.jobqueue.queue import JobQueue
from core.store import Store

MAX_JOBS: Final = 200
"""Maximum of jobs on a page: each open job costs three queries of Redis."""


class JobFilter(Contract):
    """Filter of the list of jobs.

    Attributes:
        status: Only jobs with this status.
        task: Only jobs of this task.
        language: Only jobs of this language; a base has its source language.
        limit: Maximum of jobs on a page, 1 to 200.
        cursor: The `next_cursor` of the previous page.
    """

    status: JobStatus | None = None
    task: TaskName | None = None
    language: LanguageTag | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_JOBS)] = 50
    cursor: Identifier | None = None


def view(record: JobRecord, queue: JobQueue | None) -> JobView:
    """Return the record with the latest progress; without Redis, only the record.

    Args:
        record: The durable record.
        queue: The job queue, or None if Redis is unavailable.
    """
    fields = dict(record)
    if queue is not None and not record.status.is_final:
        with suppress(QueueUnavailable):
            fields.update(_live_fields(record, queue))
    return JobView(**fields)


def _live_fields(record: JobRecord, queue: JobQueue) -> dict[str, object]:
    """Return the fields of an open job that are more current in Redis than in its record.

    A job whose worker was killed waits again, although its record says that it runs.
    """
    position = queue.position(record.job_id)
    status = record.status if position is None else JobStatus.QUEUED
    return {
        "progress": queue.progress(record.job_id) or record.progress,
        "queue_position": position,
        "status": JobStatus.CANCELLING if queue.is_cancelled(record.job_id) else status,
    }


def page(job_filter: JobFilter, *, store: Store, queue: JobQueue) -> JobPage:
    """Return one page of the jobs that match a filter.

    Raises:
        InvalidInput: The cursor is not the id of a job.
    """
    records = _after(store.jobs.list(), job_filter.cursor)
    reachable = queue if queue.is_available() else None  # checked once: each failure waits for a timeout
    views = (view(_brief(record), reachable) for record in records if _matches(record, job_filter))
    matching = (job for job in views if job_filter.status in {None, job.status})
    jobs = list(islice(matching, job_filter.limit + 1))
    has_more = len(jobs) > job_filter.limit
    return JobPage(
        jobs=tuple(jobs[: job_filter.limit]),
        next_cursor=jobs[job_filter.limit - 1].job_id if has_more else None,
    )


def _matches(record: JobRecord, job_filter: JobFilter) -> bool:
    """Whether a job has the task and the language of a filter; its current status may be only in Redis."""
    has_task = job_filter.task in {None, record.task}
    return has_task and job_filter.language in {None, record.language}


def _brief(record: JobRecord) -> JobRecord:
    """Return the record without plan and report, which would make a page megabytes long."""
    return record.model_copy(update={"plan": None, "report": None})


def _after(records: Sequence[JobRecord], cursor: str | None) -> Sequence[JobRecord]:
    """Return the records after the last one of the previous page.

    Raises:
        InvalidInput: The cursor is not the id of a job.
    """
    if cursor is None:
        return records
    for index, record in enumerate(records):
        if record.job_id == cursor:
            return records[index + 1 :]
    raise InvalidInput([Fault("query/cursor", f"{cursor!r} is no job; send the next_cursor of a page")])


def cancel(record: JobRecord, *, store: Store, queue: JobQueue) -> JobView:
    """Cancel a job; a waiting job is cancelled at once, a running one at its next step.

    Raises:
        Conflict: The job has ended already.
        QueueUnavailable: Redis is unavailable.
    """
    if record.status.is_final:
        raise Conflict(f"job {record.job_id} has ended already: it is {record.status}")
    if not queue.cancel(record.job_id):
        return view(record, queue)
    ended_at = now()
    closed = record.model_copy(update={"status": JobStatus.CANCELLED, "ended_at": ended_at})
    store.jobs.save(closed)
    event = JobEvent(event="status", at=ended_at, data={"status": JobStatus.CANCELLED.value})
    store.jobs.append_events(record.job_id, [event])
    with suppress(QueueUnavailable):
        queue.counters.count_job(closed)
    return view(closed, queue)
