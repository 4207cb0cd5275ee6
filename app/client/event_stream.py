"""The events of one job as a client gets them, over as many connections as it takes."""

from typing import Any, Final

import httpx
from pydantic import ValidationError

from app.client.errors import ClientError, ServiceUnreachable
from app.client.requests import job_path
from app.client.sse import EventReader, ServerEvent
from app.client.transport import REQUEST_SECONDS
from core.contracts.jobs import JobEvent, JobStatus

SILENCE_SECONDS: Final = 60.0
"""The event stream sends a ping far more often; a longer silence is a dead connection."""

RECONNECTIONS: Final = 20
RECONNECTION_SECONDS: Final = 0.5


class EventFeed:
    """Knows where a stream is to be taken up again, when it has ended, and when to give up.

    Args:
        job_id: Whose events.

    Attributes:
        path: Of the stream.
        ended: Whether nothing can follow.
    """

    def __init__(self, job_id: str) -> None:
        self.path = f"{job_path(job_id)}/events"
        self.ended = False
        self._reader = EventReader()
        self._failures = 0

    def connect(self) -> dict[str, Any]:
        """Return httpx's arguments for the next connection, which goes on after the last event."""
        self._reader = EventReader(self._reader.last_id)
        headers = {"Accept": "text/event-stream"}
        if self._reader.last_id:
            headers["Last-Event-ID"] = self._reader.last_id
        return {"headers": headers, "timeout": httpx.Timeout(REQUEST_SECONDS, read=SILENCE_SECONDS)}

    def take(self, line: str) -> JobEvent | None:
        """Take a line, and return the event that it ends, if it does.

        Raises:
            ClientError: It is the end of something else.
        """
        told = self._reader.take(line)
        if told is None:
            return None
        self._failures = 0
        event = _job_event(told)
        self.ended = event.event == "status" and JobStatus(event.data["status"]).is_final
        return event

    def broken(self, error: ServiceUnreachable) -> None:
        """Count a connection that failed.

        Raises:
            ServiceUnreachable: It was one too many without an event between them.
        """
        self._failures += 1
        if self._failures > RECONNECTIONS:
            raise error


def _job_event(event: ServerEvent) -> JobEvent:
    """Read the data of a server-sent event."""
    try:
        return JobEvent.model_validate_json(event.data)
    except ValidationError as error:
        raise ClientError("the stream of events holds something that is not an event of a job") from error
