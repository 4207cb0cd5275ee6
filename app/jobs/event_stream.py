"""Event stream of a job: from Redis while the job is open, from the store afterwards.

Redis numbers events by its clock (``1700000000000-0``). Those of the store are numbered alike, by their
milliseconds, so that a client can resume with either after an interruption.
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
"""A poll of Redis costs less than a millisecond. A blocking read would occupy a thread for each listener, and
forty listeners would occupy all of them."""

POLLS_TO_A_RECORD: Final = 8
"""After two seconds without events the record is read: the job of a killed worker ends only there."""

START: Final = "0"
"""The id before the first event."""

EVENT_ID: Final = re.compile(r"(\d{1,19})(?:-(\d{1,19}))?")

NumberedEvent = tuple[str, JobEvent]
"""An event with its id."""


class JobEvents:
    """The events of one job, for one listener.

    Args:
        record: The record of the job when the stream is opened.
        store: Holds the history of ended jobs.
        queue: Holds the events of open jobs.
    """

    def __init__(self, record: JobRecord, *, store: Store, queue: JobQueue) -> None:
        self._record = record
        self._store = store
        self._queue = queue

    async def open(self, last_event_id: str | None) -> AsyncIterator[ServerSentEvent]:
        """Return the stream of events after one.

        Args:
            last_event_id: Id of the last event that the client has received; None for all events.

        Raises:
            InvalidInput: It is not an id of an event.
            QueueUnavailable: Redis is unavailable and the job has not ended.
        """
        after = last_event_id or START
        if EVENT_ID.fullmatch(after) is None:
            raise InvalidInput(
                [Fault("header/last-event-id", f"{after[:64]!r} is not an id such as 1700000000000-0")]
            )
        first = await run_in_threadpool(self._first, after)
        return self._stream(first, after)

    def _first(self, after: str) -> list[NumberedEvent]:
        """Return the events that exist when the stream is opened; those of an ended job are in the store."""
        try:
            events = self._queue.events(self._record.job_id, after=after)
        except QueueUnavailable:
            if not self._record.status.is_final:
                raise
            events = []
        if events or not self._record.status.is_final:
            return events
        return self._from_store(after)

    async def _stream(self, events: list[NumberedEvent], after: str) -> AsyncIterator[ServerSentEvent]:
        """Yield events until a final status; the stream ends early if Redis fails, and clients reconnect."""
        silent_polls = 0
        while True:
            for event_id, event in events:
                after = event_id
                yield ServerSentEvent(data=event.model_dump_json(), event=event.event, id=event_id)
                if is_final(event):
                    return
            await asyncio.sleep(POLL_SECONDS)
            try:
                events = await run_in_threadpool(self._queue.events, self._record.job_id, after=after)
            except QueueUnavailable:
                return
            silent_polls = 0 if events else silent_polls + 1
            if silent_polls == POLLS_TO_A_RECORD:
                silent_polls = 0
                events = await run_in_threadpool(self._ending, after)

    def _ending(self, after: str) -> list[NumberedEvent]:
        """Return the remaining events of a job that has ended according to its record, or none."""
        try:
            self._record = self._store.jobs.load(self._record.job_id)
            if not self._record.status.is_final:
                return []
            return self._queue.events(self._record.job_id, after=after) or self._from_store(after)
        except XmetraError:
            return []

    def _from_store(self, after: str) -> list[NumberedEvent]:
        """Return the stored events after an id, and the final status even if no event of it was stored."""
        history = self._store.jobs.events(self._record.job_id)
        numbered = [(_event_id(event, index), event) for index, event in enumerate(history)]
        events = [(event_id, event) for event_id, event in numbered if _number(event_id) > _number(after)]
        if not any(is_final(event) for _, event in events):
            events.append(self._final(after))
        return events

    def _final(self, after: str) -> NumberedEvent:
        """Return the final status of the record as an event."""
        record = self._record
        event = JobEvent(event="status", at=record.ended_at or now(), data={"status": record.status.value})
        return max(_event_id(event, 0), after, key=_number), event


def is_final(event: JobEvent) -> bool:
    """Whether no event can follow."""
    return event.event == "status" and JobStatus(event.data["status"]).is_final


def _event_id(event: JobEvent, index: int) -> str:
    """Return the id of a stored event, in the form of Redis's ids."""
    return f"{int(event.at.timestamp() * 1000)}-{index}"


def _number(event_id: str) -> tuple[int, int]:
    """Return the sort key of an id."""
    milliseconds, _, sequence = event_id.partition("-")
    return int(milliseconds), int(sequence or 0)
