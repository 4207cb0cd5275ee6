"""The events of one job, over as many connections as it takes."""

from __future__ import annotations

from typing import Any, Final

import httpx
from httpx_sse import ServerSentEvent
from pydantic import ValidationError

from xmetra_client.errors import (
    FINAL_STATUSES,
    ClientError,
    InvalidResponse,
    ServiceUnavailable,
    ServiceUnreachable,
)
from xmetra_client.models import JobEvent
from xmetra_client.request import Request, no_content
from xmetra_client.requests import job_path

CONNECT_SECONDS: Final = 60.0

SILENCE_SECONDS: Final = 60.0
"""The event stream sends a ping far more often; a longer silence is a dead connection."""

RECONNECTIONS: Final = 20
"""Consecutive failed connections after which the stream is given up."""

BROKEN: Final = (ServiceUnreachable, ServiceUnavailable)
"""Errors after which the stream is opened again."""


class EventStream:
    """Progress of a stream: where it resumes, whether it has ended, and when to give up.

    Args:
        job_id: The job.

    Attributes:
        ended: Whether the job's last event has come.
    """

    def __init__(self, job_id: str) -> None:
        self.ended = False
        self._path = f"{job_path(job_id)}/events"
        self._last_event_id = ""
        self._failures = 0

    def request(self) -> Request[None]:
        """Return the request for the events after the last one received."""
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        if self._last_event_id:
            headers["Last-Event-ID"] = self._last_event_id
        timeout = httpx.Timeout(CONNECT_SECONDS, read=SILENCE_SECONDS)
        return Request(no_content, "GET", self._path, {"headers": headers, "timeout": timeout})

    def parse(self, event: ServerSentEvent) -> JobEvent | None:
        """Return the job event of a server-sent event.

        Returns:
            None for an event without data: httpx-sse yields one for a ping after the first event.

        Raises:
            InvalidResponse: The data is not an event of a job.
        """
        if not event.data:
            return None
        try:
            job_event = JobEvent.model_validate_json(event.data)
        except ValidationError as error:
            raise InvalidResponse("the event stream contains data that is not a job event") from error
        # Only now: an id counts once its event is whole, and an event without one keeps that before it.
        self._last_event_id = event.id or self._last_event_id
        self._failures = 0
        self.ended = job_event.event == "status" and job_event.data.get("status") in FINAL_STATUSES
        return job_event

    def count_failure(self, error: ClientError) -> None:
        """Count a connection that failed.

        Raises:
            ClientError: `error` itself, after too many failures without an event between them.
        """
        self._failures += 1
        if self._failures > RECONNECTIONS:
            raise error


def check_content_type(response: httpx.Response) -> None:
    """Check that a response is an event stream.

    Raises:
        InvalidResponse: It is not.
    """
    media_type: Any = response.headers.get("content-type", "").partition(";")[0].strip()
    if media_type != "text/event-stream":
        raise InvalidResponse(
            f"{response.request.url} answered {media_type or 'no content type'}, not an event stream"
        )
