import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.security.api_keys import Scope, new_key
from app.security.key_store import KeyStore, edit_keys, read_keys
from core.errors import InvalidInput


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.jsonl"


def add(file: Path, name: str = "shop", *scopes: Scope) -> str:
    token, stored = new_key(name, scopes or (Scope.PREDICT,))
    with edit_keys(file) as keys:
        keys.append(stored)
    return token


def faults(file: Path) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        read_keys(file)
    return [str(fault).replace(str(file), "FILE") for fault in caught.value.faults]


def line(**fields: Any) -> str:
    stored = new_key("shop", [Scope.PREDICT])[1].model_dump(mode="json")
    return json.dumps({name: value for name, value in {**stored, **fields}.items() if value is not None})


def test_read_keys_returns_a_written_key(file: Path) -> None:
    token = add(file, "Bücher & Söhne", Scope.PREDICT, Scope.ADAPT)

    (key,) = read_keys(file)
    assert (key.name, key.scopes) == ("Bücher & Söhne", (Scope.PREDICT, Scope.ADAPT))
    assert KeyStore(file).current_keys().find(token) == key


def test_edit_keys_creates_a_file_readable_by_its_owner_only(file: Path) -> None:
    add(file)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_edit_keys_keeps_group_read_access(file: Path) -> None:
    add(file)
    file.chmod(0o644)

    add(file)

    assert stat.S_IMODE(file.stat().st_mode) == 0o640


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_edit_keys_keeps_the_owner_when_run_by_root(file: Path) -> None:
    add(file)
    os.chown(file, 10001, 10002)

    add(file)

    assert (file.stat().st_uid, file.stat().st_gid) == (10001, 10002)


def test_edit_keys_leaves_the_file_unchanged_when_the_write_fails(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(file)
    before = file.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError("no space left on the device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        add(file)

    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_edit_keys_loses_no_key_when_used_concurrently(file: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        tokens = list(pool.map(lambda number: add(file, f"key {number}"), range(16)))

    ring = KeyStore(file).current_keys()
    assert all(ring.find(token) for token in tokens)
    assert len(ring) == 16


def test_edit_keys_keeps_a_symbolic_link(file: Path, tmp_path: Path) -> None:
    add(file)
    link = tmp_path / "link"
    link.symlink_to(file)

    add(link)

    assert link.is_symlink()
    assert len(read_keys(file)) == 2


def test_read_keys_reports_every_fault_with_its_line(file: Path) -> None:
    twice = line(id="0123456789ab")
    lines = [
        "{",
        line(),
        "",
        line(scopes=["predict", "fly"], name=None),
        line(sha256="xm_secret"),
        twice,
        twice,
    ]
    file.write_text("\n".join([*lines, line(colour="red"), line(scopes=[])]))

    messages = faults(file)

    assert [fault.split(": ")[:2] for fault in messages] == [
        ["FILE line 1", messages[0].split(": ")[1]],
        ["FILE line 4", "name"],
        ["FILE line 4", "scopes/1"],
        ["FILE line 5", "sha256"],
        ["FILE line 7", "the id 0123456789ab has a line above"],
        ["FILE line 8", "colour"],
        ["FILE line 9", "scopes"],
    ]
    assert messages[0].startswith("FILE line 1: Invalid JSON")
    assert "xm_secret" not in " ".join(messages)


def test_read_keys_reports_an_unreadable_file_as_a_fault(file: Path) -> None:
    assert faults(file) == ["FILE: No such file or directory"]
    file.mkdir()
    assert faults(file) == ["FILE: Is a directory"]
    file.rmdir()
    file.write_bytes(b"\xff\xfe")
    assert faults(file) == ["FILE: byte 0 is not UTF-8"]


def test_current_keys_reflects_changes_of_the_file(file: Path) -> None:
    first = add(file)
    keys = KeyStore(file)
    second = add(file)
    assert keys.current_keys().find(second)

    with edit_keys(file) as stored_keys:
        del stored_keys[0]

    assert keys.current_keys().find(first) is None
    assert keys.current_keys().find(second)


@pytest.mark.parametrize("damage", ["{", None], ids=["faulty", "gone"])
def test_current_keys_keeps_previous_keys_when_the_file_becomes_invalid(
    file: Path, damage: str | None
) -> None:
    token = add(file)
    good = file.read_text()
    keys = KeyStore(file)
    if damage is None:
        file.unlink()
    else:
        file.write_text(damage)

    with capture_logs() as entries:
        assert keys.current_keys().find(token)
        assert keys.current_keys().find(token)
    assert [entry["log_level"] for entry in entries] == ["error"]
    assert "the keys before it stay" in entries[0]["event"]
    assert str(file) in entries[0]["faults"][0]

    file.write_text(good + line() + "\n")
    assert len(keys.current_keys()) == 2


def test_key_store_warns_when_the_file_is_empty(file: Path) -> None:
    token = add(file)
    keys = KeyStore(file)
    file.write_text("")
    assert keys.current_keys().find(token) is None

    with capture_logs() as entries:
        KeyStore(file)
    assert "every key is refused" in entries[0]["event"]
