"""The requests that look after models, as values; `app.client.requests` has the others."""

from collections.abc import Mapping

from app.client.requests import Call, given, segment
from app.schemas.registry import CheckpointPage, CheckpointView, LanguageView


def checkpoints(filters: Mapping[str, str | int | None]) -> Call[CheckpointPage]:
    """Ask for the newest checkpoints."""
    return Call(CheckpointPage, "GET", "/checkpoints", {"params": given(filters)})


def checkpoint(checkpoint_id: str) -> Call[CheckpointView]:
    """Ask what a checkpoint is, and what it serves."""
    return Call(CheckpointView, "GET", checkpoint_path(checkpoint_id))


def language(task: str, tag: str) -> Call[LanguageView]:
    """Ask what serves a language, or ``base``, and what served it before."""
    return Call(LanguageView, "GET", _language_path(task, tag))


def deploy(
    task: str, tag: str, checkpoint_id: str, *, reason: str | None = None, expected: int | None = None
) -> Call[LanguageView]:
    """Let a checkpoint serve.

    Args:
        task: What it does.
        tag: A language, or ``base``.
        checkpoint_id: Which.
        reason: Why, for people.
        expected: The number of the deployment that must serve until then, 0 for none; None for any.
    """
    body = given({"checkpoint_id": checkpoint_id, "reason": reason})
    arguments = {"json": body, "headers": _expecting(expected)}
    return Call(LanguageView, "PUT", _language_path(task, tag), arguments)


def roll_back(task: str, tag: str, *, expected: int | None = None) -> Call[LanguageView]:
    """Let serve again what served before; `expected` is as for `deploy`."""
    path = f"{_language_path(task, tag)}/rollback"
    return Call(LanguageView, "POST", path, {"headers": _expecting(expected)})


def checkpoint_path(checkpoint_id: str) -> str:
    """Return the path of a checkpoint."""
    return f"/checkpoints/{segment('the id of a checkpoint', checkpoint_id)}"


def _language_path(task: str, tag: str) -> str:
    return f"/languages/{segment('a task', task)}/{segment('a language', tag)}"


def _expecting(number: int | None) -> dict[str, str]:
    """Return the header that says what must serve."""
    if number is None:
        return {}
    return {"If-Match": f'"{number}"'} if number else {"If-None-Match": "*"}
