"""Finding the data of an experiment."""

from pathlib import Path

import pytest

from core.contracts.values import TaskName
from core.errors import InvalidInput
from core.experiments.corpora import Corpora, Files, find_corpora
from tests.repository import SAMPLES

MTOD, QA = TaskName.MTOD, TaskName.QA

PUBLISHED_MTOD = (
    "mtod/en/train-en.conllu",
    "mtod/en/test-en.tsv",
    "mtod/es/eval-es.tsv",
    "mtod/es/test-es.tsv",
)
PUBLISHED_QA = (
    "tydiqa-goldp/train/en.json",
    "tydiqa-goldp/dev/en.json",
    "tydiqa-goldp/train/sw.json",
    "tydiqa-goldp/dev/sw.json",
    "tydiqa-goldp/dev/fi.json",
)


def with_files(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"content of {name}", encoding="utf-8")
    return folder


def test_published_utterances_are_learnt_from_their_development_set(tmp_path: Path) -> None:
    corpora = find_corpora(with_files(tmp_path, *PUBLISHED_MTOD), MTOD, ["es"])
    assert corpora.layout.name == "published"
    assert corpora.languages == {"es": Files("mtod/es/eval-es.tsv", "mtod/es/test-es.tsv")}
    assert corpora.files == sorted(PUBLISHED_MTOD)


def test_published_questions_are_learnt_from_train_or_where_there_is_none_from_dev(tmp_path: Path) -> None:
    corpora = find_corpora(with_files(tmp_path, *PUBLISHED_QA), QA, ["sw", "fi"])
    assert corpora.languages["sw"] == Files("tydiqa-goldp/train/sw.json", "tydiqa-goldp/dev/sw.json")
    assert corpora.languages["fi"] == Files("tydiqa-goldp/dev/fi.json", "tydiqa-goldp/dev/fi.json")


@pytest.mark.parametrize("task", TaskName)
def test_the_samples_are_recognised_by_their_files(task: TaskName) -> None:
    samples = SAMPLES
    corpora = find_corpora(samples, task, ["es", "sw"])
    assert corpora.layout.name == "samples"
    assert len(corpora.examples(corpora.languages["sw"].few_shot)) >= 60
    assert len(corpora.examples(corpora.layout.source)) >= 200


def test_all_missing_files_are_told_at_once_with_the_paths_looked_for(tmp_path: Path) -> None:
    folder = with_files(tmp_path, "mtod/en.jsonl", "mtod/es.few-shot.jsonl")
    with pytest.raises(InvalidInput) as caught:
        find_corpora(folder, MTOD, ["es", "th"])
    assert [fault.pointer for fault in caught.value.faults] == [
        str(folder / name)
        for name in (
            "mtod/en.held-out.jsonl",
            "mtod/es.held-out.jsonl",
            "mtod/th.few-shot.jsonl",
            "mtod/th.held-out.jsonl",
        )
    ]


def test_a_folder_without_any_data_is_told_what_both_layouts_look_like(tmp_path: Path) -> None:
    with pytest.raises(
        InvalidInput, match=r"train-en\.conllu: is not there, nor mtod/en\.jsonl of the other"
    ):
        find_corpora(tmp_path, MTOD, ["es"])


def test_a_file_is_known_by_its_content(tmp_path: Path) -> None:
    folder = with_files(tmp_path, *PUBLISHED_MTOD)
    before = find_corpora(folder, MTOD, ["es"]).hashes
    assert list(before) == sorted(PUBLISHED_MTOD)
    with_files(folder, "mtod/es/test-es.tsv.gz")
    (folder / "mtod/es/test-es.tsv").write_text("other", encoding="utf-8")
    after = find_corpora(folder, MTOD, ["es"]).hashes
    assert [name for name in before if before[name] != after[name]] == ["mtod/es/test-es.tsv"]


def test_a_file_is_read_once(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpora = find_corpora(data, MTOD, ["es"])
    first = corpora.examples("mtod/es.few-shot.jsonl")
    monkeypatch.setattr(Path, "read_bytes", never)
    assert corpora.examples("mtod/es.few-shot.jsonl") is first


def never(_: Path) -> bytes:
    raise AssertionError("read again")


def test_a_fault_in_a_file_is_told_with_its_name_and_line(tmp_path: Path) -> None:
    corpora: Corpora = find_corpora(with_files(tmp_path, *PUBLISHED_MTOD), MTOD, ["es"])
    with pytest.raises(InvalidInput) as caught:
        corpora.examples("mtod/es/eval-es.tsv")
    assert caught.value.faults[0].pointer == "mtod/es/eval-es.tsv line 1"
