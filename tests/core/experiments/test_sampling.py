"""Which examples a run learns from."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.contracts.examples import MtodExample
from core.contracts.questions import QaExample
from core.contracts.values import TaskName
from core.experiments.corpora import Corpora, find_corpora
from core.experiments.folder import Folder
from core.experiments.grid import Cell
from core.experiments.sampling import Draw, Draws, draw_rows, share_of_each, some_of_each
from core.formats import write_squad
from core.store import Store
from tests.core.tasks.qa.asking import answered

CLASSES = ["alarm"] * 20 + ["weather"] * 10 + ["rare"]
NUMBERS = st.integers(0, 1000)


def cell(language: str = "es", **changes: Any) -> Cell:
    return Cell.model_validate({"language": language, "method": "ft", "seed": 42} | changes)


@given(NUMBERS, st.integers(1, 30))
def test_of_each_class_there_are_as_many_as_asked_or_all_it_has(number: int, count: int) -> None:
    chosen = some_of_each(CLASSES, count, number=number)
    found = Counter(CLASSES[index] for index in chosen)
    assert found == {name: min(count, size) for name, size in Counter(CLASSES).items()}
    assert chosen == sorted(set(chosen))


@given(NUMBERS, st.floats(0.01, 1))
def test_a_share_is_one_of_every_class_and_leaves_none_out(number: int, share: float) -> None:
    found = Counter(CLASSES[index] for index in share_of_each(CLASSES, share, number=number))
    assert found == {name: max(1, round(share * size)) for name, size in Counter(CLASSES).items()}


@given(NUMBERS)
def test_fewer_by_the_same_number_are_some_of_the_same(number: int) -> None:
    three, nine = (set(some_of_each(CLASSES, count, number=number)) for count in (3, 9))
    tenth, half = (set(share_of_each(CLASSES, share, number=number)) for share in (0.1, 0.5))
    assert three < nine
    assert tenth < half


def test_a_number_draws_alike_and_another_otherwise() -> None:
    assert some_of_each(CLASSES, 3, number=1) == some_of_each(CLASSES, 3, number=1)
    assert len({tuple(some_of_each(CLASSES, 3, number=number)) for number in range(5)}) == 5


@pytest.fixture
def corpora(data: Path) -> Corpora:
    return find_corpora(data, TaskName.MTOD, ["es"])


def intents(corpora: Corpora, rows: list[int]) -> Counter[str]:
    examples = corpora.examples("mtod/es.few-shot.jsonl")
    return Counter(one.intent for row in rows if isinstance(one := examples[row], MtodExample))


def test_without_a_limit_all_of_the_few_shot_file_is_learnt_and_all_of_the_other_measures(
    corpora: Corpora,
) -> None:
    rows = draw_rows(cell(), corpora)
    assert rows.few_shot == list(range(12))
    assert rows.evaluation == list(range(12))


def test_shots_of_utterances_are_by_intent(corpora: Corpora) -> None:
    rows = draw_rows(cell(shots=2), corpora)
    assert intents(corpora, rows.few_shot) == {"set_alarm": 2, "find_weather": 2, "set_reminder": 2}


def test_a_share_of_utterances_keeps_the_balance_of_intents(corpora: Corpora) -> None:
    rows = draw_rows(cell(share=0.5), corpora)
    assert intents(corpora, rows.few_shot) == {"set_alarm": 2, "find_weather": 2, "set_reminder": 2}


def test_a_limited_draw_does_not_depend_on_the_seed(corpora: Corpora) -> None:
    one, other = (draw_rows(cell(shots=1, draw=3, seed=seed), corpora) for seed in (42, 35))
    assert one == other
    assert any(draw_rows(cell(shots=1, draw=draw), corpora) != one for draw in range(3))


def questions(language: str, count: int) -> list[QaExample]:
    """Return questions, two on each context."""
    return [
        answered(f"{language} {word} {number // 2}?", f"{language} {number // 2} is ⟦here⟧")
        for number, word in ((number, ("where", "what")[number % 2]) for number in range(count))
    ]


@pytest.fixture
def asking(tmp_path: Path) -> Corpora:
    """TyDiQA as it is published: Swahili repeats some contexts of train in dev, Finnish has no train."""
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
    return find_corpora(tmp_path, TaskName.QA, ["sw", "fi"])


def contexts(corpora: Corpora, file: str, rows: list[int]) -> set[str]:
    examples = corpora.examples(file)
    return {one.context for row in rows if isinstance(one := examples[row], QaExample)}


def test_questions_are_a_tenth_of_train_without_the_contexts_of_dev(asking: Corpora) -> None:
    files = asking.languages["sw"]
    rows = draw_rows(cell("sw"), asking)
    assert 0 < len(rows.few_shot) <= 20
    assert rows.evaluation == list(range(100))
    learnt = contexts(asking, files.few_shot, rows.few_shot)
    assert learnt.isdisjoint(contexts(asking, files.evaluation, rows.evaluation))


def test_the_tenth_is_drawn_by_the_seed(asking: Corpora) -> None:
    assert draw_rows(cell("sw", seed=42), asking) == draw_rows(cell("sw", seed=42), asking)
    assert draw_rows(cell("sw", seed=42), asking) != draw_rows(cell("sw", seed=44), asking)


def test_without_train_dev_is_parted_by_whole_contexts(asking: Corpora) -> None:
    file = asking.languages["fi"].few_shot
    rows = draw_rows(cell("fi"), asking)
    assert len(rows.few_shot) == 12
    assert sorted(rows.few_shot + rows.evaluation) == list(range(40))
    assert contexts(asking, file, rows.few_shot).isdisjoint(contexts(asking, file, rows.evaluation))


def test_shots_of_questions_are_questions_in_all(asking: Corpora) -> None:
    whole = draw_rows(cell("fi", seed=1), asking)
    rows = draw_rows(cell("fi", shots=5, draw=1), asking)
    assert len(rows.few_shot) == 5
    assert set(rows.few_shot) < set(whole.few_shot)
    assert rows.evaluation == whole.evaluation


def test_a_draw_is_told_so_that_it_can_be_made_again(corpora: Corpora, folder: Folder) -> None:
    store = Store(folder.store)
    made = Draws(corpora, store, folder).of(cell(shots=2, draw=1))
    told = folder.read(folder.root / "draws" / "es.2-shots.1.json", Draw)
    assert told == made
    assert (made.language, made.what, made.number) == ("es", "2-shots", 1)
    assert made.few_shot.file == "mtod/es.few-shot.jsonl"
    assert made.few_shot.sha256 == corpora.sha256("mtod/es.few-shot.jsonl")
    examples = corpora.examples(made.few_shot.file)
    assert store.datasets.load(made.few_shot.dataset_id) == tuple(examples[row] for row in made.few_shot.rows)


def test_runs_that_differ_otherwise_share_a_draw(corpora: Corpora, folder: Folder) -> None:
    draws = Draws(corpora, Store(folder.store), folder)
    cells = [cell(seed=seed, method=method) for seed in (42, 35) for method in ("ft", "mono")]
    assert len({id(draws.of(one)) for one in cells}) == 1
    assert [path.name for path in (folder.root / "draws").iterdir()] == ["es.full.0.json"]


def test_two_folders_draw_the_same_datasets(corpora: Corpora, tmp_path: Path) -> None:
    folders = [Folder(tmp_path / name) for name in ("one", "two")]
    one, other = (Draws(corpora, Store(folder.store), folder).of(cell(shots=1)) for folder in folders)
    assert one == other
