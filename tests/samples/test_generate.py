import re
from pathlib import Path

import pytest

from samples import generate
from samples.generate import FILES, main


def test_generate_reproduces_the_committed_files(committed: dict[str, str]) -> None:
    assert generate.generate(7) == committed


def test_generate_depends_on_the_seed(committed: dict[str, str]) -> None:
    assert generate.generate(8)["es.few-shot.jsonl"] != committed["es.few-shot.jsonl"]


def test_main_writes_files_to_a_new_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], committed: dict[str, str]
) -> None:
    folder = tmp_path / "new" / "folder"
    assert main(["--seed", "7", "--out", str(folder)]) == 0
    assert {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()} == committed
    assert "es.few-shot.jsonl: 120 utterances" in capsys.readouterr().out


def test_main_prints_a_single_file(capsys: pytest.CaptureFixture[str], committed: dict[str, str]) -> None:
    assert main(["--only", "es.held-out.jsonl", "--out", "-"]) == 0
    assert capsys.readouterr().out == committed["es.held-out.jsonl"]


def test_help_contains_the_command_and_how_to_add_a_language(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    text = re.sub(r"\s+", " ", capsys.readouterr().out)
    assert "python -m samples.generate --seed 7 --out samples/mtod" in text
    assert "To add a language" in text


def test_main_prints_an_error_when_grammar_is_exhausted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "a.grammar").write_text("@ alarm/set_alarm\nset an alarm\n", encoding="utf-8")
    monkeypatch.setattr(generate, "GRAMMARS", tmp_path)
    assert main(["--out", str(tmp_path / "out")]) == 1
    assert "@ alarm/set_alarm has too few utterances" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_file_names_are_unique() -> None:
    assert len({file.name for file in FILES}) == len(FILES)
