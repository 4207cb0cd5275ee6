import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.security.api_keys import Scope, new_key
from app.security.key_store import KeyStore, changing, read_keys
from core.errors import InvalidInput


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.jsonl"


def add(file: Path, name: str = "shop", *scopes: Scope) -> str:
    shown, kept = new_key(name, scopes or (Scope.PREDICT,))
    with changing(file) as keys:
        keys.append(kept)
    return shown


def faults(file: Path) -> list[str]:
    with pytest.raises(InvalidInput) as told:
        read_keys(file)
    return [str(fault).replace(str(file), "FILE") for fault in told.value.faults]


def line(**fields: Any) -> str:
    kept = new_key("shop", [Scope.PREDICT])[1].model_dump(mode="json")
    return json.dumps({name: value for name, value in {**kept, **fields}.items() if value is not None})


def test_a_key_that_is_written_is_read_again(file: Path) -> None:
    shown = add(file, "Bücher & Söhne", Scope.PREDICT, Scope.ADAPT)

    (key,) = read_keys(file)
    assert (key.name, key.scopes) == ("Bücher & Söhne", (Scope.PREDICT, Scope.ADAPT))
    assert KeyStore(file).ring().find(shown) == key


def test_only_its_owner_may_read_a_new_file(file: Path) -> None:
    add(file)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_who_could_read_a_file_still_can_after_a_change(file: Path) -> None:
    add(file)
    file.chmod(0o644)

    add(file)

    assert stat.S_IMODE(file.stat().st_mode) == 0o640


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_file_that_root_changes_keeps_its_owner(file: Path) -> None:
    add(file)
    os.chown(file, 10001, 10002)

    add(file)

    assert (file.stat().st_uid, file.stat().st_gid) == (10001, 10002)


def test_a_change_that_fails_leaves_the_file_as_it_was_and_nothing_beside_it(
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


def test_two_that_add_keys_at_once_lose_none(file: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: add(file, f"key {number}"), range(16)))

    ring = KeyStore(file).ring()
    assert all(ring.find(shown) for shown in made)
    assert len(ring) == 16


def test_a_link_to_the_file_stays_one(file: Path, tmp_path: Path) -> None:
    add(file)
    link = tmp_path / "link"
    link.symlink_to(file)

    add(link)

    assert link.is_symlink()
    assert len(read_keys(file)) == 2


def test_every_fault_of_a_file_is_told_with_its_line(file: Path) -> None:
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

    told = faults(file)

    assert [fault.split(": ")[:2] for fault in told] == [
        ["FILE line 1", told[0].split(": ")[1]],
        ["FILE line 4", "name"],
        ["FILE line 4", "scopes/1"],
        ["FILE line 5", "sha256"],
        ["FILE line 7", "the id 0123456789ab has a line above"],
        ["FILE line 8", "colour"],
        ["FILE line 9", "scopes"],
    ]
    assert told[0].startswith("FILE line 1: Invalid JSON")
    assert "xm_secret" not in " ".join(told)


def test_a_file_that_cannot_be_read_is_a_fault(file: Path) -> None:
    assert faults(file) == ["FILE: No such file or directory"]
    file.mkdir()
    assert faults(file) == ["FILE: Is a directory"]
    file.rmdir()
    file.write_bytes(b"\xff\xfe")
    assert faults(file) == ["FILE: byte 0 is not UTF-8"]


def test_a_key_that_is_added_or_revoked_counts_from_the_next_request_on(file: Path) -> None:
    first = add(file)
    keys = KeyStore(file)
    second = add(file)
    assert keys.ring().find(second)

    with changing(file) as listed:
        del listed[0]

    assert keys.ring().find(first) is None
    assert keys.ring().find(second)


@pytest.mark.parametrize("damage", ["{", None], ids=["faulty", "gone"])
def test_a_file_that_turns_bad_keeps_the_keys_before_it_and_is_logged_once(
    file: Path, damage: str | None
) -> None:
    shown = add(file)
    good = file.read_text()
    keys = KeyStore(file)
    if damage is None:
        file.unlink()
    else:
        file.write_text(damage)

    with capture_logs() as logged:
        assert keys.ring().find(shown)
        assert keys.ring().find(shown)
    assert [entry["log_level"] for entry in logged] == ["error"]
    assert "the keys before it stay" in logged[0]["event"]
    assert str(file) in logged[0]["faults"][0]

    file.write_text(good + line() + "\n")
    assert len(keys.ring()) == 2


def test_an_empty_file_lets_nobody_in_and_says_so(file: Path) -> None:
    shown = add(file)
    keys = KeyStore(file)
    file.write_text("")
    assert keys.ring().find(shown) is None

    with capture_logs() as logged:
        KeyStore(file)
    assert "nobody is let in" in logged[0]["event"]
