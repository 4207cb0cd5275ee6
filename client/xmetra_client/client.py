"""The clients: `Client`, and `AsyncClient` for asyncio.

`xmetra_client.operations.Operations` has the methods that are one request; the methods here do more.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from os import PathLike
from pathlib import Path

from xmetra_client import registry_requests
from xmetra_client.archives import whole_file
from xmetra_client.jobs import AsyncJob, Job
from xmetra_client.models import JobEvent
from xmetra_client.operations import Operations
from xmetra_client.transport import AsyncTransport, SyncTransport


class Client(Operations, SyncTransport):
    """A typed client of the HTTP API; it may be used by several threads at once.

        with Client("http://127.0.0.1:8000") as client:
            client.adapt("es", "es.jsonl").wait()
            client.predict_mtod(["pon una alarma a las seis"], language="es")

    Args:
        url: Address of the service.
        key: API key, sent with every request; None for a service without keys.
        pause: Seconds before a broken event stream is opened again.

    Raises:
        ServiceUnreachable: `url` is not an HTTP address.
    """

    def job(self, job_id: str) -> Job:
        """Return the handle of a job; nothing is sent."""
        return Job(self, job_id)

    def events(self, job_id: str) -> Iterator[JobEvent]:
        """Yield the events of a job until it has ended; see `Job.events`."""
        return self.job(job_id).events()

    def export_archive(self, checkpoint_id: str, file: str | PathLike[str]) -> int:
        """Download the archive of a checkpoint.

        Args:
            checkpoint_id: Id of the checkpoint.
            file: Path of the archive; the file appears once it is whole.

        Returns:
            Size of the archive in bytes.
        """
        with (
            self.stream(registry_requests.archive(checkpoint_id)) as response,
            whole_file(Path(file)) as archive,
        ):
            return sum(archive.write(chunk) for chunk in response.iter_bytes())


class AsyncClient(Operations, AsyncTransport):
    """A typed client of the HTTP API for asyncio; many requests may be in flight at once.

        async with AsyncClient("http://127.0.0.1:8000") as client:
            await (await client.adapt("es", "es.jsonl")).wait()
            await client.predict_mtod(["pon una alarma a las seis"], language="es")

    The arguments are those of `Client`.
    """

    def job(self, job_id: str) -> AsyncJob:
        """Return the handle of a job; nothing is sent."""
        return AsyncJob(self, job_id)

    def events(self, job_id: str) -> AsyncIterator[JobEvent]:
        """Yield the events of a job until it has ended; see `Job.events`."""
        return self.job(job_id).events()

    async def export_archive(self, checkpoint_id: str, file: str | PathLike[str]) -> int:
        """Download the archive of a checkpoint; see `Client.export_archive`."""
        size = 0
        async with self.stream(registry_requests.archive(checkpoint_id)) as response:
            with whole_file(Path(file)) as archive:
                async for chunk in response.aiter_bytes():
                    size += await asyncio.to_thread(archive.write, chunk)
        return size
