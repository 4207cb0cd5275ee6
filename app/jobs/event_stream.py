"""The events of a job as a stream: from Redis while it lives, from the store once it is history.

Redis numbers events by its clock (``1700000000000-0``). Those of the store are numbered alike, by the
millisecond they were made in, so that a client may go on with either after a break.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Final

from sse_starlette import ServerSentEvent
from starlette.concurrency import run_in_threadpool

from core.contracts.jobs import JobEvent, JobRecord, JobStatus
from core.contracts.values import now
from core.errors import Fault, InvalidInput, QueueUnavailable, XmetraError
from core.jobqueue.queue import JobQueue
from core.store import Store

POLL_SECONDS: Final = 0.25
"""Asking Redis costs less than a millisecond. A read that blocks would hold a thread for each listener,
and forty listeners would then hold them all."""

POLLS_TO_A_RECORD: Final = 8
"""Every two seconds of silence the record is read: a worker that was killed ends its job only there."""

START: Final = "0"
"""The id before the first event."""

EVENT_ID: Final = re.compile(r"(\d{1,19})(?:-(\d{1,19}))?")

Told = tuple[str, JobEvent]


class JobEvents:
    """The events of one job, for one listener.

    Args:
        record: The job as it stands at the beginning.
        store: Holds its history.
        queue: Knows what happens now.
    """

    def __init__(self, record: JobRecord, *, store: Store, queue: JobQueue) -> None:
        self._record = record
        self._store = store
        self._queue = queue

    async def open(self, last_event_id: str | None) -> AsyncIterator[ServerSentEvent]:
        """Return the stream of events after one.

        Args:
            last_event_id: The last event the client has; None for all.

        Raises:
            InvalidInput: That is not an id of an event.
            QueueUnavailable: Redis does not answer and the job has not ended.
        """
        after = last_event_id or START
        if EVENT_ID.fullmatch(after) is None:
            raise InvalidInput(
                [Fault("header/last-event-id", f"{after[:64]!r} is not an id such as 1700000000000-0")]
            )
        first = await run_in_threadpool(self._first, after)
        return self._stream(first, after)

    def _first(self, after: str) -> list[Told]:
        """Return what is there at the beginning; the store serves a job that has ended."""
        try:
            told = self._queue.events(self._record.job_id, after=after)
        except QueueUnavailable:
            if not self._record.status.is_final:
                raise
            told = []
        if told or not self._record.status.is_final:
            return told
        return self._from_store(after)

    async def _stream(self, told: list[Told], after: str) -> AsyncIterator[ServerSentEvent]:
        """Yield events until a final status; a Redis that goes away ends the stream, and clients return."""
        silent_polls = 0
        while True:
            for event_id, event in told:
                after = event_id
                yield ServerSentEvent(data=event.model_dump_json(), event=event.event, id=event_id)
                if is_final(event):
                    return
            await asyncio.sleep(POLL_SECONDS)
            try:
                told = await run_in_threadpool(self._queue.events, self._record.job_id, after=after)
            except QueueUnavailable:
                return
            silent_polls = 0 if told else silent_polls + 1
            if silent_polls == POLLS_TO_A_RECORD:
                silent_polls = 0
                told = await run_in_threadpool(self._ending, after)

    def _ending(self, after: str) -> list[Told]:
        """Return the rest of a job that has ended in its record; nothing if it has not."""
        try:
            self._record = self._store.jobs.load(self._record.job_id)
            if not self._record.status.is_final:
                return []
            return self._queue.events(self._record.job_id, after=after) or self._from_store(after)
        except XmetraError:
            return []

    def _from_store(self, after: str) -> list[Told]:
        """Return the stored events after an id, and the final status even if nobody wrote it down."""
        history = self._store.jobs.events(self._record.job_id)
        numbered = [(_event_id(event, index), event) for index, event in enumerate(history)]
        told = [(event_id, event) for event_id, event in numbered if _number(event_id) > _number(after)]
        if not any(is_final(event) for _, event in told):
            told.append(self._final(after))
        return told

    def _final(self, after: str) -> Told:
        """Make the event that the record stands for."""
        record = self._record
        event = JobEvent(event="status", at=record.ended_at or now(), data={"status": record.status.value})
        return max(_event_id(event, 0), after, key=_number), event


def is_final(event: JobEvent) -> bool:
    """Whether nothing can follow."""
    return event.event == "status" and JobStatus(event.data["status"]).is_final


def _event_id(event: JobEvent, index: int) -> str:
    """Number a stored event as Redis would have."""
    return f"{int(event.at.timestamp() * 1000)}-{index}"


def _number(event_id: str) -> tuple[int, int]:
    """Return an id in a form that can be compared."""
    milliseconds, _, sequence = event_id.partition("-")
    return int(milliseconds), int(sequence or 0)
