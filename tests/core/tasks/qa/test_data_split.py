"""Test the data splitter of qa: splits, episode shapes, costs and warnings."""

import pytest

from core.contracts.examples import DatasetManifest
from core.contracts.hyperparameters import MetaSettings, QaHyperparameters
from core.contracts.qa_examples import QaExample
from core.contracts.values import QA, Method
from core.errors import InvalidInput
from core.tasks.data_split import FORWARD_SHARE, Split
from core.tasks.qa.data_split import EMBED_SOURCE, EMBED_TARGET, SOURCE_POOL, QaDataSplitter
from core.training.planning import Planner
from tests.core.tasks.qa.qa_examples import qa_example

SPLITTER = QaDataSplitter()
META = MetaSettings()


def questions(count: int, *, contexts: int = 10, about: str = "Nairobi") -> list[QaExample]:
    return [
        qa_example(f"what is number {number}?", f"in {about} number ⟦{number % contexts}⟧ of {contexts}")
        for number in range(count)
    ]


def source(examples: int) -> DatasetManifest:
    return DatasetManifest(dataset_id="s", task=QA, language="en", examples=examples)


def split_of(count: int) -> Split[QaExample]:
    return SPLITTER.split(questions(count), questions(5, about="Mombasa"), fraction=0.2, seed=1)


def test_split_uses_evaluation_examples() -> None:
    split = split_of(50)
    assert split.train == tuple(questions(50))
    assert split.evaluation == tuple(questions(5, about="Mombasa"))


def test_split_holds_out_whole_contexts() -> None:
    split = SPLITTER.split(questions(50), None, fraction=0.2, seed=1)
    assert len(split.train) + len(split.evaluation) == 50
    assert split.evaluation
    assert not {example.context for example in split.train} & {
        example.context for example in split.evaluation
    }


def test_split_raises_when_all_questions_share_a_context() -> None:
    one_context = [qa_example(f"{word}?", "⟦x⟧ y") for word in ("what", "who", "when")]
    with pytest.raises(InvalidInput, match=r"all questions are on one context.*send `evaluation`"):
        SPLITTER.split(one_context, None, fraction=0.2, seed=1)


def test_split_raises_when_training_questions_are_duplicates() -> None:
    same = questions(1) * 2
    with pytest.raises(InvalidInput, match="1 question is too little"):
        SPLITTER.split(same, questions(1, about="Mombasa"), fraction=0.2, seed=1)


def test_source_pool_is_evenly_sampled_from_large_dataset() -> None:
    (first,) = questions(1)
    large = [first.model_copy(update={"id": str(number)}) for number in range(3 * SOURCE_POOL)]
    pool = SPLITTER.source_pool(large)
    assert len(pool) == SOURCE_POOL
    assert [example.id for example in pool[:3]] == ["0", "3", "6"]
    assert SPLITTER.source_pool(large[:7]) == tuple(large[:7])


def test_episode_shapes_default_to_six_shots() -> None:
    split = split_of(100)
    train, adapt = SPLITTER.meta_train(split, source(500), META), SPLITTER.meta_adapt(split, META)
    assert (train.examples, train.k_shot, train.q_shot, train.support, train.query) == (60, 6, 6, 6.0, 6.0)
    assert (adapt.examples, adapt.k_shot, adapt.q_shot) == (40, 6, 6)


def test_episode_shapes_are_smaller_for_small_pools() -> None:
    split = split_of(5)
    train, adapt = SPLITTER.meta_train(split, source(4), META), SPLITTER.meta_adapt(split, META)
    assert (train.k_shot, train.q_shot) == (4, 4)
    assert (adapt.k_shot, adapt.q_shot) == (2, 2)


def test_plan_embeds_source_and_target_before_meta_stages() -> None:
    planner = Planner(SPLITTER, split_of(100), source(500), QaHyperparameters())
    costs = planner.costs(Method.X_METRA_ADA)
    assert list(costs) == [EMBED_SOURCE, EMBED_TARGET, "meta-train", "meta-adapt"]
    assert costs[EMBED_SOURCE] == FORWARD_SHARE * 500 + 1
    assert list(planner.costs(Method.FT)) == ["fine-tune"]


def test_warnings_report_repeated_contexts_and_shared_pools() -> None:
    split = SPLITTER.split(questions(20), questions(2), fraction=0.2, seed=1)
    repeated, shared = SPLITTER.warnings(split, source(9), Method.X_METRA_ADA)
    assert repeated.startswith("2 of the evaluation's contexts are among the training examples")
    assert shared.startswith("fewer than 40 training questions")
    assert SPLITTER.warnings(split_of(60), source(9), Method.X_METRA_ADA) == []
