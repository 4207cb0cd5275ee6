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


def test_keys_new_prints_only_the_key_on_stdout(run: Run, file: Path) -> None:
    result = run("keys", "new", "--name", "shop", "--scopes", "predict, adapt")

    assert result.code == 0
    key = KeyStore(file).current_keys().find(result.out.removesuffix("\n"))
    assert key is not None
    assert (key.name, key.scopes) == ("shop", (Scope.PREDICT, Scope.ADAPT))
    assert "not shown again" in result.err
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_keys_new_grants_predict_by_default(run: Run, file: Path) -> None:
    run("keys", "new", "--name", "shop")

    assert read_keys(file)[0].scopes == (Scope.PREDICT,)


def test_keys_new_prints_the_key_and_its_id_as_json(run: Run, file: Path) -> None:
    document = json.loads(run("keys", "new", "--name", "shop", "--json").out)

    key = KeyStore(file).current_keys().find(document.pop("key"))
    assert key is not None
    assert document == key.model_dump(mode="json", exclude={"sha256"})


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["table", "json"])
def test_keys_list_prints_no_secrets(run: Run, file: Path, options: list[str]) -> None:
    secret = run("keys", "new", "--name", "[red]shop[/]", "--scopes", "admin").out.strip()
    (key,) = read_keys(file)

    output = run("keys", "list", *options).out

    assert all(part in output for part in (key.id, "[red]shop[/]", "admin"))
    assert key.sha256 not in output
    assert secret.split("_", maxsplit=2)[2] not in output


def test_keys_revoke_removes_only_the_given_key(run: Run, file: Path) -> None:
    for name in ("shop", "bank"):
        run("keys", "new", "--name", name)
    shop, bank = read_keys(file)

    assert run("keys", "revoke", shop.id).out == f"revoked {shop.id} (shop)\n"
    assert read_keys(file) == (bank,)
    assert json.loads(run("keys", "revoke", bank.id, "--json").out)["revoked"]["name"] == "bank"
    assert run("keys", "list").err == "no keys\n"
    assert json.loads(run("keys", "list", "--json").out) == {"keys": []}


@pytest.mark.parametrize(
    ("arguments", "message"),
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
def test_keys_exits_with_2_and_writes_no_key_when_the_arguments_are_invalid(
    run: Run, file: Path, arguments: list[str], message: str
) -> None:
    result = run("keys", *arguments)

    assert result.code == 2
    assert message in result.err
    assert not file.exists() or not read_keys(file)


def test_keys_new_does_not_overwrite_an_invalid_file(run: Run, file: Path) -> None:
    file.write_text("{\n{}\n")

    result = run("keys", "new", "--name", "shop")

    assert result.code == 2
    assert f"{file} line 1" in result.err
    assert f"{file} line 2" in result.err
    assert file.read_text() == "{\n{}\n"


def test_keys_list_exits_with_2_when_no_file_is_given(run: Run) -> None:
    result = run("keys", "list")

    assert result.code == 2
    assert "XMETRA_KEYS_FILE" in result.err
