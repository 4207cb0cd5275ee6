"""The addresses at which ``xmetra serve`` listens; the server itself is a fake."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from app.settings import Settings
from tests.app.cli.running import Run


@pytest.fixture
def proxies() -> list[Any]:
    """Return the trusted proxies of each server that was started."""
    return []


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, proxies: list[Any]) -> Iterator[list[Settings]]:
    """Return the settings of each server that was started; the environment is restored afterwards."""
    settings: list[Settings] = []

    class Server:
        started = True

        def __init__(self, config: uvicorn.Config) -> None:
            self.config = config

        def run(self, sockets: Any) -> None:
            settings.append(Settings())
            proxies.append(self.config.forwarded_allow_ips)

    monkeypatch.setattr(uvicorn, "Server", Server)
    environment = dict(os.environ)
    yield settings
    os.environ.clear()
    os.environ.update(environment)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "", "a-name", "[::1]"])
def test_serve_refuses_an_external_address_without_keys_and_prints_both_remedies(
    run: Run, served: list[Settings], host: str
) -> None:
    result = run("serve", "--host", host)

    assert result.code == 2
    assert served == []
    for remedy in ("xmetra keys new", "XMETRA_KEYS_FILE=", "--insecure", "XMETRA_INSECURE=true"):
        assert remedy in result.err


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.9.9.9"])
def test_serve_accepts_a_loopback_address_without_keys(run: Run, served: list[Settings], host: str) -> None:
    assert run("serve", "--host", host).code == 0
    assert len(served) == 1


def test_serve_accepts_an_external_address_with_keys(
    run: Run, served: list[Settings], tmp_path: Path
) -> None:
    file = tmp_path / "keys.jsonl"

    assert run("serve", "--host", "0.0.0.0", "--keys-file", str(file)).code == 0
    assert [settings.keys_file for settings in served] == [file]


@pytest.mark.parametrize("source", ["option", "variable"])
def test_serve_accepts_an_external_address_when_insecure_is_set(
    run: Run, served: list[Settings], source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if source == "variable":
        monkeypatch.setenv("XMETRA_INSECURE", "true")

    assert run("serve", "--host", "0.0.0.0", *(["--insecure"] if source == "option" else [])).code == 0
    assert [settings.insecure for settings in served] == [True]


def test_serve_ignores_empty_variables(
    run: Run, served: list[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XMETRA_KEYS_FILE", "")
    monkeypatch.setenv("XMETRA_INSECURE", "")

    assert run("serve", "--host", "0.0.0.0").code == 2
    assert run("serve").code == 0
    assert [(settings.keys_file, settings.insecure) for settings in served] == [(None, False)]


def test_serve_checks_the_address_of_an_inherited_socket(run: Run, served: list[Settings]) -> None:
    with socket.create_server(("0.0.0.0", 0)) as external:
        assert run("serve", "--socket", str(os.dup(external.fileno()))).code == 2
    with socket.create_server(("127.0.0.1", 0)) as loopback:
        assert run("serve", "--socket", str(os.dup(loopback.fileno()))).code == 0


@pytest.mark.parametrize(
    ("variable", "trusted"), [("", "127.0.0.1,::1"), ("10.0.0.2", "10.0.0.2"), ("10.0.0.0/8", "10.0.0.0/8")]
)
def test_serve_passes_the_trusted_proxies_to_the_server(
    run: Run,
    served: list[Settings],
    proxies: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    trusted: str,
) -> None:
    monkeypatch.setenv("XMETRA_FORWARDED_ALLOW_IPS", variable)

    assert run("serve").code == 0
    assert proxies == [trusted]
