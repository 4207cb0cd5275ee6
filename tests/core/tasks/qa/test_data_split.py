"""What a few questions become: split, planned, and told."""

import pytest

from core.contracts.examples import DatasetManifest
from core.contracts.hyperparameters import MetaSettings, QaHyperparameters
from core.contracts.questions import QaExample
from core.contracts.values import Method, TaskName
from core.errors import InvalidInput
from core.tasks.data_split import FORWARD_SHARE, Split
from core.tasks.qa.data_split import EMBED_SOURCE, EMBED_TARGET, SOURCE_POOL, QaDataSplitter
from core.training.planning import Planner
from tests.core.tasks.qa.asking import answered

CURRICULUM = QaDataSplitter()
META = MetaSettings()


def questions(count: int, *, contexts: int = 10, about: str = "Nairobi") -> list[QaExample]:
    return [
        answered(f"what is number {number}?", f"in {about} number ⟦{number % contexts}⟧ of {contexts}")
        for number in range(count)
    ]


def source(examples: int) -> DatasetManifest:
    return DatasetManifest(dataset_id="s", task=TaskName.QA, language="en", examples=examples)


def parted(count: int) -> Split[QaExample]:
    return CURRICULUM.split(questions(count), questions(5, about="Mombasa"), fraction=0.2, seed=1)


def test_held_out_questions_that_are_given_are_used_as_they_are() -> None:
    split = parted(50)
    assert split.train == tuple(questions(50))
    assert split.evaluation == tuple(questions(5, about="Mombasa"))


def test_else_whole_contexts_are_held_out() -> None:
    split = CURRICULUM.split(questions(50), None, fraction=0.2, seed=1)
    assert len(split.train) + len(split.evaluation) == 50
    assert split.evaluation
    assert not {one.context for one in split.train} & {one.context for one in split.evaluation}


def test_questions_on_one_context_are_refused_with_the_remedy() -> None:
    one_context = [answered(f"{word}?", "⟦x⟧ y") for word in ("what", "who", "when")]
    with pytest.raises(InvalidInput, match=r"all questions are on one context.*send `evaluation`"):
        CURRICULUM.split(one_context, None, fraction=0.2, seed=1)


def test_one_question_sent_twice_is_too_little_to_learn_from() -> None:
    same = questions(1) * 2
    with pytest.raises(InvalidInput, match="1 question is too little"):
        CURRICULUM.split(same, questions(1, about="Mombasa"), fraction=0.2, seed=1)


def test_the_source_pool_is_taken_from_all_over_a_large_dataset() -> None:
    (first,) = questions(1)
    large = [first.model_copy(update={"id": str(number)}) for number in range(3 * SOURCE_POOL)]
    pool = CURRICULUM.source_pool(large)
    assert len(pool) == SOURCE_POOL
    assert [one.id for one in pool[:3]] == ["0", "3", "6"]
    assert CURRICULUM.source_pool(large[:7]) == tuple(large[:7])


def test_the_papers_six_and_six_are_drawn_where_there_is_enough() -> None:
    split = parted(100)
    train, adapt = CURRICULUM.meta_train(split, source(500), META), CURRICULUM.meta_adapt(split, META)
    assert (train.examples, train.k_shot, train.q_shot, train.support, train.query) == (60, 6, 6, 6.0, 6.0)
    assert (adapt.examples, adapt.k_shot, adapt.q_shot) == (40, 6, 6)


def test_a_small_pool_asks_less() -> None:
    split = parted(5)
    train, adapt = CURRICULUM.meta_train(split, source(4), META), CURRICULUM.meta_adapt(split, META)
    assert (train.k_shot, train.q_shot) == (4, 4)
    assert (adapt.k_shot, adapt.q_shot) == (2, 2)


def test_a_plan_embeds_both_sides_before_it_draws() -> None:
    planner = Planner(CURRICULUM, parted(100), source(500), QaHyperparameters())
    costs = planner.costs(Method.X_METRA_ADA)
    assert list(costs) == [EMBED_SOURCE, EMBED_TARGET, "meta-train", "meta-adapt"]
    assert costs[EMBED_SOURCE] == FORWARD_SHARE * 500 + 1
    assert list(planner.costs(Method.FT)) == ["fine-tune"]


def test_everything_odd_about_the_data_is_told() -> None:
    split = CURRICULUM.split(questions(20), questions(2), fraction=0.2, seed=1)
    repeated, shared = CURRICULUM.warnings(split, source(9), Method.X_METRA_ADA)
    assert repeated.startswith("2 of the evaluation's contexts are among the training examples")
    assert shared.startswith("fewer than 40 training questions")
    assert CURRICULUM.warnings(parted(60), source(9), Method.X_METRA_ADA) == []
