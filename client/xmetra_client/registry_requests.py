"""The requests of checkpoints and deployments as values; `xmetra_client.requests` has the others."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Final

import httpx

from xmetra_client.bodies import path_segment, without_none
from xmetra_client.errors import InvalidArgument
from xmetra_client.models import CheckpointPage, CheckpointView, LanguageView
from xmetra_client.request import Request, model, no_content

ARCHIVE_TIMEOUT: Final = httpx.Timeout(60.0, read=600.0)
"""Seconds; a service that was sent gigabytes checks and stores them before it answers."""

TAR: Final = "application/x-tar"


def checkpoints(
    *,
    task: str | None = None,
    language: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> Request[CheckpointPage]:
    """Return the newest checkpoints that match the filters; `cursor` is the page before's `next_cursor`."""
    filters = {"task": task, "language": language, "limit": limit, "cursor": cursor}
    return Request(model(CheckpointPage), "GET", "/checkpoints", {"params": without_none(filters)})


def checkpoint(checkpoint_id: str) -> Request[CheckpointView]:
    """Return the manifest of a checkpoint and the languages that it serves."""
    return Request(model(CheckpointView), "GET", _checkpoint_path(checkpoint_id))


def delete_checkpoint(checkpoint_id: str) -> Request[None]:
    """Delete a checkpoint; the service refuses if it is deployed or another one depends on it."""
    return Request(no_content, "DELETE", _checkpoint_path(checkpoint_id))


def language(task: str, language: str) -> Request[LanguageView]:
    """Return the live deployment of a language, or of ``base``, and the history of its deployments."""
    return Request(model(LanguageView), "GET", _language_path(task, language))


def deploy(
    task: str, language: str, checkpoint_id: str, *, reason: str | None = None, expected: int | None = None
) -> Request[LanguageView]:
    """Deploy a checkpoint.

    Args:
        task: The task.
        language: BCP-47 tag of the language, or ``base``.
        checkpoint_id: Id of the checkpoint.
        reason: Text for the history.
        expected: Number of the deployment that must be live until then, 0 for none; None for any.

    Raises:
        PreconditionFailed: Another deployment is live than `expected`.
    """
    body = without_none({"checkpoint_id": checkpoint_id, "reason": reason})
    arguments = {"json": body, "headers": _expected_headers(expected)}
    return Request(model(LanguageView), "PUT", _language_path(task, language), arguments)


def roll_back(task: str, language: str, *, expected: int | None = None) -> Request[LanguageView]:
    """Deploy the checkpoint that was live before; `expected` is that of `deploy`."""
    path = f"{_language_path(task, language)}/rollback"
    return Request(model(LanguageView), "POST", path, {"headers": _expected_headers(expected)})


def archive(checkpoint_id: str) -> Request[None]:
    """Return the archive of a checkpoint; its body is to be streamed."""
    path = f"{_checkpoint_path(checkpoint_id)}/archive"
    return Request(no_content, "GET", path, {"timeout": ARCHIVE_TIMEOUT})


def import_archive(file: str | PathLike[str]) -> Request[CheckpointView]:
    """Upload the archive of a checkpoint; one that is already stored stays as it is.

    Args:
        file: Path of the archive.
    """
    path = Path(file)
    if not path.is_file():
        raise InvalidArgument(f"there is no file {str(file)!r}")
    headers = {"Content-Type": TAR, "Content-Length": str(path.stat().st_size)}
    arguments = {"headers": headers, "timeout": ARCHIVE_TIMEOUT}
    return Request(model(CheckpointView), "POST", "/checkpoints", arguments, path)


def _checkpoint_path(checkpoint_id: str) -> str:
    return f"/checkpoints/{path_segment('the id of a checkpoint', checkpoint_id)}"


def _language_path(task: str, language: str) -> str:
    return f"/languages/{path_segment('a task', task)}/{path_segment('a language', language)}"


def _expected_headers(number: int | None) -> dict[str, str]:
    """Return the precondition that a deployment is live."""
    if number is None:
        return {}
    return {"If-Match": f'"{number}"'} if number else {"If-None-Match": "*"}
