"""The part of the client that looks after models: what was made, what serves, and archives of both."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

import httpx

from app.client import JOB_ID, REQUEST_SECONDS, Client
from app.client_errors import ClientError
from app.registry.views import CheckpointPage, CheckpointView, LanguageView

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
        chosen = {name: value for name, value in filters.items() if value is not None}
        return self._client.ask(CheckpointPage, "GET", "/checkpoints", params=chosen)

    def checkpoint(self, checkpoint_id: str) -> CheckpointView:
        """Return what a checkpoint is, and what it serves."""
        return self._client.ask(CheckpointView, "GET", _checkpoint(checkpoint_id))

    def delete(self, checkpoint_id: str) -> None:
        """Delete a checkpoint that nothing needs."""
        with self._client.opened("DELETE", _checkpoint(checkpoint_id)):
            return

    def language(self, task: str, language: str) -> LanguageView:
        """Return what serves a language, or ``base``, and what served it before."""
        return self._client.ask(LanguageView, "GET", _language(task, language))

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
        body = {"checkpoint_id": checkpoint_id} | ({"reason": reason} if reason is not None else {})
        return self._client.ask(
            LanguageView, "PUT", _language(task, language), json=body, headers=_expecting(expected)
        )

    def roll_back(self, task: str, language: str, *, expected: int | None = None) -> LanguageView:
        """Let serve again what served before; `expected` is as for `deploy`."""
        path = f"{_language(task, language)}/rollback"
        return self._client.ask(LanguageView, "POST", path, headers=_expecting(expected))

    def export_archive(self, checkpoint_id: str, file: Path) -> int:
        """Write a checkpoint's archive to a file, which appears when it is whole; return its bytes."""
        timeout = httpx.Timeout(REQUEST_SECONDS, read=ARCHIVE_SECONDS)
        with self._client.opened("GET", f"{_checkpoint(checkpoint_id)}/archive", timeout=timeout) as answer:
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
            return self._client.ask(
                CheckpointView,
                "POST",
                "/checkpoints",
                content=content,
                headers={"Content-Type": TAR},
                timeout=timeout,
            )


def _checkpoint(checkpoint_id: str) -> str:
    return f"/checkpoints/{_segment('the id of a checkpoint', checkpoint_id)}"


def _language(task: str, language: str) -> str:
    return f"/languages/{_segment('a task', task)}/{_segment('a language', language)}"


def _segment(kind: str, name: str) -> str:
    """Return a name as a segment of a path; one that could leave it is nobody's."""
    if JOB_ID.fullmatch(name) is None:
        raise ClientError(f"{name!r} is not {kind}")
    return name


def _expecting(number: int | None) -> dict[str, str]:
    """Return the header that says what must serve."""
    if number is None:
        return {}
    return {"If-Match": f'"{number}"'} if number else {"If-None-Match": "*"}
