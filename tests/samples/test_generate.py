import re
from pathlib import Path

import pytest

from samples import generate
from samples.generate import FILES, main


def test_the_committed_files_are_what_the_generator_says(committed: dict[str, str]) -> None:
    assert generate.generate(7) == committed


def test_another_seed_says_other_things(committed: dict[str, str]) -> None:
    assert generate.generate(8)["es.few-shot.jsonl"] != committed["es.few-shot.jsonl"]


def test_files_are_written_where_they_are_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], committed: dict[str, str]
) -> None:
    folder = tmp_path / "new" / "folder"
    assert main(["--seed", "7", "--out", str(folder)]) == 0
    assert {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()} == committed
    assert "es.few-shot.jsonl: 120 utterances" in capsys.readouterr().out


def test_one_file_can_be_printed(capsys: pytest.CaptureFixture[str], committed: dict[str, str]) -> None:
    assert main(["--only", "es.held-out.jsonl", "--out", "-"]) == 0
    assert capsys.readouterr().out == committed["es.held-out.jsonl"]


def test_the_help_teaches_the_command_and_how_to_add_a_language(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    told = re.sub(r"\s+", " ", capsys.readouterr().out)
    assert "python -m samples.generate --seed 7 --out samples/mtod" in told
    assert "To add a language" in told


def test_a_grammar_that_says_too_little_is_told_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "a.grammar").write_text("@ alarm/set_alarm\nset an alarm\n", encoding="utf-8")
    monkeypatch.setattr(generate, "GRAMMARS", tmp_path)
    assert main(["--out", str(tmp_path / "out")]) == 1
    assert "@ alarm/set_alarm has too little to say" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_every_file_has_its_own_name() -> None:
    assert len({file.name for file in FILES}) == len(FILES)
