"""Random samples of few-shot examples."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.contracts.examples import MtodExample
from core.contracts.qa_examples import QaExample
from core.contracts.values import MTOD, QA
from core.experiments.corpora import Corpora, find_corpora
from core.experiments.folder import Folder
from core.experiments.grid import Cell
from core.experiments.sampling import Draw, Sampler, sample_per_class, sample_rows, sample_share_per_class
from core.formats import write_squad
from core.store import Store
from tests.core.tasks.qa.qa_examples import qa_example

CLASSES = ["alarm"] * 20 + ["weather"] * 10 + ["rare"]
SEEDS = st.integers(0, 1000)


def cell(language: str = "es", **changes: Any) -> Cell:
    return Cell.model_validate({"language": language, "method": "ft", "seed": 42} | changes)


@given(SEEDS, st.integers(1, 30))
def test_sample_per_class_limits_each_class(seed: int, count: int) -> None:
    sample = sample_per_class(CLASSES, count, seed=seed)
    sizes = Counter(CLASSES[index] for index in sample)
    assert sizes == {name: min(count, size) for name, size in Counter(CLASSES).items()}
    assert sample == sorted(set(sample))


@given(SEEDS, st.floats(0.01, 1))
def test_sample_share_per_class_covers_every_class(seed: int, share: float) -> None:
    sizes = Counter(CLASSES[index] for index in sample_share_per_class(CLASSES, share, seed=seed))
    assert sizes == {name: max(1, round(share * size)) for name, size in Counter(CLASSES).items()}


@given(SEEDS)
def test_smaller_samples_are_subsets_for_the_same_seed(seed: int) -> None:
    three, nine = (set(sample_per_class(CLASSES, count, seed=seed)) for count in (3, 9))
    tenth, half = (set(sample_share_per_class(CLASSES, share, seed=seed)) for share in (0.1, 0.5))
    assert three < nine
    assert tenth < half


def test_sample_per_class_depends_on_seed_only() -> None:
    assert sample_per_class(CLASSES, 3, seed=1) == sample_per_class(CLASSES, 3, seed=1)
    assert len({tuple(sample_per_class(CLASSES, 3, seed=seed)) for seed in range(5)}) == 5


@pytest.fixture
def corpora(data: Path) -> Corpora:
    return find_corpora(data, MTOD, ["es"])


def intents(corpora: Corpora, rows: list[int]) -> Counter[str]:
    examples = corpora.examples("mtod/es.few-shot.jsonl")
    return Counter(example.intent for row in rows if isinstance(example := examples[row], MtodExample))


def test_sample_rows_uses_whole_files_without_limit(
    corpora: Corpora,
) -> None:
    rows = sample_rows(cell(), corpora)
    assert rows.few_shot == list(range(12))
    assert rows.evaluation == list(range(12))


def test_sample_rows_limits_shots_per_intent(corpora: Corpora) -> None:
    rows = sample_rows(cell(shots=2), corpora)
    assert intents(corpora, rows.few_shot) == {"set_alarm": 2, "find_weather": 2, "set_reminder": 2}


def test_sample_rows_stratifies_a_share_by_intent(corpora: Corpora) -> None:
    rows = sample_rows(cell(share=0.5), corpora)
    assert intents(corpora, rows.few_shot) == {"set_alarm": 2, "find_weather": 2, "set_reminder": 2}


def test_sample_rows_of_limited_amount_ignores_training_seed(corpora: Corpora) -> None:
    first, second = (sample_rows(cell(shots=1, draw=3, seed=seed), corpora) for seed in (42, 35))
    assert first == second
    assert any(sample_rows(cell(shots=1, draw=draw), corpora) != first for draw in range(3))


def questions(language: str, count: int) -> list[QaExample]:
    """Return questions, two for each context."""
    return [
        qa_example(f"{language} {word} {number // 2}?", f"{language} {number // 2} is ⟦here⟧")
        for number, word in ((number, ("where", "what")[number % 2]) for number in range(count))
    ]


@pytest.fixture
def qa_corpora(tmp_path: Path) -> Corpora:
    """Return data in the layout of TyDiQA: Swahili shares contexts of train and dev, Finnish has no train."""
    files = {
        "train/en": questions("en", 10),
        "dev/en": questions("en", 4),
        "train/sw": questions("sw", 200),
        "dev/sw": questions("sw", 100),
        "dev/fi": questions("fi", 40),
    }
    for name, examples in files.items():
        path = tmp_path / "tydiqa-goldp" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(write_squad(examples))
    return find_corpora(tmp_path, QA, ["sw", "fi"])


def contexts(corpora: Corpora, file: str, rows: list[int]) -> set[str]:
    examples = corpora.examples(file)
    return {example.context for row in rows if isinstance(example := examples[row], QaExample)}


def test_sample_rows_of_tydiqa_excludes_contexts_of_dev(qa_corpora: Corpora) -> None:
    files = qa_corpora.languages["sw"]
    rows = sample_rows(cell("sw"), qa_corpora)
    assert 0 < len(rows.few_shot) <= 20
    assert rows.evaluation == list(range(100))
    few_shot = contexts(qa_corpora, files.few_shot, rows.few_shot)
    assert few_shot.isdisjoint(contexts(qa_corpora, files.evaluation, rows.evaluation))


def test_sample_rows_of_tydiqa_depends_on_training_seed(qa_corpora: Corpora) -> None:
    assert sample_rows(cell("sw", seed=42), qa_corpora) == sample_rows(cell("sw", seed=42), qa_corpora)
    assert sample_rows(cell("sw", seed=42), qa_corpora) != sample_rows(cell("sw", seed=44), qa_corpora)


def test_sample_rows_splits_dev_by_context_when_there_is_no_train(qa_corpora: Corpora) -> None:
    file = qa_corpora.languages["fi"].few_shot
    rows = sample_rows(cell("fi"), qa_corpora)
    assert len(rows.few_shot) == 12
    assert sorted(rows.few_shot + rows.evaluation) == list(range(40))
    assert contexts(qa_corpora, file, rows.few_shot).isdisjoint(contexts(qa_corpora, file, rows.evaluation))


def test_sample_rows_limits_total_number_of_questions(qa_corpora: Corpora) -> None:
    whole = sample_rows(cell("fi", seed=1), qa_corpora)
    rows = sample_rows(cell("fi", shots=5, draw=1), qa_corpora)
    assert len(rows.few_shot) == 5
    assert set(rows.few_shot) < set(whole.few_shot)
    assert rows.evaluation == whole.evaluation


def test_sampler_writes_reproducible_draws(corpora: Corpora, folder: Folder) -> None:
    store = Store(folder.store)
    draw = Sampler(corpora, store, folder).draw(cell(shots=2, draw=1))
    stored = folder.read(folder.root / "draws" / "es.2-shots.1.json", Draw)
    assert stored == draw
    assert (draw.language, draw.what, draw.number) == ("es", "2-shots", 1)
    assert draw.few_shot.file == "mtod/es.few-shot.jsonl"
    assert draw.few_shot.sha256 == corpora.sha256("mtod/es.few-shot.jsonl")
    examples = corpora.examples(draw.few_shot.file)
    assert store.datasets.load(draw.few_shot.dataset_id) == tuple(examples[row] for row in draw.few_shot.rows)


def test_sampler_shares_draws_between_methods_and_seeds(corpora: Corpora, folder: Folder) -> None:
    sampler = Sampler(corpora, Store(folder.store), folder)
    cells = [cell(seed=seed, method=method) for seed in (42, 35) for method in ("ft", "mono")]
    assert len({id(sampler.draw(cell)) for cell in cells}) == 1
    assert [path.name for path in (folder.root / "draws").iterdir()] == ["es.full.0.json"]


def test_sampler_draws_equal_datasets_in_different_folders(corpora: Corpora, tmp_path: Path) -> None:
    folders = [Folder(tmp_path / name) for name in ("first", "second")]
    first, second = (Sampler(corpora, Store(folder.store), folder).draw(cell(shots=1)) for folder in folders)
    assert first == second
