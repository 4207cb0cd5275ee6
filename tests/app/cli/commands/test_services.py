"""Where ``xmetra serve`` agrees to listen; the server itself is a stand-in."""

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
    """Whose word each server that was started takes for who calls."""
    return []


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, proxies: list[Any]) -> Iterator[list[Settings]]:
    """The settings that each server which was started has read; its environment is taken back."""
    started: list[Settings] = []

    class Server:
        started = True

        def __init__(self, config: uvicorn.Config) -> None:
            self.config = config

        def run(self, sockets: Any) -> None:
            started.append(Settings())
            proxies.append(self.config.forwarded_allow_ips)

    monkeypatch.setattr(uvicorn, "Server", Server)
    before = dict(os.environ)
    yield started
    os.environ.clear()
    os.environ.update(before)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "", "a-name", "[::1]"])
def test_without_keys_others_are_not_listened_to_and_both_ways_out_are_taught(
    run: Run, served: list[Settings], host: str
) -> None:
    ended = run("serve", "--host", host)

    assert ended.code == 2
    assert served == []
    for remedy in ("xmetra keys new", "XMETRA_KEYS_FILE=", "--insecure", "XMETRA_INSECURE=true"):
        assert remedy in ended.err


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.9.9.9"])
def test_without_keys_this_machine_is_listened_to(run: Run, served: list[Settings], host: str) -> None:
    assert run("serve", "--host", host).code == 0
    assert len(served) == 1


def test_with_keys_anybody_is(run: Run, served: list[Settings], tmp_path: Path) -> None:
    file = tmp_path / "keys.jsonl"

    assert run("serve", "--host", "0.0.0.0", "--keys-file", str(file)).code == 0
    assert [settings.keys_file for settings in served] == [file]


@pytest.mark.parametrize("by", ["option", "variable"])
def test_insecure_is_said_by_an_option_or_a_variable(
    run: Run, served: list[Settings], by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if by == "variable":
        monkeypatch.setenv("XMETRA_INSECURE", "true")

    assert run("serve", "--host", "0.0.0.0", *(["--insecure"] if by == "option" else [])).code == 0
    assert [settings.insecure for settings in served] == [True]


def test_empty_variables_are_as_good_as_none(
    run: Run, served: list[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XMETRA_KEYS_FILE", "")
    monkeypatch.setenv("XMETRA_INSECURE", "")

    assert run("serve", "--host", "0.0.0.0").code == 2
    assert run("serve").code == 0
    assert [(settings.keys_file, settings.insecure) for settings in served] == [(None, False)]


def test_an_inherited_socket_is_judged_by_where_it_listens(run: Run, served: list[Settings]) -> None:
    with socket.create_server(("0.0.0.0", 0)) as outward:
        assert run("serve", "--socket", str(os.dup(outward.fileno()))).code == 2
    with socket.create_server(("127.0.0.1", 0)) as inward:
        assert run("serve", "--socket", str(os.dup(inward.fileno()))).code == 0


@pytest.mark.parametrize(
    ("variable", "trusted"), [("", "127.0.0.1,::1"), ("10.0.0.2", "10.0.0.2"), ("10.0.0.0/8", "10.0.0.0/8")]
)
def test_only_a_proxy_that_is_trusted_may_say_who_calls(
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
