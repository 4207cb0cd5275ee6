"""A job as it stands: its durable record, and what Redis knows of the moment."""

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
"""Jobs on a page: each of those that run costs three questions to Redis."""


class JobFilter(Contract):
    """Which jobs are listed.

    Attributes:
        cursor: The `next_cursor` of the page before.
    """

    status: JobStatus | None = None
    task: TaskName | None = None
    language: LanguageTag | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_JOBS)] = 50
    cursor: Identifier | None = None


def view(record: JobRecord, queue: JobQueue | None) -> JobView:
    """Return the record with the latest progress; without Redis, the record alone.

    Args:
        record: The durable record.
        queue: Redis, or None if it is known not to answer.
    """
    fields = dict(record)
    if queue is not None and not record.status.is_final:
        with suppress(QueueUnavailable):
            fields.update(_of_the_moment(record, queue))
    return JobView(**fields)


def _of_the_moment(record: JobRecord, queue: JobQueue) -> dict[str, object]:
    """Return what Redis knows better than the record of a job that has not ended.

    One whose worker was killed waits again, though its record says that it runs.
    """
    position = queue.position(record.job_id)
    status = record.status if position is None else JobStatus.QUEUED
    return {
        "progress": queue.progress(record.job_id) or record.progress,
        "queue_position": position,
        "status": JobStatus.CANCELLING if queue.is_cancelled(record.job_id) else status,
    }


def page(chosen: JobFilter, *, store: Store, queue: JobQueue) -> JobPage:
    """Return one page of the jobs that a filter lets through.

    Raises:
        InvalidInput: The cursor is no job's.
    """
    records = _after(store.jobs.list(), chosen.cursor)
    reachable = queue if queue.is_available() else None  # asked once: each failure takes its time
    found = (view(_brief(record), reachable) for record in records if _is_of(record, chosen))
    matching = (job for job in found if chosen.status in {None, job.status})
    shown = list(islice(matching, chosen.limit + 1))
    has_more = len(shown) > chosen.limit
    return JobPage(
        jobs=tuple(shown[: chosen.limit]),
        next_cursor=shown[chosen.limit - 1].job_id if has_more else None,
    )


def _is_of(record: JobRecord, chosen: JobFilter) -> bool:
    """Whether a job is of the task and the language wanted; its status only Redis may know."""
    wanted = ((chosen.task, record.task), (chosen.language, record.language))
    return all(asked is None or asked == found for asked, found in wanted)


def _brief(record: JobRecord) -> JobRecord:
    """Return the record without what would make a list of jobs megabytes long."""
    return record.model_copy(update={"plan": None, "report": None})


def _after(records: Sequence[JobRecord], cursor: str | None) -> Sequence[JobRecord]:
    """Return the records behind the one that a page ended with."""
    if cursor is None:
        return records
    for index, record in enumerate(records):
        if record.job_id == cursor:
            return records[index + 1 :]
    raise InvalidInput([Fault("query/cursor", f"{cursor!r} is no job; send the next_cursor of a page")])


def cancel(record: JobRecord, *, store: Store, queue: JobQueue) -> JobView:
    """Ask a job to stop; one that still waited has ended with that.

    Raises:
        Conflict: It has ended already.
        QueueUnavailable: Redis does not answer.
    """
    if record.status.is_final:
        raise Conflict(f"job {record.job_id} has ended already: it is {record.status}")
    if not queue.cancel(record.job_id):
        return view(record, queue)
    ended = now()
    closed = record.model_copy(update={"status": JobStatus.CANCELLED, "ended_at": ended})
    store.jobs.save(closed)
    event = JobEvent(event="status", at=ended, data={"status": JobStatus.CANCELLED.value})
    store.jobs.append_events(record.job_id, [event])
    with suppress(QueueUnavailable):
        queue.counters.count_job(closed)
    return view(closed, queue)
