import json
import re
from pathlib import Path

import pytest

from samples.build_questions import SourceError, build, main

GOOD = """\
# The mill
The mill stands by the mill pond in Öland 🌾 since 1820.
? Since when is there a mill? :: 1820
? Where does the mill stand? :: by the mill pond
The miller is Ada.

? Who grinds the corn? :: Ada

# The well
Its water is cold, cold as ice.
? How cold is the water? :: cold @2
"""


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    folder = tmp_path / "questions"
    folder.mkdir()
    return folder


def faults(sources: Path, **texts: str) -> list[str]:
    for name, text in texts.items():
        (sources / f"{name}.txt").write_text(text, encoding="utf-8")
    with pytest.raises(SourceError) as caught:
        build(sources)
    return [line.removeprefix(f"{sources}/") for line in str(caught.value).splitlines()]


def test_build_converts_a_source_to_squad(sources: Path) -> None:
    (sources / "sv.held-out.txt").write_text(GOOD, encoding="utf-8")
    content = build(sources)["sv.held-out.json"]
    mill, well = json.loads(content)["data"]
    assert json.loads(content)["version"] == "xmetra-samples-1"
    assert (mill["title"], well["title"]) == ("The mill", "The well")
    assert mill["paragraphs"][0] == {
        "context": "The mill stands by the mill pond in Öland 🌾 since 1820.",
        "qas": [
            {
                "id": "sv-held-out-0001",
                "question": "Since when is there a mill?",
                "answers": [{"text": "1820", "answer_start": 50}],
            },
            {
                "id": "sv-held-out-0002",
                "question": "Where does the mill stand?",
                "answers": [{"text": "by the mill pond", "answer_start": 16}],
            },
        ],
    }
    assert mill["paragraphs"][1]["qas"][0]["id"] == "sv-held-out-0003"
    assert well["paragraphs"][0]["qas"][0]["answers"] == [{"text": "cold", "answer_start": 19}]


def test_build_writes_readable_json(sources: Path) -> None:
    (sources / "sv.txt").write_text(GOOD, encoding="utf-8")
    content = build(sources)["sv.json"]
    assert "Öland 🌾" in content
    assert content.startswith('{\n "version": ')
    assert content.endswith("}\n")


def test_build_reports_every_fault_of_answers_with_line(sources: Path) -> None:
    text = (
        "# A\nThe cat saw the dog.\n? Who barks? :: fox\n? Who? :: the\n? Which? :: he\n? What? :: cat @2\n"
    )
    assert faults(sources, en=text) == [
        "en.txt:3: 'fox' is not in the paragraph of line 2",
        "en.txt:5: 'he' occurs 2 times in the paragraph of line 2: say which one, with @1 or @2 …",
        "en.txt:6: 'cat' @2 is not in the paragraph of line 2, where it occurs 1 time(s)",
    ]


def test_build_reports_every_fault_of_format_with_line(sources: Path) -> None:
    text = "early\n? Who? :: early\n#\nA cat.\n? Who is it? A cat\n? Who? ::\n? :: cat\nA dog.\n# B\n"
    assert faults(sources, en=text) == [
        "en.txt:1: a paragraph stands before the first title",
        "en.txt:2: a question stands before its paragraph",
        "en.txt:3: the title is empty",
        "en.txt:5: the question has no ::, which must stand before its answer",
        "en.txt:6: the question or its answer is empty",
        "en.txt:7: the question or its answer is empty",
        "en.txt:8: the paragraph has no question",
        "en.txt:9: the article has no paragraph",
    ]


def test_build_reports_a_repeated_question_with_both_places(sources: Path) -> None:
    text = "# A\nA cat ran.\n? Who ran? :: cat\n? who ran :: cat\n"
    assert faults(sources, en=text) == [f"en.txt:4: the question repeats the one in {sources}/en.txt:3"]


def test_build_reports_a_repeated_paragraph_with_both_places(sources: Path) -> None:
    held_out = "# B\n\nA cat ran.\n? Did it? :: ran\n"
    assert faults(sources, **{"en": "# A\nA cat ran.\n? Who ran? :: cat\n", "en.held-out": held_out}) == [
        f"en.txt:2: the paragraph repeats the one in {sources}/en.held-out.txt:3"
    ]


def test_build_reports_empty_files_and_folders(sources: Path) -> None:
    assert faults(sources) == [f"{sources} holds no .txt file"]
    assert faults(sources, en="\n") == ["en.txt:1: the file has no article"]


def test_main_writes_every_file(sources: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (sources / "sv.txt").write_text(GOOD, encoding="utf-8")
    out = tmp_path / "new" / "folder"
    assert main(["--sources", str(sources), "--out", str(out)]) == 0
    assert (out / "sv.json").read_text(encoding="utf-8") == build(sources)["sv.json"]
    assert "sv.json: 4 questions" in capsys.readouterr().out


def test_main_prints_faults_and_writes_nothing(
    sources: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (sources / "en.txt").write_text("# A\nA cat.\n? Who? cat\n", encoding="utf-8")
    assert main(["--sources", str(sources), "--out", str(tmp_path / "out")]) == 1
    assert f"{sources}/en.txt:3: the question has no ::" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_help_contains_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    text = re.sub(r"\s+", " ", capsys.readouterr().out)
    assert "python -m samples.build_questions --out samples/qa" in text
