import json
import stat
from pathlib import Path

import pytest

from app.security.api_keys import Scope
from app.security.key_store import KeyStore, read_keys
from tests.app.cli.running import Run


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "keys.jsonl"
    monkeypatch.setenv("XMETRA_KEYS_FILE", str(path))
    return path


def test_a_new_key_is_all_that_stdout_holds_and_opens_the_service(run: Run, file: Path) -> None:
    made = run("keys", "new", "--name", "shop", "--scopes", "predict, adapt")

    assert made.code == 0
    kept = KeyStore(file).ring().find(made.out.removesuffix("\n"))
    assert kept is not None
    assert (kept.name, kept.scopes) == ("shop", (Scope.PREDICT, Scope.ADAPT))
    assert "not shown again" in made.err
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_key_may_predict_unless_more_is_said(run: Run, file: Path) -> None:
    run("keys", "new", "--name", "shop")

    assert read_keys(file)[0].scopes == (Scope.PREDICT,)


def test_a_machine_gets_the_key_with_its_id(run: Run, file: Path) -> None:
    told = json.loads(run("keys", "new", "--name", "shop", "--json").out)

    kept = KeyStore(file).ring().find(told.pop("key"))
    assert kept is not None
    assert told == kept.model_dump(mode="json", exclude={"sha256"})


@pytest.mark.parametrize("more", [[], ["--json"]], ids=["people", "machines"])
def test_a_list_tells_everything_but_secrets(run: Run, file: Path, more: list[str]) -> None:
    shown = run("keys", "new", "--name", "[red]shop[/]", "--scopes", "admin").out.strip()
    (kept,) = read_keys(file)

    told = run("keys", "list", *more).out

    assert all(part in told for part in (kept.id, "[red]shop[/]", "admin"))
    assert kept.sha256 not in told
    assert shown.rsplit("_", maxsplit=1)[-1] not in told


def test_a_revoked_key_is_gone_and_the_others_stay(run: Run, file: Path) -> None:
    for name in ("shop", "bank"):
        run("keys", "new", "--name", name)
    shop, bank = read_keys(file)

    assert run("keys", "revoke", shop.id).out == f"revoked {shop.id} (shop)\n"
    assert read_keys(file) == (bank,)
    assert json.loads(run("keys", "revoke", bank.id, "--json").out)["revoked"]["name"] == "bank"
    assert run("keys", "list").err == "no keys\n"
    assert json.loads(run("keys", "list", "--json").out) == {"keys": []}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["new", "--name", "shop", "--scopes", "fly,predict,"],
            "'fly', '' is none of predict, adapt, metrics, admin",
        ),
        (["new", "--name", "two\nlines"], "--name: expected 1 to 100 printable characters"),
        (["new", "--name", ""], "--name: expected 1 to 100 printable characters"),
        (["revoke", "0123456789ab"], "has no key with the id '0123456789ab'"),
        (["list"], "No such file or directory"),
    ],
)
def test_what_cannot_be_done_is_told_and_writes_no_key(
    run: Run, file: Path, arguments: list[str], told: str
) -> None:
    ended = run("keys", *arguments)

    assert ended.code == 2
    assert told in ended.err
    assert not file.exists() or not read_keys(file)


def test_a_faulty_file_is_not_written_over(run: Run, file: Path) -> None:
    file.write_text("{\n{}\n")

    ended = run("keys", "new", "--name", "shop")

    assert ended.code == 2
    assert f"{file} line 1" in ended.err
    assert f"{file} line 2" in ended.err
    assert file.read_text() == "{\n{}\n"


def test_a_file_must_be_named(run: Run) -> None:
    ended = run("keys", "list")

    assert ended.code == 2
    assert "XMETRA_KEYS_FILE" in ended.err
