"""Every command that talks to a service takes its address and an API key, and sends the key."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.app.cli.command_tree import commands, option_names
from tests.app.cli.running import Run
from tests.app.fake_service import FakeService
from tests.repository import SAMPLES

KEY: Final = "xm_0123456789ab_secret"

STARTS: Final = "starts a service; it sends no request to another"
KEYS_FILE: Final = "edits a file of keys"
COMPUTES: Final = "computes in processes of its own"
WITHOUT_SERVICE: Final[Mapping[str, str]] = {
    "up": STARTS,
    "serve": STARTS,
    "worker": "takes jobs from Redis",
    "demo": "starts a service and talks to that one; its --key is for a file of keys",
    "keys new": KEYS_FILE,
    "keys list": KEYS_FILE,
    "keys revoke": KEYS_FILE,
    "experiment": COMPUTES,
    "encoder build": COMPUTES,
}
"""Commands that talk to no service of a user's choice, with the reason."""

ARGUMENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "pretrain": ("en", "EXAMPLES"),
    "adapt": ("es", "EXAMPLES"),
    "first-base": ("--samples", str(SAMPLES)),
    "jobs list": (),
    "jobs show": ("job-1",),
    "jobs watch": ("job-1",),
    "jobs cancel": ("job-1",),
    "predict": ("es", "hola"),
    "ask": ("es", "¿Cuándo?", "--context", "EXAMPLES"),
    "evaluate": ("es", "EXAMPLES"),
    "models list": (),
    "models show": ("es-1",),
    "models history": ("es",),
    "models deploy": ("es", "es-1"),
    "models rollback": ("base",),
    "models export": ("es-1", "ARCHIVE"),
    "models import": ("EXAMPLES",),
    "models delete": ("es-1", "--yes"),
}
"""Command that talks to a service → arguments with which it sends a request."""

COMMANDS: Final = commands()


def arguments_of(path: str, examples: Path) -> list[str]:
    files = {"EXAMPLES": str(examples), "ARCHIVE": str(examples.parent / "es.tar")}
    return [*path.split(), *(files.get(argument, argument) for argument in ARGUMENTS[path])]


def test_every_command_is_classified_by_whether_it_talks_to_a_service() -> None:
    assert sorted([*WITHOUT_SERVICE, *ARGUMENTS]) == sorted(COMMANDS)


@pytest.mark.parametrize("path", ARGUMENTS)
def test_command_takes_the_address_of_the_service_and_a_key(path: str) -> None:
    variables = {
        name: parameter.envvar
        for parameter in COMMANDS[path].params
        for name in parameter.opts
        if name in {"--url", "--key"}
    }
    assert variables == {"--url": "XMETRA_URL", "--key": "XMETRA_API_KEY"}


@pytest.mark.parametrize("path", WITHOUT_SERVICE)
def test_command_without_a_service_takes_no_address(path: str) -> None:
    assert "--url" not in option_names(COMMANDS[path])


@pytest.mark.parametrize("source", ["option", "variable"])
@pytest.mark.parametrize("path", ARGUMENTS)
def test_command_sends_its_key_with_every_request(
    service: FakeService,
    run: Run,
    examples: Path,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    source: str,
) -> None:
    arguments = arguments_of(path, examples)
    if source == "option":
        arguments += ["--key", KEY]
    else:
        monkeypatch.setenv("XMETRA_API_KEY", KEY)

    run(*arguments)

    headers = [request.headers.get("authorization") for request in service.requests]
    assert headers
    assert set(headers) == {f"Bearer {KEY}"}
