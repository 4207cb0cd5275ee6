"""Detection and reading of an experiment's data files."""

from pathlib import Path

import pytest

from core.contracts.values import MTOD, QA, TaskName
from core.errors import InvalidInput
from core.experiments.corpora import Corpora, LanguageFiles, find_corpora
from core.plugins import task_names
from tests.repository import SAMPLES

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


def write_files(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"content of {name}", encoding="utf-8")
    return folder


def test_find_corpora_uses_development_set_of_published_mtod(tmp_path: Path) -> None:
    corpora = find_corpora(write_files(tmp_path, *PUBLISHED_MTOD), MTOD, ["es"])
    assert corpora.layout.name == "published"
    assert corpora.languages == {"es": LanguageFiles("mtod/es/eval-es.tsv", "mtod/es/test-es.tsv")}
    assert corpora.files == sorted(PUBLISHED_MTOD)


def test_find_corpora_uses_train_or_else_dev_of_published_qa(tmp_path: Path) -> None:
    corpora = find_corpora(write_files(tmp_path, *PUBLISHED_QA), QA, ["sw", "fi"])
    assert corpora.languages["sw"] == LanguageFiles("tydiqa-goldp/train/sw.json", "tydiqa-goldp/dev/sw.json")
    assert corpora.languages["fi"] == LanguageFiles("tydiqa-goldp/dev/fi.json", "tydiqa-goldp/dev/fi.json")


@pytest.mark.parametrize("task", task_names())
def test_find_corpora_detects_layout_of_samples(task: TaskName) -> None:
    samples = SAMPLES
    corpora = find_corpora(samples, task, ["es", "sw"])
    assert corpora.layout.name == "samples"
    assert len(corpora.examples(corpora.languages["sw"].few_shot)) >= 60
    assert len(corpora.examples(corpora.layout.source)) >= 200


def test_find_corpora_reports_all_missing_files(tmp_path: Path) -> None:
    folder = write_files(tmp_path, "mtod/en.jsonl", "mtod/es.few-shot.jsonl")
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


def test_find_corpora_names_both_layouts_when_folder_is_empty(tmp_path: Path) -> None:
    with pytest.raises(
        InvalidInput, match=r"train-en\.conllu: is not there, nor mtod/en\.jsonl of the other"
    ):
        find_corpora(tmp_path, MTOD, ["es"])


def test_hashes_depend_on_file_content(tmp_path: Path) -> None:
    folder = write_files(tmp_path, *PUBLISHED_MTOD)
    before = find_corpora(folder, MTOD, ["es"]).hashes
    assert list(before) == sorted(PUBLISHED_MTOD)
    write_files(folder, "mtod/es/test-es.tsv.gz")
    (folder / "mtod/es/test-es.tsv").write_text("other", encoding="utf-8")
    after = find_corpora(folder, MTOD, ["es"]).hashes
    assert [name for name in before if before[name] != after[name]] == ["mtod/es/test-es.tsv"]


def test_examples_reads_a_file_once(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpora = find_corpora(data, MTOD, ["es"])
    first = corpora.examples("mtod/es.few-shot.jsonl")
    monkeypatch.setattr(Path, "read_bytes", fail_to_read)
    assert corpora.examples("mtod/es.few-shot.jsonl") is first


def fail_to_read(_: Path) -> bytes:
    raise AssertionError("read again")


def test_examples_reports_faults_with_file_name_and_line(tmp_path: Path) -> None:
    corpora: Corpora = find_corpora(write_files(tmp_path, *PUBLISHED_MTOD), MTOD, ["es"])
    with pytest.raises(InvalidInput) as caught:
        corpora.examples("mtod/es/eval-es.tsv")
    assert caught.value.faults[0].pointer == "mtod/es/eval-es.tsv line 1"
