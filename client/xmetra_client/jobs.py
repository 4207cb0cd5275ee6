"""Handles of jobs: state, events, cancelling and waiting for the result."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import aclosing
from typing import Any, overload

from httpx_sse import EventSource

from xmetra_client import requests
from xmetra_client.errors import FINAL_STATUSES, succeeded
from xmetra_client.events import BROKEN, EventStream, check_content_type
from xmetra_client.models import JobAccepted, JobEvent, JobView
from xmetra_client.request import Request
from xmetra_client.transport import AsyncTransport, SyncTransport

EventCallback = Callable[[JobEvent], object]


class job_operation:  # noqa: N801  used like a decorator
    """A method of both handles that sends one request about the job.

    Args:
        build: Returns the request for the id of a job; its docstring is that of the method.
    """

    def __init__(self, build: Callable[[str], Request[JobView]]) -> None:
        self._build = build
        self.__doc__ = build.__doc__

    @overload
    def __get__(self, handle: None, owner: type) -> Callable[[str], Request[JobView]]: ...
    @overload
    def __get__(self, handle: Job, owner: type) -> Callable[[], JobView]: ...
    @overload
    def __get__(self, handle: AsyncJob, owner: type) -> Callable[[], Coroutine[Any, Any, JobView]]: ...
    def __get__(self, handle: Job | AsyncJob | None, owner: type) -> Any:
        """Return the method of a handle; of the class, the function that builds the request."""
        if handle is None:
            return self._build
        return lambda: handle.client.send(self._build(handle.job_id))


class JobHandle:
    """What the handles of both clients have in common.

    Args:
        job_id: Id of the job.
        accepted: The response to the request that created it; None if it was created elsewhere.

    Raises:
        InvalidArgument: `job_id` is not an id.
    """

    def __init__(self, job_id: str, accepted: JobAccepted | None = None) -> None:
        requests.job_path(job_id)  # raises for an id that is none
        self.job_id = job_id
        self.accepted = accepted

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.job_id}>"

    state = job_operation(requests.job)
    """Return the state of the job, with its report once it has succeeded."""

    cancel = job_operation(requests.cancel)
    """Cancel the job, and return its state; a job that has ended stays as it is."""


class Job(JobHandle):
    """Handle of a job, for `Client`.

    Attributes:
        job_id: Id of the job.
        accepted: The response to the request that created it; None if it was created elsewhere.
        client: Connection to the service.
    """

    def __init__(self, client: SyncTransport, job_id: str, accepted: JobAccepted | None = None) -> None:
        super().__init__(job_id, accepted)
        self.client = client

    def events(self) -> Iterator[JobEvent]:
        """Yield the events of the job from its beginning until it has ended.

        A connection that breaks is opened again and resumes after the last event.

        Raises:
            ServiceUnreachable: It broke too often in a row; or `ServiceUnavailable`.
        """
        stream = EventStream(self.job_id)
        while True:
            try:
                with self.client.stream(stream.request()) as response:
                    check_content_type(response)
                    for server_event in EventSource(response).iter_sse():
                        if (event := stream.parse(server_event)) is not None:
                            yield event
                        if stream.ended:
                            return
                if self.state().status in FINAL_STATUSES:
                    return
            except BROKEN as error:
                stream.count_failure(error)
            time.sleep(self.client.pause)

    def wait(self, on_event: EventCallback | None = None) -> JobView:
        """Wait until the job has succeeded, and return its state with the report.

        Args:
            on_event: Called with each event, for instance to display progress.

        Raises:
            JobFailed: It failed or was cancelled.
            ServiceUnreachable: The connection broke too often in a row; or `ServiceUnavailable`.
        """
        for event in self.events():
            if on_event is not None:
                on_event(event)
        return succeeded(self.state())


class AsyncJob(JobHandle):
    """Handle of a job, for `AsyncClient`; the attributes are those of `Job`."""

    def __init__(self, client: AsyncTransport, job_id: str, accepted: JobAccepted | None = None) -> None:
        super().__init__(job_id, accepted)
        self.client = client

    async def events(self) -> AsyncIterator[JobEvent]:
        """Yield the events of the job; see `Job.events`."""
        stream = EventStream(self.job_id)
        while True:
            try:
                async with self.client.stream(stream.request()) as response:
                    check_content_type(response)
                    async with aclosing(EventSource(response).aiter_sse()) as events:
                        async for server_event in events:
                            if (event := stream.parse(server_event)) is not None:
                                yield event
                            if stream.ended:
                                return
                if (await self.state()).status in FINAL_STATUSES:
                    return
            except BROKEN as error:
                stream.count_failure(error)
            await asyncio.sleep(self.client.pause)

    async def wait(self, on_event: EventCallback | None = None) -> JobView:
        """Wait until the job has succeeded; see `Job.wait`."""
        async for event in self.events():
            if on_event is not None:
                on_event(event)
        return succeeded(await self.state())
