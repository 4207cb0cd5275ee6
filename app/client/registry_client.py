"""The part of the client that looks after models: what was made, what serves, and archives of both."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

import httpx

from app.client import registry_requests
from app.client.registry_requests import checkpoint_path
from app.client.requests import Call
from app.client.sync_client import Client
from app.client.transport import REQUEST_SECONDS
from app.schemas.registry import CheckpointPage, CheckpointView, LanguageView

ARCHIVE_SECONDS: Final = 600.0
"""A service that was sent gigabytes checks and stores them before it answers."""

TAR: Final = "application/x-tar"


class RegistryClient:
    """Looks after the models of a service.

    Args:
        client: Talks to it.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    def checkpoints(self, **filters: str | int | None) -> CheckpointPage:
        """Return the newest checkpoints; filter by ``task``, ``language``, ``limit``, ``cursor``."""
        return self._client.send(registry_requests.checkpoints(filters))

    def checkpoint(self, checkpoint_id: str) -> CheckpointView:
        """Return what a checkpoint is, and what it serves."""
        return self._client.send(registry_requests.checkpoint(checkpoint_id))

    def delete(self, checkpoint_id: str) -> None:
        """Delete a checkpoint that nothing needs."""
        with self._client.opened("DELETE", checkpoint_path(checkpoint_id)):
            return

    def language(self, task: str, language: str) -> LanguageView:
        """Return what serves a language, or ``base``, and what served it before."""
        return self._client.send(registry_requests.language(task, language))

    def deploy(
        self,
        task: str,
        language: str,
        checkpoint_id: str,
        *,
        reason: str | None = None,
        expected: int | None = None,
    ) -> LanguageView:
        """Let a checkpoint serve.

        Args:
            task: What it does.
            language: A language, or ``base``.
            checkpoint_id: Which.
            reason: Why, for people.
            expected: The number of the deployment that must serve until then, 0 for none; None for any.
        """
        return self._client.send(
            registry_requests.deploy(task, language, checkpoint_id, reason=reason, expected=expected)
        )

    def roll_back(self, task: str, language: str, *, expected: int | None = None) -> LanguageView:
        """Let serve again what served before; `expected` is as for `deploy`."""
        return self._client.send(registry_requests.roll_back(task, language, expected=expected))

    def export_archive(self, checkpoint_id: str, file: Path) -> int:
        """Write a checkpoint's archive to a file, which appears when it is whole; return its bytes."""
        timeout = httpx.Timeout(REQUEST_SECONDS, read=ARCHIVE_SECONDS)
        path = f"{checkpoint_path(checkpoint_id)}/archive"
        with self._client.opened("GET", path, timeout=timeout) as answer:
            descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
            try:
                with os.fdopen(descriptor, "wb") as written:
                    for chunk in answer.iter_bytes():
                        written.write(chunk)
                    size = written.tell()
                Path(name).replace(file)
            finally:
                with suppress(FileNotFoundError):
                    Path(name).unlink()
        return size

    def import_archive(self, file: Path) -> CheckpointView:
        """Send an archive; a checkpoint that was there already stays as it is."""
        timeout = httpx.Timeout(REQUEST_SECONDS, read=ARCHIVE_SECONDS)
        with file.open("rb") as content:
            arguments = {"content": content, "headers": {"Content-Type": TAR}, "timeout": timeout}
            return self._client.send(Call(CheckpointView, "POST", "/checkpoints", arguments))
